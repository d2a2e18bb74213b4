"""`steelyard trade --check`: what a venue offers a bot, before there is one.

Nothing is sent to the venue: a bridge is started and ended, a dialect of ours is known.
"""

import asyncio
from collections.abc import Coroutine
from random import SystemRandom
from typing import Any

import msgspec

from steelyard.cli.bridge_venue import BridgeVenue
from steelyard.cli.dialect_venue import DialectVenue
from steelyard.cli.options import Common
from steelyard.cli.terminal import shown
from steelyard.cli.venue import Venue
from steelyard.net.clock import Clock
from steelyard.trading.actions import Input
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


def venue_of(owner: "Nobody", config: BotConfig, key: ApiKey) -> Venue:
    """Return the venue that a configuration names; nothing is opened."""
    rng = SystemRandom()
    if config.main.is_bridged:
        return BridgeVenue(owner, config.main, config.strategy.symbol, key, rng)
    return DialectVenue(owner, config.main, key, rng)


class Nobody:
    """A process without a machine: what a venue tells is not heard."""

    def __init__(self) -> None:
        self._clock = Clock()
        self._tasks: set[asyncio.Task[None]] = set()

    def step(self, event: Input) -> None:
        """Pass it over."""

    def spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run something beside."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def now_ns(self) -> int:
        """Return the time."""
        return self._clock.now_ns()

    def venue_now_ns(self) -> int:
        """Return the time: nobody has asked the venue."""
        return self._clock.now_ns()

    def note(self, name: str, text: str) -> None:
        """Pass it over."""


async def _ask(config: BotConfig, key: ApiKey) -> Capabilities:
    venue = venue_of(Nobody(), config, key)
    try:
        return await venue.start()
    finally:
        await venue.close()


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
    if document["accept"]:
        lines.append(f"to trade there all the same: accept = {shown(str(document['accept']))}")
    return lines


def _yes(is_so: bool) -> str:  # noqa: FBT001
    return "yes" if is_so else "no"
