"""One message to the venue and what became of it: every call of the library is behind here.

A command is sent once. An error after something has been done at the venue is Unknown, whatever
its class says, and so is a time-out. What a placed or canceled order is like is asked for where
neither the library's own answer nor a stream says; that it was placed is known all the same.
"""

import asyncio
from collections.abc import Mapping
from typing import Any

from steelyard.bridge.books import Books
from steelyard.bridge.fills import Fills
from steelyard.bridge.keys import WAYS
from steelyard.bridge.library import ENDED_LISTS, Busy
from steelyard.bridge.markets import candle_of
from steelyard.bridge.numbers import decimal_of, text_of, trade_ms
from steelyard.bridge.orders import balances_of, place_call
from steelyard.bridge.outcomes import may_be_answered_later, outcome_of, said
from steelyard.bridge.session import MS_NS, Session
from steelyard.bridge.venues import COMMAND_NS
from steelyard.domain.commands import Cancel, CancelAll, Place, UserCommand
from steelyard.domain.errors import DecodeError, UnitError, Unsupported
from steelyard.domain.lifecycle import Order
from steelyard.domain.messages import (
    SECOND_NS,
    AccountAnswer,
    AccountQuery,
    Answer,
    BookQuery,
    CandleList,
    CandlesQuery,
    Clock,
    ClockQuery,
    FillList,
    FillsQuery,
    InstrumentList,
    InstrumentsQuery,
    KeyAnswer,
    KeyQuery,
    OrderAnswer,
    OrderList,
    OrderQuery,
    OrdersQuery,
    Query,
    Refused,
)
from steelyard.domain.order import RejectReason
from steelyard.wire.capabilities import Lookup
from steelyard.wire.outcome import Answered, NotSent, Outcome, Unknown

QUERY_S = 20.0
DETAIL_S = 3.0  # to ask what an order is like that was placed or canceled
CANDLES_MAX = 1_000
RATE_E8 = 10**8
DRIFT_MS = 500  # by which a clock has to differ from what was known of it
ENDED_SINCE_MS = 86_400_000  # how far back an order is looked for among those that ended


class Answers:
    """Carries messages out."""

    def __init__(self, session: Session, fills: Fills, books: Books) -> None:
        self._session = session
        self._fills = fills
        self._books = books

    async def perform(self, message: UserCommand | Query) -> Outcome:
        """Carry a message out; in bounded time, and never with an exception."""
        library = self._session.library
        is_command = isinstance(message, UserCommand)
        if is_command and not self._session.is_loaded:
            return NotSent("the venue's markets are not known yet", SECOND_NS)
        sent = library.watch()
        try:
            async with asyncio.timeout(COMMAND_NS / SECOND_NS if is_command else QUERY_S):
                return Answered(await self._answer(message))
        except UnitError as error:
            return Answered(Refused(error.reason, str(error)))
        except Unsupported as error:
            return Answered(Refused(RejectReason.UNSUPPORTED, str(error)))
        except _NoSuchOrder as error:
            return Answered(Refused(RejectReason.UNKNOWN_ORDER, str(error)))
        except Busy as error:
            return Unknown(str(error)) if sent.did else NotSent(str(error), SECOND_NS)
        except TimeoutError:
            if sent.began or not is_command:
                return Unknown("no answer in time")
            return NotSent("it could not be sent in time")
        except DecodeError as error:
            return Unknown(f"the answer cannot be read: {error}")
        except Exception as error:  # noqa: BLE001 whatever the library raises has one meaning
            if is_command and sent.did:
                return Unknown(said(error, library.secrets))
            return outcome_of(error, library.secrets)

    async def _answer(self, message: UserCommand | Query) -> Answer:
        session = self._session
        if not isinstance(message, UserCommand | ClockQuery):
            await session.load()
        match message:
            case Place():
                return await self._place(message)
            case Cancel():
                return await self._cancel(message)
            case CancelAll():
                await session.call("cancel_all_orders", session.outside, is_command=True)
                return OrderList(())
            case InstrumentsQuery():
                return InstrumentList((session.instrument,))
            case ClockQuery():
                return await self._clock()
            case AccountQuery():
                return await self._account(message.account_id)
            case BookQuery():
                return await self._books.answer()
            case CandlesQuery():
                return await self._candles(message)
            case OrderQuery():
                return OrderAnswer(await self._order(message))
            case OrdersQuery():
                return await self._orders(message)
            case FillsQuery():
                return await self._list_fills(message)
            case KeyQuery():
                return await self._key(message)
            case _:
                raise Unsupported(f"the bridge has no {type(message).__name__}")

    # -- commands -----------------------------------------------------------------------------

    async def _place(self, place: Place) -> Answer:
        session = self._session
        call = place_call(place, session.instrument, session.outside)
        session.placing(place)
        found = await session.call("create_order", *call[:-1], call.params, is_command=True)
        order = session.see(found, place.client_order_id)
        is_told = found.get("status") is not None and found.get("filled") is not None
        if not is_told and not session.library.streams_account:
            order = await self._detail(order)
        return OrderAnswer(order)

    async def _cancel(self, cancel: Cancel) -> Answer:
        session = self._session
        name = cancel.client_order_id
        number = cancel.order_id or session.number(name)
        if number is None and session.library.row.lookup is not Lookup.CLIENT_ID:
            number = (await self._find(name)).order_id
        extra = {} if number else {"clientOrderId": name}
        text = text_of(number) if number else ""
        await session.call("cancel_order", text, session.outside, extra, is_command=True)
        known = None if number is None else session.orders.get(number)
        if known is None:
            return OrderAnswer(await self._find(name))
        return OrderAnswer(await self._detail(known))

    async def _detail(self, order: Order) -> Order:
        """Return an order as it is now, or as far as it is known."""
        session = self._session
        try:
            async with asyncio.timeout(DETAIL_S):
                found = await session.fetch_order(text_of(order.order_id), is_command=True)
                return session.see(found, order.client_order_id)
        except Exception:  # noqa: BLE001 it was placed or canceled: the trader asks again
            return order

    # -- orders and fills -----------------------------------------------------------------------

    async def _order(self, query: OrderQuery) -> Order:
        session = self._session
        name = query.client_order_id or ""
        number = query.order_id or session.number(name)
        if number:
            found = await session.fetch_order(text_of(number))
            return session.see(found, name)
        return await self._find(name)

    async def _find(self, name: str) -> Order:
        """Return an order of which only our id is known."""
        session = self._session
        if session.library.row.lookup is Lookup.CLIENT_ID:
            try:
                return session.see(await session.fetch_order("", name), name)
            except Exception as error:
                if not _is_not_found(error):
                    raise
            # Some venues forget our ids sooner than their orders: the lists have to agree.
        since_ms = session.now_ns() // MS_NS - ENDED_SINCE_MS
        ended = next(filter(session.library.has, ENDED_LISTS), None)
        asked: list[tuple[Any, ...]] = [("fetch_open_orders", session.outside)]
        if ended is not None:
            asked.append((_SNAKE[ended], session.outside, since_ms))
        for method, *arguments in asked:
            for found in await session.call(method, *arguments):
                if found.get("clientOrderId") == name:
                    return session.see(found, name)
        raise _NoSuchOrder(f"no order {name} among those that are open or have ended")

    async def _orders(self, query: OrdersQuery) -> Answer:
        session = self._session
        if not query.open_only:
            raise Unsupported("only open orders are listed over the bridge")
        rows = await session.call("fetch_open_orders", session.outside)
        orders = [session.see(found) for found in rows if session.is_ours(found)]
        orders.sort(key=lambda order: order.created_ns)
        return OrderList(tuple(orders[-query.limit :]))

    async def _list_fills(self, query: FillsQuery) -> Answer:
        start_ms = 0
        if query.from_trade_id is not None:
            start_ms = trade_ms(query.from_trade_id)
        elif query.start_ns is not None:
            start_ms = query.start_ns // MS_NS
        elif query.order_id is not None and query.order_id in self._session.orders:
            start_ms = self._session.orders[query.order_id].created_ns // MS_NS
        if not start_ms:
            start_ms = self._session.now_ns() // MS_NS - ENDED_SINCE_MS
        news = await self._fills.read(start_ms)
        from_id = query.from_trade_id or 0
        found = [fill for fill in self._fills.since(from_id) if fill.time_ns >= start_ms * MS_NS]
        # What a venue has entered late is told too, though it stands before the place asked for.
        late = [fill for fill in news if fill.trade_id < from_id]
        wanted = query.order_id
        told = [fill for fill in (*late, *found) if wanted in {None, fill.order_id}]
        return FillList(tuple(told[: query.limit]))

    # -- the rest -------------------------------------------------------------------------------

    async def _clock(self) -> Answer:
        session, exchange = self._session, self._session.library.exchange
        if not session.library.has("fetchTime"):
            return Clock(session.now_ns())
        before_ms = exchange.milliseconds()
        time_ms = int(decimal_of(await session.call("fetch_time"), "the venue's time"))
        ahead_ms = (before_ms + exchange.milliseconds()) // 2 - time_ms
        known_ms = exchange.options.get("timeDifference")
        if not isinstance(known_ms, int) or abs(ahead_ms - known_ms) > DRIFT_MS:
            # The library signs with it, and some exchanges' nonces must not go back for nothing.
            exchange.options["timeDifference"] = ahead_ms
        return Clock(time_ms * MS_NS)

    async def _key(self, query: KeyQuery) -> KeyAnswer:
        """Return what the key may do.

        Raises:
            Unsupported: It is not told, here or to this key.
        """
        library = self._session.library
        way = WAYS.get(library.name)
        if way is None:
            raise Unsupported("what the key may do is not asked of this exchange over the bridge")
        try:
            return way.read(await self._session.call(way.method), query.key)
        except Exception as error:
            if may_be_answered_later(error):
                raise
            why = said(error, library.secrets)
            raise Unsupported(f"the exchange does not tell what the key may do: {why}") from error

    async def _account(self, account_id: int) -> Answer:
        session = self._session
        balances = balances_of(await session.call("fetch_balance"))
        market = session.library.exchange.markets[session.outside]
        maker, taker = (_rate_e8(market.get(name)) for name in ("maker", "taker"))
        return AccountAnswer(account_id, balances, maker, taker, session.now_ns())

    async def _candles(self, query: CandlesQuery) -> Answer:
        session, exchange = self._session, self._session.library.exchange
        names: Mapping[str, Any] = exchange.timeframes or {}
        name = next(
            (n for n in names if exchange.parse_timeframe(n) * SECOND_NS == query.interval_ns), None
        )
        if name is None or not session.library.has("fetchOHLCV"):
            return CandleList(())
        limit = min(query.limit, CANDLES_MAX)
        rows = await session.call("fetch_ohlcv", session.outside, name, None, limit)
        now_ns = session.venue_now_ns()
        candles = [candle_of(row, session.instrument, query.interval_ns, now_ns) for row in rows]
        return CandleList(tuple(candles[-query.limit :]))


class _NoSuchOrder(Exception):
    """What the library would call OrderNotFound."""


_SNAKE = {
    "fetchOrders": "fetch_orders",
    "fetchCanceledAndClosedOrders": "fetch_canceled_and_closed_orders",
    "fetchClosedOrders": "fetch_closed_orders",
}


def _is_not_found(error: Exception) -> bool:
    outcome = outcome_of(error)
    answer = outcome.answer if isinstance(outcome, Answered) else None
    return isinstance(answer, Refused) and answer.reason is RejectReason.UNKNOWN_ORDER


def _rate_e8(value: Any) -> int:
    return 0 if value is None else round(decimal_of(value, "a fee rate") * RATE_E8)
