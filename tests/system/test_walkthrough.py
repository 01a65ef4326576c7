"""docs/walkthrough.md, run as it stands: every command, and every line that it says must come."""

import os
import re
import subprocess

import pytest

from client import OWN_NAME
from conftest import PASSWORD
from gateway import BINARY, REPOSITORY

PAGE = REPOSITORY / "docs" / "walkthrough.md"
STEP = re.compile(r"^```(sh|text)\n(.*?)^```$", re.M | re.S)
USER = "copier@contoso.example"


def steps():
    """(commands, lines that must come): a sh block, with the text block that follows it, if one does."""
    blocks = STEP.findall(PAGE.read_text())
    found = []
    for number, (kind, text) in enumerate(blocks):
        if kind == "sh":
            expected = blocks[number + 1][1] if number + 1 < len(blocks) and blocks[number + 1][0] == "text" else ""
            found.append((text, expected.splitlines()))
    return found


def pattern(line):
    return re.compile(".*".join(re.escape(part) for part in line.split("…")))


@pytest.fixture(scope="module")
def shell(gateway, tmp_path_factory):
    """A folder with `pw` in it, where `sekisho` is the gateway's and port 2587 is its listener's."""
    folder = tmp_path_factory.mktemp("walkthrough")
    if USER not in [row["user"] for row in gateway.rows("user", "list")]:
        if "contoso.example" not in [row["tenant"] for row in gateway.rows("tenant", "list")]:
            gateway.tenant_add("contoso.example")
        gateway.user_add(USER, PASSWORD)
    (folder / "pw").write_text(PASSWORD)
    wrapper = folder / "sekisho"
    wrapper.write_text(f'#!/bin/sh\nexec "{BINARY}" -c "{gateway.file}" "$@"\n')
    wrapper.chmod(0o755)
    environment = {**os.environ, **OWN_NAME, "PATH": f"{folder}:{os.environ['PATH']}", "LANG": "C.UTF-8"}

    def run(commands):
        text = commands.replace("--port 2587", f"--port {gateway.port['starttls']}")
        done = subprocess.run(["sh", "-c", text], cwd=folder, env=environment, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=60, text=True)
        return done.stdout

    return run


def test_the_page_is_about_all_causes():
    headings = [line for line in PAGE.read_text().splitlines() if line.startswith("## ")]
    assert len(headings) == 6
    assert len(steps()) >= 10


def test_the_walk(shell):
    for commands, expected in steps():
        printed = shell(commands)
        rest = printed.splitlines()
        for line in expected:
            wanted = pattern(line)
            assert any(wanted.fullmatch(one) for one in rest), f"{commands}\nprinted:\n{printed}\nand not:\n{line}"


def test_a_line_that_did_not_come_is_missed(shell):
    printed = shell("sekisho version")
    assert not any(pattern("…535 5.7.139…").fullmatch(line) for line in printed.splitlines())
