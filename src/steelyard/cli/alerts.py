"""`steelyard alerts`: try whether alerts arrive, before they have to."""

import os
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from steelyard.cli.alerting import addresses
from steelyard.cli.asking import asker
from steelyard.cli.options import Common
from steelyard.cli.terminal import shown
from steelyard.cli.trade import configure_bots
from steelyard.domain.errors import UsageError
from steelyard.net.clock import Clock
from steelyard.observe.alerts import Grade, Notice
from steelyard.observe.delivery import Delivery

CHECK_FAILED = 1
_EVERYONE = Common()


def try_alerts(
    config: Path | None = None,
    /,
    *,
    to: Annotated[list[str] | None, Parameter(consume_multiple=True, negative="")] = None,
    text: str = "This is a test: alerts of this bot arrive here.",
    common: Common = _EVERYONE,
) -> int:
    """Tell everybody whom a bot's alerts go to that this is a test.

    The exit code is 0 only if all of it was delivered. It is told once, and not deduplicated.

    Examples: steelyard alerts test dip.toml | steelyard alerts test --to vault:alerts/slack

    Parameters
    ----------
    config
        The bot's configuration, with its table [alerts].
    to
        References to more addresses, or to some without a configuration.
    text
        What is told.
    """
    references = tuple(to or ())
    bot = "test"
    if config is not None:
        found = next(iter(configure_bots(config).values()))  # legs have one table together
        references, bot = (*found.alerts.to, *references), found.bot.name
    if not references:
        raise UsageError(
            "nobody is named: give a configuration with [alerts] to = [...], or --to REFERENCE"
        )
    delivery = Delivery(addresses(tuple(dict.fromkeys(references)), os.environ, asker()))
    notice = Notice(bot, "alerts.test", text, Grade.INFO, Clock().now_ns())
    results = {label: delivery.send([notice], label) for label in delivery.labels}
    lines = [
        f"[green]delivered[/] {shown(label)}"
        if why is None
        else f"[red]not delivered[/] {shown(label)}: {shown(why)}"
        for label, why in results.items()
    ]
    rows = [{"to": label, "delivered": why is None, "why": why} for label, why in results.items()]
    common.show({"results": rows}, "\n".join(lines))
    return CHECK_FAILED if any(results.values()) else 0
