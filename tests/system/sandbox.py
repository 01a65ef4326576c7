"""`sekisho sandbox`: the stand-in for Exchange Online as a process, and its clients."""

import json
import signal
import smtplib
import ssl
import urllib.error
import urllib.parse
import urllib.request

from gateway import BINARY
from message import SENDER, message
from port import wait_until
from process import Process
from submission import Submission

RECIPIENT = "someone@example.net"
SUFFIX = r" \[SYBPR01CA0097\.ausprd01\.prod\.outlook\.com \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z [0-9A-F]{16} SANDBOX\]"
BACKEND = r" \[Hostname=SYBP282MB2635\.AUSP282\.PROD\.OUTLOOK\.COM SANDBOX\]"
UNSUCCESSFUL = r"5\.7\.139 Authentication unsuccessful, "
VISIT = r"\. Visit https://aka\.ms/smtp_auth_disabled for more information\."
LOST = (smtplib.SMTPServerDisconnected, ConnectionError)


class Sandbox:
    def __init__(self, directory, *words):
        self.directory = directory
        directory.mkdir(exist_ok=True)
        self.out = directory / "out"
        self.place = directory / "S"
        self.words = words
        self.process = None

    def start(self):
        self.out.write_bytes(b"")
        self.process = Process("sekisho sandbox",
                               ["sh", "-c", 'out=$1; shift; exec "$0" sandbox --dir S "$@" >>"$out"', BINARY, self.out,
                                *self.words], self.directory / "log", cwd=self.directory)
        self.process.start().wait_ready(lambda: self.out.read_text() == "ready\n")
        self.json = json.loads((self.place / "sandbox.json").read_text())
        self.port = self.json["smtpPort"]
        self.ca = self.place / "ca.pem"
        return self

    def stop(self):
        return self.process.stop()

    def kill(self):
        self.process.signal(signal.SIGKILL)
        self.process.child.wait(5)

    def secret(self):
        with open(self.json["clientSecretFile"]) as file:
            return file.read().strip()

    def ask_token(self, url=None, method="POST", **changes):
        """(HTTP status, JSON). A field given as None is left out."""
        form = {"grant_type": "client_credentials", "client_id": self.json["clientId"], "client_secret": self.secret(),
                "scope": self.json["scope"], **changes}
        body = urllib.parse.urlencode({name: value for name, value in form.items() if value is not None}).encode()
        request = urllib.request.Request(url or self.json["tokenUrl"], body if method == "POST" else None, method=method)
        context = ssl.create_default_context(cafile=str(self.ca))
        try:
            with urllib.request.urlopen(request, timeout=10, context=context) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.load(error)

    def token(self):
        status, answer = self.ask_token()
        assert status == 200, answer
        return answer["access_token"]

    def client(self, tls="starttls"):
        return Submission(self.port, tls, self.ca)

    def signed_in(self, user=SENDER):
        """A client signed in with a password: any will do, but none."""
        client = self.client()
        code, text = client.auth_login(user, "any")
        assert code == 235, text
        return client

    def submit(self, data=None):
        with self.signed_in() as client:
            return client.submit(SENDER, RECIPIENT, message() if data is None else data)

    def mail(self):
        """(bytes, envelope) of each message in the inbox, oldest first."""
        return [(path.read_bytes(), json.loads(path.with_suffix(".json").read_text()))
                for path in sorted((self.place / "inbox").glob("*.eml"))]

    def stats(self):
        return json.loads((self.place / "stats.json").read_text())

    def stats_wait(self, **wanted):
        wait_until(lambda: {name: self.stats()[name] for name in wanted} == wanted, 3, lambda: f"{wanted} in {self.stats()}")


class Towards:
    """As much of a mail service as a Gateway looks at."""

    def __init__(self, sandbox):
        self.host, self.port, self.authority, self.issuer = "localhost", sandbox.port, self, self
        self.ca, self.secret = sandbox.ca, sandbox.secret()
        self.token_url, self.client_id, self.scope = (sandbox.json[name] for name in ("tokenUrl", "clientId", "scope"))


def begin_message(client):
    """To the 354."""
    client.mail(SENDER)
    client.rcpt(RECIPIENT)
    assert client.docmd("DATA")[0] == 354
