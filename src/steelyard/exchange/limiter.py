"""Counting requests against a venue's limits, and turning away what is over them.

Windows are aligned to the clock, as `wire.limits` says. A request over a limit is refused
with the time until its window ends; an address that goes on all the same is banned for a
while (A26). Counters of addresses and keys that have gone quiet are dropped.
"""

from collections import OrderedDict

from steelyard.wire.dialect import AccessReason, Refusal
from steelyard.wire.limits import Counts, Limit, LimitProfile, Per, Usage, Used, WindowCounter

COUNTERS_MAX = 50_000  # beyond it the longest quiet one is dropped


class Limiter:
    """The counters of one dialect."""

    def __init__(self, profile: LimitProfile) -> None:
        self.profile = profile
        self._counters: OrderedDict[tuple[str, str], WindowCounter] = OrderedDict()
        self._refused: OrderedDict[str, list[int]] = OrderedDict()
        self._banned_until_ns: dict[str, int] = {}

    def ban(self, ip: str, now_ns: int) -> Refusal | None:
        """Return the refusal of a banned address."""
        until_ns = self._banned_until_ns.get(ip)
        if until_ns is None:
            return None
        if until_ns <= now_ns:
            del self._banned_until_ns[ip]
            return None
        return Refusal(
            AccessReason.IP_BANNED,
            f"this address is banned until {until_ns // 1_000_000} for going on over its limits; "
            "send nothing until then",
            retry_after_ns=until_ns - now_ns,
        )

    def count(
        self, per: Per, who: str, *, weight: int, is_order: bool, ip: str, now_ns: int
    ) -> tuple[Usage, Refusal | None]:
        """Count a request against one party's limits; return the usage and a refusal if over."""
        usage: list[Used] = []
        over: Used | None = None
        for limit in self.profile.limits:
            if limit.per is not per:
                continue
            units = _units(limit, weight, is_order=is_order)
            used = self._counter(limit, who).add(limit, units, now_ns)
            usage.append(used)
            if units and used.used > limit.limit and over is None:
                over = used
        if over is None:
            return tuple(usage), None
        return tuple(usage), self._refusal(over, ip, now_ns)

    def _counter(self, limit: Limit, who: str) -> WindowCounter:
        key = (limit.name, who)
        counter = self._counters.get(key)
        if counter is None:
            counter = self._counters[key] = WindowCounter()
            if len(self._counters) > COUNTERS_MAX:
                self._counters.popitem(last=False)
        self._counters.move_to_end(key)
        return counter

    def _refusal(self, over: Used, ip: str, now_ns: int) -> Refusal:
        wait_ns = over.reset_ns - now_ns
        self._note_refused(ip, over, now_ns)
        reason = {
            Per.IP: AccessReason.IP_LIMIT,
            Per.KEY: AccessReason.KEY_LIMIT,
            Per.ACCOUNT: AccessReason.KEY_LIMIT,
        }[over.limit.per]
        if over.limit.counts is Counts.ORDERS:
            reason = AccessReason.ORDER_LIMIT
        seconds = over.limit.window_ns // 1_000_000_000
        return Refusal(
            reason,
            f"over the limit of {over.limit.limit} {over.limit.counts} per {seconds} s; "
            f"wait {-(-wait_ns // 1_000_000_000)} s",
            field=over.limit.name,
            retry_after_ns=wait_ns,
        )

    def _note_refused(self, ip: str, over: Used, now_ns: int) -> None:
        if not self.profile.ban_after:
            return
        times = self._refused.setdefault(ip, [])
        times.append(now_ns)
        while times and times[0] < now_ns - over.limit.window_ns:
            times.pop(0)
        if len(times) >= self.profile.ban_after:
            self._banned_until_ns[ip] = now_ns + self.profile.ban_ns
            times.clear()
        if len(self._refused) > COUNTERS_MAX:
            self._refused.popitem(last=False)


def _units(limit: Limit, weight: int, *, is_order: bool) -> int:
    match limit.counts:
        case Counts.WEIGHT:
            return weight
        case Counts.REQUESTS:
            return 1
        case Counts.ORDERS:
            return int(is_order)
