"""Withdrawals, transfers and the statement: from the wire next to each to the wire.

The client's end has none of this: a strategy moves no money out.
"""

from typing import Any

from steelyard.dialects.native import messages, requests
from steelyard.dialects.native.cursors import cursors_of, places_of
from steelyard.dialects.native.text import amount_text, from_ms_or_none, to_ms
from steelyard.domain.errors import DecodeError, UnitError
from steelyard.domain.instrument import Listings
from steelyard.domain.transfers import (
    AskWithdrawal,
    CancelWithdrawal,
    StatementLine,
    StatementList,
    StatementQuery,
    TransferInfo,
    TransferList,
    TransfersQuery,
    TransferStage,
)
from steelyard.domain.units import parse_decimal, to_atoms
from steelyard.wire.dialect import Asker

STAGE_NAMES: dict[TransferStage, Any] = {stage: stage.name.lower() for stage in TransferStage}


def withdrawal_from_wire(request: requests.WithdrawRequest, asker: Asker) -> AskWithdrawal:
    """Return a withdrawal.

    Raises:
        DecodeError: The amount is not above zero, or finer than the books.
    """
    try:
        atoms = to_atoms(parse_decimal(request.amount))
    except UnitError as error:
        raise DecodeError(str(error), "amount") from error
    if atoms <= 0:
        raise DecodeError(f'amount must be more than 0; got "{request.amount}"', "amount")
    return AskWithdrawal(
        asker.account_id,
        request.asset,
        atoms,
        request.address_id,
        request.client_withdrawal_id or "",
    )


def cancel_from_wire(request: requests.CancelWithdrawalRequest, asker: Asker) -> CancelWithdrawal:
    """Return what cancels a withdrawal."""
    return CancelWithdrawal(asker.account_id, request.transfer_id)


def withdrawals_query(request: requests.WithdrawalsRequest, asker: Asker) -> TransfersQuery:
    """Return the query for the asker's withdrawals.

    Raises:
        DecodeError: The cursor is of another list.
    """
    return TransfersQuery(**_page_of(request, asker, "withdrawals"), withdrawals_only=True)


def transfers_query(request: requests.TransfersRequest, asker: Asker) -> TransfersQuery:
    """Return the query for the asker's deposits and withdrawals.

    Raises:
        DecodeError: The cursor is of another list.
    """
    return TransfersQuery(**_page_of(request, asker, "transfers"))


def statement_query(request: requests.StatementRequest, asker: Asker) -> StatementQuery:
    """Return the query for the asker's statement.

    Raises:
        DecodeError: The cursor is of another list.
    """
    return StatementQuery(**_page_of(request, asker, "statement"))


def _page_of(
    request: requests.WithdrawalsRequest | requests.TransfersRequest | requests.StatementRequest,
    asker: Asker,
    kind: str,
) -> dict[str, Any]:
    """Return what queries for a part of a list of money have in common."""
    after, before = places_of(request.cursor, kind)
    return {
        "account_id": asker.account_id,
        "limit": request.limit,
        "asset": request.asset,
        "start_ns": from_ms_or_none(request.start),
        "end_ns": from_ms_or_none(request.end),
        "after": after,
        "before": before,
    }


def statement_to_wire(answer: StatementList, _request: Any, asker: Asker) -> messages.Statement:
    """Return a statement."""
    entries = tuple(_entry(line, asker.listings) for line in answer.lines)
    return messages.Statement(entries, *cursors_of(answer.around, "statement"))


def transfers_to_wire(answer: TransferList, _request: Any, asker: Asker) -> messages.TransferList:
    """Return deposits and withdrawals."""
    shown = _transfers(answer, asker.listings)
    return messages.TransferList(shown, *cursors_of(answer.around, "transfers"))


def withdrawals_to_wire(
    answer: TransferList, _request: Any, asker: Asker
) -> messages.WithdrawalList:
    """Return withdrawals."""
    shown = _transfers(answer, asker.listings)
    return messages.WithdrawalList(shown, *cursors_of(answer.around, "withdrawals"))


def transfer_to_wire(answer: TransferInfo, _request: Any, asker: Asker) -> messages.Transfer:
    """Return a transfer."""
    return _transfer(answer, asker.listings)


def _transfers(answer: TransferList, listings: Listings) -> tuple[messages.Transfer, ...]:
    return tuple(_transfer(transfer, listings) for transfer in answer.transfers)


def _entry(line: StatementLine, listings: Listings) -> messages.StatementEntry:
    symbol = None if line.instrument_id is None else listings[line.instrument_id].symbol
    return messages.StatementEntry(
        entry_id=line.number,
        kind=line.kind.value,
        asset=listings.asset(line.asset_id),
        amount=amount_text(line.amount_atoms),
        balance=amount_text(line.balance_atoms),
        symbol=symbol,
        order_id=line.order_id or None,
        trade_id=line.trade_id or None,
        transfer_id=line.transfer_id or None,
        time=to_ms(line.time_ns),
    )


def _transfer(info: TransferInfo, listings: Listings) -> messages.Transfer:
    return messages.Transfer(
        transfer_id=info.transfer_id,
        client_withdrawal_id=info.client_withdrawal_id or None,
        kind="deposit" if info.amount_atoms > 0 else "withdrawal",
        asset=listings.asset(info.asset_id),
        amount=amount_text(abs(info.amount_atoms)),
        fee=amount_text(info.fee_atoms),
        state=STAGE_NAMES[info.stage],
        network=info.network,
        address=info.address,
        label=info.label,
        opened=to_ms(info.opened_ns),
        updated=to_ms(info.changed_ns),
        expires=None if info.expires_ns is None else to_ms(info.expires_ns),
        due=None if info.due_ns is None else to_ms(info.due_ns),
    )
