"""A rehearsal of the day when Basic ends: the share that is refused, whom it never refuses twice running, its end, and who came back."""

import collections
import time

import pytest

from conftest import PASSWORD
from gateway import Gateway, event_id, without_event_id
from message import SENDER
from port import wait_until
from submission import submission_open

RETIRED = "5.7.30 Basic authentication is not supported for Client Submission."
SIGN_INS = 5000
DEVICES = [f"127.0.1.{number}" for number in range(1, 51)]


@pytest.fixture
def alone(directory, authority, upstream):
    gateway = Gateway(directory / f"rehearse-{time.monotonic_ns()}", authority, upstream).start()
    gateway.tenant_add("contoso.example")
    gateway.user_add(SENDER, PASSWORD)
    yield gateway
    gateway.stop()


def sign_in(gateway, device):
    with submission_open(gateway, "none", device) as client:
        return client.auth_plain(SENDER, PASSWORD)


def round_of(gateway, count):
    """{device: [refused?, …]}: its sign-ins in their order, each device in its turn."""
    heard = collections.defaultdict(list)
    for number in range(count):
        device = DEVICES[number % len(DEVICES)]
        code, text = sign_in(gateway, device)
        assert code == 235 or (code, without_event_id(text)) == (550, RETIRED), (code, text)
        heard[device].append(code == 550)
    return heard


def twice_running(heard):
    return [device for device, refusals in heard.items() if any(a and b for a, b in zip(refusals, refusals[1:]))]


def test_ten_percent(alone):
    alone.call("rehearse", "--percent", "10", "--for", "1h", "--yes")
    heard = round_of(alone, SIGN_INS)
    refused = sum(map(sum, heard.values()))
    print(f"rehearsal at 10 %: {refused} of {SIGN_INS} refused, {100 * refused / SIGN_INS:.2f} %")
    assert 0.085 <= refused / SIGN_INS <= 0.115
    assert twice_running(heard) == []
    # The log agrees, row for row, and so does the report: each refused device, and that it came back or was silent since.
    rows = alone.signins("--count", str(2 * SIGN_INS))
    assert collections.Counter(row["policyRule"] == "rehearsal" for row in rows) == {True: refused, False: SIGN_INS - refused}
    report = {row["ip"]: row for row in alone.rows("rehearse", "report")}
    assert {ip: (row["refused"], row["passed"]) for ip, row in report.items()} == {
        device: (sum(refusals), len(refusals) - sum(refusals)) for device, refusals in heard.items() if any(refusals)}
    for device, row in report.items():
        assert (row["device"] == "silent") == heard[device][-1], row
        assert row["device"] in ("silent", "retried", "came back later")


def test_twice_running_when_asked(alone):
    """The negative control of the one above: with --twice, and half refused, some are."""
    alone.call("rehearse", "--percent", "50", "--for", "1h", "--twice", "--yes")
    assert len(twice_running(round_of(alone, 500))) > len(DEVICES) // 2


def test_it_outlives_a_restart_and_ends_by_itself(alone):
    alone.call("rehearse", "--user", SENDER, "--for", "8s")
    ends = time.monotonic() + 8
    code, text = sign_in(alone, DEVICES[0])
    assert (code, without_event_id(text)) == (550, RETIRED)
    assert alone.signin(event_id(text))["policyRule"] == "rehearsal"
    alone.stop()
    alone.start()
    assert time.monotonic() < ends - 1, "too slow to tell anything"
    assert sign_in(alone, DEVICES[1])[0] == 550, "still on"
    wait_until(lambda: sign_in(alone, DEVICES[2])[0] == 235, 15, alone.log, every=0.5)
    assert time.monotonic() >= ends - 0.5
    assert sign_in(alone, DEVICES[0])[0] == 235
    assert {row["ip"]: row["device"] for row in alone.rows("rehearse", "report")}[DEVICES[1]] == "silent"


def test_a_trusted_device_is_never_refused(alone):
    alone.settings["listeners"]["none"]["trusted"] = [{"from": "127.0.2.1", "account": SENDER}]
    alone.write()
    alone.stop()
    alone.start()
    alone.call("rehearse", "--percent", "100", "--for", "1h", "--twice", "--yes")
    assert sign_in(alone, DEVICES[0])[0] == 550
    for _ in range(5):
        with submission_open(alone, "none", "127.0.2.1") as client:
            assert client.mail(SENDER)[0] == 250
