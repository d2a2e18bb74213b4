"""The account's fills: all of them, each once, and no question twice."""

import asyncio
from random import Random

import pytest
from fake_ccxt import Stand, trade

from steelyard.bridge import fills
from steelyard.bridge.fills import OVERLAP_MS
from steelyard.domain.errors import DecodeError

DAY_MS = 86_400_000


def run(act, exchange: str = "bybit") -> None:
    async def all_of_it() -> None:
        stand = Stand(exchange)
        await stand.session.load()
        await act(stand, stand.exchange.milliseconds())

    asyncio.run(all_of_it())


@pytest.mark.parametrize("exchange", ["binance", "bybit", "okx"])
@pytest.mark.parametrize("count", [0, 1, 19, 20, 500, 1201])
def test_every_page_is_read(exchange, count):
    """Whatever a venue's list covers, and however many there are."""

    async def act(stand: Stand, now_ms: int) -> None:
        begin_ms = now_ms - 3 * DAY_MS
        step_ms = 3 * DAY_MS // (count + 1)
        stand.exchange.trades = [trade(n, begin_ms + n * step_ms) for n in range(count)]
        window_ms = stand.library.row.fills_window_ms

        async def window() -> None:
            since = stand.exchange.arguments["fetch_my_trades"][1]
            stand.exchange.trades = [
                each for each in whole if not window_ms or each["timestamp"] < since + window_ms
            ]

        whole = stand.exchange.trades
        stand.exchange.acts["fetch_my_trades"] = window
        found = await stand.fills.read(begin_ms)
        assert len(found) == count
        assert stand.fills.since(0) == sorted(found, key=lambda fill: fill.trade_id)

    run(act, exchange)


def test_a_list_that_begins_with_the_newest_is_read_by_its_offset():
    async def act(stand: Stand, now_ms: int) -> None:
        whole = [trade(n, now_ms - 1_000 * n) for n in range(130)]

        async def page() -> None:
            offset = stand.exchange.arguments["fetch_my_trades"][3]["ofs"]
            stand.exchange.trades = whole[offset : offset + 50]

        stand.exchange.acts["fetch_my_trades"] = page
        assert len(await stand.fills.read(now_ms - DAY_MS)) == 130

    run(act, "kraken")


def test_what_is_known_is_not_asked_for_again_but_for_what_may_come_late():
    async def act(stand: Stand, now_ms: int) -> None:
        stand.exchange.trades = [trade(1, now_ms - 3_000)]
        assert len(await stand.fills.read(now_ms - DAY_MS)) == 1
        assert await stand.fills.read(now_ms - DAY_MS) == []
        since = stand.exchange.arguments["fetch_my_trades"][1]
        assert now_ms - 2 * OVERLAP_MS - 5_000 <= since <= now_ms - OVERLAP_MS
        stand.exchange.trades.append(trade(2, now_ms - 4_000))
        (late,) = await stand.fills.read(now_ms)
        assert stand.fills.since(0)[0] == late
        await stand.fills.read(now_ms - 2 * DAY_MS)
        assert stand.exchange.arguments["fetch_my_trades"][1] < now_ms - DAY_MS

    run(act)


def test_in_whatever_order_they_come_they_are_told_by_time():
    async def act(stand: Stand, now_ms: int) -> None:
        rows = [trade(n, now_ms - 100_000 + n) for n in range(300)]
        Random(1).shuffle(rows)
        stand.exchange.trades = rows
        await stand.fills.read(now_ms - DAY_MS)
        told = stand.fills.since(0)
        assert [fill.time_ns for fill in told] == sorted(fill.time_ns for fill in told)
        assert stand.fills.since(told[100].trade_id) == told[100:]

    run(act)


def test_fills_of_another_market_are_not_ours():
    async def act(stand: Stand, now_ms: int) -> None:
        stand.exchange.trades = [trade(1, now_ms, symbol="ETH/USDT")]
        assert await stand.fills.read(now_ms - 1_000) == []

    run(act)


def test_pages_without_an_end_are_an_error(monkeypatch):
    """A venue that does not heed the time would be asked for ever."""
    monkeypatch.setattr(fills, "PAGES_MAX", 5)

    async def act(stand: Stand, now_ms: int) -> None:
        numbers = iter(range(10**6))

        async def more() -> None:
            first_ms = now_ms + 10 * next(numbers)
            stand.exchange.trades = [trade(next(numbers), first_ms) for _ in range(50)]

        stand.exchange.acts["fetch_my_trades"] = more
        with pytest.raises(DecodeError, match="more than 5 pages"):
            await stand.fills.read(now_ms - 1_000)

    run(act)


def test_what_is_kept_has_a_bound_and_what_is_older_is_asked_for(monkeypatch):
    monkeypatch.setattr(fills, "KEPT_MAX", 10)

    async def act(stand: Stand, now_ms: int) -> None:
        stand.exchange.trades = [trade(n, now_ms - 20_000 + n) for n in range(15)]
        await stand.fills.read(now_ms - DAY_MS)
        assert len(stand.fills.since(0)) == 10
        await stand.fills.read(now_ms - DAY_MS)
        assert stand.exchange.arguments["fetch_my_trades"][1] < now_ms - DAY_MS

    run(act)


def test_who_asks_while_a_reading_waits_shares_it():
    """A history may be dear: the second that ask wait for one reading, from the earliest time."""

    async def act(stand: Stand, now_ms: int) -> None:
        gate = asyncio.Event()
        stand.exchange.acts["fetch_my_trades"] = gate.wait
        stand.exchange.trades = [trade(n, now_ms - 1_000) for n in range(3)]
        first = asyncio.ensure_future(stand.fills.read(now_ms - DAY_MS // 2))
        await asyncio.sleep(0.01)
        others = [
            asyncio.ensure_future(stand.fills.read(now_ms - n * DAY_MS // 2)) for n in (1, 2, 3)
        ]
        others[1].cancel()  # who gives up takes nothing from the others
        await asyncio.sleep(0.01)
        stand.exchange.trades.append(trade(7, now_ms - DAY_MS))
        gate.set()
        assert len(await first) == 3
        shared = await asyncio.gather(others[0], others[2])
        assert shared[0] == shared[1]
        assert len(shared[0]) == 1
        assert stand.exchange.calls["fetch_my_trades"] == 2
        assert (
            stand.exchange.arguments["fetch_my_trades"][1] == now_ms - 3 * DAY_MS // 2 - OVERLAP_MS
        )

    run(act, "okx")
