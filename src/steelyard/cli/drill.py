"""`steelyard drill`: rehearse what goes wrong, before it does, and keep a report of it.

The invariant: it never reaches a real venue and leaves nothing behind but its report. Each step has
an exchange, an account, a vault and a bot of its own in a folder that goes; a step that fails, or
takes too long, ends with what it saw, and the next one begins anew.
"""

import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from msgspec import Struct, json

from steelyard.cli.drill_stage import DEFAULT, DrillFailed, Stage
from steelyard.cli.drill_steps import STEPS, Finding
from steelyard.cli.options import Common, parse_duration_ns, shown_time
from steelyard.cli.terminal import harmless, shown
from steelyard.domain.errors import ConfigError, SteelyardError, UsageError
from steelyard.domain.messages import SECOND_NS
from steelyard.net.clock import Clock
from steelyard.store.datadir import write_atomically
from steelyard.trading.config import parse_config, read_toml

CHECK_FAILED = 1
MS_NS = 10**6
WITHIN_MAX_S = 1_800
SAYS = (
    "Everything happened on this machine: an exchange of its own on loopback, with made-up money. "
    "No real venue was spoken to, and no key of yours was used."
)
_EVERYONE = Common()


class Rehearsal(Struct):
    """What came of one step."""

    name: str
    purpose: str
    begun: str
    seconds: float = 0.0
    findings: list[Finding] = []
    failure: str = ""

    @property
    def is_good(self) -> bool:
        """Whether everything was as expected."""
        return not self.failure and all(finding.is_good for finding in self.findings)


def drill(
    *steps: str,
    config: Path | None = None,
    lease: str = "",
    to: Path = Path(),
    within: str = "2m",
    common: Common = _EVERYONE,
) -> int:
    """Rehearse disasters in a sandbox of its own: kill, restart, failover, rotate, restore.

    Nothing of yours is touched, and no real venue is spoken to: an exchange is started on this
    machine, a bot trades there, and things are broken on purpose. A report is written as Markdown
    and as JSON. The exit code is 1 if a step was not as expected.

    Examples: steelyard drill | steelyard drill kill failover --config dip.toml |
    steelyard drill failover --lease postgresql:///bots --to reports

    Parameters
    ----------
    steps
        What is rehearsed; default: all five.
    config
        A bot's configuration: its strategy and limits are used; default: a market maker.
    lease
        A PostgreSQL address: the standby of failover is then on a host of its own.
    to
        The folder for the report.
    within
        How long each step may take.
    """
    if unknown := [step for step in steps if step not in STEPS]:
        raise UsageError(f"no step {unknown[0]!r}; there are: {', '.join(STEPS)}")
    patience_s = parse_duration_ns(within) / SECOND_NS
    if not 1 <= patience_s <= WITHIN_MAX_S:
        raise UsageError(f"--within is {within}; write 1s to {WITHIN_MAX_S // 60}m")
    if not to.is_dir():
        raise UsageError(f"{to} is no folder; make it, or name another --to")
    document = DEFAULT if config is None else read_document(config)
    begun_ms = Clock().now_ns() // MS_NS
    done = []
    for name in dict.fromkeys(steps or STEPS):
        done.append(rehearse(name, document, lease, patience_s))
        if not common.json:
            found = done[-1]
            word = "[green]as expected[/]" if found.is_good else "[red]NOT as expected[/]"
            common.show({}, f"[bold]{name}[/] {word} [dim]{found.seconds:.1f} s[/]")
    stamp = shown_time(begun_ms).partition(".")[0].replace("-", "").replace(":", "")
    files = [to / f"drill-{stamp}.{kind}" for kind in ("md", "json")]
    report = as_document(done, begun_ms, str(config or "a market maker"))
    write_atomically(files[0], as_text(report))
    write_atomically(files[1], json.format(json.encode(report)) + b"\n")
    words = [f"{shown(it['expected'])}: {shown(it['seen'])}" for it in _odd(report)]
    common.show(
        {**report, "files": [str(file) for file in files]},
        "\n".join([*(f"  [red]{word}[/]" for word in words), f"report: {shown(str(files[0]))}"]),
    )
    return 0 if report["as_expected"] else CHECK_FAILED


def read_document(file: Path) -> dict[str, Any]:
    """Return what a drill takes of a bot's configuration.

    Raises:
        ConfigError: It cannot be read, or is none of one leg.
    """
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file} cannot be read: {error}") from error
    try:
        dialect = parse_config(text).main.dialect.removeprefix("ccxt:")
    except ConfigError as error:
        raise ConfigError(f"{file}: {error}") from error
    return {**read_toml(text), "dialect": dialect}


def rehearse(name: str, document: dict[str, Any], lease: str, patience_s: float) -> Rehearsal:
    """Carry out one step on a stage of its own."""
    step, begun_ns = STEPS[name], Clock().now_ns()
    purpose = (step.__doc__ or "").strip().partition("\n")[0]
    found = Rehearsal(name, purpose, shown_time(begun_ns // MS_NS))
    clock = time.monotonic()
    root = Path(tempfile.mkdtemp(prefix="steelyard-drill-"))
    stage = Stage(root / "stage", document, lease, patience_s)
    try:
        with _own_state(root):
            stage.set_up()
            step(stage, found.findings.append)
    except (DrillFailed, SteelyardError) as error:
        found.failure = harmless(str(error))
    finally:
        stage.close()
        try:
            stage.forget_lease()
        except DrillFailed as error:
            found.failure = found.failure or harmless(str(error))
        shutil.rmtree(root, ignore_errors=True)
    found.seconds = round(time.monotonic() - clock, 1)
    return found


@contextmanager
def _own_state(root: Path) -> Iterator[None]:
    """Have what this process asks of the exchange counted apart from what the user's bots ask."""
    name = "STEELYARD_STATE"
    before = os.environ.get(name)
    os.environ[name] = str(root / "stage" / "state")
    try:
        yield
    finally:
        if before is None:
            del os.environ[name]
        else:
            os.environ[name] = before


def as_document(done: list[Rehearsal], begun_ms: int, bot: str) -> dict[str, Any]:
    """Return the report."""
    return {
        "begun": shown_time(begun_ms),
        "bot": bot,
        "says": SAYS,
        "as_expected": all(found.is_good for found in done),
        "steps": [
            {
                "step": found.name,
                "purpose": found.purpose,
                "begun": found.begun,
                "seconds": found.seconds,
                "as_expected": found.is_good,
                "failure": found.failure or None,
                "findings": [finding._asdict() for finding in found.findings],
            }
            for found in done
        ],
    }


def as_text(report: dict[str, Any]) -> str:
    """Return the report as Markdown."""
    word = {True: "as expected", False: "NOT as expected"}
    lines = [
        f"# Drill of {report['begun']}",
        "",
        f"{word[report['as_expected']].capitalize()}. Bot: {report['bot']}. {report['says']}",
    ]
    for step in report["steps"]:
        lines += [
            "",
            f"## {step['step']}: {word[step['as_expected']]}",
            "",
            f"{step['purpose']} Began {step['begun']}, took {step['seconds']} s.",
            "",
            "| expected | seen | |",
            "|---|---|---|",
            *(
                f"| {_cell(it['expected'])} | {_cell(it['seen'])} | "
                f"{'yes' if it['is_good'] else '**no**'} |"
                for it in step["findings"]
            ),
        ]
        if step["failure"]:
            lines += ["", f"It ended early: {_cell(step['failure'])}"]
    return "\n".join([*lines, ""])


def _odd(report: dict[str, Any]) -> Iterator[dict[str, str]]:
    for step in report["steps"]:
        yield from (it for it in step["findings"] if not it["is_good"])
        if step["failure"]:
            yield {"expected": step["step"], "seen": step["failure"]}


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())
