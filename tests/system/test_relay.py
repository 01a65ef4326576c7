"""Who has not signed in relays nothing, in none of the forms that relay tests try (bar: 36 forms, none relayed)."""

import pytest

from conftest import PASSWORD
from gateway import HOSTNAME, event_id
from message import SENDER, message, recipient_new
from submission import reply, stuffed, submission_open

FAR = "victim@far.example"
# (MAIL FROM's argument, RCPT TO's argument): what checkers of open relays send, from plain to source routes of forty years ago.
FORMS = [
    (f"<{SENDER}>", f"<{FAR}>"), ("<>", f"<{FAR}>"), ("<spam@far.example>", f"<{FAR}>"), (f"<spam@{HOSTNAME}>", f"<{FAR}>"),
    ("<spam@localhost>", f"<{FAR}>"), ("<spam>", f"<{FAR}>"), ("<postmaster>", f"<{FAR}>"), ("<spam@[127.0.0.1]>", f"<{FAR}>"),
    ("<spam@[IPv6:::1]>", f"<{FAR}>"), (SENDER, FAR), (f" <{SENDER}>", f" <{FAR}>"), (f"<{SENDER}>", f"<{FAR}> NOTIFY=NEVER"),
    (f"<{SENDER}> AUTH=<{SENDER}>", f"<{FAR}>"), (f"<{SENDER}> BODY=8BITMIME SIZE=10", f"<{FAR}>"),
    (f"<{SENDER}>", f"<victim%far.example@{HOSTNAME}>"), (f"<{SENDER}>", "<victim%far.example@contoso.example>"),
    (f"<{SENDER}>", "<victim%far.example@[127.0.0.1]>"), (f"<{SENDER}>", "<victim%far.example>"), (f"<{SENDER}>", f'<"victim@far.example">'),
    (f"<{SENDER}>", '<"victim%far.example">'), (f"<{SENDER}>", f'<"victim@far.example"@{HOSTNAME}>'),
    (f"<{SENDER}>", '<"victim@far.example"@contoso.example>'), (f"<{SENDER}>", '<"victim@far.example"@[127.0.0.1]>'),
    (f"<{SENDER}>", f"<victim@far.example@{HOSTNAME}>"), (f"<{SENDER}>", "<victim@far.example@contoso.example>"),
    (f"<{SENDER}>", "<victim@far.example@[127.0.0.1]>"), (f"<{SENDER}>", f"<@{HOSTNAME}:victim@far.example>"),
    (f"<{SENDER}>", "<@contoso.example:victim@far.example>"), (f"<{SENDER}>", "<@[127.0.0.1]:victim@far.example>"),
    (f"<{SENDER}>", f"<@a.example,@{HOSTNAME}:victim@far.example>"), (f"<{SENDER}>", "<far.example!victim>"),
    (f"<{SENDER}>", f"<far.example!victim@{HOSTNAME}>"), (f"<{SENDER}>", "<far.example!victim@contoso.example>"),
    (f"<{SENDER}>", "<far.example!victim@[127.0.0.1]>"), (f"<{SENDER}>", f"<{HOSTNAME}!far.example!victim>"),
    (f"<{SENDER}>", "<someone@contoso.example>"), (f"<@{HOSTNAME}:{SENDER}>", f"<{FAR}>"), (f"<{SENDER}> SMTPUTF8", "<victim＠far.example>"),
]
FORMS_MIN = 36


def test_there_are_enough():
    assert len(set(FORMS)) == len(FORMS) >= FORMS_MIN


@pytest.fixture(scope="module")
def gateway(gateway_new):
    """Its clear listener spares a network from signing in that the tests do not come from."""
    gateway = gateway_new(limits={"errors-max": 100_000})
    gateway.settings["listeners"]["none"].update({"require-auth": "no", "trusted": [{"from": "192.0.2.0/24", "account": SENDER}]})
    gateway.write()
    gateway.stop()
    gateway.start()
    gateway.tenant_add("contoso.example")
    gateway.user_add(SENDER, PASSWORD)
    return gateway


@pytest.mark.parametrize("listener", ["none", "starttls"])
@pytest.mark.parametrize("mail,rcpt", FORMS, ids=repr)
def test_nothing_without_signing_in(gateway, listener, mail, rcpt):
    with submission_open(gateway, listener) as client:
        client.send(f"MAIL FROM:{mail}\r\n".encode())
        code, text = reply(client.getreply())
        assert code // 100 == 5, (code, text)
        client.send(f"RCPT TO:{rcpt}\r\n".encode())
        assert client.getreply()[0] // 100 == 5
        assert client.docmd("DATA")[0] // 100 == 5
        # And who does not wait for answers.
        client.send(f"RSET\r\nMAIL FROM:{mail}\r\nRCPT TO:{rcpt}\r\nDATA\r\n".encode())
        assert [client.getreply()[0] // 100 for _ in range(4)] == [2, 5, 5, 5]
    assert gateway.rows("queue", "list") == []


@pytest.mark.parametrize("listener", ["none", "starttls"])
def test_a_failed_sign_in_is_none(gateway, listener):
    with submission_open(gateway, listener) as client:
        assert client.auth_plain(SENDER, "wrong")[0] == 535
        code, text = reply(client.mail(SENDER))
        assert code == 530 and text.startswith("5.7.57 "), (code, text)
        event_id(text)
    assert gateway.rows("queue", "list") == []


def test_who_signs_in_is_let_through(gateway, upstream):
    """The same session with a password: the forms above were not refused for something else."""
    to = recipient_new("relay")
    with submission_open(gateway, "none") as client:
        assert client.auth_plain(SENDER, PASSWORD)[0] == 235
        client.send(f"MAIL FROM:<{SENDER}>\r\nRCPT TO:<{to}>\r\nDATA\r\n".encode())
        assert [client.getreply()[0] for _ in range(3)] == [250, 250, 354]
        client.send(stuffed(message()) + b".\r\n")
        assert client.getreply()[0] == 250
    upstream.wait_mail(to)
