"""Recorded frames of KuCoin's public topics, as they stand: `level2`, `match` and `ticker`.

Changes of a book are ranges of numbers; of several changes of one price in a message the newest
counts, and a price of 0 only takes up a number. The stream does not begin with the book: a recorded
answer of a request for it is a message of the subject `SNAPSHOT`, which is ours.
"""

import msgspec
from msgspec import Raw as Unread

from steelyard.dialects.kucoin import frames, stream
from steelyard.dialects.kucoin.messages import Book, Envelope
from steelyard.dialects.kucoin.text import MS_NS, SIDES, read_count
from steelyard.domain.errors import DecodeError
from steelyard.domain.instrument import Instrument
from steelyard.wire.capture import Capture, Joined, Level, Raw, RawDepth, RawTouch, RawTrade

SNAPSHOT = "steelyard.book"

_told = msgspec.json.Decoder(frames.Told)
_change = msgspec.json.Decoder(frames.Level2Data)
_match = msgspec.json.Decoder(frames.MatchData)
_ticker = msgspec.json.Decoder(frames.TickerData)
_book = msgspec.json.Decoder(Book)
_answer = msgspec.json.Decoder(Envelope[Unread])


class FrameReader:
    """Reads the frames of one connection; it remembers the last changes of each book."""

    market: str | None = ""

    def __init__(self) -> None:
        self._books = Joined()

    def read(self, frame: bytes) -> list[Raw]:
        """Return what a frame tells of a market.

        Raises:
            DecodeError: It has another form than documented.
        """
        try:
            told = _told.decode(frame)
            if told.type != "message" or not isinstance(told.data, Unread):
                return []
            match told.subject:
                case "trade.l2update":
                    return self._books.change(_depth(_change.decode(told.data)))
                case "trade.l3match":
                    return [_traded(_match.decode(told.data))]
                case "trade.ticker":
                    return _touch(told.topic.partition(":")[2], _ticker.decode(told.data))
                case subject if subject == SNAPSHOT:
                    symbol, book = told.topic.partition(":")[2], _book.decode(told.data)
                    last = read_count(book.sequence, "sequence")
                    return self._books.snapshot(symbol, last, book.bids, book.asks)
                case _:
                    return []
        except (msgspec.DecodeError, RecursionError, UnicodeError) as error:
            raise DecodeError(f"{frame[:60]!r}: {error}") from error


def is_ours(frame: bytes) -> bool:
    """Return whether a frame looks like one of these topics."""
    return b'"topic":"/market/' in frame[:80] and b'"subject":"' in frame[:200]


def _depth(data: frames.Level2Data) -> RawDepth:
    bids, asks = (_levels(rows) for rows in (data.changes.bids, data.changes.asks))
    first, last, time_ns = data.sequenceStart, data.sequenceEnd, data.time * MS_NS
    return RawDepth(data.symbol, time_ns or None, first, last, bids, asks)


def _levels(rows: tuple[tuple[str, str, str], ...]) -> tuple[Level, ...]:
    ordered = sorted((read_count(row[2], "sequence"), row[0], row[1]) for row in rows)
    return tuple({price: size for _, price, size in ordered if price.strip("0.")}.items())


def _traded(data: frames.MatchData) -> RawTrade:
    number, time_ns = read_count(data.sequence, "sequence"), read_count(data.time)
    return RawTrade(data.symbol, time_ns, number, SIDES[data.side], data.price, data.size)


def _touch(symbol: str, data: frames.TickerData) -> list[Raw]:
    """Return the best bid and ask; nothing where a side is empty."""
    bid, ask = (data.bestBid, data.bestBidSize), (data.bestAsk, data.bestAskSize)
    if not all(text.strip("0.") for text in (*bid, *ask)):
        return []
    number = read_count(data.sequence, "sequence")
    return [RawTouch(symbol, data.time * MS_NS, number, bid, ask)]


def snapshot(instrument: Instrument, body: bytes) -> bytes:
    """Return an answer that tells a book as a frame.

    Raises:
        DecodeError: It is none.
    """
    try:
        data = _answer.decode(body).data
        if not isinstance(data, Unread):
            raise DecodeError("the answer has no book")
        _book.decode(data)
    except msgspec.DecodeError as error:
        raise DecodeError(f"the answer is no book: {error}") from error
    topic = f"{stream.LEVEL2}:{instrument.symbol}"
    head = f'{{"type":"message","topic":"{topic}","subject":"{SNAPSHOT}","data":'
    return head.encode() + bytes(data) + b"}"


CAPTURE = Capture("kucoin", is_ours, FrameReader, snapshot)
