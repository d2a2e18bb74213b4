"""A small exchange that speaks OKX, and a client that knows nothing but bytes."""

import json
from typing import Any
from urllib.parse import urlencode

from steelyard.dialects.okx import DIALECT
from steelyard.dialects.okx.auth import login_of, signed_headers
from steelyard.exchange.gate import Gate
from steelyard.wire.dialect import ApiKey
from steelyard.wire.http import Request, Response
from steelyard.wire.limits import UNLIMITED, LimitProfile
from tests.shared.desk import Desk

HERE = "127.0.0.1"
PAIR = "BTC-USDT"


class Venue:
    """Alice and Bob on BTC-USDT."""

    def __init__(self, limits: LimitProfile = UNLIMITED) -> None:
        self.desk = Desk()
        self.gate = Gate(self.desk.exchange, DIALECT, limits)
        self.alice, self.bob = self.key("alice"), self.key("bob")
        self.lines: list[Any] = []

    def key(self, account: str, **options: Any) -> ApiKey:
        options.setdefault("scopes", ("read", "trade"))
        made = self.desk.admin.create_key(
            account, dialect="okx", now_ns=self.desk.now_ns, **options
        )
        return ApiKey(made.key, made.secret.encode(), made.passphrase)

    def http(
        self, method: str, target: str, headers: dict[str, str] | None = None, body: bytes = b""
    ) -> Response:
        return self.gate.http(Request(method, target, headers or {}, body), HERE, self.desk.now_ns)

    def get(self, path: str, key: ApiKey | None = None, **params: Any) -> dict[str, Any]:
        """Ask a route, signed where a key is given, and return the whole answer."""
        query = urlencode(params)
        target = f"/api/v5/{path}" + (f"?{query}" if query else "")
        headers = {} if key is None else signed_headers(key, "GET", target, b"", self.desk.now_ns)
        return json.loads(self.http("GET", target, headers).body)

    def post(self, path: str, body: Any, key: ApiKey | None = None, **more: str) -> dict[str, Any]:
        """Ask a private route with JSON, and return the whole answer."""
        key, target, text = key or self.alice, f"/api/v5/{path}", json.dumps(body).encode()
        headers = signed_headers(key, "POST", target, text, self.desk.now_ns)
        headers |= {"content-type": "application/json", **more}
        return json.loads(self.http("POST", target, headers, text).body)

    def rows(self, path: str, key: ApiKey | None = None, **params: Any) -> list[Any]:
        """Ask a route that has to say yes, as alice unless told otherwise."""
        is_open = path.startswith(("public", "market", "system"))
        told = self.get(path, None if is_open else key or self.alice, **params)
        assert told["code"] == "0", told
        return told["data"]

    def order(self, **params: Any) -> dict[str, Any]:
        """A new order: a limit buy of 0.01 at 50,000 unless told otherwise; None leaves out."""
        given = {
            "instId": PAIR,
            "tdMode": "cash",
            "side": "buy",
            "ordType": "limit",
            "sz": "0.01",
            "px": "50000",
            **params,
        }
        return {name: value for name, value in given.items() if value is not None}

    def place(self, key: ApiKey | None = None, **params: Any) -> str:
        """Place an order that has to be taken up; return its number."""
        told = self.post("trade/order", self.order(**params), key)
        assert told["code"] == "0", told
        return told["data"][0]["ordId"]

    def algo(self, **params: Any) -> dict[str, Any]:
        """Place an algo order, a sell of 0.01 unless told otherwise; return its row."""
        given = {"instId": PAIR, "tdMode": "cash", "side": "sell", "sz": "0.01", **params}
        (row,) = self.post("trade/order-algo", given)["data"]
        return row

    def one(self, number: str, key: ApiKey | None = None) -> dict[str, Any]:
        (row,) = self.rows("trade/order", key, instId=PAIR, ordId=number)
        return row

    def pass_time(self, seconds: float) -> None:
        """Let time go on in steps of half a second, as the exchange's shell does."""
        for _ in range(round(seconds * 2)):
            self.desk.now_ns += 10**9 // 2
            self.desk.exchange.step(self.desk.now_ns)
            for socket in self.lines:
                socket.line.session.wake(self.desk.now_ns)

    # -- WebSockets ---------------------------------------------------------------------------

    def open(self, path: str, key: ApiKey | None = None) -> "Socket":
        socket = Socket(self, f"/ws/v5/{path}")
        if key is not None:
            socket.log_in(key)
        return socket

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

    def log_in(self, key: ApiKey) -> None:
        login = login_of(key, self.venue.desk.now_ns)
        fields = {name: getattr(login, name) for name in login.__struct_fields__}
        (told,) = self.say(op="login", args=[fields])
        assert (told["event"], told["code"]) == ("login", "0"), told

    def subscribe(self, channel: str, **arg: str) -> list[dict[str, Any]]:
        """Subscribe to one channel; return what was told but for acknowledgements."""
        told = self.say(op="subscribe", args=[{"channel": channel, **arg}])
        assert told[0]["event"] == "subscribe", told
        return [message for message in told if "event" not in message]

    def say(self, **message: Any) -> list[dict[str, Any]]:
        self.venue.deliver()
        self.line.receive(json.dumps(message))
        return self.hear()

    def hear(self) -> list[dict[str, Any]]:
        """Return what has been told since it was last asked, and forget it."""
        self.frames += [payload.decode() for payload in self.line.session.drain()]
        self.venue.deliver()
        told, self.frames = self.frames, []
        return [json.loads(text) for text in told]

    def heard(self, channel: str) -> list[dict[str, Any]]:
        """Return the rows that a channel has told since it was last asked."""
        told = (m for m in self.hear() if m.get("arg", {}).get("channel") == channel)
        return [row for message in told for row in message.get("data", [])]
