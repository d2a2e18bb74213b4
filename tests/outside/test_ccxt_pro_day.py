"""Unmodified ccxt.pro lives its day over WebSockets: markets, orders, own news, a lost line."""

import asyncio
import itertools

import ccxt.pro
import pytest
from ccxt_capabilities import NOT_SPOT_ON_SOCKETS, gaps
from ccxt_day import FUNDS, MARKET, Trader
from ccxt_pro_day import WATCHING, followed, listening, stir
from exchange_here import ExchangeHere
from free_ports import free_base
from quiet_market import quiet_market

pytestmark = pytest.mark.slow

WAIT_S = 60
names = (f"pro-day-{number}" for number in itertools.count())


@pytest.fixture(scope="module")
def venue(tmp_path_factory):
    folder = tmp_path_factory.mktemp("ccxt-pro-day")
    ports = ("--port-base", str(free_base()))  # the same after a restart
    with ExchangeHere(folder / "data", *quiet_market(folder), *ports) as running:
        yield running


@pytest.fixture
def run(venue):
    """Run a scenario with two traders, and close them."""

    def client():
        key = venue.trader(next(names), FUNDS, dialect="binance")
        shown = {"apiKey": key["key"], "secret": key["secret"], "enableRateLimit": False}
        return ccxt.pro.binance({**venue.env("binance", client="ccxt"), **shown})

    async def main(scenario, asked):
        traders = [Trader(client(), asked) for _ in range(2)]
        try:
            for trader in traders:
                await trader.load_markets()
            return await asyncio.wait_for(scenario(*traders), WAIT_S)
        finally:
            for trader in traders:
                await trader.client.close()

    return lambda scenario, asked=None: asyncio.run(
        main(scenario, set() if asked is None else asked)
    )


def test_a_full_day_on_sockets(run):
    """Every capability that ccxt.pro adds for spot is used in it, or is excused by name."""
    asked = set()

    async def day(anna, ben):
        for chapter in WATCHING:
            await chapter(anna, ben)
        before = ccxt.async_support.binance().has
        has = {name: has for name, has in anna.has.items() if has and not before.get(name)}
        return "\n".join(gaps(has, asked, NOT_SPOT_ON_SOCKETS))

    assert run(day, asked) == ""


def test_a_line_that_the_exchange_ends_is_made_again(run, venue):
    """The exchange stops and starts; the news go on over another line."""

    async def scenario(anna, ben):
        async with listening(
            orders=lambda: anna.watch_orders(MARKET), book=lambda: anna.watch_order_book(MARKET)
        ) as heard:
            await followed(anna)
            await anna.limit("buy", 0.01, 40_000, clientOrderId="before")
            await heard["orders"].until(bool)
            await asyncio.to_thread(venue.stop)
            for one in heard.values():
                await one.lost()
            await asyncio.to_thread(venue.start)
            await followed(anna)
            await anna.limit("buy", 0.01, 40_000, clientOrderId="after")
            orders = await heard["orders"].until(lambda orders: len(orders) == 2)
            assert [order["clientOrderId"] for order in orders] == ["before", "after"]
            heard["book"].items.clear()
            await stir(ben, heard["book"])
            assert [40_000, 0.02] in heard["book"].items[-1]["bids"]
            await anna.cancel_all_orders(MARKET)

    run(scenario)
