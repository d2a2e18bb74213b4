from desk import Desk
from msgspec import structs

from steelyard.domain import layout
from steelyard.domain.commands import Accepted, ListInstrument, Place
from steelyard.domain.layout import BalanceState, CounterState, NodeState, WaitingState
from steelyard.domain.order import Direction, OrderType, Side, TimeInForce
from steelyard.exchange.engine_state import records_of


def test_records_are_found_by_kind_in_the_snapshots_order(desk: Desk):
    for price in ("50000", "50001"):
        desk.place(desk.alice, Side.BUY, "1", price)
    snapshot = desk.exchange.engine.snapshot()
    everything = [*layout.decode_all(snapshot)]
    for kinds in ((NodeState,), (BalanceState, CounterState), (ListInstrument,)):
        found = [*records_of(snapshot, *kinds)]
        assert found == [record for record in everything if isinstance(record, kinds)]
        assert found
    assert [*records_of(b"", NodeState)] == []


def test_every_form_of_a_record_is_found(desk: Desk):
    """An order waits, whether it says which way its activation is come to or not."""
    side, kind = Side.SELL, (OrderType.TRAILING_STOP, TimeInForce.GTC)
    for way in (None, *Direction):
        terms = {"trail_ticks": 5, "activation_ticks": 5_000_000, "activation_direction": way}
        place = Place(
            desk.alice, 0, side, *kind, post_only=False, price_ticks=None, size_lots=1_000
        )
        place = structs.replace(place, **terms)
        effects = desk.exchange.engine.apply(place, 1)
        assert isinstance(effects[0], Accepted)
    found = records_of(desk.exchange.engine.snapshot(), WaitingState)
    assert [record.activation_direction for record in found] == [None, *Direction]
