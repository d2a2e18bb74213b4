import pytest

from steelyard.dialects.bybit.environments import environment
from steelyard.domain.errors import Unsupported

REST, WS = "http://h:1", "ws://h:1"
CLIENTS = ("ccxt", "freqtrade", "pybit", "hummingbot", "cryptofeed", "nautilus")


def addresses(value):
    match value:
        case dict():
            return [found for each in value.values() for found in addresses(each)]
        case list():
            return [found for each in value for found in addresses(each)]
        case str() if "://" in value:
            return [value]
        case _:
            return []


@pytest.mark.parametrize("client", CLIENTS)
def test_a_client_goes_here_and_nowhere_else(client):
    found = addresses(environment(client, REST, WS))
    assert found
    assert all(each.startswith((REST, WS)) for each in found)


def test_ccxt_has_every_one_of_its_addresses():
    api = environment("ccxt", REST, WS)["urls"]["api"]
    assert {"public", "private", "spot", "futures", "v2", "ws"} == api.keys()
    assert api["ws"]["public"]["spot"] == f"{WS}/v5/public/spot"
    assert api["ws"]["private"]["trade"] == f"{WS}/v5/trade"


def test_a_stranger_is_told_who_is_known():
    with pytest.raises(Unsupported, match="ccxt"):
        environment("x", REST, WS)
