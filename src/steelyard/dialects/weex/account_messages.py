"""Messages about an account over REST, in the venue's own field names.

Source: https://www.weex.com/api-doc (V3), read 2026-11.
"""

# ruff: noqa: N815
# The field names are the venue's.

from msgspec import Struct

# -- requests -----------------------------------------------------------------------------------


class BillsRequest(Struct, frozen=True):
    """What has moved, of a coin, within a time, so many of it."""

    coinId: int | None = None
    bizType: str | None = None
    startTime: int | None = None
    endTime: int | None = None
    limit: int | None = None


class TransfersRequest(Struct, frozen=True):
    """Transfers between an account's wallets."""

    coinId: int | None = None
    startTime: int | None = None
    endTime: int | None = None
    limit: int | None = None


# -- answers ------------------------------------------------------------------------------------


class CommissionRates(Struct, frozen=True):
    """Rates of fees as shares."""

    maker: str
    taker: str


class Balance(Struct, frozen=True):
    """How much there is of a coin."""

    asset: str
    free: str
    locked: str


class Account(Struct, frozen=True, kw_only=True):
    """Balances, fees in hundredths of a percent and as shares, and what the key may do."""

    makerCommission: int
    takerCommission: int
    commissionRates: CommissionRates
    canTrade: bool
    canWithdraw: bool
    canDeposit: bool
    permissions: tuple[str, ...]
    balances: tuple[Balance, ...]
    uid: int


class Bill(Struct, frozen=True, kw_only=True):
    """One movement in one coin."""

    billId: str
    coinId: int
    coinName: str
    bizType: str
    fillSize: str
    fillValue: str
    deltaAmount: str
    afterAmount: str
    fees: str
    cTime: str


class Transfer(Struct, frozen=True, kw_only=True):
    """One transfer between an account's wallets."""

    coinName: str
    status: str
    toType: str
    toSymbol: str
    fromType: str
    fromSymbol: str
    amount: str
    tradeTime: str
