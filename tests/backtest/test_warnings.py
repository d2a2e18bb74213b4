"""Each rule on both sides of its limit."""

import numpy as np
import pytest
from backtests import (
    ATOMS,
    DAY,
    HOUR,
    INSTRUMENT,
    MINUTE,
    START,
    candles_of,
    curve_of,
    fill,
    fills_of,
    random_run,
    result_of,
)
from msgspec.structs import replace

from steelyard.backtest import metrics, trips
from steelyard.backtest.columns import Source
from steelyard.backtest.overfit import Permuted, Sharpe
from steelyard.backtest.result import ORDER
from steelyard.backtest.variants import Variant
from steelyard.backtest.warnings import Case, judge, over_capacity, regimes
from steelyard.domain.lifecycle import OrderState
from steelyard.domain.order import RejectReason

LOTS = 100_000  # one coin


def warned(result, *, sharpe=None, signals=None, variants=()):
    """Return what is said of a result, by rule."""
    books = trips.book(result.fills, INSTRUMENT)
    told = metrics.measure(result, books)
    return {each.rule: each for each in judge(Case(result, told, books, sharpe, signals, variants))}


def pairs(*profits, fee=0):
    """Return trips of one coin, bought at 1000, with these profits in whole quote before fees."""
    rows = []
    for n, profit in enumerate(profits):
        rows.append(fill(START + n * HOUR, 1, 100_000, LOTS, fee))
        rows.append(fill(START + n * HOUR + MINUTE, -1, 100_000 + 100 * profit, LOTS, fee))
    return fills_of(*rows)


def market(returns, step_ns=HOUR):
    """Return a curve whose price makes these steps and whose equity stands still."""
    prices = 100 * np.exp(np.cumsum([0.0, *returns]))
    return curve_of([(START + n * step_ns, 1_000.0, float(p)) for n, p in enumerate(prices)])


def test_a_failure_and_a_stop_are_told():
    found = warned(result_of(failure="Traceback\n  line\nValueError: no", is_partial=True))
    assert found["failed"].text.endswith("ValueError: no")
    assert found["failed"].is_serious
    assert "before the end" in found["partial"].text
    assert not {"failed", "partial"} & warned(result_of()).keys()
    assert warned(result_of(failure=""))["failed"].is_serious


def test_a_run_without_trades_says_so():
    assert "never traded" in warned(result_of())["no_trades"].text


@pytest.mark.parametrize(("count", "is_told"), [(29, True), (30, False)])
def test_few_trades(count, is_told):
    found = warned(result_of(pairs(*[1] * count)))
    assert ("few_trades" in found) is is_told
    if is_told:
        assert found["few_trades"].text.startswith("Only 29 round trips: fewer than 30")


@pytest.mark.parametrize(("days", "is_told"), [(29, True), (30, False)])
def test_short_periods(days, is_told):
    curve = curve_of([(START, 100.0), (START + days * DAY, 100.0)])
    assert ("short_period" in warned(result_of(curve=curve))) is is_told


@pytest.mark.parametrize(
    ("fee", "is_told"), [(7 * ATOMS, True), (6 * ATOMS, False)], ids=["dear", "cheap"]
)
def test_fees_half_as_high_again(fee, is_told):
    """20 a trip before fees: at 14 of fees half as much again leaves -1, at 12 it leaves 2."""
    found = warned(result_of(pairs(*[20] * 5, fee=fee)))
    assert ("fees" in found) is is_told
    if is_told:
        assert "the profit of 30.00 USDT becomes -5.00 USDT" in found["fees"].text


@pytest.mark.parametrize(("ticks", "is_told"), [(2, True), (3, False)])
def test_one_tick_more_of_slippage(ticks, is_told):
    """A trip is two takers: one tick worse in each takes two ticks."""
    fills = fills_of(fill(START, 1, 10_000, LOTS), fill(START + HOUR, -1, 10_000 + ticks, LOTS))
    assert ("slippage" in warned(result_of(fills))) is is_told
    resting = fills.copy()
    resting["is_maker"] = 1
    assert "slippage" not in warned(result_of(resting))


def test_a_run_that_loses_is_not_sensitive_to_costs():
    assert not {"fees", "slippage"} & warned(result_of(pairs(*[-1] * 5, fee=ATOMS))).keys()


@pytest.mark.parametrize(("volume", "is_told"), [(9 * LOTS, True), (10 * LOTS, False)])
def test_capacity(volume, is_told):
    """One coin in a candle of ten is a tenth of it, which passes; of nine it does not."""
    candles = candles_of([START, START + HOUR], [100_000] * 3, HOUR, volume)
    fills = fills_of(fill(START, 1, 100_000, LOTS), fill(START + HOUR, -1, 100_000, LOTS))
    found = warned(result_of(fills, candles=candles))
    assert ("capacity" in found) is is_told
    if is_told:
        assert "100.0 % of what it traded was in 2 candles" in found["capacity"].text
        assert "the most was 11.1 %" in found["capacity"].text


def test_capacity_looks_at_candles_and_leaves_out_what_is_in_none():
    """Several fills of a candle count together; in a candle without volume any is all of it."""
    candles = candles_of([START, START + 2 * HOUR], [100_000] * 3, HOUR, 10 * LOTS)
    inside = [fill(START + n, 1, 100_000, LOTS) for n in range(2)]
    in_gap = fill(START + HOUR, 1, 100_000, LOTS)
    assert over_capacity(fills_of(*inside, in_gap), candles) == (1.0, 0.2, 1)
    assert over_capacity(fills_of(in_gap), candles) == (0.0, 0.0, 0)
    candles.volume_lots[:] = 0
    assert over_capacity(fills_of(inside[0]), candles) == (1.0, 1.0, 1)


@pytest.mark.parametrize(("rest", "is_told"), [(-10, True), (-9, False)])
def test_profit_from_few_trades(rest, is_told):
    """The three best made 300; what the others lost is what is left without them."""
    profits = [100, 100, 100, 10, rest]
    found = warned(result_of(pairs(*profits)))
    assert ("few_winners" in found) is is_told
    if is_told:
        assert "without the 3 best of 5 round trips" in found["few_winners"].text


def test_one_trend():
    """Nine parts of twelve that rise are one regime; eight are not."""
    up, down = [0.01, 0.005] * 10, [-0.01, -0.005] * 10
    wild = [0.02, 0.01] * 10
    nine = warned(result_of(curve=market(up * 4 + wild * 5 + down * 3)))
    assert "9 of 12 equal parts of the run were rising" in nine["one_trend"].text
    eight = warned(result_of(curve=market(up * 4 + wild * 4 + down * 4)))
    assert "one_trend" not in eight
    assert "one_volatility" not in eight


def test_one_volatility():
    """One part of twelve that is half as wild again is enough to have seen more."""
    calm = [0.01, -0.01] * 10
    assert "one_volatility" in warned(result_of(curve=market(calm * 12)))
    wilder = [0.0149, -0.0149] * 10
    assert "one_volatility" in warned(result_of(curve=market(calm * 11 + wilder)))
    wild = [0.0151, -0.0151] * 10
    assert "one_volatility" not in warned(result_of(curve=market(calm * 11 + wild)))


def test_regimes_of_chance_are_mixed():
    """A random walk is up, down and sideways by turns, whatever its seed."""
    rng = np.random.default_rng(1)
    for _ in range(50):
        seen = regimes(market(rng.normal(0, 0.01, 1_200).tolist()))
        assert seen.up + seen.down + seen.sideways == 12
        assert max(seen[:3]) < 11
    assert regimes(market([0.01] * 100)) is None


@pytest.mark.parametrize(("minutes", "is_serious"), [(15, True), (14, False)])
def test_gaps_in_the_data(minutes, is_serious):
    """More than a hundredth of the run is serious; any gap is told."""
    gap = Source("x", "", ((START, START + minutes * MINUTE),))
    curve = curve_of([(START, 100.0), (START + DAY, 100.0)])
    found = warned(result_of(curve=curve, sources=(gap,)))["gaps"]
    assert found.is_serious is is_serious
    assert "1 gap " in found.text
    assert "gaps" not in warned(result_of(curve=curve))


@pytest.mark.parametrize(("low", "is_told"), [(79.0, True), (80.0, False)])
def test_deep_drawdowns(low, is_told):
    curve = curve_of([(START, 100.0), (START + DAY, low), (START + 90 * DAY, 101.0)])
    assert ("deep_drawdown" in warned(result_of(curve=curve))) is is_told


@pytest.mark.parametrize(("back", "is_told"), [(41, True), (40, False)])
def test_long_drawdowns(back, is_told):
    """A third of 120 days is 40."""
    points = [(0, 100.0), (1, 99.0), (back, 100.0), (120, 101.0)]
    curve = curve_of([(START + day * DAY, equity) for day, equity in points])
    assert ("long_drawdown" in warned(result_of(curve=curve))) is is_told


@pytest.mark.parametrize(("mark", "is_told"), [(1_011.0, True), (1_009.0, False)])
def test_profit_that_is_not_taken(mark, is_told):
    """Ten are taken: above ten that are open it is more than half."""
    fills = fills_of(fill(START, 1, 100_000, 2 * LOTS), fill(START + HOUR, -1, 101_000, LOTS))
    curve = curve_of([(START, 5_000.0, 1_000.0), (START + DAY, 5_000.0, mark)])
    assert ("open_profit" in warned(result_of(fills, curve))) is is_told


@pytest.mark.parametrize(("price", "is_told"), [(111.0, True), (109.0, False)])
def test_holding_would_have_been_better(price, is_told):
    curve = curve_of([(START, 100.0, 100.0), (START + DAY, 110.0, price)])
    assert ("worse_than_holding" in warned(result_of(curve=curve))) is is_told


def test_holding_what_fell_is_no_rival():
    curve = curve_of([(START, 100.0, 100.0), (START + DAY, 80.0, 90.0)])
    assert "worse_than_holding" not in warned(result_of(curve=curve))


def sharpe_of(probability, deflated=None):
    return Sharpe(
        daily_sharpe=0.1,
        days=100,
        probability=probability,
        days_needed=270.0,
        trials=None if deflated is None else 50,
        expected_max=None if deflated is None else 0.2,
        deflated=deflated,
    )


def test_luck():
    run = result_of()
    assert "luck" in warned(run, sharpe=sharpe_of(0.94))
    assert "luck" not in warned(run, sharpe=sharpe_of(0.95))
    picked = warned(run, sharpe=sharpe_of(0.99, 0.94))["picked"]
    assert picked.is_serious
    assert "best of 50 trials" in picked.text
    assert not {"picked", "luck"} & warned(run, sharpe=sharpe_of(0.99, 0.95)).keys()


@pytest.mark.parametrize(("p_value", "is_told"), [(0.051, True), (0.05, False)])
def test_timing_by_chance(p_value, is_told):
    curve = curve_of([(START, 100.0), (START + DAY, 110.0)])
    signals = Permuted(
        runs=1_000, seed=1, observed=1.0, chance_mean=0.0, chance_p95=1.0, p_value=p_value
    )
    assert ("timing" in warned(result_of(curve=curve), signals=signals)) is is_told


@pytest.mark.parametrize(("refused", "is_told"), [(12, True), (11, False)])
def test_wishes_that_limits_refused(refused, is_told):
    """Eleven of 111 are less than a tenth, twelve of 112 are more."""
    refusals = {"max_position": refused - 2, "price_collar": 2}
    found = warned(result_of(totals={"orders": 100, "refused": refused, "refusals": refusals}))
    assert ("refused" in found) is is_told
    assert not is_told or "max_position: 10" in found["refused"].text


def test_fees_without_a_price():
    fills = fills_of(fill(START, 1, 100_000, LOTS, 5, asset=9))
    assert "1 other asset " in warned(result_of(fills))["unvalued_fees"].text
    assert "unvalued_fees" not in warned(result_of(pairs(1, fee=1)))


def test_the_serious_come_first():
    found = list(warned(random_run(7, 20, failure="x")).values())
    order = [each.is_serious for each in found]
    assert order == sorted(order, reverse=True)
    assert found[0].rule == "failed"


def line(name, fills, profit):
    return Variant(
        name=name, is_assumed=False, orders=fills, fills=fills, maker_fills=fills,
        profit_quote=profit, fees_quote="0", return_share=0.0, drawdown_share=0.0, sha256="",
    )  # fmt: skip


def test_what_the_data_do_not_say_is_told_where_it_decides():
    bars = result_of()
    tape = bars._replace(about=replace(bars.about, interval_ns=None))
    rows = (line("pessimistic", 100, "-1"), line("optimistic", 101, "2.5"))
    found = warned(tape, variants=rows)["queue"]
    assert found.is_serious
    assert "-1" in found.text
    assert "2.5" in found.text
    rows = (line("pessimistic", 100, "1"), line("optimistic", 121, "2.5"))
    assert not warned(tape, variants=rows)["queue"].is_serious
    rows = (line("pessimistic", 100, "1"), line("optimistic", 119, "2.5"))
    assert "queue" not in warned(tape, variants=rows)
    assert "queue" not in warned(tape, variants=rows[:1])
    rows = (line("pessimistic", 100, "-1"), line("high-first", 101, "2.5"))
    assert warned(bars, variants=rows)["path"].is_serious


def orders(rejected, others, reason):
    rows = np.zeros(rejected + others, ORDER)
    rows["state"] = OrderState.CANCELED
    rows["state"][:rejected] = OrderState.REJECTED
    rows["reject_reason"][:rejected] = reason
    return rows


@pytest.mark.parametrize(("rejected", "is_serious"), [(2, None), (12, False), (60, True)])
def test_orders_that_the_exchange_refused_are_told(rejected, is_serious):
    rows = orders(rejected, 100 - rejected, RejectReason.INSUFFICIENT_BALANCE)
    found = warned(result_of()._replace(orders=rows)).get("rejected")
    assert (None if found is None else found.is_serious) is is_serious
    if found is not None:
        assert f"{rejected} of 100 orders" in found.text
        assert "deposit" in found.text


def test_a_post_only_order_that_would_take_is_meant_to_be_refused():
    rows = orders(90, 10, RejectReason.POST_ONLY_WOULD_TAKE)
    assert "rejected" not in warned(result_of()._replace(orders=rows))
