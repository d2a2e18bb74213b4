import pytest

from steelyard.dialects.coinbase_exchange import orders, parameters
from steelyard.dialects.coinbase_exchange.messages import (
    BookRequest,
    NewOrder,
    OrderRequest,
    OrdersRequest,
)
from steelyard.domain.errors import DecodeError
from steelyard.wire.http import Request


def read(body, endpoint=orders.PLACE):
    return parameters.read(Request("POST", "/orders", {}, body), endpoint, {})


def test_numbers_in_a_body_are_taken_digit_by_digit():
    """A client that sends numbers where texts belong loses no digit."""
    order = read(
        b'{"product_id":"BTC-USD","side":"buy","price":30000.000000000000000001,"size":0.1,'
        b'"post_only":true,"stp":null}'
    )
    assert order == NewOrder(
        product_id="BTC-USD",
        side="buy",
        price="30000.000000000000000001",
        size="0.1",
        post_only=True,
    )


@pytest.mark.parametrize(
    ("body", "field", "message"),
    [
        (b"[]", None, "JSON object"),
        (b"{", None, "JSON object"),
        (b"\xff", None, "JSON object"),
        (b'{"side":"buy"}', "product_id", "send product_id"),
        (b'{"product_id":"B","side":"hold"}', "side", "buy or sell"),
        (b'{"product_id":"B","side":"buy","type":"trailing"}', "type", "limit or market or stop"),
        (b'{"product_id":"B","side":"buy","post_only":"maybe"}', "post_only", "bool"),
        (b'{"product_id":"B","side":"buy","Size":"1"}', "size", "spelled size"),
        (b'{"product_id":"B","side":"buy","size":{"a":1}}', None, "no parameter is an object"),
        (b'{"product_id":"B\\u0000","side":"buy"}', "product_id", "cannot be printed"),
    ],
)
def test_what_is_wrong_is_named(body, field, message):
    with pytest.raises(DecodeError, match=message) as caught:
        read(body)
    assert caught.value.field == field


def test_names_that_the_venue_does_not_have_are_passed_over():
    assert read(b'{"product_id":"B","side":"buy","strategy":"x"}').product_id == "B"


def test_a_query_may_name_one_thing_several_times():
    request = Request("GET", "/orders?status=open&status=done&limit=5", {}, b"")
    found = parameters.read(request, orders.ORDERS, {})
    assert found == OrdersRequest(status=("open", "done"), limit=5)


def test_what_we_write_is_what_we_read():
    wanted = OrdersRequest(status=("all",), product_id="BTC-USD", limit=7)
    target, body = parameters.write(orders.ORDERS, wanted)
    assert (target, body) == ("/orders?status=all&product_id=BTC-USD&limit=7", b"")
    assert parameters.read(Request("GET", target, {}, body), orders.ORDERS, {}) == wanted
    target, _ = parameters.write(orders.QUERY, OrderRequest(order_id="client:a-b"))
    assert target == "/orders/client:a-b"
    assert parameters.parse({"product_id": ["B"], "level": ["3"]}, BookRequest).level == 3
