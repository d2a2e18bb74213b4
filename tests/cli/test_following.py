"""A journal is followed from its files, beside whoever writes it."""

import pytest

from steelyard.cli.following import Following, bring_up
from steelyard.domain.errors import UsageError
from steelyard.store.datadir import Directory
from steelyard.store.journal import Journal
from steelyard.store.tables import BATCH, ask_sqlite
from steelyard.trading.records import StrategyNoted, codec

COUNT = "SELECT COUNT(*), MAX(sequence) FROM events"


@pytest.fixture
def journal(tmp_path):
    """A bot's journal, open for writing, in short segments."""
    Directory(tmp_path / "bots" / "dip").close()
    journal = Journal(tmp_path / "bots" / "dip" / "journal", segment_bytes=5_000)
    write(journal, 1)
    yield journal
    journal.close()


def write(journal: Journal, records: int) -> None:
    for number in range(records):
        journal.append(codec().encode(StrategyNoted(f"note {number}"), number))
        if number % 50 == 0:
            journal.commit()
    journal.commit()


def test_it_goes_on_where_it_was_over_segments(tmp_path, journal):
    """In one process and in the next one, and from the first record on again."""
    following = Following(tmp_path, "dip")
    assert bring_up(following) == 1
    write(journal, 300)
    assert bring_up(following) == 301
    write(journal, 200)
    assert bring_up(Following(tmp_path, "dip")) == 501
    following.rewind()
    assert bring_up(following) == 501
    assert bring_up(following, rebuild=True) == 0  # this one has read all before
    assert bring_up(Following(tmp_path, "dip")) == 501
    assert ask_sqlite(following.file, COUNT).rows == [(501, 501)]


def test_what_is_not_committed_is_not_there_yet(tmp_path, journal):
    journal.append(codec().encode(StrategyNoted("soon"), 1))
    following = Following(tmp_path, "dip")
    assert bring_up(following) == 1
    journal.commit()
    assert bring_up(following) == 2


def test_portions_are_whole_records(tmp_path, journal):
    write(journal, BATCH + 10)
    portions = [*Following(tmp_path, "dip").portions(0)]
    assert [sequence for _, sequence in portions] == [BATCH, BATCH + 11]
    assert [len(rows) for rows, _ in portions] == [BATCH, 11]


def test_another_journal_in_its_place_is_begun_anew(tmp_path, journal):
    write(journal, 5)
    assert bring_up(Following(tmp_path, "dip")) == 6
    journal.close()
    for segment in (tmp_path / "bots" / "dip" / "journal").iterdir():
        segment.unlink()
    other = Journal(tmp_path / "bots" / "dip" / "journal")
    other.append(codec().encode(StrategyNoted("another life"), 9))
    other.commit()
    other.close()
    following = Following(tmp_path, "dip")
    assert bring_up(following) == 1
    assert ask_sqlite(following.file, COUNT).rows == [(1, 1)]


def test_a_bot_that_has_not_run_is_said(tmp_path):
    with pytest.raises(UsageError, match="no bot 'dip'"):
        Following(tmp_path, "dip")
