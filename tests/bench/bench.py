#!/usr/bin/python3
"""bench: Sekisho beside nginx and Postfix, the same load on each in one run: JSON lines, then a table of ratios.

usage: bench.py [NAME …] [--peers sekisho,nginx,postfix] [--seconds N] [--idle-sessions N] [--keep]
NAME:  single sessions10 sessions100 many 100k 10m idle depth rest delivery import signins; without one, the first seven.
No figure here passes or fails anything: the machine decides half of it. Ratios within one run are what counts.
"""

import argparse
import json
import os
import platform
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
from dataclasses import replace

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, HERE)

import delivery_bench  # noqa: E402
import depth  # noqa: E402
import idle  # noqa: E402
import import_bench  # noqa: E402
import peers  # noqa: E402
import signins_bench  # noqa: E402
import table  # noqa: E402
import workload  # noqa: E402
from chain import Certificate  # noqa: E402
from peers.peer import Missing  # noqa: E402

NAMES = ["single", "sessions10", "sessions100", "many", "100k", "10m", "idle", "depth", "rest", "delivery", "import", "signins"]
DEFAULT = NAMES[:7]
FILES_MAX = 65536
ALONE = {"delivery": delivery_bench, "import": import_bench, "signins": signins_bench}  # of one program only: nothing to compare with


class Bench:
    """What all peers of a run share."""

    def __init__(self):
        self.folders = 0
        self.folder = tempfile.mkdtemp(prefix="sekisho-bench-")
        os.chmod(self.folder, 0o755)  # Postfix and nginx work under users of their own
        self.certificate = Certificate(self.folder)
        self.binary = first_file(os.environ.get("SEKISHO"), f"{ROOT}/build/sekisho", f"{ROOT}/build/src/sekisho")
        self.tools = os.environ.get("BENCH_TOOLS") or f"{ROOT}/build/tests/bench"
        for tool in ("bench-load", "bench-sink"):
            if not os.path.exists(f"{self.tools}/{tool}"):
                sys.exit(f"{self.tools}/{tool} is missing: build the project first (./dev build), or set BENCH_TOOLS")

    def new_folder(self, name):
        """A folder that no other server of this run has."""
        self.folders += 1
        folder = os.path.join(self.folder, f"{self.folders}-{name}")
        os.mkdir(folder)
        os.chmod(folder, 0o755)
        return folder


def first_file(*paths):
    for path in paths:
        if path and os.path.isfile(path):
            return os.path.abspath(path)
    return None


def raise_files():
    """10,000 sessions want as many descriptors on both sides."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    for soft, top in ((FILES_MAX, max(hard, FILES_MAX)), (hard, hard)):
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, top))
            return
        except (ValueError, OSError):
            continue


def say(row):
    print(json.dumps(row, ensure_ascii=False), flush=True)
    return row


def start_peers(bench, names):
    """Those that can be measured here, running; the others are named with the reason. Second: how many should have started."""
    running, broken = [], 0
    for name in names:
        peer = peers.BY_NAME[name](bench)
        try:
            peer.start()
        except Missing as why:
            peer.end()
            say({"peer": name, "missing": str(why)})
            continue
        except (RuntimeError, OSError, subprocess.SubprocessError) as why:
            peer.end()
            say({"peer": name, "failed": str(why)})
            broken += 1
            continue
        running.append(peer)
    return running, broken


def loads_of(name, seconds):
    """The workloads behind a name: `single` is measured with both kinds of acknowledgement."""
    chosen = [row for row in workload.WORKLOADS if row.name == name or row.name.startswith(name + "-")]
    return [replace(row, seconds=seconds) if seconds else row for row in chosen]


def measure(name, running, options):
    """All rows of one name."""
    rows = []
    for load in loads_of(name, options.seconds):
        rows += [say(workload.run(load, peer)) for peer in running]
    if name == "idle":
        rows += [say(row) for peer in running for row in idle.measure(peer, options.idle_sessions)]
    if name == "depth":
        for peer in running:
            if peer.name == "sekisho":
                rows += [say(row) for row in depth.measure(peer.bench, options)]
    alone = ALONE.get(name)
    if alone:
        for row in alone.measure(running[0].bench, options) if running else []:
            say(row)
    return rows


def options_read():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--peers", default="sekisho,nginx,postfix")
    parser.add_argument("--seconds", type=int, help="longest time a load may take (a figure for each by default)")
    parser.add_argument("--idle-sessions", type=int, default=10000)
    parser.add_argument("--queued", type=int, default=1000000, help="depth: messages in the queue")
    parser.add_argument("--accounts", type=int, default=100000, help="depth: accounts")
    parser.add_argument("--open", type=int, default=10000, help="depth: open sessions")
    parser.add_argument("--import-mb", type=int, default=1000, help="import: size of each file")
    parser.add_argument("--signins-rows", type=int, default=1000000, help="signins: rows in the log")
    parser.add_argument("--keep", action="store_true", help="leave the folder with logs and settings")
    options = parser.parse_args()
    for name in options.names:
        if name not in NAMES:
            parser.error(f"there is no bench \"{name}\"; there are: {' '.join(NAMES)}")
    for name in options.peers.split(","):
        if name not in peers.BY_NAME:
            parser.error(f"there is no peer \"{name}\"; there are: {' '.join(peers.BY_NAME)}")
    return options


def main():
    options = options_read()
    names = [name for name in NAMES if name in (options.names or DEFAULT)]
    raise_files()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that what was started is ended
    bench = Bench()
    running = []
    try:
        running, broken = start_peers(bench, options.peers.split(","))
        described = [say(peer.describe()) for peer in running]
        say({"machine": platform.platform(), "cores": os.cpu_count(), "load_average": os.getloadavg()[0]})
        # at rest means before anything was asked of a server
        rows = [say(idle.rest(peer)) for peer in running] if "rest" in names or "idle" in names else []
        for name in names:
            rows += measure(name, running, options)
        print()
        print(table.page(described, rows))
    finally:
        for peer in running:
            peer.end()
        if options.keep:
            print(f"kept: {bench.folder}", file=sys.stderr)
        else:
            shutil.rmtree(bench.folder, ignore_errors=True)
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
