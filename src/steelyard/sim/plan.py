"""What will go wrong in a simulated world, decided by its seed before anything happens."""

from enum import StrEnum
from random import Random
from typing import NamedTuple

from msgspec import Struct

from steelyard import dialects
from steelyard.domain.messages import SECOND_NS
from steelyard.sim.network import MS_NS
from steelyard.sim.workload import Manner
from steelyard.wire.faults import CERTAIN_E6, Fault, Trouble

TROUBLE_S = 30  # how long things go wrong
QUIET_NS = 3 * SECOND_NS  # after that, before anything is compared
POINTS = 400  # moments at which a process may be killed, of about as many as it comes past
DIALECTS = (*("binance",) * 5, *("native",) * 2, "coinbase-exchange", "kraken")
# No seed draws those that came later, so that each means what it always has: they are asked for.
JOINED = tuple(sorted({*dialects.names()} - {*DIALECTS}))
# Where a trader paces itself so much that it would not begin to trade in the time that there is.
UNPACED = ("kraken",)
NO_MARKET_STOPS = ("coinbase-exchange", "coinbase-advanced")
HOLDERS, HOLDER_DICE = 0.25, 3  # how many worlds have a bot that keeps a stop
GUARDED, GUARD_DICE = 0.25, 4  # how many have bots with narrow limits and breakers
QUICK, QUICK_DICE = 0.25, 5  # how many have one that orders while it hears of the book
# Where requests that overtake each other are refused, and a trader sends several at once.
RISING = ("kraken",)
# Where there are no stops, so that no bot keeps one.
NO_STOPS = ("weex",)
# Whose ids of orders are unique among open ones only: nobody could tell that a Place came twice.
REUSING = ("binance",)
# Where nothing tells that a frame of the book is missing: no number, no checksum.
UNNUMBERED = ("coinbase-exchange",)
# Where each change of a book is told by itself: a bot sees what is there within one step.
UNGATHERED = ("coinbase-advanced",)
STATUSES = (429, 429, 418, 500, 502, 503, 504)
DRAWN = (Manner.CHURN, Manner.MAKER, Manner.PAIRS)
NOT_TAKEN = (429, 418)  # of these, those by which a venue says that it has not looked at a request
EXCHANGE = -1  # as who something happens to; bots are counted from 0


class What(StrEnum):
    """Something that happens to a world."""

    FAULT = "fault"  # of the exchange: a Fault is in force for a while
    CUT = "cut"  # a bot's link carries nothing
    REFUSED = "refused"  # a bot can open no connection
    RESET = "reset"  # a bot's connections break
    LATE = "late"  # some of a bot's requests arrive long after their connections have broken
    SIGKILL = "sigkill"  # a process is gone at once
    NO_DISK = "no disk"  # a disk takes nothing
    SLOW_DISK = "slow disk"
    CLOCK = "clock"  # a clock is put on by lasts_ns, or back
    MAINTENANCE = "maintenance"
    SWITCH = "kill switch"  # somebody presses it, and lifts it later
    PERSON = "person"  # somebody trades on the account by hand


class Happening(NamedTuple):
    """One of them. at_ns is from the start; who is a bot, or `EXCHANGE`."""

    at_ns: int
    what: What
    who: int = EXCHANGE
    lasts_ns: int = 0
    detail: Fault | str | int | None = None


class Plan(Struct, kw_only=True):
    """One world."""

    seed: int
    dialect: str = "binance"
    manners: tuple[Manner, ...] = (Manner.CHURN,)
    trouble_s: int = TROUBLE_S
    has_limits: bool = True
    is_guarded: bool = False  # whether bots have narrow limits and breakers that trip soon
    limits_stops: bool = False  # whether stops of bots have a limit
    step_ns: int = 200 * MS_NS  # of the exchange
    delay_ns: int = 3 * MS_NS
    jitter_ns: int = 10 * MS_NS
    every_ms: int = 1_000  # how often bots want something
    bar_s: int = 0  # the length of their bars; 0: none
    ahead_ns: tuple[int, ...] = (0, 0, 0)  # by how much clocks are ahead: the exchange's, the bots'
    drift_e6: tuple[int, ...] = (0, 0, 0)
    skew_ns: int = 0  # of the venue's clock to its market's time
    restart_ns: int = SECOND_NS // 2
    kill_at: tuple[tuple[int, ...], ...] = ((), (), ())  # by points; the exchange's, the bots'
    happenings: tuple[Happening, ...] = ()

    @property
    def is_punctual(self) -> bool:
        """Whether requests arrive as they are sent: once each, and soon."""
        faults = {h.detail.trouble for h in self.happenings if isinstance(h.detail, Fault)}
        late = {Trouble.SLOW_REQUEST, Trouble.REPEATED_REQUEST}
        waits = any(happening.what is What.LATE for happening in self.happenings)
        is_steady = self.jitter_ns < 100 * MS_NS and not waits
        return is_steady and not (late & faults) and not self.has_steps

    @property
    def is_prompt(self) -> bool:
        """Whether what streams tell comes soon and whole, as long as they are open."""
        late = (What.SLOW_DISK, What.CUT)
        slow = any(happening.what in late for happening in self.happenings)
        faults = (h.detail.trouble for h in self.happenings if isinstance(h.detail, Fault))
        bent = any(trouble.is_of_frames for trouble in faults)
        return self.is_punctual and not slow and not bent

    @property
    def is_frank(self) -> bool:
        """Whether an order that the venue says it has not taken is not there, and will not be."""
        found = [h.detail for h in self.happenings if isinstance(h.detail, Fault)]
        again = any(fault.trouble is Trouble.REPEATED_REQUEST for fault in found)
        false = any(f.trouble is Trouble.FAILED and f.status in NOT_TAKEN for f in found)
        return not again and not false and not self.has_steps

    @property
    def has_steps(self) -> bool:
        """Whether a clock is put on or back while it runs."""
        return any(happening.what is What.CLOCK for happening in self.happenings)


def calm(seed: int, dialect: str = "binance") -> Plan:
    """Return a plan in which nothing goes wrong."""
    return Plan(seed=seed, dialect=dialect, has_limits=dialect not in UNPACED)


def plan_of(seed: int, dialect: str | None = None) -> Plan:
    """Return the plan of a seed; in the words of a dialect, or of the one that it draws."""
    rng = dice(seed, 0)
    drawn = rng.choice(DIALECTS)
    name = dialect or drawn
    manners = tuple(rng.choice(DRAWN) for _ in range(rng.choice([1, 1, 2])))
    if dice(seed, HOLDER_DICE).random() < HOLDERS and name not in NO_STOPS:
        manners = (Manner.HOLDER, *manners[1:])
    if dice(seed, QUICK_DICE).random() < QUICK and manners[-1] is not Manner.HOLDER:
        manners = (*manners[:-1], Manner.QUICK)
    plan = Plan(
        seed=seed,
        dialect=name,
        manners=manners,
        is_guarded=dice(seed, GUARD_DICE).random() < GUARDED,
        limits_stops=name in NO_MARKET_STOPS or seed % 2 == 0,
        has_limits=name not in UNPACED,
        step_ns=rng.choice([100, 200, 200, 500]) * MS_NS,
        delay_ns=rng.choice([1, 3, 20]) * MS_NS,
        jitter_ns=rng.choice([0, 5, 50, 300]) * MS_NS,
        every_ms=rng.choice([500, 1_000, 1_000]),
        bar_s=rng.choice([0, 1]),
        restart_ns=rng.choice([SECOND_NS // 10, SECOND_NS, 8 * SECOND_NS]),
    )
    if rng.random() < 0.4:  # noqa: PLR2004
        plan.ahead_ns = tuple(rng.randint(-20, 20) * SECOND_NS for _ in range(3))
        plan.drift_e6 = tuple(rng.choice([0, 0, 50, -50, 500, -500]) for _ in range(3))
        plan.skew_ns = rng.choice([0, 0, -2, 3]) * SECOND_NS
    if rng.random() < 0.4:  # noqa: PLR2004
        plan.kill_at = tuple(
            tuple(sorted(rng.sample(range(1, POINTS), rng.choice([0, 1, 3])))) for _ in range(3)
        )
    if plan.dialect in RISING:
        plan.jitter_ns = 0
    kinds = rng.sample([*What], rng.choice([0, 1, 2, 3, 4]))
    happenings = [_happening(rng, what, plan) for what in kinds for _ in range(rng.randint(1, 3))]
    plan.happenings = tuple(sorted(happenings, key=lambda happening: happening.at_ns))
    return plan


def dice(seed: int, part: int) -> Random:
    """Return the dice of one part of a world; more of one part changes no other."""
    return Random(seed * 64 + part)


def _happening(rng: Random, what: What, plan: Plan) -> Happening:
    at_ns = rng.randint(0, plan.trouble_s * 1_000) * MS_NS
    bot = rng.randrange(len(plan.manners))
    anybody = rng.choice([EXCHANGE, bot])
    short_ns = rng.choice([300, 2_000, 9_000]) * MS_NS
    match what:
        case What.FAULT:
            fault = _fault(rng, plan.dialect)
            return Happening(at_ns, what, EXCHANGE, rng.choice([2, 10, 60]) * SECOND_NS, fault)
        case What.CUT | What.REFUSED:
            lasts_ns = rng.choice([500, 3_000, 15_000]) * MS_NS
            return Happening(at_ns, what, bot, lasts_ns)
        case What.RESET:
            return Happening(at_ns, what, bot)
        case What.LATE:
            late_ns = rng.choice([500, 2_000, 4_500]) * MS_NS
            return Happening(at_ns, what, bot, rng.choice([1, 3, 10]) * SECOND_NS, late_ns)
        case What.SIGKILL:
            return Happening(at_ns, what, anybody)
        case What.NO_DISK:
            why = rng.choice(["No space left on device", "Input/output error"])
            return Happening(at_ns, what, anybody, short_ns, why)
        case What.SLOW_DISK:
            return Happening(at_ns, what, anybody, short_ns, rng.choice([50, 700]) * MS_NS)
        case What.CLOCK:
            return Happening(at_ns, what, anybody, rng.choice([-8, -1, 1, 4, 30]) * SECOND_NS)
        case What.MAINTENANCE:
            return Happening(at_ns, what, EXCHANGE, short_ns, rng.choice([1, 5]) * SECOND_NS)
        case What.SWITCH:
            return Happening(at_ns, what, bot, rng.choice([1, 8, 1_000]) * SECOND_NS)
        case What.PERSON:
            return Happening(at_ns, what, bot)


def _fault(rng: Random, dialect: str) -> Fault:
    """Return a fault; what befalls a Place twice is only for venues that know the second by it."""
    trouble = rng.choice([*Trouble])
    if trouble is Trouble.REPEATED_REQUEST and dialect in REUSING:
        trouble = Trouble.SLOW_ANSWER
    where = ""
    if dialect in UNNUMBERED and trouble in (Trouble.LOST_FRAME, Trouble.SWAPPED_FRAME):
        where = "orders"
    shortest_ns = rng.choice([50, 1_000, 4_000]) * MS_NS
    return Fault(
        trouble,
        where=where,
        chance_e6=rng.choice([CERTAIN_E6 // 50, CERTAIN_E6 // 5, CERTAIN_E6]),
        after=rng.choice([0, 0, 3]),
        times=rng.choice([0, 1, 5]),
        delay_min_ns=shortest_ns,
        delay_max_ns=shortest_ns * rng.choice([1, 3]),
        status=rng.choice(STATUSES),
    )
