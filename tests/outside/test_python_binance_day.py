"""Unmodified python-binance, synchronous and not, lives a full trading day."""

import asyncio
import itertools
import re
import warnings

import pytest
from exchange_here import ExchangeHere
from quiet_market import quiet_market

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # it asks websockets for an old name
    import binance
    from python_binance_day import CHAPTERS, FUNDS, Trader
    from python_binance_sockets import EXCUSED, ON_SOCKETS

pytestmark = pytest.mark.slow

READ_S = 1
names = (f"python-binance-day-{number}" for number in itertools.count())


@pytest.fixture(scope="module")
def venue(tmp_path_factory):
    folder = tmp_path_factory.mktemp("python-binance-day")
    running = ExchangeHere(folder / "data", *quiet_market(folder))
    with running, pytest.MonkeyPatch.context() as patch:
        for name, attributes in running.env("binance", client="python-binance").items():
            for attribute, value in attributes.items():
                patch.setattr(getattr(binance, name), attribute, value)
        # To close a socket it waits until a read of this length ends.
        patch.setattr(binance.ReconnectingWebsocket, "TIMEOUT", READ_S)
        yield running


async def made(kind, venue):
    key = venue.trader(next(names), FUNDS, dialect="binance")
    if kind is binance.Client:
        return kind(key["key"], key["secret"])
    return await kind.create(key["key"], key["secret"])


async def live(kind, venue, chapters, asked):
    traders = [Trader(await made(kind, venue), asked) for _ in range(2)]
    try:
        for chapter in chapters:
            await chapter(*traders)
    finally:
        for trader in traders:
            await trader.close_connection()


def gaps(kind, asked):
    """Return the methods that were neither called nor have a reason, or have both."""
    methods = {name for name in dir(kind) if name[0] != "_" and callable(getattr(kind, name))}
    if kind is binance.Client:
        # These are the asynchronous client's, run on a loop that it makes.
        methods = {name for name in methods if not name.startswith("ws_")}
    excused = {
        reason: {name for name in methods if re.fullmatch(names, name)}
        for reason, names in EXCUSED.items()
    }
    every = set().union(*excused.values())
    return [
        *(f"{name}: neither called nor excused" for name in sorted(methods - asked - every)),
        *(f"{name}: called, and excused" for name in sorted(asked & every)),
    ]


@pytest.mark.parametrize(
    ("kind", "chapters"),
    [(binance.Client, CHAPTERS), (binance.AsyncClient, CHAPTERS + ON_SOCKETS)],
)
def test_a_full_trading_day(kind, chapters, venue):
    """Every method that it has for spot is called, or is excused by name."""
    asked = set()
    asyncio.run(live(kind, venue, chapters, asked))
    assert "\n".join(gaps(kind, asked)) == ""
