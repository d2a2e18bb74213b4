"""Recorded frames of Binance's combined streams, spot and USD-M futures, as they stand.

`depth` (with `pu` on futures), `trade`, `aggTrade` and `bookTicker` are read; other streams are
passed over. On futures only trades of the market count: those of the insurance fund or of
auto-deleveraging (`X` other than MARKET) never met the book.

Spot and futures are markets of their own under the same symbols, so a reader takes the frames of
one only. Futures say themselves by `pu` (depth), `T` (bookTicker) and `X` (trade), spot by `M`
(trade, aggTrade) and by a depth without `pu`.

A recorded answer of `GET /depth` is a snapshot: as the data of a stream `<symbol>@snapshot`, or
bare, where the recording is of one symbol. It is older than the changes that were received while it
was on its way, so those enter it before it is told; one that goes back further than the changes
that are remembered is passed over.
"""

import msgspec
from msgspec import Struct

from steelyard.dialects.binance.archive import futures_of
from steelyard.dialects.binance.text import symbol_text
from steelyard.domain.errors import DecodeError
from steelyard.domain.instrument import Instrument
from steelyard.domain.order import Side
from steelyard.wire.capture import Capture, Joined, Raw, RawDepth, RawTouch, RawTrade

_MS_NS = 1_000_000
_BARE = b'{"lastUpdateId"'


class _Frame(Struct):
    stream: str
    data: msgspec.Raw


class _Depth(Struct, rename={"first": "U", "last": "u", "bids": "b", "asks": "a"}):
    E: int
    first: int
    last: int
    bids: tuple[tuple[str, str], ...]
    asks: tuple[tuple[str, str], ...]
    pu: int | None = None  # of futures only


class _Snapshot(Struct, rename="camel"):
    last_update_id: int
    bids: tuple[tuple[str, str], ...]
    asks: tuple[tuple[str, str], ...]


class _Trade(Struct, rename={"trade_id": "t", "price": "p", "size": "q", "is_buyer_maker": "m"}):
    T: int
    trade_id: int
    price: str
    size: str
    is_buyer_maker: bool
    X: str = ""  # of futures only
    M: bool | None = None  # of spot only


class _Aggregate(
    Struct, rename={"trade_id": "a", "price": "p", "size": "q", "is_buyer_maker": "m"}
):
    T: int
    trade_id: int
    price: str
    size: str
    is_buyer_maker: bool
    M: bool | None = None  # of spot only


class _BookTicker(
    Struct,
    rename={"update_id": "u", "bid": "b", "bid_size": "B", "ask": "a", "ask_size": "A"},
):
    update_id: int
    bid: str
    bid_size: str
    ask: str
    ask_size: str
    T: int | None = None  # of futures only


_FRAME = msgspec.json.Decoder(_Frame)
_DEPTH = msgspec.json.Decoder(_Depth)
_SNAPSHOT = msgspec.json.Decoder(_Snapshot)
_TRADE = msgspec.json.Decoder(_Trade)
_AGGREGATE = msgspec.json.Decoder(_Aggregate)
_TICKER = msgspec.json.Decoder(_BookTicker)


class FrameReader:
    """Reads the frames of one connection; it remembers the last changes of each book."""

    def __init__(self) -> None:
        self._books = Joined()
        self.market: str | None = None  # `um` or `cm` of futures, empty of spot

    def read(self, frame: bytes) -> list[Raw]:
        """Return what a frame tells of a market.

        Raises:
            DecodeError: It has another form than documented, or is of futures after spot.
        """
        try:
            if frame.startswith(_BARE):
                symbols = self._books.symbols
                is_known = len(symbols) == 1
                return self._snapshot(symbols[0], _SNAPSHOT.decode(frame)) if is_known else []
            combined = _FRAME.decode(frame)
            name, _, stream = combined.stream.partition("@")
            return self._read(name.upper(), stream.partition("@")[0], combined.data)
        except (msgspec.DecodeError, RecursionError, UnicodeError) as error:
            raise DecodeError(f"{frame[:60]!r}: {error}") from error

    def _read(self, symbol: str, stream: str, data: msgspec.Raw) -> list[Raw]:
        match stream:
            case "depth":
                return self._change(symbol, _DEPTH.decode(data))
            case "snapshot":
                return self._snapshot(symbol, _SNAPSHOT.decode(data))
            case "trade":
                trade = _TRADE.decode(data)
                self._told(symbol, is_futures=bool(trade.X), is_spot=trade.M is not None)
                return [_traded(symbol, trade)] if trade.X in {"", "MARKET"} else []
            case "aggTrade":
                aggregate = _AGGREGATE.decode(data)
                self._told(symbol, is_futures=False, is_spot=aggregate.M is not None)
                return [_traded(symbol, aggregate, is_aggregate=True)]
            case "bookTicker":
                ticker = _TICKER.decode(data)
                self._told(symbol, is_futures=ticker.T is not None, is_spot=False)
                time_ns = None if ticker.T is None else ticker.T * _MS_NS
                bid, ask = (ticker.bid, ticker.bid_size), (ticker.ask, ticker.ask_size)
                return [RawTouch(symbol, time_ns, ticker.update_id, bid, ask)]
            case _:
                return []

    def _told(self, symbol: str, *, is_futures: bool, is_spot: bool) -> None:
        """Note which market a frame is of, where it tells.

        Raises:
            DecodeError: Frames before it were of another one.
        """
        if not is_futures and not is_spot:
            return
        market = futures_of(symbol) if is_futures else ""
        if self.market is None:
            self.market = market
        elif market != self.market:
            raise DecodeError(
                f"this frame is of {market or 'spot'}, those before it are of "
                f"{self.market or 'spot'}: they are other markets under the same symbols; put the "
                "frames of each into a file of its own"
            )

    def _change(self, symbol: str, depth: _Depth) -> list[Raw]:
        self._told(symbol, is_futures=depth.pu is not None, is_spot=depth.pu is None)
        first = depth.first if depth.pu is None else depth.pu + 1
        change = RawDepth(symbol, depth.E * _MS_NS, first, depth.last, depth.bids, depth.asks)
        return self._books.change(change)

    def _snapshot(self, symbol: str, book: _Snapshot) -> list[Raw]:
        return self._books.snapshot(symbol, book.last_update_id, book.bids, book.asks)


def is_ours(frame: bytes) -> bool:
    """Return whether a frame is one of combined streams."""
    return frame.startswith(b'{"stream":"') and b"@" in frame[:60]


def _traded(symbol: str, trade: _Trade | _Aggregate, *, is_aggregate: bool = False) -> RawTrade:
    side = Side.SELL if trade.is_buyer_maker else Side.BUY
    return RawTrade(
        symbol, trade.T * _MS_NS, trade.trade_id, side, trade.price, trade.size, is_aggregate
    )


def snapshot(instrument: Instrument, body: bytes) -> bytes:
    """Return an answer of `GET /depth` as a frame.

    Raises:
        DecodeError: It is none.
    """
    try:
        _SNAPSHOT.decode(body)
    except msgspec.DecodeError as error:
        raise DecodeError(f"the answer is no book: {error}") from error
    return f'{{"stream":"{symbol_text(instrument).lower()}@snapshot","data":'.encode() + body + b"}"


CAPTURE = Capture("binance", is_ours, FrameReader, snapshot)
