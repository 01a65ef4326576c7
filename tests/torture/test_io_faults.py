"""D5, D7: system calls that fail, one after the other and for ever; a disk that is full. No false 250, no death, a 4xx with its reason."""

import collections
import os
import re
import selectors
import shutil
import subprocess
import threading
import time

import pytest

from conftest import LONG
from device import Device, Gone
from ground import USER
from load import stuffed, text_of
from port import wait_until
from process import run

pytestmark = [
    pytest.mark.skipif(os.geteuid() != 0, reason="strace on another's process and mount need root"),
    pytest.mark.skipif(not shutil.which("strace"), reason="strace is not installed"),
]

QUICK_SECONDS = 90
SMALL, LARGE = 2_000, 100_000
RECOVER_SECONDS = 10

# What fails in whom. To add a fault: add a row.
FAULTS = [
    ("keeper", "fdatasync", "EIO"), ("keeper", "fdatasync", "ENOSPC"), ("keeper", "fsync", "EIO"),
    ("keeper", "pwrite64", "EIO"), ("keeper", "pwrite64", "ENOSPC"), ("keeper", "pwrite64", "EDQUOT"), ("keeper", "pwrite64", "EINTR"),
    ("keeper", "pread64", "EIO"), ("keeper", "openat", "EMFILE"), ("keeper", "openat", "EIO"), ("keeper", "openat", "ENOSPC"),
    ("keeper", "unlinkat", "EIO"), ("keeper", "socket", "EMFILE"), ("keeper", "mmap", "ENOMEM"), ("keeper", "newfstatat", "EIO"),
    ("gate", "write", "ENOSPC"), ("gate", "write", "EIO"), ("gate", "accept4", "EMFILE"), ("gate", "accept4", "ENOBUFS"),
]
EVER = {False: (False, True), True: (False,)}  # a signal for ever is a loop for ever, in SQLite, too
# Where a fault hits the client's own connection, no reply can be asked for.
MAY_CUT = {("gate", "write"), ("gate", "accept4")}


class Strace:
    """Makes the n-th call of each thread fail (`ever`: and all after it), from entering to leaving."""

    def __init__(self, ground, role, call, error, number, ever):
        self.pids = ground.pids(role)
        self.out = ground.directory / "strace"
        when = f"{number}+" if ever else f"{number}"
        self.argv = ["strace", "-f", "-o", self.out, "-e", f"trace={call}", "-e", f"inject={call}:error={error}:when={when}",
                     *(word for pid in self.pids for word in ("-p", str(pid)))]

    def __enter__(self):
        self.child = subprocess.Popen([str(word) for word in self.argv], stderr=subprocess.PIPE, stdin=subprocess.DEVNULL)
        waiting, text = selectors.DefaultSelector(), b""
        waiting.register(self.child.stderr, selectors.EVENT_READ)
        while text.count(b"attached") < len(self.pids):
            assert waiting.select(10), f"strace does not attach: {text!r}"
            more = os.read(self.child.stderr.fileno(), 4096)
            assert more, f"strace ended: {text!r}"
            text += more
        return self

    def __exit__(self, *_):
        self.child.terminate()
        self.child.wait(10)
        self.child.stderr.close()

    def hits(self):
        return self.out.read_text(errors="replace").count("(INJECTED)")


class Sender:
    """Sends, and remembers what was said to each message."""

    def __init__(self, ground, context, dice):
        self.ground, self.context, self.dice = ground, context, dice
        self.said = {}
        self.count = 0

    def send(self, size, port="starttls"):
        """One message over a connection of its own; (code, text) of the reply that decided, 0 when there was none."""
        import hashlib
        self.count += 1
        name = f"<io.{self.count}.{size}@torture>"
        body = text_of(self.dice, size)
        data = (f"From: <{USER}>\r\nMessage-ID: {name}\r\nX-Sum: {hashlib.sha256(body).hexdigest()}\r\n\r\n").encode() + stuffed(body)
        try:
            self.said[name] = self._dialogue(port, data, size)
        except (Gone, OSError, ValueError) as why:
            self.said[name] = (0, str(why))
        return self.said[name]

    def _dialogue(self, port, data, size):
        with Device(self.ground.port[port], timeout=30) as device:
            device.open("starttls", self.context)
            steps = [lambda: device.auth(USER, self.ground.password), lambda: device.say(f"MAIL FROM:<{USER}> SIZE={size}"),
                     lambda: device.say("RCPT TO:<someone@recorder.invalid>"), lambda: device.say("DATA")]
            for step in steps:
                got = step()
                if got[0] >= 400:
                    return got
            device.send(data + b".\r\n")
            return device.reply()

    def both(self):
        """A small and a large one at the same time."""
        results = []
        threads = [threading.Thread(target=lambda size=size: results.append(self.send(size))) for size in (SMALL, LARGE)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return results

    def until_taken(self, seconds):
        """Both are taken again within so long."""
        wait_until(lambda: all(code == 250 for code, _ in self.both()), seconds,
                   lambda: f"mail is taken again: {list(self.said.values())[-2:]}\n{self.ground.log()[-3000:]}")

    def taken(self):
        return {name for name, (code, _) in self.said.items() if code == 250}


def settle(ground, recorder, sender):
    """Queue empty: all that was taken is there, whole, once; what was refused is not. Gives a Counter of what was said."""
    ground.queue_empty(60)
    arrived = collections.Counter(name for name, _, _ in recorder.messages() if name.startswith("<io."))
    assert sender.taken() - set(arrived) == set(), "lost"
    assert {state for _, state, _ in recorder.messages()} == {"whole"}
    refused = {name for name, (code, _) in sender.said.items() if code >= 400}
    assert refused & set(arrived) == set(), "refused, and sent all the same"
    return collections.Counter(code for code, _ in sender.said.values()), sum(arrived.values()) - len(arrived)


@pytest.fixture(scope="module")
def recorder(recorder_new):
    return recorder_new()


@pytest.fixture(scope="module")
def ground(recorder, ground_new):
    made = ground_new(recorder, daemon={"gates": 1})
    return made.start().people()


def cases(dice):
    """(role, call, error, number, ever), the quick run in random order and only as far as its time goes."""
    rows = [(role, call, error, number, ever) for role, call, error in FAULTS for ever in EVER[error == "EINTR"]
            for number in range(1, 60 if LONG else 25)]
    if not LONG:
        dice.shuffle(rows)
        # Each row of FAULTS once with its first call, so that none is missed.
        rows = [(role, call, error, 1, ever) for role, call, error in FAULTS for ever in EVER[error == "EINTR"]] + rows
    return rows


def test_each_call_fails_in_turn(ground, recorder, context, dice, figure):
    end = time.monotonic() + QUICK_SECONDS
    sender = Sender(ground, context, dice)
    sender.until_taken(RECOVER_SECONDS)
    children = ground.children()
    silent = collections.Counter()  # a call that is not made so often: what comes later is not, either
    runs = hits = 0
    replies = set()
    for role, call, error, number, ever in cases(dice):
        if not LONG and time.monotonic() > end:
            break
        if silent[role, call] and number >= silent[role, call]:
            continue
        with Strace(ground, role, call, error, number, ever) as strace:
            results = sender.both()
        runs, hits = runs + 1, hits + (strace.hits() > 0)
        if not strace.hits():
            silent[role, call] = number
        what = f"{role} {call} {error} number {number}{' and on' if ever else ''}: {results}"
        if (role, call) not in MAY_CUT:
            assert all(code == 250 or 400 <= code < 500 for code, _ in results), what
        else:
            assert all(code == 250 or code < 500 for code, _ in results), what
        replies |= {re.sub(r" \[\w+\]$", "", f"{code} {text}") for code, text in results if code >= 400}
        sender.until_taken(RECOVER_SECONDS)
        assert ground.children() == children, f"{what}\n{ground.log()[-3000:]}"
    said, duplicates = settle(ground, recorder, sender)
    figure(f"{runs} runs, {hits} with a fault, said {dict(said)}, duplicates {duplicates}, refusals {sorted(replies)}")
    assert not ground.crashes()
    assert duplicates == 0


def test_negative_control_of_faults(ground, context, dice):
    """The injection reaches us: when every sync fails nothing can be taken."""
    sender = Sender(ground, context, dice)
    with Strace(ground, "keeper", "fdatasync,fsync", "EIO", 1, True) as strace:
        results = sender.both()
    assert strace.hits() and not any(code == 250 for code, _ in results), results
    sender.until_taken(RECOVER_SECONDS)


# --- D7: the disk is full ---

# Each attempt writes its sign-in down, into the room that is kept: as often as a few devices would.
FULL_SECONDS, PAUSE_SECONDS = (600, 3) if LONG else (20, 0.2)
DISK = 48 << 20


@pytest.fixture
def disk(directory):
    place = directory / "disk"
    place.mkdir(exist_ok=True)
    run(["mount", "-t", "tmpfs", "-o", f"size={DISK}", "sekisho-torture", place])
    yield place
    run(["umount", "-l", place])


def fill(path):
    """All the room there is just now, in one go; once more when somebody took some of it meanwhile."""
    with open(path, "ab") as file:
        for _ in range(20):
            room = os.statvfs(path.parent)
            if room.f_bavail == 0:
                return
            try:
                os.posix_fallocate(file.fileno(), file.seek(0, os.SEEK_END), room.f_bavail * room.f_frsize)
                return
            except OSError:
                continue
    raise AssertionError(f"the disk could not be filled: {room}")


def answers(sender, seconds):
    """What is said to two senders, again and again for so long, without the event IDs."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        for code, text in sender.both():
            yield re.sub(r" \[\w+\]$", "", f"{code} {text}")
        time.sleep(PAUSE_SECONDS)


def sign_ins_until_refused(ground):
    """Each is written down, which takes of the room that is kept; how many were let in."""
    for count in range(5000):
        with Device(ground.port["none"]) as device:
            device.greeting()
            device.expect("EHLO flood.example", 250)
            if device.auth(USER, ground.password)[0] != 235:
                return count
    raise AssertionError("sign-ins took all the room there was")


def test_the_disk_is_full_for_a_while(recorder_new, ground_new, disk, context, dice, figure):
    recorder = recorder_new()
    ground = ground_new(recorder, daemon={"state": str(disk / "state"), "gates": 1},
                        limits={"disk-free-bytes-min": 4 << 20, "ballast-bytes": 4 << 20})
    ground.start().people()
    sender = Sender(ground, context, dice)
    sender.until_taken(RECOVER_SECONDS)
    children = ground.children()
    recorder.refuse.touch()
    kept = [sender.send(SMALL) for _ in range(5)] + [sender.send(LARGE)]
    assert [code for code, _ in kept] == [250] * 6
    fill(disk / "junk")
    said = collections.Counter(answers(sender, FULL_SECONDS))
    flood = sign_ins_until_refused(ground)
    # Mail that waits can leave: its fate is written into the room that is kept for it, whoever has signed in meanwhile.
    recorder.refuse.unlink()
    ground.queue_empty(60)
    # Somebody takes what was kept, too: not even a sign-in can be written down now, and none is let in.
    fill(disk / "junk2")
    nothing_left = collections.Counter(answers(sender, 5))
    for junk in ("junk", "junk2"):
        (disk / junk).unlink(missing_ok=True)
    began = time.monotonic()
    sender.until_taken(RECOVER_SECONDS)
    took = time.monotonic() - began
    figure(f"{flood} more sign-ins let in before half the room was left; full for {FULL_SECONDS} s: {dict(said)}; to the last byte: {dict(nothing_left)}; mail taken again after {took:.1f} s")
    assert all(text.startswith(("452 4.3.1", "454 4.7.0")) for text in said) and any(text.startswith("452") for text in said), said
    assert all(text.startswith(("452 4.3.1", "454 4.7.0")) for text in nothing_left), nothing_left
    assert ground.children() == children
    settle(ground, recorder, sender)
    assert not ground.crashes()
    assert ground.stop() == 0
