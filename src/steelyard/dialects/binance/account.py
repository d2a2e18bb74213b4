"""Balances, fees, fills and what a key may do, both ways.

The invariant: amounts are exact. There is no smart order routing here and so no allocation; which
matches self-trade prevention has prevented is not kept.
"""

from collections.abc import Callable, Iterator
from typing import Any

from msgspec import UNSET, Struct

from steelyard.dialects.binance import errors
from steelyard.dialects.binance.account_messages import (
    Account,
    AccountBalance,
    AccountRequest,
    AllocationsRequest,
    ApiRestrictions,
    Commission,
    MyFilters,
    MyTrade,
    MyTradesRequest,
    PreventedMatchesRequest,
    TradeFee,
    TradeFeeRequest,
)
from steelyard.dialects.binance.frames import (
    AccountPosition,
    EventBalance,
)
from steelyard.dialects.binance.market import filters_of_account, instrument_of, usage_to_wire
from steelyard.dialects.binance.messages import (
    Nothing,
    RateLimit,
    Rates,
    SymbolRequest,
)
from steelyard.dialects.binance.routes import signed, span_of
from steelyard.dialects.binance.text import (
    DECIMALS,
    ZERO,
    amount_text,
    from_ms,
    price_text,
    rate_text,
    read_amount,
    read_price,
    read_size,
    scaled,
    size_text,
    symbol_text,
    to_ms,
)
from steelyard.domain.errors import DecodeError, Unsupported
from steelyard.domain.instrument import Instrument, Listings
from steelyard.domain.lifecycle import Fill
from steelyard.domain.messages import (
    AccountAnswer,
    AccountQuery,
    Answer,
    AssetBalance,
    BalanceEvent,
    FillList,
    FillsQuery,
    KeyAnswer,
    KeyQuery,
    Scope,
)
from steelyard.domain.order import Liquidity, Side
from steelyard.wire.dialect import Asker, Endpoint
from steelyard.wire.limits import Counts

FILLS_MAX = 1_000
E8_PER_BASIS_POINT = 10_000
UNLISTED_ADDRESSES = ("unlisted",)  # the venue tells that there is a list, not what is on it
# Beyond what our scopes say.
OTHER_RIGHTS = {
    "enableMargin": "borrow on margin",
    "enableFutures": "trade futures",
    "enableVanillaOptions": "trade options",
    "enablePortfolioMarginTrading": "trade on portfolio margin",
}

NO_RATES = Rates(maker=ZERO, taker=ZERO)


# -- balances and fees --------------------------------------------------------------------------


def account_to_wire(answer: Answer | None, request: AccountRequest, asker: Asker) -> Account:
    """Return the response with an account's balances, those of nothing too."""
    account = _account(answer)
    rates = Rates(maker=rate_text(account.maker_rate_e8), taker=rate_text(account.taker_rate_e8))
    return Account(
        makerCommission=account.maker_rate_e8 // E8_PER_BASIS_POINT,
        takerCommission=account.taker_rate_e8 // E8_PER_BASIS_POINT,
        commissionRates=rates,
        updateTime=to_ms(account.time_ns),
        balances=tuple(
            AccountBalance(
                asset=name, free=amount_text(b.free_atoms), locked=amount_text(b.held_atoms)
            )
            for name, b in _balances(account, asker.listings)
            if not request.omitZeroBalances or b.free_atoms or b.held_atoms
        ),
        uid=account.account_id,
    )


def account_from_wire(wire: Account, listings: Listings) -> AccountAnswer:
    """Return an account of a response; assets that no listed instrument uses are left out."""
    ids = {name: asset_id for asset_id, name in listings.assets().items()}
    return AccountAnswer(
        0,
        tuple(
            AssetBalance(ids[b.asset], read_amount(b.free), read_amount(b.locked))
            for b in wire.balances
            if b.asset in ids
        ),
        scaled(wire.commissionRates.maker, DECIMALS),
        scaled(wire.commissionRates.taker, DECIMALS),
        from_ms(wire.updateTime),
        can_trade=wire.canTrade,
    )


def position_to_wire(event: BalanceEvent, listings: Listings) -> AccountPosition:
    """Return balances as an outboundAccountPosition."""
    time = to_ms(event.time_ns)
    return AccountPosition(
        E=time,
        u=time,
        B=tuple(
            EventBalance(
                a=listings.asset(b.asset_id),
                f=amount_text(b.free_atoms),
                l=amount_text(b.held_atoms),
            )
            for b in event.balances
        ),
    )


def position_from_wire(wire: AccountPosition, listings: Listings) -> BalanceEvent:
    """Return balances of an outboundAccountPosition."""
    ids = {name: asset_id for asset_id, name in listings.assets().items()}
    return BalanceEvent(
        0,
        tuple(
            AssetBalance(ids[b.a], read_amount(b.f), read_amount(b.l)) for b in wire.B if b.a in ids
        ),
        from_ms(wire.u),
    )


def _account(answer: Answer | None) -> AccountAnswer:
    assert isinstance(answer, AccountAnswer), "an AccountQuery is answered by an account"
    return answer


def _balances(account: AccountAnswer, listings: Listings) -> Iterator[tuple[str, AssetBalance]]:
    known = {balance.asset_id: balance for balance in account.balances}
    for asset_id, name in sorted(listings.assets().items()):
        yield name, known.get(asset_id) or AssetBalance(asset_id, 0, 0)


def _commission(answer: Answer | None, request: SymbolRequest, asker: Asker) -> Commission:
    account = _account(answer)
    rates = Rates(maker=rate_text(account.maker_rate_e8), taker=rate_text(account.taker_rate_e8))
    return Commission(
        symbol=symbol_text(instrument_of(request.symbol, asker)),
        standardCommission=rates,
        specialCommission=NO_RATES,
        taxCommission=NO_RATES,
    )


def _trade_fees(
    answer: Answer | None, request: TradeFeeRequest, asker: Asker
) -> tuple[TradeFee, ...]:
    account = _account(answer)
    if request.symbol:
        instruments: list[Instrument] = [instrument_of(request.symbol, asker)]
    else:
        instruments = list(asker.listings)
    return tuple(
        TradeFee(
            symbol=symbol_text(instrument),
            makerCommission=rate_text(account.maker_rate_e8),
            takerCommission=rate_text(account.taker_rate_e8),
        )
        for instrument in instruments
    )


# -- fills --------------------------------------------------------------------------------------


def fill_to_wire(fill: Fill, listings: Listings) -> MyTrade:
    """Return a fill as an element of myTrades."""
    instrument = listings[fill.instrument_id]
    return MyTrade(
        symbol=symbol_text(instrument),
        id=fill.trade_id,
        orderId=fill.order_id,
        price=price_text(instrument, fill.price_ticks),
        qty=size_text(instrument, fill.size_lots),
        quoteQty=amount_text(fill.quote_atoms),
        commission=amount_text(fill.fee_atoms),
        commissionAsset=listings.asset(fill.fee_asset_id),
        time=to_ms(fill.time_ns),
        isBuyer=fill.side is Side.BUY,
        isMaker=fill.liquidity is Liquidity.MAKER,
    )


def fill_from_wire(wire: MyTrade, instrument: Instrument, listings: Listings) -> Fill:
    """Return a fill of a response, which does not tell the order's client id."""
    try:
        fee_asset_id = listings.any_asset_id(wire.commissionAsset)
    except Unsupported as error:
        raise DecodeError(f"a fee in {wire.commissionAsset[:20]!r}, which is no asset") from error
    price_ticks, size_lots = read_price(instrument, wire.price), read_size(instrument, wire.qty)
    return Fill(
        trade_id=wire.id,
        order_id=wire.orderId,
        client_order_id="",
        account_id=0,
        instrument_id=instrument.instrument_id,
        side=Side.BUY if wire.isBuyer else Side.SELL,
        price_ticks=price_ticks,
        size_lots=size_lots,
        quote_atoms=instrument.notional_atoms(price_ticks, size_lots),
        liquidity=Liquidity.MAKER if wire.isMaker else Liquidity.TAKER,
        fee_asset_id=fee_asset_id,
        fee_atoms=read_amount(wire.commission),
        time_ns=from_ms(wire.time),
    )


def _fills_query(request: MyTradesRequest, asker: Asker) -> FillsQuery:
    start_ns, end_ns = span_of(request.startTime, request.endTime)
    return FillsQuery(
        asker.account_id,
        min(request.limit, FILLS_MAX),
        instrument_of(request.symbol, asker).instrument_id,
        request.orderId,
        request.fromId,
        start_ns,
        end_ns,
    )


def _fills(answer: Answer | None, _request: Struct, asker: Asker) -> tuple[MyTrade, ...]:
    assert isinstance(answer, FillList), "a FillsQuery is answered by fills"
    return tuple(fill_to_wire(fill, asker.listings) for fill in answer.fills)


# -- keys and limits ----------------------------------------------------------------------------


def restrictions_to_wire(answer: Answer | None, _request: Struct, _asker: Asker) -> ApiRestrictions:
    """Return what the asking key may do."""
    assert isinstance(answer, KeyAnswer), "a KeyQuery is answered by a key"
    return ApiRestrictions(
        ipRestrict=bool(answer.ip),
        createTime=to_ms(answer.created_ns),
        enableReading=Scope.READ in answer.scopes,
        enableWithdrawals=Scope.WITHDRAW in answer.scopes,
        enableSpotAndMarginTrading=Scope.TRADE in answer.scopes,
        tradingAuthorityExpirationTime=UNSET if answer.ends_ns is None else to_ms(answer.ends_ns),
    )


def restrictions_from_wire(wire: ApiRestrictions, key: str) -> KeyAnswer:
    """Return what a response says that a key may do; any way out counts as withdrawing.

    A flag that is not there leaves its scope unknown.
    """
    leaves = wire.enableInternalTransfer or wire.permitsUniversalTransfer
    allowed = {
        Scope.READ: wire.enableReading,
        Scope.TRADE: wire.enableSpotAndMarginTrading,
        Scope.WITHDRAW: leaves or wire.enableWithdrawals,
    }
    expires = wire.tradingAuthorityExpirationTime
    return KeyAnswer(
        key,
        0,
        frozenset(scope for scope, is_allowed in allowed.items() if is_allowed is True),
        UNLISTED_ADDRESSES if wire.ipRestrict else (),
        from_ms(wire.createTime),
        from_ms(expires) if isinstance(expires, int) else None,
        unknown=frozenset(scope for scope, is_allowed in allowed.items() if is_allowed is UNSET),
        others=tuple(right for flag, right in OTHER_RIGHTS.items() if getattr(wire, flag)),
    )


def _order_counts(_answer: Answer | None, _request: Struct, asker: Asker) -> tuple[RateLimit, ...]:
    return usage_to_wire(asker.usage, Counts.ORDERS)


# -- routes -------------------------------------------------------------------------------------


def _private(
    path: str,
    request: type[Struct],
    response: Any,
    decode: Callable[[Any, Asker], Any],
    encode: Callable[[Any, Any, Asker], Any],
    *,
    weight: int | Callable[[Any], int],
    summary: str,
) -> Endpoint:
    return signed(
        "GET",
        path,
        request,
        response,
        decode,
        encode,
        scope=Scope.READ,
        weight=weight,
        summary=summary,
    )


def _ask_account(_request: Struct, asker: Asker) -> AccountQuery:
    return AccountQuery(asker.account_id)


def _ask_nothing(_request: Struct, _asker: Asker) -> None:
    return None


def _allocations(request: AllocationsRequest, asker: Asker) -> None:
    instrument_of(request.symbol, asker)
    span_of(request.startTime, request.endTime)


def _prevented_matches(request: PreventedMatchesRequest, asker: Asker) -> None:
    instrument_of(request.symbol, asker)
    raise errors.said(
        -1020,
        "This operation is not supported.",
        "prevented matches are not kept here; the orders that they ended are EXPIRED_IN_MATCH in "
        "allOrders",
    )


def _my_filters(_answer: Answer | None, request: SymbolRequest, asker: Asker) -> MyFilters:
    instrument = instrument_of(request.symbol, asker)
    return MyFilters(symbolFilters=tuple(filters_of_account(instrument)))


def _nothing(_answer: Answer | None, _request: Struct, _asker: Asker) -> tuple[Struct, ...]:
    return ()


def _no_pairs(_answer: Answer | None, _request: Struct, _asker: Asker) -> tuple[Struct, ...]:
    return ()


ACCOUNT = _private(
    "/api/v3/account",
    AccountRequest,
    Account,
    _ask_account,
    account_to_wire,
    weight=20,
    summary="Balances and fees",
)
COMMISSION = _private(
    "/api/v3/account/commission",
    SymbolRequest,
    Commission,
    _ask_account,
    _commission,
    weight=20,
    summary="Fees of a symbol",
)
MY_TRADES = _private(
    "/api/v3/myTrades",
    MyTradesRequest,
    tuple[MyTrade, ...],
    _fills_query,
    _fills,
    weight=lambda request: 20 if request.orderId is None else 5,
    summary="Fills of a symbol",
)
ORDER_COUNTS = _private(
    "/api/v3/rateLimit/order",
    Nothing,
    tuple[RateLimit, ...],
    _ask_nothing,
    _order_counts,
    weight=40,
    summary="How much of the order limits is used",
)
MY_ALLOCATIONS = _private(
    "/api/v3/myAllocations",
    AllocationsRequest,
    tuple[Struct, ...],
    _allocations,
    _nothing,
    weight=20,
    summary="Fills by smart order routing: none",
)
MY_PREVENTED_MATCHES = _private(
    "/api/v3/myPreventedMatches",
    PreventedMatchesRequest,
    tuple[Struct, ...],
    _prevented_matches,
    _nothing,
    weight=lambda request: 2 if request.preventedMatchId is not None else 20,
    summary="Not offered",
)
MY_FILTERS = _private(
    "/api/v3/myFilters",
    SymbolRequest,
    MyFilters,
    _ask_nothing,
    _my_filters,
    weight=40,
    summary="A symbol's filters that count an account's orders",
)
API_RESTRICTIONS = _private(
    "/sapi/v1/account/apiRestrictions",
    Nothing,
    ApiRestrictions,
    lambda _request, asker: KeyQuery(asker.key),
    restrictions_to_wire,
    weight=1,
    summary="What the key may do",
)

ENDPOINTS: tuple[Endpoint, ...] = (
    ACCOUNT,
    COMMISSION,
    MY_TRADES,
    MY_ALLOCATIONS,
    MY_PREVENTED_MATCHES,
    MY_FILTERS,
    ORDER_COUNTS,
    API_RESTRICTIONS,
    _private(
        "/sapi/v1/asset/tradeFee",
        TradeFeeRequest,
        tuple[TradeFee, ...],
        _ask_account,
        _trade_fees,
        weight=1,
        summary="Fees of symbols",
    ),
    _private(
        "/sapi/v1/margin/allPairs",
        Nothing,
        tuple[Struct, ...],
        _ask_nothing,
        _no_pairs,
        weight=1,
        summary="Margin pairs: none",
    ),
    _private(
        "/sapi/v1/margin/isolated/allPairs",
        Nothing,
        tuple[Struct, ...],
        _ask_nothing,
        _no_pairs,
        weight=1,
        summary="Isolated margin pairs: none",
    ),
)
