"""meter: what a group of processes has cost: CPU seconds (exited children too) and memory (PSS)."""

import os
import re
import signal
import subprocess
import time

TICKS = os.sysconf("SC_CLK_TCK")


def _controller():
    """(mount point, cgroup version) of a hierarchy that accounts CPU and that we may write to, or None."""
    found = {}
    with open("/proc/mounts", encoding="ascii", errors="replace") as mounts:
        for line in mounts:
            _, where, kind, options, *_ = line.split()
            if kind == "cgroup" and "cpuacct" in options.split(","):
                found[1] = where
            elif kind == "cgroup2":
                found[2] = where
    for version in sorted(found):
        where = found[version]
        if version == 2:
            where += _own_path()
            if not os.path.exists(where + "/cpu.stat"):
                continue
        if os.access(where, os.W_OK):
            return where, version
    return None


def _own_path():
    with open("/proc/self/cgroup", encoding="ascii") as lines:
        for line in lines:
            if line.startswith("0::"):
                return line[3:].strip().rstrip("/")
    return ""


def _children():
    """pid -> pids of its children, for all processes."""
    tree = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            stat = _stat(int(entry))
            if stat:
                tree.setdefault(int(stat[1]), []).append(int(entry))
    return tree


def _stat(pid):
    """The fields of /proc/PID/stat after the name, or None."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            return file.read().rpartition(") ")[2].split()
    except OSError:
        return None


def machine_busy_seconds():
    """CPU seconds of everything on this machine since it started."""
    with open("/proc/stat", encoding="ascii") as file:
        user, nice, system, _, _, irq, softirq, steal, *_ = map(int, file.readline().split()[1:])
    return (user + nice + system + irq + softirq + steal) / TICKS


def process_seconds(pid):
    """User and system time of one living process."""
    return sum(map(int, _stat(pid)[11:13])) / TICKS


class Group:
    """Processes measured together. A cgroup misses nobody; where there is none, the process tree is summed."""

    def __init__(self, name):
        self.roots = []
        self.path = None
        self.version = 0
        found = _controller()
        if found:
            where, self.version = found
            self.path = f"{where}/sekisho-bench-{name}-{os.getpid()}"
            try:
                os.mkdir(self.path)
            except OSError:
                self.path, self.version = None, 0

    @property
    def method(self):
        return {0: "process tree with reaped children", 1: "cgroup v1 cpuacct", 2: "cgroup v2 cpu.stat"}[self.version]

    def popen(self, argv, **kwargs):
        """Starts argv inside the group, from its first instruction on."""
        procs = self.path and self.path + "/cgroup.procs"

        def enter():
            if procs:
                with open(procs, "w", encoding="ascii") as file:
                    file.write("0")

        kwargs.setdefault("stdin", subprocess.DEVNULL)
        process = subprocess.Popen(argv, preexec_fn=enter, start_new_session=True, **kwargs)
        self.roots.append(process.pid)
        return process

    def pids(self):
        if self.path:
            with open(self.path + "/cgroup.procs", encoding="ascii") as file:
                return sorted({int(line) for line in file})
        tree, found, todo = _children(), [], list(self.roots)
        while todo:
            pid = todo.pop()
            if os.path.exists(f"/proc/{pid}"):
                found.append(pid)
            todo += tree.get(pid, [])
        return found

    def cpu_seconds(self):
        """User and system time of all, living and gone."""
        if self.version == 1:
            with open(self.path + "/cpuacct.usage", encoding="ascii") as file:
                return int(file.read()) / 1e9
        if self.version == 2:
            with open(self.path + "/cpu.stat", encoding="ascii") as file:
                return int(re.search(r"usage_usec (\d+)", file.read()).group(1)) / 1e6
        total = 0
        for pid in self.pids():
            stat = _stat(pid)
            if stat:
                total += sum(int(ticks) for ticks in stat[11:15])
        return total / TICKS

    def pss_kib(self):
        """Memory of all, each shared page counted once in sum."""
        total = 0
        for pid in self.pids():
            try:
                with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as file:
                    total += int(re.search(r"^Pss:\s+(\d+)", file.read(), re.M).group(1))
            except (OSError, AttributeError):
                pass  # it has just ended
        return total

    def signal_roots(self, number=signal.SIGTERM):
        for pid in self.roots:
            _signal(pid, number)

    def end(self, seconds=10):
        """SIGTERM to the processes that we started, SIGKILL to what of the group is left after `seconds`."""
        for number, wait in ((signal.SIGTERM, seconds), (signal.SIGKILL, 5)):
            for pid in self.roots if number == signal.SIGTERM else self.pids():
                _signal(pid, number)
            until = time.monotonic() + wait
            while self._alive() and time.monotonic() < until:
                time.sleep(0.05)
        for _ in range(40 if self.path else 0):
            try:
                os.rmdir(self.path)
                return
            except OSError:
                time.sleep(0.05)  # a process is still on its way out

    def _alive(self):
        for pid in self.roots:
            try:
                os.waitpid(pid, os.WNOHANG)
            except ChildProcessError:
                pass
        return self.pids()


def _signal(pid, number):
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        pass
