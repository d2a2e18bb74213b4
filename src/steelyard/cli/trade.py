"""`steelyard trade`: run a bot from its configuration until it is told to stop."""

import os
import sys
from pathlib import Path

import msgspec

from steelyard.cli import trade_check
from steelyard.cli.options import PORT_BASE, Common, print_error
from steelyard.cli.trader_process import TraderSettings, run_trader
from steelyard.domain.errors import ConfigError, StorageError, TransportError
from steelyard.net.loop import run_loop
from steelyard.trading.config import BotConfig, parse_config
from steelyard.vault.keys import resolve

_EVERYONE = Common()
PORT = PORT_BASE + 20
_BLAME = {1: StorageError, 2: ConfigError, 3: TransportError}  # of a bot that ended by itself


def trade(
    config: Path, /, *, port: int = PORT, check: bool = False, common: Common = _EVERYONE
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
    """
    checked = configure(config)
    if check:
        return trade_check.check(checked, resolve(checked.main.key, os.environ), common)
    return run(checked, port, common, config)


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
