"""Messages of deposits, withdrawals and their addresses; see `messages.py`."""

from decimal import Decimal

from msgspec import UNSET, Struct, field

from steelyard.dialects.kraken.messages import Optional

# -- requests -----------------------------------------------------------------------------------


class FundingRequest(Struct, frozen=True, kw_only=True):
    """POST /0/private/DepositMethods, and the lists of deposits, withdrawals and addresses."""

    asset: str | None = None
    method: str | None = None
    start: str | None = None
    end: str | None = None
    limit: int = 500


class WithdrawAddressesRequest(Struct, frozen=True, kw_only=True):
    """POST /0/private/WithdrawAddresses."""

    asset: str | None = None
    method: str | None = None
    key: str | None = None
    verified: bool | None = None


class DepositAddressesRequest(Struct, frozen=True, kw_only=True):
    """POST /0/private/DepositAddresses."""

    asset: str
    method: str
    new: bool = False


class WithdrawInfoRequest(Struct, frozen=True, kw_only=True):
    """POST /0/private/WithdrawInfo."""

    asset: str
    key: str
    amount: Decimal


class WithdrawRequest(Struct, frozen=True, kw_only=True):
    """POST /0/private/Withdraw; key is the address's name in its owner's book."""

    asset: str
    key: str
    amount: Decimal
    address: str | None = None
    max_fee: Decimal | None = None


class WithdrawCancelRequest(Struct, frozen=True, kw_only=True):
    """POST /0/private/WithdrawCancel."""

    asset: str
    refid: str


class WalletTransferRequest(Struct, frozen=True, kw_only=True):
    """POST /0/private/WalletTransfer."""

    asset: str
    amount: Decimal
    from_: str = field(name="from")
    to: str


# -- answers ------------------------------------------------------------------------------------


class DepositMethod(Struct, frozen=True, kw_only=True):
    """One way in; limit is False where there is none."""

    method: str
    limit: bool | str = False
    fee: str | Optional = UNSET
    gen_address: bool = field(default=True, name="gen-address")
    minimum: str


class DepositAddress(Struct, frozen=True, kw_only=True):
    """One address of DepositAddresses."""

    address: str
    expiretm: str = "0"
    new: bool = False


class FundingRecord(Struct, frozen=True, kw_only=True):
    """One deposit or withdrawal of DepositStatus and WithdrawStatus."""

    method: str
    aclass: str = "currency"
    asset: str
    refid: str
    txid: str
    info: str
    amount: str
    fee: str
    time: int
    status: str
    key: str | Optional = UNSET


class WithdrawMethod(Struct, frozen=True, kw_only=True):
    """One way out."""

    asset: str
    method: str
    network: str
    minimum: str


class WithdrawAddress(Struct, frozen=True, kw_only=True):
    """One address of WithdrawAddresses; key is what its owner calls it."""

    address: str
    asset: str
    method: str
    key: str
    verified: bool


class WithdrawInfo(Struct, frozen=True, kw_only=True):
    """WithdrawInfo."""

    method: str
    limit: str
    amount: str
    fee: str


class Withdrawn(Struct, frozen=True, kw_only=True):
    """Withdraw and WalletTransfer."""

    refid: str
