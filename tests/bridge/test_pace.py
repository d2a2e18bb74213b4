"""Requests are spaced, commands overtake, and nobody waits without a bound."""

import asyncio

import pytest

from steelyard.bridge.pace import BURST, SHARE, WAITING_MAX, Pace

INTERVAL_S = 0.01


def test_a_burst_goes_at_once_and_the_rest_evenly():
    """No faster than the share of what the library allows."""

    async def act() -> float:
        pace, loop = Pace(INTERVAL_S), asyncio.get_running_loop()
        begun = loop.time()
        for _ in range(int(BURST) + 10):
            assert await pace.take(is_command=False)
        return loop.time() - begun

    assert asyncio.run(act()) >= 10 * INTERVAL_S / SHARE * 0.99


def test_a_command_overtakes_what_waits():
    """A cancel does not stand behind a page of candles."""

    async def act() -> list[str]:
        pace, order = Pace(INTERVAL_S), []

        async def go(name: str, *, is_command: bool) -> None:
            await pace.take(is_command=is_command)
            order.append(name)

        for _ in range(int(BURST)):
            await pace.take(is_command=False)
        async with asyncio.TaskGroup() as group:
            for number in range(3):
                group.create_task(go(f"query {number}", is_command=False))
            await asyncio.sleep(0)
            group.create_task(go("cancel", is_command=True))
        return order

    assert asyncio.run(act()) == ["cancel", "query 0", "query 1", "query 2"]


def test_one_query_too_many_is_turned_away():
    async def act() -> tuple[bool, bool]:
        pace = Pace(60.0)
        for _ in range(int(BURST)):
            await pace.take(is_command=False)
        waiting = [asyncio.ensure_future(pace.take(is_command=False)) for _ in range(WAITING_MAX)]
        await asyncio.sleep(0)
        turned_away = await pace.take(is_command=False)
        command = asyncio.ensure_future(pace.take(is_command=True))
        await asyncio.sleep(0)
        waits = not command.done()
        for task in (*waiting, command):
            task.cancel()
        await asyncio.gather(*waiting, command, return_exceptions=True)
        return turned_away, waits

    assert asyncio.run(act()) == (False, True)


def test_who_gave_up_uses_nothing():
    """A request that timed out while it waited leaves its turn to the next."""

    async def act() -> bool:
        pace = Pace(INTERVAL_S)
        for _ in range(int(BURST)):
            await pace.take(is_command=False)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0):
                await pace.take(is_command=True)
        return await pace.take(is_command=True)

    assert asyncio.run(act())


def test_a_request_uses_what_it_costs():
    """What costs nothing does not wait at all, and what costs ten makes the next one wait."""

    async def act() -> tuple[float, float]:
        pace, loop = Pace(INTERVAL_S, burst=1), asyncio.get_running_loop()
        begun = loop.time()
        await pace.take(10, is_command=False)
        await pace.take(0, is_command=True)
        free_s = loop.time() - begun
        await pace.take(1, is_command=False)
        return free_s, loop.time() - begun

    free_s, next_s = asyncio.run(act())
    assert free_s < INTERVAL_S
    assert next_s >= 10 * INTERVAL_S / SHARE * 0.99


def test_a_venue_that_takes_more_at_once_gets_it():
    async def act() -> float:
        pace, loop = Pace(60.0, burst=36), asyncio.get_running_loop()
        begun = loop.time()
        for _ in range(12):
            await pace.take(3, is_command=False)
        return loop.time() - begun

    assert asyncio.run(act()) < 1
