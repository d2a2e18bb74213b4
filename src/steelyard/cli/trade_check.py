"""`steelyard trade --check`: what a venue offers a bot, before there is one.

No key is used: a bridge is started and ended, a dialect of ours is known, and asked for its limits
at most. What the key may do is `steelyard key audit`'s to ask.
"""

import asyncio
from typing import Any

import msgspec

from steelyard.cli.inquirer import Inquirer
from steelyard.cli.options import Common
from steelyard.cli.terminal import shown
from steelyard.trading.config import BotConfig
from steelyard.trading.venue import flaws, warnings
from steelyard.wire.capabilities import Capabilities
from steelyard.wire.dialect import ApiKey

DONE, CHECK_FAILED = 0, 1


def check(config: BotConfig, key: ApiKey, common: Common) -> int:
    """Print what the venue of a configuration offers; return 0 if a bot may trade there.

    Raises:
        ConfigError: The venue cannot be used so.
    """
    capabilities = asyncio.run(_ask(config, key))
    found = flaws(capabilities, config.main.accept)
    told = warnings(capabilities)
    document = {
        **msgspec.to_builtins(capabilities),
        "refused": [flaw.text for flaw in found],
        "accept": [flaw.name for flaw in found if flaw.name is not None],
        "warnings": told,
    }
    common.show(document, "\n".join(_lines(capabilities, document)))
    return CHECK_FAILED if found else DONE


async def _ask(config: BotConfig, key: ApiKey) -> Capabilities:
    inquirer = Inquirer(config, key)
    try:
        return await inquirer.start()
    finally:
        await inquirer.close()


def _lines(capabilities: Capabilities, document: dict[str, Any]) -> list[str]:
    expiry_ns = capabilities.request_expiry_ns
    rows = {
        "orders": ", ".join(capabilities.order_types) or "none",
        "an order is found by our id": f"by {capabilities.lookup.value}",
        "an order is taken up within": "no bound"
        if expiry_ns is None
        else f"{expiry_ns / 1e9:g} s",
        "market": capabilities.market.value,
        "account": capabilities.account.value,
        "own fills": _yes(capabilities.has_fills),
        "candles": _yes(capabilities.has_candles),
        "the venue's clock": _yes(capabilities.has_clock),
        "dead-man switch": _yes(capabilities.has_dead_man),
        "amending": _yes(capabilities.has_amend),
        "compared with its documentation": _yes(capabilities.is_checked),
    }
    wide = max(map(len, rows))
    lines = [f"[bold]{shown(capabilities.venue)}[/]"]
    lines += (f"  {name:<{wide}}  {shown(text)}" for name, text in rows.items())
    lines += (f"[yellow]note[/]  {shown(text)}" for text in document["warnings"])
    lines += (f"[red]refused[/]  {shown(text)}" for text in document["refused"])
    lines.append("what the key may do is asked at the start, and by `steelyard key audit`")
    if document["accept"]:
        lines.append(f"to trade there all the same: accept = {shown(str(document['accept']))}")
    return lines


def _yes(is_so: bool) -> str:  # noqa: FBT001
    return "yes" if is_so else "no"
