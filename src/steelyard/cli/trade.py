"""`steelyard trade`: run a bot from its configuration until it is told to stop."""

import os
import sys
from collections.abc import Callable, Mapping
from contextlib import ExitStack, closing
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from steelyard.cli import asking, trade_check
from steelyard.cli.alerting import addresses
from steelyard.cli.grants import grant_for
from steelyard.cli.options import PORT_BASE, Common, print_error
from steelyard.cli.trader_legs import run_legs
from steelyard.cli.trader_process import TraderSettings, run_trader
from steelyard.cli.trader_strategy import code_of
from steelyard.domain.errors import ConfigError, StorageError, TransportError, UsageError
from steelyard.domain.units import in_full
from steelyard.net.clock import Clock
from steelyard.net.loop import run_loop
from steelyard.store.datadir import state_directory
from steelyard.store.ownership import Ownership
from steelyard.trading.config import BotConfig, parse_config
from steelyard.trading.evidence import Identity
from steelyard.trading.ladder import REAL, capped
from steelyard.trading.legconfig import parse_bots
from steelyard.vault import phrase
from steelyard.vault.kept import Holder, Kept
from steelyard.vault.keys import find, is_kept

T = TypeVar("T")
_EVERYONE = Common()
PORT = PORT_BASE + 20
MS_NS = 1_000_000
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
    bots = configure_bots(config)
    if check:
        kept = _kept(bots)
        return max(
            trade_check.check(bot, kept[leg].current.api_key(), common) for leg, bot in bots.items()
        )
    bots = {leg: on_its_rung(bot, confirm) for leg, bot in bots.items()}
    return run_bots(bots, port, common, config)


def on_its_rung(config: BotConfig, confirm: str) -> BotConfig:
    """Return a configuration with the cap of the rung that the bot stands on.

    Raises:
        ConfigError: It has not earned its environment.
        UsageError: Real money is meant, and nobody has said so twice.
    """
    strategy = config.strategy
    parameters = {name: str(value) for name, value in strategy.params.items()}
    code = code_of(strategy) if config.bot.environment in REAL else ""
    identity = Identity(strategy.class_name, strategy.symbol, parameters)
    grant = grant_for(config, identity, code)
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
    """Run a bot of one leg and return its exit code.

    Raises:
        ConfigError: The key, the directory, the strategy or the port does not fit.
    """
    return run_bots({"": config}, port, common, file)


def run_bots(
    bots: Mapping[str, BotConfig], port: int, common: Common, file: Path | None = None
) -> int:
    """Run the legs of a bot, or by "" one without, and return its exit code.

    Each leg has the next port.

    Raises:
        ConfigError: A key, a directory, the strategy or a port does not fit.
    """
    with ExitStack() as held:
        kept = _kept(bots)
        for reference in dict.fromkeys(bot.main.key for bot in bots.values()):
            if is_kept(reference):
                held.enter_context(closing(own_key(reference)))
        # One key under two names is one key.
        for key in dict.fromkeys(
            it.current.key for leg, it in kept.items() if is_kept(bots[leg].main.key)
        ):
            held.enter_context(closing(own_key(key, "id")))
        settings = {
            leg: _settings(bot, kept[leg], port + at if port else 0, common, file)
            for at, (leg, bot) in enumerate(bots.items())
        }
        alone = settings.get("")
        finish = run_loop(
            run_legs(settings, _say_ready) if alone is None else run_trader(alone, _say_ready)
        )
    code, last_words = finish
    if code and common.json:  # the sentence for people is in the log, which they see
        print_error(_BLAME[code].__name__, last_words, code)
    return code


def _kept(bots: Mapping[str, BotConfig]) -> dict[str, Kept]:
    """Return what the reference of each leg names; those that share one take it once."""
    found: dict[str, Kept] = {}
    for bot in bots.values():
        if bot.main.key not in found:
            found[bot.main.key] = taken(bot)
    return {leg: found[bot.main.key] for leg, bot in bots.items()}


def _settings(
    config: BotConfig, kept: Kept, port: int, common: Common, file: Path | None
) -> TraderSettings:
    is_watched = sys.stdout.isatty() and not common.json
    told = addresses(config.alerts.to, os.environ, asking.asker())
    return TraderSettings(
        config,
        common.directory,
        kept.current.api_key(),
        port,
        sys.stderr if is_watched else None,
        file=file,
        alerts_to=told,
        secrets=(os.environ.get(phrase.VARIABLE, ""), *told.values()),
        notes=reminders(config.main.key, kept, Clock().now_ns() // MS_NS),
    )


def taken(config: BotConfig) -> Kept:
    """Return what a bot's reference names, if it is for this bot and this environment.

    Raises:
        ConfigError: It is not there, no key, or not for this bot.
        ConnectFailed: The place that keeps it cannot be reached.
    """
    kept = find(config.main.key, os.environ, asking.asker())
    kept.terms.refuse(config.main.key, Holder(config.bot.name, config.bot.environment.value))
    if not kept.current.is_key:
        raise ConfigError(f"{config.main.key} is a text and no key")
    return kept


def own_key(reference: str, what: str = "key") -> Ownership:
    """Take a key for this process alone, until it ends; by its reference, or as "id" by itself.

    Raises:
        ConfigError: Another bot of this machine has it.
    """
    try:
        return Ownership(state_directory() / "owners", what, reference)
    except ConfigError as error:
        raise ConfigError(
            f"key {reference}: {error}; each bot has a key of its own, so that one can be revoked "
            "alone: steelyard vault add"
        ) from error


def reminders(reference: str, kept: Kept, now_ms: int) -> tuple[str, ...]:
    """Return what there is to be minded of a key, in sentences."""
    due = kept.terms.due(now_ms)
    said = [f"{reference} is due to be rotated: {due}; steelyard vault rotate"] if due else []
    if kept.retiring is not None:
        said.append(f"{reference}: the key before this one is not retired; vault rotate --retire")
    return tuple(said)


def _say_ready(ready: dict[str, Any]) -> None:
    print(msgspec.json.encode(ready).decode(), flush=True)
