"""Unmodified ccxt and ccxt.pro live one day on every venue that they know, with the same script.

All it is told is what `steelyard env` prints, and a key.
"""

import asyncio
import inspect
import itertools

import ccxt
import ccxt.pro
import pytest
from ccxt_common_day import FUNDS, KNOWN, REST, SOCKETS, VENUES, Venue, lacking, live
from ccxt_day import Trader
from quiet_market import quiet_exchange

pytestmark = pytest.mark.slow

DAY_S = 30
names = (f"every-{number}" for number in itertools.count())


@pytest.fixture(scope="module")
def venue(tmp_path_factory):
    with quiet_exchange(tmp_path_factory.mktemp("every-day"), "--limits", "off") as running:
        yield running


@pytest.mark.parametrize("library", [ccxt, ccxt.pro], ids=["ccxt", "ccxt.pro"])
@pytest.mark.parametrize("dialect", KNOWN)
def test_a_common_day(venue, dialect, library):
    """What ccxt can do there is done; what it cannot is declared."""
    row = VENUES.get(dialect, Venue())
    part = REST if library is ccxt else SOCKETS

    def trader():
        key = venue.trader(next(names), FUNDS, dialect=dialect)
        keys = {"apiKey": key["key"], "secret": key["secret"], "password": key["passphrase"]}
        settings = {**venue.env(dialect, client="ccxt"), **keys, "enableRateLimit": False}
        return Trader(getattr(library, KNOWN[dialect])(settings), set())

    async def day():
        traders = [trader() for _ in range(2)]
        try:
            for each in traders:
                await each.load_markets()
            await asyncio.wait_for(live(part, row, *traders), DAY_S)
        finally:
            for each in traders:
                if inspect.isawaitable(closing := each.client.close()):
                    await closing

    asyncio.run(day())


@pytest.mark.parametrize("dialect", KNOWN)
def test_what_a_day_leaves_out_is_declared(dialect):
    """Ccxt says that it has not got it; and nothing else is left out."""
    row = VENUES.get(dialect, Venue())
    has = getattr(ccxt.pro, KNOWN[dialect])().has
    assert lacking(has, REST, SOCKETS) == {*row.lacks.split()}
