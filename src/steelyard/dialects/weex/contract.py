"""Contract routes on the same port: nothing is listed, and that is what they say.

The invariant: lists are empty, as of a venue that lists no contract, and whatever names a symbol or
an order is told that there is none, with the codes of contracts. So clients that load both kinds of
markets at once go on, and no order ever seems to be one. The paths are the door for contracts: the
day something is listed, these routes read it, and nothing else here changes.
"""

from typing import Any

from msgspec import Struct

from steelyard.dialects.weex import errors
from steelyard.dialects.weex.messages import MaybeSymbolRequest, Nothing, ServerTime
from steelyard.dialects.weex.routes import answered, nothing, public, signed
from steelyard.dialects.weex.text import ms
from steelyard.domain.messages import Clock, ClockQuery, Scope
from steelyard.domain.order import RejectReason
from steelyard.wire.dialect import Asker, Endpoint

# ruff: noqa: N815
# The field names are the venue's.


class Contracts(Struct, frozen=True):
    """What is listed: nothing."""

    assets: tuple[str, ...] = ()
    symbols: tuple[str, ...] = ()


class WaitingContracts(Struct, frozen=True):
    """Orders that wait or did: none."""

    orders: tuple[str, ...] = ()
    hasMore: bool = False


class ContractIncome(Struct, frozen=True):
    """What contracts have paid: nothing."""

    hasNextPage: bool = False
    items: tuple[str, ...] = ()


class SomeOrderRequest(Struct, frozen=True):
    """An order of contracts, however it is named."""

    orderId: str | None = None
    origClientOrderId: str | None = None


class AccountConfig(Struct, frozen=True):
    """How an account trades contracts."""

    canTrade: bool
    canDeposit: bool
    canWithdraw: bool
    dualSidePosition: bool
    updateTime: int


def _no_symbol(_answer: None, request: Any, _asker: Asker) -> tuple[str, ...]:
    """Return nothing to who asks for all symbols, and turn away who names one."""
    if request.symbol is None:
        return ()
    raise _unlisted(request.symbol)


def _unlisted(symbol: str | None) -> Exception:
    return errors.refused(
        errors.NO_SYMBOL,
        RejectReason.UNKNOWN_INSTRUMENT,
        f"no contract {errors.shown(symbol or '')}: none is listed here; spot is at /api/v3",
        "symbol",
    )


def _none_there(_answer: None, request: MaybeSymbolRequest, _asker: Asker) -> tuple[str, ...]:
    raise _unlisted(request.symbol)


def _no_order(_answer: None, _request: SomeOrderRequest, _asker: Asker) -> tuple[str, ...]:
    raise errors.refused(
        errors.NO_CONTRACT_ORDER,
        RejectReason.UNKNOWN_ORDER,
        "there are no orders of contracts here; those of spot are at /api/v3/order",
    )


def _nothing(_answer: Any, _request: Any, _asker: Asker) -> tuple[()]:
    return ()


def _listed(_answer: None, _request: Nothing, _asker: Asker) -> Contracts:
    return Contracts()


def _time(answer: Any, _request: Nothing, _asker: Asker) -> ServerTime:
    return ServerTime(ms(answered(answer, Clock).time_ns))


def _config(_answer: None, _request: Nothing, asker: Asker) -> AccountConfig:
    return AccountConfig(
        canTrade=False,
        canDeposit=False,
        canWithdraw=False,
        dualSidePosition=True,
        updateTime=ms(asker.sandbox_ns),
    )


# -- routes -------------------------------------------------------------------------------------

_Nothings = tuple[str, ...]


def _market(name: str, weight: int, summary: str, *, is_of_one: bool = False) -> Endpoint:
    return public(
        f"/capi/v3/market/{name}",
        MaybeSymbolRequest,
        _Nothings,
        nothing,
        _none_there if is_of_one else _no_symbol,
        weight=weight,
        summary=f"{summary} of contracts: none",
    )


def _account(method: str, name: str, weight: int, summary: str, encode: Any) -> Endpoint:
    is_order = encode is _no_order
    return signed(
        method,
        f"/capi/v3/{name}",
        SomeOrderRequest if is_order else MaybeSymbolRequest,
        _Nothings,
        nothing,
        encode,
        weight=weight,
        scope=Scope.READ if method == "GET" else Scope.TRADE,
        summary=f"{summary} of contracts: none",
    )


def _listed_apart(method: str, name: str, weight: int, told: Struct, summary: str) -> Endpoint:
    return signed(
        method,
        f"/capi/v3/{name}",
        MaybeSymbolRequest,
        type(told),
        nothing,
        lambda _answer, _request, _asker: told,
        weight=weight,
        summary=f"{summary} of contracts: none",
    )


INFO = public(
    "/capi/v3/market/exchangeInfo",
    Nothing,
    Contracts,
    nothing,
    _listed,
    weight=1,
    summary="Contracts: none",
)
ENDPOINTS = (
    public(
        "/capi/v3/market/time",
        Nothing,
        ServerTime,
        lambda _r, _a: ClockQuery(),
        _time,
        weight=1,
        summary="The exchange's clock, of contracts",
    ),
    INFO,
    _market("apiTradingSymbols", 5, "Symbols"),
    _market("ticker/24hr", 40, "The last 24 hours"),
    _market("ticker/bookTicker", 1, "The touch"),
    _market("premiumIndex", 1, "Funding rates now"),
    *(
        _market(name, weight, summary, is_of_one=True)
        for name, weight, summary in (
            ("depth", 1, "A book"),
            ("trades", 5, "Trades"),
            ("klines", 1, "Candles"),
            ("historyKlines", 5, "Older candles"),
            ("markPriceKlines", 1, "Candles of mark prices"),
            ("indexPriceKlines", 1, "Candles of index prices"),
            ("symbolPrice", 1, "A price"),
            ("openInterest", 2, "Open interest"),
            ("fundingRate", 5, "Funding rates"),
        )
    ),
    signed(
        "GET",
        "/capi/v3/account/accountConfig",
        Nothing,
        AccountConfig,
        nothing,
        _config,
        weight=10,
        summary="What an account may do with contracts: nothing",
    ),
    *(
        _account("GET", name, weight, summary, _nothing)
        for name, weight, summary in (
            ("account/balance", 10, "Balances"),
            ("account/position/allPosition", 15, "Positions"),
            ("openAlgoOrders", 3, "Orders that wait"),
        )
    ),
    *(
        _account("GET", name, weight, summary, _no_symbol)
        for name, weight, summary in (
            ("account/position/singlePosition", 3, "The position"),
            ("account/symbolConfig", 10, "Leverage"),
            ("openOrders", 3, "Open orders"),
            ("order/history", 10, "Orders"),
            ("userTrades", 5, "Fills"),
        )
    ),
    _listed_apart("GET", "allAlgoOrders", 10, WaitingContracts(), "Orders that waited"),
    _listed_apart("POST", "account/income", 5, ContractIncome(), "What they have paid"),
    _account("GET", "account/commissionRate", 10, "Fees", _none_there),
    _account("GET", "order", 3, "An order", _no_order),
    _account("POST", "order", 5, "A new order", _none_there),
    _account("DELETE", "order", 3, "A cancel", _no_order),
    _account("DELETE", "batchOrders", 10, "Several cancels", _no_order),
    _account("DELETE", "allOpenOrders", 10, "All cancels", _no_symbol),
    _account("POST", "algoOrder", 5, "A new order that waits", _none_there),
    _account("DELETE", "algoOrder", 5, "A cancel of what waits", _no_order),
    _account("DELETE", "algoOpenOrders", 5, "All cancels of what waits", _no_symbol),
    _account("POST", "account/leverage", 20, "Leverage to set", _none_there),
    _account("POST", "account/marginType", 50, "How margin is shared", _none_there),
    _account("POST", "account/positionMargin", 30, "Margin to move", _none_there),
    _account("POST", "closePositions", 50, "Positions to close", _no_symbol),
    _account("POST", "placeTpSlOrder", 5, "A new exit", _none_there),
    _account("POST", "modifyTpSlOrder", 5, "An exit to change", _no_order),
)
