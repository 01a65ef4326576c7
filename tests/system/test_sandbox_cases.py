"""Each fault that the stand-in for Exchange Online makes on demand; the gateway in front of them is in test_sandbox_gateway.py."""

import re
import smtplib
import ssl
import time
import urllib.error

import pytest

from gateway import BINARY
from message import SENDER, message, scan
from port import wait_until
from process import run
from sandbox import BACKEND, LOST, RECIPIENT, SUFFIX, UNSUCCESSFUL, VISIT, begin_message
from submission import stuffed

# The cases of --fail: one test, or one row, each.

SIGN_IN_CASES = {
    "tenant-switch": UNSUCCESSFUL + "SmtpClientAuthentication is disabled for the Tenant" + VISIT,
    "mailbox-switch": UNSUCCESSFUL + "SmtpClientAuthentication is disabled for the Mailbox" + VISIT,
    "security-defaults": UNSUCCESSFUL + r"user is locked by your organization's security defaults policy\. Contact your administrator\.",
    "auth-policy": UNSUCCESSFUL + r"basic authentication is disabled\.",
    "criteria": UNSUCCESSFUL + r"the request did not meet the criteria to be authenticated successfully\. Contact your administrator\.",
    "basic-retired": r"5\.7\.30 Basic authentication is not supported for Client Submission\.",
}
MESSAGE_CASES = {
    "errors-52251": (550, r"5\.2\.251 Sender throttled due to continuous mailbox full errors\." + SUFFIX),
    "errors-52252": (550, r"5\.2\.252 Sender throttled due to continuous send as denied errors\." + SUFFIX),
    "errors-52253": (550, r"5\.2\.253 Sender throttled due to continuous invalid license errors\." + SUFFIX),
    "errors-52254": (550, r"5\.2\.254 Sender throttled due to continuous too many recipients errors\." + SUFFIX),
    "errors-52255": (550, r"5\.2\.255 Sender throttled due to continuous invalid recipients errors\." + SUFFIX),
    "recipient-quota": (550, r"5\.1\.90 Your message can't be sent because you've reached your daily limit for message recipients" + SUFFIX),
    "send-as-denied": (554, r"5\.2\.252 SendAsDenied; .*" + BACKEND),
    "mailbox-full": (554, r"5\.2\.2 mailbox full; STOREDRV\.Submission\.Exception:QuotaExceededException\..*" + BACKEND),
    "temporary-451": (451, r"4\.7\.0 Temporary server error\. Please try again later\. PRX2" + BACKEND),
    "service-421": (421, r"4\.3\.2 Service not available, closing transmission channel" + SUFFIX),
}
OTHER_CASES = {"wrong-secret", "expired-secret", "token-expiring", "token-endpoint-down", "concurrent-432", "rate-30",
               "cut-after-dot", "cut-mid-data", "slow", "no-starttls", "bad-certificate"}
TOKEN_CASES = {"consent-missing", "app-disabled", "clock-skew", "no-resource", "mfa-needed", "conditional-access", "person-disabled",
               "refresh-expired", "token-throttled", "token-page", "token-nonsense", "metadata-updating"}  # test_token_trouble.py
GRAPH_CASES = {"graph-401", "graph-403", "graph-policy", "graph-send-as", "graph-no-mailbox", "graph-no-user", "graph-quota",
               "graph-recipients", "graph-413", "graph-size", "graph-429", "graph-503", "graph-500", "graph-504", "graph-200",
               "graph-nonsense", "graph-cut", "graph-half", "graph-hang", "graph-slow", "graph-upload",  # test_graph.py
               "application-denied", "application-other"}  # test_credentials.py


def test_every_case_is_tested():
    listed = [line.split()[0] for line in run([BINARY, "sandbox", "--list-cases"]).stdout.splitlines()]
    assert len(listed) == len(set(listed)) and set(listed) == {*SIGN_IN_CASES, *MESSAGE_CASES, *OTHER_CASES, *TOKEN_CASES, *GRAPH_CASES}


@pytest.mark.parametrize("case", SIGN_IN_CASES)
def test_a_sign_in_case(sandbox_new, case):
    sandbox = sandbox_new(f"{case}:1")
    with sandbox.client() as client:
        code, text = client.auth_login(SENDER, "any")
        assert code == (550 if case == "basic-retired" else 535)
        assert re.fullmatch(SIGN_IN_CASES[case] + SUFFIX, text), text
        assert client.auth_login(SENDER, "any")[0] == 235, "only the first time"


def test_retired_basic_leaves_tokens_alone(sandbox_new):
    sandbox = sandbox_new("basic-retired")
    with sandbox.client() as client:
        assert client.auth_login(SENDER, "any")[0] == 550
        assert client.auth_xoauth2(SENDER, sandbox.token())[0] == 235


@pytest.mark.parametrize("case", MESSAGE_CASES)
def test_a_message_case(sandbox_new, case):
    sandbox = sandbox_new(f"{case}:1")
    code, wanted = MESSAGE_CASES[case]
    got, text = sandbox.submit()
    assert got == code and re.fullmatch(wanted, text), text
    assert sandbox.mail() == []
    assert sandbox.submit()[0] == 250 and len(sandbox.mail()) == 1, "only the first time"


def test_the_wrong_and_the_expired_secret(sandbox_new):
    sandbox = sandbox_new("wrong-secret:1", "expired-secret:1")
    codes = [sandbox.ask_token()[1].get("error_codes") for _ in range(3)]
    assert codes == [[7000215], [7000222], None]


def test_tokens_that_expire_soon(sandbox_new):
    sandbox = sandbox_new("token-expiring")
    status, answer = sandbox.ask_token()
    assert (status, answer["expires_in"]) == (200, 5)
    with sandbox.client() as client:
        assert client.auth_xoauth2(SENDER, answer["access_token"])[0] == 235
    time.sleep(5.2)
    with sandbox.client() as client:
        assert client.auth_xoauth2(SENDER, answer["access_token"])[0] == 535


def test_the_token_endpoint_is_down(sandbox_new):
    sandbox = sandbox_new("token-endpoint-down:2")
    for _ in range(2):
        with pytest.raises((OSError, urllib.error.URLError)):
            sandbox.ask_token()
    assert sandbox.ask_token()[0] == 200


def test_a_fourth_connection(sandbox_new):
    sandbox = sandbox_new("concurrent-432")
    clients = [sandbox.signed_in() for _ in range(4)]
    other = sandbox.signed_in("other@contoso.example")
    assert all(client.submit(SENDER, RECIPIENT, message())[0] == 250 for client in clients[:3])
    assert other.submit("other@contoso.example", RECIPIENT, message(sender="other@contoso.example"))[0] == 250
    code, text = clients[3].submit(SENDER, RECIPIENT, message())
    assert code == 432 and re.fullmatch(r"4\.3\.2 Concurrent connections limit exceeded\. Visit "
                                        r"https://aka\.ms/concurrent_sending for more information\." + BACKEND, text)
    clients[0].quit()
    wait_until(lambda: clients[3].submit(SENDER, RECIPIENT, message())[0] == 250, 5, "room for the fourth")
    for client in (*clients[1:], other):
        client.close()


def test_thirty_a_minute(sandbox_new):
    if time.time() % 60 > 45:
        time.sleep(60.5 - time.time() % 60)  # all 30 in one minute
    sandbox = sandbox_new("rate-30")
    with sandbox.signed_in() as client:
        assert all(client.submit(SENDER, RECIPIENT, message())[0] == 250 for _ in range(30))
        left = 60 - time.time() % 60
        begin_message(client)
        client.send(stuffed(message()) + b".\r\n")
        client.sock.settimeout(1)
        with pytest.raises(TimeoutError):
            client.sock.recv(1000)
        client.sock.settimeout(left + 5)
        assert client.sock.recv(1000).startswith(b"250 2.0.0 OK <"), "carried into the next minute"
        assert time.time() % 60 < 10 and len(sandbox.mail()) == 31


def test_cut_after_the_dot(sandbox_new):
    sandbox = sandbox_new("cut-after-dot:1")
    with pytest.raises(LOST):
        sandbox.submit()
    assert len(sandbox.mail()) == 1
    assert sandbox.submit()[0] == 250 and len(sandbox.mail()) == 2


def test_cut_in_the_middle(sandbox_new):
    sandbox = sandbox_new("cut-mid-data:1")
    with pytest.raises(LOST):
        sandbox.submit(scan(100_000))
    wait_until(lambda: list((sandbox.place / "inbox").iterdir()) == [], 5, "an empty inbox")
    assert sandbox.submit()[0] == 250


def test_slow(sandbox_new):
    sandbox = sandbox_new("slow:1")
    before = time.monotonic()
    assert sandbox.submit()[0] == 250 and 2.9 <= time.monotonic() - before < 6
    before = time.monotonic()
    assert sandbox.submit()[0] == 250 and time.monotonic() - before < 2.5


def test_no_starttls(sandbox_new):
    sandbox = sandbox_new("no-starttls:1")
    for offered in (False, True):
        with smtplib.SMTP("localhost", sandbox.port, timeout=10) as client:
            client.ehlo()
            assert client.has_extn("starttls") == offered
            assert client.docmd("AUTH", "LOGIN")[0] == 538
    sandbox.stats_wait(authBeforeTls=2)


def test_a_bad_certificate(sandbox_new):
    sandbox = sandbox_new("bad-certificate:1")
    with pytest.raises(ssl.SSLCertVerificationError):
        sandbox.client()
    assert sandbox.submit()[0] == 250
