"""A venue that is asked by no bot; what is asked of a real one is in test_key_audit.py."""

import asyncio

import pytest

from steelyard.cli.inquirer import Inquirer
from steelyard.domain.errors import ConnectionLost
from steelyard.domain.messages import Clock, ClockQuery
from steelyard.trading.config import parse_config
from steelyard.wire.dialect import ApiKey
from tests.trading.world import CONFIG

KEY = ApiKey("k", b"s")


def inquirer(rest: str) -> Inquirer:
    text = CONFIG.replace('"venue"', '"binance"').replace("http://127.0.0.1:1", rest, 1)
    return Inquirer(parse_config(text), KEY)


def test_nobody_there_is_said_with_what_was_asked():
    """And not a word of a future that nobody has fulfilled."""

    async def act() -> None:
        asking = inquirer("http://127.0.0.1:1")
        await asking.start()
        with pytest.raises(ConnectionLost, match="does not tell the time"):
            await asking.read_clock()
        await asking.close()

    asyncio.run(act())


def test_answers_come_by_the_venues_clock(exchange):
    """Its own, as a bot goes by."""

    async def act() -> None:
        asking = inquirer(exchange.url("binance"))
        await asking.start()
        await asking.read_clock()
        told = await asking.answer(ClockQuery(), "the time")
        assert isinstance(told, Clock)
        assert abs(told.time_ns - asking.venue_now_ns()) < 10**9
        await asking.close()

    asyncio.run(act())
