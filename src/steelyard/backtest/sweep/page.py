"""A sweep's report as one HTML file: drawn here, without a script, and it asks nobody for anything.

What comes from a configuration or a strategy reaches the page as escaped text only, and the policy
in the file's head lets nothing run and nothing load, whatever a mistake elsewhere would allow.
"""

from collections.abc import Iterable
from html import escape

from steelyard.backtest.sweep import chart
from steelyard.backtest.sweep.figures import FIGURES, shown_figure
from steelyard.backtest.sweep.report import FoldLine, SweepReport, TrialLine, headline, shuffled
from steelyard.backtest.sweep.space import shown
from steelyard.backtest.sweep.splits import Span, day

COLUMNS = ("return", "annual_return", "drawdown", "sharpe", "calmar", "profit_factor", "trades")

_STYLE = """
:root { color-scheme: dark light; --ground: #090b0e; --panel: #101318; --raised: #171b21;
  --line: #1c2128; --edge: #2b323c; --text: #e9edf2; --muted: #a0aab8; --faint: #7f8b9b;
  --up: #2fbd8b; --down: #ef5a70; --own: #8ab4ff; --warn: #f2b950; --warn-soft: #2e2412;
  --sand: #eab64e; --empty: #171b21;
  --sans: "Inter", ui-sans-serif, system-ui, sans-serif;
  --mono: "Geist Mono", ui-monospace, "SF Mono", "Cascadia Mono", "DejaVu Sans Mono", monospace; }
@media (prefers-color-scheme: light) { :root { --ground: #eef0f3; --panel: #fff; --raised: #f4f5f7;
  --line: #eceef1; --edge: #d6dae0; --text: #12161c; --muted: #4d5866; --faint: #5e6878;
  --up: #14a06f; --down: #e0405a; --own: #1f56c9; --warn: #855800; --warn-soft: #fff3d6;
  --sand: #b07a10; --empty: #eceef1; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--text); font: 14px/1.5 var(--sans); }
main { max-width: 1180px; margin: 0 auto; padding: 28px 20px 60px; }
h1 { font-size: 22px; line-height: 1.25; margin: 0 0 4px; letter-spacing: -.01em; }
h2 { font-size: 15px; margin: 0 0 12px; font-weight: 600; }
p { margin: 0 0 8px; } .quiet { color: var(--muted); } .faint { color: var(--faint); }
.mono, td, .value, svg text { font-family: var(--mono); font-variant-numeric: tabular-nums; }
section { background: var(--panel); border: 1px solid var(--line); border-radius: 9px;
  padding: 18px 20px; margin-top: 14px; }
.cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(150px, 1fr)); gap: 10px;
  margin-top: 18px; }
.card { background: var(--panel); border: 1px solid var(--line); border-radius: 9px;
  padding: 12px 14px; min-width: 0; }
.card .name { color: var(--muted); font-size: 12px; } .card .value { font-size: 19px; }
.card .note { color: var(--faint); font-size: 12px; overflow-wrap: anywhere; }
.warnings { border-color: var(--warn); background: var(--warn-soft); }
.warnings ul { margin: 0; padding-left: 18px; } .warnings li { margin: 3px 0; }
.scroll { overflow-x: auto; } table { border-collapse: collapse; width: 100%; font-size: 12.5px; }
th { text-align: right; color: var(--muted); font-weight: 500; padding: 5px 10px;
  border-bottom: 1px solid var(--edge); white-space: nowrap; }
td { text-align: right; padding: 5px 10px; border-bottom: 1px solid var(--line);
  white-space: nowrap; } th:first-child, td:first-child { padding-left: 0; }
tr.best td { color: var(--sand); } .up { color: var(--up); } .down { color: var(--down); }
.maps { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 340px), 1fr));
  gap: 22px 26px; } .maps.one { grid-template-columns: minmax(0, 760px); }
figure { margin: 0; min-width: 0; } figcaption { color: var(--muted); font-size: 12.5px;
  margin-bottom: 6px; } svg { display: block; width: 100%; height: auto; }
svg text { fill: var(--muted); } pre { margin: 8px 0 0; padding: 10px 12px; overflow-x: auto;
  background: var(--raised); border-radius: 6px; font: 12px/1.45 var(--mono); }
details { margin: 6px 0; } summary { cursor: pointer; }
dl { display: grid; grid-template-columns: max-content minmax(0, 1fr); gap: 4px 18px; margin: 0; }
dt { color: var(--muted); } dd { margin: 0; overflow-wrap: anywhere; }
@media (max-width: 600px) { main { padding: 18px 12px 40px; } section { padding: 14px; }
  dl { grid-template-columns: 1fr; } dd { margin-bottom: 6px; } }
"""


def page(report: SweepReport) -> str:
    """Return the report as a page."""
    about = report.about
    which = " · ".join((about.name, about.strategy, about.data, _span(about.span)))
    parts = [
        f"<h1>{_text(headline(report))}</h1>",
        f'<p class="quiet">{_text(which)}</p>',
        _cards(report),
        _warnings(report),
        _maps(report),
        _walk(report),
        _top(report),
        _spread(report),
        _failures(report),
        _about(report),
    ]
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; '
        "style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'\">\n"
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="referrer" content="no-referrer">\n<link rel="icon" href="data:,">\n'
        f"<title>{_text(about.name)}: sweep</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n"
        f"<main>\n{''.join(part for part in parts if part)}\n</main>\n</body>\n</html>\n"
    )


def _cards(report: SweepReport) -> str:
    name, best, around = report.about.objective, report.best, report.around_best
    cards = []
    if best is not None:
        cards.append((name, shown_figure(name, best.objective), _params(best)))
    if around is not None and around.neighbours:
        kept = "" if around.kept_share is None else f"{around.kept_share:.0%} of the best; "
        note = f"{kept}worst {shown_figure(name, around.worst)}"
        title = f"median of {around.neighbours} neighbours"
        cards.append((title, shown_figure(name, around.median), note))
    if report.steadiest is not None:
        value = shown_figure(name, report.steadiest.objective)
        cards.append(("steadiest", value, _params(report.steadiest)))
    if report.luck is not None:
        note = f"that it is more than luck in {report.luck.trials:,} trials"
        cards.append(("deflated Sharpe", f"{report.luck.probability:.0%}", note))
    if (walk := report.walk_forward) is not None:
        kept = "-" if walk.efficiency_share is None else f"{walk.efficiency_share:.0%}"
        cards.append(("walk-forward efficiency", kept, "yearly return of tests over trainings"))
        note = f"{walk.gained} of {walk.tested} gained"
        cards.append(("tests together", shown_figure("return", walk.return_share), note))
    note = f"{report.failed:,} failed; {_seconds(report.seconds)} of work"
    cards.append(("trials", f"{report.ended:,}", note))
    return (
        '<div class="cards">'
        + "".join(
            f'<div class="card"><div class="name">{_text(each)}</div>'
            f'<div class="value">{_text(value)}</div><div class="note">{_text(note)}</div></div>'
            for each, value, note in cards
        )
        + "</div>"
    )


def _warnings(report: SweepReport) -> str:
    if not report.warnings:
        return ""
    items = "".join(f"<li>{_text(said)}</li>" for said in report.warnings)
    return f'<section class="warnings"><h2>What makes one doubt it</h2><ul>{items}</ul></section>'


def _maps(report: SweepReport) -> str:
    if not report.maps or report.best is None:
        return ""
    name = report.about.objective
    over = "" if len(report.axes) <= 2 else ", the median over all other parameters"  # noqa: PLR2004
    figures = "".join(
        f"<figure><figcaption>{_text(each.x)}{' → and ' + _text(each.y) + ' ↑' if each.y else ''}"
        f"</figcaption>{chart.heat_map(each, name)}</figure>"
        for each in report.maps
    )
    one = " one" if len(report.maps) == 1 else ""
    return _section(
        f"{name} by parameters",
        f'<p class="quiet">{_text(FIGURES[name].about)}{over}. The frame is the best trial.</p>'
        f'<div class="maps{one}">{figures}</div>',
    )


def _walk(report: SweepReport) -> str:
    walk, name = report.walk_forward, report.about.objective
    if walk is None:
        return ""
    rows = [_fold(line, name) for line in walk.folds]
    heads = ("training", "test", "chosen", f"{name}, training", f"{name}, test", "return, test")
    return _section(
        "Walking forward",
        '<p class="quiet">Each choice was made on its training and then tested on what follows, '
        "which it had not seen.</p>"
        + chart.folds(walk, name)
        + _table((*heads, "deflated Sharpe"), rows),
    )


def _fold(line: FoldLine, name: str) -> tuple[str, ...]:
    chosen, tested = line.chosen, line.tested
    luck = "-" if line.luck is None else f"{line.luck.probability:.0%}"
    return (
        _span(line.train),
        _span(line.test),
        "-" if chosen is None else _params(chosen),
        shown_figure(name, None if chosen is None else chosen.objective),
        "failed"
        if line.test_failure
        else shown_figure(name, None if tested is None else tested.objective),
        shown_figure("return", None if tested is None else tested.figures.get("return")),
        luck,
    )


def _top(report: SweepReport) -> str:
    if not report.top:
        return ""
    name = report.about.objective
    params = [axis.name for axis in report.axes]
    figures = [name, *(each for each in COLUMNS if each != name)]
    rows = [
        (
            f"{line.fold}/{line.number}" if report.walk_forward else str(line.number),
            *(shown(line.params.get(each, "")) for each in params),
            *(shown_figure(each, line.figures.get(each)) for each in figures),
        )
        for line in report.top
    ]
    best = report.best
    bold = [
        place
        for place, line in enumerate(report.top)
        if best is not None and (line.fold, line.number) == (best.fold, best.number)
    ]
    left = report.ended - len(report.top)
    more = f'<p class="faint">{left:,} more are in trials.jsonl.</p>' if left > 0 else ""
    return _section("The best trials", _table(("trial", *params, *figures), rows, bold) + more)


def _spread(report: SweepReport) -> str:
    if len(report.spread) < 2:  # noqa: PLR2004 one bin is no distribution
        return ""
    name = report.about.objective
    best = None if report.best is None else report.best.objective
    return _section(f"{name} of all trials", chart.spread(report.spread, name, best))


def _failures(report: SweepReport) -> str:
    if not report.failures:
        return ""
    items = "".join(
        f"<details><summary>{failure.trials:,}: <span class=mono>{_text(failure.said)}</span>"
        f"</summary><p class=faint>for example with "
        f"{_text(', '.join(f'{k} = {shown(v)}' for k, v in failure.example.items()))}</p>"
        f"<pre>{_text(failure.text)}</pre></details>"
        for failure in report.failures
    )
    return _section("Trials that failed", items)


def _about(report: SweepReport) -> str:
    about = report.about
    fixed = ", ".join(f"{name} = {shown(value)}" for name, value in about.fixed.items())
    axes = [
        (axis.name, ", ".join(axis.values[:40]) + (" …" if len(axis.values) > 40 else ""))  # noqa: PLR2004
        for axis in report.axes
    ]
    rows = [
        *shuffled(report),
        *axes,
        *(("constraint", text) for text in about.constraints),
        ("fixed", fixed or "-"),
        ("method", f"{about.method}, seed {about.seed}"),
        ("objective", f"{about.objective}, {about.direction}"),
        ("combinations", f"{report.combinations:,}"),
        *about.assumptions,
        ("steelyard", about.version),
    ]
    items = "".join(f"<dt>{_text(name)}</dt><dd>{_text(text)}</dd>" for name, text in rows)
    return _section("What was run", f"<dl>{items}</dl>")


def _section(title: str, inside: str) -> str:
    return f"<section><h2>{_text(title)}</h2>{inside}</section>"


def _table(heads: Iterable[str], rows: Iterable[tuple[str, ...]], best: Iterable[int] = ()) -> str:
    marked = set(best)
    head = "".join(f"<th>{_text(each)}</th>" for each in heads)
    body = "".join(
        f"<tr{' class=best' if place in marked else ''}>"
        + "".join(f"<td>{_text(cell)}</td>" for cell in row)
        + "</tr>"
        for place, row in enumerate(rows)
    )
    return (
        f'<div class="scroll"><table><thead><tr>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )


def _params(line: TrialLine) -> str:
    return ", ".join(f"{name} = {shown(value)}" for name, value in line.params.items())


def _span(span: Span) -> str:
    return f"{day(span.start_ns)} to {day(span.end_ns)}"


def _seconds(seconds: float) -> str:
    if seconds < 120:  # noqa: PLR2004
        return f"{seconds:.1f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"  # noqa: PLR2004


def _text(text: object) -> str:
    return escape(
        "".join(each if each.isprintable() or each == "\n" else "?" for each in str(text))
    )
