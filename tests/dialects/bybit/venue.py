"""A Bybit API in memory for tests: the real gate, called as a foreign client would."""

from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

import msgspec

from steelyard.dialects.bybit import DIALECT, auth
from steelyard.domain.commands import ListInstrument
from steelyard.domain.messages import Scope
from steelyard.exchange.gate import Gate
from steelyard.exchange.line import Line
from steelyard.wire.dialect import ApiKey
from steelyard.wire.http import Request, Response
from steelyard.wire.limits import UNLIMITED, LimitProfile
from tests.shared.desk import ETH_USDT, Desk

HERE = "127.0.0.1"
STEP_NS = 50_000_000
PUBLIC, PRIVATE, TRADE = "/v5/public/spot", "/v5/private", "/v5/trade"


class Venue:
    """Two funded accounts with a key each; every call comes 50 ms after the last one."""

    def __init__(self, limits: LimitProfile = UNLIMITED) -> None:
        self.desk = Desk()
        self.exchange, self.admin = self.desk.exchange, self.desk.admin
        self.exchange.record(ListInstrument(ETH_USDT), self.desk.tick())
        self.gate = Gate(self.exchange, DIALECT, limits)
        self.listings = self.exchange.listings
        self.admin.deposit("alice", {"ETH": Decimal(1000)}, self.desk.now_ns)
        self.key, self.other_key = self.new_key("alice"), self.new_key("bob")
        self.lines: dict[int, tuple[Line, list[Any]]] = {}

    def new_key(self, account: str, *scopes: Scope, **options: Any) -> ApiKey:
        """Return a key that may read and trade, or what is said."""
        made = self.admin.create_key(
            account,
            dialect=DIALECT.name,
            scopes=scopes or (Scope.READ, Scope.TRADE),
            now_ns=self.desk.now_ns,
            **options,
        )
        return ApiKey(made.key, made.secret.encode())

    # -- REST ---------------------------------------------------------------------------------

    def send(self, request: Request, ip: str = HERE) -> Response:
        """Carry out a request as it is."""
        self.desk.now_ns += STEP_NS
        response = self.gate.http(request, ip, self.desk.now_ns)
        self.deliver()
        return response

    def response(self, path: str, given: Any, *, key: ApiKey | None = None) -> Response:
        """Sign and send a request as the documentation says: given is a body, or pairs."""
        now_ns = self.desk.now_ns + STEP_NS
        if isinstance(given, bytes):
            headers = auth.signed_headers(key or self.key, given, now_ns)
            return self.send(Request("POST", path, headers, given))
        query = urlencode(given)
        headers = auth.signed_headers(key or self.key, query.encode(), now_ns)
        return self.send(Request("GET", f"{path}?{query}" if query else path, headers, b""))

    def post(self, path: str, *, key: ApiKey | None = None, **body: Any) -> Any:
        """Return the whole answer to a POST."""
        raw = msgspec.json.encode({"category": "spot", **body})
        return msgspec.json.decode(self.response(path, raw, key=key).body)

    def get(self, path: str, *, key: ApiKey | None = None, **pairs: Any) -> Any:
        """Return the result of a GET that has to succeed."""
        answer = msgspec.json.decode(self.response(path, pairs, key=key).body)
        assert answer["retCode"] == 0, answer
        return answer["result"]

    def public(self, path: str, **pairs: Any) -> Any:
        """Return the whole answer of a public route."""
        target = f"{path}?{urlencode(pairs)}" if pairs else path
        return msgspec.json.decode(self.send(Request("GET", target, {}, b"")).body)

    def place(self, key: ApiKey | None = None, **fields: Any) -> str:
        """Place an order that has to be taken up: a buy of 0.01 at 50,000 unless told otherwise."""
        answer = self.try_to_place(key, **fields)
        assert answer["retCode"] == 0, answer
        return answer["result"]["orderId"]

    def try_to_place(self, key: ApiKey | None = None, **fields: Any) -> Any:
        """Return the whole answer to such an order; None takes a field away."""
        wanted = {"symbol": "BTCUSDT", "side": "Buy", "orderType": "Limit"}
        body = {**wanted, "qty": "0.01", "price": "50000", **fields}
        given = {name: value for name, value in body.items() if value is not None}
        return self.post("/v5/order/create", key=key, **given)

    def order(self, order_id: str, **options: Any) -> Any:
        """Return an order as it is."""
        (found,) = self.get("/v5/order/realtime", category="spot", orderId=order_id, **options)[
            "list"
        ]
        return found

    # -- streams ------------------------------------------------------------------------------

    def connect(self, target: str = PUBLIC) -> int:
        """Open a connection and return its number."""
        number = len(self.lines) + 1
        line = self.gate.line(target, HERE, number, lambda: self.desk.now_ns)
        assert line is not None
        self.lines[number] = (line, [])
        return number

    def log_in(self, target: str = PRIVATE, key: ApiKey | None = None) -> int:
        """Open a connection and prove who it is."""
        number = self.connect(target)
        self.say(number, {"op": "auth", "args": auth.login_of(key or self.key, self.desk.now_ns)})
        (ack,) = self.heard(number)
        assert ack.get("success", ack.get("retCode") == 0), ack
        return number

    def subscribe(self, number: int, *topics: str) -> list[Any]:
        """Subscribe, and return what comes after the answer."""
        self.say(number, {"op": "subscribe", "args": topics})
        ack, *rest = self.heard(number)
        assert ack["success"], ack
        return rest

    def say(self, number: int, message: Any) -> None:
        """Send a message."""
        text = message if isinstance(message, str) else msgspec.json.encode(message).decode()
        self.lines[number][0].receive(text)
        self.deliver()

    def deliver(self) -> None:
        """Hand on what there is to hear."""
        for line, heard in self.lines.values():
            heard += [msgspec.json.decode(payload) for payload in line.session.drain()]
        for payload, numbers, _ in self.exchange.drain().frames:
            for number in numbers:
                self.lines[number][1].append(msgspec.json.decode(payload))

    def heard(self, number: int) -> list[Any]:
        """Return what a connection has heard since it was last asked."""
        line, heard = self.lines[number]
        self.lines[number] = line, []
        return heard

    def pass_time(self, seconds: int = 1) -> None:
        """Let time go on."""
        self.exchange.step(self.desk.tick(seconds))
        for line, _ in self.lines.values():
            line.session.wake(self.desk.now_ns)
        self.deliver()
