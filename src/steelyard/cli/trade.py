"""`steelyard trade`: run a bot from its configuration until it is told to stop."""

import asyncio
import os
import signal
import sys
from collections.abc import Callable, Mapping
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, TypeVar

import msgspec
from cyclopts import Parameter

from steelyard.cli import asking, trade_check
from steelyard.cli.alerting import addresses
from steelyard.cli.grants import grant_for
from steelyard.cli.leasing import LeaseKeeper, Lock, lock_of, take_lease, terms_of
from steelyard.cli.options import PORT_BASE, Common, print_error
from steelyard.cli.standby import StandbyFile
from steelyard.cli.terminal import harmless
from steelyard.cli.trader_legs import run_legs
from steelyard.cli.trader_process import TraderSettings, run_trader
from steelyard.cli.trader_strategy import code_of, try_strategy
from steelyard.domain.errors import ConfigError, StorageError, TransportError, UsageError
from steelyard.domain.units import in_full
from steelyard.net.clock import Clock
from steelyard.net.loop import run_loop
from steelyard.store.datadir import (
    about_file,
    is_alive,
    port_file,
    read_document,
    state_directory,
)
from steelyard.store.ownership import Ownership
from steelyard.trading.actions import Finish
from steelyard.trading.config import BotConfig, parse_config
from steelyard.trading.evidence import Identity
from steelyard.trading.ladder import REAL, Grant, capped
from steelyard.trading.legconfig import name_of, parse_bots
from steelyard.trading.takeover import changed as differing
from steelyard.vault import phrase
from steelyard.vault.kept import Holder, Kept
from steelyard.vault.keys import find, is_kept

T = TypeVar("T")
STOPS = (signal.SIGINT, signal.SIGTERM)
_EVERYONE = Common()
PORT = PORT_BASE + 20
MS_NS = 1_000_000
_BLAME = {1: StorageError, 2: ConfigError, 3: TransportError}  # of a bot that ended by itself


def _as_they_are(bots: Mapping[str, BotConfig]) -> Mapping[str, BotConfig]:
    return bots


@dataclass(frozen=True)
class Succession:
    """What is done where another process trades a bot; prepared makes its legs ready to run."""

    is_standby: bool = False
    is_changed: bool = False  # its terms may be others than those of who trades
    take_over: str = ""
    prepared: Callable[[Mapping[str, BotConfig]], Mapping[str, BotConfig]] = _as_they_are


def trade(
    config: Path,
    /,
    *,
    port: int = PORT,
    check: bool = False,
    confirm: str = "",
    standby: Annotated[bool, Parameter(negative="")] = False,
    take_over: str = "",
    changed: Annotated[bool, Parameter(negative="")] = False,
    common: Common = _EVERYONE,
) -> int:
    """Run a bot: the strategy, venue, key and limits that a TOML file names.

    It prints one JSON line when it listens, then trades until Ctrl-C. What it has done is in
    its journal; started again, it goes on from there.

    Examples: steelyard trade dip.toml | steelyard trade dip.toml --check |
    steelyard trade dip.toml --standby

    Parameters
    ----------
    config
        The configuration; docs/reference/configuration.md lists its keys.
    port
        Where the bot shows its state and takes the kill switch; 0 picks a free one.
    check
        Print what the venue offers and if a bot may trade there; start none.
    confirm
        The bot's name again (not a leg's), where its environment is live-canary or live: real
        money.
    standby
        Wait while another process trades this bot, and take over when it has ended.
    take_over
        Why you are sure that nothing of the holder before is on its way; what it has signed is
        then not waited for. A holder whose lease runs is never taken over.
    changed
        With --standby: its class, parameters or limits are meant to be others than those of who
        trades it now; without this such a standby is refused.
    """
    bots = configure_bots(config)
    if check:
        kept = _kept(bots)
        return max(
            trade_check.check(bot, kept[leg].current.api_key(), common) for leg, bot in bots.items()
        )
    if changed and not standby:
        raise UsageError("--changed is for a standby: --standby --changed")
    how = Succession(standby, changed, take_over, lambda bots: on_their_rungs(bots, confirm))
    return run_bots(how.prepared(bots), port, common, config, how)


def on_their_rungs(bots: Mapping[str, BotConfig], confirm: str) -> dict[str, BotConfig]:
    """Return the configurations of a bot's legs with the cap of the rung that each stands on.

    Each leg has earned its own; the name that is said again is the bot's, for all of them.

    Raises:
        ConfigError: One of them has not earned its environment.
        UsageError: Real money is meant, and nobody has said so twice.
    """
    found = {leg: grant_of(config) for leg, config in bots.items()}
    grants = {leg: grant for leg, grant in found.items() if grant is not None}
    name = name_of(bots)
    if grants and confirm != name:
        each = ", ".join(
            f"{in_full(grant.cap or Decimal(0))} in quote" + (f" on {leg}" if leg else "")
            for leg, grant in grants.items()
        )
        raise UsageError(
            f"{name} trades with real money, up to {each}: say its name again, --confirm {name}"
        )
    return {
        leg: msgspec.structs.replace(config, risk=capped(config.risk, grants[leg].cap))
        if leg in grants
        else config
        for leg, config in bots.items()
    }


def grant_of(config: BotConfig) -> Grant | None:
    """Return what was granted to a configuration: its class, code, symbol and parameters.

    Raises:
        ConfigError: It has not earned its environment.
    """
    strategy = config.strategy
    parameters = {name: str(value) for name, value in strategy.params.items()}
    identity = Identity(strategy.class_name, strategy.symbol, parameters, config.legs)
    code = code_of(strategy) if config.bot.environment in REAL else ""
    return grant_for(config, identity, code)


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
    bots: Mapping[str, BotConfig],
    port: int,
    common: Common,
    file: Path | None = None,
    how: Succession | None = None,
) -> int:
    """Run the legs of a bot, or by "" one without, and return its exit code.

    Each leg has the next port.

    Raises:
        ConfigError: A key, a directory, the strategy or a port does not fit, or another process
            trades the bot.
    """
    how = how or Succession()
    kept = _kept(bots)  # what is missing is said before anything is waited for
    if how.is_standby:
        check_able(bots, common.directory, may_differ=how.is_changed)
    code, last_words = run_loop(_run(bots, kept, how, port, common, file))
    if code and common.json:  # the sentence for people is in the log, which they see
        print_error(_BLAME[code].__name__, last_words, code)
    return code


def check_able(bots: Mapping[str, BotConfig], data: Path, *, may_differ: bool = False) -> None:
    """Refuse a standby that could not begin: nobody looks at it when it has to.

    Raises:
        ConfigError: A strategy cannot be loaded, or the bot has traded another symbol here, or is
            traded otherwise by a process of this machine.
    """
    for config in bots.values():
        try_strategy(config.strategy, [leg for leg in bots if leg])
        directory = data / "bots" / config.bot.name
        about = read_document(about_file(directory), missing={})
        was, now = about.get("symbol"), config.strategy.symbol
        if was not in (None, now):
            raise ConfigError(
                f"bot {config.bot.name!r} has traded {was} here and cannot take over with {now}; "
                "give both the same configuration, or this one another name"
            )
        if may_differ or not is_alive(read_document(port_file(directory), missing={})):
            continue
        if other := differing(about.get("terms", {}), terms_of(config)):
            raise ConfigError(
                f"bot {config.bot.name!r} is traded otherwise by the process that runs: {other}. "
                "Give both the same configuration, or say that it is an update: --changed"
            )


async def _run(
    bots: Mapping[str, BotConfig],
    kept: Mapping[str, Kept],
    how: Succession,
    port: int,
    common: Common,
    file: Path | None,
) -> Finish:
    """Run a bot each time that its lease is had: once, or for as long as one stands by."""
    name = name_of(bots)
    config = next(iter(bots.values()))
    lock = lock_of(config, name, common.directory)
    while True:
        lease = await _awaited(bots, name, lock, how, common)
        if lease is None:
            return Finish(0, "it was stopped while it waited")
        how = replace(how, take_over="")  # it was said of the holder before this one
        try:
            if how.is_standby:  # it may have been long
                bots = how.prepared(bots)
                kept = {leg: _read_anew(bot, kept[leg]) for leg, bot in bots.items()}
            finish = await _hold(lease, bots, kept, port, common, file)
        finally:
            await lease.release()
        if not (how.is_standby and finish.code and lease.was_lost):
            return finish


async def _awaited(
    bots: Mapping[str, BotConfig], name: str, lock: Lock, how: Succession, common: Common
) -> LeaseKeeper | None:
    """Return the lease of a bot; None: somebody has stopped it while it waited.

    Raises:
        ConfigError: Another process has it, and it is not to be waited for.
    """
    if not how.is_standby:
        return await take_lease(bots, name, lock, None, how.take_over, common.directory)
    waiting = StandbyFile(common.directory, name)

    def say(why: str) -> None:
        if waiting.say(why):
            print_waiting(name, why, common)

    told = take_lease(
        bots, name, lock, say, how.take_over, common.directory, may_differ=how.is_changed
    )
    taking = asyncio.create_task(told)
    loop = asyncio.get_running_loop()
    for number in STOPS:
        loop.add_signal_handler(number, taking.cancel)
    try:
        return await taking
    except asyncio.CancelledError:
        return None
    finally:
        for number in STOPS:
            loop.remove_signal_handler(number)
        waiting.close()


async def _hold(
    lease: LeaseKeeper,
    bots: Mapping[str, BotConfig],
    kept: Mapping[str, Kept],
    port: int,
    common: Common,
    file: Path | None,
) -> Finish:
    """Run a bot while its lease is kept."""
    keeping = asyncio.create_task(lease.keep())
    try:
        with ExitStack() as held:
            for reference in dict.fromkeys(bot.main.key for bot in bots.values()):
                if is_kept(reference):
                    held.enter_context(closing(own_key(reference)))
            # One key under two names is one key.
            for key in dict.fromkeys(
                it.current.key for leg, it in kept.items() if is_kept(bots[leg].main.key)
            ):
                held.enter_context(closing(own_key(key, "id")))
            settings = {
                leg: _settings(bot, kept[leg], lease, port + at if port else 0, common, file)
                for at, (leg, bot) in enumerate(bots.items())
            }
            alone = settings.get("")
            if alone is None:
                return await run_legs(settings, _say_ready)
            return await run_trader(alone, _say_ready)
    finally:
        keeping.cancel()
        with suppress(asyncio.CancelledError):
            await keeping


def print_waiting(name: str, why: str, common: Common) -> None:
    """Say on the terminal what is waited for."""
    if common.json:
        print(msgspec.json.encode({"standby": True, "bot": name, "why": why}).decode(), flush=True)
    else:
        print(harmless(f"{name} stands by: {why}"), file=sys.stderr, flush=True)


def _read_anew(config: BotConfig, kept: Kept) -> Kept:
    """Return a key that may have been rotated since; without a person who could be asked."""
    if not is_kept(config.main.key):
        return kept
    try:
        found = find(config.main.key, os.environ)
        found.terms.refuse(config.main.key, Holder(config.bot.name, config.bot.environment.value))
    except (ConfigError, TransportError) as error:
        print(harmless(f"{config.main.key} as it was at the start: {error}"), file=sys.stderr)
        return kept
    return found


def _kept(bots: Mapping[str, BotConfig]) -> dict[str, Kept]:
    """Return what the reference of each leg names; those that share one take it once."""
    found: dict[str, Kept] = {}
    for bot in bots.values():
        if bot.main.key not in found:
            found[bot.main.key] = taken(bot)
    return {leg: found[bot.main.key] for leg, bot in bots.items()}


def _settings(
    config: BotConfig,
    kept: Kept,
    lease: LeaseKeeper,
    port: int,
    common: Common,
    file: Path | None,
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
        lease=lease,
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
