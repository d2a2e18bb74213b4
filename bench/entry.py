"""Signed orders through the whole exchange at 32 kept connections, on disk before each answer.

Gate (signature, window, limits), matching, ledger, history and journal with group commit, in one
process on one core; orders are signed beforehand. Beside it uvicorn with a raw ASGI application
that does nothing of all this. Three of four orders rest below the market, one in four takes from
it. The journal's writer is a thread of the same process, so its time is in the processor time.
"""

import tempfile
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from bench.http import ASKED, Served
from bench.load import drive, pin
from bench.measure import RUNS, Bench
from steelyard import dialects
from steelyard.domain.commands import Place
from steelyard.domain.instrument import Listings
from steelyard.domain.messages import InstrumentsQuery
from steelyard.domain.order import OrderType, Side, TimeInForce
from steelyard.net.clock import Clock
from steelyard.testing import LocalExchange
from steelyard.wire.dialect import ApiKey
from steelyard.wire.http import Request, Response
from steelyard.wire.outcome import Answered

DIALECTS = ("native", "binance")
ORDERS = 2_000  # a run: signed within the shortest window, also on a busy machine
TAKES = 4  # one in so many orders takes
GOAL = 0.5  # of uvicorn's no-op
FAR_TICKS = 2_000_000  # below any price of the crowd
CLOCK = Clock()


def run() -> Iterator[dict[str, Any]]:
    """Yield orders per second of each dialect, and ours against a server that does nothing."""
    bench = Bench()
    with tempfile.TemporaryDirectory() as scratch:
        exchange = LocalExchange(Path(scratch) / "data", "--crowd", "1", "--limits", "off")
        with exchange:
            pin(0, exchange.pid)
            pin(1, 0)
            venues = {name: Venue(exchange, name) for name in DIALECTS}
            uvicorn = Served("uvicorn") if find_spec("uvicorn") else None
            rates: dict[str, list[float]] = {}
            for turn in range(RUNS + 1):
                for name, venue in venues.items():
                    requests = venue.orders(ORDERS)
                    driven = drive(venue.port, requests)
                    assert set(driven.statuses) <= {200, 201}, driven.statuses
                    if turn:
                        found = rates.setdefault(f"signed order, {name}, 32 connections", [])
                        found.append(ORDERS / driven.seconds)
                if uvicorn:
                    driven = drive(uvicorn.port, [ASKED] * 3 * ORDERS)
                    if turn:
                        found = rates.setdefault("uvicorn, raw ASGI, no-op", [])
                        found.append(3 * ORDERS / driven.seconds)
            if uvicorn:
                uvicorn.stop()
            else:
                bench.skip("uvicorn, raw ASGI, no-op", "pip install uvicorn==0.54.0")
    for name, found in rates.items():
        bench.tell(name, found, ORDERS, "requests/s")
    for name in DIALECTS:
        bench.ratio(f"signed order, {name}, 32 connections", "uvicorn, raw ASGI, no-op", GOAL)
    yield from bench.rows()


class Venue:
    """One dialect of a running exchange, and orders for it, signed."""

    def __init__(self, exchange: LocalExchange, name: str) -> None:
        key = exchange.trader(
            f"bench-{name}", {"USDT": "1000000000", "BTC": "100000"}, dialect=name
        )
        self._client = dialects.find(name).client
        self._key = ApiKey(key["key"], key["secret"].encode())
        self._listings = Listings()
        self.port = urlsplit(exchange.url(name)).port or 0
        self._number = 0
        message = InstrumentsQuery()
        request = self._client.request(message, self._listings, None, CLOCK.now_ns())
        outcome = self._client.outcome(
            message, _asked(self.port, request), self._listings, CLOCK.now_ns()
        )
        assert isinstance(outcome, Answered), outcome
        for instrument in outcome.answer.instruments:
            self._listings.add(instrument)

    def orders(self, count: int) -> list[bytes]:
        """Return requests, each signed now."""
        return [self._order() for _ in range(count)]

    def _order(self) -> bytes:
        self._number += 1
        number = self._number
        takes = number % TAKES == 0
        place = Place(
            0, self._listings.symbol("BTC-USDT").instrument_id, Side.BUY, OrderType.LIMIT,
            TimeInForce.IOC if takes else TimeInForce.GTC, post_only=False,
            price_ticks=20_000_000 if takes else FAR_TICKS + number % 1_000,
            size_lots=100 if takes else 1_000, client_order_id=f"b-{number}",
        )  # fmt: skip
        return _bytes(self._client.request(place, self._listings, self._key, CLOCK.now_ns()))


def _bytes(request: Request) -> bytes:
    headers = "".join(f"{name}: {value}\r\n" for name, value in request.headers.items())
    head = f"{request.method} {request.target} HTTP/1.1\r\nhost: 127.0.0.1\r\n{headers}"
    return f"{head}content-length: {len(request.body)}\r\n\r\n".encode() + request.body


def _asked(port: int, request: Request) -> Response:
    import http.client  # noqa: PLC0415

    connection = http.client.HTTPConnection("127.0.0.1", port)
    connection.request(request.method, request.target, request.body, dict(request.headers))
    response = connection.getresponse()
    body = response.read()
    connection.close()
    return Response(response.status, dict(response.getheaders()), body)
