import gzip
from itertools import pairwise
from pathlib import Path

import pytest

from steelyard.dialects.binance.recording import WINDOW_NS, tape_events
from steelyard.domain.errors import DecodeError
from steelyard.domain.instrument import Instrument
from steelyard.domain.messages import BookDelta, Touch, Trade
from steelyard.domain.order import Side

BTC_USDT = Instrument.spot(
    3,
    (1, "BTC"),
    (4, "USDT"),
    tick_size="0.01",
    lot_size="0.00001",
    price_max="1000000",
    size_max="9000",
    notional_min="5",
)
LOCAL_NS = 1_723_161_600_000_000_000
VENUE_MS = 1_723_161_601_000  # the venue's clock is a second ahead
MS_NS = 1_000_000


def depth(after_ms: int, first: int, last: int, bids: str = "", asks: str = "") -> bytes:
    return (
        b"%d " % (LOCAL_NS + after_ms * MS_NS)
        + b'{"stream":"btcusdt@depth@100ms","data":{"e":"depthUpdate",'
        + f'"E":{VENUE_MS + after_ms},"s":"BTCUSDT","U":{first},"u":{last},'.encode()
        + f'"b":[{bids}],"a":[{asks}]}}}}\n'.encode()
    )


def trade(after_ms: int, at_ms: int, price: str, size: str, *, sold: bool, number: int) -> bytes:
    return (
        b"%d " % (LOCAL_NS + after_ms * MS_NS)
        + b'{"stream":"btcusdt@trade","data":{"e":"trade","s":"BTCUSDT",'
        + f'"E":{VENUE_MS + at_ms},"T":{VENUE_MS + at_ms},"t":{number},"p":"{price}",'.encode()
        + f'"q":"{size}","m":{"true" if sold else "false"},"M":true}}}}\n'.encode()
    )


def ticker(after_ms: int, update: int, bid: str = "61000.00000000") -> bytes:
    return (
        b"%d " % (LOCAL_NS + after_ms * MS_NS)
        + b'{"stream":"btcusdt@bookTicker","data":{"s":"BTCUSDT",'
        + f'"u":{update},"b":"{bid}","B":"1.50000000",'.encode()
        + b'"a":"61000.01000000","A":"0.00001000"}}\n'
    )


def events(*lines: bytes) -> list[BookDelta | Trade | Touch]:
    return list(tape_events(lines, BTC_USDT))


def test_the_three_streams_are_read():
    """A depth, a trade and a touch, in ticks and lots, at the recorder's time."""
    found = events(
        depth(
            0,
            5,
            9,
            bids='["61000.00000000","1.50000000"],["60999.99000000","0.00000000"]',
            asks='["61000.01000000","2.00000000"]',
        ),
        trade(1, 1, "61000.01000000", "0.00250000", sold=False, number=77),
        ticker(2, 10),
    )
    assert found == [
        BookDelta(
            3, 5, 9, ((6_100_000, 150_000), (6_099_999, 0)), ((6_100_001, 200_000),), LOCAL_NS
        ),
        Trade(3, 77, 6_100_001, 250, Side.BUY, LOCAL_NS + MS_NS),
        Touch(3, 10, 6_100_000, 150_000, 6_100_001, 1, LOCAL_NS + 2 * MS_NS),
    ]


def test_a_trade_goes_before_the_book_that_it_made():
    """A trade that was told late stands where the fastest frame of its moment would."""
    found = events(
        depth(0, 1, 1),
        ticker(50, 2),
        ticker(52, 3),
        trade(80, 51, "61000.00000000", "1.00000000", sold=True, number=1),
        ticker(81, 4),
    )
    assert [type(event) for event in found] == [BookDelta, Touch, Trade, Touch, Touch]
    assert found[2].time_ns == LOCAL_NS + 51 * MS_NS
    assert found[2].taker_side is Side.SELL


def test_a_trade_moves_by_a_window_at_most():
    """One that claims to be ancient does not upset the order of what came out already."""
    found = events(
        depth(0, 1, 1),
        depth(1_000, 2, 2),
        trade(1_001, -5_000, "61000.00000000", "1.00000000", sold=True, number=1),
        depth(2_000, 3, 3),
    )
    times = [event.time_ns for event in found]
    assert times == sorted(times)
    assert LOCAL_NS + 1_001 * MS_NS - WINDOW_NS in times


def test_other_streams_and_symbols_are_passed_over():
    """A recording may hold more than a tape needs."""
    lines = [
        b'1 {"stream":"btcusdt@kline_1m","data":{"k":{}}}\n',
        b'2 {"stream":"ethusdt@trade","data":{"nonsense":true}}\n',
        b"\n",
    ]
    assert events(*lines) == []


def test_a_level_off_the_lot_is_rounded_down():
    """Old dust in a level's total does not end the tape; it is less than a lot."""
    (found,) = events(depth(0, 1, 1, bids='["61000.00000000","1.50000900"]'))
    assert found.bids == ((6_100_000, 150_000),)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (b"x {}\n", "line 1 of the recording"),
        (b'5 {"stream":1}\n', "line 1 of the recording"),
        (b'5 {"stream":"btcusdt@trade","data":{}}\n', "line 1 of the recording"),
        (b"5\n", "line 1 of the recording"),
        (
            trade(0, 0, "61000.00100000", "1.00000000", sold=True, number=1),
            "61000.00100000 is not a multiple of the listing's tick_size",
        ),
        (
            trade(0, 0, "61000.00000000", "0.00000100", sold=True, number=1),
            "0.00000100 is not a multiple of the listing's lot_size",
        ),
        (ticker(0, 1, bid="61000.000000001"), "more than 8 decimals"),
        (ticker(0, 1, bid="many"), "line 1 of the recording"),
    ],
)
def test_a_bad_line_is_named(line: bytes, message: str):
    """Whatever is wrong, the error says on which line."""
    with pytest.raises(DecodeError, match=message):
        events(line)


@pytest.mark.slow
def test_a_real_recording_is_read(shared_data: Path):
    """Every frame of the sample: time goes on, sequences do not repeat, trades are gapless."""
    path = shared_data / "binance" / "spot_btcusdt_20240809.jsonl.gz"
    with gzip.open(path, "rb") as lines:
        found = list(tape_events(lines, BTC_USDT))
    deltas = [event for event in found if isinstance(event, BookDelta)]
    trades = [event for event in found if isinstance(event, Trade)]
    assert (len(deltas), len(trades), len(found)) == (3_044, 10_147, 58_325)
    times = [event.time_ns for event in found]
    assert times == sorted(times)
    assert all(b.first_sequence == a.last_sequence + 1 for a, b in pairwise(deltas))
    assert sorted(t.trade_id for t in trades) == list(
        range(trades[0].trade_id, trades[0].trade_id + len(trades))
    )
