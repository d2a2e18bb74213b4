"""Coins, deposits, withdrawals and what moved in an account, over REST; server end.

The invariant: a key alone moves nothing out. A withdrawal goes to an address of its owner's book
and waits for a mail's code. A client's end has none of this: a strategy moves no money.
"""

from collections.abc import Sequence
from typing import Any

from steelyard.dialects.bybit import errors
from steelyard.dialects.bybit.account_messages import (
    CancelWithdrawalRequest,
    Coin,
    CoinChain,
    CoinRequest,
    Coins,
    Deposit,
    DepositAddress,
    DepositAddressRequest,
    DepositChain,
    Deposits,
    Log,
    LogEntry,
    LogRequest,
    RecordsRequest,
    Status,
    Withdrawal,
    WithdrawalId,
    Withdrawals,
    WithdrawRequest,
)
from steelyard.dialects.bybit.orders import page_of
from steelyard.dialects.bybit.routes import answered, signed, span_of
from steelyard.dialects.bybit.text import DAY_NS, amount_text, fixed, ms_text, symbol_text
from steelyard.domain import transfers
from steelyard.domain.errors import UnitError
from steelyard.domain.messages import Scope
from steelyard.domain.transfers import (
    AskWithdrawal,
    CancelWithdrawal,
    DepositAddressQuery,
    EntryKind,
    StatementLine,
    StatementList,
    StatementQuery,
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
ROWS_DEFAULT = ROWS_MAX = 50
LOG_DEFAULT, LOG_MAX = 20, 50
RECORDS_NS, LOG_NS = 30 * DAY_NS, 7 * DAY_NS
ACCURACY = 8  # decimals
CHAINS = {"bitcoin": "BTC", "ethereum": "ETH", "solana": "SOL", "tron": "TRX"}
NETWORKS = {chain: network for network, chain in CHAINS.items()}
DEPOSIT_STATUSES = {TransferStage.PENDING: 1, TransferStage.DONE: 3, TransferStage.CANCELED: 4}
WITHDRAWAL_STATUSES = {
    TransferStage.AWAITING_MAIL: "SecurityCheck",
    TransferStage.PENDING: "Pending",
    TransferStage.DONE: "success",
    TransferStage.CANCELED: "CancelByUser",
}
LOG_TYPES = {
    EntryKind.TRADE: "TRADE",
    EntryKind.FEE: "TRADE",
    EntryKind.DEPOSIT: "TRANSFER_IN",
    EntryKind.WITHDRAWAL: "TRANSFER_OUT",
    EntryKind.MOVE: "TRANSFER_IN",
}


# -- coins --------------------------------------------------------------------------------------


def _wallet_query(_request: Any, asker: Asker) -> WalletQuery:
    return WalletQuery(asker.account_id)


def _coins(answer: Any, request: CoinRequest, asker: Asker) -> Coins:
    found = answered(answer, Wallet).assets
    if request.coin is not None:
        number = asker.listings.asset_id(request.coin)
        found = tuple(asset for asset in found if asset.asset_id == number)
    return Coins(tuple(_coin(asset, asker.listings.asset(asset.asset_id)) for asset in found))


def _coin(asset: WalletAsset, name: str) -> Coin:
    return Coin(
        name=name,
        coin=name,
        remainAmount=amount_text(asset.free_atoms),
        chains=tuple(map(_chain, asset.networks)),
    )


def chain_text(network: str) -> str:
    """Return the venue's name of a network."""
    return CHAINS.get(network, network.upper())


def _network(chain: str | None) -> str:
    """Return our name of a chain; empty where none is named."""
    return NETWORKS.get(chain or "", (chain or "").lower())


def _chain(network: WalletNetwork) -> CoinChain:
    fee, name = amount_text(network.fee_atoms), chain_text(network.network)
    return CoinChain(
        chain=name,
        chainType=name,
        confirmation="1",
        withdrawFee=fee,
        depositMin=fixed(1, ACCURACY),
        withdrawMin=fee,
        chainDeposit="1",
        chainWithdraw="1",
        minAccuracy=str(ACCURACY),
    )


# -- in -----------------------------------------------------------------------------------------


def _address_query(request: DepositAddressRequest, asker: Asker) -> DepositAddressQuery:
    network = _network(request.chainType) or None
    return DepositAddressQuery(asker.account_id, request.coin, network)


def _address(answer: Any, _request: DepositAddressRequest, _asker: Asker) -> DepositAddress:
    found = answered(answer, transfers.DepositAddress)
    chains = ((chain_text(each.network), each.address) for each in (found, *found.others))
    return DepositAddress(
        found.asset, tuple(DepositChain(name, address, "", name) for name, address in chains)
    )


def _deposits_query(request: RecordsRequest, asker: Asker) -> TransfersQuery:
    return _records_query(request, asker, is_out=False)


def _deposits(answer: Any, request: RecordsRequest, asker: Asker) -> Deposits:
    rows, cursor = _page(answered(answer, TransferList).transfers, request)
    return Deposits(tuple(deposit_to_wire(row, asker) for row in rows), cursor)


def deposit_to_wire(info: TransferInfo, asker: Asker) -> Deposit:
    """Return a deposit."""
    return Deposit(
        coin=asker.listings.asset(info.asset_id),
        chain=chain_text(info.network),
        amount=amount_text(info.amount_atoms),
        txID=str(info.transfer_id),
        status=DEPOSIT_STATUSES[info.stage],
        toAddress=info.address,
        successAt=ms_text(info.changed_ns),
        id=str(info.transfer_id),
    )


# -- out ----------------------------------------------------------------------------------------


def withdrawal_from_wire(request: WithdrawRequest, asker: Asker) -> AskWithdrawal:
    """Return a withdrawal.

    Raises:
        DecodeError: The amount is none, or the address has a tag.
    """
    if request.tag:
        raise errors.invalid("tag", "no network here has tags; leave it out")
    try:
        atoms = to_atoms(parse_decimal(request.amount))
    except UnitError as error:
        raise errors.invalid("amount", str(error)) from error
    if atoms <= 0:
        raise errors.invalid("amount", "it has to be positive")
    return AskWithdrawal(
        asker.account_id,
        request.coin,
        atoms,
        0,
        request.requestId or "",
        request.address,
        _network(request.chain),
    )


def _asked(answer: Any, _request: WithdrawRequest, _asker: Asker) -> WithdrawalId:
    return WithdrawalId(str(answered(answer, TransferInfo).transfer_id))


def _cancel(request: CancelWithdrawalRequest, asker: Asker) -> CancelWithdrawal:
    return CancelWithdrawal(asker.account_id, _number(request.id, "id"))


def _canceled(answer: Any, _request: CancelWithdrawalRequest, _asker: Asker) -> Status:
    answered(answer, TransferInfo)
    return Status(1)


def _withdrawals_query(request: RecordsRequest, asker: Asker) -> TransfersQuery:
    return _records_query(request, asker, is_out=True)


def _withdrawals(answer: Any, request: RecordsRequest, asker: Asker) -> Withdrawals:
    found = answered(answer, TransferList).transfers
    if request.withdrawID is not None:
        number = _number(request.withdrawID, "withdrawID")
        found = tuple(info for info in found if info.transfer_id == number)
    rows, cursor = _page(found, request)
    return Withdrawals(tuple(withdrawal_to_wire(row, asker) for row in rows), cursor)


def withdrawal_to_wire(info: TransferInfo, asker: Asker) -> Withdrawal:
    """Return a withdrawal."""
    fee, is_done = amount_text(info.fee_atoms), info.stage is TransferStage.DONE
    return Withdrawal(
        coin=asker.listings.asset(info.asset_id),
        chain=chain_text(info.network),
        amount=amount_text(-info.amount_atoms - info.fee_atoms),
        txID=str(info.transfer_id) if is_done else "",
        status=WITHDRAWAL_STATUSES[info.stage],
        toAddress=info.address,
        tag="",
        withdrawFee=fee,
        createTime=ms_text(info.opened_ns),
        updateTime=ms_text(info.changed_ns),
        withdrawId=str(info.transfer_id),
        fee=fee,
    )


# -- lists --------------------------------------------------------------------------------------


def _number(text: str, name: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 18):  # noqa: PLR2004
        raise errors.invalid(name, "send the number that was told")
    return int(text)


def _records_query(request: RecordsRequest, asker: Asker, *, is_out: bool) -> TransfersQuery:
    start_ns, end_ns = span_of(request.startTime, request.endTime, RECORDS_NS)
    if request.coin is not None:
        asker.listings.any_asset_id(request.coin)
    return TransfersQuery(
        asker.account_id,
        KEPT_MAX,
        request.coin,
        withdrawals_only=is_out,
        deposits_only=not is_out,
        start_ns=start_ns,
        end_ns=end_ns,
    )


def _page(
    found: Sequence[TransferInfo], request: RecordsRequest
) -> tuple[Sequence[TransferInfo], str]:
    if request.txID is not None:
        found = [info for info in found if str(info.transfer_id) == request.txID]
    return page_of(found, request.limit, request.cursor, ROWS_DEFAULT, ROWS_MAX)


def _log_query(request: LogRequest, asker: Asker) -> StatementQuery:
    start_ns, end_ns = span_of(request.startTime, request.endTime, LOG_NS)
    return StatementQuery(
        asker.account_id, KEPT_MAX, request.currency, start_ns=start_ns, end_ns=end_ns
    )


def _log(answer: Any, request: LogRequest, asker: Asker) -> Log:
    lines = [
        line
        for line in answered(answer, StatementList).lines
        if request.type in (None, LOG_TYPES[line.kind])
        and _is_of(line, request.category, request.baseCoin, asker)
    ]
    rows, cursor = page_of(lines, request.limit, request.cursor, LOG_DEFAULT, LOG_MAX)
    return Log(tuple(line_to_wire(row, asker) for row in rows), cursor)


def _is_of(line: StatementLine, category: str | None, base: str | None, asker: Asker) -> bool:
    if category not in (None, "spot"):
        return False
    if base is None:
        return True
    number = line.instrument_id
    return number is not None and asker.listings[number].base == base


def line_to_wire(line: StatementLine, asker: Asker) -> LogEntry:
    """Return one movement in one coin; a fee is one of its own."""
    number = line.instrument_id
    symbol = "" if number is None else symbol_text(asker.listings[number])
    amount = amount_text(line.amount_atoms)
    is_trade = line.kind is EntryKind.TRADE
    is_fee = line.kind is EntryKind.FEE
    return LogEntry(
        id=str(line.number),
        symbol=symbol,
        category="spot" if symbol else "",
        side=("Buy" if line.amount_atoms > 0 else "Sell") if is_trade else "None",
        transactionTime=ms_text(line.time_ns),
        type=LOG_TYPES[line.kind],
        qty=amount_text(abs(line.amount_atoms)),
        size="0",
        currency=asker.listings.asset(line.asset_id),
        tradePrice="",
        funding="",
        fee=amount_text(-line.amount_atoms) if is_fee else "0",
        cashFlow="0" if is_fee else amount,
        change=amount,
        cashBalance=amount_text(line.balance_atoms),
        feeRate="",
        bonusChange="",
        tradeId=str(line.trade_id) if line.trade_id else "",
        orderId=str(line.order_id) if line.order_id else "",
        orderLinkId="",
    )


# -- routes -------------------------------------------------------------------------------------

ENDPOINTS = (
    signed(
        "GET",
        "/v5/asset/coin/query-info",
        CoinRequest,
        Coins,
        _wallet_query,
        _coins,
        summary="Coins and their networks",
    ),
    signed(
        "GET",
        "/v5/asset/deposit/query-address",
        DepositAddressRequest,
        DepositAddress,
        _address_query,
        _address,
        summary="A pretended address for deposits",
    ),
    signed(
        "GET",
        "/v5/asset/deposit/query-record",
        RecordsRequest,
        Deposits,
        _deposits_query,
        _deposits,
        summary="Deposits",
    ),
    signed(
        "POST",
        "/v5/asset/withdraw/create",
        WithdrawRequest,
        WithdrawalId,
        withdrawal_from_wire,
        _asked,
        scope=Scope.WITHDRAW,
        summary="Ask for a withdrawal, which waits for a mail",
    ),
    signed(
        "POST",
        "/v5/asset/withdraw/cancel",
        CancelWithdrawalRequest,
        Status,
        _cancel,
        _canceled,
        scope=Scope.WITHDRAW,
        summary="Cancel a withdrawal that has not left",
    ),
    signed(
        "GET",
        "/v5/asset/withdraw/query-record",
        RecordsRequest,
        Withdrawals,
        _withdrawals_query,
        _withdrawals,
        summary="Withdrawals",
    ),
    signed(
        "GET",
        "/v5/account/transaction-log",
        LogRequest,
        Log,
        _log_query,
        _log,
        summary="What moved in the account",
    ),
)
