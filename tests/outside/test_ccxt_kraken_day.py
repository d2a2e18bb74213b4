"""Unmodified ccxt and ccxt.pro use everything they have for Kraken, through TLS."""

import asyncio
import itertools
import json
import os
import subprocess
import sys
import textwrap

import ccxt
import ccxt.pro
import pytest
from ccxt_capabilities import gaps
from ccxt_day import Trader
from ccxt_kraken_day import CHAPTERS, FUNDS, LOW, MARKET, NOT_SHOWN, NOT_SHOWN_ON_SOCKETS, OTHER
from exchange_here import ExchangeHere

pytestmark = pytest.mark.slow

WAIT_S = 60
names = (f"kraken-day-{number}" for number in itertools.count())


@pytest.fixture(scope="module")
def venue(tmp_path_factory):
    data = tmp_path_factory.mktemp("kraken-day") / "data"
    with ExchangeHere(data, "--crowd", "1", "--limits", "off", "--tls") as running:
        yield running


def settings_of(venue, scopes="read,trade"):
    key = venue.trader(next(names), FUNDS, dialect="kraken", scopes=scopes)
    settings = venue.env("kraken", client="ccxt")
    assert settings["urls"]["api"]["public"].startswith("https://")
    shown = {"apiKey": key["key"], "secret": key["secret"], "enableRateLimit": False}
    return {**settings, **shown}


def test_a_full_trading_day(venue):
    """Every capability that ccxt has is used in it, or is excused by name."""
    asked = set()
    client = ccxt.kraken(settings_of(venue))
    day = Trader(client, asked)

    async def live():
        await day.load_markets()
        for chapter in CHAPTERS:
            await chapter(day)

    asyncio.run(live())
    has = {name: has for name, has in client.has.items() if not name.endswith("Ws")}
    assert "\n".join(gaps(has, asked, NOT_SHOWN)) == ""


def test_money_does_not_leave_by_a_key(venue):
    """The two that a day leaves out say so."""
    client = ccxt.kraken(settings_of(venue))
    with pytest.raises(ccxt.PermissionDenied):
        client.withdraw("BTC", 0.1, "cold", {"key": "cold"})
    with pytest.raises((ccxt.PermissionDenied, ccxt.BadRequest)):
        client.transfer("BTC", 0.1, "spot", "swap")


async def watches_the_market(day):
    """Streams begin with what is, and go on."""
    for _ in range(3):
        book = await day.watch_order_book(MARKET)
        assert book["bids"][0][0] < book["asks"][0][0]
    book = await day.watch_order_book_for_symbols([MARKET, OTHER])
    assert book["symbol"] in (MARKET, OTHER)
    assert (await day.watch_trades(MARKET))[-1]["price"] > 0
    assert (await day.watch_trades_for_symbols([MARKET, OTHER]))[-1]["symbol"] in (MARKET, OTHER)
    assert (await day.watch_ticker(MARKET))["last"] > 0
    assert MARKET in await day.watch_tickers([MARKET])
    assert MARKET in await day.watch_bids_asks([MARKET])
    assert (await day.watch_ohlcv(MARKET, "1m"))[-1][4] > 0


async def watches_itself(day):
    """Own orders, trades and balances, of orders placed and canceled over the same connection."""
    watching = [asyncio.create_task(day.watch_orders(MARKET))]
    assert (await day.watch_balance())["BTC"]["total"] == 2
    placed = await day.create_limit_order_ws(MARKET, "buy", 0.01, LOW)
    assert (await watching[0])[-1]["id"] == placed["id"]
    await day.edit_order_ws(placed["id"], MARKET, "limit", "buy", 0.02, LOW - 1)
    await day.cancel_order_ws(placed["id"])
    many = [await day.create_order_ws(MARKET, "limit", "buy", 0.01, LOW) for _ in range(2)]
    await day.cancel_orders_ws([order["id"] for order in many])
    await day.create_order_ws(MARKET, "limit", "buy", 0.01, LOW)
    await day.cancel_all_orders_ws()
    assert await day.fetch_open_orders(MARKET) == []
    trades = asyncio.create_task(day.watch_my_trades(MARKET))
    await asyncio.sleep(0.5)
    bought = await day.create_market_order_ws(MARKET, "buy", 0.02)
    assert {trade["order"] for trade in await trades} == {bought["id"]}


@pytest.mark.parametrize("chapter", [(watches_the_market, watches_itself)], ids=["day"])
def test_a_full_day_on_websockets(venue, chapter):
    """Every capability that ccxt.pro has beyond ccxt is used in it, or is excused by name."""
    asked = set()

    async def live():
        client = ccxt.pro.kraken(settings_of(venue))
        try:
            await client.load_markets()
            for part in chapter:
                await asyncio.wait_for(part(Trader(client, asked)), WAIT_S)
        finally:
            await client.close()
        return client.has

    has, plain = asyncio.run(live()), ccxt.kraken().has
    more = {
        name: has_it
        for name, has_it in has.items()
        if name.endswith("Ws") or has_it != plain.get(name)
    }
    shown = {name for name in asked if name.replace("_", "").lower() in {n.lower() for n in more}}
    assert "\n".join(gaps(more, shown, NOT_SHOWN_ON_SOCKETS)) == ""


SDK = """
    import asyncio, json, sys
    from kraken.spot import SpotWSClient, User

    key, secret, settings = json.loads(sys.argv[1])
    told = []

    class Client(SpotWSClient):
        async def on_message(self, message):
            told.append(message)

    def has(channel):
        return any(m.get("channel") == channel and m.get("type") == "snapshot" for m in told)

    async def main():
        client = Client(key=key, secret=secret, **settings["SpotWSClient"])
        await client.start()
        book = {"channel": "book", "symbol": ["BTC/USDT"], "depth": 10}
        await client.subscribe(params=book)
        await client.subscribe(params={"channel": "executions"})
        for _ in range(200):
            await asyncio.sleep(0.1)
            if has("book") and has("executions"):
                break
        await client.close()

    print(User(key=key, secret=secret, **settings["User"]).get_account_balance()["XXBT"])
    asyncio.run(main())
    print(has("book"), has("executions"))
"""


def test_the_python_sdk_trusts_the_local_authority_and_nobody_else(venue):
    """REST and WebSockets; it takes an authority from its environment."""
    key = venue.trader(next(names), FUNDS, dialect="kraken")
    settings = venue.env("kraken", client="python-kraken-sdk")
    assert settings["SpotWSClient"]["ws_url"].startswith("wss://")
    given = json.dumps([key["key"], key["secret"], settings])

    def run(**environment):
        program = [sys.executable, "-c", textwrap.dedent(SDK), given]
        return subprocess.run(
            program,
            env={**os.environ, **environment},
            capture_output=True,
            text=True,
            timeout=WAIT_S,
            check=False,
        )

    authority = venue.ready["tls"]["ca"]
    done = run(SSL_CERT_FILE=authority, REQUESTS_CA_BUNDLE=authority, CURL_CA_BUNDLE=authority)
    assert done.stdout.split() == ["2.0000000000", "True", "True"], done.stderr[-2_000:]
    assert run().returncode != 0
