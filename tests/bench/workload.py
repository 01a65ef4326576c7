"""workload: what is measured: a table of loads, and how one of them runs against one peer."""

import json
import os
import subprocess
import time
from dataclasses import dataclass

from meter import machine_busy_seconds, process_seconds

RELAY_SECONDS = 60  # longest wait for a queue to drain after the last 250
SETTLE_SECONDS = 1.5  # for work put off until after the reply


@dataclass(frozen=True)
class Workload:
    name: str
    about: str
    sessions: int
    messages: int
    per_connection: int = 1
    bytes: int = 4096
    acks: str = "delayed"
    seconds: int = 25


# To add a load: add a row.
WORKLOADS = [
    Workload("single", "one copier, one message a connection, delayed ACKs", 1, 200),
    Workload("single-quick", "the same, quick ACKs", 1, 400, acks="quick"),
    Workload("sessions10", "10 copiers, one message a connection", 10, 4000),
    Workload("sessions100", "100 copiers, one message a connection", 100, 6000),
    Workload("many", "10 sessions, 100 messages a connection", 10, 10000, per_connection=100),
    Workload("100k", "10 copiers, 100 KiB, one message a connection", 10, 2000, bytes=102400),
    Workload("10m", "4 copiers, 10 MiB, one message a connection", 4, 60, bytes=10485760),
]


class Load:
    """One run of bench-load."""

    def __init__(self, bench, port, users, *options):
        argv = [os.path.join(bench.tools, "bench-load"), "--port", str(port), "--users", users, *map(str, options)]
        self.process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def line(self):
        text = self.process.stdout.readline()
        if not text:
            raise RuntimeError("bench-load ended without a result")
        return json.loads(text)

    def end(self):
        """Tells it to let go, and waits for its end."""
        self.process.stdin.close()
        self.process.wait(timeout=60)


def run(workload, peer):
    """Runs the load; the figures as one flat row."""
    began = time.monotonic()
    before = peer.sink.stats()["messages"]
    others_before = _others_seconds(peer)
    cpu_before = peer.group.cpu_seconds()
    load = Load(peer.bench, peer.port, peer.users, "--sessions", workload.sessions, "--messages", workload.messages,
                "--per-connection", workload.per_connection, "--bytes", workload.bytes, "--acks", workload.acks,
                "--seconds", workload.seconds)
    said = load.line()
    load.end()
    accepted = said["acknowledged"]
    started = time.monotonic()
    relayed = peer.sink.wait_messages(before + accepted, RELAY_SECONDS) - before
    drained = time.monotonic() - started
    time.sleep(SETTLE_SECONDS)
    cpu = peer.group.cpu_seconds() - cpu_before
    others = _others_seconds(peer) - others_before - said["client_cpu_seconds"]
    return {
        "workload": workload.name, "peer": peer.name, "sessions": workload.sessions, "per_connection": workload.per_connection,
        "bytes": workload.bytes, "acks": workload.acks, "accepted": accepted, "failed": said["failed"], "relayed": relayed,
        "drain_s": round(drained, 2), "accepted_per_s": said["per_second"],
        "cpu_s_per_1000": round(cpu * 1000 / accepted, 4) if accepted else None,
        "dialogue_ms": said["dialogue_ms"], "message_ms": said["message_ms"], "tls": said["tls"], "group": said["group"],
        "failures": said["failures"], "others_cpu_s": round(max(0, others), 2), "wall_s": round(time.monotonic() - began, 2),
    }


def _others_seconds(peer):
    """CPU seconds of what has no part in the measurement (the load generator's are still in it)."""
    return machine_busy_seconds() - peer.group.cpu_seconds() - process_seconds(peer.sink.process.pid)
