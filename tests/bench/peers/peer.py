"""peer: what every server under measurement has in common."""

import os
import socket
import time

from meter import Group


class Missing(Exception):
    """This server cannot be measured here; the text says why."""


class Peer:
    name = ""           # in the output and on the command line
    password_hash = ""  # how it checks the passwords of this run
    durable = ""        # what a 250 after DATA means
    relay = ""          # how it passes mail on
    idle_sessions = 10000
    idle_plain = False  # has a listener where sign-in without TLS is measured

    def __init__(self, bench):
        self.bench = bench
        self.folder = bench.new_folder(self.name)
        self.group = Group(os.path.basename(self.folder))
        self.sink = None
        self.port = None
        self.plain_port = None
        self.version = ""
        self.settings = {}
        self.users = os.path.join(self.folder, "users")  # user:password rows for the load generator

    def start(self):
        """Starts the server and its sink; on return it answers on self.port."""
        raise NotImplementedError

    def path(self, name):
        return os.path.join(self.folder, name)

    def write(self, name, text, mode=0o644):
        path = self.path(name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(path, mode)
        return path

    def await_port(self, port, seconds=20):
        """Returns once a greeting comes from the port."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            try:
                with socket.create_connection(("127.0.0.1", port), timeout=5) as client:
                    if client.recv(512).startswith(b"220"):
                        client.sendall(b"QUIT\r\n")
                        client.recv(512)
                        return
            except OSError:
                pass
            time.sleep(0.1)
        raise RuntimeError(f"{self.name} did not greet on port {port} within {seconds} s; see {self.folder}")

    def write_users(self, rows):
        self.write("users", "".join(f"{user}:{password}\n" for user, password in rows), 0o600)

    def describe(self):
        return {"peer": self.name, "version": self.version, "passwords": self.password_hash, "durable": self.durable,
                "relay": self.relay, "cpu_by": self.group.method, "settings": self.settings}

    def end(self):
        self.group.end()
        if self.sink:
            self.sink.end()
