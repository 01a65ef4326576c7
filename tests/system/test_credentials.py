"""When an application's secret ends, as Microsoft Graph tells whoever may read it; and mail that never waits for that."""

import datetime
import json

import pytest

from mailing import empty, fate, send
from message import message
from port import port_free, wait_until

SECRET_DAYS, NEXT_DAYS, CERTIFICATE_DAYS = 180, 360, 30  # of the sandbox


def secrets(gateway, source="Graph"):
    """{subject: days left} of the client secrets whose date comes from there."""
    return {item["subject"]: item["daysLeft"] for item in gateway.record("status")["expiries"]
            if item["kind"] == "client-secret" and item["source"] == source}


def near(days, wanted):
    return days - wanted in (-1, 0, 1)  # midnight may come in between


def log_of(gateway, words):
    return [line for line in gateway.log().splitlines() if "dates of credentials" in line and words in line]


@pytest.fixture
def ask(both):
    """A function: a gateway by SMTP whose Graph is the sandbox's."""
    def start(*cases, **changes):
        def edit(settings):
            main = settings["upstreams"]["main"]
            main["graph-url"] = main["token-url"].split("/contoso")[0] + "/v1.0"
            for name, value in changes.items():
                main.pop(name) if value is None else main.update({name: value})
        return both(*cases, edit=edit)
    return start


def mail_flows(gateway):
    event = send(gateway, message("while Graph is asked"))
    empty(gateway)
    assert fate(gateway, event)["state"] == "sent"


def rows_of(gateway, step):
    rows = [json.loads(line) for line in gateway.call("upstream", "test", "main", "--json", check=False).stdout.splitlines()]
    return [row for row in rows if row.get("step") == step]


def test_the_secret_and_its_next_one(ask):
    """Two secrets while one is rotated: each by how it begins; by mail's side one token more, and once."""
    gateway, sandbox = ask()
    client = sandbox.json["clientId"]
    found = wait_until(lambda: secrets(gateway), 10, gateway.log)
    assert set(found) == {client} and near(found[client], SECRET_DAYS), found
    mail_flows(gateway)
    assert gateway.rows("upstream", "show", "main")[0]["secretEndsDateTime"] == \
        next(item["expiresDateTime"] for item in gateway.record("status")["expiries"] if item["kind"] == "client-secret")
    sandbox.stats_wait(graphApplications=1, tokensIssued=2)
    # The next secret is put beside it: it is known by its own beginning.
    (gateway.directory / "next").write_text("nxt~not-yet-good\n")
    (gateway.directory / "next").chmod(0o600)
    gateway.settings["upstreams"]["main"]["client-secret-file-next"] = "next"
    gateway.write()
    gateway.call("reload")
    found = wait_until(lambda: len(secrets(gateway)) == 2 and secrets(gateway), 10, gateway.log)
    assert near(found[f"{client} (client-secret-file-next)"], NEXT_DAYS) and near(found[client], SECRET_DAYS), found
    (told,) = rows_of(gateway, "dates")
    assert told["state"] == "ok" and "client-secret-file 20" in told["text"] and "client-secret-file-next 20" in told["text"], told
    assert len(log_of(gateway, "graph=read")) == 1, "told once"
    # A secret that was changed is asked about without a reload.
    before = sandbox.stats()["graphApplications"]
    (gateway.directory / "next").write_text("zzz~unknown-to-Graph\n")
    wait_until(lambda: set(secrets(gateway)) == {client}, 15, lambda: f"{before} {sandbox.stats()}")
    for name in ("client-secret", "next"):
        assert (gateway.directory / name).read_text().strip() not in gateway.log()
    # And the date in the settings wins.
    gateway.settings["upstreams"]["main"]["client-secret-expires"] = f"{datetime.date.today() + datetime.timedelta(days=20):%Y-%m-%d}"
    gateway.write()
    gateway.call("reload")
    wait_until(lambda: set(secrets(gateway, "settings")) == {client} and not secrets(gateway), 10, gateway.log)
    assert rows_of(gateway, "dates") == []


def test_what_graph_does_not_tell(ask):
    """Not permitted, or nothing of ours: said once in the log and by `upstream test`, as fine; mail flows. Permitted later, it is read."""
    gateway, sandbox = ask("application-denied:2", "application-other:1")
    wait_until(lambda: log_of(gateway, 'graph="not permitted"'), 10, gateway.log)
    mail_flows(gateway)
    (told,) = rows_of(gateway, "dates")
    assert told["state"] == "ok" and "client-secret-expires" in told["text"], told
    assert "Application.Read.All (Microsoft Graph answered HTTP 403 Authorization_RequestDenied: Insufficient privileges" in told["text"], told
    assert secrets(gateway) == {} and len(log_of(gateway, 'graph="not permitted"')) == 1
    assert not [row for row in gateway.rows("upstream", "list") if row["pausedUntil"]]
    assert gateway.call("health", check=False).returncode == 0
    (told,) = rows_of(gateway, "dates")
    assert told["state"] == "ok" and "none of the application's credentials that Microsoft Graph shows is the one used here" in told["text"], told
    assert secrets(gateway) == {} and len(log_of(gateway, 'graph="none of ours"')) == 1
    assert "client-secret-file 20" in rows_of(gateway, "dates")[0]["text"] and len(secrets(gateway)) == 1
    sandbox.stats_wait(graphApplications=4)


def test_graph_that_is_not_there_and_never(ask):
    gateway, sandbox = ask(**{"graph-url": f"https://localhost:{port_free()}/v1.0"})
    wait_until(lambda: log_of(gateway, 'graph="not reached"'), 10, gateway.log)
    mail_flows(gateway)
    (told,) = rows_of(gateway, "dates")
    assert told["state"] == "ok" and "holds up no mail" in told["text"], told
    main = gateway.settings["upstreams"]["main"]
    main.update({"graph-url": sandbox.json["graphUrl"], "client-secret-expires": "never"})
    gateway.write()
    gateway.call("reload")
    wait_until(lambda: not rows_of(gateway, "dates"), 10, gateway.log)
    mail_flows(gateway)
    sandbox.stats_wait(graphApplications=0)


def test_a_certificate_by_its_thumbprint(both, tmp_path):
    """Its entry in the registration ends before it does: that is what counts. By kind graph, with the token that mail goes with."""
    def edit(settings):
        main = settings["upstreams"]["main"]
        place = tmp_path / "1" / "S"
        described = json.loads((place / "sandbox.json").read_text())
        main.update({"kind": "graph", "graph-url": described["graphUrl"], "scope": described["graphScope"],
                     "certificate-file": described["certificateFile"], "key-file": described["keyFile"]})
        for name in ("host", "port", "tls", "auth", "client-secret-file"):
            main.pop(name, None)
    gateway, sandbox = both(edit=edit)
    mail_flows(gateway)
    item = wait_until(lambda: next((item for item in gateway.record("status")["expiries"]
                                    if item["kind"] == "client-certificate" and item["source"] == "Graph"), None), 10, gateway.log)
    assert near(item["daysLeft"], CERTIFICATE_DAYS)
    sandbox.stats_wait(tokensIssued=1, graphApplications=1)
