"""Following a market and an account: what is told, and when a stream is up."""

import asyncio
from contextlib import asynccontextmanager

import fake_ccxt
import pytest
from fake_ccxt import FakeExchange, Stand, trade

from steelyard.bridge import follow
from steelyard.bridge.pipe import Down, Told, Up
from steelyard.domain.lifecycle import OrderState
from steelyard.domain.messages import BalanceEvent, BookDelta, BookSnapshot, OrderEvent, Trade
from steelyard.domain.order import Side

ORDER = {
    "id": "1",
    "clientOrderId": "a1",
    "symbol": "BTC/USDT",
    "type": "limit",
    "side": "buy",
    "amount": "1",
    "price": "100",
    "filled": "0",
    "status": "open",
}


class Polled(FakeExchange):
    """An exchange without streams."""

    offers = tuple(name for name in FakeExchange.offers if not name.startswith("watch"))


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    for name in ("BOOK_EVERY_S", "BOOK_POLL_S", "TRADES_POLL_S", "ACCOUNT_POLL_S", "SETTLE_S"):
        monkeypatch.setattr(follow, name, 0.01)
    monkeypatch.setattr(follow, "FILLS_PAUSE_S", 0.0)
    monkeypatch.setattr(follow, "AGAIN_FIRST_NS", 20_000_000)
    monkeypatch.setattr(follow, "AGAIN_MAX_NS", 20_000_000)


@asynccontextmanager
async def following(kind: type = FakeExchange):
    stand = Stand(kind=kind)
    task = asyncio.ensure_future(stand.follower.run())
    try:
        yield stand
        assert not task.done(), task.exception()
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def until(is_so) -> None:
    async with asyncio.timeout(5):
        while not is_so():  # noqa: ASYNC110 of whoever
            await asyncio.sleep(0.005)


def events(stand: Stand, kind: type) -> list:
    return [told.event for told in stand.outlet.of(Told) if isinstance(told.event, kind)]


def roles(stand: Stand, kind: type) -> list[str]:
    return [message.role for message in stand.outlet.of(kind)]


def test_a_market_is_up_with_its_first_book():
    """Not when a socket is open."""

    async def act() -> None:
        async with following() as stand:
            await until(lambda: roles(stand, Up) == ["private"])
            stand.exchange.push("watch_order_book", stand.exchange.book)
            await until(lambda: events(stand, BookSnapshot))
            assert roles(stand, Up) == ["private", "market"]
            changed = {"bids": [[100.0, 1.5]], "asks": [[101.0, 2.0]]}
            stand.exchange.push("watch_order_book", changed)
            await until(lambda: events(stand, BookDelta))
            assert events(stand, BookDelta)[0].bids == ((10_000, 150_000),)

    asyncio.run(act())


def test_trades_are_told_but_for_those_of_the_past():
    """A venue may begin with a page of them; the last is the price."""

    async def act() -> None:
        async with following() as stand:
            rows = [trade(n, 1_000 + n, side="sell", price="100") for n in range(5)]
            stand.exchange.push("watch_trades", rows[:3])
            stand.exchange.push("watch_trades", rows[3:])
            await until(lambda: len(events(stand, Trade)) == 3)
            told = events(stand, Trade)
            assert [t.time_ns // 10**6 for t in told] == [1_002, 1_003, 1_004]
            assert [t.trade_id for t in told] == sorted({t.trade_id for t in told})
            assert {(t.price_ticks, t.size_lots, t.taker_side) for t in told} == {
                (10_000, 50_000, Side.SELL)
            }

    asyncio.run(act())


def test_an_order_is_told_and_its_fills_are_read_from_the_history():
    async def act() -> None:
        async with following() as stand:
            stand.exchange.push("watch_orders", [ORDER])
            await until(lambda: events(stand, OrderEvent))
            assert stand.exchange.calls["fetch_my_trades"] == 0
            now_ms = stand.exchange.milliseconds()
            stand.exchange.trades = [trade(1, now_ms, amount="0.5")]
            stand.exchange.push("watch_orders", [{**ORDER, "filled": "0.5"}])
            await until(lambda: len(events(stand, OrderEvent)) == 3)
            first, second, third = events(stand, OrderEvent)
            assert (first.fill, second.fill) == (None, None)
            assert second.order.state is OrderState.PARTIALLY_FILLED
            assert (third.fill.size_lots, third.fill.client_order_id) == (50_000, "a1")

    asyncio.run(act())


def test_a_fill_of_an_order_that_was_never_told_brings_the_order():
    async def act() -> None:
        async with following() as stand:
            stand.exchange.orders["9"] = {**ORDER, "id": "9", "clientOrderId": "b9"}
            stand.exchange.trades = [trade(1, stand.exchange.milliseconds(), order="9")]
            stand.exchange.push("watch_orders", [{**ORDER, "filled": "0.1"}])
            await until(lambda: [e for e in events(stand, OrderEvent) if e.fill])
            (told,) = [e for e in events(stand, OrderEvent) if e.fill]
            assert told.order.client_order_id == "b9"

    asyncio.run(act())


def test_half_an_order_is_asked_for_as_a_whole():
    async def act() -> None:
        async with following() as stand:
            stand.exchange.orders["1"] = ORDER
            stand.exchange.push("watch_orders", [{"id": "1", "status": "open", "symbol": None}])
            await until(lambda: events(stand, OrderEvent))
            assert events(stand, OrderEvent)[0].order.size_lots == 100_000

    asyncio.run(act())


def test_an_order_that_is_told_without_its_name_is_asked_for():
    """Else one of ours would pass for somebody else's, and be believed never to have arrived."""

    async def act() -> None:
        async with following() as stand:
            stand.exchange.orders["1"] = ORDER
            stand.exchange.push("watch_orders", [{**ORDER, "clientOrderId": None}])
            await until(lambda: events(stand, OrderEvent))
            assert events(stand, OrderEvent)[0].order.client_order_id == "a1"

    asyncio.run(act())


def test_balances_are_told():
    async def act() -> None:
        async with following() as stand:
            stand.exchange.push("watch_balance", {"BTC": {"free": "1", "used": "0"}})
            await until(lambda: events(stand, BalanceEvent))

    asyncio.run(act())


@pytest.mark.parametrize(
    ("stream", "role"), [("watch_order_book", "market"), ("watch_orders", "private")]
)
def test_a_stream_that_breaks_is_down_with_the_reason_and_comes_back(stream, role):
    async def act() -> None:
        async with following() as stand:
            stand.exchange.push("watch_order_book", stand.exchange.book)
            await until(lambda: {*roles(stand, Up)} == {"market", "private"})
            stand.exchange.push(stream, fake_ccxt.NetworkError("closed ?signature=abc"))
            await until(lambda: roles(stand, Down) == [role])
            assert stand.outlet.of(Down)[0].why == "NetworkError: closed ?..."
            stand.exchange.push("watch_order_book", stand.exchange.book)
            await until(lambda: roles(stand, Up).count(role) == 2)
            if role == "market":
                await until(lambda: len(events(stand, BookSnapshot)) == 2)

    asyncio.run(act())


def test_a_stream_that_is_reset_begins_anew():
    """With new connections: the old ones say nothing any more."""

    async def act() -> None:
        async with following() as stand:
            stand.exchange.push("watch_order_book", stand.exchange.book)
            await until(lambda: {*roles(stand, Up)} == {"market", "private"})
            (client,) = stand.exchange.clients.values()
            stand.follower.reset("market")
            await until(lambda: roles(stand, Down) == ["market"])
            assert client.is_closed
            assert stand.outlet.of(Down)[0].why == "it was reset"

    asyncio.run(act())


def test_a_connection_that_does_not_stand_is_not_up(monkeypatch):
    monkeypatch.setattr(follow, "CONNECT_S", 0.05)

    async def act() -> None:
        async with following() as stand:
            broken = fake_ccxt.FakeClient()
            broken.is_closed = True
            stand.exchange.clients["ws://127.0.0.1:1"] = broken
            await until(lambda: "private" in roles(stand, Down))
            assert "private" not in roles(stand, Up)

    asyncio.run(act())


def test_a_parent_that_lags_behind_is_told_that_something_is_missing():
    """Dropped news are never passed over in silence."""

    async def act() -> None:
        async with following() as stand:
            stand.exchange.push("watch_order_book", stand.exchange.book)
            await until(lambda: {*roles(stand, Up)} == {"market", "private"})
            told = stand.outlet.told
            stand.outlet.tell = lambda message: (
                False if isinstance(message, Told) else (told.append(message) or True)
            )
            stand.exchange.push("watch_orders", [ORDER])
            await until(lambda: roles(stand, Down) == ["private"])
            assert "does not read as fast" in stand.outlet.of(Down)[0].why

    asyncio.run(act())


def test_without_streams_it_asks_again_and_again():
    async def act() -> None:
        async with following(Polled) as stand:
            await until(lambda: {*roles(stand, Up)} == {"market", "private"})
            stand.exchange.book = {"bids": [[99.0, 1.0]], "asks": [[101.0, 2.0]]}
            await until(lambda: events(stand, BookDelta))
            stand.exchange.orders["1"] = dict(ORDER)
            await until(lambda: len(events(stand, OrderEvent)) == 1)
            stand.exchange.trades = [trade(1, stand.exchange.milliseconds(), amount="1")]
            stand.exchange.orders["1"].update(status="closed", filled="1")
            await until(lambda: [e for e in events(stand, OrderEvent) if e.fill])
            assert events(stand, OrderEvent)[0].order.state is OrderState.WORKING
            await until(
                lambda: (
                    events(stand, OrderEvent)[-1].order.state is OrderState.FILLED
                    and len([e for e in events(stand, OrderEvent) if e.fill]) == 1
                )
            )

    asyncio.run(act())


def test_trades_that_are_asked_for_are_told_once():
    async def act() -> None:
        rows = [trade(n, 1_000 + n) for n in range(4)]

        class Trades(Polled):
            async def fetch_trades(self, symbol: str) -> list:
                self.calls["fetch_trades"] += 1
                return rows[: 1 + self.calls["fetch_trades"]]

        async with following(Trades) as stand:
            await until(lambda: stand.exchange.calls["fetch_trades"] > 5)
            assert [t.time_ns // 10**6 for t in events(stand, Trade)] == [1_001, 1_002, 1_003]

    asyncio.run(act())
