"""What a token endpoint may say in place of a token: each its own sentence with the mend, in both languages; mail waits and never bounces."""

import base64
import http.server
import json
import os
import re
import subprocess
import threading
import time
import types

import pytest

from conftest import PASSWORD
from gateway import BINARY, Gateway
from message import SENDER, message
from port import port_free, wait_until
from process import run
from submission import submission_open

LONG = os.environ.get("SEKISHO_TORTURE") == "long"

# In the order in which the sandbox lets them strike: what it is, and what both languages say.
TROUBLES = [
    ("token-endpoint-down", "closed the connection without an answer", "応答せずに"),
    ("token-page", "a page for people came in place of the token endpoint's answer", "Web ページが返されました"),
    ("token-nonsense", "the token endpoint's answer is not a JSON object", "JSON"),
    ("wrong-secret", "The client secret is wrong", "シークレット"),
    ("expired-secret", "The client secret has expired", "期限が切れています"),
    ("app-disabled", "The app is disabled", "無効"),
    ("consent-missing", "Nobody has consented to this app's permissions", "同意が与えられていません"),
    ("no-resource", "The service named in the scope is not known in this tenant", "スコープ"),
    ("clock-skew", "The signed assertion is not valid at this time. Set this machine's clock right", "時計"),
    ("mfa-needed", "Multi-factor authentication is required here", "多要素認証"),
    ("conditional-access", "A Conditional Access policy blocks this sign-in", "条件付きアクセス"),
    ("person-disabled", "The account is disabled", "無効"),
    ("token-throttled", "The tenant makes too many requests at present", "要求"),
]


class Both:
    """A sandbox, and a gateway with one upstream for each of `ways` (settings beside the common ones)."""

    def __init__(self, sandbox, authority, place, ways, **changes):
        self.sandbox = sandbox
        self.base = {"kind": "smtp", "host": "localhost", "port": sandbox.port, "ca-file": sandbox.ca, "token-url": sandbox.json["tokenUrl"],
                     "client-id": sandbox.json["clientId"], "scope": sandbox.json["scope"]}
        towards = types.SimpleNamespace(host="localhost", port=sandbox.port, authority=types.SimpleNamespace(ca=sandbox.ca),
                                        issuer=types.SimpleNamespace(token_url=sandbox.json["tokenUrl"], client_id=sandbox.json["clientId"],
                                                                     scope=sandbox.json["scope"], secret=sandbox.secret()))
        self.gateway = Gateway(place, authority, towards, upstreams={"main": None, **{
            name: {key: value for key, value in {**self.base, **way}.items() if value is not None} for name, way in ways.items()}},
            routes=[{"from": f"{name}@contoso.example", "upstream": name} for name in ways] + [{"from": "*", "upstream": next(iter(ways))}], **changes)
        self.gateway.start()
        self.gateway.tenant_add("contoso.example")
        for name in {"copier", *ways}:
            self.gateway.user_add(f"{name}@contoso.example", PASSWORD)

    def send(self, name="copier"):
        sender = f"{name}@contoso.example"
        with submission_open(self.gateway) as client:
            assert client.auth_plain(sender, PASSWORD)[0] == 235
            assert client.submit(sender, "someone@example.net", message(sender=sender))[0] == 250

    def arrives(self, name, count=1):
        before = len(self.sandbox.mail())
        self.send(name)
        wait_until(lambda: len(self.sandbox.mail()) == before + count, 30, lambda: self.gateway.log()[-3000:])
        envelope = self.sandbox.mail()[-1][1]
        assert (envelope["authenticatedAs"], envelope["mechanism"]) == (f"{name}@contoso.example", "XOAUTH2")

    def no_token(self, name, *words):
        answer = self.gateway.call("upstream", "token", name, *words, check=False)
        assert answer.returncode == 75, answer
        return answer.stderr


@pytest.fixture
def both(sandbox_new, authority, directory):
    running = []

    def start(cases, ways, **changes):
        one = Both(sandbox_new(*cases), authority, directory / f"trouble-{len(list(directory.glob('trouble-*')))}", ways, **changes)
        running.append(one)
        return one
    yield start
    for one in running:
        one.gateway.stop()


def test_each_trouble_has_its_sentence_and_the_mail_waits(both):
    one = both([f"{case}:1" for case, _, _ in TROUBLES], {"main": {"client-secret-file": "client-secret"}}, limits={"retry-first-seconds": 3600})
    one.send()  # uses up the first
    for at, (case, english, japanese) in enumerate(TROUBLES):
        if at > 0:
            one.gateway.call("queue", "flush")  # asks again at once
        row = one.gateway.queue_wait(lambda rows: rows and english in (rows[0]["lastReply"] or "") and rows[0], 20)
        assert row["state"] in ("deferred", "paused", "ready"), (case, row)
        # The answer is kept for a while: whoever asks now gets the same, and the endpoint is not asked again.
        assert english in one.no_token("main"), case
        assert japanese in one.no_token("main", "--lang", "ja"), case
    one.gateway.call("queue", "flush")
    one.gateway.queue_wait(lambda rows: not rows, 30)
    assert len(one.sandbox.mail()) == 1
    shown = one.gateway.record("upstream", "token", "main")
    assert (shown["aud"], shown["roles"], shown["appid"]) == ("https://outlook.office365.com", ["SMTP.SendAsApp"], one.sandbox.json["clientId"])
    assert "SANDBOX" not in json.dumps(shown) and shown["generation"] == 1 and shown["exp"] > "2026"
    assert one.sandbox.secret() not in one.gateway.log()


class Proxy(http.server.BaseHTTPRequestHandler):
    """An HTTP proxy that wants a name and password, and then says 502."""
    seen = []

    def do_CONNECT(self):
        self.seen.append(self.headers.get("Proxy-Authorization"))
        known = self.seen[-1] == "Basic " + base64.b64encode(b"gate:pass word").decode()
        self.send_response(502 if known else 407)
        self.send_header("Proxy-Authenticate", 'Basic realm="x"')
        self.send_header("Connection", "close")
        self.end_headers()

    def log_message(self, *_):
        pass


def test_what_is_wrong_in_the_settings_or_on_the_way(both, tmp_path):
    port, closed = port_free(2)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Proxy)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    password = tmp_path / "proxy-password"
    password.write_text("pass word\n")
    password.chmod(0o600)
    secret = {"client-secret-file": "client-secret"}
    one = both([], {
        "main": secret,
        "tenant": {**secret, "token-url": "https://localhost:1/nowhere.example/oauth2/v2.0/token"},
        "client": {**secret, "client-id": "00000000-0000-0000-0000-000000000000"},
        "scope": {**secret, "scope": "https://outlook.office.com/SMTP.Send"},
        "closed": {**secret, "token-url": f"https://localhost:{closed}/contoso.example/oauth2/v2.0/token"},
        "trust": {**secret, "ca-file": None},
        "unnamed": {**secret, "proxy": f"http://127.0.0.1:{port}"},
        "named": {**secret, "proxy": f"http://gate@127.0.0.1:{port}", "proxy-password-file": password},
        "person": {"flow": "device-code"},
    })
    settings = one.gateway.settings["upstreams"]
    settings["tenant"]["token-url"] = one.sandbox.json["tokenUrl"].replace("contoso", "nowhere")
    one.gateway.write()
    one.gateway.call("reload")
    wait_until(lambda: one.gateway.log().count("settings taken") > 0, 10, one.gateway.log)
    for name, english in (("tenant", "The tenant does not exist"), ("client", "The app is not in this tenant"),
                          ("scope", "The scope is not valid"), ("closed", "cannot connect to localhost"),
                          ("trust", "the certificate of localhost cannot be trusted"),
                          ("unnamed", "wants a name and password, or refuses those it got (407)"),
                          ("named", "the proxy on the way to localhost refuses"),
                          ("person", "nobody has signed in for upstream person yet. Sign in: sekisho upstream login person")):
        said = one.no_token(name)
        assert english in said, (name, said)
        japanese = one.no_token(name, "--lang", "ja")
        assert re.search("[ぁ-ん]", japanese), japanese
    assert any(Proxy.seen), "the password reached the proxy"
    assert "pass word" not in one.gateway.log()
    server.shutdown()


class Login:
    def __init__(self, one, name, *words):
        self.child = subprocess.Popen([BINARY, "upstream", "login", name, *words, "--json", "-c", one.gateway.file], stdin=subprocess.PIPE,
                                      stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.shown = json.loads(self.child.stdout.readline() or "{}")

    def end(self):
        out, said = self.child.communicate(timeout=30)
        return self.child.returncode, out, said


def browser(one, url):
    return run(["curl", "-sS", "-L", "--cacert", one.sandbox.ca, url]).stdout


def test_the_ways_that_other_issuers_do_not_know(both):
    """Certificates as Entra wants them (x5t#S256), a federated token, the metadata service, a person by code and by page."""
    sandbox = both(["metadata-updating:1", "refresh-expired:1"], {"main": {"client-secret-file": "client-secret"}})
    json_ = sandbox.sandbox.json
    certificate = {"certificate-file": json_["certificateFile"], "key-file": json_["keyFile"]}
    person = {"scope": json_["userScope"]}
    ways = {
        "ps256": certificate,
        "rs256": {**certificate, "assertion-algorithm": "RS256"},
        "federated": {"federated-token-file": json_["federatedTokenFile"]},
        "machine": {"managed-identity": "yes", "managed-identity-url": json_["managedIdentityUrl"], "client-id": None, "token-url": None, "auth": "xoauth2"},
        "device": {**person, "flow": "device-code"},
        "page": {**person, "flow": "auth-code"},
    }
    gateway = sandbox.gateway
    gateway.settings["upstreams"].update({name: {key: value for key, value in {**sandbox.base, **way}.items() if value is not None}
                                          for name, way in ways.items()})
    gateway.settings["routes"] = [{"from": f"{name}@contoso.example", "upstream": name} for name in ways] + [{"from": "*", "upstream": "main"}]
    gateway.write()
    gateway.stop()
    gateway.start()
    for name in ways:
        gateway.user_add(f"{name}@contoso.example", PASSWORD)
    assert "HTTP 410" in sandbox.no_token("machine")
    gateway.call("queue", "flush")
    for name in ("ps256", "rs256", "federated", "machine"):
        sandbox.arrives(name)
        shown = gateway.record("upstream", "token", name)
        assert shown["roles"] == ["SMTP.SendAsApp"] and "upn" not in shown, shown
    login = Login(sandbox, "device")
    browser(sandbox, f"{login.shown['url']}?user_code={login.shown['code']}")
    status, out, said = login.end()
    assert status == 0 and json_["person"] in out, said
    said = sandbox.no_token("device")
    assert "The refresh token has expired" in said and "Sign in again: sekisho upstream login device" in said
    gateway.call("queue", "flush")
    sandbox.arrives("device")
    assert gateway.record("upstream", "token", "device")["upn"] == json_["person"]
    login = Login(sandbox, "page")
    assert "This page can be closed" in browser(sandbox, login.shown["url"])
    assert login.end()[0] == 0
    sandbox.arrives("page")


def test_a_service_account_has_a_token_for_each_mailbox(both):
    """Google's way: the mailbox stands in the assertion, and no mailbox gets another's token."""
    one = both([], {"main": {"client-secret-file": "client-secret"}, "other": {"client-secret-file": "client-secret"}})
    json_ = one.sandbox.json
    one.gateway.settings["upstreams"] = {"google": {**one.base, "client-id": None, "scope": "https://mail.google.com/",
                                                    "service-account-file": json_["serviceAccountFile"]}}
    one.gateway.settings["routes"] = [{"from": "*", "upstream": "google"}]
    one.gateway.write()
    one.gateway.stop()
    one.gateway.start()
    before = one.sandbox.stats()["tokensIssued"]
    for name in ("main", "other", "main"):
        one.arrives(name)
        assert one.gateway.record("upstream", "token", "google", "--mailbox", f"{name}@contoso.example")["upn"] == f"{name}@contoso.example"
    wait_until(lambda: one.sandbox.stats()["tokensIssued"] == before + 2, 5, one.sandbox.stats)
    answer = one.gateway.call("upstream", "token", "google", check=False)
    assert answer.returncode == 75 and "signs in as one mailbox, and none is named" in answer.stderr


def test_two_new_assertions_for_two_tokens(both):
    """The sandbox takes no assertion twice, and tokens live five seconds here: each request signs a new one."""
    one = both(["token-expiring"], {"main": {"client-secret-file": "client-secret"}})
    json_ = one.sandbox.json
    one.gateway.settings["upstreams"]["main"] = {**one.base, "certificate-file": json_["certificateFile"], "key-file": json_["keyFile"]}
    one.gateway.write()
    one.gateway.stop()
    one.gateway.start()
    for _ in range(2):
        assert one.gateway.record("upstream", "token", "main")["generation"] > 0
        time.sleep(6)
    wait_until(lambda: one.sandbox.stats()["tokensIssued"] >= 2, 5, one.sandbox.stats)


def test_tokens_that_end_under_load(both, capsys):
    """U4. Tokens live five seconds; mail goes on all the while: one request for each half of a life at most, nothing bounces, nobody is
    signed in as another. The long form has 40 identities and goes on to their 1,000th expiry."""
    names = ["main"] + [f"u{number}" for number in range(39 if LONG else 0)]
    one = both(["token-expiring"], {name: {"client-secret-file": "client-secret", "messages-per-minute-max": 0, "connections-max": 4}
                                    for name in names}, limits={"connections-upstream-idle-seconds-max": 1})
    began, sent = time.monotonic(), 0
    while one.sandbox.stats()["tokensIssued"] < 1000 + len(names) and time.monotonic() - began < (600 if LONG else 30):
        for name in names:
            sender = f"{name}@contoso.example"
            with submission_open(one.gateway) as client:
                assert client.auth_plain(sender, PASSWORD)[0] == 235
                for _ in range(3 if LONG else 10):
                    assert client.submit(sender, "someone@example.net", message(sender=sender))[0] == 250
                    sent += 1
        time.sleep(1.5)  # the connections end meanwhile: one that is signed in outlives its token
    one.gateway.queue_wait(lambda rows: not rows, 60)
    seconds = time.monotonic() - began
    time.sleep(1.2)  # the counts are written once a second
    stats, mail = one.sandbox.stats(), one.sandbox.mail()
    with capsys.disabled():
        print(f"\nU4: {stats['tokensIssued'] - len(names)} expiries of {len(names)} identities in {seconds:.0f} s, {sent} messages, {len(mail)} arrived")
    assert len(mail) == sent and stats["authFailures"] == 0, stats
    assert all(envelope["authenticatedAs"] == envelope["from"] for _, envelope in mail), "nobody as another"
    assert stats["tokensIssued"] <= (seconds / 2.5 + 1) * len(names), (seconds, stats)
    assert stats["tokensIssued"] >= (1000 + len(names) if LONG else seconds / 5 - 1), (seconds, stats)
