"""Wire messages of the older API (`/v2`): currencies, wallets, deposits and withdrawals.

Answers stand in `data`; lists have where they go on beside it.
"""

from typing import Any

from msgspec import UNSET, Struct, UnsetType


class Purchase(Struct, frozen=True):
    """There is none, so it has no fields."""


class Money(Struct, frozen=True):
    """So much of a currency."""

    amount: str
    currency: str


class Currency(Struct, frozen=True, kw_only=True):
    """A currency that is money."""

    id: str
    name: str
    min_size: str = "0.01"


class Currencies(Struct, frozen=True):
    """All that are money."""

    data: tuple[Currency, ...]


class Crypto(Struct, frozen=True, kw_only=True):
    """A currency that is none."""

    asset_id: str
    code: str
    name: str
    color: str = "#0052FF"
    sort_index: int = 100
    exponent: int = 8
    type: str = "crypto"
    address_regex: str = ".*"


class Cryptos(Struct, frozen=True):
    """All of those."""

    data: tuple[Crypto, ...]


class RatesRequest(Struct, frozen=True):
    """What a currency is worth."""

    currency: str | None = None


class Rates(Struct, frozen=True):
    """How much of each currency one of this one is."""

    currency: str
    rates: dict[str, str]


class RatesData(Struct, frozen=True):
    """Those, in an answer."""

    data: Rates


class OldTime(Struct, frozen=True):
    """The clock."""

    iso: str
    epoch: int


class OldTimeData(Struct, frozen=True):
    """It, in an answer."""

    data: OldTime


class PageRequest(Struct, frozen=True, kw_only=True):
    """A page of a list."""

    limit: int | None = None
    starting_after: str | None = None
    ending_before: str | None = None
    order: str | None = None


class WalletPageRequest(Struct, frozen=True, kw_only=True):
    """A page of what is in one wallet."""

    account_id: str
    limit: int | None = None
    starting_after: str | None = None
    ending_before: str | None = None
    order: str | None = None


class WalletRequest(Struct, frozen=True):
    """One wallet."""

    account_id: str


class Pagination(Struct, frozen=True, kw_only=True):
    """Where a list goes on; ours are whole."""

    ending_before: str | None = None
    starting_after: str | None = None
    limit: int = 250
    order: str = "desc"
    previous_uri: str | None = None
    next_uri: str | None = None


class CurrencyName(Struct, frozen=True, kw_only=True):
    """A currency, in a wallet."""

    code: str
    name: str
    type: str = "crypto"


class Wallet(Struct, frozen=True, kw_only=True):
    """A wallet: one currency, free and held together."""

    id: str
    name: str
    primary: bool = False
    type: str = "wallet"
    currency: CurrencyName
    balance: Money
    created_at: str
    updated_at: str
    resource: str = "account"
    resource_path: str
    allow_deposits: bool = True
    allow_withdrawals: bool = True


class Wallets(Struct, frozen=True, kw_only=True):
    """A list of wallets."""

    pagination: Pagination
    data: tuple[Wallet, ...]


class OneWallet(Struct, frozen=True):
    """A wallet, when one was asked for."""

    data: Wallet


class PriceRequest(Struct, frozen=True):
    """The price of a market."""

    symbol: str


class Price(Struct, frozen=True, kw_only=True):
    """What one unit of the base costs."""

    amount: str
    base: str
    currency: str


class PriceData(Struct, frozen=True):
    """A price."""

    data: Price


class Purchases(Struct, frozen=True):
    """What was bought or sold outside of the market: nothing."""

    pagination: Pagination
    data: tuple[Purchase, ...] = ()


class SendRequest(Struct, frozen=True, kw_only=True):
    """A withdrawal to an address."""

    account_id: str
    type: str
    to: str
    amount: str
    currency: str
    destination_tag: str | None = None
    network: str | None = None
    idem: str | None = None
    description: str | None = None
    skip_notifications: bool | None = None


class Party(Struct, frozen=True, kw_only=True):
    """Where a transfer goes to, or comes from."""

    resource: str
    address: str | UnsetType = UNSET
    currency: str | UnsetType = UNSET


class NetworkState(Struct, frozen=True, kw_only=True):
    """How far a network is with it."""

    status: str
    name: str = ""
    hash: str | UnsetType = UNSET
    transaction_fee: Money | UnsetType = UNSET


class Transaction(Struct, frozen=True, kw_only=True):
    """A deposit (positive) or a withdrawal (negative)."""

    id: str
    type: str = "send"
    status: str
    amount: Money
    native_amount: Money
    description: str | None = None
    created_at: str
    updated_at: str
    resource: str = "transaction"
    resource_path: str
    network: NetworkState
    to: Party | UnsetType = UNSET
    idem: str | UnsetType = UNSET


class Transactions(Struct, frozen=True, kw_only=True):
    """A list of those."""

    pagination: Pagination
    data: tuple[Transaction, ...]


class OneTransaction(Struct, frozen=True):
    """A transfer that has been asked for."""

    data: Transaction


class NewAddressRequest(Struct, frozen=True, kw_only=True):
    """A new address for deposits."""

    account_id: str
    name: str | None = None
    network: str | None = None


class Address(Struct, frozen=True, kw_only=True):
    """Where deposits come in; here it is pretended."""

    id: str
    address: str
    name: str = "New receive address"
    callback_url: str | None = None
    created_at: str
    updated_at: str
    network: str
    uri_scheme: str = ""
    resource: str = "address"
    resource_path: str
    warnings: tuple[Any, ...] = ()


class OneAddress(Struct, frozen=True):
    """An address, when one was asked for."""

    data: Address


class Addresses(Struct, frozen=True, kw_only=True):
    """A list of addresses."""

    pagination: Pagination
    data: tuple[Address, ...]


class Nobodys(Struct, frozen=True, kw_only=True):
    """A list of what there is not here."""

    pagination: Pagination
    data: tuple[str, ...] = ()
