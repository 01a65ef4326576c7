"""A mail server that misbehaves as its script says, and keeps what was shown to it: in clear, under TLS, and as mail.

A script is {step: action}. Steps are the client's: greeting, EHLO, HELO, STARTTLS, AUTH, user (of LOGIN), credentials (each line),
RSET, MAIL, RCPT, DATA, body (while it comes), end, QUIT; `tls EHLO` and the like go before once TLS is up. An action is a line, bytes as they are, a
function of the dialogue (below), or a tuple of these one after the other; a list has one for each time, the last for ever after.
"""

import contextlib
import socket
import ssl
import struct
import threading
import time

SILENCE_SECONDS = 30
GOOD = {"greeting": "220 rogue.example", "EHLO": "250-rogue.example\r\n250 SIZE", "HELO": "250 rogue.example", "STARTTLS": "220 go",
        "tls EHLO": "250-rogue.example\r\n250-AUTH LOGIN PLAIN XOAUTH2\r\n250 SIZE", "AUTH": "334 ", "user": "334 UGFzc3dvcmQ6", "credentials": "235 2.7.0 in",
        "RSET": "250 2.0.0 forgotten", "MAIL": "250 2.1.0 ok", "RCPT": "250 2.1.5 ok", "DATA": "354 go on", "body": (),
        "end": "250 2.0.0 taken", "QUIT": "221 2.0.0 bye"}
PIPELINING = {"EHLO": "250-rogue.example\r\n250-PIPELINING\r\n250 SIZE"}


class Over(Exception):
    """The dialogue ends here."""


# Actions.

def cut(dialogue):
    """Close, as a server that is killed does: what was said before arrives."""
    raise Over


def reset(dialogue):
    dialogue.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    raise Over


def half_close(dialogue):
    """FIN, and what the client says goes on being read."""
    dialogue.sock.shutdown(socket.SHUT_WR)
    silent(dialogue)


def silent(dialogue):
    """Read all, say nothing, until the client has enough."""
    dialogue.sock.settimeout(SILENCE_SECONDS)
    while dialogue.receive():
        pass
    raise Over


def deaf(dialogue):
    """Read nothing: the window closes."""
    end = time.monotonic() + SILENCE_SECONDS
    while time.monotonic() < end and not dialogue.peer_has_gone():
        time.sleep(0.2)
    raise Over


def drip(data, every=0.5):
    """A byte at a time, and the same again, until the client has enough."""
    def act(dialogue):
        end = time.monotonic() + SILENCE_SECONDS
        while time.monotonic() < end:
            for byte in data:
                dialogue.send(bytes([byte]))
                time.sleep(every)
        raise Over
    return act


def endless(data):
    def act(dialogue):
        for _ in range((64 << 20) // len(data)):
            dialogue.send(data)
        raise Over
    return act


def pause(seconds):
    return lambda dialogue: time.sleep(seconds)


def secure(dialogue):
    """The handshake; after `STARTTLS` it comes of itself."""
    dialogue.sock = dialogue.rogue.tls.wrap_socket(dialogue.sock, server_side=True, suppress_ragged_eofs=True)
    dialogue.secured, dialogue.kept = True, b""


class Rogue:
    """On loopback; `tls` is an ssl.SSLContext where the script has STARTTLS."""

    def __init__(self, script=(), tls=None, port=0):
        self.script = {**GOOD, **dict(script)}
        self.tls = tls
        self.clear = bytearray()  # all that came in clear
        self.under_tls = bytearray()
        self.mails = []     # (recipients, bytes) of each whole body that came, whatever was answered
        self.auths = 0
        self.connections = 0
        self.open = []      # dialogues that the client has not closed
        self.open_max = 0   # the most at once
        self.turns = {}     # how often each step has been reached
        self.lock = threading.Lock()
        self.listener = socket.create_server(("127.0.0.1", port), backlog=64)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self):
        # Or the thread in accept(2) would keep the port open.
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()

    def reform(self, script=()):
        """From now on all goes well."""
        self.script = {**GOOD, **dict(script)}

    def action(self, step):
        with self.lock:
            turn = self.turns[step] = self.turns.get(step, 0) + 1
        action = self.script[step]
        return action[min(turn, len(action)) - 1] if isinstance(action, list) else action

    def _accept(self):
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            self.connections += 1
            dialogue = Dialogue(self, sock)
            # Asked of the kernel: the thread of a connection that the client has closed may not have run since.
            self.open = [one for one in self.open if one.is_open()] + [dialogue]
            self.open_max = max(self.open_max, len(self.open))
            threading.Thread(target=dialogue.run, daemon=True).start()


class Dialogue:
    def __init__(self, rogue, sock):
        self.rogue, self.sock = rogue, sock
        self.secured, self.kept, self.recipients = False, b"", []
        self.line = self.said = b""  # the command, and the first of the answer
        self.over = False
        sock.settimeout(SILENCE_SECONDS)

    def run(self):
        with contextlib.suppress(Over, OSError, ValueError):
            self.converse()
        self.over = True  # before the client can see it
        with contextlib.suppress(OSError):
            self.sock.close()

    def send(self, data):
        self.sock.sendall(data)

    def receive(self):
        data = self.sock.recv(65536)
        with self.rogue.lock:
            (self.rogue.under_tls if self.secured else self.rogue.clear).extend(data)
        return data

    def is_open(self):
        try:
            return not self.over and not self.peer_has_gone()
        except OSError:  # its socket is being wrapped into TLS
            return not self.over

    def peer_has_gone(self):
        """Whether the client has closed, seen without reading: no TCP state but ESTABLISHED is its (linux/tcp.h, tcpi_state)."""
        return self.sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0] != 1

    def until(self, mark):
        kept, start = bytearray(self.kept), 0
        while (at := kept.find(mark, start)) == -1:
            start = max(0, len(kept) - len(mark) + 1)  # only what is new is searched: megabytes come so
            data = self.receive()
            if not data:
                raise Over
            kept += data
        self.kept = bytes(kept[at + len(mark):])
        return bytes(kept[:at])

    def act(self, step):
        if self.secured and f"tls {step}" in self.rogue.script:
            step = f"tls {step}"
        action = self.rogue.action(step)
        for one in action if isinstance(action, tuple) else (action,):
            if callable(one):
                one(self)
            else:
                self.reply(one.encode() + b"\r\n" if isinstance(one, str) else one)

    def reply(self, data):
        self.said = self.said or data
        self.send(data)

    def says(self, step, code):
        """Whether what it said first was that."""
        self.said = b""
        self.act(step)
        return self.said.startswith(code)

    def converse(self):
        self.act("greeting")
        while True:
            line = self.line = self.until(b"\r\n")
            verb = line[:4].decode("latin-1").upper().strip()
            if verb == "STAR":
                if self.says("STARTTLS", b"220"):
                    secure(self)
            elif verb == "AUTH":
                self.rogue.auths += 1
                self.sign_in(line)
            elif verb == "RCPT":
                if self.says("RCPT", b"2"):
                    self.recipients.append(line.partition(b"<")[2].partition(b">")[0].decode())
            elif verb == "DATA":
                if self.says("DATA", b"354"):
                    self.take_body()
            else:
                if verb in ("MAIL", "RSET"):
                    self.recipients = []
                self.act(verb)
                if verb == "QUIT":
                    return

    def sign_in(self, line):
        goes_on = self.says("AUTH", b"334")
        step = "user" if line.upper().startswith(b"AUTH LOGIN") else "credentials"
        while goes_on:
            self.until(b"\r\n")
            goes_on = self.says(step, b"334")
            step = "credentials"

    def take_body(self):
        self.kept = b"\r\n" + self.kept  # the first line may be the dot
        self.act("body")
        body = self.until(b"\r\n.\r\n")[2:] + b"\r\n"
        with self.rogue.lock:
            self.rogue.mails.append((self.recipients, body.replace(b"\r\n..", b"\r\n.")))
        self.recipients = []
        self.act("end")
