"""Wire messages of accounts and money over REST, in the venue's own field names.

Source: docs.cdp.coinbase.com/exchange, read 2026-07-21. What the venue calls an account is one
currency of a profile.
"""

from typing import Any

from msgspec import UNSET, Struct, UnsetType


class Account(Struct, frozen=True, kw_only=True):
    """One currency of a profile; balance is available and hold together."""

    id: str
    currency: str
    balance: str
    hold: str
    available: str
    profile_id: str = ""
    trading_enabled: bool = True
    pending_deposit: str = "0"
    display_name: str = ""


class AccountRequest(Struct, frozen=True):
    """One account."""

    account_id: str


class AccountPartRequest(Struct, frozen=True, kw_only=True):
    """A list that belongs to an account; before and after are cursors."""

    account_id: str
    limit: int | None = None
    before: str | None = None
    after: str | None = None
    start_date: str | None = None
    end_date: str | None = None
    profile_id: str | None = None


class AccountTransfersRequest(Struct, frozen=True, kw_only=True):
    """Deposits and withdrawals of a currency; before and after are cursors."""

    account_id: str
    limit: int | None = None
    before: str | None = None
    after: str | None = None
    start_date: str | None = None
    end_date: str | None = None
    profile_id: str | None = None
    type: str | None = None


class LedgerDetails(Struct, frozen=True, kw_only=True):
    """What brought an entry about."""

    order_id: str | UnsetType = UNSET
    trade_id: str | UnsetType = UNSET
    product_id: str | UnsetType = UNSET
    transfer_id: str | UnsetType = UNSET
    transfer_type: str | UnsetType = UNSET


class LedgerEntry(Struct, frozen=True, kw_only=True):
    """One movement in an account; type is match, fee, transfer, conversion or rebate."""

    id: str
    amount: str
    balance: str
    created_at: str
    type: str
    details: LedgerDetails


class Hold(Struct, frozen=True, kw_only=True):
    """What an open order or a transfer holds."""

    id: str
    account_id: str
    created_at: str
    updated_at: str
    amount: str
    type: str
    ref: str


class Fees(Struct, frozen=True, kw_only=True):
    """An account's rates as shares, and its volume of 30 days."""

    taker_fee_rate: str
    maker_fee_rate: str
    usd_volume: str | None = None


class ProfilesRequest(Struct, frozen=True):
    """Profiles; here each account has one."""

    active: bool | None = None


class ProfileRequest(Struct, frozen=True):
    """One profile."""

    profile_id: str


class Profile(Struct, frozen=True, kw_only=True):
    """A pocket of a user's."""

    id: str
    user_id: str
    name: str
    active: bool = True
    is_default: bool = True
    has_margin: bool = False
    created_at: str


class UserRequest(Struct, frozen=True):
    """Something of one user."""

    user_id: str


class ExchangeLimits(Struct, frozen=True):
    """What a user may move; nothing is limited here."""

    limits: dict[str, Any] = {}
    transfer_limits: dict[str, Any] = {}
    limit_currency: str = "USD"


class Verified(Struct, frozen=True):
    """Who has signed; the feed is signed like this route."""

    id: str


# -- money --------------------------------------------------------------------------------------


class TransfersRequest(Struct, frozen=True, kw_only=True):
    """Deposits and withdrawals; before and after are cursors."""

    type: str | None = None
    profile_id: str | None = None
    limit: int | None = None
    before: str | None = None
    after: str | None = None
    currency: str | None = None


class TransferRequest(Struct, frozen=True):
    """One deposit or withdrawal."""

    transfer_id: str


class TransferDetails(Struct, frozen=True, kw_only=True):
    """Where a transfer goes to, or comes from."""

    network: str | UnsetType = UNSET
    crypto_address: str | UnsetType = UNSET
    sent_to_address: str | UnsetType = UNSET
    fee: str | UnsetType = UNSET
    subtotal: str | UnsetType = UNSET
    is_instant_usd: str | UnsetType = UNSET


class Transfer(Struct, frozen=True, kw_only=True):
    """A deposit or withdrawal."""

    id: str
    type: str
    created_at: str
    completed_at: str | None = None
    canceled_at: str | None = None
    processed_at: str | None = None
    account_id: str
    user_id: str
    amount: str
    currency: str
    details: TransferDetails
    user_nonce: str | None = None


class CryptoWithdrawalRequest(Struct, frozen=True, kw_only=True):
    """A withdrawal to an address."""

    amount: str
    currency: str
    crypto_address: str
    destination_tag: str | None = None
    no_destination_tag: bool | None = None
    two_factor_code: str | None = None
    nonce: int | None = None
    network: str | None = None
    profile_id: str | None = None
    add_network_fee_to_total: bool | None = None
    fee: str | None = None


class Withdrawal(Struct, frozen=True, kw_only=True):
    """A withdrawal that has been asked for."""

    id: str
    amount: str
    currency: str
    payout_at: str | None = None
    fee: str = "0"
    subtotal: str = "0"


class FeeEstimateRequest(Struct, frozen=True, kw_only=True):
    """What a withdrawal would cost."""

    currency: str
    crypto_address: str | None = None
    network: str | None = None


class FeeEstimate(Struct, frozen=True):
    """The network's fee."""

    fee: str
    fee_before_subsidy: str = ""


class CoinbaseAccount(Struct, frozen=True, kw_only=True):
    """A wallet outside the exchange: where deposits come from."""

    id: str
    name: str
    balance: str = "0"
    currency: str
    type: str = "wallet"
    primary: bool = False
    active: bool = True
    available_on_consumer: bool = True
    hold_balance: str = "0"
    hold_currency: str = "USD"


class AddressRequest(Struct, frozen=True, kw_only=True):
    """A new address for deposits."""

    account_id: str
    network: str | None = None
    profile_id: str | None = None


class Address(Struct, frozen=True, kw_only=True):
    """Where deposits come in; here it is pretended."""

    id: str
    address: str
    name: str = "New exchange deposit address"
    network: str
    resource: str = "address"
    created_at: str
    updated_at: str
