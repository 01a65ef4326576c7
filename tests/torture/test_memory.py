"""D6: the k-th allocation of one message's life fails, in gate and keeper: of our own code each in turn, as far as the quick form goes, and of
libraries (OpenSSL, SQLite, libuv) some spread over all. No death, no false 250, nothing lost, and the next message goes through."""

import collections
import mmap
import os
import re
import shutil
import ssl
import struct
import subprocess
import time

import gateway
import pytest

from conftest import LONG
from device import Device, Gone, encoded
from ground import TENANT, USER, Ground
from port import wait_until
from rogue import Rogue, cut

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="the gateway's processes are looked at as root")

PROGRAM = gateway.BINARY.parent / "tests" / "torture" / "sekisho-oom"
OWN, LIBRARIES = 1, 2
POINTS = {OWN: 100_000, LIBRARIES: 100_000} if LONG else {OWN: 120, LIBRARIES: 40}  # of each role
REFUSED, TAKEN, REPORTS = "refused@example.net", "taken@example.net", "postmaster@contoso.example"
RECOVER_SECONDS = 15
SILENCE_SECONDS = 4
SIZES = (3_000, 80_000)  # inside the spool's rows, and in a file


class Armed:
    """The allocator of one role (struct control of oom.c)."""

    def __init__(self, path):
        path.write_bytes(b"\0" * 4096)
        with open(path, "r+b") as file:
            self.shared = mmap.mmap(file.fileno(), 4096)

    def arm(self, k, whose=0, careless=False):
        self.shared[8:40] = struct.pack("=QQQQ", 0, 0, careless, whose)
        self.shared[40:296] = b"\0" * 256
        self.shared[0:8] = struct.pack("=Q", k)

    def disarm(self):
        self.shared[0:8] = struct.pack("=Q", 0)

    @property
    def count(self):
        return struct.unpack("=Q", self.shared[8:16])[0]

    @property
    def failed(self):
        return struct.unpack("=Q", self.shared[16:24])[0]

    @property
    def where(self):
        return self.shared[40:296].split(b"\0")[0].decode()


class Ill(Ground):
    """A gateway whose program stands in its own folder, beside the file by which one role is armed. Each delivery makes a connection of its
    own, with TLS and a sign-in; one recipient of each message is refused, so that a report is due."""

    def __init__(self, directory, authority, role, upstream, reports):
        directory.mkdir()
        program = directory / "sekisho"
        shutil.copy(PROGRAM, program)
        self.role = role
        self.armed = Armed(directory / f"oom-{role}")
        (directory / "password").write_text("upstream-password\n")
        (directory / "password").chmod(0o600)
        clear = {"kind": "smtp", "host": "127.0.0.1", "tls": "none", "auth": "none"}
        nowhere = type("Nowhere", (), {"host": "localhost", "port": 1, "authority": authority, "issuer": type("Issuer", (), {
            "secret": "any", "client_id": "any", "scope": "any", "token_url": "https://localhost:1/token"})})
        super().__init__(directory, authority, nowhere, binary=program, upstreams={
            "main": {"kind": "smtp", "host": "localhost", "port": upstream.port, "tls": "starttls", "ca-file": authority.ca, "auth": "plain",
                     "user": "relay", "password-file": "password"},
            "reports": {**clear, "port": reports.port}},
            routes=[{"from": REPORTS, "upstream": "reports"}, {"from": "*", "upstream": "main"}],
            daemon={"gates": 1}, limits={"retry-first-seconds": 1, "retry-seconds-max": 1, "failures-account-max": 100000,
                                         "failures-network-max": 100000})

    def pid(self):
        return wait_until(lambda: self.pids(self.role), RECOVER_SECONDS, f"a {self.role}", every=0.01)[0]


class Sent:
    """What was answered 250, and what came."""

    def __init__(self, ground, context, rogue, reports):
        self.ground, self.context, self.rogue, self.reports = ground, context, rogue, reports
        self.taken, self.came, self.told = set(), set(), set()  # Message-IDs
        self.bodies = {}
        self.read = [0, 0]  # mails and reports looked at
        self.number = 0

    def one(self, size, timeout=10):
        """One message's life as far as the device sees it: True when it was answered 250."""
        self.number += 1
        name = f"<{self.number}@memory.example>"
        body = (f"From: <{USER}>\r\nTo: <{TAKEN}>\r\nSubject: {self.number}\r\nMessage-ID: {name}\r\n\r\n".encode() +
                (b"." + b"x" * 70 + b"\r\n") * (size // 73))
        self.bodies[name] = body
        try:
            with Device(self.ground.port["starttls"], timeout=timeout) as device:
                device.open("starttls", self.context)
                if device.say("AUTH PLAIN " + encoded(f"\0{USER}\0{self.ground.password}"))[0] != 235:
                    return False
                for line in (f"MAIL FROM:<{USER}>", f"RCPT TO:<{REFUSED}>", f"RCPT TO:<{TAKEN}>"):
                    if device.say(line)[0] != 250:
                        return False
                if device.say("DATA")[0] != 354:
                    return False
                device.send(body.replace(b"\r\n.", b"\r\n.."))
                code, _ = device.say(".")
        except (Gone, OSError, ValueError):
            return False
        if code == 250:
            self.taken.add(name)
        return code == 250

    def until_taken(self, size):
        end = time.monotonic() + RECOVER_SECONDS
        while not self.one(size):
            assert time.monotonic() < end, f"no message goes through any more\n{self.ground.log()[-3000:]}"
            time.sleep(0.05)

    def lost(self):
        """Of what was answered 250: whose mail, or whose report, has not come."""
        for _, body in self.rogue.mails[self.read[0]:]:
            self.read[0] += 1
            name = re.search(rb"Message-ID: (<\S+@memory.example>)", body)[1].decode()
            if body.endswith(self.bodies[name]):
                self.came.add(name)
        for _, body in self.reports.mails[self.read[1]:]:
            self.read[1] += 1
            if REFUSED.encode() in body:
                self.told.update(name.decode() for name in re.findall(rb"<\d+@memory.example>", body))
        return self.taken - (self.came & self.told)


def refuse_one(dialogue):
    dialogue.reply(b"550 5.1.1 who?\r\n" if REFUSED.encode() in dialogue.line else b"250 2.1.5 ok\r\n")


@pytest.fixture
def ill(directory, authority):
    """A function: a gateway with its upstreams, of which `role` can be armed."""
    running = []
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(authority.certificate("p256"), authority.key("p256"))

    def start(role):
        rogue = Rogue({"EHLO": "250-rogue.example\r\n250 STARTTLS", "end": ("250 2.0.0 taken", cut), "RCPT": refuse_one}, tls)
        reports = Rogue()
        ground = Ill(directory / f"memory-{len(list(directory.glob('memory-*')))}", authority, role, rogue, reports)
        running.extend([ground.stop, rogue.close, reports.close])
        ground.start().people()
        return ground, rogue, reports
    yield start
    for stop in running:
        stop()


def place_of(program, where):
    """"function at file:line" of "FILE+0xOFFSET"."""
    file, _, offset = where.partition("+")
    if not file.startswith("/"):  # a program that is not PIE names itself as it was called
        file = str(program)
    if file != str(program) or not shutil.which("addr2line"):
        return where
    found = subprocess.run(["addr2line", "-f", "-p", "-e", file, hex(int(offset, 16) - 1)], capture_output=True, text=True)
    return re.sub(r"\S*/(src/|\.\./)", r"\1", found.stdout.strip())


def life(armed, sent, size, whose):
    """How many calls it makes."""
    armed.arm(1 << 62, whose)
    sent.until_taken(size)
    wait_until(lambda: not sent.lost(), RECOVER_SECONDS, "the first arrive", every=0.01)
    count = armed.count
    armed.disarm()
    time.sleep(0.3)
    return count


def points(armed, sent, dice):
    """Which calls fail: (size of the message, whose call, which), spread over one life, each size of message in turn."""
    counts, chosen = {}, []
    for whose, points_max in POINTS.items():
        for size in SIZES:
            count = counts[whose, size] = min(life(armed, sent, size, whose) for _ in range(3))
            step = max(1, count * len(SIZES) / points_max)
            chosen += [(size, whose, int(at * step + dice.random() * step) + 1) for at in range(int(count / step))]
    return counts, chosen


def came_to_an_end(sent, seconds):
    end = time.monotonic() + seconds
    while sent.lost() and time.monotonic() < end:
        time.sleep(0.005)
    return not sent.lost()


def sweep(ground, sent, chosen, careless=False):
    """{where: deaths}, {where: devices left without an answer}, how many calls failed."""
    deaths, silences, failed = collections.Counter(), collections.Counter(), 0
    pid = ground.pid()
    for size, whose, k in chosen:
        ground.armed.arm(k, whose, careless)
        began = time.monotonic()
        sent.one(size, timeout=SILENCE_SECONDS)
        silent = time.monotonic() - began >= SILENCE_SECONDS
        end = time.monotonic() + 0.4  # what comes after the answer: the delivery, the report and its own
        while not ground.armed.failed and time.monotonic() < end:
            time.sleep(0.005)
        ground.armed.disarm()
        failed += ground.armed.failed
        where = ground.armed.where
        if silent:
            silences[place_of(ground.binary, where)] += 1
        sent.until_taken(SIZES[0])
        before, pid = pid, ground.pid()
        if pid != before:
            deaths[place_of(ground.binary, where)] += 1
            if careless:
                break  # one is enough, and who keeps dying is started ever later
        if not careless and not came_to_an_end(sent, 0.15):
            ground.call("queue", "flush")  # an upstream is left alone for a while: not now
            came_to_an_end(sent, 1)
    return deaths, silences, failed


@pytest.mark.parametrize("role", ["gate", "keeper"])
def test_each_allocation_fails_in_turn(ill, role, context, dice, figure):
    ground, rogue, reports = ill(role)
    sent = Sent(ground, context, rogue, reports)
    began = time.monotonic()
    counts, chosen = points(ground.armed, sent, dice)
    deaths, silences, failed = sweep(ground, sent, chosen)
    ground.call("queue", "flush")  # what was put off, now
    wait_until(lambda: not sent.lost(), 90, lambda: f"lost: {sent.lost()}\n{ground.log()[-4000:]}", every=0.5)
    ground.queue_empty(30)
    figure(f"{role}: {failed} of {len(chosen)} chosen calls failed (a life makes {sum(counts.values()) // 2}), {len(sent.taken)} messages taken, 0 lost, "
           f"{sum(deaths.values())} deaths {dict(deaths)}, {sum(silences.values())} without an answer {dict(silences)}, {time.monotonic() - began:.0f} s")
    assert failed >= 0.7 * len(chosen)
    assert not deaths
    assert not ground.integrity()
    assert ground.stop() == 0


@pytest.mark.parametrize("role", ["gate", "keeper"])
def test_a_careless_one_is_found(ill, role, context, dice):
    """The negative control: somebody allocates and does not look."""
    ground, rogue, reports = ill(role)
    sent = Sent(ground, context, rogue, reports)
    ground.armed.arm(1 << 62, OWN, careless=True)
    sent.until_taken(SIZES[0])
    time.sleep(0.3)
    count = ground.armed.count
    ground.armed.disarm()
    deaths, _, _ = sweep(ground, sent, [(SIZES[0], OWN, dice.randrange(count) + 1) for _ in range(12)], careless=True)
    assert deaths, "none of 12 died, though most of the calls are careless"
