"""The words of tables: their numbers are those of the native code."""

from hashlib import sha256
from itertools import product

import pytest

from steelyard.wire import tables
from steelyard.wire.tables import (
    Clock,
    Column,
    Continuity,
    Encoding,
    Field,
    Hash,
    Hole,
    LevelTable,
    MessageKind,
    MessageTable,
    Slot,
    Steps,
    StreamTable,
    TimeForm,
)

native = pytest.importorskip("steelyard._native", reason="no native module was built")

FIELDS = (
    Field(Slot.LAST, ("n",)),
    Field(Slot.BIDS, ("b",)),
    Field(Slot.ASKS, ("a",)),
)
STREAM = StreamTable(
    kind_path=("k",),
    kind_after="",
    payload_path=(),
    messages=(),
    snapshot=MessageTable(MessageKind.SNAPSHOT, FIELDS),
    decimals=2,
    sold='"sell"',
    bought='"buy"',
    time_unit_ns=1,
)
ONE = [Steps("AB", 1, 1)]


@pytest.mark.parametrize(
    "enum", [Slot, MessageKind, Continuity, Column, TimeForm, Hole, Hash, Encoding, Clock]
)
def test_numbers_count_from_one(enum):
    """The native side knows them by their place."""
    assert [int(member) for member in enum] == list(range(1, len(enum) + 1))


def test_the_native_side_has_as_many_of_each():
    """One more is refused: whoever adds one has to add it on both sides."""

    def with_slot(number: int) -> StreamTable:
        fields = (*FIELDS, Field(number, ("x",)))
        return STREAM._replace(snapshot=MessageTable(MessageKind.SNAPSHOT, fields))

    def with_kind(number: int) -> StreamTable:
        return STREAM._replace(snapshot=MessageTable(number, FIELDS))

    for slot in Slot:
        native.MarketReader(with_slot(slot), ONE)
    for refused in (
        with_slot(len(Slot) + 1),
        with_slot(0),
        with_kind(len(MessageKind) + 1),
        STREAM._replace(continuity=len(Continuity) + 1),
        STREAM._replace(time_form=len(TimeForm) + 1),
        STREAM._replace(levels=LevelTable((*LevelTable().columns, len(Column) + 1))),
    ):
        with pytest.raises(ValueError, match="has the number"):
            native.MarketReader(refused, ONE)
    for continuity in Continuity:
        native.MarketReader(STREAM._replace(continuity=continuity), ONE)
    for form in TimeForm:
        native.MarketReader(STREAM._replace(time_form=form), ONE)
    levels = LevelTable((Column.PRICE, Column.SIZE, Column.OTHER))
    changes = LevelTable((Column.SIDE, Column.PRICE, Column.SIZE))
    native.MarketReader(STREAM._replace(levels=levels, changes=changes), ONE)


def test_a_form_takes_every_hole_and_no_other():
    """Each where it may stand."""
    form = tables.OrderForm(
        signed=(
            *(Hole.SIDE, Hole.PRICE, Hole.SIZE, Hole.CLIENT_ORDER_ID, Hole.JSON_ID, Hole.TIME),
            *(Hole.BODY, Hole.DIGEST),
        ),
        digested=("x",),
        head=(Hole.SIGNATURE, Hole.SIGNED, Hole.BODY_LENGTH),
        body=("{}",),
        buy="B",
        sell="S",
        time_unit_ns=1,
        decimals=0,
        tick=1,
        lot=1,
        price_max_ticks=9,
        size_min_lots=1,
        size_max_lots=9,
    )
    used = {part for part in form.signed + form.head if isinstance(part, Hole)}
    assert used == set(Hole)
    made = native.OrderSigner(form, b"secret").request(-1, 7, 3, "x", 5)
    assert made.endswith(b"S73xx5{}" + sha256(b"x").digest() + b"2{}")
    with pytest.raises(ValueError, match="no hole"):
        native.OrderSigner(form._replace(head=(len(Hole) + 1,)), b"secret")
    for hashed, encoding, clock in product(Hash, Encoding, Clock):
        how = form._replace(hashed=hashed, encoding=encoding, clock=clock)
        native.OrderSigner(how, b"secret")
    for name, enum in (("hashed", Hash), ("encoding", Encoding), ("clock", Clock)):
        with pytest.raises(ValueError, match="has that number"):
            native.OrderSigner(form._replace(**{name: len(enum) + 1}), b"secret")
