"""All that ccxt says it has of OKX and Bybit is used on our exchange, or excused with a reason.

What the answers mean is judged in the other files; here every capability has to have one.
"""

import asyncio
import itertools

import ccxt
import pytest
from ccxt_capabilities import gaps
from ccxt_day import Trader

pytestmark = pytest.mark.slow

PAIR, FAR, HIGH = "BTC/USDT", 20_000, 200_000
FUNDS = {"USDT": "100000", "BTC": "2"}
names = (f"has-{number}" for number in itertools.count())

NAME_ALONE = "ccxt has the name alone"
CONTRACTS = "of futures, swaps and options"
LENT = "nobody lends here"
DESK = "conversions are a desk, not an exchange"
POCKETS = "there is one account: nothing to move between"
REFUSED = "refused without a person who confirms: the native tests tell how"
BOTH = """
    fetchAllGreeks fetchFundingHistory fetchFundingRate fetchFundingRateHistory fetchFundingRates
    fetchGreeks fetchIndexOHLCV fetchLeverage fetchLongShortRatioHistory fetchMarkOHLCV
    fetchMarketLeverageTiers fetchMySettlementHistory fetchOpenInterest fetchOpenInterestHistory
    fetchOption fetchOptionChain fetchPosition fetchPositionHistory fetchPositionsHistory
    fetchSettlementHistory setLeverage setPositionMode setMarginMode createReduceOnlyOrder
    fetchPositions
    """
NOT_HERE: dict[str, dict[str, str]] = {
    "okx": {
        NAME_ALONE: "fetchCurrenciesWs",
        CONTRACTS: f"""{BOTH}
            addMargin closePosition fetchFundingInterval fetchMarginAdjustmentHistory
            fetchMarkPrice fetchMarkPrices fetchOpenInterests fetchPositionMode
            fetchPositionsForSymbol fetchUnderlyingAssets reduceMargin""",
        LENT: """
            borrowCrossMargin fetchBorrowInterest fetchBorrowRateHistories fetchBorrowRateHistory
            fetchCrossBorrowRate fetchCrossBorrowRates repayCrossMargin""",
        DESK: """
            createConvertTrade fetchConvertCurrencies fetchConvertQuote fetchConvertTrade
            fetchConvertTradeHistory""",
        POCKETS: "fetchTransfer transfer",
        REFUSED: "withdraw",
    },
    "bybit": {
        "of browsers, not a method": "CORS",
        NAME_ALONE: "fetchCurrenciesWs",
        "ccxt itself refuses it on spot markets": """
            createTrailingAmountOrder fetchTradingFees""",
        CONTRACTS: f"""{BOTH}
            fetchLeverageTiers fetchMarginMode fetchMyLiquidations fetchPositionADLRank
            fetchPositionsADLRank fetchPremiumIndexOHLCV fetchVolatilityHistory""",
        LENT: """
            borrowCrossMargin fetchBorrowInterest fetchBorrowRateHistory fetchCrossBorrowRate
            repayCrossMargin""",
        DESK: """
            createConvertTrade fetchConvertCurrencies fetchConvertQuote fetchConvertTrade
            fetchConvertTradeHistory""",
        POCKETS: "transfer",
        REFUSED: "withdraw",
    },
}
# How an order of one's own is asked for, and how orders that wait are listed and canceled.
ORDER = {"okx": {}, "bybit": {"acknowledged": True}}
WAITING = {"okx": {"trigger": True}, "bybit": {}}


@pytest.mark.parametrize("name", NOT_HERE)
def test_every_capability_is_used_or_excused(exchange, name):
    asked = set()
    key = exchange.trader(next(names), FUNDS, dialect=name)
    keys = {"apiKey": key["key"], "secret": key["secret"], "password": key["passphrase"] or ""}
    settings = {**exchange.env(name, client="ccxt"), **keys, "enableRateLimit": False}
    anna = Trader(getattr(ccxt, name)(settings), asked)

    async def day():
        await anna.load_markets()
        for chapter in (market_data, wallet, orders, waiting, histories):
            await chapter(anna, name)

    asyncio.run(day())
    assert "\n".join(gaps(anna.has, asked, NOT_HERE[name])) == ""


async def market_data(anna, name):
    """What anybody may ask."""
    assert PAIR in {market["symbol"] for market in await anna.fetch_markets()}
    assert (await anna.fetch_status())["status"] == "ok"
    assert abs(await anna.fetch_time() - anna.milliseconds()) < 2_000
    last = (await anna.fetch_ticker(PAIR))["last"]
    assert (await anna.fetch_tickers([PAIR]))[PAIR]["last"] == pytest.approx(last, rel=0.01)
    if name == "bybit":
        assert (await anna.fetch_bids_asks([PAIR]))[PAIR]["bid"] > 0
    for book in (await anna.fetch_order_book(PAIR), await anna.fetch_l2_order_book(PAIR)):
        assert book["bids"][0][0] < book["asks"][0][0]
    assert (await anna.fetch_trades(PAIR))[-1]["price"] > 0
    assert (await anna.fetch_ohlcv(PAIR, "1m", limit=5))[-1][4] > 0


async def wallet(anna, name):
    """Coins, networks, addresses, fees; deposits are not made by keys."""
    assert (await anna.fetch_balance())["BTC"]["total"] == 2
    assert "TRC20" in (await anna.fetch_currencies())["USDT"]["networks"]
    assert (await anna.fetch_trading_fee(PAIR))["taker"] == 0.001
    address = await anna.fetch_deposit_address("USDT", {"network": "TRC20"})
    assert address["address"].startswith("sandbox-tron-")
    every = await anna.fetch_deposit_addresses_by_network("USDT")
    assert {"ERC20", "TRC20"} <= set(every)
    fees = await anna.fetch_deposit_withdraw_fees(["USDT"])
    assert fees["USDT"]["networks"]["TRC20"]["withdraw"]["fee"] == 1
    assert (await anna.fetch_deposit_withdraw_fee("USDT"))["networks"] == fees["USDT"]["networks"]
    assert await anna.fetch_deposits() == await anna.fetch_withdrawals() == []
    assert await anna.fetch_ledger("USDT") != []
    if name == "okx":
        assert len(await anna.fetch_accounts()) == 1
        assert (await anna.fetch_deposit("1", "USDT"))["id"] is None
        assert (await anna.fetch_withdrawal("1", "USDT"))["id"] is None
    assert len(await anna.fetch_transfers("USDT")) == (name == "okx")  # OKX tells deposits too


async def orders(anna, name):
    """Placed, changed and canceled, by themselves and with others; filled at the market."""
    one = {"symbol": PAIR, "type": "limit", "side": "buy", "amount": 0.01, "price": FAR}
    plain = await anna.create_order(PAIR, "limit", "buy", 0.01, FAR)
    await anna.edit_order(plain["id"], PAIR, "limit", "buy", 0.02, FAR + 1)
    await anna.edit_orders([{**one, "id": plain["id"], "amount": 0.03}])
    found = await anna.fetch_order(plain["id"], PAIR, ORDER[name])
    assert (found["amount"], found["price"]) == (0.03, FAR)
    named = [{"id": plain["id"], "symbol": PAIR}]
    await anna.cancel_orders_for_symbols(named)
    several = await anna.create_orders([one, one])
    await anna.cancel_orders([order["id"] for order in several], PAIR)
    await anna.cancel_order((await anna.create_limit_order(PAIR, "buy", 0.01, FAR))["id"], PAIR)
    last = await anna.create_post_only_order(PAIR, "limit", "buy", 0.01, FAR)
    if name == "bybit":
        assert (await anna.fetch_open_order(last["id"], PAIR, ORDER[name]))["status"] == "open"
        await anna.cancel_all_orders(PAIR)
    else:
        await anna.cancel_order(last["id"], PAIR)
    assert await anna.fetch_open_orders(PAIR) == []
    switch = {"product": "SPOT"} if name == "bybit" else {}
    await anna.cancel_all_orders_after(10_000, switch)
    await anna.create_market_order(PAIR, "buy", 0.01)
    await anna.create_market_buy_order_with_cost(PAIR, 600)
    await anna.create_market_sell_order_with_cost(PAIR, 600)


async def waiting(anna, name):
    """All the ways to say that an order waits for a price."""
    sell, exits = (PAIR, "limit", "sell", 0.01), {"takeProfit": HIGH, "stopLoss": FAR - 5_000}
    placed = [
        await anna.create_stop_limit_order(PAIR, "sell", 0.01, FAR - 1, FAR),
        await anna.create_stop_market_order(PAIR, "sell", 0.01, FAR),
        await anna.create_stop_order(*sell, FAR - 1, FAR),
        await anna.create_stop_loss_order(*sell, FAR - 1, FAR),
        await anna.create_take_profit_order(*sell, HIGH + 1, HIGH),
        await anna.create_trigger_order(*sell, FAR - 1, FAR),
    ]
    if name == "okx":
        placed.append(
            await anna.create_trailing_percent_order(PAIR, "market", "sell", 0.01, None, 5)
        )
    for order in placed:
        await anna.cancel_order(order["id"], PAIR, WAITING[name])
    # Of two exits the take-profit is a limit order on Bybit, here.
    more = {"takeProfitType": "limit", "takeProfitLimitPrice": HIGH} if name == "bybit" else {}
    entry = await anna.create_order_with_take_profit_and_stop_loss(
        *(PAIR, "limit", "buy", 0.01, FAR, *exits.values(), more)
    )
    (order,) = await anna.fetch_open_orders(PAIR)
    assert order["id"] == entry["id"]
    await anna.cancel_order(entry["id"], PAIR)


async def histories(anna, name):
    """What has become of all of them."""
    fills = await anna.fetch_my_trades(PAIR)
    number = fills[0]["order"]
    assert {fill["order"] for fill in await anna.fetch_order_trades(number, PAIR)} == {number}
    assert number in {order["id"] for order in await anna.fetch_closed_orders(PAIR)}
    assert await anna.fetch_canceled_orders(PAIR) != []
    assert "trade" in {entry["type"] for entry in await anna.fetch_ledger("USDT")}
    if name == "bybit":
        assert (await anna.fetch_closed_order(number, PAIR))["filled"] > 0
        assert len(await anna.fetch_canceled_and_closed_orders(PAIR)) > len(fills)
