"""The spool alone under kill -9: all that it answered for is there, whole; what is gone stays gone; the database is sound."""

import collections
import os
import pathlib
import select
import signal
import sqlite3
import subprocess
import time

import pytest

from conftest import LONG

KILLS = 1000 if LONG else 60
EARLY_KILLS = 60  # the negative control may take so many until the first loss
LIST_SECONDS = 60

Told = collections.namedtuple("Told", "acked settling gone")


@pytest.fixture(scope="session")
def program():
    built = os.environ.get("SEKISHO")
    path = pathlib.Path(built).resolve().parent if built else pathlib.Path(__file__).resolve().parents[2] / "build"
    for found in (path / "tests/torture/spool-kill", path.parent / "tests/torture/spool-kill"):
        if found.exists():
            return found
    pytest.fail(f"no tests/torture/spool-kill beside {path}: ./dev build")


def lines_of(text):
    """Whole lines only: the last one may have been cut by the kill."""
    for line in text[: text.rfind(b"\n") + 1].decode().splitlines():
        word, number = line.split()
        yield word, int(number)


def work_and_die(program, state, dice, *more):
    child = subprocess.Popen([program, state, "work", *more], stdout=subprocess.PIPE)
    text = child.stdout.read1(65536)  # it has begun
    end = time.monotonic() + dice.uniform(0, 0.08)
    while (left := end - time.monotonic()) > 0:
        text += read_within(child, left)
    child.send_signal(signal.SIGKILL)
    text += child.stdout.read()
    assert child.wait() == -signal.SIGKILL, "it ended by itself"
    told = Told(set(), set(), set())
    for word, number in lines_of(text):
        {"ack": told.acked, "settling": told.settling, "gone": told.gone}[word].add(number)
    return told


def read_within(child, seconds):
    ready, _, _ = select.select([child.stdout], [], [], seconds)
    return child.stdout.read1(65536) if ready else b""


def list_all(program, state):
    done = subprocess.run([program, state, "list"], stdout=subprocess.PIPE, timeout=LIST_SECONDS)
    have, bad, counts = set(), set(), []
    for word, number in lines_of(done.stdout):
        {"have": have, "bad": bad}[word].add(number) if word != "count" else counts.append(number)
    return have, bad, done.returncode


def check_sound(state):
    with sqlite3.connect(state / "spool.db") as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    database.close()


def rounds(program, state, dice, kills, *more):
    """Kills it so often; yields after each what is missing, damaged, or back from the dead."""
    must, dead = set(), set()
    for _ in range(kills):
        told = work_and_die(program, state, dice, *more)
        must |= told.acked
        must -= told.settling
        dead |= told.gone
        have, bad, code = list_all(program, state)
        yield must - have, bad, dead & have, code, len(must), len(dead)


def test_kill(program, directory, dice, figure):
    state = directory / "spool-kill"
    kept = finished = 0
    for lost, bad, back, code, kept, finished in rounds(program, state, dice, KILLS):
        assert not lost, f"lost after it was answered for: {sorted(lost)[:10]}"
        assert not bad, f"not whole: {sorted(bad)[:10]}"
        assert not back, f"settled, and there again: {sorted(back)[:10]}"
        assert code == 0, "what is counted is not what is listed"
        check_sound(state)
    assert kept > KILLS and finished > KILLS, "too little work to mean anything"
    bodies = [path for path in (state / "bodies").rglob("*") if path.is_file()]
    with sqlite3.connect(state / "spool.db") as database:
        files = {row[0] for row in database.execute("SELECT body_file FROM message WHERE body_file IS NOT NULL")}
    database.close()
    assert files <= {int(path.name) for path in bodies}
    figure(f"{KILLS} kills; {kept} messages kept, {finished} settled, 0 lost")


def test_negative_control(program, directory, dice, figure):
    """Answered before the commit: the same test must notice."""
    state = directory / "spool-kill-early"
    for number, (lost, *_) in enumerate(rounds(program, state, dice, EARLY_KILLS, "early"), 1):
        if lost:
            figure(f"early answers: {len(lost)} lost by kill {number}, as it must be")
            return
    pytest.fail(f"{EARLY_KILLS} kills and nothing lost: this test cannot see a loss")
