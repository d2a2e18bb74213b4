"""Files as a Nautilus catalog has them: columns, widths and names of its documented schemas."""

import numpy as np
import polars as pl
import pytest

from steelyard.backtest.columns import EventKind
from steelyard.data.loading import load
from steelyard.data.nautilus import identity, is_nautilus, kind_of
from steelyard.data.reading import Wanted
from steelyard.domain.errors import UsageError

T0 = 1_704_067_200_000_000_000
MINUTE = 60 * 10**9
WIDE, NARROW = 16, 9  # decimals of 16 and of 8 bytes


def fixed(*numbers, decimals=WIDE):
    length = 16 if decimals == WIDE else 8
    whole = [round(float(n) * 10**4) * 10 ** (decimals - 4) for n in numbers]
    return pl.Series([n.to_bytes(length, "little", signed=True) for n in whole], dtype=pl.Binary)


def stamps(*times):
    return {
        "ts_event": pl.Series(times, dtype=pl.UInt64),
        "ts_init": pl.Series(times, dtype=pl.UInt64),
    }


@pytest.mark.parametrize("decimals", [WIDE, NARROW])
def test_bars_of_both_widths_are_read_and_told_by_their_end(tmp_path, decimals):
    columns = {
        name: fixed(*values, decimals=decimals)
        for name, values in {
            "open": (60000.25, 60001),
            "high": (60002, 60002),
            "low": (59999.5, 60000),
            "close": (60001, 60001.5),
            "volume": (1.5, 0.0125),
        }.items()
    }
    path = tmp_path / "part-0.parquet"
    metadata = {"bar_type": "BTCUSDT.BINANCE-1-MINUTE-LAST-EXTERNAL", "price_precision": "2"}
    rows = pl.DataFrame(columns | stamps(T0 + MINUTE, T0 + 2 * MINUTE))
    rows.write_parquet(path, metadata=metadata)
    bars, source, notes = load(path)
    assert (bars.instrument.symbol, bars.interval_ns) == ("BTC-USDT", MINUTE)
    assert bars.open_ns.tolist() == [T0, T0 + MINUTE]
    assert bars.open_ticks.tolist() == [6_000_025, 6_000_100]
    assert bars.volume_lots.tolist() == [15_000, 125]
    assert any("told by when they end" in note for note in notes)
    assert source.name == "part-0.parquet"


def test_trades_and_quotes_become_a_tape(tmp_path):
    folder = tmp_path / "trade_tick" / "ETHUSDT.BINANCE"
    folder.mkdir(parents=True)
    trades = pl.DataFrame(
        {
            "price": fixed(2000.5, 2000.25),
            "size": fixed(1, 0.5),
            "aggressor_side": pl.Series([1, 2], dtype=pl.UInt8),
            "trade_id": ["17", "18"],
            **stamps(T0, T0 + 5),
        }
    )
    trades.write_parquet(folder / "a.parquet")
    tape = load(folder / "a.parquet").data
    (events,) = tape.blocks()
    assert tape.instrument.symbol == "ETH-USDT"
    # Each with the touch that it shows, which is guessed where there is nothing but trades.
    assert [tuple(e) for e in events[::3]] == [(T0, 10, 200_050, 2), (T0 + 5, 5, 200_025, 3)]
    assert tape.guess
    quotes = pl.DataFrame(
        {
            "bid_price": fixed(1.5),
            "ask_price": fixed(1.75),
            "bid_size": fixed(10),
            "ask_size": fixed(20),
            **stamps(T0),
        }
    )
    quotes.write_parquet(folder / "q.parquet")
    (events,) = load(folder / "q.parquet").data.blocks()
    assert [tuple(e) for e in events] == [(T0, 10, 150, 4), (T0, 20, 175, 5)]


def deltas(order_ids):
    return pl.DataFrame(
        {
            "action": pl.Series([4, 1, 1, 2, 3], dtype=pl.UInt8),
            "side": pl.Series([0, 1, 2, 1, 2], dtype=pl.UInt8),
            "price": fixed(0, 10, 11, 10, 11),
            "size": fixed(0, 1, 2, 3, 2),
            "order_id": pl.Series(order_ids, dtype=pl.UInt64),
            "flags": pl.Series([32, 32, 32 + 128, 128, 128], dtype=pl.UInt8),
            "sequence": pl.Series([1, 1, 1, 2, 3], dtype=pl.UInt64),
            **stamps(T0, T0, T0, T0 + 1, T0 + 2),
        }
    )


def test_deltas_of_levels_are_a_book_and_those_of_orders_are_refused(tmp_path):
    path = tmp_path / "BTCUSDT.BINANCE.parquet"
    deltas([0, 0, 0, 0, 0]).write_parquet(path)
    events = np.concatenate(list(load(path, Wanted(symbol="BTC-USDT")).data.blocks()))
    kinds = EventKind
    assert [(kinds(e["kind"]).name, int(e["tick"]), int(e["lots"])) for e in events] == [
        ("CLEAR", 0, 0),
        ("BID_LEVEL", 10, 1),
        ("ASK_LEVEL", 11, 2),
        ("BID_LEVEL", 10, 3),
        ("ASK_LEVEL", 11, 0),
    ]
    orders = deltas([0, 7, 8, 9, 9]).with_columns(
        side=pl.lit(1, dtype=pl.UInt8), price=fixed(0, 10, 10, 10, 10)
    )
    orders.write_parquet(path)
    with pytest.raises(UsageError, match="single orders"):
        load(path, Wanted(symbol="BTC-USDT"))


def test_names_say_venue_symbol_and_interval():
    assert identity({"bar_type": "BTC/USD.KRAKEN-4-HOUR-LAST-INTERNAL"}, "") == (
        "kraken",
        "BTC-USD",
        "4h",
    )
    assert identity({}, "BTCUSDT-PERP.BINANCE") == ("binance-perp", "BTC-USDT", "")
    assert identity({}, "somewhere") == ("", "", "")
    assert not is_nautilus(["time", "price"])
    with pytest.raises(UsageError, match="is not read"):
        kind_of(["value", "ts_event", "ts_init"])
