"""What the gate costs a request, in microseconds, beside a bare HMAC of the same bytes.

Orders that our own client end has signed, for each dialect, under the venue's limits, so far apart
that none is reached. The engine is left out: the route's command is not carried out. `checks` is
the gate's order of checks alone, with the parameters read beforehand; the rows under it are its
parts, of two dialects, since they are the same code. The floor is what any venue with such
signatures has to compute.
"""

import gc
import hashlib
import hmac
import statistics
import tempfile
from collections.abc import Callable, Iterator
from decimal import Decimal
from itertools import count
from pathlib import Path
from time import process_time_ns
from typing import Any, NamedTuple

from bench.measure import RUNS, row
from steelyard import dialects
from steelyard.domain.commands import ListInstrument, Place
from steelyard.domain.instrument import Instrument
from steelyard.domain.messages import Scope
from steelyard.domain.order import OrderType, Side, TimeInForce
from steelyard.engine.reference import ReferenceEngine
from steelyard.exchange.admin import Admin, CreateKey
from steelyard.exchange.exchange import Exchange
from steelyard.exchange.gate import Gate
from steelyard.exchange.records import FORMAT, Founded
from steelyard.vault.seal import FileSeal
from steelyard.wire.dialect import ApiKey, Auth, Credentials, Dialect, Endpoint
from steelyard.wire.http import Request
from steelyard.wire.limits import Per, Usage

WORK = 5_000  # requests a run
START_NS = 1_700_000_000_000_000_000
STEP_NS = 200_000_000  # between requests, so that no limit is reached
IP = "127.0.0.1"
IN_PARTS = ("native", "binance")
UNIT = "us per request, processor time"


class _Asked(NamedTuple):
    request: Request
    endpoint: Endpoint
    parameters: Any
    credentials: Credentials
    now_ns: int


def run() -> Iterator[dict[str, Any]]:
    """Yield a row for each part, and the whole against the floor."""
    for name in dialects.names():
        with tempfile.TemporaryDirectory() as scratch:
            yield from _rows(_Venue(dialects.find(name), Path(scratch)))


class _Venue:
    """A small exchange with one account, one key and one dialect."""

    def __init__(self, dialect: Dialect, scratch: Path) -> None:
        seal, seeds = FileSeal(scratch / "seal.key"), count(1)
        exchange = Exchange(ReferenceEngine(), None, seal)
        admin = Admin(exchange, seal, lambda size: next(seeds).to_bytes(size, "big"))
        exchange.found(Founded(FORMAT, "none", ""), START_NS)
        listed = Instrument.spot(
            0, (1, "BTC"), (2, "USDT"), tick_size="0.01", lot_size="0.00001",
            price_max="1000000", size_max="9000", notional_min="5",
        )  # fmt: skip
        exchange.record(ListInstrument(listed), START_NS)
        admin.create_account("bench", {"USDT": Decimal(1_000_000)}, START_NS)
        call = CreateKey("bench", dialect.name, (Scope.READ, Scope.TRADE))
        made = admin.carry_out(call, START_NS)
        self.dialect, self.exchange = dialect, exchange
        passphrase = made["passphrase"] or ""
        self.key = ApiKey(made["key"], made["secret"].encode(), passphrase)
        self._places, self._moments = count(), count()

    def gate(self) -> Gate:
        """Return a new gate, which has counted nothing."""
        return Gate(self.exchange, self.dialect, self.dialect.limits)

    def asked(self) -> list[_Asked]:
        """Return requests that nobody has seen yet."""
        return [self._asked(START_NS + next(self._moments) * STEP_NS) for _ in range(WORK)]

    def _asked(self, now_ns: int) -> _Asked:
        client_id = self.dialect.client.client_order_id(next(self._places))
        place = Place(
            1, 0, Side.BUY, OrderType.LIMIT, TimeInForce.GTC, post_only=False,
            price_ticks=2_000_000, size_lots=1_000, client_order_id=client_id,
        )  # fmt: skip
        listings = self.exchange.listings
        made = self.dialect.client.request(place, listings, self.key, now_ns)
        headers = {name.lower(): value for name, value in made.headers.items()}
        request = made._replace(headers=headers)
        found = next(
            e
            for e in self.dialect.endpoints
            if (e.method, e.path) == (request.method, request.path) and e.auth is Auth.SIGNED
        )
        endpoint = found._replace(decode=lambda *_: None, encode=lambda *_: None, charges=None)
        credentials = self.dialect.credentials(request, endpoint)
        assert isinstance(credentials, Credentials), credentials
        parameters = self.dialect.read(request, endpoint, {})
        return _Asked(request, endpoint, parameters, credentials, now_ns)


def _rows(venue: _Venue) -> Iterator[dict[str, Any]]:
    name, medians = venue.dialect.name, {}
    for part, job in _JOBS.items():
        if name not in IN_PARTS and part not in (_REQUEST, _FLOOR):
            continue
        figures = []
        for number in range(RUNS + 1):  # the first does not count
            asked, gate = venue.asked(), venue.gate()
            venue.exchange.drain()
            venue.exchange.keys.people.nonces.clear()
            gc.collect()
            gc.disable()
            begun = process_time_ns()
            job(venue, gate, asked)
            taken_us = (process_time_ns() - begun) / WORK / 1_000
            gc.enable()
            if number:
                figures.append(taken_us)
        medians[part] = statistics.median(figures)
        yield row(f"{name}: {part}", UNIT, figures)
    for part in (_REQUEST, _CHECKED):
        if part not in medians:
            continue
        ratio = round(medians[part] / medians[_FLOOR], 1)
        yield {"name": f"{name}: {part}", "against": _FLOOR, "ratio": ratio, "goal": None}


def _whole(venue: _Venue, gate: Gate, asked: list[_Asked]) -> None:
    dialect = venue.dialect
    for request, endpoint, _, _, now_ns in asked:
        usage: list[Usage] = []
        gate.request(
            endpoint,
            lambda: dialect.read(request, endpoint, {}),  # noqa: B023 called at once
            lambda: dialect.credentials(request, endpoint),  # noqa: B023
            IP,
            now_ns,
            usage,
        )
        dialect.usage_headers(tuple(used for part in usage for used in part))


def _checks(_venue: _Venue, gate: Gate, asked: list[_Asked]) -> None:
    for _, endpoint, parameters, credentials, now_ns in asked:
        gate.request(endpoint, lambda: parameters, lambda: credentials, IP, now_ns, [])  # noqa: B023


def _limits(venue: _Venue, gate: Gate, asked: list[_Asked]) -> None:
    limiter = gate.limiter
    parties = ((Per.IP, IP), (Per.KEY, venue.key.key), (Per.ACCOUNT, "1"))
    for _, endpoint, _, _, now_ns in asked:
        limiter.ban(IP, now_ns)
        for per, who in parties:
            limiter.count(per, who, weight=1, endpoint=endpoint, ip=IP, now_ns=now_ns)


def _proof(_venue: _Venue, gate: Gate, asked: list[_Asked]) -> None:
    for _, _, _, credentials, now_ns in asked:
        gate._access.authenticate(credentials, Auth.SIGNED, IP, now_ns)  # noqa: SLF001 a part of it alone


def _hmac(venue: _Venue, _gate: Gate, asked: list[_Asked]) -> None:
    secret = venue.key.secret
    for _, _, _, credentials, _ in asked:
        hmac.new(secret, credentials.payloads[0], hashlib.sha256).hexdigest()


_REQUEST, _CHECKED = "whole request but the engine", "checks"
_FLOOR = "floor: hmac.new(...).hexdigest() of the same bytes"
_JOBS: dict[str, Callable[[_Venue, Gate, list[_Asked]], None]] = {
    _REQUEST: _whole,
    _CHECKED: _checks,
    "of these: key, signature, time, nonce": _proof,
    "of these: limits": _limits,
    _FLOOR: _hmac,
}
