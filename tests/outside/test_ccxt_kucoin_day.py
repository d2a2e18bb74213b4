"""Unmodified ccxt lives a day on KuCoin: all that it says it has is used, or excused."""

import asyncio
import inspect
import itertools
import uuid

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
KINDS = {"sync": ccxt.kucoin, "async": ccxt.async_support.kucoin}
names = (f"kc-day-{number}" for number in itertools.count())

NOT_HERE: dict[str, str] = {
    "ccxt has the name alone": "fetchCurrenciesWs",
    "margin: nobody lends here": """
        addMargin reduceMargin borrowCrossMargin borrowIsolatedMargin repayCrossMargin
        repayIsolatedMargin fetchBorrowInterest fetchBorrowRateHistories fetchBorrowRateHistory
        fetchCrossBorrowRate fetchMarginMode setMarginMode""",
    "of futures and swaps": """
        closePosition createOrderWithTakeProfitAndStopLoss fetchFundingHistory fetchFundingInterval
        fetchFundingRate fetchFundingRateHistory fetchFundingRates fetchIndexOHLCV fetchLeverage
        fetchLeverageTiers fetchMarkOHLCV fetchMarkPrice fetchMarkPrices fetchMarketLeverageTiers
        fetchOpenInterest fetchOpenInterestHistory fetchOpenInterests fetchPosition
        fetchPositionADLRank fetchPositionHistory fetchPositionMode fetchPositions
        fetchPositionsADLRank fetchPositionsHistory fetchPremiumIndexOHLCV setLeverage
        setPositionMode cancelOrders""",
    "there is one wallet: nothing to move between": "fetchTransfers transfer",
    "refused without a person who confirms: see test_ccxt_withdrawals.py": "withdraw",
    "a book order by order is another API of the venue's": "fetchL3OrderBook",
}
NOT_ON_THE_STREAM: dict[str, str] = {
    "of futures and swaps": """
        unWatchFundingRate unWatchMarkPrice watchFundingRate watchMarkPrice watchPosition
        watchPositions""",
}


@pytest.fixture(scope="module")
def venue(tmp_path_factory):
    with quiet_exchange(tmp_path_factory.mktemp("kucoin-day")) as running:
        yield running


def settings_of(venue, key):
    return {
        **venue.env("kucoin", client="ccxt"),
        "apiKey": key["key"],
        "secret": key["secret"],
        "password": key["passphrase"],
        "enableRateLimit": False,
    }


def run(venue, kind, scenario, asked, **options):
    """Run a scenario with two traders, and close them."""

    async def main():
        clients = []
        for _ in range(2):
            key = venue.trader(next(names), FUNDS, dialect="kucoin")
            client = kind(settings_of(venue, key))
            client.options.update(options)
            clients.append(client)
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
        assert anna.options["hf"] is True
        for chapter in (market_data, accounts, orders, several, stops, trades, histories, noes):
            await chapter(anna, ben)
        return "\n".join(gaps(anna.has, asked, NOT_HERE))

    assert run(venue, KINDS[kind], day, asked) == ""


def test_the_classic_routes_lead_to_the_same_book(venue):
    """What ccxt uses where the newer routes are not open."""

    async def day(anna, ben):
        for trader in (anna, ben):
            await trader.load_markets()
        for chapter in (orders, stops, trades, histories, noes):
            await chapter(anna, ben)

    run(venue, ccxt.kucoin, day, set(), hf=False)


async def market_data(anna, _ben):
    """What anybody may ask."""
    markets = {market["symbol"]: market for market in await anna.fetch_markets()}
    assert markets[PAIR]["precision"]["price"] == 0.01
    assert markets[PAIR]["limits"]["cost"]["min"] == 5
    assert {"BTC", "USDT"} <= set(await anna.fetch_currencies())
    assert abs(await anna.fetch_time() - anna.milliseconds()) < 2_000
    assert (await anna.fetch_status())["status"] == "ok"
    ticker = await anna.fetch_ticker(PAIR)
    assert (ticker["bid"], ticker["ask"], ticker["last"]) == (BID, ASK, OWN)
    assert (await anna.fetch_tickers([PAIR]))[PAIR]["last"] == OWN
    for book in (
        await anna.fetch_order_book(PAIR),
        await anna.fetch_order_book(PAIR, 20),
        await anna.fetch_l2_order_book(PAIR, 100),
    ):
        assert (book["bids"][0][:2], book["asks"][0][:2]) == ([BID, DEPTH], [ASK, DEPTH])
    (trade, *_) = await anna.fetch_trades(PAIR, limit=5)
    assert trade["price"] == OWN
    assert (await anna.fetch_ohlcv(PAIR, "1m", limit=10))[-1][4] == OWN


async def accounts(anna, _ben):
    held = await anna.fetch_balance()
    assert (held["USDT"]["free"], held["BTC"]["total"]) == (100_000, 2)
    assert {"BTC", "USDT"} <= {account["code"] for account in await anna.fetch_accounts()}
    fee = await anna.fetch_trading_fee(PAIR)
    assert (fee["maker"], fee["taker"]) == (FEE, FEE)
    address = (await anna.create_deposit_address("BTC"))["address"]
    assert address.startswith("sandbox-")
    assert (await anna.fetch_deposit_address("BTC"))["address"] == address
    (found,) = (await anna.fetch_deposit_addresses_by_network("BTC")).values()
    assert found["address"] == address
    assert await anna.fetch_deposits("USDT") == await anna.fetch_withdrawals("USDT") == []
    assert (await anna.fetch_deposit_withdraw_fee("BTC"))["withdraw"]["fee"] is not None
    assert "BTC" in await anna.fetch_deposit_withdraw_fees(["BTC"])
    assert await anna.fetch_transaction_fee("BTC")


async def orders(anna, _ben):
    """Rests, is changed, is canceled; by itself and with all others; and what never rests."""
    own = str(uuid.uuid4())
    resting = await anna.create_limit_order(PAIR, "buy", 0.01, 40_000, {"clientOrderId": own})
    assert (await anna.found(resting))["status"] == "open"
    by_name = await anna.fetch_order("", PAIR, {"clientOrderId": own})
    assert by_name["id"] == resting["id"]
    if anna.options["hf"]:
        edited = await anna.edit_order(resting["id"], PAIR, "limit", "buy", 0.02, 40_001)
        assert [order["id"] for order in await anna.fetch_open_orders(PAIR)] == [edited["id"]]
        assert (await anna.fetch_orders_by_status("active", PAIR))[0]["amount"] == 0.02
    await anna.cancel_order("", PAIR, {"clientOrderId": own})
    only = await anna.create_post_only_order(PAIR, "limit", "buy", 0.01, 40_000)
    assert (await anna.found(only))["postOnly"]
    taking = await anna.create_post_only_order(PAIR, "limit", "buy", 0.01, 60_000)
    assert (await anna.found(taking))["status"] == "canceled"
    ioc = await anna.limit("buy", 0.01, 40_000, timeInForce="IOC")
    assert (await anna.found(ioc))["status"] == "canceled"
    await anna.limit("buy", 0.01, 40_000, timeInForce="GTT", cancelAfter=600)
    await anna.limit("sell", 0.1, 60_000, iceberg=True, visibleSize="0.01")
    await anna.cancel_all_orders(PAIR)
    assert await anna.fetch_open_orders(PAIR) == []


async def several(anna, _ben):
    """Of the newer routes' answer ccxt reads nothing: it looks for another form."""
    await anna.create_orders(
        [
            {"symbol": PAIR, "type": "limit", "side": "buy", "amount": 0.01, "price": price}
            for price in (40_000, 40_001)
        ]
    )
    found = await anna.fetch_open_orders(PAIR)
    assert sorted(order["price"] for order in found) == [40_000, 40_001]
    await anna.cancel_all_orders(PAIR)


async def stops(anna, _ben):
    """Of every kind that ccxt has: they wait in a list of their own."""
    for name in ("stop", "trigger"):
        method = getattr(anna, f"create_{name}_order")
        await method(PAIR, "limit", "sell", 0.01, 39_000, 40_000)
    await anna.create_stop_limit_order(PAIR, "buy", 0.01, 61_000, 60_000)
    await anna.create_stop_market_order(PAIR, "sell", 0.01, 40_000)
    await anna.create_stop_loss_order(PAIR, "limit", "sell", 0.01, 39_000, 40_000)
    await anna.create_take_profit_order(PAIR, "limit", "sell", 0.01, 60_000, 60_000)
    waiting = await anna.fetch_open_orders(PAIR, None, None, {"trigger": True})
    assert len(waiting) == 6
    assert await anna.fetch_open_orders(PAIR) == []
    one = waiting[0]
    found = await anna.fetch_order(one["id"], PAIR, {"trigger": True})
    assert (found["id"], found["triggerPrice"]) == (one["id"], one["triggerPrice"])
    await anna.cancel_order(one["id"], PAIR, {"trigger": True})
    await anna.cancel_all_orders(PAIR, {"trigger": True})
    assert await anna.fetch_open_orders(PAIR, None, None, {"trigger": True}) == []


async def trades(anna, ben):
    """One makes and the other takes: price, fees and balances are what they have to be."""
    before = [await trader.totals() for trader in (anna, ben)]
    made = await anna.limit("sell", 0.1, OWN)
    took = await ben.create_market_order(PAIR, "buy", 0.1)
    for trader, order, word in ((anna, made, "maker"), (ben, took, "taker")):
        done = await trader.found(order)
        assert (done["status"], done["average"], done["filled"]) == ("closed", OWN, 0.1)
        assert done["fee"]["cost"] == pytest.approx(5)
        fill = (await trader.fetch_my_trades(PAIR))[-1]
        assert (fill["takerOrMaker"], fill["price"], fill["order"]) == (word, OWN, order["id"])
        assert (fill["fee"]["cost"], fill["fee"]["currency"]) == (pytest.approx(5), "USDT")
        own = await trader.fetch_order_trades(order["id"], PAIR)
        assert [each["id"] for each in own] == [fill["id"]]
    after = [await trader.totals() for trader in (anna, ben)]
    for coin, moves in (("BTC", (-0.1, 0.1)), ("USDT", (4_995, -5_005))):
        for old, new, moved in zip(before, after, moves, strict=True):
            assert new[coin] - old[coin] == pytest.approx(moved)
    made = await anna.limit("sell", 0.02, OWN)
    if ben.options["hf"]:
        await ben.create_market_buy_order_with_cost(PAIR, 500)
        await ben.create_market_order_with_cost(PAIR, "buy", 500)
        await anna.limit("buy", 0.01, OWN)
        await ben.create_market_sell_order_with_cost(PAIR, 500)
    else:
        await ben.create_market_order(PAIR, "buy", 0.02)


async def histories(anna, ben):
    assert {o["status"] for o in await anna.fetch_closed_orders(PAIR)} == {"closed", "canceled"}
    assert {o["status"] for o in await ben.fetch_closed_orders(PAIR)} == {"closed"}
    ledger = await ben.fetch_ledger("USDT")
    assert {entry["direction"] for entry in ledger} == {"in", "out"}


async def noes(anna, _ben):
    """What a ccxt program catches."""
    for arguments, error in (
        ((PAIR, "limit", "buy", 100, 60_000), ccxt.InsufficientFunds),
        ((PAIR, "limit", "buy", 0.0001, 20_000), ccxt.InvalidOrder),  # below 5 USDT
    ):
        with pytest.raises(error):
            await anna.create_order(*arguments)
    for method in (anna.fetch_order, anna.cancel_order):
        with pytest.raises(ccxt.OrderNotFound):
            await method("670fd33bf9406e0007ab3945", PAIR)
    secret, anna.client.secret = anna.client.secret, "wrong"
    with pytest.raises(ccxt.AuthenticationError, match="400005"):
        await anna.fetch_balance()
    anna.client.secret = secret


# -- the WebSocket --------------------------------------------------------------------------------


def test_a_day_on_the_stream(venue):
    """Each stream that ccxt.pro has, the public ones and one's own."""
    asked = set()

    async def day(anna, ben):
        for trader in (anna, ben):
            await trader.load_markets()
        shallow = await anna.watch_order_book(PAIR, 5)
        assert (shallow["bids"][0][:2], shallow["asks"][0][:2]) == ([BID, DEPTH], [ASK, DEPTH])
        ticker = await ben.watch_ticker(PAIR)
        assert (ticker["bid"], ticker["ask"], ticker["last"]) == (BID, ASK, OWN)
        assert (await ben.watch_tickers([PAIR]))[PAIR]["last"] == OWN
        watching = [
            asyncio.ensure_future(each)
            for each in (
                anna.watch_orders(PAIR),
                anna.watch_my_trades(PAIR),
                anna.watch_balance(),
                ben.watch_trades(PAIR),
                ben.watch_ohlcv(PAIR, "1m"),
                ben.watch_bids_asks([PAIR]),
                anna.watch_trades_for_symbols([PAIR]),
                anna.watch_order_book_for_symbols([PAIR]),
                ben.watch_order_book(PAIR),
            )
        ]
        await asyncio.sleep(0.5)  # the subscriptions are on their way
        made = await anna.limit("sell", 0.1, OWN)
        await ben.create_market_order(PAIR, "buy", 0.1)
        for price in range(40_000, 40_009):  # ccxt asks for a book at the sixth change of it
            await ben.limit("buy", 0.001, price)
            await asyncio.sleep(0.06)
        told = await asyncio.wait_for(asyncio.gather(*watching), LINE_S)
        own, fills, balance, public, candles, touch, many, books, book = told
        assert own[0]["id"] == made["id"]
        assert [(f["price"], f["amount"], f["takerOrMaker"]) for f in fills] == [
            (OWN, 0.1, "maker")
        ]
        assert balance["USDT"]["total"] > 0
        assert (public[-1]["price"], public[-1]["side"]) == (OWN, "buy")
        assert many[-1]["price"] == OWN
        assert candles[-1][4] == OWN
        assert touch[PAIR]["bid"] == BID
        for each in (books, book):
            assert each["bids"][0][0] == BID
        await ben.cancel_all_orders(PAIR)
        for leave in ("order_book", "ticker", "trades"):
            await getattr(ben, f"un_watch_{leave}")(PAIR)
        await ben.un_watch_ohlcv(PAIR, "1m")
        await anna.un_watch_trades_for_symbols([PAIR])
        plain = ccxt.kucoin().has
        streams = {name: has for name, has in anna.has.items() if has and not plain.get(name)}
        used = {each for each in asked if "watch" in each}
        return "\n".join(gaps(streams, used, NOT_ON_THE_STREAM))

    assert run(venue, ccxt.pro.kucoin, day, asked) == ""
