"""delivery_bench: what a message costs from the queue to the upstream's 250, over pooled TLS connections: what the courier and its
bookkeeping add, without the sign-in, the taking in and the handshakes of the devices; and how many tokens that took."""

import time

import workload
from peers.sekisho import Sekisho
from sink import free_port
from workload import Load

MESSAGES = 10000
DRAIN_SECONDS = 120
REST_SECONDS = 3


class Sender(Sekisho):
    """A gateway of its own, whose upstream is away while the queue is filled."""

    name = "sekisho-delivery"

    def point_at(self, port):
        """The upstream's port in the settings; for the next start."""
        with open(self.settings_path, encoding="utf-8") as file:
            text = file.read()
        upstream = text.index("host: localhost")
        before, _, after = text[upstream:].partition("port: ")
        self.write("gw.yaml", text[:upstream] + before + f"port: {port}" + after[after.index("\n"):])

    def restart_at(self, port):
        self.stop()
        self.point_at(port)
        self.serve()

    def stop(self):
        self.group.signal_roots()
        self.process.wait(timeout=60)
        self.group.roots.clear()

    def fill(self, count):
        """So many messages of 4 KiB, taken in and kept."""
        load = Load(self.bench, self.port, self.users, "--sessions", 10, "--messages", count, "--per-connection", 100, "--bytes", 4096)
        said = load.line()
        load.end()
        if self.sink.stats()["messages"]:
            raise RuntimeError("the upstream was to be away, and has mail")
        return said["acknowledged"]


def measure(bench, options):
    """Yields the one row: CPU of all the gateway's processes while the queue drains, less what they take at rest for as long."""
    sender = Sender(bench)
    try:
        sender.start()
        upstream = sender.sink.port
        rest = _cpu_over(sender, REST_SECONDS) / REST_SECONDS
        sender.restart_at(free_port())
        queued = sender.fill(MESSAGES)
        sender.restart_at(upstream)
        tokens = sender.sink.stats()["tokens"]
        began, before = time.monotonic(), sender.group.cpu_seconds()
        relayed = sender.sink.wait_messages(queued, DRAIN_SECONDS)
        drained = time.monotonic() - began
        time.sleep(workload.SETTLE_SECONDS)
        cpu = sender.group.cpu_seconds() - before - rest * (time.monotonic() - began)
        stats = sender.sink.stats()
        yield {"workload": "delivery", "peer": sender.name, "bytes": 4096, "queued": queued, "relayed": relayed,
               "drain_s": round(drained, 2), "cpu_ms_per_message": round(cpu * 1000 / relayed, 4) if relayed else None,
               "connections": stats["connections"], "tokens": stats["tokens"] - tokens}
    finally:
        sender.end()


def _cpu_over(sender, seconds):
    before = sender.group.cpu_seconds()
    time.sleep(seconds)
    return sender.group.cpu_seconds() - before
