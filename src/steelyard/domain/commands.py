"""What the engine is told and what it tells: whole numbers only, one schema for all of it.

These structs cross the border to the native engine, and stand in the journal, in the layout
of `domain/layout.py`. Ids are numbers; symbols and client ids are looked up above.

The house (account `HOUSE`) is the other traders of a practice market: a crowd or a recording.
It has no orders of its own, only a size at each price level, which stands in the level's
queue around the users' orders (`HouseLevel`), and trades (`HouseTrade`). House against house
is a public trade without a ledger entry. The house never runs out of money.
"""

from msgspec import Struct

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

WORLD = 1  # where deposits come from: the mirror of everything inside
HOUSE = 2  # the crowd or the tape
FEES = 3
FIRST_USER = 100


class ListInstrument(Struct, frozen=True, tag=True):
    """Open a market."""

    instrument: Instrument


class OpenAccount(Struct, frozen=True, tag=True):
    """Make an account, or change its own rates: 100_000 is 0.1 %, a negative one is a rebate.

    They count while it has no schedule.
    """

    account_id: int
    maker_rate_e8: int
    taker_rate_e8: int


class AssignFees(Struct, frozen=True, tag=True):
    """Give an account a schedule of fees; 0 takes it away."""

    account_id: int
    schedule_id: int


class SetFeeTier(Struct, frozen=True, tag=True):
    """Write one tier of a schedule: its rates from this volume on.

    Tiers are numbered from 0, whose volume is 0, and rise. The volume is what the account traded
    on the 30 days before today (UTC), in micros: millionths of a quote unit, weighted by
    `Instrument.volume_weight_e8`.
    """

    schedule_id: int
    tier: int
    volume_micros: int
    maker_rate_e8: int
    taker_rate_e8: int


class SetFeeToken(Struct, frozen=True, tag=True):
    """Say what a fee in a quote asset costs in the venue's token; a rate of 0 takes it away.

    rate_e8 is token atoms per quote atom, times 1e8; discount_e8 comes off before.
    """

    quote_asset_id: int
    token_asset_id: int
    rate_e8: int
    discount_e8: int


class SetMarketState(Struct, frozen=True, tag=True):
    """Open a market, or restrict what happens there."""

    instrument_id: int
    state: MarketState


class SetPrice(Struct, frozen=True, tag=True):
    """Tell a market its mark or index price."""

    instrument_id: int
    trigger_by: TriggerBy
    price_ticks: int


class AdvanceTime(Struct, frozen=True, tag=True):
    """Nothing but the time: what has expired by now is canceled, as before any command."""


class Deposit(Struct, frozen=True, tag=True):
    """Credit an account from the outside world."""

    account_id: int
    asset_id: int
    amount_atoms: int


class Withdraw(Struct, frozen=True, tag=True):
    """Debit an account to the outside world; refused beyond what is free."""

    account_id: int
    asset_id: int
    amount_atoms: int


class OpenTransfer(Struct, frozen=True, tag=True):
    """Announce a deposit (positive), or ask for a withdrawal (negative): its amount is held."""

    account_id: int
    asset_id: int
    amount_atoms: int


class CloseTransfer(Struct, frozen=True, tag=True):
    """Carry out a pending transfer, or cancel it."""

    transfer_id: int
    done: bool


GROUP_MAX = 20  # orders in one group


class Place(Struct, frozen=True, tag=True):
    """A new order; `FIELDS` says which fields go with which type, None is absent.

    size_lots is 0 where quote_atoms says how much. display_lots is how much of it the book
    shows, 0 nothing. A trail is a distance in ticks or a rate of the best price. Without an
    activation_direction a sell is activated by a RISE, a buy by a FALL.
    """

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
    client_order_id: str = ""
    slide: bool = False  # post_only: at the best price that does not take, instead of refused
    reduce_only: bool = False
    quote_atoms: int | None = None
    display_lots: int | None = None
    trigger_by: TriggerBy = TriggerBy.LAST
    trigger_ticks: int | None = None
    trail_ticks: int | None = None
    trail_rate_e8: int | None = None
    activation_ticks: int | None = None
    expire_ns: int | None = None
    activation_direction: Direction | None = None


class PlaceGroup(Struct, frozen=True, tag=True):
    """Several orders of one account that hang together; accepted or refused as one.

    client_group_id is for the exchange's history, which journals it by itself.

    Raises:
        ValueError: No order, more than GROUP_MAX, or those of several accounts.
    """

    kind: GroupKind
    places: tuple[Place, ...]
    client_group_id: str = ""

    def __post_init__(self) -> None:
        if not 1 <= len(self.places) <= GROUP_MAX:
            message = f"a group has 1 to {GROUP_MAX} orders, not {len(self.places)}"
            raise ValueError(message)
        if len({place.account_id for place in self.places}) > 1:
            message = "the orders of a group are of one account: send one group per account"
            raise ValueError(message)

    @property
    def account_id(self) -> int:
        """Whose they are."""
        return self.places[0].account_id


class Amend(Struct, frozen=True, tag=True):
    """Change an open order. None leaves a field as it is; size_lots counts what has filled.

    Priority is kept when only the size shrinks; any other change queues the order anew, and
    it may then trade at once. An order of a group is Unsupported. The engine knows the order by
    its number; its instrument is for traders, who have to spell steps as prices. client_order_id
    is another name for the order from then on, for the exchange's history.
    """

    account_id: int
    order_id: int
    price_ticks: int | None
    size_lots: int | None
    trigger_ticks: int | None = None
    instrument_id: int | None = None
    client_order_id: str = ""


class Cancel(Struct, frozen=True, tag=True):
    """Take a resting order off the book.

    The engine knows it by its number. The rest is for traders: on some venues numbers are per
    instrument, and an order whose number was never told has only its client id. request_id is
    the name of the cancel itself, where a venue has one; events tell it.
    """

    account_id: int
    order_id: int
    instrument_id: int | None = None
    client_order_id: str = ""
    request_id: str = ""


class CancelAll(Struct, frozen=True, tag=True):
    """Take all of an account's orders off the book, oldest first; None means every instrument."""

    account_id: int
    instrument_id: int | None
    cause: CancelCause = CancelCause.USER


class HouseLevel(Struct, frozen=True, tag=True):
    """The house now stands with this size at this price; 0 removes it.

    A level that crosses the far side is the newer fact: far house sizes in its way are dropped
    and users' orders there fill, at their prices, up to the new size.
    """

    instrument_id: int
    side: Side
    price_ticks: int
    size_lots: int


class HouseTrade(Struct, frozen=True, tag=True):
    """A house taker trades this size at this price; `side` is the taker's.

    Users' orders at better prices fill first, at their prices. At the price itself the queue
    decides. What finds nothing there still prints, house against house.
    """

    instrument_id: int
    side: Side
    price_ticks: int
    size_lots: int


# What somebody with a key may ask for.
UserCommand = Deposit | Withdraw | OpenTransfer | Place | PlaceGroup | Amend | Cancel | CancelAll
AdminCommand = (
    ListInstrument
    | OpenAccount
    | AssignFees
    | SetFeeTier
    | SetFeeToken
    | SetMarketState
    | SetPrice
    | AdvanceTime
    | CloseTransfer
)
Command = UserCommand | AdminCommand | HouseLevel | HouseTrade


class Rejected(Struct, frozen=True, tag=True):
    """A request was refused and nothing changed. order_id is 0 where the request names none."""

    order_id: int
    account_id: int
    reason: RejectReason


class Accepted(Struct, frozen=True, tag=True):
    """A Place became an order."""

    order_id: int
    account_id: int
    instrument_id: int


class Traded(Struct, frozen=True, tag=True):
    """The public trade. Order ids are 0 for the house; trade_id is gapless per instrument."""

    instrument_id: int
    trade_id: int
    price_ticks: int
    size_lots: int
    taker_side: Side
    taker_order_id: int
    maker_order_id: int


class Filled(Struct, frozen=True, tag=True):
    """A user's side of a trade."""

    order_id: int
    account_id: int
    instrument_id: int
    trade_id: int
    side: Side
    price_ticks: int
    size_lots: int
    remaining_lots: int
    liquidity: Liquidity
    fee_asset_id: int
    fee_atoms: int


class Canceled(Struct, frozen=True, tag=True):
    """An order left the book, or never rested, with something unfilled."""

    order_id: int
    account_id: int
    instrument_id: int
    remaining_lots: int
    cause: CancelCause


class Amended(Struct, frozen=True, tag=True):
    """A resting order has a new price or size; fills may follow if it lost its priority."""

    order_id: int
    account_id: int
    instrument_id: int
    price_ticks: int
    size_lots: int
    kept_priority: bool


class Triggered(Struct, frozen=True, tag=True):
    """A waiting order has heard its price and goes to market."""

    order_id: int
    account_id: int
    instrument_id: int
    price_ticks: int


class LevelChanged(Struct, frozen=True, tag=True):
    """The size shown at a price after the command; 0 means that nothing is to be seen there."""

    instrument_id: int
    side: Side
    price_ticks: int
    size_lots: int


class Transferred(Struct, frozen=True, tag=True):
    """A deposit (positive) or a withdrawal (negative) was booked."""

    account_id: int
    asset_id: int
    amount_atoms: int


class TransferChanged(Struct, frozen=True, tag=True):
    """A transfer was announced, carried out or canceled; the amount has its sign."""

    transfer_id: int
    account_id: int
    asset_id: int
    amount_atoms: int
    state: TransferState


class MarketStateChanged(Struct, frozen=True, tag=True):
    """A market was opened or restricted."""

    instrument_id: int
    state: MarketState


Effect = (
    Rejected
    | Accepted
    | Traded
    | Filled
    | Canceled
    | Amended
    | Triggered
    | LevelChanged
    | Transferred
    | TransferChanged
    | MarketStateChanged
)
