from desk import Desk

from steelyard.domain import layout
from steelyard.domain.commands import ListInstrument
from steelyard.domain.layout import BalanceState, CounterState, NodeState
from steelyard.domain.order import Side
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
