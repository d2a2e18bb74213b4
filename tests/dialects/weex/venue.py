"""A WEEX API in memory for tests: the real gate, called as a foreign client would."""

from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

import msgspec

from steelyard.dialects.weex import DIALECT, auth
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
PUBLIC, PRIVATE = "/v3/ws/public", "/v3/ws/private"
JSON = {"content-type": "application/json"}


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
        return ApiKey(made.key, made.secret.encode(), made.passphrase)

    # -- REST ---------------------------------------------------------------------------------

    def send(self, request: Request, ip: str = HERE) -> Response:
        """Carry out a request as it is."""
        self.desk.now_ns += STEP_NS
        response = self.gate.http(request, ip, self.desk.now_ns)
        self.deliver()
        return response

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        key: ApiKey | None = None,
        **pairs: Any,
    ) -> tuple[int, Any]:
        """Sign and send a request as the documentation says; return status and answer."""
        target = f"{path}?{urlencode(pairs)}" if pairs else path
        raw = b"" if body is None else msgspec.json.encode(body)
        now_ns = self.desk.now_ns + STEP_NS
        headers = JSON | auth.signed_headers(key or self.key, method, target, raw, now_ns)
        response = self.send(Request(method, target, headers, raw))
        return response.status, msgspec.json.decode(response.body)

    def get(self, path: str, *, key: ApiKey | None = None, **pairs: Any) -> Any:
        """Return the answer to a GET that has to succeed."""
        status, answer = self.call("GET", path, key=key, **pairs)
        assert status == 200, answer
        return answer

    def public(self, path: str, **pairs: Any) -> Any:
        """Return the answer of a public route, whatever it is."""
        target = f"{path}?{urlencode(pairs)}" if pairs else path
        return msgspec.json.decode(self.send(Request("GET", target, {}, b"")).body)

    def try_to_place(self, key: ApiKey | None = None, **fields: Any) -> tuple[int, Any]:
        """Place a buy of 0.01 at 50,000 unless told otherwise; None takes a field away."""
        wanted = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT"}
        body = {**wanted, "quantity": "0.01", "price": "50000", **fields}
        given = {name: value for name, value in body.items() if value is not None}
        return self.call("POST", "/api/v3/order", given, key=key)

    def place(self, key: ApiKey | None = None, **fields: Any) -> int:
        """Place such an order, which has to be taken up; return its id."""
        status, answer = self.try_to_place(key, **fields)
        assert status == 200, answer
        return answer["orderId"]

    def order(self, order_id: int, key: ApiKey | None = None) -> Any:
        """Return an order as it is."""
        return self.get("/api/v3/order", key=key, orderId=order_id)

    # -- streams ------------------------------------------------------------------------------

    def connect(self, target: str = PUBLIC, headers: Any = None) -> int:
        """Open a connection and return its number."""
        number = len(self.lines) + 1
        line = self.gate.line(target, HERE, number, lambda: self.desk.now_ns, headers or {})
        assert line is not None
        self.lines[number] = (line, [])
        self.deliver()
        return number

    def log_in(self, key: ApiKey | None = None) -> int:
        """Open a private connection; return its number, with its greeting heard."""
        headers = auth.stream_headers(key or self.key, self.desk.now_ns)
        number = self.connect(PRIVATE, headers)
        (greeting,) = self.heard(number)
        assert greeting["type"] == "connected", greeting
        return number

    def subscribe(self, number: int, *params: str) -> list[Any]:
        """Subscribe, and return what comes after the answer."""
        self.heard(number)
        self.say(number, {"method": "SUBSCRIBE", "params": params, "id": 1})
        ack, *rest = self.heard(number)
        assert ack == {"result": True, "id": 1}, ack
        return rest

    def say(self, number: int, message: Any) -> None:
        """Send a message."""
        text = message if isinstance(message, str) else msgspec.json.encode(message).decode()
        self.lines[number][0].receive(text)
        self.deliver()

    def closing(self, number: int) -> tuple[int, str] | None:
        """Return how a connection is about to be closed."""
        return self.lines[number][0].session.closing

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
