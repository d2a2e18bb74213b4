"""The client half where it is not the conformance kit's: nonces, and what the venue leaves open."""

import pytest
from msgspec.structs import replace

from steelyard.dialects.kraken import text
from steelyard.dialects.kraken.client import KrakenClient, call_of
from steelyard.domain.commands import Amend, Cancel, CancelAll, Deposit, Place
from steelyard.domain.errors import AuthError, Unsupported
from steelyard.domain.instrument import Listings
from steelyard.domain.lifecycle import OrderState
from steelyard.domain.messages import (
    AccountQuery,
    Acknowledged,
    BookQuery,
    BookSnapshot,
    OrderAnswer,
    OrderQuery,
    TradesQuery,
)
from steelyard.domain.order import OrderType, Side, TimeInForce
from steelyard.wire.dialect import ApiKey
from steelyard.wire.http import Response
from steelyard.wire.outcome import Answered, Unknown
from tests.shared.desk import BTC_USDT

LISTINGS = Listings([BTC_USDT])
KEY = ApiKey("KEY", b"c2VjcmV0")
PLACE = Place(
    *(0, 0, Side.BUY, OrderType.LIMIT, TimeInForce.GTC, False, 5_000_000, 1_000),
    client_order_id="mine",
)


def nonce(request) -> int:
    return int(request.body.partition(b"nonce=")[2].partition(b"&")[0])


def test_nonces_rise_also_when_time_does_not():
    client = KrakenClient()
    sent = [client.request(PLACE, LISTINGS, KEY, now_ns) for now_ns in (100, 100, 50, 200)]
    assert [nonce(request) for request in sent] == [100, 101, 102, 200]


def test_what_needs_a_key_says_so():
    with pytest.raises(AuthError, match="Balance"):
        KrakenClient().request(AccountQuery(0), LISTINGS, None, 0)


def test_an_order_that_was_taken_up_is_as_it_was_asked_for():
    body = b'{"error":[],"result":{"txid":["OAAAAA-AAAAA-AAAAAA"],"descr":{"order":"buy"}}}'
    outcome = KrakenClient().outcome(PLACE, Response(200, {}, body), LISTINGS, 0)
    assert isinstance(outcome, Answered)
    assert isinstance(outcome.answer, OrderAnswer)
    order = outcome.answer.order
    assert (order.client_order_id, order.state) == ("mine", OrderState.WORKING)
    assert (order.size_lots, order.filled_lots) == (1_000, 0)


@pytest.mark.parametrize(
    "body",
    [
        b'{"error":[],"result":{"descr":{"order":"buy"}}}',
        b'{"error":[],"result":{"txid":["what"],"descr":{"order":"buy"}}}',
        b'{"error":[]}',
        b"<html>",
    ],
)
def test_an_order_whose_answer_cannot_be_read_may_have_arrived(body):
    outcome = KrakenClient().outcome(PLACE, Response(200, {}, body), LISTINGS, 0)
    assert isinstance(outcome, Unknown)


def test_a_warning_is_no_error():
    body = b'{"error":["WGeneral:Be careful"],"result":{"count":1}}'
    outcome = KrakenClient().outcome(Cancel(0, 5), Response(200, {}, body), LISTINGS, 0)
    assert outcome == Answered(Acknowledged(1))


def test_what_kraken_does_not_have_is_said():
    other = replace(BTC_USDT, instrument_id=1, symbol="ETH-USDT", base="ETH", base_asset_id=9)
    two = Listings([BTC_USDT, other])
    with pytest.raises(Unsupported, match="all pairs at once"):
        call_of(CancelAll(0, 0), two)
    for message in (Deposit(0, 1, 1), TradesQuery(0, 5, from_trade_id=1)):
        with pytest.raises(Unsupported):
            call_of(message, LISTINGS)


def test_an_order_of_before_a_restart_is_named_by_its_client_id_or_read_first(monkeypatch):
    """What an order's id was is not in its number; a wrong one is never sent."""
    txid = "OUF4EM-FRGI2-MQMWZD"
    number = text.order_number(txid)
    assert number is not None
    amend = Amend(0, number, None, 2_000, instrument_id=0)
    client = KrakenClient()
    assert txid.encode() in client.request(amend, LISTINGS, KEY, 1).body
    monkeypatch.setattr(text, "_foreign", {})
    by_name = Cancel(0, number, client_order_id="mine")
    assert b"cl_ord_id=mine" in client.request(by_name, LISTINGS, KEY, 2).body
    for message in (amend, Cancel(0, number), OrderQuery(0, order_id=number)):
        with pytest.raises(Unsupported, match="read the orders first"):
            client.request(message, LISTINGS, KEY, 3)
    assert text.order_number(txid) == number
    assert txid.encode() in client.request(amend, LISTINGS, KEY, 4).body


def test_an_order_is_amended_by_its_own_name():
    """An order keeps its cl_ord_id here: under another one the venue finds nothing."""
    amend = Amend(0, 5, 6_000_000, None, None, BTC_USDT.instrument_id, "mine")
    request = call_of(amend, LISTINGS).parameters
    assert (request.cl_ord_id, request.txid) == ("mine", None)
    request = call_of(replace(amend, client_order_id=""), LISTINGS).parameters
    assert request.cl_ord_id is None
    assert request.txid is not None


def test_a_book_that_is_asked_for_has_no_number():
    """The changes that the stream tells cannot be joined to it."""
    body = b'{"error":[],"result":{"XBTUSDT":{"asks":[],"bids":[["50000.00","0.10000000",1]]}}}'
    outcome = KrakenClient().outcome(BookQuery(0, 5), Response(200, {}, body), LISTINGS, 0)
    assert isinstance(outcome, Answered)
    assert isinstance(outcome.answer, BookSnapshot)
    assert not outcome.answer.is_numbered
