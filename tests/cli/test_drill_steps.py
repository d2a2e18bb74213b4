"""Every step of a drill, for real: an exchange, a bot, a vault, and what is broken on purpose."""

import asyncio
import json
from pathlib import Path

import asyncpg
import pytest
from postgres_server import PostgresServer

from steelyard.cli.drill_stage import Truth
from steelyard.cli.drill_steps import KILLED_WITHIN_S, STEPS, booking, compare, quickly
from steelyard.cli.main import run
from steelyard.domain.lifecycle import Order, OrderState
from steelyard.domain.order import OrderType, Side, TimeInForce
from steelyard.trading.state import TraderState

GRID = Path(__file__).parents[2] / "docs" / "examples" / "strategies" / "grid.toml"

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


def drilled(tmp_path, capsys, *arguments: str) -> dict[str, list[str]]:
    """Run a drill that ends as expected; return what was expected, by step.

    In each, what was compared was more than nothing.
    """
    code = run(["drill", *arguments, "--to", str(tmp_path), "--json"])
    report = json.loads(capsys.readouterr().out)
    findings = [it for step in report["steps"] for it in step["findings"]]
    open_ids = [it["seen"] for it in findings if it["expected"] == "the same orders are open"]
    assert len(open_ids) == len(report["steps"])
    assert not [seen for seen in open_ids if seen.startswith(("0 ", "1 "))]
    assert code == 0, [step for step in report["steps"] if not step["as_expected"]]
    return {step["step"]: [it["expected"] for it in step["findings"]] for step in report["steps"]}


def test_a_lost_directory_is_restored_from_a_backup(tmp_path, capsys):
    """And what happened since is found at the venue, which lists open orders apart from ended ones.

    The strategy's orders rest and it places no more, so that the drill has to.
    """
    (tmp_path / "grid.toml").write_text(GRID.read_text().replace("binance", "kucoin"))
    words = ("restore", "--config", str(tmp_path / "grid.toml"))
    found = drilled(tmp_path, capsys, *words)["restore"]
    assert found[-3:] == [
        "no order was made twice",
        "the same orders are open",
        "every fill is booked, once",
    ]


def test_nothing_against_nothing_is_no_agreement():
    """A venue and a journal that both have no order have shown nothing."""
    told = []
    compare(Truth([], []), TraderState(), told.append)
    assert [it.expected for it in told if not it.is_good] == [
        "the same orders are open",
        "every fill is booked, once",
    ]


def test_a_kill_that_takes_long_is_not_as_expected():
    assert quickly(KILLED_WITHIN_S).is_good
    assert not quickly(KILLED_WITHIN_S + 0.1).is_good


@pytest.mark.night
def test_every_step_ends_as_expected(tmp_path, capsys):
    found = drilled(tmp_path, capsys)
    assert [*found] == [*STEPS]
    assert all(len(findings) > 3 for findings in found.values())


@pytest.mark.night
def test_a_failover_across_hosts_ends_as_expected(tmp_path, capsys):
    """With PostgreSQL a primary that only stands still loses its lease, too."""
    with PostgresServer() as server:
        found = drilled(tmp_path, capsys, "failover", "--lease", server.url)["failover"]
        left = asyncio.run(rows_of(server.url))
    assert "it comes back, and places nothing" in found
    assert left == {"steelyard_lease": 0, "steelyard_standby": 0, "steelyard_kill": 0}


async def rows_of(url: str) -> dict[str, int]:
    """Return how many rows each table of the lease has."""
    connection = await asyncpg.connect(url)
    names = ("steelyard_lease", "steelyard_standby", "steelyard_kill")
    counts = {name: await connection.fetchval(f"SELECT count(*) FROM {name}") for name in names}
    await connection.close()
    return counts


def test_fills_that_cancel_each_other_out_are_no_booking():
    """A purchase and a sale that the journal does not have are not nothing."""
    orders = [
        Order(
            order_id=number,
            client_order_id=f"sy{number}",
            account_id=1,
            instrument_id=1,
            side=side,
            order_type=OrderType.LIMIT,
            time_in_force=TimeInForce.GTC,
            post_only=False,
            price_ticks=5,
            size_lots=5,
            state=OrderState.FILLED,
            filled_lots=5,
        )
        for number, side in enumerate((Side.BUY, Side.SELL))
    ]
    found = booking(Truth(orders, []), TraderState())
    assert not found.is_good
    assert "2 orders, 10 lots; the journal has 0 lots" in found.seen
