"""`steelyard promote`: look at what a bot has shown, and let it up one rung of the ladder."""

import sys
from decimal import Decimal
from getpass import getuser
from pathlib import Path
from typing import Annotated, Any

import msgspec
from cyclopts import Parameter

from steelyard.cli.grants import grants_of, keep
from steelyard.cli.options import Common
from steelyard.cli.replay import records_of
from steelyard.cli.report_files import read_report
from steelyard.cli.terminal import shown
from steelyard.domain.errors import UsageError
from steelyard.domain.units import in_full
from steelyard.net.clock import Clock
from steelyard.store.latch import Latch
from steelyard.trading.config import Environment, parse_number
from steelyard.trading.evidence import Evidence, Identity, gather
from steelyard.trading.ladder import (
    REAL,
    Backtested,
    Criterion,
    Grant,
    after,
    cap_of,
    granted,
    judge,
    judge_backtest,
    judge_rungs,
    quote_of,
    unmet,
    used_until_ns,
)

DONE, CHECK_FAILED = 0, 1
_EVERYONE = Common()


def promote(
    bot: str,
    /,
    *,
    report: Path | None = None,
    why: str = "",
    waive: tuple[str, ...] = (),
    confirm: str = "",
    cap: str | None = None,
    check: Annotated[bool, Parameter(negative="")] = False,
    common: Common = _EVERYONE,
) -> int:
    """Look at what a bot has shown where it is, and grant it the next rung of the ladder.

    The rungs are sandbox, paper, live-canary and live. The first asks for a backtest's report, each
    further one for the journal in --data: time that it ran, days, fills, rejects, the deepest fall,
    slippage beside the backtest's, no incident that is open, and on paper a venue's own market. A
    grant is for one class, as its code is then, with one set of parameters on one symbol. On the
    canary's rung orders and exposure are capped; each grant on what live has shown doubles the cap.
    The exit code is 1 if something is missing.

    Examples: steelyard promote dip --check | steelyard promote dip --report backtests/dip.json
    --why "a year of bars" | steelyard promote dip --why "four weeks" --confirm dip

    Parameters
    ----------
    bot
        Its name.
    report
        The JSON file of its backtest: evidence for the sandbox.
    why
        Why it may; kept with the grant.
    waive
        What is not shown and may be missing all the same, by name; kept with the grant.
    confirm
        The bot's name again, where real money is next.
    cap
        How much may be at stake with real money, in quote: at most what the rung allows; must be
        said where the quote is none of the currencies in which the rungs are counted.
    check
        Only say what is there and what is missing.
    """
    grants = grants_of(bot)
    venue = code = ""
    if report is not None:
        environment, identity, criteria, slippage = _of_report(report)
    else:
        evidence = _with_mark(
            _evidence(common.directory, bot, grants), Latch(common.directory, bot)
        )
        environment, identity = Environment(evidence.environment), evidence.identity
        venue, code = evidence.venue, evidence.code
        slippage = _backtested(grants, identity)
        rungs = judge_rungs(grants, environment, identity)
        criteria = (rungs, *judge(evidence, slippage))
    to = after(environment)
    missing = unmet(criteria, waive)
    stands_on = granted(grants, bot, environment, identity)
    most = None if cap is None else parse_number(cap, "--cap")
    try:
        at_stake = cap_of(stands_on, environment, identity.symbol, most)
    except UsageError:
        if cap is not None or not (check or missing):
            raise
        at_stake = None  # what is missing is told first
    is_granted = not (missing or check)
    if is_granted:
        _ask(bot, to, why, confirm, at_stake, quote_of(identity.symbol))
        grant = Grant(
            venue=venue,
            code=code,
            bot=bot,
            environment=to,
            identity=identity,
            cap=at_stake,
            who=getuser(),
            why=why,
            time_ns=Clock().now_ns(),
            criteria=criteria,
            waived=tuple(sorted(set(waive))),
            slippage=slippage,
        )
        keep(grant)
    document = {
        "bot": bot,
        "from": environment,
        "to": to,
        "identity": msgspec.to_builtins(identity),
        "criteria": [_row(criterion, waive) for criterion in criteria],
        "cap": None if at_stake is None else in_full(at_stake),
        "quote": quote_of(identity.symbol),
        "granted": is_granted,
    }
    common.show(document, "\n".join(_lines(document, [it.name for it in missing])))
    return CHECK_FAILED if missing else DONE


def _of_report(
    file: Path,
) -> tuple[Environment, Identity, tuple[Criterion, ...], Decimal | None]:
    found = read_report(file)
    costs = found.metrics.costs
    slipped = costs.slippage
    cost = slipped.delay_quote + slipped.taking_quote + slipped.resting_quote
    identity = Identity(
        found.head.strategy,
        found.head.symbol,
        {name: str(value) for name, value in found.params.items()}
        if found.written is None
        else found.written,
    )
    backtested = Backtested(
        identity=identity,
        fills=found.metrics.fills,
        slippage=cost / costs.volume_quote if costs.volume_quote else None,
        serious=tuple(sorted({it.rule for it in found.warnings if it.is_serious})),
    )
    criteria = judge_backtest(backtested)
    return Environment.BACKTEST, identity, criteria, backtested.slippage


def _evidence(data: Path, bot: str, grants: list[Grant]) -> Evidence:
    """Return what the journal shows; with real money, what no grant has been given on yet."""
    first = gather(records_of(data, bot))
    if first is None:
        raise UsageError(f"{bot} has not run in {data} yet: nothing is shown")
    if first.environment not in {it.value for it in Environment} - {"backtest"}:
        raise UsageError(f"{bot} ran as {first.environment!r}, which is no rung")
    if Environment(first.environment) not in REAL:
        return first
    again = gather(records_of(data, bot), used_until_ns(grants, bot, first.identity))
    assert again is not None, "it has a run"
    return again


def _with_mark(evidence: Evidence, latch: Latch) -> Evidence:
    """Return evidence with a kill mark that was set while the bot did not run."""
    if not latch.is_set or any("killed" in it for it in evidence.incidents):
        return evidence
    incidents = (*evidence.incidents, "its kill mark is set")
    return msgspec.structs.replace(evidence, incidents=incidents)


def _backtested(grants: list[Grant], identity: Identity) -> Decimal | None:
    """Return the slippage of the bot's own backtest."""
    told = [it.slippage for it in grants if it.identity == identity and it.slippage is not None]
    return told[-1] if told else None


def _ask(
    bot: str, to: Environment, why: str, confirm: str, cap: Decimal | None, quote: str
) -> None:
    """Refuse a grant that nobody gives in so many words."""
    if not why.strip():
        raise UsageError("say why it may: --why TEXT; it is kept with the grant")
    if to in REAL and confirm != bot:
        assert cap is not None, "a rung with real money has a cap"
        if confirm or not sys.stdin.isatty():
            raise UsageError(
                f"the next rung is {to} with up to {in_full(cap)} {quote} at stake: say the bot's "
                f"name again, --confirm {bot}"
            )
        if input(f"{to}: up to {in_full(cap)} {quote} of real money. Type the bot's name: ") != bot:
            raise UsageError("that is another name: nothing was granted")


def _row(criterion: Criterion, waived: tuple[str, ...]) -> dict[str, Any]:
    is_waived = criterion.name in waived and not criterion.is_met
    return {**msgspec.to_builtins(criterion), "is_waived": is_waived}


def _lines(document: dict[str, Any], missing: list[str]) -> list[str]:
    identity = document["identity"]
    what = f"{shown(identity['strategy'])} on {shown(identity['symbol'])}"
    lines = [f"[bold]{shown(document['bot'])}[/] {document['from']} → {document['to']}: {what}"]
    rows = document["criteria"]
    wide = max(len(row["name"]) for row in rows)
    for row in rows:
        mark = "[green]ok[/]" if row["is_met"] else "[yellow]waived[/]"
        if not (row["is_met"] or row["is_waived"]):
            mark = "[red]missing[/]"
        found, wanted = shown(row["found"]), shown(row["wanted"])
        lines.append(f"  {row['name']:<{wide}}  {mark}  {found} (wanted: {wanted})")
    if document["granted"]:
        cap = ""
        if document["cap"] is not None:
            cap = f", up to {document['cap']} {shown(document['quote'])} at stake"
        lines.append(f"granted: {shown(document['bot'])} may run as {document['to']}{cap}")
    elif missing:
        lines.append(f"not granted: {', '.join(missing)}")
    else:
        lines.append("nothing is missing")
    return lines
