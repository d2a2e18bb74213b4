"""An order's life: its states and the one table of transitions.

The exchange walks WORKING to a terminal state. A trader's order begins earlier (PENDING:
journaled, not yet sent) and may be UNKNOWN: sent, with no answer. UNKNOWN never times out
into a guess; only evidence from the venue leaves it. A terminal state is never left, but a
fill may still arrive for it where a venue reports out of order.
"""

from enum import IntEnum

from msgspec import Struct

from steelyard.domain.commands import Place
from steelyard.domain.order import (
    CancelCause,
    Direction,
    FeeAsset,
    GroupKind,
    Liquidity,
    OrderType,
    RejectReason,
    SelfTrade,
    Side,
    TimeInForce,
    TriggerBy,
)


class OrderState(IntEnum):
    """Where an order is in its life."""

    PENDING = 1  # written down, not yet answered
    UNKNOWN = 2  # sent, outcome not known: counts as if it could fill
    WORKING = 3
    PARTIALLY_FILLED = 4
    FILLED = 5
    CANCELED = 6
    EXPIRED = 7  # the remainder of IOC, FOK, a market order, or self-trade prevention
    REJECTED = 8
    ABSENT = 9  # proven never to have reached the venue

    @property
    def is_open(self) -> bool:
        """Whether the order may still fill."""
        return self <= _LAST_OPEN


_LAST_OPEN = OrderState.PARTIALLY_FILLED  # read once: to read a member is slow before 3.12
_ARRIVED = frozenset(
    {
        OrderState.WORKING,
        OrderState.PARTIALLY_FILLED,
        OrderState.FILLED,
        OrderState.CANCELED,
        OrderState.EXPIRED,
        OrderState.REJECTED,
    }
)
_ENDED = frozenset({OrderState.FILLED, OrderState.CANCELED, OrderState.EXPIRED})

TRANSITIONS: dict[OrderState, frozenset[OrderState]] = {
    OrderState.PENDING: _ARRIVED | {OrderState.UNKNOWN, OrderState.ABSENT},
    OrderState.UNKNOWN: _ARRIVED | {OrderState.ABSENT},
    OrderState.WORKING: _ENDED | {OrderState.PARTIALLY_FILLED},
    OrderState.PARTIALLY_FILLED: _ENDED,
    OrderState.FILLED: frozenset(),
    OrderState.CANCELED: frozenset(),
    OrderState.EXPIRED: frozenset(),
    OrderState.REJECTED: frozenset(),
    OrderState.ABSENT: frozenset(),
}


class Order(Struct, kw_only=True):
    """An order as either side of a venue's API sees it.

    Sizes in lots, prices in ticks (None for a market order), quote_atoms is what the filled
    part was worth. order_id is the venue's number; 0 until the venue has told it. The terms that
    `Place` has too mean the same here, but for spend_atoms: there quote_atoms says how much, and
    size_lots is 0. group_id is the number of the first order of its group, 0 for none;
    client_group_id is what its owner calls the group. is_pending: its group's entry has not filled.
    closing is what closes each of its fills, closes_id the number of the order whose fill it
    closes.
    """

    order_id: int
    client_order_id: str
    account_id: int
    instrument_id: int
    side: Side
    order_type: OrderType
    time_in_force: TimeInForce
    post_only: bool
    price_ticks: int | None
    size_lots: int
    self_trade: SelfTrade = SelfTrade.CANCEL_OLDEST
    fee_asset: FeeAsset = FeeAsset.QUOTE
    state: OrderState = OrderState.WORKING
    filled_lots: int = 0
    quote_atoms: int = 0
    created_ns: int = 0
    updated_ns: int = 0
    reject_reason: RejectReason | None = None
    cancel_cause: CancelCause | None = None
    slide: bool = False
    spend_atoms: int | None = None
    display_lots: int | None = None
    trigger_by: TriggerBy = TriggerBy.LAST
    trigger_ticks: int | None = None
    trail_ticks: int | None = None
    trail_rate_e8: int | None = None
    activation_ticks: int | None = None
    expire_ns: int | None = None
    triggered_ns: int = 0
    group_id: int = 0
    group_kind: GroupKind | None = None
    client_group_id: str = ""
    is_pending: bool = False
    activation_direction: Direction | None = None
    closing: Place | None = None
    closes_id: int = 0

    @property
    def remaining_lots(self) -> int:
        """What has not filled; 0 where the order says what to spend."""
        return max(self.size_lots - self.filled_lots, 0)

    @property
    def hangs_together(self) -> bool:
        """Whether it is of a group whose orders depend on each other, which a basket's do not."""
        kind = self.group_kind
        return kind is not None and kind is not GroupKind.BASKET

    @property
    def waits(self) -> bool:
        """Whether it is open and its price has not been heard yet."""
        return self.state.is_open and self.order_type.waits and not self.triggered_ns


class Fill(Struct, frozen=True, kw_only=True):
    """One execution of one order, from its owner's side. trade_id is unique per instrument."""

    trade_id: int
    order_id: int
    client_order_id: str
    account_id: int
    instrument_id: int
    side: Side
    price_ticks: int
    size_lots: int
    quote_atoms: int
    liquidity: Liquidity
    fee_asset_id: int
    fee_atoms: int
    time_ns: int
