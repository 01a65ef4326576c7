"""Mail in by SMTP and out by Microsoft Graph's sendMail, towards the sandbox's Graph: what arrives, for whom, and what each answer means."""

import re
import time

import pytest

import sample
from gateway import Gateway
from graphing import below_received, both, graph_pair, send, trace  # noqa: F401
from mailing import deferred, empty
from message import SENDER, message
from port import wait_until
from sandbox import RECIPIENT


# What arrives.

@pytest.mark.parametrize("name", [name for name in sample.CLEAN if b"\nTo:" in sample.CLEAN[name]])
def test_a_sample_arrives_byte_for_byte(graph_pair, name):
    """Every form of Japanese that devices write, and the odd ones: apart from our Received nothing is changed."""
    gateway, sandbox = graph_pair
    before = len(sandbox.mail())
    event = send(gateway, sample.CLEAN[name])
    empty(gateway)
    ((stored, envelope),) = sandbox.mail()[before:]
    expected = re.sub(rb"\r\nBcc: [^\r]*", b"", sample.CLEAN[name])  # a Bcc of others' is no mail for them
    assert stored.startswith(b"Received:") and below_received(stored) == expected
    assert (envelope["to"], envelope["authenticatedAs"], envelope["mechanism"]) == ([RECIPIENT], SENDER, "Graph")
    (recipient,) = trace(gateway, event)["recipients"]
    assert recipient["state"] == "sent"
    assert re.fullmatch(r"202 Accepted \(request-id [0-9a-f-]{30,}, client-request-id [0-9a-f-]{36}\)", recipient["reply"])


HEAD = f"From: <{SENDER}>\r\nDate: Tue, 24 Nov 2026 09:00:00 +0900\r\nSubject: s\r\n".encode()


@pytest.mark.parametrize("to, fields, added, kept", [
    # In the header nobody is named: hidden copies.
    (["a@example.net", "b@example.net"], b"", b"Bcc: <a@example.net>,\r\n <b@example.net>\r\n", b""),
    (["a@example.net"], b"To: undisclosed-recipients:;\r\n", b"Bcc: <a@example.net>\r\n", b"To: undisclosed-recipients:;\r\n"),
    # One is a hidden copy.
    (["a@example.net", "b@example.net"], b"To: A <a@example.net>\r\n", b"Bcc: <b@example.net>\r\n", b"To: A <a@example.net>\r\n"),
    # The header names somebody whom the message is not for.
    (["a@example.net"], b"To: A <a@example.net>, b@example.net\r\nCc: c@example.net\r\n", b"",
     b"To: <a@example.net>\r\nX-Sekisho-Original-To: A <a@example.net>, b@example.net\r\nX-Sekisho-Original-Cc: c@example.net\r\n"),
])
def test_the_envelope_decides_who_gets_it(graph_pair, to, fields, added, kept):
    gateway, sandbox = graph_pair
    before = len(sandbox.mail())
    send(gateway, HEAD + fields + b"\r\nx\r\n", to=to)
    empty(gateway)
    ((stored, envelope),) = sandbox.mail()[before:]
    assert sorted(envelope["to"]) == sorted(to)
    assert stored.startswith(added + b"Received:")
    assert below_received(stored[len(added):]) == HEAD + kept + b"\r\nx\r\n"


def test_a_header_that_names_others_can_be_refused(both):
    gateway, sandbox = both(**{"header-recipients": "refuse"})
    event = send(gateway, message(to="list@example.net"))
    gateway.queue_wait(lambda rows: not any(row["to"] == [RECIPIENT] for row in rows))
    (recipient,) = trace(gateway, event)["recipients"]
    assert recipient["state"] == "failed" and "list@example.net" in recipient["reply"]
    assert [envelope["to"] for _, envelope in sandbox.mail()] in ([], [[SENDER]]), "only the report"


# What the answers mean: (case, arrives how often, requests at least).

@pytest.mark.parametrize("case, copies, tokens", [
    ("graph-429:1", 1, 1), ("graph-503:1", 1, 1), ("graph-500:1", 1, 1), ("graph-401:1", 1, 2),
    # Nobody can tell these from a message lost: better twice than never.
    ("graph-cut:1", 2, 1), ("graph-504:1", 2, 1),
    # The answer broke off behind its 202: it was a yes.
    ("graph-half:1", 1, 1),
])
def test_it_outlives_an_answer(both, case, copies, tokens):
    gateway, sandbox = both(case)
    data = message()
    event = send(gateway, data)
    empty(gateway, 60)
    assert trace(gateway, event)["recipients"][0]["state"] == "sent"
    sandbox.stats_wait(messages=copies, tokensIssued=tokens)
    ids = {re.search(rb"Message-ID: (\S+)", stored)[1] for stored, _ in sandbox.mail()}
    assert len(sandbox.mail()) == copies and len(ids) == 1, "the same Message-ID each time"


def test_an_answer_that_does_not_come_is_ambiguous(both):
    gateway, sandbox = both("graph-hang:1", limits={"upstream-reply-seconds-max": 2})
    event = send(gateway, message())
    deferred(gateway, "client-request-id")
    empty(gateway, 30)
    assert trace(gateway, event)["recipients"][0]["state"] == "sent"
    assert len(sandbox.mail()) == 2


WAIT = {
    "graph-403": "403 ErrorAccessDenied", "graph-policy": "403 ErrorAccessDenied: Access to OData is disabled",
    "graph-no-mailbox": "404 MailboxNotEnabledForRESTAPI", "graph-no-user": "404 ErrorInvalidUser",
    "graph-401": "401 InvalidAuthenticationToken", "graph-nonsense": "404 without an error code", "graph-200": "200 without an error code",
}


def test_what_the_administrator_has_to_mend_waits(both):
    """A pair for each case, all at once: what takes time is to see that nothing happens."""
    pairs = {case: both(case) for case in WAIT}
    for gateway, _ in pairs.values():
        send(gateway, message())
    for case, (gateway, _) in pairs.items():
        deferred(gateway, WAIT[case])
    time.sleep(3)
    for case, (gateway, sandbox) in pairs.items():
        requests = sandbox.stats()["graphRequests"]
        assert sandbox.mail() == [] and requests <= 2, f"{case}: nobody is bounced, and nothing is hammered"
        assert gateway.log().count("Bearer") == 0, case


@pytest.mark.parametrize("case, words", [
    ("graph-send-as:1", "403 ErrorSendAsDenied"), ("graph-recipients:1", "400 ErrorInvalidRecipients"),
    ("graph-413:1", "413 RequestEntityTooLarge"), ("graph-size:1", "400 ErrorMessageSizeExceeded"),
    ("graph-quota:1", "400 ErrorQuotaExceeded"),
])
def test_what_is_final_goes_back(both, case, words):
    gateway, sandbox = both(case, mailbox=SENDER)
    gateway.settings["dsn"]["mailbox"] = SENDER
    gateway.write()
    gateway.call("reload")
    event = send(gateway, message())
    wait_until(lambda: trace(gateway, event)["recipients"][0]["state"] == "failed", 20, gateway.log)
    assert trace(gateway, event)["recipients"][0]["reply"].startswith(words)
    wait_until(sandbox.mail, 20, gateway.log)
    ((report, envelope),) = sandbox.mail()
    assert envelope["to"] == [SENDER] and words.encode() in report.replace(b"\r\n ", b" ")


def test_a_token_for_another_audience_is_of_no_use(both):
    gateway, sandbox = both(scope="https://outlook.office365.com/.default")
    send(gateway, message())
    deferred(gateway, "Invalid audience")
    assert sandbox.mail() == []


# How much at once.

def test_four_at_a_time_for_a_mailbox(both):
    gateway, sandbox = both("graph-slow")
    mails = [message(f"number {number:02}") for number in range(24)]
    send(gateway, *mails)
    empty(gateway, 60)
    stats = sandbox.stats()
    assert stats["graphRequestsPerMailboxMax"] == 4 and stats["graphThrottled"] == 0
    assert sorted(below_received(stored) for stored, _ in sandbox.mail()) == sorted(mails), "each once"


def test_control_a_fifth_request_is_throttled(both):
    """The sandbox would have noticed."""
    gateway, sandbox = both("graph-slow", **{"connections-max": 8})
    send(gateway, *[message(f"number {number:02}") for number in range(24)])
    wait_until(lambda: sandbox.stats()["graphThrottled"] > 0, 20, gateway.log)
