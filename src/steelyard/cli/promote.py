"""`steelyard promote`: look at what a bot has shown, and let it up one rung of the ladder."""

import sys
from decimal import Decimal
from getpass import getuser
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import msgspec
from cyclopts import Parameter

from steelyard.backtest.report import Report
from steelyard.cli.grants import grants_of, keep
from steelyard.cli.options import Common
from steelyard.cli.replay import records_of
from steelyard.cli.report_files import read_legs_report, read_report
from steelyard.cli.terminal import shown
from steelyard.domain.errors import UsageError
from steelyard.domain.units import in_full
from steelyard.net.clock import Clock
from steelyard.store.datadir import bot_directories
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
    A bot of several legs is judged leg by leg and goes up whole: each leg has a grant and a cap of
    its own. The exit code is 1 if something is missing.

    Examples: steelyard promote dip --check | steelyard promote dip --report backtests/dip.json
    --why "a year of bars" | steelyard promote dip --why "four weeks" --confirm dip

    Parameters
    ----------
    bot
        Its name.
    report
        The JSON file of its backtest: evidence for the sandbox. Of legs that of the whole.
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
    if report is not None:
        shown_by = _of_report(report, bot)
    else:
        shown_by = {name: _of_journal(common.directory, name) for name in _bots(common, bot)}
    found = {
        name: _judged(name, each, waive, cap, is_tolerant=check) for name, each in shown_by.items()
    }
    missing = [it.name for each in found.values() for it in each.missing]
    if not (missing or check):
        _ask(bot, found, why, confirm)
        for name, each in found.items():
            keep(_grant(name, each, why, waive))
    documents = [
        _document(name, each, waive, is_granted=not (missing or check))
        for name, each in found.items()
    ]
    lines = [
        line
        for document, each in zip(documents, found.values(), strict=True)
        for line in _lines(document, [it.name for it in each.missing])
    ]
    whole = {"bot": bot, "granted": not (missing or check), "legs": documents}
    common.show(documents[0] if bot in found else whole, "\n".join(lines))
    return CHECK_FAILED if missing else DONE


class Shown(NamedTuple):
    """What a bot has shown, and where."""

    environment: Environment
    identity: Identity
    criteria: tuple[Criterion, ...]
    slippage: Decimal | None
    venue: str = ""
    code: str = ""


class Judged(NamedTuple):
    """What of it is missing, and how much may be at stake on the next rung."""

    shown: Shown
    to: Environment
    missing: list[Criterion]
    cap: Decimal | None


def _judged(
    bot: str, each: Shown, waive: tuple[str, ...], cap: str | None, *, is_tolerant: bool
) -> Judged:
    missing = unmet(each.criteria, waive)
    stands_on = granted(grants_of(bot), bot, each.environment, each.identity)
    most = None if cap is None else parse_number(cap, "--cap")
    try:
        at_stake = cap_of(stands_on, each.environment, each.identity.symbol, most)
    except UsageError:
        if cap is not None or not (is_tolerant or missing):
            raise
        at_stake = None  # what is missing is told first
    return Judged(each, after(each.environment), missing, at_stake)


def _grant(bot: str, each: Judged, why: str, waive: tuple[str, ...]) -> Grant:
    return Grant(
        venue=each.shown.venue,
        code=each.shown.code,
        bot=bot,
        environment=each.to,
        identity=each.shown.identity,
        cap=each.cap,
        who=getuser(),
        why=why,
        time_ns=Clock().now_ns(),
        criteria=each.shown.criteria,
        waived=tuple(sorted(set(waive))),
        slippage=each.shown.slippage,
    )


def _document(
    bot: str, each: Judged, waive: tuple[str, ...], *, is_granted: bool
) -> dict[str, Any]:
    identity = each.shown.identity
    return {
        "bot": bot,
        "from": each.shown.environment,
        "to": each.to,
        "identity": msgspec.to_builtins(identity),
        "criteria": [_row(criterion, waive) for criterion in each.shown.criteria],
        "cap": None if each.cap is None else in_full(each.cap),
        "quote": quote_of(identity.symbol),
        "granted": is_granted,
    }


def _bots(common: Common, bot: str) -> list[str]:
    """Return a bot, or, where it has several legs, the bots that they are."""
    known = bot_directories(common.directory)
    if bot in known:
        return [bot]
    for name in known:
        if not name.startswith(f"{bot}-"):
            continue
        run = gather(records_of(common.directory, name))
        legs = {} if run is None else run.identity.legs
        if name.removeprefix(f"{bot}-") in legs:
            return [f"{bot}-{leg}" for leg in legs]
    return [bot]  # and nobody of that name has run


def _of_report(file: Path, bot: str) -> dict[str, Shown]:
    """Return what a report shows: of a bot, or of each of its legs.

    Raises:
        ConfigError: It cannot be read, or is no report.
        UsageError: It is of one leg alone.
    """
    whole = read_legs_report(file)
    if whole is None:
        found = read_report(file)
        if found.legs:
            raise UsageError(
                f"{file} is of one leg, and whether its profit is to be believed is asked of all: "
                "give the report of the whole"
            )
        return {bot: _backtest_of(found, ())}
    serious = tuple(warned.rule for warned in whole.warnings if warned.is_serious)
    legs = {f"{bot}-{leg.name}": _backtest_of(leg.report, serious) for leg in whole.legs}
    for leg in whole.legs:  # one by its own name
        if bot != whole.name and bot.endswith(f"-{leg.name}"):
            return {bot: _backtest_of(leg.report, serious)}
    return legs


def _backtest_of(found: Report, serious: tuple[str, ...]) -> Shown:
    costs = found.metrics.costs
    slipped = costs.slippage
    cost = slipped.delay_quote + slipped.taking_quote + slipped.resting_quote
    identity = Identity(
        found.head.strategy,
        found.head.symbol,
        {name: str(value) for name, value in found.params.items()}
        if found.written is None
        else found.written,
        found.legs,
    )
    rules = {*serious, *(it.rule for it in found.warnings if it.is_serious)}
    backtested = Backtested(
        identity=identity,
        fills=found.metrics.fills,
        slippage=cost / costs.volume_quote if costs.volume_quote else None,
        serious=tuple(sorted(rules)),
    )
    criteria = judge_backtest(backtested)
    return Shown(Environment.BACKTEST, identity, criteria, backtested.slippage)


def _of_journal(data: Path, bot: str) -> Shown:
    """Return what a bot's journal shows."""
    grants = grants_of(bot)
    evidence = _with_mark(_evidence(data, bot, grants), Latch(data, bot))
    environment, identity = Environment(evidence.environment), evidence.identity
    slippage = _backtested(grants, identity)
    rungs = judge_rungs(grants, environment, identity)
    criteria = (rungs, *judge(evidence, slippage))
    return Shown(environment, identity, criteria, slippage, evidence.venue, evidence.code)


def _evidence(data: Path, bot: str, grants: list[Grant]) -> Evidence:
    """Return what the journal shows; with real money, what no grant has been given on yet."""
    first = gather(records_of(data, bot))
    if first is None:
        raise UsageError(f"{bot} has not run in {data} yet: nothing is shown")
    if first.bot != bot:
        raise UsageError(
            f"the journal of {bot} in {data} is a copy of {first.bot}'s, which shows nothing of "
            f"{bot}: promote {first.bot}, or let {bot} run"
        )
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


def _ask(bot: str, found: dict[str, Judged], why: str, confirm: str) -> None:
    """Refuse a grant that nobody gives in so many words."""
    if not why.strip():
        raise UsageError("say why it may: --why TEXT; it is kept with the grant")
    real = {name: each for name, each in found.items() if each.to in REAL}
    if real and confirm != bot:
        assert all(each.cap is not None for each in real.values()), "real money has a cap"
        stakes = ", ".join(
            f"{in_full(each.cap or Decimal(0))} {quote_of(each.shown.identity.symbol)}"
            + ("" if name == bot else f" ({name})")
            for name, each in real.items()
        )
        to = next(iter(real.values())).to
        if confirm or not sys.stdin.isatty():
            raise UsageError(
                f"the next rung is {to} with up to {stakes} at stake: say the bot's "
                f"name again, --confirm {bot}"
            )
        if input(f"{to}: up to {stakes} of real money. Type the bot's name: ") != bot:
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
