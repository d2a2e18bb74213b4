"""What is pasted into other people's clients."""

import pytest

from steelyard.dialects.weex.environments import environment
from steelyard.domain.errors import Unsupported


def test_only_the_contracts_stream_has_that_word():
    """By it ccxt tells the two apart."""
    urls = environment("ccxt", "http://127.0.0.1:8607", "ws://127.0.0.1:8607")["urls"]["api"]
    assert {urls[name] for name in ("public", "private", "contract", "contractPrivate")} == {
        "http://127.0.0.1:8607"
    }
    assert urls["ws"] == {
        "spot": "ws://127.0.0.1:8607/v3/ws",
        "contract": "ws://127.0.0.1:8607/contract/v3/ws",
    }


def test_freqtrade_hands_it_to_ccxt():
    found = environment("freqtrade", "http://h", "ws://h")["exchange"]
    assert found == {"name": "weex", "ccxt_config": environment("ccxt", "http://h", "ws://h")}
    with pytest.raises(Unsupported, match="ccxt, freqtrade"):
        environment("okx", "http://h", "ws://h")
