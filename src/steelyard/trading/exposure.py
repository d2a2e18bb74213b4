"""What all bots of a host could come to hold together, and how one of them takes its part of it.

A bot's exposure is the largest position, long or short, that its fills, open and unknown orders
can come to, valued at the middle of its book, in quote. Before an order makes it larger the bot
takes that much from what all share (`Exposure.claim`): who keeps the sums gives it or not, in one
step, so that two bots that ask at once never get the same. What was taken and is not needed is
given back by the next `work`. A bot that does not run keeps its part: its position and its orders
are still there. Bots that count in another quote asset are not added: nobody here knows the rate.
"""

from steelyard.domain.exposure import Claim, Exposure, decided
from steelyard.domain.messages import SECOND_NS

TELL_NS = SECOND_NS  # so often is what has changed told
MOVE_SHARE = 100  # a change by less than one part of so many is the price's, and not told


class Alone:
    """Sums of one bot only, where there are no others: a backtest, a test."""

    def claim(self, _quote: str, atoms: int, most_atoms: int | None, _now_ns: int) -> Claim:
        """Grant what fits by itself."""
        return decided((), atoms, most_atoms)


class Exposed:
    """One bot's part, as it was last told."""

    def __init__(self, exposure: Exposure) -> None:
        self._exposure = exposure
        self._told_atoms: int | None = None
        self._next_ns = 0
        self.last = Claim(is_granted=True)
        self.atoms = 0  # what it was when last looked at

    def claim(self, quote: str, atoms: int, most_atoms: int, now_ns: int) -> Claim:
        """Ask for a part before an order that needs it leaves."""
        claim = self.last = self._exposure.claim(quote, atoms, most_atoms, now_ns)
        if claim.is_granted:
            self._told_atoms = self.atoms = atoms
        return claim

    def work(self, quote: str, atoms: int, now_ns: int) -> None:
        """Tell what it is now, if it has changed by more than the price's trembling."""
        self.atoms = atoms
        told = self._told_atoms
        is_same = told is not None and abs(atoms - told) * MOVE_SHARE <= max(atoms, told)
        if is_same or now_ns < self._next_ns:
            return
        self._next_ns = now_ns + TELL_NS
        claim = self.last = self._exposure.claim(quote, atoms, None, now_ns)
        if claim.trouble is None:
            self._told_atoms = atoms
