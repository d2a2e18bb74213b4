"""A small exchange as ccxt has them, in memory: what the bridge asks of the library, and no more.

It is not ours to mock what is ours: the rest of the bridge is the real one. Each method that a test
wants to fail or to stall is in `acts`, by name: an exception to raise, or a function to call.
"""

import asyncio
from collections import Counter
from typing import Any

from steelyard.bridge.answers import Answers
from steelyard.bridge.books import Books
from steelyard.bridge.fills import Fills
from steelyard.bridge.follow import Follower
from steelyard.bridge.library import Library
from steelyard.bridge.pipe import VERSION, Configure
from steelyard.bridge.session import Session
from steelyard.net.clock import Clock

SYMBOL = "BTC-USDT"
REST = "http://127.0.0.1:1"
MARKET = {
    "symbol": "BTC/USDT",
    "spot": True,
    "active": True,
    "maker": "0.001",
    "taker": "0.002",
    "precision": {"price": "0.01", "amount": "0.00001"},
    "limits": {
        "price": {"min": "0.01", "max": "1000000"},
        "amount": {"min": "0.00002", "max": "9000"},
        "cost": {"min": "5", "max": None},
    },
}
OFFERS = (
    "fetchOrder fetchOpenOrders fetchClosedOrders fetchMyTrades fetchBalance fetchTime fetchOHLCV"
    " fetchOrderBook fetchTrades cancelOrder cancelAllOrders createMarketOrder"
).split()


class FakeExchange:
    """A ccxt exchange object."""

    id = "binance"
    number = float
    precisionMode = 4  # noqa: N815 the library's names
    rateLimit = 1  # noqa: N815
    ssl_context = None
    offers = (*OFFERS, "watchOrderBook", "watchOrders", "watchTrades", "watchBalance")

    def __init__(self, config: dict[str, Any] | None = None) -> None:
        config = config or {}
        self.config = config
        self.timeout = config.get("timeout", 10_000)
        self.options = {"broker": {"spot": "x-MARKED", "other": {"deep": "x-DEEPLY"}}}
        self.options |= config.get("options", {})
        self.urls = {"api": {"public": "https://api.example.com", **_api(config)}}
        self.has = dict.fromkeys(self.offers, True)
        self.features: Any = {"spot": {"createOrder": {"timeInForce": {"IOC": True, "FOK": False}}}}
        self.timeframes = {"1m": "1m", "1h": "1h"}
        self.markets: dict[str, Any] = {"BTC/USDT": MARKET}
        self.markets_by_id = self.symbols = self.ids = None
        self.clients: dict[str, Any] = {}
        self.headers: Any = {"X-Gate-Channel-Id": "ccxt", "X-Other": "a"}
        self.session: Any = None
        self.own_session = True
        self.acts: dict[str, Any] = {}
        self.calls: Counter[str] = Counter()
        self.arguments: dict[str, tuple[Any, ...]] = {}
        self.sent: list[tuple[str, str, Any, Any]] = []
        self.orders: dict[str, dict[str, Any]] = {}
        self.trades: list[dict[str, Any]] = []
        self.book: dict[str, Any] = {"bids": [[100.0, 1.0]], "asks": [[101.0, 2.0]]}
        self.streams: dict[str, asyncio.Queue[Any]] = {}
        self.is_closed = False

    def milliseconds(self) -> int:
        return Clock().now_ns() // 10**6

    def parse_timeframe(self, name: str) -> int:
        return {"1m": 60, "1h": 3600}[name]

    async def fetch(self, url: str, method: str = "GET", headers=None, body=None) -> Any:
        self.sent.append((url, method, headers, body))
        await self._act("fetch")
        return {}

    def calculate_rate_limiter_cost(self, api, method, path, params, config) -> float:
        return config.get("cost", 1)

    async def throttle(self, cost: float | None = None) -> None:
        raise AssertionError("the library's limiter knows no urgency")

    async def fetch2(self, path: str, api=(), method="GET", params=None, config=None) -> int:
        """Sign and send; return the nonce."""
        await self.throttle(1)
        nonce = self.nonce()
        await asyncio.sleep(0)
        await self.fetch(f"{REST}/{path}", "POST", None, str(nonce))
        return nonce

    def nonce(self) -> int:
        return 7

    async def close(self) -> None:
        self.is_closed = True

    # -- what is asked ------------------------------------------------------------------------

    async def load_markets(self) -> dict[str, Any]:
        await self._act("load_markets")
        return self.markets

    async def fetch_time(self) -> int:
        await self._act("fetch_time")
        return self.milliseconds() - 5_000

    async def fetch_balance(self) -> dict[str, Any]:
        await self._act("fetch_balance")
        return {"info": {}, "BTC": {"free": "1.5", "used": "0.5", "total": "2"}, "free": {}}

    async def fetch_order_book(self, symbol: str) -> dict[str, Any]:
        await self._act("fetch_order_book", symbol)
        return self.book

    async def fetch_ohlcv(self, *arguments: Any) -> list[Any]:
        await self._act("fetch_ohlcv", *arguments)
        open_ms = self.milliseconds() // 60_000 * 60_000 - 60_000
        return [[open_ms + n * 60_000, "100", "102.5", "99", "101", "3"] for n in range(2)]

    async def create_order(
        self, symbol: str, kind: str, side: str, amount: str, price: str | None, params: Any
    ) -> dict[str, Any]:
        await self._act("create_order", symbol, kind, side, amount, price, params)
        await self.fetch(REST + "/order", "POST", {"X-A": "b"}, f"id={params['clientOrderId']}")
        number = str(len(self.orders) + 1)
        self.orders[number] = {
            "id": number,
            "clientOrderId": params["clientOrderId"],
            "symbol": symbol,
            "type": kind,
            "side": side,
            "amount": amount,
            "price": price,
            "filled": "0",
            "cost": "0",
            "status": "open",
            "timestamp": self.milliseconds(),
        }
        await self._act("created")
        return self.orders[number]

    async def cancel_order(self, number: str, symbol: str, params: Any) -> dict[str, Any]:
        await self._act("cancel_order", number, symbol, params)
        found = self._find(number, params)
        await self.fetch(REST + "/order", "DELETE")
        found["status"] = "canceled"
        return {"id": found["id"], "status": None}

    async def fetch_order(self, number: str, symbol: str, params: Any = None) -> dict[str, Any]:
        await self._act("fetch_order", number, symbol, params)
        return dict(self._find(number, params or {}))

    async def fetch_open_orders(self, symbol: str) -> list[dict[str, Any]]:
        await self._act("fetch_open_orders", symbol)
        return [dict(order) for order in self.orders.values() if order["status"] == "open"]

    async def fetch_closed_orders(self, symbol: str, since: int) -> list[dict[str, Any]]:
        await self._act("fetch_closed_orders", symbol, since)
        return [dict(order) for order in self.orders.values() if order["status"] != "open"]

    async def fetch_my_trades(
        self, symbol: str, since: int, limit: Any, params: Any
    ) -> list[dict[str, Any]]:
        await self._act("fetch_my_trades", symbol, since, limit, params)
        return [trade for trade in self.trades if trade["timestamp"] >= since][:500]

    async def fetch_trades(self, symbol: str) -> list[dict[str, Any]]:
        await self._act("fetch_trades", symbol)
        return []

    async def cancel_all_orders(self, symbol: str) -> list[Any]:
        await self._act("cancel_all_orders", symbol)
        return []

    # -- streams --------------------------------------------------------------------------------

    async def watch_order_book(self, symbol: str, limit: int | None = None) -> Any:
        return await self._stream("watch_order_book")

    async def watch_orders(self, symbol: str) -> Any:
        return await self._stream("watch_orders")

    async def watch_trades(self, symbol: str) -> Any:
        return await self._stream("watch_trades")

    async def watch_balance(self) -> Any:
        return await self._stream("watch_balance")

    def push(self, name: str, value: Any) -> None:
        """Let a stream tell something, or break."""
        self.streams.setdefault(name, asyncio.Queue()).put_nowait(value)

    async def _stream(self, name: str) -> Any:
        self.clients.setdefault("ws://127.0.0.1:1", FakeClient())
        found = await self.streams.setdefault(name, asyncio.Queue()).get()
        if isinstance(found, Exception):
            raise found
        return found

    def _find(self, number: str, params: Any) -> dict[str, Any]:
        if number in self.orders:
            return self.orders[number]
        for order in self.orders.values():
            if not number and order["clientOrderId"] == params.get("clientOrderId"):
                return order
        raise OrderNotFound(f"no order {number}")

    async def _act(self, name: str, *arguments: Any) -> None:
        self.calls[name] += 1
        self.arguments[name] = arguments
        act = self.acts.get(name)
        if isinstance(act, BaseException):
            raise act
        if act is not None:
            await act()


class FakeClient:
    """A WebSocket of the library's."""

    def __init__(self) -> None:
        self.is_closed = False

    def closed(self) -> bool:
        return self.is_closed

    async def close(self, code: int) -> None:
        self.is_closed = True


class BaseError(Exception):
    """As the library has it."""


class ExchangeError(BaseError):
    """As the library has it."""


class InvalidOrder(ExchangeError):
    """As the library has it."""


class OrderNotFound(InvalidOrder):
    """As the library has it."""


class InsufficientFunds(ExchangeError):
    """As the library has it."""


class AuthenticationError(ExchangeError):
    """The library's."""


class PermissionDenied(AuthenticationError):
    """The library's."""


class OperationFailed(BaseError):
    """As the library has it."""


class NetworkError(OperationFailed):
    """As the library has it."""


class RequestTimeout(NetworkError):
    """As the library has it."""


def _api(config: dict[str, Any]) -> dict[str, str]:
    return config.get("urls", {}).get("api", {})


class Outlet:
    """Keeps what a child tells."""

    def __init__(self) -> None:
        self.told: list[Any] = []
        self.is_full = False

    def tell(self, message: Any) -> bool:
        if self.is_full:
            return False
        self.told.append(message)
        return True

    def of(self, kind: type) -> list[Any]:
        return [message for message in self.told if isinstance(message, kind)]


class Stand:
    """The parts of a child around a fake exchange."""

    def __init__(self, exchange: str = "binance", kind: type = FakeExchange) -> None:
        configure = Configure(
            VERSION, exchange, SYMBOL, {"urls": {"api": {"rest": REST}}}, True, "the-key", "hush"
        )
        self.library = Library(configure, kind)
        self.exchange: FakeExchange = self.library.exchange
        self.library.market = self.exchange  # which is not troubled by texts
        self.outlet = Outlet()
        self.session = Session(self.library, f"ccxt:{exchange}", SYMBOL, self.outlet)
        self.fills = Fills(self.session)
        self.books = Books(self.session)
        self.answers = Answers(self.session, self.fills, self.books)
        self.follower = Follower(self.session, self.fills, self.books)


def trade(number: int, time_ms: int, order: str = "1", **fields: Any) -> dict[str, Any]:
    """Return a trade of the account's as the library has it."""
    return {
        "id": f"t{number}",
        "order": order,
        "timestamp": time_ms,
        "symbol": "BTC/USDT",
        "side": "buy",
        "price": "100.5",
        "amount": "0.5",
        "cost": "50.25",
        "takerOrMaker": "maker",
        "fee": {"currency": "BNB", "cost": "0.0000000000001"},
        **fields,
    }
