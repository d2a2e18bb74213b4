"""What a participant asks for besides what it hears, where a venue's streams tell too little.

The invariant: each execution is told once, with the event that says that there was one; balances
are told where they have changed since the last time. Who may not ask any more hears what it heard.
"""

from collections.abc import Callable, Sequence

from msgspec.structs import replace

from steelyard.domain.messages import (
    AccountAnswer,
    AccountQuery,
    AssetBalance,
    BalanceEvent,
    Event,
    Execution,
    FillList,
    FillsQuery,
    OrderEvent,
    Query,
)
from steelyard.sim.words import LIST_MAX
from steelyard.wire.outcome import Answered, Outcome


class Asked:
    """One participant, who asks as a trader does after what its stream has told.

    Args:
        send: Send a query of its, and read the response.
        instrument_id: Of whose fills.
    """

    def __init__(self, send: Callable[[Query], Outcome], instrument_id: int = 0) -> None:
        self._send = send
        self._instrument_id = instrument_id
        self._seen: set[int] = set()  # trades
        self._held: dict[int, AssetBalance] = {}

    def completed(self, heard: Sequence[Event], now_ns: int) -> list[Event]:
        """Return what was heard, with fills and balances that are asked for."""
        queries = (FillsQuery(0, LIST_MAX, self._instrument_id), AccountQuery(0))
        outcomes = [self._send(query) for query in queries]
        answers = [each.answer for each in outcomes if isinstance(each, Answered)]
        if len(answers) < len(queries):
            return [*heard]  # its key is worth nothing any more
        fills, account = answers
        assert isinstance(fills, FillList), "a FillsQuery is answered by fills"
        assert isinstance(account, AccountAnswer), "an AccountQuery by an account"
        told: list[Event] = []
        for event in heard:
            if not isinstance(event, OrderEvent) or event.execution is not Execution.FILL:
                told.append(event)
                continue
            for fill in fills.fills:
                if fill.order_id == event.order.order_id and fill.trade_id not in self._seen:
                    self._seen.add(fill.trade_id)
                    told.append(replace(event, fill=fill))
                    break
        changed = self._changed(account)
        if changed:
            told.append(BalanceEvent(0, changed, now_ns))
        return told

    def _changed(self, account: AccountAnswer) -> tuple[AssetBalance, ...]:
        now = {balance.asset_id: balance for balance in account.balances}
        before, self._held = self._held, now
        gone = {number: AssetBalance(number, 0, 0) for number in before if number not in now}
        return tuple(each for number, each in (now | gone).items() if before.get(number) != each)
