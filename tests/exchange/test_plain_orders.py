"""The short way of plain orders against the long way: the same bytes, records and counters.

Two exchanges with one past hear the same requests; the gate of the second has no table of plain
orders, so all of its requests go the long way.
"""

import hashlib
import hmac
import json
from urllib.parse import urlencode

import msgspec
import pytest
from desk import SECOND_NS, Desk
from hypothesis import given, settings
from hypothesis import strategies as st

from steelyard import dialects
from steelyard.domain.commands import ListInstrument, SetMarketState
from steelyard.domain.messages import Scope
from steelyard.domain.order import MarketState
from steelyard.engine.choice import kinds
from steelyard.exchange.admin import SetMaintenance
from steelyard.exchange.gate import OK, Gate
from steelyard.exchange.issuing import ChangeKey, CreateKey, RevokeKey
from steelyard.wire.http import Request
from steelyard.wire.limits import UNLIMITED, Counts, Kind, Limit, LimitProfile, Per

pytestmark = pytest.mark.skipif("native" not in kinds(), reason="there is no native module")

NAMES = ("native", "binance")
FEW = LimitProfile(
    (
        Limit("ip", Per.IP, Counts.WEIGHT, 9, 7 * SECOND_NS, Kind.SLIDING),
        Limit("orders", Per.ACCOUNT, Counts.ORDERS, 5, 5 * SECOND_NS, Kind.SLIDING),
    ),
    ban_after=4,
)
BASE = {
    "native": {"symbol": "BTC-USDT", "side": "buy", "type": "limit", "size": "0.1", "price": "500"},
    "binance": {
        "symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC",
        "quantity": "0.1", "price": "500",
    },
}  # fmt: skip
CALLED = {"native": ("price", "size", "client_order_id"),
          "binance": ("price", "quantity", "newClientOrderId")}  # fmt: skip
ROUTE = {"native": "/api/v1/orders", "binance": "/api/v3/order"}
NUMBERS = (
    "500", "0.1", "499.99", "00500.10", "0.00001", "1000000", "1000000.01", "0.000001", "0", "-1",
    "", ".5", "5.", "1e2", "+5", " 5", "9" * 19, "0." + "0" * 30, "\u0665", None,
)  # fmt: skip
IDS = ("a", "b", "c", "A.:_-9", "sy-1", "x" * 36, "x" * 37, "", "\u00e4", "a b", 'a"b', None)
OTHERS = {
    "native": ({}, {"side": "sell"}, {"post_only": True}, {"time_in_force": "ioc"},
               {"type": "market"}, {"type": "stop_limit", "trigger_price": "600"},
               {"display_size": "0.01"}, {"symbol": "ETH-USDT"}, {"side": "hold"},
               {"post_only": "true"}, {"nothing": "1"}, {"slide": False}, {"price": 500}),
    "binance": ({}, {"side": "SELL"}, {"timeInForce": "IOC"}, {"type": "LIMIT_MAKER"},
                {"type": "MARKET"}, {"newOrderRespType": "ACK"}, {"newOrderRespType": "RESULT"},
                {"recvWindow": "60000"}, {"recvWindow": "60001"}, {"stopPrice": "600"},
                {"icebergQty": "0.01"}, {"symbol": "ETHUSDT"}, {"nothing": "1"},
                {"selfTradePreventionMode": "NONE"}),
}  # fmt: skip


class Pair:
    """One exchange that knows the short way and one that does not, with the same key."""

    def __init__(self, name: str, profile: LimitProfile) -> None:
        self.name = name
        dialect = dialects.find(name)
        self.desks = Desk(), Desk()
        first, second = self.desks
        self.gates = (
            Gate(first.exchange, dialect, profile),
            Gate(second.exchange, dialect._replace(plain_orders=None), profile),
        )
        self.taken = self.sent = 0
        self.nonces = 0
        made = [
            desk.admin.carry_out(CreateKey("alice", name, (Scope.READ, Scope.TRADE)), desk.now_ns)
            for desk in self.desks
        ]
        assert made[0] == made[1]
        self.key = made[0]

    def administer(self, call) -> None:
        for desk in self.desks:
            desk.admin.carry_out(call, desk.now_ns)

    def record(self, command) -> None:
        for desk in self.desks:
            desk.exchange.record(command, desk.now_ns)

    def tick(self, seconds: int) -> None:
        for desk in self.desks:
            desk.tick(seconds)

    def send(self, request: Request) -> int:
        first, second = self.desks
        reader = self.gates[0]._plain_orders
        self.taken += reader.read(request, first.now_ns) is not None
        self.sent += 1
        ours, theirs = (
            gate.http(request, "127.0.0.1", desk.now_ns)
            for gate, desk in zip(self.gates, self.desks, strict=True)
        )
        assert ours == theirs
        drained, expected = first.exchange.drain(), second.exchange.drain()
        assert drained == expected
        return ours.status

    def compare(self) -> None:
        first, second = self.desks
        assert first.exchange.snapshot() == second.exchange.snapshot()
        for each in ("outcomes", "routes"):
            assert getattr(self.gates[0], each) == getattr(self.gates[1], each)
        assert first.exchange.counts == second.exchange.counts

    def request(
        self, order: dict, *, late_s: float = 0, spoiled: bool = False, again: bool = False,
        spaced: bool = False, in_query: bool = False,
    ) -> Request:  # fmt: skip
        stamp = str(int(self.desks[0].now_ns / 1_000_000 - late_s * 1000))
        secret = self.key["secret"].encode()

        def sign(signed: bytes) -> str:
            proof = hmac.new(secret, signed, hashlib.sha256).hexdigest()
            return ("0" if proof[0] != "0" else "1") + proof[1:] if spoiled else proof

        if self.name == "native":
            self.nonces += not again
            nonce, target = f"n{self.nonces}", ROUTE["native"]
            body = json.dumps(order, separators=None if spaced else (",", ":")).encode()
            headers = {
                "steelyard-key": self.key["key"],
                "steelyard-timestamp": stamp,
                "steelyard-nonce": nonce,
                "steelyard-signature": sign(f"{stamp}{nonce}POST{target}".encode() + body),
            }
            return Request("POST", target, headers, body)
        form = urlencode({**order, "timestamp": stamp})
        form = f"{form}&signature={sign(form.encode())}"
        headers = {"x-mbx-apikey": self.key["key"]}
        if in_query:
            return Request("POST", f"{ROUTE['binance']}?{form}", headers, b"")
        return Request("POST", ROUTE["binance"], headers, form.encode())


def order_of(name: str, price, size, client_id, other: dict) -> dict:
    order = {**BASE[name], **other}
    for called, value in zip(CALLED[name], (price, size, client_id), strict=True):
        if value is None:
            order.pop(called, None)
        elif called not in other:
            order[called] = value
    return order


def acts(name: str):
    plain = st.tuples(st.sampled_from(NUMBERS[:4]), st.sampled_from(NUMBERS[1:5]))
    odd = st.tuples(st.sampled_from(NUMBERS), st.sampled_from(NUMBERS))
    order = st.builds(
        lambda numbers, client_id, other: order_of(name, *numbers, client_id, other),
        plain | odd,
        st.none() | st.sampled_from(IDS),
        st.sampled_from(OTHERS[name][:3]) | st.sampled_from(OTHERS[name]),
    )
    manner = st.fixed_dictionaries(
        {},
        optional={
            "late_s": st.sampled_from((0, 4.9, 5.001, -0.9, -1.1)),
            "spoiled": st.just(True),
            "again": st.just(True),
            "spaced": st.just(True),
            "in_query": st.just(True),
        },
    )
    request = st.tuples(st.just("send"), order, st.just({}) | manner)
    change = st.tuples(
        st.sampled_from(("tick", "halt", "open", "maintain", "go on", "restrict", "free", "revoke"))
    )
    return st.lists(st.one_of(request, request, request, change), min_size=8, max_size=25)


@pytest.mark.parametrize("profile", [UNLIMITED, FEW], ids=["unlimited", "limited"])
@pytest.mark.parametrize("name", NAMES)
def test_both_ways_come_to_the_same(name, profile):
    taken = []

    @settings(max_examples=25, deadline=None)
    @given(acts(name))
    def play(steps) -> None:
        pair = Pair(name, profile)
        for what, *about in steps:
            if what == "send":
                order, manner = about
                pair.send(pair.request(order, **manner))
            else:
                change(pair, what)
        pair.compare()
        taken.append(pair.taken)

    play()
    assert sum(taken) >= 5, "the short way was hardly ever taken"


def change(pair: Pair, what: str) -> None:
    key = pair.key["key"]
    match what:
        case "tick":
            pair.tick(2)
        case "halt" | "open":
            state = MarketState.HALTED if what == "halt" else MarketState.OPEN
            pair.record(SetMarketState(0, state))
        case "maintain" | "go on":
            pair.administer(SetMaintenance(what == "maintain"))
        case "restrict" | "free":
            pair.administer(ChangeKey(key, ip=("10.0.0.1",) if what == "restrict" else ()))
        case "revoke":
            pair.administer(RevokeKey(key))
            made = [
                desk.admin.carry_out(
                    CreateKey("alice", pair.name, (Scope.READ, Scope.TRADE)), desk.now_ns
                )
                for desk in pair.desks
            ]
            pair.key = made[0]


@pytest.mark.parametrize("name", NAMES)
def test_the_second_order_of_a_shape_takes_the_short_way(name):
    pair = Pair(name, UNLIMITED)
    for number in range(4):
        pair.send(pair.request(order_of(name, f"50{number}", "0.1", f"id-{number}", {})))
        assert pair.taken == number
    pair.compare()
    assert pair.gates[0].outcomes[OK] == 4


@pytest.mark.parametrize("name", NAMES)
def test_a_key_is_forgotten_when_any_key_changes(name):
    pair = Pair(name, UNLIMITED)
    order = order_of(name, "500", "0.1", None, {})
    assert pair.send(pair.request(order)) in (200, 201)
    native = pair.gates[0]._plain_orders._reader
    assert native.keeps(pair.key["key"])
    pair.administer(CreateKey("bob", name, (Scope.READ,)))
    assert not native.keeps(pair.key["key"])


@pytest.mark.parametrize("name", NAMES)
def test_a_listing_that_has_changed_is_read_anew(name):
    pair = Pair(name, UNLIMITED)
    for number in range(2):
        pair.send(pair.request(order_of(name, "500", "0.1", f"id-{number}", {})))
    listed = pair.desks[0].exchange.listings[0]
    pair.record(ListInstrument(msgspec.structs.replace(listed, price_max_ticks=10**8 + 1)))
    request = pair.request(order_of(name, "1000000.01", "0.001", "id-9", {}))
    assert pair.gates[0]._plain_orders.read(request, pair.desks[0].now_ns) is None
    pair.send(request)
    pair.compare()


def test_shapes_are_bounded():
    pair = Pair("native", UNLIMITED)
    native = pair.gates[0]._plain_orders._reader
    for number in range(1_024):
        native.refuse(ROUTE["native"], json.dumps({"symbol": str(number)}).encode())
    assert native.is_full()
    pair.send(pair.request(order_of("native", "500", "0.1", None, {})))
    assert not native.is_full()
