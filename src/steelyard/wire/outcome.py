"""What became of a request that was to change something: three outcomes, and never a guess.

`NotSent`: nothing left us, trying again is safe. `Answered`: the venue said yes or no.
`Unknown`: it left, and no answer came; only evidence from the venue closes it.
"""

from collections.abc import Iterator
from enum import StrEnum
from typing import NamedTuple, Protocol

from steelyard.domain.messages import Answer


class Halt(StrEnum):
    """The venue's word to stop."""

    LIMITED = "limited"  # over a limit
    BANNED = "banned"  # shut out for going on over them


class NotSent(NamedTuple):
    """Nothing left us, or the venue said that it did not take it up.

    is_denied: it does not accept who asks; the same again will not help. halt: nobody of this host
    should send anything for a while, whatever it is. blames_clock: its time was not accepted.
    is_closed: it says that it is not in service.
    """

    why: str
    retry_after_ns: int = 0
    is_denied: bool = False
    halt: Halt | None = None
    blames_clock: bool = False
    is_closed: bool = False


class Answered(NamedTuple):
    """The venue's answer: a Refused, or what was asked for."""

    answer: Answer


class Unknown(NamedTuple):
    """It may have arrived. is_closed: the venue says that it is not in service."""

    why: str
    is_closed: bool = False


Outcome = NotSent | Answered | Unknown


class Chance(Protocol):
    """What draws numbers; a `random.Random` does."""

    def randrange(self, stop: int, /) -> int:
        """Return a number from 0 to below `stop`."""
        ...


def delays_ns(rng: Chance, *, first_ns: int, max_ns: int, tries: int) -> Iterator[int]:
    """Yield the pauses between tries: doubling from `first_ns` to `max_ns`, each times 0.5 to 1."""
    pause = first_ns
    for _ in range(tries):
        yield pause // 2 + rng.randrange(pause // 2 + 1)
        pause = min(pause * 2, max_ns)
