"""Whole messages or one error, however the bytes come."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steelyard.bridge import pipe
from steelyard.bridge.pipe import (
    FRAME_MAX_BYTES,
    Ask,
    Beat,
    Configure,
    Decoder,
    Down,
    Failed,
    Follow,
    Hello,
    Note,
    Ready,
    Reply,
    Reset,
    ToChild,
    Told,
    ToParent,
    Up,
    encode,
)
from steelyard.domain.commands import Cancel, Place
from steelyard.domain.errors import DecodeError
from steelyard.domain.messages import BookDelta, Clock, ClockQuery, OrderQuery, Refused
from steelyard.domain.order import OrderType, RejectReason, Side, TimeInForce
from steelyard.wire.capabilities import Capabilities, Lookup, Source
from steelyard.wire.outcome import Answered, NotSent, Unknown

LARGE = 2**300 + 1  # a venue's id can be that long
CAPABILITIES = Capabilities(
    venue="ccxt:x",
    is_checked=True,
    lookup=Lookup.LISTS,
    request_expiry_ns=None,
    market=Source.STREAM,
    account=Source.POLLED,
    has_fills=True,
    has_open_orders=True,
    has_balances=True,
    has_cancel=True,
    has_clock=True,
    has_candles=True,
    has_dead_man=False,
    has_amend=False,
    order_types=("LIMIT GTC",),
)
PLACE = Place(0, 0, Side.BUY, OrderType.LIMIT, TimeInForce.IOC, False, 101, 7, client_order_id="a1")
TO_CHILD = [
    Configure(1, "x", "BTC-USDT", {"urls": {"api": "http://127.0.0.1:1"}}, True, "key", "secret"),
    Ask(1, PLACE),
    Ask(2, Cancel(0, LARGE, 0, "a1")),
    Ask(3, ClockQuery()),
    Ask(4, OrderQuery(0, 0, LARGE)),
    Follow(),
    Reset("market"),
]
TO_PARENT = [
    Hello(1),
    Ready(CAPABILITIES),
    Failed("no"),
    Reply.of(1, Answered(Clock(5))),
    Told(BookDelta(0, 1, 1, ((100, 5),), (), 9)),
    Up("private"),
    Down("private", "gone"),
    Note("so it is"),
    Beat(),
]


@pytest.mark.parametrize(("messages", "union"), [(TO_CHILD, ToChild), (TO_PARENT, ToParent)])
@given(cuts=st.lists(st.integers(0, 3000), max_size=20))
def test_messages_arrive_whole_whatever_the_pieces(messages, union, cuts):
    """A pipe cuts where it likes."""
    stream = b"".join(encode(message) for message in messages)
    ends = sorted({0, len(stream), *(cut for cut in cuts if cut < len(stream))})
    decoder = Decoder(union)
    found = [m for begin, end in pairwise(ends) for m in decoder.receive(stream[begin:end])]
    assert found == messages


def test_every_message_is_tried():
    """One that is added is added here too."""
    assert {type(message) for message in TO_CHILD} == set(ToChild.__args__)
    assert {type(message) for message in TO_PARENT} == set(ToParent.__args__)


@given(st.binary(max_size=200))
def test_garbage_is_one_error(noise):
    """Nothing else is raised, and nothing of the noise is repeated: it might be a key."""
    frame = len(noise).to_bytes(4, "big") + noise
    for union in (ToChild, ToParent):
        with pytest.raises(DecodeError, match=f"^{len(noise)} bytes are no message of the bridge"):
            Decoder(union).receive(frame)


def test_what_stood_in_a_message_that_cannot_be_read_is_not_told():
    secret = encode(TO_CHILD[0]).replace(b'"Configure"', b'"Confirure"')
    with pytest.raises(DecodeError) as caught:
        Decoder(ToChild).receive(secret)
    assert "secret" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_a_length_beyond_the_bound_is_not_waited_for():
    with pytest.raises(DecodeError, match=f"{FRAME_MAX_BYTES} is the most"):
        Decoder(ToChild).receive((FRAME_MAX_BYTES + 1).to_bytes(4, "big"))


def test_a_message_beyond_the_bound_is_not_sent(monkeypatch):
    monkeypatch.setattr(pipe, "FRAME_MAX_BYTES", 10)
    with pytest.raises(DecodeError, match="10 is the most"):
        encode(Note("more than that"))


@pytest.mark.parametrize(
    "outcome",
    [
        Answered(Refused(RejectReason.UNSUPPORTED, "no")),
        NotSent("why", 5, True),
        NotSent("why"),
        Unknown("why"),
    ],
)
def test_an_outcome_is_the_same_on_both_sides(outcome):
    (reply,) = Decoder(ToParent).receive(encode(Reply.of(9, outcome)))
    assert (reply.request_id, reply.outcome) == (9, outcome)


def test_a_configuration_does_not_show_its_key():
    assert "secret" not in repr(TO_CHILD[0])
    assert "'key'" not in repr(TO_CHILD[0])
