"""Whether rows of a source can be of the same market as those that are there, by their numbers.

A venue numbers the trades and updates of one market upwards. So a source whose rows are later than
others and have lower numbers, all of them, is of another market, or of another numbering. Only
whole stretches are compared: a few rows in another order are what two recorders see of one market.
"""

from collections.abc import Iterable
from typing import NamedTuple

from steelyard.data.kinds import Kind
from steelyard.data.manifest import Key, Part
from steelyard.data.moments import shown
from steelyard.domain.errors import UsageError


class Stretch(NamedTuple):
    """Rows from one moment to another; the numbers are the least and the greatest, 0: none."""

    first_ns: int
    last_ns: int
    least: int
    greatest: int


def check_numbers(key: Key, there: Iterable[Part], new: Iterable[Stretch]) -> None:
    """Compare rows that are about to be merged with those that are there.

    Raises:
        UsageError: Their numbers go the other way round than their times.
    """
    if key.kind is Kind.BARS:
        return
    mine = _whole(new)
    if mine is None:
        return
    # A depth whose first number is 1 may begin with a snapshot, which goes on from nothing.
    least = 2 if key.kind is Kind.DEPTH else 1
    parts = [
        Stretch(part.first_ns, part.last_ns, part.first_id, part.last_id)
        for part in there
        if part.first_id >= least and part.last_id
    ]
    before = _whole(part for part in parts if part.last_ns < mine.first_ns)
    after = _whole(part for part in parts if part.first_ns > mine.last_ns)
    among = _whole(
        part for part in parts if part.last_ns >= mine.first_ns and part.first_ns <= mine.last_ns
    )
    for other in (before, after, among):
        if other is not None and _contradict(mine, other):
            raise UsageError(
                f"{key.name}: the numbers of this file's rows, {mine.least} to {mine.greatest} "
                f"from {shown(mine.first_ns)} to {shown(mine.last_ns)}, do not fit those that are "
                f"there, {other.least} to {other.greatest} from {shown(other.first_ns)} to "
                f"{shown(other.last_ns)}: one market counts upwards. It is another market, such as "
                "futures beside spot, or was counted anew. Nothing was imported. Give it a name of "
                f"its own: --venue {key.venue}-other"
            )


def _contradict(one: Stretch, other: Stretch) -> bool:
    """Whether all numbers of one are above the other's, and it is not the later one."""
    low, high = (one, other) if one.greatest < other.least else (other, one)
    if low.greatest >= high.least:
        return False
    return high.first_ns < low.first_ns or high.last_ns < low.last_ns


def _whole(stretches: Iterable[Stretch]) -> Stretch | None:
    """Return stretches as one; None where none has numbers."""
    numbered = [each for each in stretches if each.least]
    if not numbered:
        return None
    return Stretch(
        min(each.first_ns for each in numbered),
        max(each.last_ns for each in numbered),
        min(each.least for each in numbered),
        max(each.greatest for each in numbered),
    )
