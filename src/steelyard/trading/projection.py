"""A journal as rows of tables, for questions in SQL: runs, orders, fills, and every record.

The journal is the truth and this follows it: `Projection` takes records in order and returns the
rows that each changes, keyed so that writing one again changes nothing. So a database that has the
rows up to some record goes on from there, and one that is lost is made again. Amounts are exact
decimals, times nanoseconds and text in UTC. It knows no database.
"""

from datetime import UTC, datetime
from typing import Any, NamedTuple

import msgspec

from steelyard.domain.instrument import foreign_asset_name
from steelyard.domain.journal import Record
from steelyard.domain.lifecycle import Fill
from steelyard.domain.messages import SECOND_NS
from steelyard.domain.units import from_atoms, plain
from steelyard.trading.orders import OwnOrder
from steelyard.trading.records import FillSeen, RunStarted, RunStopped
from steelyard.trading.state import TraderState

VERSION = 1  # of the tables; a database of another one is made anew
NUMBER, TEXT, DECIMAL = "number", "text", "decimal"


class Table(NamedTuple):
    """A table: its columns with their kinds, and how many of the first are its key."""

    name: str
    columns: tuple[tuple[str, str], ...]
    keys: int


class Row(NamedTuple):
    """A row to be written; it replaces the one of the same key."""

    table: str
    values: tuple[Any, ...]


RUNS = Table(
    "runs",
    (
        ("bot", TEXT),
        ("run", NUMBER),
        ("environment", TEXT),
        ("strategy", TEXT),
        ("symbol", TEXT),
        ("parameters", TEXT),
        ("started_ns", NUMBER),
        ("started", TEXT),
        ("ended_ns", NUMBER),
        ("ended_why", TEXT),
    ),
    2,
)
ORDERS = Table(
    "orders",
    (
        ("bot", TEXT),
        ("client_order_id", TEXT),
        ("order_id", TEXT),
        ("run", NUMBER),
        ("symbol", TEXT),
        ("side", TEXT),
        ("type", TEXT),
        ("time_in_force", TEXT),
        ("price", DECIMAL),
        ("trigger_price", DECIMAL),
        ("size", DECIMAL),
        ("filled", DECIMAL),
        ("quote", DECIMAL),
        ("state", TEXT),
        ("reason", TEXT),
        ("note", TEXT),
        ("protects", NUMBER),
        ("created_ns", NUMBER),
        ("created", TEXT),
        ("updated_ns", NUMBER),
        ("updated", TEXT),
        ("sequence", NUMBER),
    ),
    2,
)
FILLS = Table(
    "fills",
    (
        ("bot", TEXT),
        ("symbol", TEXT),
        ("trade_id", TEXT),
        ("side", TEXT),
        ("client_order_id", TEXT),
        ("order_id", TEXT),
        ("price", DECIMAL),
        ("size", DECIMAL),
        ("quote", DECIMAL),
        ("fee", DECIMAL),
        ("fee_asset", TEXT),
        ("liquidity", TEXT),
        ("time_ns", NUMBER),
        ("time", TEXT),
        ("heard_ns", NUMBER),
        ("sequence", NUMBER),
    ),
    4,
)
EVENTS = Table(
    "events",
    (
        ("bot", TEXT),
        ("sequence", NUMBER),
        ("time_ns", NUMBER),
        ("time", TEXT),
        ("kind", TEXT),
        ("client_order_id", TEXT),
        ("message", TEXT),
    ),
    2,
)
TABLES = (RUNS, ORDERS, FILLS, EVENTS)
# Trades as people mean them: each fill with the order that it was of.
VIEWS = {
    "trades": (
        "SELECT f.bot, f.time, f.symbol, f.side, f.size, f.price, f.quote, f.fee, f.fee_asset, "
        "f.liquidity, f.trade_id, f.client_order_id, o.type, o.run "
        "FROM fills f LEFT JOIN orders o ON o.bot = f.bot "
        "AND o.client_order_id = f.client_order_id"
    )
}


class Projection:
    """One bot's journal as rows; records are taken from the first on."""

    def __init__(self, bot: str) -> None:
        self._bot = bot
        self._state = TraderState()
        self._runs: dict[str, int] = {}  # by client order id
        self._run: tuple[Any, ...] = ()
        self.sequence = 0

    def take(self, record: Record) -> list[Row]:
        """Return the rows that a record makes or changes."""
        message, state = record.message, self._state
        state.replay(record)
        self.sequence = record.sequence
        name = _name_of(message)
        rows = [self._event(record, name)]
        match message:
            case RunStarted():
                self._run = self._started(message, record.time_ns)
                rows.append(Row(RUNS.name, self._run))
            case RunStopped() if self._run:
                rows.append(Row(RUNS.name, (*self._run[:8], record.time_ns, message.why)))
            case FillSeen(fill, client_order_id):
                rows.append(self._fill(fill, client_order_id, record))
            case _:
                pass
        if name is not None and (order := state.orders.find(name)) is not None:
            rows.append(self._order(order, record.sequence))
        return rows

    def _started(self, message: RunStarted, time_ns: int) -> tuple[Any, ...]:
        parameters = msgspec.json.encode(message.parameters).decode()
        return (
            self._bot,
            message.run,
            message.environment,
            message.strategy,
            message.symbol,
            parameters,
            time_ns,
            moment(time_ns),
            None,
            None,
        )

    def _event(self, record: Record, name: str | None) -> Row:
        message = record.message
        values = (
            self._bot,
            record.sequence,
            record.time_ns,
            moment(record.time_ns),
            type(message).__name__,
            name,
            msgspec.json.encode(message).decode(),
        )
        return Row(EVENTS.name, values)

    def _order(self, order: OwnOrder, sequence: int) -> Row:
        place, name = order.place, order.client_order_id
        instrument = self._state.instrument
        assert instrument is not None, "no order comes before the instrument"
        run = self._runs.setdefault(name, self._state.run)
        price, trigger = place.price_ticks, place.trigger_ticks
        values = (
            self._bot,
            name,
            str(order.order_id) if order.order_id else None,
            run,
            instrument.symbol,
            place.side.name.lower(),
            place.order_type.name.lower(),
            place.time_in_force.name,
            None if price is None else plain(instrument.price(price)),
            None if trigger is None else plain(instrument.price(trigger)),
            plain(instrument.size(place.size_lots)),
            plain(instrument.size(order.filled_lots)),
            plain(from_atoms(order.quote_atoms)),
            order.state.name.lower(),
            None if order.reject_reason is None else order.reject_reason.name.lower(),
            order.note or order.cancel_why or None,
            int(order.protects),
            order.created_ns,
            moment(order.created_ns),
            order.updated_ns,
            moment(order.updated_ns),
            sequence,
        )
        return Row(ORDERS.name, values)

    def _fill(self, fill: Fill, client_order_id: str, record: Record) -> Row:
        instrument = self._state.instrument
        assert instrument is not None, "no fill comes before the instrument"
        names = {
            instrument.base_asset_id: instrument.base,
            instrument.quote_asset_id: instrument.quote,
        }
        asset = fill.fee_asset_id
        values = (
            self._bot,
            instrument.symbol,
            str(fill.trade_id),
            fill.side.name.lower(),
            client_order_id,
            str(fill.order_id),
            plain(instrument.price(fill.price_ticks)),
            plain(instrument.size(fill.size_lots)),
            plain(from_atoms(fill.quote_atoms)),
            plain(from_atoms(fill.fee_atoms)),
            names.get(asset) or foreign_asset_name(asset) or str(asset),
            fill.liquidity.name.lower(),
            fill.time_ns,
            moment(fill.time_ns),
            record.time_ns,
            record.sequence,
        )
        return Row(FILLS.name, values)


def _name_of(message: Any) -> str | None:
    """Return which own order a record is about."""
    for holder in (message, getattr(message, "place", None), getattr(message, "order", None)):
        name = getattr(holder, "client_order_id", None)
        if name:
            return str(name)
    return None


def moment(time_ns: int) -> str:
    """Return a time as text, in UTC to the nanosecond."""
    seconds, rest = divmod(time_ns, SECOND_NS)
    time = datetime.fromtimestamp(seconds, UTC)
    return f"{time:%Y-%m-%dT%H:%M:%S}.{rest:09d}Z"
