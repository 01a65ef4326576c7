"""Tokens by real issuers: opaque ones, short-lived ones, forgotten ones, refused secrets."""

import time

import pytest

from conftest import PASSWORD
from gateway import Gateway, trace_fields
from issuer import Issuer
from message import SENDER, message, recipient_new, stored
from submission import submission_open
from upstream import Upstream


def send(gateway, sender=SENDER):
    to = recipient_new()
    data = message(to=to, sender=sender)
    with submission_open(gateway) as client:
        assert client.auth_plain(sender, PASSWORD)[0] == 235
        assert client.submit(sender, to, data)[0] == 250
    return to, data


def test_two_tenants_each_to_its_own_upstream(gateway_new, upstream_of):
    """One gateway; JWT with local validation for one tenant, opaque and introspection for the other."""
    upstreams = {kind: upstream_of(kind) for kind in ("jwt", "opaque")}
    gateway = gateway_new(
        upstreams={kind: Gateway.upstream(upstream, "client-secret") for kind, upstream in upstreams.items()},
        routes=[{"tenant": upstream.domain, "upstream": kind} for kind, upstream in upstreams.items()]
        + [{"from": "*", "upstream": "main"}])
    for kind, upstream in upstreams.items():
        account = f"copier@{upstream.domain}"
        gateway.tenant_add(upstream.domain)
        gateway.user_add(account, PASSWORD)
        to, data = send(gateway, account)
        mail = upstream.wait_mail(to)
        trace_fields(mail.text, stored(data))
        assert upstream.sign_in_of(mail) == ("XOAUTH2", account)
    assert upstreams["opaque"].issuer.stats()["introspections"] > 0


@pytest.fixture
def own_issuer(directory, authority, request):
    place = directory / f"own-{len(list(directory.glob('own-*')))}"
    place.mkdir()
    issuer = Issuer(place, authority, "any@contoso.example", token_format="opaque",
                    **getattr(request, "param", {})).start()
    yield issuer
    issuer.stop()


@pytest.fixture
def own_upstream(authority, own_issuer):
    """A mail service and issuer for one test alone, since the test breaks them."""
    upstream = Upstream(own_issuer.directory, authority, own_issuer)
    try:
        yield upstream.start()
    finally:
        upstream.stop()


def open_gateway(gateway_new, upstream):
    gateway = gateway_new(upstream)
    gateway.tenant_add("contoso.example")
    gateway.user_add(SENDER, PASSWORD)
    return gateway


@pytest.mark.parametrize("own_issuer", [{"ttl_seconds": 3}], indirect=True)
def test_a_token_that_lives_three_seconds(gateway_new, own_upstream):
    gateway = open_gateway(gateway_new, own_upstream)
    for _ in range(3):
        to, _ = send(gateway)
        own_upstream.wait_mail(to)
        time.sleep(4)
        own_upstream.postfix.stop()  # so that the next mail has to sign in again
        own_upstream.postfix.start(own_upstream.port)
    assert own_upstream.issuer.stats()["tokensIssued"] >= 3


def test_a_token_that_the_service_no_longer_knows(gateway_new, own_upstream):
    """The issuer forgets all its tokens: the gateway asks once for a new one, and the mail goes."""
    gateway = open_gateway(gateway_new, own_upstream)
    to, _ = send(gateway)
    own_upstream.wait_mail(to)
    own_upstream.issuer.stop()
    own_upstream.postfix.stop()
    own_upstream.issuer.start()
    own_upstream.postfix.start(own_upstream.port)
    to, _ = send(gateway)
    own_upstream.wait_mail(to, seconds=40)
    assert own_upstream.issuer.stats()["tokensIssued"] == 1  # counted since its new start


def test_mail_waits_while_the_issuer_is_down(gateway_new, own_upstream):
    own_upstream.issuer.stop()
    gateway = open_gateway(gateway_new, own_upstream)
    to, data = send(gateway)
    gateway.queue_wait(lambda rows: [row for row in rows if to in row["to"] and row["lastReply"]])
    own_upstream.issuer.start()
    mail = own_upstream.wait_mail(to, seconds=60)
    trace_fields(mail.text, stored(data))


def test_a_wrong_secret_keeps_the_mail_and_says_so(gateway_new, own_upstream):
    gateway = open_gateway(gateway_new, own_upstream)
    (gateway.directory / "client-secret").write_text("not the secret\n")
    gateway.stop()
    gateway.start()
    to, _ = send(gateway)
    rows = gateway.queue_wait(lambda rows: [row for row in rows if to in row["to"] and row["lastReply"]])
    assert "invalid_client" in rows[0]["lastReply"], rows
    assert own_upstream.issuer.stats()["tokensRefused"] >= 1
    assert not own_upstream.delivered(to)
    (gateway.directory / "client-secret").write_text(own_upstream.issuer.secret + "\n")
    gateway.hang_up()
    own_upstream.wait_mail(to, seconds=60)
