"""D1, D10: kill -9 of random processes of ours under load: nothing that was answered 250 is lost, sign-in rows are exact."""

import collections
import os
import pathlib
import signal
import time

import pytest

import gateway
from conftest import SEED
from device import Device, Gone
from ground import UPSTREAM_CONNECTIONS
from load import Load

SESSIONS = 50
FIRST_220_SECONDS = 1.0
# A process that dies again and again within a second of its start is made to wait, on purpose: no killing like that here.
QUICK_SECONDS, QUICK_MAX = 1.1, 4


# Seconds to the first 220: `net` leaves out how long our processes stood ready to run while others had the processors.
Wait = collections.namedtuple("Wait", "net whole role")


class Killer:
    """Kills one process after the other, and measures how long newcomers wait."""

    def __init__(self, ground, dice):
        self.ground = ground
        self.dice = dice
        self.kills = collections.Counter()
        self.waits = []
        self.quick = collections.Counter()

    def victim(self, with_supervisor):
        children = sorted(self.ground.children().items())
        if with_supervisor:
            children.append((self.ground.process.pid, "supervisor"))
        return self.dice.choice(children) if children else None

    def kill(self, with_supervisor):
        victim = self.victim(with_supervisor)
        if not victim:
            return
        pid, role = victim
        age = age_seconds(pid)
        self.quick[role] = self.quick[role] + 1 if age < QUICK_SECONDS else 0
        if self.quick[role] >= QUICK_MAX:
            time.sleep(QUICK_SECONDS)
            self.quick[role] = 0
        if role == "supervisor":
            self.ground.kill_all()
            self.ground.launch()
        before = stood_seconds(self.ground.process.pid)
        began = time.monotonic()
        if role != "supervisor":
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                return
        waited = first_220(self.ground, began)
        stood = sum(stood_of(self.ground, pid).values()) - before
        self.waits.append(Wait(round(waited - stood, 3), round(waited, 3), role))
        self.kills[role] += 1
        self.ground.ready()


def age_seconds(pid):
    try:
        fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    started = int(fields[19]) / os.sysconf("SC_CLK_TCK")
    return float(pathlib.Path("/proc/uptime").read_text().split()[0]) - started


def stood_seconds(pid):
    """How long a process has stood in the run queue."""
    try:
        return int(pathlib.Path(f"/proc/{pid}/schedstat").read_text().split()[1]) / 1e9
    except OSError:
        return 0.0


def stood_of(ground, dead):
    """{role: seconds} of the way to a greeting: the supervisor, what it had to start anew, and of the gates the quickest."""
    found = {"supervisor": stood_seconds(ground.process.pid)}
    for pid, role in ground.children().items():
        if pid != dead and age_seconds(pid) < 2:
            found[role] = min(found.get(role, 99), stood_seconds(pid))
    return found


def first_220(ground, began):
    """Seconds from `began` to a greeting; what is cut off meanwhile tries again at once."""
    while time.monotonic() - began < 20:
        try:
            with Device(ground.port["starttls"], timeout=5) as device:
                device.greeting()
                return time.monotonic() - began
        except (Gone, OSError):
            time.sleep(0.005)
    raise AssertionError("no greeting within 20 s of a kill:\n" + ground.log()[-3000:])


def torment(ground, context, dice, kills, pause):
    """`kills` deaths under load; gives (Killer, Book) when the clients have ended and the queue is empty."""
    load = Load(ground, context, ground.directory / "book", SESSIONS, SEED).start()
    killer = Killer(ground, dice)
    time.sleep(1)
    while sum(killer.kills.values()) < kills:
        time.sleep(dice.uniform(*pause))
        killer.kill(with_supervisor=dice.random() < 0.5)
    time.sleep(1)
    book = load.finish()
    ground.queue_empty(120)
    return killer, book


def lost_of(book, arrived):
    return book.taken() - set(arrived)


def test_nothing_is_lost(recorder_new, ground_new, context, dice, figure, long):
    kills = 1000 if long else 60
    recorder = recorder_new()
    ground = ground_new(recorder).start().people()
    killer, book = torment(ground, context, dice, kills, (0.1, 1.4))
    arrived = recorder.messages()
    names = collections.Counter(name for name, _, _ in arrived)
    duplicates = sum(count - 1 for count in names.values())
    in_flight = book.unknown() + UPSTREAM_CONNECTIONS * (killer.kills["keeper"] + killer.kills["supervisor"])
    slowest, longest = max(killer.waits), max(killer.waits, key=lambda wait: wait.whole)
    figure(f"kills {dict(killer.kills)}, messages {len(book.taken())}, lost {len(lost_of(book, names))}, duplicates {duplicates} "
           f"(in flight at the kills ≤ {in_flight}), first 220 at most {slowest.net} s ({slowest.role}; with the wait for a processor {longest.whole} s), "
           f"AUTHs {len(book.auths)} answered {len(book.authed)}")
    assert len(book.taken()) > 3 * kills, f"hardly any load: {book.cuts}"
    assert not lost_of(book, names)
    assert {state for _, state, _ in arrived} == {"whole"}
    assert set(names) <= set(book.dots), "mail that nobody sent"
    assert duplicates <= in_flight
    assert all(count <= book.dots[name] + kills for name, count in names.items())
    assert not ground.crashes()
    sign_ins_are_exact(ground, book)
    assert ground.stop() == 0
    assert ground.integrity() == {}
    assert slowest.net <= FIRST_220_SECONDS, sorted(killer.waits)[-5:]


def sign_ins_are_exact(ground, book):
    """One row for each answered AUTH; at most one for each that was cut off (421: the keeper was gone); none for what nobody tried."""
    answered = {hello: code for hello, code in book.authed.items() if code != 421}
    assert set(answered.values()) == {235}
    rows = collections.Counter(row["ehlo"] for row in ground.signins("--since", "1d", "--count", "1000000"))
    assert set(rows) <= set(book.auths)
    assert {hello: rows[hello] for hello in answered if rows[hello] != 1} == {}
    assert {hello: count for hello, count in rows.items() if count != 1} == {}


def test_negative_control(recorder_new, ground_new, context, dice, figure):
    """The same suite finds the defect of a build that answers 250 before the commit."""
    defect = gateway.BINARY.parent / "tests" / "torture" / "sekisho-ack-early"
    if not defect.exists():
        pytest.skip(f"{defect} is not built")
    recorder = recorder_new()
    ground = ground_new(recorder, binary=defect).start().people()
    load = Load(ground, context, ground.directory / "book", SESSIONS, SEED).start()
    killer = Killer(ground, dice)
    for _ in range(12):
        time.sleep(dice.uniform(0.3, 0.9))
        os.kill(ground.keeper(), signal.SIGKILL)
        first_220(ground, time.monotonic())
        killer.kills["keeper"] += 1
    book = load.finish()
    ground.queue_empty(60)
    lost = lost_of(book, {name for name, _, _ in recorder.messages()})
    figure(f"with 250 before the commit: {len(lost)} of {len(book.taken())} lost at {killer.kills['keeper']} kills")
    assert lost, "the defect was not found: the suite above proves nothing"
