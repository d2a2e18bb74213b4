"""An hour of a strategy's life in virtual time: exchanges, its legs, and the auditors who watch.

Between a calm beginning and a calm end one thing goes wrong after the other: the bot's machine is
killed, the exchange is restarted, the network is cut. The rules of `sim.world_auditor` hold at each
step, and at the end everybody agrees. What a strategy earns is none of this module's business: the
market is a seed's, and means nothing.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from functools import partial
from typing import NamedTuple

from steelyard import dialects
from steelyard.domain.messages import SECOND_NS
from steelyard.exchange.house import Market
from steelyard.sim import quiet
from steelyard.sim.disk import Disk, Form
from steelyard.sim.exchange_host import ExchangeHost
from steelyard.sim.network import Fate, Link
from steelyard.sim.plan import dice
from steelyard.sim.quoter import Quoter
from steelyard.sim.timeline import HostClock, Timeline
from steelyard.sim.trader_host import TraderHost
from steelyard.sim.world_auditor import Violation, WorldAuditor
from steelyard.trading.actions import Woken
from steelyard.trading.config import BotConfig
from steelyard.trading.host import Guard, unguarded
from steelyard.trading.legs import Legs
from steelyard.trading.strategy import Strategy
from steelyard.wire.dialect import ApiKey

START_NS = 1_700_000_000 * SECOND_NS
HOUR_NS = 3_600 * SECOND_NS
BOOT_NS = SECOND_NS // 10
STEP_NS = 2 * SECOND_NS  # of the market
DELAY_NS, JITTER_NS = 3_000_000, 5_000_000
RESTART_NS = 2 * SECOND_NS
CUT_NS = 20 * SECOND_NS
SETTLE_NS, LOOK_NS = 240 * SECOND_NS, 517_000_000
ACCOUNT = "me"
DEPOSITS: Mapping[str, Decimal] = {"USDT": Decimal(50_000), "BTC": Decimal(1)}


class Site(NamedTuple):
    """One exchange: whose API it speaks, the market of a seed, and what the account has there."""

    dialect: str
    market: Callable[[int], Market] = Quoter
    deposits: Mapping[str, Decimal] = DEPOSITS


class Lived(NamedTuple):
    """How an hour has passed."""

    events: int
    counts: Counter[str]
    digest: str


class Hour:
    """One strategy's hour.

    Attributes:
        exchanges: By name.
        bots: One for each leg.
    """

    def __init__(
        self,
        sites: Mapping[str, Site],
        bots: Sequence[tuple[str, BotConfig]],
        strategy: Callable[[], Strategy],
        form: Form,
        seed: int = 1,
        guard: Guard = unguarded,
    ) -> None:
        """Bots are configurations with the name of the exchange that each trades on.

        Several are the legs of one strategy, by the names of their bots, in one process. `strategy`
        makes it anew for each process.
        """
        self.timeline = Timeline(START_NS)
        self.exchanges: dict[str, ExchangeHost] = {}
        self.auditors: dict[str, WorldAuditor] = {}
        self.bots: list[TraderHost] = []
        self._seed, self._form = seed, form
        self._make = strategy
        self._legs: Legs | None = None  # of the process that runs
        keys = {name: self._open(name, site) for name, site in sites.items()}
        for number, (name, config) in enumerate(bots):
            exchange, auditor = self.exchanges[name], self.auditors[name]
            link = Link(
                self.timeline,
                dice(seed, 16 + 4 * number),
                exchange,
                f"127.0.0.{2 + number}",
                delay_ns=DELAY_NS,
                jitter_ns=JITTER_NS,
            )
            exchange.links.append(link)
            host = TraderHost(
                self.timeline,
                Disk(f"{config.bot.name}'s disk", form, dice(seed, 17 + 4 * number)),
                HostClock(self.timeline),
                link,
                account=ACCOUNT,
                config=config,
                dialect=exchange.dialect,
                key=keys[name],
                limits=exchange.dialect.limits,
                strategy=partial(self._strategy, config.bot.name),
                witness=auditor,
                seed=seed + number,
            )
            host.guard = guard
            host.gone = self._bot_gone
            host.stepped = self._wake_legs
            auditor.watch(host)
            self.bots.append(host)

    def live(self, length_ns: int = HOUR_NS) -> Lived:
        """Let it pass.

        Raises:
            Violation: Something was that must never be.
        """
        timeline = self.timeline
        for _, exchange in self._hosts():
            timeline.after(0, "exchange starts", exchange.boot)
        timeline.after(BOOT_NS, "the bot starts", self._boot)
        self._plan(length_ns)
        look_ns = START_NS + length_ns
        while timeline.advance():
            for auditor in self.auditors.values():
                auditor.look()
            if timeline.now_ns < look_ns:
                continue
            differences = [
                text
                for name, exchange in self._hosts()
                for text in quiet.unsettled(self.auditors[name], exchange)
            ]
            if not differences:
                break
            if timeline.now_ns > START_NS + length_ns + SETTLE_NS:
                raise Violation("settled", "; ".join(differences))
            is_writing = all(text.endswith(quiet.UNSYNCED) for text in differences)
            look_ns = timeline.now_ns + (0 if is_writing else LOOK_NS)
        for name, exchange in self._hosts():
            if found := [*quiet.damages(self.auditors[name], exchange)]:
                raise Violation("books", "; ".join(found))
            if over := exchange.over_limits():
                raise Violation("budget", f"requests over the limits of {name}: {over}")
        counts = sum((auditor.counts for auditor in self.auditors.values()), Counter())
        return Lived(timeline.events, counts, timeline.digest)

    def _hosts(self) -> list[tuple[str, ExchangeHost]]:
        return [*self.exchanges.items()]

    def _open(self, name: str, site: Site) -> ApiKey:
        number = len(self.exchanges)
        host = ExchangeHost(
            self.timeline,
            Disk(f"{name}'s disk", self._form, dice(self._seed, number)),
            HostClock(self.timeline),
            dialect=site.dialect,
            limits=dialects.find(site.dialect).limits,
            seed=self._seed + number,
            step_ns=STEP_NS,
            market=site.market,
        )
        host.gone = partial(self._restart, host)
        self.exchanges[name] = host
        self.auditors[name] = WorldAuditor(self.timeline, host, None, wishes_differ=False)
        return host.found({ACCOUNT: site.deposits})[ACCOUNT]

    def _plan(self, length_ns: int) -> None:
        """Lay out what goes wrong: each once, with time to come right again."""
        part_ns = length_ns // 5
        self.timeline.after(part_ns, "the bot is killed", partial(self.bots[0].die, "killed"))
        for bot in self.bots:
            cut = partial(bot.link.cut, Fate.CUT)
            self.timeline.after(3 * part_ns, f"{bot.name} is cut off", cut)
            mend = partial(bot.link.cut, Fate.CARRIED)
            self.timeline.after(3 * part_ns + CUT_NS, f"{bot.name} is back", mend)
        for name, exchange in self._hosts():
            self.timeline.after(2 * part_ns, f"{name} is killed", partial(exchange.die, "killed"))

    def _restart(self, host: ExchangeHost, _why: str) -> None:
        self.timeline.after(RESTART_NS, "starts again", host.boot)

    # -- the bot, whose legs are one process ------------------------------------------------------

    def _strategy(self, name: str) -> Strategy:
        return self._make() if self._legs is None else self._legs.parts[name]

    def _boot(self) -> None:
        if len(self.bots) > 1:
            self._legs = Legs(self._make(), [bot.name for bot in self.bots])
        for bot in self.bots:
            bot.boot()

    def _bot_gone(self, why: str) -> None:
        """The process has ended, and every leg with it."""
        was_up = [bot for bot in self.bots if bot.is_up]
        for bot in was_up:
            bot.gone = lambda _: None
            bot.die(why)
            bot.gone = self._bot_gone
        self.timeline.after(RESTART_NS, "the bot starts again", self._boot)

    def _wake_legs(self) -> None:
        """Give those legs a turn for which something was wished in another one's."""
        if self._legs is None:
            return
        for name in self._legs.take_due():
            next(bot for bot in self.bots if bot.name == name).step(Woken())
