"""A receiver of the gateway's webhook, as docs/notices.md tells to write one: it checks the signature with code of its own."""

import hashlib
import hmac
import http.server
import json
import threading
import time


def verifies(secret, headers, body, now=None):
    """Is this from who has the secret, and of the last five minutes?"""
    timestamp = headers.get("X-Sekisho-Timestamp", "")
    expected = hmac.new(secret.encode(), timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()
    fresh = abs((now or time.time()) - int(timestamp or 0)) <= 300
    return fresh and hmac.compare_digest("sha256=" + expected, headers.get("X-Sekisho-Signature", ""))


class Webhook:
    """Answers notices of `kind` with `answers` one after another (status, or (status, headers)), all others 204. `requests`: (headers,
    body) of each."""

    def __init__(self, kind="", answers=()):
        outer = self
        self.requests, self.refuse = [], {kind: list(answers)}

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                outer.requests.append((dict(self.headers), body))
                answers = outer.refuse.get(json.loads(body)["kind"])
                answer = answers.pop(0) if answers else 204
                status, headers = answer if isinstance(answer, tuple) else (answer, {})
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}/hook/a-path-that-is-nobodys-business"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def notices(self):
        return [json.loads(body) for _, body in self.requests]

    def stop(self):
        self.server.shutdown()
        self.server.server_close()
