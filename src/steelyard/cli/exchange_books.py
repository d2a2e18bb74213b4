"""`steelyard exchange --books per-dialect`: one process, and an exchange of its own for each venue.

Each has its books, its accounts and its directory, `DATA/DIALECT`, as venues have in the world:
what a bot buys on the one it cannot sell on the other, and prices differ. Commands speak to one of
them by `--data DATA/DIALECT`. Deliberately absent: money that moves between them, a page of all.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from steelyard import dialects
from steelyard.cli.exchange_config import ExchangeConfig
from steelyard.cli.live_source import LiveSource
from steelyard.cli.market_source import CrowdSource
from steelyard.cli.opening import is_founded
from steelyard.domain.errors import UsageError
from steelyard.store import datadir

SHARED: Final = "shared"
PER_DIALECT: Final = "per-dialect"
BOOKS = (SHARED, PER_DIALECT)
NATIVE = "native"


def exchanges(config: ExchangeConfig, books: str) -> list[ExchangeConfig]:
    """Return what to start: one exchange that speaks every dialect, or one for each dialect.

    A crowd is another one on each: its seed is the one asked for, and one more for each next port.

    Raises:
        UsageError: No such books, the directory was founded with others, or with live markets.
    """
    if books not in BOOKS:
        raise UsageError(f"--books {books!r} is neither {SHARED} nor {PER_DIALECT}")
    apart = {name: config.data / name for name in dialects.names()}
    if books == SHARED:
        if found := [name for name, data in apart.items() if is_founded(data)]:
            raise UsageError(
                f"{config.data} has an exchange for each of {', '.join(found)}: start it with "
                f"--books {PER_DIALECT}, or choose another --data"
            )
        return [config]
    if is_founded(config.data):
        raise UsageError(
            f"{config.data} has one exchange for all dialects: start it without --books, or "
            "choose another --data"
        )
    if isinstance(config.market, LiveSource):
        raise UsageError(f"--live follows venues' own books: leave out --books {PER_DIALECT}")
    return [_one(config, name, data) for name, data in apart.items()]


def _one(config: ExchangeConfig, name: str, data: Path) -> ExchangeConfig:
    market = config.market
    if market is None and not is_founded(data):
        market = CrowdSource()
    if isinstance(market, CrowdSource):
        market = CrowdSource(market.seed + dialects.find(name).port_offset)
    return replace(config, data=data, market=market, ready_file=None, only=name)


def told(config: ExchangeConfig, readies: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return the ready document of all exchanges together, and write it where it is asked for."""
    names = dialects.names()
    document: dict[str, Any] = {
        "ready": True,
        "pid": readies[0]["pid"],
        "books": PER_DIALECT,
        "page": readies[names.index(NATIVE)]["page"],
        "pages": {name: ready["page"] for name, ready in zip(names, readies, strict=True)},
        "dialects": {
            name: ready["dialects"][name] for name, ready in zip(names, readies, strict=True)
        },
    }
    if config.has_tls:
        document["tls"] = {
            name: {"ca": ready["tls"]["ca"], **ready["tls"]["dialects"][name]}
            for name, ready in zip(names, readies, strict=True)
        }
    if config.ready_file:
        datadir.write_atomically(config.ready_file, document)
    return document
