"""The feed's messages are told apart by their types; samples are in test_messages."""

from typing import get_args

import msgspec
import pytest

from steelyard.dialects.coinbase_exchange import frames


def test_every_message_has_a_type_of_its_own():
    tags = [kind.__struct_config__.tag for kind in get_args(frames.Told)]
    assert len(set(tags)) == len(tags)


@pytest.mark.parametrize("timestamp", ['"1700000000"', "1700000000", "1700000000.5"])
def test_a_timestamp_is_kept_as_it_was_sent(timestamp):
    """Some clients send it as a number, and it was signed as text."""
    text = f'{{"type":"subscribe","channels":["user"],"timestamp":{timestamp}}}'
    control = msgspec.json.decode(text, type=frames.Control)
    assert bytes(control.timestamp).decode() == timestamp
