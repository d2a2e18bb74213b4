"""Counting requests against a venue's limits, and turning away what is over them.

Windows are aligned to the clock or slide, as `wire.limits` says. A request over a limit is refused
with the time until it would pass; an address that goes on all the same is banned for a while, and
a key that has brought on many bans has abused its access (A26). Whether a request has proven its
key, and what becomes of the key, is the gate's. Counters of addresses and keys that have gone
quiet are dropped; bans are forgotten in a restart.
"""

from collections import OrderedDict

from steelyard.wire.dialect import AccessReason, Auth, Endpoint, Refusal
from steelyard.wire.limits import (
    Counts,
    Kind,
    Limit,
    LimitCounter,
    LimitProfile,
    Per,
    SlidingCounter,
    Usage,
    Used,
    counter_of,
)

COUNTERS_MAX = 50_000  # beyond it the longest quiet one is dropped


class Limiter:
    """The counters of one dialect."""

    def __init__(self, profile: LimitProfile) -> None:
        self.profile = profile
        self._counters: OrderedDict[tuple[str, str], LimitCounter] = OrderedDict()
        self._refused: OrderedDict[str, list[int]] = OrderedDict()
        self._banned_until_ns: dict[str, int] = {}
        self._bans: OrderedDict[str, list[int]] = OrderedDict()  # by the key that brought them on

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
        self, per: Per, who: str, *, weight: int, endpoint: Endpoint | None, ip: str, now_ns: int
    ) -> tuple[Usage, Refusal | None]:
        """Count a request against one party's limits; return the usage and a refusal if over.

        What one of them refuses uses nothing of those that slide.
        """
        usage: list[Used] = []
        over: Used | None = None
        sliding: list[tuple[int, SlidingCounter, int]] = []
        for limit in self.profile.limits:
            if limit.per is not per or not _covers(limit, endpoint):
                continue
            units = _units(limit, weight, is_order=endpoint is not None and endpoint.is_order)
            counter = self._counter(limit, who)
            if isinstance(counter, SlidingCounter):
                used = counter.look(limit, units, now_ns)
                sliding.append((len(usage), counter, units))
            else:
                used = counter.add(limit, units, now_ns)
            usage.append(used)
            if used.is_over and over is None:
                over = used
        if over is not None:
            return tuple(usage), self._refusal(over, ip, now_ns)
        for index, counter, units in sliding:
            usage[index] = counter.add(usage[index].limit, units, now_ns)
        return tuple(usage), None

    def persists(self, key: str, now_ns: int) -> str:
        """Note a ban that a key has brought on; return what it has come to once that is abuse."""
        after, within_ns = self.profile.revoke_after, self.profile.revoke_within_ns
        if not after:
            return ""
        times = self._bans.setdefault(key, [])
        self._bans.move_to_end(key)
        if len(self._bans) > COUNTERS_MAX:
            self._bans.popitem(last=False)
        times.append(now_ns)
        while times[0] <= now_ns - within_ns:
            times.pop(0)
        if len(times) < after:
            return ""
        del self._bans[key]
        seconds = within_ns // 1_000_000_000
        return f"going on over its limits until it was banned, {after} times within {seconds} s"

    def _counter(self, limit: Limit, who: str) -> LimitCounter:
        key = (limit.name, who)
        counter = self._counters.get(key)
        if counter is None:
            counter = self._counters[key] = counter_of(limit)
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
        return Refusal(
            reason,
            f"over the limit of {over.limit.limit} {over.limit.counts} {_span(over.limit)}; "
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


def _covers(limit: Limit, endpoint: Endpoint | None) -> bool:
    if not limit.routes:
        return True
    if endpoint is None:
        return limit.covers("", "", is_public=True)
    is_public = endpoint.auth is Auth.NONE
    return limit.covers(endpoint.method, endpoint.path, is_public=is_public)


def _span(limit: Limit) -> str:
    seconds = f"{limit.window_ns / 1_000_000_000:g} s"
    return f"in any {seconds}" if limit.kind is Kind.SLIDING else f"per {seconds}"


def _units(limit: Limit, weight: int, *, is_order: bool) -> int:
    match limit.counts:
        case Counts.WEIGHT:
            return weight
        case Counts.REQUESTS:
            return 1
        case Counts.ORDERS:
            return int(is_order)
