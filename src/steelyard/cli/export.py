"""`steelyard export`: bots' journals as tables: files in a folder, or PostgreSQL, also followed."""

import asyncio
import os
import signal
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from steelyard.cli.export_files import FileForm, write_files
from steelyard.cli.following import Following
from steelyard.cli.options import Common
from steelyard.cli.terminal import shown
from steelyard.domain.errors import TransportError, UsageError
from steelyard.store.datadir import bot_directories
from steelyard.store.tables import PostgresTables

_EVERYONE = Common()
VARIABLE = "DATABASE_URL"
LOOK_S = 0.5
AGAIN_S, AGAIN_MAX_S = 1.0, 60.0


def export(
    *bots: str,
    to: str = "",
    form: FileForm = FileForm.CSV,
    follow: bool = False,
    rebuild: bool = False,
    common: Common = _EVERYONE,
) -> int:
    """Export orders, fills and balances of bots to CSV or Parquet; or all records to PostgreSQL.

    Files are written whole, beside running bots. In PostgreSQL several bots share the tables runs,
    orders, fills and events; what is there already is gone on from. The server may be away: with
    --follow it is asked again, and no bot waits for it.

    Examples: steelyard export --to ~/books | steelyard export dip --to books --form parquet |
    DATABASE_URL=postgresql://localhost/bots steelyard export |
    steelyard export dip --to postgresql:///bots --follow

    Parameters
    ----------
    bots
        Their names; default: every bot of the data directory.
    to
        A folder; or a database's address without a password, which belongs into ~/.pgpass;
        default: the database of DATABASE_URL.
    form
        Of files: csv (amounts as exact decimal texts) or parquet (as exact decimals).
    follow
        Go on until Ctrl-C.
    rebuild
        Make the bots' rows anew.
    """
    if to and "://" not in to:
        return _files(Path(to), form, bots, common, is_followed=follow or rebuild)
    address = to or os.environ.get(VARIABLE, "")
    if not address:
        raise UsageError(
            f"say where to: --to FOLDER, --to postgresql://HOST/NAME, or set {VARIABLE}"
        )
    if to and urlsplit(to).password:
        raise UsageError(
            f"a password on a command line is everybody's to read; put it into ~/.pgpass or "
            f"{VARIABLE}"
        )
    names = [*bots] or bot_directories(common.directory)
    if not names:
        raise UsageError(f"no bot has run in {common.directory}")
    followings = {name: Following(common.directory, name) for name in names}
    results = asyncio.run(_run(address, followings, follow=follow, rebuild=rebuild))
    lines = [f"{shown(name)}: up to record {row['sequence']}" for name, row in results.items()]
    common.show(results, "\n".join(lines))
    return 0


def _files(
    folder: Path, form: FileForm, bots: tuple[str, ...], common: Common, *, is_followed: bool
) -> int:
    if is_followed:
        raise UsageError("--follow and --rebuild are for databases; files are written whole")
    names = [*bots] or bot_directories(common.directory)
    if not names:
        raise UsageError(f"no bot has run in {common.directory}")
    followings = [Following(common.directory, name) for name in names]
    counts = write_files(folder, form, followings)
    lines = [f"{shown(file)}: {count} rows" for file, count in counts.items()]
    common.show({"folder": str(folder), "rows": counts}, "\n".join(lines))
    return 0


async def _run(
    address: str, followings: dict[str, Following], *, follow: bool, rebuild: bool
) -> dict[str, Any]:
    over = asyncio.Event()
    if follow:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, over.set)
    done: dict[str, Any] = {}
    if not follow:
        for following in followings.values():
            await _one(address, following, done, None, rebuild=rebuild)
        return done
    works = [_one(address, each, done, over, rebuild=rebuild) for each in followings.values()]
    await asyncio.gather(*works)
    return done


async def _one(
    address: str,
    following: Following,
    done: dict[str, Any],
    over: asyncio.Event | None,
    *,
    rebuild: bool,
) -> None:
    """Bring one bot's rows up, again and again until it is over; None: once."""
    pause_s = AGAIN_S
    while True:
        try:
            tables = await PostgresTables.open(address, following.form, rebuild=rebuild)
            rebuild = False
            try:
                await _follow(tables, following, done, over)
            finally:
                await tables.close()
        except TransportError as error:
            if over is None:
                raise
            print(f"{error}; again in {pause_s:g} s", flush=True)
        else:
            return
        # Whatever was read and not written is read again.
        following.rewind()
        with suppress(TimeoutError):
            await asyncio.wait_for(over.wait(), pause_s)
        if over.is_set():
            return
        pause_s = min(2 * pause_s, AGAIN_MAX_S)


async def _follow(
    tables: PostgresTables,
    following: Following,
    done: dict[str, Any],
    over: asyncio.Event | None,
) -> None:
    while True:
        for rows, sequence in following.portions(tables.sequence):
            await tables.write(rows, sequence)
            done[following.form.bot] = {"sequence": sequence}
        done.setdefault(following.form.bot, {"sequence": tables.sequence})
        if over is None or over.is_set():
            return
        with suppress(TimeoutError):
            await asyncio.wait_for(over.wait(), LOOK_S)
