"""What an account is worth, what of it can be moved out, and how it came in; server end.

The invariant: there is one account. It is told as the trading account and counted once; of the
funding account there are the deposits and withdrawals, which are the same as in `account/bills`.
"""

from typing import Any

from steelyard.dialects.okx import errors
from steelyard.dialects.okx.account import account_query, balance_to_wire, bill_to_wire, dollars
from steelyard.dialects.okx.routes import answered, cursor_of, limit_of, nothing, signed
from steelyard.dialects.okx.text import amount_text, ms
from steelyard.dialects.okx.wallet import wanted_of
from steelyard.dialects.okx.wallet_messages import (
    AssetBill,
    AssetBillsRequest,
    BalanceAtRisk,
    CurrenciesRequest,
    Divided,
    MaxWithdrawal,
    Risk,
    TransferStateRequest,
    Valuation,
    ValuationRequest,
)
from steelyard.domain.messages import AccountAnswer
from steelyard.domain.order import RejectReason
from steelyard.domain.transfers import EntryKind, StatementList, StatementQuery
from steelyard.domain.units import ATOMS_PER_UNIT
from steelyard.wire.dialect import Asker

BILLS_MAX = 100
LOOKED_THROUGH_MAX = 100_000  # movements: all that an account has
VALUED_IN = "BTC"  # unless a request names another currency
TYPES = {EntryKind.DEPOSIT: "1", EntryKind.WITHDRAWAL: "2"}


# -- what can be moved --------------------------------------------------------------------------


def _max_withdrawal(
    answer: Any, request: CurrenciesRequest, asker: Asker
) -> tuple[MaxWithdrawal, ...]:
    wanted = wanted_of(request.ccy)
    free = {
        asker.listings.asset(balance.asset_id): amount_text(balance.free_atoms)
        for balance in answered(answer, AccountAnswer).balances
    }
    return tuple(
        MaxWithdrawal(ccy=name, maxWd=free.get(name, "0"), maxWdEx=free.get(name, "0"))
        for name in wanted or sorted(free)
    )


# -- what it is worth ---------------------------------------------------------------------------


def _valuation(answer: Any, request: ValuationRequest, asker: Asker) -> tuple[Valuation, ...]:
    balances, worth = answered(answer, AccountAnswer).balances, dollars(asker)
    unit = worth.get(request.ccy or VALUED_IN)
    if not unit:
        raise errors.invalid("ccy", f"there is no price of {(request.ccy or VALUED_IN)[:20]} here")
    whole = 0
    for balance in balances:
        price = worth.get(asker.listings.asset(balance.asset_id), 0)
        whole += (balance.free_atoms + balance.held_atoms) * price // ATOMS_PER_UNIT
    total = amount_text(whole * ATOMS_PER_UNIT // unit)
    return (Valuation(totalBal=total, ts=ms(asker.sandbox_ns), details=Divided(trading=total)),)


def _risk(answer: Any, _request: Any, asker: Asker) -> tuple[Risk, ...]:
    told = balance_to_wire(answered(answer, AccountAnswer).balances, (), asker)
    rows = tuple(BalanceAtRisk(ccy=each.ccy, eq=each.eq, disEq=each.disEq) for each in told.details)
    return (Risk(ts=told.uTime, balData=rows),)


# -- how it came in -----------------------------------------------------------------------------


def _bills_query(request: AssetBillsRequest, asker: Asker) -> StatementQuery:
    return StatementQuery(
        asker.account_id,
        LOOKED_THROUGH_MAX,
        request.ccy,
        after=cursor_of(request.before, "before"),
        before=cursor_of(request.after, "after"),
    )


def _bills(answer: Any, request: AssetBillsRequest, asker: Asker) -> tuple[AssetBill, ...]:
    limit = limit_of(request.limit, BILLS_MAX, BILLS_MAX)
    lines = answered(answer, StatementList).lines
    found = [
        (TYPES[line.kind], bill_to_wire(line, asker.listings))
        for line in reversed(lines)
        if line.kind in TYPES and request.type in (None, TYPES[line.kind])
    ]
    return tuple(
        AssetBill(
            billId=row.billId, ccy=row.ccy, balChg=row.balChg, bal=row.bal, type=kind, ts=row.ts
        )
        for kind, row in found[:limit]
    )


def _no_transfer(_answer: None, _request: TransferStateRequest, _asker: Asker) -> tuple[()]:
    raise errors.refused(
        errors.UNAVAILABLE_HERE,
        "nothing is transferred between accounts here: there is one",
        RejectReason.UNSUPPORTED,
    )


# -- routes -------------------------------------------------------------------------------------

ENDPOINTS = (
    signed(
        "GET",
        "account/max-withdrawal",
        CurrenciesRequest,
        MaxWithdrawal,
        account_query,
        _max_withdrawal,
        "What is free to be moved out",
    ),
    signed(
        "GET",
        "account/account-position-risk",
        ValuationRequest,
        Risk,
        account_query,
        _risk,
        "Balances beside positions, of which there are none",
    ),
    signed(
        "GET",
        "asset/asset-valuation",
        ValuationRequest,
        Valuation,
        account_query,
        _valuation,
        "What the one account is worth, by last prices",
    ),
    signed(
        "GET",
        "asset/bills",
        AssetBillsRequest,
        AssetBill,
        _bills_query,
        _bills,
        "Deposits and withdrawals, as they moved in the account",
    ),
    signed(
        "GET",
        "asset/transfer-state",
        TransferStateRequest,
        AssetBill,
        nothing,
        _no_transfer,
        "Refused: there is one account",
    ),
)
