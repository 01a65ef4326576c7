"""An intruder's view: forged tokens (bar A5), senders that are not one's own, limits of the keeper, an open door."""

import json
import socket
import time

import pytest

from conftest import PASSWORD
from forge import TENANT, Key, KeyServer, claims, hs256, part, token
from gateway import event_id, without_event_id
from message import CRLF, SENDER, message, recipient_new
from port import port_free, wait_until
from submission import Submission, reply, stuffed, submission_open

ISSUER = "https://login.example/tenant/v2.0"
OTHER = "boss@contoso.example"


class Nowhere:
    """An upstream that does not answer: what is taken stays in the queue."""

    def __init__(self, authority):
        self.host, self.port, self.authority, self.issuer = "localhost", port_free(), authority, self
        self.token_url = f"https://localhost:{port_free()}/token"
        self.client_id, self.secret, self.scope = "client", "s3cr3t-of-the-test-00", "smtp.send"


@pytest.fixture(scope="module")
def keys(directory):
    place = directory / "keys"
    place.mkdir()
    return {"rsa": Key(place, "rsa-1"), "ec": Key(place, "ec-1", "p256"), "foreign": Key(place, "rsa-9"),
            "foreign_ec": Key(place, "ec-9", "p256")}


@pytest.fixture(scope="module")
def key_server(authority, keys):
    server = KeyServer(authority, [keys["rsa"], keys["ec"]])
    yield server
    server.stop()


@pytest.fixture(scope="module")
def upstream(authority):
    return Nowhere(authority)


def listeners_changed(gateway, **changes):
    """Start `gateway` anew with these keys in its listener `none`."""
    gateway.stop()
    gateway.settings["listeners"]["none"].update(changes)
    gateway.write()
    return gateway.start()


@pytest.fixture(scope="module")
def gateway(gateway_new, authority, key_server):
    gateway = gateway_new(
        issuers={"entra": {"issuer": ISSUER, "jwks-url": key_server.url, "ca-file": authority.ca, "tenant-id": TENANT,
                           "algorithms": ["RS256", "ES256"]}},
        limits={"retry-first-seconds": 1, "refusal-delay-ms": 20, "verified-entries-max": 0, "recipients-max": 30000,
                "failures-network-max": 100000})
    gateway.tenant_add("contoso.example")
    gateway.user_add(SENDER, PASSWORD)
    gateway.user_add(OTHER, PASSWORD)
    return gateway


def forged(keys):
    """Name and token: none of them is good for SENDER."""
    rsa, ec = keys["rsa"], keys["ec"]
    now = int(time.time())
    good = claims(ISSUER, SENDER)
    body = part(good)

    def changed(**changes):
        return token(rsa, claims(ISSUER, SENDER, **changes))

    for name in ("none", "None", "NONE", "nOnE", "", "RS255", "RS384", "RS512", "ES384", "EdDSA", "HS384"):
        yield f"alg {name!r} unsigned", part({"alg": name, "kid": rsa.name}) + "." + body + "."
        yield f"alg {name!r}", token(rsa, good, alg=name)
    yield "alg absent", token(rsa, good, alg=None)
    yield "alg a number", token(rsa, good, alg=256)
    yield "alg a list", token(rsa, good, alg=["RS256"])
    yield "PS256, which the settings do not allow", token(rsa, good, alg="PS256", pss=True)
    yield "PSS said to be RS256", token(rsa, good, pss=True)
    yield "ES256 with the RSA key's name", token(ec, good, alg="ES256", header={"kid": rsa.name})
    yield "RS256 with the EC key's name", token(rsa, good, header={"kid": ec.name})
    for name, secret in (("PEM", rsa.public.encode()), ("PEM without its last newline", rsa.public.strip().encode()),
                         ("DER", rsa.der), ("modulus", rsa.jwk()["n"].encode()), ("nothing", b"")):
        yield f"HS256 with the public key as {name}", hs256(good, secret, {"kid": rsa.name})
    for kid in ("../../../../dev/null", "/dev/null", "rsa-1\0", "rsa-1 ", "RSA-1", "' OR 1=1 --", "file:///etc/passwd", "",
                "a" * 255, "a" * 300, "rsa-9"):
        yield f"CVE-2021-29157 kid {kid[:24]!r}, another's key", token(keys["foreign"], good, header={"kid": kid})
    yield "kid a number", token(rsa, good, header={"kid": 1})
    yield "kid null, several keys", token(rsa, good, header={"kid": None})
    for name, value in (("jku", "KEYS"), ("x5u", "KEYS"), ("jwk", keys["foreign"].jwk()), ("x5c", [part(keys["foreign"].der)])):
        yield f"CVE-2018-0114 header {name}", token(keys["foreign"], good, header={name: value, "kid": "rsa-1"})
        yield f"CVE-2018-0114 header {name}, unknown kid", token(keys["foreign"], good, header={name: value, "kid": "rsa-9"})
    yield "crit", token(rsa, good, header={"crit": ["exp"], "exp": 1})
    for name, signature in (("r=s=0", bytes(64)), ("r=0", bytes(32) + b"\x01" * 32), ("s=0", b"\x01" * 32 + bytes(32)),
                            ("63 bytes", bytes(63)), ("empty", b"")):
        yield f"CVE-2022-21449 ES256 {name}", token(ec, good, alg="ES256", signature=signature)
    yield "ES256 by another's key", token(keys["foreign_ec"], good, alg="ES256", header={"kid": ec.name})
    whole = token(rsa, good)
    yield "altered claims", whole.replace("." + body + ".", "." + part(claims(ISSUER, SENDER, jti="x")) + ".")
    yield "signature cut", whole[:-4]
    yield "signature of another text", whole.rsplit(".", 1)[0] + "." + token(rsa, {**good, "jti": "y"}).rsplit(".", 1)[1]
    yield "padding", whole + "="
    yield "two parts", whole.rsplit(".", 1)[0]
    yield "four parts", whole + ".x"
    yield "five parts", ".".join([part({"alg": "dir", "enc": "A128GCM"}), "", part("iv"), body, part("tag")])
    yield "dots alone", ".."
    yield "claims a list", token(rsa, [good])
    yield "claims no JSON", token(rsa, "not json")
    yield "claims twice", token(rsa, json.dumps(good)[:-1] + f', "upn": "{SENDER}", "aud": "x"}}')
    yield "exp twice", token(rsa, json.dumps({**good, "exp": 1})[:-1] + f', "exp": {now + 3600}}}')
    for iss in ("https://login.example/tenant/v2.0/", "https://evil.example", ISSUER.upper(), ISSUER + "\0", "", None, [ISSUER]):
        yield f"iss {iss!r}", changed(iss=iss)
    for aud in ("https://graph.microsoft.com", "https://outlook.office.com.evil.example", "https://outlook.office.com/", "", None,
                [], ["https://graph.microsoft.com"], {"https://outlook.office.com": 1}, 1):
        yield f"aud {aud!r}", changed(aud=aud)
    for tid in ("99999999-2222-3333-4444-555555555555", "", None, [TENANT]):
        yield f"tid {tid!r}", changed(tid=tid)
    for exp in (now - 302, 0, -1, None, str(now + 3600), "never", True, [now + 3600]):
        yield f"exp {exp!r}", changed(exp=exp)
    yield "nbf in 310 s", changed(nbf=now + 310 + 60)
    yield "iat in 310 s", changed(iat=now + 310 + 60)
    for upn in (OTHER, "", None, SENDER + ".", " " + SENDER, [SENDER], f"{SENDER} {OTHER}"):
        yield f"upn {upn!r}", changed(upn=upn)
    for scp in ("Mail.Send", "SMTP.Sendx", "smtp.send", "xSMTP.Send", "", None, ["Mail.Send"], [["SMTP.Send"]], {"SMTP.Send": 1}):
        yield f"scp {scp!r}", changed(scp=scp)
    yield "a role's name as scope", changed(scp="SMTP.SendAsApp")
    yield "a scope's name as role", changed(scp=None, roles=["SMTP.Send"])
    yield "user's token with the role too", changed(upn=OTHER, roles=["SMTP.SendAsApp"])
    yield "deep", token(rsa, '{"a":' * 1000 + "1" + "}" * 1000)


def test_good_tokens_are_taken(gateway, keys):
    now = int(time.time())
    good = [token(keys["rsa"], claims(ISSUER, SENDER)), token(keys["ec"], claims(ISSUER, SENDER), alg="ES256"),
            token(keys["rsa"], claims(ISSUER, SENDER, aud=["x", "https://outlook.office365.com"], exp=now - 240, nbf=now + 240)),
            token(keys["rsa"], claims(ISSUER, None, scp=None, roles=["SMTP.SendAsApp"]))]
    for bearer in good:
        for sign_in in (Submission.bearer_xoauth2, Submission.bearer_oauthbearer):
            with submission_open(gateway) as client:
                assert sign_in(client, SENDER, bearer)[0] == 235


def test_forged_tokens_are_refused_alike(gateway, key_server, keys):
    """None is taken, by either mechanism, all with the same words; no address inside a token is asked."""
    before = list(key_server.asked)
    count = 0
    taken, words = [], set()
    for name, bearer in forged(keys):
        count += 1
        for sign_in in (Submission.bearer_xoauth2, Submission.bearer_oauthbearer):
            with submission_open(gateway) as client:
                code, text = sign_in(client, SENDER, bearer)
                if code == 235:
                    taken.append(name)
                words.add((code, without_event_id(text) if code == 535 else text))
    assert not taken
    assert count >= 60, count
    assert {code for code, _ in words} <= {535, 501}, words
    assert len({text for code, text in words if code == 535}) == 1, words
    assert set(key_server.asked) == {"/keys"}
    assert len(key_server.asked) - len(before) <= 1, "a flood of unknown keys is one question to the issuer"


def test_a_token_of_64_kib(gateway, keys):
    with submission_open(gateway) as client:
        code, _ = client.bearer_xoauth2(SENDER, token(keys["rsa"], claims(ISSUER, SENDER, jti="x" * 49152)))
        assert code in (500, 535)
        assert client.noop()[0] == 250
        assert client.auth_plain(SENDER, PASSWORD)[0] == 235


def test_forgers_are_locked_out_by_network(gateway_new, authority, key_server, keys):
    """Each forged token costs a signature's check: after some of them a network is refused unseen. Neither the name suffers elsewhere, nor who
    signed in from that network lately."""
    gateway = gateway_new(
        issuers={"entra": {"issuer": ISSUER, "jwks-url": key_server.url, "ca-file": authority.ca, "tenant-id": TENANT, "algorithms": ["RS256"]}},
        limits={"refusal-delay-ms": 20, "failures-network-max": 8, "failures-account-max": 4})
    gateway.tenant_add("contoso.example")
    gateway.user_add(SENDER, PASSWORD)
    gateway.user_add(OTHER, PASSWORD)
    good = token(keys["rsa"], claims(ISSUER, OTHER))
    forgery = good[:-8] + "AAAAAAAA"

    def sign_in(user, bearer, source="127.0.0.1"):
        with submission_open(gateway, source=source) as client:
            code, text = client.bearer_xoauth2(user, bearer)
            return code, gateway.signin(event_id(text))["status"]["errorCode"] if code != 235 else 0
    assert sign_in(SENDER, token(keys["rsa"], claims(ISSUER, SENDER))) == (235, 0)
    assert sign_in(OTHER, token(keys["rsa"], claims(ISSUER, OTHER, exp=1))) == (535, 500133)  # genuine, and so no forgery
    assert [sign_in(OTHER, forgery) for _ in range(8)] == [(535, 50027)] * 8
    assert sign_in(OTHER, good) == (535, 50053)
    assert sign_in(OTHER, good, source="127.0.0.2") == (235, 0)
    assert sign_in(SENDER, token(keys["rsa"], claims(ISSUER, SENDER))) == (235, 0)


def test_token_for_one_opens_no_other(gateway, keys):
    with submission_open(gateway) as client:
        assert client.bearer_xoauth2(OTHER, token(keys["rsa"], claims(ISSUER, SENDER)))[0] == 535
        assert client.bearer_xoauth2("nobody@contoso.example", token(keys["rsa"], claims(ISSUER, "nobody@contoso.example")))[0] == 535


def test_no_verified_cache(gateway):
    """verified-entries-max 0 is allowed; it must not cost the keeper its life."""
    for _ in range(2):
        with submission_open(gateway) as client:
            assert client.auth_plain(SENDER, PASSWORD)[0] == 235


def signed_in(gateway):
    client = submission_open(gateway)
    assert client.auth_plain(SENDER, PASSWORD)[0] == 235
    return client


def test_a_sender_behind_8_kib_of_blanks(gateway):
    """What the header scan cuts off is still read by whoever gets the mail."""
    field = f"From: Copier <{SENDER}>," + "\r\n ".join([" " * 900] * 10) + f"\r\n {OTHER}"
    data = field.encode() + CRLF + b"Subject: x" + CRLF + CRLF + b"x" + CRLF
    with signed_in(gateway) as client:
        code, text = client.submit(SENDER, recipient_new(), data)
        assert code == 554, text


def test_from_and_sender_of_another(gateway):
    for field in (b"From: " + OTHER.encode(), b"Sender: " + OTHER.encode() + b"\r\nFrom: " + SENDER.encode(),
                  b"From: " + SENDER.encode() + b"\r\nFrom: " + OTHER.encode(), b"FROM : " + OTHER.encode(),
                  b"From:\r\n " + OTHER.encode(), b"From: =?utf-8?q?x?= <" + OTHER.encode() + b">"):
        with signed_in(gateway) as client:
            assert client.submit(SENDER, recipient_new(), field + CRLF + CRLF + b"x" + CRLF)[0] in (550, 554), field


def test_a_large_message_after_a_refused_one(gateway):
    large = message(body=b"x" * 70 + CRLF) + (b"y" * 70 + CRLF) * 3000
    foreign = message(sender=OTHER) + (b"y" * 70 + CRLF) * 3000
    with signed_in(gateway) as client:
        for _ in range(2):
            code, text = client.submit(SENDER, recipient_new(), foreign)
            assert (code, "5.2.252" in text) == (554, True), text
            code, text = client.submit(SENDER, recipient_new(), large)
            assert code == 250, text


def test_long_fields_are_no_lack_of_room(gateway):
    fields = (b"X-Filler: 1", b"References: <a@b>")
    data = message(subject=b"s" * 900 + b"\r\n " + b"t" * 900, body=(b"z" * 70 + CRLF) * 430, fields=fields)
    data = data.replace(b"Message-ID: <", b"Message-ID: <" + b"m" * 900)
    with signed_in(gateway) as client:
        code, text = client.submit(SENDER, [recipient_new("r" * 40) for _ in range(250)], data)
        assert code == 250, text


def test_recipients_are_all_kept_or_none(gateway):
    """More than the keeper holds for one client: refused, never a 250 for some of them."""
    names = [f"{'r' * 50}{number}@{'d' * 50}.{'e' * 60}.{'f' * 60}.example.net" for number in range(6000)]
    with signed_in(gateway) as client:
        client.timeout = 60
        assert client.mail(SENDER)[0] == 250
        accepted = 0
        for at in range(0, len(names), 500):
            client.send("".join(f"RCPT TO:<{name}>\r\n" for name in names[at:at + 500]))
            accepted += sum(client.getreply()[0] == 250 for _ in names[at:at + 500])
        answer = client.docmd("DATA")
        if answer[0] != 354:
            return
        client.send(stuffed(message()) + b".\r\n")
        code, text = reply(client.getreply())
    if code == 250:
        rows = [row for row in gateway.rows("queue", "list") if len(row["to"]) > 1000]
        assert [len(row["to"]) for row in rows] == [accepted], (accepted, text)
    else:
        assert code in (452, 552), text


def test_the_event_id_after_a_refusal_in_between(gateway):
    """The Received field names the message as the 250 does, whatever was refused before DATA."""
    with signed_in(gateway) as client:
        assert client.mail(SENDER)[0] == 250
        assert client.docmd("RCPT", "TO:<not an address>")[0] in (501, 553, 550)
        code, text = client.submit(SENDER, recipient_new(), message(subject="named"))
        assert code != 250  # a second MAIL
        client.rset()
        assert client.mail(OTHER)[0] == 550
        code, text = client.submit(SENDER, recipient_new(), message(subject="named"))
        assert code == 250, text
    identity = text.rsplit("[", 1)[1].rstrip("]")
    assert f"id {identity}" in gateway.call("queue", "cat", identity).stdout


def test_the_control_socket_bears_abuse(gateway):
    """Malformed, endless and unread requests cost nobody else an answer."""
    path = str(gateway.directory / "control.sock")
    held = []

    def ask(data):
        sock = socket.socket(socket.AF_UNIX)
        sock.settimeout(5)
        sock.connect(path)
        try:
            sock.sendall(data)
        except OSError:  # cut off in the middle
            pass
        held.append(sock)

    for data in (b"\n", b"[]\n", b"{}\n", b"{\"verb\":1,\"args\":[]}\n", b"\xff\xfe\n", b"{\"verb\":\"user add\",\"args\":7}\n",
                 b"{\"verb\":\"signins\",\"args\":{\"since\":[1]}}\n", b"[" * 100000 + b"\n", b"x" * (8 << 20),
                 b"{\"verb\":\"queue show\",\"args\":{\"id\":-1}}\n", b"{\"verb\":\"" + b"v" * 5000 + b"\"}\n"):
        ask(data)
    for _ in range(8):
        ask(b"{\"verb\":\"signins\",\"args\":{\"follow\":true}}\n")  # and never reads
    assert gateway.record("status")
    for sock in held:
        sock.close()
    assert gateway.record("status")
    with signed_in(gateway) as client:
        assert client.noop()[0] == 250


def test_an_upstream_gone_from_the_settings_keeps_its_mail(gateway):
    """It waits, the log says why, and it is there when the name comes back."""
    to = recipient_new()
    with signed_in(gateway) as client:
        assert client.submit(SENDER, to, message(to=to))[0] == 250
    gateway.stop()
    was = gateway.settings["upstreams"], gateway.settings["routes"]
    gateway.settings["upstreams"], gateway.settings["routes"] = {"other": was[0]["main"]}, [{"from": "*", "upstream": "other"}]
    gateway.write()
    gateway.start()
    wait_until(lambda: "mail waits for an upstream that is not in the settings" in gateway.log(), 10, gateway.log)
    assert [row for row in gateway.rows("queue", "list") if to in row["to"]]
    gateway.stop()
    gateway.settings["upstreams"], gateway.settings["routes"] = was
    gateway.write()
    gateway.start()
    gateway.queue_wait(lambda rows: [row for row in rows if to in row["to"]])


def test_no_sign_in_needed_is_no_open_door(gateway):
    """require-auth no: only those under `trusted` may send without (and none is)."""
    listeners_changed(gateway, **{"require-auth": "no", "trusted": [{"from": "192.0.2.0/24", "account": SENDER}]})
    with submission_open(gateway, "none") as client:
        assert client.submit("anybody@anywhere.example", recipient_new(), message(sender="anybody@anywhere.example"))[0] == 530
    with submission_open(gateway, "none") as client:
        assert client.auth_plain(SENDER, PASSWORD)[0] == 235
        assert client.submit(SENDER, recipient_new(), message())[0] == 250


def test_trusted_but_refused(gateway):
    """A trusted address whose account is disabled: nothing is taken from it, and each event has a name of its own."""
    listeners_changed(gateway, **{"require-auth": "no", "trusted": [{"from": "127.0.0.0/8", "account": SENDER}]})
    with submission_open(gateway, "none") as client:
        assert client.submit(SENDER, recipient_new(), message())[0] == 250
        assert client.submit(OTHER, recipient_new(), message(sender=OTHER))[0] == 550
    gateway.call("user", "set", SENDER, "enabled", "no")
    for _ in range(2):
        with submission_open(gateway, "none") as client:
            assert client.submit(SENDER, recipient_new(), message())[0] == 530
    gateway.call("user", "set", SENDER, "enabled", "yes")


def test_two_administrators_at_once(gateway):
    """Of changes that overlap each holds, or is refused with a sentence: none undoes another."""
    gateway.user_add("both@contoso.example", PASSWORD)
    secret = gateway.directory / "another"
    secret.write_text("another password")
    secret.chmod(0o600)
    for turn in range(5):
        value = "off" if turn % 2 else "on"
        changes = [("passwd", "--password-file", str(secret)), ("set", "mfa", "enforced" if turn % 2 else "disabled"),
                   ("set", "smtp-auth", value), ("set", "auth-policy-basic-smtp", value)]
        running = [gateway.verb_process("user", verb, "both@contoso.example", *rest) for verb, *rest in changes]
        ended = [process.wait(20) for process in running]
        assert set(ended) <= {0, 75} and 0 in ended
        now = gateway.record("user", "show", "both@contoso.example")
        for (verb, *rest), code in zip(changes, ended):
            assert verb == "passwd" or code == 75 or now[rest[0]] == rest[1], (changes, ended, now)
