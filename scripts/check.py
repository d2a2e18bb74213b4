"""Lint, type-check and test, and say at the end what failed.

    check.py            everything but the nights
    check.py --quick    without what is slow or needs a browser
    check.py --night    only the nights, with many more examples, fuzzing, and no linters
    check.py --lint     only the linters

Every part runs whatever the others say, the linters beside the tests, which wait for much; what
must have the machine to itself comes last. Further words go to pytest. The Makefile calls this
after set-up, with .venv first on PATH.

Many tests start exchanges, bots and browsers, and wait for them within bounds. What fails beside
others, and is not more than a few, is tried once more with the machine to itself at the end: what
fails there too has failed, and what passes is named, because it may be unsteady for a reason.

Python's bytecode goes to target/, where the next run finds it, also where the environment asks to
write none beside the sources: the suite starts Python hundreds of times.
"""

import argparse
import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

# The long ones first: two run at a time.
LINTERS = {
    "ruff check": "ruff check --quiet .",
    "ruff format": "ruff format --check .",
    "cargo fmt": "cargo fmt --check",
    "mypy": "mypy --no-error-summary",
    "cargo clippy": "cargo clippy --quiet --locked --all-targets",
    # The binding crate is tested from Python; alone it would have to link libpython.
    "cargo test": "cargo test --quiet --locked --workspace --exclude steelyard-python",
}
if (ROOT / "web" / "index.html").exists():
    # svelte-check reads the TypeScript beside the components too.
    page = {part: f"npm --prefix web run --silent {part}" for part in ("svelte", "test")}
    LINTERS = {f"page {part}": command for part, command in page.items()} | LINTERS

WORKERS = min(os.cpu_count() or 2, 7) + 1  # a third of the tests' time is waiting for programs

FUZZ_S = 120  # each
FUZZED = ("commands", "messages", "orders")  # the targets in rust/fuzz
FUZZ_PLACE = ROOT / "target" / "fuzz"  # what it finds, and builds

SOME_FAILED, NO_TESTS = 1, 5  # pytest's exit codes
AGAIN_MAX = 25  # failures that are tried again; more of them are no accident
LAST_FAILED = ROOT / ".pytest_cache" / "v" / "cache" / "lastfailed"  # where pytest notes them

ENVIRONMENT = {
    "PYTHONPYCACHEPREFIX": str(ROOT / "target" / "pycache"),
    **{name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"},
}


def main() -> int:
    """Return 0 if all is well, 1 if something failed."""
    parser = argparse.ArgumentParser(description="Lint, type-check and test.")
    for option in ("--quick", "--night", "--lint"):
        parser.add_argument(option, action="store_true")
    options, pytest_args = parser.parse_known_args()
    quick = " and not slow and not browser" if options.quick else ""
    marks = "night" if options.night else f"not night{quick}"
    profile = next((name for name in ("quick", "night") if getattr(options, name)), "ci")
    words = [f"--hypothesis-profile={profile}", *pytest_args]
    with ThreadPoolExecutor(max_workers=1) as beside:
        linting = None if options.night else beside.submit(lint)
        code = 0 if options.lint else test(marks, words)
        failed = linting.result() if linting is not None else []
    if not options.lint:
        failed += ["tests"] if code and not passes_alone(code, words) else []
        failed += test_alone(marks, words)
    if options.night:
        failed += fuzz()
    if failed:
        print(f"check: failed: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


def lint() -> list[str]:
    """Run the linters, two at a time, print what they found, and return which failed."""

    def run(command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command.split(),
            cwd=ROOT,
            env=ENVIRONMENT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )

    failed = []
    with ThreadPoolExecutor(max_workers=2) as pool:
        for name, done in zip(LINTERS, pool.map(run, LINTERS.values()), strict=True):
            print(f"check: {name} ... {'failed' if done.returncode else 'ok'}", flush=True)
            if done.returncode:
                failed.append(name)
                print(done.stdout, flush=True)
    return failed


def test(marks: str, words: list[str]) -> int:
    """Run what may run beside something else; return pytest's exit code."""
    LAST_FAILED.unlink(missing_ok=True)
    # In the order of collection, which begins with what takes long: see tests/conftest.py.
    spread = ["-n", str(WORKERS), "--dist", "loadfile", "--no-loadscope-reorder"]
    return run_pytest(*spread, "-m", f"{marks} and not serial", *words)


def passes_alone(code: int, words: list[str]) -> bool:
    """Try what has failed once more, one after the other; return whether all of it passes now."""
    if code != SOME_FAILED or not LAST_FAILED.exists():
        return False
    names = list(json.loads(LAST_FAILED.read_text(encoding="utf-8")))
    if not 0 < len(names) <= AGAIN_MAX:
        return False
    print(f"check: {len(names)} failed beside others; once more, alone", flush=True)
    if run_pytest("--last-failed", *words, *sorted({name.partition("::")[0] for name in names})):
        return False
    for name in names:
        print(f"check: unsteady: {name}", file=sys.stderr)
    return True


def test_alone(marks: str, words: list[str]) -> list[str]:
    """Run what must have the machine to itself; return what failed."""
    code = run_pytest("-m", f"{marks} and serial", *words)
    return [] if code in {0, NO_TESTS} else ["serial tests"]


def run_pytest(*words: str) -> int:
    """Return pytest's exit code."""
    command = [sys.executable, "-m", "pytest", *words]
    return subprocess.run(command, cwd=ROOT, env=ENVIRONMENT, check=False).returncode


def fuzz() -> list[str]:
    """Feed engine and client with arbitrary bytes for a while, where the tools for it are there."""
    if not (is_there("cargo", "+nightly", "--version") and is_there("cargo", "fuzz", "--version")):
        print(
            "check: fuzzing skipped: it needs `rustup toolchain install nightly` and "
            "`cargo install cargo-fuzz`",
            flush=True,
        )
        return []
    return [f"fuzzing {target}" for target in FUZZED if not holds(target)]


def holds(target: str) -> bool:
    """Return whether a target of rust/fuzz took everything it was fed."""
    corpus = FUZZ_PLACE / "corpus" / target
    corpus.mkdir(parents=True, exist_ok=True)
    fuzzed = [
        # Without unsafe code a sanitizer finds nothing, and takes nearly all the time.
        *("cargo", "+nightly", "fuzz", "run", "--sanitizer", "none", "--fuzz-dir", "rust/fuzz"),
        *("--target-dir", str(FUZZ_PLACE), target, str(corpus), "--"),
        *(f"-max_total_time={FUZZ_S}", "-max_len=2048", f"-artifact_prefix={FUZZ_PLACE}/"),
    ]
    return not subprocess.run(fuzzed, cwd=ROOT, check=False).returncode


def is_there(*command: str) -> bool:
    """Return whether a tool answers."""
    try:
        return not subprocess.run(command, cwd=ROOT, capture_output=True, check=False).returncode
    except OSError:
        return False


if __name__ == "__main__":
    sys.exit(main())
