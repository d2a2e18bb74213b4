"""What a bot is worth and could come to be worth: position, day and account, in quote atoms.

Reckoned when somebody asks, from the state and the middle of the book; where there is no price the
answer is that it is not known. It changes nothing, but that asking for today's loss begins a day.
"""

from steelyard.trading import risk
from steelyard.trading.accountcheck import AccountCheck
from steelyard.trading.days import Days
from steelyard.trading.startup import Startup
from steelyard.trading.turn import Turn


class Worth:
    """One bot's figures."""

    def __init__(
        self, turn: Turn, startup: Startup, account: AccountCheck, days: Days, *, has_drawdown: bool
    ) -> None:
        """has_drawdown: somebody has asked for that to be kept."""
        self._turn = turn
        self._startup = startup
        self._account = account
        self._days = days
        self._has_drawdown = has_drawdown

    @property
    def mark_half_ticks(self) -> int | None:
        """Twice the price at which the position is valued: the middle, or the last trade."""
        desk = self._startup.desk
        if desk is None:
            return None
        half_ticks = desk.book.mid_half_ticks
        if half_ticks is None and desk.last_ticks is not None:
            return 2 * desk.last_ticks
        return half_ticks

    @property
    def exposure_atoms(self) -> int | None:
        """What the largest position is worth that all orders can come to; None: no price yet."""
        state, desk = self._turn.state, self._startup.desk
        if desk is None or state.portfolio is None:
            return None
        lots = risk.worst_lots(state.portfolio.position_lots, state.orders)
        return risk.worth_atoms(lots, desk.book)

    @property
    def loss_atoms(self) -> int | None:
        """What today has lost; None: there is no price to tell it by."""
        half_ticks, portfolio = self.mark_half_ticks, self._turn.state.portfolio
        if half_ticks is None or portfolio is None:
            return None
        return self._days.loss_atoms(portfolio.total_atoms(half_ticks))

    @property
    def loss_so_far(self) -> int | None:
        """The same, to be shown: it begins no day. A gain is no loss."""
        half_ticks, state = self.mark_half_ticks, self._turn.state
        if half_ticks is None or state.portfolio is None or state.day is None:
            return None
        return max(0, state.day.total_atoms - state.portfolio.total_atoms(half_ticks))

    @property
    def drawdown_atoms(self) -> int | None:
        """How far profit is below its highest; None: nobody has asked for that to be kept."""
        half_ticks, portfolio = self.mark_half_ticks, self._turn.state.portfolio
        if half_ticks is None or portfolio is None or not self._has_drawdown:
            return None
        return self._days.drawdown_atoms(portfolio.total_atoms(half_ticks))

    @property
    def equity_atoms(self) -> int | None:
        """What the account's base and quote are worth, in quote; None: there is no price yet."""
        half_ticks = self.mark_half_ticks
        if half_ticks is None or self._turn.state.portfolio is None:
            return None
        instrument, balances = self._turn.instrument, self._account.balances
        base = sum(balances.get(instrument.base_asset_id, (0, 0)))
        worth = base * half_ticks * instrument.tick_lot_atoms // (2 * instrument.lot_atoms)
        return worth + sum(balances.get(instrument.quote_asset_id, (0, 0)))
