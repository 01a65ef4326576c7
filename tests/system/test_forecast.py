"""What will expire: in status with the days left, in health once it has."""

import datetime

from port import wait_until

DAY = 86400


def day(offset):
    return f"{datetime.date.today() + datetime.timedelta(days=offset):%Y-%m-%d}"


def listener_with(gateway_new, certificate, key, **changes):
    """A gateway whose only listener shows that certificate."""
    gateway = gateway_new(daemon={"timezone": "UTC"}, **changes)
    gateway.settings["listeners"] = {"starttls": gateway.listener("starttls", [{"certificate": certificate, "key": key}])}
    gateway.write()
    gateway.stop()
    return gateway.start()


def expiries(gateway, kind):
    return [item for item in gateway.record("status")["expiries"] if item["kind"] == kind]


def test_a_certificate_of_five_days(gateway_new, authority):
    certificate, key = authority.special("five-days", ends=5 * DAY + 60)
    gateway = listener_with(gateway_new, certificate, key)
    [item] = expiries(gateway, "listener-certificate")
    assert (item["name"], item["subject"], item["daysLeft"], item["urgency"]) == ("starttls", "five-days", 5, "week")
    assert item["source"] == str(certificate)
    table = gateway.call("status", "--tz", "UTC").stdout
    assert "kind=listener-certificate name=starttls subject=five-days" in table and "daysLeft=5" in table, table
    health = gateway.call("health", check=False)
    assert health.returncode == 0 and "certificate" not in health.stderr, "soon is no finding"


def test_a_certificate_that_expires_while_it_is_shown(gateway_new, authority):
    certificate, key = authority.special("few-seconds", ends=12)
    gateway = listener_with(gateway_new, certificate, key)
    assert gateway.call("health", check=False).returncode == 0
    ended = wait_until(lambda: (done := gateway.call("health", check=False)).returncode and done, 30, "the certificate to expire")
    assert ended.returncode == 1
    assert ended.stderr == (f"the certificate {certificate} of listener starttls expired on {day(0)}, and devices may refuse to "
                            "connect: put a new one in its place and reload\n")
    japanese = gateway.call("health", "--lang", "ja", check=False)
    assert f"{certificate} の証明書(リスナー starttls)は {day(0)} に期限が切れ" in japanese.stderr
    # A new file does not help before a reload.
    good, good_key = authority.special("renewed")
    certificate.write_bytes(good.read_bytes())
    key.write_bytes(good_key.read_bytes())
    assert gateway.call("health", check=False).returncode == 1
    gateway.call("reload")
    wait_until(lambda: gateway.call("health", check=False).returncode == 0, 10, "the new certificate")


def test_a_client_secret_by_the_date_in_the_settings(gateway_new, upstream):
    gateway = gateway_new()
    main = gateway.settings["upstreams"]["main"]
    main["client-secret-expires"] = day(20)
    gateway.write()
    gateway.call("reload")
    [item] = wait_until(lambda: expiries(gateway, "client-secret"), 10, "the new settings")
    assert (item["name"], item["subject"], item["source"]) == ("main", upstream.issuer.client_id, "settings")
    assert item["daysLeft"] in (19, 20) and item["urgency"] == "month", "midnight may come in between"
    assert gateway.call("health", check=False).returncode == 0
    main["client-secret-expires"] = day(-1)
    gateway.write()
    gateway.call("reload")
    ended = wait_until(lambda: (done := gateway.call("health", check=False)).returncode and done, 10, "the new settings")
    assert ended.returncode == 1 and "the client secret of application" in ended.stderr, ended.stderr


def test_a_date_that_is_none(gateway_new):
    gateway = gateway_new()
    gateway.settings["upstreams"]["main"]["client-secret-expires"] = "2026-02-30"
    gateway.write()
    done = gateway.call("config", "check", check=False)
    assert done.returncode == 78
    assert 'client-secret-expires: "2026-02-30" is not a date such as 2027-01-15' in done.stderr


def test_authority_and_access_token(gateway):
    [authority] = expiries(gateway, "authority")
    assert authority["subject"] == "Sekisho system test CA" and 398 <= authority["daysLeft"] <= 400
    ends = [item["expiresDateTime"] for item in gateway.record("status")["expiries"]]
    assert ends == sorted(ends), "the soonest first"
