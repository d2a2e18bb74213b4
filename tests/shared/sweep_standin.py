"""Stand-ins for a backtest, for tests of who runs trials: figures from parameters alone.

`main` is a program that runs a whole sweep of them.
"""

import ctypes
import json
import os
import signal
import sys
import time
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

from steelyard.backtest.sweep.figures import Objective
from steelyard.backtest.sweep.plan import Choice
from steelyard.backtest.sweep.report import About
from steelyard.backtest.sweep.search import Grid, RandomSearch, Search
from steelyard.backtest.sweep.space import Space, parse_axis
from steelyard.backtest.sweep.splits import DAY_NS, Fold, Span
from steelyard.backtest.sweep.trials import Header
from steelyard.cli.sweep_optuna import OptunaSearch
from steelyard.cli.sweep_run import Screen, Sweep, run_sweep
from steelyard.domain.errors import ConfigError

WHOLE = Span(0, 100 * DAY_NS)
FOLDS = (
    Fold(Span(0, 50 * DAY_NS), Span(51 * DAY_NS, 61 * DAY_NS)),
    Fold(Span(10 * DAY_NS, 60 * DAY_NS), Span(61 * DAY_NS, 71 * DAY_NS)),
)
SHARPE = Objective("sharpe", is_more_better=True)


class Hill(NamedTuple):
    """Figures with one top, at fast 5 and slow 20; trials take a while and some misbehave.

    do says what happens at which fast: raise, hang, spin, crash, exit, loud, odd.
    """

    seconds: float = 0.0
    do: dict[int, str] = {}  # noqa: RUF012 never changed
    opened: str = ""  # a file that gets a line for each child that opens this

    def open(self) -> Callable[[dict[str, Any], Span], dict[str, Any]]:
        if self.opened:
            with Path(self.opened).open("a") as file:
                file.write(f"{os.getpid()} {os.getppid()}\n")
        return self.run

    def run(self, params: dict[str, Any], span: Span) -> dict[str, Any]:
        time.sleep(self.seconds)
        fast, slow = params["fast"], params["slow"]
        match self.do.get(fast):
            case "raise":
                raise ValueError(f"fast is {fast}")
            case "hang":
                time.sleep(600)
            case "spin":  # in native code that holds the interpreter
                ctypes.PyDLL(None).usleep(600_000_000)
            case "crash":
                os.kill(os.getpid(), signal.SIGSEGV)
            case "exit":
                os._exit(7)
            case "leave":
                sys.exit(3)
            case "loud":
                os.write(1, b"\x00" * 100)
                print("a strategy that prints", sys.stdin.read())
            case "odd":
                return {"sharpe": "high"}
            case "absent":
                return {"sharpe": float("nan"), "trades": 0}
        height = 3 - ((fast - 5) ** 2) / 10 - ((slow - 20) ** 2) / 200
        height += span.start_ns / DAY_NS / 100
        return {
            "sharpe": height,
            "return": height / 20,
            "annual_return": height / 10,
            "drawdown": Decimal("0.1"),
            "trades": fast * 20,
            "days": 50,
            "skew": 0.0,
            "kurtosis": 3.0,
        }


class Broken(NamedTuple):
    """A work that no child can open."""

    says: str

    def open(self) -> Any:
        if self.says == "config":
            raise ConfigError("there is no data at that place")
        raise RuntimeError("no")


def space() -> Space:
    axes = (parse_axis("fast", [*range(1, 9)]), parse_axis("slow", [*range(10, 40, 5)]))
    return Space(axes, {"size": "0.1"}, ())


def sweep_of(
    work: Any = Hill(),  # noqa: B008 never changed
    method: str = "grid",
    trials: int = 20,
    folds: tuple[Fold, ...] = (),
    seed: int = 1,
    timeout_s: float = 60.0,
) -> Sweep:
    found = space()

    def search() -> Search:
        match method:
            case "grid":
                return Grid(found)
            case "random":
                return RandomSearch(found, trials, seed)
            case _:
                return OptunaSearch(found, trials, seed, 4)

    searches = tuple(search() for _ in range(max(1, len(folds))))
    about = About(
        name="hill",
        strategy="stand:In",
        fixed=found.fixed,
        data="none",
        method=method,
        objective="sharpe",
        direction="max",
        seed=seed,
        span=WHOLE,
        version="1",
    )
    return Sweep(
        about,
        Header(program="1", identity={"method": method, "seed": str(seed)}),
        found,
        WHOLE,
        folds,
        searches,
        Choice(SHARPE),
        found.size if method == "grid" else trials,
        work,
        timeout_s,
    )


def main() -> None:
    """DIR SECONDS METHOD WORKERS|SCHEDULER, and what else for the work as JSON."""
    directory, seconds, method, where, *more = sys.argv[1:]
    work = Hill(float(seconds), **(json.loads(more[0]) if more else {}))
    done = run_sweep(
        sweep_of(work, method, folds=FOLDS),
        Path(directory),
        Screen(),
        workers=int(where) if where.isdigit() else 0,
        scheduler=None if where.isdigit() else where,
    )
    print(done.report.ended, done.is_interrupted)
