"""Funding: ways in and out, deposits and withdrawals; server end.

The invariant: a key moves nothing out. A withdrawal goes to an address of its owner's book, named
by its label as at the venue, and waits for a mail's code, as on the native API. What is told is
what the exchange does: its networks, its fees, its own numbers as ids.

A client's end has none of this: a strategy moves no money out.
"""

from typing import Any

from msgspec import UNSET

from steelyard.dialects.kraken import errors
from steelyard.dialects.kraken.funding_messages import (
    DepositAddress,
    DepositAddressesRequest,
    DepositMethod,
    FundingRecord,
    FundingRequest,
    WalletTransferRequest,
    WithdrawAddress,
    WithdrawAddressesRequest,
    WithdrawCancelRequest,
    WithdrawInfo,
    WithdrawInfoRequest,
    WithdrawMethod,
    Withdrawn,
    WithdrawRequest,
)
from steelyard.dialects.kraken.routes import private, time_of
from steelyard.dialects.kraken.text import (
    BALANCE_DECIMALS,
    TRANSFER,
    amount_text,
    asset_alt,
    asset_id,
    asset_name,
    id_number,
    id_text,
)
from steelyard.domain import transfers
from steelyard.domain.messages import SECOND_NS, Scope
from steelyard.domain.transfers import (
    AddressBook,
    AddressBookQuery,
    AskWithdrawal,
    CancelWithdrawal,
    DepositAddressQuery,
    TransferInfo,
    TransferList,
    TransfersQuery,
    TransferStage,
    Wallet,
    WalletAsset,
    WalletQuery,
)
from steelyard.domain.units import to_atoms
from steelyard.wire.dialect import Asker, Endpoint

TRANSFERS_MAX = 100_000
ROWS_MAX = 500
LEAST_ATOMS = 10**4  # what is left of a withdrawal after its fee

DEPOSIT_STATUSES = {
    TransferStage.PENDING: "Pending",
    TransferStage.DONE: "Success",
    TransferStage.CANCELED: "Failure",
}
WITHDRAWAL_STATUSES = {
    TransferStage.AWAITING_MAIL: "Initial",
    TransferStage.PENDING: "Pending",
    TransferStage.DONE: "Success",
    TransferStage.CANCELED: "Failure",
}


# -- ways in and out ----------------------------------------------------------------------------


def _wallet(_request: Any, asker: Asker) -> WalletQuery:
    return WalletQuery(asker.account_id)


def _of(answer: Any, asset: str | None, asker: Asker) -> list[tuple[str, WalletAsset]]:
    """Return assets with their names: the one that is named, or all.

    Raises:
        DecodeError: There is no such asset.
    """
    assert isinstance(answer, Wallet), "a WalletQuery is answered by a wallet"
    named = [(asker.listings.asset(each.asset_id), each) for each in answer.assets]
    wanted = None if asset is None else asset_name(asset)
    found = [(name, each) for name, each in named if wanted in (None, name)]
    if not found:
        known = ", ".join(asset_id(name) for name, _ in named)
        raise errors.said("EFunding:Unknown asset", f"there are {known}", "asset")
    return found


def method_text(network: str) -> str:
    """Return a network as a way in or out."""
    return network.capitalize()


def _methods(answer: Any, request: FundingRequest, asker: Asker) -> tuple[DepositMethod, ...]:
    if request.asset is None:
        raise errors.invalid("asset", "say of which asset")
    return tuple(
        DepositMethod(method=method_text(way.network), minimum="0.00000000")
        for _, asset in _of(answer, request.asset, asker)
        for way in asset.networks
    )


def _withdraw_methods(
    answer: Any, request: FundingRequest, asker: Asker
) -> tuple[WithdrawMethod, ...]:
    return tuple(
        WithdrawMethod(
            asset=asset_id(name),
            method=method_text(way.network),
            network=method_text(way.network),
            minimum=amount_text(way.fee_atoms + LEAST_ATOMS),
        )
        for name, asset in _of(answer, request.asset, asker)
        for way in asset.networks
    )


def _withdraw_info(answer: Any, request: WithdrawInfoRequest, asker: Asker) -> WithdrawInfo:
    ((name, asset),) = _of(answer, request.asset, asker)
    if not asset.networks:
        raise errors.said("EFunding:Unknown withdraw key", f"{name} has no way out")
    way = asset.networks[0]
    amount = to_atoms(request.amount) - way.fee_atoms
    if amount <= 0:
        raise errors.said("EFunding:Amount too small", f"the fee is {amount_text(way.fee_atoms)}")
    return WithdrawInfo(
        method=method_text(way.network),
        limit=amount_text(asset.free_atoms, BALANCE_DECIMALS),
        amount=amount_text(amount, BALANCE_DECIMALS),
        fee=amount_text(way.fee_atoms, BALANCE_DECIMALS),
    )


def _addresses_query(request: DepositAddressesRequest, asker: Asker) -> DepositAddressQuery:
    asset = asset_name(request.asset)
    if asset not in asker.listings.assets().values():
        raise errors.said("EFunding:Unknown asset", f"{errors.shown(request.asset)} is not used")
    return DepositAddressQuery(asker.account_id, asset, request.method.lower())


def _addresses(
    answer: Any, _request: DepositAddressesRequest, _asker: Asker
) -> tuple[DepositAddress, ...]:
    assert isinstance(answer, transfers.DepositAddress), "it is answered by an address"
    return (DepositAddress(address=answer.address),)


def _withdraw_addresses(
    answer: Any, request: WithdrawAddressesRequest, asker: Asker
) -> tuple[WithdrawAddress, ...]:
    assert isinstance(answer, AddressBook), "an AddressBookQuery is answered by addresses"
    wanted = None if request.asset is None else asset_name(request.asset)
    found = [
        (name, kept)
        for kept in answer.addresses
        if wanted in (None, name := asker.listings.asset(kept.asset_id))
    ]
    rows = (
        WithdrawAddress(
            address=kept.address,
            asset=asset_alt(name),
            method=method_text(kept.network),
            key=kept.label,
            verified=kept.usable_ns <= asker.sandbox_ns,
        )
        for name, kept in found
    )
    return tuple(
        row
        for row in rows
        if request.method in (None, row.method)
        and request.key in (None, row.key)
        and request.verified in (None, row.verified)
    )


# -- lists --------------------------------------------------------------------------------------


def _list_query(request: FundingRequest, asker: Asker, *, deposits: bool) -> TransfersQuery:
    return TransfersQuery(
        asker.account_id,
        TRANSFERS_MAX,
        None if request.asset is None else asset_name(request.asset),
        withdrawals_only=not deposits,
        deposits_only=deposits,
        start_ns=time_of(request.start, "start"),
        end_ns=time_of(request.end, "end"),
    )


def record_to_wire(info: TransferInfo, asker: Asker) -> FundingRecord:
    """Return a deposit or a withdrawal."""
    name = asker.listings.asset(info.asset_id)
    is_out = info.amount_atoms < 0
    statuses = WITHDRAWAL_STATUSES if is_out else DEPOSIT_STATUSES
    refid = id_text(TRANSFER, info.transfer_id)
    amount = abs(info.amount_atoms) - info.fee_atoms
    return FundingRecord(
        method=method_text(info.network),
        asset=asset_id(name),
        refid=refid,
        txid=refid if info.stage is TransferStage.DONE else "",
        info=info.address,
        amount=amount_text(amount, BALANCE_DECIMALS),
        fee=amount_text(info.fee_atoms, BALANCE_DECIMALS),
        time=info.opened_ns // SECOND_NS,
        status=statuses[info.stage],
        key=info.label if is_out else UNSET,
    )


def _records(answer: Any, request: FundingRequest, asker: Asker) -> tuple[FundingRecord, ...]:
    assert isinstance(answer, TransferList), "a TransfersQuery is answered by transfers"
    if not 1 <= request.limit <= ROWS_MAX:
        raise errors.invalid("limit", f"it is 1 to {ROWS_MAX}")
    found = (record_to_wire(info, asker) for info in reversed(answer.transfers))
    wanted = (r for r in found if request.method in (None, r.method))
    return tuple(wanted)[: request.limit]


# -- out ----------------------------------------------------------------------------------------


def _withdraw(request: WithdrawRequest, asker: Asker) -> AskWithdrawal:
    asset = asset_name(request.asset)
    atoms = to_atoms(request.amount)
    if atoms <= 0:
        raise errors.said("EFunding:Amount too small", "it is above 0", "amount")
    return AskWithdrawal(asker.account_id, asset, atoms, 0, address=request.address or request.key)


def _withdrawn(answer: Any, _request: WithdrawRequest, _asker: Asker) -> Withdrawn:
    assert isinstance(answer, TransferInfo), "an AskWithdrawal is answered by a transfer"
    return Withdrawn(refid=id_text(TRANSFER, answer.transfer_id))


def _cancel(request: WithdrawCancelRequest, asker: Asker) -> CancelWithdrawal:
    transfer_id = id_number(TRANSFER, request.refid)
    if transfer_id is None:
        raise errors.said(
            "EFunding:Unknown reference id", f"{errors.shown(request.refid)} is none", "refid"
        )
    return CancelWithdrawal(asker.account_id, transfer_id)


def _no_wallets(_request: WalletTransferRequest, _asker: Asker) -> None:
    raise errors.said("EFunding:Failed", "there is one wallet; nothing can be moved between two")


# -- routes -------------------------------------------------------------------------------------

ENDPOINTS: tuple[Endpoint, ...] = (
    private(
        "DepositMethods",
        FundingRequest,
        tuple[DepositMethod, ...],
        _wallet,
        _methods,
        "Ways in of an asset",
    ),
    private(
        "DepositAddresses",
        DepositAddressesRequest,
        tuple[DepositAddress, ...],
        _addresses_query,
        _addresses,
        "Where deposits would come in",
    ),
    private(
        "DepositStatus",
        FundingRequest,
        tuple[FundingRecord, ...],
        lambda request, asker: _list_query(request, asker, deposits=True),
        _records,
        "Deposits",
    ),
    private(
        "WithdrawMethods",
        FundingRequest,
        tuple[WithdrawMethod, ...],
        _wallet,
        _withdraw_methods,
        "Ways out",
    ),
    private(
        "WithdrawAddresses",
        WithdrawAddressesRequest,
        tuple[WithdrawAddress, ...],
        lambda _, asker: AddressBookQuery(asker.account_id),
        _withdraw_addresses,
        "Where withdrawals may go: the book of the account's owner",
    ),
    private(
        "WithdrawInfo",
        WithdrawInfoRequest,
        WithdrawInfo,
        _wallet,
        _withdraw_info,
        "What a withdrawal would cost",
    ),
    private(
        "Withdraw",
        WithdrawRequest,
        Withdrawn,
        _withdraw,
        _withdrawn,
        "Ask for a withdrawal, which its owner confirms by mail",
        scope=Scope.WITHDRAW,
    ),
    private(
        "WithdrawStatus",
        FundingRequest,
        tuple[FundingRecord, ...],
        lambda request, asker: _list_query(request, asker, deposits=False),
        _records,
        "Withdrawals",
    ),
    private(
        "WithdrawCancel",
        WithdrawCancelRequest,
        bool,
        _cancel,
        lambda *_: True,
        "Cancel a withdrawal that has not left",
        scope=Scope.WITHDRAW,
    ),
    private(
        "WalletTransfer",
        WalletTransferRequest,
        Withdrawn,
        _no_wallets,
        _withdrawn,
        "Refused: there is one wallet",
        scope=Scope.WITHDRAW,
    ),
)
