"""Free loopback ports, and waiting for one to answer."""

import socket
import time


def port_free(count=1):
    """Give `count` different ports of 127.0.0.1 that nobody uses just now."""
    held = [socket.socket() for _ in range(count)]
    try:
        for sock in held:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.bind(("127.0.0.1", 0))
        ports = [sock.getsockname()[1] for sock in held]
    finally:
        for sock in held:
            sock.close()
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
