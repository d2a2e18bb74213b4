"""What the bots of a host hold together, in files: one at a time, and nothing is forgotten."""

import multiprocessing
import shutil
from pathlib import Path

import pytest

from steelyard.domain.errors import ConfigError
from steelyard.store import exposure
from steelyard.store.exposure import SharedExposure, release

UNIT = 10**12


class Host:
    """A host with directories of bots."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def bot(self, name: str, group: str = "live") -> SharedExposure:
        directory = self.path / "data" / name
        directory.mkdir(parents=True, exist_ok=True)
        return SharedExposure(self.path / "state", group, directory, name)

    def files(self) -> list[Path]:
        return sorted(self.path.glob("state/exposure/*/*.json"))


@pytest.fixture
def host(tmp_path) -> Host:
    return Host(tmp_path)


def test_bots_of_a_host_share_a_limit(host: Host):
    """What does not fit beside the others' is not granted, and changes nothing."""
    dip, momo = host.bot("dip"), host.bot("momo")
    assert dip.claim("USDT", 6 * UNIT, 10 * UNIT, 1).is_granted
    refused = momo.claim("USDT", 5 * UNIT, 10 * UNIT, 2)
    assert refused[:3] == (False, 6 * UNIT, "dip has 6")
    assert momo.claim("USDT", 4 * UNIT, 10 * UNIT, 3).is_granted
    assert not dip.claim("USDT", 7 * UNIT, 10 * UNIT, 4).is_granted
    assert dip.claim("USDT", 2 * UNIT, None, 5).is_granted
    assert momo.claim("USDT", 8 * UNIT, 10 * UNIT, 6).is_granted


def test_a_bot_that_is_gone_keeps_its_part(host: Host):
    """Its position and its orders are still there; until its directory is gone, or it tells."""
    dip, momo = host.bot("dip"), host.bot("momo")
    dip.claim("USDT", 6 * UNIT, None, 1)
    dip.close()
    assert not momo.claim("USDT", 5 * UNIT, 10 * UNIT, 2).is_granted
    again = host.bot("dip")
    assert again.claim("USDT", 6 * UNIT, 10 * UNIT, 3).is_granted, "its own part is no other's"
    shutil.rmtree(host.path / "data" / "dip")
    assert momo.claim("USDT", 10 * UNIT, 10 * UNIT, 4).others == "no other bot has any"
    assert [path.name.partition(".")[0] for path in host.files()] == ["momo"]


def test_groups_and_quotes_are_not_added(host: Host):
    """Nobody knows the rate of another asset; a practice world is its own."""
    host.bot("dip").claim("USDT", 6 * UNIT, None, 1)
    host.bot("euro").claim("EUR", 6 * UNIT, None, 1)
    host.bot("here", "sandbox").claim("USDT", 6 * UNIT, None, 1)
    claim = host.bot("momo").claim("USDT", 4 * UNIT, 10 * UNIT, 2)
    assert claim == (True, 6 * UNIT, "dip has 6", None)


@pytest.mark.parametrize(
    "damage", [b"", b"{", b'{"bot":"dip"}', b"\xff\xfe", b'{"bot":1}', b"x" * 100]
)
def test_a_file_that_cannot_be_read_grants_nothing(host: Host, damage: bytes):
    """A limit that nobody can look at is not kept; the sentence names the file."""
    host.bot("dip").claim("USDT", UNIT, None, 1)
    (file,) = host.files()
    file.write_bytes(damage)
    claim = host.bot("momo").claim("USDT", UNIT, 10 * UNIT, 2)
    assert not claim.is_granted
    assert str(file) in str(claim.trouble)
    assert "remove it" in str(claim.trouble)
    file.unlink()
    assert host.bot("momo").claim("USDT", UNIT, 10 * UNIT, 3).is_granted


def test_an_amount_that_is_none_grants_nothing(host: Host):
    host.bot("dip").claim("USDT", UNIT, None, 1)
    (file,) = host.files()
    file.write_bytes(file.read_bytes().replace(b'"amount":"1"', b'"amount":"much"'))
    claim = host.bot("momo").claim("USDT", UNIT, 10 * UNIT, 2)
    assert not claim.is_granted
    assert claim.trouble is not None


def test_who_holds_the_lock_is_not_waited_for(host: Host, monkeypatch: pytest.MonkeyPatch):
    """An order that cannot be checked is refused, and soon."""
    monkeypatch.setattr(exposure, "LOCK_PAUSE_S", 0)
    dip, momo = host.bot("dip"), host.bot("momo")
    with dip._locked():
        claim = momo.claim("USDT", UNIT, 10 * UNIT, 1)
    assert claim == (False, 0, "no other bot has any", "another bot of this host holds the file")
    assert momo.claim("USDT", UNIT, 10 * UNIT, 1).is_granted


def test_a_state_directory_that_cannot_be_made_is_named(tmp_path: Path):
    (tmp_path / "state").write_text("a file")
    with pytest.raises(ConfigError, match="STEELYARD_STATE"):
        SharedExposure(tmp_path / "state", "live", tmp_path, "dip")


def _press(path: Path, name: str, rounds: int) -> None:
    mine = Host(path).bot(name)
    granted = 0
    for _ in range(rounds):
        if mine.claim("USDT", (granted + 1) * UNIT, 20 * UNIT, 1).is_granted:
            granted += 1
    (path / f"{name}.granted").write_text(str(granted))


def test_processes_that_ask_at_once_never_get_the_same(host: Host):
    """All of them together get what there is, and not one more."""
    context = multiprocessing.get_context("fork")
    names = ("a", "b", "c")
    processes = [context.Process(target=_press, args=(host.path, n, 40)) for n in names]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
    granted = [int((host.path / f"{name}.granted").read_text()) for name in names]
    assert sum(granted) == 20


def test_the_part_of_a_bot_that_holds_nothing_any_more_is_released(host: Host):
    """Its own in every group, and no other's, nor that of its namesake elsewhere."""
    dip, momo = host.bot("dip"), host.bot("momo")
    assert dip.claim("USDT", 8 * UNIT, 10 * UNIT, 1).is_granted
    assert not momo.claim("USDT", 5 * UNIT, 10 * UNIT, 2).is_granted
    state = host.path / "state"
    assert not release(state, host.path / "elsewhere" / "dip", "dip")
    assert release(state, host.path / "data" / "dip", "dip")
    assert momo.claim("USDT", 5 * UNIT, 10 * UNIT, 3).is_granted
    assert [path.name.partition(".")[0] for path in host.files()] == ["momo"]
    assert not release(state, host.path / "data" / "dip", "dip")
