"""`health` while the ledger fails: mail is taken as before, and who asks is told."""

import sqlite3

from conftest import PASSWORD
from message import SENDER
from port import wait_until
from submission import submission_open


def test_a_ledger_that_takes_no_rows(gateway_new):
    gateway = gateway_new()
    gateway.tenant_add("contoso.example")
    gateway.user_add(SENDER, PASSWORD)
    assert gateway.call("health", check=False).returncode == 0
    holder = sqlite3.connect(gateway.directory / "state" / "ledger.db", isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    with submission_open(gateway) as client:
        assert client.auth_login(SENDER, PASSWORD)[0] == 235, "nothing that a device waits for depends on the ledger"
    told = wait_until(lambda: (done := gateway.call("health", "--json", check=False)).returncode and done, 30, gateway.log)
    assert told.returncode == 1 and '"ledgerTakesRows":false' in told.stdout
    assert "the ledger takes no rows, which wait in the spool meanwhile: " in told.stderr
    holder.execute("ROLLBACK")
    holder.close()
    wait_until(lambda: gateway.call("health", check=False).returncode == 0, 20, gateway.log)
