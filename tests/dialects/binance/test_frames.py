"""The WebSocket structs against what the venue has really sent; samples are in test_messages."""

import msgspec
import pytest
from recordings import heard, streamed

from steelyard.dialects.binance import frames, stream

BY_STREAM = {
    "depth": frames.DepthUpdate,
    "trade": frames.TradeEvent,
    "bookTicker": frames.BookTickerEvent,
    "aggTrade": frames.AggTradeEvent,
    "kline_1m": frames.KlineEvent,
}


def captured_frames(folder):
    """Yield the frames of four markets in 2021."""
    return (text.encode() for text in heard(folder / "captures/BINANCE.ws.1.0.gz"))


def recorded_frames(folder):
    """Yield five minutes of BTCUSDT in 2024."""
    return (it for _, it in streamed(folder / "binance/spot_btcusdt_20240809.jsonl.gz"))


@pytest.mark.parametrize(
    ("frames_of", "count"), [(captured_frames, 265), (recorded_frames, 58_325)]
)
def test_a_frame_comes_out_byte_by_byte(shared_data, frames_of, count):
    """Names, order, spelling of numbers: each frame of a real combined stream is one of ours."""
    for frame in frames_of(shared_data):
        combined = msgspec.json.decode(frame, type=frames.Combined)
        kind = BY_STREAM[combined.stream.split("@")[1]]
        payload = msgspec.json.encode(msgspec.json.decode(combined.data, type=kind))
        assert stream.wrapped(combined.stream, payload) == frame
        count -= 1
    assert count == 0
