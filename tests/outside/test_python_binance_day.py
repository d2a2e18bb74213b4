"""Unmodified python-binance, synchronous and not, lives a full trading day."""

import asyncio
import itertools
import warnings

import pytest
from exchange_here import ExchangeHere
from quiet_market import quiet_market

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # it asks websockets for an old name
    import binance
    from python_binance_day import CHAPTERS, FUNDS, Trader

pytestmark = pytest.mark.slow

names = (f"python-binance-day-{number}" for number in itertools.count())


@pytest.fixture(scope="module")
def venue(tmp_path_factory):
    folder = tmp_path_factory.mktemp("python-binance-day")
    with (
        ExchangeHere(folder / "data", *quiet_market(folder)) as running,
        pytest.MonkeyPatch.context() as patch,
    ):
        for name, attributes in running.env("binance", client="python-binance").items():
            for attribute, value in attributes.items():
                patch.setattr(getattr(binance, name), attribute, value)
        yield running


async def made(kind, venue):
    key = venue.trader(next(names), FUNDS, dialect="binance")
    if kind == "sync":
        return binance.Client(key["key"], key["secret"])
    return await binance.AsyncClient.create(key["key"], key["secret"])


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_a_full_trading_day(kind, venue):
    asked = set()

    async def day():
        traders = [Trader(await made(kind, venue), asked) for _ in range(2)]
        try:
            for chapter in CHAPTERS:
                await chapter(*traders)
        finally:
            for trader in traders:
                await trader.close_connection()

    asyncio.run(day())
