"""Write docs/reference from the code: orders, errors, CLI, dialects.

The pages are made from what runs (FIELDS, the error tree, `--help`, the manifests), so they
cannot lie; `tests/house/test_reference.py` fails when one is out of step.

    python scripts/reference.py          write the pages
    python scripts/reference.py --check  say which would change, and exit 1
"""

import ast
import inspect
import re
import sys
import tomllib
from collections.abc import Callable, Iterator
from io import StringIO
from pathlib import Path

from cyclopts import App
from rich.console import Console

from steelyard import dialects, strategies
from steelyard.cli import checklist, exchange_metrics, limit_profiles, trader_site
from steelyard.cli.main import app, load_commands
from steelyard.dialects.native import manual, markdown
from steelyard.domain import errors, order
from steelyard.domain.instrument import Listings
from steelyard.domain.lifecycle import TRANSITIONS
from steelyard.domain.order import FIELDS, Fields, Need, RejectReason, TimeInForce
from steelyard.sim.rungs import NEEDS, TOKEN_USDT, lacking
from steelyard.sim.stand import BTC_USDT
from steelyard.trading import parameters
from steelyard.wire.dialect import AccessReason, ChannelKind, Dialect
from steelyard.wire.limits import LimitProfile

ROOT = Path(__file__).resolve().parent.parent
REFERENCE = ROOT / "docs" / "reference"
GUIDES = (ROOT / "docs" / "guides" / "strategies.md",)  # with tables that are made
NOTE = "<!-- Made by scripts/reference.py from the code; change that instead. -->\n\n"
WIDTH = 92


def pages() -> dict[str, Callable[[], str]]:
    """Return the maker of each page by its name."""
    return {
        "orders.md": orders,
        "errors.md": errors_page,
        "cli.md": cli,
        "dialects.md": spoken,
        "native-api.md": native_api,
        "metrics.md": metrics,
        "limits.md": limits,
        "requirements.md": requirements,
        "checklists.md": checklists,
    }


def requirements() -> str:
    """Return the page on what is promised: what shows it, and what is missing."""
    areas = tomllib.loads((ROOT / "scripts" / "requirements.toml").read_text(encoding="utf-8"))
    promises = {
        number: promise
        for area in areas.values()
        for number, promise in area.items()
        if number != "title"
    }
    lacking = {number: it["lacks"] for number, it in promises.items() if "lacks" in it}
    absent = {number: why for number, why in lacking.items() if "by" not in promises[number]}
    lines = [
        "# Requirements",
        "",
        f"Of {len(promises)} promises {len(promises) - len(lacking)} are shown whole,",
        f"{len(lacking) - len(absent)} in part, and {len(absent)} are missing. A test is run by",
        "`make test` (or `pytest PATH`); what is slow by `make night`.",
        "",
        "## Missing",
        "",
        "| id | promise | |",
        "|---|---|---|",
    ]
    lines += [
        f"| {number} | {promises[number]['says']} | {why} |" for number, why in absent.items()
    ]
    for letter, area in areas.items():
        lines += ["", f"## {letter}. {area['title']}", ""]
        lines += ["| id | promise | shown by | lacks |", "|---|---|---|---|"]
        for number, it in area.items():
            if number != "title":
                shown = "<br>".join(map(proof, it.get("by", ())))
                lines.append(f"| {number} | {it['says']} | {shown} | {it.get('lacks', '')} |")
    return "\n".join(lines) + "\n"


def checklists() -> str:
    """Return the checklists, each item with who answers it."""
    lines = [
        "# Checklists",
        "",
        "What should be so before a bot trades with money, and who can say whether it is:",
        "",
        "- **doctor**: `steelyard doctor` looks, and says yes or no; unknown where there is",
        "  nothing to look at yet.",
        "- **ask**: the command that is named asks somebody whom the doctor does not ask.",
        "- **you**: nobody else can know.",
    ]
    for name, items in checklist.LISTS.items():
        lines += ["", f"## {name.capitalize()}", ""]
        for item in items:
            who = "you" if item.is_yours else "doctor" if item.findings else "ask"
            lines.append(f"- [ ] **{item.number}** ({who}) {item.says}: {item.how}")
    return "\n".join([*lines, ""])


def proof(what: str) -> str:
    """Return what shows a promise, as a link where it is a file."""
    path, _, name = what.partition("::")
    if not (ROOT / path).exists():
        return f"`{what}`"
    target = f"../../{path}"
    return f"[{name.removeprefix('test_').replace('_', ' ') or path}]({target})"


def with_tables(text: str) -> str:
    """Return a guide with the tables of parameters that it has places for."""

    def table(found: re.Match[str]) -> str:
        params = getattr(strategies, found[1]).Params
        lines = ["| parameter | kind | default | bounds | what it is |", "|---|---|---|---|---|"]
        lines += [
            f"| `{row.name}` | {row.kind} | {row.default} | {row.bounds} | {row.meaning} |"
            for row in parameters.rows(params)
        ]
        return f"<!-- parameters of {found[1]} -->\n\n" + "\n".join(lines) + "\n\n<!-- end -->"

    return re.sub(r"<!-- parameters of (\w+) -->.*?<!-- end -->", table, text, flags=re.DOTALL)


def native_api() -> str:
    """Return the page on the native API, which `/docs` shows in its own dress."""
    return markdown.text(manual.blocks(dialects.find("native")))


def orders() -> str:
    """Return the page on orders: FIELDS, the enums, the transitions."""
    needs = {Need.NEVER: "-", Need.MAY: "may", Need.MUST: "must"}
    names = Fields._fields
    lines = [
        "# Orders",
        "",
        "Which field goes with which type: it must have it, may have it, or never has it (-). What",
        "is not offered here is refused as `UNSUPPORTED`. What each of them does is told in",
        "[concepts/orders.md](../concepts/orders.md).",
        "",
        f"| type | {' | '.join(names)} |",
        "|---" * (len(names) + 1) + "|",
    ]
    for order_type, fields in FIELDS.items():
        times = ", ".join(t.name for t in sorted(fields.time_in_force))
        row = (order_type.name, times, *(needs[need] for need in fields[1:]))
        lines.append(f"| {' | '.join(row)} |")
    lines += [
        "",
        "- `size_lots` is there always, and 0 where `quote_atoms` says how much.",
        "- `trail` is one of `trail_ticks` and `trail_rate_e8`.",
        "- `activation_direction` is which way a price comes to `activation_ticks`; where it is",
        "  not said, a sell's is RISE, a buy's FALL. Without `activation_ticks` it says nothing.",
        "- `post_only` and `display_lots` go with GTC and GTD; `slide` with `post_only`.",
        "- `expire_ns` goes with GTD, and GTD with nothing else.",
        "- `trigger_by` is for types that wait for a price: not LIMIT and MARKET.",
        "- `self_trade` DECREMENT does not go with `quote_atoms`.",
        f"- An iceberg has at most {order.SLICES_MAX} slices.",
        "",
    ]
    for enum in (
        order.OrderType,
        TimeInForce,
        order.TriggerBy,
        order.Direction,
        order.SelfTrade,
        order.FeeAsset,
        order.GroupKind,
        order.MarketState,
        order.TransferState,
        order.CancelCause,
    ):
        lines += [f"## {enum.__name__}", "", (inspect.getdoc(enum) or "").strip(), ""]
        lines += [f"- `{name}`{_after(note)}" for name, note in _members(enum)] + [""]
    lines += ["## States", "", "| from | may become |", "|---|---|"]
    for state, following in TRANSITIONS.items():
        lines.append(
            f"| {state.name} | {', '.join(s.name for s in sorted(following)) or 'final'} |"
        )
    lines += [
        "",
        "PENDING, UNKNOWN and ABSENT are a trader's: written down and not answered; sent and not",
        "answered; proven never to have reached the venue.",
        "",
    ]
    return "\n".join(lines)


def errors_page() -> str:
    """Return the page on errors: refusals in their precedence, access, exceptions."""
    lines = [
        "# Errors",
        "",
        "## Why a request is refused",
        "",
        "In the order in which it is checked: the first that applies is reported, by both engines",
        "and in every dialect's words.",
        "",
    ]
    lines += [f"- `{name}`{_after(note)}" for name, note in _members(RejectReason)]
    lines += ["", "## Why it did not get that far", "", "The gate's checks, in their order.", ""]
    lines += [f"- `{name}`{_after(note)}" for name, note in _members(AccessReason)]
    lines += ["", "## Exceptions", "", "In Python everything is a `SteelyardError`:", ""]
    lines += [*_tree(errors.SteelyardError, 0), ""]
    return "\n".join(lines)


def cli() -> str:
    """Return every command's --help."""
    lines = [
        "# Command line",
        "",
        "Exit codes: 0 done, 1 a check failed, 2 usage, 3 venue or network.",
        "",
        'With `--json` an error is a document too: `{"error": {"type", "message", "exit_code"}}`.',
    ]
    load_commands(app)
    for words in _commands(app, ()):
        out = StringIO()
        app.help_print(list(words), console=Console(file=out, width=WIDTH, color_system=None))
        text = "\n".join(line.rstrip() for line in out.getvalue().strip().splitlines())
        lines += ["", f"## {' '.join(('steelyard', *words))}", "", "```text", text, "```"]
    return "\n".join([*lines, ""])


def spoken() -> str:
    """Return the page on dialects: what they have in common, endpoints, limits, differences."""
    lines = [
        "# Dialects",
        "",
        "Each venue's API is a folder used from both ends.",
        "",
        *_compared(),
    ]
    for name in dialects.names():
        dialect = dialects.find(name)
        lines += [
            "",
            f"## {dialect.name}",
            "",
            f"{dialect.title}. Port: base + {dialect.port_offset}.",
        ]
        lines += [f"Source: {', '.join(dialect.docs)}." if dialect.docs else "", ""]
        lines += ["| method | path | needs | what |", "|---|---|---|---|"]
        for endpoint in dialect.endpoints:
            needs = endpoint.scope.value if endpoint.scope else endpoint.auth.name.lower()
            path = f"`{endpoint.path}`"
            lines.append(f"| {endpoint.method} | {path} | {needs} | {endpoint.summary} |")
        lines += ["", *_limit_table(dialect.limits)]
        if dialect.known_differences:
            lines += ["", "Known differences from the real venue:", ""]
            lines += [f"- {what} {why}" for what, why in dialect.known_differences]
        if dialect.notes:
            lines += ["", "As at the real venue, and good to know:", ""]
            lines += [f"- {note}" for note in dialect.notes]
    return "\n".join([*lines, ""])


def _compared() -> list[str]:
    """Return tables of what a trader can ask of which venue and hear from it, one column each."""
    spoken_by = [dialects.find(name) for name in dialects.names()]
    head = ["", *(f"[{dialect.name}](#{dialect.name})" for dialect in spoken_by)]
    rule = "|---" + "|:-:" * len(spoken_by) + "|"
    listings = Listings([BTC_USDT, TOKEN_USDT])
    orders_rows = [
        [need, *("" if lacking(each, need, BTC_USDT, listings) else "yes" for each in spoken_by)]
        for need, sentence in NEEDS.items()
        if sentence
    ]
    streams_rows = [
        [kind.name.lower(), *("yes" if _tells(each, kind) else "" for each in spoken_by)]
        for kind in PUBLIC_KINDS
    ]
    facts: dict[str, Callable[[Dialect], str]] = {
        "port": lambda it: f"base + {it.port_offset}",
        "keys": lambda it: ", ".join(sorted(kind.value for kind in it.key_kinds)),
        "client ids are unique": lambda it: "for ever" if it.client_ids_for_ever else "while open",
        "orders over a WebSocket": lambda it: "yes" if it.entry is not None else "",
        "answers tell the order": lambda it: "yes" if it.answers_in_full else "",
        "the stream tells each fill": lambda it: "yes" if it.tells_fills else "",
        "requests go one by one": lambda it: "yes" if it.in_turn else "",
        "REST routes": lambda it: str(len(it.endpoints)),
        "limits": lambda it: str(len(it.limits.limits)),
        "known differences": lambda it: str(len(it.known_differences)),
    }
    facts_rows = [[what, *(tell(each) for each in spoken_by)] for what, tell in facts.items()]
    lines = ["## At a glance", ""]
    asked = """\
What a trader can ask for, in the words of [dialogues](../internals/TESTING.md). An exchange may
take more than that from other clients: what it leaves out stands below each venue's routes."""
    heard = "What a trader can hear of a market; orders and balances are told by all."
    for words, rows in (("", facts_rows), (asked, orders_rows), (heard, streams_rows)):
        lines += [words, ""] if words else []
        lines += [_row(head), rule, *map(_row, rows), ""]
    return lines[:-1]


PUBLIC_KINDS = (
    ChannelKind.BOOK,
    ChannelKind.TRADES,
    ChannelKind.TICKER,
    ChannelKind.TOUCH,
    ChannelKind.CANDLES,
    ChannelKind.AGGREGATES,
    ChannelKind.FULL,
    ChannelKind.STATUS,
)


def _tells(dialect: Dialect, kind: ChannelKind) -> bool:
    """Whether a trader's session can follow a public channel."""
    try:
        dialect.client.market_session([BTC_USDT], Listings([BTC_USDT]), frozenset({kind}))
    except errors.Unsupported:
        return False
    return True


def _row(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def limits() -> str:
    """Return the page on `--limits`."""
    lines = [
        "# Rate limits",
        "",
        "`steelyard exchange --limits venue|tutorial|tutorial-coinbase|off|FILE` says which are",
        "enforced; how they are counted, what they lead to and the form of a file are in",
        "[concepts/limits.md](../concepts/limits.md). `venue`, the default, is each dialect's own,",
        "in [dialects.md](dialects.md); `off` is none.",
    ]
    for name, profile in limit_profiles.PROFILES.items():
        if profile.limits:
            lines += ["", f"## {name}", "", "On every dialect:", "", *_limit_table(profile)]
    return "\n".join([*lines, ""])


def _limit_table(profile: LimitProfile) -> list[str]:
    return [
        "| limit | per | counts | at most | window | routes |",
        "|---|---|---|---|---|---|",
        *(
            f"| {x.name} | {x.per} | {x.counts} | {x.limit} | {_seconds(x.window_ns)}, {x.kind} | "
            f"{', '.join(x.routes) or 'all'} |"
            for x in profile.limits
        ),
        *_consequences(profile),
    ]


def _consequences(profile: LimitProfile) -> list[str]:
    sockets = profile.sockets
    told = [
        f"{number} {what}"
        for number, what in (
            (sockets.connections, "open at a time from one address"),
            (sockets.connects, f"opened in any {_seconds(sockets.connects_ns)} from one address"),
            (sockets.subscriptions, "streams on one connection"),
            (sockets.messages, "messages a second to a stream on one connection"),
        )
        if number
    ]
    lines = ["", f"WebSockets: {'; '.join(told)}."] if told else []
    if profile.ban_after:
        ban = f"an address is banned for {_seconds(profile.ban_ns)}"
        lines += ["", f"After {profile.ban_after} refusals within a window {ban}."]
    return lines


def _seconds(duration_ns: int) -> str:
    return f"{duration_ns // 1_000_000_000} s"


def metrics() -> str:
    """Return the page on metrics: the tables that scrapes are made of."""
    lines = [
        "# Metrics",
        "",
        "For Prometheus, in its text format, without a token: `GET /metrics` on the exchange's",
        "first port (8600) and on each bot's. The Host has to be that port on loopback.",
        "Counters begin with the process.",
    ]
    for title, families in (
        ("The exchange", exchange_metrics.FAMILIES),
        ("A bot", (*trader_site.FAMILIES, *trader_site.LABELED)),
    ):
        lines += ["", f"## {title}", "", "| name | kind | labels | what |", "|---|---|---|---|"]
        lines += [f"| `{f.name}` | {f.kind} | {', '.join(f.labels)} | {f.help} |" for f in families]
    lines += [
        "",
        "Shares are of one: a slippage of 0.001 is a tenth of a percent, and what is below zero is",
        "a gain. The same numbers are in the bot's journal each minute (`Measured`, in lots and in",
        "half ticks times lots), the middles 1, 5 and 30 s after each fill too (`FillMarked`).",
        "What is ahead in the queue is at most so much: what leaves a level is taken to have been",
        "behind. What needs a book that is right is not told while there is none.",
    ]
    return "\n".join([*lines, ""])


def _commands(group: App, above: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    yield above
    for name in group:
        if not name.startswith("-"):
            yield from _commands(group[name], (*above, name))


def _members(enum: type) -> list[tuple[str, str]]:
    """Return an enum's members with the comment that stands behind each."""
    source = inspect.getsource(enum)
    body = ast.parse(source).body[0]
    assert isinstance(body, ast.ClassDef), "an enum is a class"
    rows = source.splitlines()
    found = []
    for statement in body.body:
        if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name):
            note = re.search(r"  # (.+)$", rows[statement.lineno - 1])
            found.append((statement.targets[0].id, note[1] if note else ""))
    return found


def _tree(error: type[Exception], depth: int) -> Iterator[str]:
    summary = (inspect.getdoc(error) or "").splitlines()[0]
    yield f"{'  ' * depth}- `{error.__name__}`: {summary}"
    for child in sorted(error.__subclasses__(), key=lambda c: c.__name__):
        if child.__module__ == errors.__name__:
            yield from _tree(child, depth + 1)


def _after(note: str) -> str:
    return f": {note}" if note else ""


def main() -> int:
    """Write or check the pages."""
    changed = []
    for name, make in pages().items():
        file = REFERENCE / name
        text = NOTE + make()
        if not file.exists() or file.read_text(encoding="utf-8") != text:
            changed.append(name)
            if "--check" not in sys.argv:
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(text, encoding="utf-8")
    for file in GUIDES:
        text = file.read_text(encoding="utf-8")
        if (new := with_tables(text)) != text:
            changed.append(f"../guides/{file.name}")
            if "--check" not in sys.argv:
                file.write_text(new, encoding="utf-8")
    for name in changed:
        print(f"docs/reference/{name}")
    return int(bool(changed) and "--check" in sys.argv)


if __name__ == "__main__":
    sys.exit(main())
