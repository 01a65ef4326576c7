"""A private Dovecot that does one thing: judge XOAUTH2, OAUTHBEARER, PLAIN and LOGIN for Postfix."""

from process import Process
from port import wait_until

PASSWORD = "one-for-every-mailbox"
MAIN = """\
base_dir = {directory}/run
state_dir = {directory}/state
log_path = {directory}/dovecot.log
protocols =
ssl = no
listen = 127.0.0.1
auth_mechanisms = xoauth2 oauthbearer plain login
auth_failure_delay = 0
auth_verbose = yes
passdb {{
  driver = oauth2
  mechanisms = xoauth2 oauthbearer
  args = {directory}/oauth2.conf.ext
}}
passdb {{
  driver = static
  mechanisms = plain login
  args = password={password}
}}
userdb {{
  driver = static
  args = uid=nobody gid=nogroup home=/nonexistent
}}
service auth {{
  unix_listener {socket} {{
    mode = 0600
    user = postfix
  }}
}}
"""

# Unless each mailbox has a token of its own, one application may send for a whole domain: the token names a mailbox of it.
OAUTH = """\
tls_ca_cert_file = {ca}
username_attribute = username
username_format = {username}
scope = {scope}
"""
OPAQUE = """\
introspection_mode = post
introspection_url = {introspection_url}
active_attribute = active
active_value = true
"""
JWT = """\
introspection_mode = local
local_validation_key_dict = fs:posix:prefix={directory}/keys/
"""


class Dovecot:
    def __init__(self, directory, issuer, socket, token_a_mailbox=False):
        self.directory = directory
        self.log_path = directory / "dovecot.log"
        self.socket = socket
        for name in ("run", "state"):
            (directory / name).mkdir(parents=True)
        (directory / "dovecot.conf").write_text(MAIN.format(directory=directory, socket=socket, password=PASSWORD))
        if issuer.token_format == "jwt":
            key = directory / "keys" / "default" / "RS256" / "k1"
            key.parent.mkdir(parents=True)
            key.write_bytes(issuer.public_key.read_bytes())
        (directory / "oauth2.conf.ext").write_text(
            (OAUTH + (JWT if issuer.token_format == "jwt" else OPAQUE)).format(
                directory=directory, ca=issuer.authority.ca, scope=issuer.scope, username="%Lu" if token_a_mailbox else "%Ld",
                introspection_url=issuer.introspection_url))
        self.process = Process("dovecot", ["dovecot", "-F", "-c", directory / "dovecot.conf"],
                               directory / "master.log")

    def start(self):
        self.process.start()
        wait_until(self.socket.exists, 10, lambda: "Dovecot's socket\n" + self.process.log())
        return self

    def stop(self):
        self.process.stop()

    def log(self):
        return self.log_path.read_text(errors="replace")
