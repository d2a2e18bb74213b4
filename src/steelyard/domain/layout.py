"""The fixed layout of every command, effect and state record: the border and the journal.

One table, `LAYOUT`, says it all; the native engine has the same offsets in
`rust/engine/src/wire.rs` and `tests/engine/golden/` holds a sample of each for both. A record
is little-endian; its head is

    u16 tag | u16 size of the whole record | u32 the row's first field if that is a u32, else 0

and in a command's (tags below 100) an i64 now_ns follows; then the other fields in the table's
order.

Field kinds: `i8`, `u8`, `i32`, `u32`, `i64`, `u64`; `i128` as 16 bytes; `textN` as N bytes of
ASCII padded with zeros; `tailN`, always last, as a text of up to N bytes that takes only the
room it needs; `places`, last too, as whole records. Absent numbers (a market order's price, an
unchanged size) are -1. Every record is padded with zeros to a multiple of 8 bytes. The layout of
a tag never changes; a new form gets a new tag.

A `Place` has three forms: a short one for what is only a limit or market order, one with all, and
one with all and an activation_direction. A `WaitingState` has two: without and with that.
"""

import struct
from collections.abc import Callable, Iterator
from enum import IntEnum
from functools import lru_cache
from operator import attrgetter
from typing import Any, NamedTuple

from msgspec import Struct

from steelyard.domain.commands import (
    GROUP_MAX,
    Accepted,
    AdvanceTime,
    Amend,
    Amended,
    AssignFees,
    Cancel,
    CancelAll,
    Canceled,
    CloseTransfer,
    Command,
    Deposit,
    Effect,
    Filled,
    HouseLevel,
    HouseTrade,
    LevelChanged,
    ListInstrument,
    MarketStateChanged,
    OpenAccount,
    OpenTransfer,
    Place,
    PlaceGroup,
    Rejected,
    SetFeeTier,
    SetFeeToken,
    SetMarketState,
    SetPrice,
    Traded,
    TransferChanged,
    Transferred,
    Triggered,
    Withdraw,
)
from steelyard.domain.errors import DecodeError
from steelyard.domain.instrument import Instrument
from steelyard.domain.order import (
    CancelCause,
    Direction,
    FeeAsset,
    GroupKind,
    Liquidity,
    MarketState,
    OrderType,
    RejectReason,
    SelfTrade,
    Side,
    TimeInForce,
    TransferState,
    TriggerBy,
)

HEAD = struct.Struct("<HHI")
COMMAND_TAG_END = 100
ABSENT = -1
MASK64 = 2**64 - 1


class InstrumentState(Struct, frozen=True):
    """What changes about an instrument; a price of 0 is not known yet."""

    instrument_id: int
    next_trade_id: int
    last_ticks: int
    mark_ticks: int
    index_ticks: int
    state: MarketState


class AccountState(Struct, frozen=True):
    """An account's own rates and its schedule, 0 for none."""

    account_id: int
    schedule_id: int
    maker_rate_e8: int
    taker_rate_e8: int


class FeeTierState(Struct, frozen=True):
    """One tier of a schedule."""

    schedule_id: int
    tier: int
    volume_micros: int
    maker_rate_e8: int
    taker_rate_e8: int


class FeeTokenState(Struct, frozen=True):
    """What a fee in a quote asset costs in the venue's token."""

    quote_asset_id: int
    token_asset_id: int
    rate_e8: int
    discount_e8: int


class VolumeState(Struct, frozen=True):
    """What an account with a schedule traded on one day (UTC, counted from 1970)."""

    account_id: int
    day: int
    volume_micros: int


class BalanceState(Struct, frozen=True):
    """One balance; an account without it has nothing."""

    account_id: int
    asset_id: int
    free_atoms: int
    held_atoms: int


class PendingTransfer(Struct, frozen=True):
    """A transfer on its way; the amount has its sign."""

    account_id: int
    asset_id: int
    transfer_id: int
    amount_atoms: int


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


class TermsState(Struct, frozen=True):
    """What only some resting orders have; there is no record where all of it is absent.

    shown_lots is what the book shows now, 0 where display_lots is absent or 0; group_id is the
    number of the group's first order, or 0.
    """

    order_id: int
    display_lots: int | None
    shown_lots: int
    expire_ns: int | None
    group_id: int
    slide: bool


class WaitingState(Struct, frozen=True):
    """An order outside the book: it waits for its trigger, or (is_child) for its entry to fill.

    best_ticks is the best price that a trailing stop has seen, 0 before its activation.
    """

    instrument_id: int
    account_id: int
    order_id: int
    priority: int
    side: Side
    order_type: OrderType
    time_in_force: TimeInForce
    post_only: bool
    slide: bool
    self_trade: SelfTrade
    fee_asset: FeeAsset
    trigger_by: TriggerBy
    is_child: bool
    price_ticks: int | None
    size_lots: int
    quote_atoms: int | None
    display_lots: int | None
    trigger_ticks: int | None
    trail_ticks: int | None
    trail_rate_e8: int | None
    activation_ticks: int | None
    expire_ns: int | None
    best_ticks: int
    maker_rate_e8: int
    taker_rate_e8: int
    group_id: int
    activation_direction: Direction | None = None


class GroupState(Struct, frozen=True):
    """Orders that hang together still; a bracket whose entry has filled is an OCO of its exits."""

    group_id: int
    kind: GroupKind
    first_order_id: int
    second_order_id: int
    third_order_id: int


class CounterState(Struct, frozen=True):
    """The numbers that are given out next."""

    next_order_id: int
    next_priority: int
    next_transfer_id: int


StateRecord = (
    InstrumentState
    | AccountState
    | FeeTierState
    | FeeTokenState
    | VolumeState
    | BalanceState
    | PendingTransfer
    | NodeState
    | TermsState
    | WaitingState
    | GroupState
    | CounterState
)


class Layout(NamedTuple):
    """One row of `LAYOUT`: the tag and the (field, kind) pairs in order."""

    tag: int
    fields: tuple[tuple[str, str], ...]


def _row(tag: int, fields: str) -> Layout:
    pairs = (pair.split(":") for pair in fields.split())
    return Layout(tag, tuple((name, kind) for name, kind in pairs))


_PLAIN_PLACE = _row(
    5,
    "account_id:u32 price_ticks:i64 size_lots:i64 instrument_id:u32 side:i8 order_type:u8 "
    "time_in_force:u8 post_only:u8 self_trade:u8 fee_asset:u8 client_order_id:tail40",
)

LAYOUT: dict[type, Layout] = {
    # Commands, 1..
    ListInstrument: _row(
        1,
        "instrument_id:u32 base_asset_id:u32 quote_asset_id:u32 lot_atoms:i64 tick_lot_atoms:i64 "
        "price_max_ticks:i64 size_min_lots:i64 size_max_lots:i64 notional_min_atoms:i128 "
        "notional_max_atoms:i128 band_rate_e8:u32 orders_max:u32 triggers_max:u32 "
        "volume_weight_e8:u64 symbol:text24 base:text12 quote:text12",
    ),
    OpenAccount: _row(2, "account_id:u32 maker_rate_e8:i32 taker_rate_e8:i32"),
    Deposit: _row(3, "account_id:u32 asset_id:u32 amount_atoms:i128"),
    Withdraw: _row(4, "account_id:u32 asset_id:u32 amount_atoms:i128"),
    # 5 is the short form of a Place
    Amend: _row(6, "account_id:u32 order_id:u64 price_ticks:i64 size_lots:i64 trigger_ticks:i64"),
    Cancel: _row(7, "account_id:u32 order_id:u64"),
    CancelAll: _row(8, "account_id:u32 instrument_id:i64 cause:u8"),
    HouseLevel: _row(9, "instrument_id:u32 price_ticks:i64 size_lots:i64 side:i8"),
    HouseTrade: _row(10, "instrument_id:u32 price_ticks:i64 size_lots:i64 side:i8"),
    Place: _row(
        11,
        "account_id:u32 price_ticks:i64 size_lots:i64 instrument_id:u32 side:i8 order_type:u8 "
        "time_in_force:u8 post_only:u8 self_trade:u8 fee_asset:u8 slide:u8 reduce_only:u8 "
        "trigger_by:u8 quote_atoms:i128 display_lots:i64 trigger_ticks:i64 trail_ticks:i64 "
        "trail_rate_e8:i64 activation_ticks:i64 expire_ns:i64 client_order_id:tail40",
    ),
    PlaceGroup: _row(12, "account_id:u32 kind:u8 places:places"),
    AdvanceTime: _row(13, ""),
    SetMarketState: _row(14, "instrument_id:u32 state:u8"),
    SetPrice: _row(15, "instrument_id:u32 trigger_by:u8 price_ticks:i64"),
    AssignFees: _row(16, "account_id:u32 schedule_id:u32"),
    SetFeeTier: _row(
        17,
        "schedule_id:u32 tier:u32 volume_micros:i128 maker_rate_e8:i32 taker_rate_e8:i32",
    ),
    SetFeeToken: _row(18, "quote_asset_id:u32 token_asset_id:u32 rate_e8:u64 discount_e8:u32"),
    OpenTransfer: _row(19, "account_id:u32 asset_id:u32 amount_atoms:i128"),
    CloseTransfer: _row(20, "transfer_id:u64 done:u8"),
    # 21 is a Place with an activation_direction
    # Effects, 101..
    Rejected: _row(101, "account_id:u32 order_id:u64 reason:u8"),
    Accepted: _row(102, "account_id:u32 order_id:u64 instrument_id:u32"),
    Traded: _row(
        103,
        "instrument_id:u32 trade_id:u64 price_ticks:i64 size_lots:i64 taker_order_id:u64 "
        "maker_order_id:u64 taker_side:i8",
    ),
    Filled: _row(
        104,
        "account_id:u32 order_id:u64 trade_id:u64 price_ticks:i64 size_lots:i64 "
        "remaining_lots:i64 fee_atoms:i128 instrument_id:u32 fee_asset_id:u32 side:i8 liquidity:u8",
    ),
    Canceled: _row(
        105, "account_id:u32 order_id:u64 remaining_lots:i64 instrument_id:u32 cause:u8"
    ),
    Amended: _row(
        106,
        "account_id:u32 order_id:u64 price_ticks:i64 size_lots:i64 instrument_id:u32 "
        "kept_priority:u8",
    ),
    LevelChanged: _row(107, "instrument_id:u32 price_ticks:i64 size_lots:i64 side:i8"),
    Transferred: _row(108, "account_id:u32 asset_id:u32 amount_atoms:i128"),
    Triggered: _row(109, "account_id:u32 order_id:u64 price_ticks:i64 instrument_id:u32"),
    TransferChanged: _row(
        110, "account_id:u32 asset_id:u32 transfer_id:u64 amount_atoms:i128 state:u8"
    ),
    MarketStateChanged: _row(111, "instrument_id:u32 state:u8"),
    # State, 201..
    InstrumentState: _row(
        201,
        "instrument_id:u32 next_trade_id:u64 last_ticks:i64 mark_ticks:i64 index_ticks:i64 "
        "state:u8",
    ),
    AccountState: _row(202, "account_id:u32 schedule_id:u32 maker_rate_e8:i32 taker_rate_e8:i32"),
    BalanceState: _row(203, "account_id:u32 asset_id:u32 free_atoms:i128 held_atoms:i128"),
    NodeState: _row(
        204,
        "instrument_id:u32 account_id:u32 price_ticks:i64 priority:u64 order_id:u64 size_lots:i64 "
        "remaining_lots:i64 maker_rate_e8:i32 taker_rate_e8:i32 side:i8 post_only:u8 "
        "self_trade:u8 fee_asset:u8",
    ),
    CounterState: _row(205, "next_order_id:u64 next_priority:u64 next_transfer_id:u64"),
    FeeTierState: _row(
        206,
        "schedule_id:u32 tier:u32 volume_micros:i128 maker_rate_e8:i32 taker_rate_e8:i32",
    ),
    FeeTokenState: _row(207, "quote_asset_id:u32 token_asset_id:u32 rate_e8:u64 discount_e8:u32"),
    VolumeState: _row(208, "account_id:u32 day:u32 volume_micros:i128"),
    PendingTransfer: _row(209, "account_id:u32 asset_id:u32 transfer_id:u64 amount_atoms:i128"),
    TermsState: _row(
        210,
        "order_id:u64 display_lots:i64 shown_lots:i64 expire_ns:i64 group_id:u64 slide:u8",
    ),
    WaitingState: _row(
        211,
        "instrument_id:u32 account_id:u32 order_id:u64 priority:u64 price_ticks:i64 size_lots:i64 "
        "quote_atoms:i128 display_lots:i64 trigger_ticks:i64 trail_ticks:i64 trail_rate_e8:i64 "
        "activation_ticks:i64 expire_ns:i64 best_ticks:i64 group_id:u64 maker_rate_e8:i32 "
        "taker_rate_e8:i32 side:i8 order_type:u8 time_in_force:u8 post_only:u8 slide:u8 "
        "self_trade:u8 fee_asset:u8 trigger_by:u8 is_child:u8",
    ),
    GroupState: _row(
        212,
        "group_id:u64 kind:u8 first_order_id:u64 second_order_id:u64 third_order_id:u64",
    ),
    # 213 is a WaitingState with an activation_direction
}


def _directed(tag: int, layout: Layout) -> Layout:
    """Return a row with an activation_direction behind its numbers."""
    numbers = [(name, kind) for name, kind in layout.fields if not kind.startswith("tail")]
    direction = ("activation_direction", "u8")
    return Layout(tag, (*numbers, direction, *layout.fields[len(numbers) :]))


_DIRECTED_LAYOUT: dict[type, Layout] = {
    Place: _directed(21, LAYOUT[Place]),
    WaitingState: _directed(213, LAYOUT[WaitingState]),
}

_CODES = {"i8": "b", "u8": "B", "i32": "i", "u32": "I", "i64": "q", "u64": "Q", "i128": "16s"}
_ENUMS: dict[str, type[IntEnum]] = {
    "side": Side,
    "taker_side": Side,
    "order_type": OrderType,
    "time_in_force": TimeInForce,
    "self_trade": SelfTrade,
    "fee_asset": FeeAsset,
    "trigger_by": TriggerBy,
    "activation_direction": Direction,
    "cause": CancelCause,
    "reason": RejectReason,
    "liquidity": Liquidity,
}
# These names mean one thing here and another there.
_ENUMS_OF: dict[type, type[IntEnum]] = {
    PlaceGroup: GroupKind,
    GroupState: GroupKind,
    SetMarketState: MarketState,
    MarketStateChanged: MarketState,
    InstrumentState: MarketState,
    TransferChanged: TransferState,
}
_FLAGS = {"post_only", "kept_priority", "slide", "reduce_only", "is_child", "done"}
# Where None is spelled -1.
_TERMS = {
    "price_ticks",
    "quote_atoms",
    "display_lots",
    "trigger_ticks",
    "trail_ticks",
    "trail_rate_e8",
    "activation_ticks",
    "expire_ns",
}
_OPTIONAL: dict[type, set[str]] = {
    Place: _TERMS,
    WaitingState: _TERMS,
    TermsState: {"display_lots", "expire_ns"},
    Amend: {"price_ticks", "size_lots", "trigger_ticks"},
    CancelAll: {"instrument_id"},
}

Convert = Callable[[Any], Any]
Decode = Callable[[bytes, int], tuple[Any, int, int]]


def _absent_to_wire(value: int | None) -> int:
    assert value != ABSENT, "-1 on the wire means that there is no number"
    return ABSENT if value is None else value


def _absent_from_wire(value: int) -> int | None:
    return None if value == ABSENT else value


def _atoms_to_wire(value: int) -> bytes:
    return value.to_bytes(16, "little", signed=True)


def _atoms_from_wire(value: bytes) -> int:
    return int.from_bytes(value, "little", signed=True)


def _maybe_atoms_to_wire(value: int | None) -> bytes:
    return _atoms_to_wire(_absent_to_wire(value))


def _maybe_atoms_from_wire(value: bytes) -> int | None:
    return _absent_from_wire(_atoms_from_wire(value))


def _text_to_wire(size: int) -> Convert:
    def to_wire(value: str) -> bytes:
        text = value.encode("ascii")
        assert len(text) <= size, f"{value!r} is longer than {size} bytes"
        return text

    return to_wire


def _text_from_wire(value: bytes) -> str:
    return value.rstrip(b"\0").decode("ascii")


class Form(NamedTuple):
    """How a record of one tag is read, for a decoder that is not this one.

    fields are those of the message in its order: where each stands, its kind ("tail" for the text
    at the end), whether -1 is None, and what its values are called where they have names.
    """

    tag: int
    message: type
    size: int
    is_command: bool
    is_headed: bool
    tail_max: int | None
    fields: list[tuple[int, str, bool, dict[int, Any] | None]]


def _names(message: type, field: str) -> dict[int, Any] | None:
    """Return what a field's values are called, None where they are numbers."""
    if field in _FLAGS:
        return {0: False, 1: True}
    enum = _ENUMS_OF[message] if field in {"kind", "state"} else _ENUMS.get(field)
    return None if enum is None else {int(member): member for member in enum}


class _Codec:
    """Encoding and decoding of one row, with everything looked up beforehand."""

    def __init__(self, message: type, layout: Layout) -> None:
        self.message = message
        self.tag = layout.tag
        is_command = layout.tag < COMMAND_TAG_END
        fields = list(layout.fields)
        last = fields[-1][1] if fields else ""
        self.tail_max = int(last[4:]) if last.startswith("tail") else None
        self.are_records_behind = last == "places"
        behind = fields.pop() if self.tail_max is not None or self.are_records_behind else None
        self.fields = fields
        self.names = [name for name, _ in fields]
        codes = [f"{kind[4:]}s" if kind.startswith("text") else _CODES[kind] for _, kind in fields]
        self._is_headed = bool(fields) and fields[0][1] == "u32"
        head = HEAD.format + ("q" if is_command else "")
        body = "".join(codes[1:] if self._is_headed else codes)
        size = struct.calcsize(head + body)
        # In front of a tail there is no padding: the two are padded together.
        self.struct = struct.Struct(head + body + ("" if self.tail_max else "x" * (-size % 8)))
        self.size = self.struct.size
        self._is_command = is_command
        known = [*self.names, behind[0]] if behind else self.names
        # What a struct has beyond its row does not cross the border and has defaults.
        have: tuple[str, ...] = message.__struct_fields__  # type: ignore[attr-defined]
        arguments = have[: sum(name in have for name in known)]
        self._is_partial = message is Place and layout is _PLAIN_PLACE
        assert self._is_partial or set(arguments) <= {*known, "account_id"}, message.__name__
        self._values_of = [attrgetter(name) for name in self.names]
        self.are_wide = [kind == "i128" for _, kind in fields]
        converted = [
            (index, *self._converts(name, kind)) for index, (name, kind) in enumerate(fields)
        ]
        self._to_wire = [(index, convert) for index, convert, _ in converted if convert]
        self._from_wire = [(index, convert) for index, _, convert in converted if convert]

    def _converts(self, name: str, kind: str) -> tuple[Convert | None, Convert | None]:
        is_optional = name in _OPTIONAL.get(self.message, ())
        if kind == "i128":
            if is_optional:
                return _maybe_atoms_to_wire, _maybe_atoms_from_wire
            return _atoms_to_wire, _atoms_from_wire
        if is_optional:
            return _absent_to_wire, _absent_from_wire
        if kind.startswith("text"):
            return _text_to_wire(int(kind[4:])), _text_from_wire
        names = _names(self.message, name)
        return None, names.__getitem__ if names else None

    @property
    def is_flat(self) -> bool:
        """Whether a record holds no other records."""
        return not self.are_records_behind

    def form(self) -> Form:
        """Return how a record is read."""
        places: dict[str, tuple[int, str, bool, dict[int, Any] | None]] = {}
        at = HEAD.size + (8 if self._is_command else 0)
        optional = _OPTIONAL.get(self.message, set())
        for index, (name, kind) in enumerate(self.fields):
            names = _names(self.message, name)
            if self._is_headed and index == 0:
                places[name] = (4, kind, False, names)
                continue
            places[name] = (at, kind, name in optional, names)
            at += struct.calcsize(_CODES[kind])
        if self.tail_max is not None:
            places["client_order_id"] = (at, "tail", False, None)
        known = self.message.__struct_fields__[: len(places)]  # type: ignore[attr-defined]
        return Form(
            self.tag,
            self.message,
            self.size,
            self._is_command,
            self._is_headed,
            self.tail_max,
            [places[name] for name in known],
        )

    def values_of(self, message: Any) -> list[Any]:
        return [value_of(message) for value_of in self._values_of]

    def encode(self, message: Any, now_ns: int) -> bytes:
        values = self.values_of(message)
        for index, convert in self._to_wire:
            values[index] = convert(values[index])
        behind = b""
        if self.tail_max is not None:
            behind = _text_to_wire(self.tail_max)(message.client_order_id)
            behind += bytes(-(self.size + len(behind)) % 8)
        elif self.are_records_behind:
            behind = b"".join(encode(place, now_ns) for place in message.places)
        subject = values.pop(0) if self._is_headed else 0
        time = (now_ns,) if self._is_command else ()
        size = self.size + len(behind)
        return self.struct.pack(self.tag, size, subject, *time, *values) + behind

    def is_size(self, size: int) -> bool:
        """Return whether a record of this row may have this size."""
        if self.are_records_behind:
            return size > self.size and size % 8 == 0
        if self.tail_max is None:
            return size == self.size
        return size % 8 == 0 and self.size <= size <= self.size + self.tail_max + 7

    def decode(self, record: bytes | memoryview, offset: int, size: int) -> tuple[Any, int]:
        """Return the message of a record and its now_ns."""
        _, _, subject, *values = self.struct.unpack_from(record, offset)
        now_ns = values.pop(0) if self._is_command else 0
        if self._is_headed:
            values.insert(0, subject)
        elif subject:
            raise self._no_such(offset, "head")
        for index, convert in self._from_wire:
            try:
                values[index] = convert(values[index])
            except (KeyError, ValueError) as error:
                raise self._no_such(offset, self.names[index]) from error
        arguments = dict(zip(self.names, values, strict=True))
        behind = record[offset + self.size : offset + size]
        if self.tail_max is not None:
            arguments["client_order_id"] = self._tail(bytes(behind), offset)
        elif self.are_records_behind:
            arguments["places"] = _places(behind, arguments.pop("account_id"), now_ns, offset)
        return self.message(**arguments), now_ns

    def _tail(self, behind: bytes, offset: int) -> str:
        """Return the text at the end of a record, in which there is no more room than it needs."""
        text = behind.rstrip(b"\0")
        is_right = text.isascii() and len(text) <= (self.tail_max or 0)
        if not is_right or len(behind) != len(text) + -(self.size + len(text)) % 8:
            raise self._no_such(offset, "client_order_id")
        return text.decode()

    def _no_such(self, offset: int, field: str) -> DecodeError:
        return DecodeError(
            f"record at {offset}, tag {self.tag}: {field} has a value that does not exist", field
        )


_CODECS = {
    message: _Codec(message, layout)
    for message, layout in LAYOUT.items()
    if message is not ListInstrument
}
# A listing is nested: its struct is the instrument itself.
_LISTING = _Codec(Instrument, LAYOUT[ListInstrument])
_PLAIN = _Codec(Place, _PLAIN_PLACE)
_DIRECTED: dict[type, _Codec] = {
    message: _Codec(message, layout) for message, layout in _DIRECTED_LAYOUT.items()
}
_BY_TAG = {codec.tag: codec for codec in (*_CODECS.values(), _LISTING, _PLAIN, *_DIRECTED.values())}
# What a Place has beyond the short form, and what it is there.
_BEYOND = attrgetter(*Place.__struct_fields__[len(_PLAIN_PLACE.fields) :])
_NOTHING_BEYOND = Place.__struct_defaults__[-len(Place.__struct_fields__[11:]) :]


def _places(
    records: bytes | memoryview, account_id: int, now_ns: int, offset: int
) -> tuple[Place, ...]:
    """Return the orders of a group: all of one account, and as many as a group may have."""
    places = []
    at = 0
    tag = LAYOUT[PlaceGroup].tag
    wrong = DecodeError(
        f"record at {offset}, tag {tag}: places has a value that does not exist", "places"
    )
    while at < len(records):
        try:
            place, place_ns, at = decode(records, at)
        except DecodeError as error:
            raise wrong from error
        if not isinstance(place, Place) or (place.account_id, place_ns) != (account_id, now_ns):
            raise wrong
        places.append(place)
    if not 1 <= len(places) <= GROUP_MAX:
        raise wrong
    return tuple(places)


def forms() -> list[Form]:
    """Return the forms of all records that are numbers with at most one text behind them."""
    return [codec.form() for codec in _BY_TAG.values() if codec.is_flat and codec is not _LISTING]


def tags_of(message: type) -> frozenset[int]:
    """Return the tags of a message's forms."""
    forms = {tag for tag, codec in _BY_TAG.items() if codec.message is message}
    return frozenset(forms | {LAYOUT[message].tag})


def _codec_of(message: Any) -> _Codec:
    """Return the codec of a message that is neither a listing nor a plain order."""
    kind = type(message)
    if kind in _DIRECTED and message.activation_direction is not None:
        return _DIRECTED[kind]
    return _CODECS[kind]


def encode(message: Command | Effect | StateRecord, now_ns: int) -> bytes:
    """Return a message as one record; its numbers fit their fields, and none is -1 for absent."""
    if isinstance(message, ListInstrument):
        return _LISTING.encode(message.instrument, now_ns)
    if isinstance(message, Place) and _BEYOND(message) == _NOTHING_BEYOND:
        return _PLAIN.encode(message, now_ns)
    return _codec_of(message).encode(message, now_ns)


def decode(record: bytes | memoryview, offset: int = 0) -> tuple[Any, int, int]:
    """Return the message at an offset, its now_ns (0 where it is not a command), and the end.

    Raises:
        DecodeError: Unknown tag, wrong size, an enum or a text that does not exist, or the record
            is cut short.
    """
    left = len(record) - offset
    if left < HEAD.size:
        raise DecodeError(f"record at {offset} is cut short")
    tag, size, _ = HEAD.unpack_from(record, offset)
    codec = _BY_TAG.get(tag)
    if codec is None or not codec.is_size(size):
        raise DecodeError(f"record at {offset} has unknown tag {tag} of size {size}")
    if left < size:
        raise DecodeError(f"record at {offset} is cut short")
    message, now_ns = codec.decode(record, offset, size)
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
    codec = _codec_of(record)
    h = codec.tag
    for each, is_wide in zip(codec.values_of(record), codec.are_wide, strict=True):
        value = ABSENT if each is None else each
        h = ((h ^ (value & MASK64)) * 0x9E3779B97F4A7C15) & MASK64
        h ^= h >> 32
        if is_wide:
            h = ((h ^ (value >> 64 & MASK64)) * 0x9E3779B97F4A7C15) & MASK64
            h ^= h >> 32
    return h
