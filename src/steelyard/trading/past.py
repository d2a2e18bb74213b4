"""A bot as it was: the state at any past moment, from its journal and nothing else.

The invariant: what is told of a moment is what the running bot reported at that moment, of
everything that its journal has: orders, fills, position, realized profit, kill, stop, limits,
breakers, the day, streams, key, clock. Status and reason are as they were last written, at most a
second late. What the market was worth then is not in a journal, so no unrealized profit is told.
"""

from collections.abc import Iterable
from typing import Any

from steelyard.domain.journal import Record, gapless
from steelyard.domain.units import from_atoms, in_full
from steelyard.trading.moment import Told
from steelyard.trading.records import IntentRefused
from steelyard.trading.shown import MS_NS, fill_shown, measured_shown, order_shown, position_shown
from steelyard.trading.state import TraderState

TOLD_MAX = 20


class Past:
    """A journal up to a moment. Records are taken in order; it only goes on, never back."""

    def __init__(self) -> None:
        self.state = TraderState()
        self.sequence = 0
        self.time_ns = 0

    def take(self, record: Record) -> None:
        """Go on by one record."""
        self.state.replay(record)
        self.sequence, self.time_ns = record.sequence, record.time_ns

    def document(self) -> dict[str, Any]:
        """Return the moment, ready for JSON."""
        state, moment = self.state, self.state.moment
        portfolio = state.portfolio
        instrument = None if portfolio is None else portfolio.instrument
        gate = moment.gate
        return {
            "type": "past",
            "sequence": self.sequence,
            "written": self.time_ns // MS_NS,
            "bot": moment.bot,
            "is_running": moment.is_running,
            "status": _status(state),
            "reason": state.killed_why or (None if gate is None else gate.reason),
            "killed": state.killed_why,
            "position": position_shown(portfolio),
            "pnl": {
                "currency": "" if instrument is None else instrument.quote,
                "realized": "0" if portfolio is None else _text(portfolio.realized_atoms),
                "fees": "0" if portfolio is None else _text(portfolio.fees_atoms),
            },
            "orders": []
            if instrument is None
            else [order_shown(order, instrument) for order in state.orders.open],
            "fills": []
            if instrument is None
            else [fill_shown(fill, instrument, {}) for fill in state.recent_fills],
            "protection": self._protection(),
            "adopted": _text(state.adopted_atoms),
            "limits": moment.limits,
            "breakers": [
                {
                    "name": name,
                    "since": tripped.since_ns // MS_NS,
                    "until": _ms(tripped.message.until_ns),
                    "text": tripped.message.text,
                }
                for name, tripped in state.breakers.items()
            ],
            "measures": None if moment.measured is None else measured_shown(*moment.measured),
            "day": None if state.day is None else {"began_with": _text(state.day.total_atoms)},
            "streams": moment.streams,
            "clock": None
            if moment.clock is None
            else {"offset_us": moment.clock.offset_ns // 1_000},
            "key": None
            if moment.key is None
            else {"key": moment.key.key, "findings": list(moment.key.findings)},
            "dead_man": None
            if moment.dead_man is None
            else {"state": moment.dead_man.state, "why": moment.dead_man.why},
            "failure": moment.failure,
            "told": [_told(told) for told in [*moment.told][-TOLD_MAX:]],
        }

    def _protection(self) -> dict[str, Any] | None:
        state = self.state
        if state.stop is None or state.portfolio is None:
            return None
        price = state.portfolio.instrument.price(state.stop.trigger_ticks)
        return {"trigger": in_full(price), "missing": state.moment.unprotected}


def past_at(records: Iterable[Record], *, time_ns: int | None, sequence: int | None) -> Past:
    """Return the past up to and with a time, or a sequence, whichever is first.

    Raises:
        ConfigError: A record is missing, or the journal is of another format.
    """
    past = Past()
    for record in gapless(records, 0):
        if time_ns is not None and record.time_ns > time_ns:
            break
        if sequence is not None and record.sequence > sequence:
            break
        past.take(record)
    return past


def _status(state: TraderState) -> str:
    moment = state.moment
    if not moment.is_running:
        return "stopped"
    if state.killed_why is not None:
        return "killed"
    return "starting" if moment.gate is None else moment.gate.status


def _told(told: Told) -> dict[str, Any]:
    message = told.message
    document = {"time": told.time_ns // MS_NS, "text": message.text, "omitted": message.omitted}
    if isinstance(message, IntentRefused):
        document |= {"limit": message.limit, "wanted": message.wanted}
    return document


def _ms(time_ns: int | None) -> int | None:
    return None if time_ns is None else time_ns // MS_NS


def _text(atoms: int) -> str:
    return in_full(from_atoms(atoms))
