from steelyard.domain.commands import HouseLevel
from steelyard.domain.order import Side
from steelyard.exchange.counts import Counts


def test_what_is_done_is_counted_once(desk):
    """Orders and fills of users, public trades of all, refusals by reason, records by type."""
    exchange = desk.exchange
    exchange.counts = counts = Counts()
    desk.place(desk.alice, Side.SELL, "0.1", "60000")
    desk.place(desk.bob, Side.BUY, "0.1", "60000")
    desk.place(desk.bob, Side.BUY, "8999", "60000")
    exchange.record(HouseLevel(0, Side.BUY, 100, 1), desk.tick())
    assert (counts.orders, counts.fills, counts.trades) == (2, 2, 1)
    assert counts.rejects == {"INSUFFICIENT_BALANCE": 1}
    assert counts.records == {"Place": 3, "HouseLevel": 1}


def test_a_snapshot_does_not_carry_them(desk):
    before = desk.exchange.snapshot()
    desk.exchange.counts = Counts(orders=7)
    assert desk.exchange.snapshot() == before
