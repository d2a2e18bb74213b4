"""The `level3` channel, followed by a client that does what the venue's guide says, and no more."""

import json
from decimal import Decimal
from zlib import crc32

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steelyard.dialects.kraken import level3
from steelyard.dialects.kraken.book import checksum
from steelyard.dialects.kraken.limits import LIMITS
from steelyard.domain.commands import HouseLevel
from steelyard.domain.messages import FullBookQuery
from steelyard.domain.order import Side
from tests.dialects.kraken.venue import Venue

# The worked example of https://docs.kraken.com/api/docs/guides/spot-ws-l3-v2, read 2026-11-21.
ASKS = """44939.5 4.52308393, 44939.5 0.00111261, 44939.5 0.00100000, 44939.5 0.01000000,
44950.0 0.10334926, 44953.0 0.00064537, 44955.0 0.00250000, 44959.6 0.35630000, 44959.6 0.35630000,
44960.1 0.00338072, 44960.2 0.88967575, 44967.0 3.14392283, 44978.5 0.06778960, 44979.2 0.35630000
"""
BIDS = """44939.4 0.88968699, 44939.4 0.45210000, 44939.4 0.10000000, 44939.4 0.14296323,
44939.4 0.25000000, 44939.4 0.10292988, 44939.4 0.33880000, 44939.4 1.28140860, 44937.1 0.03346877,
44934.7 0.35630000, 44930.2 0.22734299, 44930.2 0.01000000, 44930.2 0.05550000, 44930.2 0.70000000,
44930.2 0.15000000, 44928.0 0.00105240, 44919.6 0.33870000, 44919.5 0.07610000, 44912.0 0.35630000,
44909.7 0.06690000, 44901.9 0.00088982"""


def pairs(text):
    return [tuple(each.split()) for each in text.split(",")]


def test_the_published_example_has_its_checksum():
    assert checksum(pairs(ASKS), pairs(BIDS)) == 1063832831


class Follower:
    """A client: apply every order of a message, cut off at the depth, compare the checksum."""

    def __init__(self, depth: int) -> None:
        self.depth = depth
        self.sides = {"bids": {}, "asks": {}}  # by price, then by id in the order of coming

    def take(self, text: str) -> None:
        message = json.loads(text, parse_float=str)
        if message.get("channel") != "level3":
            return
        (book,) = message["data"]
        for name, levels in self.sides.items():
            for order in book[name]:
                self._order(levels, order)
            for price in self._best(name)[self.depth :]:
                del levels[price]
        assert book["checksum"] == self.checksum()

    def _order(self, levels, order) -> None:
        price, name = order["limit_price"], order["order_id"]
        match order.get("event", "add"):
            case "add":
                assert name not in levels.setdefault(price, {})
                levels[price][name] = order["order_qty"]
            case "modify":
                assert name in levels[price]
                levels[price][name] = order["order_qty"]
            case "delete":
                del levels[price][name]
                if not levels[price]:
                    del levels[price]

    def _best(self, name):
        return sorted(self.sides[name], key=Decimal, reverse=name == "bids")

    def checksum(self) -> int:
        digits = ""
        for name in ("asks", "bids"):
            for price in self._best(name)[:10]:
                for qty in self.sides[name][price].values():
                    digits += price.replace(".", "").lstrip("0") + qty.replace(".", "").lstrip("0")
        return crc32(digits.encode())

    def sizes(self):
        """Return (price, size) of every order, best first, in their order."""
        return [
            (price, qty)
            for name in ("bids", "asks")
            for price in self._best(name)
            for qty in self.sides[name][price].values()
        ]


def subscribe(venue, depth=10, socket=None, **params):
    socket = socket or venue.open("/wsl3/v2")
    socket.hear()
    asked = {"channel": "level3", "symbol": ["BTC/USDT"], "depth": depth, **params}
    asked.setdefault("token", venue.token())
    socket.line.receive(json.dumps({"method": "subscribe", "params": asked, "req_id": 1}))
    return socket, socket.hear_text()


def test_orders_are_told_from_their_coming_to_their_end(venue):
    first = venue.add(volume="0.01")
    socket, (ack, snapshot) = subscribe(venue)
    assert json.loads(ack)["result"] == {
        "channel": "level3",
        "symbol": "BTC/USDT",
        "depth": 10,
        "snapshot": True,
    }
    follower = Follower(10)
    follower.take(snapshot)
    assert '"limit_price":50000.00,"order_qty":0.01000000' in snapshot
    second = venue.add(venue.bob, volume="0.02", price="50000")
    venue.add(venue.bob, type="sell", volume="0.004", price="50000")
    venue.result("AmendOrder", txid=first, order_qty="0.03")
    venue.result("CancelOrder", key=venue.bob, txid=second)
    events = []
    for text in socket.hear_text():
        follower.take(text)
        (book,) = json.loads(text)["data"]
        events += [(o["event"], o["order_id"]) for o in book["bids"]]
    assert events == [
        ("add", second),
        ("modify", first),
        ("delete", first),
        ("add", first),
        ("delete", second),
    ]
    assert follower.sizes() == [("50000.00", "0.02600000")]


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["buy", "sell", "house buy", "house sell", "cancel", "amend", "reduce"]),
        st.integers(0, 14),
        st.integers(1, 40),
    ),
    min_size=1,
    max_size=25,
)


@given(STEPS, STEPS)
def test_who_does_as_the_guide_says_has_the_exchanges_book(before, after):
    """At each depth, whatever trades, comes, goes, loses its place, or falls off the depth."""
    venue, mine = Venue(), []
    for step in before:
        act(venue, mine, *step)
    followers = [(Follower(depth), *subscribe(venue, depth)) for depth in (10, 100)]
    for follower, _, told in followers:
        for text in told:
            follower.take(text)
    for step in after:
        act(venue, mine, *step)
        for follower, socket, _ in followers:
            for text in socket.hear_text():
                follower.take(text)
        assert sorted(followers[1][0].sizes()) == sorted(booked(venue))


def booked(venue):
    book = venue.desk.exchange.ask(FullBookQuery(0), venue.desk.now_ns)
    return [
        (f"{order.price_ticks / 100:.2f}", f"{order.size_lots / 100_000:.8f}")
        for order in book.orders
    ]


def act(venue, mine, kind, level, size):
    price, volume = str(50_000 + level), f"0.00{size:02d}"
    match kind:
        case "buy" | "sell":
            asked = {"pair": "XBTUSDT", "type": kind, "ordertype": "limit", "volume": volume}
            told = venue.post("AddOrder", {**asked, "price": price, "stptype": "cancel-oldest"})
            mine.extend(told.get("result", {}).get("txid", ()))
        case "house buy" | "house sell":
            side = Side.BUY if kind.endswith("buy") else Side.SELL
            command = HouseLevel(0, side, (50_000 + level) * 100, (size - 1) * 10)
            venue.desk.exchange.record(command, venue.desk.now_ns)
        case "cancel" if mine:
            venue.post("CancelOrder", txid=mine[size % len(mine)])
        case "amend" if mine:
            venue.post("AmendOrder", txid=mine[size % len(mine)], limit_price=price)
        case "reduce" if mine:
            venue.post("AmendOrder", txid=mine[level % len(mine)], order_qty=volume)
        case _:
            pass


def test_without_a_token_or_on_the_public_host_there_is_none(venue):
    _, (told,) = subscribe(venue, token="none")
    assert json.loads(told)["error"] == "ESession:Invalid session"
    _, (told,) = subscribe(venue, socket=venue.open("/ws/v2"))
    assert "unavailable on this endpoint" in json.loads(told)["error"]


def test_a_subscription_is_left_and_begun_again(venue):
    socket, _ = subscribe(venue)
    _, (again,) = subscribe(venue, socket=socket)
    assert json.loads(again)["error"] == "Already subscribed"
    params = {"channel": "level3", "symbol": ["BTC/USDT"], "token": venue.token()}
    (left,) = socket.say(method="unsubscribe", params=params)
    assert left["success"]
    (gone,) = socket.say(method="unsubscribe", params=params)
    assert gone["error"] == "Subscription Not Found"
    venue.add()
    assert socket.hear() == []
    _, told = subscribe(venue, 100, socket=socket, snapshot=False)
    assert [json.loads(text)["result"]["snapshot"] for text in told] == [False]


@pytest.mark.parametrize("depth", [0, 25, 5_000])
def test_other_depths_are_refused(venue, depth):
    _, (told,) = subscribe(venue, depth)
    assert json.loads(told)["error"] == "Subscription depth not supported"


def test_subscriptions_cost_by_their_depth_of_what_a_second_has():
    """500 of them, as a Pro account: five of the deepest, and the next one a moment later."""
    venue = Venue(LIMITS)
    socket, _ = subscribe(venue)
    params = {"channel": "level3", "symbol": ["BTC/USDT"], "token": venue.token()}
    outcomes = []
    for _ in range(6):
        socket.say(method="unsubscribe", params=params)
        told = socket.say(method="subscribe", params={**params, "depth": 1_000})
        outcomes.append(told[0].get("error", ""))
    assert outcomes == [""] * 4 + ["EAPI:Rate limit exceeded"] * 2
    venue.desk.now_ns += 10**9
    assert socket.say(method="subscribe", params={**params, "depth": 1_000})[0]["success"]


def test_a_connection_has_so_many_symbols(venue, monkeypatch):
    monkeypatch.setattr(level3, "SYMBOLS_MAX", 0)
    _, (told,) = subscribe(venue)
    assert json.loads(told)["error"] == "Too many subscriptions"
