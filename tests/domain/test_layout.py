"""The fixed layout: what goes in comes out, and what is not a record is a DecodeError."""

import contextlib
import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steelyard.domain import layout
from steelyard.domain.commands import Cancel, ListInstrument, Place
from steelyard.domain.errors import DecodeError
from steelyard.domain.instrument import Instrument
from steelyard.domain.layout import LAYOUT, CounterState, InstrumentState
from steelyard.domain.order import OrderType, Side, TimeInForce
from tests.engine.samples import NOW_NS, SAMPLES

CANCEL = layout.encode(Cancel(100, 7), NOW_NS)
RANGES = {"i8": 8, "i64": 64, "i128": 128}
WIDTHS = {"u8": 8, "u32": 32, "u64": 64}


def values(message: type, name: str, kind: str) -> st.SearchStrategy[Any]:
    """Return what a field may hold."""
    codec = next(codec for codec in layout._BY_TAG.values() if codec.tag == LAYOUT[message].tag)
    if name in layout._ENUMS:
        return st.sampled_from(list(layout._ENUMS[name]))
    if name in layout._FLAGS:
        return st.booleans()
    if kind.startswith("text"):
        return st.text(st.characters(min_codepoint=1, max_codepoint=127), max_size=int(kind[4:]))
    if kind in WIDTHS:
        return st.integers(0, 2 ** WIDTHS[kind] - 1)
    half = 2 ** (RANGES[kind] - 1)
    numbers = st.integers(-half, half - 1)
    if (codec.message, name) in layout._OPTIONAL:
        return st.none() | numbers.filter(lambda number: number != layout.ABSENT)
    return numbers


def messages(message: type) -> st.SearchStrategy[Any]:
    """Return any message of a row."""
    fields = {name: values(message, name, kind) for name, kind in LAYOUT[message].fields}
    if message is ListInstrument:
        return st.builds(Instrument, **fields).map(ListInstrument)
    return st.builds(message, **fields, **({} if message is not Cancel else REST_OF_CANCEL))


# These stay on this side of the border.
REST_OF_CANCEL = {"instrument_id": st.none(), "client_order_id": st.just("")}


@given(st.sampled_from(list(LAYOUT)).flatmap(messages), st.integers(-(2**63), 2**63 - 1))
def test_any_message_survives_a_round_trip(message: Any, now_ns: int):
    """Every number that fits its field, every text, every member of an enum."""
    record = layout.encode(message, now_ns)
    assert layout.decode(record) == (message, now_ns, len(record))
    assert len(record) % 8 == 0
    assert struct.unpack_from("<HHI", record) == (LAYOUT[type(message)].tag, len(record), 0)


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
        (CANCEL[:31], "record at 0 is cut short", None),
        (b"\xff\xff" + CANCEL[2:], "record at 0 has unknown tag 65535 of size 32", None),
        (CANCEL[:2] + b"\x28\0" + CANCEL[4:], "record at 0 has unknown tag 7 of size 40", None),
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
        (40, 0, "side"),
        (41, 3, "order_type"),
        (42, 0, "time_in_force"),
        (43, 2, "post_only"),
        (44, 4, "self_trade"),
        (45, 9, "fee_asset"),
        (46, 0x80, "client_order_id"),
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
    assert str(error.value) == f"record at 32, tag 5: {field} has a value that does not exist"
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
    assert layout.state_hash(iter([CounterState(1, 1)])) == 15757677766995503020


def test_a_hash_does_not_know_the_order_of_records():
    """It is a sum, so that it can be kept while records change."""
    records = [InstrumentState(1, 2), InstrumentState(2, 1), CounterState(5, 6)]
    whole = layout.state_hash(iter(records))
    assert layout.state_hash(reversed(records)) == whole
    parts = [layout.state_hash(iter([record])) for record in records]
    assert sum(parts) % 2**64 == whole
    assert parts[0] != parts[1], "fields have places"
