"""A trading day in the words of python-binance, told once for its two clients.

Two traders meet on a market where nothing else happens (`quiet_market`). What they ask over the
WebSocket API is at the end of the day: the asynchronous client has it alone.
"""

import inspect
from collections.abc import Awaitable, Callable
from typing import Any

import binance
import pytest

SYMBOL = "BTCUSDT"
FUNDS = {"USDT": "100000", "BTC": "2"}
NOBODY = 999_999_999
LIMIT = {"symbol": SYMBOL, "side": "BUY", "type": "LIMIT", "timeInForce": "GTC"}
EXITS = {
    "aboveType": "LIMIT_MAKER",
    "abovePrice": "55000",
    "belowType": "STOP_LOSS_LIMIT",
    "belowStopPrice": "45000",
    "belowPrice": "44900",
    "belowTimeInForce": "GTC",
}
MIRRORED = {
    "aboveType": "STOP_LOSS_LIMIT",
    "aboveStopPrice": "55000",
    "abovePrice": "55100",
    "aboveTimeInForce": "GTC",
    "belowType": "LIMIT_MAKER",
    "belowPrice": "45000",
}
ENTRY = {
    "workingType": "LIMIT",
    "workingSide": "BUY",
    "workingPrice": "50000",
    "workingQuantity": "0.01",
    "workingTimeInForce": "GTC",
    "pendingSide": "SELL",
    "pendingQuantity": "0.01",
}
PENDING = {f"pending{name[0].upper()}{name[1:]}": value for name, value in EXITS.items()}


class Trader:
    """A client whose calls are awaited whether it is asynchronous or not.

    Args:
        client: A `Client` or an `AsyncClient`.
        asked: Takes the names of the methods that were called.
    """

    def __init__(self, client: Any, asked: set[str]) -> None:
        self.client = client
        self.asked = asked

    def __getattr__(self, name: str) -> Any:
        method = getattr(self.client, name)
        self.asked.add(name)

        async def call(*arguments: Any, **options: Any) -> Any:
            answer = method(*arguments, **options)
            if inspect.isawaitable(answer):
                answer = await answer
            return [one async for one in answer] if inspect.isasyncgen(answer) else answer

        return call

    async def found(self, order: Any) -> Any:
        """Return an order as it is now."""
        return await self.get_order(symbol=SYMBOL, orderId=order["orderId"])

    async def refused(self, code: int, call: Awaitable[Any]) -> None:
        """Expect the venue's code for a call."""
        with pytest.raises(binance.BinanceAPIException) as refused:
            await call
        assert refused.value.code == code


Chapter = Callable[[Trader, Trader], Awaitable[None]]


async def look_around(anna: Trader, ben: Trader) -> None:
    """Rules, clock, prices, book, trades and candles."""
    assert await anna.ping() == {}
    assert (await anna.get_server_time())["serverTime"] > 0
    info = await anna.get_symbol_info(SYMBOL)
    assert info == (await anna.get_exchange_info())["symbols"][0]
    book = await anna.get_order_book(symbol=SYMBOL)
    assert book["bids"] == [["49900.00000000", "5.00000000"]]
    assert (await anna.get_orderbook_ticker(symbol=SYMBOL))["askPrice"] == "50100.00000000"
    assert [one["symbol"] for one in await anna.get_orderbook_tickers()] == [SYMBOL]
    assert [one["price"] for one in await anna.get_all_tickers()] == ["50000.00000000"]
    assert (await anna.get_symbol_ticker(symbol=SYMBOL))["price"] == "50000.00000000"
    assert (await anna.get_ticker(symbol=SYMBOL))["lastPrice"] == "50000.00000000"
    assert (await anna.get_symbol_ticker_window(symbol=SYMBOL))["symbol"] == SYMBOL
    assert (await anna.v3_get_ticker_trading_day(symbol=SYMBOL))["symbol"] == SYMBOL
    assert (await anna.get_avg_price(symbol=SYMBOL))["mins"] == 5
    for candles in (anna.get_klines, anna.get_ui_klines):
        assert (await candles(symbol=SYMBOL, interval="1m"))[-1][4] == "50000.00000000"
    for history in (anna.get_historical_klines, anna.get_historical_klines_generator):
        assert (await _all(history(SYMBOL, "1m", "1 hour ago UTC")))[-1][4] == "50000.00000000"
    assert (await anna.get_system_status())["status"] == 0


async def _all(answer: Awaitable[Any]) -> list[Any]:
    return list(await answer)


async def trade_with_each_other(anna: Trader, ben: Trader) -> None:
    """A bid that is hit twice; fills, fees and balances."""
    bid = await anna.order_limit_buy(symbol=SYMBOL, quantity="0.5", price="50000")
    assert (await anna.get_asset_balance(asset="USDT"))["locked"] == "25000.00000000"
    sold = await ben.order_market_sell(symbol=SYMBOL, quantity="0.2")
    assert (sold["status"], sold["cummulativeQuoteQty"]) == ("FILLED", "10000.00000000")
    assert [fill["commission"] for fill in sold["fills"]] == ["10.00000000"]
    partly = await anna.found(bid)
    assert (partly["status"], partly["executedQty"]) == ("PARTIALLY_FILLED", "0.20000000")
    assert [o["orderId"] for o in await anna.get_open_orders(symbol=SYMBOL)] == [bid["orderId"]]
    await ben.order_limit_sell(symbol=SYMBOL, quantity="0.3", price="50000", timeInForce="FOK")
    assert (await anna.found(bid))["status"] == "FILLED"
    fills = await anna.get_my_trades(symbol=SYMBOL)
    assert [(fill["qty"], fill["isMaker"]) for fill in fills] == [
        ("0.20000000", True),
        ("0.30000000", True),
    ]
    account = await anna.get_account()
    balances = {one["asset"]: one["free"] for one in account["balances"]}
    assert (balances["BTC"], balances["USDT"]) == ("2.49950000", "75000.00000000")
    for trades in (anna.get_recent_trades, anna.get_historical_trades):
        assert [trade["qty"] for trade in (await trades(symbol=SYMBOL))[-2:]] == [
            "0.20000000",
            "0.30000000",
        ]
    found = await anna.get_aggregate_trades(symbol=SYMBOL)
    walked = await _all(anna.aggregate_trade_iter(SYMBOL, last_id=found[0]["a"] - 1 or None))
    assert [one["q"] for one in found[-2:]] == ["0.20000000", "0.30000000"]
    assert walked[-1] == found[-1]


async def place_every_type(anna: Trader, ben: Trader) -> None:
    """Orders that rest, wait, take and are tested; all are canceled at once."""
    placed = [
        await anna.create_order(**LIMIT, quantity="0.01", price="40000"),
        await anna.order_limit(symbol=SYMBOL, side="BUY", quantity="0.01", price="40000"),
        await _typed(anna, "LIMIT_MAKER", "BUY", price="40000"),
        await _typed(anna, "STOP_LOSS", "SELL", stopPrice="45000"),
        await _typed(anna, "TAKE_PROFIT", "SELL", stopPrice="55000"),
        await _typed(
            anna, "STOP_LOSS_LIMIT", "SELL", stopPrice="45000", price="44900", timeInForce="GTC"
        ),
        await _typed(
            anna, "TAKE_PROFIT_LIMIT", "SELL", stopPrice="55000", price="55100", timeInForce="GTC"
        ),
        await _typed(anna, "STOP_LOSS", "SELL", trailingDelta=200),
    ]
    opened = {order["orderId"] for order in await anna.get_open_orders()}
    assert opened == {order["orderId"] for order in placed}
    assert await anna.create_test_order(**LIMIT, quantity="0.01", price="40000") == {}
    canceled = await anna.cancel_all_open_orders(symbol=SYMBOL)
    assert {order["status"] for order in canceled} == {"CANCELED"}
    await ben.order_limit_sell(symbol=SYMBOL, quantity="0.03", price="50000")
    for order in (
        await anna.order_market(symbol=SYMBOL, side="BUY", quantity="0.01"),
        await anna.order_market_buy(symbol=SYMBOL, quoteOrderQty="500"),
        await anna.create_order(**{**LIMIT, "timeInForce": "IOC"}, quantity="0.01", price="50000"),
    ):
        assert (order["status"], order["executedQty"]) == ("FILLED", "0.01000000")
    counts = await anna.get_current_order_count()
    assert [one["rateLimitType"] for one in counts] == ["ORDERS", "ORDERS"]


async def _typed(trader: Trader, kind: str, side: str, **fields: Any) -> Any:
    order = {"symbol": SYMBOL, "type": kind, "side": side, "quantity": "0.01", **fields}
    return await trader.create_order(**order)


async def replace_and_bracket(anna: Trader, ben: Trader) -> None:
    """Cancel-replace, OCO, OTO and OTOCO, and what is told of lists."""
    order = await anna.order_limit_buy(symbol=SYMBOL, quantity="0.01", price="40000")
    mode = {"cancelReplaceMode": "STOP_ON_FAILURE", "cancelOrderId": order["orderId"]}
    told = await anna.cancel_replace_order(**LIMIT, quantity="0.02", price="41000", **mode)
    assert told["newOrderResult"] == "SUCCESS"
    await anna.cancel_order(symbol=SYMBOL, orderId=told["newOrderResponse"]["orderId"])
    base = {"symbol": SYMBOL}
    oco = await anna.create_oco_order(**base, side="SELL", quantity="0.01", **EXITS)
    number = {"orderListId": oco["orderListId"]}
    assert [one["orderListId"] for one in await anna.get_open_oco_orders()] == [*number.values()]
    assert (await anna.v3_get_order_list(**number))["listOrderStatus"] == "EXECUTING"
    done = await anna.v3_delete_order_list(**base, **number)
    assert done["listOrderStatus"] == "ALL_DONE"
    for method, prices in ((anna.order_oco_sell, EXITS), (anna.order_oco_buy, MIRRORED)):
        told = await method(**base, quantity="0.01", **prices)
        await anna.v3_delete_order_list(**base, orderListId=told["orderListId"])
    oto = await anna.v3_post_order_list_oto(**base, **ENTRY, pendingType="MARKET")
    await anna.v3_delete_order_list(**base, orderListId=oto["orderListId"])
    otoco = await anna.v3_post_order_list_otoco(**base, **ENTRY, **PENDING)
    await ben.order_market_sell(symbol=SYMBOL, quantity="0.01")
    states = [(await anna.found(order))["status"] for order in otoco["orders"]]
    assert states[0] == "FILLED"
    assert set(states[1:]) == {"NEW"}
    await anna.v3_delete_order_list(**base, orderListId=otoco["orderListId"])
    assert len(await anna.v3_get_all_order_list()) == 5
    assert await anna.get_open_orders() == []


async def ask_for_the_rest(anna: Trader, ben: Trader) -> None:
    """History, fees, permissions, the wallet, listen keys."""
    states = {order["status"] for order in await anna.get_all_orders(symbol=SYMBOL)}
    assert states == {"FILLED", "CANCELED"}
    assert (await anna.get_trade_fee(symbol=SYMBOL))[0]["makerCommission"] == "0.00100000"
    rates = await anna.v3_get_account_commission(symbol=SYMBOL)
    assert rates["standardCommission"]["maker"] == "0.00100000"
    permissions = await anna.get_account_api_permissions()
    assert permissions["enableSpotAndMarginTrading"]
    assert not permissions["enableWithdrawals"]
    assert await anna.get_allocations(symbol=SYMBOL) == []
    coins = {coin["coin"] for coin in await anna.get_all_coins_info()}
    assert coins >= {"BTC", "USDT"}
    address = await anna.get_deposit_address(coin="BTC")
    assert address["address"].startswith("sandbox-bitcoin-")
    assert await anna.get_deposit_history() == await anna.get_withdraw_history() == []
    key = await anna.stream_get_listen_key()
    assert await anna.stream_keepalive(key) == {}
    assert await anna.stream_close(key) == {}


async def be_refused(anna: Trader, ben: Trader) -> None:
    """Each refusal has the venue's code, and leaves nothing behind."""
    for fields, code in (
        ({"quantity": "100", "price": "49000"}, -2010),  # insufficient balance
        ({"quantity": "0.0001", "price": "40000"}, -1013),  # NOTIONAL
        ({"quantity": "0.000001", "price": "40000"}, -1013),  # LOT_SIZE
        ({"quantity": "0.01", "price": "40000.001"}, -1013),  # PRICE_FILTER
        ({"quantity": "0.01"}, -1102),  # no price
        ({"quantity": "0.01", "price": "40000", "nonsense": "1"}, -1104),
        ({"quantity": "0.01", "price": "cheap"}, -1100),
    ):
        await anna.refused(code, anna.create_order(**LIMIT, **fields))
    await anna.refused(-2011, anna.cancel_order(symbol=SYMBOL, orderId=NOBODY))
    await anna.refused(-2013, anna.get_order(symbol=SYMBOL, orderId=NOBODY))
    await anna.refused(-2011, anna.cancel_all_open_orders(symbol=SYMBOL))
    await anna.refused(-1121, anna.get_order_book(symbol="NOPE"))
    withdrawal = {"coin": "BTC", "address": "nowhere", "amount": "0.1"}
    await anna.refused(-2015, anna.withdraw(**withdrawal))
    await anna.refused(-1020, anna.get_prevented_matches(symbol=SYMBOL, orderId=1))
    for sor in (anna.v3_post_sor_order, anna.v3_post_sor_order_test):
        await anna.refused(-1013, sor(**LIMIT, quantity="0.01", price="40000"))
    assert await anna.get_open_orders() == []


CHAPTERS: tuple[Chapter, ...] = (
    look_around,
    trade_with_each_other,
    place_every_type,
    replace_and_bracket,
    be_refused,
    ask_for_the_rest,
)
