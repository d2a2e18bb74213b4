"""Deposits and withdrawals over REST; server end.

The invariant: a key moves nothing out. A withdrawal goes to an address of its owner's book and
waits for a mail's code, as on the native API. A client's end has none of this: a strategy moves no
money out.
"""

from typing import Any

from msgspec import UNSET

from steelyard.dialects.coinbase_exchange import errors, orders, paging
from steelyard.dialects.coinbase_exchange.account import asset_named
from steelyard.dialects.coinbase_exchange.account_messages import (
    AccountTransfersRequest,
    Address,
    AddressRequest,
    CoinbaseAccount,
    CryptoWithdrawalRequest,
    FeeEstimate,
    FeeEstimateRequest,
    Transfer,
    TransferDetails,
    TransferRequest,
    TransfersRequest,
    Withdrawal,
)
from steelyard.dialects.coinbase_exchange.messages import Nothing
from steelyard.dialects.coinbase_exchange.routes import answered, check_profile, nothing, signed
from steelyard.dialects.coinbase_exchange.text import MONEY_DECIMALS
from steelyard.domain import transfers
from steelyard.domain.errors import UnitError, Unsupported
from steelyard.domain.messages import Scope
from steelyard.domain.order import RejectReason
from steelyard.domain.transfers import (
    AskWithdrawal,
    DepositAddressQuery,
    TransferInfo,
    TransferList,
    TransfersQuery,
    TransferStage,
    Wallet,
    WalletQuery,
)
from steelyard.domain.units import parse_decimal, to_atoms
from steelyard.wire.dialect import Asker
from steelyard.wire.moments import iso
from steelyard.wire.numerals import amount_text, padded
from steelyard.wire.uuids import Id, account_uuid, asset_of, number_of, user_id, uuid_of

TRANSFERS_MAX = 100_000  # looked through for a list: all that an account has
TYPES = ("deposit", "withdraw", "internal_deposit", "internal_withdraw")


# -- lists --------------------------------------------------------------------------------------


def _query(request: TransfersRequest, asker: Asker) -> TransfersQuery:
    check_profile(request.profile_id, asker)
    return _query_of(request.type, request.currency, asker)


def _query_of(kind: str | None, currency: str | None, asker: Asker) -> TransfersQuery:
    if kind is not None and kind not in TYPES:
        raise errors.said("Invalid type", f"one of {', '.join(TYPES)}", "type")
    return TransfersQuery(
        asker.account_id,
        TRANSFERS_MAX,
        currency,
        withdrawals_only=kind == "withdraw",
        deposits_only=kind == "deposit",
    )


def _transfers(
    answer: Any, request: TransfersRequest | AccountTransfersRequest, asker: Asker
) -> Any:
    if request.type is not None and request.type.startswith("internal"):
        return ()  # moves between own accounts are a person's, on the page
    found = answered(answer, TransferList).transfers[::-1]
    return _page(found, request.before, request.after, request.limit, asker)


def _of_account(request: AccountTransfersRequest, asker: Asker) -> TransfersQuery:
    asset_id = asset_named(request.account_id, asker)
    return _query_of(request.type, asker.listings.asset(asset_id), asker)


def _page(
    found: tuple[TransferInfo, ...],
    before: str | None,
    after: str | None,
    limit: int | None,
    asker: Asker,
) -> Any:
    numbers = [info.transfer_id for info in found]
    part, around = orders.part_of(found, numbers, before, after, limit)
    rows = [transfer_to_wire(info, asker) for info in part]
    return paging.page(rows, [info.transfer_id for info in part], around)


def _one(answer: Any, request: TransferRequest, asker: Asker) -> Transfer:
    number = number_of(Id.TRANSFER, request.transfer_id)
    for info in answered(answer, TransferList).transfers:
        if info.transfer_id == number:
            return transfer_to_wire(info, asker)
    raise errors.refused(
        errors.NOT_FOUND, "`GET /transfers` lists them", RejectReason.UNKNOWN_TRANSFER
    )


def transfer_to_wire(info: TransferInfo, asker: Asker) -> Transfer:
    """Return a deposit or withdrawal."""
    is_deposit, is_done = info.amount_atoms > 0, info.stage is TransferStage.DONE
    is_canceled = info.stage is TransferStage.CANCELED
    return Transfer(
        id=uuid_of(Id.TRANSFER, info.transfer_id),
        type="deposit" if is_deposit else "withdraw",
        created_at=iso(info.opened_ns),
        completed_at=iso(info.changed_ns) if is_done else None,
        canceled_at=iso(info.changed_ns) if is_canceled else None,
        processed_at=iso(info.changed_ns) if is_done else None,
        account_id=account_uuid(asker.account_id, info.asset_id),
        user_id=user_id(asker.account_id),
        amount=padded(amount_text(abs(info.amount_atoms)), MONEY_DECIMALS),
        currency=asker.listings.asset(info.asset_id),
        details=TransferDetails(
            network=info.network or UNSET,
            sent_to_address=info.address if info.address and not is_deposit else UNSET,
            crypto_address=info.address if info.address and is_deposit else UNSET,
            fee=amount_text(info.fee_atoms) if info.fee_atoms else UNSET,
        ),
        user_nonce=info.client_withdrawal_id or None,
    )


# -- out ----------------------------------------------------------------------------------------


def withdrawal_from_wire(request: CryptoWithdrawalRequest, asker: Asker) -> AskWithdrawal:
    """Return a withdrawal.

    Raises:
        DecodeError: The amount is none, or the address has a tag.
    """
    check_profile(request.profile_id, asker)
    if request.destination_tag:
        raise errors.said(
            "Invalid destination_tag", "no network here has tags; leave it out", "destination_tag"
        )
    try:
        atoms = to_atoms(parse_decimal(request.amount))
    except UnitError as error:
        raise errors.said("Invalid amount", str(error), "amount") from error
    if atoms <= 0:
        raise errors.said("Invalid amount", "it has to be positive", "amount")
    return AskWithdrawal(
        asker.account_id,
        request.currency,
        atoms,
        0,
        "" if request.nonce is None else str(request.nonce),
        request.crypto_address,
        (request.network or "").lower(),
    )


def _asked(answer: Any, _request: CryptoWithdrawalRequest, asker: Asker) -> Withdrawal:
    info = answered(answer, TransferInfo)
    return Withdrawal(
        id=uuid_of(Id.TRANSFER, info.transfer_id),
        amount=amount_text(-info.amount_atoms),
        currency=asker.listings.asset(info.asset_id),
        payout_at=None if info.due_ns is None else iso(info.due_ns),
        fee=amount_text(info.fee_atoms),
        subtotal=amount_text(-info.amount_atoms - info.fee_atoms),
    )


def _wallet_query(_request: Any, asker: Asker) -> WalletQuery:
    return WalletQuery(asker.account_id)


def _estimate(answer: Any, request: FeeEstimateRequest, asker: Asker) -> FeeEstimate:
    wallet, asset_id = answered(answer, Wallet), asker.listings.asset_id(request.currency)
    wanted = (request.network or "").lower()
    for asset in wallet.assets:
        for network in asset.networks:
            if asset.asset_id == asset_id and wanted in ("", network.network):
                return FeeEstimate(amount_text(network.fee_atoms))
    raise Unsupported(f"{request.currency} has no such network here")


# -- in -----------------------------------------------------------------------------------------


def _wallets(answer: Any, _request: Nothing, asker: Asker) -> tuple[CoinbaseAccount, ...]:
    return tuple(
        CoinbaseAccount(
            id=account_uuid(asker.account_id, asset.asset_id),
            name=f"{name} Wallet",
            currency=name,
        )
        for asset in answered(answer, Wallet).assets
        for name in (asker.listings.asset(asset.asset_id),)
        if asset.networks
    )


def _address_query(request: AddressRequest, asker: Asker) -> DepositAddressQuery:
    asset_id = asset_of(asker.account_id, request.account_id)
    if asset_id is None or asset_id not in asker.listings.assets():
        raise errors.refused(
            errors.NOT_FOUND,
            "there is no such wallet; `GET /coinbase-accounts` lists them",
            RejectReason.UNKNOWN_ACCOUNT,
        )
    network = request.network.lower() if request.network else None
    return DepositAddressQuery(asker.account_id, asker.listings.asset(asset_id), network)


def _address(answer: Any, _request: AddressRequest, asker: Asker) -> Address:
    found = answered(answer, transfers.DepositAddress)
    now = iso(asker.sandbox_ns)
    return Address(
        id=uuid_of(Id.ADDRESS, asker.listings.asset_id(found.asset)),
        address=found.address,
        network=found.network,
        created_at=now,
        updated_at=now,
    )


def _no_methods(_answer: None, _request: Nothing, _asker: Asker) -> tuple[str, ...]:
    return ()


# -- routes -------------------------------------------------------------------------------------

ENDPOINTS = (
    signed(
        "GET",
        "/transfers",
        TransfersRequest,
        tuple[Transfer, ...],
        _query,
        _transfers,
        summary="Deposits and withdrawals",
    ),
    signed(
        "GET",
        "/transfers/{transfer_id}",
        TransferRequest,
        Transfer,
        lambda _request, asker: TransfersQuery(asker.account_id, TRANSFERS_MAX),
        _one,
        summary="One deposit or withdrawal",
    ),
    signed(
        "GET",
        "/accounts/{account_id}/transfers",
        AccountTransfersRequest,
        tuple[Transfer, ...],
        _of_account,
        _transfers,
        summary="Deposits and withdrawals of a currency",
    ),
    signed(
        "GET",
        "/coinbase-accounts",
        Nothing,
        tuple[CoinbaseAccount, ...],
        _wallet_query,
        _wallets,
        summary="Where deposits come from",
    ),
    signed(
        "POST",
        "/coinbase-accounts/{account_id}/addresses",
        AddressRequest,
        Address,
        _address_query,
        _address,
        summary="A pretended address for deposits",
    ),
    signed(
        "GET",
        "/payment-methods",
        Nothing,
        tuple[str, ...],
        nothing,
        _no_methods,
        summary="Banks: none",
    ),
    signed(
        "POST",
        "/withdrawals/crypto",
        CryptoWithdrawalRequest,
        Withdrawal,
        withdrawal_from_wire,
        _asked,
        scope=Scope.WITHDRAW,
        summary="Ask for a withdrawal, which waits for a mail",
    ),
    signed(
        "GET",
        "/withdrawals/fee-estimate",
        FeeEstimateRequest,
        FeeEstimate,
        _wallet_query,
        _estimate,
        summary="A network's fee",
    ),
)
