"""What a client end says that its requests cost is what the gate counts when they arrive."""

import pytest

from steelyard import dialects
from steelyard.dialects.kraken.limits import AMEND, CANCEL
from steelyard.dialects.native.limits import limits_from_wire, limits_to_wire
from steelyard.domain.commands import Amend, Cancel, CancelAll, Place
from steelyard.domain.errors import DecodeError, Unsupported
from steelyard.domain.instrument import Instrument, Listings
from steelyard.domain.messages import (
    MINUTE_NS,
    SECOND_NS,
    AccountQuery,
    BookQuery,
    CandlesQuery,
    ClockQuery,
    FillsQuery,
    InstrumentsQuery,
    KeyQuery,
    OrderQuery,
    OrdersQuery,
    TickersQuery,
    TradesQuery,
)
from steelyard.domain.order import OrderType, Side, TimeInForce
from steelyard.exchange.routes import Routes
from steelyard.wire.dialect import ApiKey, Auth, Paced
from steelyard.wire.http import Response
from steelyard.wire.limits import Counts, Kind, Limit, LimitProfile, Per, Used, ratelimit_headers

T0 = 1_700_000_000 * SECOND_NS
KEY = ApiKey("EXAMPLE", b"c2VjcmV0IGV4YW1wbGU=", "pass")
BTC_USD = Instrument.spot(
    0,
    (1, "BTC"),
    (2, "USD"),
    tick_size="0.01",
    lot_size="0.00001",
    price_max="1000000",
    size_max="1000",
    notional_min="5",
)
LISTINGS = Listings([BTC_USD])
NAME = "01234567-89ab-4cde-8fab-0123456789ab"
LIMIT = (Side.BUY, OrderType.LIMIT, TimeInForce.GTC, False)
MESSAGES = [
    Place(0, 0, *LIMIT, 5_000_000, 100_000, client_order_id=NAME),
    Cancel(0, 7, 0),
    CancelAll(0, 0),
    Amend(0, 7, None, 50, instrument_id=0),
    *(BookQuery(0, depth) for depth in (1, 5, 100, 101, 500, 1_000, 5_000)),
    ClockQuery(),
    InstrumentsQuery(),
    TradesQuery(0, 10),
    TradesQuery(0, 10, from_trade_id=5),
    TradesQuery(0, 10, start_ns=T0),
    CandlesQuery(0, MINUTE_NS, 100),
    TickersQuery((0,)),
    TickersQuery(),
    AccountQuery(0),
    KeyQuery("EXAMPLE"),
    OrderQuery(0, 0, 7),
    OrdersQuery(0, 10, 0, open_only=True),
    OrdersQuery(0, 10, open_only=True),
    OrdersQuery(0, 10, 0, open_only=False),
    FillsQuery(0, 10, 0),
]


@pytest.mark.parametrize("name", dialects.names())
def test_a_request_costs_what_the_gate_counts(name: str):
    """Of every message that the dialect has: route, weight, orders, and whether it needs a key."""
    dialect = dialects.find(name)
    client, routes = dialect.client, Routes(dialect.endpoints)
    assert isinstance(client, Paced)
    compared = 0
    for message in MESSAGES:
        try:
            request = client.request(message, LISTINGS, KEY, T0)
        except Unsupported:
            continue
        cost = client.cost(message, LISTINGS)
        endpoint, captured = routes.find(request.method, request.path)
        parameters = dialect.read(request, endpoint, captured)
        orders = endpoint.orders(parameters) if endpoint.is_order else 0
        told = (cost.method, cost.path, cost.weight, cost.orders, cost.is_public)
        counted = (endpoint.method, endpoint.path, endpoint.weight(parameters), orders)
        assert told == (*counted, endpoint.auth is Auth.NONE), message
        compared += 1
    assert compared >= 12


def test_a_deep_book_of_binance_weighs_250():
    """As the venue documents it: 1 to 100 levels 5, to 500 25, to 1,000 50, to 5,000 250."""
    client = dialects.find("binance").client
    weights = {depth: client.cost(BookQuery(0, depth), LISTINGS).weight for depth in (100, 5_000)}
    assert weights == {100: 5, 5_000: 250}


def test_on_kraken_what_depends_on_an_orders_age_costs_the_most_that_it_can():
    """Nobody here knows how old it is; a new order costs one."""
    client = dialects.find("kraken").client
    costs = [client.cost(message, LISTINGS) for message in MESSAGES[:2]]
    assert [(cost.pair, cost.pair_units) for cost in costs] == [("BTC-USD", 1), ("BTC-USD", 8)]
    assert max(units for _, units in CANCEL) == 8
    amend = client.cost(Amend(0, 7, None, 50, instrument_id=0), LISTINGS)
    assert amend.pair_units == 1 + max(units for _, units in AMEND)


@pytest.mark.parametrize("name", dialects.names())
def test_what_a_server_says_of_limits_its_client_reads(name: str):
    """Of one that the venue does not have, each says the same."""
    dialect = dialects.find(name)
    odd = Limit("odd", Per.IP, Counts.REQUESTS, 10, SECOND_NS, Kind.SLIDING)
    headers = ratelimit_headers((Used(odd, 4, T0),))
    (spent,) = dialect.client.spent(Response(200, headers, b""))
    assert (spent.name, spent.used) == ("odd", 4)
    assert dialect.client.spent(Response(200, {}, b"")) == ()
    torn = {**headers, "x-ratelimit-remaining": "-3"}
    assert dialect.client.spent(Response(200, torn, b"")) == ()


@pytest.mark.parametrize("name", dialects.names())
def test_the_limits_are_asked_for_where_the_venue_tells_them(name: str):
    """Native and Binance do; of the others nothing is asked, and nothing believed."""
    client = dialects.find(name).client
    request = client.limits_request()
    assert (request is not None) == (name in ("native", "binance"))
    if request is not None:
        endpoint, _ = Routes(dialects.find(name).endpoints).find(request.method, request.path)
        assert endpoint.auth is Auth.NONE
    with pytest.raises(DecodeError):
        client.limits_of(Response(200, {}, b"nothing"))


def test_the_native_limits_are_read_as_they_were_told():
    """Both ends, whatever is in force."""
    dialect = dialects.find("native")
    told = limits_to_wire(dialect.limits, dialect.endpoints)
    found = limits_from_wire(told)
    assert found == dialect.limits._replace(
        revoke_after=found.revoke_after, revoke_within_ns=found.revoke_within_ns
    )
    odd = LimitProfile(
        (Limit("o", Per.KEY, Counts.ORDERS, 3, SECOND_NS, Kind.BUCKET, ("public",)),)
    )
    assert limits_from_wire(limits_to_wire(odd, ())).limits == odd.limits
