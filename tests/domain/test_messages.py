"""What is asked, answered and told: frozen, told apart by their tags, and whole as JSON."""

import types
from enum import Enum
from typing import Any, Union, get_args, get_origin, get_type_hints

import msgspec
import pytest
from examples import examples
from hypothesis import given
from hypothesis import strategies as st

from steelyard.domain.instrument import Instrument
from steelyard.domain.lifecycle import Fill, Order
from steelyard.domain.messages import (
    Answer,
    AssetBalance,
    Event,
    Execution,
    OrderEvent,
    Query,
    Scope,
    TickersQuery,
)

UNIONS = {"query": Query, "answer": Answer, "event": Event}
# Longer than 64 bits, as amounts of atoms are.
NUMBERS = st.integers(-(2**100), 2**100)


def values(kind: Any) -> st.SearchStrategy[Any]:
    """Return what a field of this kind may hold."""
    origin, parts = get_origin(kind), get_args(kind)
    if origin in (types.UnionType, Union):
        return st.one_of(*map(values, parts))
    if origin is tuple and parts[-1] is Ellipsis:
        return st.lists(values(parts[0]), max_size=3).map(tuple)
    if origin is tuple:
        return st.tuples(*map(values, parts))
    if origin is frozenset:
        return st.frozensets(values(parts[0]))
    if issubclass(kind, Enum):
        return st.sampled_from(list(kind))
    if issubclass(kind, msgspec.Struct):
        hints = get_type_hints(kind)
        return st.builds(kind, **{name: values(hints[name]) for name in kind.__struct_fields__})
    if issubclass(kind, tuple):  # a NamedTuple
        return st.builds(
            kind, **{name: values(hint) for name, hint in get_type_hints(kind).items()}
        )
    known = {
        bool: st.booleans(),
        int: NUMBERS,
        str: st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
        type(None): st.none(),
    }
    return known[kind]


@pytest.mark.parametrize(
    "message", sorted({m for u in UNIONS.values() for m in get_args(u)}, key=str)
)
def test_a_message_cannot_change_under_way(message):
    """It is frozen, its tag is its name, and it has a word on what it is."""
    config = message.__struct_config__
    assert config.frozen
    assert (config.tag_field, config.tag) == ("type", message.__name__)
    assert message.__doc__


@pytest.mark.parametrize("part", [AssetBalance, Fill, Instrument])
def test_what_messages_are_made_of_cannot_change_either(part):
    """An Order alone may: its owner walks it through its life."""
    assert part.__struct_config__.frozen
    assert not Order.__struct_config__.frozen


@pytest.mark.parametrize("union", UNIONS.values(), ids=list(UNIONS))
def test_a_union_tells_its_members_apart(union):
    """No two have the same tag, so whoever decodes gets what was encoded."""
    tags = [message.__struct_config__.tag for message in get_args(union)]
    assert len(set(tags)) == len(tags)


@pytest.mark.parametrize(
    ("message", "union"),
    [(message, union) for union in UNIONS.values() for message in get_args(union)],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_any_message_survives_json(message, union):
    """Every field of every kind comes back, numbers of any length exactly."""
    decoder = msgspec.json.Decoder(union)

    @examples(12)  # of each of many
    @given(values(message))
    def survives(sample):
        assert decoder.decode(msgspec.json.encode(sample)) == sample

    survives()


@pytest.mark.parametrize(
    ("message", "text"),
    [
        (TickersQuery(), b'{"type":"TickersQuery","instrument_ids":null}'),
        (TickersQuery(()), b'{"type":"TickersQuery","instrument_ids":[]}'),
    ],
)
def test_all_and_none_of_them_are_not_the_same(message, text):
    """None asks for every instrument, an empty list for none."""
    assert msgspec.json.encode(message) == text
    assert msgspec.json.decode(text, type=Query) == message


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (b'{"type":"ClockQuery2"}', "Invalid value 'ClockQuery2' - at `$.type`"),
        (b"{}", "Object missing required field `type`"),
        (b'{"type":"BookQuery","instrument_id":0}', "Object missing required field `depth`"),
        (
            b'{"type":"BookQuery","instrument_id":0,"depth":1.5}',
            "Expected `int`, got `float` - at `$.depth`",
        ),
    ],
)
def test_what_is_no_message_is_refused(text, why):
    """Neither guessed nor rounded."""
    with pytest.raises(msgspec.ValidationError) as error:
        msgspec.json.decode(text, type=Query)
    assert str(error.value) == why


@pytest.mark.parametrize(
    ("member", "value"),
    [
        (Scope.READ, "read"),
        (Scope.TRADE, "trade"),
        (Scope.WITHDRAW, "withdraw"),
        (Execution.NEW, 1),
        (Execution.FILL, 2),
        (Execution.CANCELED, 3),
        (Execution.AMENDED, 4),
        (Execution.EXPIRED, 5),
        (Execution.REJECTED, 6),
        (Execution.TRIGGERED, 7),
        (Execution.RELEASED, 8),
    ],
)
def test_words_and_numbers_are_for_ever(member, value):
    """They stand in journals and in people's scripts: a member is added, never renamed."""
    assert member == value
    assert len(Scope) + len(Execution) == 11


def test_an_order_event_says_whether_there_was_a_fill():
    """The field is there in every order event and must be said, so that nobody forgets it."""
    with pytest.raises(TypeError, match="Missing required argument 'fill'"):
        OrderEvent(execution=Execution.FILL, order=None, time_ns=0)
