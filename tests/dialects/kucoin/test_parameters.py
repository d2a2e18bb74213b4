"""Parameters from paths, queries and bodies, and the venue's own errors about them."""

import pytest

from steelyard.dialects.kucoin import classic, orders, parameters
from steelyard.dialects.kucoin.order_messages import DoneRequest, NewOrder, OrderRequest
from steelyard.domain.errors import DecodeError
from steelyard.wire.http import Request


def read(endpoint, target, body=b"", **captured):
    return parameters.read(Request(endpoint.method, target, {}, body), endpoint, captured)


def test_numbers_of_a_body_are_texts_digit_by_digit():
    body = b'{"symbol":"BTC-USDT","side":"buy","price":0.10000000000000001,"size":1e-5}'
    told = read(orders.PLACE, orders.ROOT, body)
    assert (told.price, told.size) == ("0.10000000000000001", "1e-5")


def test_empty_texts_null_and_names_that_there_are_not_are_passed_over():
    body = (
        b'{"symbol":"BTC-USDT","side":"buy","price":"1","size":"1","clientOid":"","trade_type":'
        b'null,"stp":"","broker":{"x":[1,{"y":2}]},"cancelAfter":-1}'
    )
    told = read(orders.PLACE, orders.ROOT, body)
    assert told == NewOrder(symbol="BTC-USDT", side="buy", price="1", size="1", cancelAfter=-1)


def test_the_path_wins_over_the_query_that_repeats_it():
    """As the venue's own SDK does."""
    told = read(orders.ORDER, f"{orders.ROOT}/a?orderId=b&symbol=BTC-USDT", orderId="a")
    assert told == OrderRequest(orderId="a", symbol="BTC-USDT")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b'{"symbol":"BTC-USDT"}', "side is required"),
        (b'{"side":"both","symbol":"BTC-USDT"}', "side is invalid"),
        (b'{"side":"buy","symbol":"BTC-USDT","postOnly":"perhaps"}', "postOnly is invalid"),
        (b'{"side":"buy","symbol":"BTC-USDT","cancelAfter":1.5}', "cancelAfter is invalid"),
        (b'{"side":"buy","symbol":{"a":1}}', "symbol is invalid"),
        (b'{"side":"buy","symbol":"\\u0000"}', "symbol is invalid"),
        (b"[]", "Bad Request"),
        (b"\xff", "Bad Request"),
        (b"{" * 5_000, "Bad Request"),
    ],
)
def test_what_is_wrong_is_said_in_the_venues_words(body, code):
    with pytest.raises(DecodeError) as refused:
        read(orders.PLACE, orders.ROOT, body)
    assert refused.value.code == code


def test_a_list_of_orders_is_read_order_by_order():
    endpoint = next(e for e in classic.ENDPOINTS if e.path.endswith("/multi"))
    with pytest.raises(DecodeError) as refused:
        read(endpoint, endpoint.path, b'{"symbol":"BTC-USDT","orderList":[{"price":"1"}]}')
    assert refused.value.code == "side is required"
    with pytest.raises(DecodeError) as refused:
        read(endpoint, endpoint.path, b'{"symbol":"BTC-USDT","orderList":"all"}')
    assert refused.value.code == "orderList is invalid"


def test_a_query_is_bounded_and_in_utf_8():
    for query in ("&".join(f"a{n}=1" for n in range(100)), "symbol=%ff", f"symbol={'x' * 2_000}"):
        with pytest.raises(DecodeError):
            read(orders.ACTIVE, f"{orders.ROOT}/active?{query}")


def test_what_is_written_is_read_back():
    request = DoneRequest(symbol="BTC-USDT", side="sell", lastId=7, limit=50)
    target, body = parameters.write(orders.DONE, request)
    assert (target, body) == (
        f"{orders.ROOT}/done?symbol=BTC-USDT&side=sell&lastId=7&limit=50",
        b"",
    )
    assert read(orders.DONE, target) == request
    target, body = parameters.write(orders.CANCEL, OrderRequest(orderId="a/b", symbol="X-Y"))
    assert target == f"{orders.ROOT}/a%2Fb?symbol=X-Y"
