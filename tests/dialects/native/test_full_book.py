"""The `full` channel over the gate: a book rebuilt order by order is the book by price."""

import json
from collections import defaultdict
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from websockets.sync.client import connect

from steelyard.domain.commands import HouseLevel, HouseTrade
from steelyard.domain.order import Side
from tests.dialects.native.test_stream import Talk
from tests.dialects.native.venue import Venue

FULL = {"channel": "full", "symbol": "BTC-USDT"}
BOOK = {"channel": "book", "symbol": "BTC-USDT"}
WAIT_S = 20
DELTAS = 10  # of the book that are compared
PRICES = ("60990.00", "60995.00", "61000.00", "61005.00", "61010.00")


class Rebuilt:
    """A book as somebody keeps it who reads nothing but the manual."""

    def __init__(self, snapshot: Any) -> None:
        assert (snapshot["channel"], snapshot["type"]) == ("full", "snapshot")
        self.sequence = snapshot["sequence"]
        self.orders: dict[Any, list[Any]] = {}  # by id, or by side and price: side, price, size
        for order in snapshot["orders"]:
            self.put(order)

    def put(self, order: Any) -> None:
        key = order["order_id"] or (order["side"], order["price"])
        self.orders.pop(key, None)
        size = Decimal(order["size"])
        assert size >= 0
        if size:
            self.orders[key] = [order["side"], order["price"], size]

    def apply(self, push: Any) -> None:
        assert push["first_sequence"] == self.sequence + 1
        self.sequence = push["last_sequence"]
        for change in push["changes"]:
            match change["change"]:
                case "open" | "change":
                    self.put(change)
                case "match" if change["order_id"] in self.orders:
                    maker = self.orders[change["order_id"]]
                    assert maker[:2] == [
                        "sell" if change["side"] == "buy" else "buy",
                        change["price"],
                    ]
                    maker[2] -= Decimal(change["size"])
                    assert maker[2] >= 0
                case "done":
                    self.orders.pop(change["order_id"], None)

    def levels(self) -> dict[tuple[str, str], Decimal]:
        found: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
        for side, price, size in self.orders.values():
            found[side, price] += size
        return {level: size for level, size in found.items() if size}


class ByPrice:
    """The same book as the `book` channel tells it."""

    def __init__(self, snapshot: Any) -> None:
        self.sequence = snapshot["sequence"]
        self.levels: dict[tuple[str, str], Decimal] = {}
        self.apply(snapshot, snapshot["sequence"])

    def apply(self, push: Any, last: int) -> None:
        self.sequence = last
        for side, rows in (("buy", push["bids"]), ("sell", push["asks"])):
            for price, size in rows:
                self.levels[side, price] = Decimal(size)
                if not Decimal(size):
                    del self.levels[side, price]


def follow(venue: Venue) -> tuple[Rebuilt, ByPrice]:
    _, full, book = Talk(venue).subscribe(FULL, BOOK)
    return Rebuilt(full), ByPrice(book)


def check(venue: Venue, full: Rebuilt, book: ByPrice) -> list[Any]:
    """Let both channels tell what they have; compare, and return the changes."""
    venue.desk.now_ns += 100_000_000
    venue.exchange.step(venue.desk.now_ns)
    changes = []
    for push in venue.pushes():
        if push["channel"] == "full":
            full.apply(push)
            changes += push["changes"]
        else:
            book.apply(push, push["last_sequence"])
    assert full.sequence == book.sequence
    assert full.levels() == book.levels
    return changes


def brief(changes: list[Any]) -> list[tuple[Any, ...]]:
    return [(c["change"], c["order_id"], c["price"], c["size"]) for c in changes]


@pytest.fixture
def told(venue):
    return venue, *follow(venue)


def test_the_life_of_an_order_is_told(told):
    """Received, open, matched, changed, done; the taker's id stands in the match."""
    venue, full, book = told
    resting = venue.place(size="0.5", price="61000.00")["order_id"]
    assert brief(check(venue, full, book)) == [
        ("received", resting, "61000.00", "0.5"),
        ("open", resting, "61000.00", "0.5"),
    ]
    taker = venue.place(venue.other_key, side="sell", type="market", size="0.2")["order_id"]
    changes = check(venue, full, book)
    assert brief(changes) == [
        ("received", taker, None, "0.2"),
        ("match", resting, "61000.00", "0.2"),
        ("done", taker, None, "0"),
    ]
    assert (changes[1]["taker_order_id"], changes[1]["side"]) == (taker, "sell")
    venue.call("PATCH", f"/api/v1/orders/{resting}", {"size": "0.4"})
    assert brief(check(venue, full, book)) == [("change", resting, "61000.00", "0.2")]
    venue.call("PATCH", f"/api/v1/orders/{resting}", {"price": "60990.00"})
    assert brief(check(venue, full, book)) == [("change", resting, "60990.00", "0.2")]
    venue.call("DELETE", f"/api/v1/orders/{resting}")
    assert brief(check(venue, full, book)) == [("done", resting, "60990.00", "0.2")]
    assert full.orders == {}


def test_nobody_is_named(told):
    """Neither accounts nor their own names of orders are in it."""
    venue, _full, _book = told
    venue.place(size="0.5", price="61000.00", client_order_id="mine")
    (push,) = [p for p in venue.pushes() if p["channel"] == "full"]
    assert set(push["changes"][0]) == {
        "change", "order_id", "side", "price", "size", "trade_id", "taker_order_id",
    }  # fmt: skip
    assert "mine" not in str(push)


def test_what_hides_stays_hidden(told):
    """An iceberg shows its slice without a number, a hidden order and a waiting stop nothing."""
    venue, full, book = told
    venue.place(size="1", price="61000.00", display_size="0.1")
    assert brief(check(venue, full, book)) == [("change", None, "61000.00", "0.1")]
    venue.place(size="1", price="61000.00", display_size="0")
    venue.place(side="sell", type="stop", size="0.1", trigger_price="50000.00")
    assert check(venue, full, book) == []


def test_a_late_listener_gets_every_order_that_stands(venue):
    """In the order of their coming, the house's size without a number; a second one the same."""
    first = venue.place(size="0.5", price="61000.00")["order_id"]
    second = venue.place(venue.other_key, size="0.25", price="61000.00")["order_id"]
    venue.exchange.record(HouseLevel(0, Side.BUY, 6_100_000, 70_000), venue.desk.tick())
    full, book = follow(venue)
    assert [*full.orders] == [first, second, ("buy", "61000.00")]
    assert full.orders["buy", "61000.00"][2] == Decimal("0.7")
    assert check(venue, full, book) == []
    venue.place(venue.other_key, side="sell", type="market", size="0.6")
    check(venue, full, book)
    line = venue.line(2)
    late = Talk(venue)
    late.line = line
    assert Rebuilt(late.subscribe(FULL)[1]).orders == full.orders


places = st.fixed_dictionaries(
    {
        "do": st.just("place"),
        "who": st.booleans(),
        "side": st.sampled_from(["buy", "sell"]),
        "price": st.sampled_from(PRICES),
        "size": st.sampled_from(["0.1", "0.2", "0.35"]),
        "more": st.sampled_from(
            [
                {},
                {},
                {"time_in_force": "ioc"},
                {"post_only": True},
                {"post_only": True, "slide": True},
                {"display_size": "0.1"},
                {"display_size": "0"},
                {"self_trade": "decrement"},
                {"self_trade": "none"},
                {"self_trade": "cancel_both"},
                {"type": "stop_limit", "trigger_price": "61005.00"},
                {"type": "take_profit_limit", "trigger_price": "60995.00"},
                {"group": "oco"},
                {"group": "oto"},
            ]
        ),
    }
)
others = st.fixed_dictionaries(
    {
        "do": st.sampled_from(["cancel", "amend size", "amend price", "cancel all"]),
        "which": st.integers(0, 30),
        "price": st.sampled_from(PRICES),
        "size": st.sampled_from(["0.05", "0.15", "0.5"]),
    }
)
house = st.fixed_dictionaries(
    {
        "do": st.sampled_from(["level", "trade"]),
        "side": st.sampled_from([Side.BUY, Side.SELL]),
        "ticks": st.sampled_from([6_099_000, 6_099_500, 6_100_000, 6_100_500, 6_101_000]),
        "lots": st.sampled_from([0, 5_000, 30_000]),
    }
)


def carry_out(venue: Venue, step: dict[str, Any], ids: list[int]) -> None:
    """Do a step, whether the exchange likes it or not."""
    do, side = step["do"], step.get("side")
    if do == "level":
        command = HouseLevel(0, side, step["ticks"], step["lots"])
        venue.exchange.record(command, venue.desk.tick())
    elif do == "trade":
        command = HouseTrade(0, side, step["ticks"], step["lots"] or 1_000)
        venue.exchange.record(command, venue.desk.tick())
    elif do == "place":
        key = venue.key if step["who"] else venue.other_key
        more = dict(step["more"])
        group = more.pop("group", None)
        order = {
            "symbol": "BTC-USDT", "side": side, "type": "limit", "size": step["size"],
            "price": step["price"], **more,
        }  # fmt: skip
        if group is None:
            status, answer = venue.call("POST", "/api/v1/orders", order, key)
            ids += [answer["order_id"]] if status == 200 else []
            return
        far = {**order, "price": "50000.00" if side == "buy" else "70000.00"}
        body = {"kind": group, "orders": [order, far]}
        status, answer = venue.call("POST", "/api/v1/groups", body, key)
        ids += [each["order_id"] for each in answer["orders"]] if status == 200 else []
    elif do == "cancel all":
        venue.call("DELETE", "/api/v1/orders", None, venue.key)
    elif ids:
        target = f"/api/v1/orders/{ids[step['which'] % len(ids)]}"
        body = {"size": step["size"]} if do == "amend size" else {"price": step["price"]}
        for key in (venue.key, venue.other_key):
            if do == "cancel":
                venue.call("DELETE", target, None, key)
            else:
                venue.call("PATCH", target, body, key)


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(
    before=st.lists(st.one_of(places, house), max_size=8),
    steps=st.lists(st.one_of(places, places, others, house), max_size=25),
)
def test_a_book_rebuilt_order_by_order_is_the_book_by_price(before, steps):
    """At each sequence that both tell, whatever happens, also for who comes late."""
    venue, ids = Venue(), []
    for step in before:
        carry_out(venue, step, ids)
    venue.exchange.drain()
    full, book = follow(venue)
    assert full.levels() == book.levels
    for step in steps:
        carry_out(venue, step, ids)
        check(venue, full, book)
    late = Talk(venue)
    late.line = venue.line(2)
    again = Rebuilt(late.subscribe(FULL)[1])
    assert again.orders == full.orders


def test_a_live_crowds_book_is_rebuilt_over_a_socket(exchange):
    """What `book` tells of a sequence is what `full` had rebuilt at the same one."""
    with connect(exchange.url("native", "ws") + "/ws/v1", proxy=None) as line:
        line.send(json.dumps({"op": "subscribe", "channels": [FULL, BOOK]}))
        assert json.loads(line.recv(WAIT_S))["ok"]
        full = Rebuilt(json.loads(line.recv(WAIT_S)))
        book = ByPrice(json.loads(line.recv(WAIT_S)))
        at = {full.sequence: full.levels()}
        compared = 0
        while compared < DELTAS:
            push = json.loads(line.recv(WAIT_S))
            if push["channel"] == "full":
                full.apply(push)
                at[full.sequence] = full.levels()
            else:
                book.apply(push, push["last_sequence"])
                assert at[book.sequence] == book.levels
                compared += 1
