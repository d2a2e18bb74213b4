"""`steelyard key audit`: ask the venue what a bot's key may do, and whether a bot may hold it.

It asks as the bot does and judges as the bot does at its start; it trades nothing.
"""

import os
from pathlib import Path
from typing import Any

from steelyard.cli.asking import asker
from steelyard.cli.inquirer import Inquirer
from steelyard.cli.options import Common, shown_time
from steelyard.cli.terminal import shown
from steelyard.cli.trade import configure_bots
from steelyard.domain.messages import (
    AccountAnswer,
    AccountQuery,
    Answer,
    InstrumentsQuery,
    KeyQuery,
)
from steelyard.net.loop import run_loop
from steelyard.trading.config import HERE, BotConfig
from steelyard.trading.keyaudit import KeyAudit, Waiver, audit
from steelyard.trading.orderwork import OWN_ACCOUNT
from steelyard.vault.keys import resolve
from steelyard.wire.dialect import ApiKey

CHECK_FAILED = 1
MS_NS = 1_000_000
_EVERYONE = Common()


def audit_key(config: Path, /, *, common: Common = _EVERYONE) -> int:
    """Ask the venue what the key of a bot may do, and what a thief could do with it.

    The exit code is 0 only if a bot may hold it; of a bot of several legs, only if each leg may
    hold its own. `steelyard trade` asks the same at its start.

    Example: steelyard key audit dip.toml

    Parameters
    ----------
    config
        The bot's configuration, which names venue and key.
    """
    bots = configure_bots(config)
    ask = asker()
    keys = {leg: resolve(bot.main.key, os.environ, ask=ask) for leg, bot in bots.items()}
    found = {leg: run_loop(asked(bot, keys[leg])) for leg, bot in bots.items()}
    if (alone := found.get("")) is not None:
        common.show(document(alone), text(alone))
    else:
        lines = [f"[bold]{shown(leg)}[/] {text(each)}" for leg, each in found.items()]
        common.show(
            {"legs": {leg: document(each) for leg, each in found.items()}}, "\n".join(lines)
        )
    return CHECK_FAILED if any(each.refusal for each in found.values()) else 0


async def asked(config: BotConfig, key: ApiKey) -> KeyAudit:
    """Return what is found out about a key.

    Raises:
        ConfigError: The venue cannot be used so.
        ConnectionLost: It cannot be reached.
    """
    inquirer = Inquirer(config, key)
    try:
        await inquirer.start()
        await inquirer.read_clock()
        await inquirer.answer(InstrumentsQuery(), "its markets")
        permissions = await inquirer.answer(KeyQuery(key.key), "what the key may do")
        account = await inquirer.answer(AccountQuery(OWN_ACCOUNT), "the account")
    finally:
        await inquirer.close()
    return judged(config, permissions, account, inquirer.venue_now_ns())


def judged(config: BotConfig, permissions: Answer, account: Answer, now_ns: int) -> KeyAudit:
    """Return what the venue's answers mean for the bot of a configuration."""
    return audit(
        permissions,
        account if isinstance(account, AccountAnswer) else None,
        config.strategy.symbol,
        now_ns,
        is_live=config.bot.environment not in HERE,
        waived=frozenset(map(Waiver, config.main.waive)),
    )


def document(found: KeyAudit) -> dict[str, Any]:
    """Return an audit as a document; times in milliseconds."""
    return {
        "scopes": {scope.value: verdict.value for scope, verdict in found.scopes.items()},
        "ip_bound": found.is_ip_bound,
        "ends": None if found.ends_ns is None else found.ends_ns // MS_NS,
        "others": list(found.others),
        "findings": [finding._asdict() for finding in found.findings],
        "thief": list(found.thief),
        "may_be_held": found.refusal is None,
    }


def text(found: KeyAudit) -> str:
    """Return an audit as people read it."""
    scopes = " · ".join(f"{scope.value} {verdict}" for scope, verdict in found.scopes.items())
    bound = {True: "bound to addresses", False: "from anywhere", None: "addresses not known"}
    ends = "no end" if found.ends_ns is None else f"ends {shown_time(found.ends_ns // MS_NS)}"
    lines = [f"{scopes} · {bound[found.is_ip_bound]} · {ends}"]
    for finding in found.findings:
        mark = "[red]refused[/]" if finding.refuses else "[yellow]mind[/]"
        lines.append(f"  {mark} {shown(finding.text)}")
    if not found.refusal:
        lines.append("  [green]a bot may hold it[/]")
    return "\n".join(lines + [f"  · {shown(sentence)}" for sentence in found.thief])
