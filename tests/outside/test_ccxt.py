"""Unmodified ccxt in the crowd's market, with nothing but what `steelyard env` prints.

A whole trading day, where every amount is known, is in test_ccxt_day.
"""

import itertools

import ccxt
import pytest
from key_pairs import OFFERED_BY_ALL, pair

pytestmark = pytest.mark.slow

names = (f"ccxt-{number}" for number in itertools.count())


@pytest.fixture(scope="module")
def public(exchange):
    client = ccxt.binance(exchange.env("binance", client="ccxt"))
    client.load_markets()
    return client


@pytest.fixture
def client(exchange):
    key = exchange.trader(next(names), {"USDT": "100000", "BTC": "2"}, dialect="binance")
    settings = exchange.env("binance", client="ccxt")
    client = ccxt.binance({**settings, "apiKey": key["key"], "secret": key["secret"]})
    client.load_markets()  # with a key ccxt asks the wallet API first
    return client


def test_markets_have_the_steps_and_limits_of_the_listing(public):
    market = public.market("BTC/USDT")
    assert market["spot"]
    assert market["active"]
    assert market["precision"] == {**market["precision"], "price": 0.01, "amount": 0.00001}
    assert market["limits"]["cost"]["min"] == 5
    assert {"ETH/USDT", "SOL/USDT", "ETH/BTC", "BTC/USD", "ETH/USD"} <= set(public.symbols)


def test_a_ticker_has_a_price_inside_its_own_day(public):
    ticker = public.fetch_ticker("BTC/USDT")
    assert ticker["low"] <= ticker["last"] <= ticker["high"]
    assert ticker["bid"] < ticker["ask"]
    assert set(public.fetch_tickers(["BTC/USDT", "ETH/USDT"])) == {"BTC/USDT", "ETH/USDT"}


def test_a_book_is_sorted_and_not_crossed(public):
    book = public.fetch_order_book("BTC/USDT", 50)
    bids, asks = ([price for price, _ in book[side]] for side in ("bids", "asks"))
    assert bids == sorted(bids, reverse=True)
    assert asks == sorted(asks)
    assert bids[0] < asks[0]
    assert book["nonce"] > 0


def test_trades_come_in_order_with_rising_ids(public):
    trades = public.fetch_trades("BTC/USDT", limit=20)
    # ccxt sorts those of one millisecond by their ids as text: 10 before 9.
    trades.sort(key=lambda trade: int(trade["id"]))
    assert len({trade["id"] for trade in trades}) == len(trades) > 0
    times = [trade["timestamp"] for trade in trades]
    assert times == sorted(times)
    assert {trade["side"] for trade in trades} <= {"buy", "sell"}


@pytest.mark.parametrize("timeframe", ["1s", "1m", "5m", "1h"])
def test_candles_are_gap_free_and_possible(public, timeframe):
    candles = public.fetch_ohlcv("BTC/USDT", timeframe, limit=20)
    step = public.parse_timeframe(timeframe) * 1000
    assert [b[0] - a[0] for a, b in itertools.pairwise(candles)] == [step] * (len(candles) - 1)
    for _, opened, high, low, closed, volume in candles:
        assert low <= min(opened, closed) <= max(opened, closed) <= high
        assert volume >= 0


def test_time_and_status_are_told(public):
    assert abs(public.fetch_time() - public.milliseconds()) < 2_000
    assert public.fetch_status()["status"] == "ok"


@pytest.mark.parametrize("kind", OFFERED_BY_ALL)
def test_a_private_key_in_the_secrets_place_signs_orders(exchange, kind, tmp_path):
    """Ccxt signs by Ed25519 or RSA where the secret is a PEM; the exchange has the public half."""
    private, public = pair(kind)
    (tmp_path / "public.pem").write_text(public)
    name = next(names)
    options = {"kind": kind, "public-key": str(tmp_path / "public.pem")}
    key = exchange.trader(name, {"USDT": "100000"}, dialect="binance", **options)
    assert key["secret"] == ""
    settings = exchange.env("binance", client="ccxt")
    client = ccxt.binance({**settings, "apiKey": key["key"], "secret": private})
    order = client.create_order("BTC/USDT", "limit", "buy", 0.1, 20_000)
    assert client.cancel_order(order["id"], "BTC/USDT")["status"] == "canceled"
    other = ccxt.binance({**settings, "apiKey": key["key"], "secret": pair(kind, 1)[0]})
    with pytest.raises(ccxt.AuthenticationError, match="-1022"):
        other.fetch_balance()


def test_a_market_order_fills_and_moves_the_balance_by_just_that(client):
    """A9, D8: executed value, fee and balances fit together."""
    before = client.fetch_balance()
    order = client.create_order("BTC/USDT", "market", "buy", 0.1)
    assert order["status"] == "closed"
    assert order["filled"] == 0.1
    fills = client.fetch_my_trades("BTC/USDT")
    assert sum(fill["amount"] for fill in fills) == pytest.approx(0.1)
    fee = sum(fill["fee"]["cost"] for fill in fills)
    assert {fill["fee"]["currency"] for fill in fills} == {"BTC"}
    after = client.fetch_balance()
    assert after["BTC"]["total"] - before["BTC"]["total"] == pytest.approx(0.1 - fee)
    assert before["USDT"]["total"] - after["USDT"]["total"] == pytest.approx(order["cost"])
