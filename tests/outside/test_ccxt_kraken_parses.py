"""ccxt's own parsers judge our bytes by recorded ones: the same unified document, kind by kind.

Our exchange, in memory behind its gate, is asked by an unmodified client whose requests go there
instead of to a socket; the other client is given what was recorded. What the numbers are is their
own business: which fields a document has, which are None, of what type the others are and what the
words say has to be the same.
"""

import json
from urllib.parse import urlsplit

import ccxt
import ccxt.pro
import pytest
from ccxt_judge import shape, without

from steelyard.wire.http import Request
from tests.dialects.kraken.venue import HERE, Venue

pytestmark = pytest.mark.slow

MARKET = "BTC/USDT"


class Ours:
    """A client whose requests are answered by our gate."""

    def __init__(self) -> None:
        self.venue = Venue()
        key = self.venue.alice
        settings = {"apiKey": key.key, "secret": key.secret.decode(), "enableRateLimit": False}
        self.client = ccxt.kraken(settings)
        self.client.fetch = self._fetch

    def _fetch(self, url, method="GET", headers=None, body=None):
        split = urlsplit(url)
        target = split.path + (f"?{split.query}" if split.query else "")
        fields = {name.lower(): value for name, value in (headers or {}).items()}
        request = Request(method, target, fields, (body or "").encode())
        response = self.venue.gate.http(request, HERE, self.venue.desk.now_ns)
        told = json.loads(response.body)
        assert told["error"] == [], told
        return told


@pytest.fixture
def ours():
    made = Ours()
    made.venue.add(made.venue.bob, type="sell", price="50100", volume="1")
    made.venue.add(made.venue.bob, type="buy", price="49900", volume="1")
    made.venue.add(type="buy", ordertype="market", price=None, volume="0.01")
    made.client.load_markets()
    return made


@pytest.fixture
def recorded(ours, shared_data):
    """A client of the same markets that is answered by a recorded message."""

    def read(name):
        text = (shared_data / f"payloads/kraken/{name}.json").read_text()
        client = ccxt.kraken({"apiKey": "k", "secret": "c2VjcmV0", "enableRateLimit": False})
        client.set_markets(ours.client.markets, ours.client.currencies)
        client.fetch = lambda *_, **__: json.loads(text)
        return client

    return read


def placed(client):
    return client.create_order(MARKET, "limit", "buy", 0.01, 20_000)


def canceled(ours):
    return ours.client.cancel_order(placed(ours.client)["id"], MARKET)


def opened(ours):
    placed(ours.client)
    return ours.client.fetch_open_orders(MARKET)


def closed(ours):
    """Return what ended, the newest of which is a limit order that filled."""
    ours.venue.pass_time(1)
    ours.client.create_order(MARKET, "limit", "buy", 0.01, 50_100)
    return ours.client.fetch_closed_orders(MARKET)[-1:]


# How ccxt reads a recorded answer, and how ours comes to be.
ANSWERS = {
    "http_add_order_spot": (placed, lambda ours: placed(ours.client)),
    "http_cancel_order_spot": (lambda client: client.cancel_order("O", MARKET), canceled),
    "http_open_orders": (lambda client: client.fetch_open_orders(), opened),
    "http_closed_orders": (lambda client: client.fetch_closed_orders()[:1], closed),
    "http_spot_balance": (
        lambda client: client.privatePostBalance()["result"],
        lambda ours: ours.client.privatePostBalance()["result"],
    ),
    "http_spot_trade_balance": (
        lambda client: sorted({*client.privatePostTradeBalance()["result"]} - {"uv", "ml"}),
        lambda ours: sorted(ours.client.privatePostTradeBalance()["result"]),
    ),
    "http_system_status": (
        lambda client: client.fetch_status(),
        lambda ours: ours.client.fetch_status(),
    ),
    "http_ticker": (
        lambda client: client.fetch_ticker(MARKET),
        lambda ours: ours.client.fetch_ticker(MARKET),
    ),
}
# Ours says more than what was recorded, or nothing of what there is not here.
OWN = {"clientOrderId", "trades", "fees", "fee", "average"}
NOT_JUDGED = {
    "http_asset_pairs_tokenized": "its lot is finer than what our amounts hold",
    "http_spot_open_positions": "there is no margin here",
}


def found(value):
    """Return a document's shape, with words that tell what became of an order left out."""
    told = shape(value)
    rows = told if isinstance(told, list) else [told]
    return [without(row, *OWN) for row in rows]


@pytest.mark.parametrize("name", ANSWERS)
def test_our_answer_is_read_like_the_venues(ours, recorded, name):
    read, make = ANSWERS[name]
    mine, theirs = found(make(ours)), found(read(recorded(name)))
    assert mine == theirs


def test_every_recorded_answer_is_judged(shared_data):
    files = (shared_data / "payloads/kraken").glob("http_*.json")
    names = {file.stem for file in files if "futures" not in file.stem}
    assert names == {*ANSWERS, *NOT_JUDGED}


class Line:
    """Stands for a socket of ccxt.pro: keeps what a message resolves."""

    url, subscriptions, futures = "ws://127.0.0.1/ws/v2", {}, {}

    def __init__(self) -> None:
        self.told = []

    def resolve(self, told, _name):
        self.told.append(told)


def heard(markets, message):
    """Return what ccxt.pro makes of a message, as a shape."""
    client = ccxt.pro.kraken({"newUpdates": True})
    client.set_markets(markets)
    symbol = message["data"][0]["symbol"]
    client.orderbooks[symbol] = client.order_book({}, 10)
    line = Line()
    client.handle_message(line, message)
    return shape(json.loads(json.dumps(line.told)))


STREAMS = {
    "ws_ticker_snapshot": ({"channel": "ticker"}, lambda _: None),
    "ws_trade_update": (
        {"channel": "trade"},
        lambda venue: venue.add(type="buy", ordertype="market", price=None),
    ),
    "ws_book_update": (
        {"channel": "book", "depth": 10},
        lambda venue: venue.add(price="49950"),
    ),
}


@pytest.mark.parametrize("name", STREAMS)
def test_our_stream_is_heard_like_the_venues(ours, shared_data, name):
    params, act = STREAMS[name]
    recorded = json.loads((shared_data / f"payloads/kraken/{name}.json").read_text())
    socket = ours.venue.open("/ws/v2")
    socket.hear()
    told = socket.say(method="subscribe", params={**params, "symbol": ["BTC/USDT"]})
    act(ours.venue)
    ours.venue.pass_time(1)
    told += socket.hear()
    mine = next(m for m in told if (m.get("channel"), m.get("type")) == kind_of(recorded))
    markets = ours.client.markets | {"BTC/USD": ours.client.markets[MARKET] | {"symbol": "BTC/USD"}}
    assert heard(markets, mine) == heard(markets, recorded) != []


def kind_of(message):
    return message["channel"], message["type"]
