"""What the asynchronous client of python-binance has on WebSockets: requests, orders, streams."""

import asyncio
from typing import Any

import binance
from python_binance_day import ENTRY, EXITS, LIMIT, NOBODY, PENDING, SYMBOL, Chapter, Trader

MINUTE = "1m"
LATE_S = 30  # what was watched has come by then


async def ask_over_a_socket(anna: Trader, ben: Trader) -> None:
    """What REST tells is told here by the same words."""
    assert await anna.ws_ping() == {}
    assert (await anna.ws_get_time())["serverTime"] > 0
    one = {"symbol": SYMBOL}
    for name, params in {
        "get_order_book": one,
        "get_recent_trades": one,
        "get_historical_trades": one,
        "get_aggregate_trades": one,
        "get_klines": {**one, "interval": MINUTE},
        "get_avg_price": one,
        "get_symbol_ticker": one,
        "get_orderbook_ticker": one,
        "get_all_orders": one,
        "get_open_orders": one,
        "get_my_trades": one,
        "get_allocations": one,
    }.items():
        told = await getattr(anna, f"ws_{name}")(**params)
        assert told == await getattr(anna, name)(**params), name
    account = await anna.ws_get_account()
    assert account["balances"] == (await anna.get_account())["balances"]
    candles = {**one, "interval": MINUTE}
    assert await anna.ws_get_uiKlines(**candles) == await anna.get_ui_klines(**candles)
    assert (await anna.ws_get_exchange_info(**one))["symbols"][0]["symbol"] == SYMBOL
    for window in (
        anna.ws_get_ticker,
        anna.ws_get_symbol_ticker_window,
        anna.ws_get_trading_day_ticker,
    ):
        assert (await window(**one))["symbol"] == SYMBOL
    rates = await anna.ws_get_commission_rates(**one)
    assert rates == await anna.v3_get_account_commission(**one)
    counts = await anna.ws_get_account_rate_limits_orders()
    assert {one["rateLimitType"] for one in counts} == {"ORDERS"}
    await anna.refused(-1020, anna.ws_get_prevented_matches(**one, orderId=1))


async def order_over_a_socket(anna: Trader, ben: Trader) -> None:
    """Orders, replacements, lists and refusals."""
    one = {"symbol": SYMBOL}
    assert await anna.ws_create_test_order(**LIMIT, quantity="0.01", price="40000") == {}
    resting = await anna.ws_create_order(**LIMIT, quantity="0.01", price="40000")
    found = await anna.ws_get_order(**one, orderId=resting["orderId"])
    assert found["status"] == "NEW"
    mode = {"cancelReplaceMode": "STOP_ON_FAILURE", "cancelOrderId": resting["orderId"]}
    replaced = await anna.ws_cancel_and_replace_order(
        **LIMIT, quantity="0.02", price="41000", **mode
    )
    number = replaced["newOrderResponse"]["orderId"]
    assert (await anna.ws_cancel_order(**one, orderId=number))["status"] == "CANCELED"
    limits = {"quantity": "0.01", "symbol": SYMBOL}
    await anna.ws_order_limit(**limits, side="BUY", price="40000")
    await anna.ws_order_limit_buy(**limits, price="40000")
    await anna.ws_order_limit_sell(**limits, price="60000")
    assert len(await anna.ws_cancel_all_open_orders(**one)) == 3
    await ben.order_limit_sell(symbol=SYMBOL, quantity="0.02", price="50000")
    for order in (
        await anna.ws_order_market(**limits, side="BUY"),
        await anna.ws_order_market_buy(**limits),
    ):
        assert (order["status"], order["executedQty"]) == ("FILLED", "0.01000000")
    await ben.order_limit_buy(symbol=SYMBOL, quantity="0.01", price="50000")
    assert (await anna.ws_order_market_sell(**limits))["status"] == "FILLED"
    oco = await anna.ws_create_oco_order(**limits, side="SELL", **EXITS)
    number = {"orderListId": oco["orderListId"]}
    assert (await anna.ws_get_oco_order(**number))["listOrderStatus"] == "EXECUTING"
    assert len(await anna.ws_get_oco_open_orders()) == 1
    for told in (
        oco,
        await anna.ws_create_oto_order(**one, **ENTRY, pendingType="MARKET"),
        await anna.ws_create_otoco_order(**one, **ENTRY, **PENDING),
    ):
        done = await anna.ws_cancel_oco_order(**one, orderListId=told["orderListId"])
        assert done["listOrderStatus"] == "ALL_DONE"
    refused = LIMIT | {"quantity": "100", "price": "49000"}
    await anna.refused(-2010, anna.ws_create_order(**refused))
    await anna.refused(-2011, anna.ws_cancel_order(**one, orderId=NOBODY))
    await anna.refused(-2013, anna.ws_get_order(**one, orderId=NOBODY))
    for sor in (anna.ws_create_sor_order, anna.ws_create_test_sor_order):
        await anna.refused(-1013, sor(**LIMIT, quantity="0.01", price="40000"))


async def watch(anna: Trader, ben: Trader) -> None:
    """Each socket of its manager for spot that the venue still has tells of one trade."""
    manager = binance.BinanceSocketManager(anna.client)
    made: dict[str, Any] = {
        "trade": manager.trade_socket(SYMBOL),
        "aggTrade": manager.aggtrade_socket(SYMBOL),
        "kline": manager.kline_socket(SYMBOL),
        "depthUpdate": manager.depth_socket(SYMBOL, interval=100),
        "24hrMiniTicker": manager.symbol_miniticker_socket(SYMBOL),
        "24hrTicker": manager.symbol_ticker_socket(SYMBOL),
        "bookTicker": manager.symbol_book_ticker_socket(SYMBOL),
        "all of 24hrMiniTicker": manager.miniticker_socket(),
        "all of 24hrTicker": manager.ticker_socket(),
        "combined": manager.multiplex_socket([f"{SYMBOL.lower()}@trade"]),
        "executionReport": manager.user_socket(),
    }
    sockets = {kind: await socket.__aenter__() for kind, socket in made.items()}
    try:
        await ben.order_limit_sell(symbol=SYMBOL, quantity="0.01", price="50000")
        await anna.order_limit_buy(symbol=SYMBOL, quantity="0.01", price="50000")
        heard = await asyncio.wait_for(
            asyncio.gather(*(socket.recv() for socket in sockets.values())), LATE_S
        )
    finally:  # at once: each waits for a read of its own to end
        await asyncio.gather(*(socket.__aexit__(None, None, None) for socket in made.values()))
    told = dict(zip(sockets, heard, strict=True))
    for kind, message in told.items():
        expected = kind.removeprefix("all of ")
        one = message[0] if isinstance(message, list) else message
        one = one.get("data", one)
        assert one["s"] == SYMBOL
        assert one.get("e", "bookTicker") == {"combined": "trade"}.get(expected, expected)


ON_SOCKETS: tuple[Chapter, ...] = (ask_over_a_socket, order_over_a_socket, watch)

# What is not shown, by the reason; expressions for names.
EXCUSED: dict[str, str] = {
    "of futures": r"(ws_)?futures_\w+|get_future_hourly\w+|\w*subaccount_futures\w*",
    "of options": r"options_\w+",
    "portfolio margin": r"papi_\w+",
    "margin: nobody lends here": (
        r"margin_\w+|\w+_margin(_\w+)?|\w+isolated\w*|\w*small_liability\w*|get_personal_left_quota"
    ),
    "there is one wallet: nothing to move between": (
        r"\w*universal_transfer\w*|funding_wallet|transfer_history|new_transfer_history"
        r"|\w*sub_?account\w*|get_account_snapshot"
    ),
    "fiat, gifts, conversions, dust and earning are no exchange": (
        r"convert_(accept|request)_quote|get_convert_\w+|\w*dust\w*|get_fiat_\w+|gift_card_\w+"
        r"|\w*simple_earn\w*|\w*stak(e|ing)_?\w*|get_c2c_\w+|get_pay_\w+|\w*fixed_activity\w*"
    ),
    "of the venue's site and back office": (
        r"get_products|get_asset_(details|dividend_history)|get_user_asset|get_spot_delist_schedule"
        r"|get_account_(status|api_trading_status)|(en|dis)able_fast_withdraw_switch"
    ),
    "asks no exchange": r"create|convert_to_dict|encode_uri_component|uuid22",
    "another name of a request that is shown": (
        r"v3_(get|post|put|delete)_(open_orders?|order|user_data_stream|account|all_orders|my_\w+"
        r"|open_order_list|rate_limit_order|order_cancel_replace|order_list_oco|order_test)"
    ),
    "it asks for a path that the venue has not": r"v3_post_cancel_replace",
    "of one withdrawal, which a day without one does not have": r"get_withdraw_history_id",
}
