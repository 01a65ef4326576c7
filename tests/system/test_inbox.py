"""kind: inbox: mail as files of a folder, whole and none lost, whatever is killed."""

import json

from conftest import PASSWORD
from message import SENDER, message, scan
from port import wait_until
from submission import submission_open

LOST = OSError


def start(gateway_new):
    gateway = gateway_new(upstreams={"main": {"kind": "inbox", "folder": "archive"}})
    gateway.tenant_add("contoso.example")
    gateway.user_add(SENDER, PASSWORD)
    return gateway


def mails(gateway):
    return {path.stem: path.read_bytes() for path in (gateway.directory / "archive").glob("*.eml")}


def test_messages_become_files(gateway_new):
    gateway = start(gateway_new)
    small, large = message(), scan(300_000)
    with submission_open(gateway) as client:
        assert client.auth_login(SENDER, PASSWORD)[0] == 235
        assert client.submit(SENDER, ["a@example.net", "b@example.net"], small)[0] == 250
        assert client.submit(SENDER, "c@example.net", large)[0] == 250
    gateway.queue_wait(lambda rows: not rows)
    found = mails(gateway)
    assert len(found) == 2
    for data, to in ((small, ["a@example.net", "b@example.net"]), (large, ["c@example.net"])):
        (name,) = [name for name, text in found.items() if text.endswith(data)]
        assert found[name].startswith(b"Received:")
        envelope = json.loads((gateway.directory / "archive" / f"{name}.json").read_text())
        assert (envelope["from"], envelope["to"], envelope["id"]) == (SENDER, to, name) and envelope["receivedDateTime"].endswith("Z")
    assert not list((gateway.directory / "archive").glob(".*")), "nothing half"


def test_nothing_is_lost_to_kills(gateway_new):
    gateway = start(gateway_new)
    answered = []
    for round_number in range(5):
        with submission_open(gateway) as client:
            assert client.auth_login(SENDER, PASSWORD)[0] == 235
            for number in range(20):
                data = message(f"round {round_number} number {number}", body=b"x" * 40_000 + b"\r\n")
                if client.submit(SENDER, "a@example.net", data)[0] == 250:
                    answered.append(data)
            gateway.kill()
        gateway.start()
    gateway.queue_wait(lambda rows: not rows, 60)
    found = mails(gateway)
    assert len(found) == len(answered) == 100
    for data in answered:
        assert sum(text.endswith(data) for text in found.values()) == 1
    assert all((gateway.directory / "archive" / f"{name}.json").exists() for name in found), "each with its envelope"


def test_a_folder_that_cannot_be_written_makes_mail_wait(gateway_new):
    gateway = start(gateway_new)
    (gateway.directory / "archive").write_text("a file stands here")
    with submission_open(gateway) as client:
        assert client.auth_login(SENDER, PASSWORD)[0] == 235
        assert client.submit(SENDER, "a@example.net", message())[0] == 250
    gateway.queue_wait(lambda rows: len(rows) == 1 and "archive" in (rows[0]["lastReply"] or ""))
    (gateway.directory / "archive").unlink()
    gateway.call("queue", "flush")
    wait_until(lambda: len(mails(gateway)) == 1, 30, gateway.log)
