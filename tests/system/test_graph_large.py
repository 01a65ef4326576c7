"""Large mail and quoted-printable by Microsoft Graph: drafts and uploads, the fallback for what Graph cannot carry, parts written anew."""

import base64
import email.message
import email.policy
import os
import random

import pytest

from gateway import Gateway
from graphing import (below_received, both, files_of, graph_pair, idle_kib, message_id, peak_kib, send, trace,  # noqa: F401
                      with_files)
from mailing import deferred, empty
from message import SENDER, message
from port import port_free, wait_until
from sandbox import RECIPIENT, Towards

# Large mail: a draft, and its files behind it.

@pytest.mark.parametrize("files", [
    [("scan.pdf", 4_000_001)],
    [("大きな書類.pdf", 3_500_000), ("小さな書類.pdf", 1_000), ("b.pdf", 2_999_998)],
    [(f"{number}.pdf", 1_000_000 + number) for number in range(5)],
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
    assert message_id(stored) == message_id(data)
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


# Quoted-printable.

LONG_LINE = '<td class="c">' * 20 + "あいうえお" * 20


def quoted_mail():
    """Texts and a file in quoted-printable, with everything that it escapes."""
    mail = email.message.EmailMessage(policy=email.policy.SMTP)
    mail["From"], mail["To"], mail["Subject"] = SENDER, RECIPIENT, "引用"
    mail["Date"], mail["Message-ID"] = "Tue, 24 Nov 2026 09:00:00 +0900", f"<{random.getrandbits(64):016x}@contoso.example>"
    mail.set_content(f"本文です。\n.\n a=b \t\n{LONG_LINE}\n\n", cte="quoted-printable")
    mail.add_alternative(f"<p>{LONG_LINE}</p>\n", subtype="html", cte="quoted-printable")
    mail.add_attachment(bytes(range(256)), maintype="application", subtype="octet-stream", filename="表.bin", cte="quoted-printable")
    mail.add_attachment(b"plain base64", maintype="application", subtype="pdf", filename="p.pdf")
    return mail.as_bytes()


@pytest.fixture(scope="module")
def requoting(graph_pair):
    """graph_pair with quoted-printable: base64, until the module's other tests are through."""
    gateway, sandbox = graph_pair
    gateway.settings["upstreams"]["main"]["quoted-printable"] = "base64"
    gateway.write()
    gateway.call("reload")
    return gateway, sandbox


def test_control_quoted_printable_stays_by_default(both):
    gateway, sandbox = both()
    data = quoted_mail()
    event = send(gateway, data)
    empty(gateway)
    assert below_received(sandbox.mail()[0][0]) == data and trace(gateway, event)["repairs"] == []


def test_quoted_printable_is_written_anew(requoting):
    gateway, sandbox = requoting
    before = len(sandbox.mail())
    data = quoted_mail()
    event = send(gateway, data)
    empty(gateway)
    ((stored, _),) = sandbox.mail()[before:]
    assert data.count(b"quoted-printable") == 3 and b"quoted-printable" not in stored
    assert files_of(stored) == files_of(data), "in Python's eyes nothing has changed"
    assert len(files_of(data)) == 4 and LONG_LINE.encode() in files_of(stored)[0][2]
    assert max(map(len, stored.split(b"\r\n"))) < 998
    assert trace(gateway, event)["repairs"] == ["quoted-printable"] and trace(gateway, event)["recipients"][0]["state"] == "sent"


@pytest.mark.parametrize("fields, body", [
    ((b"DKIM-Signature: v=1; a=rsa-sha256; d=contoso.example; b=x",), b"=E3=81=82\r\n"),
    ((), b"=E3=81=82\r\n=XY\r\n"),
    ((b"X: y",), b"=E3=81=82=\r\n"),
], ids=["signed", "malformed", "goes on"])
def test_what_is_left_as_it_is(requoting, fields, body):
    gateway, sandbox = requoting
    before = len(sandbox.mail())
    data = message(body=body, fields=(*fields, b"MIME-Version: 1.0", b"Content-Transfer-Encoding: quoted-printable"))
    event = send(gateway, data)
    empty(gateway)
    ((stored, _),) = sandbox.mail()[before:]
    assert below_received(stored) == data and trace(gateway, event)["repairs"] == []


def test_large_mail_with_quoted_printable(requoting):
    """A text that base64 makes too large for one request; and a file in quoted-printable, which as base64 can be uploaded."""
    gateway, sandbox = requoting
    before = len(sandbox.mail())
    text = f"{LONG_LINE}\r\n" * 20
    big = b"".join(b"row %08d;=3D\r\n" % number for number in range(250_000))
    mails = [with_files([("scan.pdf", 3_000_000 - 950_000)], text=text, cte="quoted-printable"),
             message(body=b"--b\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n=E3=81=82\r\n--b\r\nContent-Type: text/csv; name=t.csv\r\n"
                          b"Content-Disposition: attachment\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n" + big + b"\r\n--b--\r\n",
                     fields=(b"MIME-Version: 1.0", b"Content-Type: multipart/mixed; boundary=b"))]
    held = idle_kib(gateway)
    events = [send(gateway, data) for data in mails]
    empty(gateway, 60)
    assert peak_kib(gateway) - held <= 65536
    stored = {message_id(stored): stored for stored, _ in sandbox.mail()[before:]}
    for data, event in zip(mails, events):
        assert sorted(map(repr, files_of(stored[message_id(data)]))) == sorted(map(repr, files_of(data)))
        assert b"quoted-printable" not in stored[message_id(data)] and trace(gateway, event)["repairs"] == ["quoted-printable"]


def test_the_spool_keeps_the_original(both):
    gateway, sandbox = both("graph-no-mailbox:1", **{"quoted-printable": "base64"})
    data = quoted_mail()
    event = send(gateway, data)
    deferred(gateway, "MailboxNotEnabledForRESTAPI")
    kept = gateway.call("queue", "cat", event).stdout.encode().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
    assert below_received(kept) == data


@pytest.mark.parametrize("kind", ["graph", "smtp"])
def test_much_in_64_mib(both, kind):
    """20 MB; 100 MB with SEKISHO_LONG=1. By Graph with quoted-printable to be written anew."""
    gateway, sandbox = both(**{"quoted-printable": "base64"})
    if kind == "smtp":
        gateway.settings["upstreams"]["main"] = Gateway.upstream(Towards(sandbox), "client-secret")
        gateway.write()
        gateway.call("reload")
    send(gateway, message())
    empty(gateway)
    data = with_files([("big.pdf", 75_000_000 if os.environ.get("SEKISHO_LONG") else 20_000_000)], text=f"{LONG_LINE}\r\n", cte="quoted-printable")
    held = idle_kib(gateway)
    send(gateway, data)
    empty(gateway, 100)
    more = peak_kib(gateway) - held
    print(f"{kind}: {len(data)} bytes, the keeper's peak {more} KiB over idle")
    stored = max((stored for stored, _ in sandbox.mail()), key=len)
    assert sorted(files_of(stored)) == sorted(files_of(data))
    assert more <= 65536
