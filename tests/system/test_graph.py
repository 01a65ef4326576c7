"""Mail in by SMTP and out by Microsoft Graph's sendMail, towards the sandbox's Graph: what arrives, for whom, and what each answer means."""

import base64
import email
import email.message
import email.policy
import os
import pathlib
import random
import re
import time

import pytest

import sample
from conftest import PASSWORD
from gateway import Gateway, event_id
from mailing import deferred, empty
from message import SENDER, message
from port import port_free, wait_until
from sandbox import RECIPIENT, Sandbox, Towards
from submission import submission_open

OTHER = "other@contoso.example"


@pytest.fixture
def both(sandbox_new, authority, directory):
    """A function: start a sandbox with these cases and a gateway that sends by its Graph; `changes` go to the upstream's settings, `spare`
    adds one of kind smtp to its fallback."""
    running = []

    def start(*cases, limits=None, spare=False, **changes):
        sandbox = sandbox_new(*cases)
        gateway = Gateway(directory / f"graph-{len(list(directory.glob('graph-*')))}", authority, Towards(sandbox))
        gateway.settings["upstreams"]["main"] = {
            "kind": "graph", "graph-url": sandbox.json["graphUrl"], "token-url": sandbox.json["tokenUrl"], "ca-file": sandbox.ca,
            "client-id": sandbox.json["clientId"], "client-secret-file": "client-secret", "scope": sandbox.json["graphScope"], **changes}
        if spare:
            gateway.settings["upstreams"]["spare"] = Gateway.upstream(Towards(sandbox), "client-secret")
            gateway.settings["upstreams"]["main"]["fallback"] = "spare"
        gateway.settings["limits"].update(limits or {})
        gateway.write()
        running.append(gateway.start())
        gateway.tenant_add("contoso.example")
        gateway.user_add(SENDER, PASSWORD)
        return gateway, sandbox
    yield start
    for gateway in running:
        gateway.stop()


def send(gateway, *mails, to=RECIPIENT):
    """All on one connection. Gives the event ID of the last."""
    with submission_open(gateway) as client:
        assert client.auth_login(SENDER, PASSWORD)[0] == 235
        for data in mails:
            code, text = client.submit(SENDER, to, data, ["BODY=8BITMIME"])
            assert code == 250, text
    return event_id(text)


def trace(gateway, event):
    (row,) = gateway.rows("trace", "--id", event)
    return row


def below_received(text):
    return re.sub(rb"\A(Received: .*\n(?:[ \t].*\n)*)", b"", text, count=1)


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


@pytest.fixture(scope="module")
def graph_pair(tmp_path_factory, authority, directory):
    """One gateway and sandbox for all that leaves nothing behind."""
    sandbox = Sandbox(tmp_path_factory.mktemp("graph") / "1").start()
    gateway = Gateway(directory / "graph-pair", authority, Towards(sandbox))
    gateway.settings["upstreams"]["main"] = {
        "kind": "graph", "graph-url": sandbox.json["graphUrl"], "token-url": sandbox.json["tokenUrl"], "ca-file": sandbox.ca,
        "client-id": sandbox.json["clientId"], "client-secret-file": "client-secret", "scope": sandbox.json["graphScope"]}
    gateway.write()
    gateway.start()
    gateway.tenant_add("contoso.example")
    gateway.user_add(SENDER, PASSWORD)
    yield gateway, sandbox
    gateway.stop()
    sandbox.stop()


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


@pytest.mark.parametrize("case, words", [
    ("graph-403", "403 ErrorAccessDenied"), ("graph-policy", "403 ErrorAccessDenied: Access to OData is disabled"),
    ("graph-no-mailbox", "404 MailboxNotEnabledForRESTAPI"), ("graph-no-user", "404 ErrorInvalidUser"),
    ("graph-401", "401 InvalidAuthenticationToken"), ("graph-nonsense", "404 without an error code"),
    ("graph-200", "200 without an error code"),
])
def test_what_the_administrator_has_to_mend_waits(both, case, words):
    gateway, sandbox = both(case)
    send(gateway, message())
    deferred(gateway, words)
    time.sleep(3)
    requests = sandbox.stats()["graphRequests"]
    assert sandbox.mail() == [] and requests <= 2, "nobody is bounced, and nothing is hammered"
    assert gateway.log().count("Bearer") == 0


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


# Large mail: a draft, and its files behind it.

def files_of(data):
    """(type, name, bytes) of each attachment, and the text."""
    mail = email.message_from_bytes(data, policy=email.policy.default)
    parts = [part for part in mail.walk() if not part.is_multipart()]
    return [(part.get_content_type(), part.get_filename(), part.get_payload(decode=True)) for part in parts]


def with_files(files, text="本文です。\r\n", to=RECIPIENT):
    mail = email.message.EmailMessage(policy=email.policy.SMTP)
    mail["From"], mail["To"], mail["Subject"] = SENDER, to, "スキャン"
    mail["Date"], mail["Message-ID"] = "Tue, 24 Nov 2026 09:00:00 +0900", f"<{random.getrandbits(64):016x}@contoso.example>"
    if text is not None:
        mail.set_content(text, cte="base64")
    for name, size in files:
        mail.add_attachment(random.Random(size).randbytes(size), maintype="application", subtype="pdf", filename=name)
    return mail.as_bytes()


def keeper_of(gateway):
    for place in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            if b"keeper" in (place / "cmdline").read_bytes() and is_below(int(place.name), gateway.process.child.pid):
                return place
        except OSError:
            continue
    raise AssertionError("no keeper")


def idle_kib(gateway):
    """What the keeper holds now; its peak counts from here."""
    place = keeper_of(gateway)
    (place / "clear_refs").write_text("5")
    return int(re.search(r"VmRSS:\s+(\d+)", (place / "status").read_text())[1])


def peak_kib(gateway):
    return int(re.search(r"VmHWM:\s+(\d+)", (keeper_of(gateway) / "status").read_text())[1])


def is_below(pid, ancestor):
    while pid > 1:
        if pid == ancestor:
            return True
        pid = int(pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[1])
    return False


@pytest.mark.parametrize("files", [
    [("scan.pdf", 4_000_001)],
    [("大きな書類.pdf", 3_500_000), ("小さな書類.pdf", 1_000), ("b.pdf", 2_999_998)],
    [(f"{number}.pdf", 1_000_000 + number) for number in range(5)],
    [("20MB.pdf", 20_000_000)],
])
def test_large_mail(graph_pair, files):
    gateway, sandbox = graph_pair
    before = len(sandbox.mail())
    data = with_files(files)
    send(gateway, message())  # so that the sign-in is known
    empty(gateway)
    before += 1
    held = idle_kib(gateway)
    event = send(gateway, data)
    empty(gateway, 60)
    ((stored, envelope),) = sandbox.mail()[before:]
    assert sorted(files_of(stored)) == sorted(files_of(data))
    assert email.message_from_bytes(stored)["Message-ID"] == email.message_from_bytes(data)["Message-ID"]
    assert envelope["to"] == [RECIPIENT] and trace(gateway, event)["recipients"][0]["state"] == "sent"
    assert peak_kib(gateway) - held <= 65536, "64 MiB more than before"


def test_only_a_file(graph_pair):
    gateway, sandbox = graph_pair
    before = len(sandbox.mail())
    pdf = random.Random(5).randbytes(5_000_000)
    data = message(body=b"--b\r\nContent-Type: application/pdf; name=s.pdf\r\nContent-Transfer-Encoding: base64\r\n\r\n" +
                   base64.encodebytes(pdf).replace(b"\n", b"\r\n") + b"--b--\r\n",
                   fields=(b"MIME-Version: 1.0", b"Content-Type: multipart/mixed; boundary=b"))
    send(gateway, data)
    empty(gateway, 60)
    ((stored, _),) = sandbox.mail()[before:]
    assert ("application/pdf", "s.pdf", pdf) in files_of(stored)


# A signed one: what is changed in it would break its signature.
SIGNED = message(body=b"x" * 70 + b"\r\n" + (b"y" * 70 + b"\r\n") * 60_000,
                 fields=(b"MIME-Version: 1.0", b"Content-Type: multipart/signed; boundary=b; micalg=sha-256"))


def test_large_mail_that_cannot_be_taken_apart_goes_back(both):
    gateway, sandbox = both()
    event = send(gateway, SIGNED)
    wait_until(lambda: trace(gateway, event)["recipients"][0]["state"] == "failed", 20, gateway.log)
    reply = trace(gateway, event)["recipients"][0]["reply"]
    assert "fallback of kind smtp" in reply and "size-over-bytes" in reply, "both mends"
    assert all(b"multipart/signed" not in stored[:2000] for stored, _ in sandbox.mail())


@pytest.mark.parametrize("cases, settings, data, cause", [
    ([], {}, SIGNED, "graph-not-split"),
    (["graph-413:1"], {}, message(), "graph-request-too-large"),
    ([], {"header-recipients": "refuse"}, message(to="list@example.net"), "graph-names-others"),
], ids=["unsplittable", "413", "refuse"])
def test_what_graph_cannot_carry_goes_by_the_fallback(both, cases, settings, data, cause):
    """At once, byte for byte, and the trace says why; the tests above are the negative controls. What Graph can carry still goes by Graph."""
    gateway, sandbox = both(*cases, spare=True, **settings)
    event = send(gateway, data)
    empty(gateway)
    row = trace(gateway, event)
    (recipient,) = row["recipients"]
    assert (recipient["state"], recipient["upstream"], row["note"]) == ("sent", "spare", f"not-by:main:{cause}")
    ((stored, envelope),) = sandbox.mail()
    assert below_received(stored) == data and (envelope["to"], envelope["mechanism"]) == ([RECIPIENT], "XOAUTH2")
    event = send(gateway, message())
    empty(gateway)
    assert trace(gateway, event)["recipients"][0]["upstream"] == "main" and sandbox.mail()[1][1]["mechanism"] == "Graph"


def test_what_the_fallback_cannot_carry_waits_for_its_own_upstream(both):
    """Graph is the fallback here."""
    gateway, sandbox = both(limits={"fallback-after-seconds": 1})
    graph = gateway.settings["upstreams"]["main"]
    smtp = Gateway.upstream(Towards(sandbox), "client-secret")
    gateway.settings["upstreams"] = {"main": {**smtp, "port": port_free(), "fallback": "graph"}, "graph": graph}
    gateway.write()
    gateway.call("reload")
    event = send(gateway, SIGNED)
    deferred(gateway, "no attachments of it can be sent apart", 40)
    assert sandbox.mail() == []
    gateway.settings["upstreams"]["main"]["port"] = sandbox.port
    gateway.write()
    gateway.call("reload")
    gateway.call("queue", "flush")
    empty(gateway)
    row = trace(gateway, event)
    assert (row["recipients"][0]["upstream"], row["note"]) == ("main", "not-by:graph:graph-not-split")


def test_large_mail_after_trouble_leaves_no_draft(both):
    gateway, sandbox = both("graph-upload:1")
    data = with_files([("scan.pdf", 4_000_000)])
    send(gateway, data)
    empty(gateway, 60)
    ((stored, _),) = sandbox.mail()
    assert sorted(files_of(stored)) == sorted(files_of(data))
    sandbox.stats_wait(messages=1, graphDrafts=0)


def test_control_a_draft_that_may_have_been_sent_is_kept(both):
    """504 to sending; the second try makes a draft of its own."""
    gateway, sandbox = both("graph-504:1")
    send(gateway, with_files([("scan.pdf", 4_000_000)]))
    empty(gateway, 60)
    assert len(sandbox.mail()) == 2


@pytest.mark.parametrize("kind", ["graph", "smtp"])
def test_much_in_64_mib(both, kind):
    """20 MB; 100 MB with SEKISHO_LONG=1."""
    gateway, sandbox = both()
    if kind == "smtp":
        gateway.settings["upstreams"]["main"] = Gateway.upstream(Towards(sandbox), "client-secret")
        gateway.write()
        gateway.call("reload")
    send(gateway, message())
    empty(gateway)
    data = with_files([("big.pdf", 75_000_000 if os.environ.get("SEKISHO_LONG") else 15_000_000)])
    held = idle_kib(gateway)
    send(gateway, data)
    empty(gateway, 100)
    more = peak_kib(gateway) - held
    print(f"{kind}: {len(data)} bytes, the keeper's peak {more} KiB over idle")
    stored = max((stored for stored, _ in sandbox.mail()), key=len)
    assert sorted(files_of(stored)) == sorted(files_of(data))
    assert more <= 65536
