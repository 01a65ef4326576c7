"""A gateway in front of the stand-in for Exchange Online, which keeps every message byte for byte."""

import json
import types

from gateway import Gateway, event_id
from port import wait_until
from submission import submission_open


class BehindSandbox:
    """`listeners`: changes to the gateway's listeners, by name; `mailboxes`: addresses that are sent as from their own mailbox."""

    def __init__(self, directory, authority, sandbox, listeners=None, mailboxes=()):
        self.sandbox = sandbox
        towards = types.SimpleNamespace(
            host="localhost", port=sandbox.port, authority=types.SimpleNamespace(ca=sandbox.ca),
            issuer=types.SimpleNamespace(token_url=sandbox.json["tokenUrl"], client_id=sandbox.json["clientId"],
                                         scope=sandbox.json["scope"], secret=sandbox.secret()))
        self.gateway = Gateway(directory, authority, towards)
        for name, changes in (listeners or {}).items():
            self.gateway.settings["listeners"][name].update(changes)
        # As fast as the machine goes: the stand-in is asked about bytes here, not about its limits.
        upstreams = self.gateway.settings["upstreams"]
        upstreams["main"]["messages-per-minute-max"] = 0
        for number, mailbox in enumerate(mailboxes):
            upstreams[f"mailbox{number}"] = {**upstreams["main"], "mailbox": mailbox}
            self.gateway.settings["routes"].insert(0, {"from": mailbox, "upstream": f"mailbox{number}"})
        self.gateway.write()
        self.gateway.start()

    def stop(self):
        self.gateway.stop()

    def send(self, user, password, sender, recipient, data, listener="starttls"):
        """One message on a connection of its own. (code, text) of its end, or of what was refused."""
        with submission_open(self.gateway, listener) as client:
            assert client.auth_plain(user, password)[0] == 235
            return client.submit(sender, recipient, data)

    def arrived(self, recipient, seconds=20):
        """(envelope, bytes) of what came for it."""
        def find():
            for path in (self.sandbox.place / "inbox").glob("*.json"):
                envelope = json.loads(path.read_text())
                if recipient in envelope["to"] and path.with_suffix(".eml").exists():
                    return envelope, path.with_suffix(".eml").read_bytes()
            return None
        return wait_until(find, seconds, lambda: f"nothing for {recipient}\n{self.gateway.log()[-2000:]}")

    def envelopes(self):
        return [json.loads(path.read_text()) for path in (self.sandbox.place / "inbox").glob("*.json")]

    def trace(self, text):
        """The trace of the message whose reply `text` was."""
        rows = self.gateway.rows("trace", "--id", event_id(text))
        assert len(rows) == 1, rows
        return rows[0]


def below_trace(data):
    """Without the one field that the gateway puts on top."""
    assert data.startswith(b"Received: from "), data[:200]
    lines = data.split(b"\r\n")
    at = 1
    while lines[at][:1] in (b" ", b"\t"):
        at += 1
    return b"\r\n".join(lines[at:])
