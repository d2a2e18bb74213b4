"""The table [alerts], and what of a bot's records a person may want to hear at once.

What is in the log as a warning or an error is trouble, and told by the log; here are the records
that say what a bot does when all is well. Pure: who is told, and how, is the shell's.
"""

from enum import StrEnum
from typing import NamedTuple

from msgspec import Struct

from steelyard.domain.commands import Place
from steelyard.domain.errors import ConfigError
from steelyard.domain.instrument import Instrument
from steelyard.domain.units import from_atoms, in_full, plain
from steelyard.trading.duration import Duration
from steelyard.trading.records import (
    AmendPending,
    BreakerResumed,
    CancelAsked,
    FillSeen,
    Killed,
    LeaseTaken,
    OrderPending,
    OrderRefused,
    Resumed,
    RunStarted,
    RunStopped,
    TraderRecord,
)

TARGETS_MAX = 20
PER_HOUR_MAX = 3_600


class Topic(StrEnum):
    """What an alert is about."""

    TROUBLE = "trouble"  # what the log has as a warning or an error
    ORDERS = "orders"  # each order placed, changed, canceled, refused
    FILLS = "fills"
    RUNS = "runs"  # started, stopped, killed, resumed


class AlertsTable(Struct, frozen=True, kw_only=True):
    """The table [alerts]: to are references to addresses; nobody is told where it is empty."""

    to: tuple[str, ...] = ()
    on: tuple[Topic, ...] = (Topic.TROUBLE, Topic.RUNS)
    again: str = "15m"
    per_hour: int = 60

    @property
    def again_ns(self) -> int:
        """How long the same trouble is counted before it is told again."""
        return Duration(self.again).ns

    def check(self) -> None:
        """Refuse what is no table.

        Raises:
            ConfigError: The message names the key.
        """
        try:
            _ = self.again_ns
        except ConfigError as error:
            raise ConfigError(f"[alerts] again: {error}") from error
        if not 1 <= self.per_hour <= PER_HOUR_MAX:
            raise ConfigError(f"[alerts] per_hour is {self.per_hour}; write 1 to {PER_HOUR_MAX}")
        if len(self.to) > TARGETS_MAX or len({*self.to}) < len(self.to):
            raise ConfigError(f"[alerts] to names up to {TARGETS_MAX} references, each once")
        for reference in self.to:
            place, colon, name = reference.partition(":")
            if not colon or "//" in name or not name or not place.replace("-", "").isalnum():
                # Not repeated: an address has a token in it.
                raise ConfigError(
                    "[alerts] to should be references, such as vault:alerts/slack or env:NAME, "
                    "never the address itself"
                )


class Told(NamedTuple):
    """What is told: kind is a dotted name, as the log has."""

    topic: Topic
    kind: str
    text: str


def told(message: TraderRecord, instrument: Instrument | None) -> Told | None:
    """Return what a record tells a person; None: nothing."""
    match message:
        case OrderPending(place) if instrument is not None:
            text = f"{_order(place, instrument)} (id {place.client_order_id})"
            return Told(Topic.ORDERS, "order.placed", text)
        case OrderRefused(name, reason, why):
            return Told(Topic.ORDERS, "order.refused", f"{name}: {reason.name}: {why}")
        case AmendPending(name):
            return Told(Topic.ORDERS, "order.changed", name)
        case CancelAsked(name, why):
            return Told(Topic.ORDERS, "order.canceled", f"{name}: {why}")
        case FillSeen(fill, name) if instrument is not None:
            size = in_full(plain(instrument.size(fill.size_lots)))
            price = in_full(instrument.price(fill.price_ticks))
            side = fill.side.name.lower()
            text = f"{side} {size} {instrument.symbol} at {price} (id {name})"
            return Told(Topic.FILLS, "order.filled", text)
        case RunStarted():
            text = f"{message.strategy} on {message.symbol} in {message.environment}"
            return Told(Topic.RUNS, "run.started", text)
        case LeaseTaken(name, term, _, before, holder) if before:
            return Told(Topic.RUNS, "lease.taken", f"{name}, term {term}; before: {holder}")
        case RunStopped(why):
            return Told(Topic.RUNS, "run.stopped", why)
        case Killed(why):
            return Told(Topic.RUNS, "run.killed", why)
        case Resumed(why):
            return Told(Topic.RUNS, "run.resumed", why)
        case BreakerResumed(name, who, why):
            return Told(Topic.RUNS, "breaker.resumed", f"{name}, by {who}: {why}")
        case _:
            return None


def _order(place: Place, instrument: Instrument) -> str:
    side, kind = place.side.name.lower(), place.order_type.name.lower().replace("_", " ")
    size = f"{in_full(plain(instrument.size(place.size_lots)))} {instrument.symbol}"
    if place.quote_atoms is not None:
        worth = in_full(from_atoms(place.quote_atoms))
        size = f"{instrument.symbol} for {worth} {instrument.quote}"
    price = ""
    if place.price_ticks is not None:
        price = f" at {in_full(instrument.price(place.price_ticks))}"
    if place.trigger_ticks is not None:
        price += f", trigger {in_full(instrument.price(place.trigger_ticks))}"
    return f"{side} {size}, {kind}{price}"
