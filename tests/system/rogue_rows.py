"""The misbehaviours of upstreams, a row each, and the end that each message must come to."""

import dataclasses
import random

from rogue import PIPELINING, cut, deaf, drip, endless, half_close, pause, reset, secure, silent

LARGE = 4_000_000


@dataclasses.dataclass
class Row:
    """`end`: of each recipient of each message (sent, failed, deferred), or one for all; paused: deferred, and its mailbox or upstream
    is left alone for a while. `bodies`: whole messages that came before the upstream reformed. `words`: in each reply that queue and
    trace show."""
    name: str
    script: dict
    end: object
    bodies: int
    words: str
    recipients: int = 1
    size: int = 500
    messages: int = 1         # one after the other, over one connection
    ambiguous: bool = False
    settings: dict = None     # of the upstream; None: in clear, without AUTH
    certificate: str = "good"
    auths: int = None         # AUTH commands, where the number matters
    connections: int = None   # connections-max, and never more at once
    listens: bool = True
    reforms: bool = True


# To add a misbehaviour: add a row.
IN_CLEAR = [
    Row("good", {}, "sent", 1, "250 2.0.0 taken"),
    Row("good-pipelining", PIPELINING, "sent", 1, "250 2.0.0 taken", recipients=3),
    Row("good-large", {}, "sent", 1, "250 2.0.0 taken", size=LARGE),
    # The greeting.
    Row("refused", {}, "paused", 0, "cannot connect", listens=False),
    Row("greeting-cut", {"greeting": cut}, "paused", 0, "closed the connection"),
    Row("greeting-reset", {"greeting": reset}, "paused", 0, "connection reset"),
    Row("greeting-554", {"greeting": "554 5.7.1 go away"}, "paused", 0, "554 5.7.1 go away"),
    Row("greeting-421", {"greeting": ("421 4.3.2 full", cut)}, "paused", 0, "421 4.3.2 full"),
    Row("greeting-451", {"greeting": "451 4.3.0 no"}, "paused", 0, "451 4.3.0 no"),
    Row("greeting-garbage", {"greeting": "SSH-2.0-OpenSSH_9.2"}, "paused", 0, "not SMTP"),
    Row("greeting-binary", {"greeting": random.Random(1).randbytes(3000) + b"\n"}, "paused", 0, "not SMTP"),
    Row("greeting-none", {"greeting": silent}, "paused", 0, "in time"),
    Row("greeting-drip", {"greeting": drip(b"2")}, "paused", 0, "in time"),
    Row("greeting-lines-drip", {"greeting": drip(b"220-x\r\n", every=0.1)}, "paused", 0, "in time"),
    Row("greeting-endless-lines", {"greeting": endless(b"220-hello\r\n" * 100)}, "paused", 0, "not SMTP"),
    Row("greeting-endless-line", {"greeting": endless(b"220 hello" * 100)}, "paused", 0, "not SMTP"),
    Row("greeting-250", {"greeting": "250 hello"}, "paused", 0, "does not fit"),
    Row("greeting-354", {"greeting": "354 hello"}, "paused", 0, "does not fit"),
    Row("greeting-code-only", {"greeting": "220"}, "sent", 1, "250 2.0.0 taken"),
    Row("greeting-many-lines", {"greeting": "220-" + "x" * 500 + "\r\n220-\r\n220 rogue"}, "sent", 1, "250 2.0.0 taken"),
    # EHLO.
    Row("ehlo-unknown", {"EHLO": "502 5.5.1 what?"}, "sent", 1, "250 2.0.0 taken"),
    Row("ehlo-and-helo-refused", {"EHLO": "500 what?", "HELO": "550 5.7.1 no"}, "paused", 0, "550 5.7.1 no"),
    Row("ehlo-550", {"EHLO": "550 5.7.1 no"}, "paused", 0, "550 5.7.1 no"),
    Row("ehlo-421", {"EHLO": ("421 4.7.0 later", cut)}, "paused", 0, "421 4.7.0 later"),
    Row("ehlo-220", {"EHLO": "220 again"}, "paused", 0, "does not fit"),
    Row("ehlo-silent", {"EHLO": silent}, "paused", 0, "in time"),
    Row("ehlo-half-reply", {"EHLO": (b"250-", cut)}, "paused", 0, "closed the connection"),
    Row("ehlo-two-codes", {"EHLO": "250-rogue\r\n550 no"}, "paused", 0, "550 rogue no"),
    Row("ehlo-64-KiB", {"EHLO": "250-rogue\r\n250 X" + "y" * 65536}, "paused", 0, "not SMTP"),
    Row("ehlo-SIZE-lies-low", {"EHLO": "250-rogue\r\n250 SIZE 1000"}, "failed", 0, "larger than the server takes", size=5000),
    Row("ehlo-SIZE-huge", {"EHLO": "250-rogue\r\n250 SIZE 99999999999999999999999"}, "sent", 1, "250 2.0.0 taken"),
    Row("ehlo-SIZE-nonsense", {"EHLO": "250-rogue\r\n250-SIZE -1\r\n250 SIZE=0x10"}, "sent", 1, "250 2.0.0 taken"),
    # MAIL.
    Row("mail-451", {"MAIL": "451 4.3.0 not now"}, "deferred", 0, "451 4.3.0 not now"),
    Row("mail-452", {"MAIL": "452 4.3.1 disk full"}, "deferred", 0, "452 4.3.1 disk full"),
    Row("mail-552", {"MAIL": "552 5.3.4 too big"}, "failed", 0, "552 5.3.4 too big"),
    Row("mail-550", {"MAIL": "550 5.7.1 not you"}, "failed", 0, "550 5.7.1 not you"),
    Row("mail-530", {"MAIL": "530 5.7.57 sign in"}, "paused", 0, "530 5.7.57 sign in"),
    Row("mail-432", {"MAIL": "432 4.3.2 Concurrent connections limit exceeded"}, "paused", 0, "432 4.3.2"),
    Row("mail-421", {"MAIL": ("421 4.3.2 going down", cut)}, "paused", 0, "421 4.3.2 going down"),
    Row("mail-354", {"MAIL": "354 go on"}, "deferred", 0, "does not fit"),
    Row("mail-cut", {"MAIL": cut}, "deferred", 0, "closed the connection"),
    Row("mail-reset", {"MAIL": reset}, "deferred", 0, "connection reset"),
    Row("mail-half-close", {"MAIL": half_close}, "deferred", 0, "closed the connection"),
    Row("mail-silent", {"MAIL": silent}, "deferred", 0, "in time"),
    Row("mail-drip", {"MAIL": drip(b"2")}, "deferred", 0, "in time"),
    Row("mail-64-KiB", {"MAIL": "250 " + "z" * 65536}, "deferred", 0, "not SMTP"),
    Row("mail-twice", {"MAIL": "250 ok\r\n250 ok"}, "deferred", 0, ""),
    Row("mail-999", {"MAIL": "999 what"}, "deferred", 0, "not SMTP"),
    Row("mail-100", {"MAIL": "100 wait"}, "deferred", 0, "not SMTP"),
    Row("mail-2500", {"MAIL": "2500 ok"}, "deferred", 0, "not SMTP"),
    Row("mail-250ok", {"MAIL": "250ok"}, "deferred", 0, "not SMTP"),
    Row("mail-25", {"MAIL": "25"}, "deferred", 0, "not SMTP"),
    Row("mail-empty", {"MAIL": ""}, "deferred", 0, "not SMTP"),
    Row("mail-bare-lf", {"MAIL": b"250-2.1.0 bare\n250 2.1.0 LF\n"}, "sent", 1, "250 2.0.0 taken"),
    Row("mail-code-only", {"MAIL": "250"}, "sent", 1, "250 2.0.0 taken"),
    # RCPT.
    Row("rcpt-mixed", {"RCPT": ["250 ok", "550 5.1.1 who?", "451 4.2.1 moved"]}, ("sent", "failed", "deferred"), 1, "", recipients=3),
    Row("rcpt-mixed-pipelined", {**PIPELINING, "RCPT": ["451 4.2.1 moved", "250 ok", "550 5.1.1 who?"]}, ("deferred", "sent", "failed"), 1, "",
        recipients=3),
    Row("rcpt-all-550", {"RCPT": "550 5.1.1 who?"}, "failed", 0, "550 5.1.1 who?", recipients=2),
    Row("rcpt-all-451", {"RCPT": "451 4.2.1 moved"}, "deferred", 0, "451 4.2.1 moved", recipients=2),
    Row("rcpt-greylist-then-yes", {"RCPT": ["451 4.7.1 greylisted", "250 ok"]}, "deferred", 0, "greylisted", reforms=False),
    Row("rcpt-storm-then-yes", {"RCPT": ["451 4.7.1 storm"] * 40 + ["250 ok"]}, "deferred", 0, "storm", recipients=40, reforms=False),
    Row("rcpt-354", {"RCPT": "354 go on"}, "deferred", 0, "does not fit"),
    Row("rcpt-421", {"RCPT": ("421 4.3.2 going down", cut)}, "paused", 0, "421 4.3.2 going down", recipients=2),
    Row("rcpt-cut", {"RCPT": ["250 ok", cut]}, "deferred", 0, "closed the connection", recipients=2),
    Row("rcpt-silent", {"RCPT": ["250 ok", silent]}, "deferred", 0, "in time", recipients=2),
    Row("rcpt-one-answer-too-many", {**PIPELINING, "RCPT": "250 ok\r\n250 ok"}, "deferred", 0, "does not fit", recipients=2),
    Row("rcpt-one-answer-too-few", {**PIPELINING, "RCPT": [(), "250 ok"]}, "deferred", 0, "does not fit", recipients=2),
    Row("rcpt-none-yet-354", {**PIPELINING, "RCPT": "550 5.1.1 who?"}, "failed", 0, "550 5.1.1 who?", recipients=2),
    # DATA.
    Row("data-451", {"DATA": "451 4.3.0 not now"}, "deferred", 0, "451 4.3.0 not now"),
    Row("data-554", {"DATA": "554 5.6.0 no"}, "failed", 0, "554 5.6.0 no"),
    Row("data-421", {"DATA": ("421 4.3.2 going down", cut)}, "paused", 0, "421 4.3.2 going down"),
    Row("data-250", {"DATA": "250 2.0.0 taken"}, "deferred", 0, "does not fit"),
    Row("data-250-then-354", {"DATA": "250 2.0.0 taken\r\n354 go on"}, "deferred", 0, ""),
    Row("data-354-then-250", {"DATA": ("354 go on\r\n250 2.0.0 taken already", cut)}, "deferred", 0, ""),
    Row("data-cut", {"DATA": cut}, "deferred", 0, "closed the connection"),
    Row("data-silent", {"DATA": silent}, "deferred", 0, "in time"),
    Row("data-drip", {"DATA": drip(b"3")}, "deferred", 0, "in time"),
    # While the body goes.
    Row("body-cut", {"body": cut}, "deferred", 0, "", size=LARGE),
    Row("body-reset", {"body": reset}, "deferred", 0, "", size=LARGE),
    Row("body-deaf", {"body": deaf}, "deferred", 0, "in time", size=LARGE),
    Row("body-421", {"body": ("421 4.3.2 going down", pause(0.5), silent)}, "paused", 0, "421 4.3.2 going down", size=LARGE),
    Row("body-250", {"body": ("250 2.0.0 enough", pause(0.5), silent)}, "deferred", 0, "nobody had asked", size=LARGE),
    Row("body-552", {"body": ("552 5.3.4 enough", pause(0.5), silent)}, "deferred", 0, "nobody had asked", size=LARGE),
    # The end.
    Row("end-251", {"end": "251 2.1.5 elsewhere"}, "sent", 1, "251 2.1.5 elsewhere"),
    Row("end-299", {"end": "299"}, "sent", 1, "299"),
    Row("end-without-text", {"end": "250 "}, "sent", 1, "250"),
    Row("end-utf8-garbage", {"end": b"250 2.0.0 \xff\xfe\xc0\x80 \xe2\x80\xae taken\r\n"}, "sent", 1, "250 2.0.0"),
    Row("end-550-garbage", {"end": b"550 5.6.0 \x1b[31m\xff \xe2\x80\xae<img src=x>\r\n"}, "failed", 1, "550 5.6.0"),
    Row("end-250-then-cut", {"end": ("250 2.0.0 taken", cut)}, "sent", 1, "250 2.0.0 taken"),
    Row("end-250-then-421", {"end": "250 2.0.0 taken\r\n421 4.3.2 bye"}, "sent", 1, "250 2.0.0 taken"),
    Row("end-421", {"end": ("421 4.3.2 going down", cut)}, "paused", 1, "421 4.3.2 going down"),
    Row("end-451", {"end": "451 4.3.0 not now"}, "deferred", 1, "451 4.3.0 not now"),
    Row("end-452", {"end": "452 4.3.1 disk full"}, "deferred", 1, "452 4.3.1 disk full"),
    Row("end-552", {"end": "552 5.3.4 too big after all"}, "failed", 1, "552 5.3.4 too big"),
    Row("end-554-after-yes-to-all", {"end": "554 5.7.1 spam"}, "failed", 1, "554 5.7.1 spam", recipients=3),
    Row("end-cut", {"end": cut}, "deferred", 1, "closed the connection", ambiguous=True),
    Row("end-reset", {"end": reset}, "deferred", 1, "connection reset", ambiguous=True),
    Row("end-half-close", {"end": half_close}, "deferred", 1, "closed the connection", ambiguous=True),
    Row("end-half-a-line", {"end": (b"250 2.0.0 tak", cut)}, "deferred", 1, "closed the connection", ambiguous=True),
    Row("end-250-dash", {"end": ("250-2.0.0 taken", cut)}, "deferred", 1, "closed the connection", ambiguous=True),
    Row("end-silent", {"end": silent}, "deferred", 1, "in time", ambiguous=True),
    Row("end-drip", {"end": drip(b"2")}, "deferred", 1, "in time", ambiguous=True),
    Row("end-354", {"end": "354 still more"}, "deferred", 1, "does not fit", ambiguous=True),
    Row("end-nonsense", {"end": "nonsense"}, "deferred", 1, "not SMTP", ambiguous=True),
    Row("end-NUL", {"end": b"250 2.0.0 t\0ken\r\n"}, "sent", 1, "250 2.0.0 t?ken"),
    Row("end-999", {"end": "999 what"}, "deferred", 1, "not SMTP", ambiguous=True),
    Row("end-64-KiB", {"end": "250 " + "z" * 65536}, "deferred", 1, "not SMTP", ambiguous=True),
    # A connection used again.
    Row("pooled-good", {}, "sent", 2, "250 2.0.0 taken", messages=2),
    Row("pooled-cut-when-reused", {"MAIL": ["250 ok", cut, "250 ok"]}, "sent", 2, "250 2.0.0 taken", messages=2),
    Row("pooled-reset-when-reused", {"MAIL": ["250 ok", reset, "250 ok"]}, "sent", 2, "250 2.0.0 taken", messages=2),
    Row("pooled-421-when-reused", {"MAIL": ["250 ok", ("421 4.4.2 idle too long", cut), "250 ok"]}, "sent", 2, "250 2.0.0 taken", messages=2),
    Row("pooled-421-alone", {"MAIL": ["250 ok", ("421 4.4.2 idle too long", silent), "250 ok"]}, "sent", 2, "250 2.0.0 taken", messages=2,
        connections=1),
    Row("pooled-cut-twice", {"MAIL": ["250 ok", cut, cut, "250 ok"]}, ("sent", "deferred"), 1,
        "", messages=2),
    Row("pooled-unasked", {"end": ("250 2.0.0 taken", pause(0.2), "250 2.0.0 and this")}, "sent", 2, "250 2.0.0 taken", messages=2),
    Row("quit-ignored", {"QUIT": deaf}, "sent", 1, "250 2.0.0 taken"),
]

# With STARTTLS, a token and a certificate.
OFFERS = {"EHLO": "250-rogue.example\r\n250-AUTH LOGIN PLAIN XOAUTH2\r\n250 STARTTLS"}
TOKENS = {"auth": "xoauth2", "client-id": "any", "client-secret-file": "client-secret", "scope": "any"}
LOGIN = {"auth": "login", "user": "relay", "password-file": "upstream-password"}
PLAIN = {**LOGIN, "auth": "plain"}
IMPLICIT = {"greeting": (secure, "220 rogue.example")}
ALERT = b"\x15\x03\x03\x00\x02\x02\x28"  # fatal, handshake_failure


def tls_row(name, script, end, bodies, words, settings=None, **more):
    return Row(name, {**OFFERS, **script}, end, bodies, words, settings={"tls": "starttls", **(settings or TOKENS)}, **more)


def after_client_hello(*actions):
    """220, then what the client begins with is read, then these."""
    return ("220 go", lambda dialogue: dialogue.receive(), *actions)


SECURED = [
    tls_row("tls-good", {}, "sent", 1, "250 2.0.0 taken", auths=1),
    tls_row("tls-login", {}, "sent", 1, "250 2.0.0 taken", settings=LOGIN),
    tls_row("tls-plain", {}, "sent", 1, "250 2.0.0 taken", settings=PLAIN),
    tls_row("tls-implicit", IMPLICIT, "sent", 1, "250 2.0.0 taken", settings={**TOKENS, "tls": "implicit"}),
    tls_row("tls-implicit-in-clear", {}, "paused", 0, "TLS", settings={**TOKENS, "tls": "implicit"}),
    tls_row("starttls-not-offered", {"EHLO": "250-rogue.example\r\n250 AUTH LOGIN PLAIN XOAUTH2"}, "paused", 0, "does not offer STARTTLS", auths=0),
    tls_row("starttls-no-ehlo", {"EHLO": "502 what?"}, "paused", 0, "502 what?", auths=0),
    tls_row("starttls-454", {"STARTTLS": "454 4.7.0 no TLS now"}, "paused", 0, "454 4.7.0 no TLS now", auths=0),
    tls_row("starttls-502", {"STARTTLS": "502 5.5.1 what?"}, "paused", 0, "502 5.5.1 what?", auths=0),
    tls_row("starttls-250", {"STARTTLS": "250 ok"}, "paused", 0, "does not fit", auths=0),
    tls_row("starttls-garbage", {"STARTTLS": "go ahead"}, "paused", 0, "not SMTP", auths=0),
    tls_row("starttls-silent", {"STARTTLS": silent}, "paused", 0, "in time", auths=0),
    tls_row("CVE-2011-0411-text-behind-220", {"STARTTLS": "220 go\r\n250-rogue.example\r\n250 AUTH LOGIN PLAIN XOAUTH2"}, "paused", 0, "meddling",
            auths=0),
    tls_row("CVE-2021-22947-sign-in-behind-220", {"STARTTLS": "220 go\r\n250 x\r\n334 \r\n235 in"}, "paused", 0, "meddling", auths=0),
    tls_row("CVE-2021-38371-text-later", {"STARTTLS": ("220 go", pause(0.3), "250 AUTH LOGIN PLAIN XOAUTH2", silent)}, "paused", 0, "TLS", auths=0),
    tls_row("handshake-cut", {"STARTTLS": after_client_hello(cut)}, "paused", 0, "", auths=0),
    tls_row("handshake-reset", {"STARTTLS": after_client_hello(reset)}, "paused", 0, "", auths=0),
    tls_row("handshake-alert", {"STARTTLS": after_client_hello(ALERT, cut)}, "paused", 0, "TLS", auths=0),
    tls_row("handshake-garbage", {"STARTTLS": after_client_hello(b"\0" * 300, silent)}, "paused", 0, "TLS", auths=0),
    tls_row("handshake-silent", {"STARTTLS": after_client_hello(silent)}, "paused", 0, "in time", auths=0),
    tls_row("certificate-of-another", {}, "paused", 0, "certificate", certificate="other-name", auths=0),
    tls_row("certificate-expired", {}, "paused", 0, "certificate", certificate="expired", auths=0),
    tls_row("certificate-self-signed", {}, "paused", 0, "certificate", certificate="self-signed", auths=0),
    tls_row("tls-1.1", {}, "paused", 0, "TLS", certificate="old-tls", auths=0),
    tls_row("implicit-certificate-of-another", IMPLICIT, "paused", 0, "certificate", certificate="other-name", auths=0,
            settings={**TOKENS, "tls": "implicit"}),
    tls_row("after-tls-no-auth", {"tls EHLO": "250 rogue.example"}, "paused", 0, "does not offer AUTH XOAUTH2", auths=0),
    tls_row("after-tls-auth-empty", {"tls EHLO": "250-rogue.example\r\n250 AUTH"}, "paused", 0, "does not offer AUTH XOAUTH2", auths=0),
    tls_row("after-tls-auth-ntlm", {"tls EHLO": "250-rogue.example\r\n250 AUTH NTLM GSSAPI"}, "paused", 0, "does not offer AUTH LOGIN", auths=0,
            settings=LOGIN),
    tls_row("after-tls-smaller", {"tls EHLO": "250-rogue.example\r\n250-AUTH XOAUTH2\r\n250 SIZE 10"}, "failed", 0, "larger than the server takes"),
    tls_row("after-tls-421", {"tls EHLO": ("421 4.3.2 full", cut)}, "paused", 0, "421 4.3.2 full", auths=0),
    tls_row("auth-454", {"AUTH": "454 4.7.0 later"}, "paused", 0, "454 4.7.0 later", auths=1),
    tls_row("auth-504", {"AUTH": "504 5.5.4 not here"}, "paused", 0, "504 5.5.4 not here", auths=1),
    tls_row("auth-235-without-334", {"AUTH": "235 in already"}, "paused", 0, "does not fit", auths=1),
    tls_row("auth-334-garbage", {"AUTH": b"334 \xff!!not base64!!\r\n"}, "sent", 1, "250 2.0.0 taken"),
    tls_row("auth-silent", {"AUTH": silent}, "paused", 0, "in time", auths=1),
    tls_row("auth-535", {"credentials": "535 5.7.3 Authentication unsuccessful"}, "paused", 0, "535 5.7.3", auths=2),  # with a fresh token, once
    tls_row("auth-535-once-alone", {"credentials": ["535 5.7.3 Authentication unsuccessful", "235 2.7.0 in"]}, "sent", 1, "250 2.0.0 taken", auths=2,
            connections=1),
    tls_row("auth-535-plain", {"credentials": "535 5.7.3 Authentication unsuccessful"}, "paused", 0, "535 5.7.3", auths=1, settings=PLAIN),
    tls_row("auth-535-login-user", {"user": "535 5.7.8 who?"}, "paused", 0, "535 5.7.8", auths=1, settings=LOGIN),
    tls_row("auth-error-then-535", {"credentials": ["334 eyJzdGF0dXMiOiI0MDEifQ==", "535 5.7.3 no"] * 2}, "paused", 0, "535 5.7.3 no", auths=2),
    tls_row("auth-error-then-235", {"credentials": ["334 eyJzdGF0dXMiOiI0MDEifQ==", "235 in after all"]}, "paused", 0, "does not fit", auths=1),
    tls_row("auth-334-for-ever", {"credentials": "334 more"}, "paused", 0, "does not fit", auths=1),
    tls_row("auth-login-334-for-ever", {"credentials": "334 more"}, "paused", 0, "does not fit", auths=1, settings=LOGIN),
    tls_row("auth-250", {"credentials": "250 fine"}, "paused", 0, "does not fit", auths=1),
    tls_row("auth-cut", {"credentials": cut}, "paused", 0, "hung up", auths=1),
    tls_row("auth-421", {"credentials": ("421 4.7.0 too many", cut)}, "paused", 0, "421 4.7.0 too many", auths=1),
    tls_row("auth-432", {"credentials": "432 4.3.2 Concurrent connections"}, "paused", 0, "432 4.3.2", auths=1),
    tls_row("auth-235-then-535", {"credentials": "235 in\r\n535 5.7.3 out"}, "deferred", 0, "nobody had asked", auths=1),
    tls_row("mail-530-though-in", {"MAIL": "530 5.7.57 Client was not authenticated"}, "paused", 0, "530 5.7.57", auths=1),
    tls_row("tls-end-without-close-notify", {"end": ("250 2.0.0 taken", cut)}, "sent", 1, "250 2.0.0 taken"),
    tls_row("tls-cut-after-dot", {"end": cut}, "deferred", 1, "", ambiguous=True),
    tls_row("tls-reset-after-dot", {"end": reset}, "deferred", 1, "", ambiguous=True),
]
ROWS = IN_CLEAR + SECURED
