"""A small exchange that speaks Kraken, and a client that knows nothing but bytes."""

import json
from typing import Any
from urllib.parse import urlencode

from steelyard.dialects.kraken import DIALECT
from steelyard.dialects.kraken.auth import sign
from steelyard.exchange.gate import Gate
from steelyard.exchange.stream_tokens import StreamTokens
from steelyard.wire.dialect import ApiKey
from steelyard.wire.http import Request
from steelyard.wire.limits import UNLIMITED, LimitProfile
from tests.shared.desk import Desk

HERE = "127.0.0.1"


class Venue:
    """Alice and Bob on BTC-USDT, whose names here are XBTUSDT and BTC/USDT."""

    def __init__(self, limits: LimitProfile = UNLIMITED) -> None:
        self.desk = Desk()
        seeds = iter(range(1, 1_000))
        tokens = StreamTokens(lambda size: next(seeds).to_bytes(8, "big") * (size // 8))
        self.gate = Gate(self.desk.exchange, DIALECT, limits, tokens=tokens)
        self.alice, self.bob = self.key("alice"), self.key("bob")
        self.nonce = 0
        self.lines: list[Any] = []

    def key(self, account: str, **options: Any) -> ApiKey:
        options.setdefault("scopes", ("read", "trade"))
        made = self.desk.admin.create_key(
            account, dialect="kraken", now_ns=self.desk.now_ns, **options
        )
        return ApiKey(made.key, made.secret.encode())

    def get(self, name: str, **params: Any) -> dict[str, Any]:
        """Ask a public route, and return the whole answer."""
        query = urlencode(params)
        target = f"/0/public/{name}" + (f"?{query}" if query else "")
        response = self.gate.http(Request("GET", target, {}, b""), HERE, self.desk.now_ns)
        assert response.status == 200
        return json.loads(response.body)

    def post(
        self, name: str, params: Any = None, key: ApiKey | None = None, **more: Any
    ) -> dict[str, Any]:
        """Ask a private route with a form, and return the whole answer."""
        return self.send(name, urlencode({"nonce": self.next(), **(params or {}), **more}), key)

    def post_json(
        self, name: str, params: dict[str, Any], key: ApiKey | None = None
    ) -> dict[str, Any]:
        """The same with JSON."""
        return self.send(name, json.dumps({"nonce": self.next(), **params}), key)

    def next(self) -> int:
        self.nonce += 1
        return self.nonce

    def send(self, name: str, body: str, key: ApiKey | None = None) -> dict[str, Any]:
        key = key or self.alice
        path = f"/0/private/{name}"
        nonce = (
            str(json.loads(body)["nonce"])
            if body.startswith("{")
            else body.partition("nonce=")[2].partition("&")[0]
        )
        signature = sign(path, nonce, body.encode(), key.secret)
        headers = {"api-key": key.key, "api-sign": signature}
        request = Request("POST", path, headers, body.encode())
        response = self.gate.http(request, HERE, self.desk.now_ns)
        assert response.status == 200
        return json.loads(response.body)

    def result(self, name: str, params: Any = None, key: ApiKey | None = None, **more: Any) -> Any:
        """Ask a private route that has to say yes."""
        told = self.post(name, params, key, **more)
        assert told["error"] == [], told
        return told["result"]

    def error(self, name: str, params: Any = None, key: ApiKey | None = None, **more: Any) -> str:
        """Ask a private route that has to say no."""
        (error,) = self.post(name, params, key, **more)["error"]
        return error

    def add(self, key: ApiKey | None = None, **params: Any) -> str:
        """Place an order, alice's limit buy unless told otherwise; return its id."""
        given = {
            "pair": "XBTUSDT",
            "type": "buy",
            "ordertype": "limit",
            "volume": "0.01",
            "price": "50000",
            **params,
        }
        given = {name: value for name, value in given.items() if value is not None}
        (txid,) = self.result("AddOrder", given, key)["txid"]
        return txid

    def order(self, txid: str, key: ApiKey | None = None) -> dict[str, Any]:
        return self.result("QueryOrders", key=key, txid=txid, trades=True)[txid]

    def pass_time(self, seconds: int) -> None:
        self.desk.now_ns += seconds * 10**9
        self.desk.exchange.step(self.desk.now_ns)

    # -- WebSockets ---------------------------------------------------------------------------

    def open(self, target: str) -> "Socket":
        return Socket(self, target)

    def token(self, key: ApiKey | None = None) -> str:
        return self.result("GetWebSocketsToken", key=key)["token"]

    def deliver(self) -> None:
        for payload, sessions, _ in self.desk.exchange.drain().frames:
            for number in sessions:
                self.lines[number].frames.append(payload.decode())


class Socket:
    """One WebSocket."""

    def __init__(self, venue: Venue, target: str) -> None:
        self.venue = venue
        self.frames: list[str] = []
        line = venue.gate.line(target, HERE, len(venue.lines), lambda: venue.desk.now_ns)
        assert line is not None, target
        self.line = line
        venue.lines.append(self)

    def say(self, **message: Any) -> list[dict[str, Any]]:
        self.venue.deliver()
        self.line.receive(json.dumps(message))
        return self.hear()

    def hear(self) -> list[dict[str, Any]]:
        """Return what has been told since it was last asked, and forget it."""
        return [json.loads(text) for text in self.hear_text()]

    def hear_text(self) -> list[str]:
        """The same as it was sent: in numbers every digit counts."""
        self.frames += [payload.decode() for payload in self.line.session.drain()]
        self.venue.deliver()
        told, self.frames = self.frames, []
        return told
