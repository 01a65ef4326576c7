"""The gateway in front of the stand-in for Exchange Online, fault by fault: what waits, what bounces, and what is never done."""

import email
import re
import time

import pytest

from gateway import HOSTNAME
from mailing import deferred, empty, fate, send
from message import SENDER, message, scan
from port import wait_until
from sandbox import RECIPIENT

POSTMASTER = "postmaster@contoso.example"


# What passes: the mail waits, and arrives once it can.

@pytest.mark.parametrize("case, copies, stats", [
    ("temporary-451:1", 1, {"tokensIssued": 1, "authFailures": 0, "refused": 1}),
    ("service-421:1", 1, {"tokensIssued": 1, "authFailures": 0, "refused": 1}),
    ("cut-mid-data:1", 1, {"tokensIssued": 1, "authFailures": 0, "refused": 0}),
    # Nobody can tell this from a message lost: better twice than never.
    ("cut-after-dot:1", 2, {"tokensIssued": 1, "authFailures": 0, "refused": 0}),
    ("slow:1", 1, {"tokensIssued": 1, "authAttempts": 1, "authFailures": 0, "refused": 0}),
    ("token-endpoint-down:1", 1, {"tokensIssued": 1, "authFailures": 0, "refused": 0}),
])
def test_it_outlives_a_fault(both, case, copies, stats):
    gateway, sandbox = both(case)
    data = scan(40_000)
    event = send(gateway, data)
    empty(gateway, 60)
    assert fate(gateway, event)["state"] == "sent"
    marked = fate(gateway, event).get("ambiguous", False)
    assert marked if copies > 1 else not marked or "cut" in case, "each that may be there twice, and nothing that cannot"
    sandbox.stats_wait(messages=copies, authBeforeTls=0, **stats)
    assert len(sandbox.mail()) == copies
    for stored, envelope in sandbox.mail():
        assert stored.endswith(data) and stored.startswith(b"Received:")
        assert (envelope["from"], envelope["to"], envelope["mechanism"]) == (SENDER, [RECIPIENT], "XOAUTH2")


def test_tokens_that_expire(both):
    """Good for 5 seconds: each is used while it is good, and a new one is asked for in time."""
    gateway, sandbox = both("token-expiring", limits={"connections-upstream-idle-seconds-max": 1})
    for number in range(3):
        if number:
            time.sleep(5.5)
        send(gateway, message(f"number {number}"))
        empty(gateway)
    sandbox.stats_wait(messages=3, tokensIssued=3, authAttempts=3, authFailures=0, refused=0)


def test_three_connections_a_mailbox(both):
    """As many as the settings say, and no more, however much waits."""
    gateway, sandbox = both("concurrent-432", **{"connections-max": 3})
    mails = [message(f"number {number:02}") for number in range(60)]
    send(gateway, *mails)
    empty(gateway)
    sandbox.stats_wait(messages=60, refused=0)
    assert sandbox.stats()["connectionsPerMailboxMax"] <= 3
    assert sorted(stored[-len(mails[0]):] for stored, _ in sandbox.mail()) == sorted(mails), "each once"


def test_another_program_has_the_connections(both):
    """Three are held by somebody else: 432, the mailbox is left alone, and all arrives once they are gone."""
    gateway, sandbox = both("concurrent-432")
    held = [sandbox.signed_in() for _ in range(3)]
    send(gateway, message())
    row = deferred(gateway, "432")
    assert "Concurrent connections limit exceeded" in row["lastReply"]
    assert sandbox.mail() == []
    for client in held:
        client.quit()
    empty(gateway)
    sandbox.stats_wait(messages=1, authFailures=0)


# What does not pass by itself: the mail waits, and nobody is bounced for what the administrator has to mend.

@pytest.mark.parametrize("case, code", [("wrong-secret", "AADSTS7000215"), ("expired-secret", "AADSTS7000222")])
def test_a_secret_that_is_refused(both, case, code):
    gateway, sandbox = both(case)
    send(gateway, message())
    deferred(gateway, code)
    sandbox.stats_wait(messages=0, tokensIssued=0, authAttempts=0)
    assert code in gateway.log() and sandbox.secret() not in gateway.log()


def test_a_secret_that_was_mended(both):
    """The administrator says so: no waiting for the minute to pass."""
    gateway, sandbox = both("wrong-secret:1")
    send(gateway, message())
    deferred(gateway, "AADSTS7000215")
    gateway.call("reload")
    gateway.call("queue", "flush")
    empty(gateway, 20)
    sandbox.stats_wait(messages=1, tokensIssued=1, authFailures=0)


@pytest.mark.parametrize("case", ["no-starttls", "bad-certificate"])
def test_no_token_without_verified_tls(both, case):
    gateway, sandbox = both(case)
    send(gateway, message(), message())
    gateway.queue_wait(lambda rows: len(rows) == 2 and any(row["lastReply"] for row in rows))
    before = gateway.log().count('event="upstream paused"')
    gateway.call("queue", "flush")
    wait_until(lambda: gateway.log().count('event="upstream paused"') > before, 20, "another attempt")
    sandbox.stats_wait(messages=0, authAttempts=0, authBeforeTls=0)
    assert len(gateway.rows("queue", "list")) == 2 and sandbox.mail() == []


@pytest.mark.parametrize("case, words, refused", [  # refused: with the commands that were said ahead of the reply
    ("errors-52251", "5.2.251", 3),
    ("recipient-quota", "5.1.90", 2),
    ("tenant-switch", "disabled for the Tenant", 1),
])
def test_a_mailbox_that_is_blocked(both, case, words, refused):
    """Left alone: more of the same would only keep it blocked. A second message makes no second attempt."""
    gateway, sandbox = both(case)
    send(gateway, message("first"))
    deferred(gateway, words)
    sandbox.stats_wait(messages=0, authAttempts=1, refused=refused)
    send(gateway, message("second"))
    time.sleep(2)
    sandbox.stats_wait(messages=0, authAttempts=1, refused=refused)
    assert len(gateway.rows("queue", "list")) == 2, "both wait"


# What is refused for good: the sender is told.

@pytest.mark.parametrize("case, status, words", [
    ("send-as-denied:1", "5.2.252", "SendAsDenied"),
    ("mailbox-full:1", "5.2.2", "mailbox full"),
])
def test_a_message_that_is_refused_for_good(both, case, status, words):
    gateway, sandbox = both(case)
    data = message("A scan that bounces")
    event = send(gateway, data)
    empty(gateway)
    assert fate(gateway, event)["state"] == "failed" and words in fate(gateway, event)["reply"]
    (stored, envelope), = sandbox.mail()
    assert (envelope["from"], envelope["to"], envelope["authenticatedAs"]) == (POSTMASTER, [SENDER], POSTMASTER)
    told = email.message_from_bytes(stored)
    assert told.get_content_type() == "multipart/report" and told["Auto-Submitted"] == "auto-replied"
    assert email.utils.parseaddr(told["From"])[1] == POSTMASTER
    whole, one = told.get_payload()[1].get_payload()
    assert (one["Action"], one["Status"]) == ("failed", status) and words in re.sub(r"\r\n\s", " ", one["Diagnostic-Code"])
    assert HOSTNAME in whole["Reporting-MTA"] and RECIPIENT in one["Final-Recipient"]
    assert email.message_from_bytes(data)["Message-ID"] in told.get_payload()[2].as_string()
    sandbox.stats_wait(messages=1, refused=1, authFailures=0)


def test_no_notification_about_a_notification(both):
    gateway, sandbox = both("send-as-denied")
    event = send(gateway, message())
    empty(gateway)
    assert fate(gateway, event)["state"] == "failed"
    wait_until(lambda: 'event="notification not delivered"' in gateway.log(), 10, "the log to tell the administrator")
    sandbox.stats_wait(messages=0, refused=2)
    assert sandbox.mail() == [] and gateway.rows("queue", "list") == []
