import gzip

import polars as pl
import pytest

from steelyard.data import tables
from steelyard.data.tables import open_table
from steelyard.domain.errors import ConfigError


def read(path):
    table = open_table(path)
    return table, [frame.rows.rows() for frame in table.frames()]


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_text_stays_text_and_a_header_is_seen(tmp_path, separator):
    path = tmp_path / "x.csv"
    path.write_text("time,price\n1,2.50\n3,1e-7\n".replace(",", separator))
    table, rows = read(path)
    assert (table.columns, table.has_names, rows) == (
        ("time", "price"),
        True,
        [[("1", "2.50"), ("3", "1e-7")]],
    )


@pytest.mark.parametrize("first", ["1,2", "2024-01-01 00:00:00,2", "1.5e3,2", "1,true"])
def test_a_table_without_names_gets_numbers(tmp_path, first):
    path = tmp_path / "x.csv"
    path.write_text(f"{first}\n")
    table, rows = read(path)
    assert (table.columns, table.has_names) == (("c1", "c2"), False)
    assert rows == [[tuple(first.split(","))]]


@pytest.mark.parametrize(
    "text",
    [
        "[[1, 2.50, 3],[4,5,6]]",
        "[\n  [1, 2.50, 3],\n  [4, 5, 6]\n]\n",
        "[1,2.50,3]\n[4,5,6]\n",
        '[["1","2.50","3"],["4","5","6"]]',
    ],
)
@pytest.mark.parametrize("size", [4, 7, 1 << 20])
def test_arrays_of_rows_keep_their_digits(tmp_path, text, size, monkeypatch):
    """However they are laid out, and wherever a block of the file ends."""
    path = tmp_path / "x.json.gz"
    path.write_bytes(gzip.compress(text.encode()))
    whole = tables.blocks
    monkeypatch.setattr(tables, "blocks", lambda *a, **k: whole(*a, **{**k, "size": size}))
    _, rows = read(path)
    assert [row for part in rows for row in part] == [("1", "2.50", "3"), ("4", "5", "6")]


def test_parquet_and_feather_keep_their_types_and_come_in_parts(tmp_path, monkeypatch):
    monkeypatch.setattr(tables, "ROWS", 2)
    rows = pl.DataFrame({"a": [1, 2, 3], "b": [0.5, 1.5, 2.5]})
    rows.write_parquet(tmp_path / "x", metadata={"k": "v"})
    rows.write_ipc(tmp_path / "y", compression="lz4")
    for name in ("x", "y"):
        table = open_table(tmp_path / name)
        frames = list(table.frames())
        assert [frame.first_row for frame in frames] == [1, 3]
        assert pl.concat(frame.rows for frame in frames).equals(rows)
    assert open_table(tmp_path / "x").metadata["k"] == "v"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty"),
        (b"FEA1 and so on", "first version of feather"),
        (b'[{"a": 1}]', "JSON of another form"),
        (b"\x00\x01\x02", "is no table"),
        (b"a,a\n1,2\n", "two columns of one name"),
        (b"PAR1 and nothing", "cannot be read"),
    ],
)
def test_what_is_no_table_is_said(tmp_path, content, said):
    path = tmp_path / "x"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=said):
        open_table(path)


def test_a_row_of_more_columns_is_an_error(tmp_path):
    path = tmp_path / "x.csv"
    path.write_text("a,b\n1,2\n1,2,3\n")
    with pytest.raises(ConfigError, match="is no table of 2 columns from row 1 on"):
        read(path)
