"""The venue's own way to follow a book order by order, done by a stranger to our code."""

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from steelyard.domain.commands import HouseLevel, HouseTrade
from steelyard.domain.order import Side
from tests.dialects.coinbase_exchange.venue import Venue


class Follower:
    """The documented algorithm: queue, snapshot, drop what is in it, then one number at a time."""

    def __init__(self, venue: Venue) -> None:
        self.venue = venue
        self.number = venue.subscribe("full", key=venue.key)
        self.orders: dict[str, list] = {}
        self.sequence = 0
        self.begin()

    def begin(self) -> None:
        book = self.venue.public("/products/BTC-USDT/book?level=3")
        self.sequence = book["sequence"]
        for side, rows in (("buy", book["bids"]), ("sell", book["asks"])):
            for price, size, order_id in rows:
                self.orders[order_id] = [side, Decimal(price), Decimal(size)]

    def follow(self) -> None:
        for message in self.venue.heard(self.number):
            if message["type"] == "subscriptions" or message["sequence"] <= self.sequence:
                continue
            assert message["sequence"] == self.sequence + 1, message
            self.sequence = message["sequence"]
            self.take(message)

    def take(self, message: dict) -> None:
        orders = self.orders
        match message["type"]:
            case "open":
                size = Decimal(message["remaining_size"])
                orders[message["order_id"]] = [message["side"], Decimal(message["price"]), size]
            case "match":
                maker = orders.get(message["maker_order_id"])
                if maker is not None:
                    assert maker[0] == message["side"]
                    assert maker[1] == Decimal(message["price"])
                    maker[2] -= Decimal(message["size"])
            case "change":
                if message["order_id"] in orders:
                    order = orders[message["order_id"]]
                    order[2] = Decimal(message["new_size"])
                    order[1] = Decimal(message.get("new_price", order[1]))
            case "done":
                orders.pop(message["order_id"], None)

    def levels(self, side: str) -> dict:
        found: dict = {}
        for order_side, price, size in self.orders.values():
            if order_side == side:
                found[price] = found.get(price, 0) + size
        return {price: size for price, size in found.items() if size}


def check(follower: Follower) -> None:
    follower.follow()
    levels = follower.venue.exchange.levels(0, 100)
    instrument = follower.venue.listings[0]
    for side, rows in (("buy", levels.bids), ("sell", levels.asks)):
        expected = {instrument.price(ticks): instrument.size(lots) for ticks, lots in rows}
        assert follower.levels(side) == expected


def test_a_book_is_followed_by_the_documented_rules(venue):
    """Placing, partial fills, cancels; the numbers have no gap, and the book is the exchange's."""
    venue.place(price="49000")
    follower = Follower(venue)
    check(follower)
    resting = venue.place(price="50000", size="0.05")
    venue.place(venue.other_key, side="sell", price="49500", size="0.02")
    check(follower)
    venue.place(venue.other_key, side="sell", price="49000", size="0.06")
    venue.call("DELETE", f"/orders/{resting['id']}")
    check(follower)
    venue.place(type="market", price=None, size="0.01", side="sell")
    check(follower)
    venue.place(max_floor="0.02", size="0.1", price="48000")
    venue.place(venue.other_key, side="sell", price="48000", size="0.03")
    check(follower)


prices = st.integers(4_999_990, 5_000_010)
sizes = st.integers(1_000, 3_000)
steps = st.lists(
    st.one_of(
        st.tuples(st.just("place"), st.sampled_from(["alice", "bob"]), prices, sizes),
        st.tuples(st.just("level"), st.sampled_from([*Side]), prices, st.integers(0, 5_000)),
        st.tuples(st.just("trade"), st.sampled_from([*Side]), prices, sizes),
        st.tuples(st.just("cancel"), st.sampled_from(["alice", "bob"])),
    ),
    min_size=1,
    max_size=25,
)


@settings(max_examples=30)
@given(steps=steps, sides=st.lists(st.sampled_from(["buy", "sell"]), min_size=25, max_size=25))
def test_whatever_happens_the_followed_book_is_the_exchanges(steps, sides):
    """Also with the house in the market, whose sizes belong to no one order."""
    venue = Venue()
    follower = Follower(venue)
    keys = {"alice": venue.key, "bob": venue.other_key}
    for step, side in zip(steps, sides, strict=False):
        match step:
            case "place", who, ticks, lots:
                price, size = f"{ticks / 100:.2f}", f"{lots / 100_000:.5f}"
                venue.place(keys[who], side=side, price=price, size=size)
            case "level", house_side, ticks, lots:
                venue.exchange.record(HouseLevel(0, house_side, ticks, lots), venue.desk.tick())
            case "trade", house_side, ticks, lots:
                venue.exchange.record(HouseTrade(0, house_side, ticks, lots), venue.desk.tick())
            case "cancel", who:
                venue.call("DELETE", "/orders?product_id=BTC-USDT", key=keys[who])
        venue.deliver()
        check(follower)


def test_the_level3_channel_says_the_same_in_rows(venue):
    number = venue.subscribe("level3", key=venue.key)
    full = venue.subscribe("full", key=venue.key)
    venue.place(price="50000", size="0.05")
    venue.place(venue.other_key, side="sell", size="0.05")
    _, schema, *rows = venue.heard(number)
    messages = venue.heard(full)[1:]
    assert schema["type"] == "level3"
    assert [row[0] for row in rows] == ["noop", "open", "noop", "match", "done", "done"]
    for row, message in zip(rows, messages, strict=True):
        told = dict(zip(schema["schema"][row[0]], row, strict=True))
        assert int(told["sequence"]) == message["sequence"]
        assert told["time"] == message["time"]
        if row[0] == "match":
            assert told["maker_order_id"] == message["maker_order_id"]


def test_an_order_is_told_to_its_owner_step_by_step(venue):
    """Received, open, match, done; with whose it is and what it cost; and to nobody else."""
    mine = venue.subscribe("user", key=venue.key)
    other = venue.subscribe("user", products=["ETH-USDT"], key=venue.other_key)
    own = "1985ca2d-61ef-49f1-bfce-6c39d8462914"
    order = venue.place(size="0.03", client_oid=own)
    venue.place(venue.other_key, side="sell", size="0.01")
    venue.call("DELETE", f"/orders/{order['id']}")
    told = venue.heard(mine)[1:]
    assert [m["type"] for m in told] == ["received", "open", "match", "done"]
    received, opened, match, done = told
    assert received["client_oid"] == own
    assert {m.get("order_id", m.get("maker_order_id")) for m in told} == {order["id"]}
    assert opened["remaining_size"] == "0.03"
    assert (match["maker_order_id"], match["maker_fee_rate"]) == (order["id"], "0.001")
    assert "taker_user_id" not in match
    assert (done["reason"], done["remaining_size"]) == ("canceled", "0.02")
    numbers = [m["sequence"] for m in told]
    assert numbers == sorted(numbers)
    assert [m["type"] for m in venue.heard(other)] == ["subscriptions"]


def test_a_taker_that_rests_is_open_after_its_matches(venue):
    venue.place(venue.other_key, side="sell", size="0.01")
    number = venue.subscribe("user", key=venue.key)
    venue.place(size="0.03")
    types = [(m["type"], m.get("remaining_size")) for m in venue.heard(number)[1:]]
    assert types == [("received", None), ("match", None), ("open", "0.02")]


def test_a_stop_is_activated_then_received(venue):
    venue.place(venue.other_key, side="sell", price="50000", size="0.01")
    venue.place(price="50000", size="0.01")
    number = venue.subscribe("user", key=venue.key)
    stop = venue.place(side="sell", stop="loss", stop_price="49000", price="48900", size="0.02")
    assert venue.order(stop["id"])["status"] == "active"
    venue.place(venue.other_key, price="49000", size="0.01")
    venue.place(venue.other_key, side="sell", price="49000", size="0.01", stp="co")
    venue.place(price="49000", size="0.01")
    venue.place(venue.other_key, side="sell", price="49000", size="0.01")
    told = [m for m in venue.heard(number)[1:] if m.get("order_id") == stop["id"]]
    assert [m["type"] for m in told] == ["activate", "received", "open"]
    assert told[0]["stop_type"] == "loss"
    assert venue.order(stop["id"])["status"] == "open"


@pytest.mark.parametrize("stp", ["cn", "co"])
def test_own_orders_do_not_trade_with_each_other(venue, stp):
    resting = venue.place(price="50000", size="0.01")
    taker = venue.place(side="sell", price="49000", size="0.01", stp=stp)
    one, other = venue.order(resting["id"]), venue.order(taker["id"])
    assert (one["filled_size"], other["filled_size"]) == ("0.00000000", "0.00000000")
    gone = other if stp == "cn" else one
    assert (gone["status"], gone["done_reason"]) == ("done", "canceled")
