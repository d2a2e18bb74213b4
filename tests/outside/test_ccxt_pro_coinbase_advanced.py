"""Unmodified ccxt.pro listens for a day on coinbase-advanced: all that it says it watches."""

import asyncio
import itertools

import ccxt
import ccxt.pro
import pytest
from ccxt_capabilities import gaps
from ccxt_day import Trader
from ccxt_pro_day import listening, stir
from quiet_market import quiet_exchange

pytestmark = pytest.mark.slow

DIALECT, PAIR, OWN = "coinbase-advanced", "BTC/USDT", 50_000
FUNDS = {"USDT": "100000", "BTC": "2"}
WAIT_S = 60
NOT_HERE = {"ccxt has the name alone": "fetchCurrenciesWs"}
names = (f"cba-pro-{number}" for number in itertools.count())


@pytest.fixture(scope="module")
def venue(tmp_path_factory):
    with quiet_exchange(tmp_path_factory.mktemp("coinbase-advanced-pro")) as running:
        yield running


def run(venue, key_kind, scenario, asked):
    """Run a scenario with two traders, and close them."""

    def client():
        name = next(names)
        key = venue.trader(name, FUNDS, dialect=DIALECT)
        if key_kind != "hmac":
            options = ("--dialect", DIALECT, "--scopes", "read,trade", "--kind", key_kind)
            key = venue.steelyard("key", "create", name, *options)
        keys = {"apiKey": key["key"], "secret": key["secret"]}
        return ccxt.pro.coinbase({**venue.env(DIALECT, client="ccxt"), **keys, "rateLimit": 60})

    async def main():
        traders = [Trader(client(), asked) for _ in range(2)]
        try:
            for trader in traders:
                await trader.load_markets()
            return await asyncio.wait_for(scenario(*traders), WAIT_S)
        finally:
            for trader in traders:
                await trader.client.close()

    return asyncio.run(main())


@pytest.mark.parametrize("key_kind", ["es256", "hmac"])
def test_a_full_day_on_sockets(venue, key_kind):
    """Every capability that ccxt.pro adds is used in it, or is excused by name."""
    asked = set()

    async def day(anna, ben):
        await market(anna, ben)
        await own(anna, ben)
        await left(ben)
        before = ccxt.coinbase().has
        has = {name: it for name, it in anna.has.items() if it and not before.get(name)}
        return "\n".join(gaps(has, asked, {k: v for k, v in NOT_HERE.items() if v in has}))

    assert run(venue, key_kind, day, asked) == ""


async def market(anna, ben):
    """Books, trades and tickers, of one symbol and of several."""
    one = {
        "book": lambda: anna.watch_order_book(PAIR),
        "trades": lambda: anna.watch_trades(PAIR),
        "ticker": lambda: anna.watch_ticker(PAIR),
    }
    several = {
        "book": lambda: anna.watch_order_book_for_symbols([PAIR]),
        "trades": lambda: anna.watch_trades_for_symbols([PAIR]),
        "ticker": lambda: anna.watch_tickers([PAIR]),
    }
    for calls in (one, several):
        async with listening(**calls) as heard:
            await stir(ben, heard["book"])
            book = heard["book"].items[-1]
            assert book["bids"][0][0] < OWN < book["asks"][0][0]
            resting = await ben.create_order(PAIR, "limit", "sell", 0.01, OWN)
            await anna.create_order(PAIR, "limit", "buy", 0.01, OWN)
            assert (await ben.fetch_order(resting["id"], PAIR))["status"] == "closed"
            await heard["trades"].until(
                lambda trades: any((t["price"], t["amount"]) == (OWN, 0.01) for t in trades)
            )
            await heard["ticker"].until(bool)


async def own(anna, ben):
    """One's own orders, from open to closed or canceled."""
    async with listening(orders=lambda: anna.watch_orders(PAIR)) as heard:
        await asyncio.sleep(0)
        resting = None
        for _ in range(20):  # until the subscription has arrived
            resting = await anna.create_order(PAIR, "limit", "buy", 0.01, 40_000)
            await anna.cancel_order(resting["id"], PAIR)
            if heard["orders"].items:
                break
        await heard["orders"].until(
            lambda orders: (resting["id"], "canceled") in {(o["id"], o["status"]) for o in orders}
        )
        filled = await anna.create_order(PAIR, "limit", "buy", 0.02, OWN)
        await ben.create_order(PAIR, "limit", "sell", 0.02, OWN)
        orders = await heard["orders"].until(
            lambda orders: (filled["id"], "closed") in {(o["id"], o["status"]) for o in orders}
        )
        assert next(o["filled"] for o in reversed(orders) if o["id"] == filled["id"]) == 0.02


async def left(ben):
    """What is watched can be left; ccxt knows that it has when nothing is left to watch."""
    for watch, leave, symbols in (
        (ben.watch_trades, ben.un_watch_trades, PAIR),
        (ben.watch_trades_for_symbols, ben.un_watch_trades_for_symbols, [PAIR]),
        (ben.watch_ticker, ben.un_watch_ticker, PAIR),
        (ben.watch_tickers, ben.un_watch_tickers, [PAIR]),
    ):
        assert await watch(symbols)
        assert await leave(symbols)
    async with listening(orders=lambda: ben.watch_orders(PAIR)) as heard:
        for _ in range(20):
            resting = await ben.create_order(PAIR, "limit", "buy", 0.01, 40_000)
            await ben.cancel_order(resting["id"], PAIR)
            if heard["orders"].items:
                break
        await heard["orders"].until(bool)
    assert await ben.un_watch_orders(PAIR)
