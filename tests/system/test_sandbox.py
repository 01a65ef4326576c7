"""The stand-in for Exchange Online, as the real one's clients meet it; its faults are in test_sandbox_cases.py."""

import email
import json
import os
import re
import signal
import smtplib
import ssl
import subprocess

import pytest

from gateway import BINARY, trace_fields
from message import SENDER, message, scan
from port import port_free, wait_until
from process import run
from sandbox import BACKEND, RECIPIENT, SUFFIX, UNSUCCESSFUL, begin_message
from submission import stuffed

# What it is like when nothing is wrong.

def test_what_it_writes(sandbox_new):
    sandbox = sandbox_new()
    assert sandbox.json["tenant"] == "contoso.example" and sandbox.json["host"] == "localhost"
    assert sandbox.json["tokenUrl"] == f"https://localhost:{sandbox.json['httpsPort']}/contoso.example/oauth2/v2.0/token"
    assert {"smtpPort", "httpsPort", "graphUrl", "clientId", "scope"} <= set(sandbox.json)
    assert os.path.isabs(sandbox.json["clientSecretFile"]) and os.stat(sandbox.json["clientSecretFile"]).st_mode & 0o77 == 0
    assert sandbox.json["sandbox"] is True and sandbox.stats()["sandbox"] is True
    assert "SANDBOX, no real Exchange Online: SMTP on 127.0.0.1:" in sandbox.process.log()
    assert sandbox.out.read_text() == "ready\n"
    before = (sandbox.place / "stats.json").stat().st_mtime_ns
    wait_until(lambda: (sandbox.place / "stats.json").stat().st_mtime_ns > before, 1, "stats.json written again")


def test_it_listens_on_loopback_only(sandbox):
    with open("/proc/net/tcp") as v4, open("/proc/net/tcp6") as v6:
        rows = [line.split() for line in (*v4, *v6)]
    for port in (sandbox.port, sandbox.json["httpsPort"]):
        listening = [row[1] for row in rows if row[3] == "0A" and row[1].endswith(f":{port:04X}")]
        assert listening == [f"0100007F:{port:04X}"]


def test_greeting_and_extensions(sandbox):
    with smtplib.SMTP(timeout=10) as client:
        code, banner = client.connect("localhost", sandbox.port)
        client._host = "localhost"  # what starttls() verifies
        assert code == 220 and re.fullmatch(
            rb"SYBPR01CA0097\.ausprd01\.prod\.outlook\.com Microsoft ESMTP MAIL Service ready at \w{3}, \d\d \w{3} \d{4} "
            rb"\d\d:\d\d:\d\d \+0000 \[[0-9A-F]{16}\] SANDBOX", banner), banner
        before = client.ehlo("x")[1].decode().split("\n")
        client.starttls(context=ssl.create_default_context(cafile=str(sandbox.ca)))
        after = client.ehlo("x")[1].decode().split("\n")
    assert before == ["SYBPR01CA0097.ausprd01.prod.outlook.com Hello [127.0.0.1]", "SIZE 157286400", "PIPELINING", "DSN",
                      "ENHANCEDSTATUSCODES", "STARTTLS", "8BITMIME", "BINARYMIME", "CHUNKING", "SMTPUTF8"]
    assert after == ["AUTH LOGIN XOAUTH2" if line == "STARTTLS" else line for line in before]


def test_its_certificate_is_for_every_name_of_this_machine(sandbox):
    context = ssl.create_default_context(cafile=str(sandbox.ca))
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    for name in ("localhost", "127.0.0.1", "::1"):
        with smtplib.SMTP("localhost", sandbox.port, timeout=10) as client:
            client._host = name  # what starttls() verifies
            assert client.starttls(context=context)[0] == 220


@pytest.mark.parametrize("data", [
    message(), message(body=b".\r\n..\r\n.x\r\n"), message("日本語".encode(), "本文\r\n".encode("cp932")), message(body=b""),
    scan(5_000_000)], ids=["plain", "dots", "8 bit", "empty", "7 MB"])
def test_a_message_by_password_arrives_byte_for_byte(sandbox, data):
    before = len(sandbox.mail())
    code, text = sandbox.submit(data)
    name = email.message_from_bytes(data)["Message-ID"]
    assert code == 250 and re.fullmatch(rf"2\.0\.0 OK {re.escape(name)}{BACKEND}", text), text
    stored, envelope = sandbox.mail()[before]
    assert stored == data
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z", envelope.pop("receivedDateTime"))
    assert envelope == {"from": SENDER, "to": [RECIPIENT], "authenticatedAs": SENDER, "mechanism": "LOGIN", "sandbox": True}


@pytest.mark.parametrize("steps", [1, 2])
def test_a_message_by_token(sandbox, steps):
    to = ["a@example.net", "b@example.org"]
    with sandbox.client() as client:
        assert client.auth_xoauth2("Scan.Er@Contoso.example", sandbox.token(), steps) == (235, "2.7.0 Authentication successful")
        assert client.submit("scan.er@contoso.example", to, message(sender="scan.er@contoso.example"))[0] == 250
    envelope = sandbox.mail()[-1][1]
    assert (envelope["mechanism"], envelope["authenticatedAs"], envelope["to"]) == ("XOAUTH2", "scan.er@contoso.example", to)


@pytest.mark.parametrize("how", ["password", "token"])
def test_curl_as_a_client(sandbox, tmp_path, how):
    data = message(how)
    (tmp_path / "mail").write_bytes(data)
    rc = tmp_path / "curlrc"
    rc.write_text(f'user = "{SENDER}:any"\n' if how == "password" else f'user = "{SENDER}"\noauth2-bearer = "{sandbox.token()}"\n')
    run(["curl", "-sS", "--config", rc, "--cacert", sandbox.ca, "--ssl-reqd", "--mail-from", SENDER, "--mail-rcpt", RECIPIENT,
         "--upload-file", tmp_path / "mail", f"smtp://localhost:{sandbox.port}/client.example"])
    stored, envelope = sandbox.mail()[-1]
    assert stored == data and envelope["mechanism"] == {"password": "LOGIN", "token": "XOAUTH2"}[how]


def test_what_is_counted(sandbox_new):
    sandbox = sandbox_new()
    clients = [sandbox.signed_in() for _ in range(5)]  # the real limit is 3; only the case concurrent-432 enforces it
    assert clients[4].submit(SENDER, RECIPIENT, message())[0] == 250
    sandbox.token()
    with sandbox.client() as client:
        assert client.auth_xoauth2(SENDER, "no-token-of-this-sandbox")[0] == 535
    with smtplib.SMTP("localhost", sandbox.port, timeout=10) as client:
        client.ehlo()
        assert client.docmd("AUTH", "LOGIN")[0] == 538
    sandbox.stats_wait(messages=1, connections=7, connectionsPerMailboxMax=5, tokensIssued=1, authAttempts=6, authFailures=1,
                       authBeforeTls=1, refused=2)
    for client in clients:
        client.close()


# What it refuses by itself.

@pytest.mark.parametrize("status, code, error, changes", [
    (401, 7000215, "invalid_client", {"client_secret": "wrong"}),
    (401, 7000218, "invalid_client", {"client_secret": None}),
    (400, 700016, "unauthorized_client", {"client_id": "00000000-0000-0000-0000-000000000000"}),
    (400, 900144, "invalid_request", {"client_id": None}),
    (400, 900144, "invalid_request", {"scope": None}),
    (400, 900144, "invalid_request", {"grant_type": None}),
    (400, 70011, "invalid_scope", {"scope": "https://vault.azure.net/.default"}),
    (400, 70003, "unsupported_grant_type", {"grant_type": "password"}),
    (400, 900561, "invalid_request", {"method": "GET"}),
    (400, 90002, "invalid_request", {"tenant": "fabrikam.example"}),
])
def test_a_token_is_refused(sandbox, status, code, error, changes):
    url = sandbox.json["tokenUrl"].replace("contoso.example", changes.pop("tenant", "contoso.example"))
    got, answer = sandbox.ask_token(url, changes.pop("method", "POST"), **changes)
    assert (got, answer["error"], answer["error_codes"]) == (status, error, [code])
    assert re.fullmatch(rf"AADSTS{code}: .*SANDBOX\r\nTrace ID: \S+\r\nCorrelation ID: \S+\r\nTimestamp: \S+Z",
                        answer["error_description"]), answer
    assert {"timestamp", "trace_id", "correlation_id", "error_uri"} <= set(answer) and answer["sandbox"] is True
    assert sandbox.secret() not in json.dumps(answer)


def test_a_token_looks_like_one(sandbox):
    status, answer = sandbox.ask_token()
    assert (status, answer["token_type"], answer["expires_in"], answer["sandbox"]) == (200, "Bearer", 3599, True)
    assert len(answer["access_token"]) > 1000, "as long as Entra's"


@pytest.mark.parametrize("sign_in, refusal", [
    (lambda client, token: client.auth_login(SENDER, ""), UNSUCCESSFUL + r"the user credentials were incorrect\."),
    (lambda client, token: client.auth_login("copier@fabrikam.example", "any"), UNSUCCESSFUL + r"the user credentials were incorrect\."),
    (lambda client, token: client.auth_xoauth2("copier@fabrikam.example", token), r"5\.7\.3 Authentication unsuccessful"),
    (lambda client, token: client.auth_xoauth2(SENDER, token[:-1]), r"5\.7\.3 Authentication unsuccessful"),
    (lambda client, token: client.auth_plain(SENDER, "any"), r"5\.7\.4 Unrecognized authentication type"),
])
def test_a_sign_in_is_refused(sandbox, sign_in, refusal):
    with sandbox.client() as client:
        code, text = sign_in(client, sandbox.token())
        assert code in (504, 535) and re.fullmatch(refusal + SUFFIX, text), text
        code, text = client.docmd("MAIL", f"FROM:<{SENDER}>")
        assert code == 530 and re.match(rb"5\.7\.57 Client not authenticated to send mail\.", text)
        if "5.7.4 " not in refusal.replace("\\", ""):
            assert re.search(rf"mail\. Error: 535 {refusal}{SUFFIX}$", text.decode()), "the reason is told again"


def test_who_may_send_as_whom(sandbox):
    before = len(sandbox.mail())
    for sender in ("boss@contoso.example", ""):
        with sandbox.signed_in() as client:
            code, text = client.submit(sender, RECIPIENT, message())
        assert code == 550 and re.fullmatch(r"5\.7\.60 SMTP; Client does not have permissions to send as this sender" + SUFFIX, text)
    code, text = sandbox.submit(message(sender="boss@contoso.example"))
    assert code == 554 and re.match(
        r"5\.2\.252 SendAsDenied; copier@contoso\.example not allowed to send as boss@contoso\.example; STOREDRV\.Submission", text)
    assert re.search(BACKEND + "$", text)
    assert len(sandbox.mail()) == before and not list((sandbox.place / "inbox").glob("*.part"))


def test_bdat_is_listed_and_not_there(sandbox):
    client = sandbox.signed_in()
    client.mail(SENDER)
    client.rcpt(RECIPIENT)
    assert client.docmd("BDAT", "5 LAST")[0] == 502
    assert client.getreply()[0] == 421, "what follows would be taken for commands"
    client.close()


# What is asked of it wrongly, and how it ends.

@pytest.mark.parametrize("case, language, sentence", [
    ("mailbox-ful", "en", '--fail knows no case "mailbox-ful"; did you mean "mailbox-full"?'),
    ("mailbox-ful", "ja", "mailbox-full"),
    ("qqqq", "en", '--fail knows no case "qqqq"; see: sekisho sandbox --list-cases'),
    ("slow:0", "en", "--fail slow:0: behind the colon stands how often, a whole number from 1"),
    ("slow:x", "en", "--fail slow:x: behind the colon stands how often, a whole number from 1"),
])
def test_an_unknown_case(tmp_path, case, language, sentence):
    done = run([BINARY, "sandbox", "--dir", "S", "--fail", case, "--lang", language], check=False, cwd=tmp_path)
    assert done.returncode == 64 and sentence in done.stderr and done.stdout == ""
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("option, name", [("--port", "smtpPort"), ("--https-port", "httpsPort")])
def test_a_busy_port(sandbox, tmp_path, option, name):
    done = run([BINARY, "sandbox", "--dir", "S", option, sandbox.json[name]], check=False, cwd=tmp_path)
    assert done.returncode == 75 and f"127.0.0.1 port {sandbox.json[name]}" in done.stderr
    assert not (tmp_path / "S" / "sandbox.json").exists()


def test_a_folder_in_use(sandbox):
    before = (sandbox.place / "sandbox.json").read_bytes(), sandbox.ca.read_bytes()
    done = run([BINARY, "sandbox", "--dir", "S"], check=False, cwd=sandbox.directory)
    assert done.returncode == 75 and "another sandbox runs in" in done.stderr
    assert before == ((sandbox.place / "sandbox.json").read_bytes(), sandbox.ca.read_bytes())


def test_killed_in_the_middle_of_a_message(sandbox_new):
    sandbox = sandbox_new()
    assert sandbox.submit()[0] == 250
    before = sandbox.mail(), sandbox.ca.read_bytes(), sandbox.secret()
    client = sandbox.signed_in()
    begin_message(client)
    client.send(stuffed(scan(400_000)))
    wait_until(lambda: list((sandbox.place / "inbox").glob("*.part")), 5, "a message on its way")
    sandbox.kill()
    assert [path.suffix for path in sorted((sandbox.place / "inbox").iterdir())] == [".eml", ".json", ".part"]
    sandbox.start()
    assert (sandbox.mail(), sandbox.ca.read_bytes(), sandbox.secret()) == before
    assert len(list((sandbox.place / "inbox").iterdir())) == 2
    assert sandbox.submit()[0] == 250


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_in_order(sandbox_new, number):
    sandbox = sandbox_new("slow")
    idle, busy = sandbox.signed_in(), sandbox.signed_in()
    begin_message(busy)
    busy.send(stuffed(message()) + b".\r\n")
    wait_until(lambda: sandbox.mail(), 5, "the message in the inbox")
    sandbox.process.signal(number)
    assert idle.getreply()[0] == 421
    assert busy.getreply()[0] == 250, "what is in the inbox was not answered otherwise"
    assert sandbox.process.child.wait(5) == 0
    assert sandbox.stats()["messages"] == 1 and sandbox.stats()["connections"] == 2


def test_many_connections(sandbox_new):
    sandbox = sandbox_new()
    held = [smtplib.SMTP("localhost", sandbox.port, timeout=20) for _ in range(400)]
    assert sandbox.submit()[0] == 250 and sandbox.ask_token()[0] == 200
    for client in held:
        client.close()
    sandbox.stats_wait(connections=401)


# The gateway in front of it.

def gateway_settings(sandbox, port):
    upstream = sandbox.json
    return f"""\
daemon: {{ state: state, socket: control.sock, administrator: postmaster@contoso.example }}
listeners:
  copiers: {{ address: 127.0.0.1:{port}, tls: starttls, certificates: [ {{ certificate: rsa.pem, key: rsa.key }} ] }}
upstreams:
  main: {{ kind: smtp, host: {upstream['host']}, port: {upstream['smtpPort']}, tls: starttls, ca-file: {sandbox.ca}, auth: xoauth2,
          tenant: {upstream['tenant']}, client-id: {upstream['clientId']}, client-secret-file: {upstream['clientSecretFile']},
          token-url: "{upstream['tokenUrl']}", scope: "{upstream['scope']}" }}
"""


def test_a_gateway_in_five_commands(sandbox_new, authority, tmp_path):
    smtp_port, https_port, port = port_free(3)
    sandbox = sandbox_new(words=["--port", smtp_port, "--https-port", https_port])
    assert (sandbox.json["smtpPort"], sandbox.json["httpsPort"]) == (smtp_port, https_port)
    for name in ("rsa.pem", "rsa.key"):
        (tmp_path / name).write_bytes((authority.directory / name).read_bytes())
        (tmp_path / name).chmod(0o600)
    (tmp_path / "gw.yaml").write_text(gateway_settings(sandbox, port))
    (tmp_path / "pw").write_text("swordfish 4711\n")
    (tmp_path / "pw").chmod(0o600)
    data = scan(100_000, seed=port)
    (tmp_path / "wire").write_bytes(stuffed(data) + b".")
    serve = subprocess.Popen([BINARY, "serve", "-c", "gw.yaml"], cwd=tmp_path, stdout=subprocess.DEVNULL,
                             stderr=(tmp_path / "gw.log").open("wb"))
    try:
        for command in ('"$0" -c gw.yaml tenant add contoso.example',
                        '"$0" -c gw.yaml user add copier@contoso.example --password-file pw',
                        f'swaks -s 127.0.0.1 -p {port} -tls -a LOGIN -au copier@contoso.example -ap "$(cat pw)" '
                        '-f copier@contoso.example -t someone@example.net --no-data-fixup -n --data @wire'):
            run(["sh", "-c", command, BINARY], cwd=tmp_path)
        stored, envelope = wait_until(sandbox.mail, 20, lambda: (tmp_path / "gw.log").read_text())[0]
    finally:
        serve.terminate()
        assert serve.wait(20) == 0
    assert [name for name, _ in trace_fields(stored.replace(b"\r\n", b"\n"), data.replace(b"\r\n", b"\n"))] == ["Received"]
    assert stored.endswith(data), "byte for byte"
    assert (envelope["from"], envelope["to"], envelope["authenticatedAs"], envelope["mechanism"]) == \
        (SENDER, [RECIPIENT], SENDER, "XOAUTH2")
