from urllib.parse import parse_qsl

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from steelyard.dialects.binance import DIALECT, market, orders, parameters
from steelyard.dialects.binance.messages import OrderRequest, TickerRequest
from steelyard.domain.errors import DecodeError
from steelyard.wire.http import Request

ORDER = "symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=GTC&quantity=1&price=5"
AMOUNT = r"legal range is '^([0-9]{1,20})(\.[0-9]{1,20})?$'."


def read(query: str = "", body: bytes = b"", endpoint=orders.PLACE):
    return DIALECT.read(
        Request(endpoint.method, f"{endpoint.path}?{query}", {}, body), endpoint, {}
    )


def test_parameters_come_from_query_and_body_and_the_query_wins():
    request = read("symbol=BTCUSDT&price=7", ORDER.replace("BTCUSDT", "ETHUSDT").encode())
    assert (request.symbol, request.price, request.side) == ("BTCUSDT", 7, "BUY")


def test_a_delete_may_have_a_form():
    """python-binance sends one."""
    request = read("", b"orderId=5&symbol=BTCUSDT", orders.CANCEL)
    assert (request.symbol, request.orderId) == ("BTCUSDT", 5)


def test_what_signing_needs_is_no_parameter_of_the_request():
    assert read(f"{ORDER}&timestamp=1&recvWindow=5000&signature=ab") == read(ORDER)


# (query, code, the venue's words)
BAD = [
    ("", -1102, "Mandatory parameter 'symbol' was not sent, was empty/null, or malformed."),
    ("symbol=&side=BUY", -1102, "Mandatory parameter 'symbol' was not sent"),
    (f"{ORDER}&stopPrice=", -1105, "Parameter 'stopPrice' was empty."),
    (ORDER.replace("quantity=1", "quantity=-1"), -1100, AMOUNT),
    (ORDER.replace("quantity=1", "quantity=1e30"), -1100, AMOUNT),
    (ORDER.replace("quantity=1", "quantity=1" + "0" * 30), -1100, AMOUNT),
    (ORDER.replace("quantity=1", "quantity=abc"), -1100, AMOUNT),
    (ORDER.replace("quantity=1", "quantity=NaN"), -1100, AMOUNT),
    (ORDER.replace("quantity=1", "quantity=%D9%A1"), -1100, AMOUNT),  # an Arabic 1
    (
        ORDER.replace("quantity=1", "quantity=0.123456789"),
        -1111,
        "Parameter 'quantity' has too much precision.",
    ),
    (ORDER.replace("BTCUSDT", "btc/usdt"), -1100, "parameter 'symbol'; legal range is '^[A-Z0-9"),
    (ORDER.replace("BUY", "buy"), -1117, "Invalid side."),
    (ORDER.replace("LIMIT", "FANCY"), -1116, "Invalid orderType."),
    (ORDER.replace("GTC", "GTD"), -1115, "Invalid timeInForce."),
    (f"{ORDER}&newOrderRespType=LONG", -1130, "Data sent for parameter 'newOrderRespType'"),
    (f"{ORDER}&newClientOrderId={'x' * 37}", -1100, "parameter 'newClientOrderId'"),
    (f"{ORDER}&newClientOrderId=a%20b", -1100, "parameter 'newClientOrderId'"),
    (
        f"{ORDER}&reduceOnly=true",
        -1104,
        "Not all sent parameters were read; read '6' parameter(s) but was sent '7'.",
    ),
    (f"{ORDER}&price=6", -1101, "Duplicate values for a parameter detected."),
    (f"{ORDER}&newClientOrderId=%FF", -1100, "Illegal characters found in a parameter."),
    ("&".join(f"a{n}=1" for n in range(100)), -1101, "Too many parameters sent"),
]


@pytest.mark.parametrize(("query", "code", "words"), BAD)
def test_bad_parameters_are_refused_in_the_venues_words(query, code, words):
    """And each says what would be right."""
    with pytest.raises(DecodeError) as caught:
        read(query)
    assert caught.value.code == code
    assert words in str(caught.value)
    assert str(caught.value).endswith(")")


@pytest.mark.parametrize(
    ("value", "code"),
    [("0", -1130), ("-5", -1100), ("x", -1100), ("9" * 20, -1108)],
)
def test_a_bad_limit_is_refused(value, code):
    with pytest.raises(DecodeError) as caught:
        read(f"symbol=BTCUSDT&limit={value}", endpoint=market.DEPTH)
    assert caught.value.code == code


def test_a_large_limit_is_the_largest_that_there_is():
    assert read("symbol=BTCUSDT&limit=999999", endpoint=market.DEPTH).limit == 5_000


@pytest.mark.parametrize(
    "value", ["BTCUSDT", "[]", '["BTCUSDT",5]', '["btcusdt"]', '["A","A"]', "[" * 5_000, "{}"]
)
def test_a_list_of_symbols_is_json(value):
    with pytest.raises(DecodeError):
        parameters.value_of("symbols", value)


@pytest.mark.parametrize(
    "body", [b"{}", b'{"symbol":"BTCUSDT"}', b"[" * 10_000, b"\xff\xfe", b"%ff", b"\x00" * 100]
)
def test_a_body_that_is_no_form_is_refused(body):
    with pytest.raises(DecodeError) as caught:
        read("", body)
    assert caught.value.code in {-1100, -1102, -1104}


def test_the_wallet_ignores_what_it_does_not_know():
    """`/sapi` routes do, and clients send them whatever they have."""
    fees = next(e for e in DIALECT.endpoints if e.path.endswith("tradeFee"))
    assert read("symbol=BTCUSDT&foo=1", endpoint=fees).symbol == "BTCUSDT"


def test_every_parameter_of_every_request_has_a_row():
    named = {
        field.name
        for endpoint in DIALECT.endpoints
        for field in msgspec.structs.fields(endpoint.request)
    }
    assert named <= set(parameters.PARAMETERS)


def outcome(reading):
    """Return what was read, or the code of the DecodeError; anything else is a failure."""
    try:
        return reading()
    except DecodeError as error:
        return error.code


@given(st.sampled_from(DIALECT.endpoints), st.text(max_size=40), st.binary(max_size=40))
def test_garbage_is_a_decode_error_or_nothing_new(endpoint, query, body):
    """Whatever comes in, nothing but a request struct or a DecodeError with a code comes out."""
    found = outcome(lambda: read(query, body, endpoint))
    assert isinstance(found, int | endpoint.request)


names = st.sampled_from(sorted(parameters.PARAMETERS))
values = st.text(alphabet='0123456789.-eE+_ ABCUSDTabc[]",{}\u0661', max_size=12)


@given(st.sampled_from(DIALECT.endpoints), st.dictionaries(names, values, max_size=8))
def test_known_names_with_odd_values_too(endpoint, given_texts):
    found = outcome(lambda: parameters.parse(given_texts, endpoint.request, is_strict=False))
    if not isinstance(found, int):
        again = parameters.pairs(parameters.write(found).encode())
        assert parameters.parse(again, endpoint.request) == found


def test_requests_are_written_without_their_defaults():
    """And percent-encoded: what is signed is what is sent."""
    assert parameters.write(TickerRequest(symbols=("BTCUSDT",))) == "symbols=%5B%22BTCUSDT%22%5D"
    order = read(ORDER)
    assert isinstance(order, OrderRequest)
    assert parameters.write(order) == ORDER


def test_json_parameters_are_the_texts_of_a_query():
    """A number is its decimal text, a flag is true or false, a list stays JSON."""
    given_json = {"a": "x", "b": 5, "c": True, "d": ["A", "B"], "e": "0.10"}
    assert parameters.texts_of(given_json) == {
        "a": "x",
        "b": "5",
        "c": "true",
        "d": '["A","B"]',
        "e": "0.10",
    }
    for bad in ({"a": None}, {"a": {"b": 1}}):
        with pytest.raises(DecodeError) as caught:
            parameters.texts_of(bad)
        assert caught.value.code == -1102


odd = st.sampled_from(
    ["BTCUSDT", "BUY", "LIMIT", "GTC", "1", "0.5", "0.123456789", "1.", "id-1", "x" * 37, "\u0661"]
)


def said(reading):
    try:
        return reading()
    except DecodeError as error:
        return error.code, str(error)


@given(
    st.sampled_from([orders.PLACE, orders.CANCEL, orders.ALL]),
    st.dictionaries(names | st.sampled_from(["sise", "timestamp"]), values | odd, max_size=8),
    st.booleans(),
)
def test_plain_parameters_are_read_as_any_others(endpoint, given_texts, is_good):
    """Most requests take a short way; the long one makes the same of them, or refuses them."""
    whole = {**(dict(parameters.pairs(ORDER.encode())) if is_good else {}), **given_texts}
    found = said(lambda: parameters.parse(whole, endpoint.request))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(parameters, "_plain_values", lambda *_: None)
        assert said(lambda: parameters.parse(whole, endpoint.request)) == found


@given(st.text(alphabet="gh=&%+2;\u00e9", max_size=24).map(str.encode))
def test_pairs_are_those_of_the_standard_library(text):
    """What is split in one go is what `parse_qsl` makes of it."""
    expected = parse_qsl(text.decode(), keep_blank_values=True)
    found = said(lambda: parameters.pairs(text))
    if len(dict(expected)) == len(expected):
        assert found == dict(expected)
    else:
        assert found[0] == -1101
