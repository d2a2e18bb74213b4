"""A configuration with `[legs]`, taken apart into that of one bot for each leg.

A leg's configuration is what a bot's would be: the file's, with the leg's venue, symbol and limits
in their places and the leg's name behind the bot's. So everything that reads a configuration reads
a leg's. A file without `[legs]` is one bot.
"""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec
from msgspec import Struct

from steelyard.domain.errors import ConfigError
from steelyard.trading.config import (
    BotConfig,
    check_table,
    in_toml_words,
    parse_document,
    parse_document_for_kill,
    read_toml,
)

_LETTERS = frozenset("abcdefghijklmnopqrstuvwxyz0123456789_")


class LegTable(Struct, frozen=True, kw_only=True):
    """A table [legs.NAME]; risk has what is not as in [risk]."""

    symbol: str
    venue: str = "main"
    risk: dict[str, Any] = {}


def parse_bots(text: str) -> dict[str, BotConfig]:
    """Return the configurations of a text by leg, in its order; by "" where there are no legs.

    Raises:
        ConfigError: One of them cannot be run; the message names the leg and the key.
    """
    return _each(read_toml(text), parse_document)


def name_of(bots: Mapping[str, BotConfig]) -> str:
    """Return the name of the bot whose legs these are, as its file has it."""
    leg, config = next(iter(bots.items()))
    return config.bot.name.removesuffix(f"-{leg}") if leg else config.bot.name


def parse_bots_for_kill(text: str) -> dict[str, BotConfig]:
    """Return as much of each as it takes to stop it.

    Raises:
        ConfigError: One of them does not say where it trades.
    """
    return _each(read_toml(text), parse_document_for_kill)


def _each(
    document: dict[str, Any], parse: Callable[[Mapping[str, Any]], BotConfig]
) -> dict[str, BotConfig]:
    if "legs" not in document:
        return {"": parse(document)}
    legs = legs_of(document)
    symbols = {name: leg.symbol.replace("/", "-").upper() for name, leg in legs.items()}
    found = {}
    for name, leg in legs.items():
        try:
            config = parse(document_of(document, name, leg))
            found[name] = msgspec.structs.replace(config, legs=symbols)
        except ConfigError as error:
            raise ConfigError(f"leg {name}: {error}") from error
    return found


def legs_of(document: dict[str, Any]) -> dict[str, LegTable]:
    """Return the table of each leg.

    Raises:
        ConfigError: One of them is none, or two are the same market.
    """
    tables = document["legs"]
    if not isinstance(tables, dict) or not tables:
        raise ConfigError("[legs] is empty; write [legs.NAME] with symbol and venue for each leg")
    for name, table in tables.items():
        if not name or not _LETTERS.issuperset(name):
            raise ConfigError(f"[legs.{name}]: a leg's name has letters of a-z, 0-9 and _")
        if isinstance(table, dict):
            check_table(table, LegTable.__struct_encode_fields__, f"[legs.{name}] ")
    try:
        legs = msgspec.convert(tables, dict[str, LegTable])
    except msgspec.ValidationError as error:
        raise ConfigError(in_toml_words(str(error))) from error
    if "symbol" in document.get("strategy", {}):
        raise ConfigError("[strategy] symbol is for one instrument; each leg has its own here")
    places: dict[tuple[str, str], str] = {}
    for name, leg in legs.items():
        if leg.venue not in document.get("venue", {}):
            there = ", ".join(document.get("venue", {})) or "none"
            raise ConfigError(f"[legs.{name}] venue is {leg.venue!r}; venues are: {there}")
        other = places.setdefault((leg.venue, leg.symbol.replace("/", "-").upper()), name)
        if other != name:
            raise ConfigError(f"[legs.{name}] is the same market of the same venue as {other}")
    return legs


def document_of(document: dict[str, Any], name: str, leg: LegTable) -> dict[str, Any]:
    """Return what a configuration of this leg alone would be."""
    bot, risk = document.get("bot", {}), document.get("risk", {})
    return {
        **{key: value for key, value in document.items() if key != "legs"},
        "bot": {**bot, "name": f"{bot.get('name', '')}-{name}"},
        "venue": {"main": document["venue"][leg.venue]},
        "strategy": {**document.get("strategy", {}), "symbol": leg.symbol},
        "risk": {**risk, **leg.risk},
    }
