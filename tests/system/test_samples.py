"""Real-life mail arrives byte for byte, or is refused with a clean 5xx: nothing is changed in silence."""

import re

import pytest

import sample
from conftest import PASSWORD
from gateway import difference, event_id
from message import SENDER, recipient_new, stored
from submission import Submission, stuffed, submission_open

@pytest.fixture(scope="module")
def rejecting(gateway_new):
    """A gateway whose listener refuses bare newlines."""
    gateway = gateway_new()
    gateway.settings["listeners"]["starttls"]["bare-newline"] = "reject"
    gateway.write()
    gateway.stop()
    gateway.start()
    gateway.tenant_add("contoso.example")
    gateway.user_add(SENDER, PASSWORD)
    return gateway


def send(gateway, data, to, wire=None, listener="starttls"):
    """Gives the reply to `data`, or to `wire` as it stands."""
    with submission_open(gateway, listener) as client:
        assert client.auth_plain(SENDER, PASSWORD)[0] == 235
        assert client.mail(SENDER, ["BODY=8BITMIME"])[0] == 250
        assert client.rcpt(to)[0] == 250
        assert client.docmd("DATA")[0] == 354
        client.send((stuffed(data) if wire is None else wire) + b".\r\n")
        code, text = client.getreply()
        assert client.noop()[0] == 250, "the session goes on"
        return code, text.decode("utf-8", "replace")


def below_first_field(text):
    return re.sub(rb"\A.*\n(?:[ \t].*\n)*", b"", text, count=1)


def arrives(upstream, to, data):
    """Below one Received of the gateway's, `data`: or, where the mail service repairs a broken header
    itself, what it makes of the same mail when it is handed over without a gateway."""
    mail = upstream.wait_mail(to)
    assert len(upstream.delivered(to)) == 1
    if not mail.text.endswith(stored(data)) or below_first_field(mail.text) != stored(data):
        control = recipient_new("control")
        with Submission(upstream.port, ca=upstream.authority.ca) as client:
            assert client.auth_xoauth2(SENDER, upstream.issuer.token())[0] == 235
            assert client.submit(SENDER, control, b"Received: by nobody\r\n" + data)[0] == 250
        expected = below_first_field(upstream.wait_mail(control).text)
        assert below_first_field(mail.text) == expected, difference(below_first_field(mail.text), expected)
    assert mail.text.startswith(b"Received: ") and b"by gate.example" in mail.text[:1000]


@pytest.mark.parametrize("name", sample.CLEAN)
@pytest.mark.parametrize("listener", ["starttls", "none"])
def test_clean_sample(gateway, upstream, name, listener):
    to = recipient_new()
    data = sample.CLEAN[name]
    code, text = send(gateway, data, to, listener=listener)
    assert code == 250, text
    arrives(upstream, to, data)


@pytest.mark.parametrize("name", sample.BARE)
def test_bare_newline_is_repaired_and_never_ends_a_message(gateway, upstream, name):
    to = recipient_new()
    data = sample.BARE[name]
    code, text = send(gateway, data, to)
    assert code == 250, text
    arrives(upstream, to, sample.repaired(data))


@pytest.mark.parametrize("name", sample.BARE)
def test_bare_newline_is_refused_where_asked_for(rejecting, upstream, name):
    to = recipient_new()
    code, text = send(rejecting, sample.BARE[name], to)
    assert code // 100 == 5 and re.match(r"5\.\d\.\d", text), (code, text)
    event_id(text)
    assert not upstream.delivered(to)


@pytest.mark.parametrize("end", sample.NO_ENDS, ids=repr)
@pytest.mark.parametrize("bare", ["normalize", "reject"])
def test_nothing_else_ends_a_message(gateway, rejecting, upstream, bare, end):
    """A second mail hidden behind it stays text of the first, or goes with it."""
    first, second = recipient_new(), recipient_new("smuggled")
    hidden = f"MAIL FROM:<{SENDER}>\r\nRCPT TO:<{second}>\r\nDATA\r\nSubject: hidden\r\n\r\nx\r\n".encode()
    wire = sample.mail(b"first", b"one" + end + hidden)
    code, text = send(gateway if bare == "normalize" else rejecting, b"", first, wire=wire)
    if code == 250:
        assert b"Subject: hidden" in upstream.wait_mail(first).text
    else:
        assert code // 100 == 5, (code, text)
    assert len(upstream.delivered(first)) == (code == 250)
    assert not upstream.delivered(second)


@pytest.mark.skipif(not sample.files(), reason="no folder of further samples: name one in SEKISHO_SAMPLES")
@pytest.mark.parametrize("path", sample.files(), ids=[path.stem for path in sample.files()])
def test_sample_of_the_folder(gateway, upstream, path):
    to = recipient_new()
    data = path.read_bytes()
    data = sample.repaired(data)
    if not data.endswith(b"\r\n"):
        data += b"\r\n"
    senders = sample.senders_of(data)
    gateway.call("user", "set", SENDER, "send-as", " ".join(senders))
    code, text = send(gateway, data, to)
    if senders or code == 250:
        assert code == 250, text
        arrives(upstream, to, data)
    else:  # From: <>, MAILER-DAEMON and the like: nobody may send as that
        assert code // 100 == 5 and re.match(r"5\.\d+\.\d+ ", text), (code, text)
        event_id(text)
        assert not upstream.delivered(to)
