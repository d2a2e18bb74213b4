"""What a day has on WebSockets alone, in the words of ccxt.pro: watching, and orders by socket."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from copy import deepcopy
from typing import Any

import ccxt.pro
import pytest
from ccxt_day import FEE, MARKET, NOBODY, Chapter, Trader, meet

LOST = (ccxt.pro.NetworkError, ccxt.pro.ExchangeClosedByUser)
LATE_S = 20  # what was watched has come by then
PAUSE_S = 0.1
TRIES = round(LATE_S / PAUSE_S)
WATCHED = [MARKET]
PAIRS = [[MARKET, "5m"]]


class Heard:
    """What a `watch_*` call returns over time, as one list.

    Args:
        watch: Makes one call; what it returns, a list or one thing, is kept.
    """

    def __init__(self, watch: Callable[[], Awaitable[Any]]) -> None:
        self.items: list[Any] = []
        self.losses = 0
        self._grown = asyncio.Condition()
        self._task = asyncio.create_task(self._listen(watch))

    async def _listen(self, watch: Callable[[], Awaitable[Any]]) -> None:
        while True:
            try:
                found = await watch()
            except LOST:  # ccxt says that the line is gone; the next call makes another
                found = []
                self.losses += 1
                await asyncio.sleep(PAUSE_S)
            async with self._grown:
                # What ccxt returns is its own, and changes with the next news.
                self.items += deepcopy(found if isinstance(found, list) else [found])
                self._grown.notify_all()

    async def until(self, is_enough: Callable[[list[Any]], bool]) -> list[Any]:
        """Return the items once they are enough."""

        async def wait() -> None:
            async with self._grown:
                await self._grown.wait_for(lambda: is_enough(self.items))

        try:
            await asyncio.wait_for(wait(), LATE_S)
        except TimeoutError:
            raise AssertionError(f"not heard in {LATE_S} s, but {self.items}") from None
        return self.items

    async def lost(self) -> None:
        """Wait until the line has been lost."""
        async with self._grown:
            await asyncio.wait_for(self._grown.wait_for(lambda: self.losses), LATE_S)

    async def leave(self) -> None:
        """Stop calling."""
        self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task


@asynccontextmanager
async def listening(**calls: Callable[[], Awaitable[Any]]) -> Any:
    """Hear what some calls return; leave them at the end."""
    heard = {name: Heard(call) for name, call in calls.items()}
    try:
        yield heard
    finally:
        for one in heard.values():
            await one.leave()


async def stir(trader: Trader, book: Heard) -> None:
    """Change the book until it is heard: ccxt shows one with the first change of its snapshot."""
    for _ in range(TRIES):
        if book.items:
            break
        order = await trader.limit("buy", 0.01, 30_000)
        await trader.cancel_order(order["id"], MARKET)
        await asyncio.sleep(PAUSE_S)
    await book.until(bool)


async def followed(trader: Trader) -> None:
    """Wait until the account's news come over the socket that its orders go by."""
    line = trader.client.client(trader.urls["api"]["ws"]["ws-api"]["spot"])
    for _ in range(TRIES):
        is_asked = "authenticate:signature:spot" in line.futures
        if "spot" in line.subscriptions and not is_asked:
            return
        await asyncio.sleep(PAUSE_S)
    raise AssertionError("ccxt.pro has not subscribed to the account")


async def watch_the_market(anna: Trader, ben: Trader) -> None:
    """Book, trades, tickers, quotes and candles, of one symbol and of several; then leave them."""
    one = {
        "book": lambda: anna.watch_order_book(MARKET),
        "trades": lambda: anna.watch_trades(MARKET),
        "ticker": lambda: anna.watch_ticker(MARKET),
        "candles": lambda: anna.watch_ohlcv(MARKET, "1m"),
    }
    several = {
        "book": lambda: anna.watch_order_book_for_symbols(WATCHED),
        "trades": lambda: anna.watch_trades_for_symbols(WATCHED),
        "ticker": lambda: anna.watch_tickers(WATCHED),
        "candles": lambda: anna.watch_ohlcv_for_symbols(PAIRS),
        "quotes": lambda: anna.watch_bids_asks(WATCHED),
    }
    for calls in (one, several):
        async with listening(**calls) as heard:
            await stir(ben, heard["book"])
            await ben.limit("buy", 0.01, 49_990)
            await heard["book"].until(lambda books: books[-1]["bids"][0] == [49_990, 0.01])
            await anna.create_market_sell_order(MARKET, 0.01)
            await heard["book"].until(lambda books: books[-1]["bids"][0] == [49_900, 5])
            (trade, *_) = await heard["trades"].until(bool)
            assert (trade["price"], trade["amount"], trade["side"]) == (49_990, 0.01, "sell")
            await heard["candles"].until(bool)
            (ticker, *_) = await heard["ticker"].until(bool)
            assert ticker.get(MARKET, ticker)["last"] == 49_990
    (quotes, *_) = await heard["quotes"].until(bool)
    assert quotes[MARKET]["ask"] == 50_100
    for leave in (
        anna.un_watch_order_book,
        anna.un_watch_trades,
        anna.un_watch_ticker,
        anna.un_watch_ohlcv,
    ):
        assert await leave(MARKET)
    await asyncio.gather(
        *(watch(WATCHED) for watch in (anna.watch_tickers, anna.watch_bids_asks)),
        meet(anna, ben, 50_000),
    )
    assert await anna.un_watch_tickers(WATCHED)
    assert await anna.un_watch_bids_asks(WATCHED)
    for watch, leave, what in (
        (anna.watch_order_book_for_symbols, anna.un_watch_order_book_for_symbols, WATCHED),
        (anna.watch_trades_for_symbols, anna.un_watch_trades_for_symbols, WATCHED),
        (anna.watch_ohlcv_for_symbols, anna.un_watch_ohlcv_for_symbols, PAIRS),
    ):
        await asyncio.gather(watch(what), meet(anna, ben, 50_000))
        assert await leave(what)


async def ask_over_a_socket(anna: Trader, ben: Trader) -> None:
    """What REST tells is told here in the same words."""
    await meet(anna, ben, 50_000)
    for name, arguments in {
        "fetch_ohlcv": (MARKET, "1m"),
        "fetch_my_trades": (MARKET,),
        "fetch_orders": (MARKET,),
        "fetch_open_orders": (MARKET,),
        "fetch_closed_orders": (MARKET,),
    }.items():
        by_rest = await getattr(anna, name)(*arguments)
        by_socket = await getattr(anna, f"{name}_ws")(*arguments)
        assert _lasting(by_socket) == _lasting(by_rest), name
    # ccxt shows no balances of it, but what was said.
    told = (await anna.fetch_balance_ws())["info"]
    by_rest = (await anna.fetch_balance())["info"]
    assert told["balances"] == by_rest["balances"]
    assert (await anna.fetch_trades_ws(MARKET))[-1]["price"] == 50_000


def _lasting(found: Any) -> Any:
    """Return an answer without what another moment changes."""
    if isinstance(found, dict):
        moments = ("timestamp", "datetime", "info")
        return {name: value for name, value in found.items() if name not in moments}
    return [_lasting(one) if isinstance(one, dict) else one for one in found]


async def order_over_a_socket(anna: Trader, ben: Trader) -> None:
    """Every kind of order, edits, cancels; what is refused is the exception that REST has."""
    resting = await anna.create_limit_order_ws(MARKET, "buy", 0.01, 40_000)
    assert (await anna.fetch_order_ws(resting["id"], MARKET))["status"] == "open"
    edited = await anna.edit_order_ws(resting["id"], MARKET, "limit", "buy", 0.02, 41_000)
    assert (edited["amount"], edited["price"], edited["status"]) == (0.02, 41_000, "open")
    assert (await anna.cancel_order_ws(edited["id"], MARKET))["status"] == "canceled"
    await ben.limit("sell", 0.02, 50_000)
    taken = await anna.create_market_order_ws(MARKET, "buy", 0.01)
    assert (taken["status"], taken["average"]) == ("closed", 50_000)
    spent = await anna.create_order_ws(MARKET, "market", "buy", 0, None, {"quoteOrderQty": 500})
    assert (spent["status"], spent["filled"]) == ("closed", 0.01)
    # ccxt sends what it is told beside what it made of it, so it is told the venue's own words.
    kinds: dict[str, tuple[str, float | None, dict[str, Any]]] = {
        "LIMIT": ("buy", 40_000, {"timeInForce": "GTC"}),
        "LIMIT_MAKER": ("buy", 40_000, {}),
        "STOP_LOSS": ("sell", None, {"stopPrice": 45_000}),
        "STOP_LOSS_LIMIT": ("sell", 44_900, {"stopPrice": 45_000}),
        "TAKE_PROFIT": ("sell", None, {"stopPrice": 55_000}),
        "TAKE_PROFIT_LIMIT": ("sell", 55_100, {"stopPrice": 55_000}),
    }
    for kind, (side, price, params) in kinds.items():
        placed = await anna.create_order_ws(MARKET, kind, side, 0.01, price, params)
        assert (await anna.fetch_order_ws(placed["id"], MARKET))["info"]["type"] == kind
    gone = await anna.create_order_ws(MARKET, "limit", "buy", 0.01, 40_000, {"timeInForce": "IOC"})
    assert gone["status"] == "expired"
    tested = await anna.create_order_ws(MARKET, "limit", "buy", 0.01, 40_000, {"test": True})
    assert tested["id"] is None
    canceled = await anna.cancel_all_orders_ws(MARKET)
    assert [order["status"] for order in canceled] == ["canceled"] * len(kinds)
    assert await anna.fetch_open_orders_ws(MARKET) == []
    for price, amount, error in (
        (49_000, 100, ccxt.pro.InsufficientFunds),
        (1_500_000, 0.01, ccxt.pro.BadRequest),  # ccxt reads the filter's name on REST only
        (40_000, 0.0001, ccxt.pro.BadRequest),
    ):
        with pytest.raises(error):
            await anna.create_order_ws(MARKET, "limit", "buy", amount, price)
    with pytest.raises(ccxt.pro.OrderImmediatelyFillable):
        await anna.create_order_ws(MARKET, "LIMIT_MAKER", "buy", 0.01, 50_100)
    with pytest.raises(ccxt.pro.OrderNotFound):
        await anna.cancel_order_ws(NOBODY, MARKET)
    with pytest.raises(ccxt.pro.OrderNotFound):
        await anna.fetch_order_ws(NOBODY, MARKET)


async def hear_of_ones_own(anna: Trader, ben: Trader) -> None:
    """A life of an order as it happens: new, partly filled, filled; another one canceled."""
    async with listening(
        orders=lambda: anna.watch_orders(MARKET),
        trades=lambda: anna.watch_my_trades(MARKET),
        balances=anna.watch_balance,
    ) as heard:
        await followed(anna)
        bid = await anna.limit("buy", 0.02, 49_980, clientOrderId="watched")
        for amount, filled in ((0, 0), (0.005, 0.005), (0.015, 0.02)):
            if amount:
                await ben.create_market_sell_order(MARKET, amount)
            await heard["orders"].until(_ends_with(filled=filled))
        other = await anna.limit("buy", 0.01, 40_000)
        await heard["orders"].until(_ends_with(id=other["id"]))
        await anna.cancel_order(other["id"], MARKET)
        orders = await heard["orders"].until(_ends_with(status="canceled"))
        life = [(order["status"], order["filled"]) for order in orders if order["id"] == bid["id"]]
        assert life == [("open", 0), ("open", 0.005), ("closed", 0.02)]
        assert {order["clientOrderId"] for order in orders if order["id"] == bid["id"]} == {
            "watched"
        }
        assert [o["status"] for o in orders if o["id"] == other["id"]] == ["open", "canceled"]
        trades = await heard["trades"].until(lambda trades: len(trades) == 2)
        assert [(trade["amount"], trade["takerOrMaker"]) for trade in trades] == [
            (0.005, "maker"),
            (0.015, "maker"),
        ]
        assert trades[0]["fee"] == {"currency": "BTC", "cost": pytest.approx(0.005 * FEE)}
        truth = await anna.fetch_balance()
        last = await heard["balances"].until(lambda b: b[-1]["USDT"] == truth["USDT"])
        assert last[-1]["BTC"] == truth["BTC"]


def _ends_with(**fields: Any) -> Callable[[list[Any]], bool]:
    return lambda items: bool(items) and items[-1] == {**items[-1], **fields}


WATCHING: tuple[Chapter, ...] = (
    watch_the_market,
    ask_over_a_socket,
    order_over_a_socket,
    hear_of_ones_own,
)
