"""The rungs in memory: what they promise to the dialogues."""

from decimal import Decimal

import pytest

from steelyard import dialects
from steelyard.domain.commands import CancelAll
from steelyard.domain.errors import UsageError
from steelyard.domain.messages import OrderEvent, OrdersQuery
from steelyard.sim.rungs import NEEDS, ORDERS_MAX, ORDERS_NS, Direct, InDialect, Rung
from steelyard.sim.words import Words
from steelyard.wire.outcome import Answered, NotSent

MAKERS = {"direct": Direct} | {
    name: lambda name=name: InDialect(dialects.find(name)) for name in dialects.names()
}


@pytest.fixture(params=MAKERS)
def rung(request) -> Rung:
    rung = MAKERS[request.param]()
    rung.open_account("alice", {"USDT": Decimal(1_000)})
    return rung


def say(rung: Rung, text: str, who: str = "alice"):
    words = Words(rung.instrument, rung.listings)
    return rung.send(who, words.message(text.split(), rung.time_ns()))


def test_what_was_told_stays_as_it_was(rung):
    """The exchange's own orders go on changing; neither answers nor events do."""
    rung.listen("alice")
    answer = say(rung, "place buy 0.01 @ 50000 as a").answer
    rung.send("alice", CancelAll(0, 0))
    rung.settle()
    assert answer.order.state.is_open
    events, closed = rung.drain("alice")
    assert [e.order.state.is_open for e in events if isinstance(e, OrderEvent)] == [True, False]
    assert closed is None
    assert rung.drain("alice") == ([], None)


def test_another_key_speaks_for_the_same_account(rung):
    rung.open_key("phone", "alice")
    say(rung, "place buy 0.01 @ 50000 as a", "phone")
    answer = rung.send("alice", OrdersQuery(0, 10, 0, open_only=True)).answer
    assert [order.client_order_id for order in answer.orders] == ["a"]


def test_who_has_dropped_hears_nothing(rung):
    rung.listen("alice")
    rung.drop("alice")
    say(rung, "place buy 0.01 @ 50000 as a")
    rung.settle()
    assert rung.drain("alice") == ([], None)


def test_time_goes_on_only_where_somebody_lets_it(rung):
    before_ns = rung.time_ns()
    rung.pass_time(5)
    assert rung.time_ns() == before_ns + 5


def test_without_a_gate_there_are_neither_keys_to_revoke_nor_limits():
    rung = Direct()
    assert {need for need in NEEDS if rung.lacks(need)} == {"revoking", "limits"}
    with pytest.raises(UsageError, match="write `needs: revoking`"):
        rung.revoke("alice")


@pytest.mark.parametrize("name", dialects.names())
def test_the_limit_of_all_dialogues_is_enforced_by_the_gate(name):
    rung = InDialect(dialects.find(name))
    rung.open_account("alice", {"USDT": Decimal(10_000)})
    for number in range(ORDERS_MAX):
        assert isinstance(say(rung, f"place buy 0.01 @ 50000 as a{number}"), Answered)
    assert isinstance(say(rung, "place buy 0.01 @ 50000 as b"), NotSent)
    rung.pause(ORDERS_NS)
    assert isinstance(say(rung, "place buy 0.01 @ 50000 as b"), Answered)


@pytest.mark.parametrize("name", dialects.names())
def test_names_are_unique_for_ever_or_while_orders_are_open(name):
    lacking = [
        InDialect(dialects.find(name)).lacks(need)
        for need in ("ids for ever", "ids of open orders")
    ]
    assert sum(why is None for why in lacking) == 1
    assert any("client order ids are unique" in (why or "") for why in lacking)


@pytest.mark.parametrize("name", dialects.names())
def test_what_a_dialect_lacks_it_says_why(name):
    rung = InDialect(dialects.find(name))
    assert all(rung.lacks(need) != "" for need in NEEDS)


def test_what_goes_without_saying_is_no_choice():
    """Binance takes its fee in what is received, whatever an order would say."""
    rung = InDialect(dialects.find("binance"))
    assert rung.lacks("fee in received") is None
    assert rung.lacks("fee in quote") == "fees are in RECEIVED there"


def test_one_engine_is_the_native_one_where_it_is_built():
    """So that every dialogue is held by both."""
    pytest.importorskip("steelyard._native")
    engines = [rung._stand.exchange.engine for rung in (Direct(), MAKERS["native"]())]
    assert [type(engine).__name__ for engine in engines] == ["ReferenceEngine", "NativeEngine"]
