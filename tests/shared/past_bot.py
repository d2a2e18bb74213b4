"""A bot that has traded and does not run, in a directory as it left it."""

from pathlib import Path

from steelyard.store.datadir import Directory
from steelyard.store.journal import Journal
from tests.trading.session import new_world


def leave_bot(data: Path, name: str = "dip") -> Path:
    """Make it, and return the data directory."""
    Directory(data / "bots" / name).close()
    journal = Journal(data / "bots" / name / "journal")
    world = new_world(8)
    world.run(20)
    journal.append_all(world.payloads)
    journal.commit()
    journal.close()
    return data
