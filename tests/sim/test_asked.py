"""What a participant asks for besides what its stream tells."""

from msgspec.structs import replace

from steelyard.domain.lifecycle import Fill, Order, OrderState
from steelyard.domain.messages import (
    AccountAnswer,
    AccountQuery,
    AssetBalance,
    BalanceEvent,
    Execution,
    FillList,
    OrderEvent,
)
from steelyard.domain.order import Liquidity, OrderType, Side, TimeInForce
from steelyard.sim.asked import Asked
from steelyard.wire.outcome import Answered, NotSent

ORDER = Order(
    order_id=7,
    client_order_id="a",
    account_id=0,
    instrument_id=0,
    side=Side.BUY,
    order_type=OrderType.LIMIT,
    time_in_force=TimeInForce.GTC,
    post_only=False,
    price_ticks=100,
    size_lots=2,
    state=OrderState.FILLED,
)
FILL = Fill(
    trade_id=1,
    order_id=7,
    client_order_id="",
    account_id=0,
    instrument_id=0,
    side=Side.BUY,
    price_ticks=100,
    size_lots=1,
    quote_atoms=100,
    liquidity=Liquidity.MAKER,
    fee_asset_id=2,
    fee_atoms=0,
    time_ns=5,
)
EVENT = OrderEvent(Execution.FILL, ORDER, None, 5)


class Account:
    """What the venue would answer."""

    def __init__(self) -> None:
        self.fills: tuple[Fill, ...] = ()
        self.balances: tuple[AssetBalance, ...] = (AssetBalance(2, 10, 0),)
        self.is_gone = False

    def send(self, query):
        if self.is_gone:
            return NotSent("no such key")
        if isinstance(query, AccountQuery):
            return Answered(AccountAnswer(0, self.balances, 0, 0, 0))
        return Answered(FillList(self.fills))


def test_each_fill_is_told_once_with_the_event_that_says_so():
    account = Account()
    asked = Asked(account.send)
    asked.completed([], 1)
    account.fills = (FILL, replace(FILL, trade_id=2), replace(FILL, trade_id=3, order_id=8))
    told = asked.completed([EVENT, EVENT], 2)
    assert [event.fill.trade_id for event in told] == [1, 2]
    assert asked.completed([EVENT], 3) == [], "a third is not listed yet"


def test_balances_are_told_where_they_have_changed_or_are_gone():
    account = Account()
    asked = Asked(account.send)
    assert asked.completed([], 1) == [BalanceEvent(0, (AssetBalance(2, 10, 0),), 1)]
    assert asked.completed([], 2) == []
    account.balances = (AssetBalance(3, 1, 1),)
    (told,) = asked.completed([], 3)
    assert set(told.balances) == {AssetBalance(3, 1, 1), AssetBalance(2, 0, 0)}


def test_who_may_not_ask_any_more_hears_what_was_heard():
    account = Account()
    account.is_gone = True
    assert Asked(account.send).completed([EVENT], 1) == [EVENT]
