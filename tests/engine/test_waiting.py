import pytest

from steelyard.domain.commands import (
    Deposit,
    ListInstrument,
    OpenAccount,
    Place,
    PlaceGroup,
    SetPrice,
    Triggered,
)
from steelyard.domain.order import GroupKind, OrderType, Side, TimeInForce, TriggerBy
from steelyard.engine.choice import kinds, new_engine
from tests.engine.workload import BTC, USDT, instrument

MARKET = instrument(0, BTC, USDT, size_min_lots=1, notional_min_atoms=0)


def order(account: int, side: Side, kind: OrderType, price: int | None = None, **terms) -> Place:
    gtc = TimeInForce.GTC
    return Place(account, 0, side, kind, gtc, False, price, 5, **terms)


def trailing() -> Place:
    terms = {"trigger_by": TriggerBy.MARK, "trail_ticks": 5}
    return order(100, Side.SELL, OrderType.TRAILING_STOP, **terms)


@pytest.mark.parametrize("is_restored", [False, True])
@pytest.mark.parametrize("kind", kinds())
def test_trailing_stops_go_by_time_after_a_restart_too(kind, is_restored: bool):
    """Order 2 waits for its entry first, so it begins to wait for its price after order 3."""
    engine = new_engine(kind=kind)
    entry = order(100, Side.BUY, OrderType.LIMIT, 90)
    for command in (
        ListInstrument(MARKET),
        *(OpenAccount(account, 0, 0) for account in (100, 101)),
        *(Deposit(account, asset, 10**9) for account in (100, 101) for asset in (BTC, USDT)),
        SetPrice(0, TriggerBy.MARK, 100),
        PlaceGroup(GroupKind.OTO, (entry, trailing())),
        trailing(),
        order(101, Side.SELL, OrderType.LIMIT, 90),
    ):
        engine.apply(command, 1)
    if is_restored:
        snapshot, engine = engine.snapshot(), new_engine(kind=kind)
        engine.restore(snapshot)
    effects = engine.apply(SetPrice(0, TriggerBy.MARK, 90), 1)
    assert [it.order_id for it in effects if isinstance(it, Triggered)] == [3, 2]
