"""How a bench measures and tells: every run starts anew, the first one does not count.

A bench is a module in this folder with a function `run(bench: Bench)`. It measures what is ours,
the best peer and the floor in one go, because only their ratio travels to another machine.
"""

import json
import statistics
import time
from collections.abc import Callable
from typing import TypeVar

State = TypeVar("State")
Result = TypeVar("Result")

RUNS = 5


class Bench:
    """One run of the benches: measures, prints a JSON line per row, remembers the rows."""

    def __init__(self, runs: int = RUNS) -> None:
        self.runs = runs
        self.rows: list[dict[str, object]] = []
        self._medians: dict[str, float] = {}

    def measure(
        self,
        name: str,
        work: int,
        prepare: Callable[[], State],
        job: Callable[[State], Result],
        *,
        unit: str = "commands/s",
    ) -> Result:
        """Time `job` on what `prepare` returns; print the median rate; return the last result."""
        result = job(prepare())
        rates = []
        for _ in range(self.runs):
            state = prepare()
            start = time.perf_counter()
            result = job(state)
            rates.append(work / (time.perf_counter() - start))
        self.tell(name, rates, work, unit)
        return result

    def tell(self, name: str, rates: list[float], work: int, unit: str) -> None:
        """Print a row of rates, measured here or by a program of ours."""
        median = statistics.median(rates)
        self._medians[name] = median
        self._print(
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

    def ratio(self, ours: str, theirs: str, goal: float | None = None) -> None:
        """Print how many times as fast one row is as another, beside what we want it to be."""
        if ours in self._medians and theirs in self._medians:
            ratio = round(self._medians[ours] / self._medians[theirs], 3)
            self._print({"name": ours, "against": theirs, "ratio": ratio, "goal": goal})

    def skip(self, name: str, why: str) -> None:
        """Print why a row is not there."""
        self._print({"name": name, "skipped": why})

    def _print(self, row: dict[str, object]) -> None:
        self.rows.append(row)
        print(json.dumps(row), flush=True)
