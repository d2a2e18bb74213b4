"""An exchange, traders, what lies between them and their disks, in one process and virtual time.

A seed makes a `Plan`, the plan a `World`, and `run` lets it live until its troubles are over and
everybody agrees, with the auditor looking at each step. The same seed gives the same world, to
the last byte. `Report.digest` tells two runs apart.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from decimal import Decimal
from functools import partial
from typing import NamedTuple

from steelyard import dialects
from steelyard.domain.exposure import Claim, Part, decided
from steelyard.domain.messages import SECOND_NS
from steelyard.exchange.admin import SetMaintenance
from steelyard.sim import quiet
from steelyard.sim.disk import Disk, Form
from steelyard.sim.exchange_host import Crash, ExchangeHost
from steelyard.sim.network import Fate, Link
from steelyard.sim.plan import EXCHANGE, QUIET_NS, UNGATHERED, Happening, Plan, What, dice
from steelyard.sim.quoter import LISTED
from steelyard.sim.timeline import HostClock, Timeline
from steelyard.sim.trader_host import TraderHost
from steelyard.sim.workload import Manner, Person, Wisher
from steelyard.sim.world_auditor import Violation, WorldAuditor
from steelyard.trading.breakers import Breaker
from steelyard.trading.config import BotConfig, parse_config
from steelyard.wire.dialect import ApiKey
from steelyard.wire.faults import Fault
from steelyard.wire.limits import UNLIMITED, LimitProfile

START_NS = 1_700_000_000 * SECOND_NS
BOOT_NS = SECOND_NS // 10  # the bots start so much after the exchange
LOOK_NS = 517_000_000  # how often it is looked whether everybody agrees; no bot's timer is so long
WAIT_SLACK_NS = SECOND_NS // 20  # by so much, and the network's jitter, clocks are misjudged
SETTLE_S = 240  # how long agreeing may take
MOMENT_MAX = 5_000  # events of one moment; more are a loop
DEPOSITS: Mapping[str, Decimal] = {"USDT": Decimal(50_000), "BTC": Decimal(1)}
DISK_DICE, BOT_DICE = 1, 8  # of the exchange's disk; of the first bot's three, then the next's

AGAIN = ".venv/bin/python -m tests.sim.seed"

CONFIG = """
[bot]
name = "{name}"
environment = "sandbox"
[venue.main]
dialect = "{dialect}"
rest = "http://127.0.0.1:1"
ws = "ws://127.0.0.1:1"
key = "env:EXAMPLE"
skew_max = "10m"
[strategy]
class = "steelyard.sim.workload:Wisher"
symbol = "{symbol}"
[risk]
max_order_notional = "2000"
max_position = "0.02"
max_open_orders = 6
price_collar = "5%"
"""


# Where one is quick none has limits that need more than an order's numbers: its orders go the
# short way, and what bots hold together binds all of them or none.
GUARDS = """
max_order_size = "0.003"
max_orders_per_minute = 30
max_daily_loss = "{daily_loss}"
max_drawdown = "{drawdown}"
max_gross_exposure = "900"
max_leverage = "0.007"
"""
BREAKERS = """[breakers]
open_orders = "{open_orders}"
slippage = {{ threshold = "0.0008%", window = "3s", resume = "ended" }}
rejects = {{ threshold = 2, window = "6s", resume = "2s" }}
heartbeats = {{ threshold = 2, window = "4s", resume = "ended" }}
staleness = {{ threshold = "1s", window = "5s", resume = "ended" }}
volatility = {{ threshold = "0.015%", window = "2s", resume = "1s" }}
venue = {{ threshold = 1, window = "2s", resume = "ended" }}
order_rate = {{ threshold = 14, window = "6s", resume = "2s" }}
"""
UNGUARDED = "[breakers]\n" + "".join(f'{breaker} = "off"\n' for breaker in Breaker)


class Sums:
    """What the bots of a world hold together; it outlives their processes."""

    def __init__(self) -> None:
        self.atoms: dict[str, int] = {}

    def of(self, name: str) -> "Share":
        """Return one bot's view."""
        return Share(self, name)


class Share(NamedTuple):
    """One bot's part of the sums."""

    sums: Sums
    name: str

    def claim(self, _quote: str, atoms: int, most_atoms: int | None, _now_ns: int) -> Claim:
        """Take a part, if it fits."""
        others = [Part(name, of) for name, of in self.sums.atoms.items() if name != self.name]
        claim = decided(others, atoms, most_atoms)
        if claim.is_granted:
            self.sums.atoms[self.name] = atoms
        return claim


class Report(NamedTuple):
    """How a world has lived."""

    seed: int
    events: int
    simulated_s: float
    digest: str
    counts: Counter[str]


class Broken(AssertionError):
    """A world in which something was that must never be.

    Attributes:
        rule: Which rule of the auditor's was broken.
    """

    def __init__(self, plan: Plan, timeline: Timeline, violation: Violation) -> None:
        lines = "\n".join(timeline.recent)
        super().__init__(
            f"seed {plan.seed}, event {timeline.events}, {timeline.elapsed_s:.6f} s: {violation}\n"
            f"{plan}\nwhat happened last:\n{lines}\nagain: {AGAIN} {plan.seed} {plan.dialect}"
        )
        self.rule = violation.rule


class World:
    """One world, made by its plan; form is how journals stand on disks."""

    def __init__(self, plan: Plan, form: Form) -> None:
        self.plan = plan
        self.timeline = Timeline(START_NS)
        self.exchange = self._new_exchange(form)
        slack_ns = None if plan.has_steps else WAIT_SLACK_NS + plan.jitter_ns
        self.auditor = WorldAuditor(
            self.timeline,
            self.exchange,
            slack_ns,
            is_frank=plan.is_frank,
            knows_touches=plan.dialect not in UNGATHERED,
            replaces=dialects.find(plan.dialect).replaces,
        )
        self._sums = Sums()
        names = [f"bot-{number}" for number in range(1, len(plan.manners) + 1)]
        keys = self.exchange.found(dict.fromkeys(names, DEPOSITS))
        self.bots = [
            self._new_bot(number, name, keys[name], form) for number, name in enumerate(names)
        ]
        self._persons = [Person(host.name, dice(plan.seed, 2)) for host in self.bots]
        self._is_calm = False
        self._maintenance = SetMaintenance(is_on=False)

    def run(self) -> Report:
        """Let it live.

        Raises:
            Broken: Something was that must never be.
        """
        timeline = self.timeline
        try:
            self._live()
        except Violation as violation:
            raise Broken(self.plan, timeline, violation) from violation
        except Exception as error:  # whatever a machine raises, it must not
            raise Broken(self.plan, timeline, Violation("raised", repr(error))) from error
        return Report(
            self.plan.seed,
            timeline.events,
            timeline.elapsed_s,
            timeline.digest,
            self.auditor.counts,
        )

    def _live(self) -> None:
        timeline = self.timeline
        timeline.after(0, "exchange starts", self.exchange.boot)
        for host in self.bots:
            timeline.after(BOOT_NS, f"{host.name} starts", host.boot)
        for happening in self.plan.happenings:
            timeline.after(happening.at_ns, happening.what, partial(self._happen, happening))
        trouble_ns = self.plan.trouble_s * SECOND_NS
        timeline.after(trouble_ns, "calm", self._calm)
        look_ns = START_NS + trouble_ns + QUIET_NS
        end_ns = look_ns + SETTLE_S * SECOND_NS
        moment_ns, first = START_NS, 0
        while self._advance():
            if timeline.now_ns != moment_ns:
                moment_ns, first = timeline.now_ns, timeline.events
            elif timeline.events - first > MOMENT_MAX:
                raise Violation("storm", f"{MOMENT_MAX} events without an end in one moment")
            self.auditor.look()
            if timeline.now_ns < look_ns:
                continue
            differences = [*quiet.unsettled(self.auditor, self.exchange)]
            if not differences:
                break
            if timeline.now_ns > end_ns:
                raise Violation("settled", "; ".join(differences))
            # Where nothing happens but a bot's timers, every look would come right after one.
            is_writing = all(one.endswith(quiet.UNSYNCED) for one in differences)
            look_ns = timeline.now_ns + (0 if is_writing else LOOK_NS)
        if found := [*quiet.damages(self.auditor, self.exchange)]:
            raise Violation("books", "; ".join(found))
        if self.plan.is_prompt:
            for host in self.bots:
                if false := [*quiet.false_bars(self.exchange, host)]:
                    raise Violation("bars", "; ".join(false))
        if self.plan.is_punctual and (over := self.exchange.over_limits()):
            raise Violation("budget", f"requests over the venue's limits: {over}")

    def _advance(self) -> bool:
        try:
            return self.timeline.advance()
        except Crash as crash:
            crash.victim.die(f"killed at {crash}")
            return True

    # -- what happens to it -----------------------------------------------------------------------

    def _happen(self, happening: Happening) -> None:
        """Let something go wrong, and come right again after a while."""
        if self._is_calm:
            return
        for undo in self._undoings(happening):
            self.timeline.after(max(0, happening.lasts_ns), f"no {happening.what}", undo)

    def _undoings(self, happening: Happening) -> Iterator[partial[None]]:
        """Do it, and yield what undoes it."""
        _, what, who, lasts_ns, detail = happening
        self.timeline.note(f"world: {what} for {who}, {detail}")
        host = self.exchange if who == EXCHANGE else self.bots[who]
        match what, host:
            case What.FAULT, ExchangeHost():
                assert isinstance(detail, Fault), "a fault is one"
                number = host.faults.add(detail).number
                yield partial(_clear, host, number)
            case ((What.CUT | What.REFUSED), TraderHost()):
                host.link.cut(Fate(what.value))
                yield partial(host.link.cut, Fate.CARRIED)
            case What.RESET, TraderHost():
                host.link.lose_far()
            case What.LATE, TraderHost():
                assert isinstance(detail, int), "so late"
                host.link.late_ns = detail
                yield partial(_hurry, host.link)
            case What.SIGKILL, _:
                host.die("killed")
            case What.NO_DISK, _:
                host.disk.trouble = str(detail)
                yield partial(_mend, host.disk)
            case What.SLOW_DISK, _:
                assert isinstance(detail, int), "so slow"
                host.disk.slow_ns = detail
                yield partial(_mend, host.disk)
            case What.CLOCK, _:
                host.clock.ahead_ns += lasts_ns
            case What.MAINTENANCE, ExchangeHost():
                assert isinstance(detail, int), "what clients hear"
                self._maintain(SetMaintenance(is_on=True, retry_after_ns=detail))
                yield partial(self._maintain, SetMaintenance(is_on=False))
            case What.SWITCH, TraderHost():
                host.kill("somebody pressed it")
                yield partial(host.resume, "somebody lifted it")
            case What.PERSON, TraderHost():
                self._act_by_hand(who, host)
            case _:
                raise AssertionError(f"{what} cannot happen to {who}")

    def _calm(self) -> None:
        """Let nothing go wrong any more."""
        self._is_calm = True
        self.exchange.faults.clear()
        self.exchange.kill_at.clear()
        _mend(self.exchange.disk)
        self._maintain(SetMaintenance(is_on=False))
        for host in self.bots:
            host.kill_at.clear()
            host.link.cut(Fate.CARRIED)
            host.link.late_ns = 0
            _mend(host.disk)
        self.timeline.note("world: calm")

    def _maintain(self, call: SetMaintenance) -> None:
        """Begin or end maintenance; of an exchange that is down, when it is up again."""
        exchange = self.exchange
        self._maintenance = call
        if exchange.is_up and (exchange.exchange.maintenance_ns is not None) != call.is_on:
            exchange.turn(lambda: exchange.admin.carry_out(call, exchange.wire_ns()))

    def _boot(self, host: ExchangeHost | TraderHost) -> None:
        host.boot()
        if host is self.exchange:
            self._maintain(self._maintenance)

    def _act_by_hand(self, who: int, host: TraderHost) -> None:
        def act() -> None:
            machine = self.exchange.exchange
            done = self._persons[who].act(machine, machine.keys.account_id(host.account))
            self.timeline.note(f"person: {done}")

        self.exchange.turn(act)

    def _restart(self, host: ExchangeHost | TraderHost, _why: str) -> None:
        self.timeline.after(self.plan.restart_ns, "starts again", partial(self._boot, host))

    # -- making it --------------------------------------------------------------------------------

    def _new_exchange(self, form: Form) -> ExchangeHost:
        plan = self.plan
        host = ExchangeHost(
            self.timeline,
            Disk("exchange's disk", form, dice(plan.seed, DISK_DICE)),
            HostClock(self.timeline, plan.ahead_ns[0], plan.drift_e6[0]),
            dialect=plan.dialect,
            limits=_limits(plan),
            seed=plan.seed,
            step_ns=plan.step_ns,
            skew_ns=plan.skew_ns,
            kill_at=plan.kill_at[0],
        )
        host.gone = partial(self._restart, host)
        return host

    def _new_bot(self, number: int, name: str, key: ApiKey, form: Form) -> TraderHost:
        plan, timeline = self.plan, self.timeline
        first = BOT_DICE * (1 + number)
        dialect = dialects.find(plan.dialect)
        link = Link(
            timeline,
            dice(plan.seed, first),
            self.exchange,
            f"127.0.0.{2 + number}",
            delay_ns=plan.delay_ns,
            jitter_ns=plan.jitter_ns,
        )
        self.exchange.links.append(link)
        host = TraderHost(
            timeline,
            Disk(f"{name}'s disk", form, dice(plan.seed, first + 1)),
            HostClock(timeline, plan.ahead_ns[1 + number], plan.drift_e6[1 + number]),
            link,
            account=name,
            config=_config(name, plan),
            dialect=dialect,
            key=key,
            limits=_limits(plan),
            strategy=partial(self._strategy, number),
            witness=self.auditor,
            seed=plan.seed,
            kill_at=plan.kill_at[1 + number],
            exposure=self._sums.of(name),
        )
        host.gone = partial(self._restart, host)
        self.auditor.watch(host)
        return host

    def _strategy(self, number: int) -> Wisher:
        plan = self.plan
        begin_ns = START_NS + plan.ahead_ns[1 + number]
        return Wisher(
            seed=plan.seed * 8 + number,
            manner=plan.manners[number],
            begin_ns=begin_ns,
            until_ns=begin_ns + plan.trouble_s * SECOND_NS,
            every=f"{plan.every_ms}ms",
            bar=f"{plan.bar_s}s" if plan.bar_s else None,
            has_limit=plan.limits_stops,
            errs=plan.is_guarded,
        )


def _config(name: str, plan: Plan) -> BotConfig:
    text = CONFIG.format(name=name, dialect=plan.dialect, symbol=LISTED.symbol)
    open_orders = "cancel" if plan.seed % 2 else "keep"
    # What kills comes before what only holds, so it is one of them.
    daily_loss, drawdown = ("0.2", "off") if plan.seed % 3 else ("off", "0.2")
    guards = UNGUARDED
    if plan.is_guarded:
        limits = "" if Manner.QUICK in plan.manners else GUARDS
        guards = (limits + BREAKERS).format(
            open_orders=open_orders, daily_loss=daily_loss, drawdown=drawdown
        )
    return parse_config(text + guards)


def _limits(plan: Plan) -> LimitProfile:
    return dialects.find(plan.dialect).limits if plan.has_limits else UNLIMITED


def _clear(host: ExchangeHost, number: int) -> None:
    host.faults.clear(number)


def _hurry(link: Link) -> None:
    link.late_ns = 0


def _mend(disk: Disk) -> None:
    disk.trouble, disk.slow_ns = None, 0
