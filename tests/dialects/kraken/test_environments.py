import pytest

from steelyard.dialects.kraken.environments import environment
from steelyard.domain.errors import Unsupported

REST, WS = "http://127.0.0.1:8603", "ws://127.0.0.1:8603"


def test_ccxt_tells_pings_by_v2_in_the_address():
    streams = environment("ccxt", REST, WS)["urls"]["api"]["ws"]
    assert streams["publicV2"] == f"{WS}/ws/v2"
    assert streams["privateV2"] == f"{WS}/wsauth/v2"


@pytest.mark.parametrize(
    "client",
    ["ccxt", "freqtrade", "krakenex", "python-kraken-sdk", "nautilus-trader", "hummingbot"],
)
def test_every_client_is_pointed_here(client):
    assert "127.0.0.1:8603" in str(environment(client, REST, WS))


def test_an_unknown_one_is_told_which_there_are():
    with pytest.raises(Unsupported, match="krakenex"):
        environment("nobody", REST, WS)
