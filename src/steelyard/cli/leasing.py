"""Taking a bot's lease, keeping it while the bot runs, and letting go of it.

The invariants: a bot's directory is opened, and its key read, only by whoever holds the lease; what
leaves is asked about right before it does (`why_not`), after it was signed, so that a process which
stood still in between sends nothing that a venue would still take; and the lease is released after
everything else has been let go of.

Without `[lease]` it is a lock of this host, which nothing but the end of the process ends. With it
the lock is taken first, and then the row that all hosts share is taken and renewed. When the row
cannot be renewed new risk stops a third of its time before it runs out, and everything at its end.
"""

import asyncio
import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from steelyard import dialects
from steelyard.domain.commands import (
    Amend,
    Cancel,
    CancelAll,
    OpenTransfer,
    Place,
    PlaceGroup,
    UserCommand,
    Withdraw,
)
from steelyard.domain.dead_man import ArmDeadMan
from steelyard.domain.errors import ConfigError, TransportError
from steelyard.domain.lease import EXPIRY_MARGIN_NS, Allowed, Grip, Lease, Wait
from steelyard.domain.messages import SECOND_NS, Query
from steelyard.net.clock import Clock, uptime_ns
from steelyard.store.datadir import state_directory
from steelyard.store.latch import Latch
from steelyard.store.leases import HostLease, LeasePlace, PostgresLease, check_library
from steelyard.trading.config import HERE, BotConfig, Environment
from steelyard.trading.takeover import (
    Left,
    Takeover,
    changed_since,
    decode,
    encode,
    takeover,
    unlike,
)
from steelyard.vault.keys import find

LOOK_S = 0.5  # who waits looks so often
KEEP_S = 0.25  # what is left to the next holder is looked at so often
AGAIN_NS = SECOND_NS // 2  # after a renewal, before the next
STANDBYS_NS = 2 * SECOND_NS
MS_NS = 10**6
DIRECTORY = "owners"

_ADDS = (Place, PlaceGroup, Amend, Withdraw, OpenTransfer, ArmDeadMan)
_TAKES = (Cancel, CancelAll)

_NOT_TRADING = "bot.record_market"  # what only keeps a tape

Say = Callable[[str], None]


class Lock(NamedTuple):
    """Which lock of this host."""

    directory: Path
    names: tuple[str, ...]


class LeaseKeeper:
    """A lease that this process holds, for all legs of one bot."""

    def __init__(
        self,
        places: list[LeasePlace],
        lease: Lease,
        before: Lease | None,
        grip: Grip,
        taken_over: str = "",
        latches: Mapping[str, Latch] | None = None,
        terms: Mapping[str, Mapping[str, str]] = MappingProxyType({}),
    ) -> None:
        """Places are outermost first; before is how the last of them was found.

        latches are the kill marks of this host, by the names of `mark_name`; terms ours, by leg.
        """
        self._terms = terms
        self._latches = latches or {}
        self._obeyed: dict[str, int] = {}  # marks that other hosts have left, by name
        self._places = places
        self._place = places[-1]
        self._before = before
        self._taken_over = taken_over
        self._lease = lease
        self._grip = grip
        self._carried = ""
        self._asked_ns = 0
        self._was_lost = False
        self._standbys: list[str] = []
        self._standbys_ns = 0
        self.leaves: dict[str, Callable[[], Left]] = {}  # by leg
        self.is_clean = True  # nothing of ours is on its way

    def why_not(self, message: UserCommand | Query) -> str | None:
        """Return why a message may not leave now; None: it may."""
        if not isinstance(message, (*_ADDS, *_TAKES)):
            return None
        now_ns = uptime_ns()
        allowed = self._grip.allowed(now_ns)
        if allowed is Allowed.ALL or (allowed is Allowed.CANCELS and isinstance(message, _TAKES)):
            return None
        return self._grip.trouble(now_ns)

    @property
    def trouble(self) -> str | None:
        """Why not everything may leave now; None: it may."""
        return self._grip.trouble(uptime_ns())

    @property
    def is_lost(self) -> bool:
        """Whether it is another's by now, or might be."""
        return self._grip.allowed(uptime_ns()) is Allowed.NOTHING

    def takeover(self, leg: str) -> Takeover | None:
        """Return what a leg begins with; None: the lease is of this host alone.

        Raises:
            ConfigError: What was left cannot be read.
        """
        if len(self._places) == 1:
            return None
        terms = self._terms.get(leg, {})
        return takeover(self._lease, self._before, leg, self._taken_over, terms)

    def document(self) -> dict[str, Any]:
        """Return how it is, as the page and the command line read it."""
        now_ns = uptime_ns()
        left_ns = self._grip.left_ns(now_ns)
        return {
            "kind": self._place.kind,
            "name": self._lease.name,
            "holder": self._lease.holder,
            "term": self._lease.term,
            "left_ms": None if left_ns is None else left_ns // MS_NS,
            "until": None if self._lease.until_ns is None else self._lease.until_ns // MS_NS,
            "allowed": self._grip.allowed(now_ns).name.lower(),
            "trouble": self._grip.trouble(now_ns),
            "standbys": self._standbys,
        }

    async def keep(self) -> None:
        """Renew it until it is lost; ends with the task."""
        while not self.is_lost:
            await asyncio.sleep(KEEP_S)
            due_ns, now_ns = self._grip.due_ns(), uptime_ns()
            if due_ns is None:
                return
            carried = self.left()
            has_changed = carried != self._carried and now_ns >= self._asked_ns + AGAIN_NS
            if now_ns >= due_ns or has_changed or self._must_ask_again(now_ns):
                await self._renew(carried)

    def _must_ask_again(self, now_ns: int) -> bool:
        return self._grip.failure is not None and now_ns >= self._asked_ns + 2 * AGAIN_NS

    async def obey(self) -> None:
        """Set the kill marks here that other hosts have left, and take away what was lifted here.

        It comes before each renewal: so where a mark was left, two thirds of the lease's time
        later nothing of a holder that has not obeyed it leaves.

        Raises:
            TransportError: They cannot be asked for.
        """
        if not self._latches:
            return
        for mark in await self._place.marks([*self._latches]):
            latch = self._latches[mark.name]
            if self._obeyed.get(mark.name) == mark.at_us:
                if not latch.is_set:
                    await self._place.unmark(mark.name, mark.at_us)
                continue
            try:
                latch.set(mark.why, mark.who, Clock().now_ns())
            except ConfigError as error:
                self._grip.lose(f"it is killed, and the mark cannot be set: {error}")
            self._obeyed[mark.name] = mark.at_us

    async def _renew(self, carried: str) -> None:
        self._asked_ns = now_ns = uptime_ns()
        self._grip.asking(now_ns)
        try:
            await self.obey()
            lease = await self._place.renew(carried)
            if lease is None:
                found = await self._place.look()
                who = "nobody knows who" if found is None else found.holder
                is_ours = found is not None and found.term == self._lease.term
                self._grip.lose("it ran out" if is_ours else f"{who} has it")
                return
            self._grip.granted(now_ns)
            self._lease, self._carried = lease, carried
            if now_ns >= self._standbys_ns:
                self._standbys_ns = now_ns + STANDBYS_NS
                self._standbys = await self._place.standbys()
        except TransportError as error:
            self._grip.failed(str(error))

    def left(self) -> str:
        """Return what is left to the next: of a leg that has not begun, what was left to it."""
        try:
            before = {} if self._before is None else decode(self._before)
        except ConfigError:  # no leg can begin with it; it stays for who can read it
            return self._before.carried if self._before else ""
        return encode(before | {leg: leaves() for leg, leaves in self.leaves.items()})

    @property
    def was_lost(self) -> bool:
        """Whether it was lost before it was released."""
        return self._was_lost

    async def release(self) -> None:
        """Let go of it, once everything else is let go of."""
        carried = self.left()
        is_held = not self.is_lost
        self._was_lost = not is_held
        self._grip.lose("it was released")
        for place in reversed(self._places):
            with suppress(TransportError):  # it runs out by itself
                if is_held or place.kind == HostLease.kind:
                    await place.release(carried, is_clean=self.is_clean)
            await place.close()


async def take_lease(
    bots: Mapping[str, BotConfig],
    name: str,
    lock: Lock,
    say: Say | None,
    taken_over: str = "",
    data: Path | None = None,
    *,
    may_differ: bool = False,
) -> LeaseKeeper:
    """Take the lease of a bot; say is told why it has to be waited for, None: it is not.

    Args:
        bots: Its configurations, by leg.
        name: What the bot is called.
        lock: The lock of this host.
        say: Told each reason once.
        taken_over: Why a person says that the holder before is gone.
        data: Where the bot is killed that another host has killed; None: nowhere.
        may_differ: Its parameters and limits may be others than those of who trades it now.

    Raises:
        ConfigError: Another process has it, and it is not to be waited for, or is another bot's.
        TransportError: The database cannot be asked, and it is not to be waited for.
    """
    config = next(iter(bots.values()))
    host = HostLease(lock.directory, name, *lock.names)
    places: list[LeasePlace] = [host]
    try:
        own = await _host_lease(host, name, say)
        if not config.lease.url:
            grip = Grip(None)
            grip.granted(uptime_ns())
            return LeaseKeeper(places, own, None, grip)
        check_library()
        label = f"{name}.{config.bot.environment}"
        shared = PostgresLease(address_of(config), label, config.lease.ttl_ns, host.home)
        places.append(shared)
        waiting = Wait(host.home, taken_over)
        latches = (
            {mark_name(bot): Latch(data, bot.bot.name) for bot in bots.values()} if data else {}
        )

        def kept(lease: Lease, found: Lease | None, grip: Grip) -> LeaseKeeper:
            return LeaseKeeper(places, lease, found, grip, taken_over, latches, terms)

        terms = {leg: terms_of(bot) for leg, bot in bots.items()}
        return await _shared_lease(shared, bots, waiting, say, kept, None if may_differ else terms)
    except BaseException:
        for place in reversed(places):
            await place.close()
        raise


async def _host_lease(host: HostLease, name: str, say: Say | None) -> Lease:
    while (own := await host.take(None, 0)) is None:
        found = await host.look()
        holder = "another process of this host" if found is None else found.holder
        why = f"{holder} trades {name}"
        if say is None:
            raise ConfigError(f"{why}; stop that one, or wait to take over: --standby")
        say(why)
        await asyncio.sleep(LOOK_S)
    return own


async def _shared_lease(
    shared: LeasePlace,
    bots: Mapping[str, BotConfig],
    waiting: Wait,
    say: Say | None,
    kept: Callable[[Lease, Lease | None, Grip], LeaseKeeper],
    terms: Mapping[str, Mapping[str, str]] | None,
) -> LeaseKeeper:
    """Take it when it may be had; terms, by leg, are compared with the holder's, None: they differ.

    One that begins to wait is refused; one that waits already goes on, because to have nobody is
    worse than what somebody will be told of.
    """
    config = next(iter(bots.values()))
    places = {leg: place_of(bot) for leg, bot in bots.items()}
    drain_ns = drain_of(bots)
    is_waiting, other = False, ""
    while True:
        try:
            found = await shared.look()
            if found is not None and (why := unlike(found, places)) is not None:
                raise ConfigError(why)
            why = waiting.why_not(found, uptime_ns())
            other = changed_since(found, terms) if found is not None and terms else ""
            if other and why is not None and say is not None and not is_waiting:
                raise ConfigError(
                    f"{why}, and trades otherwise: {other}. Give both the same configuration, or "
                    "say that it is an update: --changed"
                )
            asked_ns = uptime_ns()
            if why is None:
                if (lease := await shared.take(found, drain_ns)) is not None:
                    grip = Grip(config.lease.ttl_ns)
                    grip.granted(asked_ns)
                    keeper = kept(lease, waiting.seen, grip)
                    await keeper.obey()  # before anything is begun
                    return keeper
                continue  # it has changed since: look again
            if say is not None:
                await shared.wait()
        except TransportError as error:
            if say is None:
                raise
            why = str(error)
        if say is None:
            raise ConfigError(f"{why}; to wait and take over: --standby")
        is_waiting = True
        say(f"{why}; it trades otherwise: {other}" if other else why)
        await asyncio.sleep(LOOK_S)


def lock_of(config: BotConfig, name: str, data: Path) -> Lock:
    """Return what tells a bot's lock from others of this host.

    Where real money is meant a bot is one by its name and venue, in whichever directory.
    """
    names = (group_of(config.bot.environment, data), config.main.where, name)
    return Lock(state_directory() / DIRECTORY, names)


def group_of(environment: Environment, data: Path) -> str:
    """Return what counts as one world: on real venues all of the host.

    Where orders stay on this machine a data directory is a world of its own.
    """
    return f"{environment.value} {data.resolve()}" if environment in HERE else "live"


def drain_of(bots: Mapping[str, BotConfig]) -> int | None:
    """Return how long after its signing an order of a bot may arrive; None: for ever.

    A bridge signs in another process, after it was asked; so nobody knows when.
    """
    found = []
    for config in bots.values():
        if config.main.is_bridged:
            return None
        client = dialects.find(config.main.dialect).client
        expiry_ns = client.expiry_ns(Cancel(0, 1))
        if expiry_ns is None:
            return None
        found.append(expiry_ns)
    return max(found) + EXPIRY_MARGIN_NS


def place_of(config: BotConfig) -> str:
    """Return what a bot trades: the API of its venue, and the market."""
    return f"{config.strategy.symbol} on {config.main.dialect}"


def terms_of(config: BotConfig) -> dict[str, str]:
    """Return how a bot trades: its class, parameters, limits, policies and breakers, by name."""
    table = config.strategy
    params = {f"params.{name}": str(value) for name, value in table.params.items()}
    told = {name: it for name, it in config.in_force.items() if not name.startswith(_NOT_TRADING)}
    return {"strategy.class": table.class_name, **params, **told}


def trades_of(config: BotConfig) -> tuple[str, dict[str, str]]:
    """Return what a bot trades and how, as it is left to the next holder."""
    return place_of(config), terms_of(config)


def mark_name(config: BotConfig) -> str:
    """Return what the kill mark of a bot or leg is called among hosts."""
    return f"{config.bot.name}.{config.bot.environment}"


def address_of(config: BotConfig, ask: Callable[[str], str] | None = None) -> str:
    """Return where a bot's lease is kept.

    Raises:
        ConfigError: What the configuration refers to is no address.
        ConnectFailed: The place that keeps it cannot be reached.
    """
    table = config.lease
    if not table.is_reference:
        return table.url
    text = find(table.url, os.environ, ask).current.text
    if not text:
        raise ConfigError(f"[lease] url: {table.url} is a key and no address; --text keeps one")
    return text
