"""Unmodified ccxt lives a day on WEEX: all that it says it has of spot is used, or excused."""

import asyncio
import inspect
import itertools

import ccxt
import ccxt.async_support
import ccxt.pro
import pytest
from ccxt_capabilities import gaps
from ccxt_day import Trader
from quiet_market import quiet_exchange

pytestmark = pytest.mark.slow

PAIR, BID, ASK, OWN, DEPTH = "BTC/USDT", 49_999, 50_001, 50_000, 1_000
FEE = 0.001
FUNDS = {"USDT": "100000", "BTC": "2"}
LINE_S = 30
KINDS = {"sync": ccxt.weex, "async": ccxt.async_support.weex}
names = (f"wx-day-{number}" for number in itertools.count())

NOT_HERE: dict[str, str] = {
    "ccxt has the name alone; cancelOrders takes clientOrderIds": """
        cancelOrdersWithClientOrderId fetchCurrenciesWs""",
    "of contracts, of which none is listed": """
        addMargin closeAllPositions closePosition createOrderWithTakeProfitAndStopLoss
        createReduceOnlyOrder createStopLossOrder createTakeProfitOrder createTriggerOrder
        fetchCanceledAndClosedOrders fetchFundingHistory fetchFundingRate fetchFundingRateHistory
        fetchFundingRates fetchIndexOHLCV fetchLeverage fetchLeverages fetchMarginMode
        fetchMarginModes fetchMarkOHLCV fetchMarkPrice fetchMarkPrices fetchOpenInterest
        fetchPosition fetchPositionMode fetchPositionsForSymbol fetchTradingFee
        reduceMargin setLeverage setMarginMode setPositionMode""",
}
NOT_ON_THE_STREAM: dict[str, str] = {
    "of contracts, of which none is listed": "unWatchPositions watchPositions",
}


@pytest.fixture(scope="module")
def venue(tmp_path_factory):
    with quiet_exchange(tmp_path_factory.mktemp("weex-day")) as running:
        yield running


def settings_of(venue, key):
    return {
        **venue.env("weex", client="ccxt"),
        "apiKey": key["key"],
        "secret": key["secret"],
        "password": key["passphrase"],
        "enableRateLimit": False,
    }


def run(venue, kind, scenario, asked):
    """Run a scenario with two traders, and close them."""

    async def main():
        clients = []
        for _ in range(2):
            key = venue.trader(next(names), FUNDS, dialect="weex")
            clients.append(kind(settings_of(venue, key)))
        try:
            return await scenario(*(Trader(client, asked) for client in clients))
        finally:
            for client in clients:
                if inspect.isawaitable(closing := client.close()):
                    await closing

    return asyncio.run(main())


@pytest.mark.parametrize("kind", KINDS)
def test_a_full_trading_day(venue, kind):
    asked = set()

    async def day(anna, ben):
        for trader in (anna, ben):
            await trader.load_markets()
        for chapter in (market_data, accounts, orders, trades, histories, contracts, noes):
            await chapter(anna, ben)
        return "\n".join(gaps(anna.has, asked, NOT_HERE))

    assert run(venue, KINDS[kind], day, asked) == ""


async def market_data(anna, _ben):
    """What anybody may ask."""
    markets = {market["symbol"]: market for market in await anna.fetch_markets()}
    assert markets[PAIR]["precision"]["price"] == 0.01
    assert markets[PAIR]["active"]
    assert {market["type"] for market in markets.values()} == {"spot"}
    assert {"BTC", "USDT"} <= set(await anna.fetch_currencies())
    assert abs(await anna.fetch_time() - anna.milliseconds()) < 2_000
    assert (await anna.fetch_status())["status"] == "ok"
    ticker = await anna.fetch_ticker(PAIR)
    assert (ticker["bid"], ticker["ask"], ticker["last"]) == (BID, ASK, OWN)
    assert (await anna.fetch_tickers([PAIR]))[PAIR]["last"] == OWN
    assert (await anna.fetch_bids_asks([PAIR]))[PAIR]["ask"] == ASK
    assert (await anna.fetch_last_prices([PAIR]))[PAIR]["price"] == OWN
    for book in (
        await anna.fetch_order_book(PAIR),
        await anna.fetch_order_book(PAIR, 5),
        await anna.fetch_order_book(PAIR, 200),
    ):
        assert (book["bids"][0][:2], book["asks"][0][:2]) == ([BID, DEPTH], [ASK, DEPTH])
    (trade, *_) = await anna.fetch_trades(PAIR, limit=5)
    assert trade["price"] == OWN
    assert (await anna.fetch_ohlcv(PAIR, "1m"))[-1][4] == OWN


async def accounts(anna, _ben):
    held = await anna.fetch_balance()
    assert (held["USDT"]["free"], held["BTC"]["total"]) == (100_000, 2)
    assert await anna.fetch_transfers("USDT") == []


async def orders(anna, _ben):
    """Rests, is looked up, is canceled: by itself, in a batch and with all others."""
    own = "wx-own-1"
    resting = await anna.create_limit_order(PAIR, "buy", 0.01, 40_000, {"clientOrderId": own})
    assert (await anna.found(resting))["status"] == "open"
    by_name = await anna.fetch_order_with_client_order_id(own, PAIR)
    assert by_name["id"] == resting["id"]
    again = await anna.create_limit_buy_order(PAIR, 0.01, 40_000, {"clientOrderId": own})
    assert again["id"] == resting["id"], "the same open order"
    assert [order["id"] for order in await anna.fetch_open_orders(PAIR)] == [resting["id"]]
    await anna.cancel_order_with_client_order_id(own, PAIR)
    assert (await anna.found(resting))["status"] == "canceled"
    kept = [await anna.limit("buy", 0.01, price) for price in (40_000, 40_001, 40_002)]
    await anna.cancel_order(kept[0]["id"], PAIR)
    done = await anna.cancel_orders([kept[1]["id"]], PAIR)
    assert [(order["id"], order["status"]) for order in done] == [(kept[1]["id"], "canceled")]
    with pytest.raises(ccxt.OrderNotFound):
        await anna.cancel_orders([kept[1]["id"]], PAIR)
    named = await anna.limit("buy", 0.01, 40_003, clientOrderId="wx-own-2")
    await anna.cancel_orders([], PAIR, {"clientOrderIds": ["wx-own-2"]})
    assert (await anna.found(named))["status"] == "canceled"
    for lifetime in ("IOC", "FOK"):
        ended = await anna.limit("buy", 0.01, 40_000, timeInForce=lifetime)
        assert (await anna.found(ended))["status"] == "canceled"
    await anna.cancel_all_orders(PAIR)
    assert await anna.fetch_open_orders(PAIR) == []


async def trades(anna, ben):
    """One makes and the other takes: price, fees and balances are what they have to be."""
    before = [await trader.totals() for trader in (anna, ben)]
    made = await anna.limit("sell", 0.1, OWN)
    took = await ben.create_market_order(PAIR, "buy", 0.1)
    for trader, order, fee in ((anna, made, (5, "USDT")), (ben, took, (0.0001, "BTC"))):
        done = await trader.found(order)
        assert (done["status"], done["average"], done["filled"]) == ("closed", OWN, 0.1)
        fill = (await trader.fetch_my_trades(PAIR))[-1]
        assert (fill["price"], fill["order"]) == (OWN, order["id"])
        assert (fill["fee"]["cost"], fill["fee"]["currency"]) == (pytest.approx(fee[0]), fee[1])
        own = await trader.fetch_order_trades(order["id"], PAIR)
        assert [each["id"] for each in own] == [fill["id"]]
    after = [await trader.totals() for trader in (anna, ben)]
    for coin, moves in (("BTC", (-0.1, 0.0999)), ("USDT", (4_995, -5_000))):
        for old, new, moved in zip(before, after, moves, strict=True):
            assert new[coin] - old[coin] == pytest.approx(moved)
    await anna.limit("buy", 0.1, OWN)
    await ben.create_market_sell_order(PAIR, 0.05)
    partly = (await anna.fetch_open_orders(PAIR))[0]
    assert (partly["status"], partly["filled"]) == ("open", 0.05)
    await ben.create_limit_sell_order(PAIR, 0.05, OWN)
    await anna.create_limit_sell_order(PAIR, 0.01, OWN)
    await ben.create_market_buy_order(PAIR, 0.01)


async def histories(anna, ben):
    assert {o["status"] for o in await anna.fetch_closed_orders(PAIR)} == {"closed"}
    assert {o["status"] for o in await anna.fetch_canceled_orders(PAIR)} == {"canceled"}
    assert {o["status"] for o in await ben.fetch_orders(PAIR)} == {"closed"}
    ledger = await ben.fetch_ledger("USDT")
    assert {entry["direction"] for entry in ledger} == {"in", "out"}
    assert {entry["type"] for entry in ledger} == {"trade", "deposit"}


async def contracts(anna, _ben):
    """The paths are there, and say that there is nothing."""
    assert (await anna.fetch_balance({"type": "swap"}))["total"] == {}
    assert await anna.fetch_positions() == []


async def noes(anna, _ben):
    """What a ccxt program catches."""
    for arguments, error in (
        ((PAIR, "limit", "buy", 100, 60_000), ccxt.InsufficientFunds),
        ((PAIR, "limit", "buy", 0.0001, 20_000), ccxt.BadRequest),  # below 5 USDT
    ):
        with pytest.raises(error):
            await anna.create_order(*arguments)
    for method in (anna.fetch_order, anna.cancel_order):
        with pytest.raises(ccxt.OrderNotFound):
            await method("738970996765098600", PAIR)
    secret, anna.client.secret = anna.client.secret, "wrong"
    with pytest.raises(ccxt.AuthenticationError, match="-1047"):
        await anna.fetch_balance()
    anna.client.secret = secret


# -- the WebSocket --------------------------------------------------------------------------------


def test_a_day_on_the_stream(venue):
    """Each stream that ccxt.pro has, the public ones and one's own, which headers open."""
    asked = set()

    async def day(anna, ben):
        for trader in (anna, ben):
            await trader.load_markets()
        shallow = await anna.watch_order_book(PAIR, 5)
        assert (shallow["bids"][0][:2], shallow["asks"][0][:2]) == ([BID, DEPTH], [ASK, DEPTH])
        assert (await ben.watch_ticker(PAIR))["last"] == OWN
        assert (await ben.watch_ohlcv(PAIR, "1m"))[-1][4] == OWN
        assert (await ben.watch_trades(PAIR))[-1]["price"] == OWN
        watching = [
            asyncio.ensure_future(each)
            for each in (
                anna.watch_orders(PAIR),
                anna.watch_my_trades(PAIR),
                anna.watch_balance(),
                anna.watch_trades_for_symbols([PAIR]),
                anna.watch_order_book_for_symbols([PAIR]),
                ben.watch_ohlcv_for_symbols([[PAIR, "1m"]]),
                ben.watch_bids_asks([PAIR]),
                ben.watch_order_book(PAIR),
                ben.watch_tickers([PAIR]),
            )
        ]
        await asyncio.sleep(0.5)  # the subscriptions are on their way
        made = await anna.limit("sell", 0.1, OWN)
        await ben.create_market_order(PAIR, "buy", 0.1)
        await ben.limit("buy", 0.001, 40_000)
        told = await asyncio.wait_for(asyncio.gather(*watching), LINE_S)
        own, fills, balance, many, books, candles, touch, book, tickers = told
        assert own[0]["id"] == made["id"]
        (fill,) = fills
        assert fill["price"] is None, "the venue tells none, and ccxt does not divide"
        assert (fill["cost"], fill["amount"], fill["takerOrMaker"]) == (0.1 * OWN, 0.1, "maker")
        assert balance["USDT"]["total"] > 0
        assert many[-1]["price"] == OWN
        assert candles[PAIR]["1m"][-1][4] == OWN
        assert touch[PAIR]["bid"] in (BID, OWN)
        assert tickers[PAIR]["last"] == OWN
        for each in (books, book):
            assert each["bids"][0][0] == BID
        await ben.cancel_all_orders(PAIR)
        for leave in ("order_book", "ticker", "trades"):
            await getattr(ben, f"un_watch_{leave}")(PAIR)
        for leave in ("bids_asks", "tickers"):
            await getattr(ben, f"un_watch_{leave}")([PAIR])
        await ben.un_watch_ohlcv(PAIR, "1m")
        await ben.un_watch_ohlcv_for_symbols([[PAIR, "1m"]])
        await anna.un_watch_trades_for_symbols([PAIR])
        await anna.un_watch_order_book_for_symbols([PAIR])
        await anna.un_watch_orders()
        await anna.un_watch_my_trades()
        plain = ccxt.weex().has
        streams = {name: has for name, has in anna.has.items() if has and not plain.get(name)}
        used = {each for each in asked if "watch" in each}
        return "\n".join(gaps(streams, used, NOT_ON_THE_STREAM))

    assert run(venue, ccxt.pro.weex, day, asked) == ""


def test_a_wrong_secret_is_told_on_the_stream(venue):
    """It opens, says why, and ends; the library raises what it was told."""
    key = venue.trader(next(names), FUNDS, dialect="weex")

    async def main():
        client = ccxt.pro.weex({**settings_of(venue, key), "secret": "wrong"})
        try:
            with pytest.raises(ccxt.BaseError, match="-1047"):
                await asyncio.wait_for(client.watch_orders(PAIR), LINE_S)
        finally:
            await client.close()

    asyncio.run(main())
