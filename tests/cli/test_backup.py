"""A journal kept elsewhere and brought back: the same records, and word of what they lack."""

import json
from pathlib import Path

import pytest

from steelyard.cli.backup import marks
from steelyard.cli.main import run
from steelyard.domain.messages import SECOND_NS
from steelyard.store import datadir
from steelyard.store.journal import Journal, read_records
from steelyard.trading.records import Killed, LeaseTaken, StrategyNoted, TimerFired, codec
from steelyard.trading.state import TraderState

NOTES = 1_500  # more than are written at once
LAST_NS = 1_700_000_000 * SECOND_NS
SAID = [*[StrategyNoted(f"note {n}") for n in range(NOTES)], Killed("why"), TimerFired(10**9, 5)]


@pytest.fixture
def data(tmp_path) -> Path:
    """A data directory in which the bot `dip` has run, and still runs."""
    directory = datadir.Directory(tmp_path / "data" / "bots" / "dip")
    journal = Journal(directory.path / "journal")
    journal.append_all([codec().encode(message, LAST_NS) for message in SAID])
    journal.commit()
    yield tmp_path / "data"
    journal.close()
    directory.close()


def steelyard(capsys, *arguments: str):
    """Run a command; return its exit code and its document."""
    code = run([*arguments, "--json"])
    return code, json.loads(capsys.readouterr().out)


def messages(journal: Path) -> list:
    return [codec().decode(*stored).message for stored in read_records(journal)]


def test_a_running_bots_journal_is_copied_and_comes_back(data, tmp_path, capsys):
    """All of it; then a record that what followed is the bot's too, and no slot is used again."""
    code, told = steelyard(capsys, "backup", "--data", str(data), "--to", str(tmp_path / "kept"))
    (made,) = told["backups"]
    assert (code, made["bot"], made["records"]) == (0, "dip", len(SAID))
    other = tmp_path / "other"
    code, told = steelyard(capsys, "restore", made["folder"], "--data", str(other))
    assert (code, told["records"]) == (0, len(SAID))
    found = messages(other / "bots" / "dip" / "journal")
    assert found[: len(SAID)] == SAID
    taken, fired = found[len(SAID) :]
    assert isinstance(taken, LeaseTaken)
    assert taken.is_elsewhere
    assert taken.why == "restored from a backup of 2023-11-14T22:13:20.000Z"
    assert fired.slot > LAST_NS // 10**9, "up to now"


def test_nothing_is_overwritten(data, tmp_path, capsys):
    _, told = steelyard(capsys, "backup", "dip", "--data", str(data), "--to", str(tmp_path))
    folder = told["backups"][0]["folder"]
    code, told = steelyard(capsys, "restore", folder, "--data", str(data))
    assert code == 2
    assert "is there; move it away first" in told["error"]["message"]
    assert messages(data / "bots" / "dip" / "journal") == SAID


@pytest.mark.parametrize("damage", ["shortened", "changed"])
def test_a_damaged_backup_is_no_backup(data, tmp_path, capsys, damage: str):
    _, told = steelyard(capsys, "backup", "--data", str(data), "--to", str(tmp_path))
    folder = Path(told["backups"][0]["folder"])
    about = json.loads((folder / "backup.json").read_text())
    key = {"shortened": "records", "changed": "sha256"}[damage]
    about[key] = 7 if key == "records" else "0" * 64
    (folder / "backup.json").write_text(json.dumps(about))
    code, told = steelyard(capsys, "restore", str(folder), "--data", str(tmp_path / "new"))
    assert code == 2
    assert "is damaged" in told["error"]["message"]
    assert not (tmp_path / "new").exists()


def test_where_there_is_nothing_it_says_so(tmp_path, capsys):
    for arguments, said in [
        (("backup", "--to", str(tmp_path)), "no bot has run in"),
        (("backup", "dip", "--to", str(tmp_path)), "has no journal"),
        (("restore", str(tmp_path)), "backup.json is not there"),
    ]:
        code, told = steelyard(capsys, *arguments, "--data", str(tmp_path / "none"))
        assert code == 2
        assert said in told["error"]["message"]
    (tmp_path / "backup.json").write_text('{"bot": "../x"}')
    assert "names no bot" in steelyard(capsys, "restore", str(tmp_path))[1]["error"]["message"]


def test_the_last_record_keeps_the_term_of_a_lease():
    """So the next start sees whether somebody else had it since."""
    state = TraderState()
    state.apply(LeaseTaken("dip.live", 4, "a", 3, "b", False), 1)
    taken, *fired = marks(state, LAST_NS, LAST_NS)
    assert (taken.term, taken.is_elsewhere, fired) == (4, True, [])
    state.apply(taken, 2)
    assert (state.lease_term, state.takes_over) == (4, True)
