import json

import pytest

from steelyard.dialects.kraken import funding_messages, messages, order_messages, parameters
from steelyard.domain.errors import DecodeError

ORDER = {"pair": "XBTUSDT", "type": "buy", "ordertype": "limit", "volume": "1", "price": "2"}


@pytest.mark.parametrize("word", ["True", "true", "1", True])
def test_booleans_come_in_any_case(word):
    read = parameters.parse({**ORDER, "validate": word}, order_messages.AddOrderRequest)
    assert read.validate is True


def test_a_form_and_json_say_the_same():
    form = b"pair=XBTUSDT&type=buy&ordertype=limit&volume=1.50&price=%2B1%25&close[ordertype]=limit"
    body = {**ORDER, "volume": 1.50, "price": "+1%", "close": {"ordertype": "limit"}, "nonce": 7}
    one = parameters.parse(parameters.body_of(form), order_messages.AddOrderRequest)
    other = parameters.parse(
        parameters.body_of(json.dumps(body).encode()), order_messages.AddOrderRequest
    )
    assert one == other
    assert (one.close_ordertype, one.price) == ("limit", "+1%")


def test_a_request_has_a_way_back():
    asked = order_messages.AddOrderRequest(
        **{**ORDER, "volume": 1}, close_price="#5", reduce_only=True
    )
    written = parameters.write(asked).encode()
    assert parameters.parse(parameters.body_of(written), order_messages.AddOrderRequest) == asked


@pytest.mark.parametrize(
    ("given", "error"),
    [
        ({}, "EGeneral:Invalid arguments:type"),
        ({**ORDER, "volume": "much"}, "EGeneral:Invalid arguments:volume"),
        ({**ORDER, "validate": "perhaps"}, "EGeneral:Invalid arguments:validate"),
        ({**ORDER, "userref": "x"}, "EGeneral:Invalid arguments:userref"),
    ],
)
def test_what_is_wrong_is_named(given, error):
    with pytest.raises(DecodeError) as told:
        parameters.parse(given, order_messages.AddOrderRequest)
    assert told.value.code == error


NO_NUMBERS = ["NaN", "sNaN", "Infinity", "-inf", "1_0", "\u0660.\u0660\u0661", " 0.01", "1" * 49]


@pytest.mark.parametrize("text", NO_NUMBERS)
def test_what_only_looks_like_a_number_is_none(text):
    """On every route, also in a batch: Python would take these."""
    order = {**ORDER, "volume": text}
    batch = {"pair": "XBTUSDT", "orders": [{**ORDER}, order]}
    for given, kind, name in [
        (order, order_messages.AddOrderRequest, "volume"),
        ({**ORDER, "displayvol": text}, order_messages.AddOrderRequest, "displayvol"),
        ({"txid": "O", "order_qty": text}, order_messages.AmendOrderRequest, "order_qty"),
        ({"asset": "XBT", "amount": text}, funding_messages.WithdrawInfoRequest, "amount"),
        (batch, order_messages.AddOrderBatchRequest, "volume"),
    ]:
        with pytest.raises(DecodeError) as told:
            parameters.parse(given, kind)
        assert told.value.code == f"EGeneral:Invalid arguments:{name}"


@pytest.mark.parametrize(
    "body", [b"{", b"[1]", b"\xff=1", b"{" * 100_000, b"&".join([b"a=1"] * 99)]
)
def test_what_is_no_body_is_told_so(body):
    with pytest.raises(DecodeError) as told:
        parameters.body_of(body)
    assert told.value.code == "EGeneral:Invalid arguments"


def test_what_is_empty_is_not_said():
    given = parameters.body_of(b"pair=XBTUSDT&since=")
    assert parameters.parse(given, messages.TradesRequest).since is None
