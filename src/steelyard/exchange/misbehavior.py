"""How an administrator has the exchange misbehave: faults put in force, listed, taken out again.

They are no part of the exchange's state: nothing of them is journaled, and a restart forgets them.
What they do to bytes is done by who moves the bytes, which asks the plan.
"""

from typing import Any

from msgspec import Struct

from steelyard import dialects
from steelyard.domain.errors import UsageError
from steelyard.domain.instrument import Listings
from steelyard.exchange.keys import Keys
from steelyard.wire.dialect import Auth, ChannelKind
from steelyard.wire.faults import (
    CERTAIN_E6,
    DELAY_MAX_NS,
    FAULTS_MAX,
    PARTS_MAX,
    SKEW_MAX_NS,
    Fault,
    FaultPlan,
    Standing,
    Trouble,
)

COUNT_MAX = 10**9
SEED_MAX = 2**63 - 1
STATUSES = (418, 429, 500, 502, 503, 504)
WEBSOCKET = "websocket"
KINDS = tuple(kind.name.lower() for kind in ChannelKind)


class SetFault(Struct, frozen=True, tag=True, forbid_unknown_fields=True):
    """Put a fault in force; with a seed, all of them draw from that from here on."""

    fault: Fault
    seed: int | None = None


class ClearFaults(Struct, frozen=True, tag=True, forbid_unknown_fields=True):
    """Take one fault out of force, or all."""

    number: int | None = None


class ListFaults(Struct, frozen=True, tag=True, forbid_unknown_fields=True):
    """Every fault in force, and how often it has struck."""


MisbehaviorCall = SetFault | ClearFaults | ListFaults


class Misbehavior:
    """An administrator's hand on one exchange's faults."""

    def __init__(self, keys: Keys, listings: Listings) -> None:
        self.plan = FaultPlan()
        self._keys = keys
        self._listings = listings

    def carry_out(self, call: MisbehaviorCall) -> dict[str, Any]:
        """Carry out a call; return what is to be shown, ready for JSON.

        Raises:
            UsageError: It cannot be done; nothing has happened then.
        """
        match call:
            case SetFault():
                return self._set(call)
            case ClearFaults():
                return self._clear(call.number)
            case ListFaults():
                faults = [shown(standing) for standing in self.plan.standing]
                return {"seed": self.plan.seed, "faults": faults}

    def _set(self, call: SetFault) -> dict[str, Any]:
        fault = call.fault
        self._check(fault)
        if call.seed is not None:
            if not 0 <= call.seed <= SEED_MAX:
                raise UsageError(f"--seed is from 0 to {SEED_MAX}")
            self.plan.begin_again(call.seed)
        return shown(self.plan.add(fault))

    def _check(self, fault: Fault) -> None:
        if len(self.plan.standing) >= FAULTS_MAX:
            raise UsageError(f"{FAULTS_MAX} faults are in force; clear some")
        if fault.dialect and fault.dialect not in dialects.names():
            there = ", ".join(dialects.names())
            raise UsageError(f"no dialect {fault.dialect!r}; there are: {there}")
        if fault.account:
            self._keys.account_id(fault.account)
        if fault.trouble is Trouble.CLOCK_SKEW:
            _check_skew(fault)
            return
        if fault.trouble is Trouble.PARTIAL_FILLS:
            self._check_parts(fault)
        elif fault.where:
            _check_where(fault)
        if not 0 < fault.chance_e6 <= CERTAIN_E6:
            raise UsageError("--chance is above 0% and at most 100%")
        if not (0 <= fault.after <= COUNT_MAX and 0 <= fault.times <= COUNT_MAX):
            raise UsageError(f"--after and --times are from 0 to {COUNT_MAX}")
        if not 0 <= fault.delay_min_ns <= fault.delay_max_ns <= DELAY_MAX_NS:
            raise UsageError("--delay is a time of at most 1h, or a span such as 500ms..2s")
        if fault.trouble.has_status and fault.status not in STATUSES:
            known = ", ".join(map(str, STATUSES))
            raise UsageError(f"--status {fault.status} is none of {known}")
        if not 0 <= fault.retry_after_ns <= DELAY_MAX_NS:
            raise UsageError("--retry-after is a time of at most 1h")

    def _check_parts(self, fault: Fault) -> None:
        parts = fault.parts_e6
        if not 1 <= len(parts) <= PARTS_MAX or min(parts) <= 0 or sum(parts) > CERTAIN_E6:
            raise UsageError(
                "--parts are parts of an order's size above 0 that come to at most 1, such as "
                f"0.5,0.3,0.2; at most {PARTS_MAX}"
            )
        symbols = [instrument.symbol for instrument in self._listings]
        if fault.where and fault.where not in symbols:
            raise UsageError(
                f"--where {fault.where!r} is no symbol; there are: {', '.join(symbols)}"
            )

    def _clear(self, number: int | None) -> dict[str, Any]:
        cleared = self.plan.clear(number)
        if number is not None and not cleared:
            raise UsageError(f"no fault {number} is in force; `steelyard faults list` shows them")
        return {"cleared": cleared}


def shown(standing: Standing) -> dict[str, Any]:
    """Return a fault as it is shown, ready for JSON."""
    fault = standing.fault
    document: dict[str, Any] = {
        "number": standing.number,
        "fault": fault.trouble,
        "dialect": fault.dialect or None,
        "where": fault.where or None,
        "account": fault.account or None,
        "chance_e6": fault.chance_e6,
        "after": fault.after,
        "times": fault.times or None,
        "met": standing.met,
        "struck": standing.struck,
        "over": standing.is_over,
    }
    if fault.trouble.is_slow:
        document["delay_ms"] = [fault.delay_min_ns // 10**6, fault.delay_max_ns // 10**6]
    if fault.trouble.has_status:
        document["status"] = fault.status
    if fault.trouble.answers:
        document["retry_after_ms"] = fault.retry_after_ns // 10**6
    if fault.trouble is Trouble.PARTIAL_FILLS:
        document["parts_e6"] = list(fault.parts_e6)
    if fault.trouble is Trouble.CLOCK_SKEW:
        document["skew_ms"] = fault.skew_ns // 10**6
    return document


def _check_skew(fault: Fault) -> None:
    """Refuse what a clock has not: it is wrong for everybody, all the time."""
    if not 0 < abs(fault.skew_ns) <= SKEW_MAX_NS:
        raise UsageError("--skew is a time such as 3s or -2h, of at most 24h, and not none")
    plain = Fault(fault.trouble, fault.dialect, skew_ns=fault.skew_ns)
    is_more = (fault.where, fault.account, fault.chance_e6, fault.after, fault.times) != (
        plain.where,
        plain.account,
        plain.chance_e6,
        plain.after,
        plain.times,
    )
    if is_more:
        raise UsageError(
            "a clock is wrong for everybody, all the time: only --dialect and --skew go with "
            "clock-skew"
        )


def _check_where(fault: Fault) -> None:
    """Refuse a place that is nowhere: a fault that never strikes would look like one that does."""
    if fault.trouble.is_of_frames:
        if fault.where not in KINDS:
            raise UsageError(
                f"--where {fault.where!r} is nothing that frames carry: {', '.join(KINDS)}"
            )
        return
    if fault.where == WEBSOCKET and not fault.trouble.answers:
        return
    names = (fault.dialect,) if fault.dialect else dialects.names()
    routes = [e for name in names for e in dialects.find(name).endpoints]
    found = [e for e in routes if fault.where in (e.path, f"{e.method} {e.path}")]
    if found and fault.account and all(e.auth is Auth.NONE for e in found):
        raise UsageError(
            f"--where {fault.where!r} is open to everybody and names no account; leave --account "
            "out, or name a route that needs a key"
        )
    if found:
        return
    kind = Trouble(fault.trouble)
    or_else = "" if kind.answers else f"; or {WEBSOCKET}"
    raise UsageError(
        f"--where {fault.where!r} is no route that {kind} could befall: write a path, or a method "
        'and a path, as docs/reference/dialects.md lists them, say "POST /api/v3/order"'
        f"{or_else}"
    )
