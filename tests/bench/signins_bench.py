"""signins_bench: what a row costs the sign-in log as it grows, the report over 90 days of it, and how long a page of it takes by each
filter: the command as an administrator runs it, on the ledger alone."""

import json
import os
import subprocess
import time

# Only the ledger counts: nothing is ever started with these.
SETTINGS = """daemon: {{ state: {folder}/state, socket: {folder}/none.sock, hostname: bench.example }}
listeners: {{ plain: {{ address: 127.0.0.1:2525, tls: none, plaintext-auth-from: [127.0.0.0/8] }} }}
upstreams: {{ next: {{ kind: smtp, host: localhost, port: 2526, tls: none, auth: none }} }}
"""
DEVICES = 2000
PAGE = 100
# Some find their page at once, some only far back, some nothing at all: those are the ones that tell.
FILTERS = [
    (),
    ("--user", "copier7@contoso.example"),
    ("--user", "nobody@contoso.example"),
    ("--ip", "10.0.0.7"),
    ("--ip", "10.0.0.0/24"),
    ("--ip", "192.0.2.1"),
    ("--status", "failure"),
    ("--code", "50126"),
    ("--code", "50057"),
    ("--auth", "oauth"),
    ("--client-app", "smtp", "--status", "failure"),
    ("--not", "status=success"),
    ("--user", "copier7@contoso.example", "--status", "failure", "--since", "30d"),
    ("--ip", "10.0.0.0/24", "--code", "50126", "--not", "user=copier7@contoso.example"),
    ("--since", "2020-01-01", "--until", "2020-01-02"),
]


def measure(bench, options):
    """Yields one row for each tenth of the filling, each order of the report, and each filter."""
    folder = bench.new_folder("signins")
    state = os.path.join(folder, "state")
    os.mkdir(state, 0o700)
    for words in (("fill", str(options.signins_rows), str(DEVICES)), ("report", "90")):
        done = subprocess.run([f"{bench.tools}/bench-ledger", state, *words], capture_output=True, text=True, check=True, timeout=3600)
        for line in done.stdout.splitlines():
            yield {"workload": "signins", "peer": "sekisho-ledger", **json.loads(line)}
    settings = os.path.join(folder, "gw.yaml")
    with open(settings, "w", encoding="utf-8") as out:
        out.write(SETTINGS.format(folder=folder))
    for words in FILTERS:
        times = []
        for _ in range(3):
            began = time.monotonic()
            done = subprocess.run([bench.binary, "signins", *words, "--count", str(PAGE), "--json", "-c", settings],
                                  capture_output=True, text=True, check=True, timeout=600)
            times.append(time.monotonic() - began)
        yield {"workload": "signins", "peer": "sekisho-ledger", "filter": " ".join(words) or "none", "rows": len(done.stdout.splitlines()),
               "ms": round(sorted(times)[1] * 1000), "ms_first": round(times[0] * 1000), "said": done.stderr.strip()}
