"""ccxt's own parsers judge our bytes by captured ones of Coinbase Exchange, kind by kind.

What is compared is the form of the unified document: its fields, which of them are None, types,
and words. Our side is the exchange in memory, behind its gate.
"""

import asyncio
import json
from typing import Any

import ccxt.pro
import pytest
from ccxt_judge import captured, without

from tests.dialects.coinbase_exchange.venue import Venue
from tests.outside.test_ccxt_parses import shape

pytestmark = pytest.mark.slow

FEED, LISTINGS = "COINBASE.ws.28.0.gz", "COINBASE.0.gz"
TOO_OLD = {"margin_enabled", "max_market_funds"}  # what was told in 2021, of markets
KINDS = ("snapshot", "l2update", "match", "ticker")
# The channel on which each is told.
CHANNELS = {
    "snapshot": "level2_batch",
    "l2update": "level2_batch",
    "match": "matches",
    "ticker": "ticker",
}


class Line:
    """Stands for a socket of ccxt.pro: keeps what a message resolves, by name."""

    def __init__(self) -> None:
        self.url, self.subscriptions, self.futures = "ws://127.0.0.1", {}, {}
        self.told: dict[str, Any] = {}

    def resolve(self, found: Any, name: str) -> None:
        self.told[name.partition(":")[0]] = found

    def reject(self, error: Exception, name: str | None = None) -> None:
        raise error


@pytest.fixture(scope="module")
def products(shared_data):
    """What the venue listed in 2021."""
    return next(body for url, body in captured(shared_data, LISTINGS) if "/products" in url)


@pytest.fixture(scope="module")
def frames(shared_data):
    """What its feed told, by its type."""
    found: dict[str, list[Any]] = {}
    for _, frame in captured(shared_data, FEED):
        found.setdefault(frame["type"], []).append(frame)
    return found


@pytest.fixture
def venue():
    """A book, a last price, and an account that has what it needs."""
    made = Venue()
    made.place(made.other_key, side="sell", price="50100", size="1")
    made.place(made.other_key, price="49900", size="1")
    made.place(price="50100", size="0.01")
    return made


def client_of(products: list[Any]) -> Any:
    client = ccxt.pro.coinbaseexchange()

    async def told(*_: Any) -> list[Any]:
        return products

    client.publicGetProducts = told
    client.set_markets(asyncio.run(client.fetch_markets()))
    return client


def heard(client: Any, frame: Any) -> dict[str, Any]:
    """Return what ccxt.pro makes of a frame, by what it is waited for; a book is empty before."""
    for kept in (client.trades, client.tickers, client.orderbooks):
        kept.clear()
    line, market = Line(), client.safe_market(frame["product_id"], None, "-")["symbol"]
    if frame["type"] == "l2update":
        client.orderbooks[market] = client.order_book({})
    client.handle_message(line, frame)
    return json.loads(json.dumps(line.told))


def form(found: Any) -> Any:
    """Return a document's form, without what a captured one need not have.

    An update may leave no levels of a book; sizes at the touch are told in tickers since 2022.
    """
    return without(shape(found), "bids", "asks", "bidVolume", "askVolume")


@pytest.mark.parametrize("kind", KINDS)
def test_our_feed_is_heard_like_the_venues(products, frames, venue, kind):
    number = venue.subscribe(CHANNELS[kind])
    if kind != "snapshot":
        venue.heard(number)
        venue.place(price="50100", size="0.01")
        venue.pass_time()
    ours = next(frame for frame in venue.heard(number) if frame["type"] == kind)
    read = form(heard(client_of(venue.public("/products")), ours))
    assert read
    judge = client_of(products)
    told = [form(heard(judge, frame)) for frame in frames[kind]]
    assert told
    for each in told:
        assert _sides(each) == _sides(read)


def _sides(found: Any) -> Any:
    if isinstance(found, dict):
        return {k: "side" if k == "side" else _sides(v) for k, v in found.items()}
    return [_sides(each) for each in found] if isinstance(found, list) else found


@pytest.mark.parametrize("kind", KINDS)
def test_our_frames_have_the_captured_names(frames, venue, kind):
    """All of them, spelled as there; what we add is the documentation's of today."""
    number = venue.subscribe(CHANNELS[kind])
    venue.place(price="50100", size="0.01")
    venue.pass_time()
    ours = next(frame for frame in venue.heard(number) if frame["type"] == kind)
    captured_names = {name for frame in frames[kind] for name in frame}
    assert captured_names <= set(ours)
    for name in captured_names:
        kinds = {type(frame[name]) for frame in frames[kind] if name in frame}
        assert type(ours[name]) in kinds, name


def test_our_markets_are_read_like_the_venues(products, venue):
    """Products of today lack what the venue told in 2021; nothing that ccxt reads."""
    ours = venue.public("/products")
    judge = client_of(products)
    assert form(client_of(ours).market("ETH/USDT")) == form(judge.market("ETH/BTC"))
    assert set(products[0]) - set(ours[0]) <= TOO_OLD
