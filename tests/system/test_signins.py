"""Sign-ins judged in Exchange Online's words, and what the log says of them."""

import itertools
import json
import os
import subprocess
import unicodedata

import pytest

from conftest import PASSWORD
from gateway import BINARY, event_id, without_event_id
from port import wait_until
from submission import submission_open

INCORRECT = "5.7.139 Authentication unsuccessful, the user credentials were incorrect."
CRITERIA = ("5.7.139 Authentication unsuccessful, the request did not meet the criteria to be "
            "authenticated successfully. Contact your administrator.")
BASIC_OFF = "5.7.139 Authentication unsuccessful, basic authentication is disabled."
SMTP_AUTH_OFF = ("5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the {}. "
                 "Visit https://aka.ms/smtp_auth_disabled for more information.")
_tenants = itertools.count(1)


@pytest.fixture
def account(gateway):
    """A new account in a tenant of its own, so that no test sees another's switches."""
    tenant = f"tenant{next(_tenants)}.example"
    gateway.tenant_add(tenant)
    gateway.user_add(f"copier@{tenant}", PASSWORD)
    return f"copier@{tenant}"


def tenant_of(account):
    return account.split("@")[1]


def sign_in(gateway, user, password=PASSWORD, listener="starttls", how="auth_plain"):
    with submission_open(gateway, listener) as client:
        return getattr(client, how)(user, password)


def refused(gateway, user, password=PASSWORD):
    """(code, text without its event ID, the row of that event ID)."""
    code, text = sign_in(gateway, user, password)
    row = gateway.signin(event_id(text))
    assert row["eventId"] == event_id(text)
    assert row["smtpReply"].startswith(f"{code} {without_event_id(text)}")
    return code, without_event_id(text), row


@pytest.mark.parametrize("listener,how,mechanism", [
    ("starttls", "auth_login", "LOGIN"), ("implicit", "auth_plain", "PLAIN"), ("none", "auth_login", "LOGIN")])
def test_a_good_sign_in(gateway, account, listener, how, mechanism):
    assert sign_in(gateway, account, listener=listener, how=how)[0] == 235
    (row,) = gateway.signins("--user", account)
    assert row["userPrincipalName"] == account
    assert row["ipAddress"] == "127.0.0.1"
    assert row["clientAppUsed"] == "Authenticated SMTP"
    assert row["status"]["errorCode"] == 0
    assert row["authenticationProtocol"] == "basic"
    assert row["authenticationRequirement"] == "singleFactorAuthentication"
    assert (row["mechanism"], row["listener"], row["source"]) == (mechanism, listener, "gateway")
    assert row["ehlo"] == "client.example"
    assert row["isInteractive"] in (True, False)
    if listener == "none":
        assert not row["tlsVersion"]
    else:
        assert row["tlsVersion"] == "1.3" and row["tlsCipher"].startswith("TLS_")
    assert row["createdDateTime"].endswith("Z") and row["id"] and row["correlationId"]


def test_wrong_password_and_unknown_user_read_the_same(gateway, account):
    wrong = refused(gateway, account, "not " + PASSWORD)
    unknown = refused(gateway, "nobody@" + tenant_of(account))
    stranger = refused(gateway, f"nobody@not-{tenant_of(account)}")
    assert wrong[:2] == unknown[:2] == stranger[:2] == (535, INCORRECT)
    assert [answer[2]["status"]["errorCode"] for answer in (wrong, unknown, stranger)] == [50126, 50034, 50034]
    assert wrong[2]["userPrincipalName"] == account
    assert "invalid username or password" in wrong[2]["status"]["failureReason"]
    assert sign_in(gateway, account)[0] == 235


TENANT_RULES = [
    (["smtp-auth", "off"], 535, SMTP_AUTH_OFF.format("Tenant"), None, "smtp-auth-tenant"),
    (["security-defaults", "on"], 535,
     "5.7.139 Authentication unsuccessful, user is locked by your organization's security defaults policy. "
     "Contact your administrator.", 530035, "security-defaults"),
    (["auth-policy-basic-smtp", "off"], 535, BASIC_OFF, None, "auth-policy"),
    (["basic", "default-off"], 535, BASIC_OFF, None, "basic-default-off"),
    (["basic", "retired"], 550, "5.7.30 Basic authentication is not supported for Client Submission.",
     None, "basic-retired"),
]
USER_RULES = [
    (["smtp-auth", "off"], 535, SMTP_AUTH_OFF.format("Mailbox"), None, "smtp-auth-mailbox"),
    (["mfa", "enforced"], 535, CRITERIA, 50076, "mfa"),
    (["mfa", "enabled"], 535, CRITERIA, 50076, "mfa"),
    (["licensed", "no"], 535, CRITERIA, 50105, "unlicensed"),
    (["enabled", "no"], 535, "5.7.3 Authentication unsuccessful", 50057, "account-disabled"),
    (["address-limits", "192.0.2.0/24"], 535, CRITERIA, 53003, "address"),
    (["auth-policy-basic-smtp", "off"], 535, BASIC_OFF, None, "auth-policy"),
]


@pytest.mark.parametrize("kind,words,code,text,error_code,rule",
                         [("tenant", *row) for row in TENANT_RULES] + [("user", *row) for row in USER_RULES],
                         ids=lambda value: "-".join(value) if isinstance(value, list) else "")
def test_a_rule_refuses_in_exchange_onlines_words(gateway, account, kind, words, code, text, error_code, rule):
    assert sign_in(gateway, account)[0] == 235
    gateway.call(kind, "set", tenant_of(account) if kind == "tenant" else account, *words)
    assert refused(gateway, account, "not " + PASSWORD)[:2] == (535, INCORRECT)
    answer = refused(gateway, account)
    assert answer[:2] == (code, text)
    assert answer[2]["policyRule"] == rule
    if error_code:
        assert answer[2]["status"]["errorCode"] == error_code
    else:
        assert answer[2]["status"]["errorCode"] > 0


def test_the_users_switch_counts_before_the_tenants(gateway, account):
    tenant = tenant_of(account)
    gateway.call("tenant", "set", tenant, "smtp-auth", "off")
    assert refused(gateway, account)[0] == 535
    gateway.call("user", "set", account, "smtp-auth", "on")
    assert sign_in(gateway, account)[0] == 235
    gateway.call("tenant", "set", tenant, "smtp-auth", "on")
    gateway.call("user", "set", account, "smtp-auth", "off")
    assert refused(gateway, account)[1] == SMTP_AUTH_OFF.format("Mailbox")
    gateway.call("user", "set", account, "smtp-auth", "inherit")
    assert sign_in(gateway, account)[0] == 235


def test_exchange_defaults_shut_the_door(gateway):
    tenant = f"tenant{next(_tenants)}.example"
    gateway.call("tenant", "add", tenant, "--exchange-defaults")
    gateway.user_add(f"copier@{tenant}", PASSWORD)
    assert refused(gateway, f"copier@{tenant}")[1] == SMTP_AUTH_OFF.format("Tenant")


def test_a_new_password_replaces_the_old_at_once(gateway, account):
    assert sign_in(gateway, account)[0] == 235
    gateway.call("user", "passwd", account, "--password-stdin", input="the new one\n")
    assert refused(gateway, account)[0] == 535
    assert sign_in(gateway, account, "the new one")[0] == 235
    made = gateway.call("user", "passwd", account, "--generate").stdout.split()[-1]
    assert len(made) == 16 and set(made) <= set("abcdefghijklmnopqrstuvwxyz23456789"), made
    assert refused(gateway, account, "the new one")[0] == 535
    assert sign_in(gateway, account, made)[0] == 235


def test_a_removed_user_is_nobody(gateway, account):
    assert sign_in(gateway, account)[0] == 235
    gateway.call("user", "remove", account, "--yes")
    assert refused(gateway, account)[2]["status"]["errorCode"] == 50034


def test_the_name_is_not_case_sensitive_but_the_password_is(gateway, account):
    assert sign_in(gateway, account.upper())[0] == 235
    assert refused(gateway, account, PASSWORD.upper())[0] == 535


def test_cmdlet_aliases(gateway, account):
    gateway.call("Set-CASMailbox", account, "-SmtpClientAuthenticationDisabled", "$true")
    assert refused(gateway, account)[1] == SMTP_AUTH_OFF.format("Mailbox")
    assert "true" in gateway.call("Get-CASMailbox", account).stdout.lower()
    gateway.call("Set-CASMailbox", account, "-SmtpClientAuthenticationDisabled", "null")
    assert sign_in(gateway, account)[0] == 235


def test_filters(gateway, account):
    good = sign_in(gateway, account)
    bad = refused(gateway, account, "wrong")[2]
    both = gateway.signins("--user", account)
    assert good[0] == 235 and len(both) == 2
    assert both[0]["eventId"] == bad["eventId"], "newest first"
    assert both[0]["createdDateTime"] > both[1]["createdDateTime"]

    def found(*words):
        return [row["status"]["errorCode"] for row in gateway.signins("--user", account, *words)]
    assert found("--status", "success") == [0]
    assert found("--status", "failure") == [50126]
    assert found("--code", "50126") == [50126]
    assert found("--code", "AADSTS50126") == [50126]
    assert found("--ip", "127.0.0.0/8") == [50126, 0]
    assert found("--ip", "192.0.2.0/24") == []
    assert found("--client-app", "smtp") == [50126, 0]
    assert found("--auth", "basic") == [50126, 0]
    assert found("--auth", "oauth") == []
    assert found("--not", "status=failure") == [0]
    assert found("--not", "code=0") == [50126]
    assert found("--since", "1h") == [50126, 0]
    assert found("--until", both[0]["createdDateTime"]) == [0]
    assert found("--since", both[0]["createdDateTime"]) == [50126]
    assert gateway.signins("--user", "other@example.org") == []
    assert gateway.call("signins", "--user", account, "--code", "fifty", check=False).returncode == 64


def test_follow_shows_a_sign_in_as_it_happens(gateway, account):
    follower = gateway.verb_process("signins", "--user", account, "--follow", "--json")
    try:
        wait_until(lambda: sign_in(gateway, account)[0] == 235, 5, "a sign-in")
        lines = []
        while not lines or "copier" not in lines[-1]:
            lines.append(follower.stdout.readline())
            assert lines[-1], lines
        assert json.loads(lines[-1])["userPrincipalName"] == account
    finally:
        follower.terminate()
        follower.wait(5)


def test_csv_for_the_spreadsheet(gateway, account):
    sign_in(gateway, "=cmd()@" + tenant_of(account))
    sign_in(gateway, account)
    raw = subprocess.run([BINARY, "signins", "--csv", "-c", gateway.file], capture_output=True,
                         check=True, timeout=20).stdout
    assert raw.startswith(b"\xef\xbb\xbf") and raw.endswith(b"\r\n")
    lines = raw.decode("utf-8-sig").split("\r\n")
    assert "\n" not in "".join(lines)
    assert "User" in lines[0] and any(account in line for line in lines[1:])
    cells = [cell for line in lines[1:] for cell in line.replace('"', "").split(",")]
    assert not [cell for cell in cells if cell.startswith("=")]
    japanese = gateway.call("signins", "--csv", "--lang", "ja").stdout
    assert "ユーザー" in japanese.splitlines()[0]


def test_a_table_in_japanese_stands_in_columns(gateway, account):
    """LANG says nothing (a service's own environment): the table ends all the same, and its columns
    stand where the heads stand, a full-width letter being two cells wide."""
    sign_in(gateway, account)
    bare = {"PATH": os.environ["PATH"], "LANG": "C"}
    done = subprocess.run([BINARY, "signins", "--lang", "ja", "-c", gateway.file], capture_output=True,
                          check=True, timeout=20, env=bare)
    head, *rows = done.stdout.decode().splitlines()
    cells = [sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in line[:line.index(what)])
             for line, what in [(head, "ユーザー")] + [(row, account) for row in rows if account in row]]
    assert len(cells) > 1 and len(set(cells)) == 1, done.stdout.decode()


def test_no_basic_row_is_said(gateway):
    done = gateway.call("signins", "--until", "2001-01-01", "--json")
    assert done.stdout == ""
    assert done.stderr.strip(), "nothing on stderr about a log without a Basic sign-in"


def test_times_rise_strictly(gateway):
    with submission_open(gateway) as client:
        for _ in range(3):
            client.auth_plain("nobody@nowhere.example", "x")
    times = [row["createdDateTime"] for row in gateway.signins()]
    assert times == sorted(set(times), reverse=True)


def test_guessers_are_locked_out_and_the_copier_is_not(gateway, account):
    """From an address that signed in lately the right password goes on working."""
    assert sign_in(gateway, account)[0] == 235
    answers = []
    for _ in range(6):
        with submission_open(gateway, source="127.66.0.1") as client:
            for _ in range(5):
                answer = client.auth_plain(account, "guess")
                answers.append(answer[0])
                if answer[0] == 421:
                    break
    assert set(answers) <= {535, 421, 454}, answers
    codes = {row["status"]["errorCode"] for row in gateway.signins("--user", account, "--status", "failure")}
    assert codes == {50126, 50053}
    with submission_open(gateway, source="127.66.0.1") as client:
        code, text = client.auth_plain(account, PASSWORD)
        assert (code, without_event_id(text)) == (535, INCORRECT), "a locked-out guesser learns nothing"
    assert sign_in(gateway, account)[0] == 235


def test_an_id_of_digits_is_an_id(gateway):
    """One gateway in fifty has a name of three digits."""
    told = gateway.call("explain", "3222222229", check=False)
    assert told.returncode == 65 and "nothing with the ID 3222222229 is kept" in told.stderr, told.stderr
    assert gateway.rows("explain", "50126")[0]["errorCode"] == 50126
