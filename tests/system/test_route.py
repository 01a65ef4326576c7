"""Routes that are added and removed while mail goes: two folders, and a server that is down."""

import json

import pytest

from conftest import PASSWORD
from gateway import Gateway
from mailing import fate, send
from message import SENDER, message
from port import port_free, wait_until
from sandbox import Towards
from test_routes import OTHER

PLAIN = {"kind": "inbox", "folder": "main"}
SPARE = {"kind": "inbox", "folder": "spare"}


@pytest.fixture
def start(directory, authority, sandbox):
    """A function: a gateway with the upstreams `main`, for all mail, and `spare`, and an account that may send as another."""
    running = []

    def start(main=PLAIN, **changes):
        place = directory / f"route-{len(list(directory.glob('route-*')))}"
        running.append(Gateway(place, authority, Towards(sandbox), upstreams={"main": main, "spare": SPARE}, **changes).start())
        running[-1].tenant_add("contoso.example")
        running[-1].user_add(SENDER, PASSWORD)
        running[-1].call("user", "set", SENDER, "send-as", OTHER)
        return running[-1]
    yield start
    for gateway in running:
        gateway.stop()


def inbox(gateway, folder):
    return sorted((gateway.directory / folder).glob("*.eml"))


def send_as(gateway, sender, *subjects):
    return send(gateway, *(message(subject, sender=sender) for subject in subjects), sender=sender)


def arrives(gateway, event, upstream):
    wait_until(lambda: [path for path in inbox(gateway, upstream) if path.stem == event], 10, gateway.log)
    wait_until(lambda: fate(gateway, event)["state"] == "sent", 10, gateway.log)
    assert fate(gateway, event)["upstream"] == upstream


def add(gateway, *words):
    return json.loads(gateway.call("route", "add", *words, "--json").stdout)


def order(gateway):
    return [row["id"] for row in gateway.rows("route", "list")]


def test_added_and_removed(start):
    gateway = start()
    before = gateway.file.read_bytes()
    arrives(gateway, send_as(gateway, OTHER, "before"), "main")
    row = add(gateway, "--from", OTHER, "--upstream", "spare")
    assert row == gateway.rows("route", "list")[0] == {
        "number": 1, "id": "r1", "source": "ledger", "tenant": "*", "from": OTHER, "sizeOverBytes": 0, "upstream": "spare",
        "fallback": None, "inForce": True, "takenBy": None}
    assert [(row["number"], row["id"], row["source"], row["from"]) for row in gateway.rows("route", "list")[1:]] == [
        (2, "settings-1", "settings", "*")]
    arrives(gateway, send_as(gateway, OTHER, "added"), "spare")
    arrives(gateway, send_as(gateway, SENDER, "another sender"), "main")
    assert gateway.stop() == 0
    gateway.start()
    assert order(gateway) == ["r1", "settings-1"]
    arrives(gateway, send_as(gateway, OTHER, "after a restart"), "spare")
    done = gateway.call("route", "remove", "r1")
    assert done.stdout == "" and f"sekisho route add --from {OTHER} --upstream spare" in done.stderr
    arrives(gateway, send_as(gateway, OTHER, "removed"), "main")
    assert add(gateway, "--upstream", "spare", "--size-over-bytes", "100000")["id"] == "r2", "an ID is given once"
    assert gateway.file.read_bytes() == before, "the settings file is the administrator's"
    assert [(row["actor"], row["object"], row["what"]) for row in gateway.rows("audit")][:3] == [
        ("root", "route r2", "added: --size-over-bytes 100000 --upstream spare"),
        ("root", "route r1", f"removed: --from {OTHER} --upstream spare"),
        ("root", "route r1", f"added: --from {OTHER} --upstream spare")]


def test_what_waits_goes_the_new_way(start):
    """Behind a server that is down: of one account's mail only that which the new route takes, and another's behind it in the same mailbox;
    at once, though some of it was put off for ten minutes."""
    dead = {"kind": "smtp", "host": "127.0.0.1", "port": port_free(), "tls": "none", "auth": "none", "mailbox": "relay@contoso.example"}
    gateway = start(main=dead, limits={"retry-first-seconds": 600})
    others = [f"{name}@contoso.example" for name in ("anna", "bert", "carl", "dora")]
    for account in (OTHER, *others):
        gateway.user_add(account, PASSWORD)
    stay = [send_as(gateway, SENDER, "stays")]
    gateway.queue_wait(lambda rows: rows and rows[0]["lastReply"])
    stay += [send(gateway, message("stays", sender=account), sender=account, account=account) for account in others]
    moves = [send_as(gateway, sender, f"{number}") for number, sender in enumerate((OTHER, SENDER, OTHER))]
    theirs = send(gateway, message("another account's", sender=OTHER), sender=OTHER, account=OTHER)
    gateway.queue_wait(lambda rows: len(rows) == 9)
    assert inbox(gateway, "spare") == [], "nothing goes before there is a route"
    add(gateway, "--from", OTHER, "--upstream", "spare")
    for event in (moves[0], moves[2], theirs):
        arrives(gateway, event, "spare")
    assert [row["id"] for row in gateway.rows("queue", "list")] == [moves[1], *reversed(stay)]
    add(gateway, "--upstream", "spare")
    for event in (moves[1], *stay):
        arrives(gateway, event, "spare")
    assert len(inbox(gateway, "spare")) == 9 and gateway.rows("queue", "list") == []


def test_what_waits_for_a_removed_route_goes_back(start):
    gateway = start(limits={"retry-first-seconds": 600})
    spare = gateway.directory / "spare"
    if spare.exists():
        spare.rmdir()
    spare.write_text("a file stands where the folder should")
    add(gateway, "--upstream", "spare")
    event = send_as(gateway, SENDER, "goes back")
    gateway.queue_wait(lambda rows: rows and "spare" in (rows[0]["lastReply"] or ""))
    assert inbox(gateway, "main") == []
    gateway.call("route", "remove", "r1")
    arrives(gateway, event, "main")


def test_the_queue_shows_which_way_it_would_go_now(start):
    dead = {"kind": "smtp", "host": "127.0.0.1", "port": port_free(), "tls": "none", "auth": "none", "mailbox": "relay@contoso.example"}
    gateway = start(main=dead, limits={"retry-first-seconds": 600})
    event = send_as(gateway, SENDER, "waits")
    row = gateway.queue_wait(lambda rows: rows and rows[0]["state"] == "paused" and rows[0])
    assert row["route"] == "main"
    gateway.call("queue", "hold", event)
    add(gateway, "--upstream", "spare")
    row = gateway.record("queue", "show", event)
    assert (row["route"], row["mailbox"], row["state"]) == ("spare", SENDER, "held")
    gateway.call("route", "remove", "r1")
    row = gateway.record("queue", "show", event)
    assert (row["route"], row["mailbox"]) == ("main", "relay@contoso.example")


def test_a_table_moves_no_text(start):
    """What would turn the text beside it around is in the record as it was typed, and in no table."""
    gateway = start()
    assert add(gateway, "--from", "\u202eab\u2066@contoso.example", "--upstream", "spare")["from"] == "\u202eab\u2066@contoso.example"
    table = gateway.call("route", "list").stdout + gateway.call("audit").stdout
    assert "ab@contoso.example" in table and not {"\u202e", "\u2066"} & set(table), ascii(table)


def test_the_order_and_what_is_never_reached(start):
    gateway = start()
    add(gateway, "--from", "@contoso.example", "--upstream", "spare")
    tried = gateway.call("route", "add", "--from", OTHER, "--upstream", "main", "--dry-run", "--json")
    assert (json.loads(tried.stdout)["number"], json.loads(tried.stdout)["takenBy"], json.loads(tried.stdout)["id"]) == (2, "r1", None)
    assert tried.stderr == ("no mail will go by this route: r1 before it takes all of it; put it in front with --before\n"
                            "nothing was changed: this is how it would be\n")
    assert order(gateway) == ["r1", "settings-1"]
    assert add(gateway, "--from", OTHER, "--upstream", "main", "--before", "R1")["number"] == 1
    assert order(gateway) == ["r2", "r1", "settings-1"]
    arrives(gateway, send_as(gateway, OTHER, "an exception"), "main")
    arrives(gateway, send_as(gateway, SENDER, "the rule"), "spare")
    done = gateway.call("route", "add", "--upstream", "spare", "--before", "settings-1")
    assert done.stderr == "no mail goes by settings-1 any more: this route before it takes all of it\n"
    assert [(row["id"], row["takenBy"]) for row in gateway.rows("route", "list")] == [
        ("r2", None), ("r1", None), ("r3", None), ("settings-1", "r3")]
    table = gateway.call("route", "list").stdout
    assert "r3" in table and "ledger" in table


WRONG = [
    ("add", 64, "say by which upstream: route add --upstream NAME; sekisho upstream list has their names",
     "どの上流を通すかを指定してください: route add --upstream 名前。名前は sekisho upstream list でわかります"),
    ("add --upstream sapre", 65, "there is no upstream sapre; there is spare", "アップストリーム sapre はありません。spare ならあります"),
    ("add --upstream spare --from contoso", 65, 'from: "contoso" is not a mail address, @domain or *', None),
    ("add --upstream spare --size-over-bytes 10M", 65, 'size-over-bytes: "10M" is not a whole number from 0 to 1099511627776', None),
    ("add --upstream spare --before r9", 65, "there is no route r9; see: sekisho route list",
     "経路 r9 はありません。sekisho route list で確かめてください"),
    ("add --upstream spare --before settings-2", 65,
     "settings-2 stands in the settings, and every added route before those; leave out --before", None),
    ("add --upstream spare --from @contoso.example", 65,
     "there is such a route already: r1; to give it another place, remove it first: sekisho route remove r1",
     "同じ経路 r1 がすでにあります。位置を変えるには、先に sekisho route remove r1 で削除してください"),
    ("remove r9", 65, "there is no route r9; see: sekisho route list", "経路 r9 はありません。sekisho route list で確かめてください"),
    ("remove 1", 65, "a route is named by its ID, which number 1 of the list has as r1: sekisho route remove r1", None),
    ("remove settings-2", 1, "settings-2 stands in the settings file: take item 2 out of routes in {file}, then: sekisho reload",
     "settings-2 は設定ファイルの経路です。{file} の routes から 2 番目の項目を消し、sekisho reload を実行してください"),
]


def test_wrong_input(start):
    gateway = start(routes=[{"from": "@fabrikam.example", "upstream": "main"}, {"from": "*", "upstream": "main"}])
    add(gateway, "--from", "@contoso.example", "--upstream", "spare")
    for words, code, english, japanese in WRONG:
        for language, sentence in (("en", english), ("ja", japanese)):
            if sentence:
                done = gateway.call("route", *words.split(), "--lang", language, check=False)
                assert (done.returncode, done.stdout) == (code, ""), words
                assert done.stderr.strip().removeprefix("sekisho: ") == sentence.format(file=gateway.file), words
    assert order(gateway) == ["r1", "settings-1", "settings-2"]
    done = gateway.call("route", "add", "--tenant", "nowhere.example", "--upstream", "spare")
    assert done.stderr == "there is no tenant nowhere.example yet: no mail goes by this route before there is\n"


def test_its_upstream_goes_and_comes_back(start):
    """Nothing is lost meanwhile: the route is passed over, and said to be."""
    gateway = start()
    add(gateway, "--upstream", "spare")
    arrives(gateway, send_as(gateway, SENDER, "while it is there"), "spare")
    gone = gateway.settings["upstreams"].pop("spare")
    gateway.write()
    gateway.call("reload")
    wait_until(lambda: [row["inForce"] for row in gateway.rows("route", "list")] == [False, True], 10, gateway.log)
    assert gateway.call("route", "list").stderr == (
        "r1 is passed over: its upstream spare is not in the settings; add it there, or: sekisho route remove r1\n")
    assert "an added route is passed over" in gateway.log()
    arrives(gateway, send_as(gateway, SENDER, "while it is gone"), "main")
    gateway.settings["upstreams"]["spare"] = gone
    gateway.write()
    gateway.call("reload")
    wait_until(lambda: [row["inForce"] for row in gateway.rows("route", "list")] == [True, True], 10, gateway.log)
    arrives(gateway, send_as(gateway, SENDER, "it is back"), "spare")
