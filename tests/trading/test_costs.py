import pytest

from steelyard import dialects
from steelyard.domain.commands import Place
from steelyard.domain.instrument import Listings
from steelyard.domain.messages import (
    SECOND_NS,
    AccountQuery,
    ClockQuery,
    FillsQuery,
    InstrumentsQuery,
    KeyQuery,
    OrdersQuery,
)
from steelyard.domain.order import OrderType, Side, TimeInForce
from steelyard.trading.connector import Connector
from steelyard.trading.costs import UNKNOWN, WEIGHT, costs_of
from steelyard.wire.dialect import ApiKey
from steelyard.wire.http import Request
from steelyard.wire.outcome import NotSent
from tests.trading.venue import BTC_USDT

T0 = 1_700_000_000 * SECOND_NS
KEY = ApiKey("key", b"secret", "passphrase")
NUMBER = 1 << 64
START = (
    ClockQuery(),
    InstrumentsQuery(),
    KeyQuery(KEY.key),
    AccountQuery(0),
    OrdersQuery(0, BTC_USDT.instrument_id, open_only=True),
    FillsQuery(0, 1_000, instrument_id=BTC_USDT.instrument_id),
)


def place(client) -> Place:
    return Place(
        0,
        BTC_USDT.instrument_id,
        Side.BUY,
        OrderType.LIMIT,
        TimeInForce.GTC,
        False,
        1,
        100,
        client_order_id=client.client_order_id(NUMBER),
    )


@pytest.mark.parametrize("name", dialects.names())
def test_what_a_trader_asks_at_its_start_is_within_the_venues_limits(name):
    """And an order right after it, which is charged as the venue charges it."""
    dialect = dialects.find(name)
    connector = Connector(dialect.client, KEY, dialect.limits, costs_of(dialect))
    connector.listings = Listings((BTC_USDT,))
    for message in (*START, place(dialect.client)):
        assert not isinstance(connector.request(message, T0), NotSent), message


def test_a_route_costs_what_the_venue_counts_for_it():
    """Kraken: two for a list of trades, one for the balance, nothing for an order."""
    dialect = dialects.find("kraken")
    cost = costs_of(dialect)
    listings = Listings((BTC_USDT,))
    asked = (*START[3:], place(dialect.client))
    found = [cost(dialect.client.request(each, listings, KEY, T0)) for each in asked]
    assert [each.weight for each in found] == [1, 1, 2, 0]
    assert not any(each.is_public for each in found)
    assert cost(dialect.client.request(ClockQuery(), listings, KEY, T0)).is_public


def test_what_is_not_in_the_table_costs_what_nothing_a_trader_asks_does():
    dialect = dialects.find("kraken")
    assert costs_of(dialect)(Request("GET", "/nowhere", {}, b"")) == UNKNOWN
    assert UNKNOWN.weight == WEIGHT
