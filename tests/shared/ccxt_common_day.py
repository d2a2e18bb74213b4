"""One trading day in the unified words of ccxt, told once for all venues that it knows.

Two traders meet on a market where nothing else happens (`quiet_exchange`), and leave it as it was.
What ccxt says that it has not (`has`) is left out, and only that; `VENUES` says of each dialect
what that is and where its answers are of another kind. A dialect without a row has all of it.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple
from uuid import UUID, uuid4

import ccxt
import pytest
from ccxt_day import MARKET, Trader
from ccxt_pro_day import listening, stir
from quiet_market import ASK, BID, LAST

from steelyard import dialects
from steelyard.domain.errors import Unsupported

FUNDS = {"USDT": "100000", "BTC": "2"}
FAR, FARTHER, HIGH = 40_000, 41_000, 60_000
NOBODY = "1234567890"
PAUSE_S = 0.1
TURNS_MAX = 50  # so often two traders meet for what a stream has not told yet
ENDED = {"canceled", "expired", "rejected"}
WAITING = {"trigger": True}  # where orders that wait are listed and canceled apart from others


Params = dict[str, Any]
PLAIN: Params = {}


class Venue(NamedTuple):
    """What of a day is otherwise.

    lacks are capabilities that chapters need and ccxt does not have there, not_here those that it
    has and that are not to be had: ccxt itself refuses them on spot markets, or we do not offer
    what they ask. takes_post_only: a post-only order that would take is taken up,
    and ended at once. id_name is the parameter of a client's own id, which id_of makes of a UUID;
    stop_name that of a stop's price. balance, order, waiting and waiting_list are parameters that
    ccxt wants for a balance, for one order, and for orders that wait and their list. nobody names
    an order that is not there. wrong_key is what ccxt raises for another one's key.
    ws_cancels_by_id: a cancel over the WebSocket names no market.
    books_need_key: ccxt.pro signs when it asks for a book. prices_fills: a stream tells at what
    price one has traded. without are chapters of what ccxt cannot say of the venue.
    tells_liquidity: ccxt knows of a fill who made and who took.
    """

    lacks: str = ""
    not_here: str = ""
    takes_post_only: bool = False
    id_name: str = "clientOrderId"
    id_of: Callable[[UUID], str] = lambda uuid: uuid.hex
    stop_name: str = "stopLossPrice"
    balance: Params = PLAIN
    order: Params = PLAIN
    waiting: Params = PLAIN
    waiting_list: Params = PLAIN
    nobody: str = NOBODY
    wrong_key: type[Exception] = ccxt.AuthenticationError
    ws_cancels_by_id: bool = False
    books_need_key: bool = False
    without: str = ""
    prices_fills: bool = True
    tells_liquidity: bool = True


VENUES: dict[str, Venue] = {
    "binance": Venue(not_here="createOrders"),
    "bybit": Venue(order={"acknowledged": True}),
    "coinbase-advanced": Venue(
        lacks="""
            cancelAllOrders createOrders fetchStatus createOrderWs editOrderWs watchBalance
            watchMyTrades watchOHLCV""",
        id_name="client_order_id",
        balance={"v3": True},
    ),
    "coinbase-exchange": Venue(
        lacks="""
            createMarketBuyOrderWithCost createOrders fetchStatus fetchTradingFee createOrderWs
            editOrderWs watchBalance watchOHLCV""",
        takes_post_only=True,
        id_of=str,
        stop_name="stopPrice",
        nobody=str(UUID(int=4)),
        books_need_key=True,
    ),
    "kraken": Venue(wrong_key=ccxt.ExchangeError, ws_cancels_by_id=True),
    "kucoin": Venue(
        lacks="createOrderWs editOrderWs",
        takes_post_only=True,
        waiting=WAITING,
        waiting_list=WAITING,
    ),
    "okx": Venue(
        lacks="cancelAllOrders",
        takes_post_only=True,
        waiting=WAITING,
        waiting_list=WAITING | {"ordType": "conditional"},
    ),
    "weex": Venue(
        lacks="""
            createMarketBuyOrderWithCost createOrders createOrderWs editOrder editOrderWs""",
        not_here="fetchTradingFee",
        without="make_only wait_for_a_price",
        prices_fills=False,
        tells_liquidity=False,
    ),
}


def library_name(dialect: str) -> str | None:
    """Return what ccxt calls a venue, which is what it is called for freqtrade; None: unknown."""
    try:
        settings = dialects.find(dialect).environment("freqtrade", "http://a", "ws://a")
    except Unsupported:
        return None
    return str(settings["exchange"]["name"])


KNOWN = {name: known for name in dialects.names() if (known := library_name(name))}

Chapter = Callable[[Venue, Trader, Trader], Awaitable[None]]
REST: list[tuple[str, Chapter]] = []
SOCKETS: list[tuple[str, Chapter]] = []


def chapter(part: list[tuple[str, Chapter]], needs: str = "") -> Callable[[Chapter], Chapter]:
    """Add a chapter to a part of the day; needs is what ccxt has to have for it."""

    def add(told: Chapter) -> Chapter:
        part.append((needs, told))
        return told

    return add


def lacking(has: dict[str, Any], *parts: list[tuple[str, Chapter]]) -> set[str]:
    """Return what chapters need and ccxt does not have."""
    return {needs for part in parts for needs, _ in part if needs and not has[needs]}


async def live(part: list[tuple[str, Chapter]], venue: Venue, anna: Trader, ben: Trader) -> None:
    """Live the chapters of a part that there can be."""
    absent = venue.lacks.split() + venue.not_here.split()
    for needs, told in part:
        if needs not in absent and told.__name__ not in venue.without.split():
            await told(venue, anna, ben)
            assert await anna.fetch_open_orders(MARKET) == [], told.__name__


async def is_now(venue: Venue, trader: Trader, order: Any) -> Any:
    """Return an order as the venue has it now."""
    return await trader.fetch_order(order["id"], MARKET, venue.order)


async def held(venue: Venue, trader: Trader) -> Any:
    return await trader.fetch_balance(venue.balance)


# -- by requests ----------------------------------------------------------------------------------


@chapter(REST)
async def look_around(venue: Venue, anna: Trader, ben: Trader) -> None:
    """Steps of the market, ticker, book, trades, candles, clock and what one has."""
    market = anna.client.market(MARKET)
    assert (market["spot"], market["active"]) == (True, True)
    assert (market["precision"]["price"], market["precision"]["amount"]) == (0.01, 0.00001)
    ticker = await anna.fetch_ticker(MARKET)
    assert (ticker["bid"], ticker["ask"], ticker["last"]) == (BID, ASK, LAST)
    assert MARKET in await anna.fetch_tickers([MARKET])
    book = await anna.fetch_order_book(MARKET, 20)
    assert (book["bids"][0][0], book["asks"][0][0]) == (BID, ASK)
    assert (await anna.fetch_trades(MARKET, limit=5))[-1]["price"] == LAST
    assert (await anna.fetch_ohlcv(MARKET, "1m", limit=5))[-1][4] == LAST
    assert abs(await anna.fetch_time() - anna.client.milliseconds()) < 2_000
    balance = await held(venue, anna)
    assert (balance["USDT"]["free"], balance["BTC"]["total"]) == (100_000, 2)


@chapter(REST, "fetchStatus")
async def ask_how_it_is(venue: Venue, anna: Trader, ben: Trader) -> None:
    assert (await anna.fetch_status())["status"] == "ok"


@chapter(REST)
async def rest_and_leave(venue: Venue, anna: Trader, ben: Trader) -> None:
    """An order rests, is found by both of its ids and in the list, and is canceled once."""
    own = venue.id_of(uuid4())
    placed = await anna.limit("buy", 0.01, FAR, **{venue.id_name: own})
    found = await is_now(venue, anna, placed)
    assert (found["status"], found["price"], found["amount"]) == ("open", FAR, 0.01)
    assert (found["filled"], found["clientOrderId"]) == (0, own)
    assert [order["id"] for order in await anna.fetch_open_orders(MARKET)] == [placed["id"]]
    assert 400 <= (await held(venue, anna))["USDT"]["used"] <= 401  # a fee may be held, too
    await anna.cancel_order(placed["id"], MARKET)
    assert (await is_now(venue, anna, placed))["status"] == "canceled"
    assert (await held(venue, anna))["USDT"]["used"] == 0
    with pytest.raises(ccxt.ExchangeError):
        await anna.cancel_order(placed["id"], MARKET)


@chapter(REST, "editOrder")
async def change_ones_mind(venue: Venue, anna: Trader, ben: Trader) -> None:
    """An order is changed, or another one in its place."""
    placed = await anna.limit("buy", 0.01, FAR)
    await anna.edit_order(placed["id"], MARKET, "limit", "buy", 0.02, FARTHER)
    (edited,) = await anna.fetch_open_orders(MARKET)
    assert (edited["amount"], edited["price"]) == (0.02, FARTHER)
    await anna.cancel_order(edited["id"], MARKET)


@chapter(REST)
async def make_only(venue: Venue, anna: Trader, ben: Trader) -> None:
    """Post-only rests or never takes."""
    resting = await anna.limit("buy", 0.01, FAR, postOnly=True)
    assert (await is_now(venue, anna, resting))["status"] == "open"
    await anna.cancel_order(resting["id"], MARKET)
    if venue.takes_post_only:
        taking = await anna.limit("buy", 0.01, HIGH, postOnly=True)
        status = taking["status"]
        if status not in ENDED:
            status = (await is_now(venue, anna, taking))["status"]
        assert status in ENDED
    else:
        with pytest.raises(ccxt.ExchangeError):
            await anna.limit("buy", 0.01, HIGH, postOnly=True)
    assert (await held(venue, anna))["BTC"]["total"] == 2


@chapter(REST)
async def take_only(venue: Venue, anna: Trader, ben: Trader) -> None:
    """IOC takes or never rests."""
    gone = await anna.limit("buy", 0.01, FAR, timeInForce="IOC")
    assert (await is_now(venue, anna, gone))["status"] in ENDED
    assert (await held(venue, anna))["BTC"]["total"] == 2


@chapter(REST)
async def trade_with_each_other(venue: Venue, anna: Trader, ben: Trader) -> None:
    """One makes and the other takes, twice: orders, trades, fees and balances fit together."""
    before = [await held(venue, trader) for trader in (anna, ben)]
    made = await anna.limit("sell", 0.1, LAST)
    took = [await ben.limit("buy", 0.06, LAST)]
    assert (await is_now(venue, anna, made))["filled"] == 0.06
    took.append(await ben.limit("buy", 0.04, LAST, timeInForce="IOC"))
    for trader, order, size in ((anna, made, 0.1), (ben, took[0], 0.06), (ben, took[1], 0.04)):
        done = await is_now(venue, trader, order)
        assert (done["status"], done["filled"], done["average"]) == ("closed", size, LAST)
        fills = [
            fill for fill in await trader.fetch_my_trades(MARKET) if fill["order"] == order["id"]
        ]
        assert sum(fill["amount"] for fill in fills) == pytest.approx(size)
        word = "maker" if trader is anna else "taker"
        known = word if venue.tells_liquidity else None
        assert {(fill["takerOrMaker"], fill["price"]) for fill in fills} == {(known, LAST)}
    for trader, old, sign in ((anna, before[0], -1), (ben, before[1], 1)):
        fills = await trader.fetch_my_trades(MARKET)
        moved = {"BTC": sign * 0.1, "USDT": -sign * 0.1 * LAST}
        for fill in fills:
            moved[fill["fee"]["currency"]] -= fill["fee"]["cost"]
        assert sum(fill["cost"] for fill in fills) == pytest.approx(0.1 * LAST)
        new = await held(venue, trader)
        for coin, atoms in moved.items():
            assert new[coin]["total"] - old[coin]["total"] == pytest.approx(atoms)


@chapter(REST)
async def sell_at_the_market(venue: Venue, anna: Trader, ben: Trader) -> None:
    bid = await anna.limit("buy", 0.02, LAST)
    sold = await ben.create_order(MARKET, "market", "sell", 0.02)
    done = await is_now(venue, ben, sold)
    assert (done["status"], done["filled"], done["average"]) == ("closed", 0.02, LAST)
    assert (await is_now(venue, anna, bid))["status"] == "closed"


@chapter(REST, "createMarketBuyOrderWithCost")
async def spend(venue: Venue, anna: Trader, ben: Trader) -> None:
    """What is spent is what was to be spent, with the fee or without it."""
    offer = await anna.limit("sell", 0.02, LAST)
    bought = await ben.create_market_buy_order_with_cost(MARKET, 500)
    assert 499 < (await is_now(venue, ben, bought))["cost"] <= 500
    await anna.cancel_order(offer["id"], MARKET)


@chapter(REST)
async def wait_for_a_price(venue: Venue, anna: Trader, ben: Trader) -> None:
    """A stop-limit order waits in its list and can be canceled."""
    stop = await anna.limit("sell", 0.01, FAR - 1_000, **{venue.stop_name: FAR})
    (found,) = await anna.fetch_open_orders(MARKET, None, None, venue.waiting_list)
    assert (found["id"], found["triggerPrice"] or found["stopLossPrice"]) == (stop["id"], FAR)
    await anna.cancel_order(stop["id"], MARKET, venue.waiting)
    assert await anna.fetch_open_orders(MARKET, None, None, venue.waiting_list) == []


@chapter(REST, "createOrders")
async def place_several(venue: Venue, anna: Trader, ben: Trader) -> None:
    one = {"symbol": MARKET, "type": "limit", "side": "buy", "amount": 0.01}
    await anna.create_orders([{**one, "price": FAR}, {**one, "price": FARTHER}])
    found = await anna.fetch_open_orders(MARKET)
    assert sorted(order["price"] for order in found) == [FAR, FARTHER]
    for order in found:
        await anna.cancel_order(order["id"], MARKET)


@chapter(REST, "cancelAllOrders")
async def cancel_all(venue: Venue, anna: Trader, ben: Trader) -> None:
    for price in (FAR, FARTHER):
        await anna.limit("buy", 0.01, price)
    await anna.cancel_all_orders(MARKET)


@chapter(REST)
async def be_refused(venue: Venue, anna: Trader, ben: Trader) -> None:
    """Nothing becomes of what is refused; what a ccxt program catches is raised."""
    with pytest.raises(ccxt.InsufficientFunds):
        await anna.limit("buy", 100, FAR)
    with pytest.raises(ccxt.ExchangeError):
        await anna.limit("buy", 0.0001, FAR)  # below 5 USDT
    with pytest.raises(ccxt.ExchangeError):
        await is_now(venue, anna, {"id": venue.nobody})
    with pytest.raises(ccxt.ExchangeError):
        await anna.cancel_order(venue.nobody, MARKET)
    key, anna.client.apiKey = anna.client.apiKey, ben.client.apiKey
    try:
        with pytest.raises(venue.wrong_key):
            await anna.fetch_open_orders(MARKET)
    finally:
        anna.client.apiKey = key


@chapter(REST)
async def look_back(venue: Venue, anna: Trader, ben: Trader) -> None:
    closed = await ben.fetch_closed_orders(MARKET)
    filled = {order["id"] for order in closed if order["filled"]}
    assert filled == {fill["order"] for fill in await ben.fetch_my_trades(MARKET)}


@chapter(REST, "fetchTradingFee")
async def ask_for_the_fee(venue: Venue, anna: Trader, ben: Trader) -> None:
    fee = await anna.fetch_trading_fee(MARKET)
    assert (fee["maker"], fee["taker"]) == (0.001, 0.001)


# -- over WebSockets ------------------------------------------------------------------------------


async def meet_until(anna: Trader, ben: Trader, heard: dict[str, Any]) -> list[Any]:
    """Let anna sell to ben until everything that is watched has told something."""
    sold = []
    for _ in range(TURNS_MAX):
        sold.append(await anna.limit("sell", 0.001, LAST))
        await ben.limit("buy", 0.001, LAST)
        if all(each.items for each in heard.values()):
            return sold
        await asyncio.sleep(PAUSE_S)
    silent = [name for name, each in heard.items() if not each.items]
    raise AssertionError(f"nothing was heard of {silent}")


@chapter(SOCKETS)
async def watch_the_market(venue: Venue, anna: Trader, ben: Trader) -> None:
    """Book, trades and ticker."""
    async with listening(
        book=lambda: anna.watch_order_book(MARKET),
        trades=lambda: anna.watch_trades(MARKET),
        ticker=lambda: anna.watch_ticker(MARKET),
    ) as heard:
        await meet_until(anna, ben, heard)
        book = heard["book"].items[-1]
        assert (book["bids"][0][0], book["asks"][0][0]) in {(BID, ASK), (BID, LAST)}
        assert heard["trades"].items[-1]["price"] == LAST
        assert heard["ticker"].items[-1]["last"] == LAST


@chapter(SOCKETS, "watchOHLCV")
async def watch_candles(venue: Venue, anna: Trader, ben: Trader) -> None:
    async with listening(candles=lambda: anna.watch_ohlcv(MARKET, "1m")) as heard:
        await meet_until(anna, ben, heard)
        assert heard["candles"].items[-1][4] == LAST


@chapter(SOCKETS)
async def watch_ones_orders(venue: Venue, anna: Trader, ben: Trader) -> None:
    """Those that rest and are canceled, and those that are filled."""
    own = set()
    async with listening(orders=lambda: anna.watch_orders(MARKET)) as heard:
        # If the first that ccxt hears of an order is its fill, it mixes up all that follow.
        await stir(anna, heard["orders"])
        for _ in range(TURNS_MAX):  # what comes while ccxt is not asked it tells with the next
            own |= {order["id"] for order in await meet_until(anna, ben, heard)}
            placed = await anna.limit("buy", 0.01, FAR)
            own.add(placed["id"])
            await asyncio.sleep(PAUSE_S)
            await anna.cancel_order(placed["id"], MARKET)
            told = [order for order in heard["orders"].items if order["id"] in own]
            if {"open", "canceled", "closed"} <= {order["status"] for order in told}:
                break
        else:
            missing = {"open", "canceled", "closed"} - {order["status"] for order in told}
            raise AssertionError(f"of {len(own)} orders none was told as {missing}")
        assert {order["symbol"] for order in told} == {MARKET}


@chapter(SOCKETS, "watchMyTrades")
async def watch_ones_trades(venue: Venue, anna: Trader, ben: Trader) -> None:
    async with listening(trades=lambda: anna.watch_my_trades(MARKET)) as heard:
        sold = await meet_until(anna, ben, heard)
        fill = heard["trades"].items[-1]
        price = LAST if venue.prices_fills else None
        assert (fill["price"], fill["amount"], fill["side"]) == (price, 0.001, "sell")
        assert fill["order"] in {order["id"] for order in sold}


@chapter(SOCKETS, "watchBalance")
async def watch_ones_balance(venue: Venue, anna: Trader, ben: Trader) -> None:
    async with listening(balances=anna.watch_balance) as heard:
        for _ in range(TURNS_MAX):
            await meet_until(anna, ben, heard)
            await asyncio.sleep(PAUSE_S)
            truth = (await anna.fetch_balance())["USDT"]["total"]
            if heard["balances"].items[-1]["USDT"]["total"] == truth:
                return
        raise AssertionError(f"{truth} USDT were not heard, but {heard['balances'].items}")


@chapter(SOCKETS, "editOrderWs")
async def change_ones_mind_over_a_socket(venue: Venue, anna: Trader, ben: Trader) -> None:
    placed = await anna.limit("buy", 0.01, FAR)
    await anna.edit_order_ws(placed["id"], MARKET, "limit", "buy", 0.02, FARTHER)
    (edited,) = await anna.fetch_open_orders(MARKET)
    assert (edited["amount"], edited["price"]) == (0.02, FARTHER)
    await anna.cancel_order(edited["id"], MARKET)


@chapter(SOCKETS, "createOrderWs")
async def order_over_a_socket(venue: Venue, anna: Trader, ben: Trader) -> None:
    """Placed and canceled; what is refused is what it would be by a request."""
    placed = await anna.create_order_ws(MARKET, "limit", "buy", 0.01, FAR)
    assert [order["id"] for order in await anna.fetch_open_orders(MARKET)] == [placed["id"]]
    await anna.cancel_order_ws(placed["id"], None if venue.ws_cancels_by_id else MARKET)
    with pytest.raises(ccxt.ExchangeError):
        await anna.create_order_ws(MARKET, "limit", "buy", 100, FAR)
