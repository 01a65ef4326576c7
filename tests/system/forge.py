"""Tokens as issuers sign them, and as forgers wish they were taken; signed by the openssl command."""

import base64
import hashlib
import hmac
import http.server
import json
import re
import ssl
import threading
import time

from port import port_free
from process import run


def part(value):
    data = value if isinstance(value, bytes) else value.encode() if isinstance(value, str) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class Key:
    """A signing key of kind rsa or p256."""

    def __init__(self, directory, name, kind="rsa"):
        self.name, self.kind = name, kind
        self.file = directory / f"{name}.pem"
        options = ["RSA", "-pkeyopt", "rsa_keygen_bits:2048"] if kind == "rsa" else ["EC", "-pkeyopt", "ec_paramgen_curve:P-256"]
        run(["openssl", "genpkey", "-algorithm", *options, "-out", self.file])
        self.public = self._openssl("pkey", "-in", self.file, "-pubout").decode()
        self.der = self._openssl("pkey", "-in", self.file, "-pubout", "-outform", "DER")

    def _openssl(self, *words):
        out = self.file.with_suffix(".out")
        run(["openssl", words[0], "-out", out, *words[1:]])
        return out.read_bytes()

    def jwk(self):
        one = {"kid": self.name, "use": "sig"}
        if self.kind == "p256":
            return {**one, "kty": "EC", "crv": "P-256", "x": part(self.der[-64:-32]), "y": part(self.der[-32:])}
        modulus = re.search(rb"Modulus=([0-9A-F]+)", self._openssl("rsa", "-in", self.file, "-noout", "-modulus"))[1]
        return {**one, "kty": "RSA", "n": part(bytes.fromhex(modulus.decode())), "e": "AQAB"}

    def sign(self, text, pss=False):
        data = self.file.with_suffix(".in")
        data.write_text(text)
        options = ["-sigopt", "rsa_padding_mode:pss", "-sigopt", "rsa_pss_saltlen:32"] if pss else []
        signature = self._openssl("dgst", "-sha256", "-sign", self.file, *options, data)
        return raw_ecdsa(signature) if self.kind == "p256" else signature


def raw_ecdsa(der):
    """RFC 7518, 3.4: r and s, 32 bytes each."""
    at, numbers = 2, []
    for _ in range(2):
        length = der[at + 1]
        numbers.append(int.from_bytes(der[at + 2:at + 2 + length], "big").to_bytes(32, "big"))
        at += 2 + length
    return b"".join(numbers)


def token(key, claims, alg="RS256", header=None, pss=False, signature=None):
    """A compact token; `claims` may be text, `header` adds to or replaces its own."""
    top = {"alg": alg, "kid": key.name, "typ": "JWT", **(header or {})}
    text = part({name: value for name, value in top.items() if value is not None}) + "." + part(claims)
    return text + "." + part(key.sign(text, pss) if signature is None else signature)


def hs256(claims, secret, header=None):
    text = part({"alg": "HS256", "typ": "JWT", **(header or {})}) + "." + part(claims)
    return text + "." + part(hmac.new(secret, text.encode(), hashlib.sha256).digest())


class KeyServer:
    """GET /keys gives the keys; everything asked for is counted."""

    def __init__(self, authority, keys):
        self.port, self.asked = port_free(), []
        self.body = json.dumps({"keys": [key.jwk() for key in keys]}).encode()
        server = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                server.asked.append(self.path)
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(server.body)))
                self.end_headers()
                self.wfile.write(server.body)

            def log_message(self, *words):
                pass

        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(authority.certificate(), authority.key())
        self.http = http.server.ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        self.http.socket = context.wrap_socket(self.http.socket, server_side=True)
        threading.Thread(target=self.http.serve_forever, daemon=True).start()

    @property
    def url(self):
        return f"https://localhost:{self.port}/keys"

    def stop(self):
        self.http.shutdown()
        self.http.server_close()


def claims(issuer, user, **changes):
    now = int(time.time())
    all_claims = {"iss": issuer, "aud": "https://outlook.office.com", "tid": TENANT, "upn": user, "scp": "openid SMTP.Send",
                  "iat": now, "nbf": now, "exp": now + 3600, **changes}
    return {name: value for name, value in all_claims.items() if value is not None}


TENANT = "11111111-2222-3333-4444-555555555555"
