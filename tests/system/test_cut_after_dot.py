"""U2: connections cut between the final dot and its answer, under load. Mail may come twice then, never more often than was cut, and it says so."""

import threading
import types

import pytest

from conftest import PASSWORD
from gateway import Gateway, event_id
from message import SENDER, message
from rogue import Rogue, cut, reset
from submission import submission_open

CLIENTS, EACH = 6, 20
TAKEN = "250 2.0.0 taken"
# Of each seven ends two are never answered: a connection that is cut after it was said, and one that is torn down.
ENDS = [TAKEN, TAKEN, cut, TAKEN, TAKEN, reset, TAKEN] * CLIENTS * EACH + [TAKEN]


def submit(gateway, sent, number):
    with submission_open(gateway, "none") as client:
        assert client.auth_login(SENDER, PASSWORD)[0] == 235
        for one in range(EACH):
            data = message(subject=f"{number}.{one}", body=b"." + b"x" * 70 + b"\r\n", to="someone@example.net")
            code, text = client.submit(SENDER, "someone@example.net", data)
            assert code == 250, text
            sent[event_id(text)] = data.partition(b"Message-ID: ")[2].partition(b"\r\n")[0], data


@pytest.fixture(scope="module")
def outcome(authority, directory):
    """What was sent, what came, and what the traces say, when the queue is empty."""
    rogue, sent = Rogue({"end": ENDS}), {}
    nowhere = types.SimpleNamespace(host="127.0.0.1", port=rogue.port, authority=authority, issuer=types.SimpleNamespace(
        token_url="https://localhost:1/token", client_id="any", scope="any", secret="any"))
    gateway = Gateway(directory / "cut-after-dot", authority, nowhere, limits={"retry-first-seconds": 1, "retry-seconds-max": 1})
    gateway.settings["upstreams"] = {"main": {"kind": "smtp", "host": "127.0.0.1", "port": rogue.port, "tls": "none", "auth": "none",
                                              "connections-max": 4}}
    gateway.write()
    gateway.start()
    try:
        gateway.tenant_add("contoso.example")
        gateway.user_add(SENDER, PASSWORD)
        clients = [threading.Thread(target=submit, args=(gateway, sent, number)) for number in range(CLIENTS)]
        for client in clients:
            client.start()
        for client in clients:
            client.join()
        gateway.queue_wait(lambda rows: not rows, seconds=60)
        yield types.SimpleNamespace(sent=sent, mails=rogue.mails, cuts=sum(end is not TAKEN for end in ENDS[:rogue.turns["end"]]),
                                    traces={row["id"]: row for row in gateway.rows("trace")})
    finally:
        gateway.stop()
        rogue.close()


def copies(outcome, message_id):
    return [body for _, body in outcome.mails if b"Message-ID: " + message_id + b"\r\n" in body]


def test_all_arrive_and_none_is_doubled_without_a_cut(outcome):
    assert len(outcome.sent) == CLIENTS * EACH and outcome.cuts > CLIENTS * EACH / 5
    assert len(outcome.mails) == len(outcome.sent) + outcome.cuts
    for message_id, data in outcome.sent.values():
        got = copies(outcome, message_id)
        assert got and all(body.endswith(data) for body in got)
        assert len(set(got)) == 1, "each copy is the same, its Message-ID and trace header too"


def test_who_may_come_twice_is_marked_in_the_trace_and_nobody_else(outcome):
    doubled = {name for name, (message_id, _) in outcome.sent.items() if len(copies(outcome, message_id)) > 1}
    marked = {name for name in outcome.sent if "ambiguous" in outcome.traces[name]["note"]}
    assert doubled == marked and doubled
    assert all(one["state"] == "sent" for name in outcome.sent for one in outcome.traces[name]["recipients"])
