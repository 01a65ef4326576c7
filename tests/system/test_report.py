"""The SMTP AUTH clients report in all its forms, and the retirement: shown, planned, tried, carried out."""

import csv
import datetime
import html.parser
import io
import json
import re
import shutil
import subprocess
import unicodedata
import uuid

import pytest

from conftest import PASSWORD
from gateway import BINARY
from message import SENDER, message, recipient_new
from port import wait_until
from submission import submission_open

SCANNER = "scan@contoso.example"
HOSTILE = "\"><script>alert('1')</script>&\u202e@evil.example"
EAC_COLUMNS = ["Sender address", "Domain", "Authentication Protocol", "TLS 1.0 (percentage)", "TLS 1.1 (percentage)",
               "TLS 1.2 (percentage)", "TLS 1.3 (percentage)", "Messages sent", "Devices", "Last seen", "After retirement"]
TODAY = datetime.datetime.now(datetime.timezone.utc).date()


def days_from_now(days):
    return (TODAY + datetime.timedelta(days=days)).isoformat()


def send(gateway, account, count, source, to=None, listener="starttls"):
    """Mail from one device: a sign-in for each, as copiers do."""
    for _ in range(count):
        with submission_open(gateway, listener, source=source) as client:
            assert client.auth_plain(account, PASSWORD)[0] == 235
            recipient = to or recipient_new()
            code, text = client.submit(account, recipient, message(to=recipient, sender=account))
            assert code == 250, text


def import_row(gateway, user):
    """A sign-in that the real tenant says there was."""
    file = gateway.directory / "signins.json"
    file.write_text(json.dumps({
        "id": str(uuid.uuid4()), "createdDateTime": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "userPrincipalName": user, "ipAddress": "203.0.113.9", "clientAppUsed": "Authenticated SMTP",
        "status": {"errorCode": 0}}) + "\n")
    gateway.call("import", "entra-signins", file)


@pytest.fixture(scope="module")
def used(gateway):
    """A gateway that a copier sent 3 + 1 mails through from two places, a scanner 2 in clear, of which one was refused a sign-in, and
    with a hostile imported row."""
    gateway.user_add(SCANNER, PASSWORD)
    send(gateway, SENDER, 3, "127.0.0.11")
    send(gateway, SENDER, 1, "127.0.0.12")
    send(gateway, SCANNER, 2, "127.0.0.13", listener="none")
    with submission_open(gateway, source="127.0.0.14") as client:
        assert client.auth_plain(SCANNER, "wrong")[0] == 535
    import_row(gateway, HOSTILE)
    wait_until(lambda: sum(row["messagesSent"] for row in report(gateway)) == 6, 20, lambda: report(gateway))
    return gateway


def report(gateway, *words):
    return gateway.rows("report", "smtp-auth", *words)


def test_by_sender(used):
    rows = {row["senderAddress"]: row for row in report(used)}
    assert set(rows) == {SENDER, SCANNER, HOSTILE.lower()}
    copier, scanner, stranger = rows[SENDER], rows[SCANNER], rows[HOSTILE.lower()]
    assert (copier["messagesSent"], copier["signIns"], copier["devices"]) == (4, 4, 2)
    assert (copier["domain"], copier["authenticationProtocol"]) == ("contoso.example", "basic")
    assert [copier[name] for name in ("tls10", "tls11", "tls12", "tls13")] == [0, 0, 0, 100]
    assert (scanner["messagesSent"], scanner["signIns"], scanner["devices"]) == (2, 2, 1), "a refused sign-in is no client's"
    assert [scanner[name] for name in ("tls10", "tls11", "tls12", "tls13")] == [0, 0, 0, 0]
    assert stranger["tls12"] is None and stranger["messagesSent"] == 0
    assert copier["afterRetirement"] == "relayed", "the upstream is signed in to by OAuth"
    assert stranger["afterRetirement"] == "refused", "seen at Exchange Online itself"
    assert list(rows)[0] == SENDER, "most messages first"
    assert copier["lastSeen"] == max(row["createdDateTime"] for row in used.signins("--user", SENDER)) or \
        copier["lastSeen"] > used.signins("--user", SENDER)[0]["createdDateTime"]


def test_each_order(used):
    devices = {(row["ipAddress"], row["ehlo"]): row for row in report(used, "--by", "device")}
    assert {key[0]: row["messagesSent"] for key, row in devices.items()} == {
        "127.0.0.11": 3, "127.0.0.12": 1, "127.0.0.13": 2, "203.0.113.9": 0}
    assert ("127.0.0.11", "client.example") in devices
    domains = {row["domain"]: row for row in report(used, "--by", "domain")}
    assert (domains["contoso.example"]["senders"], domains["contoso.example"]["devices"]) == (2, 3)
    versions = {row["tlsVersion"]: row["signIns"] for row in report(used, "--by", "tls")}
    assert versions == {"1.3": 4, "none": 2, "unknown": 1}
    days = report(used, "--by", "day")
    assert {row["day"] for row in days} <= {days_from_now(-1), days_from_now(0)}
    assert sum(row["messagesSent"] for row in days if row["domain"] == "contoso.example") == 6


def test_csv(used):
    raw = subprocess.run([BINARY, "report", "smtp-auth", "--csv", "-c", used.file], capture_output=True, check=True, timeout=20).stdout
    assert raw.startswith(b"\xef\xbb\xbf") and raw.endswith(b"\r\n")
    rows = list(csv.reader(io.StringIO(raw.decode("utf-8-sig"), newline="")))
    assert rows[0] == EAC_COLUMNS
    assert rows[1][:3] == [SENDER, "contoso.example", "basic"] and rows[1][6:9] == ["100.0", "4", "2"]


def width(text):
    return sum(0 if unicodedata.combining(char) else 2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text)


def test_the_table_is_aligned_in_japanese(used):
    head, *lines = used.call("report", "smtp-auth", "--by", "domain", "--lang", "ja", "--tz", "Asia/Tokyo").stdout.splitlines()
    protocol = width(head[:head.index("認証プロトコル")])
    last = {width(line[:line.rindex(" ") + 1]) for line in lines}
    assert {width(line[:re.search("basic|oauth|none", line).start()]) for line in lines} == {protocol}, [head, *lines]
    assert len(lines) == 2 and len(last) == 1 and head[:1] != " ", [head, *lines]
    assert width(re.sub(r"(After )?\S+$", "", head)) in last, "the last heading stands above its cells"


class Page(html.parser.HTMLParser):
    """Every element with its attributes, in order; elements that must be closed, are."""
    EMPTY = {"meta"}

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.elements, self.open, self.texts = [], [], []
        self.feed(text)
        self.close()
        assert self.open == [], self.open

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        assert len(dict(attrs)) == len(attrs), "an attribute twice"
        if tag not in self.EMPTY:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open and self.open.pop() == tag, (tag, self.open)

    def handle_data(self, data):
        self.texts.append((self.open[-1] if self.open else "", data))

    def all(self, tag):
        return [attrs for name, attrs in self.elements if name == tag]


@pytest.mark.parametrize("language", ["en", "ja"])
def test_html(used, language, tmp_path):
    file = tmp_path / "report.html"
    used.call("report", "smtp-auth", "--html", file, "--lang", language)
    text = file.read_text("utf-8")
    page = Page(text)
    allowed = {"html", "head", "meta", "title", "style", "body", "h1", "h2", "p", "strong", "span", "svg", "rect", "line", "text", "figure",
               "bdi", "table", "thead", "tbody", "tr", "th", "td"}
    assert {name for name, _ in page.elements} <= allowed, "no script, link, image or frame"
    names = {key for _, attrs in page.elements for key in attrs}
    assert not [key for key in names if key.startswith("on") or key in ("href", "src", "style", "xlink:href")], names
    assert "url(" not in text and "@import" not in text and "http:" not in text and "https:" not in text
    assert page.all("html")[0]["lang"] == language
    (policy,) = [attrs["content"] for attrs in page.all("meta") if attrs.get("http-equiv") == "Content-Security-Policy"]
    assert re.fullmatch(r"default-src 'none'; style-src 'sha256-[A-Za-z0-9+/]{43}='", policy)
    assert "@page{size:A4" in text and "@media print" in text
    cells = [data for tag, data in page.texts if tag == "bdi"]
    assert SENDER in cells and HOSTILE.lower() in cells, "told as it is, and as text only"
    bars = [attrs for attrs in page.all("rect") if "x" in attrs]
    assert {attrs["class"] for attrs in bars} == {"basic"}
    assert len(page.all("svg")) == 3 + 2, "a key of three, a chart for each of two domains"
    titles = [data for tag, data in page.texts if tag == "title"]
    assert [title for title in titles if title.endswith(": 6")], titles


def test_the_page_in_a_browser(used, tmp_path):
    browser = shutil.which("chromium") or shutil.which("chromium-browser")
    if not browser:
        pytest.skip("chromium is not there")
    used.call("report", "smtp-auth", "--html", tmp_path / "report.html", "--lang", "ja")
    done = subprocess.run([browser, "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path}/profile", "--enable-logging=stderr",
                           f"--screenshot={tmp_path}/report.png", f"file://{tmp_path}/report.html"], capture_output=True, text=True, timeout=60)
    assert (tmp_path / "report.png").stat().st_size > 10000, done.stderr[-2000:]
    assert "Content Security Policy" not in done.stderr, done.stderr[-2000:]


@pytest.mark.parametrize("words,sentence", [
    (["--days", "6"], "write --days 7"), (["--days", "91"], "write --days 90"), (["--by", "sendr"], "did you mean --by sender?"),
    (["--by", "colour"], "sender, domain, device, tls or day")])
def test_bad_questions(used, words, sentence):
    for more in ([], ["--html", "-"]):
        done = used.call("report", "smtp-auth", *words, *more, check=False)
        assert (done.returncode, done.stdout) == (64, "") and sentence in done.stderr


# The retirement.


def test_the_plan_and_its_history(gateway):
    phases = gateway.rows("retirement", "show")
    assert [row["phase"] for row in phases] == ["unchanged", "default-off", "new-tenants", "announcement"]
    assert phases[1]["when"] == "end of December 2026" and phases[1]["asOf"] == "2026-01-27"
    assert [row["asOf"] for row in gateway.rows("retirement", "show", "--history")] == [
        "2026-01-27", "2025-06-11", "2024-10-18", "2024-04-15"]
    assert "2026年12月末" in gateway.call("retirement", "show", "--lang", "ja").stdout


def test_simulate_changes_nothing(used):
    before = [used.rows("tenant", "list"), used.rows("audit")]
    rows = used.rows("retirement", "simulate", "--at", "2027-01-15")
    assert {(row["user"], row["ipAddress"], row["policyRule"]) for row in rows} == {
        (SENDER, "127.0.0.11", "basic-default-off"), (SENDER, "127.0.0.12", "basic-default-off"),
        (SCANNER, "127.0.0.13", "basic-default-off"), (HOSTILE.lower(), "203.0.113.9", "basic-default-off")}
    assert {row["user"]: row["instead"] for row in rows} == {SENDER: "stays", SCANNER: "stays", HOSTILE.lower(): "gateway"}
    assert all(row["smtpReply"].startswith("535 5.7.139 ") and row["insteadText"] and not row["refusedToday"] for row in rows)
    assert used.rows("retirement", "simulate", "--at", "2026-12-30") == []
    done = used.call("retirement", "simulate", "--at", "2027-02-30", check=False)
    assert (done.returncode, done.stdout) == (64, "") and "did you mean 2027-02-28?" in done.stderr
    assert [used.rows("tenant", "list"), used.rows("audit")] == before
    send(used, SENDER, 1, "127.0.0.11")


def basic_of(gateway, tenant):
    return gateway.record("tenant", "show", tenant)["basic"]


def test_a_plan_informs_and_is_enforced_only_when_told(gateway):
    tenant, user = "plans.example", "copier@plans.example"
    gateway.tenant_add(tenant)
    gateway.user_add(user, PASSWORD)
    gateway.call("retirement", "set", "--tenant", tenant, "--phase", "default-off", "--date", days_from_now(-3))
    (phase,) = [row for row in gateway.rows("retirement", "show", "--tenant", tenant) if row["phase"] == "default-off"]
    assert (phase["date"], phase["source"], phase["come"]) == (days_from_now(-3), "tenant", True)
    with pytest.raises(AssertionError):
        wait_until(lambda: basic_of(gateway, tenant) != "unchanged", 3, "a change that nobody asked for")
    with submission_open(gateway) as client:
        assert client.auth_plain(user, PASSWORD)[0] == 235
    gateway.call("retirement", "set", "--tenant", tenant, "--enforce", "yes")
    wait_until(lambda: basic_of(gateway, tenant) == "default-off", 10, "the day's effect")
    with submission_open(gateway) as client:
        code, text = client.auth_plain(user, PASSWORD)
        assert code == 535 and "basic authentication is disabled" in text
    changes = [row["what"] for row in gateway.rows("audit") if row["object"] == tenant and row["actor"] == "retirement"]
    assert len(changes) == 1 and changes[0].startswith("basic default-off (was unchanged)"), changes
    gateway.call("tenant", "set", tenant, "basic", "re-enabled")
    with pytest.raises(AssertionError):
        wait_until(lambda: basic_of(gateway, tenant) != "re-enabled", 3, "what the administrator set, undone")


@pytest.mark.parametrize("words,sentence", [
    (["--phase", "default-off", "--date", "2027/1/15"], "did you mean 2027-01-15?"), (["--phase", "gone", "--date", "2027-01-15"], "default-off or retired"),
    (["--enforce", "maybe"], "yes or no"), ([], "say what to set")])
def test_bad_plans(gateway, words, sentence):
    done = gateway.call("retirement", "set", "--tenant", "contoso.example", *words, check=False)
    assert done.returncode == 64 and sentence in done.stderr
    done = gateway.call("retirement", "set", "--tenant", "nobody.example", *words, check=False)
    assert done.returncode == 64 and "nobody.example" in done.stderr


def test_a_plan_outlives_a_restart_and_the_report_the_daemon(used):
    rows = report(used)
    used.call("retirement", "set", "--tenant", "contoso.example", "--phase", "retired", "--date", "2028-04-01")
    used.stop()
    assert report(used) == rows
    assert used.call("report", "smtp-auth", "--by", "colour", check=False).returncode == 64
    assert "<table>" in used.call("report", "smtp-auth", "--html", "-").stdout
    used.start()
    assert [row["date"] for row in used.rows("retirement", "show", "--tenant", "contoso.example") if row["phase"] == "retired"] == ["2028-04-01"]
    assert {row["policyRule"] for row in used.rows("retirement", "simulate", "--at", "2028-04-01") if row["user"] == SENDER} == {"basic-retired"}
