"""A client that shows each byte: SMTP over a bare socket or over TLS records cut as the test wants."""

import base64
import socket
import ssl


class Gone(Exception):
    """The server has closed, or broken off."""


class Device:
    """One connection. `source`: from which loopback address. Replies are (code, text of the last line)."""

    def __init__(self, port, source=None, timeout=30, host="127.0.0.1"):
        self.sock = socket.create_connection((host, port), timeout, (source, 0) if source else None)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.kept = b""
        self.tls = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        try:
            self.sock.close()
        except OSError:
            pass

    def reset(self):
        """Close with RST: nothing of what waits is sent."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
        self.sock.close()

    # Bytes.

    def send(self, data):
        """As one write, or as one TLS record for each 16 KiB."""
        try:
            if self.tls:
                self.tls.write(data)
            else:
                self.sock.sendall(data)
        except (OSError, ssl.SSLError) as why:
            raise Gone(str(why)) from why

    def send_each(self, parts):
        """Each part as a segment, or a TLS record, of its own."""
        for part in parts:
            if part:
                self.send(part)

    def take(self, size=65536):
        """Some bytes; b"" at the end."""
        try:
            return self.tls.read(size) if self.tls else self.sock.recv(size)
        except ssl.SSLZeroReturnError:
            return b""
        except (OSError, ssl.SSLError) as why:
            raise Gone(str(why)) from why

    def line(self):
        while b"\n" not in self.kept:
            more = self.take()
            if not more:
                raise Gone("closed")
            self.kept += more
        line, _, self.kept = self.kept.partition(b"\n")
        return line.rstrip(b"\r").decode("utf-8", "replace")

    def reply(self):
        line = self.line()
        while line[3:4] == "-":
            line = self.line()
        return int(line[:3]), line[4:]

    def rest(self, seconds):
        """All that still comes until the server closes or is silent for so long, the kept bytes included."""
        got, self.kept = self.kept, b""
        self.sock.settimeout(seconds)
        try:
            while more := self.take():
                got += more
        except Gone:
            pass
        return got

    # Steps.

    def say(self, text):
        self.send(text.encode() + b"\r\n")
        return self.reply()

    def expect(self, text, code):
        got = self.say(text)
        if got[0] != code:
            raise Gone(f"{text.split()[0]}: {got[0]} {got[1]}")
        return got

    def greeting(self):
        got = self.reply()
        if got[0] != 220:
            raise Gone(f"greeting: {got[0]} {got[1]}")
        return got

    def secure(self, context):
        try:
            self.tls = context.wrap_socket(self.sock, server_hostname="localhost", suppress_ragged_eofs=False)
            self.sock = self.tls
        except (OSError, ssl.SSLError) as why:
            raise Gone(f"handshake: {why}") from why

    def open(self, how, context, hello="device.example"):
        """To the point where AUTH may come, on a listener `none`, `starttls` or `implicit`."""
        if how == "implicit":
            self.secure(context)
        self.greeting()
        self.expect(f"EHLO {hello}", 250)
        if how == "starttls":
            self.expect("STARTTLS", 220)
            self.secure(context)
            self.expect(f"EHLO {hello}", 250)
        return self

    def auth(self, user, password):
        return self.say("AUTH PLAIN " + encoded(f"\0{user}\0{password}"))

    def sign_in(self, user, password):
        got = self.auth(user, password)
        if got[0] != 235:
            raise Gone(f"AUTH: {got[0]} {got[1]}")
        return self

    def to_data(self, sender, recipient):
        self.expect(f"MAIL FROM:<{sender}>", 250)
        self.expect(f"RCPT TO:<{recipient}>", 250)
        self.expect("DATA", 354)
        return self


def context_of(authority):
    context = ssl.create_default_context(cafile=str(authority.ca))
    # A test that cuts records must not have them joined, and a server's sudden end is told.
    context.options |= ssl.OP_NO_TICKET
    return context


def encoded(text):
    return base64.b64encode(text.encode()).decode("ascii")


class Records:
    """TLS made by hand over a Device's socket: what leaves, and when, is the test's."""

    def __init__(self, device, context):
        self.device = device
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self.incoming, self.outgoing, server_hostname="localhost")

    def hello(self):
        """The bytes of the ClientHello, not yet sent."""
        try:
            self.tls.do_handshake()
        except ssl.SSLWantReadError:
            pass
        return self.outgoing.read()

    def _pump(self, step):
        while True:
            try:
                return step()
            except ssl.SSLWantReadError:
                self._leave()
                got = self.device.sock.recv(65536)
                if not got:
                    raise Gone("closed in TLS") from None
                self.incoming.write(got)
            except ssl.SSLError as why:
                raise Gone(f"TLS: {why}") from why
            except OSError as why:
                raise Gone(str(why)) from why
            finally:
                self._leave()

    def _leave(self):
        if self.outgoing.pending:
            try:
                self.device.sock.sendall(self.outgoing.read())
            except OSError as why:
                raise Gone(str(why)) from why

    def shake(self):
        self._pump(self.tls.do_handshake)
        self.device.tls = self
        return self

    def write(self, data):
        self._pump(lambda: self.tls.write(data))

    def read(self, size):
        return self._pump(lambda: self.tls.read(size))

    def close_notify(self):
        """The alert alone; what the server says to it is not awaited."""
        try:
            self.tls.unwrap()
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLError as why:
            raise Gone(str(why)) from why
        self._leave()
        self.device.tls = None
