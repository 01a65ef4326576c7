"""`explain`: every text that Exchange Online is known to say, as it would be pasted, gets its cause and what to do, in both languages."""

import json
import re

import pytest

AUTH = "535 5.7.139 Authentication unsuccessful, "
THROTTLED = "550 5.2.{} Sender throttled due to continuous {} errors."
SUFFIX = " [MN2PR05CA0004.namprd05.prod.outlook.com 2026-09-12T20:59:57.214Z 08DBB276B7E699C4]"
# Text: cause.
TEXTS = {
    AUTH + "SmtpClientAuthentication is disabled for the Tenant. Visit https://aka.ms/smtp_auth_disabled for more information.":
        "upstream-smtp-auth-tenant",
    AUTH + "SmtpClientAuthentication is disabled for the Mailbox. Visit https://aka.ms/smtp_auth_disabled for more information.":
        "upstream-smtp-auth-mailbox",
    AUTH + "the request did not meet the criteria to be authenticated successfully. Contact your administrator.": "upstream-criteria",
    AUTH + "user is locked by your organization's security defaults policy. Contact your administrator.": "upstream-security-defaults",
    AUTH + "basic authentication is disabled.": "upstream-auth-policy",
    AUTH + "the user credentials were incorrect.": "upstream-credentials",
    AUTH + "account locked. Contact your administrator.": "upstream-locked",
    AUTH + "federated STS service was unreachable.": "upstream-federation",
    AUTH + "the federated STS URL does not support HTTPS.": "upstream-federation",
    "535 5.7.3 Authentication unsuccessful": "token-refused",
    "535 5.7.3 Authentication unsuccessful. Tenant locked out": "upstream-tenant-locked",
    "550 5.7.30 Basic authentication is not supported for Client Submission.": "upstream-basic-retired",
    "501 5.5.124 Invalid XOAUTH2 auth data": "upstream-auth-data",
    "504 5.7.4 Unrecognized authentication type": "upstream-mechanism",
    "454 4.7.0 Temporary authentication failure": "sign-in-later",
    "451 4.7.3 Authentication unsuccessful due to temporary server error. Please try again later.": "sign-in-later",
    "421 4.7.0 Too many errors on this connection, closing transmission channel": "too-many-errors",
    "421 4.7.66 TLS 1.0 and 1.1 are not supported. Please upgrade/update your client to support TLS 1.2. Visit https://aka.ms/smtp_auth_tls.":
        "upstream-tls-too-old",
    "530 5.7.57 Client not authenticated to send mail.": "not-signed-in",
    "530 5.7.57 Client not authenticated to send mail. Error: " + AUTH + "basic authentication is disabled.": "upstream-auth-policy",
    "530 5.7.57 SMTP; Client was not authenticated to send anonymous mail during MAIL FROM.": "not-signed-in",
    "451 5.7.3 STARTTLS is required to send mail": "starttls-required",
    "550 5.7.60 SMTP; Client does not have permissions to send as this sender": "send-as-denied",
    "550 5.1.8 Access denied, bad outbound sender": "bad-outbound-sender",
    "452 4.5.3 Too many recipients": "recipients-next-time",
    "550 5.1.90 Your message can't be sent because you've reached your daily limit for message recipients": "recipient-quota",
    "550 5.7.233 Your message can't be sent because your tenant exceeded its daily limit for sending email to external recipients (tenant "
    "external recipient rate limit)": "tenant-recipient-quota",
    "554 5.2.2 Submission quota exceeded": "recipient-quota",
    "554 5.2.252 SendAsDenied; a@x not allowed to send as b@x; STOREDRV.Submission.Exception:SendAsDeniedException.MapiExceptionSendAsDenied; "
    "Failed to process message due to a permanent exception with message [BeginDiagnosticData]Cannot submit message.": "send-as-denied",
    "554 5.2.0 STOREDRV.Submission.Exception:SendAsDeniedException.MapiExceptionSendAsDenied; Failed to process message": "send-as-denied",
    "554 5.2.0 STOREDRV.Submission.Exception:SubmissionQuotaExceededException": "recipient-quota",
    "554 5.2.2 mailbox full; STOREDRV.Submission.Exception:QuotaExceededException.MapiExceptionShutoffQuotaExceeded": "mailbox-full",
    THROTTLED.format(251, "mailbox full"): "continuous-mailbox-full",
    THROTTLED.format(252, "send as denied"): "continuous-send-as-denied",
    THROTTLED.format(253, "invalid license"): "continuous-invalid-license",
    THROTTLED.format(254, "too many recipients"): "continuous-too-many-recipients",
    THROTTLED.format(255, "invalid recipients"): "continuous-invalid-recipients",
    "432 4.3.2 STOREDRV.ClientSubmit; sender thread limit exceeded": "concurrent-connections",
    "432 4.3.2 Concurrent connections limit exceeded. Visit https://aka.ms/concurrent_sending for more information.": "concurrent-connections",
    "552 5.3.4 Message size exceeds fixed maximum message size": "too-large",
    "552 5.3.4 Header size exceeds fixed maximum size": "header-too-large",
    "554 5.6.0 Invalid message content": "invalid-content",
    "421 4.3.2 Service not available": "service-unavailable",
    "451 4.7.0 Temporary server error. Please try again later. PRX2": "temporary",
    "421 4.4.1 Connection timed out": "service-unavailable",
    "421 4.4.2 Message submission rate for this client has exceeded the configured limit": "submission-rate",
    "550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP address lookup": "invalid-recipient",
    "550 5.7.68 TenantInboundAttribution; Direct Send not allowed for this organization from unauthorized sources": "direct-send-off",
    "550 5.7.64 TenantAttribution; Relay Access Denied": "connector-unknown",
}


@pytest.fixture(scope="module")
def explain(gateway_new):
    gateway = gateway_new()

    def ask(what, language="en"):
        done = gateway.call("explain", what, "--json", "--lang", language, check=False)
        return done.returncode, [json.loads(line) for line in done.stdout.splitlines()], done.stderr
    return ask


@pytest.mark.parametrize("text", TEXTS, ids=lambda text: text[:40])
def test_every_known_text(explain, text):
    for shown in (text, text + SUFFIX):
        status, rows, talk = explain(shown)
        assert status == 0, talk
        [row] = [row for row in rows if "remedy" in row]
        assert row["cause"] == TEXTS[text] and row["meaning"] and row["remedy"], row
        status, rows, _ = explain(shown, "ja")
        [japanese] = [row for row in rows if "remedy" in row]
        assert japanese["cause"] == row["cause"]
        for part in ("meaning", "remedy"):
            assert japanese[part] != row[part] and re.search("[ぁ-ん]", japanese[part]), japanese


def test_a_cause_by_its_name(explain):
    """As `upstream test` names it."""
    for cause in ("certificate-expired", "dns-unknown", "token-refused", "connector-unknown"):
        status, [row], _ = explain(cause)
        assert status == 0 and row["cause"] == cause and row["meaning"] and row["remedy"], row


@pytest.mark.parametrize("text", ["250 2.0.0 OK", "hello", "999", "certificate-"])
def test_what_is_not_known(explain, text):
    status, rows, talk = explain(text)
    assert status == 64 and not rows and "nothing is known about" in talk
