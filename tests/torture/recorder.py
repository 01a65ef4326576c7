"""An upstream that believes nothing and keeps everything: SMTP with STARTTLS and XOAUTH2 and an HTTPS token endpoint, in a process of its
own. Of each message it writes one line `ID whole|torn BYTES` to `messages` before its 250; with `raw` each connection's bytes are kept too.

Settings come as JSON in argv[1]. While the file `refuse` exists each MAIL FROM is answered 451, so that mail stays in the queue.
"""

import asyncio
import hashlib
import json
import os
import pathlib
import re
import ssl
import sys

from process import Process

HERE = pathlib.Path(__file__).resolve()
BODY_BYTES_MAX = 64 << 20
MESSAGE_ID = re.compile(rb"^message-id:[ \t]*(\S+)", re.I | re.M)
SUM = re.compile(rb"^x-sum:[ \t]*([0-9a-f]{64})", re.I | re.M)


class Recorder:
    """The process, started and stopped by a test; it stands where `Upstream` of tests/system does."""

    host = "localhost"

    class Issuer:
        """What a gateway's settings want to know of the token endpoint."""
        secret, client_id, scope, token_url = "recorder-secret", "recorder", "smtp.send", ""

    def __init__(self, directory, authority, **more):
        directory.mkdir()
        self.directory = directory
        self.authority = authority
        self.issuer = self.Issuer()
        self.port = None
        self.messages_file = directory / "messages"
        self.messages_file.touch()
        self.raw = directory / "raw"
        self.raw.mkdir()
        self.refuse = directory / "refuse"
        self.settings = {"directory": str(directory), "certificate": str(authority.certificate("p256")),
                         "key": str(authority.key("p256")), **more}

    def start(self):
        ports = self.directory / "ports"
        self.process = Process("recorder", [sys.executable, HERE, json.dumps(self.settings)], self.directory / "log",
                               env={"PYTHONPATH": os.pathsep.join(sys.path)})
        self.process.start().wait_ready(ports.exists)
        self.port, token_port = map(int, ports.read_text().split())
        self.issuer.token_url = f"https://localhost:{token_port}/token"
        return self

    def stop(self):
        self.process.stop()

    def messages(self):
        """[(id, "whole" or "torn", bytes)] so far, in the order of arrival."""
        return [(name, state, int(size)) for name, state, size in
                (line.split() for line in self.messages_file.read_text().splitlines())]

    def connections(self):
        """The bytes of each connection after TLS, by number."""
        return {int(path.name): path.read_bytes() for path in self.raw.iterdir()}


def unstuffed(data):
    return (data[1:] if data.startswith(b".") else data).replace(b"\r\n.", b"\r\n")


def state_of(data):
    """Whether the bytes behind the header are those that X-Sum names."""
    head, _, body = data.partition(b"\r\n\r\n")
    found = SUM.search(head)
    if not found:
        return "unsigned"
    return "whole" if hashlib.sha256(body).hexdigest().encode() == found[1] else "torn"


class Service:
    """The asyncio half."""

    def __init__(self, settings):
        self.settings = settings
        self.directory = pathlib.Path(settings["directory"])
        self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.tls.load_cert_chain(settings["certificate"], settings["key"])
        self.messages = os.open(self.directory / "messages", os.O_WRONLY | os.O_APPEND)
        self.refuse = self.directory / "refuse"
        self.count = 0

    async def run(self):
        smtp = await asyncio.start_server(self.on_smtp, "127.0.0.1", 0, limit=BODY_BYTES_MAX, backlog=4096)
        token = await asyncio.start_server(self.on_token, "127.0.0.1", 0, ssl=self.tls)
        temp = self.directory / "ports.new"
        temp.write_text(f"{smtp.sockets[0].getsockname()[1]} {token.sockets[0].getsockname()[1]}")
        temp.rename(self.directory / "ports")
        await asyncio.Event().wait()

    async def on_token(self, reader, writer):
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            length = re.search(rb"content-length:\s*(\d+)", head, re.I)
            await reader.readexactly(int(length[1]) if length else 0)
            body = json.dumps({"token_type": "Bearer", "expires_in": 3600, "access_token": "token-of-the-recorder"}).encode()
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s"
                         % (len(body), body))
            await writer.drain()
        except (OSError, asyncio.IncompleteReadError):
            pass
        writer.close()

    async def on_smtp(self, reader, writer):
        self.count += 1
        raw = open(self.directory / "raw" / str(self.count), "ab", buffering=0) if self.settings.get("raw") else None
        try:
            await self.dialogue(reader, writer, raw)
        except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass
        writer.close()
        if raw:
            raw.close()

    async def dialogue(self, reader, writer, raw):
        writer.write(b"220 recorder.invalid ESMTP\r\n")
        tls = sender = False
        while True:
            line = await reader.readuntil(b"\r\n")
            if raw:
                raw.write(line)
            verb = line[:4].upper()
            if verb == b"EHLO":
                writer.write(b"250-recorder.invalid\r\n250-PIPELINING\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250-SIZE 157286400\r\n"
                             + (b"250 AUTH XOAUTH2\r\n" if tls else b"250 STARTTLS\r\n"))
            elif verb == b"STAR":
                writer.write(b"220 go\r\n")
                await writer.start_tls(self.tls)
                tls = True
            elif verb == b"AUTH":
                if len(line.split()) == 2:
                    writer.write(b"334 \r\n")
                    await reader.readuntil(b"\r\n")
                writer.write(b"235 2.7.0 in\r\n")
            elif verb == b"MAIL":
                sender = not self.refuse.exists()
                writer.write(b"250 2.1.0 fine\r\n" if sender else b"451 4.3.0 come again\r\n")
            elif verb in (b"RCPT", b"DATA") and not sender:
                writer.write(b"503 5.5.1 MAIL first\r\n")
            elif verb == b"DATA":
                sender = False
                writer.write(b"354 go\r\n")
                await writer.drain()
                data = await reader.readexactly(3)
                if data != b".\r\n":
                    data += await reader.readuntil(b"\r\n.\r\n")
                if raw:
                    raw.write(data)
                self.keep(unstuffed(data[:-3]))
                if self.settings.get("delay_ms"):
                    await asyncio.sleep(self.settings["delay_ms"] / 1000)
                writer.write(b"250 2.6.0 kept\r\n")
            elif verb == b"QUIT":
                writer.write(b"221 bye\r\n")
                await writer.drain()
                return
            elif verb == b"RCPT" and b"<refused" in line:
                writer.write(b"".join(b"550-5.1.1 line %d of a server that talks %s\r\n" % (at, b"on " * 30) for at in range(450))
                             + b"550 5.1.1 no such mailbox\r\n")
            elif verb in (b"RCPT", b"RSET", b"NOOP"):
                writer.write(b"250 2.1.0 fine\r\n")
            else:
                writer.write(b"500 5.5.1 what?\r\n")
            await writer.drain()

    def keep(self, data):
        found = MESSAGE_ID.search(data)
        name = found[1].decode("ascii", "replace") if found else "-"
        os.write(self.messages, f"{name} {state_of(data)} {len(data)}\n".encode())


if __name__ == "__main__":
    asyncio.run(Service(json.loads(sys.argv[1])).run())
