"""Messages of fills, ledgers, balances, fees and keys; see `messages.py`."""

from msgspec import UNSET, Raw, Struct, field

from steelyard.dialects.kraken.messages import Optional

# -- requests -----------------------------------------------------------------------------------


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
    """POST /0/private/OpenPositions; consolidated by market, the answer is a list."""

    txid: str | None = None
    consolidation: str | None = None


# -- answers ------------------------------------------------------------------------------------


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
