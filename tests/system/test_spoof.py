"""Nobody sends as somebody else: not in MAIL FROM, not in From or Sender, however it is written (bar: 200 spoofs, none accepted)."""

import email
import email.policy
import email.utils
import re
import subprocess

import pytest

import spoofs
from conftest import PASSWORD
from gateway import BINARY, Gateway, event_id
from message import SENDER, message, recipient_new
from port import port_free
from spoofs import ALIAS, SUB
from submission import reply, stuffed, submission_open

SPOOFS_MIN = 200


@pytest.fixture(scope="module")
def gateway(directory, authority, upstream):
    """Its upstream cannot be reached: what it took waits in the queue, where it can be read as it would go out."""
    gateway = Gateway(directory / "gateway-spoof", authority, upstream)
    gateway.settings["listeners"]["starttls"]["repairs"] = "all"
    gateway.settings["upstreams"]["main"]["port"] = port_free()
    gateway.settings["limits"].update({"errors-max": 100_000, "commands-max": 1_000_000, "retry-first-seconds": 3600})
    gateway.write()
    gateway.start()
    gateway.tenant_add("contoso.example")
    gateway.user_add(SENDER, PASSWORD)
    gateway.call("user", "set", SENDER, "send-as", f"{ALIAS} @{SUB}")
    yield gateway
    gateway.stop()


@pytest.fixture(scope="module")
def sessions(gateway):
    """A function: the session signed in on that listener, opened anew when it was closed."""
    open_ones = {}

    def get(listener):
        client = open_ones.get(listener)
        if client is None or client.sock is None:
            client = open_ones[listener] = submission_open(gateway, listener)
            assert client.auth_plain(SENDER, PASSWORD)[0] == 235
        else:
            assert client.rset()[0] == 250
        return client
    yield get
    for client in open_ones.values():
        client.close()


def submit(client, argument, data):
    """The bytes of MAIL FROM's argument as they stand. Gives the first refusal, or the end's reply."""
    client.send(b"MAIL FROM:" + (argument if isinstance(argument, bytes) else argument.encode()) + b"\r\n")
    code, text = reply(client.getreply())
    if code != 250:
        return code, text
    to = recipient_new("spoof")
    code, text = reply(client.rcpt(to))
    if code != 250:
        return code, text
    assert client.docmd("DATA")[0] == 354
    client.send(stuffed(data) + b".\r\n")
    return reply(client.getreply())


def queued(gateway, identifier):
    """The bytes of a message as they would go out."""
    return subprocess.run([BINARY, "queue", "cat", identifier, "-c", gateway.file], check=True, timeout=20, capture_output=True).stdout


def may(address):
    address = address.lower()
    return address in (SENDER, ALIAS) or address.endswith("@" + SUB)


def named(data):
    """Every address that some reader finds in who the message is from: three of Python's, and one that takes any line for a field."""
    found = set()
    head = re.split(rb"\r?\n\r?\n", data, maxsplit=1)[0]
    for policy in (email.policy.compat32, email.policy.default):
        parsed = email.message_from_bytes(data, policy=policy)
        for name in ("From", "Sender", "Resent-From", "Resent-Sender"):
            try:
                values = [str(value) for value in parsed.get_all(name, [])]
            except (ValueError, IndexError, AttributeError):  # the newer of Python's readers has faults of its own
                continue
            found.update(address for _, address in email.utils.getaddresses(values) if "@" in address)
    for value in re.findall(rb"(?im)^(?:resent-)?(?:from|sender)[ \t]*:((?:.*)(?:\r?\n[ \t].*)*)", head):
        plain = re.sub(rb'"(?:\\.|[^"\\])*"|\((?:\\.|[^()\\])*\)', b" ", value)
        found.update(match.decode("latin-1") for match in re.findall(rb"<([^<>\s]*@[^<>\s]*)>", plain))
    found = {re.sub(r"^@[^:]*:", "", address) for address in found}
    return {address for address in found if "." in address.rpartition("@")[2]}  # "Scan @ 2F" is nobody's


def test_there_are_two_hundred():
    assert len(set(spoofs.ENVELOPE_SPOOFS)) == len(spoofs.ENVELOPE_SPOOFS)
    assert len(set(spoofs.HEADER_SPOOFS.values())) == len(spoofs.HEADER_SPOOFS)
    assert len(spoofs.ENVELOPE_SPOOFS) + len(spoofs.HEADER_SPOOFS) >= SPOOFS_MIN


@pytest.mark.parametrize("argument", spoofs.ENVELOPE_SPOOFS, ids=repr)
def test_mail_from_is_refused(sessions, argument):
    code, text = submit(sessions("none"), argument, message())
    assert code // 100 == 5, (code, text)
    assert re.match(r"5\.\d\.\d+ ", text), text
    event_id(text)


@pytest.mark.parametrize("argument", spoofs.ENVELOPE_GOOD, ids=repr)
def test_mail_from_is_accepted(sessions, argument):
    code, text = submit(sessions("none"), argument, message())
    assert code == 250, text


@pytest.mark.parametrize("label", spoofs.HEADER_SPOOFS)
def test_header_is_refused(sessions, label):
    code, text = submit(sessions("none"), f"<{SENDER}>", spoofs.HEADER_SPOOFS[label] + b"\r\n\r\nx\r\n")
    assert code // 100 == 5 and text.startswith(("5.2.252 ", "5.6.0 ")), (code, text)
    event_id(text)


@pytest.mark.parametrize("label", spoofs.HEADER_GOOD)
@pytest.mark.parametrize("listener", ["none", "starttls"])
def test_header_is_accepted(sessions, label, listener):
    """And with every repair switched on, too."""
    code, text = submit(sessions(listener), f"<{SENDER}>", spoofs.HEADER_GOOD[label] + b"\r\n\r\nx\r\n")
    assert code == 250, text


@pytest.mark.parametrize("label", spoofs.HEADER_SPOOFS)
def test_a_repair_opens_no_door(gateway, sessions, label):
    """With every repair switched on: refused, or what went on names nobody else, whoever reads it."""
    code, text = submit(sessions("starttls"), f"<{SENDER}>", spoofs.HEADER_SPOOFS[label] + b"\r\n\r\nx\r\n")
    if code // 100 == 5:
        event_id(text)
        return
    assert code == 250, (code, text)
    data = queued(gateway, event_id(text))
    assert all(may(address) for address in named(data)), (named(data), data[:2000])


def test_the_reader_finds_what_is_there():
    """`named` is no test that cannot fail."""
    assert named(b"From: <ceo@contoso.example>\r\n\r\n") == {"ceo@contoso.example"}
    assert named(b"From: <copier@contoso.example>\r\nX: y\r\nfrom : Boss <ceo@contoso.example>\r\n\r\n") >= {"ceo@contoso.example"}
    assert not may("ceo@contoso.example") and may("COPIER@contoso.example") and not may("a@xsub.contoso.example")


def test_nothing_of_it_waits(gateway):
    """All that would go out is from who may."""
    rows = gateway.rows("queue", "list")
    assert len(rows) >= len(spoofs.ENVELOPE_GOOD) + 2 * len(spoofs.HEADER_GOOD)
    for row in rows:
        data = queued(gateway, row["id"])
        assert may(row["from"]) and all(may(address) for address in named(data)), (row, named(data), data[:1000])
