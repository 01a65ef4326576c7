"""Notices: made once, listed, mailed through the gateway's own upstream with the report, posted under a signature."""

import csv
import datetime
import email
import email.policy
import io
import json
import time
import types

import pytest

from conftest import PASSWORD
from gateway import Gateway
from message import SENDER, message
from port import wait_until
from sandbox import RECIPIENT
from submission import submission_open
from webhook import Webhook, verifies

POSTMASTER = "postmaster@contoso.example"
SECRET = "a secret that only two know"


@pytest.fixture
def both(sandbox_new, authority, directory):
    """A function: a sandbox with these cases and a gateway towards it with these notices' settings."""
    running = []

    def start(*cases, limits=None, webhook=None, language="en", **notices):
        sandbox = sandbox_new(*cases)
        towards = types.SimpleNamespace(
            host="localhost", port=sandbox.port, authority=types.SimpleNamespace(ca=sandbox.ca),
            issuer=types.SimpleNamespace(token_url=sandbox.json["tokenUrl"], client_id=sandbox.json["clientId"],
                                         scope=sandbox.json["scope"], secret=sandbox.secret()))
        gateway = Gateway(directory / f"notices-{len(list(directory.glob('notices-*')))}", authority, towards)
        gateway.settings["daemon"]["language"] = language
        gateway.settings["limits"].update(limits or {})
        if webhook:
            secret = gateway.directory / "webhook-secret"
            secret.write_text(SECRET + "\n")
            secret.chmod(0o600)
            notices = {"webhook": webhook.url, "webhook-secret-file": "webhook-secret", **notices}
        # So that what Microsoft's schedule says of this week is not among what a test counts: nobody is told before the tenant has its plan.
        gateway.settings["notices"] = {"mail": "no"}
        gateway.write()
        running.append(gateway.start())
        gateway.tenant_add("contoso.example")
        gateway.call("retirement", "set", "--tenant", "contoso.example", "--phase", "default-off", "--date", ahead(400))
        gateway.user_add(SENDER, PASSWORD)
        gateway.stop()
        gateway.settings["notices"] = notices or {"digest-seconds": 300}
        gateway.write()
        gateway.start()
        return gateway, sandbox
    yield start
    for gateway in running:
        gateway.stop()


@pytest.fixture
def hook():
    """A function: a webhook that answers so to the first ones of a kind."""
    running = []

    def start(refuse=None):
        running.append(Webhook(*refuse or ("", [])))
        return running[-1]
    yield start
    for webhook in running:
        webhook.stop()


def ahead(days):
    return (datetime.datetime.now() + datetime.timedelta(days=days)).date().isoformat()


def listed(gateway, *words):
    """Without what Microsoft's schedule tells all tenants, and this one before it had a plan of its own."""
    return [row for row in gateway.rows("notices", "list", *words)
            if row["kind"] != "retirement" or (row["tenant"] and row["data"]["phase"] != "default-off")]


def posted(webhook, kind):
    """(headers, body) of each notice of that kind."""
    return [(headers, body) for headers, body in webhook.requests if json.loads(body)["kind"] == kind]


def sign_in(gateway, password=PASSWORD, user=SENDER):
    with submission_open(gateway) as client:
        return client.auth_login(user, password)[0]


def notices_wait(gateway, kind, count=1, seconds=20):
    def enough():
        found = [row for row in listed(gateway) if row["kind"] == kind]
        return len(found) >= count and found
    return wait_until(enough, seconds, lambda: f"no {kind}: {gateway.rows('notices', 'list', '--all')}\n{gateway.log()[-3000:]}")


def mailed(sandbox):
    """The notices' mails that have arrived, parsed, oldest first."""
    found = [email.message_from_bytes(raw, policy=email.policy.default) for raw, envelope in sandbox.mail()]
    return [one for one in found if one["X-Sekisho-Notice"]]


def mailed_wait(sandbox, gateway, count=1, seconds=20):
    return wait_until(lambda: len(mailed(sandbox)) >= count and mailed(sandbox), seconds, lambda: gateway.log()[-3000:])


def report_of(mail):
    """The CSV attached, as bytes."""
    (part,) = list(mail.iter_attachments())
    assert (part.get_content_type(), part.get_filename()) == ("text/csv", "smtp-auth-clients.csv")
    return part.get_payload(decode=True)


def test_first_sign_in(both):
    """Told once, in Japanese, by a mail with the report; the second sign-in is no news."""
    gateway, sandbox = both(language="ja", **{"digest-seconds": 0})
    assert sign_in(gateway) == 235
    (row,) = notices_wait(gateway, "first-basic")
    assert (row["subject"], row["tenant"], row["severity"], row["state"]) == (SENDER, "contoso.example", "info", "open")
    assert row["data"]["ip"] == "127.0.0.1" and row["data"]["previous"] is None
    (mail,) = mailed_wait(sandbox, gateway)
    assert mail["Subject"] == f"[Sekisho] {SENDER} が基本認証でサインインしました"
    assert (mail["From"].addresses[0].addr_spec, mail["To"].addresses[0].addr_spec) == (POSTMASTER, POSTMASTER)
    assert (mail["Auto-Submitted"], mail["X-Sekisho-Notice"]) == ("auto-generated", row["id"])
    text = mail.get_body().get_content()
    assert "これまでにはありませんでした" in text and f"sekisho notices ack {row['id']}" in text
    table = report_of(mail)
    assert table.startswith(b"\xef\xbb\xbf") and table.endswith(b"\r\n")
    lines = list(csv.DictReader(io.StringIO(table.decode("utf-8-sig"))))
    assert [line["送信者アドレス"] for line in lines] == [SENDER], lines
    same = gateway.call("report", "smtp-auth", "--days", "30", "--csv", "--lang", "ja").stdout
    assert table.decode().replace("\r\n", "\n") == same.replace("\r\n", "\n")
    assert sign_in(gateway) == 235
    time.sleep(5)
    assert len(listed(gateway, "--all")) == 1 and len(mailed(sandbox)) == 1
    assert gateway.record("status")["noticesOpen"] == len(gateway.rows("notices", "list"))


def test_lock_out(both):
    """A warning waits for no company. Whom nobody knows is nobody's notice."""
    gateway, sandbox = both(limits={"failures-account-max": 3, "refusal-delay-ms": 0})
    for user in (SENDER, "nobody@contoso.example"):
        for _ in range(3):
            assert sign_in(gateway, "wrong", user) == 535
    (row,) = notices_wait(gateway, "locked-account")
    assert (row["subject"], row["severity"], row["data"]["failures"]) == (SENDER, "warning", 3)
    (mail,) = mailed_wait(sandbox, gateway)
    assert mail["Subject"] == f"[Sekisho] {SENDER} is locked out after wrong passwords"
    assert not any("nobody" in one["subject"] for one in listed(gateway, "--all"))


def test_phase_of_a_tenant(both):
    """Seven days ahead: who would stop is named; the same plan once more is no news, another day is."""
    gateway, sandbox = both(**{"digest-seconds": 0})
    assert sign_in(gateway) == 235
    notices_wait(gateway, "first-basic")
    plan = ("retirement", "set", "--tenant", "contoso.example", "--phase", "retired", "--date", ahead(7))
    gateway.call(*plan)
    rows = wait_until(lambda: [row for row in listed(gateway) if row["subject"] == "contoso.example" and
                               row["data"]["phase"] == "retired"], 10, gateway.log)
    (row,) = rows
    assert (row["severity"], row["data"]["days"], row["data"]["mark"], row["data"]["count"]) == ("critical", 7, 7, 1)
    assert row["key"] == f"retirement/contoso.example/retired/{ahead(7)}/7"
    assert [device["account"] for device in row["data"]["devices"]] == [SENDER]
    assert SENDER in gateway.call("notices", "show", row["id"]).stdout
    gateway.call(*plan)
    time.sleep(5)
    assert [one["key"] for one in listed(gateway, "--all") if one["kind"] == "retirement"] == [row["key"]]
    gateway.call(*plan[:-1], ahead(1))
    wait_until(lambda: [row for row in listed(gateway) if row["key"].endswith("/1")], 10, gateway.log)


def test_what_ends(both):
    """A client secret that ends in seven days, then one that has ended: a notice each, with what to do."""
    gateway, sandbox = both()
    main = gateway.settings["upstreams"]["main"]
    for days, severity, mark in ((7, "warning", 7), (-1, "critical", 0)):
        main["client-secret-expires"] = ahead(days)
        gateway.write()
        gateway.stop()
        gateway.start()
        row = wait_until(lambda: [one for one in listed(gateway) if one["kind"] == "expiry" and one["data"]["mark"] == mark], 20,
                         gateway.log)[0]
        assert (row["subject"], row["severity"], row["data"]["days"]) == ("client-secret main", severity, days)
        assert "make a new one in the app's registration in Entra" in row["text"] and ahead(days) in row["title"]
    assert mailed(sandbox) == [], "a date calls nobody at once"
    gateway.call("notices", "send")
    (mail,) = mailed_wait(sandbox, gateway)
    assert mail["Subject"].startswith("[Sekisho] main: the client secret ends on " + ahead(-1)) and "more)" in mail["Subject"]
    assert mail["X-Sekisho-Notice"].count(" ") >= 1


def test_webhook(both, hook):
    """Refused twice, over a restart, then taken: the same notice under good signatures, and never again."""
    webhook = hook(refuse=("first-basic", [500, 500]))
    gateway, sandbox = both(webhook=webhook)
    assert sign_in(gateway) == 235
    wait_until(lambda: [row for row in listed(gateway) if row["trouble"] == "HTTP 500"], 20, gateway.log)
    gateway.kill()
    gateway.start()
    wait_until(lambda: len(posted(webhook, "first-basic")) == 3, 40, lambda: f"{webhook.requests}\n{gateway.log()[-3000:]}")
    (row,) = wait_until(lambda: [row for row in listed(gateway) if row["postedDateTime"]], 10, gateway.log)
    assert row["postAttempts"] == 3
    for headers, body in posted(webhook, "first-basic"):
        assert headers["Content-Type"] == "application/json" and headers["X-Sekisho-Notice"] == row["id"]
        assert verifies(SECRET, headers, body)
        assert not verifies("another secret", headers, body)
        assert not verifies(SECRET, headers, body + b" ")
        assert not verifies(SECRET, {**headers, "X-Sekisho-Timestamp": str(int(headers["X-Sekisho-Timestamp"]) + 1)}, body)
        assert not verifies(SECRET, headers, body, now=time.time() + 301)
    told = [json.loads(body) for _, body in posted(webhook, "first-basic")]
    assert told[0] == told[1] == told[2]
    assert {name: told[0][name] for name in ("id", "kind", "severity", "tenant", "createdDateTime", "title", "text", "data")} == \
        {name: row[name] for name in ("id", "kind", "severity", "tenant", "createdDateTime", "title", "text", "data")}
    time.sleep(6)
    assert len(posted(webhook, "first-basic")) == 3
    assert SECRET not in gateway.log() and "nobodys-business" not in gateway.log()


def test_retry_after(both, hook):
    webhook = hook(refuse=("first-basic", [(503, {"Retry-After": "12"})]))
    gateway, _ = both(webhook=webhook)
    assert sign_in(gateway) == 235
    wait_until(lambda: len(posted(webhook, "first-basic")) == 2, 40, gateway.log)
    first, second = (int(headers["X-Sekisho-Timestamp"]) for headers, _ in posted(webhook, "first-basic"))
    assert second - first >= 12


def test_seen_to(both):
    """Acknowledged, snoozed, sent again."""
    gateway, sandbox = both()
    assert sign_in(gateway) == 235
    (row,) = notices_wait(gateway, "first-basic")
    time.sleep(3)
    assert mailed(sandbox) == [], "what is for information waits for company"
    sent = gateway.rows("notices", "send")
    assert [(one["way"], one["to"], one["result"]) for one in sent] == [("mail", POSTMASTER, "queued")]
    mailed_wait(sandbox, gateway)
    assert gateway.rows("notices", "send") == [], "nothing is due any more"
    gateway.call("notices", "send", row["id"].lower())
    mailed_wait(sandbox, gateway, 2)
    gateway.call("notices", "snooze", row["id"], "--for", "3s")
    assert listed(gateway) == []
    (snoozed,) = listed(gateway, "--all")
    assert snoozed["state"] == "snoozed" and snoozed["snoozedUntilDateTime"]
    wait_until(lambda: listed(gateway), 6, gateway.log)
    (done,) = gateway.rows("notices", "ack", row["id"])
    assert done["state"] == "acknowledged"
    assert listed(gateway) == [] and len(listed(gateway, "--all")) == 1
    assert any(row["id"] == line["object"] for line in gateway.rows("audit"))
    table = gateway.call("notices", "list", "--all", "--csv", "--lang", "ja").stdout
    assert "重大度" in table.splitlines()[0] and row["id"] in table
    gateway.stop()
    again = listed(gateway, "--all")
    assert [one["id"] for one in again] == [row["id"]], "also with the daemon down"


def test_test(both, hook):
    """What happened by each way; it is no notice of the list."""
    webhook = hook()
    gateway, sandbox = both(webhook=webhook, **{"mail-to": [POSTMASTER, "second@contoso.example"]})
    rows = gateway.rows("notices", "test")
    assert [(row["way"], row["to"], row["result"]) for row in rows if row["way"] == "mail"] == [
        ("mail", POSTMASTER, "queued"), ("mail", "second@contoso.example", "queued")]
    assert [(row["to"], row["result"]) for row in rows if row["way"] == "webhook"] == [(f"127.0.0.1:{webhook.port}", "posted")]
    (mail,) = mailed_wait(sandbox, gateway)
    assert "Test" in mail["Subject"] and len(mail["To"].addresses) == 2
    ((headers, body),) = posted(webhook, "test")
    assert verifies(SECRET, headers, body)
    assert listed(gateway, "--all") == []
    webhook.refuse = {"test": [500]}
    refused = gateway.call("notices", "test", "--json", check=False)
    assert refused.returncode == 1 and '"HTTP 500"' in refused.stdout


def test_upstream_down(both, hook):
    """The token endpoint is down: told within a minute by the way that is open."""
    webhook = hook()
    gateway, sandbox = both("token-endpoint-down", webhook=webhook)
    begin = time.time()
    with submission_open(gateway) as client:
        assert client.auth_login(SENDER, PASSWORD)[0] == 235
        assert client.submit(SENDER, RECIPIENT, message())[0] == 250
    wait_until(lambda: any(one["kind"] == "upstream-paused" for one in webhook.notices()), 60, gateway.log)
    assert time.time() - begin < 60
    (told,) = [one for one in webhook.notices() if one["kind"] == "upstream-paused"]
    assert told["severity"] == "critical" and told["data"]["upstream"] == "main"


def test_refused_reports(both):
    """A report that Exchange refuses becomes a notice; the notice's mail, refused too, becomes one that is not mailed: no circle."""
    gateway, sandbox = both("send-as-denied")
    with submission_open(gateway) as client:
        assert client.auth_login(SENDER, PASSWORD)[0] == 235
        assert client.submit(SENDER, RECIPIENT, message())[0] == 250
    (unsent,) = notices_wait(gateway, "report-unsent", seconds=30)
    assert unsent["subject"] == SENDER and "5.2.252" in unsent["data"]["reply"]
    (mail,) = notices_wait(gateway, "mail-unsent", seconds=30)
    assert mail["subject"] == POSTMASTER and mail["mailedDateTime"] is None
    time.sleep(6)
    assert len(listed(gateway, "--all")) <= 3
    assert gateway.log().count('notices mailed') == 1
    gateway.queue_wait(lambda rows: not rows)


@pytest.mark.parametrize("words, code, says", [
    (("notices", "ack", "nonsense"), 64, '"nonsense" is no notice\'s ID, which has 10 letters and digits'),
    (("notices", "ack", "2222222222"), 64, "there is no notice 2222222222; see: sekisho notices list --all"),
    (("notices", "show", "2222222222"), 64, "there is no notice 2222222222"),
    (("notices", "send", "2222222222"), 65, "there is no notice 2222222222"),
    (("notices", "snooze", "2222222222"), 64, "say for how long, at most 366d: notices snooze ID --for 7d"),
    (("notices", "snooze", "2222222222", "--for", "soon"), 64, "say for how long"),
    (("notices", "ack"), 64, "notices ack needs more"),
    (("notices", "lst"), 64, "notices list"),
])
def test_bad_input(both_once, words, code, says):
    answer = both_once.call(*words, check=False)
    assert (answer.returncode, says in answer.stderr) == (code, True), answer.stderr


@pytest.fixture(scope="module")
def both_once(directory, authority):
    """One gateway for all that is refused; where its mail would go is nobody."""
    towards = types.SimpleNamespace(host="localhost", port=9, authority=types.SimpleNamespace(ca=authority.ca),
                                    issuer=types.SimpleNamespace(token_url="https://localhost:9/", client_id="c", scope="s", secret="s"))
    gateway = Gateway(directory / "notices-refused", authority, towards, notices={"mail": "yes"}).start()
    yield gateway
    gateway.stop()
