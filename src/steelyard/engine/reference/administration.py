"""What an administrator does: markets, accounts, fees, prices, and the way of money in and out.

Refusals name account 0 where a command names no account.
"""

from itertools import pairwise

from steelyard.domain.commands import (
    FIRST_USER,
    WORLD,
    AssignFees,
    CloseTransfer,
    Deposit,
    MarketStateChanged,
    OpenAccount,
    OpenTransfer,
    SetFeeTier,
    SetFeeToken,
    SetMarketState,
    SetPrice,
    TransferChanged,
    Transferred,
    Withdraw,
)
from steelyard.domain.instrument import NOTIONAL_MAX_ATOMS, Instrument
from steelyard.domain.order import MarketState, RejectReason, TransferState, TriggerBy
from steelyard.domain.units import AMOUNT_MAX_ATOMS, RATE_SCALE
from steelyard.engine.reference import fees, triggers
from steelyard.engine.reference.state import Account, Market, State, Tier, Token, Transfer

TOKEN_RATE_MAX_E8 = 2**60

# -- markets --------------------------------------------------------------------------------


def list_instrument(state: State, instrument: Instrument) -> None:
    """Open a market or change its limits; what holds are made of stays as it is."""
    market = state.markets.get(instrument.instrument_id)
    old = market.instrument if market else instrument
    waiting = [
        order
        for order in state.orders.values()
        if order.instrument_id == instrument.instrument_id
        and (order.is_child or order.order_type.waits)
    ]
    if (
        not instrument.is_sound
        or not old.may_become(instrument)
        or not all(may_trade_anywhere(instrument, order.size_lots) for order in waiting)
    ):
        state.refuse(0, 0, RejectReason.UNSUPPORTED)
    elif market:
        market.instrument = instrument
    else:
        state.markets[instrument.instrument_id] = Market(instrument)


def may_trade_anywhere(instrument: Instrument, size_lots: int) -> bool:
    """Return whether an order of this size stays in the range of the books at any price."""
    notional = instrument.notional_atoms(instrument.price_max_ticks, size_lots)
    return max(notional, size_lots * instrument.lot_atoms) <= NOTIONAL_MAX_ATOMS


def set_state(state: State, command: SetMarketState) -> None:
    """Open or restrict a market; when it opens, its orders hear what was told meanwhile."""
    market = state.markets.get(command.instrument_id)
    if market is None:
        state.refuse(0, 0, RejectReason.UNKNOWN_INSTRUMENT)
        return
    was_open = market.state is MarketState.OPEN
    market.state = command.state
    state.effects.append(MarketStateChanged(command.instrument_id, command.state))
    if not was_open:
        for trigger_by in (TriggerBy.MARK, TriggerBy.INDEX):
            triggers.tell(state, market, trigger_by, market.prices[trigger_by])


def set_price(state: State, command: SetPrice) -> None:
    """Set the mark or index price of a market."""
    market = state.markets.get(command.instrument_id)
    if command.trigger_by is TriggerBy.LAST:
        state.refuse(0, 0, RejectReason.UNSUPPORTED)
    elif market is None:
        state.refuse(0, 0, RejectReason.UNKNOWN_INSTRUMENT)
    elif not 1 <= command.price_ticks <= market.instrument.price_max_ticks:
        state.refuse(0, 0, RejectReason.PRICE_OUT_OF_RANGE)
    else:
        triggers.tell(state, market, command.trigger_by, command.price_ticks)


# -- accounts and fees ----------------------------------------------------------------------


def open_account(state: State, command: OpenAccount) -> None:
    """Make an account, or change its own rates."""
    if not fees.is_rates(command.maker_rate_e8, command.taker_rate_e8):
        state.refuse(command.account_id, 0, RejectReason.UNSUPPORTED)
    elif command.account_id < FIRST_USER:
        state.refuse(command.account_id, 0, RejectReason.UNKNOWN_ACCOUNT)
    else:
        account = state.accounts.setdefault(command.account_id, Account(0, 0))
        account.maker_rate_e8 = command.maker_rate_e8
        account.taker_rate_e8 = command.taker_rate_e8


def assign_fees(state: State, command: AssignFees) -> None:
    """Let a schedule decide an account's rates, or none: then its volumes are forgotten."""
    account = state.accounts.get(command.account_id)
    if command.schedule_id and command.schedule_id not in state.schedules:
        state.refuse(command.account_id, 0, RejectReason.UNSUPPORTED)
    elif account is None:
        state.refuse(command.account_id, 0, RejectReason.UNKNOWN_ACCOUNT)
    else:
        account.schedule_id = command.schedule_id
        if not command.schedule_id:
            account.volumes.clear()


def set_fee_tier(state: State, command: SetFeeTier) -> None:
    """Write one tier of a schedule, or add the next one."""
    tiers = list(state.schedules.get(command.schedule_id, ()))
    tier = Tier(command.volume_micros, command.maker_rate_e8, command.taker_rate_e8)
    tiers[command.tier : command.tier + 1] = [tier]
    volumes = [each.volume_micros for each in tiers]
    if (
        not command.schedule_id
        or command.tier >= min(len(tiers), fees.TIERS_MAX)
        or not fees.is_rates(command.maker_rate_e8, command.taker_rate_e8)
        or volumes[0] != 0
        or any(low >= high for low, high in pairwise(volumes))
    ):
        state.refuse(0, 0, RejectReason.UNSUPPORTED)
    else:
        state.schedules[command.schedule_id] = tiers


def set_fee_token(state: State, command: SetFeeToken) -> None:
    """Say what a fee in a quote asset costs in the venue's token; a rate of 0 takes it away."""
    if (
        not 0 <= command.rate_e8 <= TOKEN_RATE_MAX_E8
        or not 0 <= command.discount_e8 <= RATE_SCALE
        or command.token_asset_id == command.quote_asset_id
    ):
        state.refuse(0, 0, RejectReason.UNSUPPORTED)
    elif command.rate_e8:
        token = Token(command.token_asset_id, command.rate_e8, command.discount_e8)
        state.tokens[command.quote_asset_id] = token
    else:
        state.tokens.pop(command.quote_asset_id, None)


# -- money in and out -----------------------------------------------------------------------


def deposit(state: State, command: Deposit) -> None:
    """Credit an account at once."""
    if reason := _refusal_of_deposit(
        state, command.account_id, command.asset_id, command.amount_atoms
    ):
        state.refuse(command.account_id, 0, reason)
    else:
        _book(state, command.account_id, command.asset_id, command.amount_atoms)


def withdraw(state: State, command: Withdraw) -> None:
    """Debit an account at once."""
    if reason := _refusal_of_withdrawal(
        state, command.account_id, command.asset_id, command.amount_atoms
    ):
        state.refuse(command.account_id, 0, reason)
    else:
        _book(state, command.account_id, command.asset_id, -command.amount_atoms)


def open_transfer(state: State, command: OpenTransfer) -> None:
    """Announce a deposit, or hold the amount of a withdrawal."""
    transfer = Transfer(command.account_id, command.asset_id, command.amount_atoms)
    if command.amount_atoms < 0:
        reason = _refusal_of_withdrawal(state, *transfer[:2], -command.amount_atoms)
    else:
        reason = _refusal_of_deposit(state, *transfer)
    if reason:
        state.refuse(command.account_id, 0, reason)
        return
    transfer_id = state.next_transfer_id
    state.next_transfer_id += 1
    state.transfers[transfer_id] = transfer
    if command.amount_atoms < 0:
        state.ledger.hold(*transfer[:2], -command.amount_atoms)
    _tell_transfer(state, transfer_id, transfer, TransferState.PENDING)


def close_transfer(state: State, command: CloseTransfer) -> None:
    """Carry a transfer out, or cancel it; a deposit beyond the range of the books stays pending."""
    transfer = state.transfers.get(command.transfer_id)
    if transfer is None:
        state.refuse(0, 0, RejectReason.UNKNOWN_TRANSFER)
        return
    is_deposit = transfer.amount_atoms > 0
    if command.done and is_deposit and _refusal_of_deposit(state, *transfer):
        state.refuse(transfer.account_id, 0, RejectReason.AMOUNT_TOO_LARGE)
        return
    del state.transfers[command.transfer_id]
    if not is_deposit:
        state.ledger.release(*transfer[:2], -transfer.amount_atoms)
    if command.done:
        _book(state, *transfer)
    told = TransferState.DONE if command.done else TransferState.CANCELED
    _tell_transfer(state, command.transfer_id, transfer, told)


def _refusal_of_deposit(
    state: State, account_id: int, asset_id: int, amount_atoms: int
) -> RejectReason | None:
    inside = -state.ledger.free_atoms(WORLD, asset_id)
    if account_id not in state.accounts:
        return RejectReason.UNKNOWN_ACCOUNT
    if amount_atoms <= 0:
        return RejectReason.SIZE_TOO_SMALL
    if inside + amount_atoms > AMOUNT_MAX_ATOMS:
        return RejectReason.AMOUNT_TOO_LARGE
    return None


def _refusal_of_withdrawal(
    state: State, account_id: int, asset_id: int, amount_atoms: int
) -> RejectReason | None:
    if account_id not in state.accounts:
        return RejectReason.UNKNOWN_ACCOUNT
    if amount_atoms <= 0:
        return RejectReason.SIZE_TOO_SMALL
    if amount_atoms > state.ledger.free_atoms(account_id, asset_id):
        return RejectReason.INSUFFICIENT_BALANCE
    return None


def _book(state: State, account_id: int, asset_id: int, amount_atoms: int) -> None:
    payer, payee = (WORLD, account_id) if amount_atoms > 0 else (account_id, WORLD)
    state.ledger.move(asset_id, payer, payee, abs(amount_atoms))
    state.effects.append(Transferred(account_id, asset_id, amount_atoms))


def _tell_transfer(state: State, transfer_id: int, transfer: Transfer, told: TransferState) -> None:
    state.effects.append(TransferChanged(transfer_id, *transfer, told))
