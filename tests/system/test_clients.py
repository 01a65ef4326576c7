"""Real clients send text, raw 8-bit Japanese and 20 MB, each way that it can, and it arrives."""

import email
import email.policy

import pytest

from client import ADDS_RECEIVED, CLIENTS, WRITES_ITSELF, Order
from conftest import PASSWORD
from gateway import trace_fields
from message import SENDER, message, recipient_new, scan, stored

LISTENERS = ["starttls", "none", "implicit"]


def text_mail(to):
    return message("Plain", b"Hello.\r\n.\r\n..\r\n.hidden dot\r\nFrom the start of a line\r\n", to)


def japanese_mail(to):
    return message("【複合機】①スキャン".encode("cp932"), "株式会社の㈱です。\r\n".encode("cp932") * 50, to,
                   fields=(b"MIME-Version: 1.0", b"Content-Type: text/plain; charset=Shift_JIS",
                           b"Content-Transfer-Encoding: 8bit"))


def large_mail(to):
    return scan(20 * 1024 * 1024 * 57 // 78, to)


def check(upstream, client, order, seconds):
    mail = upstream.wait_mail(order.to, seconds=seconds)
    assert mail.sender == SENDER
    assert upstream.sign_in_of(mail) == ("XOAUTH2", SENDER)
    if client in WRITES_ITSELF:
        parsed = email.message_from_bytes(mail.text, policy=email.policy.default)
        assert parsed["Subject"] == "件名 by s-nail"
        text, attached = parsed.iter_parts()
        assert text.get_content() == "本文です。\n.\n..\n"
        content = attached.get_content()
        if not isinstance(content, bytes):
            content = attached.get_payload(decode=True)
        assert content in (order.data, stored(order.data))
        return
    fields = trace_fields(mail.text, stored(order.data))
    assert [name for name, _ in fields] == ["Received"] * (2 if client in ADDS_RECEIVED else 1)


@pytest.mark.parametrize("kind", [text_mail, japanese_mail])
@pytest.mark.parametrize("listener", LISTENERS)
@pytest.mark.parametrize("client", CLIENTS, ids=lambda client: client.__name__)
def test_client(gateway, upstream, directory, client, listener, kind):
    to = recipient_new()
    place = directory / f"client-{to}"
    place.mkdir()
    order = Order(gateway, listener, SENDER, PASSWORD, to, kind(to), place)
    client(order)
    check(upstream, client, order, 20)


@pytest.mark.parametrize("client", CLIENTS, ids=lambda client: client.__name__)
def test_client_with_20_megabytes(gateway, upstream, directory, client):
    to = recipient_new()
    place = directory / f"client-{to}"
    place.mkdir()
    order = Order(gateway, "starttls", SENDER, PASSWORD, to, large_mail(to), place)
    client(order)
    check(upstream, client, order, 90)
