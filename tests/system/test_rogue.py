"""Upstreams that misbehave: each message ends delivered, deferred, paused or bounced as its row says, with words that tell why; none is lost,
and nothing secret is shown before verified TLS. All rows at once, behind a few gateways; then each upstream reforms and all that was left arrives."""

import base64
import dataclasses
import http.server
import json
import re
import ssl
import threading
import time
import types

import pytest

from conftest import PASSWORD
from gateway import Gateway, event_id
from message import message
from port import wait_until
from process import run
from rogue import Rogue
from rogue_rows import IMPLICIT, OFFERS, ROWS, SECURED
from submission import submission_open

TENANT = "contoso.example"
ACCOUNT = f"copier@{TENANT}"
SECRET, TOKEN, UPSTREAM_PASSWORD = "a-client-secret-of-rogues", "rogue-token-" + "t" * 1500, "upstream password 77"
REPLY_SECONDS = 8
UPSTREAMS_PER_GATEWAY = 60  # the settings take 64
CLEAR = {"host": "127.0.0.1", "tls": "none", "auth": "none"}


class TokenEndpoint(http.server.ThreadingHTTPServer):
    """Gives the one token to whoever asks, over TLS."""

    def __init__(self, context):
        super().__init__(("127.0.0.1", 0), TokenAnswer)
        self.socket = context.wrap_socket(self.socket, server_side=True)
        self.url = f"https://localhost:{self.server_address[1]}/token"
        threading.Thread(target=self.serve_forever, daemon=True).start()


class TokenAnswer(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        body = json.dumps({"access_token": TOKEN, "token_type": "Bearer", "expires_in": 3600}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def server_context(certificate, key):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return context


def contexts_of(authority, directory):
    """{name: what a rogue shows}."""
    directory.mkdir()
    made = {}
    for name, names, more in [("other-name", "DNS:elsewhere.example", []), ("expired", "DNS:localhost", ["-days", "-1"]),
                              ("self-signed", "DNS:localhost", [])]:
        key, request, certificate = (directory / f"{name}.{end}" for end in ("key", "csr", "pem"))
        run(["openssl", "req", "-new", "-nodes", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-subj", "/CN=rogue", "-keyout", key,
             "-out", request])
        (directory / "extensions").write_text(f"subjectAltName={names}\n")
        signer = ["-signkey", key] if name == "self-signed" else ["-CA", authority.ca, "-CAkey", authority.directory / "ca.key", "-set_serial", "7"]
        run(["openssl", "x509", "-req", "-in", request, *signer, "-extfile", directory / "extensions", "-out", certificate, *(more or ["-days", "9"])])
        made[name] = server_context(certificate, key)
    made["good"] = server_context(authority.certificate("p256"), authority.key("p256"))
    made["old-tls"] = server_context(authority.certificate("rsa"), authority.key("rsa"))
    made["old-tls"].set_ciphers("ALL:@SECLEVEL=0")
    made["old-tls"].minimum_version = made["old-tls"].maximum_version = ssl.TLSVersion.TLSv1_1
    return made


class Case:
    """One row under way: its rogue, the messages sent, and what became of them."""

    def __init__(self, row, contexts):
        self.row = row
        self.contexts = contexts
        self.rogue = Rogue(row.script, contexts[row.certificate])
        if not row.listens:
            self.rogue.close()
        self.sender = f"{row.name}@{TENANT}"
        self.to = [f"{row.name}-{number}@example.net" for number in range(row.recipients)]
        self.sent = []       # (event ID, Message-ID, bytes)
        self.before = []     # trace rows before the upstream reforms …
        self.queued = []     # … and queue rows
        self.bodies = 0
        self.auths = 0
        self.clear = b""
        self.under_tls = b""
        self.after = []

    def submit(self, client):
        data = message(subject=self.row.name, body=b"x" * 74 + b"\r\n" if self.row.size < 100 else (b"x" * 74 + b"\r\n") * (self.row.size // 76 + 1),
                       to=self.to[0], sender=self.sender)
        code, text = client.submit(self.sender, self.to, data)
        assert code == 250, (self.row.name, code, text)
        self.sent.append((event_id(text), data.partition(b"Message-ID: ")[2].partition(b"\r\n")[0], data))

    def settings(self, token_url, authority):
        more = {"connections-max": self.row.connections} if self.row.connections else {}
        if self.row.settings is None:
            return {"kind": "smtp", "port": self.rogue.port, **CLEAR, **more}
        if self.row.settings["auth"] == "xoauth2":
            more["token-url"] = token_url
        return {"kind": "smtp", "host": "localhost", "port": self.rogue.port, "ca-file": authority.ca, **self.row.settings, **more}

    def ours(self, rows, key="id"):
        """In the order of sending."""
        found = {row[key]: row for row in rows}
        return [found[one] for one, _, _ in self.sent if one in found]

    def tried(self, traces, queue):
        """Each message has an end, or a word of why not."""
        mine = self.ours(traces)
        return len(mine) == self.row.messages and all(row["lastReply"] for row in self.ours(queue)) and \
            all(one["state"] != "queued" for row in mine for one in row["recipients"])

    def remember(self, traces, queue):
        self.before, self.queued = self.ours(traces), self.ours(queue)
        self.bodies = sum(1 for _, body in self.rogue.mails if body.strip())
        self.auths, self.clear, self.under_tls = self.rogue.auths, bytes(self.rogue.clear), bytes(self.rogue.under_tls)

    def reform(self):
        settings = self.row.settings or {}
        self.rogue.tls = self.contexts["good"]
        if self.row.reforms:
            self.rogue.reform({"implicit": IMPLICIT, "starttls": OFFERS}.get(settings.get("tls"), {}))
        if not self.row.listens:
            self.rogue = Rogue(port=self.rogue.port)

    def mails_of(self, message_id):
        return [(to, body) for to, body in self.rogue.mails if b"Message-ID: " + message_id + b"\r\n" in body]


def gateway_before(directory, number, authority, token_url, cases, reports):
    place = types.SimpleNamespace(host="localhost", port=1, authority=authority,
                                  issuer=types.SimpleNamespace(token_url=token_url, client_id="any", scope="any", secret=SECRET))
    gateway = Gateway(directory / f"rogue-gateway-{number}", authority, place, daemon={
        "state": "state", "socket": "control.sock", "hostname": "gate.example", "administrator": f"postmaster@{TENANT}", "gates": 1})
    gateway.settings["upstreams"] = {case.row.name: case.settings(token_url, authority) for case in cases}
    gateway.settings["upstreams"]["reports"] = {"kind": "smtp", "port": reports.port, **CLEAR}
    gateway.settings["routes"] = [*({"from": case.sender, "upstream": case.row.name} for case in cases), {"from": "*", "upstream": "reports"}]
    gateway.settings["limits"] = {"retry-first-seconds": 600, "upstream-connect-seconds-max": REPLY_SECONDS,
                                  "upstream-reply-seconds-max": REPLY_SECONDS, "upstream-end-seconds-max": REPLY_SECONDS,
                                  "connections-upstream-idle-seconds-max": 3}
    (gateway.directory / "upstream-password").write_text(UPSTREAM_PASSWORD + "\n")
    (gateway.directory / "upstream-password").chmod(0o600)
    gateway.write()
    gateway.start()
    gateway.tenant_add(TENANT)
    gateway.user_add(ACCOUNT, PASSWORD)
    gateway.call("user", "set", ACCOUNT, "send-as", f"@{TENANT}")
    gateway.cases = cases
    return gateway


def submit_all(gateway):
    with submission_open(gateway, "none") as client:
        assert client.auth_login(ACCOUNT, PASSWORD)[0] == 235
        for case in gateway.cases:
            case.submit(client)
    # The second over the same connection: after the first is gone.
    later = [case for case in gateway.cases if case.row.messages == 2]
    for case in later:
        wait_until(lambda: case.rogue.mails, 30, f"the first mail of {case.row.name}")
    time.sleep(0.5)
    with submission_open(gateway, "none") as client:
        assert client.auth_login(ACCOUNT, PASSWORD)[0] == 235
        for case in later:
            case.submit(client)


def first_round(gateway):
    """Each message is tried once: what became of it then, before a pause ends."""
    waiting = list(gateway.cases)

    def all_tried():
        traces, queue = gateway.rows("trace"), gateway.rows("queue", "list")
        for case in [case for case in waiting if case.tried(traces, queue)]:
            case.remember(traces, queue)
            waiting.remove(case)
        return not waiting
    wait_until(all_tried, 120, lambda: f"{[case.row.name for case in waiting]}\n{gateway.log()[-2000:]}", every=0.3)
    listed = [row["upstream"] for row in gateway.rows("upstream", "list")]
    for case in gateway.cases:
        case.listed = case.row.name in listed


def second_round(gateway):
    """Everybody reforms: what waits must arrive."""
    for case in gateway.cases:
        case.reform()

    def empty():
        gateway.call("queue", "flush")
        return not gateway.rows("queue", "list")
    wait_until(empty, 90, lambda: f"{gateway.rows('queue', 'list')}\n{gateway.log()[-2000:]}", every=1)
    traces = gateway.rows("trace")
    for case in gateway.cases:
        case.after = case.ours(traces)


def together(run_one, gateways):
    """Each gateway's part in a thread of its own."""
    failed = []

    def guarded(gateway):
        try:
            run_one(gateway)
        except BaseException as why:
            failed.append(why)
    threads = [threading.Thread(target=guarded, args=(gateway,)) for gateway in gateways]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failed:
        raise failed[0]


@pytest.fixture(scope="module")
def cases(directory, authority):
    """{row's name: its Case}, when all is over."""
    contexts = contexts_of(authority, directory / "rogue-certificates")
    endpoint = TokenEndpoint(contexts["good"])
    reports = Rogue()
    all_cases = [Case(row, contexts) for row in ROWS]
    gateways = []
    try:
        for number, at in enumerate(range(0, len(all_cases), UPSTREAMS_PER_GATEWAY)):
            gateways.append(gateway_before(directory, number, authority, endpoint.url, all_cases[at:at + UPSTREAMS_PER_GATEWAY], reports))
        together(lambda gateway: (submit_all(gateway), first_round(gateway), second_round(gateway)), gateways)
        for gateway in gateways:
            for case in gateway.cases:
                case.log, case.reports = gateway.log(), reports.mails
            assert gateway.stop() == 0, gateway.log()[-2000:]
        yield {case.row.name: case for case in all_cases}
    finally:
        for gateway in gateways:
            gateway.stop()
        for rogue in [reports, *(case.rogue for case in all_cases)]:
            rogue.close()
        endpoint.shutdown()
        endpoint.server_close()


def judge(row, case):
    """The message came to the end that the row says, and told why."""
    each = [(one["state"], one["reply"]) for trace in case.before for one in trace["recipients"]]
    ends = row.end if isinstance(row.end, tuple) else (row.end,) * len(each)
    assert [state for state, _ in each] == [{"paused": "deferred"}.get(end, end) for end in ends], each
    assert all(row.words in reply for _, reply in each), each
    assert all(reply for _, reply in each)
    assert case.listed, "whatever it said, the upstream has its row"
    paused = re.search(rf'event="?(?:upstream|mailbox) paused.* upstream="?{re.escape(row.name)}"? ', case.log)
    assert bool(paused) == ("paused" in ends), paused
    assert case.bodies == row.bodies, case.rogue.mails
    assert any("ambiguous" in trace["note"] for trace in case.before) == row.ambiguous, case.before
    assert row.auths in (None, case.auths), case.auths
    assert row.connections is None or case.rogue.open_max <= row.connections, case.rogue.open_max


def nothing_lost(row, case):
    """Each recipient has the message, or its sender a report; nobody has it twice but for what is marked."""
    assert len(case.after) == row.messages
    for trace, (_, message_id, data) in zip(case.after, case.sent):
        got = case.mails_of(message_id)
        assert all(body.endswith(data) for _, body in got)
        for one in trace["recipients"]:
            count = sum(one["address"] in to for to, _ in got)
            told = sum(one["address"].encode() in body and b"multipart/report" in body for _, body in case.reports)
            assert one["state"] in ("sent", "failed"), trace
            if one["state"] == "failed":
                assert told == 1, case.reports
            else:
                assert 1 <= count <= (1 if row.bodies == 0 or row.end == "sent" or isinstance(row.end, tuple) else 1 + row.bodies), (one, count)


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion")
@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_each_misbehaviour_ends_as_tabled(cases, row):
    judge(row, cases[row.name])
    nothing_lost(row, cases[row.name])


SECRETS = [SECRET, TOKEN, UPSTREAM_PASSWORD]
IN_BASE64 = [*SECRETS, "relay", f"user={ACCOUNT}\1auth=Bearer {TOKEN}\1\1", f"\0relay\0{UPSTREAM_PASSWORD}"]


@pytest.mark.parametrize("row", SECURED, ids=lambda row: row.name)
def test_nothing_secret_before_verified_tls(cases, row):
    case = cases[row.name]
    seen = case.clear + (case.under_tls if row.certificate != "good" else b"")
    for secret in [*(one.encode() for one in SECRETS), *(base64.b64encode(one.encode()) for one in IN_BASE64), b"AUTH"]:
        assert secret not in seen


def test_the_bytes_are_looked_at(cases):
    """The negative control: where TLS was verified, the same search finds the sign-in, and in clear the EHLO."""
    case = cases["tls-plain"]
    assert base64.b64encode(IN_BASE64[-1].encode()) in case.under_tls and b"EHLO" in case.clear
    assert TOKEN not in case.log and UPSTREAM_PASSWORD not in case.log


@pytest.mark.parametrize("name, wrong", [("end-cut", {"end": "sent"}), ("mail-silent", {"end": "sent"}), ("good", {"end": "deferred"}),
                                         ("good", {"bodies": 2}), ("end-cut", {"ambiguous": False}), ("auth-535", {"auths": 1}),
                                         ("mail-550", {"words": "551"}), ("good", {"connections": 0}), ("greeting-554", {"end": "deferred"})], ids=str)
def test_a_wrong_expectation_is_noticed(cases, name, wrong):
    """The negative control: a judge that is told otherwise objects."""
    with pytest.raises(AssertionError):
        judge(dataclasses.replace(cases[name].row, **wrong), cases[name])
