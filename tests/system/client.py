"""Real mail clients, each told to send one file through one listener."""

import base64
import json
import os
import smtplib
import ssl

from issuer import HERE, npm_install
from port import port_free
from postfix import Postfix
from process import run
from submission import stuffed, submission_open


# swaks asks for this machine's own name: where no name server knows it, and none answers, that takes ten seconds.
OWN_NAME = {"RES_OPTIONS": "timeout:1 attempts:1"}


class Order:
    """What a client is to do: the mail of `data` to `to`, through `listener` of `gateway`."""

    def __init__(self, gateway, listener, user, password, to, data, directory):
        self.gateway = gateway
        self.port = gateway.port[listener]
        self.tls = listener  # starttls, implicit or none
        self.ca = gateway.authority.ca
        self.user, self.password, self.to, self.data = user, password, to, data
        self.directory = directory
        self.file = directory / "mail.eml"
        self.file.write_bytes(data)
        self.unix_file = directory / "mail.txt"  # for clients that write CRLF themselves
        self.unix_file.write_bytes(data.replace(b"\r\n", b"\n"))


def curl(order):
    rc = order.directory / "curlrc"
    rc.write_text(f'user = "{order.user}:{order.password}"\n')
    run(["curl", "-sS", "--config", rc, "--cacert", order.ca,
         *(["--ssl-reqd"] if order.tls == "starttls" else []),
         "--mail-from", order.user, "--mail-rcpt", order.to, "--upload-file", order.file,
         f"{'smtps' if order.tls == 'implicit' else 'smtp'}://localhost:{order.port}/client.example"],
        seconds=120)


def msmtp(order):
    rc = order.directory / "msmtprc"
    rc.write_text(f"""\
account default
host localhost
port {order.port}
auth on
user {order.user}
password "{order.password}"
from {order.user}
tls {'off' if order.tls == 'none' else 'on'}
tls_starttls {'on' if order.tls == 'starttls' else 'off'}
tls_trust_file {order.ca}
""")
    # Without TLS msmtp refuses to show a password unless the mechanism is named.
    if order.tls == "none":
        rc.write_text(rc.read_text().replace("auth on", "auth plain"))
    rc.chmod(0o600)
    with open(order.unix_file, "rb") as mail:
        run(["msmtp", "-C", rc, "--", order.to], seconds=120, stdin=mail)


def swaks(order):
    tls = {"starttls": ["-tls"], "implicit": ["-tlsc"], "none": []}[order.tls]
    run(["swaks", "-s", f"127.0.0.1:{order.port}", *tls, "-a", "LOGIN",
         "-au", order.user, "-ap", order.password, "-f", order.user, "-t", order.to,
         "--no-data-fixup", "-n", "--data", f"@{dotted(order)}"], seconds=120, env={**os.environ, **OWN_NAME})


def dotted(order):
    """swaks without its repairs sends a file as it is: so it gets the wire form, end mark included."""
    path = order.directory / "mail.wire"
    path.write_bytes(stuffed(order.data) + b".")
    return path


def s_nail(order):
    """s-nail writes the mail itself: here subject, text and an attachment."""
    scheme = {"starttls": "smtp", "implicit": "smtps", "none": "smtp"}[order.tls]
    secret = order.password.replace("%", "%25").replace(" ", "%20").replace("!", "%21")
    rc = order.directory / "mailrc"
    rc.write_text(f"""\
set v15-compat=yes
set sendcharsets=utf-8 ttycharset=utf-8
set from={order.user} hostname=client.example
set mta={scheme}://{order.user.replace('@', '%40')}:{secret}@localhost:{order.port}
set smtp-auth=login
set tls-verify=strict tls-ca-file={order.ca} tls-ca-no-defaults
{'set smtp-use-starttls' if order.tls == 'starttls' else ''}
""")
    rc.chmod(0o600)
    attached = order.directory / "attached.bin"
    attached.write_bytes(order.data)
    run(["s-nail", "-:u", "-S", "expandaddr", "-s", "件名 by s-nail", "-a", attached, order.to],
        input="本文です。\n.\n..\n", seconds=120, env={"MAILRC": str(rc), "HOME": str(order.directory),
                                              "LC_ALL": "C.UTF-8", "PATH": "/usr/bin:/bin"})


def python_smtplib(order):
    context = ssl.create_default_context(cafile=str(order.ca))
    if order.tls == "implicit":
        client = smtplib.SMTP_SSL("localhost", order.port, "client.example", context=context, timeout=60)
    else:
        client = smtplib.SMTP("localhost", order.port, "client.example", timeout=60)
    with client:
        if order.tls == "starttls":
            client.starttls(context=context)
        client.login(order.user, order.password)
        assert client.sendmail(order.user, [order.to], order.data) == {}


def nodemailer(order):
    npm_install()
    settings = order.directory / "order.json"
    settings.write_text(json.dumps({
        "host": "localhost", "port": order.port, "implicit": order.tls == "implicit",
        "starttls": order.tls == "starttls", "ca": str(order.ca), "user": order.user,
        "password": order.password, "from": order.user, "to": order.to, "file": str(order.file)}))
    run(["node", HERE / "client.mjs", settings], seconds=120)


def postfix(order):
    """A Postfix of its own that has the gateway as smarthost, as many servers have Exchange."""
    place = order.directory / "smarthost"
    port = port_free()
    place.mkdir()
    (place / "passwords").write_text(f"[localhost]:{order.port} {order.user}:{order.password}\n")
    server = Postfix(place, {
        "myhostname": "client.example",
        "mynetworks": "127.0.0.0/8",
        "smtpd_relay_restrictions": "permit_mynetworks, reject",
        "relayhost": f"[localhost]:{order.port}",
        "smtp_host_lookup": "native",
        "smtp_sasl_auth_enable": "yes",
        "smtp_sasl_password_maps": f"texthash:{place}/passwords",
        "smtp_sasl_security_options": "noanonymous",
        "smtp_tls_security_level": "none" if order.tls == "none" else "secure",
        "smtp_tls_wrappermode": "yes" if order.tls == "implicit" else "no",
        "smtp_tls_secure_cert_match": "localhost",
        "smtp_tls_CAfile": order.ca,
        "local_header_rewrite_clients": "",
    }, [f"127.0.0.1:{port} inet n - n - - smtpd"])
    server.start(port)
    try:
        with smtplib.SMTP("127.0.0.1", port, "client.example", timeout=60) as client:
            client.sendmail(order.user, [order.to], order.data, ["BODY=8BITMIME"])
        line = server.log_wait("status=", seconds=60)
        assert "status=sent" in line, line
    finally:
        server.stop()


def old_copier(order):
    """HELO, then AUTH LOGIN in lower case with the name in the command, and no < >."""
    with submission_open(order.gateway, order.tls) as client:
        assert client.helo("copier")[0] == 250
        assert client.docmd("auth login " + base64.b64encode(order.user.encode()).decode())[0] == 334
        assert client.docmd(base64.b64encode(order.password.encode()).decode())[0] == 235
        assert client.docmd(f"mail from: {order.user}")[0] == 250
        assert client.docmd(f"rcpt to: <{order.to}>")[0] == 250
        assert client.docmd("data")[0] == 354
        client.send(stuffed(order.data) + b".\r\n")
        assert client.getreply()[0] == 250


CLIENTS = [curl, msmtp, swaks, s_nail, python_smtplib, nodemailer, postfix, old_copier]
# These write the mail themselves; of the others it arrives byte for byte.
WRITES_ITSELF = {s_nail}
# These put a Received of their own on top.
ADDS_RECEIVED = {postfix}
