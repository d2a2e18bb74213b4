"""Why a bot traded, or did not: its journal as sentences, and what stood in its way at a moment.

Each wish of a strategy ends in the journal, as an order that was decided on or as a refusal by the
first gate that did not let it pass; so do changes of gates, kills, and what the venue said. This
folds records into lines, newest last, and counts calls after which nothing was wanted. A record of
a kind that is not known here is told by its own words, so a new gate needs no change here.
"""

from collections import deque
from collections.abc import Iterable
from typing import Any, NamedTuple

from steelyard.domain.instrument import Instrument
from steelyard.domain.journal import Record, gapless
from steelyard.domain.units import in_full, plain
from steelyard.trading.past import Past
from steelyard.trading.records import (
    Adjusted,
    AmendFailed,
    AmendPending,
    BreakerResumed,
    BreakerTripped,
    CancelAsked,
    ClosingNoted,
    DeadManChanged,
    FillSeen,
    GateChanged,
    IntentRefused,
    Killed,
    LeaseTaken,
    OrderAbsent,
    OrderAdopted,
    OrderPending,
    OrderRefused,
    OrderResolved,
    OrderUnknown,
    ProtectionSeen,
    Resumed,
    RunStarted,
    RunStopped,
    StrategyFailed,
    StrategyNoted,
    StreamChanged,
    TimerFired,
    TraderRecord,
)

LINES = 30
LINES_MAX = 10_000
# Told by what they lead to, or only for replay.
_SILENT = frozenset(
    {
        "AmendSent",
        "AmendUnknown",
        "BalancesSeen",
        "ClockMeasured",
        "CountDisputed",
        "DayBegan",
        "FillMarked",
        "FillsChecked",
        "ForeignFillSeen",
        "ForeignOrderSeen",
        "InstrumentSeen",
        "KeyAudited",
        "LimitsSet",
        "MarketNamed",
        "Measured",
        "OrderAmended",
        "OrderNotSent",
        "OrderSeen",
        "OrderSent",
        "OrderTriggered",
        "PeakSeen",
        "PositionAdopted",
        "ProtectionSet",
    }
)
_WORDS = ("text", "why", "reason", "message")  # where a record of another kind says what it is


class Verdict(NamedTuple):
    """Whether something let orders pass, and in words what it is."""

    gate: str
    passes: bool
    text: str


class Reason(NamedTuple):
    """A line: what is passed (True), refused (False), or only told (None)."""

    time_ns: int
    sequence: int
    kind: str
    passes: bool | None
    text: str


class Reasons:
    """What a journal tells, up to a moment."""

    def __init__(self, lines: int = LINES) -> None:
        self.past = Past()
        self.lines: deque[Reason] = deque(maxlen=min(lines, LINES_MAX))
        self.idle = 0  # calls by a timer since the last wish
        self.last_timer_ns: int | None = None
        self.is_gone = False  # its process is not there, though its journal does not say so

    def take(self, record: Record) -> None:
        """Go on by one record."""
        message = record.message
        instrument = self._instrument
        self.past.take(record)
        if isinstance(message, TimerFired):
            self.last_timer_ns = record.time_ns
            self.idle += 1
            return
        line = _line(message, self._instrument or instrument)
        if line is None:
            return
        kind, passes, text = line
        if kind in ("order", "refusal", "amend"):
            self.idle = 0
        self.lines.append(Reason(record.time_ns, record.sequence, kind, passes, text))

    @property
    def _instrument(self) -> Instrument | None:
        return self.past.state.instrument

    @property
    def verdicts(self) -> list[Verdict]:
        """What stood in the way of an order, gate by gate, in the order in which they are asked."""
        state, moment = self.past.state, self.past.state.moment
        gate, down = moment.gate, {r: w for r, w in moment.streams.items() if w is not None}
        unknown = [o.client_order_id for o in state.orders.open if o.state.name == "UNKNOWN"]
        status = "starting" if gate is None else gate.status
        reason = "" if gate is None else gate.reason or ""
        open_orders = len(state.orders.open)
        return [
            _verdict(
                "process",
                moment.is_running and not self.is_gone,
                "it runs",
                "it has ended without a word" if moment.is_running else "it does not run",
            ),
            _verdict(
                "kill", state.killed_why is None, "no kill", f"it is killed: {state.killed_why}"
            ),
            _verdict(
                "strategy",
                moment.failure is None,
                "it has not failed",
                f"it has failed: {_last(moment.failure or '')}",
            ),
            _verdict(
                "streams",
                bool(moment.streams) and not down,
                "both are up",
                "; ".join(f"{role} is down: {why}" for role, why in down.items()) or "not open yet",
            ),
            _verdict(
                "gate",
                status == "running",
                "trading is open",
                f"{status}{': ' if reason else ''}{reason}",
            ),
            _verdict(
                "unknown",
                not unknown,
                "every order is accounted for",
                f"{len(unknown)} orders may or may not have arrived: {', '.join(unknown[:3])}",
            ),
            _verdict(
                "protection",
                moment.unprotected is None,
                "the position has what it should",
                moment.unprotected or "",
            ),
            _verdict(
                "breakers",
                not state.breakers,
                "none has tripped",
                "; ".join(f"{name}: {held.message.text}" for name, held in state.breakers.items()),
            ),
            _verdict(
                "limits",
                passes=True,
                yes=f"{open_orders} open orders; limits: {_limits(moment.limits)}",
                no="",
            ),
        ]

    @property
    def sentence(self) -> str:
        """The answer in one sentence: the first that did not let an order pass, or what was."""
        stopped = next((v for v in self.verdicts if not v.passes), None)
        if stopped is not None:
            what = "no order that adds risk" if stopped.gate == "breakers" else "no order"
            return f"{what} could leave: {stopped.gate}: {stopped.text}"
        last = next((line for line in reversed(self.lines) if line.passes is not None), None)
        idle = ""
        if self.idle:
            idle = f"; since then its timer has called it {self.idle} times and it wanted nothing"
        if last is None:
            return f"orders could leave, and the strategy has wanted none{idle}"
        return f"orders could leave; the last wish: {last.text}{idle}"

    def document(self) -> dict[str, Any]:
        """Return it all, ready for JSON."""
        return {
            "answer": self.sentence,
            "sequence": self.past.sequence,
            "written": self.past.time_ns // 1_000_000,
            "gates": [verdict._asdict() for verdict in self.verdicts],
            "idle_calls": self.idle,
            "lines": [
                {
                    "time": line.time_ns // 1_000_000,
                    "sequence": line.sequence,
                    "kind": line.kind,
                    "passed": line.passes,
                    "text": line.text,
                }
                for line in self.lines
            ],
        }


def reasons_at(
    records: Iterable[Record], *, time_ns: int | None = None, lines: int = LINES
) -> Reasons:
    """Return the reasons up to and with a time; None: all.

    Raises:
        ConfigError: A record is missing, or the journal is of another format.
    """
    reasons = Reasons(lines)
    for record in gapless(records, 0):
        if time_ns is not None and record.time_ns > time_ns:
            break
        reasons.take(record)
    return reasons


def kind_of(message: TraderRecord) -> str | None:
    """Return of which kind a record's line is, without making it; None: it has none."""
    if isinstance(message, TimerFired):
        return None
    line = _line(message, None)
    return None if line is None else line[0]


def _verdict(gate: str, passes: bool, yes: str, no: str) -> Verdict:  # noqa: FBT001 what is asked
    return Verdict(gate, passes, yes if passes else no)


def _limits(limits: dict[str, str]) -> str:
    told = [f"{key.partition('.')[2]} {value}" for key, value in limits.items() if "risk." in key]
    return ", ".join(told) or "none known"


def _line(
    message: TraderRecord, instrument: Instrument | None
) -> tuple[str, bool | None, str] | None:
    """Return (kind, passes, sentence) of a record; None: it is told by others."""
    return _of_wishes(message, instrument) or _of_orders(message, instrument) or _of_state(message)


def _of_wishes(
    message: TraderRecord, instrument: Instrument | None
) -> tuple[str, bool | None, str] | None:
    match message:
        case OrderPending(place, protects):
            whose = "the stop behind the position" if protects else "the strategy's wish"
            at = "at the market"
            size = str(place.size_lots)
            if instrument is not None:
                size = in_full(plain(instrument.size(place.size_lots)))
                if place.price_ticks is not None:
                    at = f"at {in_full(plain(instrument.price(place.price_ticks)))}"
                if place.trigger_ticks is not None:
                    at += f" from {in_full(plain(instrument.price(place.trigger_ticks)))} on"
            side = place.side.name.lower()
            text = f"{whose} to {side} {size} {at} passed every gate and limit and was sent"
            return "order", True, f"{text} as {place.client_order_id}"
        case IntentRefused():
            more = f" (and {message.omitted} more since the last of these)"
            text = f"the wish to {message.wanted} was stopped by {message.limit}: {message.text}"
            return "refusal", False, text + (more if message.omitted else "")
        case AmendPending():
            return "amend", True, f"a change of {message.client_order_id} passed and was sent"
        case AmendFailed():
            return "order", None, f"a change of {message.client_order_id} failed: {message.why}"
        case _:
            return None


def _of_orders(
    message: TraderRecord, instrument: Instrument | None
) -> tuple[str, bool | None, str] | None:
    match message:
        case OrderRefused():
            name, said = message.client_order_id, message.message
            reason = message.reason.name.lower().replace("_", " ")
            return "venue", False, f"the venue refused {name}: {reason}: {said}"
        case OrderUnknown():
            text = f"{message.client_order_id} may or may not have arrived: {message.why}"
            return "venue", None, text
        case OrderAbsent():
            text = f"{message.client_order_id} never arrived: {message.evidence}"
            return "venue", None, text
        case CancelAsked():
            return "cancel", None, f"{message.client_order_id} was to be canceled: {message.why}"
        case FillSeen(fill):
            size, price = str(fill.size_lots), str(fill.price_ticks)
            if instrument is not None:
                size = in_full(plain(instrument.size(fill.size_lots)))
                price = in_full(plain(instrument.price(fill.price_ticks)))
            name = message.client_order_id
            return "fill", None, f"{name} filled: {fill.side.name.lower()} {size} at {price}"
        case Adjusted():
            name, after = message.client_order_id, message.after.name.lower()
            return "venue", None, f"{name} was found {after}: {message.why}"
        case OrderAdopted():
            return "venue", None, f"{message.place.client_order_id} was taken over: {message.why}"
        case OrderResolved():
            text = f"{message.who} decided that {message.client_order_id} is {message.decision}"
            return "person", None, f"{text}: {message.why}"
        case _:
            return None


def _of_state(message: TraderRecord) -> tuple[str, bool | None, str] | None:
    match message:
        case RunStarted():
            return "run", None, f"it was started: {message.strategy} on {message.symbol}"
        case LeaseTaken():
            text = f"it holds the lease {message.name}, term {message.term}"
            if message.is_elsewhere:
                text += f", after {message.holder_before}: what that one did is found at the venue"
            return "run", None, text + (f" ({message.why})" if message.why else "")
        case RunStopped():
            return "run", None, f"it ended: {message.why}"
        case GateChanged():
            quick = f" ({message.omitted} changes in between)" if message.omitted else ""
            if message.reason is None:
                return "gate", None, f"it is {message.status}: orders may leave{quick}"
            return "gate", None, f"it is {message.status}: {message.reason}{quick}"
        case Killed():
            return "kill", None, f"it was killed: {message.why}"
        case Resumed():
            return "kill", None, f"it may trade again: {message.why}"
        case BreakerTripped():
            until = {"ended": "until that has ended", "person": "until a person says otherwise"}
            resume = until.get(message.resume, f"for {message.resume}")
            return "breaker", None, f"the breaker {message.name} tripped, {resume}: {message.text}"
        case BreakerResumed():
            text = f"the breaker {message.name} was resumed by {message.who}: {message.why}"
            return "breaker", None, text
        case ClosingNoted():
            names = ", ".join(message.client_order_ids)
            return "kill", None, f"the kill switch closed the position by {names}"
        case DeadManChanged():
            return "deadman", None, f"the dead man's switch {message.state}: {message.why}"
        case StreamChanged(role, why):
            return "stream", None, f"the {role} stream is {'up' if why is None else f'down: {why}'}"
        case ProtectionSeen(text):
            return "protection", None, text or "the position has its stop"
        case StrategyFailed():
            return "strategy", None, f"the strategy raised an error: {_last(message.traceback)}"
        case StrategyNoted():
            return "note", None, f"the strategy says: {message.text}"
        case _:
            return _of_others(message)


def _of_others(message: Any) -> tuple[str, bool | None, str] | None:
    """Tell a record of a kind that is not known here by its own words."""
    name = type(message).__name__
    if name in _SILENT:
        return None
    said = next((getattr(message, field, None) for field in _WORDS if hasattr(message, field)), "")
    spaced = "".join(f" {c.lower()}" if c.isupper() else c for c in name).strip()
    return "other", None, f"{spaced}: {said}" if said else spaced


def _last(text: str) -> str:
    return text.strip().rpartition("\n")[2]
