import msgspec
import pytest

from steelyard.dialects.native import messages, stream, stream_messages


def test_a_push_is_its_rest_message_and_the_channel():
    """Whoever reads the one reads the other."""
    for push, message in (
        (stream_messages.TradesPush, messages.Trade),
        (stream_messages.TickerPush, messages.Ticker),
        (stream_messages.CandlesPush, messages.Candle),
    ):
        assert set(push.__struct_fields__) == {*message.__struct_fields__, "channel"}


@pytest.mark.parametrize(
    ("message", "wire"),
    [
        (
            stream_messages.Ack(op="subscribe", id=1, ok=True),
            b'{"op":"subscribe","id":1,"ok":true}',
        ),
        (stream_messages.Pong(op="pong"), b'{"op":"pong"}'),
        (stream_messages.Pong(op="pong", id="a"), b'{"op":"pong","id":"a"}'),
    ],
)
def test_answers_are_as_short_as_documented(message, wire):
    """What does not apply is left out."""
    assert msgspec.json.encode(message) == wire


def test_every_op_and_channel_has_its_struct():
    """The tables of the session cover the words of the schema."""
    # A trader's end does not follow these: `orders` has its fills, `book` its levels.
    unread = {
        stream_messages.FillsPush,
        stream_messages.FullSnapshotPush,
        stream_messages.FullChangesPush,
    }
    assert unread | {kind for _, kind in stream._PUSHES.items()} == {
        value for name, value in vars(stream_messages).items() if name.endswith("Push")
    }
    for op, kind in stream.OPS.items():
        schema = msgspec.json.schema(kind)["$defs"][kind.__name__]
        assert op in schema["properties"]["op"]["enum"]
