"""Senders that an upstream refuses again and again: held, told once, and held still after a restart or a kill."""

import os
import pathlib
import signal
import socket
import time

import pytest

from mailing import empty, fate, send
from message import SENDER, message
from port import wait_until

REPORTS = "postmaster@contoso.example"  # whose mail is refused as well


def keeper_of(gateway):
    """Its pid, among the children of the supervisor."""
    (children,) = pathlib.Path(f"/proc/{gateway.process.child.pid}/task").glob("*/children")
    found = [int(pid) for pid in children.read_text().split() if b"keeper" in pathlib.Path(f"/proc/{pid}/cmdline").read_bytes()]
    return found[0] if len(found) == 1 else None


def listens(gateway):
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", gateway.port["starttls"])) == 0


def kill(gateway):
    gateway.kill()
    wait_until(lambda: not listens(gateway), 10, "the gates go with their supervisor")


def told(gateway, *words):
    return {row["subject"]: row for row in gateway.rows("notices", "list", *words) if row["kind"] == "sender-held"}


def held(gateway):
    return {row["sender"]: row for row in gateway.record("status")["holds"]}


@pytest.fixture
def refused(both):
    """A gateway whose sender was refused three times, and so were the three reports of it; the seventh would be taken."""
    gateway, sandbox = both("send-as-denied:6")
    for number in range(3):
        send(gateway, message(f"number {number}"))
        empty(gateway)
        wait_until(lambda: gateway.log().count('event="notification not delivered"') == number + 1, 10, gateway.log)
    sandbox.stats_wait(messages=0, refused=6)
    wait_until(lambda: set(told(gateway)) == {SENDER, REPORTS}, 10, lambda: gateway.log()[-3000:])
    return gateway, sandbox


def waits(gateway, event):
    return gateway.queue_wait(lambda rows: next((row for row in rows if row["id"] == event and "held back" in (row["lastReply"] or "")), None))


def test_over_a_restart_and_a_kill(refused):
    """Told once, whatever is ended and started; nothing is tried meanwhile; released, it goes, and the notice is over."""
    gateway, sandbox = refused
    row = told(gateway)[SENDER]
    assert (row["severity"], row["tenant"], row["state"]) == ("warning", "contoso.example", "open")
    for words in (SENDER, "upstream main", "send-as-denied", "SendAsDenied", "Add-RecipientPermission", "sekisho queue release"):
        assert words in row["text"], (words, row["text"])
    japanese = gateway.record("notices", "show", row["id"], "--lang", "ja")["text"]
    assert "止めています" in japanese and "Add-RecipientPermission" in japanese, japanese
    before = held(gateway)
    assert set(before) == {SENDER, REPORTS} and "5.2.252" in before[SENDER]["reply"] and before[SENDER]["cause"] == "send-as-denied"
    assert gateway.record("status")["sendersHeld"] == 2
    event = send(gateway, message("the fourth"))
    waits(gateway, event)

    gateway.stop()
    gateway.start()
    assert held(gateway) == before, "after a restart"
    pid = keeper_of(gateway)
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: keeper_of(gateway) not in (None, pid), 10, gateway.log)
    wait_until(lambda: gateway.call("status", check=False).returncode == 0, 10, gateway.log)
    assert held(gateway) == before, "after a kill"
    kill(gateway)
    gateway.start()
    assert held(gateway) == before, "after the death of all"
    waits(gateway, event)
    health = gateway.call("health")
    assert "mail of 2 senders is held back" in health.stdout + health.stderr
    time.sleep(3)  # a look of the notices, and as many of the queue
    sandbox.stats_wait(messages=0, refused=6)
    assert told(gateway)[SENDER] == row and set(told(gateway, "--all")) == {SENDER, REPORTS}
    assert sum(row["kind"] == "sender-held" for row in gateway.rows("notices", "list", "--all")) == 2

    gateway.call("queue", "release", event)
    empty(gateway)
    assert fate(gateway, event)["state"] == "sent"
    sandbox.stats_wait(messages=1, refused=6)
    assert set(held(gateway)) == {REPORTS}
    wait_until(lambda: set(told(gateway)) == {REPORTS}, 10, lambda: told(gateway))
    over = told(gateway, "--all")[SENDER]
    assert (over["id"], over["state"]) == (row["id"], "over")
    kill(gateway)
    gateway.start()
    assert set(held(gateway)) == {REPORTS} and set(told(gateway)) == {REPORTS}, "what was released stays so"


def test_an_upstream_that_is_gone(refused):
    """Its holds go with it, on disk too, and their notices are over."""
    gateway, sandbox = refused
    gateway.settings["upstreams"] = {"other": gateway.settings["upstreams"]["main"]}
    gateway.settings["routes"] = [{"from": "*", "upstream": "other"}]
    gateway.write()
    gateway.call("reload")
    wait_until(lambda: held(gateway) == {} and told(gateway) == {}, 10, lambda: f"{held(gateway)} {told(gateway)}")
    gateway.settings["upstreams"] = {"main": gateway.settings["upstreams"]["other"]}
    gateway.settings["routes"] = [{"from": "*", "upstream": "main"}]
    gateway.write()
    kill(gateway)
    gateway.start()
    assert held(gateway) == {}
    send(gateway, message("the fourth"))
    empty(gateway)
    sandbox.stats_wait(messages=1)
