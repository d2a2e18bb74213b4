"""Tables of any form as frames of named columns, some rows at a time.

Text stays text (CSV, JSON arrays of rows), so that no number passes through a float on its way;
Parquet and Arrow (feather) keep their own types. Whether a text has a header is seen in its first
row: names there, numbers below.
"""

import re
from collections.abc import Iterator, Mapping
from io import BytesIO
from pathlib import Path
from typing import NamedTuple

import polars as pl

from steelyard.data.files import blocks, unpacked
from steelyard.domain.errors import ConfigError

ROWS = 1 << 18  # of Parquet and Arrow at a time
_PARQUET, _ARROW, _OLD_FEATHER = b"PAR1", b"ARROW1", b"FEA1"
_NUMBER = re.compile(r"[+-]?[0-9.]+([eE][+-]?[0-9]+)?|")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}.*")
_BOOL = frozenset({"true", "false", "buy", "sell"})


class Frame(NamedTuple):
    """Some rows of a table. first_row is the number of the first one, from 1, without a header."""

    rows: pl.DataFrame
    first_row: int
    has_names: bool


class Table(NamedTuple):
    """A table that has not been read yet."""

    path: Path
    form: str  # csv, json, parquet, arrow
    columns: tuple[str, ...]  # their names; `c1`, `c2`, ... where it has none
    has_names: bool
    metadata: Mapping[str, str]
    separator: str = ","

    def frames(self) -> Iterator[Frame]:
        """Yield it, a part at a time.

        Raises:
            ConfigError: It is damaged.
        """
        try:
            if self.form == "csv":
                yield from _csv(self)
            elif self.form == "json":
                yield from _json(self)
            else:
                yield from _slices(self)
        except pl.exceptions.PolarsError as error:
            raise ConfigError(
                f"{self.path} cannot be read: {str(error).splitlines()[0]}"
            ) from error


def open_table(path: Path) -> Table:
    """Return a file's table.

    Raises:
        ConfigError: It is none, or empty.
    """
    with unpacked(path) as stream:
        start = stream.read(1 << 16)
    if not start.strip():
        raise ConfigError(f"{path} is empty")
    try:
        if start.startswith(_PARQUET):
            schema = pl.read_parquet_schema(path)
            metadata = pl.read_parquet_metadata(path)
            return Table(path, "parquet", tuple(schema), has_names=True, metadata=metadata)
        if start.startswith(_ARROW):
            names = tuple(pl.read_ipc_schema(path))
            return Table(path, "arrow", names, has_names=True, metadata={})
    except (pl.exceptions.PolarsError, OSError) as error:
        raise ConfigError(f"{path} cannot be read: {str(error).splitlines()[0]}") from error
    if start.startswith(_OLD_FEATHER):
        raise ConfigError(
            f"{path} is of the first version of feather, which nothing writes any more; write it "
            "anew by pandas' to_feather"
        )
    if start.lstrip().startswith(b"["):
        return _json_table(path, start)
    return _csv_table(path, start)


def _csv_table(path: Path, start: bytes) -> Table:
    line = start.split(b"\n", 1)[0].rstrip(b"\r").decode("utf-8-sig", errors="replace")
    if "\0" in line or "\ufffd" in line:
        raise ConfigError(
            f"{path} is no table: expected is CSV, Parquet, feather (Arrow), or JSON rows "
            "[[time, open, high, low, close, volume], ...]"
        )
    separator = max(",;\t", key=line.count)
    cells = [cell.strip().strip('"') for cell in line.split(separator)]
    has_names = not any(
        (_NUMBER.fullmatch(cell) and cell) or _DATE.fullmatch(cell) or cell.lower() in _BOOL
        for cell in cells
    )
    names = tuple(cells) if has_names else _numbered(len(cells))
    if len(set(names)) < len(names):
        raise ConfigError(f"{path} has two columns of one name: {', '.join(names)}")
    return Table(path, "csv", names, has_names, {}, separator)


def _json_table(path: Path, start: bytes) -> Table:
    row = start.partition(b"[[")[2] or start.lstrip()[1:]
    cells = row.partition(b"]")[0].split(b",")
    if b"{" in row.partition(b"]")[0] or not cells[0].strip():
        raise ConfigError(
            f"{path} is JSON of another form; expected are rows of numbers: "
            "[[time, open, high, low, close, volume], ...]"
        )
    return Table(path, "json", _numbered(len(cells)), has_names=False, metadata={})


def _numbered(count: int) -> tuple[str, ...]:
    return tuple(f"c{number}" for number in range(1, count + 1))


def _csv(table: Table) -> Iterator[Frame]:
    row = 1
    with unpacked(table.path) as stream:
        for number, block in enumerate(blocks(stream, table.path)):
            text = block
            if number == 0 and table.has_names:
                text = block.partition(b"\n")[2]
            frame = _rows(table, text, row)
            if len(frame.rows):
                yield frame
            row += len(frame.rows)


def _json(table: Table) -> Iterator[Frame]:
    """Yield arrays of rows as if they were lines; their numbers stay the text that they are."""
    row = 1
    with unpacked(table.path) as stream:
        for block in blocks(stream, table.path, ending=b"]"):
            text = block.translate(None, b' \t\r\n"')
            text = text.replace(b"],[", b"\n").replace(b"][", b"\n").strip(b"[],")
            frame = _rows(table, text, row)
            if len(frame.rows):
                yield frame
            row += len(frame.rows)


def _rows(table: Table, text: bytes, first_row: int) -> Frame:
    if not text.strip():
        nothing = pl.DataFrame(schema=dict.fromkeys(table.columns, pl.String))
        return Frame(nothing, first_row, table.has_names)
    try:
        rows = pl.read_csv(
            BytesIO(text),
            has_header=False,
            schema=dict.fromkeys(table.columns, pl.String),
            separator=table.separator,
        )
    except pl.exceptions.PolarsError as error:
        why = str(error).splitlines()[0]
        raise ConfigError(
            f"{table.path} is no table of {len(table.columns)} columns from row {first_row} on: "
            f"{why}"
        ) from error
    return Frame(rows, first_row, table.has_names)


def _slices(table: Table) -> Iterator[Frame]:
    scan = pl.scan_parquet if table.form == "parquet" else pl.scan_ipc
    first = 0
    while len(rows := scan(table.path).slice(first, ROWS).collect()):
        yield Frame(rows, first + 1, has_names=True)
        first += len(rows)
