"""Instruments of data: from what is listed, or from the steps that the data itself shows.

The derived step is the power of ten of the finest decimal seen, so that more data can only make
it ten times finer, which changes no number. A listing's steps are not guessed at: data off them is
refused. Where one tick times one lot is finer than an atom there is no exact instrument.
"""

import re

from steelyard.data.exact import Step
from steelyard.domain.errors import UsageError
from steelyard.domain.instrument import LIMIT_MAX, NOTIONAL_MAX_ATOMS, Instrument, foreign_asset_id
from steelyard.domain.units import ATOMS_PER_UNIT, in_full

PRICE_TICKS_MAX = 2**32 - 1  # what an event of a tape can say
SYMBOL = re.compile(r"[A-Z0-9]{1,11}-[A-Z0-9]{1,11}")
VENUE = re.compile(r"[a-z0-9][a-z0-9_.]{0,39}(-[a-z0-9_.]{1,39})*")

# How venues that write no separator end a symbol: the longest that fits is the quote.
QUOTES = [
    "USDT",
    "USDC",
    "FDUSD",
    "TUSD",
    "BUSD",
    "USDP",
    "USD1",
    "USDE",
    "USD",
    "DAI",
    "EUR",
    "GBP",
    "TRY",
    "BRL",
    "JPY",
    "AUD",
    "RUB",
    "UAH",
    "ZAR",
    "PLN",
    "RON",
    "ARS",
    "MXN",
    "COP",
    "CZK",
    "IDR",
    "NGN",
    "VAI",
    "BIDR",
    "IDRT",
    "BVND",
    "BKRW",
    "EURI",
    "AEUR",
    "XUSD",
    "BFUSD",
    "RLUSD",
    "BTC",
    "ETH",
    "BNB",
    "XRP",
    "TRX",
    "DOGE",
    "DOT",
    "SOL",
]


def derived(symbol: str, tick: Step, lot: Step) -> Instrument:
    """Return an instrument with these steps and no limits but those of our numbers.

    Raises:
        UsageError: The symbol is not `BASE-QUOTE`, or one tick times one lot is no whole number of
            quote atoms.
    """
    base, quote = checked_symbol(symbol).split("-")
    lot_atoms, lot_rest = divmod(lot.units * ATOMS_PER_UNIT, 10**lot.decimals)
    both = tick.units * lot.units * ATOMS_PER_UNIT
    tick_lot_atoms, both_rest = divmod(both, 10 ** (tick.decimals + lot.decimals))
    if lot_rest or both_rest:
        raise UsageError(
            f"{symbol}: price step {in_full(tick.decimal)} times size step {in_full(lot.decimal)} "
            "is finer than 0.000000000001 of the quote, so amounts would not be exact; give "
            "coarser steps by --tick and --lot, with --round if the data is finer"
        )
    price_max = PRICE_TICKS_MAX
    largest = max(lot_atoms, price_max * tick_lot_atoms)
    size_max = min(LIMIT_MAX, NOTIONAL_MAX_ATOMS // largest)
    instrument = Instrument(
        instrument_id=0,
        symbol=symbol,
        base=base,
        quote=quote,
        base_asset_id=foreign_asset_id(base),
        quote_asset_id=foreign_asset_id(quote),
        lot_atoms=lot_atoms,
        tick_lot_atoms=tick_lot_atoms,
        price_max_ticks=price_max,
        size_min_lots=1,
        size_max_lots=size_max,
        notional_min_atoms=0,
    )
    if size_max < 1 or not instrument.is_sound:
        raise UsageError(
            f"{symbol}: price step {in_full(tick.decimal)} and size step {in_full(lot.decimal)} "
            "make no instrument whose amounts can be counted; give others by --tick and --lot"
        )
    return instrument


def checked_symbol(text: str) -> str:
    """Return a symbol in our spelling; `BTC/USDT` and `btc_usdt` are taken too.

    Raises:
        UsageError: Not of that form.
    """
    symbol = text.strip().upper().partition(":")[0].replace("/", "-").replace("_", "-")
    base, _, quote = symbol.partition("-")
    if SYMBOL.fullmatch(symbol) is None or base == quote:
        raise UsageError(f"{text!r} is not a symbol; write BASE-QUOTE, as BTC-USDT")
    return symbol


def checked_venue(text: str) -> str:
    """Return a venue's name, which becomes a folder's.

    Raises:
        UsageError: Not lower-case letters, digits and dashes.
    """
    if VENUE.fullmatch(text) is None:
        raise UsageError(
            f"{text!r} is no name of a venue; write lower-case letters, digits and -, as my-venue"
        )
    return text


def split_symbol(text: str) -> str | None:
    """Return `BTCUSDT` as `BTC-USDT`; None where no known quote ends it."""
    for quote in sorted(QUOTES, key=len, reverse=True):
        if text.endswith(quote) and len(text) > len(quote):
            symbol = f"{text[: -len(quote)]}-{quote}"
            return symbol if SYMBOL.fullmatch(symbol) else None
    return None
