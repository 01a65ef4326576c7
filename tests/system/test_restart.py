"""Stopping, reloading, dying; an upstream that goes and comes back; mail that cannot be delivered."""

import email
import email.policy
import os
import pwd
import re
import shutil
import signal
import smtplib
import socket
import time

import pytest

from conftest import PASSWORD
from gateway import BINARY, Gateway, trace_fields
from message import SENDER, message, recipient_new, scan, stored
from port import port_open, wait_until
from process import Process
from submission import stuffed, submission_open


@pytest.fixture
def own(gateway_new):
    """A gateway for one test, since the test stops it."""
    gateway = gateway_new()
    gateway.tenant_add("contoso.example")
    gateway.user_add(SENDER, PASSWORD)
    yield gateway
    gateway.stop()


@pytest.fixture
def upstream_down(upstream):
    """The upstream's Postfix stopped for the test, and started again after it if the test did not."""
    upstream.postfix.stop()
    yield upstream
    if not port_open(upstream.port):
        upstream.postfix.start(upstream.port)


def send(gateway, to=None, data=None, options=()):
    to = to or recipient_new()
    data = data or message(to=to if isinstance(to, str) else to[0])
    with submission_open(gateway) as client:
        assert client.auth_plain(SENDER, PASSWORD)[0] == 235
        code, text = client.submit(SENDER, to, data, options)
        assert code == 250, text
    return to, data


def rows_of(gateway, to):
    return [row for row in gateway.rows("queue", "list") if to in row["to"]]


def test_mail_waits_for_the_upstream_and_then_leaves_once(own, upstream_down):
    mails = [send(own) for _ in range(5)] + [send(own, data=scan(2_000_000))]
    tried = own.queue_wait(lambda rows: [row for row in rows if row["lastReply"]])
    # Paused: after several refusals in a row nobody knocks at that upstream for a while.
    assert tried[-1]["state"] in ("deferred", "paused") and "localhost" in tried[-1]["lastReply"]
    assert tried[-1]["nextAttemptDateTime"] > tried[-1]["receivedDateTime"]
    for to, data in mails:
        (row,) = rows_of(own, to)
        assert (row["from"], row["to"]) == (SENDER, [to])
        assert row["sizeBytes"] >= len(data)
    upstream_down.postfix.start(upstream_down.port)
    for to, data in mails:
        trace_fields(upstream_down.wait_mail(to, seconds=60).text, stored(data))
    own.queue_wait(lambda rows: not rows)
    assert [len(upstream_down.delivered(to)) for to, _ in mails] == [1] * len(mails)


def test_logs_without_the_daemon(own):
    """The newest rows, as many as asked for, whether they had reached the ledger or not."""
    for _ in range(3):
        send(own)
    own.queue_wait(lambda rows: not rows)
    shown = {verb: own.rows(verb) for verb in ("signins", "trace")}
    own.kill()
    for verb, rows in shown.items():
        assert len(rows) == 3
        assert own.rows(verb, "--count", "2") == rows[:2]
    (own.directory / "state" / "spool.db").unlink()  # as in a backup of the ledger alone
    assert own.call("signins").returncode == 0


def test_flush_sends_at_once(own, upstream_down):
    """Whatever wait or pause was on: the administrator knows that the upstream is back."""
    own.call("queue", "flush")  # of an empty queue: nothing to do is no error
    mails = [send(own) for _ in range(3)]
    own.queue_wait(lambda rows: [row for row in rows if row["lastReply"]])
    upstream_down.postfix.start(upstream_down.port)
    own.call("queue", "flush")
    for to, data in mails:
        trace_fields(upstream_down.wait_mail(to, seconds=5).text, stored(data))


@pytest.mark.parametrize("how", ["stop", "kill"])
def test_queued_mail_outlives_the_gateway(own, upstream_down, how):
    mails = [send(own) for _ in range(10)] + [send(own, data=scan(2_000_000))]
    getattr(own, how)()
    wait_until(lambda: not port_open(own.port["starttls"]), 3, "all processes of the gateway gone")
    own.start()
    assert {to for row in own.rows("queue", "list") for to in row["to"]} == {to for to, _ in mails}
    upstream_down.postfix.start(upstream_down.port)
    for to, data in mails:
        trace_fields(upstream_down.wait_mail(to, seconds=60).text, stored(data))
    own.queue_wait(lambda rows: not rows)
    assert [len(upstream_down.delivered(to)) for to, _ in mails] == [1] * len(mails)


def test_sigterm_lets_an_open_transaction_end(own, upstream):
    """Whatever the device is told holds: 250 means that the mail arrives after the next start."""
    to = recipient_new()
    data = message(to=to)
    client = submission_open(own)
    assert client.auth_plain(SENDER, PASSWORD)[0] == 235
    assert client.mail(SENDER)[0] == 250 and client.rcpt(to)[0] == 250
    assert client.docmd("DATA")[0] == 354
    client.send(stuffed(data)[:50])
    own.process.signal(signal.SIGTERM)
    time.sleep(0.5)
    try:
        client.send(stuffed(data)[50:] + b".\r\n")
        code = client.getreply()[0]
    except (OSError, smtplib.SMTPServerDisconnected):
        code = 421
    client.close()
    assert own.process.child.wait(15) == 0
    assert code in (250, 421, 451)
    own.start()
    if code == 250:
        trace_fields(upstream.wait_mail(to).text, stored(data))
    else:
        assert not rows_of(own, to) and not upstream.delivered(to)


def test_sigterm_with_idle_sessions_ends_in_time(own):
    clients = [submission_open(own) for _ in range(20)]
    own.process.signal(signal.SIGTERM)
    assert own.process.child.wait(10) == 0
    for client in clients:
        client.close()


def test_sigterm_takes_no_new_session(own):
    """While an open transaction ends, newcomers are refused at once: they are not left waiting."""
    client = submission_open(own)
    assert client.auth_plain(SENDER, PASSWORD)[0] == 235
    assert client.mail(SENDER)[0] == 250
    own.process.signal(signal.SIGTERM)
    wait_until(lambda: not port_open(own.port["starttls"]), 3, "the listeners shut")
    client.close()
    assert own.process.child.wait(10) == 0


def greeting(gateway):
    with socket.create_connection(("127.0.0.1", gateway.port["starttls"]), 5) as sock:
        return sock.makefile("rb").readline().decode()


def test_sighup_takes_a_good_file(own, upstream):
    session = submission_open(own)
    assert session.auth_plain(SENDER, PASSWORD)[0] == 235
    own.settings["daemon"]["hostname"] = "renamed.example"
    own.write()
    own.hang_up()
    wait_until(lambda: "renamed.example" in greeting(own), 10, lambda: "the new name\n" + own.log())
    to = recipient_new()
    assert session.submit(SENDER, to, message(to=to))[0] == 250  # a session lives on
    session.close()
    upstream.wait_mail(to)
    assert own.stdout.read_text() == "ready\n"


def test_sighup_time_and_again(own, monkeypatch):
    """Each reload lets the settings before it go, and the next one leans on nothing of them: what is freed is overwritten at once."""
    own.stop()
    monkeypatch.setenv("MALLOC_PERTURB_", "165")  # of glibc
    own.start()
    for name in ("first.example", "second.example", "third.example"):
        own.settings["daemon"]["hostname"] = name
        own.write()
        own.hang_up()
        wait_until(lambda: name in greeting(own), 10, lambda: f"{name}\n{own.log()[-2000:]}")
    assert own.log().count(f"event=reload file={own.file}") == 3


def test_sighup_while_the_last_one_is_under_way(own):
    """Its file may have been written after the last one read it: it comes to its turn."""
    for number, name in enumerate(("first.example", "second.example"), 1):
        own.settings["daemon"]["hostname"] = name
        own.write()
        own.hang_up()
        if number == 1:  # read, while the new gates are only starting
            wait_until(lambda: "event=reload " in own.log(), 10, own.log, every=0.001)
    wait_until(lambda: "second.example" in greeting(own), 10, lambda: greeting(own) + own.log()[-2000:])


@pytest.mark.parametrize("break_it,word", [
    (lambda text: text.replace("hostname", "hostnam"), "hostname"),
    (lambda text: text + "listeners: {}\n", "listeners"),
    (lambda text: text.replace('"starttls"', '"startls"', 1), "starttls"),
    (lambda text: text.replace("rsa.key", "missing.key"), "missing.key"),
], ids=["key", "doubled", "value", "file"])
def test_sighup_keeps_the_old_settings_when_the_file_is_bad(own, upstream, break_it, word):
    before = greeting(own)
    good = own.file.read_text()
    own.file.write_text(break_it(good))
    assert own.file.read_text() != good
    at = len(own.log())
    own.hang_up()
    wait_until(lambda: word in own.log()[at:], 10, lambda: f"{word} in the log:\n{own.log()[at:]}")
    checked = own.call("config", "check", check=False)
    assert checked.returncode == 78 and word in checked.stderr + checked.stdout
    assert own.call("reload", check=False).returncode != 0
    assert greeting(own) == before
    upstream.wait_mail(send(own)[0])


@pytest.mark.parametrize("break_it,code,word", [
    (lambda text: text.replace("hostname", "hostnam"), 78, "gw.yaml:"),
    (lambda text: text.replace("rsa.pem", "missing.pem"), 78, "missing.pem"),
], ids=["key", "file"])
def test_a_bad_file_starts_nothing(own, break_it, code, word):
    own.stop()
    own.file.write_text(break_it(own.file.read_text()))
    process = Process("serve", [BINARY, "serve", "-c", own.file], own.directory / "bad-log").start()
    assert process.child.wait(10) == code, process.log()
    assert word in process.log()
    assert not port_open(own.port["starttls"])


def test_a_busy_port_and_a_busy_state_folder(own, upstream):
    """The second daemon says why, and exits 75; the first goes on."""
    second = own.directory / "second.yaml"
    second.write_text(own.file.read_text())
    process = Process("serve", [BINARY, "serve", "-c", second], own.directory / "second-log").start()
    assert process.child.wait(15) == 75, process.log()
    other = second.read_text().replace('state: "state"', 'state: "state2"').replace("control.sock", "second.sock")
    second.write_text(other)
    process = Process("serve", [BINARY, "serve", "-c", second], own.directory / "second-log").start()
    assert process.child.wait(15) == 75, process.log()
    assert str(own.port["starttls"]) in process.log()
    upstream.wait_mail(send(own)[0])


def test_the_verbs_without_a_daemon(own, upstream):
    to, _ = send(own)
    upstream.wait_mail(to)
    own.queue_wait(lambda rows: not rows)
    own.call("health")
    own.stop()
    assert own.call("health", check=False).returncode == 69
    assert own.call("tenant", "set", "contoso.example", "smtp-auth", "off", check=False).returncode == 69
    assert [row["userPrincipalName"] for row in own.signins("--user", SENDER)] == [SENDER]
    assert own.rows("queue", "list") == []
    assert own.record("user", "show", SENDER)["user"] == SENDER


def dsn_for(upstream, to, seconds=30):
    """The report about `to` that came back to the sender: the mail, and its parsed form."""
    def found():
        for mail in upstream.delivered(SENDER):
            if to.encode() in mail.text:
                return mail
        return None
    mail = wait_until(found, seconds, lambda: f"a report about {to}\n{upstream.postfix.log()[-2000:]}")
    return mail, email.message_from_bytes(mail.text, policy=email.policy.default)


def test_a_refused_recipient_comes_back_as_a_report(own, upstream):
    """RFC 3464, with the upstream's own words; the other recipient has the mail."""
    bad, good = recipient_new("refused"), recipient_new()
    data = message("Will not arrive", to=bad)
    send(own, [good, bad], data)
    trace_fields(upstream.wait_mail(good).text, stored(data))
    mail, report = dsn_for(upstream, bad)
    assert report.get_content_type() == "multipart/report"
    assert report.get_param("report-type") == "delivery-status"
    assert report["Auto-Submitted"].startswith("auto-")
    text, status, original = report.iter_parts()
    assert bad in text.get_content() and "No such mailbox here" in text.get_content()
    assert status.get_content_type() == "message/delivery-status"
    whole, one = status.get_payload()
    assert whole["Reporting-MTA"].endswith("gate.example")
    assert one["Final-Recipient"].replace(" ", "").lower() == f"rfc822;{bad}"
    assert (one["Action"], one["Status"]) == ("failed", "5.1.1")
    assert "550 5.1.1" in one["Diagnostic-Code"] and "No such mailbox here" in one["Diagnostic-Code"]
    assert "Will not arrive" in original.as_string()
    assert mail.sender in ("", "postmaster@contoso.example")
    own.queue_wait(lambda rows: not rows)
    (row,) = [row for row in own.rows("trace", "--from", SENDER)
              if bad in [fate["address"] for fate in row["recipients"]]]
    assert {fate["address"]: fate["state"] for fate in row["recipients"]} == {good: "sent", bad: "failed"}
    assert len(upstream.delivered(good)) == 1


def test_notify_never_and_envid(own, upstream):
    quiet, loud = recipient_new("refused"), recipient_new("refused")
    for to, notify in ((quiet, "NEVER"), (loud, "FAILURE")):
        with submission_open(own) as client:
            assert client.auth_plain(SENDER, PASSWORD)[0] == 235
            assert client.mail(SENDER, ["RET=HDRS", "ENVID=scan+2B42"])[0] == 250
            assert client.rcpt(to, [f"NOTIFY={notify}", f"ORCPT=rfc822;{to}"])[0] == 250
            assert client.docmd("DATA")[0] == 354
            client.send(stuffed(message(to=to, body=b"the text that RET=HDRS leaves out\r\n")) + b".\r\n")
            assert client.getreply()[0] == 250
    mail, report = dsn_for(upstream, loud)
    _, status, _ = report.iter_parts()
    whole, one = status.get_payload()
    assert whole["Original-Envelope-Id"] == "scan+42"
    assert one["Original-Recipient"].replace(" ", "") == f"rfc822;{loud}"
    assert b"the text that RET=HDRS leaves out" not in mail.text
    own.queue_wait(lambda rows: not rows)
    assert not [mail for mail in upstream.delivered(SENDER) if quiet.encode() in mail.text]


def test_a_deferring_recipient_and_the_queue_verbs(own, upstream):
    to, data = send(own, recipient_new("later"))
    (row,) = own.queue_wait(lambda rows: [row for row in rows if to in row["to"] and row["attempts"] >= 2])
    assert "451" in row["lastReply"] and "come again" in row["lastReply"]
    shown = own.record("queue", "show", row["id"])
    assert shown["id"] == row["id"]
    assert data in own.call("queue", "cat", row["id"]).stdout.encode().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
    own.call("queue", "hold", row["id"])
    assert rows_of(own, to)[0]["state"] == "held"
    own.call("queue", "release", row["id"])
    assert rows_of(own, to)[0]["state"] in ("ready", "deferred")
    own.call("queue", "drop", row["id"], "--yes")
    assert rows_of(own, to) == []


def test_as_an_ordinary_user(directory, authority, upstream):
    """High ports, a folder of one's own, no root: as the five commands of the manual."""
    nobody = pwd.getpwnam("nobody")
    place = directory / "ordinary"
    gateway = Gateway(place, authority, upstream)
    for kind in ("rsa", "p256"):  # keys that this user can read
        for path in (authority.certificate(kind), authority.key(kind)):
            shutil.copy(path, place / path.name)
    text = gateway.file.read_text().replace(str(authority.certificate().parent) + "/", str(place) + "/")
    gateway.file.write_text(text.replace(str(place / "ca.pem"), str(authority.ca)))
    for path in (place, *place.iterdir()):
        os.chown(path, nobody.pw_uid, nobody.pw_gid)
    user = ["setpriv", f"--reuid={nobody.pw_uid}", f"--regid={nobody.pw_gid}", "--clear-groups"]
    process = Process("serve", [*user, BINARY, "serve", "-c", gateway.file], place / "log").start()
    try:
        process.wait_ready(lambda: "ready\n" in process.log())
        gateway.tenant_add("contoso.example")
        gateway.user_add(SENDER, PASSWORD)
        to, data = send(gateway)
        trace_fields(upstream.wait_mail(to).text, stored(data))
        status = open(f"/proc/{process.pid}/status").read()
        assert re.search(r"^Uid:\s+(\d+)", status, re.M)[1] == str(nobody.pw_uid)
    finally:
        assert process.stop() == 0
