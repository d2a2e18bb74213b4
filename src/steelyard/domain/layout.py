"""The fixed layout of every command, effect and state record: the border and the journal.

One table, `LAYOUT`, says it all; the native engine has the same offsets in
`rust/engine/src/wire.rs` and `tests/engine/golden/` holds a sample of each for both. A record
is little-endian:

    u16 tag | u16 size of the whole record | u32 zero | i64 now_ns | fields in the table's order

Field kinds: `i8`, `u8`, `u32`, `i64`, `u64`; `i128` as 16 bytes; `textN` as N bytes of ASCII
padded with zeros. Absent numbers (a market order's price, an unchanged size) are -1. Every
record is padded with zeros to a multiple of 8 bytes. The layout of a tag never changes; a new
form gets a new tag.
"""

import struct
from collections.abc import Callable, Iterator
from enum import IntEnum
from functools import lru_cache
from operator import attrgetter, itemgetter
from typing import Any, NamedTuple

from msgspec import Struct

from steelyard.domain.commands import (
    Accepted,
    Amend,
    Amended,
    Cancel,
    CancelAll,
    Canceled,
    Command,
    Deposit,
    Effect,
    Filled,
    HouseLevel,
    HouseTrade,
    LevelChanged,
    ListInstrument,
    OpenAccount,
    Place,
    Rejected,
    Traded,
    Transferred,
    Withdraw,
)
from steelyard.domain.errors import DecodeError
from steelyard.domain.instrument import Instrument
from steelyard.domain.order import (
    CancelCause,
    FeeAsset,
    Liquidity,
    OrderType,
    RejectReason,
    SelfTrade,
    Side,
    TimeInForce,
)

HEADER = struct.Struct("<HHIq")
ABSENT = -1
MASK64 = 2**64 - 1


class InstrumentState(Struct, frozen=True):
    """What changes about an instrument."""

    instrument_id: int
    next_trade_id: int


class AccountState(Struct, frozen=True):
    """An account's fees."""

    account_id: int
    maker_rate_e8: int
    taker_rate_e8: int


class BalanceState(Struct, frozen=True):
    """One balance; an account without it has nothing."""

    account_id: int
    asset_id: int
    free_atoms: int
    held_atoms: int


class NodeState(Struct, frozen=True):
    """One place in a level's queue: an order, or (order_id 0) the house's size between orders."""

    instrument_id: int
    side: Side
    price_ticks: int
    priority: int
    order_id: int
    account_id: int
    size_lots: int
    remaining_lots: int
    post_only: bool
    self_trade: SelfTrade
    fee_asset: FeeAsset
    maker_rate_e8: int
    taker_rate_e8: int


class CounterState(Struct, frozen=True):
    """The numbers that are given out next."""

    next_order_id: int
    next_priority: int


StateRecord = InstrumentState | AccountState | BalanceState | NodeState | CounterState


class Layout(NamedTuple):
    """One row of `LAYOUT`: the tag and the (field, kind) pairs in order."""

    tag: int
    fields: tuple[tuple[str, str], ...]


def _row(tag: int, fields: str) -> Layout:
    pairs = (pair.split(":") for pair in fields.split())
    return Layout(tag, tuple((name, kind) for name, kind in pairs))


LAYOUT: dict[type, Layout] = {
    # Commands, 1..
    ListInstrument: _row(
        1,
        "instrument_id:u32 base_asset_id:u32 quote_asset_id:u32 lot_atoms:i64 tick_lot_atoms:i64 "
        "price_max_ticks:i64 size_min_lots:i64 size_max_lots:i64 notional_min_atoms:i128 "
        "symbol:text24 base:text12 quote:text12",
    ),
    OpenAccount: _row(2, "account_id:u32 maker_rate_e8:u32 taker_rate_e8:u32"),
    Deposit: _row(3, "account_id:u32 asset_id:u32 amount_atoms:i128"),
    Withdraw: _row(4, "account_id:u32 asset_id:u32 amount_atoms:i128"),
    Place: _row(
        5,
        "account_id:u32 instrument_id:u32 price_ticks:i64 size_lots:i64 side:i8 order_type:u8 "
        "time_in_force:u8 post_only:u8 self_trade:u8 fee_asset:u8 client_order_id:text40",
    ),
    Amend: _row(6, "account_id:u32 order_id:u64 price_ticks:i64 size_lots:i64"),
    Cancel: _row(7, "account_id:u32 order_id:u64"),
    CancelAll: _row(8, "account_id:u32 instrument_id:i64 cause:u8"),
    HouseLevel: _row(9, "instrument_id:u32 price_ticks:i64 size_lots:i64 side:i8"),
    HouseTrade: _row(10, "instrument_id:u32 price_ticks:i64 size_lots:i64 side:i8"),
    # Effects, 101..
    Rejected: _row(101, "order_id:u64 account_id:u32 reason:u8"),
    Accepted: _row(102, "order_id:u64 account_id:u32 instrument_id:u32"),
    Traded: _row(
        103,
        "instrument_id:u32 trade_id:u64 price_ticks:i64 size_lots:i64 taker_order_id:u64 "
        "maker_order_id:u64 taker_side:i8",
    ),
    Filled: _row(
        104,
        "order_id:u64 account_id:u32 instrument_id:u32 trade_id:u64 price_ticks:i64 size_lots:i64 "
        "remaining_lots:i64 fee_asset_id:u32 fee_atoms:i128 side:i8 liquidity:u8",
    ),
    Canceled: _row(
        105, "order_id:u64 account_id:u32 instrument_id:u32 remaining_lots:i64 cause:u8"
    ),
    Amended: _row(
        106,
        "order_id:u64 account_id:u32 instrument_id:u32 price_ticks:i64 size_lots:i64 "
        "kept_priority:u8",
    ),
    LevelChanged: _row(107, "instrument_id:u32 price_ticks:i64 size_lots:i64 side:i8"),
    Transferred: _row(108, "account_id:u32 asset_id:u32 amount_atoms:i128"),
    # State, 201..
    InstrumentState: _row(201, "instrument_id:u32 next_trade_id:u64"),
    AccountState: _row(202, "account_id:u32 maker_rate_e8:u32 taker_rate_e8:u32"),
    BalanceState: _row(203, "account_id:u32 asset_id:u32 free_atoms:i128 held_atoms:i128"),
    NodeState: _row(
        204,
        "instrument_id:u32 account_id:u32 price_ticks:i64 priority:u64 order_id:u64 size_lots:i64 "
        "remaining_lots:i64 maker_rate_e8:u32 taker_rate_e8:u32 side:i8 post_only:u8 "
        "self_trade:u8 fee_asset:u8",
    ),
    CounterState: _row(205, "next_order_id:u64 next_priority:u64"),
}

_CODES = {"i8": "b", "u8": "B", "u32": "I", "i64": "q", "u64": "Q", "i128": "16s"}
_ENUMS: dict[str, type[IntEnum]] = {
    "side": Side,
    "taker_side": Side,
    "order_type": OrderType,
    "time_in_force": TimeInForce,
    "self_trade": SelfTrade,
    "fee_asset": FeeAsset,
    "cause": CancelCause,
    "reason": RejectReason,
    "liquidity": Liquidity,
}
_FLAGS = {"post_only", "kept_priority"}
# Where None is spelled -1.
_OPTIONAL = {(Place, "price_ticks"), (Amend, "price_ticks"), (Amend, "size_lots")} | {
    (CancelAll, "instrument_id")
}

Convert = Callable[[Any], Any]


def _absent_to_wire(value: int | None) -> int:
    assert value != ABSENT, "-1 on the wire means that there is no number"
    return ABSENT if value is None else value


def _absent_from_wire(value: int) -> int | None:
    return None if value == ABSENT else value


def _atoms_to_wire(value: int) -> bytes:
    return value.to_bytes(16, "little", signed=True)


def _atoms_from_wire(value: bytes) -> int:
    return int.from_bytes(value, "little", signed=True)


def _text_to_wire(size: int) -> Convert:
    def to_wire(value: str) -> bytes:
        text = value.encode("ascii")
        assert len(text) <= size, f"{value!r} is longer than {size} bytes"
        return text

    return to_wire


def _text_from_wire(value: bytes) -> str:
    return value.rstrip(b"\0").decode("ascii")


class _Codec:
    """Encoding and decoding of one row, with everything looked up beforehand."""

    def __init__(self, message: type, layout: Layout) -> None:
        self.message = message
        self.tag = layout.tag
        self.fields = layout.fields
        codes = "".join(
            f"{kind[4:]}s" if kind.startswith("text") else _CODES[kind] for _, kind in layout.fields
        )
        size = struct.calcsize("<" + codes)
        self.struct = struct.Struct(HEADER.format + codes + "x" * (-size % 8))
        self.size = self.struct.size
        names = [name for name, _ in layout.fields]
        # What a struct has beyond its row does not cross the border and has defaults.
        arguments = message.__struct_fields__[: len(names)]  # type: ignore[attr-defined]
        assert sorted(arguments) == sorted(names), f"{message.__name__} is not its row"
        self.values_of = attrgetter(*names)
        self.are_wide = [kind == "i128" for _, kind in layout.fields]
        # Behind the four values of the header.
        self._arguments_of = itemgetter(*(4 + names.index(name) for name in arguments))
        converted = [
            (index, *self._converts(name, kind)) for index, (name, kind) in enumerate(self.fields)
        ]
        self._to_wire = [(index, convert) for index, convert, _ in converted if convert]
        self._from_wire = [(4 + index, convert) for index, _, convert in converted if convert]

    def _converts(self, name: str, kind: str) -> tuple[Convert | None, Convert | None]:
        if (self.message, name) in _OPTIONAL:
            return _absent_to_wire, _absent_from_wire
        if kind == "i128":
            return _atoms_to_wire, _atoms_from_wire
        if kind.startswith("text"):
            return _text_to_wire(int(kind[4:])), _text_from_wire
        if name in _FLAGS:
            return None, {0: False, 1: True}.__getitem__
        if name in _ENUMS:
            return None, {int(member): member for member in _ENUMS[name]}.__getitem__
        return None, None

    def encode(self, message: Any, now_ns: int) -> bytes:
        values = list(self.values_of(message))
        for index, convert in self._to_wire:
            values[index] = convert(values[index])
        return self.struct.pack(self.tag, self.size, 0, now_ns, *values)

    def decode(self, values: list[Any], offset: int) -> Any:
        """Return the message of an unpacked record, header and all."""
        for index, convert in self._from_wire:
            try:
                values[index] = convert(values[index])
            except (KeyError, ValueError) as error:
                field, _ = self.fields[index - 4]
                raise DecodeError(
                    f"record at {offset}, tag {self.tag}: {field} has a value that does not exist",
                    field,
                ) from error
        return self.message(*self._arguments_of(values))


_CODECS = {
    message: _Codec(message, layout)
    for message, layout in LAYOUT.items()
    if message is not ListInstrument
}
# A listing is nested: its struct is the instrument itself.
_LISTING = _Codec(Instrument, LAYOUT[ListInstrument])
_BY_TAG = {codec.tag: codec for codec in (*_CODECS.values(), _LISTING)}


def encode(message: Command | Effect | StateRecord, now_ns: int) -> bytes:
    """Return a message as one record; its numbers fit their fields, and none is -1 for absent."""
    if isinstance(message, ListInstrument):
        return _LISTING.encode(message.instrument, now_ns)
    return _CODECS[type(message)].encode(message, now_ns)


def decode(record: bytes | memoryview, offset: int = 0) -> tuple[Any, int, int]:
    """Return the message at an offset, its now_ns, and the offset after it.

    Raises:
        DecodeError: Unknown tag, wrong size, an enum or a text that does not exist, or the record
            is cut short.
    """
    left = len(record) - offset
    if left < HEADER.size:
        raise DecodeError(f"record at {offset} is cut short")
    codec = _BY_TAG.get(record[offset] | record[offset + 1] << 8)
    if codec is None or left < codec.size:
        tag, size, *_ = HEADER.unpack_from(record, offset)
        if codec is None or codec.size != size:
            raise DecodeError(f"record at {offset} has unknown tag {tag} of size {size}")
        raise DecodeError(f"record at {offset} is cut short")
    values = list(codec.struct.unpack_from(record, offset))
    size, now_ns = values[1], values[3]
    if size != codec.size:
        raise DecodeError(f"record at {offset} has unknown tag {codec.tag} of size {size}")
    message = codec.decode(values, offset)
    return (ListInstrument(message) if codec is _LISTING else message), now_ns, offset + size


def decode_all(records: bytes | memoryview) -> Iterator[Any]:
    """Yield every message of a run of records."""
    offset = 0
    while offset < len(records):
        message, _, offset = decode(records, offset)
        yield message


def state_hash(records: Iterator[StateRecord]) -> int:
    """Return the hash of a state: the wrapping sum of its records' hashes, so order is free.

    A record's hash starts from its tag; each field in the layout's order is one 64-bit word
    (an i128 is two, low half first; a negative number its two's complement), mixed in by
    `h = (h ^ word) * 0x9E3779B97F4A7C15; h ^= h >> 32`, all modulo 2^64.
    """
    return sum(map(_hash, records)) & MASK64


@lru_cache(maxsize=4096)  # from one command to the next, most of a state stays as it was
def _hash(record: StateRecord) -> int:
    codec = _CODECS[type(record)]
    h = codec.tag
    for value, is_wide in zip(codec.values_of(record), codec.are_wide, strict=True):
        h = ((h ^ (value & MASK64)) * 0x9E3779B97F4A7C15) & MASK64
        h ^= h >> 32
        if is_wide:
            h = ((h ^ (value >> 64 & MASK64)) * 0x9E3779B97F4A7C15) & MASK64
            h ^= h >> 32
    return h
