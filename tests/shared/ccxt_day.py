"""A trading day in the unified words of ccxt, told once for each of its kinds of client.

Two traders meet on a market where nothing else happens (`quiet_market`), so that every amount is
known. A day leaves that market as it found it: nothing is taken from what rests there.
"""

import inspect
from collections.abc import Awaitable, Callable
from typing import Any

import ccxt
import pytest

MARKET = "BTC/USDT"
FEE = 0.001
FUNDS = {"USDT": "100000", "BTC": "2"}
IMPLICIT = ("public_", "private_", "sapi_")
RULES = ("--band", "50%", "--triggers-max", "6")  # of the market, beside those of its listing
HOUR_MS = 3_600_000
NOBODY = "999999999"


class Trader:
    """A client of ccxt whose calls are awaited whether it is asynchronous or not.

    Args:
        client: An instance of any of ccxt's `binance` classes.
        asked: Takes the names of the methods that were called.
    """

    def __init__(self, client: Any, asked: set[str]) -> None:
        self.client = client
        self.asked = asked
        self.unified = {name.lower() for name in client.has} | {"loadmarkets"}

    def __getattr__(self, name: str) -> Any:
        method = getattr(self.client, name)
        if not (name.replace("_", "") in self.unified or name.startswith(IMPLICIT)):
            return method
        self.asked.add(name)

        async def call(*arguments: Any, **options: Any) -> Any:
            answer = method(*arguments, **options)
            return await answer if inspect.isawaitable(answer) else answer

        return call

    async def limit(self, side: str, amount: float, price: float, **params: Any) -> Any:
        """Place a limit order."""
        return await self.create_order(MARKET, "limit", side, amount, price, params)

    async def found(self, order: Any) -> Any:
        """Return an order as it is now."""
        return await self.fetch_order(order["id"], MARKET)

    async def totals(self) -> dict[str, float]:
        """Return what it has of each asset, free or in orders."""
        return (await self.fetch_balance())["total"]


Chapter = Callable[[Trader, Trader], Awaitable[None]]


async def look_around(anna: Trader, ben: Trader) -> None:
    """Markets, coins, clock, prices, book, candles, fees and a balance, before the first order."""
    markets = {market["symbol"]: market for market in await anna.fetch_markets()}
    market = markets[MARKET]
    assert (market["spot"], market["active"], market["margin"]) == (True, True, False)
    assert market["precision"]["price"] == 0.01
    assert market["precision"]["amount"] == 0.00001
    assert market["limits"]["cost"]["min"] == 5
    limits = await anna.fetch_trading_limits([MARKET])
    assert limits[MARKET] == {"min": 0.00001, "max": 9000}
    assert abs(await anna.fetch_time() - anna.milliseconds()) < 2_000
    assert (await anna.fetch_status())["status"] == "ok"
    ticker = await anna.fetch_ticker(MARKET)
    assert (ticker["bid"], ticker["ask"]) == (49_900, 50_100)
    assert ticker["last"] == 50_000
    assert (await anna.fetch_tickers([MARKET]))[MARKET]["last"] == 50_000
    assert (await anna.fetch_bids_asks([MARKET]))[MARKET]["bidVolume"] == 5
    assert (await anna.fetch_last_prices([MARKET]))[MARKET]["price"] == 50_000
    book = await anna.fetch_order_book(MARKET)
    assert (book["bids"], book["asks"]) == ([[49_900, 5]], [[50_100, 5]])
    assert (await anna.fetch_l2_order_book(MARKET))["bids"] == book["bids"]
    candles = await anna.fetch_ohlcv(MARKET, "1m", limit=2)
    assert candles[-1][4] == 50_000
    fee = {"maker": FEE, "taker": FEE}
    assert {**(await anna.fetch_trading_fee(MARKET)), **fee} == await anna.fetch_trading_fee(MARKET)
    assert (await anna.fetch_trading_fees())[MARKET]["taker"] == FEE
    balance = await anna.fetch_balance()
    assert balance["USDT"] == {"free": 100_000, "used": 0, "total": 100_000}
    assert balance["BTC"] == {"free": 2, "used": 0, "total": 2}


async def look_into_the_wallet(anna: Trader, ben: Trader) -> None:
    """Networks and what they cost, an address, an empty history, a withdrawal that is refused."""
    coins = await anna.fetch_currencies()
    assert coins["BTC"]["networks"]["BTC"]["withdraw"]
    fees = await anna.fetch_deposit_withdraw_fees(["USDT"])
    assert fees["USDT"]["networks"]["TRC20"]["withdraw"]["fee"] == 1
    assert (await anna.fetch_deposit_withdraw_fee("USDT"))["networks"] == fees["USDT"]["networks"]
    assert (await anna.fetch_transaction_fees(["USDT"]))["withdraw"]["USDT"]["TRC20"] == 1
    assert (await anna.fetch_transaction_fee("USDT"))["withdraw"]["USDT"]["ERC20"] == 4
    address = await anna.fetch_deposit_address("BTC")
    assert address["address"].startswith("sandbox-bitcoin-")
    assert await anna.fetch_deposits() == []
    assert await anna.fetch_withdrawals() == []
    # An instance that has been let in once takes a refused permission for too many requests.
    with pytest.raises(ccxt.DDoSProtection, match="create one with --scopes withdraw"):
        await anna.withdraw("BTC", 0.1, address["address"])


async def trade_with_each_other(anna: Trader, ben: Trader) -> None:
    """A bid that is hit twice: partly filled, filled; fills, fees and balances fit together."""
    before = await anna.totals(), await ben.totals()
    bid = await anna.limit("buy", 0.5, 50_000)
    assert (bid["status"], bid["filled"], bid["remaining"]) == ("open", 0, 0.5)
    assert (await anna.fetch_balance())["USDT"]["used"] == 25_000
    sold = await ben.create_market_order(MARKET, "sell", 0.2)
    assert (sold["status"], sold["filled"], sold["cost"]) == ("closed", 0.2, 10_000)
    assert (sold["average"], sold["fee"]) == (50_000, {"currency": "USDT", "cost": 10})
    assert [trade["takerOrMaker"] for trade in sold["trades"]] == [None]
    partly = await anna.found(bid)
    assert (partly["status"], partly["filled"], partly["remaining"]) == ("open", 0.2, 0.3)
    assert [order["id"] for order in await anna.fetch_open_orders(MARKET)] == [bid["id"]]
    rest = await ben.limit("sell", 0.3, 49_990, timeInForce="FOK")
    assert (rest["status"], rest["average"], rest["price"]) == ("closed", 50_000, 49_990)
    filled = await anna.found(bid)
    assert (filled["status"], filled["filled"], filled["cost"]) == ("closed", 0.5, 25_000)
    assert filled["lastTradeTimestamp"] >= filled["timestamp"]
    fills = await anna.fetch_order_trades(bid["id"], MARKET)
    assert [(fill["amount"], fill["price"]) for fill in fills] == [(0.2, 50_000), (0.3, 50_000)]
    assert {fill["takerOrMaker"] for fill in fills} == {"maker"}
    assert [fill["fee"]["cost"] for fill in fills] == pytest.approx([0.0002, 0.0003])
    own = await ben.fetch_my_trades(MARKET)
    assert {(fill["takerOrMaker"], fill["fee"]["currency"]) for fill in own} == {("taker", "USDT")}
    assert {fill["id"] for fill in own} == {fill["id"] for fill in fills}
    public = await anna.fetch_trades(MARKET, limit=2)
    assert [(trade["amount"], trade["side"]) for trade in public] == [(0.2, "sell"), (0.3, "sell")]
    after = await anna.totals(), await ben.totals()
    assert after[0]["BTC"] - before[0]["BTC"] == pytest.approx(0.5 * (1 - FEE), abs=1e-9)
    assert after[0]["USDT"] - before[0]["USDT"] == pytest.approx(-25_000)
    assert after[1]["BTC"] - before[1]["BTC"] == pytest.approx(-0.5)
    assert after[1]["USDT"] - before[1]["USDT"] == pytest.approx(25_000 * (1 - FEE))


async def take_by_market_and_by_cost(anna: Trader, ben: Trader) -> None:
    """Every shorthand of ccxt for an order that takes: by size, and by what it may cost."""
    await ben.create_limit_sell_order(MARKET, 0.1, 50_050)
    assert (await anna.create_market_buy_order(MARKET, 0.01))["cost"] == 500.5
    assert (await anna.create_market_buy_order_with_cost(MARKET, 1_001))["filled"] == 0.02
    assert (await anna.create_market_order_with_cost(MARKET, "buy", 500.5))["filled"] == 0.01
    assert (await anna.create_limit_order(MARKET, "buy", 0.06, 50_060))["average"] == 50_050
    bid = await ben.create_limit_buy_order(MARKET, 0.1, 49_950)
    assert (await anna.create_market_sell_order(MARKET, 0.05))["average"] == 49_950
    assert (await anna.create_market_sell_order_with_cost(MARKET, 2_497.5))["filled"] == 0.05
    assert (await ben.found(bid))["status"] == "closed"


async def try_every_flag(anna: Trader, ben: Trader) -> None:
    """Post-only, IOC, FOK, an iceberg, a test order, self-trade prevention, an id of one's own."""
    resting = await anna.create_post_only_order(MARKET, "limit", "buy", 0.01, 40_000)
    assert (await anna.found(resting))["postOnly"]
    with pytest.raises(ccxt.OrderImmediatelyFillable, match="immediately match and take"):
        await anna.create_post_only_order(MARKET, "limit", "buy", 0.01, 50_100)
    for force in ("IOC", "FOK"):
        gone = await anna.limit("buy", 0.01, 40_000, timeInForce=force)
        assert (gone["status"], gone["timeInForce"], gone["filled"]) == ("expired", force, 0)
    hidden = await anna.limit("buy", 0.5, 41_000, icebergAmount=0.01)
    assert [41_000, 0.01] in (await anna.fetch_order_book(MARKET))["bids"]
    assert (await anna.found(hidden))["amount"] == 0.5
    tested = await anna.limit("buy", 0.01, 40_000, test=True)
    assert tested["id"] is None
    own = await anna.limit("buy", 0.01, 49_990, clientOrderId="mine")
    both = {"selfTradePrevention": "EXPIRE_BOTH"}
    crossing = await anna.limit("sell", 0.01, 49_990, **both)
    assert (crossing["status"], (await anna.found(own))["status"]) == ("expired", "expired")
    by_name = await anna.fetch_order("", MARKET, {"clientOrderId": "mine"})
    assert by_name["id"] == own["id"]
    canceled = await anna.cancel_all_orders(MARKET)
    assert {order["id"] for order in canceled} == {resting["id"], hidden["id"]}
    assert {order["status"] for order in canceled} == {"canceled"}


async def wait_for_a_price(anna: Trader, ben: Trader) -> None:
    """Every order that waits, by every name that ccxt has for it; then two are triggered."""
    sell, buy = (MARKET, "market", "sell", 0.01), (MARKET, "market", "buy", 0.01)
    waiting = {
        "STOP_LOSS 45000": await anna.create_stop_loss_order(*sell, None, 45_000),
        "STOP_LOSS 55000": await anna.create_stop_order(*buy, None, 55_000),
        "TAKE_PROFIT 55000": await anna.create_take_profit_order(*sell, None, 55_000),
        "STOP_LOSS_LIMIT 45000": await anna.create_stop_limit_order(
            MARKET, "sell", 0.01, 44_900, 45_000
        ),
        "STOP_LOSS_LIMIT 55000": await anna.create_trigger_order(
            MARKET, "limit", "buy", 0.01, 55_100, 55_000
        ),
        "TAKE_PROFIT_LIMIT 45000": await anna.limit("buy", 0.01, 45_100, takeProfitPrice=45_000),
    }
    with pytest.raises(ccxt.BadRequest, match="MAX_NUM_ALGO_ORDERS"):
        await anna.create_stop_loss_order(*sell, None, 45_000)
    found = [await anna.found(order) for order in waiting.values()]
    told = [f"{order['info']['type']} {order['triggerPrice']:.0f}" for order in found]
    assert told == list(waiting)
    assert {(order["status"], order["filled"]) for order in found} == {("open", 0)}
    await anna.cancel_all_orders(MARKET)
    trailing = await anna.create_trailing_percent_order(
        MARKET, "limit", "sell", 0.01, 44_900, 2.5, params={"stopLossOrTakeProfit": "stopLoss"}
    )
    told = (await anna.found(trailing))["info"]
    assert (told["type"], told["trailingDelta"]) == ("STOP_LOSS_LIMIT", 250)
    await meet(anna, ben, 50_000)
    stop = await anna.create_stop_loss_order(*sell, None, 49_960)
    profit = await anna.create_take_profit_order(*sell, None, 50_040)
    await ben.limit("buy", 0.03, 49_950)
    for price in (49_960, 50_040):
        await meet(anna, ben, price)
    for order in (stop, profit):
        done = await anna.found(order)
        assert (done["status"], done["average"]) == ("closed", 49_950)
    assert (await anna.cancel_order(trailing["id"], MARKET))["status"] == "canceled"
    await ben.cancel_all_orders(MARKET)
    await meet(anna, ben, 50_000)


async def meet(buyer: Trader, seller: Trader, price: float) -> None:
    """Make a price the last one."""
    await seller.limit("sell", 0.01, price)
    assert (await buyer.limit("buy", 0.01, price))["average"] == price


async def edit_an_order(anna: Trader, ben: Trader) -> None:
    """Edit_order is a cancel-replace: another order; what it refuses leaves the first alone."""
    order = await anna.limit("buy", 0.01, 40_000)
    edited = await anna.edit_order(order["id"], MARKET, "limit", "buy", 0.02, 41_000)
    assert edited["id"] != order["id"]
    assert (await anna.found(order))["status"] == "canceled"
    found = await anna.found(edited)
    assert (found["amount"], found["price"], found["status"]) == (0.02, 41_000, "open")
    with pytest.raises(ccxt.BaseError, match="-2022"):
        await anna.edit_order(order["id"], MARKET, "limit", "buy", 0.02, 40_000)
    with pytest.raises(ccxt.BaseError, match="-2021"):
        await anna.edit_order(edited["id"], MARKET, "limit", "buy", 100, 40_000)
    assert await anna.fetch_open_orders(MARKET) == []


async def bracket_a_position(anna: Trader, ben: Trader) -> None:
    """OCO, OTO and OTOCO by their endpoints, found as lists and as orders, canceled as one."""
    base = {"symbol": "BTCUSDT"}
    stop = {"Type": "STOP_LOSS_LIMIT", "StopPrice": "45000", "Price": "44900", "TimeInForce": "GTC"}
    exits = {"aboveType": "LIMIT_MAKER", "abovePrice": "55000"}
    exits |= {f"below{name}": value for name, value in stop.items()}
    oco = await anna.private_post_orderlist_oco(
        {**base, "side": "SELL", "quantity": "0.01", **exits}
    )
    assert await _statuses(anna, oco) == ["open", "open"]
    number = {"orderListId": oco["orderListId"]}
    assert (await anna.private_get_orderlist(number))["listOrderStatus"] == "EXECUTING"
    assert len(await anna.private_get_openorderlist()) == 1
    await anna.private_delete_orderlist({**base, **number})
    assert await _statuses(anna, oco) == ["canceled", "canceled"]
    entry = {
        "workingType": "LIMIT",
        "workingTimeInForce": "GTC",
        "workingSide": "BUY",
        "workingPrice": "50000",
        "workingQuantity": "0.01",
        "pendingSide": "SELL",
        "pendingQuantity": "0.01",
    }
    oto = await anna.private_post_orderlist_oto({**base, **entry, "pendingType": "MARKET"})
    assert await _statuses(anna, oto) == ["open", "PENDING_NEW"]
    await anna.cancel_order(str(oto["orders"][0]["orderId"]), MARKET)
    assert await _statuses(anna, oto) == ["canceled", "canceled"]
    pending = {f"pending{name[0].upper()}{name[1:]}": value for name, value in exits.items()}
    otoco = await anna.private_post_orderlist_otoco({**base, **entry, **pending})
    await ben.create_market_sell_order(MARKET, 0.01)
    assert await _statuses(anna, otoco) == ["closed", "open", "open"]
    await anna.cancel_all_orders(MARKET)
    assert await _statuses(anna, otoco) == ["closed", "canceled", "canceled"]
    assert len(await anna.private_get_allorderlist()) == 3


async def _statuses(trader: Trader, order_list: Any) -> list[str]:
    numbers = [str(order["orderId"]) for order in order_list["orders"]]
    return [(await trader.fetch_order(number, MARKET))["status"] for number in numbers]


async def ask_what_it_was(anna: Trader, ben: Trader) -> None:
    """The history by all the names that ccxt has for parts of it, whole and in pages."""
    every = await anna.fetch_orders(MARKET)
    assert len({order["id"] for order in every}) == len(every) > 20
    assert {order["status"] for order in every} == {"closed", "canceled", "expired"}
    closed = await anna.fetch_closed_orders(MARKET)
    canceled = await anna.fetch_canceled_orders(MARKET)
    assert {order["status"] for order in closed} == {"closed"}
    assert {order["status"] for order in canceled} == {"canceled"}
    both = await anna.fetch_canceled_and_closed_orders(MARKET)
    assert {order["id"] for order in both} == {order["id"] for order in (*closed, *canceled)}
    assert await anna.fetch_open_orders(MARKET) == []
    fills = await anna.fetch_my_trades(MARKET)
    assert {fill["order"] for fill in fills} == {order["id"] for order in closed}
    assert [fill["id"] for fill in await anna.fetch_my_trades(MARKET, limit=2)] == [
        fill["id"] for fill in fills[-2:]
    ]
    since = anna.milliseconds() - HOUR_MS
    assert await anna.fetch_my_trades(MARKET, since) == fills
    assert await anna.fetch_my_trades(MARKET, since, params={"until": since + 1}) == []
    assert set((await anna.fetch_balance())["used"].values()) == {0}


REFUSALS: tuple[tuple[str, float, float, dict[str, Any], type[ccxt.BaseError], str], ...] = (
    # side, amount, price, params: the exception, what it says
    ("buy", 100, 49_000, {}, ccxt.InsufficientFunds, "insufficient balance"),
    ("sell", 100, 51_000, {}, ccxt.InsufficientFunds, "insufficient balance"),
    ("buy", 0.01, 1_500_000, {}, ccxt.InvalidOrder, "PRICE_FILTER"),
    ("buy", 0.01, 20_000, {}, ccxt.InvalidOrder, "PERCENT_PRICE_BY_SIDE"),
    ("buy", 9_001, 40_000, {}, ccxt.InvalidOrder, "LOT_SIZE"),
    ("buy", 0.0001, 40_000, {}, ccxt.BadRequest, "NOTIONAL"),
    ("buy", 0.01, 50_100, {"postOnly": True}, ccxt.OrderImmediatelyFillable, "match and take"),
    ("sell", 0.01, 60_000, {"stopLossPrice": 60_000}, ccxt.OrderImmediatelyFillable, "trigger"),
    ("buy", 0.01, 40_000, {"clientOrderId": "twice"}, ccxt.InvalidOrder, "Duplicate order"),
    ("buy", 0.01, 40_000, {"clientOrderId": "not a name"}, ccxt.BadRequest, "-1100"),
    ("buy", 0.01, 40_000, {"icebergAmount": 0.02}, ccxt.BadRequest, "ICEBERG_PARTS"),
    ("buy", 0.01, 40_000, {"timeInForce": "GTD"}, ccxt.BadRequest, "-1115"),
    ("buy", 0.01, 40_000, {"selfTradePrevention": "NEVER"}, ccxt.BaseError, "-1130"),
    ("buy", 0.01, 40_000, {"nonsense": 1}, ccxt.BadRequest, "-1104"),
    ("buy", 0.01, 40_000, {"recvWindow": 60_001}, ccxt.BadRequest, "-1102"),
)


async def be_refused(anna: Trader, ben: Trader) -> None:
    """Each refusal is the exception that a program on ccxt catches, and leaves nothing behind."""
    twice = await anna.limit("buy", 0.01, 40_000, clientOrderId="twice")
    for side, amount, price, params, error, words in REFUSALS:
        with pytest.raises(error, match=words) as refused:
            await anna.limit(side, amount, price, **params)
        assert type(refused.value) is error or error is ccxt.BaseError
    assert [order["id"] for order in await anna.fetch_open_orders(MARKET)] == [twice["id"]]
    await anna.cancel_order(twice["id"], MARKET)
    for call in (anna.fetch_order, anna.cancel_order):
        with pytest.raises(ccxt.OrderNotFound):
            await call(NOBODY, MARKET)
    with pytest.raises(ccxt.OrderNotFound):
        await anna.cancel_all_orders(MARKET)  # nothing is open
    for stranger in (anna.fetch_order, anna.cancel_order):  # the order of somebody else
        with pytest.raises(ccxt.OrderNotFound):
            await stranger((await ben.fetch_orders(MARKET))[0]["id"], MARKET)
    with pytest.raises(ccxt.BadSymbol, match="-1121"):
        await anna.public_get_ticker_24hr({"symbol": "NOPEUSDT"})
    with pytest.raises(ccxt.BadRequest, match="-1127"):
        await anna.fetch_my_trades(MARKET, 1, params={"until": anna.milliseconds()})


CHAPTERS: tuple[Chapter, ...] = (
    look_around,
    look_into_the_wallet,
    trade_with_each_other,
    take_by_market_and_by_cost,
    try_every_flag,
    wait_for_a_price,
    edit_an_order,
    bracket_a_position,
    be_refused,
    ask_what_it_was,
)
