"""How a bench measures: every run starts anew, the first one does not count.

It measures what is ours, the best peer and the floor in one go, because only their ratio travels
to another machine.
"""

import resource
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

State = TypeVar("State")
Result = TypeVar("Result")

RUNS = 5


class Bench:
    """The rows of one bench: rates and the ratios between them."""

    def __init__(self) -> None:
        self._rows: list[dict[str, Any]] = []
        self._medians: dict[str, float] = {}

    def rows(self) -> Iterator[dict[str, Any]]:
        """Yield the rows since the last call."""
        rows, self._rows = self._rows, []
        yield from rows

    def measure(
        self,
        name: str,
        work: int,
        prepare: Callable[[], State],
        job: Callable[[State], Result],
        *,
        unit: str = "commands/s",
    ) -> Result:
        """Time `job` on what `prepare` returns, each time anew; return the last result."""
        result = job(prepare())
        rates = []
        for _ in range(RUNS):
            state = prepare()
            start = time.perf_counter()
            result = job(state)
            rates.append(work / (time.perf_counter() - start))
        self.tell(name, rates, work, unit)
        return result

    def tell(self, name: str, rates: list[float], work: int, unit: str) -> None:
        """Add a row of rates, measured here or by a program of ours."""
        median = statistics.median(rates)
        self._medians[name] = median
        self._rows.append(
            {
                "name": name,
                "unit": unit,
                "median": round(median),
                "min": round(min(rates)),
                "max": round(max(rates)),
                "runs": len(rates),
                "work": work,
            }
        )

    def scaled(self, name: str, of: str, ratio: float) -> None:
        """Add a row that is known by its ratio to another, if that one was measured."""
        if of in self._medians:
            self._medians[name] = self._medians[of] * ratio
            self._rows.append({"name": name, "median": round(self._medians[name]), "times": ratio})

    def ratio(self, ours: str, theirs: str, goal: float | None = None) -> None:
        """Add how many times as fast one row is as another, beside what we want it to be."""
        if ours in self._medians and theirs in self._medians:
            ratio = round(self._medians[ours] / self._medians[theirs], 3)
            self._rows.append({"name": ours, "against": theirs, "ratio": ratio, "goal": goal})

    def skip(self, name: str, why: str) -> None:
        """Add why a row is not there."""
        self._rows.append({"name": name, "skipped": why})


def row(name: str, unit: str, figures: list[float]) -> dict[str, Any]:
    """Return a row of figures that are no rates."""
    return {
        "name": name,
        "unit": unit,
        "median": round(statistics.median(figures), 2),
        "min": round(min(figures), 2),
        "max": round(max(figures), 2),
        "runs": len(figures),
    }


def resident_peak_mib() -> float:
    """Return the most memory that this process has had at once."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1 << 20 if sys.platform == "darwin" else 1 << 10)
