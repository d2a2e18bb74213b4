"""A venue as a trader's process has it: a dialect over sockets, or a bridge to another process.

The machine does not know which: it leaves Sends and Asks, and is given what became of them.
"""

import asyncio
from collections.abc import Coroutine
from typing import Any, Protocol

from steelyard.domain.commands import UserCommand
from steelyard.domain.instrument import Instrument
from steelyard.domain.messages import Query
from steelyard.trading.actions import Input, Role
from steelyard.trading.turn import Rules
from steelyard.wire.capabilities import Capabilities
from steelyard.wire.outcome import Outcome


class Owner(Protocol):
    """What a venue asks of the process it belongs to."""

    def step(self, event: Input) -> None:
        """Give the machine an input."""
        ...

    def spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run something that is ended with the process."""
        ...

    def now_ns(self) -> int:
        """The time."""
        ...

    def venue_now_ns(self) -> int:
        """The time on the venue's clock."""
        ...

    def note(self, name: str, text: str) -> None:
        """Write a warning into the log."""
        ...


class Venue(Protocol):
    """One venue. Whatever it has to say goes to the machine as its inputs."""

    asking: set[asyncio.Task[None]]  # requests that wait for an answer, where there is a task

    @property
    def rules(self) -> Rules:
        """What the machine must know of its language, before it is started."""
        ...

    async def start(self) -> Capabilities:
        """Make it ready to be asked; return what it offers.

        Raises:
            ConfigError: It cannot be used so.
        """
        ...

    def ask(self, request_id: int, message: UserCommand | Query, *, is_command: bool) -> None:
        """Send a message: one `Returned` comes of it, and of a command one `Sent` if it leaves."""
        ...

    def rehearse(self, command: UserCommand) -> Outcome:
        """Do all that comes before a command leaves, and do not let it."""
        ...

    def follow(self, instrument: Instrument) -> None:
        """Follow a market, and the account; keep both open."""
        ...

    def reset(self, role: Role) -> None:
        """Begin a stream anew."""
        ...

    def check(self) -> None:
        """Look whether what should have come has; called a few times a second."""
        ...

    def pacing(self) -> dict[str, Any] | None:
        """Return what is used of the venue's limits, ready for JSON; None: it is not known."""
        ...

    async def close(self) -> None:
        """Let go of it."""
        ...
