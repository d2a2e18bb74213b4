"""A signed order over REST and back: round trip of one client, on disk before the answer.

Our own client end over a kept connection of the standard library, so that the figure is the
exchange's and not a client library's; ccxt on the same exchange beside it, as users have it.
"""

import http.client
import statistics
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path
from time import perf_counter_ns
from typing import Any
from urllib.parse import urlsplit

from steelyard import dialects
from steelyard.domain.commands import Place
from steelyard.domain.instrument import Listings
from steelyard.domain.messages import InstrumentsQuery, Query
from steelyard.domain.order import OrderType, Side, TimeInForce
from steelyard.net.clock import Clock
from steelyard.testing import LocalExchange
from steelyard.wire.dialect import ApiKey
from steelyard.wire.outcome import Answered

ROUNDS, WARM = 1_000, 100
CCXT_ROUNDS = 200
CLOCK = Clock()


def run() -> list[dict[str, Any]]:
    """Return p50 and p99 in microseconds of each client."""
    with tempfile.TemporaryDirectory() as scratch:
        exchange = LocalExchange(Path(scratch) / "data", "--crowd", "1", "--limits", "off")
        with exchange:
            rows = [_ours(exchange)]
            if find_spec("ccxt"):
                rows.append(_ccxt(exchange))
            else:
                print("ccxt is not installed: its row is left out", file=sys.stderr)
    return rows


class _Venue:
    """One kept connection to the binance dialect."""

    def __init__(self, exchange: LocalExchange) -> None:
        key = exchange.trader("bench", {"USDT": "100000000"}, dialect="binance")
        parts = urlsplit(exchange.url("binance"))
        self.connection = http.client.HTTPConnection(parts.hostname or "", parts.port)
        self.client = dialects.find("binance").client
        self.key = ApiKey(key["key"], key["secret"].encode())
        self.listings = Listings()
        answer = self.send(InstrumentsQuery())
        for instrument in answer.instruments:
            self.listings.add(instrument)

    def send(self, message: Query | Place) -> Any:
        request = self.client.request(message, self.listings, self.key, CLOCK.now_ns())
        self.connection.request(
            request.method, request.target, body=request.body, headers=request.headers
        )
        response = self.connection.getresponse()
        body = response.read()
        from steelyard.wire.http import Response  # noqa: PLC0415

        outcome = self.client.outcome(
            message, Response(response.status, dict(response.getheaders()), body),
            self.listings, CLOCK.now_ns(),
        )  # fmt: skip
        assert isinstance(outcome, Answered), outcome
        return outcome.answer


def _ours(exchange: LocalExchange) -> dict[str, Any]:
    venue = _Venue(exchange)
    instrument = venue.listings.symbol("BTC-USDT")
    times = []
    for number in range(ROUNDS + WARM):
        place = Place(
            0, instrument.instrument_id, Side.BUY, OrderType.LIMIT, TimeInForce.GTC,
            post_only=False, price_ticks=2_000_000 + number, size_lots=1_000,
            client_order_id=f"bench-{number}",
        )  # fmt: skip
        begun = perf_counter_ns()
        venue.send(place)
        times.append(perf_counter_ns() - begun)
    venue.connection.close()
    return _row("signed order, durable, one client", times[WARM:])


def _ccxt(exchange: LocalExchange) -> dict[str, Any]:
    import ccxt  # noqa: PLC0415 optional

    key = exchange.trader("bench-ccxt", {"USDT": "100000000"}, dialect="binance")
    settings = exchange.env("binance", client="ccxt")
    client = ccxt.binance({**settings, "apiKey": key["key"], "secret": key["secret"],
                           "enableRateLimit": False})  # fmt: skip
    client.load_markets()
    times = []
    for number in range(CCXT_ROUNDS + WARM):
        begun = perf_counter_ns()
        client.create_order("BTC/USDT", "limit", "buy", 0.01, 20_000 + number / 100)
        times.append(perf_counter_ns() - begun)
    return _row(f"the same by ccxt {ccxt.__version__}", times[WARM:])


def _row(name: str, times: list[int]) -> dict[str, Any]:
    cuts = statistics.quantiles(times, n=100)
    return {
        "name": name,
        "unit": "us",
        "p50": round(statistics.median(times) / 1_000),
        "p99": round(cuts[98] / 1_000),
        "orders": len(times),
    }
