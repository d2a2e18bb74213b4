"""A bot's kill at its venue: a connection and a key of its own, nothing of the bot's process.

It carries out a `Killing`, and a `Closing` behind it: sends what they ask for, waits, writes order
names down, keeps how long each answer took, and tells each step as it is done. In a drill no
command is sent: its request is made and dropped.
"""

import asyncio
from collections.abc import Callable, Generator
from decimal import Decimal
from pathlib import Path
from random import SystemRandom
from statistics import median
from typing import NamedTuple

from steelyard.cli.inquirer import Inquirer
from steelyard.cli.kill_hosts import is_shared, not_known_here
from steelyard.domain.commands import Cancel, UserCommand
from steelyard.domain.errors import ConfigError
from steelyard.domain.journal import gapless
from steelyard.domain.messages import SECOND_NS, KeyAnswer, KeyQuery, Scope
from steelyard.store.journal import read_records
from steelyard.store.latch import Latch
from steelyard.store.ownership import Ownership, Taken
from steelyard.trading.closing import Closed, Closing
from steelyard.trading.config import BotConfig
from steelyard.trading.inquiry import MARGIN_NS
from steelyard.trading.killing import Act, Ask, Found, Given, Heard, Killing, Pause, WriteDown
from steelyard.trading.orders import ClientIds
from steelyard.trading.orderwork import OWN_ACCOUNT
from steelyard.trading.records import codec
from steelyard.trading.state import TraderState
from steelyard.wire.dialect import ApiKey
from steelyard.wire.outcome import Answered

NO_EXPIRY_NS = 2 * SECOND_NS  # after which what was sent before is counted, where nothing expires
OTHER_S = 0.1  # between looks whether another kill has ended
NOTICE_S = 0.5  # a running bot has read a name that was written down by then

Tell = Callable[[str, int | None], None]  # what was done, and how many orders are known to be open


def _untold(_text: str, _open_orders: int | None) -> None:
    """Tell nobody."""


class Wanted(NamedTuple):
    """What a kill is to do.

    is_settled: the bot has proven that nothing of it is on its way any more. is_alive: its process
    is there. elsewhere_ns: for so long another host may trade the bot on. is_local: only this host
    is to trade it no more, and a standby elsewhere may take over.
    """

    symbols: tuple[str, ...] = ()
    patience_ns: int = 180 * SECOND_NS
    flatten: bool = False
    collar: Decimal = Decimal("0.02")
    is_drill: bool = False
    is_settled: bool = False
    is_alive: bool = False
    elsewhere_ns: int = 0
    is_local: bool = False


class Outcome(NamedTuple):
    """What came of it. took_ms are the times of all answers; trouble is why it did not come far."""

    found: Found
    closed: Closed | None
    said: list[str]
    took_ms: list[float]
    key_text: str | None

    @property
    def answer_ms(self) -> dict[str, float] | None:
        """How long the venue took to answer."""
        if not self.took_ms:
            return None
        return {
            "count": len(self.took_ms),
            "median": round(median(self.took_ms), 1),
            "longest": round(max(self.took_ms), 1),
        }


class Killer:
    """One kill. `settled` may be called while it runs."""

    def __init__(
        self,
        config: BotConfig,
        key: ApiKey,
        latch: Latch,
        data: Path,
        wanted: Wanted,
        tell: Tell = _untold,
    ) -> None:
        """Read what is needed; nothing is opened. tell hears each step, and what it waits for.

        Raises:
            ConfigError: The venue cannot be spoken to as it is configured.
        """
        self._config, self._key, self._latch = config, key, latch
        self._journal = data / "bots" / config.bot.name / "journal"
        self._wanted = wanted
        self._inquirer = Inquirer(config, key, is_urgent=True)
        self._took_ms: list[float] = []
        self._key_text: str | None = None
        self._tell, self._told = tell, 0
        self._last: tuple[str, int | None] = ("", None)
        rules = self._inquirer.rules
        expiry_ns = rules.expiry_ns(Cancel(OWN_ACCOUNT, 1))
        settle_ns = NO_EXPIRY_NS if expiry_ns is None else expiry_ns + MARGIN_NS
        settle_ns += wanted.elsewhere_ns
        self._killing = Killing(
            rules,
            SystemRandom(),
            self._inquirer.now_ns(),
            symbols=wanted.symbols,
            patience_ns=wanted.patience_ns,
            settle_ns=0 if wanted.is_settled else settle_ns,
            is_drill=wanted.is_drill,
        )

    def settled(self) -> None:
        """Take it that nothing of the bot is on its way any more."""
        self._killing.settled_ns = 0

    async def run(self) -> Outcome:
        """Cancel, count, and close the position if that is wanted."""
        killing, closed = self._killing, None
        if self._config.main.is_bridged:
            await self._inquirer.start()
        try:
            if self._wanted.is_drill:
                await self._carry_out(self._ask_key())
            await self._carry_out(killing.steps())
            if self._wanted.flatten:
                closed = await self._close()
        finally:
            await self._inquirer.close()
        return Outcome(killing.found, closed, killing.said, self._took_ms, self._key_text)

    async def _close(self) -> Closed:
        found = self._killing.found
        if not found.is_clear and not self._wanted.is_drill:
            text = "orders may be open: the position is not touched before the account is clear"
            return self._untouched(text)
        try:
            owned = None if self._wanted.is_drill else await self._own_closing()
        except ConfigError as error:
            return self._untouched(str(error))
        try:
            return await self._close_owned()
        except ConfigError as error:  # a name that cannot be written down
            return self._untouched(f"nothing more is sent: {error}")
        finally:
            if owned is not None:
                owned.close()

    async def _own_closing(self) -> Ownership:
        """Wait until no other kill of this machine closes the position: both would sell it.

        Raises:
            ConfigError: The patience is over before, or the disk refuses.
        """
        name, until_ns = self._config.bot.name, self._inquirer.now_ns() + self._wanted.patience_ns
        while True:
            try:
                return Ownership(self._journal.parent, "closing", name)
            except Taken as error:
                if self._inquirer.now_ns() >= until_ns:
                    raise ConfigError(f"another kill is closing the position: {error}") from error
            await asyncio.sleep(OTHER_S)

    async def _close_owned(self) -> Closed:
        killing, bot = self._killing, self._config.bot.name
        try:
            state = state_of(self._journal)
        except ConfigError as error:
            return self._untouched(f"the position is not known: {error}")
        if is_shared(self._config):
            why = await not_known_here(self._config, state.lease_term)
            if why is not None:
                return self._untouched(why)
        run = max(state.run + 1, self._inquirer.now_ns() // SECOND_NS)
        ids, rules, closing_names = ClientIds(bot, run), self._inquirer.rules, self._latch.closing

        def new_id() -> str:
            """Return an id that no kill of this second has used."""
            while (name := rules.client_order_id(ids.next())) in closing_names:
                pass
            return name

        # A bot that runs may have heard of a name and not of its order yet.
        earlier = tuple(name for name in closing_names if state.orders.find(name) is None)
        closing = Closing(killing, state, new_id, earlier=earlier, collar=self._wanted.collar)
        await self._carry_out(closing.steps())
        assert closing.closed is not None, "a closing ends with a word"
        if not killing.is_drill and not closing.closed.is_flat:
            return closing.closed
        if not killing.is_drill:
            await self._carry_out(killing.steps())  # whatever else came meanwhile
        return closing.closed

    def _untouched(self, text: str) -> Closed:
        """Say why nothing was done about the position."""
        self._killing.said.append(f"NOT CLOSED: {text}")
        symbol = self._config.strategy.symbol
        return Closed(symbol, "?", "?", is_flat=False, text=text, is_able=False)

    async def _carry_out(self, steps: Generator[Act, Heard, None]) -> None:
        heard: Heard | None = None
        while True:
            try:
                act = next(steps) if heard is None else steps.send(heard)
            except StopIteration:
                self._tell_steps()
                return
            self._tell_steps()
            outcome = None
            match act:
                case Ask(message, _):
                    begun_ns = self._inquirer.now_ns()
                    if self._wanted.is_drill and isinstance(message, UserCommand):
                        outcome = self._inquirer.rehearse(message)
                    else:
                        outcome = await self._inquirer.send(message)
                        if isinstance(outcome, Answered):
                            took_ns = self._inquirer.now_ns() - begun_ns
                            self._took_ms.append(took_ns / 1e6)
                case Pause(pause_ns):
                    self._tell_wait(is_refused=not isinstance(heard and heard.outcome, Answered))
                    await asyncio.sleep(pause_ns / SECOND_NS)
                case WriteDown(name):
                    self._latch.note_closing(name)
                    if self._wanted.is_alive:
                        await asyncio.sleep(NOTICE_S)
            heard = Heard(outcome, self._inquirer.now_ns())

    def _tell_steps(self) -> None:
        """Tell what has been done since the last time."""
        said = self._killing.said
        for text in said[self._told :]:
            self._tell(text, self._killing.found.open_orders)
        self._told = len(said)

    def _tell_wait(self, *, is_refused: bool) -> None:
        """Tell what is waited for, once; is_refused: the last question had no answer."""
        found = self._killing.found
        if found.is_clear:
            return  # the pauses between orders that close the position
        if found.open_orders:
            text = f"{found.open_orders} orders are still open"
        elif is_refused and found.trouble is not None:
            text = f"asking again: {found.trouble}"
        else:
            text = "nothing is open; waiting until nothing that was sent before can arrive"
        if (text, found.open_orders) != self._last:
            self._last = text, found.open_orders
            self._tell(text, found.open_orders)

    def _ask_key(self) -> Generator[Act, Heard, None]:
        """Ask whether the key could cancel at all."""
        killing = self._killing
        try:
            answer = yield from killing.answer(KeyQuery(self._key.key), "what the key may do")
        except Given as given:
            self._key_text = f"not known: {given}"
            return
        if not isinstance(answer, KeyAnswer):
            self._key_text = "the venue does not tell what the key may do"
        elif Scope.TRADE in answer.scopes:
            self._key_text = "the key may trade, and so cancel"
        elif Scope.TRADE in answer.unknown:
            self._key_text = "the venue does not tell whether the key may trade"
        else:
            self._key_text = "NO: the key may not trade, so it cannot cancel"


def state_of(directory: Path) -> TraderState:
    """Return the state that a bot's journal tells; its process may run.

    Raises:
        ConfigError: There is none, or it cannot be read.
    """
    state, form = TraderState(), codec()
    if not directory.exists():
        return state
    records = (form.decode(*record) for record in read_records(directory))
    for record in gapless(records, 0):
        state.replay(record)
    return state
