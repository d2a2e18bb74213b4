"""Rows follow the journal, and say what the bot's state says."""

from decimal import Decimal
from typing import Any

import pytest

from steelyard.domain.units import from_atoms
from steelyard.trading.projection import TABLES, Projection
from tests.trading.session import new_world

BY_NAME = {table.name: table for table in TABLES}


@pytest.fixture(scope="module")
def world():
    """A session with a crash in the middle."""
    world = new_world(20, crash_at={60})
    world.run(50)
    return world


def tables_of(records, after: int = 0) -> dict[str, dict[tuple, dict[str, Any]]]:
    """Return what a database would have: rows by their keys."""
    projection, found = Projection("test"), {name: {} for name in BY_NAME}
    for record in records:
        for row in projection.take(record):
            if record.sequence > after:
                table = BY_NAME[row.table]
                names = [name for name, _ in table.columns]
                assert len(names) == len(row.values)
                key = row.values[: table.keys]
                found[row.table][key] = dict(zip(names, row.values, strict=True))
    return found


def test_every_order_and_fill_is_a_row_with_its_last_state(world):
    """Sizes, money and fees as the portfolio has them, to the last digit."""
    found, state = tables_of(world.records()), world.trader.turn.state
    instrument = state.instrument
    assert len(found["orders"]) == len([*state.orders])
    for order in state.orders:
        row = found["orders"]["test", order.client_order_id]
        assert row["state"] == order.state.name.lower()
        assert row["filled"] == instrument.size(order.filled_lots)
        assert row["quote"] == from_atoms(order.quote_atoms)
    fills = found["fills"].values()
    signed = sum((1 if row["side"] == "buy" else -1) * row["size"] for row in fills)
    base_fees = sum(row["fee"] for row in fills if row["fee_asset"] == instrument.base)
    assert signed - base_fees == Decimal(from_atoms(state.portfolio.position_atoms))
    assert all(row["client_order_id"] for row in fills)
    assert all(("test", row["client_order_id"]) in found["orders"] for row in fills)


def test_every_record_is_an_event(world):
    """Gapless, with its kind and, where it is about one, its order."""
    records, events = world.records(), tables_of(world.records())["events"]
    assert [key[1] for key in events] == [record.sequence for record in records]
    for record in records:
        assert events["test", record.sequence]["kind"] == type(record.message).__name__
    kinds = {row["kind"] for row in events.values() if row["client_order_id"]}
    assert {"OrderPending", "OrderSent", "OrderSeen", "FillSeen", "CancelAsked"} <= kinds


def test_runs_begin_and_an_order_belongs_to_one(world):
    found = tables_of(world.records())
    runs = [row["run"] for row in found["runs"].values()]
    assert len(runs) == 2
    assert {row["run"] for row in found["orders"].values()} == set(runs)


def test_to_go_on_in_the_middle_is_to_have_it_all(world):
    """Wherever a database was cut off, what comes after makes it whole."""
    records = world.records()
    whole = tables_of(records)
    for middle in (1, len(records) // 3, len(records) - 1):
        first, rest = tables_of(records[:middle]), tables_of(records, after=middle)
        for name in whole:
            assert first[name] | rest[name] == whole[name], (name, middle)


def test_times_are_told_to_the_nanosecond():
    projection = Projection("test")
    world = new_world(1)
    world.run(1)
    record = world.records()[0]
    (event, run) = projection.take(record._replace(time_ns=1_700_000_000_000_000_001))
    assert event.values[3] == "2023-11-14T22:13:20.000000001Z"
    assert run.table == "runs"
