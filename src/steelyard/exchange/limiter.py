"""Counting requests against a venue's limits, and turning away what is over them.

Windows are aligned to the clock or slide, or there are buckets, as `wire.limits` says. A request
over a limit is refused with the time until it would pass; an address that goes on all the same is
banned for a while, and a key that has brought on many bans has abused its access (A26). Whether a
request has proven its key, and what becomes of the key, is the gate's. Counters of addresses and
keys that have gone quiet are dropped; bans are forgotten in a restart.
"""

from collections import OrderedDict

from steelyard.wire.dialect import AccessReason, Auth, Endpoint, Refusal
from steelyard.wire.limits import (
    BucketCounter,
    Counts,
    Kind,
    Limit,
    LimitCounter,
    LimitProfile,
    Per,
    SparingCounter,
    Usage,
    Used,
    WindowCounter,
    counter_of,
)

COUNTERS_MAX = 50_000  # beyond it the longest quiet one is dropped
TIMES_MAX = 1_000_000  # that sliding counters remember in all; beyond it likewise
CONNECTS = "websocket connects"  # the name under which connections are counted
FULL_RETRY_NS = 1_000_000_000  # nobody knows when another connection ends


class Limiter:
    """The counters of one dialect."""

    def __init__(self, profile: LimitProfile) -> None:
        self.profile = profile
        self.has_limits = bool(profile.limits)
        self._counters: OrderedDict[tuple[str, str], LimitCounter] = OrderedDict()
        self._refused: OrderedDict[str, list[int]] = OrderedDict()
        self.banned_until_ns: OrderedDict[str, int] = OrderedDict()
        self._bans: OrderedDict[str, list[int]] = OrderedDict()  # by the key that brought them on
        self._times = 0
        self._covering: dict[tuple[Per, str, str], tuple[Limit, ...]] = {}
        sockets = profile.sockets
        connects_ns = sockets.connects_ns
        self._connects = Limit(
            CONNECTS, Per.IP, Counts.REQUESTS, sockets.connects, connects_ns, Kind.SLIDING
        )

    @property
    def size(self) -> int:
        """How many parties are remembered, of any kind."""
        by_ip = len(self._refused) + len(self.banned_until_ns)
        return len(self._counters) + by_ip + len(self._bans)

    def counts_of(self, per: Per, endpoint: Endpoint | None) -> bool:
        """Whether any limit counts a party's requests to an endpoint."""
        return bool(self._limits(per, endpoint))

    def ban(self, ip: str, now_ns: int) -> Refusal | None:
        """Return the refusal of a banned address."""
        until_ns = self.banned_until_ns.get(ip)
        if until_ns is None:
            return None
        if until_ns <= now_ns:
            del self.banned_until_ns[ip]
            return None
        return Refusal(
            AccessReason.IP_BANNED,
            f"this address is banned until {until_ns // 1_000_000} for going on over its limits; "
            "send nothing until then",
            retry_after_ns=until_ns - now_ns,
        )

    def count(
        self,
        per: Per,
        who: str,
        *,
        weight: int,
        endpoint: Endpoint | None,
        ip: str,
        now_ns: int,
        orders: int = 1,
    ) -> tuple[Usage, Refusal | None]:
        """Count a request against one party's limits; return the usage and a refusal if over.

        orders says how many it holds, where its endpoint places any.

        What one of them refuses uses nothing of those that slide or drain.
        """
        limits = self._limits(per, endpoint)
        if not limits:
            return (), None
        usage: list[Used] = []
        over: Used | None = None
        sparing: list[tuple[int, SparingCounter, int]] = []
        units_of = {
            Counts.WEIGHT: weight,
            Counts.REQUESTS: 1,
            Counts.ORDERS: orders if endpoint is not None and endpoint.is_order else 0,
        }
        for limit in limits:
            units = units_of[limit.counts]
            counter = self._counter(limit, who)
            if isinstance(counter, WindowCounter):
                used = counter.add(limit, units, now_ns)
            else:
                used = counter.look(limit, units, now_ns)
                sparing.append((len(usage), counter, units))
            usage.append(used)
            if used.is_over and (over is None or used.reset_ns > over.reset_ns):
                over = used  # the one that makes it wait longest
        if over is not None:
            return tuple(usage), self._refusal(over, ip, now_ns)
        for index, counter, units in sparing:
            usage[index] = self._add(counter, usage[index].limit, units, now_ns)
        return tuple(usage), None

    def charge(
        self,
        who: str,
        units: int,
        *,
        aged: int = 0,
        may_overshoot: bool = False,
        ip: str,
        now_ns: int,
    ) -> tuple[Usage, Refusal | None]:
        """Count what a transaction of an account's pair costs; return the usage, or a refusal.

        aged are units that have to fit too, and are not counted yet.
        """
        usage: list[Used] = []
        for limit in self._limits(Per.PAIR, None):
            counter = self._counter(limit, who)
            if isinstance(counter, BucketCounter):
                used = counter.look(limit, units + aged, now_ns)
                if used.is_over and not may_overshoot:
                    return (used,), self._refusal(used, ip, now_ns)
                usage.append(counter.pour(limit, units, now_ns))
            else:
                used = counter.add(limit, units, now_ns)
                if used.is_over and not may_overshoot:
                    return (used,), self._refusal(used, ip, now_ns)
                usage.append(used)
        return tuple(usage), None

    def charged(self, who: str, now_ns: int) -> int | None:
        """Return what an account's counter of a pair stands at; None where there is none."""
        limits = self._limits(Per.PAIR, None)
        if not limits:
            return None
        counter = self._counter(limits[0], who)
        if isinstance(counter, WindowCounter):
            return counter.add(limits[0], 0, now_ns).used
        return counter.look(limits[0], 0, now_ns).used

    def give_back(
        self,
        per: Per,
        who: str,
        counts: Counts,
        units: int,
        *,
        endpoint: Endpoint | None,
        now_ns: int,
    ) -> Usage:
        """Give units of one kind back to a party; return the usage as `count` does."""
        usage: list[Used] = []
        for limit in self._limits(per, endpoint):
            counter = self._counter(limit, who)
            if isinstance(counter, WindowCounter):
                back = units if limit.counts is counts else 0
                usage.append(counter.give_back(limit, back, now_ns))
            else:
                # It bounds what is asked for in any such time, whatever came of that.
                usage.append(counter.look(limit, 0, now_ns))
        return tuple(usage)

    def connect(self, ip: str, connected: int, now_ns: int) -> Refusal | None:
        """Count a WebSocket that an address opens; return a refusal if it has too many."""
        sockets = self.profile.sockets
        if sockets.connects:
            counter = self._counter(self._connects, ip)
            assert not isinstance(counter, WindowCounter), "connects slide"
            used = self._add(counter, self._connects, 1, now_ns)
            if used.is_over:
                said = f"{sockets.connects} new WebSockets {_span(self._connects)} from one address"
                return self._refusal(used, ip, now_ns, said)
        if 0 < sockets.connections <= connected:
            return Refusal(
                AccessReason.IP_LIMIT,
                f"{connected} WebSockets are open from this address, and {sockets.connections} "
                "are allowed; close one, or put more streams on one",
                retry_after_ns=FULL_RETRY_NS,
            )
        return None

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

    def _limits(self, per: Per, endpoint: Endpoint | None) -> tuple[Limit, ...]:
        """Return the limits of a party that a request counts against."""
        key = (per, "", "") if endpoint is None else (per, endpoint.method, endpoint.path)
        limits = self._covering.get(key)
        if limits is None:
            found = (x for x in self.profile.limits if x.per is per and _covers(x, endpoint))
            limits = self._covering[key] = tuple(found)  # as many as there are endpoints
        return limits

    def _add(self, counter: SparingCounter, limit: Limit, units: int, now_ns: int) -> Used:
        self._times -= len(counter)
        used = counter.add(limit, units, now_ns)
        self._times += len(counter)
        while self._times > TIMES_MAX and len(self._counters) > 1:
            self._drop()
        return used

    def _drop(self) -> None:
        _, counter = self._counters.popitem(last=False)
        if not isinstance(counter, WindowCounter):
            self._times -= len(counter)

    def _counter(self, limit: Limit, who: str) -> LimitCounter:
        key = (limit.name, who)
        counter = self._counters.get(key)
        if counter is None:
            counter = self._counters[key] = counter_of(limit)
            if len(self._counters) > COUNTERS_MAX:
                self._drop()
        self._counters.move_to_end(key)
        return counter

    def _refusal(self, over: Used, ip: str, now_ns: int, said: str = "") -> Refusal:
        wait_ns = over.reset_ns - now_ns
        self._note_refused(ip, over, now_ns)
        said = said or f"{over.limit.limit} {over.limit.counts} {_span(over.limit)}"
        reason = {
            Per.IP: AccessReason.IP_LIMIT,
            Per.KEY: AccessReason.KEY_LIMIT,
            Per.ACCOUNT: AccessReason.KEY_LIMIT,
            Per.PAIR: AccessReason.ORDER_LIMIT,
        }[over.limit.per]
        if over.limit.counts is Counts.ORDERS:
            reason = AccessReason.ORDER_LIMIT
        return Refusal(
            reason,
            f"over the limit of {said}; wait {-(-wait_ns // 1_000_000_000)} s",
            field=over.limit.name,
            retry_after_ns=wait_ns,
        )

    def _note_refused(self, ip: str, over: Used, now_ns: int) -> None:
        if not self.profile.ban_after:
            return
        times = self._refused.setdefault(ip, [])
        self._refused.move_to_end(ip)
        times.append(now_ns)
        while times and times[0] < now_ns - over.limit.window_ns:
            times.pop(0)
        if len(times) >= self.profile.ban_after:
            self.banned_until_ns[ip] = now_ns + self.profile.ban_ns
            self.banned_until_ns.move_to_end(ip)
            if len(self.banned_until_ns) > COUNTERS_MAX:
                self.banned_until_ns.popitem(last=False)
            del self._refused[ip]
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
    seconds, rest_ns = divmod(limit.window_ns, 1_000_000_000)
    window = f"{limit.window_ns // 1_000_000} ms" if rest_ns else f"{seconds} s"
    match limit.kind:
        case Kind.ALIGNED:
            return f"per {window}"
        case Kind.SLIDING:
            return f"in any {window}"
        case Kind.BUCKET:
            return f"at once, which come back within {window}"
