"""The gateway under test: its settings file, its process, and its verbs as an administrator uses them."""

import json
import os
import pathlib
import re
import signal
import subprocess

from port import port_free, wait_until
from process import Process, run
from yaml_text import yaml_text

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
BINARY = pathlib.Path(os.environ.get("SEKISHO", REPOSITORY / "build" / "sekisho"))
HOSTNAME = "gate.example"
LISTENERS = ("starttls", "implicit", "none", "auto")
EVENT_ID = re.compile(r" \[([0-9A-Za-z]+)\]$")


class Gateway:
    """Listeners `starttls`, `implicit`, `none` and `auto`, each on a port of its own (`port`)."""

    def __init__(self, directory, authority, upstream, **changes):
        """`changes` by section name: merged into the settings below, one level deep."""
        if not BINARY.exists():
            raise FileNotFoundError(f"{BINARY} is not there: build it (./dev build) or name it in SEKISHO")
        self.directory = directory
        directory.mkdir(exist_ok=True)
        self.authority = authority
        self.port = dict(zip(LISTENERS, port_free(len(LISTENERS))))
        self.file = directory / "gw.yaml"
        (directory / "client-secret").write_text(upstream.issuer.secret + "\n")
        (directory / "client-secret").chmod(0o600)
        certificates = [{"certificate": authority.certificate(kind), "key": authority.key(kind)}
                        for kind in ("rsa", "p256")]
        self.settings = {
            "daemon": {"state": "state", "socket": "control.sock", "hostname": HOSTNAME,
                       "administrator": "postmaster@contoso.example", "language": "en"},
            "listeners": {name: self.listener(name, certificates) for name in LISTENERS},
            "upstreams": {"main": self.upstream(upstream, "client-secret")},
            "routes": [{"from": "*", "upstream": "main"}],
            "dsn": {"mailbox": "postmaster@contoso.example"},
            "notices": {"mail": "no"},  # what a test counts is its own mail; test_notices.py has theirs
            "limits": {"retry-first-seconds": 1},
        }
        for section, part in changes.items():
            if isinstance(part, dict):
                self.settings[section] = {**self.settings.get(section, {}), **part}
            else:
                self.settings[section] = part
        self.write()
        self.stdout = directory / "stdout"
        self.process = None

    def listener(self, name, certificates):
        one = {"address": f"127.0.0.1:{self.port[name]}", "tls": name}
        if name != "none":
            one["certificates"] = certificates
        if name in ("none", "auto"):
            one["plaintext-auth-from"] = ["127.0.0.0/8"]
        return one

    @staticmethod
    def upstream(upstream, secret_file):
        return {"kind": "smtp", "host": upstream.host, "port": upstream.port, "tls": "starttls",
                "ca-file": upstream.authority.ca, "auth": "xoauth2",
                "token-url": upstream.issuer.token_url, "client-id": upstream.issuer.client_id,
                "client-secret-file": secret_file, "scope": upstream.issuer.scope}

    def write(self):
        self.file.write_text(yaml_text(self.settings))

    def start(self, seconds=20):
        self.stdout.write_bytes(b"")
        self.process = Process("sekisho serve",
                               ["sh", "-c", 'exec "$0" serve -c "$1" >>"$2"', BINARY, self.file, self.stdout],
                               self.directory / "log", cwd="/")
        self.process.start().wait_ready(lambda: self.stdout.read_text() == "ready\n", seconds)
        return self

    def stop(self, seconds=15):
        """SIGTERM, as an administrator's systemd does. Gives the exit status."""
        return self.process.stop(seconds) if self.process else None

    def kill(self):
        self.process.signal(signal.SIGKILL)
        self.process.child.wait(5)

    def hang_up(self):
        self.process.signal(signal.SIGHUP)

    def log(self):
        return self.process.log()

    # The verbs.

    def call(self, *words, check=True, seconds=20, **more):
        """Run one verb; its CompletedProcess."""
        return run([BINARY, *words, "-c", self.file], check=check, seconds=seconds, **more)

    def rows(self, *words):
        """A list verb with --json: JSON Lines as a list, newest first."""
        return [json.loads(line) for line in self.call(*words, "--json").stdout.splitlines()]

    def record(self, *words):
        return json.loads(self.call(*words, "--json").stdout)

    def tenant_add(self, name):
        self.call("tenant", "add", name)

    def user_add(self, address, password, *words):
        """The password goes in by a file, never by argv."""
        secret = self.directory / "password"
        secret.write_text(password)
        secret.chmod(0o600)
        self.call("user", "add", address, "--password-file", secret, *words)
        secret.unlink()

    def signins(self, *words):
        return self.rows("signins", *words)

    def signin(self, event_id):
        """The row of that event ID, which must be there already: it is written before the reply."""
        found = self.rows("signins", "--id", event_id)
        assert len(found) == 1, (event_id, found)
        return found[0]

    def queue_wait(self, fits, seconds=20):
        """Wait until the queue's rows fit."""
        return wait_until(lambda: fits(self.rows("queue", "list")), seconds,
                          lambda: f"{self.rows('queue', 'list')}\n{self.log()[-3000:]}")

    def verb_process(self, *words):
        """A verb that goes on (`--follow`); the caller ends it."""
        return subprocess.Popen([BINARY, *words, "-c", self.file], stdout=subprocess.PIPE,
                                stdin=subprocess.DEVNULL, text=True)


def event_id(text):
    """The event ID at the end of a reply's text."""
    found = EVENT_ID.search(text)
    assert found, f"no event ID at the end of {text!r}"
    return found[1]


def without_event_id(text):
    return EVENT_ID.sub("", text)


def trace_fields(text, data):
    """What the gateway put on top of `data` (both as a Maildir stores them), field by field.

    Fails unless the rest is byte for byte what was sent.
    """
    assert text.endswith(data), difference(text, data)
    top = text[:len(text) - len(data)]
    fields = re.findall(rb"([!-9;-~]+):((?:.*\n)(?:[ \t].*\n)*)", top)
    assert b"".join(name + b":" + value for name, value in fields) == top, top
    return [(name.decode(), re.sub(r"\s+", " ", value.decode()).strip()) for name, value in fields]


def difference(text, data):
    """Where the two part, seen from the end, for a message that helps."""
    at = 1
    while at <= min(len(text), len(data)) and text[-at] == data[-at]:
        at += 1
    return (f"changed {at} bytes from the end: sent …{data[max(0, len(data) - at - 60):][:120]!r}…, "
            f"arrived …{text[max(0, len(text) - at - 60):][:120]!r}…")
