"""The ways in which a machine proves itself (Google's service accounts, Azure's managed identities), against npm's oidc-provider, whose tokens
Dovecot takes for one mailbox each. test_flows.py has the others."""

import json

import pytest

from conftest import PASSWORD
from forge import Key
from gateway import trace_fields
from issuer import SCOPE, Issuer
from message import recipient_new, stored
from submission import Submission
from test_flows import send, waits
from upstream import Upstream

DOMAIN = "contoso.example"
ACCOUNT, BEHIND = (f"{name}@project.iam.gserviceaccount.com" for name in ("gateway", "behind"))
RESOURCE = "https://mail.contoso.example"
IDENTITY = "9d0b6f5c-machine"
SERVICE_SECRET = "853b9a84-header-of-app-service"
NOT_TAKEN = "Google does not take the service account's assertion: set this machine's clock right", "アサーションを受け付けません"
UNKNOWN_SERVICE = "The service named in the scope is not known there", "スコープ"
MISASKED = "What gives this machine its identity does not take the request", "IDENTITY_ENDPOINT と IDENTITY_HEADER"

# What is wrong, what the endpoint calls it, and what both languages say.
REFUSALS = [
    ("wrong-audience", "invalid_grant: Invalid JWT: Failed audience check.", *NOT_TAKEN),
    ("expired", "invalid_grant: Invalid JWT: Token must be a short-lived token", *NOT_TAKEN),
    ("wrong-scope", "unauthorized_client: Client is unauthorized", "for a Google service account, delegate the scope", "委任"),
    ("wrong-identity", "invalid_request: Identity not found", *MISASKED),
    ("wrong-resource", "invalid_resource: The application named", *UNKNOWN_SERVICE),
]


@pytest.fixture(scope="module")
def place(directory):
    place = directory / "machines"
    place.mkdir()
    return place


@pytest.fixture(scope="module")
def keys(place):
    return {name: Key(place, name) for name in ("google", "other")}


@pytest.fixture(scope="module")
def issuer(place, authority, keys):
    account = {"publicKey": keys["google"].public, "keyId": "key-1", "domain": DOMAIN}
    issuer = Issuer(place, authority, f"any@{DOMAIN}", token_format="opaque",
                    clients=[{"id": IDENTITY, "method": "none", "mailbox": f"machine@{DOMAIN}"}],
                    accounts=[{"id": ACCOUNT, **account}, {"id": BEHIND, "clockAheadSeconds": 3600, **account}],
                    identity={"clientId": IDENTITY, "resource": RESOURCE, "secret": SERVICE_SECRET}).start()
    yield issuer
    issuer.stop()


@pytest.fixture(scope="module")
def service(place, authority, issuer):
    upstream = Upstream(place, authority, issuer, token_a_mailbox=True)
    try:
        yield upstream.start()
    finally:
        upstream.stop()


def account_file(place, name, key, account=ACCOUNT):
    """The JSON key as the Google Cloud console gives it."""
    file = place / f"{name}.json"
    file.write_text(json.dumps({"type": "service_account", "project_id": "project", "private_key_id": "key-1",
                                "private_key": key.file.read_text(), "client_email": account, "client_id": "1"}))
    file.chmod(0o600)
    return file


def gateway_of(gateway_new, service, ways):
    """One upstream for each way, and mail from NAME@contoso.example goes by the one of that name."""
    base = {"kind": "smtp", "host": service.host, "port": service.port, "ca-file": service.authority.ca, "auth": "xoauth2"}
    gateway = gateway_new(service, upstreams={"main": None, **{name: {**base, **way} for name, way in ways.items()}},
                          routes=[{"from": f"{name}@{DOMAIN}", "upstream": name} for name in ways] + [{"from": "*", "upstream": next(iter(ways))}])
    gateway.tenant_add(DOMAIN)
    for name in (*ways, "second"):
        gateway.user_add(f"{name}@{DOMAIN}", PASSWORD)
    return gateway


@pytest.fixture(scope="module")
def gateway(gateway_new, service, issuer, keys, place):
    google = {"token-url": issuer.token_url, "scope": SCOPE, "service-account-file": account_file(place, "google", keys["google"])}
    machine = {"managed-identity": "yes", "managed-identity-url": issuer.machine_url, "scope": f"{RESOURCE}/.default"}
    return gateway_of(gateway_new, service, {
        "google": google,
        "wrong-key": {**google, "service-account-file": account_file(place, "wrong-key", keys["other"])},
        "wrong-audience": {**google, "token-url": f"{issuer.token_url}?other"},
        "expired": {**google, "service-account-file": account_file(place, "expired", keys["google"], BEHIND)},
        "wrong-scope": {**google, "scope": "calendar.read"},
        "machine": machine,
        "wrong-identity": {**machine, "client-id": "another-identity"},
        "wrong-resource": {**machine, "scope": "https://another.example/.default"},
        "no-header": {**machine, "managed-identity-url": issuer.service_url},
    })


@pytest.fixture(scope="module")
def in_service(gateway_new, service, issuer):
    """One that runs in App Service, which says so in the environment."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("IDENTITY_ENDPOINT", issuer.service_url)
        patch.setenv("IDENTITY_HEADER", SERVICE_SECRET)
        yield gateway_of(gateway_new, service, {
            "machine": {"managed-identity": "yes", "scope": f"{RESOURCE}/.default", "client-id": IDENTITY},
            "no-metadata": {"managed-identity": "yes", "scope": f"{RESOURCE}/.default", "managed-identity-url": issuer.machine_url},
        })


def arrives(service, gateway, name):
    to, data = send(gateway, name)
    mail = service.wait_mail(to, seconds=30)
    trace_fields(mail.text, stored(data))
    assert service.sign_in_of(mail) == ("XOAUTH2", f"{name}@{DOMAIN}")


def test_a_service_account_signs_in_as_each_mailbox(gateway, service, issuer):
    before = issuer.stats()["tokensIssued"]
    for name in ("google", "second", "google"):
        arrives(service, gateway, name)
    assert issuer.stats()["tokensIssued"] == before + 2, "one for each mailbox"


def refused(gateway, name, called, english, japanese):
    """The recipient of the mail that waits."""
    to, _ = send(gateway, name)
    said = waits(gateway, to, called)
    assert english in said, said
    assert japanese in gateway.call("upstream", "token", name, "--mailbox", f"{name}@{DOMAIN}", "--lang", "ja", check=False).stderr
    return to


@pytest.mark.parametrize("name, called, english, japanese", REFUSALS, ids=[row[0] for row in REFUSALS])
def test_a_refusal_has_its_sentence_and_the_mail_waits(gateway, name, called, english, japanese):
    refused(gateway, name, called, english, japanese)


def test_what_waited_leaves_with_the_right_key(gateway, service, keys, place):
    to = refused(gateway, "wrong-key", "invalid_grant: Invalid JWT Signature.", *NOT_TAKEN)
    account_file(place, "wrong-key", keys["google"])
    gateway.call("queue", "flush")
    assert service.sign_in_of(service.wait_mail(to, seconds=20)) == ("XOAUTH2", f"wrong-key@{DOMAIN}")


@pytest.mark.parametrize("where", ["gateway", "in_service"])
def test_a_machine_signs_in_by_its_identity(request, service, issuer, where):
    """By the metadata service; in App Service, whose answer has expires_on alone."""
    before = issuer.stats()["tokensIssued"]
    arrives(service, request.getfixturevalue(where), "machine")
    assert issuer.stats()["tokensIssued"] == before + 1


def test_without_the_header_there_is_no_token(gateway, in_service):
    """App Service is asked as a machine is, and the other way round."""
    refused(gateway, "no-header", "HTTP 401", *MISASKED)
    refused(in_service, "no-metadata", "Required metadata header not specified", *MISASKED)
    for one in (gateway, in_service):
        assert SERVICE_SECRET not in one.log()


def test_the_mail_server_takes_a_token_for_its_own_mailbox_alone(service, issuer, authority):
    """Else it would show nothing of whose token it was that a mail went out with."""
    with Submission(service.port, ca=authority.ca) as client:
        assert client.auth_xoauth2(f"any@{DOMAIN}", issuer.token())[0] == 235
    with Submission(service.port, ca=authority.ca) as client:
        assert client.auth_xoauth2(f"google@{DOMAIN}", issuer.token())[0] == 334  # the error, as JSON
        assert client.docmd("")[0] == 535
