"""The figures of a trial by name: what can be an objective, and which way it is better.

They are floats for comparing trials, not for booking; what a run books is exact and stands in its
own report. A figure that does not exist for a run (a ratio without a deviation) is None, never NaN.
"""

import math
from collections.abc import Mapping
from difflib import get_close_matches
from typing import NamedTuple

from steelyard.domain.errors import ConfigError

Figures = dict[str, float | None]


class Figure(NamedTuple):
    """What a figure is, and whether more of it is better."""

    about: str
    is_more_better: bool = True
    is_share: bool = False  # shown in percent


FIGURES = {
    "sharpe": Figure("Sharpe ratio of daily returns, over 365 days"),
    "sortino": Figure("Sortino ratio of daily returns, over 365 days"),
    "calmar": Figure("yearly return over the deepest drawdown"),
    "profit": Figure("profit in quote"),
    "return": Figure("profit over what it began with", is_share=True),
    "annual_return": Figure("the same, for 365 days", is_share=True),
    "drawdown": Figure("the deepest fall from a peak", is_more_better=False, is_share=True),
    "volatility": Figure("yearly deviation of returns", is_more_better=False, is_share=True),
    "profit_factor": Figure("what winners made over what losers lost"),
    "hit": Figure("share of trades that won", is_share=True),
    "expectancy": Figure("mean profit of a trade, in quote"),
    "trades": Figure("round trips"),
    "fills": Figure("executions"),
    "turnover": Figure("value traded, in quote", is_more_better=False),
    "fees": Figure("fees paid, in quote", is_more_better=False),
    "exposure": Figure("share of the time with a position", is_more_better=False, is_share=True),
    "days": Figure("daily returns that the ratios are of"),
    "skew": Figure("skew of daily returns"),
    "kurtosis": Figure("kurtosis of daily returns; 3 is normal", is_more_better=False),
}


class Objective(NamedTuple):
    """The figure by which trials are ranked."""

    name: str
    is_more_better: bool

    def value(self, figures: Figures | None) -> float | None:
        """Return it, signed so that more is better; None where there is none."""
        found = figures.get(self.name) if figures is not None else None
        if found is None:
            return None
        return found if self.is_more_better else -found

    def plain(self, value: float) -> float:
        """Return a signed value as the figure itself."""
        return value if self.is_more_better else -value


def parse_objective(name: str, direction: str | None) -> Objective:
    """Return the objective of a configuration; without a direction, the figure's own.

    Raises:
        ConfigError: No such figure or direction; the message names the nearest.
    """
    if name not in FIGURES:
        close = get_close_matches(name, FIGURES, 1)
        meant = f"did you mean {close[0]!r}?" if close else f"known are: {', '.join(FIGURES)}"
        raise ConfigError(f"[sweep] objective is {name!r}, which no run has; {meant}")
    if direction not in {None, "max", "min"}:
        raise ConfigError(f'[sweep] direction is {direction!r}; write "max" or "min"')
    is_more_better = FIGURES[name].is_more_better if direction is None else direction == "max"
    return Objective(name, is_more_better)


def cleaned(figures: Mapping[str, object]) -> Figures:
    """Return figures as they are recorded: floats, None for what is no number.

    Raises:
        TypeError: A value is neither a number nor None.
    """
    found: Figures = {}
    for name, value in figures.items():
        if value is None:
            found[name] = None
            continue
        if not isinstance(value, int | float) and not hasattr(value, "__float__"):
            raise TypeError(f"the figure {name} is {value!r}, which is no number")
        number = float(value)
        found[name] = number if math.isfinite(number) else None
    return found


def shown_figure(name: str, value: float | None) -> str:
    """Return a figure for people; a dash where there is none."""
    if value is None:
        return "-"
    figure = FIGURES.get(name)
    if figure is not None and figure.is_share:
        return f"{value:.2%}"
    if float(value).is_integer() and abs(value) < 1e15:  # noqa: PLR2004 exact as a float
        return f"{int(value):,}"
    return f"{value:,.4g}" if abs(value) < 1000 else f"{value:,.0f}"  # noqa: PLR2004
