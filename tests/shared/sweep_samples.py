"""Sweeps that have ended: a hill with one top, chance, and folds, as rows and as reports."""

from steelyard.backtest.sweep.figures import Objective
from steelyard.backtest.sweep.plan import Choice
from steelyard.backtest.sweep.report import About, Found, SweepReport, document
from steelyard.backtest.sweep.space import At, Space, parse_axis
from steelyard.backtest.sweep.splits import DAY_NS, Fold, Span
from steelyard.backtest.sweep.trials import Job, Key, Part, Row, row_of

SHARPE = Objective("sharpe", is_more_better=True)
SPACE = Space(
    (parse_axis("fast", [*range(1, 8)]), parse_axis("slow", [*range(10, 50, 10)])), {}, ()
)
WHOLE = Span(0, 100 * DAY_NS)
FOLDS = tuple(
    Fold(
        Span(n * 10 * DAY_NS, (n * 10 + 30) * DAY_NS),
        Span((n * 10 + 31) * DAY_NS, (n * 10 + 41) * DAY_NS),
    )
    for n in range(4)
)


def about(objective: str = "sharpe", direction: str = "max") -> About:
    return About(
        name="hill",
        strategy="stand:In",
        fixed={},
        data="none",
        method="grid",
        objective=objective,
        direction=direction,
        seed=1,
        span=WHOLE,
    )


def figures(sharpe: float, **more: float | None) -> dict:
    told = {"trades": 50.0, "days": 100.0, "skew": 0.1, "kurtosis": 3.5, "return": sharpe / 20}
    return {"sharpe": sharpe, "annual_return": sharpe / 10, **told, **more}


def row(at: At, result: dict | str, number: int, fold: int = 0, part: Part = Part.TRAIN) -> Row:
    span = WHOLE
    if fold or part is Part.TEST:
        span = FOLDS[fold].train if part is Part.TRAIN else FOLDS[fold].test
    return row_of(Job(Key(fold, part, number), at, span), SPACE.varied(at), result, 0.5)


def hill(at: At, top: At = (3, 2)) -> float:
    return 2 - ((at[0] - top[0]) ** 2 + (at[1] - top[1]) ** 2) / 10


def report(
    rows: list[Row], folds: tuple[Fold, ...] = (), trials: int | None = None, **more: int
) -> SweepReport:
    choice = Choice(SHARPE, **more)
    planned = len(rows) if trials is None else trials
    found = Found(SPACE, choice, folds, WHOLE, planned, {each.key: each for each in rows})
    return document(about(), found)


def whole(**more: float | None) -> list[Row]:
    return [row(at, figures(hill(at), **more), n) for n, at in enumerate(SPACE.all())]


def walked(tested: list[float]) -> list[Row]:
    rows = []
    for fold, value in enumerate(tested):
        for n, at in enumerate(SPACE.all()):
            rows.append(row(at, figures(hill(at, (fold, 2))), n, fold))
        best = Choice(SHARPE).best(each for each in rows if each.fold == fold)
        rows.append(row(best.at, figures(value), best.number, fold, Part.TEST))
    return rows
