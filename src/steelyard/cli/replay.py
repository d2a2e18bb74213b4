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
    common.show(document, "\n".join(map(_marked, words_of(past, document))))
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


Words = list[tuple[str, str]]  # a line: texts with how each is set, "" plain


def words_of(past: Past, document: dict[str, Any]) -> list[Words]:
    """Return a moment as lines, for a terminal and for a page."""
    if not past.sequence:
        return [[("", "nothing was written by then")]]
    bot, position, pnl = document["bot"] or {}, document["position"], document["pnl"]
    reason = f": {document['reason']}" if document["reason"] else ""
    held = f"{position['size']} {position['side']}"
    when = f" after record {past.sequence} of {shown_time(document['written'])}"
    lines: list[Words] = [
        [("bold", bot.get("name", "")), ("", f" {bot.get('symbol', '')}{when}")],
        [("", f"  {document['status']}{reason}")],
        [("", f"  position {held} · {len(document['fills'])} fills")],
        [("", f"  realized {pnl['realized']} · fees {pnl['fees']} {pnl['currency']}")],
    ]
    for order in document["orders"]:
        price = "at the market" if order["price"] is None else f"at {order['price']}"
        text = (
            f"  open {order['side']} {order['size']} {price} · {order['filled']} filled · "
            f"{order['state']} · {order['client_order_id']}"
        )
        lines.append([("", text)])
    for held in document["breakers"]:
        since = f" {held['name']} since {shown_time(held['since'])}: {held['text']}"
        lines.append([("", "  "), ("yellow", "breaker tripped"), ("", since)])
    down = [f"{role}: {why}" for role, why in document["streams"].items() if why is not None]
    lines += [[("", "  "), ("yellow", "stream down"), ("", f" {text}")] for text in down]
    if document["failure"]:
        failure = f" {_last(document['failure'])}"
        lines.append([("", "  "), ("red", "its strategy had failed"), ("", failure)])
    for told in document["told"][-5:]:
        what = f"refused {told['wanted']}: " if "wanted" in told else ""
        lines.append([("", f"  {shown_time(told['time'])} {what}{told['text']}")])
    return lines


def _marked(words: Words) -> str:
    return "".join(f"[{style}]{shown(text)}[/]" if style else shown(text) for style, text in words)


def _last(text: str) -> str:
    return text.strip().rpartition("\n")[2]
