"""The ways to a token once more, against Debian's glewlwyd: client credentials, a device code, a page, and rotated refresh tokens."""

import shutil

import pytest

from conftest import PASSWORD
from gateway import trace_fields
from glewlwyd import Glewlwyd
from message import message, recipient_new, stored
from port import wait_until
from submission import submission_open
from test_flows import Login
from upstream import Upstream

pytestmark = pytest.mark.skipif(not shutil.which("glewlwyd"), reason="this Debian has no glewlwyd")
DOMAIN = "contoso.example"
SECRET = "glewlwyd~knows.this-1"


@pytest.fixture(scope="module")
def place(directory):
    place = directory / "glewlwyd"
    place.mkdir()
    return place


@pytest.fixture(scope="module")
def issuer(place, authority):
    issuer = Glewlwyd(place, authority, [
        {"id": f"secret@{DOMAIN}", "secret": SECRET, "grants": ["client_credentials"], "method": "client_secret_post"},
        {"id": f"device@{DOMAIN}", "grants": ["device_authorization", "refresh_token"], "method": "none"},
        {"id": f"code@{DOMAIN}", "grants": ["code", "refresh_token"], "method": "none", "redirect": "http://127.0.0.1:8765/"},
    ]).start()
    yield issuer
    issuer.stop()


@pytest.fixture(scope="module")
def service(place, authority, issuer):
    upstream = Upstream(place, authority, issuer)
    try:
        yield upstream.start()
    finally:
        upstream.stop()


@pytest.fixture(scope="module")
def gateway(gateway_new, service, issuer):
    base = {"kind": "smtp", "host": service.host, "port": service.port, "ca-file": service.authority.ca, "token-url": issuer.token_url,
            "scope": issuer.scope}
    ways = {
        "secret": {**base, "client-id": f"secret@{DOMAIN}", "client-secret-file": "client-secret"},
        "device": {**base, "client-id": f"device@{DOMAIN}", "flow": "device-code", "device-code-url": issuer.device_code_url},
        "code": {**base, "client-id": f"code@{DOMAIN}", "flow": "auth-code", "authorize-url": issuer.authorize_url},
    }
    gateway = gateway_new(service, upstreams={"main": None, **ways},
                          routes=[{"from": f"{name}@{DOMAIN}", "upstream": name} for name in ways] + [{"from": "*", "upstream": "secret"}])
    gateway.tenant_add(DOMAIN)
    for name in ways:
        gateway.user_add(f"{name}@{DOMAIN}", PASSWORD)
    return gateway


def arrives(service, gateway, name):
    sender, to = f"{name}@{DOMAIN}", recipient_new()
    data = message(to=to, sender=sender)
    with submission_open(gateway) as client:
        assert client.auth_plain(sender, PASSWORD)[0] == 235
        assert client.submit(sender, to, data)[0] == 250
    mail = service.wait_mail(to, seconds=30)
    trace_fields(mail.text, stored(data))
    assert service.sign_in_of(mail) == ("XOAUTH2", sender)


def test_with_a_secret(gateway, service, issuer):
    arrives(service, gateway, "secret")
    shown = gateway.record("upstream", "token", "secret")
    assert (shown["iss"], shown["appid"], shown["scp"]) == (f"https://localhost:{issuer.port}", f"secret@{DOMAIN}", [issuer.scope])


def test_with_a_device_code(gateway, service, issuer):
    login = Login(gateway, "device")
    issuer.approve(login.shown["code"])
    status, _, said = login.end()
    assert status == 0, (said, issuer.process.log()[-2000:])
    arrives(service, gateway, "device")


def test_with_a_pasted_address(gateway, service, issuer):
    login = Login(gateway, "code", "--paste")
    url = issuer.page(login.shown["url"] + "&g_continue=1")
    status, _, said = login.end(f"{url}\n")
    assert status == 0, (url, said, issuer.process.log()[-2000:])
    arrives(service, gateway, "code")


def test_a_refresh_token_is_used_once(gateway, service, issuer):
    """A reload forgets the token, and it is asked for anew: each time with the refresh token that came last."""
    asked = f"Access token generated for client 'device@{DOMAIN}'"
    before = issuer.process.log().count(asked)
    for number in range(3):
        gateway.hang_up()
        wait_until(lambda: gateway.log().count("settings taken") == number + 1, 10, gateway.log)
        assert gateway.record("upstream", "token", "device")["appid"] == f"device@{DOMAIN}"
    arrives(service, gateway, "device")
    assert issuer.process.log().count(asked) == before + 3
