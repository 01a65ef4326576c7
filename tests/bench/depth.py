"""depth: what a message costs when much is at hand (open sessions, accounts, queued messages) beside the same load with few; and a start with all that."""

import json
import os
import socket
import subprocess
import time
from dataclasses import replace

import workload
from peers.sekisho import TENANT, Sekisho
from workload import Load

ACCOUNTS_SECONDS = 300
FILL_SECONDS = 900


class Deep(Sekisho):
    """A gateway of its own for these runs, which can be filled."""

    name = "sekisho-deep"

    def fill(self, count):
        """Puts `count` messages of 4 KiB that are due tomorrow into the spool, in 1,000 mailboxes' lanes; starts anew."""
        self.stop()
        subprocess.run([os.path.join(self.bench.tools, "bench-spool"), self.path("state"), "fill", str(count)], check=True,
                       stdout=subprocess.DEVNULL, timeout=FILL_SECONDS)
        return self.serve()

    def add_accounts(self, count):
        """As many accounts as the time allows, by the control socket: a process each would take ten times as long."""
        until = time.monotonic() + ACCOUNTS_SECONDS
        for added in range(count):
            if time.monotonic() > until:
                return added
            self._ask("user add", {"user": f"deep{added}@{TENANT}", "generate": True})
        return count

    def _ask(self, verb, arguments):
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(self.path("control.sock"))
            client.sendall(json.dumps({"verb": verb, "args": arguments, "lang": "en"}).encode() + b"\n")
            said = b""
            while part := client.recv(65536):
                said += part
        end = json.loads(said.splitlines()[-1])
        if end.get("end"):
            raise RuntimeError(f"{verb} {arguments}: {end}")

    def stop(self):
        self.group.signal_roots()
        self.process.wait(timeout=60)
        self.group.roots.clear()


def measure(bench, options):
    """Yields one row a case. Each case comes on top of those before it."""
    deep = Deep(bench)
    try:
        deep.start()
        load = next(row for row in workload.WORKLOADS if row.name == "sessions10")
        load = replace(load, messages=3000, seconds=options.seconds or load.seconds)
        few = workload.run(load, deep)
        yield _row("few", few, few)
        if options.open:
            held = Load(bench, deep.port, deep.users, "--idle", options.open, "--seconds", 60, "--sources", 100)
            opened = held.line()["held"]
            yield _row(f"{opened} open sessions", workload.run(load, deep), few)
            held.end()
        if options.accounts:
            added = deep.add_accounts(options.accounts)
            yield _row(f"{added} accounts", workload.run(load, deep), few)
        if options.queued:
            ready = deep.fill(options.queued)
            yield _start(deep, options.queued, ready)
            yield _row(f"{options.queued} queued", workload.run(load, deep), few)
    finally:
        deep.end()


def _row(case, row, few):
    ratio = row["cpu_s_per_1000"] / few["cpu_s_per_1000"] if row["cpu_s_per_1000"] and few["cpu_s_per_1000"] else None
    return {**row, "workload": "depth", "case": case, "ratio": ratio and round(ratio, 3)}


def _start(deep, queued, ready):
    """How soon a gateway with a long queue is there again and delivers."""
    pss = deep.group.pss_kib()
    before = deep.sink.stats()["messages"]
    started = time.monotonic()
    load = Load(deep.bench, deep.port, deep.users, "--messages", 1)
    load.line()
    load.end()
    deep.sink.wait_messages(before + 1, 60)
    return {"workload": "start", "peer": deep.name, "queued": queued, "ready_s": round(ready, 3), "pss_kib": pss,
            "first_delivery_s": round(time.monotonic() - started, 3)}
