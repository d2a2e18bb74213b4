"""Wire messages of accounts, fees and portfolios, in the venue's own field names."""

from msgspec import Raw, Struct


class Amount(Struct, frozen=True):
    """So much of a currency."""

    value: str
    currency: str


class AccountsRequest(Struct, frozen=True, kw_only=True):
    """A list of accounts."""

    limit: int | None = None
    cursor: str | None = None
    retail_portfolio_id: str | None = None


class AccountRequest(Struct, frozen=True):
    """One account."""

    account_uuid: str


class Account(Struct, frozen=True, kw_only=True):
    """One currency of an account of ours."""

    uuid: str
    name: str = ""
    currency: str
    available_balance: Amount
    default: bool = True
    active: bool = True
    created_at: str | None = None
    updated_at: str | None = None
    deleted_at: str | None = None
    type: str = "ACCOUNT_TYPE_CRYPTO"
    ready: bool = True
    hold: Amount | None = None
    retail_portfolio_id: str = ""
    platform: str = "ACCOUNT_PLATFORM_CONSUMER"


class Accounts(Struct, frozen=True, kw_only=True):
    """A list of accounts."""

    accounts: tuple[Account, ...]
    has_next: bool = False
    cursor: str = ""
    size: int = 0


class OneAccount(Struct, frozen=True):
    """An account, when one was asked for."""

    account: Account


class KeyPermissions(Struct, frozen=True, kw_only=True):
    """What a key may do."""

    can_view: bool
    can_trade: bool
    can_transfer: bool
    portfolio_uuid: str = ""
    portfolio_type: str = "DEFAULT"


class SummaryRequest(Struct, frozen=True, kw_only=True):
    """Fees and volumes."""

    product_type: str | None = None
    contract_expiry_type: str | None = None
    product_venue: str | None = None


class FeeTier(Struct, frozen=True, kw_only=True):
    """Rates of fees, as shares."""

    pricing_tier: str = "Advanced 1"
    usd_from: str = "0"
    usd_to: str = ""
    taker_fee_rate: str
    maker_fee_rate: str
    aop_from: str = ""
    aop_to: str = ""


class Summary(Struct, frozen=True, kw_only=True):
    """Fees and volumes of 30 days; those are numbers, and not texts."""

    total_volume: Raw
    total_fees: Raw
    fee_tier: FeeTier
    margin_rate: None = None
    goods_and_services_tax: None = None
    advanced_trade_only_volume: Raw
    advanced_trade_only_fees: Raw
    coinbase_pro_volume: Raw = Raw(b"0")
    coinbase_pro_fees: Raw = Raw(b"0")
    total_balance: str = ""
    has_promo_fee: bool = False


class PortfoliosRequest(Struct, frozen=True):
    """A list of portfolios."""

    portfolio_type: str | None = None


class PortfolioRequest(Struct, frozen=True, kw_only=True):
    """One portfolio."""

    portfolio_uuid: str
    currency: str | None = None


class Portfolio(Struct, frozen=True, kw_only=True):
    """A pocket of a user's."""

    name: str = "Default"
    uuid: str
    type: str = "DEFAULT"
    deleted: bool = False


class Portfolios(Struct, frozen=True):
    """All pockets."""

    portfolios: tuple[Portfolio, ...]


class Position(Struct, frozen=True, kw_only=True):
    """One currency of a portfolio."""

    asset: str
    account_uuid: str
    total_balance_crypto: str
    available_to_trade_crypto: str
    is_cash: bool


class Breakdown(Struct, frozen=True, kw_only=True):
    """What is in a portfolio."""

    portfolio: Portfolio
    spot_positions: tuple[Position, ...]


class OnePortfolio(Struct, frozen=True):
    """What is in a portfolio, when one was asked for."""

    breakdown: Breakdown


class PaymentMethods(Struct, frozen=True):
    """Banks: none."""

    payment_methods: tuple[str, ...] = ()
