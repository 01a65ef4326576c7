"""table: the rows of a run, side by side and as ratios."""

OURS = "sekisho"
OTHERS_MAX = 0.2  # seconds of CPU in a second that may go elsewhere before a row is doubted


def aligned(rows):
    """Lines of text with columns of equal width; the first column left, the others right."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = []
    for row in rows:
        cells = [row[0].ljust(widths[0])] + [cell.rjust(width) for cell, width in zip(row[1:], widths[1:])]
        lines.append("  ".join(cells).rstrip())
    return lines


def number(value):
    if value is None:
        return "-"
    return f"{value:.0f}" if value >= 1000 else f"{value:.3g}" if value < 1 else f"{value:.2f}"


# title, which rows, and the value of a row
METRICS = [
    ("CPU of all server processes, user + system, s per 1,000 messages", "cpu", lambda row: row.get("cpu_s_per_1000")),
    ("accepted, messages/s", "cpu", lambda row: row.get("accepted_per_s")),
    ("whole dialogue (connect to 221), median, ms", "cpu", lambda row: row.get("dialogue_ms", {}).get("p50")),
    ("one message (MAIL to 250), median, ms", "cpu", lambda row: row.get("message_ms", {}).get("p50")),
    ("one message (MAIL to 250), 99th percentile, ms", "cpu", lambda row: row.get("message_ms", {}).get("p99")),
    ("idle signed-in session, PSS of all processes, KiB each", "idle", lambda row: row.get("kib_per_session")),
    ("at rest, PSS of all processes, KiB", "rest", lambda row: row.get("pss_kib") if row["workload"] == "rest" else None),
]


def kind_of(row):
    return row["workload"] if row["workload"] in ("rest", "depth", "start") else "idle" if row["workload"].startswith("idle") else "cpu"


def metric_table(title, rows, value_of, peers):
    workloads = list(dict.fromkeys(row["workload"] for row in rows))
    values = {(row["workload"], row["peer"]): value_of(row) for row in rows}
    others = [peer for peer in peers if peer != OURS]
    with_ours = OURS in peers
    head = [title] + ([OURS] if with_ours else [])
    for peer in others:
        head += [peer] + ([f"{OURS}/{peer}"] if with_ours else [])
    lines = [head]
    for workload in workloads:
        ours = values.get((workload, OURS))
        line = [workload] + ([number(ours)] if with_ours else [])
        for peer in others:
            theirs = values.get((workload, peer))
            line.append(number(theirs))
            if with_ours:
                line.append(number(ours / theirs) if ours is not None and theirs else "-")
        lines.append(line)
    return lines


def depth_table(rows):
    lines = [["CPU with much at hand, s per 1,000 messages", OURS, "to few"]]
    for row in rows:
        lines.append([row["case"], number(row["cpu_s_per_1000"]), number(row["ratio"])])
    return lines


def notes(row):
    """What a reader must know before believing a row."""
    found = []
    if row.get("failed"):
        found.append(f"{row['failed']} failed {row['failures']}")
    if row.get("relayed", 0) < row.get("accepted", 0):
        found.append(f"only {row['relayed']} of {row['accepted']} relayed in time: their CPU is not in the figure")
    if row.get("wanted", 0) > row.get("sessions", 0):
        found.append(f"only {row['sessions']} of {row['wanted']} sessions opened {row['failures']}")
    return [f"{row['workload']}, {row['peer']}: {text}" for text in found]


def noise(rows):
    """A line if the machine was busy with something else, or none."""
    shares = [row["others_cpu_s"] / row["wall_s"] for row in rows if row.get("wall_s")]
    loud = [share for share in shares if share > OTHERS_MAX]
    if not loud:
        return []
    return [f"in {len(loud)} of {len(shares)} runs other processes took up to {max(loud):.1f} s of CPU a second: measure again on a quiet machine"]


def page(described, rows):
    """The whole result as text."""
    peers = [peer["peer"] for peer in described]
    lines = []
    for title, kind, value_of in METRICS:
        chosen = [row for row in rows if kind_of(row) == kind]
        if chosen:
            lines += aligned(metric_table(title, chosen, value_of, peers)) + [""]
    depth = [row for row in rows if row["workload"] == "depth"]
    if depth:
        lines += aligned(depth_table(depth)) + [""]
    for row in rows:
        if row["workload"] == "start":
            lines.append(f"a start with {row['queued']} queued: ready after {row['ready_s']} s with {row['pss_kib']} KiB (PSS), "
                         f"first delivery {row['first_delivery_s']} s later")
    for peer in described:
        settings = ", ".join(f"{key} {value}" for key, value in peer["settings"].items())
        lines.append(f"{peer['peer']} {peer['version']}: passwords: {peer['passwords']}; durable before 250: {peer['durable']}; relay: {peer['relay']}; {settings}")
    for row in rows:
        lines += notes(row)
    lines += noise(rows)
    return "\n".join(lines)
