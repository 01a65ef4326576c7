"""A private Postfix: own settings, own queue, loopback only, stopped by its pid."""

import grp
import os
import pathlib
import pwd
import time

from process import Process

DAEMONS = pathlib.Path("/usr/lib/postfix/sbin")

# master.cf: what any instance needs besides its listeners.
SERVICES = """\
pickup    unix  n - n 60  1 pickup
cleanup   unix  n - n -   0 cleanup
qmgr      unix  n - n 300 1 qmgr
tlsmgr    unix  - - n 1000? 1 tlsmgr
rewrite   unix  - - n -   - trivial-rewrite
bounce    unix  - - n -   0 bounce
defer     unix  - - n -   0 bounce
trace     unix  - - n -   0 bounce
verify    unix  - - n -   1 verify
flush     unix  n - n 1000? 0 flush
proxymap  unix  - - n -   - proxymap
proxywrite unix - - n -   1 proxymap
smtp      unix  - - n -   - smtp
relay     unix  - - n -   - smtp
showq     unix  n - n -   - showq
error     unix  - - n -   - error
retry     unix  - - n -   - error
discard   unix  - - n -   - discard
local     unix  - n n -   - local
virtual   unix  - n n -   - virtual
lmtp      unix  - - n -   - lmtp
anvil     unix  - - n -   1 anvil
scache    unix  - - n -   1 scache
postlog   unix-dgram n - n - 1 postlogd
"""

# The queue's folders, as `postfix check` makes them: its shell scripts look at the whole installation and take seconds.
QUEUE = {**dict.fromkeys(("active", "bounce", "corrupt", "defer", "deferred", "flush", "hold", "incoming", "private", "saved", "trace"), 0o700),
         "public": 0o710, "maildrop": 0o730}

# main.cf: an instance that touches nothing of the machine's own.
COMMON = {
    "compatibility_level": "3.6",
    "mail_owner": "postfix",
    "setgid_group": "postdrop",
    "daemon_directory": DAEMONS,
    "command_directory": "/usr/sbin",
    "myhostname": "upstream.example",
    "mydestination": "",
    "inet_interfaces": "loopback-only",
    "inet_protocols": "ipv4",
    "alias_maps": "",
    "alias_database": "",
    "local_recipient_maps": "",
    "mynetworks": "",
    "biff": "no",
    "in_flow_delay": "0",
    "message_size_limit": "157286400",
    "mailbox_size_limit": "0",
    "smtputf8_enable": "yes",
    "smtpd_client_connection_count_limit": "0",
}


class Postfix:
    """`listeners` are rows of master.cf for inet services; `settings` go into main.cf."""

    def __init__(self, directory, settings, listeners):
        if os.geteuid() != 0:
            raise RuntimeError("a private Postfix has to be started as root")
        self.directory = directory
        self.config = directory / "config"
        self.queue = directory / "queue"
        self.log_path = directory / "postfix.log"
        self.config.mkdir(parents=True)
        self.queue.mkdir()
        data = directory / "data"
        data.mkdir()
        owner, drop = pwd.getpwnam("postfix"), grp.getgrnam("postdrop")
        os.chown(data, owner.pw_uid, owner.pw_gid)
        (self.queue / "pid").mkdir()
        for name, mode in QUEUE.items():
            (self.queue / name).mkdir()
            os.chown(self.queue / name, owner.pw_uid, drop.gr_gid if mode & 0o070 else 0)
            (self.queue / name).chmod(mode)
        self.log_path.touch()
        main = {**COMMON, "queue_directory": self.queue, "data_directory": data,
                "maillog_file": self.log_path, "maillog_file_prefixes": directory, **settings}
        (self.config / "main.cf").write_text(
            "".join(f"{name} = {value}\n" for name, value in main.items()))
        (self.config / "master.cf").write_text("".join(f"{row}\n" for row in listeners) + SERVICES)
        os.utime(self.config / "main.cf", (0, 0))  # each program of Postfix waits until it is two seconds old: somebody may still be writing
        self.process = None

    def start(self, port):
        self.process = Process("postfix", [DAEMONS / "master", "-c", self.config, "-d"],
                               self.directory / "master.log")
        self.process.start().wait_port(port)
        return self

    def stop(self):
        if self.process:
            self.process.stop()
            self.process = None

    def log(self):
        return self.log_path.read_text(errors="replace")

    def log_wait(self, text, seconds=10):
        """Wait for a log line that holds `text`; the last such line is returned."""
        end = time.monotonic() + seconds
        while True:
            lines = [line for line in self.log().splitlines() if text in line]
            if lines:
                return lines[-1]
            if time.monotonic() > end:
                raise AssertionError(f"Postfix did not log {text!r}:\n{self.log()[-3000:]}")
            time.sleep(0.05)
