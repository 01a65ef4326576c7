"""One server process: started, waited for, and stopped by its own pid."""

import os
import signal
import subprocess

from port import port_open, wait_until


class Process:
    """A server in a session of its own, its output kept in a file.

    Nothing here is stopped by name: only the process that was started, and,
    when it is a leader of several, the group it leads.
    """

    def __init__(self, name, argv, log, env=None, cwd=None):
        self.name = name
        self.argv = [str(word) for word in argv]
        self.log_path = log
        self.env = dict(os.environ, **(env or {}))
        self.cwd = cwd
        self.child = None

    def start(self):
        with open(self.log_path, "ab") as log:
            self.child = subprocess.Popen(
                self.argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                env=self.env, cwd=self.cwd, start_new_session=True)
        return self

    @property
    def pid(self):
        return self.child.pid

    def alive(self):
        return self.child is not None and self.child.poll() is None

    def log(self):
        with open(self.log_path, "rb") as log:
            return log.read().decode("utf-8", "replace")

    def wait_ready(self, fits, seconds=20):
        """Wait until `fits()`; if the process ends first, show what it said."""
        def ready():
            if not self.alive():
                raise AssertionError(f"{self.name} ended with {self.child.returncode}:\n{self.log()[-4000:]}")
            return fits()
        wait_until(ready, seconds, lambda: f"{self.name} ready:\n{self.log()[-4000:]}")
        return self

    def wait_port(self, port, seconds=20):
        return self.wait_ready(lambda: port_open(port), seconds)

    def signal(self, number):
        os.kill(self.pid, number)

    def stop(self, seconds=15):
        """SIGTERM, a bounded wait, then SIGKILL to its own group. Gives the exit status."""
        if self.child is None:
            return None
        if self.alive():
            self.signal(signal.SIGTERM)
            try:
                self.child.wait(seconds)
            except subprocess.TimeoutExpired:
                pass
        try:
            os.killpg(self.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        return self.child.wait(5)


def run(argv, seconds=60, check=True, **more):
    """Run a command to its end, bounded, with its output as text."""
    more.setdefault("stdin", subprocess.DEVNULL if "input" not in more else None)
    if more["stdin"] is None:
        del more["stdin"]
    done = subprocess.run([str(word) for word in argv], capture_output=True, timeout=seconds,
                          text=True, errors="replace", **more)
    if check and done.returncode:
        raise AssertionError(f"{' '.join(map(str, argv))}: exit {done.returncode}\n"
                             f"{done.stdout}\n{done.stderr}")
    return done
