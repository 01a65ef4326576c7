"""postfix: a private Debian Postfix: submission with STARTTLS and Cyrus SASL (sasldb, plain text), usual durability, relay in clear to the sink."""

import os
import shutil
import subprocess

from sink import Sink, free_port

from .peer import Missing, Peer

MAIN = """\
compatibility_level = 3.6
queue_directory = {folder}/queue
data_directory = {folder}/data
maillog_file = {folder}/log/postfix.log
maillog_file_prefixes = {folder}/log
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
myhostname = bench.invalid
mydestination =
mynetworks = 127.0.0.0/8
alias_maps =
alias_database =
relayhost = [127.0.0.1]:{sink_port}
disable_dns_lookups = yes
smtp_tls_security_level = none
message_size_limit = 157286400
mailbox_size_limit = 0
smtpd_tls_security_level = may
smtpd_tls_chain_files = {key}, {chain}
smtpd_tls_auth_only = no
smtpd_sasl_auth_enable = yes
smtpd_sasl_type = cyrus
smtpd_sasl_path = smtpd
cyrus_sasl_config_path = {folder}/sasl
smtpd_sasl_security_options = noanonymous
smtpd_relay_restrictions = permit_sasl_authenticated, reject
"""

# no chroot, so that nothing has to be copied into one; otherwise Debian's services
MASTER = """\
127.0.0.1:{port} inet n - n - 300 smtpd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
proxywrite unix - - n - 1 proxymap
smtp unix - - n - - smtp
relay unix - - n - - smtp
showq unix n - n - - showq
error unix - - n - - error
retry unix - - n - - error
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
"""

SASL = """\
pwcheck_method: auxprop
auxprop_plugin: sasldb
sasldb_path: {folder}/sasl/sasldb2
mech_list: PLAIN LOGIN
"""


class Postfix(Peer):
    name = "postfix"
    password_hash = "none: plain text in a Cyrus sasldb"
    durable = "yes: queue file synced (its folder not)"
    relay = "queue, in clear"
    idle_sessions = 100  # a process each

    def start(self):
        for tool in ("postfix", "saslpasswd2"):
            if not shutil.which(tool):
                raise Missing(f"{tool} is not installed")
        self.version = subprocess.run(["postconf", "-dh", "mail_version"], check=True, capture_output=True, text=True).stdout.strip()
        self.sink = Sink(self.bench.tools, self.folder, "sink")
        self.port = free_port()
        for name in ("queue", "data", "log", "sasl"):
            os.mkdir(self.path(name))
        shutil.chown(self.path("data"), "postfix")
        certificate = self.bench.certificate
        self.write("main.cf", MAIN.format(folder=self.folder, sink_port=self.sink.port, key=certificate.key, chain=certificate.chain))
        self.write("master.cf", MASTER.format(port=self.port))
        self.write("sasl/smtpd.conf", SASL.format(folder=self.folder))
        self._add_users()
        self.settings = {"smtpd_tls": "STARTTLS, P-256", "sasl": "cyrus sasldb", "smtpd processes": 300, "log": "postlogd to a file"}
        with open(self.path("start.log"), "w", encoding="utf-8") as log:
            self.group.popen(["postfix", "-c", self.folder, "start-fg"], stdout=log, stderr=log)
        self.await_port(self.port)
        with open(self.path("queue/pid/master.pid"), encoding="ascii") as file:
            self.group.roots = [int(file.read())]  # the start script has done its work or waits for this one

    def _add_users(self):
        rows = [(f"copier{i}@bench.invalid", f"secret{i}") for i in range(10)]
        for user, password in rows:
            subprocess.run(["saslpasswd2", "-p", "-c", "-f", self.path("sasl/sasldb2"), "-u", "bench.invalid", user.split("@")[0]],
                           input=password, text=True, check=True)
        shutil.chown(self.path("sasl/sasldb2"), "postfix")
        self.write_users(rows)
