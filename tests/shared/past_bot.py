"""A bot that has traded and does not run, in a directory as it left it."""

from pathlib import Path

from steelyard.store.datadir import Directory
from steelyard.store.journal import Journal
from steelyard.trading.records import Measured, codec
from tests.trading.session import new_world


def leave_bot(data: Path, name: str = "dip", *, is_measured: bool = False) -> Path:
    """Make it, and return the data directory; is_measured: it wrote down what it has measured."""
    Directory(data / "bots" / name).close()
    journal = Journal(data / "bots" / name / "journal")
    world = new_world(8)
    world.run(20)
    journal.append_all(world.payloads)
    if is_measured:
        numbers = Measured(world.trader.measures.noted)
        journal.append(codec().encode(numbers, world.now_ns))
    journal.commit()
    journal.close()
    return data
