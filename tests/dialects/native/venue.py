"""A native API in memory, for tests: the real gate over a small exchange, and who calls it."""

import json
from decimal import Decimal
from typing import Any

import msgspec

from steelyard.dialects.native import DIALECT, auth
from steelyard.domain.commands import ListInstrument
from steelyard.domain.instrument import Instrument
from steelyard.domain.messages import Scope
from steelyard.exchange.gate import Gate
from steelyard.exchange.line import Line
from steelyard.wire.dialect import ApiKey
from steelyard.wire.http import Request, Response
from steelyard.wire.limits import UNLIMITED, LimitProfile
from tests.shared.desk import BTC, Desk

ETH = 3
ETH_BTC = Instrument.spot(
    1,
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


class Venue:
    """Two funded accounts with a key each; every call comes 50 ms after the last one."""

    def __init__(self, limits: LimitProfile = UNLIMITED) -> None:
        self.desk = Desk()
        self.exchange, self.admin = self.desk.exchange, self.desk.admin
        self.exchange.record(ListInstrument(ETH_BTC), self.desk.tick())
        self.gate = Gate(self.exchange, DIALECT, limits)
        self.listings = self.exchange.listings
        self.admin.deposit("alice", {"ETH": Decimal(1000)}, self.desk.now_ns)
        self.key, self.other_key = self.new_key("alice"), self.new_key("bob")

    def new_key(self, account: str, *scopes: Scope, **options: Any) -> ApiKey:
        """Return a key that may read and trade, or what is said."""
        made = self.admin.create_key(
            account, dialect="native", scopes=scopes or ALL, now_ns=self.desk.now_ns, **options
        )
        return ApiKey(made.key, made.secret.encode())

    def send(self, request: Request, ip: str = HERE) -> Response:
        """Carry out a request as it is."""
        self.desk.now_ns += 50_000_000
        return self.gate.http(request, ip, self.desk.now_ns)

    def signed(
        self, method: str, target: str, body: Any = None, key: ApiKey | None = None
    ) -> Request:
        """Return a signed request; a body may be bytes, or anything that JSON can hold."""
        raw = (
            body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        )
        now_ns = self.desk.now_ns + 50_000_000
        headers = auth.signed_headers(key or self.key, method, target, raw, now_ns)
        return Request(method, target, headers, raw)

    def call(
        self, method: str, target: str, body: Any = None, key: ApiKey | None = None
    ) -> tuple[int, Any]:
        """Send a signed request and return status and answer."""
        response = self.send(self.signed(method, target, body, key))
        return response.status, msgspec.json.decode(response.body)

    def get(self, target: str) -> tuple[int, Any]:
        """Send an unsigned request and return status and answer."""
        response = self.send(Request("GET", target, {}, b""))
        return response.status, msgspec.json.decode(response.body)

    def place(self, key: ApiKey | None = None, **fields: Any) -> dict[str, Any]:
        """Place an order that is good, and return it as it was answered."""
        body = {"symbol": "BTC-USDT", "side": "buy", "type": "limit", "size": "0.01", **fields}
        if body["type"] == "limit":
            body.setdefault("price", "61000.00")
        status, answer = self.call("POST", "/api/v1/orders", body, key)
        assert status == 200, answer
        return answer

    def line(self, session_id: int = 1) -> Line:
        """Open a WebSocket."""
        line = self.gate.line("/ws/v1", HERE, session_id, lambda: self.desk.now_ns)
        assert line is not None
        return line

    def pushes(self, session_id: int = 1) -> list[Any]:
        """Return what the feed has for a session, decoded."""
        frames = self.exchange.drain().frames
        return [msgspec.json.decode(f.payload) for f in frames if session_id in f.sessions]


def code(answer: Any) -> str:
    """Return the code of a refusal."""
    return answer["error"]["code"]
