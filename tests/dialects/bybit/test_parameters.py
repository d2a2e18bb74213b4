import msgspec
import pytest

from steelyard.dialects.bybit import orders, parameters
from steelyard.dialects.bybit.order_messages import BatchRequest, NewOrder, OrdersRequest
from steelyard.domain.errors import DecodeError
from steelyard.wire.http import Request

ORDER = {"category": "spot", "symbol": "BTCUSDT", "side": "Buy", "orderType": "Limit", "qty": "1"}


def test_numbers_are_taken_digit_by_digit():
    """As texts and as numbers: 0.10 stays 0.10."""
    body = b'{"symbol":"BTCUSDT","side":"Buy","orderType":"Limit","qty":0.10,"price":50000}'
    found = parameters.parse(parameters.from_body(body), NewOrder)
    assert (found.qty, found.price) == ("0.10", "50000")


def test_flags_are_zero_and_one_and_what_is_empty_is_not_there():
    found = parameters.parse({**ORDER, "isLeverage": 0, "price": "", "orderLinkId": None}, NewOrder)
    assert (found.isLeverage, found.price, found.orderLinkId) == (0, None, None)


def test_names_that_the_venue_does_not_have_are_passed_over():
    assert parameters.parse({**ORDER, "clientOrderId": "x"}, NewOrder).orderLinkId is None


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ({k: v for k, v in ORDER.items() if k != "qty"}, "qty"),
        ({**ORDER, "triggerDirection": "up"}, "triggerDirection"),
        ({**ORDER, "qty": {"a": 1}}, "qty"),
        ({**ORDER, "qty": "1" * 600}, "qty"),
    ],
)
def test_what_is_wrong_is_named(given, name):
    with pytest.raises(DecodeError, match=name):
        parameters.parse(given, NewOrder)


def test_a_body_is_an_object_and_a_query_is_utf8():
    for body in (b"[]", b"{", b"\xff", b'"x"'):
        with pytest.raises(DecodeError, match="body"):
            parameters.from_body(body)
    assert parameters.from_body(b" ") == {}
    with pytest.raises(DecodeError, match="query"):
        parameters.pairs("a=%ff")
    with pytest.raises(DecodeError, match="query"):
        parameters.pairs("&".join(f"a{n}=1" for n in range(100)))


def test_a_batch_keeps_its_entries_as_they_are():
    found = parameters.parse({"category": "spot", "request": [{"qty": 1, "x": ""}]}, BatchRequest)
    assert found.request == ({"qty": "1"},)
    with pytest.raises(DecodeError, match="request"):
        parameters.parse({"category": "spot", "request": [{}] * 33}, BatchRequest)


def test_a_request_is_written_as_it_is_read():
    request = OrdersRequest("spot", "BTCUSDT", orderLinkId="a-b", limit=5)
    target, body = parameters.write(orders.REALTIME, request)
    assert body == b""
    read = parameters.read(Request("GET", target, {}, b""), orders.REALTIME, {})
    assert read == request
    order = msgspec.convert(ORDER, NewOrder)
    target, body = parameters.write(orders.PLACE, order)
    assert parameters.read(Request("POST", target, {}, body), orders.PLACE, {}) == order
