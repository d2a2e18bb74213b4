"""`steelyard account statement`: every movement in an account, and what was there after it."""

import csv
import sys
from typing import Annotated, Any

from cyclopts import Parameter
from msgspec.structs import replace

from steelyard.cli.administration import administer
from steelyard.cli.options import Common, parse_since_ns, shown_time
from steelyard.cli.terminal import shown
from steelyard.exchange.bookkeeping import PAGE_MAX, StatementOf
from steelyard.exchange.sandbox_clock import MS_NS, ShowClock

_EVERYONE = Common()
PAGE = PAGE_MAX  # lines that are asked for at once
COLUMNS = (
    "number", "time", "what", "symbol", "order_id", "trade_id", "transfer_id", "asset", "amount",
    "balance",
)  # fmt: skip


def statement_account(
    name: str,
    /,
    *,
    asset: str | None = None,
    since: str | None = None,
    as_csv: Annotated[bool, Parameter(name="--csv", negative="")] = False,
    common: Common = _EVERYONE,
) -> int:
    """Show every movement in an account: trades, fees, deposits, withdrawals.

    Each line has the balance after it, free and held together; the last one of an asset is what
    the account has. The newest 100,000 lines are kept; what is older is in the opening balances.

    Examples: steelyard account statement alice --asset USDT --since 24h |
    steelyard account statement alice --csv > alice.csv

    Parameters
    ----------
    name
        The account.
    asset
        Only this asset's lines.
    since
        Only from then on: 2026-11-21, 2026-11-21T10:30:00Z (UTC), or 24h (ago).
    as_csv
        Print comma-separated values for a spreadsheet.
    """
    since_ns = 0 if since is None else parse_since_ns(since, _sandbox_ns(common))
    result = _whole(common, StatementOf(name, asset, since_ns, limit=PAGE))
    if as_csv:
        writer = csv.DictWriter(sys.stdout, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows({**line, "time": shown_time(line["time"])} for line in result["lines"])
    else:
        common.show(result, _text(result))
    return 0


def _sandbox_ns(common: Common) -> int:
    return int(administer(common.directory, ShowClock())["sandbox"]) * MS_NS


def _whole(common: Common, call: StatementOf) -> dict[str, Any]:
    """Return all pages as one. A running exchange goes on between them, and so do they."""
    result = page = administer(common.directory, call)
    while page["after"] is not None:
        page = administer(common.directory, replace(call, after=page["after"]))
        result["lines"] += page["lines"]
        result["closing"] = page["closing"]
    del result["after"]
    return result


def _text(result: dict[str, Any]) -> str:
    lines = [f"[bold]{shown(result['account'])}[/]"]
    lines += [f"  opening {amount} {asset}" for asset, amount in result["opening"].items()]
    for line in result["lines"]:
        about = [line["symbol"] or ""]
        about += [
            f"{what} {line[f'{what}_id']}"
            for what in ("order", "trade", "transfer")
            if line[f"{what}_id"]
        ]
        lines.append(
            f"  {shown_time(line['time'])}  {line['what']:<10} {line['amount']:>20} "
            f"{line['asset']:<6} {line['balance']:>20}  {' '.join(about).strip()}".rstrip()
        )
    lines += [f"  closing {amount} {asset}" for asset, amount in result["closing"].items()]
    return "\n".join(lines)
