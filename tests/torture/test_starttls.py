"""P2 and P1 over real sockets: nothing that was said in clear is answered under TLS, and no end of data but CRLF.CRLF is one."""

import re

import pytest

from conftest import LONG
from device import Device, Gone, Records, encoded
from ground import USER
from naive import Naive
from port import port_free, wait_until

SILENT_SECONDS = 0.3
HANDSHAKE_SECONDS = 5
QUIT_REPLY = rb"221 [^\r\n]*\r\n"
EHLO_REPLY = rb"(?:250-[^\r\n]*\r\n)+250 [^\r\n]*\r\n"


@pytest.fixture(scope="module")
def recorder(recorder_new):
    return recorder_new(raw=True)


@pytest.fixture(scope="module")
def ground(recorder, ground_new):
    """One listener more of each kind that refuses bare newlines."""
    made = ground_new(recorder, limits={"handshake-seconds-max": HANDSHAKE_SECONDS})
    for how, port in zip(("starttls", "implicit", "none"), port_free(3)):
        made.port[f"reject-{how}"] = port
        made.settings["listeners"][f"reject-{how}"] = {**made.settings["listeners"][how], "bare-newline": "reject",
                                                       "address": f"127.0.0.1:{port}"}
    made.write()
    return made.start().people()


@pytest.fixture(scope="module")
def naive(authority):
    server = Naive(authority)
    yield server
    server.close()


# --- P2: injection before TLS ---

def behind(text):
    """STARTTLS and what is to be injected in one write."""
    return lambda device, records: device.send(b"STARTTLS\r\n" + text)


def next_segment(text):
    """Injected without waiting for the 220."""
    def send(device, records):
        device.send(b"STARTTLS\r\n")
        device.send(text)
    return send


def after_220(text):
    def send(device, records):
        device.send(b"STARTTLS\r\n")
        assert device.line().startswith("220 ")
        device.send(text)
    return send


def around_hello(before, after):
    """In the segment of the ClientHello."""
    def send(device, records):
        device.send(b"STARTTLS\r\n")
        assert device.line().startswith("220 ")
        device.send(before + records.hello() + after)
    return send


def byte_by_byte(text):
    return lambda device, records: device.send_each(text[at:at + 1] for at in range(len(text)))


TRANSACTION = b"MAIL FROM:<x@y.example>\r\nRCPT TO:<c@d.example>\r\nDATA\r\n"
FORMS = {
    "CVE-2011-0411-ehlo": behind(b"EHLO injected\r\n"),
    "CVE-2021-33515-mail": behind(b"MAIL FROM:<x@y.example>\r\n"),
    "transaction": behind(TRANSACTION + b"Subject: injected\r\n\r\n.\r\n"),
    "CVE-2021-38542-auth": behind(b"AUTH PLAIN " + encoded("\0x@y.example\0pw").encode() + b"\r\n"),
    "auth-login": behind(b"AUTH LOGIN\r\n"),
    "noop": behind(b"NOOP\r\n"),
    "quit": behind(b"QUIT\r\n"),
    "rset-vrfy": behind(b"RSET\r\nVRFY root\r\n"),
    "twice": behind(b"STARTTLS\r\n"),
    "half-command": behind(b"NO"),
    "empty-line": behind(b"\r\n"),
    "CVE-2024-34083-blank": behind(b" "),
    "nul": behind(b"\0"),
    "bare-lf": lambda device, records: device.send(b"STARTTLS\nEHLO injected\r\n"),
    "64-KiB": behind(b"NOOP\r\n" * 11000),
    "behind-ehlo": lambda device, records: device.send(b"EHLO again.example\r\nSTARTTLS\r\nNOOP\r\n"),
    "blank-behind": lambda device, records: device.send(b"STARTTLS \r\nNOOP\r\n"),
    "CVE-2022-28220-next-segment": next_segment(b"NOOP\r\n"),
    "next-segment-half": next_segment(b"NO"),
    "after-220": after_220(b"NOOP\r\n"),
    "before-hello": around_hello(b"NOOP\r\n", b""),
    "behind-hello": around_hello(b"", b"NOOP\r\n"),
    "byte-by-byte": byte_by_byte(b"STARTTLS\r\nNOOP\r\n"),
    "early": lambda device, records: device.send(b"NOOP\r\nSTARTTLS\r\nNOOP\r\n"),
}
# Replies in clear that belong to commands which were said in clear, before STARTTLS.
IN_CLEAR = {"behind-ehlo": EHLO_REPLY, "early": rb"250 [^\r\n]*\r\n"}
STARTTLS_REPLY = rb"(?:220|5\d\d) [^\r\n]*\r\n"


# An `auto` listener is silent for 3 seconds first: all forms on it only in the long run.
@pytest.mark.parametrize("form,listener", [(form, "starttls") for form in FORMS]
                         + [(form, "auto") for form in list(FORMS)[::1 if LONG else 4]])
def test_injection_is_not_answered(ground, context, form, listener):
    inject(ground.port[listener], context, form)


def inject(port, context, form):
    """Fails if what was said in clear is answered under TLS."""
    with Device(port, timeout=5) as device:
        device.greeting()
        device.expect("EHLO victim.example", 250)
        records = Records(device, context)
        try:
            FORMS[form](device, records)
            clear = device.rest(SILENT_SECONDS)
            device.sock.settimeout(5)
            # A TLS alert is no reply.
            said = re.match(rb"(?s)(.*?)((?:[\x15\x16]\x03.*)?)\Z", clear)
            assert re.fullmatch(rb"(?:%s)?(?:%s)?" % (IN_CLEAR.get(form, b""), STARTTLS_REPLY), said[1]), clear
            records.incoming.write(said[2])
            records.shake()
            # The handshake went through: the injected bytes must be forgotten. A death at this point is fine, too.
            device.send(b"OP\r\n")
            inside = b"%d" % device.reply()[0]
        except Gone:
            assert device.kept == b"", "a reply before the end"
            return
        assert inside[:1] == b"5", inside
        device.send(b"EHLO inside.example\r\nQUIT\r\n")
        assert re.fullmatch(EHLO_REPLY + QUIT_REPLY, device.rest(2))


@pytest.mark.parametrize("form", ["noop", "CVE-2011-0411-ehlo", "half-command"])
def test_negative_control_of_injection(naive, context, form):
    with pytest.raises(AssertionError):
        inject(naive.port, context, form)


def test_state_is_forgotten(ground, context):
    """EHLO, sign-in and envelope from before STARTTLS are gone after it; STARTTLS again is refused."""
    with Device(ground.port["auto"], timeout=10) as device:
        device.greeting()
        device.expect("EHLO victim.example", 250)
        device.sign_in(USER, ground.password)
        device.expect("STARTTLS", 220)
        device.secure(context)
        assert device.say(f"MAIL FROM:<{USER}>")[0] in (503, 530)
        device.expect("EHLO victim.example", 250)
        assert device.say(f"MAIL FROM:<{USER}>")[0] == 530
        assert device.say("STARTTLS")[0] == 503


# --- data after close_notify (CVE-2026-45185, Dead.Letter) ---

@pytest.mark.parametrize("listener", ["starttls", "implicit"])
@pytest.mark.parametrize("where", ["hello", "rcpt", "data", "bdat"])
@pytest.mark.parametrize("then", [b"NOOP\r\n", b"X", b"\r\n.\r\nNOOP\r\n", b"\x16\x03\x01\x00\x05hello"], ids=["noop", "byte", "dot", "record"])
def test_nothing_is_read_after_close_notify(ground, recorder, context, listener, where, then):
    with Device(ground.port[listener], timeout=5) as device:
        if listener == "implicit":
            Records(device, context).shake()
        device.greeting()
        device.expect("EHLO victim.example", 250)
        if listener == "starttls":
            device.expect("STARTTLS", 220)
            Records(device, context).shake()
            device.expect("EHLO victim.example", 250)
        if where != "hello":
            device.sign_in(USER, ground.password)
            device.expect(f"MAIL FROM:<{USER}>", 250)
            device.expect("RCPT TO:<someone@recorder.invalid>", 250)
        if where == "data":
            device.expect("DATA", 354)
            device.send(b"Subject: x\r\n\r\nhalf a message")
        elif where == "bdat":
            device.send(b"BDAT 1000\r\n0123456789")
        try:
            device.tls.close_notify()
            device.send(then)
            got = device.rest(2)
        except Gone:
            got = b""
        # What was encrypted is not for us to read; a reply in clear would be digits.
        assert not re.match(rb"\d\d\d[ -]", got), got
        assert device_is_shut(device)
    assert not recorder.messages_file.read_text().count("half a message")
    assert ground.rows("queue", "list") == []


def device_is_shut(device, seconds=3):
    device.sock.settimeout(seconds)
    try:
        for _ in range(20):
            if device.sock.recv(4096) == b"":
                return True
    except TimeoutError:
        return False
    except OSError:
        return True
    return False


# --- what is no TLS on a TLS port, and the other way round ---

@pytest.mark.parametrize("text", [b"EHLO x\r\n", b"\r\n", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"\x80\x2e\x01\x00\x02", b"\x16\x03\x01\xff\xff" + b"A" * 70000],
                         ids=["ehlo", "empty", "http", "sslv2", "huge-record"])
def test_plain_bytes_on_a_tls_port(ground, text):
    with Device(ground.port["implicit"], timeout=5) as device:
        try:
            device.send(text)
        except Gone:
            pass
        got = device.rest(1)
        assert got == b"" or got[0] == 0x15, got
        assert device_is_shut(device, HANDSHAKE_SECONDS + 3)


def test_a_client_hello_on_a_starttls_port(ground, context):
    with Device(ground.port["starttls"], timeout=5) as device:
        device.greeting()
        records = Records(device, context)
        device.send(records.hello())
        got = device.rest(1)
        assert not got or re.match(rb"[45]\d\d ", got), got


def test_the_service_still_serves(ground, context):
    with Device(ground.port["implicit"], timeout=5) as device:
        device.open("implicit", context).sign_in(USER, ground.password)
        device.to_data(USER, "someone@recorder.invalid")
        assert device.say(f"From: <{USER}>\r\n\r\nhello\r\n.")[0] == 250
    assert not ground.crashes()


# --- P1: the end of a message ---

ENDS = [b"\n.\n", b"\n.\r\n", b"\r\n.\n", b"\r.\r", b"\n.\r", b"\r.\n", b"\r.\r\n", b"\r\n.\r", b"\r\n\0.\r\n", b"\r\n.\0\r\n", b"\r\n.\r\r\n",
        b"\r\r\n.\r\r\n"]
FIRST = [b".\r", b".\n", b"\n.\n", b"\r.\r", b".\r\r\n", b"\n.\r\n"]
SMUGGLED = b"MAIL FROM:<smug@b.example>\r\nRCPT TO:<c@d.example>\r\nDATA\r\nsmuggled\r\n.\r\n"
HEAD = f"From: <{USER}>\r\nSubject: x\r\n".encode()
BARE = re.compile(rb"(?<!\r)\n|\r(?!\n)")
PER_CONNECTION = 10


def payloads(every):
    """(name, bytes, places to cut): the whole of it when `every`, else around the false end."""
    for number, end in enumerate(ENDS):
        name = f"end{number}"
        data = HEAD + f"Message-ID: <{name}@p1>\r\n\r\nhi".encode() + end + SMUGGLED
        at = data.index(b"hi") + 2
        yield name, data, range(len(data)) if every else [0, *range(at, at + len(end) + 2), len(data) - 3, len(data) - 1]
    for number, end in enumerate(FIRST):
        data = end + SMUGGLED
        yield f"first{number}", data, range(len(data)) if every else [*range(len(end) + 2), len(data) - 2]


@pytest.mark.parametrize("newlines", ["normalize", "reject"])
@pytest.mark.parametrize("how", ["none", "starttls", "implicit"])
def test_only_crlf_dot_crlf_ends_a_message(ground, recorder, context, figure, long, how, newlines):
    port = ground.port[how if newlines == "normalize" else f"reject-{how}"]
    ground.queue_empty(20)
    before, arrived = sum(sent_on(recorder).values()), len(recorder.messages())
    taken, refused = ends(port, how, newlines, context, ground.password, long)
    wait_until(lambda: len(recorder.messages()) >= arrived + taken, 60, "the mail at the upstream")
    ground.queue_empty(20)
    figure(f"{taken} taken, {refused} refused, {len(recorder.messages()) - arrived} arrived")
    assert len(recorder.messages()) == arrived + taken
    upstream_saw_nothing_bare(recorder)
    assert sum(sent_on(recorder).values()) == before + taken
    assert set(sent_on(recorder)) <= {USER.encode()}


def ends(port, how, newlines, context, password, every):
    """Send all payloads, cut everywhere. Fails at a reply too many; gives how many were taken and refused."""
    counts = {250: 0, 550: 0}
    device = None
    for name, data, cuts in payloads(every):
        wanted = 550 if newlines == "reject" and BARE.search(data) else 250
        for cut in cuts:
            if sum(counts.values()) % PER_CONNECTION == 0:
                if device:
                    device.close()
                device = Device(port, timeout=10).open(how, context).sign_in(USER, password)
            device.to_data(USER, "someone@recorder.invalid")
            device.send_each((data[:cut], data[cut:]))
            device.send(b"VRFY somebody\r\n")
            codes = [device.reply()[0], device.reply()[0]]
            assert codes == [wanted, 252], (name, cut, codes)
            counts[wanted] += 1
    assert device.rest(SILENT_SECONDS) == b""
    device.close()
    return counts[250], counts[550]


def test_negative_control_of_ends(naive, context):
    with pytest.raises(AssertionError):
        ends(naive.port, "none", "normalize", context, "pw", False)


def sent_on(recorder):
    """How many MAIL FROM commands, of whom, outside of messages."""
    count = {}
    for raw in recorder.connections().values():
        for sender in re.findall(rb"(?m)^MAIL FROM:<([^>]*)>", re.sub(rb"(?s)\r\nDATA\r\n.*?\r\n\.\r\n", b"\r\n", raw)):
            count[sender] = count.get(sender, 0) + 1
    return count


def upstream_saw_nothing_bare(recorder):
    for number, raw in recorder.connections().items():
        assert not BARE.search(raw), (number, BARE.search(raw))
        for data in re.findall(rb"(?s)\r\nDATA\r\n(.*?\r\n)\.\r\n", raw):
            unstuffed = re.search(rb"(?m)^\.[^.]", data)
            assert not unstuffed, (number, data[unstuffed.start():][:40])
