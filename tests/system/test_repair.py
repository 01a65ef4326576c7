"""Repairs and From rewriting over the wire: what arrives is compared byte for byte, and the trace tells what was done."""

import base64
import email
import email.policy
import quopri
import re

import pytest

from behind_sandbox import BehindSandbox, below_trace
from conftest import PASSWORD
from gateway import event_id
from message import SENDER, message, recipient_new
from sandbox import Sandbox
from submission import submission_open

SHARED = "scans@contoso.example"
DEVICE = "device@contoso.example"  # its From is rewritten
SJIS = "スキャン".encode("cp932")
WORD = b"=?UTF-8?B?" + base64.b64encode("スキャン".encode()) + b"?="
SIGNED = {
    "smime": b"Content-Type: multipart/signed; micalg=sha-256;\r\n protocol=\"application/pkcs7-signature\"; boundary=b\r\n"
             b"Subject: " + SJIS + b"\r\n\r\n--b\r\n\r\n" + SJIS + b"x" * 2000 + b"\r\n--b--\r\n",
    "opaque": b"Content-Type: application/pkcs7-mime\r\nFrom: " + SENDER.encode() + b" <" + SENDER.encode() + b">\r\n\r\nMII\r\n",
    "dkim": b"DKIM-Signature: v=1; a=rsa-sha256; d=contoso.example; b=x\r\nFrom: <" + SENDER.encode() + b">\r\nDate: today\r\n\r\n"
            + SJIS + b"\r\n",
    "pgp": b"From: <" + SENDER.encode() + b">\r\n\r\n-----BEGIN PGP SIGNED MESSAGE-----\r\nHash: SHA512\r\n\r\n" + SJIS + b"\r\n"
           + b"y" * 3000 + b"\r\n-----BEGIN PGP SIGNATURE-----\r\n",
}


@pytest.fixture(scope="module")
def behind(tmp_path_factory, authority):
    """Listener `starttls` repairs all, `auto` only dates, `none` nothing."""
    place = tmp_path_factory.mktemp("repair")
    sandbox = Sandbox(place / "sandbox").start()
    one = BehindSandbox(place / "gateway", authority, sandbox, {"starttls": {"repairs": "all"}, "auto": {"repairs": ["missing-date", "bad-date"]}},
                        mailboxes=[SHARED])
    one.gateway.tenant_add("contoso.example")
    one.gateway.user_add(SENDER, PASSWORD)
    one.gateway.user_add(DEVICE, PASSWORD)
    one.gateway.call("user", "set", DEVICE, "from-rewrite", SHARED)
    yield one
    one.stop()
    sandbox.stop()


def through(behind, data, listener="starttls", user=SENDER, sender=None):
    """(what arrived below our own field, its envelope, its trace)"""
    to = recipient_new("repair")
    code, text = behind.send(user, PASSWORD, sender or user, to, data, listener)
    assert code == 250, text
    envelope, arrived = behind.arrived(to)
    return below_trace(arrived), envelope, behind.trace(text)


COPIER = (b"From: " + SENDER.encode() + b" <" + SENDER.encode() + b">\r\nTo: Tanaka someone@example.net\r\n"
          b"Subject: " + SJIS + b"\r\n\r\n" + SJIS + b"\r\n")


def test_what_a_copier_sends(behind):
    data, _, trace = through(behind, COPIER)
    head, _, body = data.partition(b"\r\n\r\n")
    identifier = trace["eventId"].encode()
    date = re.search(rb"\r\nDate: ([A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d \+0000)\r\n", head)[1]
    assert head == (b"From: \"" + SENDER.encode() + b"\" <" + SENDER.encode() + b">\r\nTo: Tanaka <someone@example.net>\r\n"
                    b"Subject: " + WORD + b"\r\nDate: " + date + b"\r\nMessage-ID: <" + identifier + b"@gate.example>\r\n"
                    b"Content-Type: text/plain; charset=Shift_JIS\r\nContent-Transfer-Encoding: 8bit\r\nMIME-Version: 1.0")
    assert body == SJIS + b"\r\n"
    assert trace["repairs"] == ["missing-date", "missing-message-id", "quoted-at", "angle-brackets", "raw-headers",
                                "missing-charset"]
    assert trace["messageId"] == f"<{trace['eventId']}@gate.example>"
    parsed = email.message_from_bytes(data, policy=email.policy.default)
    assert parsed["Subject"] == "スキャン" and parsed.get_content() == "スキャン\r\n" and not parsed.defects


def test_without_a_switch_nothing_is_changed(behind):
    data, _, trace = through(behind, COPIER, listener="none")
    assert data == COPIER and trace["repairs"] == []


def test_only_what_is_switched_on(behind):
    data, _, trace = through(behind, b"Date: 2026-11-24 09:00:00 +0900\r\n" + COPIER, listener="auto")
    assert data == b"Date: Tue, 24 Nov 2026 09:00:00 +0900\r\n" + COPIER and trace["repairs"] == ["bad-date"]


def test_good_mail_is_left_alone(behind):
    good = message(fields=[b"MIME-Version: 1.0", b"Content-Type: text/plain; charset=utf-8", b"X-Odd:   two  blanks "],
                   body="本文です。\r\n.\r\n..x\r\n".encode() + b"z" * 998 + b"\r\n")
    data, _, trace = through(behind, good)
    assert data == good and trace["repairs"] == [] and trace["note"] == ""


@pytest.mark.parametrize("kind", SIGNED)
def test_signed_mail_is_left_alone(behind, kind):
    data, _, trace = through(behind, SIGNED[kind])
    assert data == SIGNED[kind]
    assert trace["repairs"] == [] and trace["note"] == "unrepaired:signed"


def test_the_same_unsigned_is_repaired(behind):
    """What the test above shows is not that nothing here needs a repair."""
    data, _, trace = through(behind, SIGNED["smime"].replace(b"multipart/signed", b"multipart/mixed"))
    assert data != SIGNED["smime"] and {"raw-headers", "long-lines"} <= set(trace["repairs"])


def test_bare_newlines_are_told_too(behind):
    with submission_open(behind.gateway, "none") as client:
        assert client.auth_plain(SENDER, PASSWORD)[0] == 235
        client.mail(SENDER)
        client.rcpt(recipient_new())
        assert client.docmd("DATA")[0] == 354
        client.send(b"From: <" + SENDER.encode() + b">\n\none\ntwo\r\n.\r\n")
        code, text = client.getreply()
    assert code == 250
    assert behind.trace(text.decode())["repairs"] == ["bare-newline"]


@pytest.mark.parametrize("size", [3000, 60_000, 3_000_000])
def test_a_long_line_of_text_keeps_every_byte(behind, size):
    """Small: in the packet to the keeper; larger: into a file that is only asked for at the message's end; large: as it streams."""
    text = b"<p>" + "長い行=".encode() * (size // 10) + b"</p>\r\n"
    mail = message(fields=[b"MIME-Version: 1.0", b"Content-Type: text/html; charset=utf-8"], body=text)
    data, _, trace = through(behind, mail)
    head, _, body = data.partition(b"\r\n\r\n")
    assert trace["repairs"] == ["long-lines"] and b"\r\nContent-Transfer-Encoding: quoted-printable" in head
    assert max(len(line) for line in data.split(b"\r\n")) <= 76
    assert quopri.decodestring(body) == text


def test_a_long_line_that_comes_late_is_wrapped(behind):
    mail = message(body=b"short\r\n" * 20_000 + b"x" * 2500 + b"\r\nend\r\n")
    data, _, trace = through(behind, mail)
    assert data == mail.replace(b"x" * 2500, b"x" * 998 + b"\r\n" + b"x" * 998 + b"\r\n" + b"x" * 504)
    assert trace["repairs"] == ["long-lines"]


def test_a_header_section_over_the_ceiling_goes_on_as_it_came(behind):
    mail = b"Date: today\r\n" + b"X-Fill: " + b"y" * 300_000 + b"\r\n" + COPIER
    data, _, trace = through(behind, mail)
    assert data == mail and trace["repairs"] == [] and trace["note"] == "unrepaired:header-too-large"


# --- an account whose From is rewritten ---

@pytest.mark.parametrize("listener", ["starttls", "none"])
def test_from_is_rewritten(behind, listener):
    data, envelope, trace = through(behind, message(sender="anybody@elsewhere.example"), user=DEVICE,
                                    sender="anybody@elsewhere.example", listener=listener)
    assert envelope["from"] == SHARED and trace["from"] == SHARED and trace["account"] == DEVICE
    assert data.startswith(f"From: Copier <{SHARED}>\r\n".encode())
    assert b"\r\nReply-To: Copier <anybody@elsewhere.example>\r\n" in data
    assert trace["repairs"] == ["from-rewrite"]


def test_a_sender_field_and_a_second_from_go(behind):
    data, _, _ = through(behind, b"Sender: <s@elsewhere.example>\r\nReply-To: <r@x.example>\r\nFrom: <a@elsewhere.example>\r\n"
                         b"fRoM : <b@elsewhere.example>\r\n\r\nx\r\n", user=DEVICE, listener="none")
    assert data == f"Reply-To: <r@x.example>\r\nFrom: <{SHARED}>\r\n\r\nx\r\n".encode()


def test_the_body_of_signed_mail_stays(behind):
    data, _, trace = through(behind, b"From: <a@elsewhere.example>\r\n" + SIGNED["smime"], user=DEVICE)
    head, body = SIGNED["smime"].split(b"\r\n\r\n", 1)
    assert data == f"From: <{SHARED}>\r\n".encode() + head + b"\r\nReply-To: <a@elsewhere.example>\r\n\r\n" + body
    assert trace["repairs"] == ["from-rewrite"]


def test_a_from_that_cannot_be_rewritten_is_refused(behind):
    code, text = behind.send(DEVICE, PASSWORD, DEVICE, recipient_new(), b"X-Fill: " + b"y" * 300_000 + b"\r\n\r\nx\r\n", "none")
    assert code == 552 and text.startswith("5.3.4 Header size exceeds fixed maximum size"), text
    event_id(text)


def test_a_session_from_before_the_change_signs_in_anew(behind):
    late = "late@contoso.example"
    behind.gateway.user_add(late, PASSWORD)
    with submission_open(behind.gateway) as client:
        assert client.auth_plain(late, PASSWORD)[0] == 235
        assert client.submit(late, recipient_new(), message(sender=late))[0] == 250
        behind.gateway.call("user", "set", late, "from-rewrite", SHARED)
        code, text = client.submit(late, recipient_new(), message(sender=late))
        assert code == 421 and text.startswith("4.3.2 The account was changed, connect again"), (code, text)
    _, envelope, _ = through(behind, message(sender=late), user=late)
    assert envelope["from"] == SHARED


def test_a_switch_that_is_none(behind):
    behind.gateway.settings["listeners"]["auto"]["repairs"] = ["missing-dates"]
    other = behind.gateway.file.with_name("other.yaml")
    from yaml_text import yaml_text
    other.write_text(yaml_text(behind.gateway.settings))
    behind.gateway.settings["listeners"]["auto"]["repairs"] = ["missing-date", "bad-date"]
    from gateway import BINARY
    from process import run
    found = run([BINARY, "config", "check", "-c", other], check=False)
    assert found.returncode == 78 and "missing-dates" in found.stderr and "missing-date" in found.stderr, found.stderr
    shown = behind.gateway.call("config", "show").stdout
    assert "repairs: [ missing-date, bad-date ]" in shown
