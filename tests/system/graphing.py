"""Mail in by SMTP and out by Microsoft Graph's sendMail, towards the sandbox's Graph: a gateway and a sandbox, what is sent, and what arrived."""

import base64
import email
import email.message
import email.policy
import pathlib
import random
import re

import pytest

from conftest import PASSWORD
from gateway import Gateway, event_id
from message import SENDER
from sandbox import RECIPIENT, Sandbox, Towards
from submission import submission_open


def upstream_of(sandbox, **changes):
    return {"kind": "graph", "graph-url": sandbox.json["graphUrl"], "token-url": sandbox.json["tokenUrl"], "ca-file": sandbox.ca,
            "client-id": sandbox.json["clientId"], "client-secret-file": "client-secret", "scope": sandbox.json["graphScope"], **changes}


@pytest.fixture
def both(sandbox_new, authority, directory):
    """A function: start a sandbox with these cases and a gateway that sends by its Graph; `changes` go to the upstream's settings, `spare`
    adds one of kind smtp to its fallback."""
    running = []

    def start(*cases, limits=None, spare=False, **changes):
        sandbox = sandbox_new(*cases, directory=str(len(running) + 1))
        gateway = Gateway(directory / f"graph-{len(list(directory.glob('graph-*')))}", authority, Towards(sandbox))
        gateway.settings["upstreams"]["main"] = upstream_of(sandbox, **changes)
        if spare:
            gateway.settings["upstreams"]["spare"] = Gateway.upstream(Towards(sandbox), "client-secret")
            gateway.settings["upstreams"]["main"]["fallback"] = "spare"
        gateway.settings["limits"].update(limits or {})
        gateway.write()
        running.append(gateway.start())
        gateway.tenant_add("contoso.example")
        gateway.user_add(SENDER, PASSWORD)
        return gateway, sandbox
    yield start
    for gateway in running:
        gateway.stop()


@pytest.fixture(scope="module")
def graph_pair(tmp_path_factory, authority, directory):
    """One gateway and sandbox for all that leaves nothing behind."""
    sandbox = Sandbox(tmp_path_factory.mktemp("graph") / "1").start()
    gateway = Gateway(directory / f"pair-{len(list(directory.glob('pair-*')))}", authority, Towards(sandbox))
    gateway.settings["upstreams"]["main"] = upstream_of(sandbox)
    gateway.write()
    gateway.start()
    gateway.tenant_add("contoso.example")
    gateway.user_add(SENDER, PASSWORD)
    yield gateway, sandbox
    gateway.stop()
    sandbox.stop()


def send(gateway, *mails, to=RECIPIENT):
    """All on one connection. Gives the event ID of the last."""
    with submission_open(gateway) as client:
        assert client.auth_login(SENDER, PASSWORD)[0] == 235
        for data in mails:
            code, text = client.submit(SENDER, to, data, ["BODY=8BITMIME"])
            assert code == 250, text
    return event_id(text)


def trace(gateway, event):
    (row,) = gateway.rows("trace", "--id", event)
    return row


def below_received(text):
    return re.sub(rb"\A(Received: .*\n(?:[ \t].*\n)*)", b"", text, count=1)


BASE64_RUN = re.compile(rb"(?:[A-Za-z0-9+/]{76}\r\n){100,}[A-Za-z0-9+/]*={0,2}(?=\r\n)")


def files_of(data):
    """(type, name, bytes) of each attachment, and the text. Python's parser takes seconds for megabytes: long runs of base64 pass it by."""
    runs = []

    def keep(match):
        runs.append(base64.b64decode(match[0]))
        return base64.b64encode(b"run %d" % (len(runs) - 1))
    mail = email.message_from_bytes(BASE64_RUN.sub(keep, data), policy=email.policy.default)
    found = []
    for part in mail.walk():
        if not part.is_multipart():
            payload = part.get_payload(decode=True)
            at = re.fullmatch(rb"run (\d+)", payload)
            found.append((part.get_content_type(), part.get_filename(), runs[int(at[1])] if at else payload))
    return found


def message_id(data):
    return re.search(rb"\r\nMessage-ID: (.*)\r\n", data)[1]


def with_files(files, text="本文です。\r\n", to=RECIPIENT, cte="base64"):
    """Python's generator gets the files' names, and their bytes are put in behind it: it takes seconds for megabytes."""
    mail = email.message.EmailMessage(policy=email.policy.SMTP)
    mail["From"], mail["To"], mail["Subject"] = SENDER, to, "スキャン"
    mail["Date"], mail["Message-ID"] = "Tue, 24 Nov 2026 09:00:00 +0900", f"<{random.getrandbits(64):016x}@contoso.example>"
    if text is not None:
        mail.set_content(text, cte=cte)
    for number, (name, _) in enumerate(files):
        mail.add_attachment(b"file %d" % number, maintype="application", subtype="pdf", filename=name)
    data = mail.as_bytes()
    for number, (_, size) in enumerate(files):
        data = data.replace(base64.encodebytes(b"file %d" % number).strip(),
                            base64.encodebytes(random.Random(size).randbytes(size)).strip().replace(b"\n", b"\r\n"))
    return data


def keeper_of(gateway):
    for place in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            if b"keeper" in (place / "cmdline").read_bytes() and is_below(int(place.name), gateway.process.child.pid):
                return place
        except OSError:
            continue
    raise AssertionError("no keeper")


def idle_kib(gateway):
    """What the keeper holds now; its peak counts from here."""
    place = keeper_of(gateway)
    (place / "clear_refs").write_text("5")
    return int(re.search(r"VmRSS:\s+(\d+)", (place / "status").read_text())[1])


def peak_kib(gateway):
    return int(re.search(r"VmHWM:\s+(\d+)", (keeper_of(gateway) / "status").read_text())[1])


def is_below(pid, ancestor):
    while pid > 1:
        if pid == ancestor:
            return True
        pid = int(pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[1])
    return False
