"""idle: what an idle signed-in session costs in memory, and what a server takes at rest."""

import time

from workload import Load

REST_SECONDS = 2  # until a new server's memory stands still


def rest(peer):
    time.sleep(REST_SECONDS)
    return {"workload": "rest", "peer": peer.name, "pss_kib": peer.group.pss_kib(), "processes": len(peer.group.pids())}


def measure(peer, count):
    """Each on a server started for it: memory that a process has had once it seldom gives back."""
    for tls in (True, False) if peer.idle_plain else (True,):
        fresh = type(peer)(peer.bench)
        try:
            fresh.start()
            yield _idle(fresh, tls, min(count, peer.idle_sessions))
        finally:
            fresh.end()


def _idle(peer, tls, count):
    """PSS of all processes with `count` sessions open, less that without, for each."""
    time.sleep(REST_SECONDS)
    before = peer.group.pss_kib()
    port = peer.port if tls else peer.plain_port
    load = Load(peer.bench, port, peer.users, "--tls", "starttls" if tls else "none", "--idle", count, "--seconds", 60,
                "--sources", 100)
    said = load.line()
    time.sleep(REST_SECONDS)
    during = peer.group.pss_kib()
    load.end()
    held = said["held"]
    return {
        "workload": "idle" if tls else "idle-plain", "peer": peer.name, "sessions": held, "wanted": count,
        "pss_kib": during, "pss_kib_without": before, "kib_per_session": round((during - before) / held, 2) if held else None,
        "failures": said["failures"],
    }
