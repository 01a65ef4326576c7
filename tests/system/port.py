"""Free loopback ports, and waiting for one to answer."""

import itertools
import random
import socket
import time

# Below what the kernel gives away by itself (net.ipv4.ip_local_port_range): nobody's client comes to stand there while a server is down.
BLOCK = 50
BLOCKS = range(10000, 32700, BLOCK)
_claims = []


def _ports():
    """Block after block. A name in the kernel, which ends with this process, keeps each for it: two runs at once never choose the same port."""
    for first in random.SystemRandom().sample(BLOCKS, len(BLOCKS)):
        claim = socket.socket(socket.AF_UNIX)
        try:
            claim.bind(f"\0sekisho-tests-ports-{first}")
        except OSError:
            claim.close()
            continue
        _claims.append(claim)
        yield from filter(_nobody_listens, range(first, first + BLOCK))


def _nobody_listens(port):
    with socket.socket() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            sock.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


_next = _ports()


def port_free(count=1):
    """Give `count` ports of 127.0.0.1 that nobody uses, and that are given to nobody else while this process lives."""
    ports = list(itertools.islice(_next, count))
    assert len(ports) == count, "no port is free any more"
    return ports[0] if count == 1 else ports


def port_open(port, timeout=0.5):
    """Whether something accepts a connection on that loopback port."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout).close()
    except OSError:
        return False
    return True


def wait_until(fits, seconds, what, every=0.05):
    """Call `fits` until it gives something true; its answer is returned.

    `what` names the awaited thing in the failure. No test waits without an end.
    """
    end = time.monotonic() + seconds
    while True:
        answer = fits()
        if answer:
            return answer
        if time.monotonic() > end:
            raise AssertionError(f"not within {seconds} s: {what() if callable(what) else what}")
        time.sleep(every)
