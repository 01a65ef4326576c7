"""Every way to a token, against an issuer that is not ours: it is fetched, and a mail goes out with it."""

import json
import re
import subprocess
import time

import pytest

from conftest import PASSWORD
from forge import Key, part
from gateway import BINARY, trace_fields
from issuer import Issuer
from message import message, recipient_new, stored
from port import wait_until
from process import run
from submission import submission_open
from upstream import Upstream

DOMAIN = "contoso.example"
PERSON = f"person@{DOMAIN}"
DEVICE = "urn:ietf:params:oauth:grant-type:device_code"
TTL_SECONDS = 4


class Application:
    """A key and certificate as an administrator makes them for an application: PEM, and PKCS#12."""

    def __init__(self, directory, name, days=30):
        self.id, self.directory = name, directory
        self.key, self.certificate, self.store = (directory / f"{name}.{ending}" for ending in ("key", "crt", "p12"))
        run(["openssl", "req", "-x509", "-nodes", "-newkey", "rsa:2048", "-sha256", "-days", str(days), "-subj", f"/CN={name}",
             "-keyout", self.key, "-out", self.certificate])
        self.password = directory / f"{name}.password"
        self.password.write_text("open sesame\n")
        run(["openssl", "pkcs12", "-export", "-inkey", self.key, "-in", self.certificate, "-passout", f"file:{self.password}", "-out", self.store])
        for secret in (self.key, self.store, self.password):
            secret.chmod(0o600)

    def client(self, algorithm):
        return {"id": self.id, "method": "private_key_jwt", "mailbox": f"any@{DOMAIN}", "certificate": str(self.certificate),
                "algorithm": algorithm}


@pytest.fixture(scope="module")
def place(directory):
    place = directory / "flows"
    place.mkdir()
    return place


@pytest.fixture(scope="module")
def applications(place):
    return {name: Application(place, name) for name in ("ps256", "rs256", "federated")}


@pytest.fixture(scope="module")
def issuer(place, authority, applications):
    issuer = Issuer(place, authority, f"any@{DOMAIN}", ttl_seconds=TTL_SECONDS, token_format="opaque", person=PERSON, clients=[
        applications["ps256"].client("PS256"), applications["rs256"].client("RS256"), applications["federated"].client("RS256"),
        {"id": "by-device", "method": "none", "mailbox": PERSON, "grants": [DEVICE, "refresh_token"]},
        {"id": "by-code", "method": "none", "mailbox": PERSON, "grants": ["authorization_code", "refresh_token"]},
    ]).start()
    yield issuer
    issuer.stop()


@pytest.fixture(scope="module")
def service(place, authority, issuer):
    upstream = Upstream(place, authority, issuer)
    try:
        yield upstream.start()
    finally:
        upstream.stop()


class FederatedToken:
    """What a cluster puts beside the gateway, and puts there anew before it ends."""

    def __init__(self, place, application, issuer):
        self.file, self.issuer, self.id = place / "federated-token", issuer, application.id
        self.key = Key.__new__(Key)
        self.key.kind, self.key.file = "rsa", application.key
        self.number = 0

    def write(self):
        self.number += 1
        now = int(time.time())
        head = part({"alg": "RS256", "typ": "JWT"}) + "." + part({
            "iss": self.id, "sub": self.id, "aud": self.issuer.token_url, "jti": f"federated-{self.number}", "iat": now, "exp": now + 60})
        self.file.write_text(f"{head}.{part(self.key.sign(head))}\n")


@pytest.fixture(scope="module")
def federated(place, applications, issuer):
    token = FederatedToken(place, applications["federated"], issuer)
    token.write()
    return token


@pytest.fixture(scope="module")
def gateway(gateway_new, service, issuer, applications, federated, place):
    """One upstream for each way, and mail from NAME@contoso.example goes by the one of that name."""
    base = {"kind": "smtp", "host": service.host, "port": service.port, "tls": "starttls", "ca-file": service.authority.ca, "auth": "xoauth2",
            "token-url": issuer.token_url, "scope": issuer.scope}
    stale = place / "stale-secret"
    stale.write_text("the secret before the last\n")
    stale.chmod(0o600)
    person = {**base, "scope": f"{issuer.scope} offline_access"}
    ways = {
        "secret": {**base, "client-id": issuer.client_id, "client-secret-file": "client-secret"},
        "rotated": {**base, "client-id": issuer.client_id, "client-secret-file": stale, "client-secret-file-next": "client-secret"},
        "pem": {**base, "client-id": "ps256", "certificate-file": applications["ps256"].certificate, "key-file": applications["ps256"].key},
        "pem-rs256": {**base, "client-id": "rs256", "certificate-file": applications["rs256"].certificate,
                      "key-file": applications["rs256"].key, "assertion-algorithm": "RS256"},
        "pkcs12": {**base, "client-id": "ps256", "certificate-file": applications["ps256"].store,
                   "certificate-password-file": applications["ps256"].password},
        "federated": {**base, "client-id": "federated", "federated-token-file": federated.file},
        "device": {**person, "client-id": "by-device", "flow": "device-code", "device-code-url": issuer.device_code_url},
        "code": {**person, "client-id": "by-code", "flow": "auth-code", "authorize-url": issuer.authorize_url},
    }
    gateway = gateway_new(service, upstreams={"main": None, **ways},
                          routes=[{"from": f"{name}@{DOMAIN}", "upstream": name} for name in ways] + [{"from": "*", "upstream": "secret"}])
    gateway.tenant_add(DOMAIN)
    for name in ways:
        gateway.user_add(f"{name}@{DOMAIN}", PASSWORD)
    return gateway


def send(gateway, name):
    sender, to = f"{name}@{DOMAIN}", recipient_new()
    data = message(to=to, sender=sender)
    with submission_open(gateway) as client:
        assert client.auth_plain(sender, PASSWORD)[0] == 235
        assert client.submit(sender, to, data)[0] == 250
    return to, data


def arrives(service, gateway, name):
    to, data = send(gateway, name)
    mail = service.wait_mail(to, seconds=30)
    trace_fields(mail.text, stored(data))
    assert service.sign_in_of(mail) == ("XOAUTH2", f"{name}@{DOMAIN}")


def waits(gateway, to, words):
    rows = gateway.queue_wait(lambda rows: [row for row in rows if to in row["to"] and words in (row["lastReply"] or "")], 30)
    return rows[0]["lastReply"]


@pytest.mark.parametrize("name", ["secret", "rotated", "pem", "pem-rs256", "pkcs12", "federated"])
def test_the_application_signs_in_by_itself(gateway, service, name):
    arrives(service, gateway, name)


def test_every_way_passes_the_test_of_its_upstream(gateway):
    """But for federated: this issuer takes each assertion once, and that one lies in a file."""
    for name in ("secret", "rotated", "pem", "pem-rs256", "pkcs12"):
        done = gateway.call("upstream", "test", name, check=False)
        assert done.returncode == 0 and f"<{name}@{DOMAIN}>" in done.stdout, (name, done.stdout, done.stderr)
    done = gateway.call("upstream", "test", "code", check=False)
    assert done.returncode == 1 and "\ntoken     fail" in done.stdout and "sekisho upstream login code" in done.stdout, done.stdout


def test_certificates_that_will_expire(gateway):
    ends = {item["name"]: item["daysLeft"] for item in gateway.record("status")["expiries"] if item["kind"] == "client-certificate"}
    assert sorted(ends) == ["pem", "pem-rs256", "pkcs12"] and ends["pem"] == ends["pkcs12"] > 0, ends


def test_which_of_two_secrets_works_is_in_the_log(gateway, service):
    arrives(service, gateway, "rotated")
    assert re.search(r"other credential works.* upstream=rotated.* works=client-secret-file-next", gateway.log()), gateway.log()[-3000:]


def test_a_federated_token_is_read_anew(gateway, service, federated):
    """The issuer takes each assertion once: only what is there by now can work."""
    for _ in range(2):
        time.sleep(TTL_SECONDS + 1)
        federated.write()
        token = gateway.record("upstream", "token", "federated")
        assert token["generation"] > 0
    assert federated.number >= 3


class Login:
    """`upstream login NAME` in a terminal."""

    def __init__(self, gateway, *words):
        self.child = subprocess.Popen([BINARY, "upstream", "login", *words, "--json", "-c", gateway.file], stdin=subprocess.PIPE,
                                      stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.shown = json.loads(self.child.stdout.readline() or "{}")

    def end(self, text=None, seconds=30):
        """(exit status, rows, what it said)."""
        out, said = self.child.communicate(text, timeout=seconds)
        return self.child.returncode, [json.loads(line) for line in out.splitlines()], said


def test_with_a_device_code(gateway, service, issuer):
    """Mail that came before the sign-in waits, and leaves by itself once somebody has signed in, while the daemon runs."""
    to, _ = send(gateway, "device")
    assert "Sign in: sekisho upstream login device" in waits(gateway, to, "upstream login")
    login = Login(gateway, "device")
    assert login.shown["step"] == "device-code" and login.shown["url"].startswith("https://localhost"), login.shown
    issuer.approve(login.shown["code"])
    status, rows, said = login.end()
    assert status == 0, said
    assert rows[-1]["upstream"] == "device"
    service.wait_mail(to, seconds=20)
    arrives(service, gateway, "device")
    assert any("upstream" in row["object"] and "device" in row["what"] for row in gateway.rows("audit"))
    [signed_in] = [item for item in gateway.record("status")["expiries"] if item["kind"] == "refresh-token" and item["name"] == "device"]
    assert signed_in["daysLeft"] in (89, 90) and signed_in["source"] == "vault"


def test_the_person_refuses(gateway, issuer):
    login = Login(gateway, "device")
    issuer.approve(login.shown["code"], refuse=True)
    status, _, said = login.end()
    assert status == 1 and "The sign-in was refused" in said, said


def test_one_sign_in_at_a_time_and_a_terminal_that_goes_away_frees_it(gateway):
    first = Login(gateway, "device")
    second = gateway.call("upstream", "login", "device", check=False)
    assert second.returncode == 75 and "already" in second.stderr, second
    first.child.kill()
    first.child.communicate()
    third = Login(gateway, "device")
    assert third.shown["step"] == "device-code"
    third.child.kill()
    third.child.communicate()


def test_a_refresh_token_is_rotated_and_outlives_a_kill(gateway, service, issuer):
    """Each access token lives four seconds; the issuer takes each refresh token once, and takes the whole sign-in back when one comes again."""
    before = issuer.stats()["tokensIssued"]
    for _ in range(3):
        time.sleep(TTL_SECONDS + 1)
        assert gateway.record("upstream", "token", "device")["generation"] > 0
    assert issuer.stats()["tokensIssued"] >= before + 3
    vault = gateway.directory / "state" / "vault"
    assert vault.stat().st_mode & 0o777 == 0o600 and (gateway.directory / "state" / "vault.key").stat().st_mode & 0o777 == 0o600
    gateway.kill()
    gateway.start()
    arrives(service, gateway, "device")


def test_no_secret_in_log_queue_or_vault(gateway, issuer):
    text = gateway.log() + gateway.call("queue", "list", "--json").stdout + (gateway.directory / "state" / "vault").read_text()
    assert issuer.secret not in text
    assert "eyJ" not in text, "no assertion"


def test_a_sign_in_that_was_taken_back(gateway, service, issuer):
    issuer.revoke()
    time.sleep(TTL_SECONDS + 1)
    service.postfix.stop()  # so that the next mail has to sign in again
    service.postfix.start(service.port)
    to, _ = send(gateway, "device")
    why = waits(gateway, to, "invalid_grant")
    assert "Sign in again: sekisho upstream login device" in why
    login = Login(gateway, "device")
    issuer.approve(login.shown["code"])
    assert login.end()[0] == 0
    service.wait_mail(to, seconds=20)


def test_with_a_page_that_leads_back(gateway, service, issuer):
    login = Login(gateway, "code")
    assert login.shown["step"] == "auth-code", login.shown
    assert "code_challenge_method=S256" in login.shown["url"] and "redirect_uri=http%3A%2F%2F127.0.0.1%3A" in login.shown["url"]
    page = issuer.browser(login.shown["url"])
    status, _, said = login.end()
    assert status == 0, (said, page)
    assert "This page can be closed" in page
    arrives(service, gateway, "code")


def test_with_a_pasted_address(gateway, service, issuer):
    login = Login(gateway, "code", "--paste")
    url = login.shown["url"]
    for _ in range(10):  # to the address that no page is at
        location = re.search(r"(?mi)^location: *(\S+)", issuer.browser(url, follow=False))[1]
        url = location if location.startswith("http") else f"https://localhost:{issuer.port}{location}"
        if url.startswith("http://127.0.0.1"):
            break
    forged = re.sub(r"state=[^&]+", "state=another", url)
    status, _, said = login.end(f"nonsense\n{forged}\n{url}\n")
    assert status == 0, said
    assert "there is no code in it" in said and "its state differs" in said, said
    arrives(service, gateway, "code")


def test_an_opaque_token_says_so(gateway):
    shown = gateway.call("upstream", "token", "secret", "--json")
    assert "this token is opaque" in shown.stderr and "sizeBytes" in json.loads(shown.stdout)


def test_a_wrong_secret_on_both_sides_of_a_rotation(gateway, place, issuer):
    """Nothing is asked more often than the two credentials allow."""
    before = issuer.stats()["tokensRefused"]
    good = (gateway.directory / "client-secret").read_text()
    (gateway.directory / "client-secret").write_text("wrong too\n")
    time.sleep(TTL_SECONDS + 1)
    answer = gateway.call("upstream", "token", "rotated", check=False)
    assert answer.returncode == 75 and "does not know this application, or its secret" in answer.stderr, answer
    wait_until(lambda: issuer.stats()["tokensRefused"] == before + 2, 5, lambda: issuer.stats())
    (gateway.directory / "client-secret").write_text(good)
    gateway.call("queue", "flush")
    assert gateway.record("upstream", "token", "rotated")["generation"] > 0


def test_a_certificate_that_has_ended(gateway_new, service, issuer, place):
    old = Application(place, "ended", days=30)
    run(["openssl", "x509", "-in", old.certificate, "-signkey", old.key, "-days", "-1", "-out", old.certificate])
    gateway = gateway_new(service, upstreams={"main": {
        "kind": "smtp", "host": service.host, "port": service.port, "ca-file": service.authority.ca, "token-url": issuer.token_url,
        "client-id": "ps256", "certificate-file": old.certificate, "key-file": old.key}})
    answer = gateway.call("upstream", "token", "main", check=False)
    assert answer.returncode == 75 and f"the certificate {old.certificate} ended on 20" in answer.stderr, answer
    assert "期限が切れました" in gateway.call("upstream", "token", "main", "--lang", "ja", check=False).stderr
