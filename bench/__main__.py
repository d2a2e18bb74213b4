"""`python -m bench [NAME...] [--save]`: run benches, print a JSON line per row.

A name is a module here that has a function `run`, which returns or yields rows. Nothing is written
without `--save`, which puts the rows and the machine into `bench/results.json`.
"""

import argparse
import importlib
import json
import os
import platform
import time
from pathlib import Path

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
    parser.add_argument("--save", action="store_true", help="write bench/results.json")
    asked = parser.parse_args()
    if unknown := set(asked.names) - set(names()):
        parser.error(f"no bench {', '.join(sorted(unknown))}; there are: {', '.join(names())}")
    rows = []
    print(json.dumps(machine()), flush=True)
    for name in asked.names or names():
        for row in importlib.import_module(f"bench.{name}").run():
            rows.append({"bench": name, **row})
            print(json.dumps(rows[-1]), flush=True)
    if asked.save:
        results = {"machine": machine(), "rows": rows}
        (HERE / "results.json").write_text(json.dumps(results, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
