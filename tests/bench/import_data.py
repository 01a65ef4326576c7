"""import_data: exports of a busy tenant, as large as asked for, in each form that `sekisho import` reads."""

import json
import random

HEADER = (
    "Date (UTC)|Request ID|User agent|Correlation ID|User ID|User|Username|User type|Cross tenant access type|Incoming token type|"
    "Authentication Protocol|Unique token identifier|Original transfer method|Client credential type|"
    "Token Protection - Sign In Session|Token Protection - Sign In Session StatusCode|Application|Application ID |App owner tenant ID|"
    "Resource|Resource ID |Resource tenant ID|Resource owner tenant ID|Home tenant ID|Home tenant name|IP address|Location|Status|"
    "Sign-in error code|Failure reason|Client app|Device ID|Browser|Operating System|Compliant|Managed|Join Type|"
    "Multifactor authentication result|Multifactor authentication auth method|Multifactor authentication auth detail|"
    "Authentication requirement|Sign-in identifier|Session ID|IP address (seen by resource)|Through Global Secure Access|"
    "Global Secure Access IP address|Autonomous system  number|Flagged for review|Token issuer type|Incoming token type|"
    "Token issuer name|Latency|Conditional Access|Managed Identity type|Associated Resource Id|Federated Token Id|"
    "Federated Token Issuer").split("|")
EXCHANGE = "00000002-0000-0ff1-ce00-000000000000"
TENANT = "11111111-2222-4333-8444-555555555555"
FORMS = ["csv", "lines", "array", "pages"]


class Tenant:
    """Sign-ins, the same for the same seed. `share`: of a hundred, how many are for SMTP AUTH."""

    def __init__(self, seed=1, share=20, users=2000):
        self.random = random.Random(seed)
        self.share = share
        self.users = [f"user{number}@contoso.example" for number in range(users)]
        self.second = 0

    def guid(self):
        text = f"{self.random.getrandbits(128):032x}"
        return f"{text[:8]}-{text[8:12]}-4{text[13:16]}-a{text[17:20]}-{text[20:]}"

    def sign_in(self):
        """One in Graph's names, each a little older than the one before, as exports are."""
        self.second += 1
        smtp = self.random.randrange(100) < self.share
        day, second = divmod(self.second // 4, 86400)
        number = self.random.randrange(len(self.users))
        user = self.users[number]
        network = 20 if self.random.randrange(10) else 30  # at home, now and then
        failed = self.random.randrange(5) == 0
        return {
            "id": self.guid(),
            "createdDateTime": f"2026-{11 - day // 28 % 11:02d}-{28 - day % 28:02d}T{23 - second // 3600:02d}:"
                               f"{59 - second // 60 % 60:02d}:{59 - second % 60:02d}Z",
            "userDisplayName": user.split("@")[0], "userPrincipalName": user, "userId": self.guid(),
            "appId": EXCHANGE, "appDisplayName": "Office 365 Exchange Online",
            "ipAddress": f"10.{network}.{number // 256}.{number % 256}",
            "clientAppUsed": "Authenticated SMTP" if smtp else "Browser",
            "userAgent": "BAV2ROPC" if smtp else "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36",
            "correlationId": self.guid(), "conditionalAccessStatus": "notApplied", "isInteractive": True,
            "riskDetail": "none", "riskLevelAggregated": "none", "riskLevelDuringSignIn": "none", "riskState": "none",
            "riskEventTypes": [], "riskEventTypes_v2": [], "resourceDisplayName": "Office 365 Exchange Online",
            "resourceId": EXCHANGE, "authenticationRequirement": "singleFactorAuthentication",
            "status": {"errorCode": 50126 if failed else 0,
                       "failureReason": "Error validating credentials due to invalid username or password." if failed else "Other.",
                       "additionalDetails": None},
            "deviceDetail": {"deviceId": "", "displayName": "", "operatingSystem": "Windows 10", "browser": "Rich Client 4.0",
                             "isCompliant": False, "isManaged": False, "trustType": ""},
            "location": {"city": "Chiyoda-Ku", "state": "Tokyo", "countryOrRegion": "JP",
                         "geoCoordinates": {"altitude": None, "latitude": 35.69, "longitude": 139.75}},
            "appliedConditionalAccessPolicies": [
                {"id": self.guid(), "displayName": "Require multifactor authentication", "enforcedGrantControls": ["mfa"],
                 "enforcedSessionControls": [], "result": "notApplied"}],
        }


def csv_row(row):
    """The same sign-in as the portal's CSV has it."""
    known = {
        "Date (UTC)": row["createdDateTime"], "Request ID": row["id"], "User agent": row["userAgent"],
        "Correlation ID": row["correlationId"], "User ID": row["userId"], "User": row["userDisplayName"],
        "Username": row["userPrincipalName"], "User type": "Member", "Cross tenant access type": "none",
        "Authentication Protocol": "None", "Application": row["appDisplayName"], "Application ID ": row["appId"],
        "Resource": row["resourceDisplayName"], "Resource ID ": row["resourceId"], "Home tenant ID": TENANT,
        "Resource tenant ID": TENANT, "IP address": row["ipAddress"], "Location": "Chiyoda-Ku, Tokyo, JP",
        "Status": "Failure" if row["status"]["errorCode"] else "Success", "Sign-in error code": str(row["status"]["errorCode"]),
        "Failure reason": row["status"]["failureReason"], "Client app": row["clientAppUsed"],
        "Authentication requirement": "Single-factor authentication", "Conditional Access": "Not Applied", "Latency": "123",
    }
    return ",".join('"' + known.get(name, "").replace('"', '""') + '"' for name in HEADER) + "\r\n"


def diagnostic(row):
    """The same as a diagnostic setting sends it to an Event Hub."""
    return json.dumps({
        "time": row["createdDateTime"], "resourceId": f"/tenants/{TENANT}/providers/Microsoft.aadiam",
        "operationName": "Sign-in activity", "operationVersion": "1.0", "category": "SignInLogs", "tenantId": TENANT,
        "resultType": str(row["status"]["errorCode"]), "resultSignature": "None", "durationMs": 0,
        "callerIpAddress": row["ipAddress"], "correlationId": row["correlationId"], "identity": row["userDisplayName"],
        "Level": 4, "location": "JP", "properties": row}, separators=(",", ":")) + "\n"


PIECES = {
    "csv": ("\ufeff" + ",".join(f'"{name}"' for name in HEADER) + "\r\n", csv_row, "", ""),
    "lines": ("", diagnostic, "", ""),
    "array": ("[\n", lambda row: json.dumps(row, indent=1), ",\n", "\n]\n"),
    "pages": ('{"@odata.context":"https://graph.microsoft.com/v1.0/$metadata#auditLogs/signIns","value":[', json.dumps, ",",
              '],"@odata.nextLink":"https://graph.microsoft.com/v1.0/auditLogs/signIns?$skiptoken=x"}\n'),
}


def write(path, form, bytes_min, tenant):
    """At least so many bytes of one form; gives the number of rows."""
    head, print_row, between, tail = PIECES[form]
    rows = 0
    with open(path, "w", encoding="utf-8", newline="") as file:
        file.write(head)
        written = 0
        while written < bytes_min:
            written += file.write((between if rows else "") + print_row(tenant.sign_in()))
            rows += 1
        file.write(tail)
    return rows
