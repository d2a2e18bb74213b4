"""What the venue's documentation shows, through our structs; samples are in test_messages."""

import msgspec
import pytest

from steelyard.dialects.binance import market_messages, parameters
from steelyard.domain.errors import DecodeError

# From the documentation (rest-api.md, read 2026-07-21), but for the numbers.
DOCUMENTED = {
    "WindowTicker": (
        '{"symbol":"BTCUSDT","priceChange":"-8.0","priceChangePercent":"-88.889",'
        '"weightedAvgPrice":"2.6","openPrice":"9.0","highPrice":"9.0","lowPrice":"1.0",'
        '"lastPrice":"1.0","volume":"187.0","quoteVolume":"487.0","openTime":1,"closeTime":2,'
        '"firstId":0,"lastId":60,"count":61}'
    ),
}


@pytest.mark.parametrize("name", DOCUMENTED)
def test_a_documented_answer_is_read(name):
    """Whole, as it was written."""
    kind = getattr(market_messages, name)
    decoded = msgspec.json.decode(DOCUMENTED[name], type=kind)
    encoded = msgspec.json.decode(msgspec.json.encode(decoded))
    assert encoded.keys() == msgspec.json.decode(DOCUMENTED[name]).keys()


@pytest.mark.parametrize(
    ("kind", "given"),
    [
        ("WindowRequest", {"symbol": "BTCUSDT", "windowSize": "59m"}),
        ("TradingDayRequest", {"symbols": '["BTCUSDT"]', "timeZone": "-1:00", "type": "MINI"}),
        ("BlockTradesRequest", {"symbol": "BTCUSDT", "fromId": "5"}),
    ],
)
def test_a_request_is_written_as_it_was_read(kind, given):
    request = parameters.parse(given, getattr(market_messages, kind))
    assert parameters.pairs(parameters.write(request).encode()) == given


def test_a_status_that_cannot_be_asked_for_is_refused():
    with pytest.raises(DecodeError) as refused:
        parameters.parse(
            {"symbol": "BTCUSDT", "symbolStatus": "CLOSED"}, market_messages.SymbolStatusRequest
        )
    assert refused.value.code == -1122
