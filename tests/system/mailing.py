"""Mail through a gateway in front of the sandbox, and what became of it."""

from conftest import PASSWORD
from gateway import event_id
from message import SENDER
from sandbox import RECIPIENT
from submission import submission_open


def towards(sandbox, **changes):
    """Settings of one more upstream."""
    return {"kind": "smtp", "host": "localhost", "port": sandbox.port, "tls": "starttls", "ca-file": sandbox.ca, "auth": "xoauth2",
            "token-url": sandbox.json["tokenUrl"], "client-id": sandbox.json["clientId"], "scope": sandbox.json["scope"],
            "client-secret-file": sandbox.json["clientSecretFile"], **changes}


def send(gateway, *mails, sender=SENDER, account=SENDER, recipient=RECIPIENT):
    """All on one connection. Gives the event ID of the last."""
    with submission_open(gateway) as client:
        assert client.auth_login(account, PASSWORD)[0] == 235
        for data in mails:
            code, text = client.submit(sender, recipient, data)
            assert code == 250, text
    return event_id(text)


def empty(gateway, seconds=40):
    gateway.queue_wait(lambda rows: not rows, seconds)


def deferred(gateway, words, seconds=20):
    """The one message of the queue, once the queue says why it waits."""
    return gateway.queue_wait(lambda rows: len(rows) == 1 and words in (rows[0]["lastReply"] or "") and rows[0], seconds)


def fate(gateway, event):
    rows = gateway.rows("trace", "--id", event)
    assert len(rows) == 1, rows
    (recipient,) = rows[0]["recipients"]
    return recipient
