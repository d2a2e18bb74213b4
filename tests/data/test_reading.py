"""Files as other programs write them: Freqtrade, ccxt, Binance's archive, and plain tables."""

from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from steelyard.data.loading import load
from steelyard.data.reading import Wanted, symbol_in
from steelyard.data.sources import open_source
from steelyard.domain.errors import UsageError

T0 = 1_704_067_200_000
MINUTE = 60 * 10**9


@pytest.mark.parametrize(
    ("name", "symbol"),
    [
        ("BTC_USDT-5m.feather", "BTC-USDT"),
        ("ETH_USDT_USDT-1h-futures.feather", "ETH-USDT"),
        ("BTCUSDT-1m-2024-01.csv", "BTC-USDT"),
        ("binance-ETH-BTC-20240101.csv", "ETH-BTC"),
        ("SOLUSDC_trades.parquet", "SOL-USDC"),
    ],
)
def test_a_name_says_which_market(name, symbol):
    assert symbol_in(name, "") == symbol
    assert symbol_in(name, "ADA/EUR") == "ADA-EUR"
    assert symbol_in(name, "XRPUSDT") == "XRP-USDT"


def test_a_name_that_says_nothing_is_asked_about():
    with pytest.raises(UsageError, match="give --symbol BTC-USDT"):
        symbol_in("data.csv", "")
    with pytest.raises(UsageError, match="write BASE-QUOTE"):
        symbol_in("data.csv", "WHATEVER1")


def test_feather_as_freqtrade_writes_it(tmp_path):
    """Columns date (ms, UTC) to volume, floats, lz4."""
    path = tmp_path / "BTC_USDT-5m.feather"
    begin = datetime(2024, 1, 1, tzinfo=UTC)
    pl.DataFrame(
        {
            "date": pl.Series(
                [begin, begin + timedelta(minutes=5)], dtype=pl.Datetime("ms", "UTC")
            ),
            "open": [42000.1, 42001.0],
            "high": [42010.0, 42011.55],
            "low": [41990.0, 42000.0],
            "close": [42001.0, 42002.3],
            "volume": [12.34567, 0.1],
        }
    ).write_ipc(path, compression="lz4")
    bars, _, _ = load(path)
    assert (bars.instrument.symbol, bars.interval_ns) == ("BTC-USDT", 5 * MINUTE)
    assert bars.close_ticks.tolist() == [4_200_100, 4_200_230]
    assert bars.volume_lots.tolist() == [1_234_567, 10_000]


def test_freqtrades_futures_are_not_its_spot_and_what_nobody_traded_is_refused(tmp_path):
    """It writes them all with the same columns; the ending of the name tells them apart."""

    def opened(name):
        (tmp_path / name).write_text("date,open,high,low,close,volume\n1704067200000,1,1,1,1,1\n")
        return open_source(tmp_path / name, Wanted())

    assert opened("BTC_USDT-5m.csv").venue == "files"
    futures = opened("BTC_USDT_USDT-5m-futures.csv")
    assert (futures.venue, futures.symbol) == ("files-futures", "BTC-USDT")
    assert [key.interval for key, _ in futures.rows()] == ["5m"]
    for ending in ("mark", "index", "premiumIndex", "funding_rate"):
        with pytest.raises(UsageError, match=r"nothing was traded.* ends in -futures"):
            opened(f"BTC_USDT_USDT-8h-{ending}.csv")


def test_rows_as_ccxt_returns_them(tmp_path):
    """`[ts, o, h, l, c, v]` as JSON, and as a CSV without names."""
    rows = [[T0, 1.5, 2, 1, 1.75, 10], [T0 + 60_000, 1.75, 3, 1.5, 2, 1e-05]]
    as_json, as_csv = tmp_path / "BTC_USDT-1m.json", tmp_path / "BTC-USDT-1m.csv"
    as_json.write_text(str(rows))
    as_csv.write_text("\n".join(",".join(map(str, row)) for row in rows))
    for path in (as_json, as_csv):
        bars, _, notes = load(path)
        assert bars.high_ticks.tolist() == [200, 300]
        assert bars.volume_lots.tolist() == [1_000_000, 1]
        assert "times are in milliseconds" in notes


@pytest.mark.parametrize("factor", [1, 1000])
def test_klines_of_the_archive_in_milliseconds_and_in_microseconds(tmp_path, factor):
    path = tmp_path / "BTCUSDT-1m-2025-01.csv"
    row = f"{T0 * factor},93576.00,93610.93,93537.50,93610.93,8.21827000,{(T0 + 59_999) * factor}"
    path.write_text(f"{row},768978.71,2631,3.95,369757.3,0\n")
    bars, _, notes = load(path)
    assert bars.open_ns.tolist() == [T0 * 10**6]
    assert bars.close_ticks.tolist() == [9_361_093]
    assert bars.volume_lots.tolist() == [821_827]
    assert notes == (f"times are in {'milliseconds' if factor == 1 else 'microseconds'}",)


def test_tables_of_the_archive_become_tapes(tmp_path):
    """With a header and without, each with the columns of its series."""
    tables = {
        "BTCUSDT-aggTrades-2024-01-01.csv": f"5,100.5,2,7,8,{T0},true,true",
        "BTCUSDT-trades-2024-01-01.csv": f"5,100.5,2,201,{T0},True",
        "BTCUSDT-bookTicker-2024-01-01.csv": "update_id,best_bid_price,best_bid_qty,best_ask_price,"
        f"best_ask_qty,transaction_time,event_time\n9,100.5,2,101,3,{T0},{T0 + 4}",
        "BTCUSDT_T_DEPTH_2024-01-01_depth_update.csv": "symbol,timestamp,first_update_id,"
        f"last_update_id,side,update_type,price,qty,pu\nBTCUSDT,{T0},5,6,a,set,100.5,2,4",
    }
    kinds = {}
    for name, text in tables.items():
        (tmp_path / name).write_text(text + "\n")
        (events,) = load(tmp_path / name).data.blocks()
        assert int(events[0]["time_ns"]) == T0 * 10**6
        assert (int(events[0]["tick"]), int(events[0]["lots"])) == (1005, 2)
        kinds[name.replace("_", "-").split("-")[1]] = events["kind"].tolist()
    assert kinds == {"aggTrades": [3, 4, 5], "trades": [3, 4, 5], "bookTicker": [4, 5], "T": [1]}


def test_sums_by_percent_are_refused_with_the_reason(tmp_path):
    path = tmp_path / "BTCUSDT-bookDepth-2024-01-01.csv"
    path.write_text("timestamp,percentage,depth,notional\n2024-01-01 00:00:08,-5,1,2\n")
    with pytest.raises(UsageError, match="which is no book"):
        load(path)


def test_an_interval_is_taken_from_the_name_the_option_or_the_data(tmp_path):
    path = tmp_path / "BTC-USDT.csv"
    path.write_text("\n".join(f"{T0 + n * 60_000},1,1,1,1,1" for n in (0, 2, 3)))
    bars, source, notes = load(path)
    assert bars.interval_ns == MINUTE
    assert "the shortest step between bars, 1m, is taken for the interval" in notes
    assert source.gaps == ((T0 * 10**6 + MINUTE, T0 * 10**6 + 2 * MINUTE),)
    with pytest.raises(UsageError, match=r"row 3: a bar of 2m cannot begin at"):
        load(path, Wanted(interval="2m"))
    path.write_text(f"{T0},1,1,1,1,1\n")
    with pytest.raises(UsageError, match="say its interval"):
        load(path)


def test_bars_that_are_further_apart_than_said_are_refused(tmp_path):
    """Hourly data as bars of a minute would be all gap; a quiet market only gets a note."""
    path = tmp_path / "BTC-USDT.csv"
    path.write_text("\n".join(f"{T0 + n * 3_600_000},1,1,1,1,1" for n in range(5)))
    with pytest.raises(UsageError, match=r"are 1h apart throughout, .* no bars of 1m; say --int"):
        load(path, Wanted(interval="1m"))
    assert load(path, Wanted(interval="1h")).source.gaps == ()
    path.write_text("\n".join(f"{T0 + n * 60_000},1,1,1,1,1" for n in (0, 2, 5, 7, 9)))
    loaded = load(path, Wanted(interval="1m"))
    assert "no two bars are closer than 2m: are they bars of 1m?" in loaded.notes
    assert len(loaded.source.gaps) == 4


def test_an_archives_file_is_of_no_other_market_than_its_name_says(tmp_path):
    path = tmp_path / "BTCUSDT-1m-2024-01.csv"
    path.write_text(f"{T0},1,2,1,2,1,{T0 + 59_999},0,0,0,0,0\n")
    for symbol in ("BTC-USDT", "BTCUSDT", "btc/usdt"):
        assert load(path, Wanted(symbol=symbol)).data.instrument.symbol == "BTC-USDT"
    for symbol in ("ETH-USDT", "ACME-USD"):
        with pytest.raises(UsageError, match=f"is of BTCUSDT, by its name, not of {symbol}"):
            load(path, Wanted(symbol=symbol))


def test_columns_can_be_named(tmp_path):
    path = tmp_path / "BTC-USDT-1m.csv"
    path.write_text(f"7,{T0},1,1,1,1,1\n")
    with pytest.raises(UsageError, match="name them by --columns"):
        load(path)
    names = ("nothing", "time", "open", "high", "low", "close", "volume")
    assert len(load(path, Wanted(columns=names)).data) == 1
    with pytest.raises(UsageError, match="has 7 columns, --columns names 1"):
        load(path, Wanted(columns=("time",)))
