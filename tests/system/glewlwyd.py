"""A second token issuer that is not ours: Debian's glewlwyd (OpenID Connect plugin), set up over its API on loopback with TLS.

Its tokens are JWTs of type at+jwt, which Dovecot does not judge itself: `Judge` verifies them with the issuer's public key for it.
"""

import base64
import http.server
import json
import pathlib
import sqlite3
import ssl
import threading
import time
import urllib.error
import urllib.parse
import urllib.request

from port import port_free
from process import Process, run

SCHEMA = pathlib.Path("/usr/share/dbconfig-common/data/glewlwyd/install/sqlite3")
SCOPE = "smtp"
USER, PASSWORD = "person", "a long enough password"
CONFIG = """\
port={port}
bind_address="127.0.0.1"
external_url="https://localhost:{port}"
login_url="login.html"
api_prefix="api"
static_files_path="{directory}/webapp"
log_mode="console"
log_level="{level}"
cookie_domain=""
cookie_secure=1
session_expiration=3600
session_key="G"
admin_scope="g_admin"
profile_scope="g_profile"
user_module_path="/usr/lib/glewlwyd/user"
user_middleware_module_path="{directory}/none"
client_module_path="/usr/lib/glewlwyd/client"
user_auth_scheme_module_path="/usr/lib/glewlwyd/scheme"
plugin_module_path="/usr/lib/glewlwyd/plugin"
use_secure_connection=true
secure_connection_key_file="{key}"
secure_connection_pem_file="{certificate}"
hash_algorithm="SHA512"
database = {{ type = "sqlite3"; path = "{directory}/glewlwyd.db"; }};
"""


class Glewlwyd:
    """`clients`: {"id", "secret" or "public_key", "grants"}; the mailbox that a token is good for is its client's id."""

    token_format = "opaque"
    scope = SCOPE

    def __init__(self, directory, authority, clients):
        self.directory, self.authority, self.clients = directory, authority, clients
        self.client_id, self.secret = clients[0]["id"], clients[0]["secret"]
        self.port = port_free()
        self.key, self.public_key = directory / "token.key", directory / "token.pem"
        run(["openssl", "genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out", self.key])
        run(["openssl", "pkey", "-in", self.key, "-pubout", "-out", self.public_key])
        (directory / "webapp").mkdir()
        (directory / "none").mkdir()
        with sqlite3.connect(directory / "glewlwyd.db") as database:
            database.executescript(SCHEMA.read_text())
        config = directory / "glewlwyd.conf"
        config.write_text(CONFIG.format(port=self.port, directory=directory, key=authority.key(), certificate=authority.certificate(), level="DEBUG"))
        self.judge = Judge(self)
        self.process = Process("glewlwyd", ["glewlwyd", "-c", config], directory / "glewlwyd.log")
        self.context = ssl.create_default_context(cafile=str(authority.ca))
        self.admin = self.browser = None

    def url(self, path):
        return f"https://localhost:{self.port}/api/{path}"

    def sign_in(self, username, password):
        """The cookie of a session."""
        body = json.dumps({"username": username, "password": password}).encode()
        request = urllib.request.Request(self.url("auth/"), body, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=10, context=self.context) as answer:
            return answer.headers["Set-Cookie"].partition(";")[0]

    def ask(self, session, path, body=None, method=None):
        request = urllib.request.Request(self.url(path), None if body is None else json.dumps(body).encode(),
                                         {"Content-Type": "application/json", "Cookie": session}, method=method)
        try:
            with urllib.request.urlopen(request, timeout=10, context=self.context) as answer:
                return answer.geturl(), answer.read()
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{path}: {error.code} {error.read()[:500]}\n{self.process.log()[-2000:]}") from error

    def start(self):
        self.process.start().wait_port(self.port)
        self.admin = self.sign_in("admin", "password")
        self.ask(self.admin, "scope/", {"name": SCOPE, "display_name": SCOPE, "password_required": True, "scheme": {}})
        self.ask(self.admin, "user/", {"username": USER, "name": USER, "email": "", "enabled": True, "password": PASSWORD, "scope": [SCOPE]})
        self.ask(self.admin, "mod/plugin/", {"module": "oidc", "name": "oidc", "display_name": "oidc", "parameters": {
            "iss": f"https://localhost:{self.port}", "jwt-type": "rsa", "jwt-key-size": "256", "key": self.key.read_text(),
            "cert": self.public_key.read_text(), "access-token-duration": 3600, "refresh-token-duration": 86400, "code-duration": 60,
            "refresh-token-rolling": True, "refresh-token-one-use": "always", "allow-non-oidc": True, "auth-type-code-enabled": True,
            "auth-type-code-revoke-replayed": True, "auth-type-token-enabled": False, "auth-type-id-token-enabled": True,
            "auth-type-none-enabled": False, "auth-type-password-enabled": False, "auth-type-client-enabled": True,
            "auth-type-device-enabled": True, "auth-type-refresh-enabled": True, "device-authorization-expiration": 60,
            "device-authorization-interval": 1, "pkce-allowed": True, "pkce-method-plain-allowed": False, "pkce-required": False,
            "pkce-required-public-client": True, "secret-type": "pairwise", "scope": [], "additional-parameters": [], "claims": [], "jwks-show": True,
            "request-parameter-allow": True, "client-pubkey-parameter": "pubkey", "client-jwks-parameter": "jwks"}})
        for client in self.clients:
            optional = {name: client[key] for name, key in (("client_secret", "secret"), ("pubkey", "public_key")) if key in client}
            self.ask(self.admin, "client/", {
                "client_id": client["id"], "name": client["id"], "enabled": True, "scope": [SCOPE], "confidential": bool(optional),
                "authorization_type": client["grants"], "redirect_uri": [client.get("redirect", "http://127.0.0.1/")],
                "token_endpoint_auth_method": [client["method"]], **optional})
        self.browser = self.sign_in(USER, PASSWORD)
        for client in self.clients:
            if "client_credentials" not in client["grants"]:
                self.ask(self.browser, f"auth/grant/{urllib.parse.quote(client['id'])}", {"scope": SCOPE}, "PUT")
        return self

    def stop(self):
        self.judge.server.shutdown()
        self.process.stop()

    introspection_url = property(lambda self: f"http://127.0.0.1:{self.judge.server.server_port}/")
    token_url = property(lambda self: self.url("oidc/token"))
    device_code_url = property(lambda self: self.url("oidc/device_authorization"))
    authorize_url = property(lambda self: self.url("oidc/auth"))

    def page(self, url):
        """Where a page leads the person who is signed in at the browser."""
        opener = urllib.request.build_opener(Stay, urllib.request.HTTPSHandler(context=self.context))
        try:
            with opener.open(urllib.request.Request(url, headers={"Cookie": self.browser}), timeout=10) as answer:
                return answer.geturl()
        except urllib.error.HTTPError as error:
            with error:
                return error.headers.get("Location") or f"{error.code} {error.read()[:300]}"

    def approve(self, user_code):
        """The person opens the page with the code in it, and goes on."""
        led = self.page(self.url(f"oidc/device?code={user_code}&g_continue=1"))
        assert "deviceComplete" in led, (led, self.process.log()[-2000:])


class Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None


class Judge:
    """What a resource server does with a JWT, spoken as RFC 7662; the user is the token's client."""

    def __init__(self, issuer):
        self.issuer, self.judged = issuer, []
        judge = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                form = urllib.parse.parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
                body = json.dumps(judge.judge(form["token"][0])).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def judge(self, token):
        text, _, signature = token.rpartition(".")
        place = self.issuer.directory / f"judged-{len(self.judged)}"
        self.judged.append(token)
        place.with_suffix(".sig").write_bytes(base64.urlsafe_b64decode(signature + "=="))
        place.with_suffix(".txt").write_text(text)
        verified = run(["openssl", "dgst", "-sha256", "-verify", self.issuer.public_key, "-signature", place.with_suffix(".sig"),
                        place.with_suffix(".txt")], check=False).returncode == 0
        claims = json.loads(base64.urlsafe_b64decode(text.split(".")[1] + "=="))
        good = verified and claims["exp"] > time.time() and claims["iss"] == f"https://localhost:{self.issuer.port}"
        return {"active": good, "username": claims["client_id"], "scope": claims["scope"]}
