"""The fixed layout: what goes in comes out, and what is not a record is a DecodeError."""

import contextlib
import struct
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from steelyard.domain import layout
from steelyard.domain.commands import Cancel, Command, ListInstrument, Place, PlaceGroup
from steelyard.domain.errors import DecodeError
from steelyard.domain.instrument import Instrument
from steelyard.domain.layout import LAYOUT, CounterState, InstrumentState, WaitingState
from steelyard.domain.order import Direction, GroupKind, MarketState, OrderType, Side, TimeInForce
from tests.engine.samples import NOW_NS, SAMPLES

CANCEL = layout.encode(Cancel(100, 7), NOW_NS)
DIRECTION_AT = 109  # in the record of a Place, in front of its text
WIDTHS = {"u8": 8, "u32": 32, "u64": 64}
HALVES = {"i8": 7, "i32": 31, "i64": 63, "i128": 127}
# These stay on this side of the border.
REST_OF_CANCEL = {"instrument_id": st.none(), "client_order_id": st.just("")}


def values(message: type, name: str, kind: str) -> st.SearchStrategy[Any]:
    """Return what a field may hold."""
    enum = layout._ENUMS_OF[message] if name in {"kind", "state"} else layout._ENUMS.get(name)
    if enum is not None:
        return st.sampled_from(list(enum))
    if name in layout._FLAGS:
        return st.booleans()
    if kind.startswith(("text", "tail")):
        return st.text(st.characters(min_codepoint=1, max_codepoint=127), max_size=int(kind[4:]))
    if kind in WIDTHS:
        return st.integers(0, 2 ** WIDTHS[kind] - 1)
    numbers = st.integers(-(2 ** HALVES[kind]), 2 ** HALVES[kind] - 1)
    if name in layout._OPTIONAL.get(message, ()):
        return st.none() | numbers.filter(lambda number: number != layout.ABSENT)
    return numbers


def messages(message: type) -> st.SearchStrategy[Any]:
    """Return any message of a row."""
    row = LAYOUT[message].fields
    if message is PlaceGroup:
        places = st.lists(messages(Place), min_size=1, max_size=layout.GROUP_MAX)
        return st.builds(group, st.sampled_from(GroupKind), places)
    fields = {name: values(message, name, kind) for name, kind in row}
    if message is ListInstrument:
        return st.builds(Instrument, **fields).map(ListInstrument)
    if directed := layout._DIRECTED_LAYOUT.get(message):
        name, kind = next(it for it in directed.fields if it not in row)
        fields[name] = st.none() | values(message, name, kind)
    if message is Place:
        short = st.builds(Place, **{name: fields[name] for name, _ in layout._PLAIN_PLACE.fields})
        return short | st.builds(Place, **fields)
    return st.builds(message, **fields, **({} if message is not Cancel else REST_OF_CANCEL))


def group(kind: GroupKind, places: list[Place]) -> PlaceGroup:
    """Return orders of one account as a group."""
    account_id = places[0].account_id
    return PlaceGroup(kind, tuple(replace(place, account_id=account_id) for place in places))


@given(st.sampled_from(list(LAYOUT)).flatmap(messages), st.integers(-(2**63), 2**63 - 1))
def test_any_message_survives_a_round_trip(message: Any, now_ns: int):
    """Every number that fits its field, every text, every member of an enum."""
    record = layout.encode(message, now_ns)
    time = now_ns if type(message) in get_args(Command) else 0
    assert layout.decode(record) == (message, time, len(record))
    assert len(record) % 8 == 0
    row = LAYOUT[type(message)]
    tag, size, head = struct.unpack_from("<HHI", record)
    assert size == len(record)
    assert tag in layout.tags_of(type(message))
    name, kind = row.fields[0] if row.fields else ("", "")
    subject = message.instrument if isinstance(message, ListInstrument) else message
    assert head == (getattr(subject, name) if kind == "u32" else 0)


def test_a_plain_order_has_a_short_record():
    """What nearly all orders are costs few bytes, and has no other form."""
    plain = Place(100, 0, Side.BUY, OrderType.LIMIT, TimeInForce.GTC, False, 1, 1)
    assert len(layout.encode(plain, 0)) == 48
    assert struct.unpack_from("<H", layout.encode(plain, 0)) == (5,)
    iceberg = replace(plain, display_lots=1)
    assert struct.unpack_from("<H", layout.encode(iceberg, 0)) == (11,)


def test_a_direction_has_a_form_of_its_own():
    """What was written without one reads as it was written, and so does what has none."""
    for sample in SAMPLES:
        if type(sample) not in {Place, WaitingState}:
            continue
        plain, directed = layout.tags_of(type(sample)) - {21, 213}, {21, 213}
        without = replace(sample, activation_direction=None)
        assert layout.decode(layout.encode(without, 0))[0] == without
        assert struct.unpack_from("<H", layout.encode(without, 0))[0] in plain
        for direction in Direction:
            one = replace(sample, activation_direction=direction)
            record = layout.encode(one, 0)
            assert struct.unpack_from("<H", record)[0] in directed
            assert layout.decode(record)[0] == one


def test_a_form_with_a_direction_has_one():
    """0 is none of them: that order has another form."""
    directed = next(it for it in SAMPLES if getattr(it, "activation_direction", None))
    record = bytearray(layout.encode(replace(directed, client_order_id=""), 0))
    at = DIRECTION_AT
    assert record[at] == directed.activation_direction
    for wrong in (0, 3, 255):
        record[at] = wrong
        with pytest.raises(DecodeError, match="activation_direction has a value that does not"):
            layout.decode(bytes(record))


def test_a_group_is_of_one_account_and_time():
    """And has as many orders as a group may have."""
    one, two = (layout.encode(Place(who, *PLAIN_ORDER), 5) for who in (100, 101))
    head = layout.encode(PlaceGroup(GroupKind.OCO, (Place(100, *PLAIN_ORDER),)), 5)[:24]

    def decoded(*places: bytes):
        size = len(head) + sum(map(len, places))
        return layout.decode(head[:2] + struct.pack("<H", size) + head[4:] + b"".join(places))[0]

    assert len(decoded(one, one).places) == 2
    for wrong in ((one, two), (one, layout.encode(Place(100, *PLAIN_ORDER), 6)), (one, CANCEL)):
        with pytest.raises(DecodeError, match="places has a value that does not exist"):
            decoded(*wrong)
    with pytest.raises(DecodeError, match="places has a value that does not exist"):
        decoded(*[one] * 21)


PLAIN_ORDER = (0, Side.BUY, OrderType.LIMIT, TimeInForce.GTC, False, 1, 1)


def test_records_follow_each_other():
    """A run of records is read in order, also out of the middle of a buffer."""
    run = b"".join(layout.encode(sample, NOW_NS) for sample in SAMPLES)
    assert tuple(layout.decode_all(run)) == SAMPLES
    assert tuple(layout.decode_all(memoryview(run))) == SAMPLES
    message, _, offset = layout.decode(run, len(layout.encode(SAMPLES[0], 0)))
    assert message == SAMPLES[1]
    assert layout.decode(run, offset)[0] == SAMPLES[2]


@pytest.mark.parametrize(
    ("record", "message", "field"),
    [
        (b"", "record at 0 is cut short", None),
        (CANCEL[:15], "record at 0 is cut short", None),
        (CANCEL[:23], "record at 0 is cut short", None),
        (b"\xff\xff" + CANCEL[2:], "record at 0 has unknown tag 65535 of size 24", None),
        (CANCEL[:2] + b"\x20\0" + CANCEL[4:], "record at 0 has unknown tag 7 of size 32", None),
    ],
)
def test_what_is_not_a_record_says_why(record: bytes, message: str, field: str | None):
    """The message has the offset and what is wrong there."""
    with pytest.raises(DecodeError) as error:
        layout.decode(record)
    assert str(error.value) == message
    assert error.value.field == field


@pytest.mark.parametrize(
    ("at", "byte", "field"),
    [
        (36, 0, "side"),
        (37, 9, "order_type"),
        (38, 0, "time_in_force"),
        (39, 2, "post_only"),
        (40, 5, "self_trade"),
        (41, 9, "fee_asset"),
        (42, 0x80, "client_order_id"),
    ],
)
def test_a_value_that_does_not_exist_is_named(at: int, byte: int, field: str):
    """Enums, truths and texts are checked; the error knows the field."""
    place = Place(
        100,
        0,
        Side.BUY,
        OrderType.LIMIT,
        TimeInForce.GTC,
        post_only=False,
        price_ticks=1,
        size_lots=1,
    )
    record = bytearray(CANCEL + layout.encode(place, NOW_NS))
    record[len(CANCEL) + at] = byte
    with pytest.raises(DecodeError) as error:
        layout.decode(bytes(record), len(CANCEL))
    assert str(error.value) == f"record at 24, tag 5: {field} has a value that does not exist"
    assert error.value.field == field


@given(st.binary(max_size=200))
def test_garbage_is_a_decode_error(garbage: bytes):
    """Any bytes are records or a DecodeError."""
    with contextlib.suppress(DecodeError):
        tuple(layout.decode_all(garbage))


@given(st.sampled_from(SAMPLES), st.integers(0, 200), st.integers(0, 255))
def test_a_damaged_record_is_a_record_or_a_decode_error(sample: Any, at: int, byte: int):
    """One wrong byte anywhere raises nothing else."""
    record = bytearray(layout.encode(sample, NOW_NS))
    record[at % len(record)] = byte
    with contextlib.suppress(DecodeError):
        layout.decode(bytes(record))


def test_a_number_that_stands_for_none_cannot_be_written():
    """-1 would come back as None, so our own code must not ask for it."""
    place = Place(
        100,
        0,
        Side.BUY,
        OrderType.LIMIT,
        TimeInForce.GTC,
        post_only=False,
        price_ticks=-1,
        size_lots=1,
    )
    with pytest.raises(AssertionError, match="-1 on the wire means that there is no number"):
        layout.encode(place, 0)


def test_a_text_that_is_too_long_cannot_be_written():
    """It would be cut and come back as another."""
    place = Place(
        100,
        0,
        Side.BUY,
        OrderType.LIMIT,
        TimeInForce.GTC,
        post_only=False,
        price_ticks=1,
        size_lots=1,
        client_order_id="x" * 41,
    )
    with pytest.raises(AssertionError, match="is longer than 40 bytes"):
        layout.encode(place, 0)


def test_a_hash_is_what_it_was():
    """The hash is part of every journal: a known state has a known number."""
    assert layout.state_hash(iter([])) == 0
    assert layout.state_hash(iter([CounterState(1, 1, 1)])) == 8479476770410424835


def test_a_hash_does_not_know_the_order_of_records():
    """It is a sum, so that it can be kept while records change."""
    records = [
        InstrumentState(1, 2, 3, 4, 5, MarketState.OPEN),
        InstrumentState(2, 1, 3, 4, 5, MarketState.OPEN),
        CounterState(5, 6, 7),
    ]
    whole = layout.state_hash(iter(records))
    assert layout.state_hash(reversed(records)) == whole
    parts = [layout.state_hash(iter([record])) for record in records]
    assert sum(parts) % 2**64 == whole
    assert parts[0] != parts[1], "fields have places"
