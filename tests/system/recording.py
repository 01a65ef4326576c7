"""An SMTP server that writes down every byte it is sent, in clear or through TLS, with a certificate as a test needs it."""

import socketserver
import ssl
import threading


class Recorder(socketserver.ThreadingTCPServer):
    """STARTTLS, then any sign-in and any mail is taken. `implicit`: TLS from the first byte."""

    allow_reuse_address = daemon_threads = True

    def __init__(self, certificate, key, implicit=False, newest=None):
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        if newest:
            self.context.set_ciphers("DEFAULT:@SECLEVEL=0")
            self.context.minimum_version = ssl.TLSVersion.TLSv1
            self.context.maximum_version = newest
        self.context.load_cert_chain(certificate, key)
        self.implicit = implicit
        self.connections = self.handshakes = 0
        self.said = []
        super().__init__(("127.0.0.1", 0), Dialogue)
        self.port = self.server_address[1]
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def commands(self, verb):
        return [line for line in self.said if line.upper().startswith(verb)]

    def stop(self):
        self.shutdown()
        self.server_close()


class Dialogue(socketserver.BaseRequestHandler):
    def secure(self):
        self.request.settimeout(10)
        self.request = self.server.context.wrap_socket(self.request, server_side=True)
        self.server.handshakes += 1

    def say(self, text):
        self.request.sendall(text.encode() + b"\r\n")

    def lines(self):
        left = b""
        while True:
            more = self.request.recv(65536)
            if not more:
                return
            left += more
            while b"\n" in left:
                line, left = left.split(b"\n", 1)
                self.server.said.append(line.rstrip(b"\r"))
                yield self.server.said[-1]

    def handle(self):
        self.server.connections += 1
        try:
            if self.server.implicit:
                self.secure()
            self.say("220 recorder.example")
            if not self.server.implicit and not self.talk("250-recorder.example\r\n250 STARTTLS"):
                return
            self.talk("250-recorder.example\r\n250 AUTH XOAUTH2 LOGIN")
        except (OSError, ssl.SSLError):
            pass

    def talk(self, hello):
        """True: TLS is up now."""
        for line in self.lines():
            verb = line[:4].upper()
            if verb == b"STAR":
                self.say("220 go")
                self.secure()
                return True
            if verb == b"AUTH":
                self.say("334 ")
            elif verb == b"DATA":
                self.say("354 go on")
            elif verb == b"QUIT":
                self.say("221 bye")
                return False
            elif verb == b"EHLO":
                self.say(hello)
            elif verb in (b"MAIL", b"RCPT", b"RSET") or line == b".":
                self.say("250 2.0.0 ok")
            elif len(line) > 60 and b" " not in line and b"." not in line:
                self.say("235 2.7.0 in")  # the token
        return False
