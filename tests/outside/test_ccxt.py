"""Unmodified ccxt and ccxt.pro in the crowd's market, on every venue that they know.

With nothing but what `steelyard env` prints. A whole trading day, where every amount is known, is
in test_ccxt_every_day.
"""

import asyncio
import itertools

import ccxt
import ccxt.pro
import pytest
from ccxt_common_day import KNOWN, VENUES, Venue
from key_pairs import OFFERED_BY_ALL, pair

pytestmark = pytest.mark.slow

PAIR = "BTC/USDT"
WAIT_S = 20
BOOKS = 10
names = (f"ccxt-{number}" for number in itertools.count())


def client_of(exchange, dialect, library):
    settings = {**exchange.env(dialect, client="ccxt"), "enableRateLimit": False}
    return getattr(library, KNOWN[dialect])(settings)


def is_sorted(book):
    """Whether a book is in order and not crossed."""
    bids, asks = ([price for price, *_ in book[side]] for side in ("bids", "asks"))
    return bids == sorted(bids, reverse=True) and asks == sorted(asks) and bids[0] < asks[0]


@pytest.mark.parametrize("dialect", KNOWN)
def test_what_the_public_is_told_fits_together(exchange, dialect):
    """Markets, a ticker, a sorted book of levels, trades in order and candles that may be."""
    client = client_of(exchange, dialect, ccxt)
    client.load_markets()
    assert {"ETH/USDT", "SOL/USDT", "ETH/BTC"} <= set(client.symbols)
    ticker = client.fetch_ticker(PAIR)
    assert ticker["bid"] < ticker["ask"]
    assert (ticker["low"] or 0) <= ticker["last"] <= (ticker["high"] or ticker["last"])
    assert is_sorted(client.fetch_order_book(PAIR, 100))
    trades = client.fetch_trades(PAIR, limit=20)
    ids = {trade["id"] for trade in trades} - {None}  # ccxt reads none of KuCoin's
    assert len(ids) in {0, len(trades)}
    assert trades
    times = [trade["timestamp"] for trade in trades]
    assert times == sorted(times)
    assert {trade["side"] for trade in trades} <= {"buy", "sell"}
    candles = client.fetch_ohlcv(PAIR, "1m", limit=20)
    begins = [candle[0] for candle in candles]
    assert begins == sorted({*begins})
    assert {begin % 60_000 for begin in begins} == {0}
    for _, opened, high, low, closed, volume in candles:
        assert low <= min(opened, closed) <= max(opened, closed) <= high
        assert volume >= 0


@pytest.mark.parametrize("dialect", KNOWN)
def test_a_watched_book_stays_in_order(exchange, dialect):
    """ccxt.pro checks the numbers and checksums that there are."""
    client = client_of(exchange, dialect, ccxt.pro)
    if VENUES.get(dialect, Venue()).books_need_key:
        key = exchange.trader(next(names), {}, dialect=dialect, scopes="read")
        client.apiKey, client.secret, client.password = key["key"], key["secret"], key["passphrase"]

    async def watch():
        try:
            await client.load_markets()
            for _ in range(BOOKS):
                assert is_sorted(await asyncio.wait_for(client.watch_order_book(PAIR), WAIT_S))
        finally:
            await client.close()

    asyncio.run(watch())


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
