import json

import pytest

from steelyard.dialects.okx import algos, orders
from steelyard.dialects.okx.order_messages import AttachedAlgo, NewOrder, NewOrders
from steelyard.dialects.okx.parameters import read, write
from steelyard.domain.errors import DecodeError
from steelyard.wire.http import Request


def given(body, endpoint=orders.PLACE, **headers):
    text = body if isinstance(body, bytes) else json.dumps(body).encode()
    return read(Request("POST", endpoint.path, headers, text), endpoint, {})


ORDER = {"instId": "BTC-USDT", "tdMode": "cash", "side": "buy", "ordType": "limit", "sz": "1"}


def test_nothing_is_as_good_as_not_there():
    """python-okx sends every optional field as an empty text, and null."""
    said = {**ORDER, "px": 30000.10, "clOrdId": "", "tag": None, "attachAlgoOrds": None}
    (order,) = given(said).items
    assert (order.px, order.clOrdId, order.tag, order.attachAlgoOrds) == ("30000.1", None, None, ())


def test_numbers_keep_their_digits():
    body = json.dumps(ORDER).replace('"1"', "1.50").encode()
    assert given(body).items[0].sz == "1.50"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "50000"),
        (b"{", "50002"),
        (b"[1]", "50002"),
        (b"[]", "50002"),
        ({**ORDER, "side": ""}, "50014"),
        ({**ORDER, "reduceOnly": "perhaps"}, "51000"),
        ({**ORDER, "sz": {"a": 1}}, "51000"),
        ({**ORDER, "clOrdId": "x" * 1_000}, "51000"),
    ],
)
def test_what_cannot_be_read_has_its_code(body, code):
    with pytest.raises(DecodeError) as raised:
        given(body)
    assert raised.value.code == code


def test_batches_are_arrays_and_single_orders_objects():
    assert len(given([ORDER, ORDER], orders.PLACE_BATCH).items) == 2
    for body, endpoint in (([ORDER], orders.PLACE), (ORDER, orders.PLACE_BATCH)):
        with pytest.raises(DecodeError):
            given(body, endpoint)
    change = {"instId": "BTC-USDT", "algoId": "1", "newSz": "2"}
    for body in (change, [change]):  # some clients send a list
        assert given(body, algos.AMEND).items[0].newSz == "2"


def test_a_header_says_until_when_it_may_come():
    assert given(ORDER, exptime="5").expTime == "5"


def test_another_kind_of_body_is_told():
    with pytest.raises(DecodeError) as raised:
        given(ORDER, **{"content-type": "text/plain"})
    assert raised.value.code == "50006"


def test_what_is_written_is_read():
    exits = AttachedAlgo(slTriggerPx="1", slOrdPx="-1")
    order = NewOrder(
        instId="BTC-USDT", side="buy", ordType="limit", sz="1", attachAlgoOrds=(exits,)
    )
    for endpoint in (orders.PLACE, orders.PLACE_BATCH):
        target, body = write(endpoint, NewOrders(items=(order,)))
        assert target == endpoint.path
        assert given(body, endpoint) == NewOrders(items=(order,))
        assert b"null" not in body


def test_a_query_is_percent_encoded_and_bounded():
    request = Request("GET", "/x?" + "&".join(f"a{n}=1" for n in range(100)), {}, b"")
    with pytest.raises(DecodeError):
        read(request, orders.PLACE._replace(method="GET"), {})
