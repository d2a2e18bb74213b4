"""Keys, balances, ledgers and fees, both ways.

There is one wallet here, where the venue has several: it is told as `trade`, or as `trade_hf` to
who asks for that, and the others are empty. The invariant: balance is available and holds together.
"""

from collections.abc import Iterable
from typing import Any

import msgspec
from msgspec import UNSET

from steelyard.dialects.kucoin import errors
from steelyard.dialects.kucoin.account_messages import (
    Account,
    AccountMode,
    AccountRequest,
    AccountsRequest,
    BaseFee,
    BaseFeeRequest,
    Context,
    HfLedgersRequest,
    KeyInfo,
    LedgerEntry,
    Ledgers,
    LedgersRequest,
    MarginSymbols,
    TradeFee,
    TradeFeesRequest,
    UserInfo,
)
from steelyard.dialects.kucoin.messages import Nothing
from steelyard.dialects.kucoin.routes import answered, nothing, signed, symbol_of
from steelyard.dialects.kucoin.text import (
    MS_NS,
    amount_text,
    ms,
    order_id,
    rate_text,
    read_amount,
    uid,
    wallet_id,
    wallet_of,
)
from steelyard.domain.instrument import Listings
from steelyard.domain.messages import (
    AccountAnswer,
    AccountQuery,
    AssetBalance,
    KeyAnswer,
    KeyQuery,
    Scope,
)
from steelyard.domain.order import RejectReason
from steelyard.domain.transfers import EntryKind, StatementLine, StatementList, StatementQuery
from steelyard.wire.dialect import Asker

WALLETS = ("main", "trade", "trade_hf", "margin", "isolated")
TRADING = ("trade", "trade_hf")
SYMBOLS_MAX = 10
LEDGERS_MAX = 200
KEPT_MAX = 200_000
PAGE_MIN, PAGE_MAX = 10, 500
PERMISSIONS = {Scope.READ: "General", Scope.TRADE: "Spot", Scope.WITHDRAW: "Withdrawal"}
SCOPES = {name: scope for scope, name in PERMISSIONS.items()}
BIZ_TYPES = {
    EntryKind.TRADE: "Exchange",
    EntryKind.FEE: "Exchange",
    EntryKind.DEPOSIT: "Deposit",
    EntryKind.WITHDRAWAL: "Withdrawal",
    EntryKind.MOVE: "Transfer",
}


# -- the key and its owner ----------------------------------------------------------------------


def _key_query(_request: Nothing, asker: Asker) -> KeyQuery:
    return KeyQuery(asker.key)


def _key(answer: Any, _request: Nothing, _asker: Asker) -> KeyInfo:
    found = answered(answer, KeyAnswer)
    return KeyInfo(
        remark=found.label,
        apiKey=found.key,
        permission=",".join(name for scope, name in PERMISSIONS.items() if scope in found.scopes),
        ipWhitelist=",".join(found.ip) if found.ip else UNSET,
        createdAt=ms(found.created_ns),
        uid=uid(found.account_id),
    )


def key_from_wire(wire: KeyInfo) -> KeyAnswer:
    """Return what a key may do."""
    told = [name.strip() for name in wire.permission.split(",") if name.strip()]
    return KeyAnswer(
        wire.apiKey,
        0,
        frozenset(SCOPES[name] for name in told if name in SCOPES),
        tuple(filter(None, wire.ipWhitelist.split(","))) if wire.ipWhitelist else (),
        wire.createdAt * MS_NS,
        None,
        label=wire.remark,
        others=tuple(name for name in told if name not in SCOPES),
    )


def _user(_answer: None, _request: Nothing, _asker: Asker) -> UserInfo:
    return UserInfo()


def _mode(_answer: None, _request: Nothing, _asker: Asker) -> AccountMode:
    return AccountMode("CLASSIC")


def _yes(_answer: None, _request: Nothing, _asker: Asker) -> bool:
    return True


# -- balances -----------------------------------------------------------------------------------


def account_to_wire(account: int, balance: AssetBalance, currency: str, wallet: str) -> Account:
    """Return one asset of an account of ours."""
    return Account(
        id=wallet_id(account, balance.asset_id, WALLETS.index(wallet)),
        currency=currency,
        type=wallet,
        balance=amount_text(balance.free_atoms + balance.held_atoms),
        available=amount_text(balance.free_atoms),
        holds=amount_text(balance.held_atoms),
    )


def account_from_wire(accounts: Iterable[Account], listings: Listings) -> AccountAnswer:
    """Return an account's balances for trading; its rates are in another answer, and 0 here.

    What no symbol here uses is left out.
    """
    ids = {name: asset_id for asset_id, name in listings.assets().items()}
    free: dict[int, int] = {}
    held: dict[int, int] = {}
    for row in accounts:
        asset_id = ids.get(row.currency)
        if asset_id is not None and row.type in TRADING and read_amount(row.balance):
            free[asset_id] = free.get(asset_id, 0) + read_amount(row.available)
            held[asset_id] = held.get(asset_id, 0) + read_amount(row.holds)
    balances = tuple(AssetBalance(each, free[each], held[each]) for each in sorted(free))
    return AccountAnswer(0, balances, 0, 0, 0)


def _accounts_query(_request: Any, asker: Asker) -> AccountQuery:
    return AccountQuery(asker.account_id)


def _accounts(answer: Any, request: AccountsRequest, asker: Asker) -> tuple[Account, ...]:
    wallet = request.type or TRADING[0]
    if wallet not in WALLETS:
        raise errors.said("type is invalid", f"one of {', '.join(WALLETS)}", "type")
    if wallet not in TRADING:
        return ()
    held = {b.asset_id: b for b in answered(answer, AccountAnswer).balances}
    return tuple(
        account_to_wire(
            asker.account_id, held.get(asset_id, AssetBalance(asset_id, 0, 0)), name, wallet
        )
        for asset_id, name in asker.listings.assets().items()
        if request.currency in (None, name)
    )


def _account(answer: Any, request: AccountRequest, asker: Asker) -> Account:
    found = wallet_of(asker.account_id, request.accountId)
    assets = asker.listings.assets()
    if found is None or found[0] not in assets or WALLETS[found[1] % len(WALLETS)] not in TRADING:
        raise errors.refused(
            errors.NO_ACCOUNT,
            "there is no such account; `GET /api/v1/accounts` lists them",
            RejectReason.UNKNOWN_ACCOUNT,
            "accountId",
        )
    asset_id, wallet = found
    held = {b.asset_id: b for b in answered(answer, AccountAnswer).balances}
    balance = held.get(asset_id, AssetBalance(asset_id, 0, 0))
    return account_to_wire(asker.account_id, balance, assets[asset_id], WALLETS[wallet])


# -- ledgers ------------------------------------------------------------------------------------


def entry_to_wire(line: StatementLine, listings: Listings) -> LedgerEntry:
    """Return one movement."""
    context = Context()
    if line.instrument_id is not None:
        context = Context(
            symbol=listings[line.instrument_id].symbol,
            orderId=order_id(line.order_id),
            tradeId=str(line.trade_id),
        )
    elif line.transfer_id:
        context = Context(txId=str(line.transfer_id))
    return LedgerEntry(
        id=str(line.number),
        currency=listings.asset(line.asset_id),
        amount=amount_text(abs(line.amount_atoms)),
        balance=amount_text(line.balance_atoms),
        bizType=BIZ_TYPES[line.kind],
        direction="in" if line.amount_atoms > 0 else "out",
        createdAt=ms(line.time_ns),
        context=msgspec.json.encode(context).decode(),
    )


def _statement_query(request: LedgersRequest | HfLedgersRequest, asker: Asker) -> StatementQuery:
    assets = asker.listings.assets().values()
    if request.currency is not None and "," not in request.currency:
        known = request.currency in assets
        if not known:
            raise errors.said("currency not exists", f"one of {', '.join(assets)}", "currency")
    return StatementQuery(
        asker.account_id,
        KEPT_MAX,
        request.currency if request.currency and "," not in request.currency else None,
        None if not request.startAt else request.startAt * MS_NS,
        None if not request.endAt else request.endAt * MS_NS,
    )


def _entries(answer: Any, request: LedgersRequest | HfLedgersRequest, asker: Asker) -> list[Any]:
    named = set(request.currency.split(",")) if request.currency else None
    rows = (entry_to_wire(line, asker.listings) for line in answered(answer, StatementList).lines)
    found = [
        row
        for row in rows
        if (named is None or row.currency in named)
        and request.direction in (None, row.direction)
        and (request.bizType or row.bizType).lower() == row.bizType.lower()
    ]
    return found[::-1]


def _ledgers(answer: Any, request: LedgersRequest, asker: Asker) -> Ledgers:
    found = _entries(answer, request, asker)
    size, first = page_of(request.currentPage, request.pageSize)
    return Ledgers(
        currentPage=request.currentPage,
        pageSize=size,
        totalNum=len(found),
        totalPage=-(-len(found) // size),
        items=tuple(found[first : first + size]),
    )


def page_of(page: int, size: int) -> tuple[int, int]:
    """Return a page's size, and where it begins.

    Raises:
        DecodeError: There are no such pages.
    """
    if page < 1:
        raise errors.said("currentPage is invalid", "from 1 on", "currentPage")
    if not 1 <= size <= PAGE_MAX:
        raise errors.said(
            f"pageSize should not greater than {PAGE_MAX}",
            f"from {PAGE_MIN} to {PAGE_MAX}",
            "pageSize",
        )
    kept = max(size, PAGE_MIN)
    return kept, (page - 1) * kept


def _hf_ledgers(answer: Any, request: HfLedgersRequest, asker: Asker) -> tuple[LedgerEntry, ...]:
    if request.limit < 1:
        raise errors.said("limit is invalid", f"from 1 to {LEDGERS_MAX}", "limit")
    before = request.lastId or None
    found = (
        row for row in _entries(answer, request, asker) if before is None or int(row.id) < before
    )
    return tuple(found)[: min(request.limit, LEDGERS_MAX)]


# -- fees ---------------------------------------------------------------------------------------


def _base_fee(answer: Any, _request: BaseFeeRequest, _asker: Asker) -> BaseFee:
    account = answered(answer, AccountAnswer)
    return BaseFee(rate_text(account.taker_rate_e8), rate_text(account.maker_rate_e8))


def _trade_fees(answer: Any, request: TradeFeesRequest, asker: Asker) -> tuple[TradeFee, ...]:
    account, symbols = answered(answer, AccountAnswer), request.symbols.split(",")
    if len(symbols) > SYMBOLS_MAX:
        raise errors.said("symbols is invalid", f"at most {SYMBOLS_MAX} symbols", "symbols")
    taker, maker = rate_text(account.taker_rate_e8), rate_text(account.maker_rate_e8)
    found = (symbol_of(symbol.strip(), asker.listings) for symbol in symbols)
    return tuple(TradeFee(each.symbol, taker, maker) for each in found)


def _no_margin(_answer: None, _request: Nothing, _asker: Asker) -> MarginSymbols:
    return MarginSymbols()


def _none(_answer: None, _request: Nothing, _asker: Asker) -> tuple[str, ...]:
    return ()


# -- routes -------------------------------------------------------------------------------------

KEY_INFO = signed(
    "GET",
    "/api/v1/user/api-key",
    Nothing,
    KeyInfo,
    _key_query,
    _key,
    weight=20,
    summary="What the asking key may do",
)
ACCOUNTS = signed(
    "GET",
    "/api/v1/accounts",
    AccountsRequest,
    tuple[Account, ...],
    _accounts_query,
    _accounts,
    weight=5,
    summary="What there is of each currency",
)
BASE_FEE = signed(
    "GET",
    "/api/v1/base-fee",
    BaseFeeRequest,
    BaseFee,
    _accounts_query,
    _base_fee,
    weight=3,
    summary="Rates of fees",
)
TRADE_FEES = signed(
    "GET",
    "/api/v1/trade-fees",
    TradeFeesRequest,
    tuple[TradeFee, ...],
    _accounts_query,
    _trade_fees,
    weight=3,
    summary="Rates of fees of symbols",
)
ENDPOINTS = (
    KEY_INFO,
    signed(
        "GET",
        "/api/v2/user-info",
        Nothing,
        UserInfo,
        nothing,
        _user,
        weight=20,
        summary="Sub-accounts: none",
    ),
    signed(
        "GET",
        "/api/ua/v1/account/mode",
        Nothing,
        AccountMode,
        nothing,
        _mode,
        weight=5,
        summary="That the account is a classic one",
    ),
    signed(
        "GET",
        "/api/v1/hf/accounts/opened",
        Nothing,
        bool,
        nothing,
        _yes,
        weight=30,
        summary="That the newer routes are open",
    ),
    ACCOUNTS,
    signed(
        "GET",
        "/api/v1/accounts/{accountId}",
        AccountRequest,
        Account,
        _accounts_query,
        _account,
        weight=5,
        summary="One currency",
    ),
    signed(
        "GET",
        "/api/v1/accounts/ledgers",
        LedgersRequest,
        Ledgers,
        _statement_query,
        _ledgers,
        weight=2,
        summary="What has moved, page by page",
    ),
    signed(
        "GET",
        "/api/v1/hf/accounts/ledgers",
        HfLedgersRequest,
        tuple[LedgerEntry, ...],
        _statement_query,
        _hf_ledgers,
        weight=2,
        summary="What has moved, from an entry on backwards",
    ),
    BASE_FEE,
    TRADE_FEES,
    signed(
        "GET",
        "/api/v3/margin/symbols",
        Nothing,
        MarginSymbols,
        nothing,
        _no_margin,
        weight=3,
        summary="Symbols with margin: none, as ccxt asks",
    ),
    signed(
        "GET",
        "/api/v1/isolated/symbols",
        Nothing,
        tuple[str, ...],
        nothing,
        _none,
        weight=3,
        summary="Symbols with isolated margin: none, as ccxt asks",
    ),
)
