"""Unmodified binance-sdk-spot over market streams: every stream that it offers."""

import asyncio
from collections.abc import Awaitable, Callable
from itertools import pairwise
from typing import Any

import pytest
import requests
from binance_sdk_spot.websocket_streams.websocket_streams import SpotWebSocketStreams
from quiet_market import ASK, BELOW, BID, SYMBOL
from sdk_desk import DIFFERENCES, NO_REFERENCE, RESTING, offered, spot

pytestmark = pytest.mark.slow

WAIT_S = 20
BEATS_S = 0.2  # between the trades that give streams something to tell


class Market:
    """Its client of streams, with somebody who trades meanwhile."""

    def __init__(self, client: SpotWebSocketStreams, own: Any, told: Any) -> None:
        self.client = client
        self.own = own
        self._told = told

    async def follow(self, stream: str, *arguments: Any, **options: Any) -> Callable[[], Awaitable]:
        """Subscribe by a method; return what waits for the next message, as its model."""
        handle = await getattr(self.client, stream)(*arguments, **options)
        messages: asyncio.Queue[Any] = asyncio.Queue()
        handle.on("message", messages.put_nowait)

        async def heard() -> Any:
            message = await messages.get()
            self._told.add(message)
            return getattr(message, "actual_instance", message)

        heard.unsubscribe = handle.unsubscribe
        return heard

    async def trade(self) -> None:
        """Buy and sell, and move the book, until this is canceled."""
        while True:
            for side in ("BUY", "SELL"):
                await asyncio.to_thread(self.own.new_order, SYMBOL, side, "MARKET", quantity=0.001)
            await asyncio.sleep(BEATS_S)


@pytest.fixture
def run(quiet, desk, told):
    """Run a scenario over one connection while somebody trades, and close it."""

    async def main(scenario):
        market = Market(spot(quiet.settings).websocket_streams, desk.client, told)
        await market.client.create_connection()
        trading = asyncio.create_task(market.trade())
        try:
            return await asyncio.wait_for(scenario(market), WAIT_S)
        finally:
            trading.cancel()
            await market.client.close_connection()

    return lambda scenario: asyncio.run(main(scenario))


Check = Callable[[Market], Awaitable[None]]
CALLS: dict[str, Check] = {}


def calls(check: Check) -> Check:
    """Take in a check of the method that it is named after."""
    CALLS[check.__name__] = check
    return check


@calls
async def agg_trade(market):
    heard = await market.follow("agg_trade", SYMBOL)
    first, second = await heard(), await heard()
    assert (first.e, first.s, first.a + 1) == ("aggTrade", SYMBOL, second.a)
    assert {float(first.p), float(second.p)} == {BID, ASK}


@calls
async def trade(market):
    heard = await market.follow("trade", SYMBOL)
    first, second = await heard(), await heard()
    assert (first.e, first.t + 1, float(first.q)) == ("trade", second.t, 0.001)
    assert first.m == (float(first.p) == BID)


@calls
async def book_ticker(market):
    heard = await market.follow("book_ticker", SYMBOL)
    first, second = await heard(), await heard()
    assert (float(first.b), float(first.a)) == (BID, ASK)
    assert second.u > first.u


@calls
async def diff_book_depth(market):
    heard = await market.follow("diff_book_depth", SYMBOL, update_speed="100ms")
    updates = [await heard() for _ in range(5)]
    assert all(before.u + 1 == after.U for before, after in pairwise(updates))
    slow = await market.follow("diff_book_depth", SYMBOL)
    assert (await slow()).e == "depthUpdate"


@calls
async def partial_book_depth(market):
    for levels in (5, 10, 20):
        heard = await market.follow("partial_book_depth", SYMBOL, levels, update_speed="100ms")
        book = await heard()
        assert (float(book.bids[0][0]), float(book.asks[0][0])) == (BID, ASK)


@calls
async def kline(market):
    heard = await market.follow("kline", SYMBOL, "1s")
    while not (candle := (await heard()).k).x:
        pass
    assert (candle.i, candle.T - candle.t) == ("1s", 999)


@calls
async def kline_offset(market):
    heard = await market.follow("kline_offset", SYMBOL, "1d")
    candle = (await heard()).k
    assert candle.t % (24 * 3_600_000) == 16 * 3_600_000  # midnight in UTC+8


@calls
async def mini_ticker(market):
    assert (await (await market.follow("mini_ticker", SYMBOL))()).e == "24hrMiniTicker"


@calls
async def ticker(market):
    told = await (await market.follow("ticker", SYMBOL))()
    assert (told.e, float(told.b), float(told.a)) == ("24hrTicker", BID, ASK)


@calls
async def all_mini_ticker(market):
    (told,) = await (await market.follow("all_mini_ticker"))()
    assert told.s == SYMBOL


@calls
async def rolling_window_ticker(market):
    for window in ("1h", "4h", "1d"):
        told = await (await market.follow("rolling_window_ticker", SYMBOL, window))()
        assert told.e == f"{window}Ticker"


@calls
async def all_market_rolling_window_ticker(market):
    (told,) = await (await market.follow("all_market_rolling_window_ticker", "4h"))()
    assert (told.e, told.s) == ("4hTicker", SYMBOL)


@calls
async def avg_price(market):
    told = await (await market.follow("avg_price", SYMBOL))()
    assert (told.i, BID <= float(told.w) <= ASK) == ("5m", True)


@calls
async def list_subscribe(market):
    await market.follow("ticker", SYMBOL)
    heard = await market.follow("trade", SYMBOL)
    both = {"btcusdt@ticker", "btcusdt@trade"}
    assert set((await market.client.list_subscribe())["result"]) == both
    await heard.unsubscribe()
    assert (await market.client.list_subscribe())["result"] == ["btcusdt@ticker"]


@calls
async def ping_server(market):
    """A frame of the protocol's own, answered by one."""
    ponged = asyncio.get_running_loop().create_future()
    market.client.on_connection("pong", ponged.set_result)
    await market.client.ping_server(market.client.connections[0])
    await ponged


# Nothing is ever said on these, and they are listed all the same.
SILENT = {"block_trade": "btcusdt@blockTrade", "reference_price": "btcusdt@referencePrice"}
# It asks for these by a key that its own REST half cannot ask for any more.
BY_KEY = {"user_data"}


@pytest.mark.parametrize("method", offered(SpotWebSocketStreams))
def test_what_it_offers_is_served_or_silent(run, told, method):
    told.methods.add(method)
    if method in CALLS:
        run(CALLS[method])
    elif method in SILENT:
        assert NO_REFERENCE in DIFFERENCES

        async def silent(market):
            await market.follow(method, SYMBOL)
            return await market.client.list_subscribe()

        assert run(silent)["result"] == [SILENT[method]]
    else:
        assert method in BY_KEY


def test_user_data_by_a_listen_key(quiet, key, run, told):
    """Subscribed to like a stream; the key is from before the venue switched them off."""
    headers = {"X-MBX-APIKEY": key["key"]}
    url = f"{quiet.url('binance')}/api/v3/userDataStream"
    listen_key = requests.post(url, headers=headers, timeout=WAIT_S).json()["listenKey"]

    async def scenario(market):
        heard = await market.follow("user_data", listen_key)
        placed = await asyncio.to_thread(market.own.new_order, **RESTING)
        while True:
            event = await heard()
            if getattr(event, "i", None) == placed.data().order_id:
                return event

    report = run(scenario)
    assert (report.x, float(report.p)) == ("NEW", BELOW)


def test_its_models_are_told_all_that_they_have(told):
    """Comes last: it looks at the messages of all streams."""
    if not told.methods >= set(offered(SpotWebSocketStreams)):
        pytest.skip("only after all methods have been called")
    told_of_market = {
        name: fields for name, fields in told.untold().items() if name != "ExecutionReport"
    }
    assert told_of_market == {}
    assert told.beside() == {}
