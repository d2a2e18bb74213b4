import pytest

from steelyard.dialects.okx.environments import environment
from steelyard.domain.errors import Unsupported


def test_libraries_are_pointed_here():
    told = environment("ccxt", "http://h:1", "ws://h:1")
    assert told["urls"] == {"api": {"rest": "http://h:1", "ws": "ws://h:1/ws/v5"}}
    assert environment("freqtrade", "http://h:1", "ws://h:1")["exchange"]["ccxt_config"] == told
    sdk = environment("python-okx", "http://h:1", "ws://h:1")
    assert sdk["TradeAPI"] == {"domain": "http://h:1", "flag": "1"}
    assert sdk["WsPrivateAsync"] == {"url": "ws://h:1/ws/v5/private"}


@pytest.mark.parametrize("client", ["nautilus", "hummingbot", "cryptofeed"])
def test_each_setting_has_one_of_the_addresses(client):
    assert "h:1" in str(environment(client, "http://h:1", "ws://h:1"))


def test_an_unknown_library_is_told():
    with pytest.raises(Unsupported, match="ccxt, freqtrade"):
        environment("pip", "", "")
