"""What the torture tests share. Quick unless SEKISHO_TORTURE (or TORTURE, which ./dev sets) is `long`; the seed is printed at the end and
is taken from SEKISHO_SEED."""

import os
import pathlib
import random
import resource
import sys
import time

import pytest

HERE = pathlib.Path(__file__).resolve().parent
for folder in (HERE, HERE.parent / "system"):
    sys.path.insert(0, str(folder))

from certificate import Authority  # noqa: E402
from device import context_of  # noqa: E402
from ground import Ground  # noqa: E402
from recorder import Recorder  # noqa: E402
from upstream import open_directory, remove_directory  # noqa: E402

LONG = "long" in (os.environ.get("SEKISHO_TORTURE"), os.environ.get("TORTURE"))
os.environ["SEKISHO_SEED"] = os.environ.get("SEKISHO_SEED") or str(time.time_ns() % 1_000_000_007)  # the same for each worker of a run
SEED = int(os.environ["SEKISHO_SEED"])
# The files that take longest come first, so that of two workers none is left with a long one.
LONGEST = ("test_memory", "test_io_faults", "test_upgrade", "test_kill")


def pytest_collection_modifyitems(items):
    order = {name: number for number, name in enumerate(LONGEST)}
    items.sort(key=lambda item: order.get(item.path.stem, len(order)))


def pytest_terminal_summary(terminalreporter):
    terminalreporter.write_line(f"torture: {'long' if LONG else 'quick'}, SEKISHO_SEED={SEED}")
    for reports in terminalreporter.stats.values():
        for report in reports:
            for name, text in report.user_properties if getattr(report, "when", "") == "call" else ():
                terminalreporter.write_line(f"  {text}")


@pytest.fixture(scope="session")
def long():
    return LONG


@pytest.fixture
def dice(request):
    """Random numbers of this test alone, the same again with the same seed."""
    return random.Random(f"{SEED} {request.node.name}")


@pytest.fixture
def figure(request):
    """A function: a line of measured figures for the summary."""
    return lambda text: request.node.user_properties.append(("figure", f"{request.node.name}: {text}"))


@pytest.fixture(autouse=True)
def room():
    """Descriptors for our own side of many connections."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.fixture(scope="session")
def directory():
    """A folder of this run under /tmp, gone afterwards unless SEKISHO_KEEP is set."""
    path = open_directory("torture")
    yield path
    if not os.environ.get("SEKISHO_KEEP"):
        remove_directory(path)


@pytest.fixture(scope="session")
def authority(directory):
    place = directory / "tls"
    place.mkdir()
    return Authority(place)


@pytest.fixture(scope="session")
def context(authority):
    return context_of(authority)


@pytest.fixture(scope="module")
def recorder_new(directory, authority):
    """A function: start one more Recorder; all end with the module."""
    running = []

    def start(**more):
        place = directory / f"recorder-{len(list(directory.glob('recorder-*')))}"
        running.append(Recorder(place, authority, **more).start())
        return running[-1]
    yield start
    for recorder in running:
        recorder.stop()


@pytest.fixture(scope="module")
def ground_new(directory, authority):
    """A function: one more gateway before `recorder`, not yet started; all end with the module."""
    made = []

    def make(recorder, **changes):
        place = directory / f"gateway-{len(list(directory.glob('gateway-*')))}"
        made.append(Ground(place, authority, recorder, **changes))
        return made[-1]
    yield make
    for ground in made:
        ground.stop()
