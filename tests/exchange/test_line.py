"""A gate's WebSockets: bounds, keys that have been proven, and what they leave behind."""

import pytest
from desk import Desk

from steelyard import dialects
from steelyard.domain.messages import Scope
from steelyard.exchange.gate import Gate
from steelyard.exchange.issuing import CreateKey
from steelyard.exchange.line import SUBSCRIPTIONS_PER_LINE
from steelyard.wire.dialect import (
    Auth,
    Channel,
    ChannelKind,
    Credentials,
    SessionRefused,
    Subscription,
)
from steelyard.wire.limits import UNLIMITED

NATIVE = dialects.find("native")
IP = "127.0.0.1"


@pytest.fixture
def gate(desk: Desk) -> Gate:
    return Gate(desk.exchange, NATIVE, UNLIMITED)


def test_a_line_is_bounded_in_streams_and_leaves_nothing_behind(gate, desk):
    line = gate.line("/ws/v1", IP, 7, lambda: desk.now_ns)
    for number in range(SUBSCRIPTIONS_PER_LINE):
        line.subscribe(Subscription("native", Channel(ChannelKind.TRADES, 0), f"{number}"))
    with pytest.raises(SessionRefused, match="too many streams"):
        line.subscribe(Subscription("native", Channel(ChannelKind.TRADES, 0), "more"))
    line.close()
    assert desk.exchange.feed.subscriptions(7) == ()


def test_there_is_no_line_where_the_dialect_has_no_stream(gate, desk):
    assert gate.line("/nowhere", IP, 7, lambda: desk.now_ns) is None


def test_who_merely_names_a_key_has_not_proven_it(gate, desk):
    """A route without a signature: the line is not closed with the key, nor the key blamed."""
    made = desk.admin.carry_out(CreateKey("alice", "native", (Scope.READ,)), desk.now_ns)
    endpoint = next(e for e in NATIVE.endpoints if e.path == "/api/v1/account")
    line = gate.line("/ws/v1", IP, 1, lambda: desk.now_ns)
    claim = Credentials(made["key"], "", (), None, 0, 0)
    named = endpoint._replace(auth=Auth.KEY)
    line.call(named, endpoint.request, lambda: claim)
    assert line.keys == set()
