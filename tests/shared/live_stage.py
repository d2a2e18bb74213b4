"""A venue on a stage: Binance's public side over real sockets, saying what a test wants it to say.

It is honest until it is told not to be: snapshots and updates share their numbers, and every change
is told. `lose` changes the book and tells nobody; `depth_is_held` leaves snapshots unanswered.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import msgspec

from steelyard.cli.exchange_config import ExchangeConfig
from steelyard.cli.exchange_process import ExchangeProcess
from steelyard.cli.limit_profiles import profile_chooser
from steelyard.cli.live_source import LiveSource, live_source, settle
from steelyard.dialects.binance.market import instrument_to_wire
from steelyard.dialects.binance.messages import ExchangeInfo
from steelyard.domain.instrument import Instrument
from steelyard.domain.messages import StatusQuery
from steelyard.domain.order import MarketState, Side
from steelyard.exchange.listings import LISTINGS
from steelyard.net.clock import Clock
from steelyard.net.server import Reply, Server, WebSocketConnection, serve
from steelyard.wire.http import Request, Response, json_response

WAIT_S = 15.0
HOST = "127.0.0.1"
BUY, SELL = Side.BUY, Side.SELL
Levels = dict[int, int]


class LiveStage:
    """The venue. Prices are ticks and sizes lots of `instrument`."""

    def __init__(self, instrument: Instrument = LISTINGS[0].instrument) -> None:
        self.instrument = instrument
        self.bids: Levels = {6_000_000 - 10 * n: 1_000 + n for n in range(20)}
        self.asks: Levels = {6_000_010 + 10 * n: 1_000 + n for n in range(20)}
        self.sequence = 100
        self.trades = 0
        self.depth_is_held = False
        self.depth_asked = 0
        self.lines: set[WebSocketConnection] = set()
        self._clock = Clock()
        self._server: Server | None = None
        self.port = 0

    async def open(self) -> None:
        """Listen; again on the same port after a `close`."""
        self._server = await serve(self, HOST, self.port)
        self.port = self._server.port

    async def close(self) -> None:
        """Stop listening, and drop every connection."""
        assert self._server is not None, "it was opened"
        await self._server.close()
        self.lines.clear()

    @property
    def url(self) -> str:
        return f"ws://{HOST}:{self.port}"

    # -- what it says ---------------------------------------------------------------------------

    def change(self, bids: Levels | None = None, asks: Levels | None = None) -> None:
        """Change levels (0: gone) and tell of it."""
        self._enter(bids or {}, asks or {})
        self._tell(
            "depth@100ms",
            {
                "e": "depthUpdate",
                "E": self.now_ms(),
                "s": "BTCUSDT",
                "U": self.sequence,
                "u": self.sequence,
                "b": self._rows(bids or {}),
                "a": self._rows(asks or {}),
            },
        )

    def lose(self, bids: Levels | None = None, asks: Levels | None = None) -> None:
        """Change levels and tell nobody: a gap."""
        self._enter(bids or {}, asks or {})

    def trade(self, side: Side, ticks: int, lots: int) -> None:
        """Tell of a trade; the book is another matter."""
        self.trades += 1
        self._tell(
            "trade",
            {
                "e": "trade",
                "E": self.now_ms(),
                "s": "BTCUSDT",
                "t": self.trades,
                "p": str(self.instrument.price(ticks)),
                "q": str(self.instrument.size(lots)),
                "T": self.now_ms(),
                "m": side is SELL,
                "M": True,
            },
        )

    def send(self, frame: bytes) -> None:
        """Send a frame as it is."""
        for line in self.lines:
            line.send(frame)

    def drop(self) -> None:
        """Close every stream."""
        for line in [*self.lines]:
            line.close(1001, "the stage is dark")

    def book(self, depth: int = 5_000) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
        """Return the book, best first."""
        return sorted(self.bids.items(), reverse=True)[:depth], sorted(self.asks.items())[:depth]

    def now_ms(self) -> int:
        return self._clock.now_ns() // 1_000_000

    def _enter(self, bids: Levels, asks: Levels) -> None:
        self.sequence += 1
        for side, changes in ((self.bids, bids), (self.asks, asks)):
            for ticks, lots in changes.items():
                side[ticks] = lots
                if not lots:
                    del side[ticks]

    def _tell(self, stream: str, data: dict[str, object]) -> None:
        self.send(json.dumps({"stream": f"btcusdt@{stream}", "data": data}).encode())

    def _rows(self, levels: Levels) -> list[tuple[str, str]]:
        price, size = self.instrument.price, self.instrument.size
        return [(str(price(ticks)), str(size(lots))) for ticks, lots in levels.items()]

    # -- the port -------------------------------------------------------------------------------

    def http(self, request: Request, ip: str, reply: Reply) -> None:
        target = urlsplit(request.target)
        match target.path:
            case "/api/v3/exchangeInfo":
                symbol = instrument_to_wire(self.instrument, MarketState.OPEN)
                info = ExchangeInfo(serverTime=self.now_ms(), symbols=(symbol,))
                reply(json_response(200, msgspec.json.encode(info)))
            case "/api/v3/depth":
                self.depth_asked += 1
                if self.depth_is_held:
                    reply(json_response(503, b'{"code":-1000,"msg":"later"}'))
                    return
                limit = int(parse_qs(target.query).get("limit", ["100"])[0])
                bids, asks = self.book(limit)
                answer = {
                    "lastUpdateId": self.sequence,
                    "bids": self._rows(dict(bids)),
                    "asks": self._rows(dict(asks)),
                }
                reply(json_response(200, json.dumps(answer).encode()))
            case _:
                reply(json_response(200, b"[]"))

    def websocket(
        self,
        request: Request,
        ip: str,
        connection: WebSocketConnection,
    ) -> bool | Response:
        if not request.target.startswith("/stream?streams="):
            return False
        self.lines.add(connection)
        connection.on_message = lambda _: None
        connection.on_close = lambda: self.lines.discard(connection)
        return True


class Paper:
    """A paper exchange in this process."""

    def __init__(self, process: ExchangeProcess) -> None:
        self.process = process
        self.exchange = process.exchange

    def book(self, depth: int = 5_000) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
        levels = self.exchange.engine.book(0, depth)
        return levels.bids, levels.asks

    @property
    def notice(self) -> str:
        return self.exchange.ask(StatusQuery(), self.exchange.now_ns).notice

    def printed(self) -> list[tuple[Side, int, int]]:
        trades = self.exchange._markets[0].trades
        return [(t.taker_side, t.price_ticks, t.size_lots) for t in trades]


async def until(is_so: Callable[[], bool], seconds: float = WAIT_S) -> None:
    """Wait until something is so, and fail if it does not become so."""
    async with asyncio.timeout(seconds):
        while not is_so():  # noqa: ASYNC110 what is waited for has no event
            await asyncio.sleep(0.005)


@asynccontextmanager
async def staged(stage: LiveStage | None = None) -> AsyncIterator[LiveStage]:
    """A stage that is open."""
    stage = stage or LiveStage()
    await stage.open()
    try:
        yield stage
    finally:
        await stage.close()


async def source_of(stage: LiveStage) -> LiveSource:
    """Return what an exchange that follows a stage is founded on."""
    return await settle(live_source("binance:BTC-USDT", (stage.url,)))


@asynccontextmanager
async def paper(data: Path, source: LiveSource) -> AsyncIterator[Paper]:
    """A paper exchange that runs."""
    process = ExchangeProcess(ExchangeConfig(data, 0, source, profile_chooser("off")))
    await process.start()
    try:
        yield Paper(process)
    finally:
        await process.stop()
