"""The kill mark: set by anybody, lifted by a person, and set wherever nobody can tell."""

import errno
import json
import os

import pytest

from steelyard.domain.errors import ConfigError
from steelyard.store.datadir import Directory, bot_directories
from steelyard.store.latch import CLOSING, Latch


@pytest.fixture
def latch(tmp_path) -> Latch:
    return Latch(tmp_path, "dip")


def test_a_mark_is_set_and_lifted(latch):
    """With the words of who set it."""
    assert not latch.is_set
    latch.set("enough", "alice", 1_700_000_000_123_456_789)
    assert latch.is_set
    assert latch.words == {"why": "enough", "who": "alice", "time_ms": 1_700_000_000_123}
    assert latch.why == "enough (alice)"
    assert latch.lift("looked at it", "bob", 1_700_000_001_000_000_000)
    assert not latch.is_set
    assert not latch.lift("again", "bob", 1_700_000_001_000_000_000)


def test_a_mark_of_a_bot_that_has_never_run_waits_for_it(latch, tmp_path):
    """Its directory is one that the bot can begin in."""
    latch.set("enough", "alice", 1)
    assert bot_directories(tmp_path) == ["dip"]
    Directory(tmp_path / "bots" / "dip").close()
    assert latch.is_set


def test_a_lift_counts_for_kills_before_it_alone(latch):
    """A bot that did not run hears of it; one that was killed since does not."""
    second = 10**9
    latch.lift("of a bot that never ran", "bob", 1)
    latch.set("x", "y", 1)
    assert latch.lifted_since(0) is None
    latch.lift("looked at it", "bob", 5 * second)
    assert latch.lifted_since(4 * second) == "looked at it (bob)"
    assert latch.lifted_since(6 * second) is None
    latch.set("again", "y", 7 * second)
    assert latch.lifted_since(4 * second) is None


def test_a_disk_without_room_for_words_has_a_mark(latch, tmp_path, monkeypatch):
    """An empty file needs none; what refuses that too is said."""
    Directory(tmp_path / "bots" / "dip").close()

    def refuse(*_, **__):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patched:
        patched.setattr(os, "pwrite", refuse)
        latch.set("enough", "alice", 1)
    assert latch.is_set
    latch.set("enough", "alice", 1)
    assert latch.why == "enough (alice)"
    latch.lift("x", "y", 2)
    with monkeypatch.context() as patched:
        patched.setattr(os, "open", refuse)
        with pytest.raises(ConfigError, match="No space left"):
            latch.set("enough", "alice", 3)


def test_the_first_words_stay(latch):
    """Who presses a pressed button changes nothing."""
    latch.set("first", "alice", 1)
    latch.set("second", "bob", 2)
    assert latch.words["why"] == "first"


@pytest.mark.parametrize("text", ["", "{", "[]", "\xff" * 10, '{"why": 1}', "[" * 100_000])
def test_any_file_is_a_mark(latch, tmp_path, text):
    """A torn one, one made by `touch`: it counts, and words are found for it."""
    latch.set("x", "y", 1)
    (tmp_path / "bots" / "dip" / "killed").write_text(text, encoding="latin-1")
    assert latch.is_set
    assert latch.why


def test_what_cannot_be_looked_at_counts_as_set(tmp_path):
    """Fail closed: an error is no proof that there is no mark."""
    bots = tmp_path / "bots"
    bots.mkdir()
    assert Latch(tmp_path, "x" * 300).is_set  # a name that no file system has
    bots.rmdir()
    bots.write_text("a file")
    assert Latch(tmp_path, "dip").is_set


def test_names_of_closing_orders_are_kept(latch, tmp_path):
    """Each once, whole lines only, readable by their owner alone."""
    assert latch.closing == ()
    latch.set("x", "y", 1)
    for name in ("a", "b", "a"):
        latch.note_closing(name)
    file = tmp_path / "bots" / "dip" / CLOSING
    assert file.stat().st_mode & 0o777 == 0o600
    with file.open("a") as torn:
        torn.write(json.dumps({"client_order_id": "c"})[:-4])
    assert latch.closing == ("a", "b")
    latch.lift("x", "y", 2)
    assert latch.closing == ("a", "b")  # the bot's journal may not have them yet


def test_a_name_that_cannot_be_written_is_said(latch):
    with pytest.raises(ConfigError, match=r"closing\.jsonl cannot be written"):
        latch.note_closing("a")  # there is no directory
