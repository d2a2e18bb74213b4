"""A cheap market."""

from steelyard.domain.commands import HouseLevel, HouseTrade
from steelyard.domain.order import Side
from steelyard.sim.quoter import LISTED, STEP_NS, Quoter

T0 = 1_700_000_000 * 10**9


def steps(market: Quoter, first: int, last: int) -> list:
    return [market.commands(T0 + n * STEP_NS, lambda _: None) for n in range(first, last)]


def test_a_seed_is_one_market_and_a_cursor_goes_on_with_it():
    """As every market of an exchange: a restart makes the same commands."""
    whole, other = steps(Quoter(1), 0, 40), steps(Quoter(2), 0, 40)
    assert whole == steps(Quoter(1), 0, 40) != other
    half, rest = Quoter(1), Quoter(1)
    steps(half, 0, 20)
    rest.restore(half.cursor())
    assert steps(rest, 20, 40) == whole[20:]
    assert rest.restate(0, None) == [
        HouseLevel(0, side, price, size)
        for side, levels in rest._levels[0].items()
        for price, size in levels.items()
    ]


def test_it_quotes_both_sides_takes_in_parts_and_sweeps():
    """What it is for: resting orders fill, often in parts."""
    commands = [command for step in steps(Quoter(3), 0, 400) for command in step]
    levels = [c for c in commands if isinstance(c, HouseLevel) and c.size_lots]
    trades = [c for c in commands if isinstance(c, HouseTrade)]
    assert {c.side for c in levels} == {c.side for c in trades} == {Side.BUY, Side.SELL}
    assert len({c.size_lots for c in trades}) > 50
    bids, asks = ([c.price_ticks for c in levels if c.side is side] for side in Side)
    assert max(bids) != max(asks)


def test_nothing_happens_twice_in_a_step():
    """Calls may come at any pace."""
    market = Quoter(1)
    assert market.commands(T0, lambda _: None)
    assert market.commands(T0 + STEP_NS - 1, lambda _: None) == []


def test_its_past_is_closed_candles():
    """Minutes and seconds, aligned, up to the opening."""
    past = [*Quoter(1).backfill(0, T0 + 7)]
    assert {candle.interval_ns for candle in past} == {10**9, 60 * 10**9}
    assert all(c.is_closed and c.open_ns % c.interval_ns == 0 for c in past)
    assert max(c.open_ns + c.interval_ns for c in past) == T0
    assert Quoter(1).instruments() == (LISTED,)
