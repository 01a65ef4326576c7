"""Which way mail goes: the fall-back of an upstream that is down, several mailboxes, and an upstream that is gone from the settings."""

import socket
import statistics

import pytest

from conftest import PASSWORD
from gateway import Gateway
from mailing import deferred, empty, fate, send, towards
from message import SENDER, message, recipient_new
from port import port_free, wait_until

OTHER = "other@contoso.example"
MAILBOXES = ["one@contoso.example", "two@contoso.example", "three@contoso.example"]


def test_route_list(both):
    gateway, _ = both(edit=lambda settings: settings.update(
        routes=[{"from": "@fabrikam.example", "size-over-bytes": 100, "upstream": "main"}, {"upstream": "main"}]))
    rows = gateway.rows("route", "list")
    assert [(row["number"], row["from"], row["sizeOverBytes"], row["upstream"]) for row in rows] == [
        (1, "@fabrikam.example", 100, "main"), (2, "*", 0, "main")]


@pytest.mark.parametrize("fallback", [True, False])
def test_the_fallback_of_an_upstream_that_is_down(both, sandbox_new, fallback):
    """Without one (the negative control) the mail waits."""
    spare = sandbox_new(directory="2")

    def edit(settings):
        settings["upstreams"]["spare"] = towards(spare)
        settings["upstreams"]["main"]["port"] = port_free()
        if fallback:
            settings["upstreams"]["main"]["fallback"] = "spare"
    gateway, _ = both(edit=edit, limits={"fallback-after-seconds": 2})
    event = send(gateway, message())
    if not fallback:
        deferred(gateway, "refused", 30)
        assert spare.mail() == []
        return
    empty(gateway, 60)
    assert (fate(gateway, event)["state"], fate(gateway, event)["upstream"]) == ("sent", "spare")
    assert len(spare.mail()) == 1


def test_an_upstream_that_is_gone_from_the_settings(both, sandbox_new):
    """No route fits what waits for it: the queue says so, and after its time it goes back. With a route it goes, by itself."""
    spare = sandbox_new(directory="2")
    gateway, sandbox = both("tenant-switch")
    first = send(gateway, message("for the old one"))
    deferred(gateway, "disabled for the Tenant")
    gateway.settings["upstreams"] = {"spare": towards(spare)}
    gateway.settings["routes"] = [{"from": "nobody@contoso.example", "upstream": "spare"}]
    gateway.write()
    gateway.call("reload")
    wait_until(lambda: [row["from"] for row in gateway.rows("route", "list")] == ["nobody@contoso.example"], 10, gateway.log)
    row = deferred(gateway, "is not in the settings", 30)
    assert "main" in row["lastReply"] and row["id"] == first
    assert [row["waiting"] for row in gateway.rows("upstream", "show", "main")] == [1]
    gateway.settings["routes"] = [{"from": "*", "upstream": "spare"}]
    gateway.write()
    gateway.call("reload")
    wait_until(lambda: [row["from"] for row in gateway.rows("route", "list")] == ["*"], 10, gateway.log)
    empty(gateway)
    assert (fate(gateway, first)["state"], fate(gateway, first)["upstream"]) == ("sent", "spare")


def test_what_waits_for_nothing_expires(both, sandbox_new):
    spare = sandbox_new(directory="2")
    gateway, sandbox = both("tenant-switch", limits={"expire-seconds": 6})
    event = send(gateway, message())
    deferred(gateway, "disabled for the Tenant")
    gateway.settings["upstreams"] = {"spare": towards(spare)}
    gateway.settings["routes"] = [{"from": "postmaster@contoso.example", "upstream": "spare"}]
    gateway.write()
    gateway.call("reload")
    wait_until(lambda: (gateway.call("queue", "flush"), gateway.rows("queue", "list") == [])[1], 30, gateway.log, every=1)
    assert fate(gateway, event)["state"] == "expired" and "not in the settings" in fate(gateway, event)["reply"]
    wait_until(lambda: len(spare.mail()) == 1, 10, "the report, by the way that there is")


def test_several_mailboxes(gateway_new, upstream):
    """A real Postfix. An account's mail by the same one while that has room; when its share is used up, by the others."""
    gateway = gateway_new(upstreams={"main": {**Gateway.upstream(upstream, "client-secret"), "mailbox": MAILBOXES,
                                              "messages-per-minute-max": 4}})
    gateway.tenant_add("contoso.example")
    gateway.user_add(SENDER, PASSWORD)
    recipient = recipient_new()

    def by(count):
        return [upstream.sign_in_of(mail)[1] for mail in upstream.wait_mail(recipient, count)]
    send(gateway, *(message() for _ in range(3)), recipient=recipient)
    first = by(3)
    assert len(set(first)) == 1 and first[0] in MAILBOXES, first
    send(gateway, *(message() for _ in range(9)), recipient=recipient)
    assert {mailbox: by(12).count(mailbox) for mailbox in MAILBOXES} == dict.fromkeys(MAILBOXES, 4)
    assert {row["mailbox"]: row["messagesLastMinute"] for row in gateway.rows("upstream", "show", "main")} == dict.fromkeys(MAILBOXES, 4)


# One of two upstreams is dead.

def delays(gateway, events):
    """From the reply to the device to the upstream's, in ms, of each message."""
    found = {}
    for line in gateway.log().splitlines():
        fields = dict(part.split("=", 1) for part in line.split() if "=" in part)
        if "event=delivery" in line and "status=sent" in line:
            found[fields["id"]] = int(fields["delay_ms"])
    return [found[event] for event in events if event in found]


@pytest.mark.parametrize("shared", [False, True])
def test_a_dead_upstream_is_nobody_elses_trouble(both, sandbox_new, capsys, shared):
    """U6. Hundreds wait for one that takes connections and says nothing; the others' mail leaves as before. The negative control has
    both senders' mail go the dead one's way."""
    count = 100
    dead = socket.create_server(("127.0.0.1", 0), backlog=1000)

    def edit(settings):
        settings["upstreams"]["dead"] = {**settings["upstreams"]["main"], "host": "127.0.0.1", "port": dead.getsockname()[1]}
        settings["routes"] = [{"from": OTHER, "upstream": "dead"}, {"from": "*", "upstream": "main"}]
        if shared:
            settings["routes"] = [{"from": "*", "upstream": "dead"}, {"from": "@nowhere.example", "upstream": "main"}]
    gateway, sandbox = both(edit=edit)
    gateway.user_add(OTHER, PASSWORD)
    p99 = {}
    with dead:
        for phase in ("alone", "beside"):
            if phase == "beside":
                other = message().replace(SENDER.encode(), OTHER.encode())
                send(gateway, *[other] * 300, sender=OTHER, account=OTHER)
            events = [send(gateway, message()) for _ in range(count if not shared else 3)]
            if shared:
                break
            wait_until(lambda: len(delays(gateway, events)) == count, 30, gateway.log)
            p99[phase] = statistics.quantiles(delays(gateway, events), n=100)[98]
        if shared:
            assert delays(gateway, events) == [] and sandbox.mail() == []
            return
        with capsys.disabled():
            print(f"\nU6: p99 of delivery {p99['alone']:.0f} ms alone, {p99['beside']:.0f} ms beside 300 that wait for a dead upstream")
        assert p99["beside"] < 5000, "they are delivered while the others wait"
        assert len(gateway.rows("queue", "list")) == 300
        for row in gateway.rows("queue", "list")[:300:50]:
            gateway.call("queue", "drop", row["id"], check=False)


def test_more_accounts_wait_than_the_window_holds(both):
    """Each of them has mail for the dead one in the window; what may leave must still find a place there."""
    dead = socket.create_server(("127.0.0.1", 0), backlog=1000)
    accounts = [f"account{number}@contoso.example" for number in range(15)]

    def edit(settings):
        settings["upstreams"]["dead"] = {**settings["upstreams"]["main"], "host": "127.0.0.1", "port": dead.getsockname()[1],
                                         "connections-max": 1}
        settings["routes"] = [{"from": SENDER, "upstream": "main"}, {"from": "*", "upstream": "dead"}]
    gateway, sandbox = both(edit=edit, limits={"dispatch-window-max": 10})
    with dead:
        for account in accounts:
            gateway.user_add(account, PASSWORD)
            send(gateway, *[message(sender=account)] * 3, sender=account, account=account)
        send(gateway, *(message() for _ in range(30)))
        wait_until(lambda: len(sandbox.mail()) == 30, 20, lambda: f"{len(sandbox.mail())} of 30")
