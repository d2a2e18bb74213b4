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
    FeeAsset,
    Liquidity,
    OrderType,
    RejectReason,
    SelfTrade,
    Side,
    TimeInForce,
)

WORLD = 1  # where deposits come from: the mirror of everything inside
HOUSE = 2  # the crowd or the tape
FEES = 3
FIRST_USER = 100


class ListInstrument(Struct, frozen=True, tag=True):
    """Open a market."""

    instrument: Instrument


class OpenAccount(Struct, frozen=True, tag=True):
    """Make an account, or change its fees: a rate of 100_000 is 0.1 %."""

    account_id: int
    maker_rate_e8: int
    taker_rate_e8: int


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


class Place(Struct, frozen=True, tag=True):
    """A new order. price_ticks is None for a market order."""

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


class Amend(Struct, frozen=True, tag=True):
    """Change a resting order. None leaves a field as it is; size_lots counts what has filled.

    Priority is kept when only the size shrinks; any other change queues the order anew, and
    it may then trade at once.
    """

    account_id: int
    order_id: int
    price_ticks: int | None
    size_lots: int | None


class Cancel(Struct, frozen=True, tag=True):
    """Take a resting order off the book.

    The engine knows it by its number. The rest is for traders: on some venues numbers are per
    instrument, and an order whose number was never told has only its client id.
    """

    account_id: int
    order_id: int
    instrument_id: int | None = None
    client_order_id: str = ""


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
UserCommand = Deposit | Withdraw | Place | Amend | Cancel | CancelAll
Command = UserCommand | ListInstrument | OpenAccount | HouseLevel | HouseTrade


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


class LevelChanged(Struct, frozen=True, tag=True):
    """The total size resting at a price after the command; 0 means the level is gone."""

    instrument_id: int
    side: Side
    price_ticks: int
    size_lots: int


class Transferred(Struct, frozen=True, tag=True):
    """A deposit (positive) or a withdrawal (negative) was booked."""

    account_id: int
    asset_id: int
    amount_atoms: int


Effect = Rejected | Accepted | Traded | Filled | Canceled | Amended | LevelChanged | Transferred
