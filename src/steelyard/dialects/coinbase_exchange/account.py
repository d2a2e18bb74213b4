"""Accounts, ledgers, holds, fees and profiles, both ways.

What the venue calls an account is one currency of a profile; each account of ours is one profile.
The invariant: balance is available and hold together.
"""

from collections.abc import Iterable
from typing import Any

from steelyard.dialects.coinbase_exchange import errors, orders, paging
from steelyard.dialects.coinbase_exchange.account_messages import (
    Account,
    AccountPartRequest,
    AccountRequest,
    ExchangeLimits,
    Fees,
    Hold,
    LedgerDetails,
    LedgerEntry,
    Profile,
    ProfileRequest,
    ProfilesRequest,
    UserRequest,
    Verified,
)
from steelyard.dialects.coinbase_exchange.messages import Nothing
from steelyard.dialects.coinbase_exchange.routes import answered, check_profile, nothing, signed
from steelyard.dialects.coinbase_exchange.text import MONEY_DECIMALS
from steelyard.domain.instrument import Listings
from steelyard.domain.lifecycle import Order
from steelyard.domain.messages import (
    MINUTE_NS,
    AccountAnswer,
    AccountQuery,
    AssetBalance,
    FillList,
    FillsQuery,
    KeyAnswer,
    KeyQuery,
    OrderList,
    OrdersQuery,
)
from steelyard.domain.order import OrderType, RejectReason, Side
from steelyard.domain.transfers import EntryKind, StatementLine, StatementList, StatementQuery
from steelyard.domain.units import fee_atoms
from steelyard.wire.dialect import Asker
from steelyard.wire.moments import iso
from steelyard.wire.numerals import amount_text, padded, rate_text, read_amount, read_rate
from steelyard.wire.uuids import (
    Id,
    account_uuid,
    asset_of,
    order_uuid,
    profile_uuid,
    user_id,
    uuid_of,
)

DEFAULT_NAME = "default"
DAY_NS = 24 * 60 * MINUTE_NS
VOLUME_DAYS = 30
USD = frozenset({"USD", "USDT", "USDC"})  # what counts as dollars in a volume
KINDS = {
    EntryKind.TRADE: "match",
    EntryKind.FEE: "fee",
    EntryKind.DEPOSIT: "transfer",
    EntryKind.WITHDRAWAL: "transfer",
    EntryKind.MOVE: "transfer",
}


# -- balances -----------------------------------------------------------------------------------


def account_to_wire(account_id: int, balance: AssetBalance, currency: str) -> Account:
    """Return one currency of an account of ours."""
    total = balance.free_atoms + balance.held_atoms
    return Account(
        id=account_uuid(account_id, balance.asset_id),
        currency=currency,
        balance=padded(amount_text(total), MONEY_DECIMALS),
        hold=padded(amount_text(balance.held_atoms), MONEY_DECIMALS),
        available=amount_text(balance.free_atoms),
        profile_id=profile_uuid(account_id),
        display_name=currency,
    )


def account_from_wire(accounts: Iterable[Account], listings: Listings) -> AccountAnswer:
    """Return an account's balances; its rates are in another answer, and 0 here.

    What no product here uses is left out.
    """
    ids = {name: asset_id for asset_id, name in listings.assets().items()}
    balances = tuple(
        AssetBalance(ids[a.currency], read_amount(a.available), read_amount(a.hold))
        for a in accounts
        if a.currency in ids and read_amount(a.balance)
    )
    return AccountAnswer(0, tuple(sorted(balances, key=lambda b: b.asset_id)), 0, 0, 0)


def _accounts_query(_request: Any, asker: Asker) -> AccountQuery:
    return AccountQuery(asker.account_id)


def _accounts(answer: Any, _request: Nothing, asker: Asker) -> tuple[Account, ...]:
    held = {b.asset_id: b for b in answered(answer, AccountAnswer).balances}
    return tuple(
        account_to_wire(asker.account_id, held.get(asset_id, AssetBalance(asset_id, 0, 0)), name)
        for asset_id, name in asker.listings.assets().items()
    )


def _account(answer: Any, request: AccountRequest, asker: Asker) -> Account:
    asset_id = asset_named(request.account_id, asker)
    held = {b.asset_id: b for b in answered(answer, AccountAnswer).balances}
    balance = held.get(asset_id, AssetBalance(asset_id, 0, 0))
    return account_to_wire(asker.account_id, balance, asker.listings.asset(asset_id))


def asset_named(account: str, asker: Asker) -> int:
    """Return the asset that an account's id is of.

    Raises:
        SessionRefused: There is no such account in this profile.
    """
    found = asset_of(asker.account_id, account)
    if found is None or found not in asker.listings.assets():
        raise errors.refused(
            errors.NOT_FOUND,
            "there is no such account in this profile; `GET /accounts` lists them",
            RejectReason.UNKNOWN_ACCOUNT,
            "account_id",
        )
    return found


# -- ledger and holds ---------------------------------------------------------------------------


def _ledger_query(request: AccountPartRequest, asker: Asker) -> StatementQuery:
    check_profile(request.profile_id, asker)
    return StatementQuery(
        asker.account_id,
        paging.limit_of(request.limit, 100),
        asker.listings.asset(asset_named(request.account_id, asker)),
        orders.moment(request.start_date, "start_date"),
        orders.moment(request.end_date, "end_date"),
        **paging.places_of(request.before, request.after),
    )


def _ledger(answer: Any, _request: AccountPartRequest, asker: Asker) -> Any:
    found = answered(answer, StatementList)
    lines = found.lines[::-1]
    rows = [entry_to_wire(line, asker.listings) for line in lines]
    return paging.page(rows, [line.number for line in lines], found.around)


def entry_to_wire(line: StatementLine, listings: Listings) -> LedgerEntry:
    """Return one movement in an account."""
    details = LedgerDetails()
    if line.instrument_id is not None:
        details = LedgerDetails(
            order_id=order_uuid(line.order_id),
            trade_id=str(line.trade_id),
            product_id=listings[line.instrument_id].symbol,
        )
    elif line.transfer_id:
        details = LedgerDetails(
            transfer_id=uuid_of(Id.TRANSFER, line.transfer_id),
            transfer_type="deposit" if line.amount_atoms > 0 else "withdraw",
        )
    is_rebate = line.kind is EntryKind.FEE and line.amount_atoms > 0
    return LedgerEntry(
        id=str(line.number),
        amount=padded(amount_text(line.amount_atoms), MONEY_DECIMALS),
        balance=padded(amount_text(line.balance_atoms), MONEY_DECIMALS),
        created_at=iso(line.time_ns),
        type="rebate" if is_rebate else KINDS[line.kind],
        details=details,
    )


def _holds_query(request: AccountPartRequest, asker: Asker) -> OrdersQuery:
    check_profile(request.profile_id, asker)
    asset_named(request.account_id, asker)
    return OrdersQuery(asker.account_id, orders.KEPT_MAX, open_only=True)


def _holds(answer: Any, request: AccountPartRequest, asker: Asker) -> Any:
    asset_id = asset_named(request.account_id, asker)
    rates = answered(asker.ask(AccountQuery(asker.account_id)), AccountAnswer)
    rate_e8 = max(rates.maker_rate_e8, rates.taker_rate_e8, 0)
    found = [
        (order, atoms)
        for order in answered(answer, OrderList).orders[::-1]
        if (atoms := held_atoms(order, asset_id, rate_e8, asker.listings))
    ]
    numbers = [order.order_id for order, _ in found]
    part, around = orders.part_of(found, numbers, request.before, request.after, request.limit)
    rows = [
        Hold(
            id=uuid_of(Id.LEDGER, order.order_id),
            account_id=request.account_id,
            created_at=iso(order.created_ns),
            updated_at=iso(order.updated_ns),
            amount=padded(amount_text(atoms), MONEY_DECIMALS),
            type="order",
            ref=order_uuid(order.order_id),
        )
        for order, atoms in part
    ]
    return paging.page(rows, [order.order_id for order, _ in part], around)


def held_atoms(order: Order, asset_id: int, rate_e8: int, listings: Listings) -> int:
    """Return what an open order of its own holds of an asset: of the quote with the fee."""
    instrument = listings[order.instrument_id]
    if order.side is Side.SELL:
        is_base = instrument.base_asset_id == asset_id
        return order.remaining_lots * instrument.lot_atoms if is_base else 0
    if instrument.quote_asset_id != asset_id or order.order_type is OrderType.MARKET:
        return 0
    atoms = instrument.notional_atoms(order.price_ticks or 0, order.remaining_lots)
    return atoms + fee_atoms(atoms, rate_e8)


# -- fees, profiles, users ----------------------------------------------------------------------


def _fees(answer: Any, _request: Nothing, asker: Asker) -> Fees:
    account = answered(answer, AccountAnswer)
    query = FillsQuery(
        asker.account_id, orders.KEPT_MAX, start_ns=asker.sandbox_ns - VOLUME_DAYS * DAY_NS
    )
    fills = answered(asker.ask(query), FillList).fills
    in_usd = (f.quote_atoms for f in fills if asker.listings[f.instrument_id].quote in USD)
    return Fees(
        taker_fee_rate=rate_text(account.taker_rate_e8),
        maker_fee_rate=rate_text(account.maker_rate_e8),
        usd_volume=padded(amount_text(sum(in_usd)), 2),
    )


def fees_from_wire(wire: Fees) -> tuple[int, int]:
    """Return maker and taker rate, times 1e8."""
    return read_rate(wire.maker_fee_rate), read_rate(wire.taker_fee_rate)


def _profile(asker: Asker) -> Profile:
    key = asker.ask(KeyQuery(asker.key))
    assert isinstance(key, KeyAnswer), "a KeyQuery is answered by a key"
    return Profile(
        id=profile_uuid(asker.account_id),
        user_id=user_id(asker.account_id),
        name=DEFAULT_NAME,
        created_at=iso(key.created_ns),
    )


def _profiles(_answer: None, request: ProfilesRequest, asker: Asker) -> tuple[Profile, ...]:
    return () if request.active is False else (_profile(asker),)


def _one_profile(_answer: None, request: ProfileRequest, asker: Asker) -> Profile:
    check_profile(request.profile_id, asker)
    return _profile(asker)


def _limits(_answer: None, request: UserRequest, asker: Asker) -> ExchangeLimits:
    if request.user_id != user_id(asker.account_id):
        raise errors.refused(
            errors.NOT_FOUND,
            f"your user's id is {user_id(asker.account_id)}",
            RejectReason.UNKNOWN_ACCOUNT,
        )
    return ExchangeLimits()


def _verified(_answer: None, _request: Nothing, asker: Asker) -> Verified:
    return Verified(user_id(asker.account_id))


# -- routes -------------------------------------------------------------------------------------

ACCOUNTS = signed(
    "GET",
    "/accounts",
    Nothing,
    tuple[Account, ...],
    _accounts_query,
    _accounts,
    summary="What there is of each currency",
)
FEES = signed("GET", "/fees", Nothing, Fees, _accounts_query, _fees, summary="Rates of fees")
ENDPOINTS = (
    ACCOUNTS,
    ACCOUNTS._replace(path="/accounts/", summary="The same, as older clients ask for it"),
    signed(
        "GET",
        "/accounts/{account_id}",
        AccountRequest,
        Account,
        _accounts_query,
        _account,
        summary="One currency",
    ),
    signed(
        "GET",
        "/accounts/{account_id}/ledger",
        AccountPartRequest,
        tuple[LedgerEntry, ...],
        _ledger_query,
        _ledger,
        summary="What moved in a currency",
    ),
    signed(
        "GET",
        "/accounts/{account_id}/holds",
        AccountPartRequest,
        tuple[Hold, ...],
        _holds_query,
        _holds,
        summary="What open orders hold of a currency",
    ),
    FEES,
    signed(
        "GET",
        "/profiles",
        ProfilesRequest,
        tuple[Profile, ...],
        nothing,
        _profiles,
        summary="The one profile",
    ),
    signed(
        "GET",
        "/profiles/{profile_id}",
        ProfileRequest,
        Profile,
        nothing,
        _one_profile,
        summary="The one profile",
    ),
    signed(
        "GET",
        "/users/{user_id}/exchange-limits",
        UserRequest,
        ExchangeLimits,
        nothing,
        _limits,
        summary="Limits of transfers: none",
    ),
    signed(
        "GET",
        "/users/self/verify",
        Nothing,
        Verified,
        nothing,
        _verified,
        summary="Who signs; the feed is signed like this",
    ),
)
