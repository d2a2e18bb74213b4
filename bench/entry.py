"""Signed orders through the whole exchange at 32 kept connections, on disk before each answer.

Gate (signature, window, limits), matching, ledger, history and journal with group commit, in one
process on one core; orders are signed beforehand. Beside it uvicorn with a raw ASGI application
that does nothing of all this. Three of four orders rest below the market, one in four takes from
it. Beside requests per second stand requests per second of the server's own processor time, which
a busy machine does not bound. The journal's writer is a thread of the same process, so its time is
in it; what the exchange needs while nobody asks, which is the crowd's, goes by the clock and not by
orders, so that is taken off.
"""

import tempfile
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from bench.http import ASKED, Served
from bench.load import OwnTime, drive, pin
from bench.measure import Bench
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
ORDERS = 800  # a run: signed within the shortest window, also on a busy machine
TURNS = 15  # that count; each is short
SETTLE_S, IDLE_S = 1.0, 4.0  # before and while it is watched with nobody asking
NO_OPS = 800  # likewise, of uvicorn
TAKES = 4  # one in so many orders takes
GOAL = 0.5  # of uvicorn's no-op
FAR_TICKS = 2_000_000  # below any price of the crowd
UVICORN = "uvicorn, raw ASGI, no-op"
OWN = ", own time"
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
            own = OwnTime(exchange.pid)
            time.sleep(SETTLE_S)
            begun_s = own.seconds()
            time.sleep(IDLE_S)
            idle = (own.seconds() - begun_s) / IDLE_S
            rates: dict[str, list[float]] = {}
            try:
                for turn in range(TURNS + 1):
                    for name, venue in venues.items():
                        requests, begun_s = venue.orders(ORDERS), own.seconds()
                        driven = drive(venue.port, requests)
                        assert set(driven.statuses) <= {200, 201}, driven.statuses
                        if turn:  # the first one warms up
                            own_s = own.seconds() - begun_s - idle * driven.seconds
                            _add(rates, _row(name), ORDERS, driven.seconds, own_s)
                    if uvicorn:
                        begun_s = uvicorn.own.seconds()
                        driven = drive(uvicorn.port, [ASKED] * NO_OPS)
                        if turn:
                            taken_s = uvicorn.own.seconds() - begun_s
                            _add(rates, UVICORN, NO_OPS, driven.seconds, taken_s)
            finally:
                if uvicorn:
                    uvicorn.stop()
            if not uvicorn:
                bench.skip(UVICORN, "pip install uvicorn==0.54.0")
    for name, found in rates.items():
        bench.tell(name, found, ORDERS, "requests/cpu s" if name.endswith(OWN) else "requests/s")
    for name in DIALECTS:
        for kind in ("", OWN):
            bench.ratio(_row(name) + kind, UVICORN + kind, GOAL)
    yield from bench.rows()


def _row(dialect: str) -> str:
    return f"signed order, {dialect}, 32 connections"


def _add(
    rates: dict[str, list[float]], name: str, count: int, clock_s: float, own_s: float
) -> None:
    rates.setdefault(name, []).append(count / clock_s)
    if own_s:
        rates.setdefault(name + OWN, []).append(count / own_s)


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
