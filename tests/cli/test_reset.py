import pytest
from past_bot import leave_bot

from steelyard.cli.main import run
from steelyard.store.datadir import Directory, bot_directories
from steelyard.store.journal import Journal
from steelyard.trading.records import FORMAT, RunStarted, codec


@pytest.fixture
def data(tmp_path):
    leave_bot(tmp_path)
    leave_bot(tmp_path, "grid")
    Directory(tmp_path / "exchange").close()
    return tmp_path


def reset(data, *words: str) -> int:
    return run(["reset", *words, "--data", str(data)])


def test_without_yes_it_is_said_and_nothing_is_done(data, capsys):
    assert reset(data, "dip") == 0
    assert "this would be reset" in capsys.readouterr().out
    assert bot_directories(data) == ["dip", "grid"]


def test_a_bot_begins_anew_and_its_past_lies_aside_until_the_next_time(data):
    assert reset(data, "dip", "--yes") == 0
    assert bot_directories(data) == ["grid"]
    assert (data / ".before-reset" / "bots" / "dip" / "journal").is_dir()
    assert reset(data, "all", "--yes") == 0
    assert bot_directories(data) == []
    assert not (data / "exchange").exists()
    aside = data / ".before-reset"
    assert sorted(path.name for path in (aside / "bots").iterdir()) == ["grid"]
    assert (aside / "exchange").is_dir()


def test_what_runs_is_not_reset_nor_anything_with_it(data, capsys):
    with Directory(data / "bots" / "grid"):
        assert reset(data, "all", "--yes") == 2
        assert "in use by process" in capsys.readouterr().err
    assert bot_directories(data) == ["dip", "grid"]


def test_a_record_of_real_money_is_not_reset(data, capsys):
    """Whatever its configuration says by now: the journal tells where it ran."""
    journal = Journal(data / "bots" / "grid" / "journal")
    real = RunStarted(FORMAT, 9, "grid", "live", "a:B", "BTC-USDT", {})
    journal.append(codec().encode(real, 2**60))
    journal.commit()
    journal.close()
    assert reset(data, "all", "--yes") == 2
    assert "has run in 'live': its past is a record of real money" in capsys.readouterr().err
    assert bot_directories(data) == ["dip", "grid"]
    assert reset(data, "dip", "--yes") == 0


def test_what_is_not_there_is_said(data, capsys):
    assert reset(data, "none") == 2
    assert "no bot 'none'; there are: dip, grid" in capsys.readouterr().err
    assert reset(data) == 2
    assert "say what: dip, grid, exchange, all" in capsys.readouterr().err
