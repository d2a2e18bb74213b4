"""Every message of the WebSockets, in the venue's own field names.

As in `messages.py`, one struct serves both ends. What a channel pushes stands in `data`, under the
`arg` that it was subscribed by: clients find their way by that, so it comes back as it was sent.
Numbers of updates and checksums are JSON numbers, all else is texts.
"""

# ruff: noqa: N815  the venue's names

from typing import Any

from msgspec import UNSET, Raw, Struct, UnsetType

from steelyard.dialects.okx.messages import Level

# -- what a client says -------------------------------------------------------------------------


class Call(Struct, frozen=True, kw_only=True):
    """Any message of a client, but for `ping`."""

    op: str
    id: str | int | UnsetType = UNSET
    args: list[Raw] | UnsetType = UNSET
    expTime: str | int | UnsetType = UNSET


class Wanted(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A channel."""

    channel: str
    instId: str = ""
    instType: str = ""
    instFamily: str = ""
    uly: str = ""
    ccy: str = ""
    algoId: str = ""
    uid: str = ""
    extraParams: Any = UNSET


# -- what the exchange says ---------------------------------------------------------------------


class Told(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An acknowledgement, a refusal, a notice; or of a channel arg and data, or an op's answer."""

    id: str | int | UnsetType = UNSET
    event: str = ""
    op: str = ""
    arg: Raw | UnsetType = UNSET
    action: str = ""
    channel: str = ""
    connCount: str = ""
    code: str = ""
    msg: str | UnsetType = UNSET
    connId: str = ""
    data: Raw | UnsetType = UNSET
    inTime: str = ""
    outTime: str = ""
    eventType: str = ""
    curPage: int | UnsetType = UNSET
    lastPage: bool | UnsetType = UNSET
    help: str = ""


class BookChange(Struct, frozen=True, kw_only=True):
    """One entry of `books` and its quicker relatives; of a snapshot prevSeqId is -1."""

    asks: tuple[Level, ...]
    bids: tuple[Level, ...]
    ts: str
    checksum: int | UnsetType = UNSET
    prevSeqId: int | UnsetType = UNSET
    seqId: int | UnsetType = UNSET


class BestLevels(Struct, frozen=True, kw_only=True):
    """One entry of `books5` and `bbo-tbt`: the best levels, told anew."""

    asks: tuple[Level, ...]
    bids: tuple[Level, ...]
    instId: str | UnsetType = UNSET
    ts: str
    checksum: int | UnsetType = UNSET
    seqId: int | UnsetType = UNSET


class BalanceData(Struct, frozen=True, kw_only=True):
    """One currency of `balance_and_position`."""

    ccy: str
    cashBal: str
    uTime: str


class BalanceAndPosition(Struct, frozen=True, kw_only=True):
    """One entry of `balance_and_position`."""

    pTime: str
    eventType: str
    balData: tuple[BalanceData, ...]
    posData: tuple[dict[str, str], ...] = ()
    trades: tuple[dict[str, str], ...] = ()


class Filled(Struct, frozen=True, kw_only=True):
    """One entry of `fills`."""

    instId: str
    fillSz: str
    fillPx: str
    side: str
    ts: str
    ordId: str
    tradeId: str
    execType: str
    clOrdId: str = ""
    count: str = "1"
