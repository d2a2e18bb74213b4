"""Parts of what all bots of a host may hold together: who has how much, and whether more fits.

A part is what one bot's position, long or short, can come to with all its orders, in quote atoms.
Nothing here keeps parts: who does reads the others', decides and writes its own in one step.
"""

from collections.abc import Iterable
from typing import NamedTuple, Protocol

from steelyard.domain.units import from_atoms, in_full

TOLD_MAX = 3  # of the others, the largest


class Part(NamedTuple):
    """What one bot has."""

    bot: str
    atoms: int


class Claim(NamedTuple):
    """What came of asking for a part; others is what the other bots have, in words."""

    is_granted: bool
    others_atoms: int = 0
    others: str = "no other bot has any"
    trouble: str | None = None  # why the parts are not to be had: nothing is granted then


class Exposure(Protocol):
    """Who keeps the parts of a host's bots."""

    def claim(self, quote: str, atoms: int, most_atoms: int | None, now_ns: int) -> Claim:
        """Make this bot's part so much, if with all others' it is at most most_atoms.

        None: whatever the others have; so is told what is a fact already.
        """
        ...


def decided(others: Iterable[Part], atoms: int, most_atoms: int | None) -> Claim:
    """Return whether a part of so much fits beside the others'."""
    parts = sorted((part for part in others if part.atoms), key=lambda part: -part.atoms)
    others_atoms = sum(part.atoms for part in parts)
    fits = most_atoms is None or others_atoms + atoms <= most_atoms
    if not parts:
        return Claim(fits)
    named = [f"{part.bot} has {in_full(from_atoms(part.atoms))}" for part in parts[:TOLD_MAX]]
    if more := parts[TOLD_MAX:]:
        rest = in_full(from_atoms(sum(part.atoms for part in more)))
        named.append(f"{len(more)} more have {rest}")
    *first, last = named
    text = f"{', '.join(first)} and {last}" if first else last
    return Claim(fits, others_atoms, text)
