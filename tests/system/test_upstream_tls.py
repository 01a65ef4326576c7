"""No credentials before verified TLS (bar U5): by `upstream test` and by delivery, every byte that reaches the server looked at."""

import socket
import ssl

import pytest

from certificate import Authority
from conftest import PASSWORD
from gateway import Gateway
from message import SENDER, message
from recording import Recorder
from submission import submission_open

DAY = 86400
CASES = {
    "expired": "certificate-expired",
    "not-yet-valid": "certificate-not-yet-valid",
    "wrong-name": "certificate-wrong-name",
    "self-signed": "certificate-self-signed",
    "unknown-authority": "certificate-unknown-authority",
    "tls-1.1": "tls-too-old",
}
GOOD = ("starttls", "implicit")


@pytest.fixture(scope="module")
def recorders(authority, directory):
    place = directory / "foreign"
    place.mkdir()
    foreign = Authority(place)
    good = authority.certificate("p256"), authority.key("p256")
    pairs = {
        "expired": authority.special("expired", begins=-3 * DAY, ends=-DAY),
        "not-yet-valid": authority.special("not-yet-valid", begins=DAY, ends=3 * DAY),
        "wrong-name": authority.special("wrong-name", names="subjectAltName=DNS:elsewhere.example,IP:192.0.2.7"),
        "self-signed": authority.special("self-signed", self_signed=True),
        "unknown-authority": (foreign.certificate("p256"), foreign.key("p256")),
    }
    running = {name: Recorder(*pair) for name, pair in pairs.items()}
    running["tls-1.1"] = Recorder(*good, newest=ssl.TLSVersion.TLSv1_1)
    running["starttls"] = Recorder(*good)
    running["implicit"] = Recorder(*good, implicit=True)
    yield running
    for recorder in running.values():
        recorder.stop()


@pytest.fixture(scope="module")
def gateway(recorders, authority, directory, upstream):
    """An upstream for each recorder, and a sender routed to each."""
    gateway = Gateway(directory / "upstream-tls", authority, upstream)
    main = gateway.settings["upstreams"].pop("main")
    gateway.settings["routes"] = []
    for name, recorder in recorders.items():
        label = name.replace(".", "")
        gateway.settings["upstreams"][label] = {**main, "port": recorder.port, "host": "localhost",
                                                "tls": "implicit" if name == "implicit" else "starttls"}
        gateway.settings["routes"].append({"from": f"{label}@contoso.example", "upstream": label})
    gateway.settings["routes"].append({"from": "*", "upstream": "starttls"})
    gateway.write()
    gateway.start()
    gateway.tenant_add("contoso.example")
    for name in recorders:
        gateway.user_add(f"{name.replace('.', '')}@contoso.example", PASSWORD)
    yield gateway
    gateway.stop()


def deliver(gateway, name):
    sender = f"{name.replace('.', '')}@contoso.example"
    with submission_open(gateway) as client:
        assert client.auth_login(sender, PASSWORD)[0] == 235
        code, text = client.submit(sender, "someone@example.net", message().replace(SENDER.encode(), sender.encode()))
        assert code == 250, text
    return sender


@pytest.mark.parametrize("case", CASES)
def test_refused_by_test_and_by_delivery(gateway, recorders, case):
    recorder = recorders[case]
    done = gateway.call("upstream", "test", case.replace(".", ""), check=False, seconds=60)
    assert done.returncode == 1 and "\ntls       fail" in done.stdout, done.stdout
    rows = gateway.call("upstream", "test", case.replace(".", ""), "--json", check=False, seconds=60).stdout
    assert f'"cause":"{CASES[case]}"' in rows, rows
    sender = deliver(gateway, case)
    row = gateway.queue_wait(lambda rows: [row for row in rows if row["from"] == sender and row["lastReply"]])[0]
    assert row["state"] in ("ready", "deferred", "paused"), row
    assert recorder.connections >= 3 and recorder.handshakes == 0
    assert recorder.commands(b"EHLO") and not recorder.commands(b"AUTH") and not recorder.commands(b"MAIL"), recorder.said
    assert all(line.split(b" ")[0].upper() in (b"EHLO", b"STARTTLS", b"QUIT") for line in recorder.said), recorder.said
    gateway.call("queue", "drop", row["id"])


def test_the_old_server_does_speak_its_tls(recorders, authority):
    """Another negative control: who takes TLS 1.1 gets through to it."""
    recorder = recorders["tls-1.1"]
    context = ssl.create_default_context(cafile=authority.ca)
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    context.minimum_version = ssl.TLSVersion.TLSv1
    with socket.create_connection(("127.0.0.1", recorder.port), 5) as plain:
        for line in (b"", b"EHLO old.example\r\n", b"STARTTLS\r\n"):
            plain.sendall(line)
            plain.recv(4096)
        with context.wrap_socket(plain, server_hostname="localhost") as old:
            assert old.version() == "TLSv1.1"


@pytest.mark.parametrize("case", GOOD)
def test_taken_with_a_good_certificate(gateway, recorders, case):
    """The negative control: the same server sees AUTH once the certificate is in order; implicit TLS as well."""
    recorder = recorders[case]
    done = gateway.call("upstream", "test", case, check=False, seconds=60)
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(recorder.commands(b"AUTH")) == 1 and len(recorder.commands(b"MAIL")) == 1 and not recorder.commands(b"RCPT")
    sender = deliver(gateway, case)
    gateway.queue_wait(lambda rows: not [row for row in rows if row["from"] == sender])
    assert len(recorder.commands(b"AUTH")) == 2 and len(recorder.commands(b"RCPT")) == 1
