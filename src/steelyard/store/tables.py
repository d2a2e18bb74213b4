"""Tables in a database that follow a journal: SQLite in a file, PostgreSQL by its address.

It is told of tables and rows, and does not know what they mean. The invariant: rows and the number
of the record that they go up to are written in one transaction, so a database that was cut off in
the middle goes on where it was; one of other tables, or of another journal, is made anew. Only one
process writes a SQLite file (a lock beside it); it is in rollback mode, because the write-ahead
mode of SQLite before 3.51.3 can lose pages where two connections write. Readers may make this
writer wait, and never the journal's, which knows nothing of it.
"""

import fcntl
import sqlite3
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from steelyard.domain.errors import ConfigError, ConnectionLost, StorageError, UsageError
from steelyard.store.disk import make_private_file

BATCH = 5_000  # rows in one transaction, or a few more
BUSY_S = 30.0  # so long a reader may keep the writer waiting
ROWS_MAX = 100_000  # of one answer
ANSWER_S = 300  # that a question may take
STEPS = 100_000  # of SQLite, between looks whether it is over
_SQLITE = {"number": "INTEGER", "text": "TEXT", "decimal": "TEXT"}
_POSTGRES = {"number": "BIGINT", "text": "TEXT", "decimal": "NUMERIC"}


class Table(Protocol):
    """A table, as `trading.projection` has it."""

    @property
    def name(self) -> str:
        """Its name."""
        ...

    @property
    def columns(self) -> tuple[tuple[str, str], ...]:
        """Names and kinds."""
        ...

    @property
    def keys(self) -> int:
        """How many of the first columns are its key."""
        ...


class Form(NamedTuple):
    """What a database is to have: whose rows, which tables and views, of which version.

    origin is the journal's identity: another journal's rows are not gone on with.
    """

    bot: str
    origin: str
    version: int
    tables: Sequence[Table]
    views: Mapping[str, str]

    @property
    def mark(self) -> str:
        """What must be the same for a database to be gone on with."""
        return f"{self.version}:{self.origin}"


class Answer(NamedTuple):
    """Rows that a question was answered with; is_cut: there were more."""

    columns: tuple[str, ...]
    rows: list[tuple[Any, ...]]
    is_cut: bool


class SqliteTables:
    """A SQLite file that this process writes."""

    def __init__(self, path: Path, form: Form) -> None:
        """Open it, and make it anew if it is of other tables or another journal.

        Raises:
            ConfigError: Another process writes it, or it cannot be opened.
        """
        self._form = form
        self._lock = path.with_name(f"{path.name}.lock").open("a")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            self._lock.close()
            raise ConfigError(
                f"{path} is written by another process now; ask again when it is done"
            ) from error
        make_private_file(path)
        try:
            self._database = _opened(path)
            self._make()
        except sqlite3.DatabaseError:
            # It is a copy of what the journal has: a damaged one is made again.
            path.unlink(missing_ok=True)
            make_private_file(path)
            self._database = _opened(path)
            self._make()

    def _make(self) -> None:
        database, form = self._database, self._form
        database.execute("CREATE TABLE IF NOT EXISTS followed (bot TEXT PRIMARY KEY, "
                         "mark TEXT NOT NULL, sequence INTEGER NOT NULL)")  # fmt: skip
        row = database.execute(
            "SELECT mark, sequence FROM followed WHERE bot = ?", (form.bot,)
        ).fetchone()
        if row is not None and row[0] == form.mark:
            self.sequence: int = row[1]
            return
        for name in form.views:
            database.execute(f"DROP VIEW IF EXISTS {name}")
        for table in form.tables:
            database.execute(f"DROP TABLE IF EXISTS {table.name}")
        for statement in _statements(form, _SQLITE):
            database.execute(statement)
        self.sequence = 0
        database.execute("REPLACE INTO followed VALUES (?, ?, 0)", (form.bot, form.mark))
        database.commit()

    def write(self, rows: Sequence[tuple[str, tuple[Any, ...]]], sequence: int) -> None:
        """Write rows, and that they go up to a record: all of it or nothing.

        Raises:
            StorageError: The disk refuses, or a reader does not let go.
        """
        inserts = {table.name: _upsert(table, ["?"] * len(table.columns)) for table in self._tables}
        try:
            with self._database:
                for name, found in _by_table(rows):
                    self._database.executemany(inserts[name], map(_plain, found))
                self._database.execute(
                    "UPDATE followed SET sequence = ? WHERE bot = ?", (sequence, self._form.bot)
                )
        except sqlite3.Error as error:
            raise StorageError(f"the tables cannot be written: {error}") from error
        self.sequence = sequence

    @property
    def _tables(self) -> Sequence[Table]:
        return self._form.tables

    def close(self) -> None:
        """Let go of the file."""
        self._database.close()
        self._lock.close()


def ask_sqlite(path: Path, question: str) -> Answer:
    """Return the answer to a question in SQL, which can change nothing, here or elsewhere.

    It can be interrupted by a signal, and ends by itself after `ANSWER_S`.

    Raises:
        UsageError: It is none, or wants to change something (the message is SQLite's), or takes
            too long.
    """
    address = f"file:{str(path).replace('%', '%25').replace('?', '%3f').replace('#', '%23')}"
    try:
        with closing(sqlite3.connect(f"{address}?mode=ro", uri=True, timeout=BUSY_S)) as database:
            database.execute("PRAGMA query_only = 1")
            database.set_authorizer(_allowed)
            end_s = time.monotonic() + ANSWER_S
            # Between its steps Python hears of signals.
            database.set_progress_handler(lambda: time.monotonic() > end_s, STEPS)
            found = database.execute(question)
            columns = tuple(column[0] for column in found.description or ())
            rows = found.fetchmany(ROWS_MAX + 1)
    except (sqlite3.Error, sqlite3.Warning) as error:
        if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_INTERRUPT:
            raise UsageError(
                f"SQL: ended before its answer was there, by a signal or after {ANSWER_S} s; "
                "narrow the question, or ask PostgreSQL: steelyard export"
            ) from error
        raise UsageError(f"SQL: {error}") from error
    return Answer(columns, rows[:ROWS_MAX], len(rows) > ROWS_MAX)


def read_sqlite(path: Path, question: str) -> list[tuple[Any, ...]]:
    """Return all rows of a question of ours, however many."""
    address = f"file:{str(path).replace('%', '%25').replace('?', '%3f').replace('#', '%23')}"
    with closing(sqlite3.connect(f"{address}?mode=ro", uri=True, timeout=BUSY_S)) as database:
        return database.execute(question).fetchall()


def _allowed(action: int, *_: str | None) -> int:
    """Refuse to open other files, which also makes them; the rest is refused by the mode."""
    return sqlite3.SQLITE_DENY if action == sqlite3.SQLITE_ATTACH else sqlite3.SQLITE_OK


class PostgresTables:
    """The same tables in PostgreSQL; several bots share them."""

    def __init__(self, connection: Any, form: Form) -> None:
        self._connection = connection
        self._form = form
        self.sequence = 0

    @classmethod
    async def open(cls, address: str, form: Form, *, rebuild: bool = False) -> "PostgresTables":
        """Connect, and make what is missing.

        Raises:
            ConfigError: The library is not installed, or the address is none.
            ConnectionLost: The server cannot be reached, or refuses.
        """
        try:
            import asyncpg  # noqa: PLC0415 an extra
        except ImportError as error:
            raise ConfigError("this needs asyncpg: pip install 'steelyard[postgres]'") from error
        try:
            connection = await asyncpg.connect(address, timeout=10, command_timeout=60)
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, TimeoutError) as error:
            raise ConnectionLost(f"the database cannot be reached: {_said(error)}") from error
        except ValueError as error:
            raise ConfigError("the database's address is none; postgresql://HOST/NAME") from error
        found = cls(connection, form)
        try:
            await found._make(rebuild=rebuild)
        except asyncpg.PostgresError as error:
            await connection.close()
            raise ConnectionLost(f"the database refuses: {_said(error)}") from error
        return found

    async def _make(self, *, rebuild: bool) -> None:
        connection, form = self._connection, self._form
        async with connection.transaction():
            # One follower at a time; it goes with the connection.
            await connection.execute("SELECT pg_advisory_xact_lock(8600)")
            await connection.execute(
                "CREATE TABLE IF NOT EXISTS followed (bot TEXT PRIMARY KEY, mark TEXT NOT NULL, "
                "sequence BIGINT NOT NULL)"
            )
            for statement in _statements(form, _POSTGRES, "CREATE OR REPLACE VIEW"):
                await connection.execute(statement)
            query = "SELECT mark, sequence FROM followed WHERE bot = $1"
            row = await connection.fetchrow(query, form.bot)
            if row is not None and row["mark"] == form.mark and not rebuild:
                self.sequence = row["sequence"]
                return
            for table in form.tables:
                clear = f"DELETE FROM {table.name} WHERE bot = $1"  # noqa: S608 ours
                await connection.execute(clear, form.bot)
            await connection.execute(
                "INSERT INTO followed VALUES ($1, $2, 0) ON CONFLICT (bot) DO UPDATE "
                "SET mark = EXCLUDED.mark, sequence = 0",
                form.bot,
                form.mark,
            )

    async def write(self, rows: Sequence[tuple[str, tuple[Any, ...]]], sequence: int) -> None:
        """Write rows, and that they go up to a record: all of it or nothing.

        Raises:
            ConnectionLost: The server is gone, or refuses.
        """
        import asyncpg  # noqa: PLC0415 it was there to connect

        connection = self._connection
        places = {t.name: [f"${n + 1}" for n in range(len(t.columns))] for t in self._form.tables}
        inserts = {table.name: _upsert(table, places[table.name]) for table in self._form.tables}
        try:
            async with connection.transaction():
                for name, found in _by_table(rows):
                    await connection.executemany(inserts[name], found)
                await connection.execute(
                    "UPDATE followed SET sequence = $1 WHERE bot = $2", sequence, self._form.bot
                )
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, TimeoutError) as error:
            raise ConnectionLost(f"the database refuses: {_said(error)}") from error
        self.sequence = sequence

    async def close(self) -> None:
        """Let go of the connection."""
        await self._connection.close()


def _opened(path: Path) -> sqlite3.Connection:
    database = sqlite3.connect(path, timeout=BUSY_S)
    database.execute("PRAGMA journal_mode = DELETE")
    return database


def _statements(form: Form, kinds: Mapping[str, str], view: str = "CREATE VIEW") -> Iterator[str]:
    for table in form.tables:
        columns = ", ".join(f"{name} {kinds[kind]}" for name, kind in table.columns)
        keys = ", ".join(name for name, _ in table.columns[: table.keys])
        yield f"CREATE TABLE IF NOT EXISTS {table.name} ({columns}, PRIMARY KEY ({keys}))"
    for name, query in form.views.items():
        yield f"{view} {name} AS {query}"


def _upsert(table: Table, places: Sequence[str]) -> str:
    names = [name for name, _ in table.columns]
    keys, rest = names[: table.keys], names[table.keys :]
    updates = ", ".join(f"{name} = excluded.{name}" for name in rest)
    return (
        f"INSERT INTO {table.name} ({', '.join(names)}) VALUES ({', '.join(places)}) "  # noqa: S608
        f"ON CONFLICT ({', '.join(keys)}) DO UPDATE SET {updates}"
    )


def _by_table(
    rows: Sequence[tuple[str, tuple[Any, ...]]],
) -> Iterator[tuple[str, list[tuple[Any, ...]]]]:
    found: dict[str, list[tuple[Any, ...]]] = {}
    for name, values in rows:
        found.setdefault(name, []).append(values)
    yield from found.items()


def _plain(values: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return values as SQLite keeps them: decimals as text, exactly."""
    return tuple(f"{value:f}" if isinstance(value, Decimal) else value for value in values)


def _said(error: BaseException) -> str:
    return str(error).strip().partition("\n")[0] or type(error).__name__
