"""Every REST message of the Kraken spot API, in the venue's own field names.

The invariant: one struct serves both ends. What the server always sends and the client needs has
no default; what older answers lack, or what appears in some cases only, has one. Unknown fields are
ignored. Amounts are texts, times JSON numbers (`Raw`, so that no digit is lost).

An answer is an `Envelope`: what was asked for, or in `error` why not.
"""

from decimal import Decimal
from typing import Generic, TypeVar

from msgspec import UNSET, Raw, Struct, UnsetType, field

Optional = UnsetType  # a field that is left out
T = TypeVar("T")


class Envelope(Struct, Generic[T], frozen=True, kw_only=True):
    """What every answer is; `help` is ours, and says how to mend what is wrong."""

    error: tuple[str, ...] = ()
    result: T | Optional = UNSET
    help: str | Optional = UNSET


# -- requests: market data ----------------------------------------------------------------------


class Nothing(Struct, frozen=True, kw_only=True):
    """A request without parameters."""


class AssetsRequest(Struct, frozen=True, kw_only=True):
    """GET /0/public/Assets."""

    asset: str | None = None
    aclass: str | None = None


class AssetPairsRequest(Struct, frozen=True, kw_only=True):
    """GET /0/public/AssetPairs."""

    pair: str | None = None
    info: str | None = None


class TickerRequest(Struct, frozen=True, kw_only=True):
    """GET /0/public/Ticker."""

    pair: str | None = None


class DepthRequest(Struct, frozen=True, kw_only=True):
    """GET /0/public/Depth."""

    pair: str
    count: int = 100


class TradesRequest(Struct, frozen=True, kw_only=True):
    """GET /0/public/Trades; since is in ns or s, exclusive."""

    pair: str
    since: str | None = None
    count: int = 1_000


class OhlcRequest(Struct, frozen=True, kw_only=True):
    """GET /0/public/OHLC; interval in minutes."""

    pair: str
    interval: int = 1
    since: int | None = None


class SpreadRequest(Struct, frozen=True, kw_only=True):
    """GET /0/public/Spread."""

    pair: str
    since: int | None = None


# -- requests: trading --------------------------------------------------------------------------


class BatchedOrder(Struct, frozen=True, kw_only=True):
    """One order of POST /0/private/AddOrderBatch."""

    type: str
    ordertype: str
    volume: Decimal
    displayvol: Decimal | None = None
    price: str | None = None
    price2: str | None = None
    trigger: str | None = None
    leverage: str | None = None
    reduce_only: bool = False
    stptype: str | None = None
    stp_type: str | None = None  # as one client calls it
    oflags: str | None = None
    timeinforce: str | None = None
    starttm: str | None = None
    expiretm: str | None = None
    close_ordertype: str | None = field(default=None, name="close[ordertype]")
    close_price: str | None = field(default=None, name="close[price]")
    close_price2: str | None = field(default=None, name="close[price2]")
    userref: int | None = None
    cl_ord_id: str | None = None


class AddOrderRequest(BatchedOrder, frozen=True, kw_only=True):
    """POST /0/private/AddOrder."""

    pair: str
    deadline: str | None = None
    validate: bool = False


class AddOrderBatchRequest(Struct, frozen=True, kw_only=True):
    """POST /0/private/AddOrderBatch."""

    pair: str
    orders: tuple[BatchedOrder, ...]
    deadline: str | None = None
    validate: bool = False


class AmendOrderRequest(Struct, frozen=True, kw_only=True):
    """POST /0/private/AmendOrder."""

    txid: str | None = None
    cl_ord_id: str | None = None
    order_qty: Decimal | None = None
    display_qty: Decimal | None = None
    limit_price: str | None = None
    trigger_price: str | None = None
    pair: str | None = None
    post_only: bool = False
    deadline: str | None = None


class EditOrderRequest(Struct, frozen=True, kw_only=True):
    """POST /0/private/EditOrder."""

    txid: str
    pair: str
    volume: Decimal | None = None
    displayvol: Decimal | None = None
    price: str | None = None
    price2: str | None = None
    oflags: str | None = None
    deadline: str | None = None
    cancel_response: bool = False
    validate: bool = False
    userref: int | None = None


class CancelOrderRequest(Struct, frozen=True, kw_only=True):
    """POST /0/private/CancelOrder; txid may be a userref."""

    txid: str | None = None
    cl_ord_id: str | None = None


class CancelOrderBatchRequest(Struct, frozen=True, kw_only=True):
    """POST /0/private/CancelOrderBatch."""

    orders: tuple[str, ...] = ()
    cl_ord_ids: tuple[str, ...] = ()


class CancelAfterRequest(Struct, frozen=True, kw_only=True):
    """POST /0/private/CancelAllOrdersAfter; in seconds, 0 disarms."""

    timeout: int


# -- requests: what is and was ------------------------------------------------------------------


class OpenOrdersRequest(Struct, frozen=True, kw_only=True):
    """POST /0/private/OpenOrders."""

    trades: bool = False
    userref: int | None = None
    cl_ord_id: str | None = None


class ClosedOrdersRequest(Struct, frozen=True, kw_only=True):
    """POST /0/private/ClosedOrders; start and end are times in seconds or ids of orders."""

    trades: bool = False
    userref: int | None = None
    cl_ord_id: str | None = None
    start: str | None = None
    end: str | None = None
    ofs: int = 0
    closetime: str = "both"
    without_count: bool = False


class QueryOrdersRequest(Struct, frozen=True, kw_only=True):
    """POST /0/private/QueryOrders; txid is one or several, with commas."""

    txid: str
    trades: bool = False
    userref: int | None = None


class OrderAmendsRequest(Struct, frozen=True, kw_only=True):
    """POST /0/private/OrderAmends."""

    order_id: str


class TradesHistoryRequest(Struct, frozen=True, kw_only=True):
    """POST /0/private/TradesHistory; start and end are times in seconds or ids of trades."""

    type: str = "all"
    trades: bool = False
    start: str | None = None
    end: str | None = None
    ofs: int = 0
    without_count: bool = False


class QueryTradesRequest(Struct, frozen=True, kw_only=True):
    """POST /0/private/QueryTrades."""

    txid: str
    trades: bool = False


class LedgersRequest(Struct, frozen=True, kw_only=True):
    """POST /0/private/Ledgers; start and end are times in seconds or ids of movements."""

    asset: str = "all"
    type: str = "all"
    start: str | None = None
    end: str | None = None
    ofs: int = 0
    without_count: bool = False


class QueryLedgersRequest(Struct, frozen=True, kw_only=True):
    """POST /0/private/QueryLedgers."""

    id: str


class TradeBalanceRequest(Struct, frozen=True, kw_only=True):
    """POST /0/private/TradeBalance."""

    asset: str = "ZUSD"


class TradeVolumeRequest(Struct, frozen=True, kw_only=True):
    """POST /0/private/TradeVolume."""

    pair: str | None = None
    fee_info: bool = field(default=True, name="fee-info")


class OpenPositionsRequest(Struct, frozen=True, kw_only=True):
    """POST /0/private/OpenPositions."""

    txid: str | None = None


# -- requests: funding --------------------------------------------------------------------------


class FundingRequest(Struct, frozen=True, kw_only=True):
    """POST /0/private/DepositMethods, and the lists of deposits, withdrawals and addresses."""

    asset: str | None = None
    method: str | None = None
    start: str | None = None
    end: str | None = None
    limit: int = 500


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


# -- answers: market data -----------------------------------------------------------------------


class ServerTime(Struct, frozen=True, kw_only=True):
    """Time."""

    unixtime: int
    rfc1123: str


class SystemStatus(Struct, frozen=True, kw_only=True):
    """SystemStatus: online, maintenance, cancel_only or post_only."""

    status: str
    timestamp: str


class Asset(Struct, frozen=True, kw_only=True):
    """One asset of Assets."""

    aclass: str = "currency"
    altname: str
    decimals: int
    display_decimals: int
    collateral_value: Raw | Optional = UNSET
    status: str = "enabled"


FeeRow = tuple[Raw, Raw]  # volume, percent


class AssetPair(Struct, frozen=True, kw_only=True):
    """One pair of AssetPairs.

    The venue does not tell the largest price and size that it takes; our exchange does.
    """

    altname: str
    wsname: str | Optional = UNSET
    aclass_base: str = "currency"
    base: str
    aclass_quote: str = "currency"
    quote: str
    lot: str = "unit"
    cost_decimals: int = 5
    pair_decimals: int
    lot_decimals: int
    lot_multiplier: int = 1
    leverage_buy: tuple[int, ...] = ()
    leverage_sell: tuple[int, ...] = ()
    fees: tuple[FeeRow, ...] = ()
    fees_maker: tuple[FeeRow, ...] = ()
    fee_volume_currency: str = "ZUSD"
    margin_call: int = 80
    margin_stop: int = 40
    ordermin: str | Optional = UNSET
    costmin: str | Optional = UNSET
    tick_size: str | Optional = UNSET
    status: str = "online"
    price_max: str | Optional = UNSET
    order_max: str | Optional = UNSET


class Ticker(Struct, frozen=True, kw_only=True):
    """One pair of Ticker: [today, last 24 hours] of v, p, t, l and h."""

    a: tuple[str, str, str]
    b: tuple[str, str, str]
    c: tuple[str, str]
    v: tuple[str, str]
    p: tuple[str, str]
    t: tuple[int, int]
    l: tuple[str, str]  # noqa: E741  the venue's name
    h: tuple[str, str]
    o: str


DepthLevel = tuple[str, str, Raw]  # price, size, time


class Depth(Struct, frozen=True, kw_only=True):
    """One pair of Depth."""

    asks: tuple[DepthLevel, ...]
    bids: tuple[DepthLevel, ...]


# price, size, time, b or s, m or l, miscellaneous, number
PublicTrade = tuple[str, str, Raw, str, str, str, int]
# time, open, high, low, close, average, volume, trades
Candle = tuple[int, str, str, str, str, str, str, int]
SpreadRow = tuple[int, str, str]


# -- answers: trading ---------------------------------------------------------------------------


class OrderDescription(Struct, frozen=True, kw_only=True):
    """An order in words, as the answer to a new one has it."""

    order: str
    close: str | Optional = UNSET


class AddedOrder(Struct, frozen=True, kw_only=True):
    """AddOrder; without txid where it was only checked."""

    descr: OrderDescription
    txid: tuple[str, ...] | Optional = UNSET


class BatchedResult(Struct, frozen=True, kw_only=True):
    """One order of AddOrderBatch."""

    descr: OrderDescription | Optional = UNSET
    txid: str | Optional = UNSET
    error: str | Optional = UNSET


class AddedBatch(Struct, frozen=True, kw_only=True):
    """AddOrderBatch."""

    orders: tuple[BatchedResult, ...]


class AmendedOrder(Struct, frozen=True, kw_only=True):
    """AmendOrder."""

    amend_id: str


class EditedOrder(Struct, frozen=True, kw_only=True):
    """EditOrder."""

    status: str = "ok"
    txid: str | Optional = UNSET
    originaltxid: str
    volume: str
    price: str
    price2: str
    orders_cancelled: int
    descr: OrderDescription


class Canceled(Struct, frozen=True, kw_only=True):
    """CancelOrder, CancelAll and CancelOrderBatch."""

    count: int
    pending: bool | Optional = UNSET


class CancelAfter(Struct, frozen=True, kw_only=True):
    """CancelAllOrdersAfter; triggerTime is 0 where nothing is armed."""

    currentTime: str  # noqa: N815
    triggerTime: str  # noqa: N815


class OrderTerms(Struct, frozen=True, kw_only=True):
    """`descr` of an order."""

    pair: str
    type: str
    ordertype: str
    price: str
    price2: str
    leverage: str = "none"
    order: str
    close: str = ""


class OrderInfo(Struct, frozen=True, kw_only=True):
    """An order in OpenOrders, ClosedOrders and QueryOrders."""

    refid: str | None = None
    userref: int | None = None
    cl_ord_id: str | Optional = UNSET
    status: str
    reason: str | Optional | None = UNSET
    opentm: Raw
    closetm: Raw | Optional = UNSET
    starttm: Raw | Optional = UNSET
    expiretm: Raw | Optional = UNSET
    descr: OrderTerms
    vol: str
    vol_exec: str
    cost: str
    fee: str
    price: str
    stopprice: str
    limitprice: str
    trigger: str | Optional = UNSET
    misc: str = ""
    oflags: str
    timeinforce: str | Optional = UNSET
    displayvol: str | Optional = UNSET
    trades: tuple[str, ...] | Optional = UNSET


class OpenOrders(Struct, frozen=True, kw_only=True):
    """OpenOrders, by id."""

    open: dict[str, OrderInfo]


class ClosedOrders(Struct, frozen=True, kw_only=True):
    """ClosedOrders, by id, newest first."""

    closed: dict[str, OrderInfo]
    count: int | Optional = UNSET


class Amend(Struct, frozen=True, kw_only=True):
    """One change of OrderAmends."""

    amend_id: str
    amend_type: str
    order_qty: str
    display_qty: str | Optional = UNSET
    remaining_qty: str
    limit_price: str | Optional = UNSET
    trigger_price: str | Optional = UNSET
    reason: str | Optional = UNSET
    post_only: bool = False
    timestamp: int


class OrderAmends(Struct, frozen=True, kw_only=True):
    """OrderAmends."""

    amends: tuple[Amend, ...]
    count: int


class TradeInfo(Struct, frozen=True, kw_only=True):
    """One fill of TradesHistory and QueryTrades."""

    ordertxid: str
    postxid: str = ""
    pair: str
    aclass: str = "forex"
    time: Raw
    type: str
    ordertype: str = ""
    price: str
    cost: str
    fee: str
    vol: str
    margin: str = "0.00000"
    leverage: str = "0"
    misc: str = ""
    trade_id: int
    maker: bool = False
    ledgers: tuple[str, ...] | Optional = UNSET
    # The venue says only how much; ours says of what too, where it is not the quote asset.
    fee_asset: str | Optional = UNSET


class TradesHistory(Struct, frozen=True, kw_only=True):
    """TradesHistory, by id, newest first."""

    trades: dict[str, TradeInfo]
    count: int | Optional = UNSET


class LedgerEntry(Struct, frozen=True, kw_only=True):
    """One movement of Ledgers and QueryLedgers."""

    refid: str
    time: Raw
    type: str
    subtype: str = ""
    aclass: str = "currency"
    asset: str
    amount: str
    fee: str
    balance: str


class Ledgers(Struct, frozen=True, kw_only=True):
    """Ledgers, by id, newest first."""

    ledger: dict[str, LedgerEntry]
    count: int | Optional = UNSET


class ExtendedBalance(Struct, frozen=True, kw_only=True):
    """One asset of BalanceEx; available is balance less hold_trade."""

    balance: str
    hold_trade: str


class TradeBalance(Struct, frozen=True, kw_only=True):
    """TradeBalance: equity (eb, tb, e), free margin (mf), and what only margin has."""

    eb: str
    tb: str
    m: str = "0.0000"
    n: str = "0.0000"
    c: str = "0.0000"
    v: str = "0.0000"
    e: str
    mf: str


class FeeTier(Struct, frozen=True, kw_only=True):
    """One pair of TradeVolume, in percent; None where there is no next tier."""

    fee: str
    minfee: str
    maxfee: str
    nextfee: str | None
    nextvolume: str | None
    tiervolume: str


class TradeVolume(Struct, frozen=True, kw_only=True):
    """TradeVolume."""

    currency: str
    volume: str
    fees: dict[str, FeeTier] | Optional = UNSET
    fees_maker: dict[str, FeeTier] | Optional = UNSET


class KeyInfo(Struct, frozen=True, kw_only=True):
    """GetApiKeyInfo; times are texts in seconds, `"0"` for never."""

    apiKeyName: str  # noqa: N815
    apiKey: str  # noqa: N815
    nonce: str
    nonceWindow: int = 0  # noqa: N815
    permissions: tuple[str, ...]
    iban: str = ""
    validUntil: str  # noqa: N815
    queryFrom: str = "0"  # noqa: N815
    queryTo: str = "0"  # noqa: N815
    createdTime: str  # noqa: N815
    modifiedTime: str  # noqa: N815
    ipAllowlist: tuple[str, ...]  # noqa: N815
    lastUsed: str | None = None  # noqa: N815


class StreamToken(Struct, frozen=True, kw_only=True):
    """GetWebSocketsToken."""

    token: str
    expires: int


# -- answers: funding ---------------------------------------------------------------------------


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


class WithdrawInfo(Struct, frozen=True, kw_only=True):
    """WithdrawInfo."""

    method: str
    limit: str
    amount: str
    fee: str


class Withdrawn(Struct, frozen=True, kw_only=True):
    """Withdraw and WalletTransfer."""

    refid: str
