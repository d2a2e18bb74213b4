"""The charts of a sweep's page: marks where the numbers say, and within the picture."""

import re

import pytest
from sweep_samples import FOLDS, report, walked, whole

from steelyard.backtest.sweep import chart
from steelyard.backtest.sweep.color import rgb
from steelyard.backtest.sweep.figures import Objective
from steelyard.backtest.sweep.report import Bin
from steelyard.backtest.sweep.space import Space, parse_axis
from steelyard.backtest.sweep.surface import heat_maps

RECT = re.compile(
    r'<rect x="([-\d.]+)" y="([-\d.]+)" width="([-\d.]+)" height="([-\d.]+)"[^>]*?fill="([^"]+)"'
)


def rects(svg: str) -> list[tuple[float, float, float, float, str]]:
    return [(*map(float, found[:4]), found[4]) for found in RECT.findall(svg)]


def height_of(svg: str) -> float:
    return float(re.search(r'viewBox="0 0 \d+ (\d+)"', svg)[1])


def width_of(svg: str) -> float:
    return float(re.search(r'viewBox="0 0 (\d+) \d+"', svg)[1])


def is_within(svg: str) -> bool:
    bottom = height_of(svg)
    return all(
        x >= -0.01 and y >= -0.01 and x + w <= width_of(svg) + 0.1 and y + h <= bottom + 0.1
        for x, y, w, h, _ in rects(svg)
    )


def test_a_map_has_a_cell_for_each_pair_and_the_best_in_the_best_color():
    found = report(whole()).maps[0]
    svg = chart.heat_map(found, "sharpe")
    cells = [each for each in rects(svg) if each[4].startswith("#")]
    assert len(cells) == 28
    best = "#{:02x}{:02x}{:02x}".format(*rgb(1.0))
    assert [each[4] for each in cells].count(best) == 1
    frames = [each for each in rects(svg) if each[4] == "none"]
    (cell,) = [each for each in cells if each[4] == best]
    assert abs(frames[0][0] - cell[0]) < 2
    assert abs(frames[0][1] - cell[1]) < 2
    assert "fast = 4, slow = 30: 2, 1 trials" in svg
    assert is_within(svg)


@pytest.mark.parametrize("lengths", [(1, 2), (2, 2), (24, 24), (100, 3), (24, 1)])
def test_maps_of_any_size_stay_within_the_picture(lengths):
    """Also with labels that are longer than their cells."""
    axes = tuple(
        parse_axis(f"p{place}", [*range(10**6, 10**6 + count)])
        for place, count in enumerate(lengths)
    )
    space = Space(axes, {}, ())
    points = {at: float(sum(at)) for at in list(space.all())[::2]}
    sharpe = Objective("sharpe", is_more_better=True)
    (found,) = heat_maps(space, points, sharpe, next(iter(points)))
    for width in (chart.WIDTH, chart.NARROW):
        assert is_within(chart.heat_map(found, "sharpe", width))
    svg = chart.heat_map(found, "sharpe")
    assert svg.count("<title>") == len(found.x_labels) * len(found.y_labels)


def test_less_may_be_better():
    space = Space((parse_axis("p", [1, 2]), parse_axis("q", [1, 2])), {}, ())
    points = {at: -float(sum(at)) for at in space.all()}
    (found,) = heat_maps(space, points, Objective("drawdown", is_more_better=False), (0, 0))
    svg = chart.heat_map(found, "drawdown")
    best = "#{:02x}{:02x}{:02x}".format(*rgb(1.0))
    assert f'fill="{best}"' in svg.partition("p = 1, q = 1")[2].partition("</g>")[0]


@pytest.mark.parametrize("tested", [[1.0, 0.5, -1.5, 1.0], [-1.0, -2.0, -0.5, -3.0], [0.0] * 4])
def test_folds_have_two_bars_each_on_either_side_of_zero(tested):
    walk = report(walked(tested), FOLDS).walk_forward
    svg = chart.folds(walk, "sharpe")
    (zero,) = (float(y) for y in re.findall(r'<line x1="60.0"[^>]*? y1="([\d.]+)"', svg))
    bars = [each for each in rects(svg) if each[4] == "var(--own)" and each[3] != 10]
    assert len(bars) == 4
    for (_, y, _, height, _), value in zip(bars, tested, strict=True):
        assert (y + height if value > 0 else y) == pytest.approx(zero, abs=0.2)
    assert is_within(svg)


def test_a_spread_is_as_high_as_its_fullest_bin():
    bins = tuple(Bin(low=float(n), high=n + 1.0, trials=n * n) for n in range(5))
    svg = chart.spread(bins, "sharpe", 4.5)
    heights = [each[3] for each in rects(svg)]
    assert heights == sorted(heights)
    assert heights[-1] == 120
    assert is_within(svg)
    assert "4 to 5: 16 trials" in svg


def test_texts_are_escaped():
    found = report(whole()).maps[0]
    from msgspec.structs import replace

    evil = "</text><script>"
    svg = chart.heat_map(replace(found, x=evil, x_labels=(evil,) * len(found.x_labels)), "sharpe")
    assert "<script" not in svg
