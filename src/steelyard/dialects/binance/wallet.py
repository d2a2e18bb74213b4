"""The wallet (`/sapi/v1/capital`): coins and their networks, deposits, withdrawals; server end.

The invariant: a key moves nothing out. A withdrawal goes to an address of its owner's book and
waits for a mail's code, as on the native API. What is told is what the exchange does: its networks
in the venue's spelling, its fees, its own numbers as ids.

A client's end has none of this: a strategy moves no money out.
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, TypeVar

from msgspec import UNSET, Struct

from steelyard.dialects.binance import errors
from steelyard.dialects.binance.messages import Nothing
from steelyard.dialects.binance.routes import signed
from steelyard.dialects.binance.text import MS_NS, amount_text, from_ms, to_ms
from steelyard.dialects.binance.wallet_messages import (
    Coin,
    DepositAddress,
    DepositAddressRequest,
    DepositRecord,
    DepositsRequest,
    Network,
    Withdrawal,
    WithdrawalRecord,
    WithdrawalsRequest,
    WithdrawRequest,
)
from steelyard.domain import transfers
from steelyard.domain.messages import MINUTE_NS, SECOND_NS, Scope
from steelyard.domain.transfers import (
    AskWithdrawal,
    DepositAddressQuery,
    TransferInfo,
    TransferList,
    TransfersQuery,
    TransferStage,
    Wallet,
    WalletAsset,
    WalletNetwork,
    WalletQuery,
)
from steelyard.domain.units import to_atoms
from steelyard.wire.dialect import Asker, Endpoint

TRANSFERS_MAX = 100_000  # looked through for a list: all that an account has
ROWS_MAX = 1_000
ATOMS_PER_STEP = 10**4  # amounts have 8 decimals
WITHDRAW_MAX = "9999999999.99999999"  # there is no limit but the balance
T = TypeVar("T", DepositRecord, WithdrawalRecord)
FIAT = frozenset({"USD", "EUR", "GBP", "JPY"})

# Ours: the venue's. What is not here is written in capitals.
NETWORKS = {"bitcoin": "BTC", "ethereum": "ETH", "solana": "SOL", "tron": "TRX"}
OURS = {theirs: ours for ours, theirs in NETWORKS.items()}

DEPOSIT_STATUSES = {
    TransferStage.PENDING: 0,
    TransferStage.DONE: 1,
    TransferStage.CANCELED: 2,
}
EMAIL_SENT, AWAITING_APPROVAL, REJECTED, PROCESSING, COMPLETED = 0, 2, 3, 4, 6


# -- coins --------------------------------------------------------------------------------------


def network_text(network: str) -> str:
    """Return a network's name at the venue."""
    return NETWORKS.get(network, network.upper())


def network_of(text: str) -> str:
    """Return our name of a network."""
    return OURS.get(text.upper(), text.lower())


def _coins(answer: Any, _request: Struct, asker: Asker) -> tuple[Coin, ...]:
    assert isinstance(answer, Wallet), "a WalletQuery is answered by a wallet"
    return tuple(_coin(asset, asker.listings.asset(asset.asset_id)) for asset in answer.assets)


def _coin(asset: WalletAsset, name: str) -> Coin:
    return Coin(
        coin=name,
        depositAllEnable=bool(asset.networks),
        withdrawAllEnable=bool(asset.networks),
        name=name,
        free=amount_text(asset.free_atoms),
        locked=amount_text(asset.held_atoms),
        withdrawing=amount_text(asset.leaving_atoms),
        isLegalMoney=name in FIAT,
        networkList=tuple(
            _network(network, name, is_first=number == 0)
            for number, network in enumerate(asset.networks)
        ),
    )


def _network(network: WalletNetwork, coin: str, *, is_first: bool) -> Network:
    return Network(
        network=network_text(network.network),
        coin=coin,
        withdrawIntegerMultiple=amount_text(ATOMS_PER_STEP),
        isDefault=is_first,
        name=network.network,
        addressRegex=f"^{transfers.ADDRESS_FORM}$",
        withdrawFee=amount_text(network.fee_atoms),
        withdrawMin=amount_text(network.fee_atoms + ATOMS_PER_STEP),
        withdrawMax=WITHDRAW_MAX,
        estimatedArrivalTime=network.leaves_ns // MINUTE_NS,
    )


# -- in -----------------------------------------------------------------------------------------


def _deposit_address(answer: Any, _request: Struct, _asker: Asker) -> DepositAddress:
    assert isinstance(answer, transfers.DepositAddress), "it is answered by an address"
    return DepositAddress(address=answer.address, coin=answer.asset)


def _deposits_query(request: DepositsRequest, asker: Asker) -> TransfersQuery:
    return _query(request, asker, deposits=True)


def _deposits(answer: Any, request: DepositsRequest, asker: Asker) -> tuple[DepositRecord, ...]:
    assert isinstance(answer, TransferList), "a TransfersQuery is answered by transfers"
    found = (_deposit(info, asker) for info in reversed(answer.transfers))
    return _part((r for r in found if request.txId in (None, r.txId)), request)


def _deposit(info: TransferInfo, asker: Asker) -> DepositRecord:
    is_done = info.stage is TransferStage.DONE
    return DepositRecord(
        id=str(info.transfer_id),
        amount=amount_text(info.amount_atoms),
        coin=asker.listings.asset(info.asset_id),
        network=network_text(info.network),
        status=DEPOSIT_STATUSES[info.stage],
        address=info.address,
        txId=str(info.transfer_id),
        insertTime=to_ms(info.opened_ns),
        completeTime=to_ms(info.changed_ns) if is_done else UNSET,
        confirmTimes="1/1" if is_done else "0/1",
    )


# -- out ----------------------------------------------------------------------------------------


def withdrawal_from_wire(request: WithdrawRequest, asker: Asker) -> AskWithdrawal:
    """Return a withdrawal; what is named besides coin, address, network and amount changes nothing.

    Raises:
        DecodeError: The amount is 0, or the address has a tag.
    """
    if request.addressTag:
        raise errors.said(
            -4008,
            "Address tag validation is not passed.",
            "no network here has tags; leave it out",
            "addressTag",
        )
    atoms = to_atoms(request.amount)
    if atoms <= 0:
        raise errors.said(
            -1130, "Data sent for parameter 'amount' is not valid.", "it is above 0", "amount"
        )
    return AskWithdrawal(
        asker.account_id,
        request.coin,
        atoms,
        0,
        request.withdrawOrderId or "",
        request.address,
        network_of(request.network) if request.network else "",
    )


def _asked(answer: Any, _request: Struct, _asker: Asker) -> Withdrawal:
    assert isinstance(answer, TransferInfo), "an AskWithdrawal is answered by a transfer"
    return Withdrawal(id=str(answer.transfer_id))


def _withdrawals_query(request: WithdrawalsRequest, asker: Asker) -> TransfersQuery:
    return _query(request, asker, deposits=False)


def _withdrawals(
    answer: Any, request: WithdrawalsRequest, asker: Asker
) -> tuple[WithdrawalRecord, ...]:
    assert isinstance(answer, TransferList), "a TransfersQuery is answered by transfers"
    ids = request.idList and request.idList.split(",")
    found = (_withdrawal(info, asker) for info in reversed(answer.transfers))
    wanted = (
        record
        for record in found
        if (not ids or record.id in ids)
        and request.withdrawOrderId in (None, record.withdrawOrderId)
    )
    return _part(wanted, request)


def _withdrawal(info: TransferInfo, asker: Asker) -> WithdrawalRecord:
    is_done = info.stage is TransferStage.DONE
    return WithdrawalRecord(
        id=str(info.transfer_id),
        amount=amount_text(-info.amount_atoms - info.fee_atoms),
        transactionFee=amount_text(info.fee_atoms),
        coin=asker.listings.asset(info.asset_id),
        status=withdrawal_status(info),
        address=info.address,
        txId=str(info.transfer_id) if is_done else "",
        applyTime=moment_text(info.opened_ns),
        network=network_text(info.network),
        withdrawOrderId=info.client_withdrawal_id or UNSET,
        confirmNo=int(is_done),
        completeTime=moment_text(info.changed_ns) if is_done else UNSET,
    )


def withdrawal_status(info: TransferInfo) -> int:
    """Return the venue's number for how far a withdrawal is."""
    match info.stage:
        case TransferStage.AWAITING_MAIL:
            return EMAIL_SENT
        case TransferStage.PENDING:
            # It leaves by itself once its mail has been answered; otherwise the operator decides.
            return AWAITING_APPROVAL if info.due_ns is None else PROCESSING
        case TransferStage.DONE:
            return COMPLETED
        case TransferStage.CANCELED:
            return REJECTED


def moment_text(time_ns: int) -> str:
    """Return a time as the wallet writes it, in UTC."""
    return datetime.fromtimestamp(time_ns // SECOND_NS, UTC).strftime("%Y-%m-%d %H:%M:%S")


# -- lists --------------------------------------------------------------------------------------


def _query(
    request: DepositsRequest | WithdrawalsRequest, asker: Asker, *, deposits: bool
) -> TransfersQuery:
    return TransfersQuery(
        asker.account_id,
        TRANSFERS_MAX,
        request.coin,
        withdrawals_only=not deposits,
        deposits_only=deposits,
        start_ns=None if request.startTime is None else from_ms(request.startTime),
        end_ns=None if request.endTime is None else from_ms(request.endTime) + MS_NS - 1,
    )


def _part(records: Iterable[T], request: DepositsRequest | WithdrawalsRequest) -> tuple[T, ...]:
    """Return the part of a list that is asked for, newest first."""
    found = [r for r in records if request.status in (None, r.status)]
    return tuple(found[request.offset :][: min(request.limit, ROWS_MAX)])


# -- routes -------------------------------------------------------------------------------------


def _route(
    method: str,
    path: str,
    request: type[Struct],
    response: Any,
    decode: Any,
    encode: Any,
    *,
    scope: Scope = Scope.READ,
    weight: int,
    summary: str,
) -> Endpoint:
    return signed(
        method,
        f"/sapi/v1/capital/{path}",
        request,
        response,
        decode,
        encode,
        scope=scope,
        weight=weight,
        summary=summary,
    )


CONFIG = _route(
    "GET",
    "config/getall",
    Nothing,
    tuple[Coin, ...],
    lambda _request, asker: WalletQuery(asker.account_id),
    _coins,
    weight=10,
    summary="Coins, their networks and fees",
)
DEPOSIT_ADDRESS = _route(
    "GET",
    "deposit/address",
    DepositAddressRequest,
    DepositAddress,
    lambda request, asker: DepositAddressQuery(
        asker.account_id, request.coin, network_of(request.network) if request.network else None
    ),
    _deposit_address,
    weight=10,
    summary="A pretended address for deposits",
)
DEPOSITS = _route(
    "GET",
    "deposit/hisrec",
    DepositsRequest,
    tuple[DepositRecord, ...],
    _deposits_query,
    _deposits,
    weight=1,
    summary="Deposits that were announced",
)
WITHDRAW = _route(
    "POST",
    "withdraw/apply",
    WithdrawRequest,
    Withdrawal,
    withdrawal_from_wire,
    _asked,
    scope=Scope.WITHDRAW,
    weight=1,
    summary="Ask for a withdrawal, which waits for a mail",
)
WITHDRAWALS = _route(
    "GET",
    "withdraw/history",
    WithdrawalsRequest,
    tuple[WithdrawalRecord, ...],
    _withdrawals_query,
    _withdrawals,
    weight=1,
    summary="Withdrawals",
)

ENDPOINTS: tuple[Endpoint, ...] = (CONFIG, DEPOSIT_ADDRESS, DEPOSITS, WITHDRAW, WITHDRAWALS)
