"""The account's balances, compared with what is known to have moved them.

Each round asks for the account and then for fills, so every fill that moved the balances is told;
one that came between the two makes the comparison wait for the next round. A venue may still be
slow to list a trade: a difference counts when it has been the same for `SAME_TIMES` rounds. Then
it is told, asset by asset, journaled as unexplained, and the books go on from what the venue has:
a deposit, a withdrawal and a trade on another market look like this, and only a person knows
which it was.

What gates trading is less: that the account holds what the bot believes to hold. A long position
beyond what is there has been sold or withdrawn by somebody else.
"""

from steelyard.domain.instrument import foreign_asset_name
from steelyard.domain.messages import AccountAnswer
from steelyard.domain.units import from_atoms, in_full
from steelyard.trading.balances import ROUNDING_ATOMS
from steelyard.trading.records import BalancesSeen
from steelyard.trading.turn import Turn

SAME_TIMES = 3
AGAIN_MAX = 5


class AccountCheck:
    """The comparison of one account."""

    def __init__(self, turn: Turn) -> None:
        self._turn = turn
        self.balances: dict[int, tuple[int, int]] = {}  # free and held atoms by asset
        self.names: dict[int, str] = {}
        self._named: set[int] = set()  # those that this run's journal has
        self.trouble: str | None = None  # why what the bot holds is not there
        self._before: dict[int, int] = {}  # the differences of the round before
        self._times = 0
        self._agains = 0

    def see(self, answer: AccountAnswer) -> None:
        """Take the account's balances, to be shown."""
        self.balances = {b.asset_id: (b.free_atoms, b.held_atoms) for b in answer.balances}

    def compare(self, answer: AccountAnswer, fills_before: int) -> bool:
        """Compare them; return whether it should be asked again soon.

        fills_before is `AccountBooks.fills_ever` when the account was asked for. Where fills never
        pause it would be soon for ever: after `AGAIN_MAX` times it is not.
        """
        is_quiet = self._turn.state.books.fills_ever == fills_before
        self._agains = self._agains + 1 if self._compare(answer, is_quiet=is_quiet) else 0
        return 0 < self._agains <= AGAIN_MAX

    def _compare(self, answer: AccountAnswer, *, is_quiet: bool) -> bool:
        """Compare them; return whether that was not the end of it."""
        turn, books = self._turn, self._turn.state.books
        told = {b.asset_id: b.free_atoms + b.held_atoms for b in answer.balances}
        found = books.differences(told)
        if not found:
            if books.seen_atoms is None and not is_quiet:
                return True
            if told != books.seen_atoms:
                turn.record(BalancesSeen(told, {}, self._new_names(told, {})))
            self._times = 0
            self._cover(told)
            return False
        self._times = self._times + 1 if is_quiet and found == self._before else 1
        self._before = found
        if self._times < SAME_TIMES:
            return True
        for asset, atoms in sorted(found.items()):
            sign = "more" if atoms > 0 else "less"
            turn.warn(
                "balance.unexplained",
                f"the account has {in_full(from_atoms(abs(atoms)))} {self._name(asset)} {sign} "
                "than all fills explain: a deposit, a withdrawal or a trade elsewhere",
            )
        turn.record(BalancesSeen(told, found, self._new_names(told, found)))
        self._cover(told)
        return False

    def _cover(self, told: dict[int, int]) -> None:
        """See whether a long position is there."""
        portfolio, turn = self._turn.state.portfolio, self._turn
        if portfolio is None:
            return
        instrument = portfolio.instrument
        held, position = told.get(instrument.base_asset_id, 0), portfolio.position_atoms
        trouble = None
        if position - held > ROUNDING_ATOMS * (turn.state.books.fills_ever + 1):
            trouble = (
                f"the bot's position is {in_full(from_atoms(position))} {instrument.base}, and the "
                f"account holds {in_full(from_atoms(held))}: bring it back, or give the bot a "
                "new name"
            )
            if self.trouble is None:
                turn.alarm("position.uncovered", trouble)
        elif self.trouble is not None:
            turn.log("position.covered", "the account holds the bot's position again")
        self.trouble = trouble

    def _new_names(self, *seen: dict[int, int]) -> dict[int, str]:
        """Return the names of assets that this run's journal does not have yet."""
        instrument = self._turn.instrument
        own = {instrument.base_asset_id, instrument.quote_asset_id}
        found = {
            asset: self.names[asset]
            for asset in sorted(set().union(*seen) - own - self._named)
            if asset in self.names
        }
        self._named |= found.keys()
        return found

    def _name(self, asset: int) -> str:
        instrument = self._turn.instrument
        own = {
            instrument.base_asset_id: instrument.base,
            instrument.quote_asset_id: instrument.quote,
        }
        return own.get(asset) or self.names.get(asset) or foreign_asset_name(asset) or str(asset)
