"""Currencies, deposits and withdrawals over REST; server end.

The invariant: a key moves nothing out. A withdrawal goes to an address of its owner's book and
waits for a mail's code, as on the native API. There is one account: what the venue calls funding
and trading is the same money, so nothing moves between the two. A client's end has none of this: a
strategy moves no money out.
"""

from typing import Any

from steelyard.dialects.okx import errors
from steelyard.dialects.okx.account import account_query
from steelyard.dialects.okx.messages import Nothing
from steelyard.dialects.okx.placing import number_of
from steelyard.dialects.okx.routes import answered, limit_of, moment, signed
from steelyard.dialects.okx.text import amount_text, id_number, ms
from steelyard.dialects.okx.wallet_messages import (
    AssetBalance,
    CancelWithdrawalRequest,
    CurrenciesRequest,
    Currency,
    CurrencyRequest,
    Deposit,
    DepositAddress,
    TransferRequest,
    TransfersRequest,
    Withdrawal,
    WithdrawalAsked,
    WithdrawalCanceled,
    WithdrawalRequest,
)
from steelyard.domain import transfers
from steelyard.domain.instrument import Listings
from steelyard.domain.messages import AccountAnswer, Scope
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
    WalletQuery,
)
from steelyard.domain.units import AMOUNT_MAX_ATOMS, to_atoms
from steelyard.wire.dialect import Asker

TRANSFERS_MAX = 100_000  # looked through for a list: all that an account has
PAGE = 100
ON_CHAIN = "4"
CHAINS = {"bitcoin": "Bitcoin", "ethereum": "ERC20", "solana": "Solana", "tron": "TRC20"}
NETWORKS = {chain.lower(): network for network, chain in CHAINS.items()}
DEPOSIT_STATES = {
    TransferStage.AWAITING_MAIL: "0",
    TransferStage.PENDING: "0",
    TransferStage.DONE: "2",
    TransferStage.CANCELED: "13",
}
WITHDRAWAL_STATES = {
    TransferStage.AWAITING_MAIL: "7",
    TransferStage.PENDING: "0",
    TransferStage.DONE: "2",
    TransferStage.CANCELED: "-2",
}


def chain_of(currency: str, network: str) -> str:
    """Return a network as the venue calls it: `USDT-TRC20`."""
    return f"{currency}-{CHAINS.get(network, network)}" if network else ""


def network_of(currency: str, chain: str | None) -> str:
    """Return our name of a network, by which it may be called too; nothing where none is named."""
    name = (chain or "").removeprefix(f"{currency}-")
    return NETWORKS.get(name.lower(), name.lower())


def wanted_of(text: str | None) -> tuple[str, ...]:
    """Return the currencies that a request names; none is all."""
    return tuple(text.split(",")) if text else ()


# -- currencies ---------------------------------------------------------------------------------


def _wallet_query(_request: Any, asker: Asker) -> WalletQuery:
    return WalletQuery(asker.account_id)


def _currencies(answer: Any, request: CurrenciesRequest, asker: Asker) -> tuple[Currency, ...]:
    wanted, rows = wanted_of(request.ccy), []
    for asset in answered(answer, Wallet).assets:
        name = asker.listings.asset(asset.asset_id)
        if wanted and name not in wanted:
            continue
        for place, network in enumerate(asset.networks):
            fee = amount_text(network.fee_atoms)
            rows.append(
                Currency(
                    ccy=name,
                    name=name,
                    chain=chain_of(name, network.network),
                    minWd=fee,
                    maxWd=amount_text(AMOUNT_MAX_ATOMS),
                    fee=fee,
                    minFee=fee,
                    maxFee=fee,
                    mainNet=not place,
                )
            )
    return tuple(rows)


def _balances(answer: Any, request: CurrenciesRequest, asker: Asker) -> tuple[AssetBalance, ...]:
    wanted = wanted_of(request.ccy)
    return tuple(
        AssetBalance(
            ccy=name,
            bal=amount_text(balance.free_atoms + balance.held_atoms),
            frozenBal=amount_text(balance.held_atoms),
            availBal=amount_text(balance.free_atoms),
        )
        for balance in answered(answer, AccountAnswer).balances
        for name in (asker.listings.asset(balance.asset_id),)
        if not wanted or name in wanted
    )


# -- in -----------------------------------------------------------------------------------------


def _address_query(request: CurrencyRequest, asker: Asker) -> DepositAddressQuery:
    return DepositAddressQuery(asker.account_id, request.ccy)


def _addresses(answer: Any, _request: CurrencyRequest, _asker: Asker) -> tuple[DepositAddress, ...]:
    found = answered(answer, transfers.DepositAddress)
    return tuple(
        DepositAddress(
            ccy=each.asset,
            chain=chain_of(each.asset, each.network),
            addr=each.address,
        )
        for each in (found, *found.others)
    )


def _deposits_query(request: TransfersRequest, asker: Asker) -> TransfersQuery:
    return TransfersQuery(asker.account_id, TRANSFERS_MAX, request.ccy, deposits_only=True)


def _withdrawals_query(request: TransfersRequest, asker: Asker) -> TransfersQuery:
    return TransfersQuery(asker.account_id, TRANSFERS_MAX, request.ccy, withdrawals_only=True)


def _wanted(answer: Any, request: TransfersRequest) -> list[TransferInfo]:
    """Return transfers, newest first, within the times that a request names."""
    older_ns, newer_ns = moment(request.after, "after"), moment(request.before, "before")
    limit = limit_of(request.limit, PAGE, PAGE)
    number = request.depId or request.wdId
    found = [
        info
        for info in reversed(answered(answer, TransferList).transfers)
        if (older_ns is None or info.opened_ns < older_ns)
        and (newer_ns is None or info.opened_ns > newer_ns)
        and number in (None, str(info.transfer_id))
        and request.clientId in (None, info.client_withdrawal_id)
    ]
    return found[:limit]


def deposit_to_wire(info: TransferInfo, listings: Listings) -> Deposit:
    """Return a deposit."""
    name = listings.asset(info.asset_id)
    return Deposit(
        ccy=name,
        chain=chain_of(name, info.network),
        amt=amount_text(info.amount_atoms),
        to=info.address,
        ts=ms(info.opened_ns),
        state=DEPOSIT_STATES[info.stage],
        depId=str(info.transfer_id),
    )


def _deposits(answer: Any, request: TransfersRequest, asker: Asker) -> tuple[Deposit, ...]:
    rows = (deposit_to_wire(info, asker.listings) for info in _wanted(answer, request))
    return tuple(row for row in rows if request.state in (None, row.state))


# -- out ----------------------------------------------------------------------------------------


def withdrawal_to_wire(info: TransferInfo, listings: Listings) -> Withdrawal:
    """Return a withdrawal; what arrives is its amount without the fee."""
    name = listings.asset(info.asset_id)
    return Withdrawal(
        ccy=name,
        chain=chain_of(name, info.network),
        amt=amount_text(-info.amount_atoms),
        ts=ms(info.opened_ns),
        to=info.address,
        fee=amount_text(info.fee_atoms),
        feeCcy=name,
        state=WITHDRAWAL_STATES[info.stage],
        wdId=str(info.transfer_id),
        clientId=info.client_withdrawal_id,
    )


def _withdrawals(answer: Any, request: TransfersRequest, asker: Asker) -> tuple[Withdrawal, ...]:
    rows = (withdrawal_to_wire(info, asker.listings) for info in _wanted(answer, request))
    return tuple(row for row in rows if request.state in (None, row.state))


def withdrawal_from_wire(request: WithdrawalRequest, asker: Asker) -> AskWithdrawal:
    """Return a withdrawal; the fee is part of its amount.

    Raises:
        DecodeError: The amount is none, or it does not go to an address.
    """
    if request.dest != ON_CHAIN:
        raise errors.invalid("dest", "it is 4, an address: other accounts are a person's")
    atoms = to_atoms(number_of(request.amt, "amt"))
    if atoms <= 0:
        raise errors.invalid("amt", "it has to be positive")
    return AskWithdrawal(
        asker.account_id,
        request.ccy,
        atoms,
        0,
        request.clientId or "",
        request.toAddr,
        network_of(request.ccy, request.chain),
    )


def _asked(answer: Any, request: WithdrawalRequest, asker: Asker) -> tuple[WithdrawalAsked, ...]:
    info = answered(answer, TransferInfo)
    name = asker.listings.asset(info.asset_id)
    return (
        WithdrawalAsked(
            ccy=name,
            chain=chain_of(name, info.network),
            amt=request.amt,
            wdId=str(info.transfer_id),
            clientId=info.client_withdrawal_id,
        ),
    )


def _cancel(request: CancelWithdrawalRequest, asker: Asker) -> CancelWithdrawal:
    return CancelWithdrawal(asker.account_id, id_number(request.wdId) or 0)


def _canceled(
    answer: Any, request: CancelWithdrawalRequest, _asker: Asker
) -> tuple[WithdrawalCanceled, ...]:
    answered(answer, TransferInfo)
    return (WithdrawalCanceled(wdId=request.wdId),)


def _no_transfer(_request: TransferRequest, _asker: Asker) -> None:
    raise errors.refused(
        errors.UNAVAILABLE_HERE,
        "there is one account: what is deposited can be traded, and withdrawn, as it is",
        RejectReason.UNSUPPORTED,
    )


def _never(_answer: Any, _request: Any, _asker: Asker) -> tuple[()]:
    raise AssertionError("a request that is refused has no answer")


# -- routes -------------------------------------------------------------------------------------

ENDPOINTS = (
    signed(
        "GET",
        "asset/currencies",
        CurrenciesRequest,
        Currency,
        _wallet_query,
        _currencies,
        "Currencies and their networks",
    ),
    signed(
        "GET",
        "asset/balances",
        CurrenciesRequest,
        AssetBalance,
        account_query,
        _balances,
        "The one account, as the funding account",
    ),
    signed(
        "GET",
        "asset/deposit-address",
        CurrencyRequest,
        DepositAddress,
        _address_query,
        _addresses,
        "A pretended address for deposits",
    ),
    signed(
        "GET",
        "asset/deposit-history",
        TransfersRequest,
        Deposit,
        _deposits_query,
        _deposits,
        "Deposits",
    ),
    signed(
        "GET",
        "asset/withdrawal-history",
        TransfersRequest,
        Withdrawal,
        _withdrawals_query,
        _withdrawals,
        "Withdrawals",
    ),
    signed(
        "POST",
        "asset/withdrawal",
        WithdrawalRequest,
        WithdrawalAsked,
        withdrawal_from_wire,
        _asked,
        "Ask for a withdrawal, which waits for a mail",
        scope=Scope.WITHDRAW,
    ),
    signed(
        "POST",
        "asset/cancel-withdrawal",
        CancelWithdrawalRequest,
        WithdrawalCanceled,
        _cancel,
        _canceled,
        "Cancel a withdrawal that has not left",
        scope=Scope.WITHDRAW,
    ),
    signed(
        "POST",
        "asset/transfer",
        TransferRequest,
        Nothing,
        _no_transfer,
        _never,
        "Refused: there is one account",
        scope=Scope.TRADE,
    ),
)
