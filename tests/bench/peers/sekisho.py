"""sekisho: the gateway itself: STARTTLS, generated passwords, durable spool, sign-in rows, XOAUTH2 over pooled verified TLS to the sink."""

import os
import re
import subprocess
import time

from sink import Sink, free_port

from .peer import Missing, Peer

TENANT = "bench.example"

SETTINGS = """\
daemon:
  state: {folder}/state
  socket: {folder}/control.sock
  hostname: gateway.bench.example
listeners:
  submission:
    address: 127.0.0.1:{port}
    tls: starttls
    certificates: [ {{ certificate: {chain}, key: {key} }} ]
  plain:
    address: 127.0.0.1:{plain_port}
    tls: none
    plaintext-auth-from: [ 127.0.0.0/8 ]
upstreams:
  exchange:
    kind: smtp
    host: localhost
    port: {sink_port}
    tls: starttls
    ca-file: {ca}
    auth: xoauth2
    tenant: {tenant}
    client-id: 00000000-0000-0000-0000-000000000001
    client-secret-file: {folder}/secret
    token-url: https://localhost:{token_port}/token
    scope: bench
    connections-max: {upstream_connections}
routes:
  - {{ from: "*", upstream: exchange }}
limits:
  connections-max: 12000
  connections-per-address-max: 12000
"""


class Sekisho(Peer):
    name = "sekisho"
    password_hash = "keyed fast hash of generated passwords (80 random bits)"
    durable = "yes: group commit, synced"
    relay = "queue, XOAUTH2 over pooled verified TLS"
    idle_plain = True
    upstream_connections = 8

    def start(self):
        self.binary = self.bench.binary
        if not self.binary:
            raise Missing("there is no build/sekisho yet (or set SEKISHO)")
        self.version = self._say("version").split()[-1]
        certificate = self.bench.certificate
        self.sink = Sink(self.bench.tools, self.folder, "sink", certificate=certificate, tls="starttls", auth=True, tokens=True)
        self.port, self.plain_port = free_port(), free_port()
        self.write("secret", "bench-secret\n", 0o600)
        self.settings_path = self.write("gw.yaml", SETTINGS.format(
            folder=self.folder, port=self.port, plain_port=self.plain_port, chain=certificate.chain, key=certificate.key, ca=certificate.ca,
            sink_port=self.sink.port, token_port=self.sink.token_port, tenant=TENANT, upstream_connections=self.upstream_connections))
        self.settings = {"gates": os.cpu_count(), "upstream connections-max": self.upstream_connections, "listener": "STARTTLS, P-256"}
        self.serve()
        self.verb("tenant", "add", TENANT)
        self.write_users([self.add_user(f"copier{i}@{TENANT}") for i in range(10)])

    def serve(self):
        """Starts the daemon; returns the seconds until it said `ready`."""
        started = time.monotonic()
        with open(self.path("serve.log"), "a", encoding="utf-8") as log:
            self.process = self.group.popen([self.binary, "serve", "-c", self.settings_path], stdout=subprocess.PIPE, stderr=log, text=True)
        if self.process.stdout.readline().strip() != "ready":
            raise RuntimeError(f"sekisho did not start; see {self.path('serve.log')}")
        return time.monotonic() - started

    def add_user(self, address):
        said = self.verb("user", "add", address, "--generate")
        found = re.search(r"(?<![a-z2-9])[a-z2-9]{16}(?![a-z2-9])", said)
        if not found:
            raise RuntimeError(f"user add --generate printed no password: {said!r}")
        return address, found.group()

    def verb(self, *arguments, **kwargs):
        return self._say("-c", self.settings_path, *arguments, **kwargs)

    def _say(self, *arguments, **kwargs):
        done = subprocess.run([self.binary, *arguments], capture_output=True, text=True, timeout=600, **kwargs)
        if done.returncode:
            raise RuntimeError(f"sekisho {' '.join(arguments)}: exit {done.returncode}: {done.stderr.strip()}")
        return done.stdout
