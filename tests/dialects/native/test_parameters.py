import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steelyard.dialects.native import DIALECT, requests
from steelyard.dialects.native.parameters import build, nearest, parse_object, plan, read
from steelyard.domain.errors import DecodeError
from steelyard.wire.http import Request

ROUTES = {(e.method, e.path): e for e in DIALECT.endpoints}
PLACE = ROUTES["POST", "/api/v1/orders"]
BOOK = ROUTES["GET", "/api/v1/book"]
AMEND = ROUTES["PATCH", "/api/v1/orders/{order_id}"]
ORDER = ROUTES["GET", "/api/v1/orders/{order_id}"]
ORDERS = ROUTES["GET", "/api/v1/orders"]
GOOD = {"symbol": "BTC-USDT", "side": "buy", "type": "limit", "size": "0.01", "price": "61000.10"}


def place(**changes):
    """Read a good order with something else in it; None takes a field out."""
    body = {k: v for k, v in {**GOOD, **changes}.items() if v is not ...}
    return read(Request("POST", PLACE.path, {}, json.dumps(body).encode()), PLACE, {})


def read_body(body: bytes):
    return read(Request("POST", PLACE.path, {}, body), PLACE, {})


def read_query(query: str, endpoint=BOOK, captured=None):
    target = endpoint.path + (f"?{query}" if query else "")
    return read(Request(endpoint.method, target, {}, b""), endpoint, captured or {})


def refused(function, *arguments, **named) -> tuple[str, str | None]:
    with pytest.raises(DecodeError) as caught:
        function(*arguments, **named)
    return str(caught.value), caught.value.field


def test_a_good_order_is_read_with_its_defaults():
    """What is not given has the value that the documentation names."""
    order = place()
    assert (order.size, order.price) == ("0.01", "61000.10")
    assert (order.post_only, order.self_trade, order.time_in_force) == (
        False,
        "cancel_oldest",
        None,
    )


def test_null_is_the_same_as_nothing():
    """Programs that send every field may send null for what they do not mean."""
    order = place(type="market", price=None, client_order_id=None, time_in_force=None)
    assert order.price is None


@pytest.mark.parametrize(
    ("changes", "field", "message"),
    [
        ({"prise": "1"}, "prise", 'unknown parameter "prise"; did you mean price? POST /api'),
        ({"quantity": "1"}, "quantity", "did you mean size?"),
        ({"timeInForce": "gtc"}, "timeInForce", "did you mean time_in_force?"),
        ({"zzz": "1"}, "zzz", "takes symbol, side, type, size, quote_amount,"),
        ({"side": ...}, "side", 'side is missing; it must be "buy" or "sell"'),
        (
            {"side": ..., "symbol": ...},
            "symbol",
            'symbol is missing (so is side); it must be a symbol such as "BTC-USDT"',
        ),
        ({"side": "bye"}, "side", 'must be "buy" or "sell"; got "bye"; did you mean "buy"?'),
        ({"side": 1}, "side", "got the number 1"),
        ({"side": None}, "side", 'must be "buy" or "sell"; got null'),
        ({"size": 0.01}, "size", 'such as "0.01"; got the number 0.01: put it in quotes'),
        ({"size": True}, "size", "got true"),
        ({"size": ["1"]}, "size", "got a list"),
        ({"size": {}}, "size", "got an object"),
        ({"size": ""}, "size", 'got ""'),
        ({"size": "1\n"}, "size", 'got "1\\n"'),
        ({"size": "x" * 200}, "size", '..."'),
        ({"post_only": "yes"}, "post_only", 'must be true or false; got "yes"'),
        ({"client_order_id": "a b"}, "client_order_id", 'must be a client order id such as "bot1'),
        ({"client_order_id": "ok\n"}, "client_order_id", 'got "ok\\n"'),
        ({"time_in_force": "GTC"}, "time_in_force", 'got "GTC"; did you mean "gtc"?'),
    ],
)
def test_a_wrong_field_is_named_with_its_mend(changes, field, message):
    """Each refusal says what was expected, what came, and what was probably meant."""
    said, where = refused(place, **changes)
    assert where == field
    assert message in said


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "the body is empty; send a JSON object"),
        (b"  \n", "the body is empty"),
        (b"{", "the body is not valid JSON"),
        (b"{'side': 1}", "the body is not valid JSON"),
        (b'{"side": NaN}', "the body is not valid JSON"),
        (b'{"side": "\\ud800"}', "the body is not valid JSON"),
        (b"\xef\xbb\xbf{}", "the body is not valid JSON"),
        ('{"side": "buy"}'.encode("utf-16"), "the body is not UTF-8: byte 0xff at position 0"),
        (b'{"side": "\xc3"}', "the body is not UTF-8: byte 0xc3 at position 10"),
        (b"[1]", "the body must be a JSON object, {...}; got a list"),
        (b'"x"', 'the body must be a JSON object, {...}; got "x"'),
        (b"null", "the body must be a JSON object, {...}; got null"),
        (b"1" * 5_000, "the body is not valid JSON"),
        (b"[" * 100_000, "the body is nested too deeply"),
        (b'{"a":' * 50_000, "the body is nested too deeply"),
    ],
)
def test_a_body_that_is_no_object_is_explained(body, message):
    """Whatever the bytes are, the answer is about the body."""
    said, where = refused(read_body, body)
    assert said.startswith(message)
    assert where == "body"


def test_a_name_that_is_given_twice_is_refused():
    """Which one was meant cannot be known, and proxies disagree on it."""
    body = b'{"symbol":"BTC-USDT","side":"buy","size":"1","size":"2","type":"market"}'
    assert refused(read_body, body) == ("size is given twice; send it once", "size")
    assert refused(read_query, "symbol=A&symbol=B")[1] == "symbol"


GROUP = ROUTES["POST", "/api/v1/groups"]


def group(*orders, **changes):
    """Read a group of these orders, each a good one with something else in it."""
    body = {"kind": "oco", "orders": [{**GOOD, **order} for order in orders], **changes}
    return read(Request("POST", GROUP.path, {}, json.dumps(body).encode()), GROUP, {})


def test_the_orders_of_a_group_are_read_like_single_ones():
    """Each with its defaults."""
    first, second = group({}, {"size": "2", "client_order_id": "b"}).orders
    assert first == place()
    assert second == place(size="2", client_order_id="b")


@pytest.mark.parametrize(
    ("orders", "changes", "field", "message"),
    [
        (({}, {"prise": "1"}), {}, "orders[1].prise", "did you mean price?"),
        (({}, {"size": 1}), {}, "orders[1].size", "put it in quotes"),
        (({}, {"client_order_id": "a\n"}), {}, "orders[1].client_order_id", 'got "a\\n"'),
        (({"side": None}, {}), {}, "orders[0].side", "got null"),
        ((), {"orders": [GOOD, 1]}, "orders[1]", "must be an object"),
        ((), {"orders": [GOOD, {}]}, "orders[1].symbol", "(so is side, type)"),
        ((), {"orders": {}}, "orders", "must be a list of 2 to 20 orders; got an object"),
        (({},), {}, "orders", "must be a list of 2 to 20 orders; got a list"),
        (({},) * 21, {}, "orders", "must be a list of 2 to 20 orders"),
        (({}, {}), {"kind": "ocoo"}, "kind", 'did you mean "oco"?'),
        (({}, {}), {"legs": []}, "legs", "takes kind, orders"),
    ],
)
def test_what_is_wrong_in_a_group_is_named_with_its_place(orders, changes, field, message):
    """As strictly as in a single order."""
    said, where = refused(group, *orders, **changes)
    assert where == field
    assert message in said


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (b'{"kind":"oco","orders":[{},{"size":"1","size":"2"}]}', "orders[1].size"),
        (b'{"kind":"oco","orders":[[{"a":{"b":1,"b":1}}]]}', "orders[0][0].a.b"),
        (b'{"kind":"oco","kind":"oto","orders":[]}', "kind"),
    ],
)
def test_a_name_that_is_given_twice_within_is_refused(body, field):
    """At any depth, before anything else."""
    said, where = refused(read, Request("POST", GROUP.path, {}, body), GROUP, {})
    assert (said, where) == (f"{field} is given twice; send it once", field)


@pytest.mark.parametrize(
    ("query", "field", "message"),
    [
        ("", "symbol", 'symbol is missing; it must be a symbol such as "BTC-USDT"'),
        ("symbol=", "symbol", 'got ""'),
        ("symbol=BTC-USDT&dept=5", "dept", "did you mean depth?"),
        ("symbol=BTC-USDT&depth=five", "depth", "a whole number from 1 to 1000"),
        ("symbol=BTC-USDT&depth=0", "depth", "got the number 0"),
        ("symbol=BTC-USDT&depth=1001", "depth", "got the number 1001"),
        ("symbol=BTC-USDT&depth=-1", "depth", 'got "-1"'),
        ("symbol=BTC-USDT&depth=1.0", "depth", 'got "1.0"'),
        ("symbol=BTC-USDT&depth=%D9%A3", "depth", "a whole number"),
        ("symbol=BTC-USDT&depth=" + "9" * 5_000, "depth", "a whole number"),
        ("symbol=BTC-USDT&depth", "query", "write name=value&name=value"),
        ("symbol=%FF", "query", "not UTF-8"),
        ("&".join(f"a{n}=1" for n in range(100)), "query", "cannot be read"),
    ],
)
def test_a_wrong_query_is_explained(query, field, message):
    """Texts of a query are read as strictly as a body."""
    said, where = refused(read_query, query)
    assert where == field
    assert message in said


def test_flags_of_a_query_are_words():
    """1 and yes are not true."""
    assert read_query("open=true", ORDERS).open is True
    assert read_query("open=false", ORDERS).open is False
    assert "true or false" in refused(read_query, "open=1", ORDERS)[0]


def test_a_path_parameter_is_read_and_not_taken_from_elsewhere():
    """What is in the path is there only."""
    assert read_query("", ORDER, {"order_id": "7"}).order_id == 7
    assert refused(read_query, "order_id=8", ORDER, {"order_id": "7"})[1] == "order_id"
    assert refused(read_query, "", ORDER, {"order_id": "seven"})[1] == "order_id"
    request = Request("PATCH", "/api/v1/orders/7", {}, b'{"order_id": 8, "size": "1"}')
    assert refused(read, request, AMEND, {"order_id": "7"})[1] == "order_id"
    request = Request("PATCH", "/api/v1/orders/7", {}, b'{"size": "1"}')
    assert read(request, AMEND, {"order_id": "7"}) == requests.AmendRequest(order_id=7, size="1")


def test_parameters_come_in_one_place():
    """A body on GET or a query on POST is refused: it would be signed and never read."""
    said, where = refused(read, Request("GET", "/api/v1/book", {}, b"{}"), BOOK, {})
    assert (where, "takes no body" in said) == ("body", True)
    said, where = refused(read, Request("POST", "/api/v1/orders?size=1", {}, b"{}"), PLACE, {})
    assert (where, "takes no query" in said) == ("size", True)


@given(st.binary(max_size=80))
def test_garbage_raises_one_error(body):
    """No bytes get through, and none raise anything else."""
    for endpoint in DIALECT.endpoints:
        captured = {"order_id": "1"} if "{order_id}" in endpoint.path else {}
        target = endpoint.path + "?" + body.decode("latin-1")
        for request in (
            Request(endpoint.method, endpoint.path, {}, body),
            Request(endpoint.method, target, {}, b""),
        ):
            try:
                read(request, endpoint, captured)
            except DecodeError as error:
                assert str(error)  # noqa: PT017 any other error fails the test


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


@given(st.dictionaries(st.sampled_from([*GOOD, "client_order_id", "post_only"]), json_values))
def test_wrong_values_raise_one_error(changes):
    """Any JSON in any field is either right or refused by name."""
    try:
        place(**changes)
    except DecodeError as error:
        assert error.field  # noqa: PT017 any other error fails the test


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("clientOrderId", "client_order_id"),
        ("symbl", "symbol"),
        ("qty", "size"),
        ("x" * 10_000, None),
        ("", None),
    ],
)
def test_the_nearest_name(written, meant):
    """Spelling, other venues' names, and nothing where nothing is near."""
    assert nearest(written, plan(requests.PlaceRequest)) == meant


def test_an_object_keeps_the_order_of_its_names():
    """The first wrong name of a body is the one that is told."""
    assert [name for name, _ in parse_object('{"b":1,"a":{"c":2}}', "it")] == ["b", "a"]


texts = st.sampled_from(
    ["BTC-USDT", "buy", "limit", "gtc", "0.01", "61000.10", "1e3", "1.", "-1", "id-1", "sy-1", ""]
) | st.text(alphabet='aA0.:-\\"\n\u00e9\x7f', max_size=40)
pairs = st.tuples(
    st.sampled_from([*PLACE.request.__struct_fields__, "sise"]),
    texts | st.none() | st.booleans() | st.integers(-2, 2**60) | st.just(1.0) | st.just([]),
)


@given(st.lists(pairs, max_size=8), st.booleans(), st.booleans())
def test_a_plain_body_is_read_as_any_other(extra, is_good, is_ascii):
    """Most bodies take a short way; the long one makes the same of them, or says what is wrong."""
    given_pairs = [*(GOOD.items() if is_good else ()), *extra]
    members = (f"{json.dumps(n)}:{json.dumps(v, ensure_ascii=is_ascii)}" for n, v in given_pairs)
    body = ("{" + ", ".join(members) + "}").encode()
    route = f"{PLACE.method} {PLACE.path}"

    def outcome(reading):
        try:
            return reading()
        except DecodeError as error:
            return str(error), error.field

    def the_long_way():
        return build(PLACE.request, parse_object(body, "the body"), route)

    assert outcome(lambda: read_body(body)) == outcome(the_long_way)
