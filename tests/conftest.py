"""Fixtures and settings for every test. What the marks mean is in pyproject.toml."""

import gc
import json
import os
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest
from hypothesis import HealthCheck, settings
from xdist.scheduler import LoadFileScheduling

from tests.shared.exchange_here import ExchangeHere

ROOT = Path(__file__).resolve().parent.parent
RECORDINGS = ROOT.parent / "shared" / "data"

# Programs are started hundreds of times, and tests read by each worker: bytecode is kept, if not
# beside the sources. scripts/check.py keeps it in the same place.
if os.environ.pop("PYTHONDONTWRITEBYTECODE", None):
    kept = os.environ.setdefault("PYTHONPYCACHEPREFIX", str(ROOT / "target" / "pycache"))
    sys.dont_write_bytecode, sys.pycache_prefix = False, kept

# Thousands of tests are collected, of which nothing is garbage: see pytest_runtestloop.
gc.disable()

# What traders of a host share: those of these tests share nothing with the developer's.
_SHARED = tempfile.TemporaryDirectory(prefix="steelyard-tests-")
os.environ["STEELYARD_STATE"] = _SHARED.name
os.environ["STEELYARD_VAULT"] = str(Path(_SHARED.name, "vault.json"))

sys.path.insert(0, str(ROOT / "tests" / "shared"))  # tests are imported by path; this they share

# No deadline: workers share the machine, and a slow example is not a wrong one.
# derandomize: a red build is red for its change, not for its luck. The nights do the exploring.
settings.register_profile("ci", derandomize=True, deadline=None, print_blob=True)
# `make check`: the first of the same examples; `make test` goes through all of them.
settings.register_profile("quick", settings.get_profile("ci"), max_examples=25)
settings.register_profile(
    "night",
    max_examples=5_000,
    deadline=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("ci")  # `--hypothesis-profile` comes later and wins

TRADED_S = 20  # the longest that the crowd's first trade is waited for

FIXTURE_MARKS = {"shared_data": "data", "chromium": "browser"}

# These wait for programs that they start, the others compute: both kinds take turns, so that the
# processors have something to do while the one kind waits. Workers get the files in order, and
# none waits long for the others at the end if the short ones come last.
WAITING = ("outside", "cli")
LONG_FIRST = ("outside", "sim", "dialogues", "engine", "cli", "exchange")
# Its tests share what is read of the whole tree: one worker has all of them.
HOUSE = "tests/house/"


SLOW_FILE = re.compile(r"(?m)^pytestmark = \[?pytest\.mark\.slow\b")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Do not import what `make check` leaves out, nor all to find the few that run alone."""
    marks = config.option.markexpr
    if collection_path.suffix != ".py" or collection_path.is_dir():
        return None
    text = collection_path.read_text(encoding="utf-8")
    is_out = (" not slow" in marks and SLOW_FILE.search(text) is not None) or (
        marks.endswith(" and serial") and "pytest.mark.serial" not in text
    )
    return is_out or None


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop() -> None:
    """Collect garbage from here on, and look at nothing that is there already."""
    gc.freeze()
    gc.enable()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark a test for what it asks for, so that no mark is forgotten, and put all in order."""
    for item in items:
        for fixture, mark in FIXTURE_MARKS.items():
            if fixture in getattr(item, "fixturenames", ()):
                item.add_marker(mark)
    turns = _turns({item.path: None for item in items})
    items.sort(key=lambda item: turns[item.path])


def _turns(files: Iterable[Path]) -> dict[Path, float]:
    """Return how late each file comes, 0 to 1: of either kind an equal share at any time."""
    queues: tuple[list[Path], list[Path]] = ([], [])
    for file in files:
        queues[_package(file) in WAITING].append(file)
    turns = {}
    for queue in queues:
        queue.sort(key=_length)
        turns |= {file: (place + 0.5) / len(queue) for place, file in enumerate(queue)}
    return turns


def _length(file: Path) -> int:
    package = _package(file)
    return LONG_FIRST.index(package) if package in LONG_FIRST else len(LONG_FIRST)


def _package(file: Path) -> str:
    return file.relative_to(ROOT / "tests").parts[0]


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Hand out tests by file, but for those that share more."""
    if config.option.dist != "loadfile":
        return None

    class ByFile(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return HOUSE if nodeid.startswith(HOUSE) else super()._split_scope(nodeid)

    return ByFile(config, log)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of recordings of real venues, which are not part of the repository."""
    told = os.environ.get("STEELYARD_DATA")
    folder = Path(told) if told else RECORDINGS
    if not folder.is_dir():
        where = f"STEELYARD_DATA={told}" if told else "STEELYARD_DATA is not set and ../shared/data"
        pytest.skip(f"no recordings of real venues: {where} is not a folder")
    return folder


@pytest.fixture(scope="session")
def chromium() -> str:
    """The path of the machine's browser; tests never download one."""
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if found := shutil.which(name):
            return found
    pytest.skip("no chromium on this machine (Debian: apt install chromium)")


@pytest.fixture(scope="session")
def exchange(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ExchangeHere]:
    """One running exchange for all tests of a worker that only add accounts to it.

    Its crowd has traded: what reads the market finds something there.
    """
    with ExchangeHere(tmp_path_factory.mktemp("shared") / "data", "--crowd", "1") as running:
        trades = f"{running.url('native')}/api/v1/trades?symbol=BTC-USDT"
        last = time.monotonic() + TRADED_S
        while not json.loads(urlopen(trades).read())["trades"]:
            assert time.monotonic() < last, "the crowd does not trade"
            time.sleep(0.2)
        yield running
