import subprocess
import sys
from importlib import metadata

import pytest

from steelyard import dialects
from steelyard.domain.errors import ConfigError, Unsupported


@pytest.fixture(autouse=True)
def forget(monkeypatch):
    """Discovery remembers what it found."""
    monkeypatch.setattr(dialects, "_registered", {})
    yield
    dialects.names.cache_clear()
    dialects.find.cache_clear()


class Entry:
    """An entry point of somebody else's package."""

    value = "somewhere:DIALECT"

    def __init__(self, offered: object) -> None:
        self.offered = offered

    def load(self) -> object:
        return self.offered


def offer(monkeypatch, **offered: object) -> list[str]:
    """Let packages offer dialects; return the names that are looked up."""
    asked = []

    def entry_points(*, group: str, name: str) -> list[Entry]:
        assert group == "steelyard.dialects"
        asked.append(name)
        return [Entry(offered[name])] if name in offered else []

    monkeypatch.setattr(metadata, "entry_points", entry_points)
    return asked


def test_ours_are_found_by_their_folders():
    assert {"binance", "native"} <= set(dialects.names())
    for name in dialects.names():
        assert dialects.find(name).name == name


def test_names_are_told_without_importing_anything():
    """A command that needs one dialect does not pay for all."""
    code = (
        "import sys; from steelyard import dialects; dialects.names();"
        "print([m for m in sys.modules if m.startswith('steelyard.dialects.')]);"
        "dialects.find('binance');"
        "print(any(m.startswith('steelyard.dialects.native') for m in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split("\n")[:2] == ["[]", "False"]


def test_a_package_may_offer_a_dialect(monkeypatch):
    """It is looked up by its name, and only then."""
    theirs = dialects.find("binance")._replace(name="theirs")
    asked = offer(monkeypatch, theirs=theirs)
    assert dialects.find("theirs") is theirs
    assert asked == ["theirs"]
    assert "theirs" not in dialects.names()


def test_a_package_cannot_shadow_ours(monkeypatch):
    asked = offer(monkeypatch, binance=dialects.find("native"))
    dialects.find.cache_clear()
    assert dialects.find("binance").name == "binance"
    assert asked == []


def test_what_is_no_dialect_is_told(monkeypatch):
    offer(monkeypatch, odd=object())
    with pytest.raises(ConfigError, match="'somewhere:DIALECT' for the dialect 'odd'"):
        dialects.find("odd")


def test_an_unknown_name_is_told_the_known_ones(monkeypatch):
    offer(monkeypatch)
    with pytest.raises(Unsupported, match=f"there are {', '.join(dialects.names())}"):
        dialects.find("binanse")


def test_a_dialect_may_be_given():
    """For a test, or a program of one file; nobody's name may be taken."""
    mine = dialects.find("native")._replace(name="mine")
    dialects.register(mine)
    dialects.register(mine)
    assert dialects.find("mine") is mine
    assert "mine" not in dialects.names()
    for taken in ("mine", "binance"):
        with pytest.raises(ConfigError, match="give yours another name"):
            dialects.register(mine._replace(name=taken, title="another"))
