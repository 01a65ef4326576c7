"""import_bench: how fast exports of a busy tenant go into the log, one after another in each form, and what memory the import takes."""

import json
import os
import subprocess
import time

import import_data
from peers.sekisho import Sekisho

USERS = 2000
SMTP_SHARE = 20  # of a hundred sign-ins: a busy tenant's browsers and phones sign in oftener than its copiers


class Importer(Sekisho):
    """A gateway of its own: its log begins empty."""

    name = "sekisho-import"

    def run(self, *words):
        """One import; its seconds, its summary, and the most memory that it had at once."""
        began = time.monotonic()
        process = subprocess.Popen([self.binary, "import", "entra-signins", *words, "--json", "-c", self.settings_path],
                                   stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        summary = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise RuntimeError(f"import {words}: exit {process.returncode}")
        return time.monotonic() - began, json.loads(summary), usage.ru_maxrss


def measure(bench, options):
    """Yields one row a run. Each form brings rows that were not there before; the last run brings the same file again."""
    importer = Importer(bench)
    try:
        importer.start()
        path = os.path.join(importer.folder, "export")
        for seed, form in enumerate(import_data.FORMS):
            import_data.write(path, form, options.import_mb * 1_000_000, import_data.Tenant(seed, SMTP_SHARE, USERS))
            yield _row(importer, form, path)
        yield _row(importer, f"{form}, again", path)
        import_data.write(path, "csv", options.import_mb * 1_000_000, import_data.Tenant(len(import_data.FORMS), SMTP_SHARE, USERS))
        yield _row(importer, "csv, --all", path, "--all")
    finally:
        importer.end()


def _row(importer, case, path, *words):
    seconds, summary, kib = importer.run(path, *words)
    megabytes = os.path.getsize(path) / 1e6
    return {"workload": "import", "peer": importer.name, "case": case, "mb": round(megabytes), "seconds": round(seconds, 2),
            "mb_per_s": round(megabytes / seconds, 1), "client_kib_max": kib, "rows": summary["rows"], "new": summary["new"],
            "left_out": summary["left-out"], "rows_per_s": round(summary["rows"] / seconds)}
