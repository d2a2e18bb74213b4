"""ccxt's own parsers judge our bytes of Advanced Trade by recorded ones, kind by kind.

What the numbers are is their own business: which fields a document has, which are None, of what
type the others are has to be the same. Where they are not, the test says why. No fills and no
tickers of a stream were recorded.
"""

import json
from typing import Any

import ccxt.pro
import pytest
from ccxt_judge import shape

from tests.dialects.coinbase_advanced.venue import BASE, Venue

pytestmark = pytest.mark.slow

PAIR = "BTC-USDT"
SEEN = "ws://127.0.0.1"


class Line:
    """Stands for a socket of ccxt.pro: keeps what a message resolves, by name."""

    def __init__(self) -> None:
        self.url, self.subscriptions, self.futures = SEEN, {}, {}
        self.told: dict[str, Any] = {}

    def resolve(self, found: Any, name: str) -> None:
        self.told[name.partition("::")[0]] = found

    def reject(self, error: Exception, name: str | None = None) -> None:
        raise error


@pytest.fixture
def recorded(shared_data):
    return lambda name: json.loads((shared_data / f"payloads/coinbase/{name}.json").read_text())


@pytest.fixture
def venue():
    """A book, two prices of this day, and an order that rests."""
    made = Venue()
    made.place({"base_size": "0.01", "limit_price": "50000"})
    sell = {"base_size": "0.01", "limit_price": "50000"}
    made.place(sell, side="SELL", key=made.other_key)
    made.pass_time(60)
    made.place(side="SELL", key=made.other_key, terms={"base_size": "1", "limit_price": "50100"})
    made.place({"base_size": "0.01", "limit_price": "50100"})
    made.place({"base_size": "0.01", "limit_price": "45000"})
    return made


@pytest.fixture
def client(recorded, venue):
    """ccxt.pro as it has read markets, theirs and ours."""
    made = ccxt.pro.coinbase()
    products = [*recorded("http_products")["products"], *_products(venue)]
    made.set_markets([made.parse_spot_market(product, {}) for product in products])
    return made


def _products(venue):
    return venue.public(f"{BASE}/market/products?product_type=SPOT")["products"]


def apart(ours, theirs):
    """Return the fields in which two documents have another form."""
    one, other = shape(ours), shape(theirs)
    return {name for name in one.keys() | other.keys() if one.get(name) != other.get(name)}


def test_markets(client, recorded, venue):
    (theirs,) = (p for p in recorded("http_products")["products"] if p["product_id"] == "BTC-USD")
    (ours,) = (p for p in _products(venue) if p["product_id"] == PAIR)
    one, other = (client.parse_spot_market(each, {}) for each in (ours, theirs))
    assert apart(one, other) == set()
    assert set(theirs) - set(ours) == set()


def test_a_ticker(client, recorded, venue):
    ours = venue.public(f"{BASE}/market/products/{PAIR}")
    one, other = (client.parse_ticker(each) for each in (ours, recorded("http_product")))
    assert apart(one, other) == set()
    assert (one["last"], one["percentage"]) == (50_100, 0.2)


def test_an_open_order(client, recorded, venue):
    theirs = recorded("http_orders_list")["orders"][0]
    ours = venue.get(f"{BASE}/orders/historical/batch?order_status=OPEN")["orders"][0]
    one, other = (client.parse_order(each) for each in (ours, theirs))
    assert (one["status"], one["price"], one["amount"], one["side"]) == (
        "open",
        45_000,
        0.01,
        "buy",
    )
    assert apart(one, other) == set()


@pytest.mark.parametrize("status", ["FILLED", "CANCELLED"])
def test_an_order_that_has_ended(client, recorded, venue, status):
    """Of a status that was recorded; what it tells is in the same fields of both."""
    found = [o for o in recorded("http_orders_list")["orders"] if o["status"] == status]
    venue.place({"base_size": "0.01", "limit_price": "40000"}, kind="sor_limit_ioc")
    ours = venue.get(f"{BASE}/orders/historical/batch?order_status={status}")["orders"][0]
    one = client.parse_order(ours)
    assert one["status"] == {"FILLED": "closed", "CANCELLED": "canceled"}[status]
    for theirs in found:
        assert set(theirs) - set(ours) == set()
        assert apart(one, client.parse_order(theirs)) <= {"side", "type", "timeInForce"}


def test_candles(client, recorded, venue):
    theirs = recorded("http_candles")["candles"][0]
    end = venue.desk.now_ns // 10**9
    query = f"granularity=ONE_MINUTE&start={end - 600}&end={end}"
    ours = venue.public(f"{BASE}/market/products/{PAIR}/candles?{query}")["candles"][0]
    one, other = (client.parse_ohlcv(each) for each in (ours, theirs))
    assert list(map(type, one)) == list(map(type, other))
    assert one[4] == 50_100


def test_a_book(client, recorded, venue):
    ours = venue.public(f"{BASE}/market/product_book?product_id={PAIR}")
    theirs = recorded("http_product_book")
    books = [
        client.parse_order_book(
            each["pricebook"], "X", client.parse8601(each["pricebook"]["time"]), *KEYS
        )
        for each in (ours, theirs)
    ]
    assert apart(*books) == set()
    assert books[0]["asks"][0] == [50_100, 0.99]
    assert set(theirs) == set(ours)


KEYS = ("bids", "asks", "price", "size")


def test_balances(client, recorded, venue):
    """Ccxt reads types as the venue sends them today, which is longer than what was recorded."""
    theirs = recorded("http_accounts")
    for account in theirs["accounts"]:
        account["type"] = f"ACCOUNT_TYPE_{account['type']}"
    ours = venue.get(f"{BASE}/accounts?limit=250")
    one, other = (client.parse_custom_balance(each) for each in (ours, theirs))
    assert shape(one["BTC"]) == shape(other["BTC"])
    assert one["USDT"]["used"] > 450
    assert set(theirs["accounts"][0]) - set(ours["accounts"][0]) == set()


@pytest.mark.parametrize("channel", ["market_trades", "l2_data", "user", "heartbeats", "candles"])
def test_our_messages_have_the_recorded_names(recorded, venue, channel):
    """All of them, spelled as there, and of the same types; what else we tell is today's."""
    name = "ws_l2_data_update" if channel == "l2_data" else f"ws_{channel}"
    theirs, ours = recorded(name), told(venue, channel)
    assert names(theirs["events"][-1]) <= names(ours["events"][-1])
    assert set(theirs) == set(ours)


def told(venue, channel):
    """Return what a channel tells after something has traded; of orders those that were open."""
    asked = {"l2_data": "level2"}.get(channel, channel)
    number = venue.subscribe(asked, PAIR, key=venue.key if channel == "user" else None)
    venue.place({"base_size": "0.01", "limit_price": "44000"})
    venue.place({"base_size": "0.01", "limit_price": "50100"})
    venue.pass_time(6)
    found = [each for each in venue.heard(number) if each["channel"] == channel]
    return found[0 if channel == "user" else -1]


def names(found, path=""):
    """Return where a document has values, and of what type."""
    match found:
        case dict():
            return {one for name, value in found.items() for one in names(value, f"{path}.{name}")}
        case list():
            return {one for value in found for one in names(value, f"{path}[]")}
        case _:
            return {(path, type(found).__name__)}


@pytest.mark.parametrize("channel", ["market_trades", "l2_data", "user"])
def test_our_stream_is_heard_like_the_venues(client, recorded, venue, channel):
    """By ccxt.pro: what it resolves, and the form of it."""
    name = "ws_l2_data_update" if channel == "l2_data" else f"ws_{channel}"
    found = {}
    for whose, message in (("theirs", recorded(name)), ("ours", told(venue, channel))):
        line = Line()
        for kept in (client.trades, client.orderbooks):
            kept.clear()
        client.orders = None
        for symbol in ("BTC/USD", "BTC/USDT"):
            client.orderbooks[symbol] = client.order_book({})
        client.handle_message(line, message)
        assert line.told, whose
        found[whose] = json.loads(json.dumps(next(iter(line.told.values()))))
    one, other = (found[whose] for whose in ("ours", "theirs"))
    if isinstance(one, list):
        one, other = one[-1], other[-1]
    assert apart(one, other) <= APART[channel]


# In what form a message of another moment may differ.
APART = {
    "market_trades": {"side"},
    "l2_data": {"bids", "asks"},
    "user": {"price", "cost"},  # the recording says neither
}
