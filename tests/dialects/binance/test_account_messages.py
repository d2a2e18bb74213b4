"""What the venue's documentation shows, through our structs; samples are in test_messages."""

import msgspec
import pytest

from steelyard.dialects.binance import account_messages, parameters

# From the documentation (rest-api.md, read 2026-07-21), but for the numbers.
MY_FILTERS = (
    '{"exchangeFilters":[],"symbolFilters":[{"filterType":"MAX_NUM_ORDER_LISTS",'
    '"maxNumOrderLists":20}],"assetFilters":[{"filterType":"MAX_ASSET","asset":"JPY"}]}'
)


def test_filters_that_we_do_not_know_keep_their_names():
    decoded = msgspec.json.decode(MY_FILTERS, type=account_messages.MyFilters)
    encoded = msgspec.json.decode(msgspec.json.encode(decoded))
    assert encoded["symbolFilters"] == [{"filterType": "MAX_NUM_ORDER_LISTS"}]
    assert encoded["assetFilters"] == [{"filterType": "MAX_ASSET"}]


@pytest.mark.parametrize(
    ("kind", "given"),
    [
        ("AccountRequest", {"omitZeroBalances": "true"}),
        ("MyTradesRequest", {"symbol": "BTCUSDT", "orderId": "5", "fromId": "7"}),
        ("PreventedMatchesRequest", {"symbol": "BTCUSDT", "preventedMatchId": "5"}),
    ],
)
def test_a_request_is_written_as_it_was_read(kind, given):
    request = parameters.parse(given, getattr(account_messages, kind))
    assert parameters.pairs(parameters.write(request).encode()) == given
