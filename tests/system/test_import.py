"""What the real tenant says, imported: each form that Entra ID and the Exchange admin center export, bad rows, kills."""

import json
import os
import pathlib
import shutil
import signal
import subprocess
import zlib

import pytest

from gateway import BINARY
from port import wait_until

SAMPLES = pathlib.Path(__file__).parent / "samples" / "import"
# FILE: the domain of its users. Each has the same five sign-ins: Authenticated SMTP refused, SMTP good, a browser's, IMAP4, an app's.
FORMS = {
    "portal-57.csv": "portal57.example", "portal-55.csv": "portal55.example", "portal-2023.csv": "portal2023.example",
    "portal-month-first.csv": "monthfirst.example", "portal-day-first.csv": "dayfirst.example",
    "portal-open-dates.csv": "open.example", "portal-ja.csv": "japan.example", "portal.json": "portaljson.example",
    "graph-pages.json": "graph.example", "event-hub.jsonl": "eventhub.example", "log-analytics.csv": "analytics.example",
}
TIMES = {"portal-month-first.csv": ["2026-11-20T08:11:41", "2026-11-02T20:12:41"],
         "portal-day-first.csv": ["2026-11-02T20:12:41", "2026-11-20T08:11:41"],
         "portal-open-dates.csv": ["2026-04-12T08:11:41"] * 2}


@pytest.fixture(scope="module")
def tenant(gateway_new):
    return gateway_new()


@pytest.fixture(scope="module")
def imported(tenant):
    """A function: import a sample once, and give what was said of it."""
    said = {}

    def once(name, kind="entra-signins"):
        if name not in said:
            said[name] = tenant.call("import", kind, SAMPLES / name, "--json", check=False)
        return said[name]
    return once


def summary(done):
    return json.loads(done.stdout)


@pytest.mark.parametrize("name,domain", FORMS.items(), ids=FORMS)
def test_a_form(tenant, imported, name, domain):
    done = imported(name)
    assert done.returncode == 0, done.stderr
    left_out = 4 if name == "event-hub.jsonl" else 3
    assert summary(done) == {"rows": 2, "new": 2, "known": 0, "bad": 0, "left-out": left_out}
    rows = sorted(tenant.signins("--user", f"@{domain}"), key=lambda row: row["userPrincipalName"])
    assert [row["userPrincipalName"] for row in rows] == [f"copier@{domain}", f"scanner@{domain}"]
    copier, scanner = rows
    assert copier["status"]["errorCode"] == 50126 and "invalid username or password" in copier["status"]["failureReason"]
    assert scanner["status"]["errorCode"] == 0 and scanner["status"]["failureReason"] == ""
    assert copier["clientAppUsed"] == ("認証済み SMTP" if name == "portal-ja.csv" else "Authenticated SMTP")
    assert scanner["clientAppUsed"] == "SMTP"
    for row, ip in ((copier, "192.0.2.7"), (scanner, "2001:db8::7")):
        assert row["source"] == "entra" and row["authenticationProtocol"] == "basic" and row["ipAddress"] == ip
        assert row["resourceDisplayName"] == "Office 365 Exchange Online"
    assert len(copier["id"]) == 36 and copier["eventId"].endswith(copier["id"])
    if name != "portal-2023.csv":
        assert copier["userAgent"] == "BAV2ROPC"
    times = TIMES.get(name, ["2026-11-20T08:11:41", "2026-11-20T08:12:41"])
    assert [row["createdDateTime"][:19] for row in rows] == times


def test_categories(tenant, imported):
    assert imported("event-hub.jsonl").returncode == 0
    rows = {row["userPrincipalName"].split("@")[0]: row for row in tenant.signins("--user", "@eventhub.example")}
    assert rows["copier"]["isInteractive"] is True and rows["scanner"]["isInteractive"] is False


def test_imported_rows_join_the_others(tenant, imported):
    for name in FORMS:
        assert imported(name).returncode == 0
    rows = tenant.signins("--client-app", "smtp", "--count", "1000")
    assert [row["createdDateTime"] for row in rows] == sorted((row["createdDateTime"] for row in rows), reverse=True)
    assert {row["userPrincipalName"].split("@")[1] for row in rows} >= set(FORMS.values())
    one = rows[0]
    assert tenant.signin(one["eventId"]) == one
    assert tenant.signin(one["id"]) == one, "by the request ID, as the portal shows it"
    assert all(row["status"]["errorCode"] == 50126 for row in tenant.signins("--status", "failure"))


def test_again_changes_nothing(tenant, imported):
    imported("portal-57.csv")
    before = tenant.signins("--user", "@portal57.example")
    again = summary(tenant.call("import", "entra-signins", SAMPLES / "portal-57.csv", SAMPLES / "portal-57.csv", "--json"))
    assert again == {"rows": 4, "new": 0, "known": 4, "bad": 0, "left-out": 6}
    assert tenant.signins("--user", "@portal57.example") == before


def test_what_is_taken_for_granted_is_told(imported):
    assert "month first; if the day comes first, say --dates dmy" in imported("portal-open-dates.csv").stderr
    assert "day first, as others in the file have to be" in imported("portal-day-first.csv").stderr
    assert "month first, as others in the file have to be" in imported("portal-month-first.csv").stderr
    assert "taken for UTC" in imported("portal-open-dates.csv").stderr
    assert "UTC" not in imported("portal-57.csv").stderr
    assert "1 sign-ins with a token at Exchange Online were left out" in imported("portal-57.csv").stderr
    assert "2 sign-ins with a token at Exchange Online were left out" in imported("application.csv").stderr


def test_dates_as_somebody_says(gateway_new):
    gateway = gateway_new()
    done = gateway.call("import", "entra-signins", SAMPLES / "portal-open-dates.csv", "--dates", "dmy")
    assert "first" not in done.stderr
    assert gateway.signins()[0]["createdDateTime"].startswith("2026-12-04T")
    assert gateway.call("import", "entra-signins", SAMPLES / "portal-57.csv", "--dates", "ymd", check=False).returncode == 64


def test_all(gateway_new):
    gateway = gateway_new()
    done = gateway.call("import", "entra-signins", SAMPLES / "portal-57.csv", SAMPLES / "application.csv", "--all", "--json")
    assert summary(done)["rows"] == 8 and summary(done)["left-out"] == 0
    rows = {row["userPrincipalName"].split("@")[0]: row for row in gateway.signins("--user", "@portal57.example")}
    assert rows["admin"]["clientAppUsed"] == "Browser" and rows["admin"]["authenticationProtocol"] == "oauth"
    assert rows["reader"]["clientAppUsed"] == "IMAP4" and rows["reader"]["authenticationProtocol"] == "none"
    assert {row["userPrincipalName"] for row in gateway.signins("--client-app", "smtp")} == \
        {"copier@portal57.example", "scanner@portal57.example"}, "IMAP4 is no SMTP"
    principals = [row for row in gateway.signins() if row.get("servicePrincipalName") == "Invoice Mailer"]
    assert sorted(row["status"]["errorCode"] for row in principals) == [0, 0, 7000222]
    assert not any(row["isInteractive"] for row in principals)


@pytest.mark.parametrize("name,domain,lines", [
    ("bad-rows.csv", "bad.example", {3: "closing quote", 4: '"300.1.2.3" is no IP address', 5: '"yesterday" is no time',
                                     6: "3 cells where the header has 57"}),
    ("bad-rows.jsonl", "badjson.example", {2: "cut off", 3: "no JSON", 5: '"zero" is no error code', 6: "in the middle of a record"}),
])
def test_bad_rows_are_told_and_the_others_go_in(tenant, imported, name, domain, lines):
    done = imported(name)
    assert done.returncode == 1
    assert summary(done)["bad"] == len(lines) and summary(done)["new"] == 2
    for line, why in lines.items():
        assert [told for told in done.stderr.splitlines() if f"{name}:{line}: " in told and why in told], (line, done.stderr)
    assert len(tenant.signins("--user", f"@{domain}")) == 2


def test_an_eac_report(tenant, imported):
    done = imported("eac-report.csv", "eac-report")
    assert done.returncode == 0 and summary(done) == {"rows": 3, "new": 3, "known": 0, "bad": 0, "left-out": 1}
    rows = tenant.signins("--user", "@eac.example")
    assert sorted((row["userPrincipalName"], row["authenticationProtocol"], row["tlsVersion"], row["messages"]) for row in rows) == [
        ("app@eac.example", "oauth", "1.3", 17), ("copier@eac.example", "basic", "1.2", 744),
        ("copier@eac.example", "basic", "1.3", 496)]
    assert {row["source"] for row in rows} == {"eac"}
    old = imported("eac-report-old.csv", "eac-report")
    assert old.returncode == 1 and "no column for the authentication protocol" in old.stderr
    assert 'eac-report-old.csv:3: "nobody" is no sender address' in old.stderr
    assert [(row["authenticationProtocol"], row["messages"]) for row in tenant.signins("--user", "@eacold.example")
            if row["tlsVersion"] == "1.2"] == [("none", 9)]
    assert imported("eac-report-ja.csv", "eac-report").returncode == 0
    assert [row["messages"] for row in tenant.signins("--user", "@eacja.example")] == [33]


def test_the_same_report_again_under_another_name(tenant, imported, tmp_path):
    imported("eac-report.csv", "eac-report")
    copy = tmp_path / "copy.csv"
    shutil.copy(SAMPLES / "eac-report.csv", copy)
    os.utime(copy, (1, 1))
    assert summary(tenant.call("import", "eac-report", copy, "--json"))["new"] == 0


def test_a_reports_time(gateway_new):
    gateway = gateway_new()
    gateway.call("import", "eac-report", SAMPLES / "eac-report.csv", "--as-of", "2026-11-01")
    assert {row["createdDateTime"] for row in gateway.signins()} == {"2026-11-01T00:00:00.000000Z"}


def write(path, content):
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("name,content,kind,code,says", [
    ("empty.csv", b"", "entra-signins", 65, "is empty"),
    ("blank.csv", b"\r\n \r\n", "entra-signins", 65, "is empty"),
    ("other.csv", b"a,b\r\n1,2\r\n", "entra-signins", 65, "no header of such an export"),
    ("lacking.csv", b"Request ID,Username,Status\r\n", "entra-signins", 65, "no column for the time"),
    ("utf16.csv", "Date,Username".encode("utf-16"), "entra-signins", 65, "UTF-16"),
    ("a.csv.gz", b"\x1f\x8b\x08\x00", "entra-signins", 65, "compressed"),
    ("a.xlsx", b"PK\x03\x04abc", "entra-signins", 65, "Excel"),
    ("other.csv", b"a,b\r\n1,2\r\n", "eac-report", 65, "no header of such an export"),
    ("lacking.csv", b"Sender address,Domain\r\n", "eac-report", 65, "no column for the messages sent"),
])
def test_what_is_no_export(tenant, tmp_path, name, content, kind, code, says):
    good = SAMPLES / ("portal-57.csv" if kind == "entra-signins" else "eac-report.csv")
    done = tenant.call("import", kind, good, write(tmp_path / name, content), "--json", check=False)
    assert done.returncode == code and says in done.stderr and name in done.stderr
    assert done.stdout == "", "one bad file: nothing is imported"


def test_the_other_kind_is_named(tenant):
    done = tenant.call("import", "entra-signins", SAMPLES / "eac-report.csv", check=False)
    assert done.returncode == 65 and "sekisho import eac-report" in done.stderr
    done = tenant.call("import", "eac-report", SAMPLES / "portal-57.csv", check=False)
    assert done.returncode == 65 and "sekisho import entra-signins" in done.stderr
    assert tenant.call("import", "entra-signins", "nowhere.csv", check=False).returncode == 66
    assert tenant.call("import", "entra-signins", SAMPLES, check=False).returncode != 0
    assert tenant.call("import", "entra-signins", check=False).returncode == 64


def test_who_imported_what_is_in_the_audit(tenant, imported):
    imported("portal-57.csv")
    assert [row for row in tenant.rows("audit") if "entra-signins from portal-57.csv" in json.dumps(row)]


# --- large ones ---

def lines_of(domain, count):
    """Diagnostic records of one user, a second each."""
    for number in range(count):
        yield json.dumps({"time": "2026-11-20T08:00:00Z", "resultType": "0", "category": "SignInLogs", "properties": {
            "id": f"{number:08x}-0000-4000-8000-{zlib.crc32(domain.encode()):012x}", "userPrincipalName": f"copier@{domain}", "clientAppUsed": "SMTP",
            "createdDateTime": f"2026-11-{1 + number // 86400:02d}T{number // 3600 % 24:02d}:{number // 60 % 60:02d}:{number % 60:02d}Z",
            "ipAddress": "192.0.2.7", "status": {"errorCode": 0}}}) + "\n"


def rows_of(gateway, domain):
    return len(gateway.signins("--user", f"copier@{domain}", "--count", "100000"))


def import_folder(gateway):
    return gateway.directory / "state" / "import"


def test_standard_input(tenant):
    text = "".join(lines_of("stdin.example", 2500))
    done = tenant.call("import", "entra-signins", "-", "--json", input=text)
    assert summary(done)["new"] == 2500 and rows_of(tenant, "stdin.example") == 2500


def test_a_record_without_end_is_left_and_told(tenant, tmp_path):
    lines = list(lines_of("long.example", 2))
    content = (lines[0] + '{"a":"' + "x" * 3_000_000 + '"}\n' + lines[1]).encode()
    done = tenant.call("import", "entra-signins", write(tmp_path / "long.jsonl", content), "--json", check=False)
    assert done.returncode == 1 and "long.jsonl:2: it is longer than" in done.stderr
    assert summary(done)["new"] == 2


def test_a_killed_import_leaves_nothing(gateway_new):
    gateway = gateway_new()
    client = subprocess.Popen([BINARY, "import", "entra-signins", "-", "-c", gateway.file], stdin=subprocess.PIPE)
    try:
        client.stdin.write("".join(lines_of("killed.example", 5000)).encode())
        client.stdin.flush()
        wait_until(lambda: any(file.stat().st_size > 100_000 for file in import_folder(gateway).glob("*.part")), 10, "rows on their way")
    finally:
        client.send_signal(signal.SIGKILL)
        client.wait(5)
        client.stdin.close()
    wait_until(lambda: not list(import_folder(gateway).iterdir()), 5, "the staging to go")
    assert rows_of(gateway, "killed.example") == 0
    assert gateway.rows("audit") == []


def restart_after_kill(gateway):
    gateway.kill()
    gateway.start()


def test_a_daemon_killed_while_rows_come_imports_nothing(gateway_new):
    gateway = gateway_new()
    client = subprocess.Popen([BINARY, "import", "entra-signins", "-", "-c", gateway.file], stdin=subprocess.PIPE,
                              stderr=subprocess.PIPE)
    try:
        client.stdin.write("".join(lines_of("half.example", 5000)).encode())
        client.stdin.flush()
        wait_until(lambda: any(file.stat().st_size > 100_000 for file in import_folder(gateway).glob("*.part")), 10, "rows on their way")
        restart_after_kill(gateway)
        try:
            client.stdin.write("".join(lines_of("half.example", 5000)).encode())
            client.stdin.close()
        except BrokenPipeError:
            pass  # it has noticed already
        said = client.stderr.read()
        client.wait(20)
    finally:
        if client.poll() is None:
            client.kill()
            client.wait(5)
    assert client.returncode == 69 and said
    assert rows_of(gateway, "half.example") == 0 and not list(import_folder(gateway).iterdir())
    again = gateway.call("import", "entra-signins", "-", "--json", input="".join(lines_of("half.example", 5000)))
    assert summary(again)["new"] == 5000


def test_a_daemon_killed_while_rows_move_carries_on(gateway_new, tmp_path):
    gateway = gateway_new()
    count = 40000
    big = tmp_path / "big.jsonl"
    big.write_text("".join(lines_of("big.example", count)))
    client = subprocess.Popen([BINARY, "import", "entra-signins", big, "-c", gateway.file], stderr=subprocess.PIPE)
    try:
        wait_until(lambda: list(import_folder(gateway).glob("*.rows")), 20, "the rows to be complete")
        restart_after_kill(gateway)
        client.communicate(timeout=20)
    finally:
        if client.poll() is None:
            client.kill()
            client.wait(5)
    wait_until(lambda: not list(import_folder(gateway).iterdir()), 60, "the import to be carried on")
    assert rows_of(gateway, "big.example") == count
    assert summary(gateway.call("import", "entra-signins", big, "--json", seconds=60))["new"] == 0
    assert rows_of(gateway, "big.example") == count
