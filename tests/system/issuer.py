"""The token issuer of the test run: npm's oidc-provider, see issuer.mjs."""

import json
import pathlib
import ssl
import urllib.parse
import urllib.request

from port import port_free
from process import Process, run

HERE = pathlib.Path(__file__).parent
SCOPE = "smtp.send"


def npm_install():
    """Install the locked packages of package.json, unless they are there."""
    if not (HERE / "node_modules" / "oidc-provider").is_dir():
        run(["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts"], cwd=HERE, seconds=300)


class Issuer:
    """`client_id`/`secret` may send as `mailbox`; the others belong to the mail server."""

    client_id = "sekisho-gateway"
    secret = "s3cr3t~of.the-Gateway_0123456789abcdef"
    server_id = "mail-server"
    server_secret = "introspection0123456789"
    scope = SCOPE

    def __init__(self, directory, authority, mailbox, ttl_seconds=3600, token_format="jwt", person=None, clients=(), accounts=(), identity=None):
        """`person`: who sits at the browser, and agrees; `clients`: more of them, as issuer.mjs has them; `accounts`: Google service accounts,
        and `identity`: that of an Azure machine, as issuer_machines.mjs has them."""
        npm_install()
        self.directory = directory
        self.authority = authority
        self.port, self.metadata_port = port_free(2)
        self.token_format = token_format
        self.public_key = directory / "token-key.pem"
        self.stats_file = directory / "stats.json"
        settings = directory / "issuer.json"
        settings.write_text(json.dumps({
            "port": self.port,
            "certificate": str(authority.certificate()),
            "key": str(authority.key()),
            "scope": SCOPE,
            "ttlSeconds": ttl_seconds,
            "format": token_format,
            "publicKeyFile": str(self.public_key),
            "statsFile": str(self.stats_file),
            "clients": [
                {"id": self.client_id, "secret": self.secret, "mailbox": mailbox,
                 "method": "client_secret_post"},
                {"id": self.server_id, "secret": self.server_secret, "mailbox": "",
                 "method": "client_secret_basic"},
                *clients,
            ],
            "person": person,
            "serviceAccounts": list(accounts),
            "identity": identity,
            "metadataPort": self.metadata_port,
        }))
        self.process = Process("issuer", ["node", HERE / "issuer.mjs", settings],
                               directory / "issuer.log")

    def start(self):
        self.process.start().wait_ready(lambda: "ready\n" in self.process.log())
        return self

    def stop(self):
        self.process.stop()

    @property
    def token_url(self):
        return f"https://localhost:{self.port}/token"

    @property
    def device_code_url(self):
        return f"https://localhost:{self.port}/device/auth"

    @property
    def machine_url(self):
        """The metadata service of an Azure machine: in clear, as there."""
        return f"http://127.0.0.1:{self.metadata_port}/metadata/identity/oauth2/token"

    @property
    def service_url(self):
        """What App Service names in IDENTITY_ENDPOINT."""
        return f"http://127.0.0.1:{self.metadata_port}/msi/token"

    @property
    def authorize_url(self):
        return f"https://localhost:{self.port}/auth"

    def browser(self, url, follow=True):
        """What somebody's browser does with that address: curl, with cookies. Gives the last page's headers and body."""
        return run(["curl", "-sS", "-i", *(["-L"] if follow else []), "--max-redirs", "10", "--cacert", self.authority.ca, "-c",
                    self.directory / "cookies", "-b", self.directory / "cookies", url]).stdout

    def approve(self, user_code, refuse=False):
        assert "done" in self.browser(f"https://localhost:{self.port}/approve?user_code={user_code}" + ("&refuse=1" if refuse else ""))

    def revoke(self):
        assert "done" in self.browser(f"https://localhost:{self.port}/revoke")

    @property
    def introspection_url(self):
        return (f"https://{self.server_id}:{self.server_secret}@localhost:{self.port}"
                "/token/introspection")

    def stats(self):
        return json.loads(self.stats_file.read_text())

    def token(self):
        """Get one as the gateway does, by client credentials."""
        form = urllib.parse.urlencode({
            "grant_type": "client_credentials", "client_id": self.client_id,
            "client_secret": self.secret, "scope": SCOPE}).encode()
        context = ssl.create_default_context(cafile=str(self.authority.ca))
        with urllib.request.urlopen(self.token_url, form, timeout=10, context=context) as answer:
            return json.load(answer)["access_token"]
