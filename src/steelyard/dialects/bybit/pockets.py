"""What of an account may be moved or withdrawn, and the pockets besides it; server end.

The invariant: there is one pocket, `UNIFIED`, in which everything lies. `FUND` is there and empty,
so that who looks into both counts nothing twice; nothing is moved between them.
"""

from typing import Any

from steelyard.dialects.bybit import errors
from steelyard.dialects.bybit.account import UNIFIED
from steelyard.dialects.bybit.account_messages import (
    CoinPocket,
    CoinPocketRequest,
    Movable,
    MovableRequest,
    NoTransfers,
    PocketBalance,
    Pockets,
    PocketsRequest,
    Takeable,
    TransferRequest,
    TransfersRequest,
    Withdrawable,
    WithdrawableRequest,
)
from steelyard.dialects.bybit.routes import answered, nothing, signed
from steelyard.dialects.bybit.text import amount_text
from steelyard.domain.messages import AccountAnswer, AccountQuery, AssetBalance, Scope
from steelyard.domain.order import RejectReason
from steelyard.wire.dialect import Asker

FUND = "FUND"
POCKETS = (UNIFIED, FUND)
COINS_MAX = 10  # that `UNIFIED` is asked for at once
UNLIMITED_USD = "9999999999"


def _account_query(_request: Any, asker: Asker) -> AccountQuery:
    return AccountQuery(asker.account_id)


def check_pocket(name: str) -> str:
    """Return a pocket.

    Raises:
        DecodeError: There is none of that name.
    """
    if name not in POCKETS:
        raise errors.invalid("accountType", f"accounts are {' and '.join(POCKETS)} here")
    return name


def _balances(answer: Any, pocket: str) -> dict[int, AssetBalance]:
    if pocket != UNIFIED:
        return {}
    return {balance.asset_id: balance for balance in answered(answer, AccountAnswer).balances}


def _row(name: str, balances: dict[int, AssetBalance], asker: Asker) -> PocketBalance:
    number = asker.listings.asset_id(name)
    found = balances.get(number) or AssetBalance(number, 0, 0)
    return PocketBalance(
        coin=name,
        transferBalance=amount_text(found.free_atoms),
        walletBalance=amount_text(found.free_atoms + found.held_atoms),
    )


def _pockets(answer: Any, request: PocketsRequest, asker: Asker) -> Pockets:
    pocket = check_pocket(request.accountType)
    names = [name for name in (request.coin or "").split(",") if name]
    if pocket == UNIFIED and not 0 < len(names) <= COINS_MAX:
        raise errors.invalid("coin", f"of {UNIFIED} name from one to {COINS_MAX} coins")
    if not names:
        names = sorted(asker.listings.assets().values())
    balances = _balances(answer, pocket)
    rows = tuple(_row(name, balances, asker) for name in names)
    return Pockets(accountType=pocket, memberId=str(asker.account_id), balance=rows)


def _coin(answer: Any, request: CoinPocketRequest, asker: Asker) -> CoinPocket:
    pocket = check_pocket(request.accountType)
    return CoinPocket(
        accountType=pocket,
        bizType=1,
        accountId=str(asker.account_id),
        memberId=str(asker.account_id),
        balance=_row(request.coin, _balances(answer, pocket), asker),
    )


def _movable(answer: Any, request: MovableRequest, asker: Asker) -> Movable:
    balances = _balances(answer, UNIFIED)
    names = [name for name in request.coinName.split(",") if name]
    if not names:
        raise errors.invalid("coinName", "name coins, as USDT or USDT,BTC")
    found = {name: _row(name, balances, asker).transferBalance for name in names}
    return Movable(availableWithdrawal=found[names[0]], availableWithdrawalMap=found)


def _withdrawable(answer: Any, request: WithdrawableRequest, asker: Asker) -> Withdrawable:
    rows = {pocket: _row(request.coin, _balances(answer, pocket), asker) for pocket in POCKETS}
    return Withdrawable(
        limitAmountUsd=UNLIMITED_USD,
        withdrawableAmount={
            name: Takeable(request.coin, rows[pocket].transferBalance, rows[pocket].walletBalance)
            for name, pocket in (("UTA", UNIFIED), (FUND, FUND))
        },
    )


def _no_transfer(request: TransferRequest, _asker: Asker) -> None:
    check_pocket(request.fromAccountType)
    check_pocket(request.toAccountType)
    raise errors.refused(
        errors.NO_POCKET,
        RejectReason.UNSUPPORTED,
        "there is one account: what is deposited can be traded, and withdrawn, as it is",
    )


def _never(_answer: Any, _request: Any, _asker: Asker) -> None:
    raise AssertionError("a request that is refused has no answer")


# -- routes -------------------------------------------------------------------------------------

ENDPOINTS = (
    signed(
        "GET",
        "/v5/asset/transfer/query-account-coins-balance",
        PocketsRequest,
        Pockets,
        _account_query,
        _pockets,
        summary="Coins of a pocket: all are in UNIFIED",
    ),
    signed(
        "GET",
        "/v5/asset/transfer/query-account-coin-balance",
        CoinPocketRequest,
        CoinPocket,
        _account_query,
        _coin,
        summary="One coin of a pocket",
    ),
    signed(
        "GET",
        "/v5/account/withdrawal",
        MovableRequest,
        Movable,
        _account_query,
        _movable,
        summary="What of coins is free to be moved",
    ),
    signed(
        "GET",
        "/v5/asset/withdraw/withdrawable-amount",
        WithdrawableRequest,
        Withdrawable,
        _account_query,
        _withdrawable,
        summary="What of a coin can be withdrawn",
    ),
    signed(
        "GET",
        "/v5/asset/transfer/query-inter-transfer-list",
        TransfersRequest,
        NoTransfers,
        nothing,
        lambda *_: NoTransfers(),
        summary="Transfers between pockets: none",
    ),
    signed(
        "POST",
        "/v5/asset/transfer/inter-transfer",
        TransferRequest,
        NoTransfers,
        _no_transfer,
        _never,
        scope=Scope.TRADE,
        summary="Refused: there is one pocket",
    ),
)
