"""The demo: what a newcomer runs first."""

import os
import pathlib
import subprocess

import pytest

from gateway import BINARY


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


@pytest.mark.parametrize("language", ["en", "ja"])
def test_the_tour(short, language):
    done = demo(short, language)
    assert done.returncode == 0, done.stdout + done.stderr
    for line in ("S: 235 2.7.0 Authentication successful", "C: AUTH XOAUTH2", "S: 250 2.0.0 OK queued [",
                 "XOAUTH2", "S: 535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the Tenant."):
        assert line in done.stdout, line
    assert list(short.iterdir()) == [], "the folder is removed"


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
