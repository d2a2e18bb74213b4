"""A journal's payloads: what was written comes back, and what was not is refused by number."""

import contextlib
from typing import get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from steelyard.domain.commands import Command
from steelyard.domain.errors import DecodeError
from steelyard.domain.journal import JournalCodec, Record, gapless
from tests.engine.samples import NOW_NS, SAMPLES, name_of


class Named(msgspec.Struct, frozen=True, tag=True):
    text: str
    amounts_atoms: tuple[int, ...] = ()


class Stopped(msgspec.Struct, frozen=True, tag=True):
    pass


CODEC = JournalCodec(Named | Stopped)
LAID_OUT = CODEC.encode(SAMPLES[0], NOW_NS)
COMMANDS = [sample for sample in SAMPLES if type(sample) in get_args(Command)]
TEXT = st.text(st.characters(exclude_categories=["Cs"]))


@pytest.mark.parametrize("message", COMMANDS, ids=name_of)
def test_what_the_engine_knows_stands_in_its_layout(message):
    """A command is there in the same bytes that cross the border, behind one letter."""
    payload = CODEC.encode(message, NOW_NS)
    assert payload[:1] == b"L"
    assert CODEC.decode(7, payload) == Record(7, NOW_NS, message, payload[1:])


@given(TEXT, st.lists(st.integers(-(2**127), 2**127)), st.integers(0, 2**63 - 1))
def test_any_other_message_survives_a_round_trip(text, amounts, time_ns):
    """Integers are exact at any length: an amount of atoms needs more than 64 bits."""
    message = Named(text, tuple(amounts))
    payload = CODEC.encode(message, time_ns)
    assert payload[:1] == b"J"
    assert CODEC.decode(1, payload) == Record(1, time_ns, message)


def test_a_payload_is_what_it_was():
    """The form of a record never changes: these bytes are in journals."""
    assert CODEC.encode(Stopped(), 5) == b'J[5,{"type":"Stopped"}]'
    assert CODEC.decode(3, b'J[5,{"type":"Named","text":"a","later":1}]').message == Named("a")


@pytest.mark.parametrize(
    ("payload", "why"),
    [
        (b"", "it begins with b'', which is no known form"),
        (b'X[5,{"type":"Stopped"}]', "it begins with b'X', which is no known form"),
        (b"J", "Input data was truncated"),
        (b'J[5,{"type":"Stopped"}', "Input data was truncated"),
        (b'J[5,{"type":"Gone"}]', "Invalid value 'Gone' - at `$[1].type`"),
        (b'J["5",{"type":"Stopped"}]', "Expected `int`, got `str` - at `$[0]`"),
        (b'J[5,{"type":"Named"}]', "Object missing required field `text` - at `$[1]`"),
        (
            b'J[5,{"type":"\xff"}]',
            "'utf-8' codec can't decode byte 0xff in position 0: invalid start byte",
        ),
        (b"L", "record at 1 is cut short"),
        (LAID_OUT[:-1], "record at 1 is cut short"),
        (LAID_OUT + b"\0\0", "2 bytes follow its message"),
        (b"L" + b"\0" * 16, "record at 1 has unknown tag 0 of size 0"),
    ],
)
def test_what_is_no_record_is_refused_by_its_number(payload, why):
    """Whoever reads the error can find the record, and knows what is wrong with it."""
    with pytest.raises(DecodeError) as error:
        CODEC.decode(41, payload)
    assert str(error.value) == f"journal record 41 cannot be read: {why}"


def test_a_bottomless_record_is_refused():
    """Nesting without end is damage as any other, also in a field that nobody knows."""
    with pytest.raises(DecodeError, match=r"^journal record 41 cannot be read: "):
        CODEC.decode(41, b'J[5,{"type":"Stopped","x":' + b"[" * 100_000)


@given(st.sampled_from([b"", b"J", b"L", b'J[5,{"type":"']), st.binary(max_size=80))
def test_garbage_is_a_decode_error(start, rest):
    """No bytes raise anything else."""
    with contextlib.suppress(DecodeError):
        CODEC.decode(1, start + rest)


@given(
    st.integers(0, 200),
    st.integers(0, 255),
    st.sampled_from([LAID_OUT, CODEC.encode(Named("ä", (1,)), 5)]),
)
def test_a_damaged_payload_is_a_record_or_a_decode_error(at, byte, payload):
    """One wrong byte anywhere raises nothing else."""
    damaged = bytearray(payload)
    damaged[at % len(damaged)] = byte
    with contextlib.suppress(DecodeError):
        assert CODEC.decode(9, bytes(damaged)).sequence == 9


def records(*sequences: int) -> list[Record]:
    return [Record(sequence, 0, None) for sequence in sequences]


@given(st.integers(0, 2**40), st.integers(0, 30))
def test_records_that_follow_each_other_pass_as_they_are(after, count):
    """From the one behind a snapshot on, to the end."""
    run = records(*range(after + 1, after + 1 + count))
    assert list(gapless(run, after)) == run


@pytest.mark.parametrize(
    ("sequences", "after", "passed", "message"),
    [
        ((2,), 0, 0, "journal record 1 is missing: found 2"),
        ((5, 6, 8), 4, 2, "journal record 7 is missing: found 8"),
        ((5, 5), 4, 1, "journal record 6 is missing: found 5"),
        ((5, 4), 4, 1, "journal record 6 is missing: found 4"),
        ((3,), 4, 0, "journal record 5 is missing: found 3"),
    ],
)
def test_a_gap_or_a_repetition_is_named(sequences, after, passed, message):
    """What came before it has been passed on, nothing behind it is."""
    reader = gapless(iter(records(*sequences)), after)
    assert [next(reader).sequence for _ in range(passed)] == list(sequences[:passed])
    with pytest.raises(DecodeError) as error:
        next(reader)
    assert str(error.value) == message
