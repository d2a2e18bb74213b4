"""`steelyard replay`: how a bot was at any past moment, from its journal.

The journal is read beside the bot that may be writing it: nothing is locked, and nothing waits.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from steelyard.cli.options import Common, parse_since_ns, shown_time
from steelyard.cli.terminal import shown
from steelyard.domain.errors import UsageError
from steelyard.domain.journal import Record
from steelyard.net.clock import Clock
from steelyard.store.datadir import bot_directories
from steelyard.store.journal import read_records
from steelyard.trading.past import Past, past_at
from steelyard.trading.records import codec

_EVERYONE = Common()
MS_NS = 1_000_000


def replay(
    bot: str,
    /,
    *,
    at: str | None = None,
    sequence: int | None = None,
    common: Common = _EVERYONE,
) -> int:
    """Show how a bot was at a past moment: orders, position, profit, what held it back.

    Exact: what the running bot reported then. Status and reason may be a second late; what
    the market was worth then is in the tape, and not in the journal.

    Examples: steelyard replay dip --at 2026-11-22T06:30:00.250Z | steelyard replay dip --at 10m |
    steelyard replay dip --sequence 4711

    Parameters
    ----------
    bot
        Its name.
    at
        The moment: a time (without a zone it is UTC), or how long ago; default: now.
    sequence
        The record of the journal up to which, instead.
    """
    if at is not None and sequence is not None:
        raise UsageError("a moment is given by --at or by --sequence; give one of them")
    if sequence is not None and sequence < 0:
        raise UsageError("--sequence counts from 1; 0 is the moment before anything")
    time_ns = moment_ns(at)
    past = past_at(records_of(common.directory, bot), time_ns=time_ns, sequence=sequence)
    document = past.document()
    document["at"] = None if time_ns is None else time_ns // MS_NS
    common.show(document, "\n".join(_lines(past, document)))
    return 0


def moment_ns(at: str | None) -> int | None:
    """Return the moment that somebody means, its last nanosecond; None: now.

    Raises:
        UsageError: It is none.
    """
    if at is None:
        return None
    return parse_since_ns(at, Clock().now_ns()) + MS_NS - 1


def records_of(data: Path, bot: str) -> Iterator[Record]:
    """Yield a bot's records, also of one that runs.

    Raises:
        UsageError: No bot of that name has run here.
    """
    known = bot_directories(data)
    if bot not in known:
        raise UsageError(f"no bot {bot!r} in {data}; there are: {', '.join(known) or 'none'}")
    form = codec()
    return (form.decode(*record) for record in read_records(data / "bots" / bot / "journal"))


def _lines(past: Past, document: dict[str, Any]) -> list[str]:
    if not past.sequence:
        return ["nothing was written by then"]
    bot, position, pnl = document["bot"] or {}, document["position"], document["pnl"]
    reason = f": {document['reason']}" if document["reason"] else ""
    who = f"[bold]{shown(bot.get('name', ''))}[/] {shown(bot.get('symbol', ''))}"
    lines = [
        f"{who} after record {past.sequence} of {shown_time(document['written'])}",
        f"  {document['status']}{shown(reason)}",
        f"  position {position['size']} {position['side']} · {len(document['fills'])} fills",
        f"  realized {pnl['realized']} · fees {pnl['fees']} {pnl['currency']}",
    ]
    for order in document["orders"]:
        price = "at the market" if order["price"] is None else f"at {order['price']}"
        lines.append(
            f"  open {order['side']} {order['size']} {price} · {order['filled']} filled · "
            f"{order['state']} · {shown(order['client_order_id'])}"
        )
    down = [f"{role}: {why}" for role, why in document["streams"].items() if why is not None]
    lines += [f"  [yellow]stream down[/] {shown(text)}" for text in down]
    lines += [
        f"  [yellow]breaker {breaker['name']}[/] since {shown_time(breaker['since'])}: "
        f"{shown(breaker['text'])}"
        for breaker in document["breakers"]
    ]
    if document["failure"]:
        lines.append(f"  [red]its strategy had failed[/] {shown(_last(document['failure']))}")
    for told in document["told"][-5:]:
        what = f"refused {told['wanted']}: " if "wanted" in told else ""
        lines.append(f"  {shown_time(told['time'])} {shown(what + told['text'])}")
    return lines


def _last(text: str) -> str:
    return text.strip().rpartition("\n")[2]
