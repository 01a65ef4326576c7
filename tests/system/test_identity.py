"""Account, mailbox and sender are apart: whose mailbox signs in upstream says nothing of who the message is from."""

import pytest

from conftest import PASSWORD
from gateway import Gateway
from message import SENDER, message, recipient_new
from submission import submission_open

SHARED = "scans@contoso.example"
DELEGATE = "delegate@contoso.example"


@pytest.fixture(scope="module")
def delegated(directory, authority, upstream):
    """A gateway that signs in upstream as DELEGATE, whoever has signed in to it."""
    gateway = Gateway(directory / "gateway-identity", authority, upstream)
    gateway.settings["upstreams"]["main"]["mailbox"] = DELEGATE
    gateway.write()
    gateway.start()
    gateway.tenant_add("contoso.example")
    gateway.user_add(SENDER, PASSWORD)
    gateway.call("user", "set", SENDER, "send-as", SHARED)
    yield gateway
    gateway.stop()


def arrived(gateway, upstream, sender, data=None):
    """(who signed in upstream, the envelope's sender, the mail)"""
    to = recipient_new("identity")
    with submission_open(gateway) as client:
        assert client.auth_login(SENDER, PASSWORD)[0] == 235
        code, text = client.submit(sender, to, data or message(sender=sender))
        assert code == 250, text
    mail = upstream.wait_mail(to)
    return upstream.sign_in_of(mail)[1], mail.sender, mail


@pytest.mark.parametrize("sender", [SENDER, SHARED])
def test_a_delegate_sends_as_whom_it_is_told(delegated, upstream, sender):
    """XOAUTH2's user is the mailbox, MAIL FROM is the sender; in Exchange this wants SendAs on the sender for the delegate."""
    signed_in, envelope, mail = arrived(delegated, upstream, sender)
    assert signed_in == DELEGATE and envelope == sender and f"From: Copier <{sender}>".encode() in mail.text


def test_the_accounts_own_mailbox_sends_as_a_shared_one(gateway, upstream):
    gateway.call("user", "set", SENDER, "send-as", SHARED)
    signed_in, envelope, _ = arrived(gateway, upstream, SHARED)
    assert signed_in == SENDER and envelope == SHARED


def test_a_rewritten_from_goes_by_the_fixed_mailbox(delegated, upstream):
    delegated.call("user", "set", SENDER, "from-rewrite", SHARED)
    try:
        signed_in, envelope, mail = arrived(delegated, upstream, "anybody@elsewhere.example")
        assert signed_in == DELEGATE and envelope == SHARED
        assert f"From: Copier <{SHARED}>".encode() in mail.text and b"Reply-To: Copier <anybody@elsewhere.example>" in mail.text
    finally:
        delegated.call("user", "set", SENDER, "from-rewrite", "")
    signed_in, envelope, mail = arrived(delegated, upstream, SENDER)
    assert envelope == SENDER and b"Reply-To" not in mail.text
