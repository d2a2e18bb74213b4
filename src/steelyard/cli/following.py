"""A bot's journal as tables: what a database is to have, and what it does not have yet.

The journal is read beside the bot, from its files; whoever asks the tables, and however long that
takes, the bot writes on.
"""

from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

from steelyard.domain.errors import UsageError
from steelyard.store.datadir import bot_directories
from steelyard.store.journal import read_records
from steelyard.store.tables import BATCH, Form, SqliteTables
from steelyard.trading.projection import TABLES, VERSION, VIEWS, Projection, Row
from steelyard.trading.records import codec

FILE = "journal.sqlite"


class Following:
    """One bot's journal, followed from its beginning; the state that rows are made of is kept."""

    def __init__(self, data: Path, bot: str) -> None:
        """Look at the journal's beginning.

        Raises:
            UsageError: No bot of that name has run here.
            ConfigError: It has no journal, or one that cannot be read.
        """
        known = bot_directories(data)
        if bot not in known:
            raise UsageError(f"no bot {bot!r} in {data}; there are: {', '.join(known) or 'none'}")
        self._journal = data / "bots" / bot / "journal"
        self._projection = Projection(bot)
        self._codec = codec()
        self.file = data / "bots" / bot / FILE
        first = next(read_records(self._journal), (0, b""))
        self.form = Form(bot, sha256(first[1]).hexdigest()[:16], VERSION, TABLES, VIEWS)

    @property
    def journal(self) -> Path:
        """Where the journal is."""
        return self._journal

    def rewind(self) -> None:
        """Begin to read from the beginning again."""
        self._projection = Projection(self.form.bot)

    def portions(self, after: int) -> Iterator[tuple[list[Row], int]]:
        """Yield rows of records beyond one, in portions, with the record that each goes up to."""
        rows: list[Row] = []
        projection = self._projection
        for stored in read_records(self._journal, projection.sequence):
            record = self._codec.decode(*stored)
            made = projection.take(record)
            if record.sequence > after:
                rows += made
            if len(rows) >= BATCH:
                yield rows, record.sequence
                rows = []
        if rows:
            yield rows, projection.sequence


def bring_up(following: Following, *, rebuild: bool = False) -> int:
    """Bring a bot's SQLite file up to its journal; return the record that it goes up to.

    Raises:
        ConfigError: Another process does so now.
        StorageError: The disk refuses.
    """
    if rebuild:
        following.file.unlink(missing_ok=True)
    tables = SqliteTables(following.file, following.form)
    try:
        for rows, sequence in following.portions(tables.sequence):
            tables.write(rows, sequence)
        return tables.sequence
    finally:
        tables.close()
