"""Each ready-made strategy in a backtest, on bars or on a tape: it trades, and books are right."""

from decimal import Decimal
from typing import Any

import numpy as np
import pytest

from steelyard import strategies
from steelyard.backtest.columns import EVENT, EventKind, Tape
from steelyard.backtest.run import Run
from steelyard.backtest.settings import Settings
from steelyard.domain.errors import ConfigError
from steelyard.domain.messages import SECOND_NS
from steelyard.domain.order import Side
from tests.backtest.market import BEGIN_NS, BTC, play, settings_of, walk

# Of bars whose price wanders around 1,000, by some steps of 0.5 a minute.
SCALE: dict[str, dict[str, Any]] = {
    "DipBuyer": {"below": "1000", "size": "0.01", "every": "1h"},
    "Dca": {"spend": "100", "every": "1h"},
    "SmaCross": {"fast": 5, "slow": 20, "size": "0.1"},
    "EmaCross": {"fast": 5, "slow": 20, "size": "0.1"},
    "Momentum": {"bars": 30, "enter": "1", "size": "0.1", "both_ways": True},
    "MeanReversion": {"bars": 60, "size": "0.1", "both_ways": True},
    "Grid": {"low": "900", "high": "1100", "lines": 41, "size": "0.1", "every": "1m"},
}


@pytest.mark.parametrize("kind", SCALE)
def test_it_trades_on_bars(kind: str):
    """Five days of minutes; what it holds is what its fills add up to, and nothing was raised."""
    strategy = getattr(strategies, kind)(**SCALE[kind])
    result = play(strategy, walk(5 * 1_440, seed=3), settings_of()).result()
    assert result.about.failure is None
    assert len(result.fills) >= 10
    bought = dict.fromkeys(Side, 0)
    for fill in result.fills:
        bought[Side(int(fill["side"]))] += int(fill["size_lots"])
    assert strategy.position.lots == bought[Side.BUY] - bought[Side.SELL]


def test_the_maker_trades_on_a_tape():
    """It lives on the book: both of its sides fill, and its inventory stays within its bounds."""
    random = np.random.default_rng(5)
    rows, middle = [], 2_000
    levels = {EventKind.BID_LEVEL: middle - 4, EventKind.ASK_LEVEL: middle + 4}
    for second in range(3_600):
        now_ns = BEGIN_NS + second * SECOND_NS
        middle += int(random.integers(-1, 2))
        for kind, away in ((EventKind.BID_LEVEL, -4), (EventKind.ASK_LEVEL, 4)):
            if levels[kind] != middle + away or not second:
                rows += [(now_ns, 0, levels[kind], kind)] if second else []
                levels[kind] = middle + away
                rows.append((now_ns, 5_000, levels[kind], kind))
        kind = random.choice([EventKind.BUY_TRADE, EventKind.SELL_TRADE])
        price = levels[EventKind.ASK_LEVEL if kind == EventKind.BUY_TRADE else EventKind.BID_LEVEL]
        rows.append((now_ns + 1, 500, price, kind))
    records = np.array(rows, EVENT)
    strategy = strategies.MarketMaker(spread="0.1", size="0.1", inventory_max="0.5", pause="1s")
    deposits = {"USDT": Decimal(100_000), "BTC": Decimal(10)}
    run = Run(strategy, Tape(BTC, lambda: iter([records])), Settings(deposits=deposits))
    run.go(lambda: 0.0)
    result = run.result()
    assert result.about.failure is None
    position, seen = 0, set()
    for fill in result.fills:
        side = Side(int(fill["side"]))
        seen.add(side)
        position += int(side) * int(fill["size_lots"])
        assert abs(position) <= 500
    assert seen == {Side.BUY, Side.SELL}


@pytest.mark.parametrize("kind", ["CrossVenueArbitrage", "TriangularArbitrage"])
def test_a_strategy_of_several_legs_is_refused(kind: str):
    """One instrument is played by `Run`; it names what plays several."""
    with pytest.raises(ConfigError, match=f"{kind} trades on several legs: play it by `LegsRun`"):
        play(getattr(strategies, kind)(), walk(10, seed=1))
