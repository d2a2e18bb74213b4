import numpy as np
import polars as pl
import pytest

from steelyard.data.catalog import default_directory, open_catalog
from steelyard.data.importing import Steps, import_file
from steelyard.data.kinds import Kind
from steelyard.data.manifest import Key
from steelyard.data.reading import Wanted
from steelyard.domain.errors import UsageError

MINUTE = 60 * 10**9
START = 1_704_067_200_000  # 2024-01-01


def bars_csv(path, rows, start_ms=START):
    lines = ["timestamp,open,high,low,close,volume"]
    lines += [
        f"{start_ms + 60_000 * n},{100 + n}.5,{101 + n}.5,{99 + n},{100 + n},{n}.25" for n in rows
    ]
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.fixture
def catalog(tmp_path):
    path = bars_csv(tmp_path / "a.csv", [0, 1, 2, 5, 6])
    import_file(tmp_path / "catalog", path, Wanted("somewhere", "BTC-USDT"), now_ns=7)
    return open_catalog(tmp_path / "catalog")


def test_bars_come_back_as_they_were(catalog):
    """In whole steps, with the gap named and nothing in it."""
    bars, source = catalog.bars("somewhere", "BTC/USDT", "60s")
    assert (str(bars.instrument.tick_size), str(bars.instrument.lot_size)) == ("0.1", "0.01")
    assert bars.open_ns.tolist() == [(START * 10**6) + MINUTE * n for n in (0, 1, 2, 5, 6)]
    assert bars.open_ticks.tolist() == [1005, 1015, 1025, 1055, 1065]
    assert bars.volume_lots.tolist() == [25, 125, 225, 525, 625]
    assert all(column.dtype == np.int64 and column.flags.c_contiguous for column in bars[2:])
    assert source.name == "somewhere/BTC-USDT/1m"
    assert source.gaps == ((START * 10**6 + 3 * MINUTE, START * 10**6 + 5 * MINUTE),)


def test_a_span_has_its_own_bars_and_its_own_gaps(catalog):
    begin = START * 10**6
    bars, source = catalog.bars("somewhere", "BTC-USDT", "1m", begin + MINUTE, begin + 4 * MINUTE)
    assert bars.open_ns.tolist() == [begin + MINUTE, begin + 2 * MINUTE]
    assert source.gaps == ((begin + 3 * MINUTE, begin + 4 * MINUTE),)
    with pytest.raises(UsageError, match=r"has nothing from 1970.*it has 5 rows from 2024-01-01"):
        catalog.bars("somewhere", "BTC-USDT", "1m", 0, 1)


def test_what_is_not_there_is_said_with_what_is(catalog):
    with pytest.raises(
        UsageError, match=r"no other/BTC-USDT/1m .* there are somewhere/BTC-USDT/1m"
    ):
        catalog.bars("other", "BTC-USDT", "1m")
    with pytest.raises(UsageError, match="no trades, touch or depth of somewhere/BTC-USDT"):
        catalog.tape("somewhere", "BTC-USDT")


def test_the_folders_are_hive_partitions(catalog):
    """Another reader of Parquet finds the same rows, with the partitions as columns."""
    rows = pl.scan_parquet(catalog.root / "**/*.parquet", hive_partitioning=True).collect()
    assert rows["venue"].unique().to_list() == ["somewhere"]
    assert rows["date"].cast(pl.String).unique().to_list() == ["2024-01"]
    assert rows.sort("open_ns")["close_ticks"].to_list() == [1000, 1010, 1020, 1050, 1060]


def test_a_tape_merges_trades_and_touches_of_one_clock(tmp_path):
    """Steps that were derived apart become those of both."""
    trades, touch = tmp_path / "t.csv", tmp_path / "q.csv"
    trades.write_text(
        "time,price,size,side,id\n1704067200001,10.5,1,buy,1\n1704067200003,10,2,sell,2\n"
    )
    touch.write_text(
        "time,bid_price,bid_size,ask_price,ask_size\n"
        "1704067200000,10,1.5,10.25,2\n1704067200003,9.75,1,10,0\n"
    )
    for path in (trades, touch):
        import_file(tmp_path / "c", path, Wanted("x", "BTC-USDT"), now_ns=1)
    tape, source = open_catalog(tmp_path / "c").tape("x", "BTC-USDT")
    events = np.concatenate(list(tape.blocks()))
    assert [tuple(event)[1:] for event in events] == [
        (15, 1000, 4),
        (20, 1025, 5),
        (10, 1050, 2),
        (20, 1000, 3),
        (10, 975, 4),
    ]
    assert source.name == "x/BTC-USDT"
    assert tape.local is None
    assert sum(len(block) for block in tape.blocks()) == 5, "a tape can be begun anew"


def test_the_directory_is_the_users_own_or_the_environments(monkeypatch, tmp_path):
    monkeypatch.setenv("STEELYARD_CATALOG", str(tmp_path))
    assert default_directory() == tmp_path
    monkeypatch.delenv("STEELYARD_CATALOG")
    assert default_directory().name == "catalog"
    assert open_catalog(tmp_path / "none").datasets() == []


def test_a_key_names_its_folder(tmp_path):
    key = Key(Kind.TRADES, "binance", "BTC-USDT")
    assert key.folder(tmp_path) == tmp_path / "kind=trades/venue=binance/symbol=BTC-USDT"
    assert Steps().choice == "listed"
