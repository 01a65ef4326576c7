"""`upstream test`: each step as it is, the failing one with its own cause and remedy, and nothing sent unasked."""

import base64
import http.server
import json
import re
import signal
import socket
import ssl
import threading
import time
import types
import urllib.parse

import pytest

from conftest import PASSWORD
from gateway import Gateway
from message import SENDER, message
from port import port_free, wait_until
from rogue import Rogue
from sandbox import RECIPIENT
from submission import submission_open

STEPS = ["dns", "tcp", "greeting", "tls", "token", "ehlo", "auth", "mail"]


class Trial:
    """What one run said."""

    def __init__(self, gateway, *words, name="main", language="en"):
        done = gateway.call("upstream", "test", name, *words, "--json", "--lang", language, check=False, seconds=60)
        self.exit, self.talk = done.returncode, done.stderr
        self.rows = [json.loads(line) for line in done.stdout.splitlines()]

    @property
    def steps(self):
        return [row["step"] for row in self.rows]

    def row(self, step):
        return next(row for row in self.rows if row["step"] == step)

    @property
    def failed(self):
        return next((row for row in self.rows if row["state"] == "fail"), None)


def failed_as(gateway, step, cause, **more):
    """The first failure, the same in both languages, each in its own words, told on stderr too."""
    trial, japanese = Trial(gateway, **more), Trial(gateway, language="ja", **more)
    assert trial.exit == japanese.exit == 1, (trial.rows, trial.talk)
    for one in (trial, japanese):
        assert (one.failed["step"], one.failed["cause"]) == (step, cause), one.rows
        assert one.failed["meaning"] in one.talk and one.failed.get("remedy", "") in one.talk
    assert japanese.failed["meaning"] != trial.failed["meaning"]
    assert re.search("[ぁ-ん]", japanese.failed["meaning"]), japanese.failed
    if "remedy" in trial.failed:
        assert japanese.failed["remedy"] != trial.failed["remedy"] and re.search("[ぁ-ん]", japanese.failed["remedy"])
    return trial.failed


# The real thing.

def test_all_is_well(gateway, upstream):
    before = len(upstream.delivered())
    trial = Trial(gateway)
    assert (trial.exit, trial.steps) == (0, STEPS), (trial.rows, trial.talk)
    assert all(row["state"] == "ok" and row["ms"] < 10_000 for row in trial.rows), trial.rows
    assert "127.0.0.1" in trial.row("dns")["text"]
    assert trial.row("greeting")["reply"].startswith("220 ")
    tls = trial.row("tls")["text"]
    assert re.match(r"TLS 1\.[23] \S+; certificate CN=localhost for localhost 127\.0\.0\.1 ::1, issued by CN=Sekisho system test CA, "
                    r"good until \d{4}-\d\d-\d\d$", tls), tls
    assert trial.row("token")["text"].startswith(f"a token came from {upstream.issuer.token_url} (client credentials); aud "), trial.row("token")
    assert "AUTH" in trial.row("ehlo")["text"] and "XOAUTH2" in trial.row("ehlo")["text"]
    assert trial.row("auth")["text"] == SENDER and trial.row("auth")["reply"].startswith("235 ")
    assert trial.row("mail")["text"] == f"<{SENDER}>" and trial.row("mail")["reply"].startswith("250 ")
    time.sleep(1)
    assert len(upstream.delivered()) == before, "nothing is sent unasked"


def test_send_sends_one(gateway, upstream):
    trial = Trial(gateway, "--send", "trial@example.net", language="ja")
    assert (trial.exit, trial.steps) == (0, [*STEPS, "send"]), (trial.rows, trial.talk)
    assert trial.row("send")["reply"].startswith("250 ")
    mail = upstream.wait_mail("trial@example.net")
    assert mail.sender == SENDER and b"\nSubject: [Sekisho] test of upstream main\n" in mail.text
    time.sleep(1)
    assert len(upstream.delivered("trial@example.net")) == 1
    body = base64.b64decode(mail.text.partition(b"\n\n")[2]).decode()
    assert "main を通して送ったテスト メッセージ" in body, body
    assert not gateway.rows("queue", "list"), "it goes by no queue"


def test_a_line_a_step_for_people(gateway):
    lines = gateway.call("upstream", "test", "main").stdout.splitlines()
    assert [line.split()[:2] for line in lines] == [[step, "ok"] for step in STEPS], lines
    assert all(re.match(r"\S+ +ok +\d+ ms  \S", line) for line in lines), lines


def test_names_that_are_none(gateway):
    done = gateway.call("upstream", "test", "mian", check=False)
    assert (done.returncode, done.stderr) == (64, "sekisho: there is no upstream mian; there is main\n")


def test_a_sender_that_is_refused_says_so(gateway, upstream):
    """Another sender, and an account nobody has: Postfix takes any; the address goes out as it is."""
    trial = Trial(gateway, "--from", "other@contoso.example")
    assert trial.row("mail")["text"] == "<other@contoso.example>" and trial.row("auth")["text"] == "other@contoso.example"
    done = Trial(gateway, "--from", "a\nb@contoso.example")
    assert done.exit == 1 and done.failed["cause"] in ("sender-not-sayable", "credentials-not-sayable"), done.rows


# No way there.

@pytest.fixture(scope="module")
def astray(directory, authority, upstream):
    """A gateway with an upstream for each way to miss the server."""
    silent = socket.socket()
    silent.bind(("127.0.0.1", 0))
    silent.listen(0)
    queued = [socket.socket() for _ in range(4)]
    for client in queued:  # the listen queue is full: what else comes is dropped without a word
        client.setblocking(False)
        client.connect_ex(silent.getsockname())
    mute = socket.socket()
    mute.bind(("127.0.0.1", 0))
    mute.listen(8)
    gateway = Gateway(directory / "astray", authority, upstream)
    main = gateway.settings["upstreams"]["main"]
    empty = directory / "astray" / "empty.pem"
    empty.write_text("nothing\n")
    gateway.settings["upstreams"] |= {
        "nameless": {**main, "host": "nonexistent.invalid"},
        "closed": {**main, "port": port_free()},
        "hole": {**main, "host": "127.0.0.1", "port": silent.getsockname()[1]},
        "mute": {**main, "host": "127.0.0.1", "port": mute.getsockname()[1]},
        "wrapped": {**main, "tls": "implicit"},
        "unwrapped": {**main, "port": upstream.tls_port},
        "implicit": {**main, "port": upstream.tls_port, "tls": "implicit"},
        "endpoint": {**main, "token-url": f"https://localhost:{port_free()}/token"},
        "secretless": {**main, "client-secret-file": "no-such-file"},
    }
    gateway.settings["limits"] |= {"upstream-connect-seconds-max": 1, "upstream-reply-seconds-max": 2, "token-seconds-max": 3}
    gateway.write()
    gateway.start()
    gateway.tenant_add("contoso.example")
    gateway.user_add(SENDER, PASSWORD)
    yield gateway
    gateway.stop()
    for one in [silent, mute, *queued]:
        one.close()


@pytest.mark.parametrize("name, step, cause, words", [
    ("nameless", "dns", ("dns-unknown", "dns-no-answer"), "nonexistent.invalid"),
    ("closed", "tcp", ("tcp-refused",), "connection refused"),
    ("hole", "tcp", ("tcp-no-answer",), "did not answer in time"),
    ("mute", "greeting", ("no-answer",), "did not answer in time"),
    ("wrapped", "tls", ("tls-not-spoken",), "something in clear"),
    ("unwrapped", "greeting", ("no-answer",), "did not answer in time"),
    ("endpoint", "token", ("token-endpoint-silent",), "cannot connect to localhost"),
    ("secretless", "token", ("token-not-asked",), "no-such-file"),
])
def test_no_way_there(astray, name, step, cause, words):
    trial = Trial(astray, name=name)
    assert trial.failed and trial.failed["cause"] in cause, trial.rows
    failed = failed_as(astray, step, trial.failed["cause"], name=name)
    assert words in failed["text"].lower() or words in failed["text"], failed


def test_implicit_tls_is_the_way_there(astray):
    """The negative control of `wrapped` and `unwrapped`."""
    trial = Trial(astray, "--from", SENDER, name="implicit")
    assert trial.exit == 0, trial.rows
    assert trial.steps == ["dns", "tcp", "tls", "token", "greeting", "ehlo", "auth", "mail"]


def test_who_goes_away_ends_it(astray):
    """Ctrl-C: the connection is closed at once, and nothing stays behind."""
    child = astray.verb_process("upstream", "test", "mute")
    time.sleep(0.5)
    child.send_signal(signal.SIGINT)
    child.wait(5)
    child.stdout.close()
    log = len(astray.log())
    assert Trial(astray, "--from", SENDER, name="implicit").exit == 0
    assert "panic" not in astray.log()[log:] and astray.process.alive()


# The stand-in for Exchange Online, fault by fault.

@pytest.fixture
def tenant(sandbox_new, authority, directory):
    running = []

    def start(*cases, accounts=(SENDER,), **changes):
        sandbox = sandbox_new(*cases)
        towards = types.SimpleNamespace(
            host="localhost", port=sandbox.port, authority=types.SimpleNamespace(ca=sandbox.ca),
            issuer=types.SimpleNamespace(token_url=sandbox.json["tokenUrl"], client_id=sandbox.json["clientId"],
                                         scope=sandbox.json["scope"], secret=sandbox.secret()))
        gateway = Gateway(directory / f"trial-{len(list(directory.glob('trial-*')))}", authority, towards)
        gateway.settings["upstreams"]["main"].update(changes)
        gateway.write()
        running.append(gateway.start())
        gateway.tenant_add("contoso.example")
        for account in accounts:
            gateway.user_add(account, PASSWORD)
        return gateway, sandbox
    yield start
    for gateway in running:
        gateway.stop()


@pytest.mark.parametrize("case, step, cause, words", [
    ("bad-certificate", "tls", "certificate-self-signed", "signed by itself"),
    ("no-starttls", "tls", "starttls-not-offered", "does not offer STARTTLS"),
    ("wrong-secret", "token", "AADSTS7000215", "AADSTS7000215"),
    ("expired-secret", "token", "AADSTS7000222", "AADSTS7000222"),
    ("token-endpoint-down", "token", "token-endpoint-silent", "localhost"),
    ("tenant-switch", "auth", "upstream-smtp-auth-tenant", "535 5.7.139"),
    ("mailbox-switch", "auth", "upstream-smtp-auth-mailbox", "535 5.7.139"),
    ("security-defaults", "auth", "upstream-security-defaults", "535 5.7.139"),
    ("auth-policy", "auth", "upstream-auth-policy", "535 5.7.139"),
    ("criteria", "auth", "upstream-criteria", "535 5.7.139"),
    ("service-421", "mail", "service-unavailable", "421 4.3.2"),
    ("errors-52252", "mail", "continuous-send-as-denied", "550 5.2.252"),
])
def test_faults(tenant, case, step, cause, words):
    gateway, sandbox = tenant(case)
    failed = failed_as(gateway, step, cause)
    assert words in failed.get("text", "") + failed.get("reply", ""), failed
    assert not sandbox.mail() and sandbox.stats()["messages"] == 0


@pytest.mark.parametrize("case, cause", [("send-as-denied", "send-as-denied"), ("mailbox-full", "mailbox-full"),
                                         ("temporary-451", "temporary"), ("recipient-quota", "recipient-quota")])
def test_faults_that_only_a_message_shows(tenant, case, cause):
    gateway, sandbox = tenant(case)
    assert Trial(gateway).exit == 0, "without --send nobody can tell"
    trial = Trial(gateway, "--send", RECIPIENT)
    assert (trial.exit, trial.failed["step"], trial.failed["cause"]) == (1, "send", cause), trial.rows
    assert trial.failed["remedy"] in trial.talk and not sandbox.mail()


def test_each_mailbox_signs_in_for_itself(tenant):
    """`mailbox: same`: a connection each, one after the other; one mailbox refused does not hide the next."""
    accounts = [f"{name}@contoso.example" for name in ("a", "b", "c")]
    gateway, sandbox = tenant("mailbox-switch:1", "concurrent-432", accounts=accounts)
    trial = Trial(gateway)
    assert trial.exit == 1
    assert [(row["step"], row["state"]) for row in trial.rows[-5:]] == [
        ("auth", "fail"), ("auth", "ok"), ("mail", "ok"), ("auth", "ok"), ("mail", "ok")], trial.rows
    assert [row["text"] for row in trial.rows[-2:]] == [accounts[2], f"<{accounts[2]}>"]
    sandbox.stats_wait(authAttempts=3, tokensIssued=1, messages=0, authBeforeTls=0)
    assert sandbox.stats()["connectionsPerMailboxMax"] == 1


class SlowTokens(http.server.ThreadingHTTPServer):
    """Google's endpoint, which takes its time: {mailbox: seconds}. The token is the mailbox's name."""

    def __init__(self, context, seconds):
        super().__init__(("127.0.0.1", 0), SlowAnswer)
        self.seconds, self.given = seconds, []
        self.socket = context.wrap_socket(self.socket, server_side=True)
        self.url = f"https://localhost:{self.server_address[1]}/token"
        threading.Thread(target=self.serve_forever, daemon=True).start()


class SlowAnswer(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        form = urllib.parse.parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        claims = form["assertion"][0].split(".")[1]
        mailbox = json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))["sub"]
        time.sleep(self.server.seconds[mailbox])
        body = json.dumps({"access_token": f"token-of-{mailbox}", "token_type": "Bearer", "expires_in": 3600}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        self.server.given.append((time.monotonic(), mailbox))

    def log_message(self, *_):
        pass


def test_a_token_that_comes_late_signs_nobody_else_in(gateway_new, authority, upstream, tmp_path):
    """A token for each mailbox. That of the second comes after the test has gone on to the third, while that waits for its own."""
    first, late, third = accounts = [f"{name}@contoso.example" for name in ("a", "b", "c")]
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(authority.certificate("p256"), authority.key("p256"))
    tokens = SlowTokens(context, {first: 0, late: 3.3, third: 1.9})
    server = Rogue({"EHLO": "250-rogue.example\r\n250-STARTTLS\r\n250 SIZE"}, context)
    key = tmp_path / "service-account.json"
    key.write_text(json.dumps({"type": "service_account", "client_email": "gateway@project.example", "private_key_id": "1",
                               "private_key": authority.key("rsa").read_text()}))
    key.chmod(0o600)
    gateway = gateway_new(upstream, limits={"upstream-reply-seconds-max": 2, "token-seconds-max": 20}, upstreams={"main": {
        "kind": "smtp", "host": "localhost", "port": server.port, "tls": "starttls", "ca-file": authority.ca, "auth": "xoauth2",
        "token-url": tokens.url, "scope": "https://mail.google.com/", "service-account-file": key}})
    gateway.tenant_add("contoso.example")
    for account in accounts:
        gateway.user_add(account, PASSWORD)
    trial = Trial(gateway)
    ends = [(row["state"], row.get("cause")) for row in trial.rows if row["step"] == "auth"]
    assert ends == [("ok", None), ("fail", "no-answer"), ("ok", None)], (trial.rows, trial.talk)
    assert [mailbox for _, mailbox in tokens.given] == accounts, "the late one came before the third's: else this shows nothing"
    lines = [base64.b64decode(line).split(b"\1") for line in bytes(server.under_tls).split(b"\r\n") if line.startswith(base64.b64encode(b"user=")[:6])]
    assert [(one[0], one[1]) for one in lines] == [(f"user={name}".encode(), f"auth=Bearer token-of-{name}".encode()) for name in (first, third)]
    assert "panic" not in gateway.log() and gateway.process.alive()
    server.close()
    tokens.shutdown()


def test_one_mailbox_for_all_senders(tenant):
    """A fixed mailbox: one connection, and each sender judged by itself."""
    accounts = ["shared@contoso.example", "x@contoso.example"]
    gateway, sandbox = tenant(accounts=accounts, mailbox="shared@contoso.example")
    trial = Trial(gateway)
    assert [(row["step"], row["state"], row["text"]) for row in trial.rows[-3:]] == [
        ("auth", "ok", "shared@contoso.example"), ("mail", "ok", "<shared@contoso.example>"), ("mail", "fail", "<x@contoso.example>")]
    assert trial.failed["cause"] == "send-as-denied" and "SendAs" in trial.failed["remedy"]
    sandbox.stats_wait(authAttempts=1, messages=0)


def test_send_as_asked_and_no_more(tenant):
    gateway, sandbox = tenant(accounts=["a@contoso.example", "b@contoso.example"])
    assert Trial(gateway).exit == 0 and not sandbox.mail(), "without --send nothing is sent"
    trial = Trial(gateway, "--send", RECIPIENT)
    assert trial.exit == 0, trial.rows
    [(data, envelope)] = sandbox.mail()
    assert (envelope["from"], envelope["to"]) == ("a@contoso.example", [RECIPIENT]) and b"Auto-Submitted: auto-generated" in data
    assert trial.row("send")["text"] == f"<{RECIPIENT}>" and trial.row("send")["reply"].startswith("250 2.0.0 OK")


def test_a_token_asked_for_again_does_not_cost_the_good_one(tenant):
    """A failing endpoint: the test tells, and mail goes on with the token at hand."""
    gateway, sandbox = tenant()
    assert Trial(gateway).exit == 0
    (sandbox.place / "gone").touch()
    gateway.settings["upstreams"]["main"]["client-secret-file"] = "client-secret"
    (gateway.directory / "client-secret").write_text("wrong\n")
    trial = Trial(gateway)
    assert trial.failed["cause"] == "AADSTS7000215", trial.rows
    with submission_open(gateway) as client:
        assert client.auth_login(SENDER, PASSWORD)[0] == 235
        assert client.submit(SENDER, RECIPIENT, message())[0] == 250
    wait_until(sandbox.mail, 10, "the mail, by the old token")


def test_connections_are_not_taken_from_mail(tenant):
    """All slots of the mailbox are busy: the test does not open a fourth, and says so with 75."""
    gateway, sandbox = tenant("slow", **{"connections-max": 1})
    with submission_open(gateway) as client:
        assert client.auth_login(SENDER, PASSWORD)[0] == 235
        for number in range(6):
            assert client.submit(SENDER, RECIPIENT, message(f"number {number}"))[0] == 250
    trial = Trial(gateway)
    assert trial.exit == 75 and trial.failed["cause"] == "connections-in-use", (trial.exit, trial.rows)
    gateway.queue_wait(lambda rows: not rows, 40)
    assert Trial(gateway).exit == 0, "an idle connection makes room"
    assert sandbox.stats()["connectionsPerMailboxMax"] == 1


def test_no_secret_is_told(tenant):
    gateway, sandbox = tenant()
    done = gateway.call("upstream", "test", "main", "--json")
    for secret in (sandbox.secret(), "eyJ", "dXNlcj0"):
        assert secret not in done.stdout + done.stderr + gateway.log()


# The other kinds.

def graph(sandbox, **changes):
    return {"kind": "graph", "graph-url": sandbox.json["graphUrl"], "token-url": sandbox.json["tokenUrl"], "ca-file": sandbox.ca,
            "client-id": sandbox.json["clientId"], "client-secret-file": "client-secret", "scope": sandbox.json["graphScope"], **changes}


@pytest.fixture
def by_graph(tenant):
    def start(*cases, accounts=(SENDER,), **changes):
        gateway, sandbox = tenant(*cases, accounts=accounts)
        gateway.settings["upstreams"]["main"] = graph(sandbox, **changes)
        gateway.write()
        gateway.call("reload")
        wait_until(lambda: "kind: graph" in gateway.call("config", "show").stdout, 10, "the settings")
        wait_until(lambda: gateway.log().count("settings taken") == 1, 10, "the settings taken")
        return gateway, sandbox
    return start


def test_graph_is_well(by_graph):
    accounts = ["a@contoso.example", "b@contoso.example"]
    gateway, sandbox = by_graph(accounts=accounts)
    trial = Trial(gateway)
    assert (trial.exit, trial.steps) == (0, ["token", "dates", "graph", "graph"]), (trial.rows, trial.talk)
    assert [row["text"] for row in trial.rows[2:]] == accounts and trial.rows[2]["reply"] == "HTTP 200"
    assert not sandbox.mail()
    trial = Trial(gateway, "--send", RECIPIENT, "--from", accounts[0])
    assert (trial.exit, trial.steps) == (0, ["token", "dates", "graph", "send"]), (trial.rows, trial.talk)
    assert trial.row("send")["reply"] == "HTTP 202"
    [(data, envelope)] = sandbox.mail()
    assert (envelope["from"], envelope["to"]) == (accounts[0], [RECIPIENT]) and b"test of upstream main" in data


@pytest.mark.parametrize("case, cause", [
    ("wrong-secret", "AADSTS7000215"), ("graph-403", "graph-permission"), ("graph-policy", "graph-access-policy"),
    ("graph-no-mailbox", "graph-no-mailbox"), ("graph-no-user", "graph-no-user"), ("graph-429", "graph-throttled"), ("graph-401", "graph-token-refused"),
])
def test_graph_faults(by_graph, case, cause):
    gateway, sandbox = by_graph(case)
    failed_as(gateway, "token" if case == "wrong-secret" else "graph", cause)
    assert not sandbox.mail()


def test_graph_that_is_not_there(by_graph):
    gateway, _ = by_graph(**{"graph-url": f"https://localhost:{port_free()}"})
    failed = failed_as(gateway, "graph", "graph-unreachable")
    assert "localhost" in failed["text"]


def test_a_folder(gateway_new, tmp_path):
    place = tmp_path / "inbox"
    place.mkdir()
    gateway = gateway_new(upstreams={"main": {"kind": "inbox", "folder": place}})
    trial = Trial(gateway)
    assert (trial.exit, trial.steps) == (0, ["folder"]) and not list(place.iterdir()), trial.rows
    place.rmdir()
    failed = failed_as(gateway, "folder", "folder-not-writable")
    assert str(place) in failed["text"]
