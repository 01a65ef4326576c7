"""Notifications read by another mail library: what dsn_printer prints must come out of email.parser as it went in."""
import email
import email.policy
import os
import re
import subprocess

import pytest

PRINTER = os.environ.get("DSN_PRINTER")
SUBJECT = "【複合機】①スキャン"
pytestmark = pytest.mark.skipif(not PRINTER, reason="DSN_PRINTER is not set: run through meson test")


def read(name):
    raw = subprocess.run([PRINTER, name], check=True, capture_output=True, timeout=20).stdout
    message = email.message_from_bytes(raw, policy=email.policy.SMTP)
    defects = [defect for part in message.walk() for defect in part.defects]
    assert not defects, defects
    return raw, message


def parts(message):
    assert message.get_content_type() == "multipart/report"
    assert message.get_param("report-type") == "delivery-status"
    found = message.get_payload()
    assert len(found) == 3, "text, status, original"
    return found


def groups(part):
    assert part.get_content_type() == "message/delivery-status"
    return part.get_payload()


@pytest.mark.parametrize("name", ["mixed", "full", "full8bit", "bare", "boundary", "utf8", "administrator"])
def test_shape(name):
    raw, message = read(name)
    text, status, _ = parts(message)
    assert message["Auto-Submitted"] == "auto-replied"
    assert message["To"].addresses[0].addr_spec == "copier@x.example"
    assert SUBJECT in message["Subject"] and " / " in message["Subject"]
    assert SUBJECT in text.get_content() and "EV42" in text.get_content()
    per_message = groups(status)[0]
    assert per_message["Reporting-MTA"] == "dns; gw.x.example"
    assert not re.search(rb"[^\r]\n|\r[^\n]", raw)
    assert max(map(len, raw.split(b"\r\n"))) <= 998


def test_recipients():
    _, message = read("mixed")
    _, failed, delayed, relayed = groups(parts(message)[1])
    assert [group["Action"] for group in (failed, delayed, relayed)] == ["failed", "delayed", "relayed"]
    assert failed["Original-Recipient"] == "rfc822; B+b@y.example"
    assert failed["Diagnostic-Code"] == "smtp; 550-5.1.1 The mailbox is not here. 550 5.1.1 Check it. [HOST]"
    assert delayed["Will-Retry-Until"] == "Sat, 28 Nov 2026 08:30:00 +0000"
    assert relayed["Diagnostic-Code"] is None


def test_both_languages():
    """The catalogue's Japanese stands first, the English after it; each names every recipient."""
    _, message = read("mixed")
    text = parts(message)[0].get_content()
    english = "Your mail could not be delivered to the following recipients"
    assert english in text
    assert text.count("b@y.example") == 2
    if "配信" in text:
        assert text.index("配信") < text.index(english)
        assert "配信" in message["Subject"]


def test_original_comes_back():
    _, message = read("full")
    inner = parts(message)[2].get_payload(0)
    assert inner["Subject"] == "①" or "GyRC" in inner.as_string()
    assert inner["Message-ID"] == "<1@x.example>"
    assert inner.get_payload().strip() == "body"


def test_eight_bit_original():
    _, message = read("full8bit")
    assert message["Content-Transfer-Encoding"] == "8bit"
    assert parts(message)[2].get_payload(0).get_payload(decode=True).decode() == "body\r\nあ\r\n"


@pytest.mark.parametrize("name", ["bare", "boundary"])
def test_what_cannot_stand_whole_comes_as_its_header(name):
    _, message = read(name)
    part = parts(message)[2]
    assert part.get_content_type() == "text/rfc822-headers"
    assert "Message-ID: <1@x.example>" in part.get_payload(decode=True).decode()


def test_utf8_address():
    _, message = read("utf8")
    group = groups(parts(message)[1])[1]
    kind, _, coded = group["Final-Recipient"].partition("; ")
    assert kind == "utf-8"
    assert re.sub(r"\\x\{([0-9A-F]+)\}", lambda found: chr(int(found[1], 16)), coded) == "名前@例.example"
    assert "宛先なし" in parts(message)[0].get_content()


def test_hostile_strings_stay_in_their_places():
    raw, message = read("hostile")
    assert len(parts(message)) == 3
    assert message["Bcc"] is None
    assert set(message.keys()) == {"From", "To", "Subject", "Date", "Auto-Submitted", "MIME-Version", "Content-Type"}
    status = groups(parts(message)[1])
    assert len(status) == 3
    known = {"Reporting-MTA", "Arrival-Date", "Final-Recipient", "Action", "Status", "Remote-MTA", "Diagnostic-Code",
             "Last-Attempt-Date", "Will-Retry-Until"}
    assert all(set(group.keys()) <= known for group in status)
    assert b"\x1b" not in raw and "\x1b" not in parts(message)[0].get_content()
