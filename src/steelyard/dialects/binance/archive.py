"""Binance's public archive of market data, as it is named and laid out.

Files are zip archives of one CSV, of a day or a month, with a `.CHECKSUM` beside each. Spot files
have no header, newer futures files have one. Times are in milliseconds; spot files of 2025 and
later have microseconds.

Files of spot and of futures have the same names. What tells them apart is in them: single trades
and aggregates of spot have a last column `is_best_match`, best bids and depth are of futures only,
and bars of futures have a header (older ones have none, and are taken for spot's).

Source: https://github.com/binance/binance-public-data, read 2026-11-22.
"""

import re
from collections.abc import Sequence

from steelyard.wire.archive import Archive, Series

_DATE = r"(?P<date>[0-9]{4}-[0-9]{2}(?:-[0-9]{2})?)"
_SYMBOL = r"(?P<symbol>[A-Z0-9]+(?:_[A-Z0-9]+)?)"
_KLINES = (
    "open_time",
    "open",
    "high",
    "low",
    "close",
    "volume",
    "close_time",
    "quote_volume",
    "count",
    "taker_buy_volume",
    "taker_buy_quote_volume",
    "ignore",
)
_AGGREGATES = (
    "agg_trade_id",
    "price",
    "quantity",
    "first_trade_id",
    "last_trade_id",
    "transact_time",
    "is_buyer_maker",
)
_TRADES = ("id", "price", "qty", "quote_qty", "time", "is_buyer_maker")
_TOUCH = (
    "update_id",
    "best_bid_price",
    "best_bid_qty",
    "best_ask_price",
    "best_ask_qty",
    "transaction_time",
    "event_time",
)
_DEPTH = (
    "symbol",
    "timestamp",
    "trans_id",
    "first_update_id",
    "last_update_id",
    "side",
    "update_type",
    "price",
    "qty",
)
_COIN_MARGINED = re.compile(r"[A-Z0-9]+USD_(?:PERP|[0-9]{6})")
_DEPTH_CHAINED = (*_DEPTH[:2], *_DEPTH[3:], "pu")


def futures_of(symbol: str) -> str:
    """Return the market of futures that has a symbol: `BTCUSD_PERP` is margined in the coin."""
    return "cm" if _COIN_MARGINED.fullmatch(symbol) else "um"


def market_of(series: str, symbol: str, names: Sequence[str], *, has_header: bool) -> str:
    """Return which market a file's table is of; empty: spot, or it does not tell."""
    if _COIN_MARGINED.fullmatch(symbol) or series in {"bookTicker", "T_DEPTH", "bookDepth"}:
        return futures_of(symbol)
    if series == "klines":
        is_futures = has_header and tuple(names) == _KLINES
    else:
        is_futures = tuple(names) in {_AGGREGATES, _TRADES}
    return futures_of(symbol) if is_futures else ""


def _series(kind: str, series: str, *columns: tuple[str, ...]) -> Series:
    pattern = re.compile(rf"{_SYMBOL}-{series}-{_DATE}(?:\.csv)?")
    path = f"data/{{market}}/{{span}}/{series}/{{symbol}}/{{symbol}}-{series}-{{date}}.zip"
    return Series(
        kind, pattern, columns, path.replace("{span}", "daily"), path.replace("{span}", "monthly")
    )


_BARS_PATH = "data/{market}/{span}/klines/{symbol}/{interval}/{symbol}-{interval}-{date}.zip"

ARCHIVE = Archive(
    venue="binance",
    title="Binance",
    base_url="https://data.binance.vision",
    markets={"spot": "spot", "um": "futures/um", "cm": "futures/cm"},
    series={
        "klines": Series(
            "bars",
            re.compile(rf"{_SYMBOL}-(?P<interval>[0-9]+(?:s|m|h|d|w|mo))-{_DATE}(?:\.csv)?"),
            (_KLINES,),
            _BARS_PATH.replace("{span}", "daily"),
            _BARS_PATH.replace("{span}", "monthly"),
        ),
        "aggTrades": _series(
            "aggtrades", "aggTrades", (*_AGGREGATES, "is_best_match"), _AGGREGATES
        ),
        "trades": _series("trades", "trades", (*_TRADES, "is_best_match"), _TRADES),
        "bookTicker": _series("touch", "bookTicker", _TOUCH),
        # Sums by percent of the price: recognized, so that it can be said what is wrong with them.
        "bookDepth": _series(
            "depth", "bookDepth", ("timestamp", "percentage", "depth", "notional")
        ),
        "T_DEPTH": Series(
            "depth",
            re.compile(rf"{_SYMBOL}_T_DEPTH_{_DATE}(?:_depth_(?:snap|update))?(?:\.csv)?"),
            (_DEPTH, _DEPTH_CHAINED, (*_DEPTH, "pu")),
            "",
            "",
        ),
    },
    checksum=".CHECKSUM",
    market_of=market_of,
)
