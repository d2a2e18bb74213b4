"""`steelyard trade`: run a bot from its configuration until it is told to stop."""

import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from steelyard.cli import trade_check
from steelyard.cli.options import PORT_BASE, Common, print_error
from steelyard.cli.trader_legs import run_legs
from steelyard.cli.trader_process import TraderSettings, run_trader
from steelyard.domain.errors import ConfigError, StorageError, TransportError
from steelyard.net.loop import run_loop
from steelyard.trading.actions import Finish
from steelyard.trading.config import BotConfig, parse_config
from steelyard.trading.legconfig import parse_bots
from steelyard.vault.keys import resolve
from steelyard.wire.dialect import ApiKey

T = TypeVar("T")
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
    bots = configure_bots(config)
    if check:
        keys = _keys(bots)
        return max(trade_check.check(bot, keys[leg], common) for leg, bot in bots.items())
    if "" in bots:
        return run(bots[""], port, common, config)
    return run_bots(bots, port, common, config)


def configure(file: Path) -> BotConfig:
    """Return the configuration in a file.

    Raises:
        ConfigError: It cannot be read, or it is not one that can be run.
    """
    return _read(file, parse_config)


def configure_bots(file: Path) -> dict[str, BotConfig]:
    """Return the configurations in a file by leg; by "" that of a bot without legs.

    Raises:
        ConfigError: It cannot be read, or one of them cannot be run.
    """
    return _read(file, parse_bots)


def _read(file: Path, parse: Callable[[str], T]) -> T:
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file} cannot be read: {error}") from error
    try:
        return parse(text)
    except ConfigError as error:
        raise ConfigError(f"{file}: {error}") from error


def run(config: BotConfig, port: int, common: Common, file: Path | None = None) -> int:
    """Run it and return its exit code.

    Raises:
        ConfigError: The key, the directory, the strategy or the port does not fit.
    """
    settings = _settings(config, resolve(config.main.key, os.environ), port, common, file)
    return _ended(run_loop(run_trader(settings, _say_ready)), common)


def run_bots(
    bots: Mapping[str, BotConfig], port: int, common: Common, file: Path | None = None
) -> int:
    """Run the legs of a bot and return their exit code; each has the next port.

    Raises:
        ConfigError: A key, a directory, the strategy or a port does not fit.
    """
    keys = _keys(bots)
    settings = {
        leg: _settings(bot, keys[leg], port + at if port else 0, common, file)
        for at, (leg, bot) in enumerate(bots.items())
    }
    return _ended(run_loop(run_legs(settings, _say_ready)), common)


def _keys(bots: Mapping[str, BotConfig]) -> dict[str, ApiKey]:
    """Return the key of each leg; legs on one venue have one, which is taken once."""
    taken: dict[str, ApiKey] = {}
    for bot in bots.values():
        reference = bot.main.key
        if reference not in taken:
            taken[reference] = resolve(reference, os.environ)
    return {leg: taken[bot.main.key] for leg, bot in bots.items()}


def _settings(
    config: BotConfig, key: ApiKey, port: int, common: Common, file: Path | None
) -> TraderSettings:
    is_watched = sys.stdout.isatty() and not common.json
    return TraderSettings(
        config, common.directory, key, port, sys.stderr if is_watched else None, file=file
    )


def _say_ready(ready: dict[str, Any]) -> None:
    print(msgspec.json.encode(ready).decode(), flush=True)


def _ended(finish: Finish, common: Common) -> int:
    code, last_words = finish
    if code and common.json:  # the sentence for people is in the log, which they see
        print_error(_BLAME[code].__name__, last_words, code)
    return code
