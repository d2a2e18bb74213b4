"""The short ways of plain orders against the long way: the same bytes, records and counters."""

import json

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from order_pair import FEW, IDS, NAMES, NUMBERS, OTHERS, ROUTE, Pair, order_of

from steelyard.domain.commands import ListInstrument, SetMarketState
from steelyard.domain.messages import Scope
from steelyard.domain.order import MarketState
from steelyard.engine.choice import kinds
from steelyard.exchange.admin import SetMaintenance
from steelyard.exchange.issuing import ChangeKey, CreateKey, RevokeKey
from steelyard.exchange.plain_way import OK
from steelyard.wire.limits import UNLIMITED

pytestmark = pytest.mark.skipif("native" not in kinds(), reason="there is no native module")


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
    later = st.tuples(
        st.sampled_from(("look", "cancel", "trade", "house", "house", "listen", "hush", "restart")),
        st.integers(0, 5),
    )
    return st.lists(st.one_of(request, request, request, change, later), min_size=8, max_size=25)


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
                change(pair, what, *about)
        pair.compare()
        taken.append(pair.taken)

    play()
    assert sum(taken) >= 5, "the short way was hardly ever taken"


def change(pair: Pair, what: str, number: int = 0) -> None:
    key = pair.key["key"]
    match what:
        case "look":
            pair.look()
        case "cancel":
            pair.cancel(number)
        case "trade":
            pair.trade(("0.05", "0.1", "0.25")[number % 3])
        case "house":
            pair.house(number)
        case "listen":
            pair.listen()
        case "hush":
            pair.hush()
        case "restart":
            pair.restart()
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
    taken = pair.taken
    for number in range(10, 13):
        pair.send(pair.request(order_of(name, "500", "0.1", f"id-{number}", {})))
    assert pair.taken == taken + 2, "learned anew, they take the short way again"
    pair.compare()


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("price", "size"), [("5e2", "0.1"), ("500", "1e-1")])
def test_a_number_that_is_not_plain_spoils_no_shape(name, price, size):
    pair = Pair(name, UNLIMITED)
    pair.send(pair.request(order_of(name, price, size, "id-0", {})))
    for number in range(1, 4):
        pair.send(pair.request(order_of(name, "500", "0.1", f"id-{number}", {})))
    assert pair.taken == 2
    pair.compare()


def test_shapes_are_bounded():
    pair = Pair("native", UNLIMITED)
    native = pair.gates[0]._plain_orders._reader
    for number in range(1_024):
        native.refuse(ROUTE["native"], json.dumps({"symbol": str(number)}).encode())
    assert native.is_full()
    pair.send(pair.request(order_of("native", "500", "0.1", None, {})))
    assert not native.is_full()
