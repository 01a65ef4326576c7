"""A mail server with the old faults, for negative controls: bytes behind STARTTLS are kept and answered under TLS, and a message also ends
at LF . LF, LF . CRLF and the like."""

import re
import socket
import ssl
import threading

END = re.compile(rb"(?:\A|\r?\n|\r)\.(?:\r?\n|\r)")


class Naive:
    def __init__(self, authority):
        self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.tls.load_cert_chain(authority.certificate("p256"), authority.key("p256"))
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self):
        self.listener.close()

    def _accept(self):
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            sock.settimeout(10)
            threading.Thread(target=self._serve, args=(sock,), daemon=True).start()

    def _serve(self, sock):
        try:
            self._dialogue(sock)
        except (OSError, EOFError):
            pass
        sock.close()

    def _dialogue(self, sock):
        kept = b""

        def until(pattern):
            nonlocal kept
            while not (found := pattern.search(kept)):
                more = sock.recv(65536)
                if not more:
                    raise EOFError
                kept += more
            taken, kept = kept[:found.end()], kept[found.end():]
            return taken

        line_end = re.compile(rb"\n")
        sock.sendall(b"220 naive.example\r\n")
        while True:
            verb = until(line_end)[:4].upper()
            if verb == b"STAR":
                sock.sendall(b"220 go\r\n")
                sock = self.tls.wrap_socket(sock, server_side=True)
            elif verb == b"EHLO":
                sock.sendall(b"250-naive.example\r\n250 STARTTLS\r\n")
            elif verb == b"AUTH":
                sock.sendall(b"235 in\r\n")
            elif verb == b"DATA":
                sock.sendall(b"354 go\r\n")
                until(END)
                sock.sendall(b"250 taken\r\n")
            elif verb == b"QUIT":
                sock.sendall(b"221 bye\r\n")
                return
            else:
                sock.sendall({b"MAIL": b"250 fine\r\n", b"RCPT": b"250 fine\r\n", b"NOOP": b"250 fine\r\n",
                              b"VRFY": b"252 perhaps\r\n"}.get(verb, b"500 what?\r\n"))
