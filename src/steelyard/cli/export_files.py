"""Orders, fills and balances of bots as files: CSV for people, Parquet for programs.

Amounts are exact in both. A file is there whole or not at all. In CSV a text that a spreadsheet
would take for a formula has an apostrophe before it: a strategy's or a venue's words may be one.
"""

import csv
import io
from collections.abc import Iterator
from contextlib import suppress
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from secrets import token_hex
from typing import Any

from steelyard.cli.following import Following, bring_up
from steelyard.domain.errors import ConfigError
from steelyard.domain.instrument import Instrument, foreign_asset_name
from steelyard.domain.units import from_atoms, in_full
from steelyard.store.journal import read_records
from steelyard.store.tables import read_sqlite
from steelyard.trading.projection import DECIMAL, FILLS, NUMBER, ORDERS, TEXT, moment
from steelyard.trading.records import BalancesSeen, InstrumentSeen, RunStarted, codec

DIGITS, PLACES = 38, 12  # an amount has at most 12 decimals
BALANCES = "balances"
BALANCE_COLUMNS = (
    ("bot", TEXT),
    ("time_ns", NUMBER),
    ("time", TEXT),
    ("asset", TEXT),
    ("amount", DECIMAL),
    ("unexplained", DECIMAL),
    ("sequence", NUMBER),
)
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


class FileForm(StrEnum):
    """What files are."""

    CSV = "csv"
    PARQUET = "parquet"


def write_files(folder: Path, form: FileForm, followings: list[Following]) -> dict[str, int]:
    """Write a file for each table, and return how many rows each has.

    Raises:
        ConfigError: The folder cannot be written to, or a bot's tables are being written.
    """
    tables: dict[str, tuple[tuple[tuple[str, str], ...], list[tuple[Any, ...]]]] = {
        ORDERS.name: (ORDERS.columns, []),
        FILLS.name: (FILLS.columns, []),
        BALANCES: (BALANCE_COLUMNS, []),
    }
    for following in followings:
        bring_up(following)
        for table in (ORDERS, FILLS):
            order = "created_ns, client_order_id" if table is ORDERS else "time_ns, trade_id"
            names = ", ".join(name for name, _ in table.columns)
            question = f"SELECT {names} FROM {table.name} ORDER BY {order}"  # noqa: S608 our own words
            tables[table.name][1].extend(read_sqlite(following.file, question))
        tables[BALANCES][1].extend(balances(following))
    counts = {}
    for name, (columns, rows) in tables.items():
        file = folder / f"{name}.{form}"
        data = _csv(columns, rows) if form is FileForm.CSV else _parquet(columns, rows)
        _put(file, data)
        counts[file.name] = len(rows)
    return counts


def balances(following: Following) -> Iterator[tuple[Any, ...]]:
    """Yield what an account held, asset by asset, whenever a bot looked."""
    decode, names, others = codec(), dict[int, str](), dict[int, str]()
    for stored in read_records(following.journal, 0):
        record = decode.decode(*stored)
        match record.message:
            case InstrumentSeen(instrument):
                names = _names(instrument)  # by other numbers than before, perhaps
            case RunStarted():
                others.clear()  # the venue may have numbered anew
            case BalancesSeen(atoms, unexplained, told):
                others |= told
                for asset in sorted(atoms.keys() | unexplained.keys()):
                    yield (
                        following.form.bot,
                        record.time_ns,
                        moment(record.time_ns),
                        names.get(asset)
                        or others.get(asset)
                        or foreign_asset_name(asset)
                        or str(asset),
                        in_full(from_atoms(atoms.get(asset, 0))),
                        in_full(from_atoms(unexplained.get(asset, 0))),
                        record.sequence,
                    )
            case _:
                pass


def _names(instrument: Instrument) -> dict[int, str]:
    return {
        instrument.base_asset_id: instrument.base,
        instrument.quote_asset_id: instrument.quote,
    }


def _csv(columns: tuple[tuple[str, str], ...], rows: list[tuple[Any, ...]]) -> bytes:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(name for name, _ in columns)
    kinds = [kind for _, kind in columns]
    for row in rows:
        writer.writerow(map(_cell, row, kinds))
    return out.getvalue().encode()


def _cell(value: Any, kind: str) -> Any:
    if kind == TEXT and isinstance(value, str) and value.startswith(_FORMULA):
        return f"'{value}"
    return value


def _parquet(columns: tuple[tuple[str, str], ...], rows: list[tuple[Any, ...]]) -> bytes:
    import polars as pl  # noqa: PLC0415 an extra, and only for this

    types = {NUMBER: pl.Int64(), TEXT: pl.String(), DECIMAL: pl.Decimal(DIGITS, PLACES)}
    series = []
    for place, (name, kind) in enumerate(columns):
        values = [row[place] for row in rows]
        if kind == DECIMAL:
            values = [None if value is None else Decimal(value) for value in values]
        series.append(pl.Series(name, values, dtype=types[kind], strict=True))
    out = io.BytesIO()
    pl.DataFrame(series).write_parquet(out, compression="zstd")
    return out.getvalue()


def _put(file: Path, data: bytes) -> None:
    part = file.with_name(f".{file.name}.{token_hex(4)}.part")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        part.write_bytes(data)
        part.replace(file)
    except OSError as error:
        with suppress(OSError):
            part.unlink(missing_ok=True)
        raise ConfigError(f"{file} cannot be written: {error.strerror}") from error
