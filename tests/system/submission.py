"""A plain SMTP client for the tests: smtplib, signed in as asked, and its raw replies."""

import base64
import smtplib
import ssl


class Submission(smtplib.SMTP):
    """smtplib's client with the steps that a test wants to see one by one."""

    def __init__(self, port, tls="starttls", ca=None, source="", timeout=30):
        self.tls = tls
        self.context = ssl.create_default_context(cafile=str(ca)) if ca else None
        super().__init__("localhost", port, local_hostname="client.example", timeout=timeout,
                         source_address=(source, 0) if source else None)
        self.ehlo()
        if tls == "starttls":
            self.starttls(context=self.context)
            self.ehlo()

    def _get_socket(self, host, port, timeout):
        sock = super()._get_socket(host, port, timeout)
        if self.tls == "implicit":
            sock = self.context.wrap_socket(sock, server_hostname=host)
        return sock

    def auth_plain(self, user, password, steps=1):
        """RFC 4616, in one step or two. Gives (code, text)."""
        answer = encoded(f"\0{user}\0{password}")
        if steps == 1:
            return reply(self.docmd("AUTH", "PLAIN " + answer))
        asked = self.docmd("AUTH", "PLAIN")
        return reply(self.docmd(answer)) if asked[0] == 334 else reply(asked)

    def auth_login(self, user, password, steps=2):
        """In two steps, or with the name already in the command, as many copiers do."""
        if steps == 2:
            asked = self.docmd("AUTH", "LOGIN")
            assert asked == (334, b"VXNlcm5hbWU6"), asked
            asked = self.docmd(encoded(user))
        else:
            asked = self.docmd("AUTH", "LOGIN " + encoded(user))
        assert asked == (334, b"UGFzc3dvcmQ6"), asked
        return reply(self.docmd(encoded(password)))

    def auth_xoauth2(self, user, token, steps=2):
        answer = encoded(f"user={user}\1auth=Bearer {token}\1\1")
        if steps == 1:
            return reply(self.docmd("AUTH", "XOAUTH2 " + answer))
        asked = self.docmd("AUTH", "XOAUTH2")
        return reply(self.docmd(answer)) if asked[0] == 334 else reply(asked)

    def bearer_xoauth2(self, user, bearer):
        """In the command; an error's JSON (334) is answered as a client must. Gives the last reply."""
        answer = self.docmd("AUTH", "XOAUTH2 " + encoded(f"user={user}\1auth=Bearer {bearer}\1\1"))
        return reply(self.docmd("")) if answer[0] == 334 else reply(answer)

    def bearer_oauthbearer(self, user, bearer):
        """The same by RFC 7628."""
        answer = self.docmd("AUTH", "OAUTHBEARER " + encoded(f"n,a={user},\1host=h\1port=587\1auth=Bearer {bearer}\1\1"))
        return reply(self.docmd("AQ==")) if answer[0] == 334 else reply(answer)

    def send(self, data):
        if isinstance(data, str):
            data = data.encode("utf-8")
        super().send(data)

    def submit(self, sender, recipients, data, options=()):
        """One transaction with the bytes of `data` untouched but for dots. Gives (code, text)."""
        answer = self.mail(sender, options)
        if answer[0] != 250:
            return reply(answer)
        for recipient in [recipients] if isinstance(recipients, str) else recipients:
            answer = self.rcpt(recipient)
            if answer[0] not in (250, 251):
                return reply(answer)
        answer = self.docmd("DATA")
        if answer[0] != 354:
            return reply(answer)
        self.send(stuffed(data) + b".\r\n")
        return reply(self.getreply())


def submission_open(gateway, listener="starttls", source=""):
    """Connect to a listener of the gateway, as its name says (`auto`: by STARTTLS); `source`: from which address."""
    tls = {"auto": "starttls"}.get(listener, listener)
    return Submission(gateway.port[listener], tls, gateway.authority.ca, source)


def stuffed(data):
    """RFC 5321 4.5.2: a dot more before each line that begins with one."""
    data = data.replace(b"\r\n.", b"\r\n..")
    if data.startswith(b"."):
        data = b"." + data
    return data if data.endswith(b"\r\n") else data + b"\r\n"


def encoded(text):
    return base64.b64encode(text.encode()).decode("ascii")


def reply(answer):
    """(code, bytes) of smtplib as (code, text)."""
    return answer[0], answer[1].decode("utf-8", "replace")
