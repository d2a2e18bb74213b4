"""The configuration of a backtest of several legs: the bot's own file, and a table [backtest].

Each leg is a configuration of one instrument: what [backtest] says, with what [backtest.legs.NAME]
says instead. Money is the venues', not the legs': [backtest.wallets.VENUE], or `deposit` where all
legs are at one. When it is played (`from`, `to`) and the seed hold for all. It reads no file.
"""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import msgspec
from msgspec import Struct

from steelyard.backtest.config import BacktestConfig, BacktestTable, parse_tables
from steelyard.domain.errors import ConfigError
from steelyard.trading.config import check_table, in_toml_words
from steelyard.trading.legconfig import LegTable, document_of, legs_of

_OF_ALL = ("deposit", "from", "to", "seed")  # what no leg has for itself
_TABLES = ("legs", "wallets", "equity")


class LegsConfig(Struct, frozen=True, kw_only=True):
    """A whole configuration: each leg's by name, where it is traded, and what money there is."""

    name: str
    legs: dict[str, BacktestConfig]
    venues: dict[str, str]
    wallets: dict[str, dict[str, Decimal]]
    equity: str = ""  # the asset in which the whole is told; empty: the quote of the first leg


def parse_legs(document: dict[str, Any], *, needs_data: bool = True) -> LegsConfig:
    """Return the configuration of a backtest of several legs that these tables hold.

    Raises:
        ConfigError: Not one that can be run; the message names the leg and the key.
    """
    table = document.get("backtest", {})
    if not isinstance(table, dict):
        raise ConfigError("[backtest] is a table; write [backtest]")
    if "signals" in document.get("strategy", {}):
        raise ConfigError("[strategy] signals is for one instrument; legs need a class")
    tables = legs_of(_with_venues(document))
    venues = {name: leg.venue for name, leg in tables.items()}
    own = _own_tables(table, tables)
    common = {key: value for key, value in table.items() if key not in (*_TABLES, "deposit")}
    found = {}
    for name, leg in tables.items():
        of_leg = document_of(_with_venues(document), name, leg)
        if not of_leg["risk"]:  # none is asked for where no money is at stake
            del of_leg["risk"]
        try:
            found[name] = parse_tables(
                {**of_leg, "backtest": {**common, **own.get(name, {})}}, needs_data=needs_data
            )
        except ConfigError as error:
            raise ConfigError(f"leg {name}: {error}") from error
    equity = table.get("equity", "")
    if not isinstance(equity, str):
        raise ConfigError('[backtest] equity is an asset, such as "USDT"')
    return LegsConfig(
        name=next(iter(found.values())).bot.name.removesuffix(f"-{next(iter(found))}"),
        legs=found,
        venues=venues,
        wallets=_wallets(table, list(dict.fromkeys(venues.values()))),
        equity=equity,
    )


def _with_venues(document: dict[str, Any]) -> dict[str, Any]:
    """Return the tables with a venue of each name: a backtest needs no more of one."""
    if "venue" in document:
        return document
    legs = document["legs"]
    tables = legs.values() if isinstance(legs, dict) else ()
    names = [leg.get("venue", "main") for leg in tables if isinstance(leg, dict)]
    return {**document, "venue": {name: {} for name in names if isinstance(name, str)}}


def _own_tables(table: dict[str, Any], legs: dict[str, LegTable]) -> dict[str, dict[str, Any]]:
    own = table.get("legs", {})
    if not isinstance(own, dict) or not all(isinstance(it, dict) for it in own.values()):
        raise ConfigError("[backtest.legs] has a table for each leg; write [backtest.legs.NAME]")
    for name, of_leg in own.items():
        if name not in legs:
            raise ConfigError(f"[backtest.legs.{name}] is of no leg; legs are {', '.join(legs)}")
        for key in _OF_ALL:
            if key in of_leg:
                where = "[backtest.wallets.VENUE]" if key == "deposit" else f"[backtest] {key}"
                raise ConfigError(f"[backtest.legs.{name}] {key} is of all legs: write {where}")
        check_table(of_leg, _keys(), f"[backtest.legs.{name}] ")
    return own


def _keys() -> tuple[str, ...]:
    return tuple(key for key in BacktestTable.__struct_encode_fields__ if key not in _OF_ALL)


def _wallets(table: dict[str, Any], venues: list[str]) -> dict[str, dict[str, Decimal]]:
    wallets, deposit = table.get("wallets"), table.get("deposit")
    if wallets is None and deposit is None:
        raise ConfigError(
            "no money: write [backtest.wallets.VENUE] for each venue of the legs, such as "
            f'[backtest.wallets.{venues[0]}] USDT = "10000"'
        )
    if wallets is not None and deposit is not None:
        raise ConfigError("[backtest] has deposit and wallets; say it once, by wallets")
    if deposit is not None and len(venues) > 1:
        raise ConfigError(
            f"[backtest] deposit is for one venue, and legs are at {', '.join(venues)}; write "
            "[backtest.wallets.VENUE] for each"
        )
    given = wallets if wallets is not None else {venues[0]: deposit}
    try:
        found = msgspec.convert(given, dict[str, dict[str, Decimal]])
    except msgspec.ValidationError as error:
        raise ConfigError(
            f"[backtest.wallets]: {in_toml_words(str(error))}; write an amount of each asset, such "
            'as USDT = "10000"'
        ) from error
    for wrong in _elsewhere(found, venues):
        there = ", ".join(venues)
        raise ConfigError(f"[backtest.wallets.{wrong}]: no leg is there; legs are at {there}")
    for venue, wallet in found.items():
        if len({asset.upper() for asset in wallet}) < len(wallet):
            raise ConfigError(
                f"[backtest.wallets.{venue}] has an asset twice ({', '.join(wallet)}): capital "
                "letters are no difference, so write it once"
            )
    return {
        venue: {asset.upper(): amount for asset, amount in found.get(venue, {}).items()}
        for venue in venues
    }


def _elsewhere(wallets: dict[str, Any], venues: list[str]) -> Iterator[str]:
    return (venue for venue in wallets if venue not in venues)
