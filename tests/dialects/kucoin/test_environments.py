"""What is to be pasted into other people's clients."""

import pytest

from steelyard.dialects.kucoin.environments import environment
from steelyard.domain.errors import Unsupported

REST, WS = "http://127.0.0.1:8606", "ws://127.0.0.1:8606"
CLIENTS = ("ccxt", "freqtrade", "kucoin-universal-sdk", "python-kucoin", "hummingbot")


@pytest.mark.parametrize("client", CLIENTS)
def test_every_address_is_the_one_that_was_given(client):
    """The WebSocket's is handed out; nobody has to be told."""
    told = environment(client, REST, WS)

    def addresses(value):
        if isinstance(value, dict):
            for each in value.values():
                yield from addresses(each)
        elif isinstance(value, str) and "://" in value:
            yield value

    assert {*addresses(told)} == {REST}


def test_others_are_told_which_there_are():
    with pytest.raises(Unsupported, match="kucoin-universal-sdk"):
        environment("nobody", REST, WS)
