"""A Binance API in memory for tests: the real gate over a small exchange, and both ways to call it.

`call` sends what a foreign client would send; `ask` goes through our own client half.
"""

from decimal import Decimal
from itertools import count
from typing import Any
from urllib.parse import urlencode

import msgspec

from steelyard.dialects.binance import DIALECT, auth
from steelyard.domain.commands import ListInstrument
from steelyard.domain.instrument import Instrument
from steelyard.domain.messages import Scope
from steelyard.exchange.gate import Gate
from steelyard.exchange.line import Line
from steelyard.exchange.stream_tokens import StreamTokens
from steelyard.wire.dialect import ApiKey
from steelyard.wire.http import Request, Response
from steelyard.wire.limits import UNLIMITED, LimitProfile
from steelyard.wire.outcome import Outcome
from tests.shared.desk import BTC, ETH, ETH_USDT, Desk

ETH_BTC = Instrument.spot(
    2,
    (ETH, "ETH"),
    (BTC, "BTC"),
    tick_size="0.00005",
    lot_size="0.001",
    price_max="10",
    size_max="100000",
    notional_min="0.0001",
)
HERE = "127.0.0.1"
ALL = (Scope.READ, Scope.TRADE)
STEP_NS = 50_000_000
LIMIT = {"type": "LIMIT", "timeInForce": "GTC"}


class Venue:
    """Two funded accounts with a key each; every call comes 50 ms after the last one."""

    def __init__(self, limits: LimitProfile = UNLIMITED) -> None:
        self.desk = Desk()
        self.exchange, self.admin = self.desk.exchange, self.desk.admin
        self.exchange.record(ListInstrument(ETH_USDT), self.desk.tick())
        self.exchange.record(ListInstrument(ETH_BTC), self.desk.tick())
        tokens = count(1)
        self.gate = Gate(
            self.exchange,
            DIALECT,
            limits,
            tokens=StreamTokens(lambda size: next(tokens).to_bytes(size, "big")),
        )
        self.listings = self.exchange.listings
        self.admin.deposit("alice", {"ETH": Decimal(1000)}, self.desk.now_ns)
        self.key, self.other_key = self.new_key("alice"), self.new_key("bob")
        self.lines: dict[int, tuple[Line, list[Any]]] = {}

    def new_key(self, account: str, *scopes: Scope, **options: Any) -> ApiKey:
        """Return a key that may read and trade, or what is said."""
        made = self.admin.create_key(
            account, dialect="binance", scopes=scopes or ALL, now_ns=self.desk.now_ns, **options
        )
        return ApiKey(made.key, made.secret.encode())

    # -- REST, as a foreign client ------------------------------------------------------------

    def send(self, request: Request, ip: str = HERE) -> Response:
        """Carry out a request as it is."""
        self.desk.now_ns += STEP_NS
        response = self.gate.http(request, ip, self.desk.now_ns)
        self.deliver()
        return response

    def signed(
        self, method: str, path: str, params: dict[str, Any], key: ApiKey | None = None
    ) -> Request:
        """Return a signed request with its parameters where ccxt puts them."""
        key = key or self.key
        form = auth.signed_form(urlencode(params), key, self.desk.now_ns + STEP_NS)
        headers = {auth.KEY_HEADER: key.key}
        if method == "POST":
            return Request(method, f"/api/v3/{path}", headers, form.encode())
        return Request(method, f"/api/v3/{path}?{form}", headers, b"")

    def call(
        self,
        method: str,
        path: str,
        params: dict[str, Any] | None = None,
        key: ApiKey | None = None,
        **more: Any,
    ) -> tuple[int, Any]:
        """Send a signed request and return status and answer."""
        response = self.send(self.signed(method, path, {**(params or {}), **more}, key))
        return response.status, msgspec.json.decode(response.body)

    def get(self, path: str, **params: Any) -> tuple[int, Any]:
        """Send an unsigned request and return status and answer."""
        return self.get_with({}, path, **params)

    def get_with(self, headers: dict[str, str], path: str, **params: Any) -> tuple[int, Any]:
        """Do the same with headers, whose names are in lower case."""
        query = f"?{urlencode(params)}" if params else ""
        response = self.send(Request("GET", f"/api/v3/{path}{query}", headers, b""))
        return response.status, msgspec.json.decode(response.body)

    def with_key(self, method: str, path: str, key: ApiKey, **params: Any) -> tuple[int, Any]:
        """Send a request that names a key and is not signed."""
        headers = {auth.KEY_HEADER: key.key}
        query = f"?{urlencode(params)}" if params else ""
        response = self.send(Request(method, f"/api/v3/{path}{query}", headers, b""))
        return response.status, msgspec.json.decode(response.body)

    def place(self, key: ApiKey | None = None, **fields: Any) -> dict[str, Any]:
        """Place an order that is good, a limit order at 50,000 unless told otherwise."""
        order = {"symbol": "BTCUSDT", "side": "BUY", "quantity": "0.01", **fields}
        if "type" not in order:
            order = {"price": "50000", **LIMIT, **order}
        status, answer = self.call("POST", "order", order, key, newOrderRespType="FULL")
        assert status == 200, answer
        return answer

    def trade(self, price: str) -> None:
        """Let bob trade with himself at a price, after whatever is better."""
        order = {"symbol": "BTCUSDT", "quantity": "0.01", "price": price}
        for side in ("BUY", "SELL"):
            self.place(self.other_key, **order, side=side, selfTradePreventionMode="NONE")

    def found(self, placed: dict[str, Any]) -> dict[str, Any]:
        """Return one of alice's orders on BTCUSDT as it is now."""
        return self.call("GET", "order", symbol="BTCUSDT", orderId=placed["orderId"])[1]

    # -- REST, through our own client half ------------------------------------------------------

    def ask(self, message: Any, key: ApiKey | None = None) -> Outcome:
        """Send a message through the client half and return what came of it."""
        key = key or self.key
        client = DIALECT.client
        now_ns = self.desk.now_ns + STEP_NS
        response = self.send(client.request(message, self.listings, key, now_ns))
        return client.outcome(message, response, self.listings, self.desk.now_ns)

    # -- WebSockets ---------------------------------------------------------------------------

    def open(self, target: str) -> int:
        """Open a WebSocket and return its number."""
        number = len(self.lines) + 1
        line = self.gate.line(target, HERE, number, lambda: self.desk.now_ns)
        assert line is not None, target
        self.lines[number] = (line, [])
        self.deliver()
        return number

    def say(self, number: int, frame: Any) -> None:
        """Send a frame: text or bytes as they are, anything else as JSON."""
        self.desk.now_ns += STEP_NS
        is_raw = isinstance(frame, str | bytes)
        self.lines[number][0].receive(frame if is_raw else msgspec.json.encode(frame).decode())
        self.deliver()

    def wait(self, seconds: int = 1) -> None:
        """Let time go on, and what is due go out."""
        self.exchange.step(self.desk.tick(seconds))
        for line, _ in self.lines.values():
            line.session.wake(self.desk.now_ns)
        self.deliver()

    def heard(self, number: int) -> list[Any]:
        """Return the frames since the last call, decoded."""
        return [msgspec.json.decode(frame) for frame in self.raw(number)]

    def raw(self, number: int) -> list[bytes]:
        """Return the frames since the last call."""
        line, frames = self.lines[number]
        self.lines[number] = (line, [])
        return frames

    def deliver(self) -> None:
        """Take what is to be sent: a session's own answers first, as the shell does."""
        for line, frames in self.lines.values():
            frames.extend(line.session.drain())
        for payload, sessions, _ in self.exchange.drain().frames:
            for session in sessions:
                self.lines[session][1].append(payload)
