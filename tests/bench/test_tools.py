"""The bench's own tools: what the generator says was acknowledged is what the sink says it has, and failures are told."""

import os
import subprocess
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from chain import Certificate  # noqa: E402
from meter import Group  # noqa: E402
from sink import Sink  # noqa: E402
from workload import Load  # noqa: E402

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
TOOLS = os.environ.get("BENCH_TOOLS") or os.path.join(ROOT, "build", "tests", "bench")

pytestmark = pytest.mark.skipif(not os.path.exists(os.path.join(TOOLS, "bench-load")), reason="the bench's tools are not built")


class Place:
    """What Sink and Load want to know of a run."""

    tools = TOOLS

    def __init__(self, folder):
        self.folder = str(folder)
        self.certificate = Certificate(self.folder)


@pytest.fixture
def place(tmp_path):
    return Place(tmp_path)


@pytest.fixture
def sink_of(place):
    started = []

    def start(**how):
        started.append(Sink(TOOLS, place.folder, f"sink{len(started)}", certificate=place.certificate, **how))
        return started[-1]

    yield start
    for sink in started:
        sink.end()


def lines(path):
    with open(path, encoding="ascii") as file:
        return sorted(file.read().split())


def load_of(place, sink, *options):
    users = os.path.join(place.folder, "users")
    with open(users, "w", encoding="ascii") as file:
        file.write("a@bench.example:x\n")
    load = Load(place, sink.port, users, "--auth", "none", *options)
    said = load.line()
    load.end()
    return said


@pytest.mark.parametrize("tls, options", [
    ("starttls", ["--tls", "starttls"]),
    ("implicit", ["--tls", "implicit", "--tls-version", "1.2", "--resume"]),
    ("none", ["--tls", "none", "--acks", "quick"]),
    ("starttls", ["--bytes", 3000000, "--messages", 6, "--per-connection", 2]),
])
def test_acknowledged_is_received(place, sink_of, tmp_path, tls, options):
    sink = sink_of(tls=tls, extra=["--ids", str(tmp_path / "got")])
    said = load_of(place, sink, "--messages", 60, "--sessions", 7, "--ack-log", str(tmp_path / "acked"), *options)
    assert said["failed"] == 0 and said["failures"] == {}
    assert sink.stats()["messages"] == said["acknowledged"] == said["message_ms"]["count"]
    assert lines(tmp_path / "got") == lines(tmp_path / "acked")
    assert len(set(lines(tmp_path / "acked"))) == said["acknowledged"]
    assert (said["resumed"] > 0) == ("--resume" in options)


@pytest.mark.parametrize("fault, kept", [
    ("greeting-421", False), ("mail-451", False), ("rcpt-550", False), ("body-451", False), ("cut-in-body", False), ("cut-before-reply", True),
])
def test_failures_are_told(place, sink_of, fault, kept):
    sink = sink_of(tls="starttls", extra=["--fail", f"{fault}:4"])
    said = load_of(place, sink, "--messages", 40, "--sessions", 4)
    assert said["failed"] == 10 == sum(said["failures"].values())
    assert said["acknowledged"] == 30
    assert sink.stats()["messages"] == (40 if kept else 30)


def test_retried_until_acknowledged(place, sink_of):
    sink = sink_of(tls="starttls", extra=["--fail", "body-451:3"])
    said = load_of(place, sink, "--messages", 40, "--sessions", 4, "--retry-ms", 20)
    assert (said["acknowledged"], said["failed"]) == (40, 0)
    assert said["retried"] == sum(said["failures"].values()) > 0


def test_idle_sessions_are_held(place, sink_of):
    sink = sink_of(tls="starttls")
    users = os.path.join(place.folder, "users")
    with open(users, "w", encoding="ascii") as file:
        file.write("a@bench.example:x\n")
    load = Load(place, sink.port, users, "--auth", "none", "--idle", 50, "--sources", 5)
    assert load.line() == {"held": 50, "failures": {}}
    assert sink.stats()["open"] == 50
    load.end()


def test_nobody_home(place, sink_of, tmp_path):
    sink = sink_of()
    sink.end()
    said = load_of(place, sink, "--messages", 5, "--tls", "none")
    sink.end = lambda: None
    assert (said["acknowledged"], said["failed"]) == (0, 5)


def test_exited_processes_are_counted():
    """A child that burns CPU and is gone before we look is in the figure."""
    group = Group("test")
    burn = "import os\nfor _ in range(3):\n    pid = os.fork()\n    if not pid:\n        sum(range(6000000)); os._exit(0)\n    os.waitpid(pid, 0)\ninput()"
    process = group.popen([sys.executable, "-c", burn + "\n"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
    try:
        for _ in range(200):
            if group.cpu_seconds() > 0.15 and len(group.pids()) == 1:
                break
            subprocess.run(["sleep", "0.05"], check=True)
        own = os.path.join("/proc", str(process.pid), "stat")
        with open(own, encoding="ascii") as file:
            fields = file.read().rpartition(") ")[2].split()
        itself = sum(map(int, fields[11:13])) / os.sysconf("SC_CLK_TCK")
        assert group.cpu_seconds() > itself + 0.1
    finally:
        group.end()
