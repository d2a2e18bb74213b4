import pytest

from steelyard.dialects.binance import DIALECT
from steelyard.domain.errors import Unsupported


def test_ccxt_gets_what_the_fact_sheet_proves():
    """Deep-merged into its constructor; /stream has to stay in the address."""
    assert DIALECT.environment("ccxt", "http://h:1", "ws://h:1") == {
        "urls": {
            "api": {
                "public": "http://h:1/api/v3",
                "private": "http://h:1/api/v3",
                "sapi": "http://h:1/sapi/v1",
                "ws": {
                    "spot": "ws://h:1/stream/ws",
                    "ws-api": {"spot": "ws://h:1/ws-api/v3"},
                },
            }
        },
        "options": {"fetchMarkets": {"types": ["spot"]}},
    }


def test_python_binance_gets_its_attributes():
    found = DIALECT.environment("python-binance", "http://h:1", "ws://h:1")
    assert found["Client"]["API_URL"] == "http://h:1/api"
    assert found["AsyncClient"]["WS_API_URL"] == "ws://h:1/ws-api/v3"
    assert found["BinanceSocketManager"]["STREAM_URL"] == "ws://h:1/"


def test_an_unknown_library_is_told_the_known_ones():
    with pytest.raises(Unsupported, match="'foo'; there are ccxt, freqtrade, python-binance"):
        DIALECT.environment("foo", "", "")


def test_freqtrade_hands_ccxt_its_part_unchanged():
    found = DIALECT.environment("freqtrade", "http://h:1", "ws://h:1")
    assert found["exchange"]["ccxt_config"] == DIALECT.environment("ccxt", "http://h:1", "ws://h:1")


@pytest.mark.parametrize(
    "client",
    [
        *("ccxt", "freqtrade", "python-binance", "binance-sdk-spot", "binance-connector"),
        *("nautilus-trader", "hummingbot", "cryptofeed"),
    ],
)
def test_every_address_is_here(client):
    """None of a client's addresses stays at the venue, and a refusal names every client."""

    def addresses(value):
        if isinstance(value, dict):
            return [found for each in value.values() for found in addresses(each)]
        if isinstance(value, list):
            return [found for each in value for found in addresses(each)]
        return [value]

    texts = addresses(DIALECT.environment(client, "http://h:1", "ws://h:1"))
    urls = [text for text in texts if "://" in str(text)]
    assert urls
    assert all(url.startswith(("http://h:1", "ws://h:1")) for url in urls)
    with pytest.raises(Unsupported, match=client):
        DIALECT.environment("foo", "", "")
