"""A day with coinbase-advanced-py, as a program of its own: it wants older `websockets` than we do.

It reads JSON from standard input: `settings` as `steelyard env` prints them, keys of two accounts
(`own`, `maker`) and the prices of a quiet market. It writes which methods it has called, and which
there are.
"""

import inspect
import json
import sys
import time
from collections import defaultdict

from coinbase.rest import RESTClient
from coinbase.websocket import WSClient, WSUserClient
from requests.exceptions import HTTPError

from steelyard.net.clock import Clock

GIVEN = json.load(sys.stdin)
SETTINGS, AT = GIVEN["settings"], GIVEN["prices"]
PRODUCT, SIZE, WAIT_S = "BTC-USDT", "0.01", 20
LATER = "2099-01-01T00:00:00Z"
UP, DOWN = "STOP_DIRECTION_STOP_UP", "STOP_DIRECTION_STOP_DOWN"
PUBLIC_CHANNELS = ("heartbeats", "candles", "market_trades", "status", "ticker", "ticker_batch")
called = defaultdict(set)


class Noted:
    """A client, and a note of the methods that are called."""

    def __init__(self, client):
        self._client = client

    def __getattr__(self, name):
        called[type(self._client).__name__].add(name)
        return getattr(self._client, name)


def now_s():
    return Clock().now_ns() // 10**9


def rest(key):
    """Return a client of an account."""
    return Noted(RESTClient(key["key"], key["secret"], **SETTINGS["RESTClient"]))


own, maker = rest(GIVEN["own"]), rest(GIVEN["maker"])


def plain(answer):
    """Return an answer as dictionaries and lists."""
    return answer if isinstance(answer, dict) else answer.to_dict()


def placed(answer):
    """Return the id of an order that was taken up."""
    told = plain(answer)
    assert told["success"], told
    return told["success_response"]["order_id"]


def order(order_id):
    return plain(own.get_order(order_id))["order"]


def cancel(*order_ids):
    told = plain(own.cancel_orders([*order_ids]))["results"]
    assert [each["success"] for each in told] == [True] * len(order_ids), told


def refused(call, *arguments, text, **options):
    said = "nothing"
    try:
        call(*arguments, **options)
    except HTTPError as error:
        said = str(error)
    assert text in said, said


def look_around():
    """Clock, products, books, trades and candles; with a key and without."""
    assert abs(int(plain(own.get_unix_time())["epoch_seconds"]) - now_s()) < 5
    products = plain(own.get_products())["products"]
    assert PRODUCT in {each["product_id"] for each in products}
    for ask in (own.get_product, own.get_public_product):
        assert plain(ask(PRODUCT))["price_increment"] == "0.01"
    assert plain(own.get_public_products())["num_products"] == len(products)
    for ask in (own.get_product_book, own.get_public_product_book):
        book = plain(ask(PRODUCT, limit=5))["pricebook"]
        touch = float(book["bids"][0]["price"]), float(book["asks"][0]["price"])
        assert touch == (AT["bid"], AT["ask"])
    (best,) = plain(own.get_best_bid_ask([PRODUCT]))["pricebooks"]
    assert float(best["bids"][0]["price"]) == AT["bid"]
    for ask in (own.get_candles, own.get_public_candles):
        candles = plain(ask(PRODUCT, str(now_s() - 7200), str(now_s()), "ONE_MINUTE"))["candles"]
        assert candles
    for ask in (own.get_market_trades, own.get_public_market_trades):
        assert len(plain(ask(PRODUCT, 5))["trades"]) == 5


def look_inside():
    """What an account has, pays and may."""
    accounts = plain(own.get_accounts())["accounts"]
    coin = next(each for each in accounts if each["currency"] == "BTC")
    assert plain(own.get_account(coin["uuid"]))["account"]["currency"] == "BTC"
    assert plain(own.get_api_key_permissions())["can_trade"] is True
    assert float(plain(own.get_transaction_summary())["fee_tier"]["taker_fee_rate"]) == 0.001
    (portfolio,) = plain(own.get_portfolios())["portfolios"]
    assert plain(own.get_portfolio_breakdown(portfolio["uuid"]))["breakdown"]
    assert plain(own.list_payment_methods())["payment_methods"] == []


def trade():
    """Each kind of order in each of its three spellings, with its previews; then what they left."""
    low, high = str(int(AT["bid"]) - 9_000), str(int(AT["ask"]) + 9_000)
    lower, higher = str(int(low) - 1_000), str(int(high) + 1_000)
    resting, done = [], []

    def each(kind, into, buy, sell, **more):
        for side, own_terms in (("BUY", buy), ("SELL", sell)):
            name = f"{kind}_{side.lower()}"
            terms = {"product_id": PRODUCT, **more, **own_terms}
            into.append(placed(getattr(own, name)("", **terms)))
            into.append(placed(getattr(own, kind)("", side=side, **terms)))
            for preview in (getattr(own, f"preview_{name}"), getattr(own, f"preview_{kind}")):
                extra = {} if preview.__name__ == f"preview_{name}" else {"side": side}
                told = plain(preview(**terms, **extra))
                assert told["errs"] == [], told

    each("market_order", done, {"quote_size": "100"}, {"base_size": SIZE})
    size = {"base_size": SIZE}
    for kind in ("limit_order_ioc", "limit_order_fok"):
        each(kind, done, {"limit_price": high}, {"limit_price": low}, **size)
    far = {"limit_price": low}, {"limit_price": high}
    each("limit_order_gtc", resting, *far, **size)
    each("limit_order_gtd", resting, *far, end_time=LATER, **size)
    stops = (
        {"stop_price": high, "limit_price": higher, "stop_direction": UP},
        {"stop_price": low, "limit_price": lower, "stop_direction": DOWN},
    )
    each("stop_limit_order_gtc", resting, *stops, **size)
    each("stop_limit_order_gtd", resting, *stops, end_time=LATER, **size)
    exits = (
        {"limit_price": low, "stop_trigger_price": high},
        {"limit_price": high, "stop_trigger_price": low},
    )
    each("trigger_bracket_order_gtc", resting, *exits, **size)
    each("trigger_bracket_order_gtd", resting, *exits, end_time=LATER, **size)
    assert {order(each)["status"] for each in done} == {"FILLED"}
    assert {order(each)["status"] for each in resting} == {"OPEN"}
    told = plain(own.list_orders(order_status=["OPEN"]))["orders"]
    assert {each["order_id"] for each in told} == set(resting)
    told = plain(own.list_orders(order_types=["BRACKET"]))["orders"]
    assert len(told) == 8
    fills = plain(own.get_fills(order_ids=[done[0]]))["fills"]
    assert {each["order_id"] for each in fills} == {done[0]}
    cancel(*resting)
    configuration = {"limit_limit_gtc": {"base_size": SIZE, "limit_price": low}}
    first = placed(own.create_order("", PRODUCT, "BUY", configuration))
    assert plain(own.preview_order(PRODUCT, "BUY", configuration))["errs"] == []
    assert plain(own.preview_edit_order(first, size="0.02", price=low))["errors"] == []
    assert plain(own.edit_order(first, size="0.02", price=low))["success"]
    assert order(first)["order_configuration"]["limit_limit_gtc"]["base_size"] == "0.02"
    cancel(first)
    attached = {"trigger_bracket_gtc": {"limit_price": high, "stop_trigger_price": lower}}
    entry = own.create_order(
        "", PRODUCT, "BUY", configuration, attached_order_configuration=attached
    )
    told = order(placed(entry))
    assert order(told["attached_order_id"])["status"] == "PENDING"
    cancel(told["order_id"])


def mistakes():
    """What is refused has the venue's words: an error, or an answer that says no."""
    told = plain(own.limit_order_gtc_buy("", PRODUCT, "1000000", "100"))
    assert not told["success"]
    assert told["error_response"]["preview_failure_reason"]
    refused(own.get_product, "X-Y", text="404")
    refused(own.get_order, "00000000-0000-4000-8000-000000000000", text="404")
    key = {**GIVEN["own"], "key": GIVEN["own"]["key"][:-1] + "0"}
    refused(rest(key).get_accounts, text="401")


def listen():
    """Every channel begins and ends; one's own orders are heard."""
    heard = []
    take = {"on_message": lambda text: heard.append(json.loads(text))}
    keys = GIVEN["own"]["key"], GIVEN["own"]["secret"]

    def until(is_there):
        deadline = time.monotonic() + WAIT_S
        while not any(map(is_there, tuple(heard))):
            assert time.monotonic() < deadline, heard[-3:]
            time.sleep(0.05)

    market = Noted(WSClient(*keys, **take, **SETTINGS["WSClient"]))
    market.open()
    for name in (*PUBLIC_CHANNELS, "level2"):
        arguments = () if name == "heartbeats" else ([PRODUCT],)
        getattr(market, name)(*arguments)
        channel = "l2_data" if name == "level2" else name
        until(lambda message, channel=channel: message["channel"] == channel)
        getattr(market, f"{name}_unsubscribe")(*arguments)
    market.subscribe([PRODUCT], ["ticker"])
    market.unsubscribe([PRODUCT], ["ticker"])
    market.unsubscribe_all()
    market.sleep_with_exception_check(0)
    market.raise_background_exception()
    market.close()
    user = Noted(WSUserClient(*keys, **take, **SETTINGS["WSUserClient"]))
    user.open()
    user.user([PRODUCT])
    user.futures_balance_summary()
    until(lambda message: message["channel"] == "user")
    name = placed(own.limit_order_gtc_buy("", PRODUCT, SIZE, str(int(AT["bid"]) - 9_000)))
    cancel(name)

    def ended(message):
        events = message["events"] if message["channel"] == "user" else ()
        orders = [each for event in events for each in event.get("orders", ())]
        return any((o["order_id"], o["status"]) == (name, "CANCELLED") for o in orders)

    until(ended)
    user.user_unsubscribe([PRODUCT])
    user.futures_balance_summary_unsubscribe()
    user.close()


def offered(client):
    """Return the public methods of a class."""
    return sorted(
        name
        for name, _ in inspect.getmembers(client, inspect.isfunction)
        if not name.startswith("_") and not name.endswith("_async")
    )


for chapter in (look_around, look_inside, trade, mistakes, listen):
    chapter()
kinds = (RESTClient, WSClient, WSUserClient)
told = {
    "offered": {kind.__name__: offered(kind) for kind in kinds},
    "called": {name: sorted(names) for name, names in called.items()},
}
print(json.dumps(told))
