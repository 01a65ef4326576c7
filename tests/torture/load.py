"""Load that keeps books: clients in processes of their own that write down each AUTH and each message before and after it is answered."""

import hashlib
import multiprocessing
import os
import random
import threading
import time

from device import Device, Gone, encoded
from ground import USER

PROCESSES = 5
RETRY_SECONDS = 0.1
REPLY_SECONDS = 20
BYTES_MIN, BYTES_MAX = 1_000, 200_000


def text_of(dice, size):
    """So many bytes of lines, some of which begin with a dot."""
    lines = []
    while size > 0:
        line = dice.choice((b".", b"", b"..")) * (dice.random() < 0.1) + dice.randbytes(36).hex().encode()[:min(76, size)] + b"\r\n"
        lines.append(line)
        size -= len(line)
    return b"".join(lines)


def stuffed(body):
    body = body.replace(b"\r\n.", b"\r\n..")
    return b"." + body if body.startswith(b".") else body


class Load:
    """`sessions` clients on the starttls listener until `finish`. What is in the book: `auth HELLO`, `authed HELLO CODE`, `dot ID`,
    `ack ID CODE`; what has no second line was cut off."""

    def __init__(self, ground, context, book, sessions, seed, per_connection=3, sizes=(BYTES_MIN, BYTES_MAX)):
        self.ground = ground
        self.context = context
        self.book = book
        self.sessions = sessions
        self.seed = seed
        self.per_connection = per_connection
        self.sizes = sizes
        fork = multiprocessing.get_context("fork")
        self.stop = fork.Event()
        self.children = [fork.Process(target=self._run, args=(number,), daemon=True) for number in range(PROCESSES)]
        book.touch()

    def start(self):
        for child in self.children:
            child.start()
        return self

    def finish(self, seconds=60):
        """Each client ends what it has begun."""
        self.stop.set()
        for child in self.children:
            child.join(seconds)
            assert child.exitcode == 0, f"a load process ended with {child.exitcode}"
        return Book(self.book)

    # In the child.

    def _run(self, number):
        self.out = os.open(self.book, os.O_WRONLY | os.O_APPEND)
        dice = random.Random(f"{self.seed} text")
        self.pool = text_of(dice, 2 * self.sizes[1] + 100_000)
        threads = [threading.Thread(target=self._client, args=(number, client))
                   for client in range(number, self.sessions, PROCESSES)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def _note(self, *words):
        os.write(self.out, (" ".join(map(str, words)) + "\n").encode())

    def _client(self, number, client):
        dice = random.Random(f"{self.seed} {client}")
        message = None
        connection = count = 0
        while message or not self.stop.is_set():
            connection += 1
            try:
                with Device(self.ground.port["starttls"], timeout=REPLY_SECONDS) as device:
                    hello = f"c{client}-{connection}.load.example"
                    device.open("starttls", self.context, hello)
                    self._sign_in(device, hello)
                    for _ in range(dice.randint(1, self.per_connection)):
                        if not message:
                            if self.stop.is_set():
                                break
                            count += 1
                            message = self._message(dice, f"<{client}.{count}@load.example>")
                        self._submit(device, *message)
                        message = None
                    device.say("QUIT")
            except (Gone, OSError, ValueError) as why:
                self._note("cut", f"c{client}-{connection}", str(why).replace("\n", " ")[:120])
                time.sleep(RETRY_SECONDS)

    def _message(self, dice, name):
        low, high = self.sizes
        size = int(low * (high / low) ** dice.random())
        at = self.pool.index(b"\r\n", dice.randrange(self.sizes[1])) + 2
        body = self.pool[at:at + size].rpartition(b"\r\n")[0] + b"\r\n"
        head = (f"From: <{USER}>\r\nTo: <someone@recorder.invalid>\r\nSubject: {name}\r\nMessage-ID: {name}\r\n"
                f"X-Sum: {hashlib.sha256(body).hexdigest()}\r\n\r\n").encode()
        return name, head + stuffed(body)

    def _sign_in(self, device, hello):
        self._note("auth", hello)
        code, _ = device.say("AUTH PLAIN " + encoded(f"\0{USER}\0{self.ground.password}"))
        self._note("authed", hello, code)
        if code != 235:
            raise Gone(f"AUTH {code}")

    def _submit(self, device, name, data):
        device.to_data(USER, "someone@recorder.invalid")
        device.send(data)
        self._note("dot", name)
        device.send(b".\r\n")
        code, text = device.reply()
        self._note("ack", name, code)
        if code != 250:
            raise Gone(f"message {code} {text}")


class Book:
    """The book, read when all is over."""

    def __init__(self, path):
        self.auths, self.authed, self.dots, self.acked, self.cuts = [], {}, {}, {}, {}
        for line in path.read_text().splitlines():
            what, name, *more = line.split(" ", 2)
            if what == "auth":
                self.auths.append(name)
            elif what == "authed":
                self.authed[name] = int(more[0])
            elif what == "dot":
                self.dots[name] = self.dots.get(name, 0) + 1
            elif what == "ack":
                self.acked.setdefault(name, []).append(int(more[0]))
            else:
                self.cuts[more[0]] = self.cuts.get(more[0], 0) + 1

    def taken(self):
        """Messages that were answered 250."""
        return {name for name, codes in self.acked.items() if 250 in codes}

    def unknown(self):
        """Transactions whose dot was sent and which were not answered 250."""
        return sum(self.dots.values()) - sum(codes.count(250) for codes in self.acked.values())
