"""Balances, fees, what a key may do, and what has moved, both ways.

The invariant: amounts are exact. What a key may do is told by `permissions` alone: `canWithdraw` is
the account's, and the venue's keys cannot withdraw. Ours can, and say so in a word of our own.
There is one wallet: nothing is moved between several.
"""

from typing import Any

from steelyard.dialects.weex import errors
from steelyard.dialects.weex.account_messages import (
    Account,
    Balance,
    Bill,
    BillsRequest,
    CommissionRates,
    Transfer,
    TransfersRequest,
)
from steelyard.dialects.weex.messages import Nothing
from steelyard.dialects.weex.routes import answered, limit_of, nothing, signed, span_of
from steelyard.dialects.weex.text import ms_text
from steelyard.domain.instrument import Listings
from steelyard.domain.messages import (
    AccountAnswer,
    AccountQuery,
    AssetBalance,
    KeyAnswer,
    KeyQuery,
    Scope,
)
from steelyard.domain.transfers import EntryKind, StatementLine, StatementList, StatementQuery
from steelyard.wire.dialect import Asker
from steelyard.wire.numerals import amount_text, rate_text, read_amount, read_rate

KEPT_MAX = 200_000
BILLS_DEFAULT, BILLS_MAX = 100, 500
UID_FROM = 1_000_000_000
BASIS_POINT_E8 = 10_000
PERMISSIONS = {Scope.TRADE: "SPOT_TRADING", Scope.WITHDRAW: "WITHDRAW"}
SCOPES = {name: scope for scope, name in PERMISSIONS.items()}
BIZ_TYPES = {
    EntryKind.TRADE: ("trade_in", "trade_out"),
    EntryKind.FEE: ("trade_in", "trade_out"),
    EntryKind.DEPOSIT: ("deposit", "deposit"),
    EntryKind.WITHDRAWAL: ("withdraw", "withdraw"),
    EntryKind.MOVE: ("transfer_in", "transfer_out"),
}


# -- balances and the key -----------------------------------------------------------------------


def account_to_wire(account: AccountAnswer, key: KeyAnswer, listings: Listings) -> Account:
    """Return an account as it is, to somebody with this key."""
    maker, taker = account.maker_rate_e8, account.taker_rate_e8
    return Account(
        makerCommission=maker // BASIS_POINT_E8,
        takerCommission=taker // BASIS_POINT_E8,
        commissionRates=CommissionRates(rate_text(maker), rate_text(taker)),
        canTrade=Scope.TRADE in key.scopes,
        canWithdraw=Scope.WITHDRAW in key.scopes,
        canDeposit=True,
        permissions=tuple(name for scope, name in PERMISSIONS.items() if scope in key.scopes),
        balances=tuple(
            Balance(
                listings.asset(each.asset_id),
                amount_text(each.free_atoms),
                amount_text(each.held_atoms),
            )
            for each in account.balances
        ),
        uid=UID_FROM + key.account_id,
    )


def account_from_wire(wire: Account, listings: Listings, now_ns: int) -> AccountAnswer:
    """Return an account's balances, of coins that a listed symbol uses, and its fees.

    Raises:
        DecodeError: A number is none.
    """
    ids = {name: asset_id for asset_id, name in listings.assets().items()}
    balances = tuple(
        AssetBalance(ids[each.asset], read_amount(each.free), read_amount(each.locked))
        for each in wire.balances
        if each.asset in ids
    )
    rates = wire.commissionRates
    return AccountAnswer(0, balances, read_rate(rates.maker), read_rate(rates.taker), now_ns)


def key_from_wire(wire: Account, key: str) -> KeyAnswer:
    """Return what a key may do; who it is from, and until when, is not told."""
    scopes = {SCOPES[name] for name in wire.permissions if name in SCOPES}
    if not wire.canTrade:
        scopes.discard(Scope.TRADE)
    others = tuple(name for name in wire.permissions if name not in SCOPES)
    return KeyAnswer(key, 0, frozenset({Scope.READ, *scopes}), (), 0, None, others=others)


def _account_query(_request: Nothing, asker: Asker) -> AccountQuery:
    return AccountQuery(asker.account_id)


def _account(answer: Any, _request: Nothing, asker: Asker) -> Account:
    key = answered(asker.ask(KeyQuery(asker.key)), KeyAnswer)
    return account_to_wire(answered(answer, AccountAnswer), key, asker.listings)


# -- what has moved -----------------------------------------------------------------------------


def bill_to_wire(line: StatementLine, listings: Listings) -> Bill:
    """Return one movement; the fee of a trade is one of its own, and so are its two coins."""
    comes, goes = BIZ_TYPES[line.kind]
    is_fee = line.kind is EntryKind.FEE
    return Bill(
        billId=str(line.number),
        coinId=line.asset_id,
        coinName=listings.asset(line.asset_id),
        bizType=comes if line.amount_atoms > 0 else goes,
        fillSize="0",
        fillValue="0",
        deltaAmount=amount_text(line.amount_atoms),
        afterAmount=amount_text(line.balance_atoms),
        fees=amount_text(abs(line.amount_atoms)) if is_fee else "0",
        cTime=ms_text(line.time_ns),
    )


def _bills_query(request: BillsRequest, asker: Asker) -> StatementQuery:
    name = None
    if request.coinId is not None:
        name = asker.listings.assets().get(request.coinId)
        if name is None:
            raise errors.invalid("coinId", f"{request.coinId} is no coin's; /api/v3/account/bills")
    start_ns, end_ns = span_of(request.startTime, request.endTime)
    return StatementQuery(asker.account_id, KEPT_MAX, name, start_ns, end_ns)


def _bills(answer: Any, request: BillsRequest, asker: Asker) -> tuple[Bill, ...]:
    lines = answered(answer, StatementList).lines
    rows = (bill_to_wire(line, asker.listings) for line in reversed(lines))
    found = tuple(row for row in rows if request.bizType in (None, row.bizType))
    return found[: limit_of(request.limit, BILLS_DEFAULT, BILLS_MAX)]


def _none(_answer: None, _request: Any, _asker: Asker) -> tuple[()]:
    return ()


# -- routes -------------------------------------------------------------------------------------

ACCOUNT = signed(
    "GET",
    "/api/v3/account/",
    Nothing,
    Account,
    _account_query,
    _account,
    weight=5,
    summary="Balances, fees and what the key may do; the path ends with a slash",
)
ENDPOINTS = (
    ACCOUNT,
    signed(
        "POST",
        "/api/v3/account/bills",
        BillsRequest,
        tuple[Bill, ...],
        _bills_query,
        _bills,
        weight=5,
        summary="What has moved, newest first",
    ),
    signed(
        "POST",
        "/api/v3/account/fundingBills",
        BillsRequest,
        tuple[Bill, ...],
        nothing,
        _none,
        weight=5,
        summary="What has moved in the funding wallet: nothing, there is one wallet",
    ),
    signed(
        "GET",
        "/api/v3/account/transferRecords",
        TransfersRequest,
        tuple[Transfer, ...],
        nothing,
        _none,
        weight=3,
        summary="Transfers between wallets: none, there is one wallet",
    ),
)
