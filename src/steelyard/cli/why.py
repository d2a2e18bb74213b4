"""`steelyard why`: which gate stopped or passed each wish of a bot, in sentences."""

from steelyard.cli.options import Common, shown_time
from steelyard.cli.replay import moment_ns, records_of
from steelyard.cli.terminal import shown
from steelyard.domain.errors import UsageError
from steelyard.store.datadir import may_run
from steelyard.trading.reasons import LINES, LINES_MAX, reasons_at

_EVERYONE = Common()
MS_NS = 1_000_000


def why(
    bot: str, /, *, at: str | None = None, lines: int = LINES, common: Common = _EVERYONE
) -> int:
    """Say why a bot trades, or does not: each gate, and what became of each wish.

    From its journal, whether it runs or not. The first line is the answer: the first gate that lets
    no order pass, or the last wish and what became of it.

    Examples: steelyard why dip | steelyard why dip --at 2026-11-22T06:30:00Z |
    steelyard why dip --at 1h

    Parameters
    ----------
    bot
        Its name.
    at
        The moment: a time (without a zone it is UTC), or how long ago; default: now.
    lines
        How many of the last lines of its past are shown.
    """
    if not 1 <= lines <= LINES_MAX:
        raise UsageError(f"--lines is 1 to {LINES_MAX}")
    records = records_of(common.directory, bot)
    reasons = reasons_at(records, time_ns=moment_ns(at), lines=lines)
    # Of now the files say more than the journal: one that has crashed wrote nothing any more.
    reasons.is_gone = at is None and not may_run(common.directory / "bots" / bot)
    document = {"bot": bot, **reasons.document()}
    text = [f"[bold]{shown(bot)}[/]: {shown(reasons.sentence)}"]
    for verdict in reasons.verdicts:
        mark = "[green]passes[/]" if verdict.passes else "[red]STOPS[/] "
        text.append(f"  {mark} {verdict.gate:<10} {shown(verdict.text)}")
    for line in reasons.lines:
        mark = {True: "[green]+[/]", False: "[red]-[/]", None: " "}[line.passes]
        text.append(f"{shown_time(line.time_ns // MS_NS)} {mark} {shown(line.text)}")
    common.show(document, "\n".join(text))
    return 0
