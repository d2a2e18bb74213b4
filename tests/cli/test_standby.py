"""Who waits, as others read it."""

import os

from steelyard.cli.standby import StandbyFile, standbys
from steelyard.store.datadir import write_atomically


def test_who_waits_is_told_until_it_ends(tmp_path):
    waiting = StandbyFile(tmp_path, "dip")
    assert standbys(tmp_path) == []
    assert waiting.say("a trades dip") is True
    assert waiting.say("a trades dip") is False, "nothing new"
    (found,) = standbys(tmp_path)
    assert (found["pid"], found["bot"]) == (os.getpid(), "dip")
    assert found["waits_for"] == "a trades dip"
    waiting.close()
    waiting.close()
    assert standbys(tmp_path) == []


def test_the_file_of_a_dead_process_says_nothing_and_goes(tmp_path):
    StandbyFile(tmp_path, "dip").say("x")
    dead = tmp_path / "standby" / "dip.dead.json"
    write_atomically(dead, {"pid": 2**22 + 1, "bot": "dip", "waits_for": "y"})
    assert [found["waits_for"] for found in standbys(tmp_path)] == ["x"]
    assert not dead.exists()
