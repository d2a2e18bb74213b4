"""Every WebSocket message of the Binance spot API, in the venue's own field names.

As in `messages.py`, one struct serves both ends. Single letters are the venue's too: what they
stand for is in `stream.py` and `executions.py`, where each is filled in.
"""

# ruff: noqa: E741, N815
# The field names are the venue's.

from typing import Any

from msgspec import UNSET, Raw, Struct

from steelyard.dialects.binance.messages import ErrorBody, Level, Optional, RateLimit

# -- market streams -----------------------------------------------------------------------------


class Control(Struct, frozen=True, kw_only=True):
    """A frame from a client on a market stream."""

    method: str
    params: Any = None
    id: int | str | None = None


class ControlResult(Struct, frozen=True, kw_only=True):
    """The answer to one."""

    result: Any
    id: int | str | None


class ControlError(Struct, frozen=True, kw_only=True):
    """The refusal of one: as the documentation has it, and wrapped, as ccxt wants it."""

    code: int
    msg: str
    error: ErrorBody
    id: int | str | None


class Combined(Struct, frozen=True, kw_only=True):
    """Any payload on a combined stream."""

    stream: str
    data: Raw


class DepthUpdate(Struct, frozen=True, kw_only=True):
    """`<symbol>@depth`."""

    e: str = "depthUpdate"
    E: int
    s: str
    U: int
    u: int
    b: tuple[Level, ...]
    a: tuple[Level, ...]


class TradeEvent(Struct, frozen=True, kw_only=True):
    """`<symbol>@trade`; m tells whether the buyer is the maker."""

    e: str = "trade"
    E: int
    s: str
    t: int
    p: str
    q: str
    T: int
    m: bool
    M: bool = True


class AggTradeEvent(Struct, frozen=True, kw_only=True):
    """`<symbol>@aggTrade`."""

    e: str = "aggTrade"
    E: int
    s: str
    a: int
    p: str
    q: str
    f: int
    l: int
    T: int
    m: bool
    M: bool = True


class KlineBody(Struct, frozen=True, kw_only=True):
    """The candle in a kline event; -1 as trade ids where nothing traded."""

    t: int
    T: int
    s: str
    i: str
    f: int
    L: int
    o: str
    c: str
    h: str
    l: str
    v: str
    n: int
    x: bool
    q: str
    V: str
    Q: str
    B: str = "0"


class KlineEvent(Struct, frozen=True, kw_only=True):
    """`<symbol>@kline_<interval>`."""

    e: str = "kline"
    E: int
    s: str
    k: KlineBody


class MiniTickerEvent(Struct, frozen=True, kw_only=True):
    """`<symbol>@miniTicker`."""

    e: str = "24hrMiniTicker"
    E: int
    s: str
    c: str
    o: str
    h: str
    l: str
    v: str
    q: str


class TickerEvent(Struct, frozen=True, kw_only=True):
    """`<symbol>@ticker`."""

    e: str = "24hrTicker"
    E: int
    s: str
    p: str
    P: str
    w: str
    x: str
    c: str
    Q: str
    b: str
    B: str
    a: str
    A: str
    o: str
    h: str
    l: str
    v: str
    q: str
    O: int
    C: int
    F: int
    L: int
    n: int


class WindowTickerEvent(Struct, frozen=True, kw_only=True):
    """`<symbol>@ticker_1h`, `@ticker_4h` and `@ticker_1d`; e is `1hTicker` and so on."""

    e: str
    E: int
    s: str
    p: str
    P: str
    w: str
    c: str
    o: str
    h: str
    l: str
    v: str
    q: str
    O: int
    C: int
    F: int
    L: int
    n: int


class AvgPriceEvent(Struct, frozen=True, kw_only=True):
    """`<symbol>@avgPrice`; T is when it last traded."""

    e: str = "avgPrice"
    E: int
    s: str
    i: str
    w: str
    T: int


class ServerShutdown(Struct, frozen=True, kw_only=True):
    """The server is about to close every connection."""

    e: str = "serverShutdown"
    E: int


class BookTickerEvent(Struct, frozen=True, kw_only=True):
    """`<symbol>@bookTicker`; the one payload without a name and a time."""

    u: int
    s: str
    b: str
    B: str
    a: str
    A: str


# -- WebSocket API and user data ----------------------------------------------------------------


class ApiRequest(Struct, frozen=True, kw_only=True):
    """A request on the WebSocket API."""

    id: int | str | None = None
    method: str
    params: dict[str, Any] | None = None


class ApiResult(Struct, frozen=True, kw_only=True):
    """Its answer."""

    id: int | str | None
    status: int
    result: Any
    rateLimits: tuple[RateLimit, ...] | Optional = UNSET


class ApiError(Struct, frozen=True, kw_only=True):
    """Its refusal."""

    id: int | str | None
    status: int
    error: dict[str, Any]
    rateLimits: tuple[RateLimit, ...] | Optional = UNSET


class ApiFrame(Struct, frozen=True, kw_only=True):
    """Anything that comes over the WebSocket API, as a client sees it."""

    id: int | str | None = None
    status: int | None = None
    result: Any = None
    error: ErrorBody | None = None
    subscriptionId: int | None = None
    event: Raw | Optional = UNSET


class SessionStatus(Struct, frozen=True, kw_only=True):
    """session.logon, session.status and session.logout."""

    apiKey: str | None
    authorizedSince: int | None
    connectedSince: int
    returnRateLimits: bool
    serverTime: int
    userDataStream: bool


class SubscriptionId(Struct, frozen=True, kw_only=True):
    """userDataStream.subscribe and an element of session.subscriptions."""

    subscriptionId: int


class UserEvent(Struct, frozen=True, kw_only=True):
    """An event of the account, as it is sent."""

    subscriptionId: int
    event: Any


class EventName(Struct, frozen=True, kw_only=True):
    """The part of an event that tells which it is."""

    e: str = ""


class ExecutionReport(Struct, frozen=True, kw_only=True):
    """One order after one execution."""

    e: str = "executionReport"
    E: int
    s: str
    c: str
    S: str
    o: str
    f: str
    q: str
    p: str
    P: str = "0.00000000"
    F: str = "0.00000000"
    g: int = -1
    C: str = ""
    x: str
    X: str
    r: str = "NONE"
    i: int
    l: str
    z: str
    L: str
    n: str | None = "0"
    N: str | None = None
    T: int
    t: int
    I: int = 0
    w: bool
    m: bool
    M: bool = False
    O: int
    Z: str
    Y: str = "0.00000000"
    Q: str = "0.00000000"
    d: int | Optional = UNSET
    D: int | Optional = UNSET
    W: int | Optional = UNSET
    V: str = "NONE"
    eR: str | Optional = UNSET


class ListStatusOrder(Struct, frozen=True, kw_only=True):
    """One order of a list."""

    s: str
    i: int
    c: str


class ListStatus(Struct, frozen=True, kw_only=True):
    """An order list that begins or is over."""

    e: str = "listStatus"
    E: int
    s: str
    g: int
    c: str
    l: str
    L: str
    r: str = "NONE"
    C: str
    T: int
    O: tuple[ListStatusOrder, ...]


class EventBalance(Struct, frozen=True, kw_only=True):
    """One asset in an outboundAccountPosition."""

    a: str
    f: str
    l: str


class AccountPosition(Struct, frozen=True, kw_only=True):
    """The balances that something touched, as they are now."""

    e: str = "outboundAccountPosition"
    E: int
    u: int
    B: tuple[EventBalance, ...]


class BalanceUpdate(Struct, frozen=True, kw_only=True):
    """Something came into the account, or left it; d is how much, with its sign."""

    e: str = "balanceUpdate"
    E: int
    a: str
    d: str
    T: int


class ExternalLockUpdate(Struct, frozen=True, kw_only=True):
    """Something outside of trading locks d more (or less) of a balance: here, a withdrawal."""

    e: str = "externalLockUpdate"
    E: int
    a: str
    d: str
    T: int


class ListenKeyExpired(Struct, frozen=True, kw_only=True):
    """Nobody has kept a listen key alive; nothing more follows."""

    e: str = "listenKeyExpired"
    E: int
    listenKey: str


class ConnectionEvent(Struct, frozen=True, kw_only=True):
    """An event of a connection to the WebSocket API, which belongs to no subscription."""

    event: Any


class EventStreamTerminated(Struct, frozen=True, kw_only=True):
    """A user data subscription is over."""

    e: str = "eventStreamTerminated"
    E: int
