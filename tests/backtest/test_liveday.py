"""A journal read as live runs: orders, fills, delays, and what a backtest begins without."""

from typing import Any

from steelyard.backtest.liveday import LiveRun, is_sign, runs_of
from steelyard.backtest.settings import Delay
from steelyard.domain.commands import Place
from steelyard.domain.instrument import Instrument
from steelyard.domain.journal import Record
from steelyard.domain.lifecycle import Fill
from steelyard.domain.messages import SECOND_NS
from steelyard.domain.order import Liquidity, OrderType, Side, TimeInForce
from steelyard.trading.records import (
    FORMAT,
    BalancesSeen,
    FillSeen,
    GateChanged,
    InstrumentSeen,
    OrderPending,
    RunStarted,
    RunStopped,
    TimerFired,
)

S = SECOND_NS
BTC_USDT = Instrument.spot(
    0,
    (1, "BTC"),
    (2, "USDT"),
    tick_size="0.01",
    lot_size="0.00001",
    price_max="1000000",
    size_max="9000",
    notional_min="5",
)


def started(run: int) -> RunStarted:
    return RunStarted(FORMAT, run, "bot", "sandbox", "a:B", "BTC-USDT", {})


def pending(name: str, side: Side = Side.BUY) -> OrderPending:
    return OrderPending(
        Place(
            account_id=0,
            instrument_id=0,
            side=side,
            order_type=OrderType.MARKET,
            time_in_force=TimeInForce.IOC,
            post_only=False,
            price_ticks=None,
            size_lots=1_000,
            client_order_id=name,
        )
    )


def filled(name: str, trade_id: int, time_ns: int, fee_asset_id: int = 2) -> FillSeen:
    fill = Fill(
        trade_id=trade_id,
        order_id=trade_id,
        client_order_id=name,
        account_id=0,
        instrument_id=0,
        side=Side.BUY,
        price_ticks=6_000_000,
        size_lots=1_000,
        quote_atoms=BTC_USDT.notional_atoms(6_000_000, 1_000),
        liquidity=Liquidity.TAKER,
        fee_asset_id=fee_asset_id,
        fee_atoms=77,
        time_ns=time_ns,
    )
    return FillSeen(fill, name, "stream")


def read(entries: list[tuple[int, Any]], from_ns: int = 0, to_ns: int = 100 * S) -> list[LiveRun]:
    records = [Record(at, *entry) for at, entry in enumerate(entries, 1)]
    return runs_of(records, from_ns, to_ns)


FIRST = [
    (1 * S, started(1)),
    (1 * S, InstrumentSeen(BTC_USDT)),
    (2 * S, BalancesSeen({2: 10**15}, {})),
    (3 * S, TimerFired(S, 3)),
    (3 * S, pending("a")),
    (3 * S + 500, filled("a", 1, 3 * S + 200)),
]


def test_a_run_has_its_orders_fills_and_delays():
    """A delay is how long the first word of an order took, whoever brought it."""
    (run,) = read([*FIRST, (5 * S, RunStopped("done"))])
    (order,) = run.orders
    assert (order.name, order.wanted_ns, order.arrived_ns) == ("a", 3 * S, 3 * S + 200)
    assert [(fill.size_lots, fill.fee_quote_atoms) for fill in order.fills] == [(1_000, 77)]
    assert order.known == "position 0, 0 other orders open"
    assert run.delays == ((3 * S, 500),)
    assert run.delay == Delay.recorded([(3 * S, 500)])
    assert run.balances == {2: 10**15}
    assert (run.begin_ns, run.end_ns) == (2 * S, 5 * S)
    assert run.missing == ()


def test_a_run_that_was_not_stopped_lasts_as_long_as_the_day():
    """It trades still, for all that is known; one before another ends with its last record."""
    (run,) = read(FIRST)
    assert run.end_ns == 100 * S
    again = [(9 * S, started(2)), (9 * S, TimerFired(S, 9)), (9 * S, pending("b"))]
    first, second = read([*FIRST, *again])
    assert (first.end_ns, second.end_ns) == (3 * S + 500, 100 * S)
    assert [order.name for order in second.orders] == ["b"]


def test_what_was_there_before_is_named():
    """A position, and a strategy that ran before the day, with orders whose fills are left out."""
    again = [(9 * S, started(2)), (9 * S, TimerFired(S, 9)), (9 * S, RunStopped("done"))]
    _, second = read([*FIRST, *again])
    assert any("began with a position of 0.01 BTC" in text for text in second.missing)
    late = [*FIRST, (6 * S, filled("a", 2, 6 * S)), (7 * S, pending("b"))]
    (run,) = read(late, from_ns=5 * S)
    assert [order.name for order in run.orders] == ["b"]
    assert any("1 fills were of orders from before" in text for text in run.missing)
    assert any("had been running when the day began" in text for text in run.missing)


def test_a_fee_in_base_is_kept_apart_and_others_are_named():
    """What has no price in this market is left out, and said."""
    (run,) = read([*FIRST, (4 * S, filled("a", 2, 4 * S, fee_asset_id=1))])
    assert [fill.fee_base_atoms for fill in run.orders[0].fills] == [0, 77]
    (run,) = read([*FIRST, (4 * S, filled("a", 2, 4 * S, fee_asset_id=9))])
    assert any("1 fills were charged in an asset" in text for text in run.missing)


def test_other_days_are_not_read():
    """Neither a run that was over, nor one that had not begun; nor one that never traded."""
    assert read([*FIRST, (5 * S, RunStopped("done"))], from_ns=6 * S) == []
    assert read(FIRST, to_ns=1 * S) == []
    assert read(FIRST[:3]) == []


def test_a_gate_that_opens_is_a_sign_of_trading():
    """One that closes is none."""
    assert is_sign(GateChanged("running", None))
    assert not is_sign(GateChanged("starting", "asking"))
