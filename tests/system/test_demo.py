"""The demo: what a newcomer runs first."""

import os
import pathlib
import re
import signal
import subprocess

import pytest

from gateway import BINARY
from port import port_open


def demo(tmp_path, language, *words, **environment):
    return subprocess.run([BINARY, "demo", "--once", "--lang", language, *words], cwd=tmp_path, text=True, timeout=120,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          env={**os.environ, "TMPDIR": str(tmp_path), **environment})


@pytest.fixture
def short():
    """A short folder: the control socket's path has at most 107 bytes."""
    import tempfile
    with tempfile.TemporaryDirectory(prefix="d", dir="/tmp") as folder:
        yield pathlib.Path(folder)


@pytest.mark.parametrize("step", [1, 3, 6])
def test_interrupted(short, step):
    """Ctrl-C in the middle: it stops there, says so, and leaves neither folder nor process."""
    process = subprocess.Popen([BINARY, "demo", "--once", "--lang", "en"], cwd=short, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                               env={**os.environ, "TMPDIR": str(short)}, preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))
    heard = ""
    for line in process.stdout:
        heard += line
        if line.startswith(f"{step}. "):
            process.send_signal(signal.SIGINT)
            break
    rest, told = process.communicate(timeout=20)
    assert process.returncode == 130, heard + rest + told
    assert f"\n{step + 1}. " not in rest and "All of it was seen to work." not in rest
    assert told.splitlines()[-1] in (f"interrupted: step {step + 1} and what follows it were not run",
                                     f"interrupted in step {step}; what follows it was not run"), told
    assert "the logs are in" not in told
    assert list(short.iterdir()) == [], "the folder is removed"
    assert not [one for one in pathlib.Path("/proc").glob("[0-9]*/cmdline") if str(short).encode() in read_or_nothing(one)]


def read_or_nothing(path):
    try:
        return path.read_bytes()
    except OSError:
        return b""


@pytest.mark.parametrize("language", ["en", "ja"])
def test_the_tour(short, language):
    done = demo(short, language)
    assert done.returncode == 0, done.stdout + done.stderr
    for line in ("S: 235 2.7.0 Authentication successful", "C: AUTH XOAUTH2", "S: 250 2.0.0 OK queued [",
                 "XOAUTH2", "event=delivery", " tokensIssued 1 authAttempts 1 authFailures 0 authBeforeTls 0 refused 0", "sekisho explain ",
                 "smtp-auth-tenant", "S: 535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the Tenant."):
        assert line in done.stdout, line
    assert list(short.iterdir()) == [], "the folder is removed"
    assert len(re.findall(r"^    \S.*: \d+\.\d ms$", done.stdout, re.M)) == 8, "seven steps and the copier's dialogue are timed"


def test_it_stays_until_it_is_interrupted(short):
    """Without --once: both go on, are told of, and end with it."""
    with subprocess.Popen([BINARY, "demo", "--lang", "en"], cwd=short, text=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                          env={**os.environ, "TMPDIR": str(short)}) as tour:
        lines = []
        for line in tour.stdout:
            lines.append(line)
            if line.rstrip().endswith(" signins"):
                break
        said = "".join(lines)
        (port,) = re.findall(r"swaks --server 127\.0\.0\.1 --port (\d+) --tls", said)
        (upstream,) = re.findall(r"127\.0\.0\.1:(\d+) \(SANDBOX\)", said)
        assert port_open(int(port)) and port_open(int(upstream))
        tour.send_signal(signal.SIGINT)
        assert tour.wait(40) == 0
    assert not port_open(int(port)) and not port_open(int(upstream))
    assert list(short.iterdir()) == []


def test_no_secret_is_shown(short):
    done = demo(short, "en", "--keep")
    assert done.returncode == 0
    (folder,) = short.iterdir()
    password = (folder / "pw").read_text().strip()
    secret = (folder / "S" / "client-secret").read_text().strip()
    assert len(password) == 16
    for text in (done.stdout, done.stderr, (folder / "S" / "transcript.txt").read_text(),
                 (folder / "gateway.log").read_text(), (folder / "sandbox.log").read_text()):
        assert password not in text
        assert secret not in text
        assert "SANDBOX." not in text, "no token either"


def test_it_fails_where_it_cannot_work(short):
    """The negative control: a folder in which nothing can be made."""
    (short / "not-there").mkdir()
    (short / "not-there").chmod(0o500)
    done = subprocess.run(["setpriv", "--reuid", "65534", "--clear-groups", BINARY, "demo", "--once"], text=True, timeout=60,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          env={**os.environ, "TMPDIR": str(short / "not-there")})
    assert done.returncode != 0
    assert "All of it was seen to work" not in done.stdout
