"""Following the market and the account: by the library's streams, or by asking where it has none.

A stream is up when its connection stands and its first news (of a market) have come, or when the
connection has held for a moment (of an account, which may have no news). Whatever breaks it is
told as down, with the reason, and it begins anew after a pause. What is asked for again and again
is as old as the last answer, and the book's age tells it.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from random import SystemRandom
from typing import Any

from steelyard.bridge.books import Books
from steelyard.bridge.fills import Fills
from steelyard.bridge.markets import PUBLIC_MAX, public_trade_id
from steelyard.bridge.numbers import decimal_of, level_of, text_of
from steelyard.bridge.orders import SIDES, balances_of
from steelyard.bridge.outcomes import said
from steelyard.bridge.pipe import Down, Told, Up
from steelyard.bridge.session import MS_NS, Session
from steelyard.domain.errors import DecodeError, PeerError
from steelyard.domain.lifecycle import Order, OrderState
from steelyard.domain.messages import (
    SECOND_NS,
    BalanceEvent,
    Event,
    Execution,
    OrderEvent,
    Trade,
)
from steelyard.domain.order import Side
from steelyard.wire.capabilities import Source
from steelyard.wire.outcome import delays_ns

MARKET, PRIVATE = "market", "private"
BOOK_EVERY_S = 0.05  # a book is told no more often
BOOK_POLL_S, TRADES_POLL_S, ACCOUNT_POLL_S = 1.0, 2.0, 2.0
SETTLE_S = 1.0  # a connection that has held for so long is up
CONNECT_S = 15.0
FILLS_PAUSE_S = 0.05  # news of one moment are read together
FILLS_BACK_MS = 60_000
AGAIN_FIRST_NS, AGAIN_MAX_NS, AGAIN_TRIES = SECOND_NS // 2, 30 * SECOND_NS, 1_000_000_000
LONG_S = 60.0  # a stream that has held for so long begins with short pauses again

_EXECUTIONS = {
    OrderState.CANCELED: Execution.CANCELED,
    OrderState.EXPIRED: Execution.EXPIRED,
    OrderState.REJECTED: Execution.REJECTED,
}
Loop = Callable[[], Awaitable[None]]


class TooSlow(PeerError):
    """The parent does not read as fast as it is told; something was dropped."""


class Follower:
    """Both streams of a child."""

    def __init__(self, session: Session, fills: Fills, books: Books) -> None:
        self._session = session
        self._fills = fills
        self._books = books
        self._rng = SystemRandom()
        self._look = asyncio.Event()
        self._last_ms = 0
        self._in_ms = 0
        self._resets: dict[str, asyncio.Event] = {}
        capabilities = session.library.capabilities(session.venue)
        self._loops: dict[str, tuple[Loop, ...]] = {
            MARKET: self._market_loops(capabilities.market),
            PRIVATE: self._account_loops(capabilities.account),
        }
        self._has_stream = {
            MARKET: capabilities.market is Source.STREAM,
            PRIVATE: capabilities.account is Source.STREAM,
        }

    async def run(self) -> None:
        """Follow both until canceled."""
        async with asyncio.TaskGroup() as group:
            for role in (MARKET, PRIVATE):
                self._resets[role] = asyncio.Event()
                group.create_task(self._keep(role))

    def reset(self, role: str) -> None:
        """Let go of a stream, and begin anew."""
        if role in self._resets:
            self._resets[role].set()

    async def _keep(self, role: str) -> None:
        delays = None
        loop = asyncio.get_running_loop()
        while True:
            begun = loop.time()
            why = await self._follow(role)
            if role == MARKET:
                self._books.forget()
            self._session.outlet.tell(Down(role, why))
            if delays is None or loop.time() - begun > LONG_S:
                delays = delays_ns(
                    self._rng, first_ns=AGAIN_FIRST_NS, max_ns=AGAIN_MAX_NS, tries=AGAIN_TRIES
                )
            await asyncio.sleep(next(delays) / SECOND_NS)

    async def _follow(self, role: str) -> str:
        """Follow until something breaks; return what it was."""
        reset = self._resets[role]
        reset.clear()
        tasks = [asyncio.ensure_future(each()) for each in self._loops[role]]
        if role == PRIVATE:
            tasks.append(asyncio.ensure_future(self._settle()))
        waiting = asyncio.ensure_future(reset.wait())
        try:
            done, _ = await asyncio.wait({*tasks, waiting}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (*tasks, waiting):
                task.cancel()
            await asyncio.gather(*tasks, waiting, return_exceptions=True)
        if self._has_stream[role]:
            await self._hang_up(role)
        for task in done:
            if task is not waiting and (error := task.exception()) is not None:
                return said(error, self._session.library.secrets)
        return "it was reset"

    async def _hang_up(self, role: str) -> None:
        """Close the library's WebSockets: the next call opens them anew, with all that they say."""
        library = self._session.library
        clients = (library.market if role == MARKET else library.exchange).clients
        for url, client in [*clients.items()]:
            clients.pop(url, None)
            with suppress(Exception):
                await client.close(1000)

    def _tell(self, event: Event) -> None:
        if not self._session.outlet.tell(Told(event)):
            raise TooSlow("the bot does not read as fast as the venue tells")

    # -- the market ---------------------------------------------------------------------------

    def _market_loops(self, source: Source) -> tuple[Loop, ...]:
        library = self._session.library
        loops = [self._watch_book if source is Source.STREAM else self._poll_book]
        if library.has("watchTrades"):
            loops.append(self._watch_trades)
        elif library.has("fetchTrades"):
            loops.append(self._poll_trades)
        return tuple(loops)

    async def _watch_book(self) -> None:
        session, is_up = self._session, False
        limit = session.library.row.book_limit
        await session.load()
        while True:
            book = await session.library.market.watch_order_book(session.outside, limit)
            is_up = self._take_book(book, is_up=is_up)
            await asyncio.sleep(BOOK_EVERY_S)

    async def _poll_book(self) -> None:
        session, is_up = self._session, False
        await session.load()
        while True:
            book = await session.call("fetch_order_book", session.outside)
            is_up = self._take_book(book, is_up=is_up)
            await asyncio.sleep(BOOK_POLL_S)

    def _take_book(self, book: Any, *, is_up: bool) -> bool:
        if not is_up:
            self._session.outlet.tell(Up(MARKET))
        event = self._books.take(book)
        if event is not None:
            self._tell(event)
        return True

    async def _watch_trades(self) -> None:
        session, is_first = self._session, True
        await session.load()
        while True:
            rows = await session.library.market.watch_trades(session.outside)
            # A venue may begin with trades of the past; the last of them is the price.
            self._take_trades(rows[-1:] if is_first else rows)
            is_first = False

    async def _poll_trades(self) -> None:
        session = self._session
        await session.load()
        seen: dict[str, None] = {}
        is_first = True
        while True:
            rows = await session.call("fetch_trades", session.outside)
            new = [row for row in rows if str(row.get("id") or row) not in seen]
            seen = {str(row.get("id") or row): None for row in rows}
            self._take_trades(new[-1:] if is_first else new)
            is_first = False
            await asyncio.sleep(TRADES_POLL_S)

    def _take_trades(self, rows: list[Mapping[str, Any]]) -> None:
        instrument = self._session.instrument
        for row in rows:
            time_ms = row.get("timestamp")
            if not isinstance(time_ms, int):
                time_ms = self._session.venue_now_ns() // MS_NS
            side = SIDES.get(str(row.get("side")), Side.BUY)
            price = decimal_of(row.get("price"), "a trade's price")
            level = level_of(
                price, decimal_of(row.get("amount"), "a trade's size"), side, instrument
            )
            if level is None:
                continue  # less than a lot
            if time_ms > self._last_ms:
                self._last_ms, self._in_ms = time_ms, 0
            elif self._in_ms < PUBLIC_MAX - 1:
                self._in_ms += 1
            number = public_trade_id(self._last_ms, self._in_ms)
            self._tell(Trade(instrument.instrument_id, number, *level, side, time_ms * MS_NS))

    # -- the account --------------------------------------------------------------------------

    def _account_loops(self, source: Source) -> tuple[Loop, ...]:
        library = self._session.library
        if source is not Source.STREAM:
            return (self._poll_account, self._read_fills)
        loops: list[Loop] = [self._read_fills]
        if library.has("watchOrders"):
            loops.append(self._watch_orders)
        if library.has("watchMyTrades"):
            loops.append(self._watch_fills)
        if library.has("watchBalance"):
            loops.append(self._watch_balance)
        return tuple(loops)

    async def _settle(self) -> None:
        """Say that the account is followed, once its connections have held for a moment."""
        loop = asyncio.get_running_loop()
        exchange = self._session.library.exchange
        last = loop.time() + CONNECT_S
        is_streamed = self._has_stream[PRIVATE]
        while True:
            await asyncio.sleep(SETTLE_S)
            clients = [*getattr(exchange, "clients", {}).values()]
            # Some of the library's are there for what they hold, and never connected.
            if not is_streamed or any(not client.closed() for client in clients):
                break
            if loop.time() > last:
                raise DecodeError(f"no connection in {CONNECT_S} s")
        self._session.outlet.tell(Up(PRIVATE))
        await asyncio.Event().wait()

    async def _watch_orders(self) -> None:
        session = self._session
        await session.load()
        while True:
            for row in await session.library.exchange.watch_orders(session.outside):
                if session.is_ours(row):
                    await self._take_order(row)

    async def _take_order(self, row: Mapping[str, Any]) -> None:
        session = self._session
        order = None
        with suppress(DecodeError):
            order = session.see(row)
        if order is None or not order.client_order_id:
            # A stream may tell half of an order; without its name ours would pass for another's.
            order = session.see(await session.fetch_order(str(row.get("id") or "")))
        self._tell_order(order)

    def _tell_order(self, order: Order) -> None:
        if order.filled_lots:
            self._look.set()
        execution = _EXECUTIONS.get(order.state, Execution.NEW)
        self._tell(OrderEvent(execution, order, None, order.updated_ns))

    async def _watch_fills(self) -> None:
        session = self._session
        await session.load()
        while True:
            await session.library.exchange.watch_my_trades(session.outside)
            self._look.set()

    async def _watch_balance(self) -> None:
        session = self._session
        await session.load()
        while True:
            found = await session.library.exchange.watch_balance()
            self._tell(BalanceEvent(0, balances_of(found), session.venue_now_ns()))

    async def _read_fills(self) -> None:
        """Read the account's history whenever there are news of it."""
        session = self._session
        await session.load()
        while True:
            await self._look.wait()
            await asyncio.sleep(FILLS_PAUSE_S)
            self._look.clear()
            for fill in await self._fills.read(session.venue_now_ns() // MS_NS - FILLS_BACK_MS):
                order = session.orders.get(fill.order_id)
                if order is None:
                    order = session.see(await session.fetch_order(text_of(fill.order_id)))
                self._tell(OrderEvent(Execution.FILL, order, fill, fill.time_ns))

    async def _poll_account(self) -> None:
        """Ask for open orders, and for those that are no longer among them."""
        session = self._session
        await session.load()
        open_then: dict[int, Order] = {}
        while True:
            rows = await session.call("fetch_open_orders", session.outside)
            open_now = {}
            for row in rows:
                if session.is_ours(row):
                    order = session.see(row)
                    open_now[order.order_id] = order
                    then = open_then.get(order.order_id)
                    if then is None or then.filled_lots != order.filled_lots:
                        self._tell_order(order)
            for number in open_then.keys() - open_now.keys():
                self._tell_order(session.see(await session.fetch_order(text_of(number))))
            open_then = open_now
            self._look.set()
            await asyncio.sleep(ACCOUNT_POLL_S)
