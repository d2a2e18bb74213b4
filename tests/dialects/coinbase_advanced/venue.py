"""An Advanced Trade API in memory for tests: the real gate, called as a foreign client would."""

from decimal import Decimal
from typing import Any

import msgspec

from steelyard.dialects.coinbase_advanced import DIALECT, auth
from steelyard.domain.commands import ListInstrument
from steelyard.domain.messages import KeyKind, Scope
from steelyard.exchange.gate import Gate
from steelyard.exchange.line import Line
from steelyard.wire.dialect import ApiKey
from steelyard.wire.http import Request, Response
from steelyard.wire.limits import UNLIMITED, LimitProfile
from tests.shared.desk import ETH_USDT, Desk

HERE = "127.0.0.1"
BASE = "/api/v3/brokerage"
STEP_NS = 50_000_000


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
        self.placed = 0
        self.lines: dict[int, tuple[Line, list[Any]]] = {}

    def new_key(
        self, account: str, *scopes: Scope, kind: KeyKind = KeyKind.HMAC, **options: Any
    ) -> ApiKey:
        """Return a key that may read and trade, or what is said."""
        made = self.admin.create_key(
            account,
            dialect=DIALECT.name,
            scopes=scopes or (Scope.READ, Scope.TRADE),
            kind=kind,
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
        self, method: str, target: str, body: Any = None, *, key: ApiKey | None = None
    ) -> tuple[int, Any]:
        """Sign and send a request as the documentation says; return status and answer."""
        response = self.answer(method, target, body, key=key)
        return response.status, msgspec.json.decode(response.body)

    def answer(
        self, method: str, target: str, body: Any = None, *, key: ApiKey | None = None
    ) -> Response:
        """Return the whole response."""
        raw = b"" if body is None else msgspec.json.encode(body)
        signed_at_ns = self.desk.now_ns + STEP_NS
        headers = auth.signed_headers(key or self.key, method, target, raw, signed_at_ns)
        return self.send(Request(method, target, headers, raw))

    def get(self, target: str, **options: Any) -> Any:
        """Return what a route answers that has to succeed."""
        status, answer = self.call("GET", target, **options)
        assert status == 200, answer
        return answer

    def public(self, target: str) -> Any:
        """Return what a public route answers that has to succeed."""
        response = self.send(Request("GET", target, {}, b""))
        assert response.status == 200, response.body
        return msgspec.json.decode(response.body)

    def place(
        self,
        terms: dict[str, Any] | None = None,
        *,
        kind: str = "limit_limit_gtc",
        side: str = "BUY",
        key: ApiKey | None = None,
        **fields: Any,
    ) -> dict[str, Any]:
        """Place an order: a buy of 0.01 at 50,000 unless told otherwise."""
        self.placed += 1
        wanted = {"base_size": "0.01", "limit_price": "50000"} if terms is None else terms
        body = {
            "client_order_id": f"own-{self.placed}",
            "product_id": "BTC-USDT",
            "side": side,
            "order_configuration": {kind: wanted},
            **fields,
        }
        status, answer = self.call("POST", f"{BASE}/orders", body, key=key)
        assert status == 200, answer
        return answer

    def placed_id(self, *arguments: Any, **options: Any) -> str:
        """Place an order that has to be taken up, and return its id."""
        answer = self.place(*arguments, **options)
        assert answer["success"], answer
        return answer["success_response"]["order_id"]

    def order(self, order_id: str, **options: Any) -> dict[str, Any]:
        """Return an order as it is."""
        return self.get(f"{BASE}/orders/historical/{order_id}", **options)["order"]

    # -- the WebSocket ------------------------------------------------------------------------

    def connect(self) -> int:
        """Open a connection and return its number."""
        number = len(self.lines) + 1
        line = self.gate.line("/", HERE, number, lambda: self.desk.now_ns)
        assert line is not None
        self.lines[number] = (line, [])
        return number

    def subscribe(
        self,
        channel: str,
        *products: str,
        key: ApiKey | None = None,
        number: int = 0,
    ) -> int:
        """Subscribe, signed if there is a key; return the connection's number."""
        number = number or self.connect()
        message: dict[str, Any] = {"type": "subscribe", "channel": channel}
        message["product_ids"] = products
        if key is not None:
            message |= auth.login_of(key, channel, products, self.desk.now_ns)
        self.say(number, message)
        return number

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
