"""What the system tests share: one CA, one token issuer, one mail service for the whole run."""

import os

import pytest

from certificate import Authority
from gateway import Gateway
from issuer import Issuer
from message import SENDER
from sandbox import Sandbox, Towards
from submission import submission_open
from upstream import Upstream, open_directory, remove_directory

# The tenant that each token format serves.
DOMAINS = {"jwt": "contoso.example", "opaque": "fabrikam.example"}
PASSWORD = "abc2 def3!ghi4"
os.environ.setdefault("MALLOC_PERTURB_", "165")  # memory that was freed is overwritten: whoever still reads it is found
# The files that take longest come first, so that of two workers (./dev check) none is left with a long one.
LONGEST = ("test_graph", "test_notices", "test_limits_upstream", "test_restart", "test_flows", "test_sandbox_cases", "test_token_trouble")


def pytest_collection_modifyitems(items):
    order = {name: number for number, name in enumerate(LONGEST)}
    items.sort(key=lambda item: order.get(item.path.stem, len(order)))
    if os.geteuid() != 0:
        skip = pytest.mark.skip(reason="the private Postfix and Dovecot have to be started as root")
        for item in items:
            item.add_marker(skip)


@pytest.fixture(scope="session")
def directory():
    """A folder of this run under /tmp, gone afterwards unless SEKISHO_KEEP is set."""
    path = open_directory("system")
    yield path
    if not os.environ.get("SEKISHO_KEEP"):
        remove_directory(path)


@pytest.fixture(scope="session")
def authority(directory):
    place = directory / "tls"
    place.mkdir()
    return Authority(place)


@pytest.fixture(scope="session")
def issuer_of(directory, authority):
    """A function: give the running issuer of that token format."""
    running = {}

    def start(token_format):
        if token_format not in running:
            place = directory / f"issuer-{token_format}"
            place.mkdir()
            running[token_format] = Issuer(place, authority, f"any@{DOMAINS[token_format]}",
                                           token_format=token_format)
            running[token_format].start()
        return running[token_format]
    yield start
    for issuer in running.values():
        issuer.stop()


@pytest.fixture(scope="session")
def upstream_of(directory, authority, issuer_of):
    """A function: give the running mail service that takes tokens of that format."""
    running = {}

    def start(token_format):
        if token_format not in running:
            place = directory / f"upstream-{token_format}"
            place.mkdir()
            running[token_format] = Upstream(place, authority, issuer_of(token_format))
            running[token_format].domain = DOMAINS[token_format]
            running[token_format].start()
        return running[token_format]
    yield start
    for upstream in running.values():
        upstream.stop()


@pytest.fixture(scope="session")
def upstream(upstream_of):
    """The mail service with JWT tokens of 2 KB, as Entra's are."""
    return upstream_of("jwt")


@pytest.fixture(scope="module")
def gateway_new(directory, authority, upstream):
    """A function: start one more gateway, with changes to its settings; all end with the module."""
    running = []

    def start(towards=None, **changes):
        place = directory / f"gateway-{len(list(directory.glob('gateway-*')))}"
        running.append(Gateway(place, authority, towards or upstream, **changes))
        return running[-1].start()
    yield start
    for gateway in running:
        gateway.stop()


@pytest.fixture(scope="module")
def gateway(gateway_new):
    """A gateway with the tenant contoso.example and the account SENDER, PASSWORD."""
    gateway = gateway_new()
    gateway.tenant_add("contoso.example")
    gateway.user_add(SENDER, PASSWORD)
    return gateway


@pytest.fixture
def submission(gateway):
    """A function: a client connected to a listener of `gateway`, not yet signed in."""
    return lambda listener="starttls": submission_open(gateway, listener)


@pytest.fixture
def sandbox_new(tmp_path):
    """A function: start a sandbox with the given cases; all end with the test."""
    running = []

    def start(*cases, words=(), directory="1"):
        words = [*words, *(word for case in cases for word in ("--fail", case))]
        running.append(Sandbox(tmp_path / directory, *words))
        return running[-1].start()
    yield start
    for sandbox in running:
        sandbox.stop()


@pytest.fixture
def both(sandbox_new, authority, directory):
    """A function: start a sandbox with these cases and a gateway towards it; `changes` go to its upstream's settings,
    and `edit` changes all of them."""
    running = []

    def start(*cases, limits=None, words=(), edit=None, **changes):
        sandbox = sandbox_new(*cases, words=words)
        gateway = Gateway(directory / f"faults-{len(list(directory.glob('faults-*')))}", authority, Towards(sandbox))
        gateway.settings["upstreams"]["main"].update(changes)
        gateway.settings["limits"].update(limits or {})
        if edit:
            edit(gateway.settings)
        gateway.write()
        running.append(gateway.start())
        gateway.tenant_add("contoso.example")
        gateway.user_add(SENDER, PASSWORD)
        return gateway, sandbox
    yield start
    for gateway in running:
        gateway.stop()


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory):
    """One without faults, for what leaves nothing behind that another test would see."""
    one = Sandbox(tmp_path_factory.mktemp("sandbox") / "1").start()
    yield one
    one.stop()
