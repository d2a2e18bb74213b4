"""The WebSocket structs against what the venue has really sent; samples are in test_messages."""

import msgspec
import pytest

from steelyard.dialects.binance import frames

EVENTS = {
    "account_position_wrapped": frames.AccountPosition,
    "execution_report_canceled": frames.ExecutionReport,
    "execution_report_expired": frames.ExecutionReport,
    "execution_report_new": frames.ExecutionReport,
    "execution_report_stop_loss": frames.ExecutionReport,
    "execution_report_trade": frames.ExecutionReport,
    "execution_report_wrapped": frames.ExecutionReport,
}
BY_NAME = {
    "depthUpdate": frames.DepthUpdate,
    "aggTrade": frames.AggTradeEvent,
    "kline": frames.KlineEvent,
    None: frames.BookTickerEvent,
}


@pytest.mark.parametrize("name", EVENTS)
def test_documented_user_events_decode_and_encode(shared_data, name):
    """What we do not know is ignored; what we know comes back as it was."""
    found = msgspec.json.decode(
        (shared_data / f"payloads/binance/spot__user_data_json__{name}.json").read_bytes()
    )
    original = found.get("event", found)
    decoded = msgspec.json.decode(msgspec.json.encode(original), type=EVENTS[name])
    encoded = msgspec.json.decode(msgspec.json.encode(decoded))
    assert {name: encoded[name] for name in original} == original


def test_captured_streams_decode_and_encode(captured):
    """Every frame of a real combined stream is one of ours, byte for byte."""
    count = 0
    for _, frame in captured("BINANCE.ws.1.0.gz"):
        if not frame.startswith("{"):
            continue
        combined = msgspec.json.decode(frame, type=frames.Combined)
        payload = msgspec.json.decode(combined.data)
        decoded = msgspec.json.decode(combined.data, type=BY_NAME[payload.get("e")])
        assert msgspec.json.decode(msgspec.json.encode(decoded)) == payload
        count += 1
    assert count > 100
