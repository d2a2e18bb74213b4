"""What an exchange journals besides engine commands: people, keys, nonces, steps of its market.

Together with the engine's commands this is everything that changes an exchange. The house's
commands are not in it: crowd, tape and script make them anew from the steps, and a live tape from
what it was told, which is.
"""

from msgspec import Struct

from steelyard.domain import layout
from steelyard.domain.closing import PlaceClosing
from steelyard.domain.commands import Place
from steelyard.domain.journal import JournalCodec
from steelyard.domain.layout import Decode
from steelyard.domain.messages import KeyKind, Scope
from steelyard.exchange.people_records import AnyPersonRecord

ADMINISTRATOR = "administrator"  # who did it, unless a record says somebody else
FORMAT = 1  # raised when an older exchange directory could not be read as it is


class Founded(Struct, frozen=True, tag=True):
    """The first record: on which market this exchange runs, so that replay makes the same one."""

    format: int
    market: str  # crowd, tape, script, live, none
    source: str  # the crowd's seed; a file's hash and speed; whose stream, and what is listed


class AccountNamed(Struct, frozen=True, tag=True):
    """An account got its name; its OpenAccount command came right before."""

    account_id: int
    name: str


class KeyCreated(Struct, frozen=True, tag=True):
    """An API key. `sealed` is what verifies: the secret, or of a key pair the public half in PEM.

    It is sealed with a key that is not in this directory, so that nobody with no more than the
    directory can read a secret or put his own public key in another's place.
    """

    key: str
    account_id: int
    dialect: str
    scopes: frozenset[Scope]
    ip: tuple[str, ...]
    expires_ns: int | None
    label: str
    sealed: bytes
    kind: KeyKind = KeyKind.HMAC  # journals from before key pairs do not say it
    products: tuple[str, ...] = ()  # the symbols that it may trade; empty: all
    withdraw_from_ns: int | None = None  # when its cooling period ends, where it may withdraw
    replaces: str = ""  # the key that a rotation made it for, which ends at overlap_ends_ns
    overlap_ends_ns: int | None = None
    by: str = ADMINISTRATOR
    sealed_passphrase: bytes = b""  # where the dialect has them


class KeyChanged(Struct, frozen=True, tag=True):
    """What a key may do from here on; all of it, also what stays as it was."""

    key: str
    scopes: frozenset[Scope]
    products: tuple[str, ...]
    ip: tuple[str, ...]
    expires_ns: int | None
    label: str
    withdraw_from_ns: int | None = None
    by: str = ADMINISTRATOR


class KeyRevoked(Struct, frozen=True, tag=True):
    """A key is worth nothing from here on; cause, where it was not a person who said so."""

    key: str
    cause: str = ""
    by: str = ADMINISTRATOR


class ClockSet(Struct, frozen=True, tag=True):
    """From here on it is `time_ns`: so far ahead of the host's clock, or standing still."""

    time_ns: int
    offset_ns: int
    is_frozen: bool


class NonceUsed(Struct, frozen=True, tag=True):
    """A nonce must not be seen again for this key until then.

    With 2**63 - 1 for that it is a number, and none below it must be either.
    """

    key: str
    nonce: str
    until_ns: int  # in wire time, as the next
    wire_ns: int = 0  # when it was seen


class GroupNamed(Struct, frozen=True, tag=True):
    """What its owner calls a group of orders; its PlaceGroup command came right before."""

    account_id: int
    group_id: int
    client_group_id: str


class OrderRenamed(Struct, frozen=True, tag=True):
    """An order has another client id from here on; its Amend command came right before."""

    account_id: int
    order_id: int
    client_order_id: str


class FillClosed(Struct, frozen=True, tag=True):
    """The next fill of an order that closes itself is closed by placing this.

    One record of both, so that the journal has both or neither.
    """

    order_id: int
    place: Place


class DeadManSet(Struct, frozen=True, tag=True):
    """All orders of an account are to be canceled then; 0: no longer. after_ns: was asked for."""

    account_id: int
    due_ns: int
    after_ns: int = 0


class MarketStep(Struct, frozen=True, tag=True):
    """Time went on: the crowd or tape did what was due.

    state_hash is the engine's before the step, or 0 where it was not noted; replay compares it,
    because a market of another version would make another exchange of the same records.
    """

    state_hash: int = 0


class MarketHeard(Struct, frozen=True, tag=True, omit_defaults=True):
    """What the stream of a live tape told of one market; what follows is done at once.

    lost is why nothing is known any more, and nothing else is said then. Else trades come first,
    as (side of the taker, price_ticks, size_lots), then levels (price_ticks, size_lots): a whole
    book, or those that have changed, 0 for gone. is_settled: they are no older than the trades.
    """

    instrument_id: int
    lost: str = ""
    is_whole: bool = False
    bids: tuple[tuple[int, int], ...] = ()
    asks: tuple[tuple[int, int], ...] = ()
    trades: tuple[tuple[int, int, int], ...] = ()
    is_settled: bool = False


class MarketPast(Struct, frozen=True, tag=True):
    """The venue's closed 1-minute candles of a market, oldest first; those known are passed over.

    Each is (open_ns, open, high, low, close in ticks, volume_lots, quote_atoms, trade_count).
    """

    instrument_id: int
    candles: tuple[tuple[int, int, int, int, int, int, int, int], ...]


class MaintenanceSet(Struct, frozen=True, tag=True):
    """Requests are turned away from here on, or taken again; retry_after_ns is what they hear."""

    is_on: bool
    retry_after_ns: int


class HouseHeld(Struct, frozen=True, tag=True):
    """The house does nothing of its own in this market from here on, or stands as it says again."""

    instrument_id: int
    is_held: bool


ExchangeRecord = (
    Founded
    | AccountNamed
    | KeyCreated
    | KeyChanged
    | KeyRevoked
    | NonceUsed
    | ClockSet
    | MaintenanceSet
    | GroupNamed
    | OrderRenamed
    | PlaceClosing
    | FillClosed
    | DeadManSet
    | AnyPersonRecord
    | MarketStep
    | MarketHeard
    | MarketPast
    | HouseHeld
)


def codec(decode: Decode = layout.decode) -> JournalCodec:
    """Return the codec of an exchange's journal; `decode` as in `JournalCodec`."""
    return JournalCodec(ExchangeRecord, decode)
