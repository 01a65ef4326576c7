"""Mail through the gateway to a real mail service: whole, and authenticated by XOAUTH2."""

import re

import pytest

import dovecot

from conftest import PASSWORD
from gateway import HOSTNAME, Gateway, event_id, trace_fields, without_event_id
from message import SENDER, message, recipient_new, scan, stored
from submission import Submission, submission_open

LISTENERS = ["starttls", "implicit", "none", "auto"]
SIGN_INS = {
    "plain-1": lambda client: client.auth_plain(SENDER, PASSWORD, steps=1),
    "plain-2": lambda client: client.auth_plain(SENDER, PASSWORD, steps=2),
    "login-2": lambda client: client.auth_login(SENDER, PASSWORD, steps=2),
    "login-1": lambda client: client.auth_login(SENDER, PASSWORD, steps=1),
}


def arrived(upstream, to, data, account=SENDER, seconds=20):
    """The mail for `to`: below the gateway's own fields exactly `data`, sent by XOAUTH2."""
    mail = upstream.wait_mail(to, seconds=seconds)
    fields = trace_fields(mail.text, stored(data))
    assert fields and fields[0][0] == "Received", fields
    assert f"by {HOSTNAME}" in fields[0][1], fields
    assert upstream.sign_in_of(mail) == ("XOAUTH2", account)
    return mail


@pytest.mark.parametrize("how", SIGN_INS)
@pytest.mark.parametrize("listener", LISTENERS)
def test_scan_arrives_whole(submission, upstream, listener, how):
    to = recipient_new()
    data = scan(100_000, to)
    with submission(listener) as client:
        code, text = SIGN_INS[how](client)
        assert code == 235, text
        assert text.startswith("2.7.0 Authentication successful")
        code, text = client.submit(SENDER, to, data)
        assert (code, text[:5]) == (250, "2.0.0")
        event_id(text)
    mail = arrived(upstream, to, data)
    assert mail.sender == SENDER


def signing_in(upstream, auth, tls, password_file):
    """The settings' upstream that signs in so."""
    settings = {**Gateway.upstream(upstream, "client-secret"), "auth": auth, "tls": tls,
                "port": upstream.tls_port if tls == "implicit" else upstream.port}
    if auth in ("login", "plain"):
        for key in ("token-url", "client-id", "client-secret-file", "scope"):
            del settings[key]
        settings.update({"user": SENDER, "password-file": password_file})
    return settings


@pytest.mark.parametrize("auth, mechanism", [("xoauth2", "XOAUTH2"), ("oauthbearer", "OAUTHBEARER"), ("login", "LOGIN"), ("plain", "PLAIN")])
def test_every_way_of_signing_in_upstream(gateway_new, upstream, tmp_path, auth, mechanism):
    """Over STARTTLS and implicit TLS; what the server noted is what the settings say."""
    secret = tmp_path / "relay-password"
    secret.write_text(dovecot.PASSWORD + "\n")
    secret.chmod(0o600)
    gateway = gateway_new(upstreams={tls: signing_in(upstream, auth, tls, secret) for tls in ("starttls", "implicit")},
                          routes=[{"from": f"copier@{tls}.contoso.example", "upstream": tls} for tls in ("starttls", "implicit")])
    gateway.tenant_add("contoso.example")
    gateway.user_add(SENDER, PASSWORD)
    gateway.call("user", "set", SENDER, "send-as", "@starttls.contoso.example @implicit.contoso.example")
    for tls in ("starttls", "implicit"):
        to = recipient_new()
        sender = f"copier@{tls}.contoso.example"
        with submission_open(gateway) as client:
            assert client.auth_plain(SENDER, PASSWORD)[0] == 235
            assert client.submit(sender, to, message(to=to, sender=sender))[0] == 250
        assert upstream.sign_in_of(upstream.wait_mail(to)) == (mechanism, SENDER)


@pytest.mark.parametrize("listener", LISTENERS)
def test_20_megabytes(submission, upstream, listener):
    to = recipient_new()
    data = scan(20 * 1024 * 1024 * 57 // 78, to)  # base64 with line ends: 78 octets for 57
    assert len(data) >= 20 * 1024 * 1024
    with submission(listener) as client:
        assert client.auth_plain(SENDER, PASSWORD)[0] == 235
        assert client.submit(SENDER, to, data)[0] == 250
    arrived(upstream, to, data, seconds=60)


@pytest.mark.parametrize("size", [0, 1, 4096, 32 * 1024 - 1, 32 * 1024, 32 * 1024 + 1, 1024 * 1024])
def test_every_way_of_keeping_a_body(submission, upstream, size):
    """Small bodies and large ones are kept differently: both sides of the border."""
    to = recipient_new()
    data = message(to=to, body=b"")
    data += (b"0123456789" * 100)[:max(0, size - len(data)) % 1000]
    while len(data) < size - 1000:
        data += b"." + b"x" * 61 + b"\r\n"
    data = data + b"\r\n" if not data.endswith(b"\r\n") else data
    with submission() as client:
        assert client.auth_plain(SENDER, PASSWORD)[0] == 235
        assert client.submit(SENDER, to, data)[0] == 250
    arrived(upstream, to, data)


def test_several_messages_on_one_connection(submission, upstream):
    mails = []
    with submission() as client:
        assert client.auth_plain(SENDER, PASSWORD)[0] == 235
        for _ in range(5):
            to = recipient_new()
            mails.append((to, scan(20_000, to, seed=len(mails))))
            assert client.submit(SENDER, to, mails[-1][1])[0] == 250
    for to, data in mails:
        arrived(upstream, to, data)


def test_several_recipients_get_one_copy_each(submission, upstream):
    everybody = [recipient_new() for _ in range(25)]
    data = message(body=b"To all of you.\r\n")
    with submission() as client:
        assert client.auth_plain(SENDER, PASSWORD)[0] == 235
        assert client.submit(SENDER, everybody, data)[0] == 250
    for to in everybody:
        arrived(upstream, to, data)
        assert len(upstream.delivered(to)) == 1


def test_utf8_address_and_pipelining(submission, upstream):
    to = "宛先" + recipient_new()
    data = message("件名", "本文です。\r\n".encode(), to)
    assert b"\xe4\xbb\xb6" in data
    with submission() as client:
        assert {"smtputf8", "8bitmime", "pipelining", "size", "dsn"} <= set(client.esmtp_features)
        assert client.auth_plain(SENDER, PASSWORD)[0] == 235
        client.send(f"MAIL FROM:<{SENDER}> BODY=8BITMIME SMTPUTF8\r\nRCPT TO:<{to}>\r\nDATA\r\n")
        assert [client.getreply()[0] for _ in range(3)] == [250, 250, 354]
        client.send(data + b".\r\n")
        assert client.getreply()[0] == 250
    arrived(upstream, to, data)


def test_the_token_is_asked_for_once(submission, upstream):
    before = upstream.issuer.stats()["tokensIssued"]
    for _ in range(5):
        to = recipient_new()
        with submission() as client:
            assert client.auth_plain(SENDER, PASSWORD)[0] == 235
            assert client.submit(SENDER, to, message(to=to))[0] == 250
        upstream.wait_mail(to)
    assert upstream.issuer.stats()["tokensIssued"] - before <= 1


def test_the_trace_tells_what_became_of_it(gateway, submission, upstream):
    to = recipient_new()
    data = message("Where did it go", to=to)
    with submission() as client:
        assert client.auth_plain(SENDER, PASSWORD)[0] == 235
        _, text = client.submit(SENDER, to, data)
    mail = arrived(upstream, to, data)
    name = re.search(rb"Message-ID: (<.*>)", data)[1].decode()
    gateway.queue_wait(lambda rows: not [row for row in rows if to in row["to"]])
    (row,) = gateway.rows("trace", "--message-id", name)
    assert row["eventId"] == event_id(text)
    assert (row["from"], row["subject"], row["messageId"]) == (SENDER, "Where did it go", name)
    (fate,) = row["recipients"]
    assert (fate["address"], fate["state"], fate["upstream"]) == (to, "sent", "main")
    assert mail.queue_id in fate["reply"]


@pytest.mark.parametrize("fields,envelope,answer", [
    ((), "other@contoso.example", "5.7.60"),
    ((b"From: Chief <chief@contoso.example>",), SENDER, "5.2.252"),
])
def test_an_account_sends_as_itself_only(submission, upstream, fields, envelope, answer):
    to = recipient_new()
    data = message(to=to)
    if fields:
        data = re.sub(rb"^From: [^\r]*", fields[0], data)
    with submission() as client:
        assert client.auth_plain(SENDER, PASSWORD)[0] == 235
        code, text = client.submit(envelope, to, data)
    assert code // 100 == 5 and text.startswith(answer), (code, text)
    event_id(text)
    assert not upstream.delivered(to)


@pytest.mark.parametrize("account,named", [("front@contoso.example", False), ("desk@contoso.example", True)])
def test_send_as_list(gateway, upstream, account, named):
    """As a shared mailbox; with Sender telling who it was, or without."""
    shared = "shared@contoso.example"
    gateway.user_add(account, PASSWORD)
    gateway.call("user", "set", account, "send-as", shared)
    to = recipient_new()
    data = message(to=to, sender=shared, fields=[f"Sender: Somebody <{account}>".encode()] if named else [])
    with submission_open(gateway) as client:
        assert client.auth_plain(account, PASSWORD)[0] == 235
        code, text = client.submit(shared, to, data)
        assert code == 250, text
    assert arrived(upstream, to, data, account=account).sender == shared


def test_nothing_without_sign_in(submission, upstream):
    to = recipient_new()
    for listener in LISTENERS:
        with submission(listener) as client:
            code, text = client.submit(SENDER, to, message(to=to))
            assert (code, without_event_id(text)) == (530, "5.7.57 Client not authenticated to send mail.")
    assert not upstream.delivered(to)


def test_no_password_is_taken_in_clear_where_tls_is_asked_for(gateway):
    with Submission(gateway.port["starttls"], tls="none") as client:
        assert "auth" not in client.esmtp_features
        assert client.auth_plain(SENDER, PASSWORD)[0] // 100 == 5
    assert [row for row in gateway.signins("--user", SENDER, "--status", "success")
            if row.get("listener") == "starttls" and not row.get("tlsVersion")] == []
