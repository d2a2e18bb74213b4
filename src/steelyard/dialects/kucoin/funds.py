"""Deposits and withdrawals over REST; server end.

The invariant: a key alone moves nothing out. A withdrawal goes to an address of its owner's book
and waits for a mail's code. A client's end has none of this: a strategy moves no money. There is
one wallet, so nothing is moved between wallets either.
"""

from collections.abc import Sequence
from typing import Any

from steelyard.dialects.kucoin import errors
from steelyard.dialects.kucoin.account import page_of
from steelyard.dialects.kucoin.funds_messages import (
    AddressRequest,
    Deposit,
    DepositAddress,
    Deposits,
    NewWithdrawal,
    Quota,
    QuotaRequest,
    TransfersRequest,
    Withdrawal,
    WithdrawalId,
    WithdrawalRequest,
    Withdrawals,
)
from steelyard.dialects.kucoin.market import FUNDS_DECIMALS
from steelyard.dialects.kucoin.routes import answered, signed
from steelyard.dialects.kucoin.text import (
    MS_NS,
    amount_text,
    ms,
    transfer_id,
    transfer_number,
)
from steelyard.domain import transfers
from steelyard.domain.errors import UnitError
from steelyard.domain.messages import Scope
from steelyard.domain.order import RejectReason
from steelyard.domain.transfers import (
    AskWithdrawal,
    CancelWithdrawal,
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
from steelyard.domain.units import parse_decimal, to_atoms
from steelyard.wire.dialect import Asker

KEPT_MAX = 100_000  # looked through for a list: all that an account has
# The venue's ids and names of networks, by ours.
CHAINS = {
    "bitcoin": ("btc", "BTC"),
    "ethereum": ("eth", "ERC20"),
    "solana": ("sol", "SOL"),
    "tron": ("trx", "TRC20"),
}
NETWORKS = {name.lower(): network for network, names in CHAINS.items() for name in names}
PROCESSING, SUCCESS, FAILURE = "PROCESSING", "SUCCESS", "FAILURE"
STATUSES = {TransferStage.DONE: SUCCESS, TransferStage.CANCELED: FAILURE}
BY_ADDRESS = "ADDRESS"


def chain_of(network: str) -> tuple[str, str]:
    """Return the venue's id and name of a network."""
    return CHAINS.get(network, (network.lower(), network.upper()))


def network_of(chain: str | None, currency: str) -> str:
    """Return our name of a chain; empty where none is named: a currency's own is its first."""
    named = (chain or "").lower()
    return "" if named == currency.lower() and named not in NETWORKS else NETWORKS.get(named, named)


def _known(currency: str, asker: Asker) -> str:
    """Return a currency that is there.

    Raises:
        DecodeError: It is not.
    """
    if currency not in asker.listings.assets().values():
        known = ", ".join(asker.listings.assets().values())
        raise errors.said(
            "currency not exists",
            f"no currency {errors.shown(currency)}; there are {known}",
            "currency",
        )
    return currency


# -- in -----------------------------------------------------------------------------------------


def _address_query(request: AddressRequest, asker: Asker) -> DepositAddressQuery:
    currency = _known(request.currency, asker)
    network = network_of(request.chain, currency) or None
    return DepositAddressQuery(asker.account_id, currency, network)


def _address(answer: Any, _request: AddressRequest, _asker: Asker) -> DepositAddress:
    found = answered(answer, transfers.DepositAddress)
    chain, name = chain_of(found.network)
    return DepositAddress(
        address=found.address,
        chainId=chain,
        currency=found.asset,
        chainName=name,
        chain=name,
    )


def _addresses(answer: Any, request: AddressRequest, asker: Asker) -> tuple[DepositAddress, ...]:
    return (_address(answer, request, asker),)


def _query(request: TransfersRequest, asker: Asker, *, is_in: bool) -> TransfersQuery:
    currency = None if request.currency is None else _known(request.currency, asker)
    return TransfersQuery(
        asker.account_id,
        KEPT_MAX,
        currency,
        withdrawals_only=not is_in,
        deposits_only=is_in,
        start_ns=None if request.startAt is None else request.startAt * MS_NS,
        end_ns=None if request.endAt is None else request.endAt * MS_NS,
    )


def status_of(info: TransferInfo) -> str:
    """Return how far a deposit or withdrawal is."""
    return STATUSES.get(info.stage, PROCESSING)


def _common(info: TransferInfo, asker: Asker) -> dict[str, Any]:
    return {
        "id": transfer_id(info.transfer_id),
        "currency": asker.listings.asset(info.asset_id),
        "chain": chain_of(info.network)[0],
        "status": status_of(info),
        "address": info.address,
        "createdAt": ms(info.opened_ns),
        "updatedAt": ms(info.changed_ns),
        "remark": info.label,
    }


def deposit_to_wire(info: TransferInfo, asker: Asker) -> Deposit:
    """Return what came in."""
    number = transfer_id(info.transfer_id)
    amount = amount_text(info.amount_atoms)
    return Deposit(amount=amount, walletTxId=number, **_common(info, asker))


def withdrawal_to_wire(info: TransferInfo, asker: Asker) -> Withdrawal:
    """Return what goes out: what arrives, and what the network takes."""
    return Withdrawal(
        amount=amount_text(-info.amount_atoms - info.fee_atoms),
        fee=amount_text(info.fee_atoms),
        **_common(info, asker),
    )


def _page(answer: Any, request: TransfersRequest) -> tuple[Sequence[TransferInfo], dict[str, Any]]:
    found = [
        info
        for info in answered(answer, TransferList).transfers[::-1]
        if request.status in (None, status_of(info))
    ]
    size, first = page_of(request.currentPage, request.pageSize)
    numbers = {"currentPage": request.currentPage, "pageSize": size, "totalNum": len(found)}
    return found[first : first + size], {**numbers, "totalPage": -(-len(found) // size)}


def _deposits(answer: Any, request: TransfersRequest, asker: Asker) -> Deposits:
    part, numbers = _page(answer, request)
    return Deposits(items=tuple(deposit_to_wire(info, asker) for info in part), **numbers)


# -- out ----------------------------------------------------------------------------------------


def _withdrawals(answer: Any, request: TransfersRequest, asker: Asker) -> Withdrawals:
    part, numbers = _page(answer, request)
    return Withdrawals(items=tuple(withdrawal_to_wire(info, asker) for info in part), **numbers)


def withdrawal_from_wire(request: NewWithdrawal, asker: Asker) -> AskWithdrawal:
    """Return a withdrawal.

    Raises:
        DecodeError: It goes to no address, has a memo, or its amount is none.
    """
    currency = _known(request.currency, asker)
    address = request.toAddress or request.address
    if not address or request.withdrawType not in (None, BY_ADDRESS) or request.isInner:
        raise errors.said(
            "withdrawType is invalid",
            "withdrawals go to an address of your book: send ADDRESS and toAddress",
            "withdrawType",
        )
    if request.memo:
        raise errors.said("memo is invalid", "no network here has memos; leave it out", "memo")
    try:
        atoms = to_atoms(parse_decimal(request.amount))
    except UnitError as error:
        raise errors.said("amount is invalid", str(error), "amount") from error
    if atoms <= 0:
        raise errors.said("amount is invalid", "it has to be positive", "amount")
    network = network_of(request.chain, currency)
    return AskWithdrawal(asker.account_id, currency, atoms, 0, "", address, network)


def _asked(answer: Any, _request: NewWithdrawal, _asker: Asker) -> WithdrawalId:
    return WithdrawalId(withdrawalId=transfer_id(answered(answer, TransferInfo).transfer_id))


def _cancel(request: WithdrawalRequest, asker: Asker) -> CancelWithdrawal:
    number = transfer_number(request.withdrawalId)
    if number is None:
        raise errors.refused(
            errors.NO_ORDER,
            "there is no such withdrawal of yours; GET /api/v1/withdrawals lists them",
            RejectReason.UNKNOWN_TRANSFER,
            "withdrawalId",
        )
    return CancelWithdrawal(asker.account_id, number)


def _canceled(_answer: Any, _request: WithdrawalRequest, _asker: Asker) -> None:
    """Answer nothing: that it is canceled is all there is to say."""


def _wallet_query(request: QuotaRequest, asker: Asker) -> WalletQuery:
    _known(request.currency, asker)
    return WalletQuery(asker.account_id)


def _quota(answer: Any, request: QuotaRequest, asker: Asker) -> Quota:
    wanted = asker.listings.asset_id(request.currency)
    asset = next(
        (each for each in answered(answer, Wallet).assets if each.asset_id == wanted),
        WalletAsset(wanted, 0, 0, 0, ()),
    )
    named = network_of(request.chain, request.currency)
    nets = [net for net in asset.networks if net.network == named] or asset.networks
    network = nets[0] if nets else WalletNetwork("sandbox", 0, 0, 0)
    fee, free = amount_text(network.fee_atoms), amount_text(asset.free_atoms)
    return Quota(
        currency=request.currency,
        remainAmount=free,
        availableAmount=free,
        withdrawMinFee=fee,
        withdrawMinSize=fee,
        precision=FUNDS_DECIMALS,
        chain=chain_of(network.network)[1],
    )


# -- routes -------------------------------------------------------------------------------------

ENDPOINTS = (
    *(
        signed(
            "GET",
            f"/api/{version}/deposit-addresses",
            AddressRequest,
            kind,
            _address_query,
            encode,
            weight=5,
            summary="The pretended address for deposits",
        )
        for version, kind, encode in (
            ("v1", DepositAddress, _address),
            ("v2", tuple[DepositAddress, ...], _addresses),
            ("v3", tuple[DepositAddress, ...], _addresses),
        )
    ),
    signed(
        "POST",
        "/api/v3/deposit-address/create",
        AddressRequest,
        DepositAddress,
        _address_query,
        _address,
        weight=20,
        summary="The same, as if it were new",
    ),
    signed(
        "GET",
        "/api/v1/deposits",
        TransfersRequest,
        Deposits,
        lambda request, asker: _query(request, asker, is_in=True),
        _deposits,
        weight=5,
        summary="Deposits, newest first",
    ),
    signed(
        "GET",
        "/api/v1/withdrawals",
        TransfersRequest,
        Withdrawals,
        lambda request, asker: _query(request, asker, is_in=False),
        _withdrawals,
        weight=20,
        summary="Withdrawals, newest first",
    ),
    signed(
        "GET",
        "/api/v1/withdrawals/quotas",
        QuotaRequest,
        Quota,
        _wallet_query,
        _quota,
        weight=20,
        summary="What may be withdrawn of a currency, and what it costs",
    ),
    *(
        signed(
            "POST",
            f"/api/{version}/withdrawals",
            NewWithdrawal,
            WithdrawalId,
            withdrawal_from_wire,
            _asked,
            weight=5,
            scope=Scope.WITHDRAW,
            summary="Ask for a withdrawal, which waits for a mail",
        )
        for version in ("v1", "v3")
    ),
    signed(
        "DELETE",
        "/api/v1/withdrawals/{withdrawalId}",
        WithdrawalRequest,
        None,
        _cancel,
        _canceled,
        weight=20,
        scope=Scope.WITHDRAW,
        summary="Cancel a withdrawal that has not left yet",
    ),
)
