"""A KuCoin API in memory for tests: the real gate, called as a foreign client would."""

from decimal import Decimal
from typing import Any

import msgspec

from steelyard.dialects.kucoin import DIALECT, auth
from steelyard.domain.commands import ListInstrument
from steelyard.domain.messages import Scope
from steelyard.exchange.gate import Gate
from steelyard.exchange.line import Line
from steelyard.exchange.stream_tokens import StreamTokens
from steelyard.wire.dialect import ApiKey
from steelyard.wire.http import Request, Response
from steelyard.wire.limits import UNLIMITED, LimitProfile
from tests.shared.desk import ETH_USDT, Desk

HERE = "127.0.0.1"
STEP_NS = 50_000_000
HF = "/api/v1/hf/orders"
BTC = "BTC-USDT"


class Venue:
    """Two funded accounts with a key each; every call comes 50 ms after the last one."""

    def __init__(self, limits: LimitProfile = UNLIMITED) -> None:
        self.desk = Desk()
        self.exchange, self.admin = self.desk.exchange, self.desk.admin
        self.exchange.record(ListInstrument(ETH_USDT), self.desk.tick())
        seeds = iter(range(1, 1_000))
        tokens = StreamTokens(lambda size: next(seeds).to_bytes(8, "big") * (size // 8))
        self.gate = Gate(self.exchange, DIALECT, limits, tokens=tokens)
        self.listings = self.exchange.listings
        self.admin.deposit("alice", {"ETH": Decimal(1000)}, self.desk.now_ns)
        self.alice, self.bob = self.new_key("alice"), self.new_key("bob")
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

    def answer(
        self, method: str, target: str, body: Any = None, key: ApiKey | None = None
    ) -> Response:
        """Sign and send a request as the documentation says; return the whole response."""
        raw = b"" if body is None else msgspec.json.encode(body)
        now_ns = self.desk.now_ns + STEP_NS
        headers = auth.signed_headers(key or self.alice, method, target, raw, now_ns)
        return self.send(Request(method, target, {"host": "here:8606", **headers}, raw))

    def call(self, method: str, target: str, body: Any = None, key: ApiKey | None = None) -> Any:
        """Return the data of a route that has to say yes."""
        response = self.answer(method, target, body, key)
        told = msgspec.json.decode(response.body)
        assert (response.status, told["code"]) == (200, "200000"), told
        return told["data"]

    def refused(
        self, method: str, target: str, body: Any = None, key: ApiKey | None = None
    ) -> tuple[int, str, str]:
        """Return status, code and text of a route that has to say no."""
        response = self.answer(method, target, body, key)
        told = msgspec.json.decode(response.body)
        assert told["code"] != "200000", told
        assert told["help"], "it says how to mend it"
        return response.status, told["code"], told["msg"]

    def get(self, target: str, key: ApiKey | None = None) -> Any:
        return self.call("GET", target, key=key)

    def public(self, target: str, method: str = "GET") -> Any:
        """Return what a public route answers that has to succeed."""
        response = self.send(Request(method, target, {"host": "here:8606"}, b""))
        told = msgspec.json.decode(response.body)
        assert (response.status, told["code"]) == (200, "200000"), told
        return told["data"]

    def place(self, key: ApiKey | None = None, path: str = HF, **fields: Any) -> Any:
        """Place an order that has to be taken up: a buy of 0.01 at 50,000 unless told otherwise."""
        return self.call("POST", path, order(**fields), key)

    def cannot(self, key: ApiKey | None = None, path: str = HF, **fields: Any) -> Any:
        """Place an order that has to be refused; return code and text."""
        status, code, text = self.refused("POST", path, order(**fields), key)
        assert status == 200
        return code, text

    def order(self, order_id: str, key: ApiKey | None = None) -> Any:
        """Return an order as it is."""
        return self.get(f"{HF}/{order_id}?symbol={BTC}", key)

    # -- the WebSocket ------------------------------------------------------------------------

    def connect(self, target: str) -> int:
        """Open a connection and return its number."""
        number = len(self.lines) + 1
        line = self.gate.line(target, HERE, number, lambda: self.desk.now_ns)
        assert line is not None
        self.lines[number] = (line, [])
        self.deliver()
        return number

    def open(self, key: ApiKey | None = None) -> int:
        """Open a connection at the address that is handed out; return its number."""
        if key is None:
            handed = self.public("/api/v1/bullet-public", "POST")
        else:
            handed = self.call("POST", "/api/v1/bullet-private", key=key)
        number = self.connect(f"/?token={handed['token']}&connectId=me")
        assert self.heard(number) == [{"id": "me", "type": "welcome"}]
        return number

    def follow(self, *topics: str, key: ApiKey | None = None) -> int:
        """Open a connection and subscribe; return its number."""
        number = self.open(key)
        for name, topic in enumerate(topics):
            said = {"id": str(name), "type": "subscribe", "topic": topic, "response": True}
            self.say(number, said)
            assert self.heard(number)[0] == {"id": str(name), "type": "ack"}
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


def order(**fields: Any) -> dict[str, Any]:
    """Return a new order's body: a buy of 0.01 at 50,000 unless told otherwise."""
    wanted = {"symbol": BTC, "side": "buy", "type": "limit", "price": "50000", "size": "0.01"}
    return {k: v for k, v in {**wanted, **fields}.items() if v is not None}
