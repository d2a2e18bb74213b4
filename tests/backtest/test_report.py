"""The document of a run: bounded, exact, the same each time, and read back as it was written."""

import json
import math
from decimal import Decimal

import numpy as np
import pytest
from backtests import (
    ATOMS,
    DAY,
    HOUR,
    INSTRUMENT,
    MINUTE,
    SECOND,
    START,
    candles_of,
    curve_of,
    fill,
    fills_of,
    random_fills,
    random_run,
    result_of,
)

from steelyard.backtest import report
from steelyard.backtest.page import Template
from steelyard.backtest.result import ORDER
from steelyard.domain.errors import UsageError
from steelyard.domain.lifecycle import OrderState
from steelyard.domain.order import CancelCause, RejectReason

RUN = random_run(2, 60, skill=0.3)
DOCUMENT = report.document(RUN)


def numbers(value):
    """Yield every number in a document."""
    if isinstance(value, dict):
        for each in value.values():
            yield from numbers(each)
    elif isinstance(value, list):
        for each in value:
            yield from numbers(each)
    elif isinstance(value, float):
        yield value


def test_a_report_is_read_as_it_was_written():
    content = report.encode(DOCUMENT)
    assert report.read(content) == DOCUMENT
    assert json.loads(content)["schema"] == report.SCHEMA


def test_the_same_run_gives_the_same_report():
    """Also what is drawn by chance; another seed draws otherwise."""
    assert report.encode(report.document(random_run(2, 60, skill=0.3))) == report.encode(DOCUMENT)
    assert report.document(RUN, seed=2).overfit.order != DOCUMENT.overfit.order


def test_a_sweep_says_of_how_many_a_run_was_picked():
    picked = report.document(RUN, trials=500, deviation=0.2)
    assert picked.overfit.sharpe.trials == 500
    assert any(each.rule == "picked" for each in picked.warnings)
    assert "deflated" in DOCUMENT.overfit.absent
    assert "deflated" not in picked.overfit.absent


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "no report"),
        (b"[1]", "no report"),
        (b"\xff", "no report"),
        (b'{"kind": "report", "schema": 99}', "has schema 99, and this version reads 1"),
        (b'{"kind": "comparison", "schema": 1}', "'comparison' and not a report"),
        (b'{"kind": "legs", "schema": 1}', "and not a report; give that of a leg, BOT-LEG.json"),
        (b'{"kind": "report", "schema": 1}', "missing required field"),
    ],
)
def test_what_is_no_report_is_refused(content, said):
    with pytest.raises(UsageError, match=said):
        report.read(content)


def edited(change):
    """Return the JSON of a report that somebody changed by hand."""
    content = json.loads(report.encode(DOCUMENT))
    change(content)
    return json.dumps(content).encode()


def deep():
    return b'{"kind": "report", "schema": 1, "params": ' + b'{"a":' * 5_000 + b"1" + b"}" * 5_001


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (edited(lambda it: it["figures"][0].update(value="much")), "'profit_quote' is no amount"),
        (edited(lambda it: it["figures"][0].update(value="1e999999")), "is no amount"),
        (edited(lambda it: it["figures"][0].update(value=5.0)), "is not of its unit"),
        (edited(lambda it: it["figures"][1].update(value="5")), "is not of its unit"),
        (edited(lambda it: it["fills"]["price"].pop()), "columns of a table"),
        (edited(lambda it: it["trips"]["side"].append(1)), "columns of a table"),
        (edited(lambda it: it["fills"].update(left_out=5)), "has not its first ones"),
        (edited(lambda it: it["head"].update(end_ns=10**30)), "a time is beyond"),
        (edited(lambda it: it["fills"]["time_ns"].__setitem__(0, -1)), "a time is beyond"),
        (edited(lambda it: it["curve"]["equity"].pop()), "columns of the curve"),
        (deep(), "no report"),
    ],
)
def test_a_report_that_somebody_changed_is_refused(content, said):
    """And raises nothing else, neither here nor when two are compared."""
    with pytest.raises(UsageError, match=said):
        report.read(content)


def test_sums_of_tables_are_those_of_the_figures():
    """What one reads in the rows adds up to what one reads above them."""
    metrics = DOCUMENT.metrics
    assert DOCUMENT.trips.left_out == DOCUMENT.fills.left_out == 0
    profit = sum(Decimal(each) for each in DOCUMENT.trips.profit_quote)
    assert profit + metrics.open_profit_quote == metrics.costs.net_profit_quote
    assert sum(Decimal(each) for each in DOCUMENT.fills.fee) == metrics.costs.fees_quote
    delays = sum(Decimal(each) for each in DOCUMENT.fills.delay_quote)
    assert delays == metrics.costs.slippage.delay_quote
    assert sum(DOCUMENT.marks.fills) == metrics.fills
    assert sum(Decimal(each) for each in DOCUMENT.marks.fees_quote) == metrics.costs.fees_quote


def test_a_hundred_thousand_fills_make_a_small_document():
    """Rows are the first and the last; what they leave out is said, and the figures have it all."""
    fills = random_fills(1, 100_000, lots_max=50)
    times = START + np.arange(0, 400 * DAY, HOUR)
    points = [(int(time), 10_000.0 + n % 7, 60_000.0 + n % 11) for n, time in enumerate(times)]
    candles = candles_of(times[:-1], 6_000_000 + np.arange(len(times)) % 500, HOUR)
    made = report.document(result_of(fills, curve_of(points), candles))
    content = report.encode(made)
    assert len(content) < 2_000_000
    assert made.fills.total == 100_000
    assert made.fills.left_out == 100_000 - report.ROWS_FIRST - report.ROWS_LAST
    assert made.fills.number[: report.ROWS_FIRST][-1] == report.ROWS_FIRST
    assert made.fills.number[-1] == 100_000
    assert made.trips.total > 30_000
    assert len(made.curve.time_s) <= report.POINTS_MAX + 1
    assert len(made.candles.time_s) <= report.CANDLES_MAX
    assert sum(made.marks.fills) == 100_000


def test_joined_candles_keep_extremes_and_volume():
    """Several candles become one: first open, last close, highest, lowest, all of the volume."""
    count = 3 * report.CANDLES_MAX + 7
    rng = np.random.default_rng(3)
    prices = rng.integers(5_000, 15_000, count + 1)
    times = START + MINUTE * np.arange(count)
    made = report.document(result_of(candles=candles_of(times, prices, volume=10))).candles
    assert made.interval_ns == 4 * MINUTE
    assert np.all(np.diff(made.time_s) == 240)
    assert made.open[0] == pytest.approx(prices[0] / 100)
    assert made.close[-1] == pytest.approx(prices[-1] / 100)
    assert max(made.high) == pytest.approx(prices.max() / 100)
    assert min(made.low) == pytest.approx(prices.min() / 100)
    assert sum(made.volume) == pytest.approx(count * 10 * float(INSTRUMENT.lot_size))


def test_candles_shorter_than_a_second_are_joined_to_one():
    times = START + 200_000_000 * np.arange(20)
    made = report.document(result_of(candles=candles_of(times, range(100, 121), 200_000_000)))
    assert made.candles.interval_ns == SECOND
    assert made.candles.time_s == [START // SECOND + n for n in range(4)]


def test_a_mark_is_all_fills_of_a_side_in_a_candle():
    candles = candles_of([START, START + MINUTE, START + 5 * MINUTE], [100] * 4)
    fills = fills_of(
        fill(START + 1, 1, 10_000, 100, 7),
        fill(START + 2, 1, 10_001, 300, 5),
        fill(START + 3, -1, 10_010, 50),
        fill(START + 3 * MINUTE, -1, 10_020, 50),  # in a gap: of the candle before
    )
    marks = report.document(result_of(fills, candles=candles)).marks
    seconds = START // SECOND
    assert marks.time_s == [seconds, seconds, seconds + 60]
    assert marks.side == [-1, 1, -1]
    assert marks.fills == [1, 2, 1]
    assert marks.size == ["0.00050", "0.00400", "0.00050"]
    assert marks.price == ["100.1", "100.007", "100.2"]
    assert marks.fees_quote[1] == "0.000000000012"


def test_orders_are_counted_by_how_they_ended():
    rows = [
        (1, 0, 0, 0, 0, 0, 1, 1, 1, 2, 2, 0, OrderState.FILLED, 0, 0, 0),
        (2, 0, 0, 0, 0, 0, 1, 1, 1, 2, 2, 0, OrderState.FILLED, 0, 0, 0),
        (3, 0, 0, 0, 0, 0, 1, 0, 1, 1, 1, 0, OrderState.CANCELED, 0, CancelCause.USER, 0),
        (4, 0, 0, 0, 0, 0, 1, 0, 1, 1, 1, 0, OrderState.REJECTED,
         RejectReason.INSUFFICIENT_BALANCE, 0, 0),
        (5, 0, 0, 0, 0, 0, 1, 0, 1, 1, 1, 0, 99, 98, 97, 0),
    ]  # fmt: skip
    made = report.document(result_of(orders=np.array(rows, ORDER))).orders
    assert [(each.state, each.reason, each.orders) for each in made] == [
        ("filled", None, 2),
        ("canceled", "user", 1),
        ("rejected", "insufficient balance", 1),
        ("99", "98", 1),
    ]


@pytest.mark.parametrize(
    "result",
    [
        result_of(),
        result_of(curve=curve_of([])),
        result_of(curve=curve_of([(START, 0.0, 0.0), (START + DAY, -1.0, 0.0)])),
        result_of(fills_of(fill(START, 1, 10_000, 1, asset=9)), failure="x" * 100_000),
        random_run(1, 3, is_partial=True),
    ],
    ids=["flat", "empty", "ruin", "failed", "stopped"],
)
def test_every_run_has_a_report_without_a_nan(result):
    """Nothing that is not a number reaches the JSON, not even as null where a float belongs."""
    made = report.document(result)
    content = report.encode(made)
    assert report.read(content) == made
    assert all(math.isfinite(number) for number in numbers(json.loads(content)))
    assert report.html(made, Template("x", "y"))


def test_notes_are_capped_and_counted():
    notes = tuple((START + n, f"note {n}") for n in range(report.NOTES_MAX + 3))
    made = report.document(result_of(notes=notes))
    assert len(made.notes) == report.NOTES_MAX
    assert made.notes_left_out == 3


def grown(share, market=0.0, days=90):
    """Return a run that made this much while the market did that."""
    curve = curve_of(
        [(START, 100.0, 50.0), (START + days * DAY, 100 + 100 * share, 50 + 50 * market)]
    )
    rows = []
    for n in range(40):
        rows.append(fill(START + n * DAY, 1, 10_000, 100_000))
        rows.append(fill(START + n * DAY + HOUR, -1, 10_000 + 100, 100_000, ATOMS // 10))
    return result_of(fills_of(*rows), curve)


NO_PROMISE = "No rule speaks against it, which is no promise."
SPAN = "after all costs in 90 days; holding BTC"


@pytest.mark.parametrize(
    ("result", "tone", "text"),
    [
        (grown(0.5), "good", f"It made 50.00 % {SPAN} made 0.00 %. {NO_PROMISE}"),
        (grown(0.1, -0.25), "good", f"It made 10.00 % {SPAN} lost 25.00 %. {NO_PROMISE}"),
        (
            grown(0.1, 0.2),
            "good",
            f"It made 10.00 % {SPAN} made 20.00 %. One reservation, none of them serious.",
        ),
        (grown(-0.1), "bad", f"It lost 10.00 % {SPAN} made 0.00 %."),
        (result_of(failure="x"), "bad", "The strategy failed, and the run ends there."),
        (result_of(), "bad", "It never traded."),
    ],
    ids=["good", "down market", "reservation", "loss", "failed", "no trades"],
)
def test_the_verdict_says_it_in_a_line(result, tone, text):
    made = report.document(result).verdict
    assert (made.tone, made.text) == (tone, text)


@pytest.mark.parametrize(
    ("days", "text"),
    [
        (2, "in 2 days"),
        (1.9, "in 46 hours"),
        (1 / 24, "in 60 minutes"),
        (90 / 86_400, "in 90 seconds"),
    ],
)
def test_the_verdict_tells_a_length_in_a_unit_that_fits(days, text):
    curve = curve_of([(START, 100.0), (START + round(days * DAY), 99.0)])
    made = report.document(result_of(fills_of(fill(START, 1, 10_000, 1)), curve))
    assert text in made.verdict.text


def test_serious_warnings_make_a_profit_doubtful():
    made = report.document(grown(0.5)._replace(fills=grown(0.5).fills[:10])).verdict
    assert made.tone == "unsure"
    assert "One thing speaks against believing it." in made.text


def test_timing_by_chance_makes_a_profit_doubtful():
    run = random_run(2, 150, trades=500, skill=0.2)
    made = report.document(run)
    assert {each.rule for each in made.warnings} & report.DOUBTS
    assert not any(each.is_serious for each in made.warnings)
    assert made.verdict.tone == "unsure"


def test_runs_with_the_same_fills_have_the_same_hash():
    fills = random_fills(1, 50)
    other = fills.copy()
    other["price_ticks"][49] += 1
    first, second, third = (
        report.document(result_of(each)).fills.sha256 for each in (fills, fills.copy(), other)
    )
    assert first == second != third
