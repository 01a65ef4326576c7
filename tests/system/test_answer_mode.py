"""`answer-after upstream`: the device hears what the upstream said; nothing is lost whatever happens meanwhile."""

import email
import smtplib
import socket
import time

import pytest

from conftest import PASSWORD
from gateway import event_id
from mailing import deferred, empty, fate
from message import SENDER, message, recipient_new
from port import wait_until
from sandbox import RECIPIENT
from submission import submission_open



@pytest.fixture
def waiting(both):
    def start(*cases, **more):
        gateway, sandbox = both(*cases, **more)
        gateway.call("user", "set", SENDER, "answer-after", "upstream")
        return gateway, sandbox
    return start


def submit(gateway, recipients=(RECIPIENT,), data=None):
    """(code, text, seconds until the answer at the end of DATA)."""
    with submission_open(gateway) as client:
        assert client.auth_login(SENDER, PASSWORD)[0] == 235
        assert client.mail(SENDER)[0] == 250
        for recipient in recipients:
            assert client.rcpt(recipient)[0] == 250
        began = time.monotonic()
        code, text = client.data(data or message())
        return code, text.decode(), time.monotonic() - began


def test_taken_by_the_upstream(waiting):
    gateway, sandbox = waiting("slow:1")
    code, text, seconds = submit(gateway)
    assert (code, text.startswith("2.0.0 OK delivered")) == (250, True) and seconds >= 3
    sandbox.stats_wait(messages=1)
    assert fate(gateway, event_id(text))["state"] == "sent"


def test_an_account_without_it_is_answered_by_the_spool(waiting):
    """The negative control of the others: the same upstream, and nobody waits."""
    gateway, sandbox = waiting("slow:1")
    gateway.call("user", "set", SENDER, "answer-after", "spool")
    code, text, seconds = submit(gateway)
    assert (code, "OK queued" in text) == (250, True) and seconds < 2
    empty(gateway)


def test_refused_to_the_device_and_no_report(waiting):
    gateway, sandbox = waiting("send-as-denied:1")
    code, text, _ = submit(gateway)
    assert code == 554 and text.startswith("5.2.252 SendAsDenied"), text
    empty(gateway)
    assert fate(gateway, event_id(text))["state"] == "failed"
    time.sleep(1)
    sandbox.stats_wait(messages=0, refused=1)
    assert sandbox.mail() == [], "the device has been told: no report goes out"


def test_one_session_goes_on_after_a_refusal(waiting):
    gateway, sandbox = waiting("mailbox-full:1")
    with submission_open(gateway) as client:
        assert client.auth_login(SENDER, PASSWORD)[0] == 235
        assert client.submit(SENDER, RECIPIENT, message("first"))[0] == 554
        assert client.submit(SENDER, RECIPIENT, message("second"))[0] == 250
    sandbox.stats_wait(messages=1, refused=1)


def test_tried_again_in_time(waiting):
    """A passing refusal is no answer: the second attempt's is."""
    gateway, sandbox = waiting("temporary-451:1")
    code, text, seconds = submit(gateway)
    assert (code, "OK delivered" in text) == (250, True) and seconds < 20
    sandbox.stats_wait(messages=1, refused=1)


def test_the_deadline_falls_back_to_the_spool(waiting):
    gateway, sandbox = waiting("slow", limits={"answer-upstream-seconds-max": 1})
    code, text, seconds = submit(gateway)
    assert (code, "OK queued" in text) == (250, True) and 0.9 <= seconds < 2.5
    empty(gateway)
    assert fate(gateway, event_id(text))["state"] == "sent"


def test_no_word_in_time_is_said_at_once(waiting):
    """The mailbox is left alone for minutes: nobody waits for that at a panel."""
    gateway, sandbox = waiting("tenant-switch")
    code, text, seconds = submit(gateway)
    assert (code, "OK queued" in text) == (250, True) and seconds < 20
    deferred(gateway, "disabled for the Tenant")


@pytest.mark.parametrize("how", ["close", "reset"])
def test_the_device_hangs_up(waiting, how):
    """Nobody is at the panel any more: the report goes to the sender, as with the spool's answer."""
    gateway, sandbox = waiting("token-endpoint-down:1", "send-as-denied:1")
    client = submission_open(gateway)
    assert client.auth_login(SENDER, PASSWORD)[0] == 235
    client.mail(SENDER)
    client.rcpt(RECIPIENT)
    assert client.docmd("DATA")[0] == 354
    client.send(message("nobody waits") + b".\r\n")
    gateway.queue_wait(lambda rows: len(rows) == 1)
    if how == "reset":
        client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    client.close()
    wait_until(lambda: any(mail.get_content_type() == "multipart/report" for mail in
                           (email.message_from_bytes(stored) for stored, _ in sandbox.mail())), 30, gateway.log)
    empty(gateway)


def test_killed_while_a_device_waits(waiting):
    """Durable before anything else: the device is not told yes, and yet nothing is lost."""
    gateway, sandbox = waiting("slow")
    client = submission_open(gateway)
    assert client.auth_login(SENDER, PASSWORD)[0] == 235
    client.mail(SENDER)
    client.rcpt(RECIPIENT)
    assert client.docmd("DATA")[0] == 354
    client.send(message("kept") + b".\r\n")
    gateway.queue_wait(lambda rows: len(rows) == 1)
    gateway.kill()
    with pytest.raises((smtplib.SMTPServerDisconnected, ConnectionError)):
        code, _ = client.getreply()
        assert code in (451, 421)
        raise ConnectionError
    gateway.start()
    empty(gateway)
    assert any(b"kept" in stored for stored, _ in sandbox.mail())


@pytest.mark.parametrize("prefixes, code, words, states", [
    (("someone", "refused"), 250, "OK delivered", ["sent", "failed"]),
    (("refused", "refused"), 550, "5.1.1", ["failed", "failed"]),
])
def test_several_recipients(gateway, upstream, prefixes, code, words, states):
    """A real Postfix upstream. Refused is a message that nobody got; of the others the sender is told by a report."""
    gateway.call("user", "set", SENDER, "answer-after", "upstream")
    recipients = [recipient_new(prefix) for prefix in prefixes]
    told, text, _ = submit(gateway, recipients=recipients)
    assert (told, words in text) == (code, True), text
    row = wait_until(lambda: gateway.rows("trace", "--id", event_id(text)), 20, "the trace")[0]
    assert [one["state"] for one in row["recipients"]] == states
    reports = wait_until(lambda: [mail for mail in upstream.delivered() if recipients[1].encode() in mail.text and
                                  b"multipart/report" in mail.text] or code == 550, 20, "the report")
    assert (reports is True) == (code == 550)
