"""Upstreams that do not speak as they should: whatever they say, mail is only gone once its end was answered 2xx."""

import socketserver
import threading
import types

import pytest

from conftest import PASSWORD
from gateway import Gateway
from message import SENDER, message
from submission import submission_open

GOOD = {"greeting": "220 odd.example", "EHLO": "250-odd.example\r\n250 SIZE", "MAIL": "250 2.1.0 ok", "RCPT": "250 2.1.5 ok",
        "DATA": "354 go on", "end": "250 2.0.0 taken", "QUIT": "221 bye"}


class OddUpstream(socketserver.ThreadingTCPServer):
    """In clear, without AUTH, on loopback; says `answers`, else what is good. "" says nothing more and closes."""

    allow_reuse_address = daemon_threads = True

    def __init__(self, **answers):
        self.answers = {**GOOD, **answers}
        self.connections = self.bodies = 0
        super().__init__(("127.0.0.1", 0), Dialogue)
        threading.Thread(target=self.serve_forever, daemon=True).start()


class Dialogue(socketserver.StreamRequestHandler):
    def say(self, what):
        text = self.server.answers[what]
        if text:
            self.wfile.write(text.encode() + b"\r\n")
        return bool(text)

    def handle(self):
        self.server.connections += 1
        if not self.say("greeting"):
            return
        try:
            for line in self.rfile:
                verb = line[:4].decode().upper().strip()
                if not self.say(verb) or verb == "QUIT":
                    return
                if verb == "DATA" and self.server.answers["DATA"].startswith("354") and not self.body():
                    return
        except ConnectionError:
            pass

    def body(self):
        for line in self.rfile:
            if line == b".\r\n":
                self.server.bodies += 1
                return self.say("end")
        return False


@pytest.fixture
def towards(authority, directory):
    """A function: start an odd upstream and a gateway in front of it; a message is sent. Gives upstream, gateway, event ID."""
    running = []

    def start(tls="none", auth="none", **answers):
        upstream = OddUpstream(**answers)
        running.append(upstream.server_close)
        running.append(upstream.shutdown)
        place = types.SimpleNamespace(
            host="127.0.0.1", port=upstream.server_address[1], authority=authority,
            issuer=types.SimpleNamespace(token_url="https://localhost:1/token", client_id="any", scope="any", secret="any"))
        gateway = Gateway(directory / f"odd-{len(list(directory.glob('odd-*')))}", authority, place)
        if tls == "none":
            (gateway.directory / "upstream-password").write_text("never shown\n")
            (gateway.directory / "upstream-password").chmod(0o600)
            gateway.settings["upstreams"]["main"] = {"kind": "smtp", "host": "127.0.0.1", "port": place.port, "tls": "none", "auth": auth}
            if auth != "none":
                gateway.settings["upstreams"]["main"].update({"user": "relay", "password-file": "upstream-password"})
        gateway.write()
        running.append(gateway.start().stop)
        gateway.tenant_add("contoso.example")
        gateway.user_add(SENDER, PASSWORD)
        with submission_open(gateway) as client:
            assert client.auth_login(SENDER, PASSWORD)[0] == 235
            code, text = client.submit(SENDER, "someone@example.net", message())
            assert code == 250, text
        return upstream, gateway
    yield start
    for stop in reversed(running):
        stop()


@pytest.mark.parametrize("end", [GOOD["end"], "299", "251 2.1.5 elsewhere"])
def test_a_yes_is_a_yes(towards, end):
    """The negative control: any 2yz at the end (RFC 5321, 4.2.1), and it is gone."""
    upstream, gateway = towards(end=end)
    gateway.queue_wait(lambda rows: not rows)
    assert upstream.bodies == 1


@pytest.mark.parametrize("answers, words", [
    ({"DATA": "250 2.0.0 taken"}, "does not fit"),
    ({"DATA": "250 2.0.0 taken\r\n354 go on"}, ""),
    ({"DATA": "354 go on\r\n250 2.0.0 taken already"}, ""),
    ({"end": "354 still more"}, "does not fit"),
    ({"MAIL": "354 go on"}, "does not fit"),
    ({"RCPT": "354 go on"}, "does not fit"),
    ({"EHLO": "220 again"}, "does not fit"),
    ({"greeting": "250 hello"}, "does not fit"),
    ({"greeting": "354 hello"}, "does not fit"),
    ({"end": ""}, "closed the connection"),
    ({"end": "nonsense"}, "not SMTP"),
], ids=str)
def test_what_is_no_answer_delivers_nothing(towards, answers, words):
    upstream, gateway = towards(**answers)
    row = gateway.queue_wait(lambda rows: rows and rows[0]["lastReply"] and rows[0])
    assert words in row["lastReply"], row
    assert "status=sent" not in gateway.log()
    assert len(gateway.rows("queue", "list")) == 1


@pytest.mark.parametrize("more, words", [({"tls": "starttls"}, "does not offer STARTTLS"), ({"auth": "login"}, "does not offer AUTH LOGIN")],
                         ids=["starttls", "auth"])
def test_what_is_not_offered_is_not_gone_without(towards, more, words):
    upstream, gateway = towards(**more)
    row = gateway.queue_wait(lambda rows: rows and rows[0]["lastReply"] and rows[0])
    assert words in row["lastReply"], row
    assert "status=sent" not in gateway.log() and upstream.bodies == 0
