import pytest

from steelyard.dialects.coinbase_exchange.environments import environment
from steelyard.domain.errors import Unsupported


def test_ccxt_is_pointed_here_with_its_feed():
    found = environment("ccxt", "http://h:1", "ws://h:1")
    assert found["urls"]["api"] == {
        "public": "http://h:1",
        "private": "http://h:1",
        "ws": "ws://h:1",
    }
    assert environment("freqtrade", "http://h:1", "ws://h:1")["exchange"]["ccxt_config"] == found


@pytest.mark.parametrize("client", ["cryptofeed", "cbpro", "coinbasepro", "tutorial"])
def test_every_client_gets_an_address(client):
    assert "http://h:1" in str(environment(client, "http://h:1", "ws://h:1"))


def test_an_unknown_client_is_told_the_known_ones():
    with pytest.raises(Unsupported, match="ccxt, freqtrade, cryptofeed, cbpro, coinbasepro"):
        environment("gdax", "", "")
