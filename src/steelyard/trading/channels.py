"""How old what the venue tells is, by channel, and how old it may be.

A channel that says nothing may have nothing to say, so its age counts from the last word or the
last proof that there was none: a book compared with a snapshot, trades with the venue's list, the
account with a clean comparison. Beyond its budget nothing new may be ordered. The book's age is
the book's own (`trading.books`); here are the others, and what is shown of all.
"""

from enum import StrEnum
from typing import NamedTuple

from steelyard.domain.messages import MINUTE_NS, NEVER_NS, SECOND_NS
from steelyard.trading.books import STALE_NS


class Channel(StrEnum):
    """What a venue tells by itself."""

    BOOK = "book"
    TRADES = "trades"
    PRIVATE = "private"


class Budgets(NamedTuple):
    """For how long each channel is good without a word or a proof."""

    book_ns: int = STALE_NS
    trades_ns: int = MINUTE_NS
    private_ns: int = 2 * MINUTE_NS


_WHAT = {
    Channel.TRADES: "the trades are stale",
    Channel.PRIVATE: "what the account has done is stale",
}


class Channels:
    """One trader's channels but for its book."""

    def __init__(self, budgets: Budgets) -> None:
        self.budgets = budgets
        self._budgets_ns = {
            Channel.BOOK: budgets.book_ns,
            Channel.TRADES: budgets.trades_ns,
            Channel.PRIVATE: budgets.private_ns,
        }
        self._heard_ns: dict[Channel, int] = {}

    def hear(self, channel: Channel, now_ns: int) -> None:
        """A channel has said something, or was proven right."""
        self._heard_ns[channel] = now_ns

    def age_ns(self, channel: Channel, now_ns: int) -> int | None:
        """Return for how long nothing was said and proven; None: nothing ever was."""
        heard_ns = self._heard_ns.get(channel)
        return None if heard_ns is None else max(0, now_ns - heard_ns)

    def budget_ns(self, channel: Channel) -> int:
        """Return how old a channel may be."""
        return self._budgets_ns[channel]

    def is_fresh(self, channel: Channel, now_ns: int) -> bool:
        """Whether `trouble` would say nothing."""
        heard_ns = self._heard_ns.get(channel)
        return heard_ns is None or now_ns - heard_ns <= self._budgets_ns[channel]

    def fresh_until_ns(self, channel: Channel) -> int:
        """Return until when it `is_fresh` if nothing more is said; for good before the first."""
        heard_ns = self._heard_ns.get(channel)
        return NEVER_NS if heard_ns is None else heard_ns + self._budgets_ns[channel]

    def trouble(self, channel: Channel, now_ns: int) -> str | None:
        """Return why a channel is not to be relied on, or None; before the first word it is."""
        age_ns = self.age_ns(channel, now_ns)
        if age_ns is None or age_ns <= self.budget_ns(channel):
            return None
        return f"{_WHAT[channel]}: nothing confirmed it for {age_ns // SECOND_NS} s"
