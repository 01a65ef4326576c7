"""sink: starts and reads bench-sink, the receiver at the end of every peer's way."""

import json
import os
import signal
import socket
import subprocess
import time


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Sink:
    """One receiver; it acknowledges at once, so that it adds no delay to anybody's. tls: none | starttls | implicit; auth: XOAUTH2 wanted; tokens: an HTTPS token endpoint; lookups: nginx's auth_http."""

    def __init__(self, tools, folder, name, certificate=None, tls="none", auth=False, tokens=False, lookups=False, extra=()):
        self.stats_path = os.path.join(folder, f"{name}.stats.json")
        self.token_port = free_port() if tokens else None
        self.lookup_port = free_port() if lookups else None
        argv = [os.path.join(tools, "bench-sink"), "--tls", tls, "--stats", self.stats_path, "--quick-acks", *extra]
        if certificate:
            argv += ["--certificate", certificate.chain, "--key", certificate.key]
        if auth:
            argv.append("--auth")
        if tokens:
            argv += ["--token-port", str(self.token_port)]
        if lookups:
            argv += ["--lookup-port", str(self.lookup_port)]
        self.process = subprocess.Popen(argv, stdout=subprocess.PIPE, text=True)
        ready = self.process.stdout.readline().split()
        if len(ready) != 2 or ready[0] != "ready":
            raise RuntimeError("bench-sink did not start")
        self.port = int(ready[1])

    def stats(self):
        """The counts of this moment."""
        before = self._stamp()
        os.kill(self.process.pid, signal.SIGUSR1)
        until = time.monotonic() + 5
        while self._stamp() == before:
            if time.monotonic() > until:
                raise RuntimeError("bench-sink does not answer")
            time.sleep(0.005)
        with open(self.stats_path, encoding="ascii") as file:
            return json.load(file)

    def _stamp(self):
        try:
            info = os.stat(self.stats_path)
            return info.st_ino, info.st_mtime_ns
        except FileNotFoundError:
            return None

    def wait_messages(self, count, seconds):
        """Waits until `count` messages have come in all; returns how many there are."""
        until = time.monotonic() + seconds
        while True:
            messages = self.stats()["messages"]
            if messages >= count or time.monotonic() > until:
                return messages
            time.sleep(0.1)

    def end(self):
        self.process.terminate()
        self.process.wait(timeout=10)
