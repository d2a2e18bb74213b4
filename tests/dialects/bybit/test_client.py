import msgspec
import pytest

from steelyard.dialects.bybit import DIALECT
from steelyard.domain.commands import Amend, Cancel, CancelAll
from steelyard.domain.errors import AuthError, DecodeError, Unsupported
from steelyard.domain.messages import (
    MINUTE_NS,
    Acknowledged,
    BookQuery,
    CandlesQuery,
    ClockQuery,
    TickersQuery,
    TradesQuery,
)
from steelyard.sim.conformance import place
from steelyard.sim.stand import Stand
from steelyard.wire.http import Response
from steelyard.wire.outcome import Answered, Unknown

CLIENT = DIALECT.client


@pytest.fixture
def stand():
    return Stand(DIALECT)


def test_an_order_is_placed_amended_and_canceled_by_its_own_name(stand):
    key = stand.key_of("alice")
    placed = stand.ask(place(client_order_id="mine"), key).order
    assert (placed.client_order_id, placed.size_lots) == ("mine", 1_000)
    amend = Amend(0, placed.order_id, 4_900_000, 2_000, instrument_id=0)
    assert stand.ask(amend, key) == Acknowledged()
    assert tuple(stand.exchange.levels(0, 1).bids) == ((4_900_000, 2_000),)
    assert stand.ask(Cancel(0, 0, 0, "mine"), key) == Acknowledged()


def test_how_many_were_canceled_is_told(stand):
    key = stand.key_of("alice")
    for ticks in (4_000_000, 4_100_000):
        stand.ask(place(price_ticks=ticks), key)
    assert stand.ask(CancelAll(0, None), key) == Acknowledged(2)


def test_a_private_request_needs_a_key_and_a_cancel_its_instrument(stand):
    with pytest.raises(AuthError, match="steelyard key create"):
        CLIENT.request(place(), stand.listings, None, 0)
    for message in (Cancel(0, 5), Amend(0, 5, 1, None)):
        with pytest.raises(Unsupported, match="instrument"):
            CLIENT.request(message, stand.listings, stand.key_of("alice"), 0)


@pytest.mark.parametrize(
    "query",
    [
        TradesQuery(0, 10, from_trade_id=5),
        TradesQuery(0, 10, start_ns=5),
        CandlesQuery(0, 7 * MINUTE_NS, 10),
        CandlesQuery(0, MINUTE_NS, 10, offset_ns=5),
        TickersQuery((0, 0)),
    ],
)
def test_what_the_venue_does_not_offer_is_not_asked(stand, query):
    with pytest.raises(Unsupported):
        CLIENT.request(query, stand.listings, None, 0)


def test_a_deep_book_is_as_deep_as_there_is(stand):
    target = CLIENT.request(BookQuery(0, 5_000), stand.listings, None, 0).target
    assert "limit=1000" in target


def test_candles_from_a_time_on_end_where_the_limit_does(stand):
    query = CandlesQuery(0, MINUTE_NS, 10, start_ns=60 * MINUTE_NS)
    target = CLIENT.request(query, stand.listings, None, 0).target
    assert "start=3600000" in target
    assert "end=4140000" in target


def test_a_success_without_a_result_proves_nothing(stand):
    """Of a command; of a query it is garbage."""
    body = b'{"retCode":0,"retMsg":"OK","result":{},"time":1}'
    outcome = CLIENT.outcome(place(), Response(200, {}, body), stand.listings, 0)
    assert isinstance(outcome, Unknown)
    with pytest.raises(DecodeError):
        CLIENT.outcome(ClockQuery(), Response(200, {}, body), stand.listings, 0)


@pytest.mark.parametrize("text", ["OK", "success", "SUCCESS", ""])
def test_only_the_code_says_whether_it_is_a_yes(stand, text):
    result = {"orderId": "77", "orderLinkId": ""}
    body = msgspec.json.encode({"retCode": 0, "retMsg": text, "result": result})
    outcome = CLIENT.outcome(place(), Response(200, {}, body), stand.listings, 0)
    assert isinstance(outcome, Answered)
    assert outcome.answer.order.order_id == 77


def test_a_request_is_good_for_five_seconds(stand):
    assert CLIENT.expiry_ns(place()) == 5 * 10**9
    assert CLIENT.expiry_ns(ClockQuery()) is None
