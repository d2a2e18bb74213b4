"""The records of a result are those that the machine writes."""

from decimal import Decimal

import numpy as np

from steelyard.backtest.result import FILL, ORDER, POINT, fee_atoms, thinned
from steelyard.domain.order import FeeAsset, OrderType, Side, TimeInForce
from tests.backtest.market import BEGIN_NS, BTC, MINUTE_NS, acting, bars_of, play, settings_of, walk


def test_every_field_is_where_the_machine_writes_it():
    """A run whose every number is known, read field by field."""

    def on_bar(self, bar):
        if self.now_ns == BEGIN_NS + MINUTE_NS:
            self.buy("2")
            self.sell("3", "110", post_only=True)
            self.stop(Side.SELL, "1", "80")

    bars = bars_of([(100, 100, 100, 100), (104, 104, 104, 104), (104, 120, 104, 112)])
    assumed = settings_of(taker=Decimal("0.001"), maker=Decimal("-0.0001"))
    result = play(acting(on_bar=on_bar), bars, assumed).result()
    wanted_ns, arrived_ns = BEGIN_NS + MINUTE_NS, BEGIN_NS + MINUTE_NS
    bought, sold = result.fills
    assert bought.tolist()[:4] == (arrived_ns, 1, 208, 2_000)
    assert fee_atoms(result.fills) == [208 * 10**9, -33 * 10**9]
    assert [int(it) for it in result.fills["position_lots"]] == [2_000, -1_000]
    assert [int(it) for it in result.fills["decided_half_ticks"]] == [400, 400]
    assert [int(it) for it in result.fills["arrived_half_ticks"]] == [416, 416]
    assert [(it["side"], it["is_maker"]) for it in (bought, sold)] == [(1, 0), (-1, 1)]
    assert set(result.fills["fee_asset_id"].tolist()) == {BTC.quote_asset_id}
    market, limit, stop = result.orders
    assert market["order_type"] == OrderType.MARKET
    assert limit["time_in_force"] == TimeInForce.GTC
    assert [int(limit[name]) for name in ("price_ticks", "size_lots", "filled_lots")] == [
        220,
        3_000,
        3_000,
    ]
    assert limit["post_only"]
    assert [int(stop[name]) for name in ("trigger_ticks", "price_ticks", "ended_ns")] == [160, 0, 0]
    assert int(market["wanted_ns"]) == wanted_ns
    last = result.curve[-1]
    assert last["time_ns"] == BEGIN_NS + 3 * MINUTE_NS
    assert last["price"] == 112.0
    assert last["position"] == 999.0
    assert last["equity"] == last["cash"] + 999 * 112.0


def test_fees_are_exact_beyond_64_bits_and_below_zero():
    """Two halves make one signed number."""
    fills = np.zeros(3, FILL)
    for row, fee in zip(fills, (2**70 + 3, -(2**70) - 3, -1), strict=True):
        row["fee_atoms_low"], row["fee_atoms_high"] = fee & (2**64 - 1), fee >> 64
    assert fee_atoms(fills) == [2**70 + 3, -(2**70) - 3, -1]


def test_a_fee_in_base_names_its_asset():
    """What is received pays."""
    assumed = settings_of(taker=Decimal("0.001"), fee_asset=FeeAsset.RECEIVED)
    run = play(
        acting(on_start=lambda self: self.buy("1")), bars_of([(100, 100, 100, 100)]), assumed
    )
    result = run.result()
    assert result.fills["fee_asset_id"].tolist() == [BTC.base_asset_id]
    assert result.totals.fees_atoms == {BTC.base_asset_id: 10**9}
    assert run.desk.position.lots == 999


def test_the_forms_are_of_known_length():
    """Whoever stores them relies on it."""
    assert (FILL.itemsize, ORDER.itemsize, POINT.itemsize) == (80, 72, 40)


def test_the_chart_has_few_candles_with_everything_in_them():
    """Joined so that their extremes and volume are those of the data."""
    bars = walk(12_001, 3)
    candles = thinned(bars, 12_001)
    assert candles is not None
    assert len(candles) == 4_001
    assert candles.interval_ns == 3 * MINUTE_NS
    assert candles.high_ticks.max() == bars.high_ticks.max()
    assert candles.low_ticks.min() == bars.low_ticks.min()
    assert candles.volume_lots.sum() == bars.volume_lots.sum()
    assert candles.close_ticks[-1] == bars.close_ticks[-1]
