"""Channels: on which path each is, what it is told by, and who may hear it.

The invariant: a subscription's form is the `arg` that it was asked for by, so that equal ones share
every frame.
"""

from enum import StrEnum
from functools import lru_cache
from typing import NamedTuple

import msgspec

from steelyard.dialects.okx.frames import Wanted
from steelyard.dialects.okx.history import BARS
from steelyard.domain.messages import SECOND_NS
from steelyard.wire.dialect import Channel, ChannelKind

MS_NS = 1_000_000
BOOK_NS, FAST_NS, TICKER_NS, CANDLE_NS = 100 * MS_NS, 10 * MS_NS, 250 * MS_NS, SECOND_NS
CANDLE = "candle"
ORDERS, ALGOS, ACCOUNT, BALANCES, FILLS = (
    *("orders", "orders-algo", "account", "balance_and_position", "fills"),
)
DEPOSITS, WITHDRAWALS = "deposit-info", "withdrawal-info"
INSTRUMENTS, STATUS, POSITIONS = "instruments", "status", "positions"
BOOKS = frozenset({"books", "books50-l2-tbt", "books-l2-tbt"})


class Path(StrEnum):
    """Where a channel is."""

    PUBLIC = "public"
    PRIVATE = "private"
    BUSINESS = "business"


class Kind(NamedTuple):
    """What a channel is told by, or by both; None: nothing ever is, or only when it begins."""

    path: Path
    channel: Channel | None = None
    also: Channel | None = None
    is_private: bool = False
    needs_instrument: bool = False


def _of_instrument(path: Path, kind: ChannelKind, period_ns: int = 0, depth: int = 0) -> Kind:
    return Kind(path, Channel(kind, period_ns=period_ns, depth=depth), needs_instrument=True)


def _of_account(path: Path, kind: ChannelKind | None) -> Kind:
    return Kind(path, None if kind is None else Channel(kind), is_private=True)


_PUBLIC, _PRIVATE, _BUSINESS = Path.PUBLIC, Path.PRIVATE, Path.BUSINESS
_BOOK = ChannelKind.BOOK
_SILENT = (
    *("mark-price", "funding-rate", "open-interest", "price-limit", "estimated-price"),
    *("index-tickers", "liquidation-orders", "adl-warning", "opt-summary", "option-trades"),
)
KINDS: dict[str, Kind] = {
    "tickers": _of_instrument(_PUBLIC, ChannelKind.TICKER, TICKER_NS),
    "books": _of_instrument(_PUBLIC, _BOOK, BOOK_NS),
    "books5": _of_instrument(_PUBLIC, _BOOK, BOOK_NS, 5),
    "bbo-tbt": _of_instrument(_PUBLIC, _BOOK, FAST_NS, 1),
    # Of the venue for those of a high tier of fees; here for whoever is logged in.
    "books50-l2-tbt": _of_instrument(_PUBLIC, _BOOK, FAST_NS)._replace(is_private=True),
    "books-l2-tbt": _of_instrument(_PUBLIC, _BOOK, FAST_NS)._replace(is_private=True),
    "trades": _of_instrument(_PUBLIC, ChannelKind.AGGREGATES),
    STATUS: Kind(_PUBLIC, Channel(ChannelKind.STATUS)),
    INSTRUMENTS: Kind(_PUBLIC),
    **dict.fromkeys(_SILENT, Kind(_PUBLIC)),
    # A post-only order that would take is told as well: here it was taken up.
    ORDERS: _of_account(_PRIVATE, ChannelKind.ORDERS)._replace(also=Channel(ChannelKind.REFUSED)),
    FILLS: _of_account(_PRIVATE, ChannelKind.FILLS),
    ACCOUNT: _of_account(_PRIVATE, ChannelKind.BALANCES),
    BALANCES: _of_account(_PRIVATE, ChannelKind.BALANCES),
    POSITIONS: _of_account(_PRIVATE, None),
    "liquidation-warning": _of_account(_PRIVATE, None),
    "account-greeks": _of_account(_PRIVATE, None),
    "trades-all": _of_instrument(_BUSINESS, ChannelKind.TRADES),
    **{
        f"{CANDLE}{bar}": Kind(
            _BUSINESS,
            Channel(ChannelKind.CANDLES, period_ns=CANDLE_NS, interval_ns=length, offset_ns=offset),
            needs_instrument=True,
        )
        for bar, (length, offset) in BARS.items()
    },
    ALGOS: _of_account(_BUSINESS, ChannelKind.ORDERS),
    "algo-advance": _of_account(_BUSINESS, None),
    DEPOSITS: _of_account(_BUSINESS, ChannelKind.FUNDS),
    WITHDRAWALS: _of_account(_BUSINESS, ChannelKind.FUNDS),
}

_wanted = msgspec.json.Decoder(Wanted)


@lru_cache(maxsize=4_096)
def wanted_of(form: str) -> Wanted:
    """Return what the `arg` of a subscription says."""
    return _wanted.decode(form)


def path_of(target: str) -> Path | None:
    """Return which path a WebSocket's target is; None where it is none."""
    path = target.partition("?")[0].rstrip("/")
    return next((each for each in Path if path == f"/ws/v5/{each}"), None)


def target_of(path: Path) -> str:
    """Return a path as a client asks for it."""
    return f"/ws/v5/{path}"
