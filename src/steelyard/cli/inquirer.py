"""A venue that is asked a few questions, one after another, by no bot; or told to cancel.

It is the same venue that a bot would have, a dialect or a bridge; streams are not opened.
"""

import asyncio
from collections.abc import Coroutine
from random import SystemRandom
from typing import Any

from steelyard.cli.bridge_venue import BridgeVenue
from steelyard.cli.dialect_venue import DialectVenue
from steelyard.cli.venue import Venue
from steelyard.domain.commands import UserCommand
from steelyard.domain.errors import ConnectionLost
from steelyard.domain.messages import Answer, Clock, ClockQuery, Query
from steelyard.net.clock import Clock as OwnClock
from steelyard.trading.actions import Input, Returned
from steelyard.trading.config import HERE, BotConfig
from steelyard.trading.turn import Rules
from steelyard.wire.capabilities import Capabilities
from steelyard.wire.dialect import ApiKey
from steelyard.wire.outcome import Answered, Outcome, Unknown

WAIT_S = 30.0  # for one answer


class Inquirer:
    """Whoever asks: a process without a machine. What a venue tells unasked is not heard."""

    def __init__(self, config: BotConfig, key: ApiKey, *, is_urgent: bool = False) -> None:
        """Read what a configuration says of its venue; nothing is opened.

        is_urgent: it is the kill switch's, as `DialectVenue` has it.

        Raises:
            ConfigError: It cannot be used so.
        """
        self._clock, self._offset_ns, self._asked = OwnClock(), 0, 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._answers: dict[int, asyncio.Future[Outcome]] = {}
        rng = SystemRandom()
        self._venue: Venue
        if config.main.is_bridged:
            symbol = config.strategy.symbol
            self._venue = BridgeVenue(self, config.main, symbol, key, rng)
        else:
            self._venue = DialectVenue(
                self,
                config.main,
                key,
                rng,
                is_urgent=is_urgent,
                is_real=config.bot.environment not in HERE,
            )

    async def start(self) -> Capabilities:
        """Make the venue ready, and return what it offers.

        Raises:
            ConfigError: It cannot be used so.
        """
        return await self._venue.start()

    async def read_clock(self) -> None:
        """Go by the venue's clock from here on, if it has one.

        Raises:
            ConnectionLost: It cannot be reached.
        """
        await self.answer(ClockQuery(), "the time")

    async def answer(self, query: Query, what: str) -> Answer:
        """Ask and return the answer, which may be a refusal; `what` is what is asked for.

        Raises:
            ConnectionLost: There was none.
        """
        outcome = await self.send(query)
        if not isinstance(outcome, Answered):
            raise ConnectionLost(f"the venue does not tell {what}: {outcome.why}")
        return outcome.answer

    async def send(self, message: UserCommand | Query) -> Outcome:
        """Send a message and return what became of it; it raises nothing.

        The venue's clock is gone by from when it is asked for.
        """
        self._asked += 1
        future: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        self._answers[self._asked] = future
        is_command = isinstance(message, UserCommand)
        self._venue.ask(self._asked, message, is_command=is_command)
        try:
            outcome = await asyncio.wait_for(future, WAIT_S)
        except TimeoutError:
            return Unknown(f"no answer within {WAIT_S:g} s")
        if isinstance(outcome, Answered) and isinstance(outcome.answer, Clock):
            self._offset_ns = outcome.answer.time_ns - self._clock.now_ns()
        return outcome

    def rehearse(self, command: UserCommand) -> Outcome:
        """Do all that comes before a command leaves, and do not let it."""
        return self._venue.rehearse(command)

    @property
    def rules(self) -> Rules:
        """What is known of the venue's language."""
        return self._venue.rules

    async def close(self) -> None:
        """Let go of the venue."""
        await self._venue.close()
        for task in [*self._tasks]:
            task.cancel()

    # -- what the venue asks of its owner -------------------------------------------------------

    def step(self, event: Input) -> None:
        """Take an answer; pass anything else over."""
        if isinstance(event, Returned):
            future = self._answers.pop(event.request_id, None)
            if future is not None and not future.done():
                future.set_result(event.outcome)

    def spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run something beside."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def now_ns(self) -> int:
        """Return the time."""
        return self._clock.now_ns()

    def venue_now_ns(self) -> int:
        """Return the time on the venue's clock, ours before it was asked."""
        return self._clock.now_ns() + self._offset_ns

    def note(self, name: str, text: str) -> None:
        """Pass it over."""
