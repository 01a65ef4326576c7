"""A server that talks without end about each of many recipients: the report about them is made all the same, and once."""

from device import Device
from ground import USER
from port import wait_until

RECIPIENTS = 1000


def test_a_report_about_many_long_replies(recorder_new, ground_new):
    recorder = recorder_new()
    ground = ground_new(recorder).start().people()
    with Device(ground.port["none"]) as device:
        device.open("none", None).sign_in(USER, ground.password)
        device.expect(f"MAIL FROM:<{USER}>", 250)
        for at in range(RECIPIENTS):
            device.expect(f"RCPT TO:<refused{at}@example.net>", 250)
        device.expect("DATA", 354)
        device.send(f"From: <{USER}>\r\nMessage-ID: <original@example>\r\n\r\nbody\r\n.\r\n".encode())
        assert device.reply()[0] == 250
    def reports():
        return [(name, size) for name, _, size in recorder.messages() if size]  # of size 0: the end of a DATA without recipients

    wait_until(reports, 40, lambda: f"a report: {ground.rows('queue', 'list')}")
    wait_until(lambda: not ground.rows("queue", "list"), 30, "an empty queue")
    (report,) = reports()
    assert "original" not in report[0] and RECIPIENTS * 2000 < report[1] < 32 << 20
