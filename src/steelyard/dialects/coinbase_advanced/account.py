"""Accounts, key permissions, fees and portfolios, both ways.

What the venue calls an account is one currency of a portfolio; each account of ours is one
portfolio. The invariant: what there is of a currency is `available_balance` and `hold` together.
"""

from typing import Any

from msgspec import Raw

from steelyard.dialects.coinbase_advanced import errors
from steelyard.dialects.coinbase_advanced.account_messages import (
    Account,
    AccountRequest,
    Accounts,
    AccountsRequest,
    Amount,
    Breakdown,
    FeeTier,
    KeyPermissions,
    OneAccount,
    OnePortfolio,
    PaymentMethods,
    Portfolio,
    PortfolioRequest,
    Portfolios,
    PortfoliosRequest,
    Position,
    Summary,
    SummaryRequest,
)
from steelyard.dialects.coinbase_advanced.market import FIAT
from steelyard.dialects.coinbase_advanced.messages import Nothing
from steelyard.dialects.coinbase_advanced.routes import (
    BASE,
    KEPT_MAX,
    answered,
    check_portfolio,
    limit_of,
    nothing,
    part_of,
    signed,
)
from steelyard.domain.instrument import Listings
from steelyard.domain.messages import (
    MINUTE_NS,
    AccountAnswer,
    AccountQuery,
    AssetBalance,
    FillList,
    FillsQuery,
    KeyAnswer,
    KeyQuery,
    Scope,
)
from steelyard.domain.order import RejectReason
from steelyard.wire.dialect import Asker
from steelyard.wire.moments import iso
from steelyard.wire.numerals import amount_text, rate_text, read_amount, read_rate
from steelyard.wire.uuids import account_uuid, asset_of, profile_uuid

ACCOUNTS_DEFAULT, ACCOUNTS_MAX = 49, 250
DAY_NS = 24 * 60 * MINUTE_NS
VOLUME_DAYS = 30
USD = frozenset({"USD", "USDT", "USDC"})  # what counts as dollars in a volume


# -- balances -----------------------------------------------------------------------------------


def account_to_wire(account_id: int, balance: AssetBalance, currency: str, time: str) -> Account:
    """Return one currency of an account of ours."""
    return Account(
        uuid=account_uuid(account_id, balance.asset_id),
        name=f"{currency} Wallet",
        currency=currency,
        available_balance=Amount(amount_text(balance.free_atoms), currency),
        created_at=time,
        updated_at=time,
        type="ACCOUNT_TYPE_FIAT" if currency in FIAT else "ACCOUNT_TYPE_CRYPTO",
        hold=Amount(amount_text(balance.held_atoms), currency),
        retail_portfolio_id=profile_uuid(account_id),
    )


def account_from_wire(wire: Accounts, listings: Listings) -> AccountAnswer:
    """Return an account's balances; its rates are in another answer, and 0 here.

    What no product here uses is left out.

    Raises:
        DecodeError: An amount is none.
    """
    ids = {name: asset_id for asset_id, name in listings.assets().items()}
    found = []
    for each in wire.accounts:
        free = read_amount(each.available_balance.value)
        held = read_amount(each.hold.value) if each.hold is not None else 0
        if each.currency in ids and (free or held):
            found.append(AssetBalance(ids[each.currency], free, held))
    return AccountAnswer(0, tuple(sorted(found, key=lambda b: b.asset_id)), 0, 0, 0)


def _query(_request: Any, asker: Asker) -> AccountQuery:
    return AccountQuery(asker.account_id)


def _listed_query(request: AccountsRequest, asker: Asker) -> AccountQuery:
    check_portfolio(request.retail_portfolio_id, asker)
    return AccountQuery(asker.account_id)


def accounts_of(answer: Any, asker: Asker) -> list[tuple[int, Account]]:
    """Return every currency of an account, those too of which there is nothing."""
    held = {b.asset_id: b for b in answered(answer, AccountAnswer).balances}
    key = asker.ask(KeyQuery(asker.key))
    since = iso(answered(key, KeyAnswer).created_ns)
    return [
        (
            asset_id,
            account_to_wire(
                asker.account_id, held.get(asset_id, AssetBalance(asset_id, 0, 0)), name, since
            ),
        )
        for asset_id, name in asker.listings.assets().items()
    ]


def _accounts(answer: Any, request: AccountsRequest, asker: Asker) -> Accounts:
    found = sorted(accounts_of(answer, asker), reverse=True)
    numbers = [asset_id for asset_id, _ in found]
    most = limit_of(request.limit, ACCOUNTS_DEFAULT, ACCOUNTS_MAX)
    part, cursor = part_of(found, numbers, request.cursor, most)
    rows = tuple(account for _, account in part)
    return Accounts(accounts=rows, has_next=bool(cursor), cursor=cursor, size=len(rows))


def asset_named(account: str, asker: Asker) -> int:
    """Return the asset that an account's id, or the name of its currency, is of.

    Raises:
        SessionRefused: There is no such account.
    """
    assets = asker.listings.assets()
    by_name = next((asset_id for asset_id, name in assets.items() if name == account), None)
    found = asset_of(asker.account_id, account) if by_name is None else by_name
    if found is None or found not in assets:
        raise errors.refused(
            errors.NOT_FOUND,
            "there is no such account of yours; GET /accounts lists them",
            RejectReason.UNKNOWN_ACCOUNT,
            "account_uuid",
        )
    return found


def _account(answer: Any, request: AccountRequest, asker: Asker) -> OneAccount:
    wanted = asset_named(request.account_uuid, asker)
    return OneAccount(dict(accounts_of(answer, asker))[wanted])


# -- what a key may do --------------------------------------------------------------------------


def _key_query(_request: Nothing, asker: Asker) -> KeyQuery:
    return KeyQuery(asker.key)


def _key(answer: Any, _request: Nothing, asker: Asker) -> KeyPermissions:
    scopes = answered(answer, KeyAnswer).scopes
    return KeyPermissions(
        can_view=Scope.READ in scopes,
        can_trade=Scope.TRADE in scopes,
        can_transfer=Scope.WITHDRAW in scopes,
        portfolio_uuid=profile_uuid(asker.account_id),
    )


def key_from_wire(wire: KeyPermissions, key: str) -> KeyAnswer:
    """Return what a key may do; from where and how long, the venue does not say."""
    told = {
        Scope.READ: wire.can_view,
        Scope.TRADE: wire.can_trade,
        Scope.WITHDRAW: wire.can_transfer,
    }
    scopes = frozenset(scope for scope, may in told.items() if may)
    return KeyAnswer(key, 0, scopes, (), 0, None)


# -- fees ---------------------------------------------------------------------------------------


def _summary(answer: Any, _request: SummaryRequest, asker: Asker) -> Summary:
    account = answered(answer, AccountAnswer)
    query = FillsQuery(asker.account_id, KEPT_MAX, start_ns=asker.sandbox_ns - VOLUME_DAYS * DAY_NS)
    fills = [
        fill
        for fill in answered(asker.ask(query), FillList).fills
        if asker.listings[fill.instrument_id].quote in USD
    ]
    volume = Raw(amount_text(sum(fill.quote_atoms for fill in fills)).encode())
    in_quote = (
        fill.fee_atoms
        for fill in fills
        if fill.fee_asset_id == asker.listings[fill.instrument_id].quote_asset_id
    )
    fees = Raw(amount_text(sum(in_quote)).encode())
    return Summary(
        total_volume=volume,
        total_fees=fees,
        fee_tier=FeeTier(
            taker_fee_rate=rate_text(account.taker_rate_e8),
            maker_fee_rate=rate_text(account.maker_rate_e8),
        ),
        advanced_trade_only_volume=volume,
        advanced_trade_only_fees=fees,
    )


def fees_from_wire(wire: FeeTier) -> tuple[int, int]:
    """Return maker and taker rate, times 1e8."""
    return read_rate(wire.maker_fee_rate), read_rate(wire.taker_fee_rate)


# -- portfolios ---------------------------------------------------------------------------------


def _portfolios(_answer: None, request: PortfoliosRequest, asker: Asker) -> Portfolios:
    if request.portfolio_type not in (None, "", "DEFAULT", "UNDEFINED"):
        return Portfolios(())
    return Portfolios((Portfolio(uuid=profile_uuid(asker.account_id)),))


def _portfolio(answer: Any, request: PortfolioRequest, asker: Asker) -> OnePortfolio:
    check_portfolio(request.portfolio_uuid, asker)
    positions = tuple(
        Position(
            asset=asker.listings.asset(balance.asset_id),
            account_uuid=account_uuid(asker.account_id, balance.asset_id),
            total_balance_crypto=amount_text(balance.free_atoms + balance.held_atoms),
            available_to_trade_crypto=amount_text(balance.free_atoms),
            is_cash=asker.listings.asset(balance.asset_id) in FIAT,
        )
        for balance in answered(answer, AccountAnswer).balances
    )
    mine = Portfolio(uuid=profile_uuid(asker.account_id))
    return OnePortfolio(Breakdown(portfolio=mine, spot_positions=positions))


def _no_methods(_answer: None, _request: Nothing, _asker: Asker) -> PaymentMethods:
    return PaymentMethods()


# -- routes -------------------------------------------------------------------------------------

ACCOUNTS = signed(
    "GET",
    f"{BASE}/accounts",
    AccountsRequest,
    Accounts,
    _listed_query,
    _accounts,
    summary="What there is of each currency",
)
KEY = signed(
    "GET",
    f"{BASE}/key_permissions",
    Nothing,
    KeyPermissions,
    _key_query,
    _key,
    summary="What the key may do",
)
ENDPOINTS = (
    ACCOUNTS,
    signed(
        "GET",
        f"{BASE}/accounts/{{account_uuid}}",
        AccountRequest,
        OneAccount,
        _query,
        _account,
        summary="One currency",
    ),
    KEY,
    signed(
        "GET",
        f"{BASE}/transaction_summary",
        SummaryRequest,
        Summary,
        _query,
        _summary,
        summary="Rates of fees, and the volume of 30 days",
    ),
    signed(
        "GET",
        f"{BASE}/portfolios",
        PortfoliosRequest,
        Portfolios,
        nothing,
        _portfolios,
        summary="The one portfolio",
    ),
    signed(
        "GET",
        f"{BASE}/portfolios/{{portfolio_uuid}}",
        PortfolioRequest,
        OnePortfolio,
        _query,
        _portfolio,
        summary="What is in it",
    ),
    signed(
        "GET",
        f"{BASE}/payment_methods",
        Nothing,
        PaymentMethods,
        nothing,
        _no_methods,
        summary="Banks: none",
    ),
)
