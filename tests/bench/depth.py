"""depth: what a message costs when much is at hand: open sessions, accounts, queued messages; beside the same load with few."""

from dataclasses import replace

import workload
from workload import Load


def measure(peer, options):
    load = next(row for row in workload.WORKLOADS if row.name == "sessions10")
    load = replace(load, messages=3000, seconds=options.seconds or load.seconds)
    few = workload.run(load, peer)
    yield row_of("few", few, few)
    held = Load(peer.bench, peer.port, peer.users, "--idle", options.open, "--seconds", 60, "--sources", 100)
    opened = held.line()["held"]
    row = workload.run(load, peer)
    held.end()
    yield row_of(f"{opened} open sessions", row, few)


def row_of(case, row, few):
    return {**row, "workload": "depth", "case": case, "ratio": round(row["cpu_s_per_1000"] / few["cpu_s_per_1000"], 3)}
