"""The real parts by themselves, without a gateway: what passes here cannot be blamed on them."""

import pytest

from message import SENDER, message, recipient_new, scan, stored
from submission import Submission

FORMATS = ["jwt", "opaque"]


@pytest.mark.parametrize("token_format", FORMATS)
def test_token_and_mail_by_two_step_xoauth2(upstream_of, authority, token_format):
    upstream = upstream_of(token_format)
    before = upstream.issuer.stats()["tokensIssued"]
    sender = f"copier@{upstream.domain}"
    token = upstream.issuer.token()
    assert upstream.issuer.stats()["tokensIssued"] == before + 1
    to = recipient_new()
    data = scan(200_000, to)
    with Submission(upstream.port, ca=authority.ca) as client:
        assert client.auth_xoauth2(sender, token)[0] == 235
        assert client.submit(sender, to, data)[0] == 250
    mail = upstream.wait_mail(to)
    assert mail.text == stored(data)
    assert mail.sender == sender
    assert upstream.sign_in_of(mail) == ("XOAUTH2", sender)


def test_implicit_tls_and_odd_bytes_pass(upstream, authority):
    to = recipient_new()
    body = b"..two dots\r\n.\r\nraw \xff\x80 \x1b$B\r\nnul \0 here\r\n" + b"x" * 6000 + b"\r\n"
    data = message(subject=b"\x83\x65\x83\x58\x83\x67 raw Shift_JIS", body=body, to=to,
                   fields=(b"Bcc: hidden@example.net", b"Return-Path: <old@example.net>"))
    with Submission(upstream.tls_port, tls="implicit", ca=authority.ca) as client:
        assert client.auth_xoauth2(SENDER, upstream.issuer.token())[0] == 235
        assert client.submit(SENDER, to, data)[0] == 250
    assert upstream.wait_mail(to).text == stored(data)


def test_a_long_token_inside_the_command_line_is_refused(upstream, authority):
    with Submission(upstream.port, ca=authority.ca) as client:
        assert client.auth_xoauth2(SENDER, upstream.issuer.token(), steps=1)[0] == 535


@pytest.mark.parametrize("token_format", FORMATS)
def test_another_tenants_mailbox_and_a_changed_token_are_refused(upstream_of, authority, token_format):
    upstream = upstream_of(token_format)
    token = upstream.issuer.token()
    own = f"copier@{upstream.domain}"
    for user, shown in (("x@tailspin.example", token), (own, token[:-6] + "AAAAAA")):
        with Submission(upstream.port, ca=authority.ca) as client:
            assert client.auth_xoauth2(user, shown)[0] == 334  # the error, as JSON
            assert client.docmd("")[0] == 535


def test_no_mail_without_a_token(upstream, authority):
    with Submission(upstream.port, ca=authority.ca) as client:
        code, text = client.submit(SENDER, recipient_new(), message())
        assert (code // 100, text[:5]) == (5, "5.7.1")


def test_the_refusing_recipients(upstream, authority):
    with Submission(upstream.port, ca=authority.ca) as client:
        assert client.auth_xoauth2(SENDER, upstream.issuer.token())[0] == 235
        assert client.submit(SENDER, recipient_new("refused"), message())[0] == 550
        client.rset()
        assert client.submit(SENDER, recipient_new("later"), message())[0] == 451
