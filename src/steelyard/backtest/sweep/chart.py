"""The charts of a sweep's page, as SVG that is made here: maps, folds, how trials are spread.

Each mark has a title, which browsers show when one points at it. Colors of text and lines are the
page's; texts are escaped.
"""

from html import escape

from steelyard.backtest.sweep.color import is_light, rgb
from steelyard.backtest.sweep.figures import FIGURES, shown_figure
from steelyard.backtest.sweep.report import Bin, WalkForwardLine
from steelyard.backtest.sweep.splits import day
from steelyard.backtest.sweep.surface import HeatMap

WIDTH = 720
_LETTER = 6.3  # width of a letter of 10.5 px
_CELL_MIN_FOR_TEXT = 38


def heat_map(found: HeatMap, objective: str) -> str:
    """Return a map: columns are x, rows y with the lowest value at the bottom."""
    columns, rows = len(found.x_labels), len(found.y_labels)
    left = 10 + _LETTER * max((len(label) for label in found.y_labels), default=0)
    cell = (WIDTH - left - 4) / columns
    high = max(24.0, min(cell, 46.0)) if rows > 1 else 46.0
    slanted = any(len(label) * _LETTER > cell - 4 for label in found.x_labels)
    below = 12 + _LETTER * 0.75 * max(map(len, found.x_labels)) if slanted else 20
    bottom = rows * high
    known = [value for row in found.medians for value in row if value is not None]
    low, top = (min(known), max(known)) if known else (0.0, 0.0)
    is_more_better = FIGURES[objective].is_more_better
    parts = []
    for row, (values, counts) in enumerate(zip(found.medians, found.counts, strict=True)):
        y = bottom - (row + 1) * high
        for column, (value, count) in enumerate(zip(values, counts, strict=True)):
            x = left + column * cell
            where = f"{found.x} = {found.x_labels[column]}"
            if found.y:
                where += f", {found.y} = {found.y_labels[row]}"
            fill, text = "var(--empty)", ""
            if value is not None:
                share = 1.0 if top == low else (value - low) / (top - low)
                color = rgb(share if is_more_better else 1 - share)
                fill = "#{:02x}{:02x}{:02x}".format(*color)
                shown = shown_figure(objective, value)
                if cell >= _CELL_MIN_FOR_TEXT and len(shown) * _LETTER < cell:
                    ink = "#10131a" if is_light(color) else "#f2f5f9"
                    text = _label(x + cell / 2, y + high / 2 + 4, shown, "middle", ink)
            said = f"{where}: {shown_figure(objective, value)}, {count:,} trials"
            parts.append(
                f'<g><title>{escape(said)}</title><rect x="{x + 0.75:.1f}" y="{y + 0.75:.1f}" '
                f'width="{cell - 1.5:.1f}" height="{high - 1.5:.1f}" rx="3" fill="{fill}"/>'
                f"{text}</g>"
            )
    if found.best is not None:
        x, y = left + found.best[0] * cell, bottom - (found.best[1] + 1) * high
        parts.append(
            f'<rect x="{x + 1:.1f}" y="{y + 1:.1f}" width="{cell - 2:.1f}" height="{high - 2:.1f}" '
            'rx="3" fill="none" stroke="var(--text)" stroke-width="2.5"/>'
        )
    step = 1 if cell >= 14 else 2  # noqa: PLR2004 letters would touch
    for column, label in enumerate(found.x_labels):
        x = left + (column + 0.5) * cell
        if slanted and column % step == 0:
            parts.append(_slanted(x + 3, bottom + 12, label))
        elif not slanted:
            parts.append(_label(x, bottom + 15, label, "middle"))
    parts += (
        _label(left - 6, bottom - (row + 0.5) * high + 4, label, "end")
        for row, label in enumerate(found.y_labels)
    )
    name = f"{objective} by {found.x}" + (f" and {found.y}" if found.y else "")
    return _svg(bottom + below, parts, name)


def folds(walk: WalkForwardLine, objective: str) -> str:
    """Return two bars for each fold: what was chosen in training, and what its test was."""
    pairs = [
        (
            line,
            None if line.chosen is None else line.chosen.objective,
            None if line.tested is None else line.tested.objective,
        )
        for line in walk.folds
    ]
    known = [value for _, *values in pairs for value in values if value is not None]
    if not known:
        return ""
    low, top = min(0.0, *known), max(0.0, *known)
    height, left = 170.0, 60.0
    scale = height / ((top - low) or 1.0)
    zero = 8 + top * scale
    wide = (WIDTH - left - 4) / len(pairs)
    parts = [
        f'<line x1="{left}" x2="{WIDTH}" y1="{zero:.1f}" y2="{zero:.1f}" stroke="var(--edge)"/>',
        *(
            _label(left - 8, 12 + (top - value) * scale, shown_figure(objective, value), "end")
            for value in sorted({low, 0.0, top})
            if value == 0.0 or abs(value) * scale > 14  # noqa: PLR2004 letters would touch
        ),
    ]
    bar = min(26.0, wide * 0.36)
    step = max(1, round(_LETTER * 11 / wide))
    for place, (line, trained, tested) in enumerate(pairs):
        middle = left + (place + 0.5) * wide
        for value, x, fill in (
            (trained, middle - bar - 1, "var(--faint)"),
            (tested, middle + 1, "var(--own)"),
        ):
            if value is None:
                continue
            y, tall = (zero - value * scale, value * scale) if value > 0 else (zero, -value * scale)
            what = "training" if fill == "var(--faint)" else "test"
            said = f"{what} of the fold tested from {day(line.test.start_ns)}: "
            parts.append(
                f"<g><title>{escape(said + shown_figure(objective, value))}</title>"
                f'<rect x="{x:.1f}" y="{y:.1f}" width="{bar:.1f}" height="{max(tall, 1):.1f}" '
                f'rx="2" fill="{fill}"/></g>'
            )
        if place % step == 0:
            parts.append(_label(middle, height + 26, day(line.test.start_ns), "middle"))
    legend = (("var(--faint)", "chosen in training", 0), ("var(--own)", "its test", 150))
    for fill, name, right in legend:
        x = left + right
        parts.append(f'<rect x="{x}" y="{height + 38}" width="10" height="10" fill="{fill}"/>')
        parts.append(_label(x + 16, height + 47, name, "start"))
    return _svg(height + 58, parts, f"{objective} of each training and its test")


def spread(bins: tuple[Bin, ...], objective: str, best: float | None) -> str:
    """Return how many trials had which objective, and where the best is."""
    height = 120.0
    low, high = bins[0].low, bins[-1].high
    most = max(each.trials for each in bins)
    wide = (WIDTH - 8) / len(bins)
    parts = []
    for place, each in enumerate(bins):
        tall = height * each.trials / most
        ends = f"{shown_figure(objective, each.low)} to {shown_figure(objective, each.high)}"
        parts.append(
            f"<g><title>{escape(f'{ends}: {each.trials:,} trials')}</title>"
            f'<rect x="{4 + place * wide + 0.5:.1f}" y="{8 + height - tall:.1f}" '
            f'width="{wide - 1:.1f}" height="{tall:.1f}" rx="1.5" fill="var(--own)"/></g>'
        )
    parts.append(f'<line x1="4" x2="{WIDTH - 4}" y1="{8 + height}" y2="{8 + height}" '
                 'stroke="var(--edge)"/>')  # fmt: skip
    if best is not None and high > low:
        x = 4 + (best - low) / (high - low) * (WIDTH - 8)
        parts.append(
            f'<line x1="{x:.1f}" x2="{x:.1f}" y1="4" y2="{8 + height}" stroke="var(--sand)" '
            'stroke-width="2"/>'
        )
    parts.append(_label(4, height + 26, shown_figure(objective, low), "start"))
    parts.append(_label(WIDTH - 4, height + 26, shown_figure(objective, high), "end"))
    return _svg(height + 34, parts, f"how {objective} is spread over all trials")


def _svg(height: float, parts: list[str], name: str) -> str:
    return (
        f'<svg viewBox="0 0 {WIDTH} {height:.0f}" role="img" aria-label="{escape(name)}">'
        f"{''.join(parts)}</svg>"
    )


def _label(x: float, y: float, text: str, anchor: str, fill: str = "") -> str:
    ink = f' style="fill:{fill}"' if fill else ""
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="10.5"{ink}>'
        f"{escape(text)}</text>"
    )


def _slanted(x: float, y: float, text: str) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="end" font-size="10.5" '
        f'transform="rotate(-45 {x:.1f} {y:.1f})">{escape(text)}</text>'
    )
