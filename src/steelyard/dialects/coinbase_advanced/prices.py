"""What the older API (`/v2`) tells of one market, and of buying outside of it; server end.

The invariant: a price is the last one, or what the book offers at its best, without a fee. Nobody
buys or sells here but on the market, so lists of that are empty.
"""

from collections.abc import Callable
from typing import Any

from steelyard.dialects.coinbase_advanced import errors
from steelyard.dialects.coinbase_advanced.routes import (
    answered,
    nothing,
    product_of,
    public,
    signed,
)
from steelyard.dialects.coinbase_advanced.wallet_messages import (
    Pagination,
    Price,
    PriceData,
    PriceRequest,
    Purchases,
    WalletPageRequest,
)
from steelyard.domain.messages import Ticker, TickerList, TickersQuery
from steelyard.domain.order import RejectReason
from steelyard.wire.dialect import Asker, Endpoint
from steelyard.wire.numerals import price_text

PRICES: dict[str, tuple[str, Callable[[Ticker], int | None]]] = {
    "spot": ("The last price", lambda ticker: ticker.last_ticks),
    "buy": ("At what price one buys", lambda ticker: ticker.ask_ticks),
    "sell": ("At what price one sells", lambda ticker: ticker.bid_ticks),
}


def _query(request: PriceRequest, asker: Asker) -> TickersQuery:
    return TickersQuery((product_of(request.symbol, asker.listings).instrument_id,))


def _price(answer: Any, request: PriceRequest, asker: Asker, name: str) -> PriceData:
    (ticker,) = answered(answer, TickerList).tickers
    instrument = product_of(request.symbol, asker.listings)
    ticks = PRICES[name][1](ticker) or ticker.last_ticks
    if not ticks:
        raise errors.refused(
            errors.NO_PRODUCT,
            f"{instrument.symbol} has no price yet: nothing has traded, and nobody offers",
            RejectReason.UNSUPPORTED,
            "symbol",
        )
    text = price_text(instrument, ticks)
    return PriceData(Price(amount=text, base=instrument.base, currency=instrument.quote))


def _of(name: str, title: str) -> Endpoint:
    return public(
        f"/v2/prices/{{symbol}}/{name}",
        PriceRequest,
        PriceData,
        _query,
        lambda answer, request, asker: _price(answer, request, asker, name),
        summary=title,
    )


# -- routes -------------------------------------------------------------------------------------

ENDPOINTS: tuple[Endpoint, ...] = (
    *(_of(name, title) for name, (title, _) in PRICES.items()),
    *(
        signed(
            "GET",
            f"/v2/accounts/{{account_id}}/{name}",
            WalletPageRequest,
            Purchases,
            nothing,
            lambda *_: Purchases(Pagination()),
            summary=f"{name.capitalize()} outside of the market: none",
        )
        for name in ("buys", "sells")
    ),
)
