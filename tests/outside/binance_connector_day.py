"""A day of trading with binance-connector, as a program of its own: its import name is taken here.

It reads JSON from standard input: `settings` as `steelyard env` prints them, the keys of two
accounts (`own`, `maker`), `pairs` with a private key each, and the prices of a quiet market. It
writes which methods it has called, and which there are.
"""

import inspect
import json
import sys
import time
from collections import defaultdict
from queue import Queue

from binance.error import ClientError
from binance.spot import Spot
from binance.websocket.spot.websocket_api import SpotWebsocketAPIClient
from binance.websocket.spot.websocket_stream import SpotWebsocketStreamClient

from steelyard.net.clock import Clock

SYMBOL = "BTCUSDT"
CLOCK = Clock()
WAIT_S = 20
GIVEN = json.load(sys.stdin)
SETTINGS, AT = GIVEN["settings"], GIVEN["prices"]
LIMIT = {"type": "LIMIT", "timeInForce": "GTC"}
RESTING = {"symbol": SYMBOL, "side": "BUY", "quantity": 0.01, "price": AT["below"], **LIMIT}
OCO = {
    "symbol": SYMBOL,
    "side": "SELL",
    "quantity": 0.01,
    "aboveType": "LIMIT_MAKER",
    "abovePrice": AT["above"],
    "belowType": "STOP_LOSS",
    "belowStopPrice": AT["below"],
}
ENTRY = {
    "symbol": SYMBOL,
    "workingType": "LIMIT",
    "workingSide": "BUY",
    "workingPrice": AT["below"],
    "workingQuantity": 0.01,
    "workingTimeInForce": "GTC",
    "pendingSide": "SELL",
    "pendingQuantity": 0.01,
}
EXIT = {"pendingType": "LIMIT_MAKER", "pendingPrice": AT["above"]}
EXITS = {
    "pendingAboveType": "LIMIT_MAKER",
    "pendingAbovePrice": AT["above"],
    "pendingBelowType": "STOP_LOSS",
    "pendingBelowStopPrice": AT["far_below"],
}
called = defaultdict(set)


class Noted:
    """A client, and a note of the methods that are called."""

    def __init__(self, client):
        self._client = client

    def __getattr__(self, name):
        called[type(self._client).__name__].add(name)
        return getattr(self._client, name)


def rest(key, **options):
    """Return a client of an account: `key` as it was made, or with a private key."""
    credentials = {"api_key": key["key"], "api_secret": key.get("secret"), **options}
    return Noted(Spot(**SETTINGS["Spot"], **credentials))


def refused(code, method, *arguments, **parameters):
    """Call a method that the venue refuses, and return what it raises."""
    try:
        told = method(*arguments, **parameters)
    except ClientError as error:
        found = error
    else:
        raise AssertionError(f"{method.__name__} was to be refused with {code}: {told}")
    assert found.error_code == code, vars(found)
    return found


def now_s():
    return CLOCK.now_ns() / 10**9


def numbers(orders):
    return [order["orderId"] for order in orders]


# -- over REST ----------------------------------------------------------------------------------


def market(client):
    assert client.ping() == {}
    assert abs(client.time()["serverTime"] / 1_000 - now_s()) < 2
    micro = Noted(Spot(**SETTINGS["Spot"], time_unit="microsecond"))
    assert abs(micro.time()["serverTime"] / 1_000_000 - now_s()) < 2
    (symbol,) = client.exchange_info(symbols=[SYMBOL], permissions=None)["symbols"]
    assert symbol == client.exchange_info(symbol=SYMBOL)["symbols"][0]
    touch = [AT["bid"], AT["ask"]]
    book = client.depth(SYMBOL, limit=5)
    assert [float(book[side][0][0]) for side in ("bids", "asks")] == touch
    best = client.book_ticker(SYMBOL)
    assert [float(best["bidPrice"]), float(best["askPrice"])] == touch
    assert client.trades(SYMBOL)[0] == client.historical_trades(SYMBOL, fromId=1)[0]
    assert client.agg_trades(SYMBOL, fromId=1)[0]["a"] == 1
    for candles in (client.klines, client.ui_klines):
        assert len(candles(SYMBOL, "1h", limit=2)[-1]) == 12
    assert touch[0] <= float(client.avg_price(SYMBOL)["price"]) <= touch[1]
    for ticker in (client.ticker_24hr, client.ticker_price, client.trading_day_ticker):
        assert ticker(symbol=SYMBOL)["symbol"] == ticker(symbols=[SYMBOL])[0]["symbol"] == SYMBOL
    assert client.rolling_window_ticker(symbol=SYMBOL, windowSize="4h")["count"] > 0
    assert "signature" not in client.query("/api/v3/time")


def account(client):
    told = client.account(omitZeroBalances="true")
    assert {balance["asset"] for balance in told["balances"]} == {"BTC", "USDT"}
    assert client.api_key_permissions()["enableSpotAndMarginTrading"] is True
    assert client.query_commission_rates(SYMBOL)["standardCommission"]["taker"] == "0.00100000"
    assert client.query_allocations(SYMBOL) == []
    assert [limit["interval"] for limit in client.get_order_rate_limit()] == ["SECOND", "DAY"]
    assert client.system_status()["status"] == 0
    assert client.trade_fee(symbol=SYMBOL)[0]["symbol"] == SYMBOL
    assert {coin["coin"] for coin in client.coin_info()} >= {"BTC", "USDT"}
    assert client.deposit_address("BTC")["coin"] == "BTC"
    assert (client.deposit_history(), client.withdraw_history()) == ([], [])
    limits = Noted(Spot(**SETTINGS["Spot"], show_limit_usage=True))
    assert "x-mbx-used-weight-1m" in limits.ping()["limit_usage"]


def orders(client, maker):
    """Every type that the venue has, each looked up and canceled; then what becomes of orders."""
    for kind, side, more, status in (
        ("LIMIT", "SELL", {"price": AT["above"], "timeInForce": "GTC"}, "NEW"),
        ("LIMIT", "BUY", {"price": AT["below"], "timeInForce": "IOC"}, "EXPIRED"),
        ("LIMIT", "BUY", {"price": AT["below"], "timeInForce": "FOK"}, "EXPIRED"),
        ("LIMIT_MAKER", "BUY", {"price": AT["below"]}, "NEW"),
        ("LIMIT", "BUY", {"price": AT["below"], "timeInForce": "GTC", "icebergQty": 0.002}, "NEW"),
        ("MARKET", "BUY", {}, "FILLED"),
        ("STOP_LOSS", "SELL", {"stopPrice": AT["below"]}, "NEW"),
        ("TAKE_PROFIT", "SELL", {"stopPrice": AT["above"]}, "NEW"),
        (
            "STOP_LOSS_LIMIT",
            "SELL",
            {"stopPrice": AT["below"], "price": AT["far_below"], "timeInForce": "GTC"},
            "NEW",
        ),
        (
            "TAKE_PROFIT_LIMIT",
            "BUY",
            {"stopPrice": AT["below"], "price": AT["below"], "timeInForce": "GTC"},
            "NEW",
        ),
        ("STOP_LOSS", "SELL", {"trailingDelta": 250}, "NEW"),
    ):
        assert client.new_order_test(SYMBOL, side, kind, quantity=0.02, **more) == {}
        placed = client.new_order(SYMBOL, side, kind, quantity=0.02, **more)
        found = client.get_order(SYMBOL, orderId=placed["orderId"])
        assert (found["type"], found["status"]) == (kind, status), found
        if status == "NEW":
            canceled = client.cancel_order(SYMBOL, orderId=placed["orderId"])
            assert canceled["status"] == "CANCELED"
    spent = client.new_order(SYMBOL, "BUY", "MARKET", quoteOrderQty=100)
    assert 99 < float(spent["cummulativeQuoteQty"]) <= 100
    partly = client.new_order(**{**RESTING, "price": AT["bid"] + 0.5, "quantity": 0.02})
    sale = {**RESTING, "side": "SELL", "price": AT["bid"] + 0.5, "timeInForce": "IOC"}
    maker.new_order(**sale)
    assert client.get_order(SYMBOL, orderId=partly["orderId"])["status"] == "PARTIALLY_FILLED"
    (fill,) = client.my_trades(SYMBOL, orderId=partly["orderId"])
    assert (fill["isMaker"], fill["commissionAsset"]) == (True, "BTC")
    told = client.cancel_and_replace(
        **{**RESTING, "cancelReplaceMode": "STOP_ON_FAILURE", "cancelOrderId": partly["orderId"]}
    )
    assert (told["cancelResult"], told["newOrderResult"]) == ("SUCCESS", "SUCCESS")
    assert numbers(client.get_open_orders(SYMBOL)) == [told["newOrderResponse"]["orderId"]]
    assert partly["orderId"] in numbers(client.get_orders(SYMBOL))
    assert numbers(client.cancel_open_orders(SYMBOL)) == [told["newOrderResponse"]["orderId"]]


def lists(client):
    told = client.new_oco_order(**OCO)
    number = told["orderListId"]
    assert client.get_oco_order(orderListId=number)["orders"] == told["orders"]
    assert [each["orderListId"] for each in client.get_oco_open_orders()] == [number]
    assert client.cancel_oco_order(SYMBOL, orderListId=number)["listOrderStatus"] == "ALL_DONE"
    for place, more in ((client.new_oto_order, EXIT), (client.new_otoco_order, EXITS)):
        told = place(**ENTRY, **more)
        assert {report["status"] for report in told["orderReports"]} == {"NEW", "PENDING_NEW"}
        client.cancel_order(SYMBOL, orderId=told["orders"][0]["orderId"])
    assert [each["listOrderStatus"] for each in client.get_oco_orders()] == ["ALL_DONE"] * 3


def errors(client, own):
    refused(-1121, client.depth, "NOSUCH")
    refused(-2010, client.new_order, **{**RESTING, "quantity": 1_000})
    refused(-1013, client.new_order, **{**RESTING, "price": 40_000.001})
    refused(-2011, client.cancel_order, SYMBOL, orderId=10**9)
    refused(-2013, client.get_order, SYMBOL, orderId=10**9)
    refused(-1020, client.query_prevented_matches, SYMBOL, orderId=1)
    change = {**RESTING, "cancelReplaceMode": "STOP_ON_FAILURE", "cancelOrderId": 10**9}
    error = refused(-2022, client.cancel_and_replace, **change)
    assert error.error_data["newOrderResult"] == "NOT_ATTEMPTED"
    error = refused(-1022, rest({**own, "secret": "none"}).account)
    assert (error.status_code, error.error_message[:9]) == (400, "Signature")
    assert refused(-2008, rest({"key": "x" * 64, "secret": "none"}).account).status_code == 401


def keys():
    for key in GIVEN["pairs"]:
        client = rest(key, private_key=key["private"])
        placed = client.new_order(**RESTING)
        assert client.cancel_order(SYMBOL, orderId=placed["orderId"])["status"] == "CANCELED"


# -- over WebSockets ----------------------------------------------------------------------------


class Heard:
    """What a socket's thread has heard."""

    def __init__(self):
        self.messages = Queue()
        self.options = {"on_message": self._hear, "on_pong": lambda _: self.messages.put("pong")}

    def _hear(self, _, text):
        self.messages.put(json.loads(text))

    def until(self, fits):
        """Return the first message that fits."""
        while True:
            message = self.messages.get(timeout=WAIT_S)
            if fits(message):
                return message


def streams(own_rest):
    """One stream each by its own method, some of them combined, and the account's."""
    for is_combined in (False, True):
        heard = Heard()
        settings = {**SETTINGS["SpotWebsocketStreamClient"], "is_combined": is_combined}
        client = Noted(SpotWebsocketStreamClient(**settings, **heard.options))
        client.subscribe("btcusdt@bookTicker", id=1)
        heard.until(lambda m: m == {"result": None, "id": 1})
        client.list_subscribe(id=2)
        assert heard.until(lambda m: m.get("id") == 2)["result"] == ["btcusdt@bookTicker"]
        client.unsubscribe("btcusdt@bookTicker", id=3)
        heard.until(lambda m: m.get("id") == 3)
        client.ping()
        heard.until(lambda m: m == "pong")
        listen_key = own_rest.new_listen_key()["listenKey"]
        own_rest.renew_listen_key(listen_key)
        for number, (subscribe, arguments) in enumerate(
            (
                (client.agg_trade, (SYMBOL,)),
                (client.trade, (SYMBOL,)),
                (client.book_ticker, (SYMBOL,)),
                (client.diff_book_depth, (SYMBOL, 100)),
                (client.partial_book_depth, (SYMBOL, 5, 100)),
                (client.kline, (SYMBOL, "1s")),
                (client.kline_timezone_offset, (SYMBOL, "1d")),
                (client.mini_ticker, ()),
                (client.ticker, (SYMBOL,)),
                (client.rolling_window_ticker, (SYMBOL, "1h")),
                (client.rolling_window_ticker_all_symbols, ("4h",)),
                (client.user_data, (listen_key,)),
            ),
            start=10,
        ):
            if number % 4 == 2:
                time.sleep(1)  # no more than five messages a second
            subscribe(*arguments, id=number)
            answer = heard.until(lambda m, number=number: isinstance(m, dict) and "id" in m)
            assert answer == {"result": None, "id": number}, answer
        placed = own_rest.new_order(SYMBOL, "BUY", "MARKET", quantity=0.01)
        wanted = {*EVENTS, "book", "touch"}
        while wanted:
            message = heard.messages.get(timeout=WAIT_S)
            if is_combined:
                assert message.keys() == {"stream", "data"}
                message = message["data"]
            wanted.discard(name_of(message))
            if name_of(message) == "executionReport":
                assert message["i"] == placed["orderId"]
        own_rest.close_listen_key(listen_key)
        client.stop()


EVENTS = {
    *("aggTrade", "trade", "depthUpdate", "kline", "24hrMiniTicker", "24hrTicker"),
    *("1hTicker", "4hTicker", "executionReport", "outboundAccountPosition"),
}


def name_of(message):
    """Return what an event calls itself; two kinds have no name."""
    if isinstance(message, list):
        return message[0]["e"]
    if "e" in message:
        return message["e"]
    return "book" if "lastUpdateId" in message else "touch"


def websocket_api(own):
    heard = Heard()
    credentials = {"api_key": own["key"], "api_secret": own["secret"]}
    settings = SETTINGS["SpotWebsocketAPIClient"]
    client = Noted(SpotWebsocketAPIClient(**settings, **credentials, **heard.options))

    def ask(method, *arguments, code=None, **parameters):
        method(*arguments, **parameters)
        answer = heard.until(lambda m: isinstance(m, dict) and "status" in m)
        if code is None:
            assert answer["status"] == 200, answer
            return answer["result"]
        assert answer["error"]["code"] == code, answer
        return answer["error"]

    assert ask(client.ping_connectivity) == {}
    assert abs(ask(client.server_time)["serverTime"] / 1_000 - now_s()) < 2
    assert ask(client.exchange_info, symbols=[SYMBOL])["symbols"][0]["symbol"] == SYMBOL
    assert float(ask(client.order_book, SYMBOL, limit=5)["bids"][0][0]) == AT["bid"]
    assert ask(client.recent_trades, SYMBOL, limit=5)
    assert ask(client.historical_trades, SYMBOL, own["key"], fromId=1)[0]["id"] == 1
    assert ask(client.aggregate_trades, SYMBOL, fromId=1)[0]["a"] == 1
    for candles in (client.klines, client.ui_klines):
        assert len(ask(candles, SYMBOL, "1h", limit=2)[-1]) == 12
    assert float(ask(client.avg_price, SYMBOL)["price"]) > 0
    for ticker in (client.ticker, client.ticker_24hr, client.ticker_price, client.ticker_book):
        assert ask(ticker, symbols=[SYMBOL])[0]["symbol"] == SYMBOL
    listen_key = ask(client.user_data_start)["listenKey"]
    assert ask(client.user_data_ping, listen_key) == {}
    assert ask(client.user_data_stop, listen_key) == {}

    assert ask(client.new_order_test, **RESTING) == {}
    placed = ask(client.new_order, **RESTING)
    assert ask(client.get_order, SYMBOL, orderId=placed["orderId"])["status"] == "NEW"
    change = {**RESTING, "cancelReplaceMode": "STOP_ON_FAILURE"}
    told = ask(client.cancel_replace_order, **change, cancelOrderId=placed["orderId"])
    number = told["newOrderResponse"]["orderId"]
    assert numbers(ask(client.get_open_orders, symbol=SYMBOL)) == [number]
    assert ask(client.cancel_order, SYMBOL, orderId=number)["status"] == "CANCELED"
    bought = ask(client.new_order, SYMBOL, "BUY", "MARKET", quoteOrderQty=100)
    assert ask(client.my_trades, symbol=SYMBOL, orderId=bought["orderId"])
    assert ask(client.account)["canTrade"] is True
    assert [limit["interval"] for limit in ask(client.order_rate_limit)] == ["SECOND", "DAY"]
    assert number in numbers(ask(client.order_history, symbol=SYMBOL))
    ask(client.prevented_matches, SYMBOL, orderId=1, code=-1020)
    listed = ask(client.new_oco_order, **OCO)["orderListId"]
    assert ask(client.get_oco_order, orderListId=listed)["orderListId"] == listed
    assert [each["orderListId"] for each in ask(client.get_open_oco_orders)] == [listed]
    ask(client.cancel_oco_order, SYMBOL, orderListId=listed)
    for place, more in ((client.new_oto_order, EXIT), (client.new_otoco_order, EXITS)):
        assert ask(place, **ENTRY, **more)["contingencyType"] == "OTO"
    assert len(ask(client.cancel_open_orders, SYMBOL)) == 2
    assert ask(client.oco_history)[-1]["listOrderStatus"] == "ALL_DONE"
    ask(client.new_order, **{**RESTING, "quantity": 1_000}, code=-2010)
    ask(client.cancel_order, SYMBOL, orderId=10**9, code=-2011)
    client.ping()
    heard.until(lambda m: m == "pong")
    client.stop()


def rooms(kind):
    """Return the public methods of a class, by the module that they are in."""
    found = defaultdict(list)
    for name, method in inspect.getmembers(kind, inspect.isfunction):
        if not name.startswith("_"):
            found[method.__module__.rpartition(".")[2]].append(name)
    return found


def main():
    own, maker = rest(GIVEN["own"]), rest(GIVEN["maker"])
    market(own)
    account(own)
    orders(own, maker)
    lists(own)
    errors(own, GIVEN["own"])
    keys()
    streams(own)
    websocket_api(GIVEN["own"])
    kinds = (Spot, SpotWebsocketStreamClient, SpotWebsocketAPIClient)
    json.dump(
        {
            "called": {name: sorted(methods) for name, methods in called.items()},
            "offered": {kind.__name__: rooms(kind) for kind in kinds},
        },
        sys.stdout,
    )


if __name__ == "__main__":
    main()
