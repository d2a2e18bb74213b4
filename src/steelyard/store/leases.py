"""Where a bot's lease is kept: a lock of this host, and in PostgreSQL for several hosts.

A lock goes with its process, however that ends, and stays with one that stands still: so nobody
takes a bot from a process of the same host that only sleeps. A row of PostgreSQL runs out by the
database's clock. Whoever uses the database holds the lock of its own host as well, and the lock
is `home`: the same one held by another process means that the holder before has ended.

The rules of who may take what are `domain/lease.py`. The database has to keep what it has said: of
one that forgets a commit (an asynchronous copy that takes over) two can hold a lease, and no client
can tell.
"""

import asyncio
import os
import socket
from collections.abc import Sequence
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from steelyard.domain.errors import ConfigError, ConnectionLost
from steelyard.domain.lease import Lease
from steelyard.store.datadir import read_document, write_atomically
from steelyard.store.ownership import Ownership, Taken, holder_of, path_of

WHAT = "lease"
SEEN_S = 10.0  # who waits says so again and again; after this it is no longer believed
ANSWER_S = 2.0  # for one answer of the database
_BOOT = Path("/proc/sys/kernel/random/boot_id")


class Mark(NamedTuple):
    """A kill mark that a host has left for the others; at_us tells it from one before it."""

    name: str
    why: str
    who: str
    at_us: int


class LeasePlace(Protocol):
    """Where a lease is kept."""

    kind: str
    name: str
    holder: str

    async def look(self) -> Lease | None:
        """Return it as it is; None: nobody has ever had it."""
        ...

    async def take(self, seen: Lease | None, drain_ns: int | None) -> Lease | None:
        """Take it, if it is still as it was seen; None: it is not."""
        ...

    async def renew(self, carried: str) -> Lease | None:
        """Renew what this process has taken, and leave `carried`; None: another one has it."""
        ...

    async def release(self, carried: str, *, is_clean: bool) -> None:
        """Let go of it; is_clean: nothing of this holder is on its way."""
        ...

    async def wait(self) -> None:
        """Say that this process waits for it."""
        ...

    async def standbys(self) -> list[str]:
        """Return who waits for it."""
        ...

    async def marks(self, names: Sequence[str]) -> list[Mark]:
        """Return the kill marks of these bots that hosts have left for each other."""
        ...

    async def unmark(self, name: str, at_us: int | None = None) -> None:
        """Take a bot's kill mark away; at_us: that one, and none that was set after it."""
        ...

    async def close(self) -> None:
        """Let go of what it takes to ask."""
        ...


def holder_name() -> str:
    """Return who this process is, for people."""
    return f"{socket.gethostname()} (process {os.getpid()})"


class HostLease:
    """A lease within one host: a lock, and a file beside it with the term."""

    kind = "host"

    def __init__(self, directory: Path, name: str, *names: str) -> None:
        """`names` tell which lock; `name` is what people call it."""
        self.name, self.holder = name, holder_name()
        self._directory, self._names = directory, names
        self._owned: Ownership | None = None
        self._file = path_of(directory, WHAT, names).with_suffix(".term")

    @property
    def home(self) -> str:
        """What this lock is among all locks; to be asked for once it is held.

        Raises:
            ConfigError: The disk refuses.
        """
        path = path_of(self._directory, WHAT, self._names)
        try:
            about = path.stat()
            boot = _BOOT.read_text(encoding="ascii").strip() if _BOOT.exists() else ""
        except OSError as error:
            raise ConfigError(f"{path} cannot be used: {error.strerror}") from error
        told = f"{boot} {socket.gethostname()} {about.st_dev} {about.st_ino}"
        return sha256(told.encode()).hexdigest()[:32]

    async def look(self) -> Lease | None:
        """Return it as it is."""
        told = read_document(self._file, missing={})
        if not told:
            return None
        pid = None if self._owned else holder_of(self._directory, WHAT, *self._names)
        return self._lease(
            int(told.get("term", 0)), str(told.get("holder", "")), is_free=pid is None
        )

    async def take(self, seen: Lease | None, drain_ns: int | None) -> Lease | None:  # noqa: ARG002
        """Take it, unless another process of this host has it."""
        try:
            self._owned = Ownership(self._directory, WHAT, *self._names)
        except Taken:
            return None
        told = read_document(self._file, missing={})
        term = int(told.get("term", 0)) + 1
        write_atomically(self._file, {"term": term, "holder": self.holder})
        return self._lease(term, self.holder, is_free=False)

    def _lease(self, term: int, holder: str, *, is_free: bool) -> Lease:
        return Lease(self.name, term, holder, term, 0, None, is_free, is_free, 0, "", "")

    async def renew(self, carried: str) -> Lease | None:  # noqa: ARG002 the journal has it all
        """Return it: it is held as long as the process lives."""
        return await self.look()

    async def release(self, carried: str, *, is_clean: bool) -> None:  # noqa: ARG002
        """Let go of the lock."""
        if self._owned is not None:
            self._owned.close()
            self._owned = None

    async def wait(self) -> None:
        """Nothing: who waits on this host leaves a file (`cli/standby.py`)."""

    async def standbys(self) -> list[str]:
        """Return nobody, for the same reason."""
        return []

    async def marks(self, names: Sequence[str]) -> list[Mark]:  # noqa: ARG002
        """Return none: on one host the mark is a file that every process reads."""
        return []

    async def unmark(self, name: str, at_us: int | None = None) -> None:
        """Nothing, for the same reason."""

    async def close(self) -> None:
        """Let go of the lock, if it is still held."""
        await self.release("", is_clean=True)


_TABLES = """
CREATE TABLE IF NOT EXISTS steelyard_lease (
    name text PRIMARY KEY, term bigint NOT NULL, holder text NOT NULL, beat bigint NOT NULL,
    ttl_ms bigint NOT NULL, until timestamptz NOT NULL, released boolean NOT NULL,
    drain_ms bigint, home text NOT NULL, carried text NOT NULL);
CREATE TABLE IF NOT EXISTS steelyard_standby (
    name text NOT NULL, holder text NOT NULL, seen timestamptz NOT NULL,
    PRIMARY KEY (name, holder));
CREATE TABLE IF NOT EXISTS steelyard_kill (
    name text PRIMARY KEY, why text NOT NULL, who text NOT NULL, at timestamptz NOT NULL)
"""
_ROW = """
name, term, holder, beat, ttl_ms, released, drain_ms, home, carried,
(extract(epoch FROM until) * 1000)::bigint AS until_ms, clock_timestamp() >= until AS is_over
"""
_LOOK = f"SELECT {_ROW} FROM steelyard_lease WHERE name = $1"  # noqa: S608 ours
_UNTIL = "clock_timestamp() + $3::bigint * interval '1 millisecond'"
_FIRST = f"""
INSERT INTO steelyard_lease VALUES ($1, 1, $2, 1, $3, {_UNTIL}, false, $4, $5, '')
ON CONFLICT (name) DO NOTHING RETURNING {_ROW}
"""  # noqa: S608
_TAKE = f"""
UPDATE steelyard_lease SET term = term + 1, holder = $2, beat = beat + 1, ttl_ms = $3,
    until = {_UNTIL}, released = false, drain_ms = $4, home = $5
WHERE name = $1 AND term = $6 AND beat = $7 RETURNING {_ROW}
"""  # noqa: S608
_RENEW = f"""
UPDATE steelyard_lease SET beat = beat + 1, until = {_UNTIL}, carried = $5
WHERE name = $1 AND holder = $2 AND term = $4 AND NOT released
RETURNING {_ROW}
"""  # noqa: S608
_RELEASE = """
UPDATE steelyard_lease SET beat = beat + 1, until = least(until, clock_timestamp()),
    released = $4, carried = $5
WHERE name = $1 AND holder = $2 AND term = $3 AND NOT released
"""
_WAIT = """
INSERT INTO steelyard_standby VALUES ($1, $2, clock_timestamp())
ON CONFLICT (name, holder) DO UPDATE SET seen = excluded.seen
"""
_WAITING = """
SELECT holder FROM steelyard_standby
WHERE name = $1 AND seen > clock_timestamp() - $2::float8 * interval '1 second' ORDER BY holder
"""
_NO_LONGER = "DELETE FROM steelyard_standby WHERE name = $1 AND holder = $2"
_AT = "(extract(epoch FROM at) * 1000000)::bigint"
_MARK = """
INSERT INTO steelyard_kill VALUES ($1, $2, $3, clock_timestamp())
ON CONFLICT (name) DO UPDATE SET why = excluded.why, who = excluded.who, at = excluded.at
"""
_MARKS = f"SELECT name, why, who, {_AT} AS at_us FROM steelyard_kill WHERE name = ANY($1::text[])"  # noqa: S608
_UNMARK = f"DELETE FROM steelyard_kill WHERE name = $1 AND ($2::bigint IS NULL OR {_AT} = $2)"  # noqa: S608
_FORGET = tuple(
    f"DELETE FROM {table} WHERE name = $1"  # noqa: S608
    for table in ("steelyard_lease", "steelyard_standby", "steelyard_kill")
)
_MS_NS = 10**6


class PostgresLease:
    """A lease in a table of PostgreSQL, which every trader of the bot uses."""

    kind = "postgresql"

    def __init__(self, address: str, name: str, ttl_ns: int, home: str) -> None:
        """Nothing is opened yet; home is that of the host's lock, which is held already."""
        self.name, self.holder = name, holder_name()
        self._address, self._ttl_ms, self._home = address, ttl_ns // _MS_NS, home
        self._connection: Any = None
        self._term: int | None = None

    async def look(self) -> Lease | None:
        """Return it as it is.

        Raises:
            ConnectionLost: The database cannot be asked.
            ConfigError: The library is not installed, or the address is none.
        """
        return _lease(await self._row(_LOOK, self.name))

    async def take(self, seen: Lease | None, drain_ns: int | None) -> Lease | None:
        """Take it, if it is still as it was seen.

        Raises:
            ConnectionLost: The database cannot be asked; it may have been taken all the same.
        """
        drain_ms = None if drain_ns is None else -(-drain_ns // _MS_NS)
        told = self.name, self.holder, self._ttl_ms, drain_ms, self._home
        if seen is None:
            taken = _lease(await self._row(_FIRST, *told))
        else:
            taken = _lease(await self._row(_TAKE, *told, seen.term, seen.beat))
        if taken is not None:
            self._term = taken.term
            with suppress(ConnectionLost):  # it runs out by itself
                await self._row(_NO_LONGER, self.name, self.holder)
        return taken

    async def renew(self, carried: str) -> Lease | None:
        """Renew it; None: another one has it, or it was released.

        One that has run out by the database's clock, and that nobody has taken, is renewed: the
        holder counts for itself, and a clock that is set ahead stops nobody.

        Raises:
            ConnectionLost: The database cannot be asked.
        """
        told = self.name, self.holder, self._ttl_ms, self._term, carried
        return _lease(await self._row(_RENEW, *told))

    async def release(self, carried: str, *, is_clean: bool) -> None:
        """Let go of it; what is on its way still has its time.

        Raises:
            ConnectionLost: The database cannot be asked; it runs out by itself.
        """
        if self._term is not None:
            term, self._term = self._term, None
            await self._row(_RELEASE, self.name, self.holder, term, is_clean, carried)

    async def wait(self) -> None:
        """Say that this process waits.

        Raises:
            ConnectionLost: The database cannot be asked.
        """
        await self._row(_WAIT, self.name, self.holder)

    async def standbys(self) -> list[str]:
        """Return who waits.

        Raises:
            ConnectionLost: The database cannot be asked.
        """
        rows = await self._asked(lambda connection: connection.fetch(_WAITING, self.name, SEEN_S))
        return [row["holder"] for row in rows]

    async def mark(self, name: str, why: str, who: str) -> None:
        """Leave a bot's kill mark for whoever holds its lease, or will.

        Raises:
            ConnectionLost: The database cannot be asked; it may have been left all the same.
        """
        await self._row(_MARK, name, why, who)

    async def marks(self, names: Sequence[str]) -> list[Mark]:
        """Return the kill marks of these bots.

        Raises:
            ConnectionLost: The database cannot be asked.
        """
        rows = await self._asked(lambda connection: connection.fetch(_MARKS, [*names]))
        return [Mark(*row) for row in rows]

    async def unmark(self, name: str, at_us: int | None = None) -> None:
        """Take a bot's kill mark away; at_us: that one, and none that was set after it.

        Raises:
            ConnectionLost: The database cannot be asked.
        """
        await self._row(_UNMARK, name, at_us)

    async def forget(self) -> None:
        """Take every row of it away: nobody holds it any more, nor will.

        Raises:
            ConnectionLost: The database cannot be asked.
        """
        for query in _FORGET:
            await self._row(query, self.name)

    async def close(self) -> None:
        """Let go of the connection."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.terminate()

    async def _row(self, query: str, *values: Any) -> Any:
        return await self._asked(lambda connection: connection.fetchrow(query, *values))

    async def _asked(self, ask: Any) -> Any:
        """Ask, over a new connection where the last one has failed."""
        import asyncpg  # noqa: PLC0415 an extra

        try:
            async with asyncio.timeout(ANSWER_S):
                if self._connection is None:
                    self._connection = await self._connected()
                return await ask(self._connection)
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, TimeoutError) as error:
            await self.close()
            why = str(error).strip().partition("\n")[0] or type(error).__name__
            raise ConnectionLost(f"the lease's database cannot be asked: {why}") from error

    async def _connected(self) -> Any:
        import asyncpg  # noqa: PLC0415

        try:
            connection = await asyncpg.connect(self._address, timeout=ANSWER_S)
        except ValueError as error:
            raise ConfigError(
                "[lease] url is no address of a database; write postgresql://USER@HOST/NAME"
            ) from error
        # Two that begin at once must not make the tables at once.
        async with connection.transaction():
            await connection.execute("SELECT pg_advisory_xact_lock(8601)")
            await connection.execute(_TABLES)
        return connection


def check_library() -> None:
    """Refuse where what is needed to ask PostgreSQL is missing.

    Raises:
        ConfigError: It is not installed.
    """
    try:
        import asyncpg  # noqa: F401, PLC0415
    except ImportError as error:
        raise ConfigError("[lease] needs asyncpg: pip install 'steelyard[postgres]'") from error


def _lease(row: Any) -> Lease | None:
    if row is None:
        return None
    drain_ms = row["drain_ms"]
    return Lease(
        row["name"],
        row["term"],
        row["holder"],
        row["beat"],
        row["ttl_ms"] * _MS_NS,
        row["until_ms"] * _MS_NS,
        row["is_over"],
        row["released"],
        None if drain_ms is None else drain_ms * _MS_NS,
        row["home"],
        row["carried"],
    )
