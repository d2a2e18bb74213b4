"""Unmodified ccxt lives a day on coinbase-advanced: all that it says it has is used, or excused."""

import asyncio
import inspect
import itertools

import ccxt
import ccxt.async_support
import pytest
from ccxt_capabilities import gaps
from ccxt_day import Trader
from quiet_market import quiet_exchange

pytestmark = pytest.mark.slow

DIALECT = "coinbase-advanced"
PAIR, BID, ASK, OWN, DEPTH = "BTC/USDT", 49_999, 50_001, 50_000, 1_000
FEE = 0.001
FUNDS = {"USDT": "100000", "BTC": "2"}
KINDS = {"sync": ccxt.coinbase, "async": ccxt.async_support.coinbase}
names = (f"cba-day-{number}" for number in itertools.count())

NOT_HERE: dict[str, str] = {
    "of browsers, not a method": "CORS",
    "ccxt has the name alone": "fetchCurrenciesWs",
    "of futures and swaps": "closePosition fetchPosition fetchPositions",
    "conversions are a desk, not an exchange": """
        createConvertTrade fetchConvertQuote fetchConvertTrade""",
    "there are no banks": "deposit fetchDeposit fetchDepositMethodId fetchDepositMethodIds",
    "of another API, of a broker": "fetchMyBuys fetchMySells",
    "ccxt reads the network of an address from pictures beside it": """
        fetchDepositAddress fetchDepositAddresses fetchDepositAddressesByNetwork""",
    "there is one portfolio: nothing to move between": "transfer",
    "refused without a person who confirms: the native tests tell how": "withdraw",
}


@pytest.fixture(scope="module")
def venue(tmp_path_factory):
    with quiet_exchange(
        tmp_path_factory.mktemp("coinbase-advanced-day"), "--limits", "off"
    ) as running:
        yield running


def trader_of(venue, kind, key_kind, asked):
    """Return a trader of its own, with a key pair or a key of the older kind."""
    name = next(names)
    key = venue.trader(name, FUNDS, dialect=DIALECT)
    if key_kind != "hmac":
        options = ("--dialect", DIALECT, "--scopes", "read,trade", "--kind", key_kind)
        key = venue.steelyard("key", "create", name, *options)
    settings = venue.env(DIALECT, client="ccxt")
    keys = {"apiKey": key["key"], "secret": key["secret"]}
    return Trader(kind({**settings, **keys, "enableRateLimit": False}), asked)


def run(venue, kind, scenario, asked):
    """Run a scenario with two traders, and close them."""

    async def main():
        traders = [trader_of(venue, kind, each, asked) for each in ("es256", "hmac")]
        try:
            return await scenario(*traders)
        finally:
            for each in traders:
                if inspect.isawaitable(closing := each.client.close()):
                    await closing

    return asyncio.run(main())


@pytest.mark.parametrize("kind", KINDS)
def test_a_full_trading_day(venue, kind):
    asked = set()

    async def day(anna, ben):
        for trader in (anna, ben):
            await trader.load_markets()
        for chapter in (market_data, accounts, orders, refusals, trades, histories):
            await chapter(anna, ben)
        return "\n".join(gaps(anna.has, asked, NOT_HERE))

    assert run(venue, KINDS[kind], day, asked) == ""


async def market_data(anna, _ben):
    """What anybody may ask."""
    markets = {market["symbol"]: market for market in await anna.fetch_markets()}
    market = markets[PAIR]
    assert (market["precision"]["price"], market["precision"]["amount"]) == (0.01, 0.00001)
    assert market["limits"]["cost"]["min"] == 5
    assert {"BTC", "USDT"} <= set(await anna.fetch_currencies())
    assert abs(await anna.fetch_time() - anna.milliseconds()) < 2_000
    (*_, trade) = await anna.fetch_trades(PAIR, limit=5)
    last = trade["price"]  # the day before it has traded too
    ticker = await anna.fetch_ticker(PAIR)
    assert (ticker["bid"], ticker["ask"], ticker["last"]) == (BID, ASK, last)
    assert (await anna.fetch_tickers([PAIR]))[PAIR]["last"] == last
    assert (await anna.fetch_bids_asks([PAIR]))[PAIR]["bid"] == BID
    book = await anna.fetch_order_book(PAIR, 5)
    for levels, price in ((book["bids"], BID), (book["asks"], ASK)):
        ((found, size),) = levels
        assert (found, DEPTH - 1 < size <= DEPTH) == (price, True)
    assert (await anna.fetch_ohlcv(PAIR, "1m", limit=10))[-1][4] == last


async def accounts(anna, _ben):
    """Both ways to a balance, fees, and where deposits would come in."""
    assert (await anna.fetch_balance())["USDT"]["total"] == 100_000
    held = await anna.fetch_balance({"v3": True})
    assert (held["USDT"]["free"], held["BTC"]["total"]) == (100_000, 2)
    mine = {account["code"]: account["id"] for account in await anna.fetch_accounts()}
    assert {"BTC", "USDT"} <= set(mine)
    fees = await anna.fetch_trading_fees()
    assert (fees[PAIR]["maker"], fees[PAIR]["taker"]) == (FEE, FEE)
    assert (await anna.fetch_trading_fee(PAIR))["taker"] == FEE
    account = {"accountId": mine["USDT"]}
    assert (await anna.create_deposit_address("USDT"))["address"].startswith("sandbox-")
    assert await anna.fetch_deposits("USDT") == []
    assert await anna.fetch_withdrawals("USDT") == []
    assert await anna.fetch_deposits_withdrawals("USDT", None, None, account) == []


async def orders(anna, _ben):
    """Rests, waits, is changed, is canceled; by itself and with others."""
    resting = await anna.create_limit_buy_order(PAIR, 0.01, 40_000)
    assert (await anna.found(resting))["status"] == "open"
    held = await anna.fetch_balance({"v3": True})
    assert held["USDT"]["used"] == pytest.approx(400.4)
    await anna.edit_order(resting["id"], PAIR, "limit", "buy", 0.02, 40_001)
    (edited,) = await anna.fetch_open_orders(PAIR)
    assert (edited["id"], edited["amount"], edited["price"]) == (resting["id"], 0.02, 40_001)
    await anna.cancel_order(resting["id"], PAIR)
    waiting = [
        await anna.create_stop_order(PAIR, "limit", "sell", 0.01, 61_000, 60_000),
        await anna.create_stop_limit_order(PAIR, "sell", 0.01, 61_000, 60_001),
        await anna.create_order(PAIR, "limit", "sell", 0.01, 61_000, {"takeProfitPrice": 60_000}),
        await anna.create_post_only_order(PAIR, "limit", "sell", 0.01, 70_000),
        await anna.create_limit_sell_order(PAIR, 0.01, 70_001),
    ]
    assert len(await anna.fetch_open_orders(PAIR)) == len(waiting)
    await anna.cancel_orders([order["id"] for order in waiting])
    assert await anna.fetch_open_orders(PAIR) == []
    taken = await anna.create_limit_order(PAIR, "buy", 0.01, 40_000, {"timeInForce": "IOC"})
    assert (await anna.found(taken))["status"] == "canceled"


async def refusals(anna, _ben):
    """The errors that a ccxt program catches."""
    with pytest.raises(ccxt.InsufficientFunds):
        await anna.create_limit_order(PAIR, "buy", 100, 49_000)
    with pytest.raises(ccxt.ExchangeError, match="TOO_SMALL"):
        await anna.create_limit_order(PAIR, "buy", 0.0001, 20_000)
    with pytest.raises(ccxt.ExchangeError, match="POST_ONLY"):
        await anna.create_post_only_order(PAIR, "limit", "buy", 0.01, 60_000)
    with pytest.raises(ccxt.InvalidOrder):
        await anna.create_order(PAIR, "limit", "sell", 0.01, 50_000, {"stopLossPrice": 51_000})
    with pytest.raises(ccxt.BadRequest):
        await anna.cancel_order("nobody", PAIR)
    with pytest.raises(ccxt.ExchangeError, match="was not found"):
        await anna.fetch_order("nobody")
    assert await anna.fetch_open_orders(PAIR) == []


async def trades(anna, ben):
    """One makes and the other takes: price, fees and balances are what they have to be."""
    before = await anna.totals(), await ben.totals()
    made = await anna.limit("sell", 0.1, OWN)
    took = await ben.create_market_buy_order_with_cost(PAIR, 2_502.5)  # the fee is in it
    assert (await anna.found(made))["filled"] == 0.05
    rest = await ben.create_order(PAIR, "limit", "buy", 0.05, OWN, {"timeInForce": "IOC"})
    for trader, order, word, size in (
        *((anna, made, "maker", 0.1), (ben, took, "taker", 0.05), (ben, rest, "taker", 0.05)),
    ):
        done = await trader.found(order)
        assert (done["status"], done["average"], done["filled"]) == ("closed", OWN, size)
        assert float(done["fee"]["cost"]) == pytest.approx(OWN * size * FEE)
        fills = [f for f in await trader.fetch_my_trades(PAIR) if f["order"] == order["id"]]
        assert {(fill["takerOrMaker"], fill["price"]) for fill in fills} == {(word, OWN)}
        assert sum(fill["fee"]["cost"] for fill in fills) == pytest.approx(OWN * size * FEE)
    await ben.create_market_sell_order(PAIR, 0.01)
    await ben.create_market_buy_order(PAIR, 0.01, {"cost": 600})
    await ben.create_market_order(PAIR, "sell", 0.001)
    after = await anna.totals(), await ben.totals()
    assert after[0]["USDT"] - before[0]["USDT"] == pytest.approx(4_995)
    assert after[0]["BTC"] - before[0]["BTC"] == pytest.approx(-0.1)


async def histories(anna, ben):
    assert {o["status"] for o in await anna.fetch_orders(PAIR)} == {"closed", "canceled"}
    assert len(await ben.fetch_closed_orders(PAIR)) == 5
    assert await anna.fetch_canceled_orders(PAIR) != []
    assert await anna.fetch_orders_by_status("CANCELLED", PAIR) != []
    assert await ben.fetch_ledger("USDT") == []  # of deposits and withdrawals
