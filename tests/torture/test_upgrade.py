"""D9: a stop drains, a reload is not noticed, a bad settings file changes nothing; all of it under load."""

import collections
import json
import os
import signal
import subprocess
import threading
import time

import pytest

from conftest import SEED
from device import Device
from ground import PLENTY, TOOLS, USER
from load import Load
from port import wait_until

DRAIN_SECONDS = 10
SESSIONS = 10_000


@pytest.fixture
def recorder(recorder_new):
    return recorder_new()


def test_a_stop_drains(recorder, ground_new, context, dice, figure, long):
    """SIGTERM again and again among 50 clients: each knows what became of its message, and it is sent once."""
    stops = 50 if long else 8
    ground = ground_new(recorder).start().people()
    load = Load(ground, context, ground.directory / "book", 50, SEED).start()
    drains = []
    for _ in range(stops):
        time.sleep(dice.uniform(1, 3))
        began = time.monotonic()
        ground.process.signal(signal.SIGTERM)
        status = ground.process.child.wait(30)
        drains.append(time.monotonic() - began)
        assert status == 0, ground.log()[-2000:]
        ground.start()
    time.sleep(1)
    book = load.finish()
    ground.queue_empty(60)
    names = collections.Counter(name for name, _, _ in recorder.messages())
    twice = {name: count for name, count in names.items() if count > 1}
    figure(f"{stops} stops, at most {max(drains):.1f} s; messages {len(book.taken())}, lost {len(book.taken() - set(names))}, "
           f"twice {len(twice)}, cut after the dot {book.unknown()}; cuts {book.cuts}")
    assert len(book.taken()) > 20 * stops
    assert book.taken() - set(names) == set()
    assert {state for _, state, _ in recorder.messages()} == {"whole"}
    assert twice == {}
    assert max(drains) <= DRAIN_SECONDS
    assert not ground.crashes()


class Hangups:
    """SIGHUP once a second, with another host name each time."""

    def __init__(self, ground, change):
        self.ground, self.change = ground, change
        self.count = 0
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self._run)
        self.thread.start()

    def _run(self):
        while not self.stop.wait(1):
            self.count += 1
            if self.change:
                self.ground.settings["daemon"]["hostname"] = f"gate{self.count}.example"
                self.ground.write()
            self.ground.hang_up()

    def end(self):
        self.stop.set()
        self.thread.join()


def sessions(ground, count, seconds):
    """So many connections with STARTTLS, AUTH and a message each; what bench-load has to say. Nothing is tried again."""
    users = ground.directory / "users"
    users.write_text(f"{USER}:{ground.password}\n")
    done = subprocess.run([TOOLS / "bench-load", "--port", str(ground.port["starttls"]), "--users", users, "--sessions", "50", "--messages",
                           str(count), "--bytes", "2000", "--seconds", str(seconds), "--ack-log", ground.directory / "acked"],
                          stdout=subprocess.PIPE, text=True, timeout=seconds + 60, check=False)
    return json.loads(done.stdout)


@pytest.mark.parametrize("file", ["good", "bad"])
def test_a_reload_is_not_noticed(recorder, ground_new, figure, long, file):
    count = SESSIONS * (10 if long else 1)
    ground = ground_new(recorder, limits=PLENTY).start().people()
    children, good = ground.children(), ground.file.read_text()
    before = ground.descriptors()
    # A session from before the first reload, open through all of them.
    old = Device(ground.port["none"]).open("none", None).sign_in(USER, ground.password)
    if file == "bad":
        ground.file.write_text(good.replace("hostname:", "hostnam:"))
    hangups = Hangups(ground, change=file == "good")
    try:
        said = sessions(ground, count, 900 if long else 120)
    finally:
        hangups.end()
    figure(f"{said['acknowledged']} sessions, {hangups.count} SIGHUPs, failures {said['failures']}, {said['per_second']:.0f}/s")
    assert said["failures"] == {} and said["acknowledged"] == count
    old.to_data(USER, "someone@recorder.invalid")
    assert old.say(f"From: <{USER}>\r\nMessage-ID: <old@torture>\r\n\r\nstill here\r\n.")[0] == 250
    if file == "good":
        wait_until(lambda: f"gate{hangups.count}.example" in greeting(ground), 10, "the last name")
    else:
        assert ground.children() == children
        assert "gate.example" in greeting(ground)
        assert ground.log().count("reload refused") >= hangups.count > 3
        ground.file.write_text(good)
        ground.hang_up()
        wait_until(lambda: 'event="settings taken"' in ground.log(), 10, "the mended file is taken")
    old.say("QUIT")
    old.close()
    wait_until(lambda: len(ground.children()) == len(children), 15, lambda: f"as many processes as before: {ground.children()}")
    wait_until(lambda: ground.descriptors()["gate"] <= before["gate"] + 2, 15, lambda: f"{before} then {ground.descriptors()}")
    acked = collections.Counter((ground.directory / "acked").read_text().split() + ["<old@torture>"])
    wait_until(lambda: len(recorder.messages()) >= len(acked), 120, "all mail at the upstream")
    ground.queue_empty(30)
    assert collections.Counter(name for name, _, _ in recorder.messages()) == acked
    assert not ground.crashes()


def test_negative_control_of_reloads(recorder, ground_new):
    """A gate that dies in the middle is noticed by the same load."""
    ground = ground_new(recorder, limits=PLENTY).start().people()
    killer = threading.Timer(1, lambda: os.kill(ground.pids("gate")[0], signal.SIGKILL))
    killer.start()
    said = sessions(ground, 2_000, 60)
    killer.join()
    assert said["failures"] != {} and said["acknowledged"] < 2_000


def greeting(ground):
    with Device(ground.port["none"]) as device:
        return device.greeting()[1]
