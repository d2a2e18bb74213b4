"""`steelyard trade`: run a bot from its configuration until it is told to stop."""

import os
import sys
from decimal import Decimal
from pathlib import Path

import msgspec

from steelyard.cli import trade_check
from steelyard.cli.grants import grant_for
from steelyard.cli.options import PORT_BASE, Common, print_error
from steelyard.cli.trader_process import TraderSettings, run_trader
from steelyard.domain.errors import ConfigError, StorageError, TransportError, UsageError
from steelyard.domain.units import in_full
from steelyard.net.loop import run_loop
from steelyard.trading.config import BotConfig, parse_config
from steelyard.trading.evidence import Identity
from steelyard.trading.ladder import capped
from steelyard.vault.keys import resolve

_EVERYONE = Common()
PORT = PORT_BASE + 20
_BLAME = {1: StorageError, 2: ConfigError, 3: TransportError}  # of a bot that ended by itself


def trade(
    config: Path,
    /,
    *,
    port: int = PORT,
    check: bool = False,
    confirm: str = "",
    common: Common = _EVERYONE,
) -> int:
    """Run a bot: the strategy, venue, key and limits that a TOML file names.

    It prints one JSON line when it listens, then trades until Ctrl-C. What it has done is in
    its journal; started again, it goes on from there.

    Examples: steelyard trade dip.toml | steelyard trade dip.toml --check

    Parameters
    ----------
    config
        The configuration; docs/reference/configuration.md lists its keys.
    port
        Where the bot shows its state and takes the kill switch; 0 picks a free one.
    check
        Print what the venue offers and if a bot may trade there; start none.
    confirm
        The bot's name again, where its environment is live-canary or live: real money.
    """
    checked = configure(config)
    if check:
        return trade_check.check(checked, resolve(checked.main.key, os.environ), common)
    checked = on_its_rung(checked, confirm)
    return run(checked, port, common, config)


def on_its_rung(config: BotConfig, confirm: str) -> BotConfig:
    """Return a configuration with the cap of the rung that the bot stands on.

    Raises:
        ConfigError: It has not earned its environment.
        UsageError: Real money is meant, and nobody has said so twice.
    """
    strategy = config.strategy
    parameters = {name: str(value) for name, value in strategy.params.items()}
    grant = grant_for(config, Identity(strategy.class_name, strategy.symbol, parameters))
    if grant is None:
        return config
    if confirm != config.bot.name:
        at_stake = in_full(grant.cap or Decimal(0))
        raise UsageError(
            f"{config.bot.name} trades with real money, up to {at_stake} in quote: say its "
            f"name again, --confirm {config.bot.name}"
        )
    return msgspec.structs.replace(config, risk=capped(config.risk, grant.cap))


def configure(file: Path) -> BotConfig:
    """Return the configuration in a file.

    Raises:
        ConfigError: It cannot be read, or it is not one that can be run.
    """
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file} cannot be read: {error}") from error
    try:
        return parse_config(text)
    except ConfigError as error:
        raise ConfigError(f"{file}: {error}") from error


def run(config: BotConfig, port: int, common: Common, file: Path | None = None) -> int:
    """Run it and return its exit code.

    Raises:
        ConfigError: The key, the directory, the strategy or the port does not fit.
    """
    key = resolve(config.main.key, os.environ)
    is_watched = sys.stdout.isatty() and not common.json
    settings = TraderSettings(
        config,
        common.directory,
        key,
        port,
        sys.stderr if is_watched else None,
        file=file,
    )
    code, last_words = run_loop(
        run_trader(settings, lambda ready: print(msgspec.json.encode(ready).decode(), flush=True))
    )
    if code and common.json:  # the sentence for people is in the log, which they see
        print_error(_BLAME[code].__name__, last_words, code)
    return code
