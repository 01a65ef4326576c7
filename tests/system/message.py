"""Mail to send: small, large, and everything odd that copiers and mailers write."""

import base64
import itertools
import os
import random

CRLF = b"\r\n"
SENDER = "copier@contoso.example"
_number = itertools.count(1)


def recipient_new(prefix="someone"):
    """An address that no other test of this run uses."""
    return f"{prefix}{os.getpid()}-{next(_number)}@example.net"


def message(subject="A scan", body=b"See the attached scan.\r\n", to="someone@example.net",
            sender=SENDER, fields=()):
    """A plain message as bytes, CRLF throughout."""
    head = [f"From: Copier <{sender}>".encode(), f"To: <{to}>".encode(),
            b"Date: Tue, 24 Nov 2026 09:00:00 +0900",
            f"Message-ID: <{random.getrandbits(64):016x}@contoso.example>".encode(),
            b"Subject: " + (subject if isinstance(subject, bytes) else subject.encode()),
            *fields, b"", b""]
    return CRLF.join(head) + body


def scan(size, to="someone@example.net", seed=1):
    """A scanned page as copiers send it: ISO-2022-JP subject, a PDF of `size` bytes in base64."""
    subject = b"=?ISO-2022-JP?B?" + base64.b64encode("【複合機】スキャン".encode("iso-2022-jp")) + b"?="
    pdf = b"%PDF-1.4\n" + random.Random(seed).randbytes(size)
    lines = base64.encodebytes(pdf).replace(b"\n", CRLF)
    body = CRLF.join([
        b"--scan", b"Content-Type: text/plain; charset=ISO-2022-JP",
        b"Content-Transfer-Encoding: 7bit", b"",
        "スキャンした文書です。".encode("iso-2022-jp"),
        b"--scan", b"Content-Type: application/pdf; name=scan.pdf",
        b"Content-Transfer-Encoding: base64", b"", lines + b"--scan--", b""])
    return message(subject, body, to, fields=(
        b"MIME-Version: 1.0", b"Content-Type: multipart/mixed; boundary=scan"))


def stored(data):
    """What a Maildir holds of `data`: the same lines, each ended by LF alone."""
    return data.replace(CRLF, b"\n")
