"""Two hundred combinations of the switches over the real wire, each against the rules as one would tell them to somebody: the
reply, the error code, and the row in the sign-in log. (All combinations: tests/unit/test_policy.c.)"""

import collections
import random

import pytest

from conftest import PASSWORD
from forge import TENANT, Key, KeyServer, claims, token
from gateway import event_id, without_event_id
from submission import submission_open

SAMPLES = 200
SEED = 20261231
DOMAIN = "switches.example"
USER = f"copier@{DOMAIN}"
ISSUER = "https://login.example/tenant/v2.0"

FAILED = (535, "5.7.3 Authentication unsuccessful")
INCORRECT = (535, "5.7.139 Authentication unsuccessful, the user credentials were incorrect.")
CRITERIA = (535, "5.7.139 Authentication unsuccessful, the request did not meet the criteria to be authenticated "
                 "successfully. Contact your administrator.")
BASIC_OFF = (535, "5.7.139 Authentication unsuccessful, basic authentication is disabled.")
RETIRED = (550, "5.7.30 Basic authentication is not supported for Client Submission.")
SMTP_AUTH_OFF = (535, "5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the {}. "
                      "Visit https://aka.ms/smtp_auth_disabled for more information.")
LOCKED_BY_DEFAULTS = (535, "5.7.139 Authentication unsuccessful, user is locked by your organization's security defaults "
                           "policy. Contact your administrator.")

# Each switch: whose it is, its values, and how often each is drawn: a sample that fails early says little of what comes after.
SWITCHES = {
    "basic": ("tenant", {"unchanged": 6, "re-enabled": 4, "default-off": 1, "retired": 1}),
    "smtp-auth": ("tenant", {"on": 3, "off": 2}),
    "security-defaults": ("tenant", {"off": 6, "on": 1}),
    "auth-policy-basic-smtp": ("tenant", {"on": 3, "off": 1}),
    "oauth2-client-profile": ("tenant", {"on": 3, "off": 1}),
    "own smtp-auth": ("user", {"inherit": 4, "on": 3, "off": 1}),
    "own auth-policy-basic-smtp": ("user", {"inherit": 3, "on": 2, "off": 1}),
    "mfa": ("user", {"disabled": 5, "enabled": 1, "enforced": 1}),
    "licensed": ("user", {"yes": 12, "no": 1}),
    "enabled": ("user", {"yes": 12, "no": 1}),
    "address-limits": ("user", {"127.0.0.0/8": 5, "192.0.2.0/24": 1}),
}
MECHANISMS = {"PLAIN": "basic", "LOGIN": "basic", "XOAUTH2": "oauth", "OAUTHBEARER": "oauth"}


def told(way, right, is_):
    """(reply, error code). Nobody learns more than "incorrect" (of a token: "unsuccessful") until the
    credentials are right. Then, for everybody: a disabled
    account is out, and one without a licence. Only for Basic: retired, off by default, security defaults, an authentication
    policy (the account's own, else the tenant's), MFA. For both: SMTP AUTH must be on for the mailbox or, when that says nothing,
    for the tenant. Only for OAuth: the tenant must allow it. At last: an address that the account is limited to."""
    if not right:
        return (INCORRECT if way == "basic" else FAILED), None
    if is_["enabled"] == "no":
        return FAILED, 50057
    if is_["licensed"] == "no":
        return CRITERIA, 50105
    if way == "basic":
        if is_["basic"] == "retired":
            return RETIRED, 530032
        if is_["basic"] == "default-off":
            return BASIC_OFF, 530032
        if is_["security-defaults"] == "on":
            return LOCKED_BY_DEFAULTS, 530035
        policy = is_["own auth-policy-basic-smtp"]
        if policy == "off" or policy == "inherit" and is_["auth-policy-basic-smtp"] == "off":
            return BASIC_OFF, 530032
        if is_["mfa"] != "disabled":
            return CRITERIA, 50076
    own = is_["own smtp-auth"]
    if own == "off" or own == "inherit" and is_["smtp-auth"] == "off":
        whose = "Mailbox" if own == "off" else "Tenant"
        return (SMTP_AUTH_OFF[0], SMTP_AUTH_OFF[1].format(whose)), 530032
    if way == "oauth" and is_["oauth2-client-profile"] == "off":
        return FAILED, 530032
    if is_["address-limits"] != "127.0.0.0/8":
        return CRITERIA, 53003
    return (235, "2.7.0 Authentication successful"), 0


@pytest.fixture(scope="module")
def key(directory):
    return Key(directory, "policy-1", "p256")


@pytest.fixture(scope="module")
def gateway(gateway_new, authority, key):
    server = KeyServer(authority, [key])
    gateway = gateway_new(
        issuers={"entra": {"issuer": ISSUER, "jwks-url": server.url, "ca-file": authority.ca, "tenant-id": TENANT,
                           "algorithms": ["ES256"]}},
        limits={"refusal-delay-ms": 20, "failures-account-max": 10_000, "failures-network-max": 10_000})
    gateway.tenant_add(DOMAIN)
    gateway.user_add(USER, PASSWORD)
    yield gateway
    server.stop()


def samples():
    """Sorted, so that few switches change from one to the next."""
    dice = random.Random(SEED)
    drawn = [tuple(dice.choices(list(values), values.values())[0] for _, values in SWITCHES.values())
             + (dice.choice(list(MECHANISMS)), dice.random() < 0.9) for _ in range(SAMPLES)]
    return sorted(drawn)


def turn(gateway, name, value):
    whose = SWITCHES[name][0]
    gateway.call(whose, "set", USER if whose == "user" else DOMAIN, name.removeprefix("own "), value, "--yes")


def sign_in(gateway, mechanism, right, bearer):
    with submission_open(gateway) as client:
        if mechanism == "PLAIN":
            return client.auth_plain(USER, PASSWORD if right else "wrong")
        if mechanism == "LOGIN":
            return client.auth_login(USER, PASSWORD if right else "wrong")
        bearer = bearer if right else bearer[:-8] + "AAAAAAAA"
        if mechanism == "XOAUTH2":
            return client.bearer_xoauth2(USER, bearer)
        return client.bearer_oauthbearer(USER, bearer)


def test_reply_error_code_and_row_of_each(gateway, key):
    bearer = token(key, claims(ISSUER, USER), "ES256")
    now, met = {}, collections.Counter()
    for sample in samples():
        wanted, (mechanism, right) = dict(zip(SWITCHES, sample)), sample[len(SWITCHES):]
        for name, value in wanted.items():
            if now.get(name) != value:
                turn(gateway, name, value)
        now = wanted
        way = MECHANISMS[mechanism]
        code, text = sign_in(gateway, mechanism, right, bearer)
        (want_code, want_text), error_code = told(way, right, wanted)
        assert (code, without_event_id(text)) == (want_code, want_text), sample
        row = gateway.signin(event_id(text)) if code != 235 else gateway.signins("--user", USER, "--count", "1")[0]
        assert row["authenticationProtocol"] == way and row["userPrincipalName"] == USER, (sample, row)
        assert row["status"]["errorCode"] == error_code or (error_code is None and row["status"]["errorCode"] > 0), (sample, row)
        met[want_code, want_text, error_code, way] += 1
    assert sum(met.values()) == SAMPLES and len(met) >= 16, met


def test_added_and_switched_at_once(gateway):
    gateway.call("tenant", "add", "added.example", "security-defaults", "on", "smtp-auth", "off")
    gateway.user_add("new@added.example", "hunter two", "smtp-auth", "on", "licensed", "no")
    tenant, user = gateway.record("tenant", "show", "added.example"), gateway.record("user", "show", "new@added.example")
    assert (tenant["smtp-auth"], tenant["security-defaults"]) == ("off", "on"), tenant
    assert (user["smtp-auth"], user["licensed"]) == ("on", "no"), user
    refused = gateway.call("tenant", "add", "other.example", "smtp-auth", check=False)
    assert refused.returncode == 64 and "smtp-auth needs a value" in refused.stderr
