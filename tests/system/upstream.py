"""The mail service behind the gateway: Postfix that takes XOAUTH2 only, judged by Dovecot.

Everybody's mail lands in one Maildir; recipients `refused*` get 550 and `later*` get 451.
"""

import os
import pathlib
import pwd
import re
import shutil
import tempfile
from dataclasses import dataclass

from dovecot import Dovecot
from port import port_free, wait_until
from postfix import Postfix

# Fields that Postfix itself puts on top of what it was given.
OWN_FIELDS = (b"return-path", b"x-original-to", b"delivered-to", b"received")


@dataclass
class Delivered:
    """One file of the Maildir, cut where the upstream's own fields end."""
    path: pathlib.Path
    sender: str
    recipient: str
    queue_id: str
    authenticated_as: str
    text_at: int

    @classmethod
    def read(cls, path):
        with open(path, "rb") as file:
            top = file.read(16384)
        fields, at = {}, 0
        while b"received" not in fields:
            match = re.match(rb"([A-Za-z-]+):((?:.*\n)(?:[ \t].*\n)*)", top[at:])
            name = match[1].lower()
            assert name in OWN_FIELDS, (path, top[:400])
            fields.setdefault(name, match[2].decode("utf-8", "replace").strip())
            at += match.end()
        who = re.search(r"Authenticated sender: ([^)\s]+)", fields[b"received"])
        return cls(path, fields[b"return-path"].strip("<>"), fields[b"x-original-to"],
                   re.search(r"\bid (\w+)", fields[b"received"])[1], who[1] if who else "", at)

    @property
    def text(self):
        """What the gateway handed over, lines ended by LF."""
        return self.path.read_bytes()[self.text_at:]


class Upstream:
    host = "localhost"

    def __init__(self, directory, authority, issuer, token_a_mailbox=False):
        """`directory` is made readable for the users postfix, dovecot and nobody. `token_a_mailbox`: none is good for another of its domain."""
        self.authority = authority
        self.issuer = issuer
        self.port, self.tls_port = port_free(2)
        self._seen = {}
        self.maildir = directory / "mail" / "inbox"
        base = self.maildir.parent
        base.mkdir(parents=True)
        nobody = pwd.getpwnam("nobody")
        os.chown(base, nobody.pw_uid, nobody.pw_gid)
        access = directory / "recipients"
        access.write_text(
            "/^refused/ 550 5.1.1 No such mailbox here\n"
            "/^later/ 451 4.2.1 Mailbox is being moved, come again\n")
        self.postfix = Postfix(directory / "postfix", {
            # Deliver what came, byte for byte.
            "virtual_mailbox_domains": "static:all",
            "virtual_mailbox_maps": "static:inbox/",
            "virtual_mailbox_base": base,
            "virtual_mailbox_limit": "0",
            "virtual_uid_maps": f"static:{nobody.pw_uid}",
            "virtual_gid_maps": f"static:{nobody.pw_gid}",
            "virtual_alias_maps": "",
            "local_header_rewrite_clients": "",
            "message_drop_headers": "",
            "disable_mime_input_processing": "yes",
            "disable_mime_output_conversion": "yes",
            "header_size_limit": "10485760",
            "hopcount_limit": "1000",
            # Nobody without a token.
            "smtpd_sasl_auth_enable": "yes",
            "smtpd_sasl_type": "dovecot",
            "smtpd_sasl_path": "private/auth",
            "smtpd_sasl_security_options": "noanonymous",
            "smtpd_sasl_authenticated_header": "yes",
            "smtpd_relay_restrictions": "permit_sasl_authenticated, reject",
            "smtpd_recipient_restrictions":
                f"reject_unauth_pipelining, check_recipient_access regexp:{access}, "
                "permit_sasl_authenticated, reject",
            "smtpd_tls_auth_only": "yes",
            "smtpd_tls_security_level": "may",
            "smtpd_tls_cert_file": authority.certificate("rsa"),
            "smtpd_tls_key_file": authority.key("rsa"),
            "smtpd_tls_eccert_file": authority.certificate("p256"),
            "smtpd_tls_eckey_file": authority.key("p256"),
            "smtpd_tls_loglevel": "1",
            "smtpd_error_sleep_time": "0",
        }, [
            f"127.0.0.1:{self.port} inet n - n - - smtpd",
            f"127.0.0.1:{self.tls_port} inet n - n - - smtpd -o smtpd_tls_wrappermode=yes",
        ])
        self.dovecot = Dovecot(directory / "dovecot", issuer, self.postfix.queue / "private" / "auth", token_a_mailbox)

    def start(self):
        self.dovecot.start()
        self.postfix.start(self.port)
        return self

    def stop(self):
        self.postfix.stop()
        self.dovecot.stop()

    def delivered(self, recipient=None):
        """All mail in the Maildir so far, or what came for one recipient."""
        new = self.maildir / "new"
        for path in new.iterdir() if new.is_dir() else []:
            if path.name not in self._seen:
                self._seen[path.name] = Delivered.read(path)
        return [mail for mail in self._seen.values() if recipient in (None, mail.recipient)]

    def wait_mail(self, recipient, count=1, seconds=20):
        """Wait for the mail of one recipient (each test takes a new one); gives the mails."""
        wait_until(lambda: len(self.delivered(recipient)) >= count, seconds,
                   lambda: f"{count} mail(s) for {recipient}\n{self.postfix.log()[-2000:]}")
        mails = self.delivered(recipient)
        return mails[0] if count == 1 else mails

    def sign_in_of(self, mail):
        """How the sender of that mail signed in: (mechanism, user), from Postfix's own log."""
        line = self.postfix.log_wait(f"{mail.queue_id}: client=")
        found = re.search(r"sasl_method=(\S+), sasl_username=(\S+)", line)
        return (found[1].rstrip(","), found[2]) if found else None


def open_directory(prefix):
    """A new folder under /tmp that other users may pass through (pytest's are closed)."""
    path = pathlib.Path(tempfile.mkdtemp(prefix=f"sekisho-{prefix}-", dir="/tmp"))
    path.chmod(0o755)
    return path


def remove_directory(path):
    shutil.rmtree(path, ignore_errors=True)
