"""The gateway that is tortured: one like that of the system tests, its processes by role, and a Recorder as its upstream."""

import os
import pathlib
import re
import signal

import gateway
from port import wait_until
from process import Process, run

TENANT = "contoso.example"
USER = f"copier@{TENANT}"
UPSTREAM_CONNECTIONS = 8
TOOLS = pathlib.Path(os.environ.get("BENCH_TOOLS") or gateway.BINARY.parent / "tests" / "bench")
PLENTY = {"connections-max": 12_000, "connections-per-address-max": 12_000}


class Ground(gateway.Gateway):
    """`binary`: another build; `limits`, `listeners` and the like go to Gateway as they are."""

    def __init__(self, directory, authority, upstream, binary=None, **changes):
        self.binary = pathlib.Path(binary or gateway.BINARY)
        changes["limits"] = {"retry-first-seconds": 1, "retry-seconds-max": 2, **changes.get("limits", {})}
        changes.setdefault("upstreams", {"main": {**self.upstream(upstream, "client-secret"), "connections-max": UPSTREAM_CONNECTIONS}})
        super().__init__(directory, authority, upstream, **changes)
        self.password = None

    def start(self, seconds=20, wrapper=()):
        self.launch(wrapper)
        return self.ready(seconds)

    def ready(self, seconds=20):
        self.process.wait_ready(lambda: self.stdout.read_text() == "ready\n", seconds)
        return self

    def launch(self, wrapper=()):
        """Start and do not wait. `wrapper`: words in front of the daemon's own."""
        self.stdout.write_bytes(b"")
        self.process = Process("sekisho serve",
                               ["sh", "-c", 'out=$1; shift; exec "$@" >>"$out"', "serve", self.stdout, *wrapper,
                                self.binary, "serve", "-c", self.file], self.directory / "log", cwd="/")
        self.process.start()

    def call(self, *words, check=True, seconds=60, **more):
        return run([self.binary, *words, "-c", self.file], check=check, seconds=seconds, **more)

    def people(self):
        """The tenant and one account whose password is cheap to check."""
        self.tenant_add(TENANT)
        said = self.call("user", "add", USER, "--generate").stdout
        self.password = re.search(r"(?<![a-z2-9])[a-z2-9]{16}(?![a-z2-9])", said)[0]
        return self

    # Its processes.

    def children(self):
        """{pid: role} of what the supervisor has started."""
        found = {}
        for entry in pathlib.Path("/proc").iterdir():
            if not entry.name.isdigit():
                continue
            try:
                stat = (entry / "stat").read_text()
                words = (entry / "cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            fields = stat.rpartition(")")[2].split()
            if int(fields[1]) == self.process.pid and fields[0] != "Z" and len(words) > 1:
                found[int(entry.name)] = words[1].decode()
        return found

    def pids(self, role):
        return [pid for pid, name in self.children().items() if name == role]

    def keeper(self):
        return wait_until(lambda: self.pids("keeper"), 5, "a keeper")[0]

    def kill_all(self):
        """The supervisor, as a crash takes it; what it has started goes with it."""
        children = list(self.children())
        self.process.signal(signal.SIGKILL)
        self.process.child.wait(5)
        wait_until(lambda: not any(os.path.exists(f"/proc/{pid}") for pid in children), 5, "the children gone", every=0.002)

    def descriptors(self):
        """{role: open descriptors, summed}."""
        counts = {}
        for pid, role in self.children().items():
            try:
                counts[role] = counts.get(role, 0) + len(os.listdir(f"/proc/{pid}/fd"))
            except OSError:
                pass
        return counts

    def memory_kib(self):
        """{role: PSS in KiB, summed}."""
        sums = {}
        for pid, role in self.children().items():
            try:
                text = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text()
            except OSError:
                continue
            sums[role] = sums.get(role, 0) + int(re.search(r"^Pss:\s+(\d+)", text, re.M)[1])
        return sums

    def counted_out(self, seconds=10):
        """No session is left in the keeper's count."""
        wait_until(lambda: self.record("status")["sessions"] == 0, seconds, lambda: f"0 sessions: {self.record('status')}")

    # What it left behind.

    def queue_empty(self, seconds):
        return self.queue_wait(lambda rows: not rows, seconds)

    def integrity(self):
        """`PRAGMA integrity_check` of spool and ledger by sqlite's own library; {} when all is well."""
        import sqlite3
        told = {}
        for path in sorted((self.directory / "state").glob("*.db")):
            connection = sqlite3.connect(path)
            rows = [row[0] for row in connection.execute("PRAGMA integrity_check")]
            connection.close()
            if rows != ["ok"]:
                told[path.name] = rows
        return told

    def crashes(self):
        """Lines of the log that tell of a death which nobody ordered: by a signal other than KILL, or by an assert."""
        lines = self.log().splitlines()
        bad = re.compile(r"signal\"?[=:] ?\"?(?!0\b|9\b|15\b)[1-9]\d*|Assertion|Sanitizer|runtime error")
        return [line for line in lines if bad.search(line)]
