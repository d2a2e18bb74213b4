import pytest

from steelyard.data.archives import archive_of, archives, named
from steelyard.data.kinds import Kind
from steelyard.domain.errors import Unsupported


@pytest.mark.parametrize(
    ("name", "kind", "interval"),
    [
        ("BTCUSDT-1m-2024-01.csv", Kind.BARS, "1m"),
        ("BTCUSDT-1d-2024-01-05.csv", Kind.BARS, "1d"),
        ("BTCUSDT-aggTrades-2024-01-05.csv", Kind.AGGREGATES, ""),
        ("BTCUSDT-trades-2024-01", Kind.TRADES, ""),
        ("BTCUSDT-bookTicker-2024-01-05.csv", Kind.TOUCH, ""),
        ("BTCUSDT_T_DEPTH_2024-01-05_depth_snap.csv", Kind.DEPTH, ""),
    ],
)
def test_a_files_name_says_its_series(name, kind, interval):
    found = named(name)
    assert (found.symbol, found.kind, found.interval) == ("BTCUSDT", kind, interval)
    assert found.venue == "binance"
    assert named(name, "kraken") is None


def test_names_of_nothing_known_say_nothing():
    assert named("BTC_USDT-5m.feather") is None
    assert named("BTCUSDT-gossip-2024-01-05.csv") is None


@pytest.mark.parametrize(
    ("name", "count", "has_header", "venue"),
    [
        ("BTCUSDT-aggTrades-2024-01-05.csv", 8, False, "binance"),
        ("BTCUSDT-aggTrades-2024-01-05.csv", 7, False, "binance-um"),
        ("BTCUSDT-trades-2024-01.csv", 7, False, "binance"),
        ("BTCUSDT-trades-2024-01.csv", 6, True, "binance-um"),
        ("BTCUSDT-bookTicker-2024-01-05.csv", 7, True, "binance-um"),
        ("BTCUSDT-1m-2024-01.csv", 12, False, "binance"),
        ("BTCUSDT-1m-2024-01.csv", 12, True, "binance-um"),
        ("BTCUSD_PERP-1m-2024-01.csv", 12, True, "binance-cm"),
        ("BTCUSDT_240329-1m-2024-01.csv", 12, True, "binance-um"),
    ],
)
def test_files_of_futures_are_of_a_venue_of_their_own(name, count, has_header, venue):
    """Spot's have the same names: what tells them apart is their columns, or a header."""
    found = named(name)
    assert found.venue_of(found.columns(count), has_header=has_header) == venue


def test_tables_are_told_apart_by_their_columns():
    found = named("BTCUSDT-trades-2024-01")
    assert found.columns(6)[-1] == "is_buyer_maker"
    assert found.columns(7)[-1] == "is_best_match"
    assert found.columns(3) is None
    assert found.form == "Binance trades"


def test_archives_are_found_by_their_venue():
    assert [archive.venue for archive in archives()] == ["binance"]
    assert archive_of("binance").base_url == "https://data.binance.vision"
    with pytest.raises(Unsupported, match="there are those of binance"):
        archive_of("kraken")
