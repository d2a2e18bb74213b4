from pathlib import Path

import numpy as np
import polars as pl
import pytest

from steelyard.data import partitions
from steelyard.data.kinds import COLUMNS, Kind
from steelyard.data.manifest import Key
from steelyard.data.partitions import PartWriter, begins_ns, date_text, dates_of, write_table
from steelyard.domain.errors import ConfigError

T0 = 1_704_067_200_000
DAY_MS = 86_400_000


def test_folders_are_named_by_day_month_or_year():
    time_ns = np.array([T0 * 10**6, (T0 + 400 * DAY_MS) * 10**6])
    for interval, want in (("1m", ["2024-01", "2025-02"]), ("1h", ["2024", "2025"])):
        key = Key(Kind.BARS, "x", "BTC-USDT", interval)
        assert [date_text(key, int(n)) for n in dates_of(key, time_ns)] == want
    key = Key(Kind.DEPTH, "x", "BTC-USDT")
    assert [date_text(key, int(n)) for n in dates_of(key, time_ns)] == ["2024-01-01", "2025-02-04"]


def test_a_partition_begins_where_its_date_does():
    key = Key(Kind.BARS, "x", "BTC-USDT", "1m")
    number = int(dates_of(key, np.array([(T0 + 5 * DAY_MS) * 10**6]))[0])
    assert begins_ns(key, number) == T0 * 10**6


def test_files_are_cut_between_two_moments(tmp_path, monkeypatch):
    """Unless one moment alone is more than a file holds."""
    monkeypatch.setattr(partitions, "PART_ROWS", 3)
    rows = [(T0 * 10**6 + at, None, n, 0, 1, 1, 1) for n, at in enumerate([0, 1, 2, 2, 3, 3, 3, 3])]
    writer = PartWriter(Key(Kind.TRADES, "x", "BTC-USDT"), tmp_path)
    writer.add(pl.DataFrame(rows, schema=COLUMNS[Kind.TRADES], orient="row"))
    parts = writer.finish()
    assert [part.rows for part in parts] == [2, 2, 3, 1]
    assert [part.first_ns - T0 * 10**6 for part in parts] == [0, 2, 3, 3]
    assert all((tmp_path / part.file).is_file() for part in parts)


def test_a_full_disk_is_said_in_a_sentence():
    with pytest.raises(ConfigError, match=r"/dev cannot be written: .*No space left.*--catalog"):
        write_table(pl.DataFrame({"a": [1]}), Path("/dev/full"))
