"""Samples: mail as devices and mailers really write it, made here, odd parts and all."""

import email.header
import os
import pathlib
import re

from message import SENDER

HEAD = (f"From: <{SENDER}>\r\nTo: <someone@example.net>\r\n"
        "Date: Tue, 24 Nov 2026 09:00:00 +0900\r\n").encode()


def mail(subject, body, *fields):
    """`subject` as bytes, `fields` as whole lines without their end."""
    return HEAD + b"".join(field + b"\r\n" for field in (b"Subject: " + subject, *fields)) + b"\r\n" + body


def _word(text, charset):
    return email.header.Header(text, charset).encode(linesep="\r\n").encode()


MIME = b"MIME-Version: 1.0"
JAPANESE = "【複合機】スキャン文書のお知らせ ~ 表示ソ能予十"

# Name → the message, CRLF throughout: each has to arrive as it is.
CLEAN = {
    "iso-2022-jp": mail(_word(JAPANESE, "iso-2022-jp"), JAPANESE.encode("iso-2022-jp") + b"\r\n", MIME,
                        b"Content-Type: text/plain; charset=ISO-2022-JP"),
    "iso-2022-jp-raw-header": mail(JAPANESE.encode("iso-2022-jp"), b"x\r\n"),
    "shift_jis-raw-header": mail("【複合機】①スキャン㈱".encode("cp932"), "ソ能表①\r\n".encode("cp932"), MIME,
                                 b"Content-Type: text/plain; charset=Shift_JIS"),
    "euc-jp": mail("件名".encode("euc-jp"), "本文\r\n".encode("euc-jp")),
    "utf-8": mail("件名 😀".encode(), "本文です。\r\n".encode(), MIME,
                  b"Content-Type: text/plain; charset=UTF-8", b"Content-Transfer-Encoding: 8bit"),
    "folded-subject": mail(b"one\r\n two\r\n\tthree", b"x\r\n"),
    "empty-body": mail(b"nothing", b""),
    "no-subject-field": HEAD + b"\r\nx\r\n",
    "no-date": f"From: {SENDER}\r\n\r\nx\r\n".encode(),
    "only-blank-lines": mail(b"blank", b"\r\n\r\n\r\n\r\n"),
    "trailing-blanks": mail(b"blanks  \t", b"text   \r\n\t\r\n   \r\n"),
    "dots": mail(b"dots", b".\r\n..\r\n...\r\n.x\r\n. \r\n\r\n.\r\n"),
    "dot-first": mail(b"dot", b".first\r\n"),
    "from-line": mail(b"mbox", b"From someone Tue Nov 24\r\n>From me\r\n\r\nFrom you\r\n"),
    "line-998": mail(b"long", b"x" * 998 + b"\r\n"),
    "line-4000": mail(b"longer", b"y" * 4000 + b"\r\nshort\r\n"),
    "line-200000": mail(b"longest", b"z" * 200_000 + b"\r\n"),
    "long-dots": mail(b"dots", b"." * 5000 + b"\r\n"),
    "long-header": mail(b"h" * 20_000, b"x\r\n"),
    "many-headers": mail(b"many", b"x\r\n", *[f"X-Number-{i}: {i}".encode() for i in range(500)]),
    "nul": mail(b"nul", b"a\0b\r\n\0\r\n\0\0\0\r\n"),
    "all-bytes": mail(b"bytes", bytes(byte for byte in range(256) if byte not in (10, 13)) + b"\r\n"),
    "escapes": mail(b"\x1b$B%9%-%c%s\x1b(B", b"\x1b[31mred\x1b[0m\x07\x08\r\n"),
    "smtp-words": mail(b"words", b"QUIT\r\nRSET\r\nDATA\r\n250 OK\r\nMAIL FROM:<x@example.org>\r\n"),
    "bcc-and-return-path": mail(b"kept", b"x\r\n", b"Bcc: hidden@example.net", b"Return-Path: <old@example.net>"),
    "received-before": mail(b"path", b"x\r\n", *[b"Received: from a by b; Tue, 24 Nov 2026 09:00:00 +0900"] * 5),
    "odd-fields": mail(b"odd", b"x\r\n", b"X-Empty:", b"X-Blank-Before :y", b"x_under: z", b"X:no-blank"),
    "8bit-boundaries": mail(b"mime", b"--\xe9\r\nContent-Type: text/plain\r\n\r\nx\r\n--\xe9--\r\n", MIME,
                            b"Content-Type: multipart/mixed; boundary=\"\xe9\""),
    "base64-attachment": mail(b"pdf", b"JVBERi0xLjQK" * 6 + b"\r\n", MIME, b"Content-Type: application/pdf",
                              b"Content-Transfer-Encoding: base64"),
    "no-final-blank": mail(b"end", b"last line\r\n"),
    "cp932-yen-and-tilde": mail(b"yen", b"\x5c\x7e \x81\x5f\x81\x60\x83\x5c\r\n"),
}

# Name → message with line ends that RFC 5321 forbids: repaired to CRLF by `normalize`, or refused.
BARE = {
    "bare-lf-body": mail(b"lf", b"one\ntwo\nthree\r\n"),
    "bare-lf-whole": mail(b"lf", b"one\ntwo\n").replace(b"\r\n", b"\n") + b"end\r\n",
    "bare-lf-dot": mail(b"lf", b"one\n.\nQUIT\n.two\r\n"),
    "bare-lf-dot-crlf": mail(b"lf", b"one\n.\r\ntwo\r\n"),
    "crlf-dot-lf": mail(b"lf", b"one\r\n.\ntwo\r\n"),
    "bare-cr": mail(b"cr", b"one\rtwo\r\n"),
    "bare-cr-dot": mail(b"cr", b"one\r.\rtwo\r\n"),
    "cr-cr-lf": mail(b"cr", b"one\r\r\ntwo\r\r\n"),
    "bare-lf-in-header": mail(b"first\nX-Second: y", b"x\r\n"),
}

# What has been taken for the end of a message somewhere (CVE-2023-51764 and its kin), and is none.
NO_ENDS = [b"\n.\n", b"\n.\r\n", b"\r\n.\n", b"\r.\r", b"\r.\r\n", b"\r\n.\r", b"\r\n.\r\r\n", b"\n\n.\n\n",
           b"\r\n\0.\r\n", b"\r\n.\0\r\n"]


def repaired(data):
    """CR CR LF, as some devices write, is one line end."""
    return re.sub(rb"\r?\r\n|\r|\n", b"\r\n", data)


def folder():
    """Where more samples lie, if there are any: SEKISHO_SAMPLES."""
    path = os.environ.get("SEKISHO_SAMPLES")
    return pathlib.Path(path) if path and pathlib.Path(path).is_dir() else None


def files():
    found = folder()
    return sorted(found.glob("*.eml")) if found else []


def senders_of(data):
    """The addresses in the header From, for an account that has to be allowed them."""
    head = re.split(rb"\r\n\r\n", data, maxsplit=1)[0]
    fields = re.findall(rb"(?im)^(?:From|Sender):((?:.*)(?:\r\n[ \t].*)*)", head)
    return [found.decode() for value in fields for found in re.findall(rb"[A-Za-z0-9._+=-]+@[A-Za-z0-9.-]+\w", value)]
