"""Messages of the streams, in the venue's own field names.

Source: https://bybit-exchange.github.io/docs/v5/ws/connect, read 2026-11-22. Prices and sizes are
texts, times whole numbers of milliseconds. `req_id` comes back as it was sent, whatever it is.
"""

# ruff: noqa: N815
# The field names are the venue's.

from typing import Any

from msgspec import UNSET, Raw, Struct, UnsetType

from steelyard.dialects.bybit.account_messages import Wallet
from steelyard.dialects.bybit.messages import Level
from steelyard.dialects.bybit.order_messages import Execution, FastExecution, Order

ReqId = Raw | UnsetType


class Control(Struct, omit_defaults=True):
    """What a client says: subscribe, unsubscribe, auth or ping."""

    op: str = ""
    args: tuple[Any, ...] = ()
    req_id: ReqId = UNSET


class Ack(Struct, omit_defaults=True):
    """The answer to it; every field has another spelling on some socket."""

    op: str = ""
    success: bool | UnsetType = UNSET
    ret_msg: str | UnsetType = UNSET
    retMsg: str | UnsetType = UNSET
    retCode: int | UnsetType = UNSET
    conn_id: str | UnsetType = UNSET
    connId: str | UnsetType = UNSET
    req_id: ReqId = UNSET
    args: tuple[str, ...] | UnsetType = UNSET
    data: Any = UNSET


class Topic(Struct, omit_defaults=True):
    """A message of a topic; the private ones have an id and when they were made."""

    topic: str
    ts: int | UnsetType = UNSET
    type: str | UnsetType = UNSET
    id: str | UnsetType = UNSET
    creationTime: int | UnsetType = UNSET
    cs: int | UnsetType = UNSET
    data: Raw = Raw(b"{}")
    cts: int | UnsetType = UNSET


class Either(Struct):
    """As much of a message as says whether it is of a topic or an answer."""

    topic: str = ""
    op: str = ""


class Book(Struct):
    """A book, or levels of it that changed; a size of 0 takes one away."""

    s: str
    b: tuple[Level, ...]
    a: tuple[Level, ...]
    u: int
    seq: int = 0


class Trade(Struct):
    """A public trade; S is the taker's side."""

    T: int
    s: str
    S: str
    v: str
    p: str
    i: str
    L: str | UnsetType = UNSET
    BT: bool = False
    RPI: bool | UnsetType = UNSET
    seq: int | UnsetType = UNSET


class Ticker(Struct):
    """The last 24 hours, without the touch."""

    symbol: str
    lastPrice: str
    highPrice24h: str
    lowPrice24h: str
    prevPrice24h: str
    volume24h: str
    turnover24h: str
    price24hPcnt: str
    usdIndexPrice: str | UnsetType = UNSET


class Candle(Struct):
    """A candle; `confirm` where it changes no more, `timestamp` when it last traded."""

    start: int
    end: int
    interval: str
    open: str
    close: str
    high: str
    low: str
    volume: str
    turnover: str
    confirm: bool
    timestamp: int


Orders = tuple[Order, ...]
Executions = tuple[Execution, ...]
FastExecutions = tuple[FastExecution, ...]
Wallets = tuple[Wallet, ...]
