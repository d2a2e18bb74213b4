"""`python -m bench [NAME...] [--runs N] [--save]`: run benches, print JSON lines.

A name is a module here that has a function `run`. Nothing is written without `--save`, which
puts the rows and the machine into `bench/results.json`.
"""

import argparse
import importlib
import json
import os
import platform
import time
from pathlib import Path

from bench.measure import RUNS, Bench

HERE = Path(__file__).parent


def names() -> list[str]:
    """Return the benches there are."""
    modules = (path for path in sorted(HERE.glob("*.py")) if "\ndef run(" in path.read_text())
    return [path.stem for path in modules if path.stem != "__main__"]


def machine() -> dict[str, object]:
    """Return what a reader has to know of the machine, and nothing that names it."""
    return {
        "cpus": os.cpu_count(),
        "architecture": platform.machine(),
        "system": platform.system(),
        "python": platform.python_version(),
        "date": time.strftime("%Y-%m-%d"),
    }


def main() -> int:
    """Run what was asked for."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__.split("\n")[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of: {', '.join(names())}")
    parser.add_argument("--runs", type=int, default=RUNS, help="timed runs per row")
    parser.add_argument("--save", action="store_true", help="write bench/results.json")
    asked = parser.parse_args()
    if unknown := set(asked.names) - set(names()):
        parser.error(f"no bench {', '.join(sorted(unknown))}; there are: {', '.join(names())}")
    bench = Bench(asked.runs)
    print(json.dumps(machine()), flush=True)
    for name in asked.names or names():
        importlib.import_module(f"bench.{name}").run(bench)
    if asked.save:
        results = {"machine": machine(), "rows": bench.rows}
        (HERE / "results.json").write_text(json.dumps(results, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
