import json
import re
from copy import deepcopy

import jsonschema_rs
import pytest
import schemathesis
from msgspec.structs import fields

from steelyard.dialects.native import DIALECT, openapi, stream
from steelyard.dialects.native.limits import LIMITS
from steelyard.wire.dialect import Auth
from steelyard.wire.http import Request
from tests.dialects.native.venue import Venue

DOCUMENT = json.loads(json.dumps(openapi.document(DIALECT, "/")))
OPERATIONS = {
    (method.upper(), path): operation
    for path, item in DOCUMENT["paths"].items()
    for method, operation in item.items()
}


def validates(schema, value) -> bool:
    whole = {**schema, "components": DOCUMENT["components"]}
    return jsonschema_rs.Draft202012Validator(whole).is_valid(value)


@pytest.mark.slow
def test_it_is_an_openapi_document():
    """The official schema of OpenAPI 3.1 has nothing against it, and would have."""
    schemathesis.openapi.from_dict(deepcopy(DOCUMENT)).validate()
    broken = deepcopy(DOCUMENT)
    broken["paths"]["/api/v1/time"]["get"]["responses"] = 7
    with pytest.raises(jsonschema_rs.ValidationError, match="7 is not of type"):
        schemathesis.openapi.from_dict(broken).validate()


def test_every_route_is_in_it():
    """Method, path, summary, a tag that is explained, and its parameters."""
    assert set(OPERATIONS) == {(e.method, e.path) for e in DIALECT.endpoints}
    tags = {tag["name"] for tag in DOCUMENT["tags"]}
    for endpoint in DIALECT.endpoints:
        operation = OPERATIONS[endpoint.method, endpoint.path]
        assert operation["summary"]
        assert set(operation["tags"]) <= tags
        in_body = operation.get("requestBody") is not None
        names = {p["name"] for p in operation["parameters"]}
        if in_body:
            content = operation["requestBody"]["content"]["application/json"]["schema"]
            names |= set(resolve(content)["properties"])
        assert names == set(endpoint.request.__struct_fields__)
    ids = [operation["operationId"] for operation in OPERATIONS.values()]
    assert len(set(ids)) == len(ids)


def test_every_parameter_is_explained():
    """No field without a word on what it means."""
    for endpoint in DIALECT.endpoints:
        required = {f.name for f in fields(endpoint.request) if f.required}
        for parameter in OPERATIONS[endpoint.method, endpoint.path]["parameters"]:
            assert parameter.get("description"), (endpoint.path, parameter["name"])
            assert parameter["required"] == (parameter["name"] in required)


def resolve(schema):
    while "$ref" in schema:
        node = DOCUMENT
        for part in schema["$ref"].removeprefix("#/").split("/"):
            node = node[part]
        schema = node
    return schema


def references(node):
    if isinstance(node, dict):
        if "$ref" in node:
            yield node["$ref"]
        for value in node.values():
            yield from references(value)
    elif isinstance(node, list):
        for value in node:
            yield from references(value)


def test_every_reference_leads_somewhere():
    """And nothing stands there that nothing refers to."""
    found = set(references(DOCUMENT))
    for reference in found:
        assert resolve({"$ref": reference})
    schemas = {f"#/components/schemas/{name}" for name in DOCUMENT["components"]["schemas"]}
    assert schemas <= found


def test_signed_routes_ask_for_four_headers():
    """All of them at once, by name."""
    schemes = DOCUMENT["components"]["securitySchemes"]
    assert [s["name"] for s in schemes.values()] == [
        "STEELYARD-KEY",
        "STEELYARD-TIMESTAMP",
        "STEELYARD-NONCE",
        "STEELYARD-SIGNATURE",
    ]
    for endpoint in DIALECT.endpoints:
        security = OPERATIONS[endpoint.method, endpoint.path]["security"]
        expected = [{scheme: [] for scheme in schemes}] if endpoint.auth is Auth.SIGNED else []
        assert security == expected


@pytest.mark.slow
def test_examples_fit_their_schemas():
    """What people copy is right."""
    for operation in OPERATIONS.values():
        contents = [
            content
            for response in operation["responses"].values()
            for content in response["content"].values()
        ]
        if "requestBody" in operation:
            contents += operation["requestBody"]["content"].values()
        for content in contents:
            if "example" in content:
                assert validates(content["schema"], content["example"])
            for example in content.get("examples", {}).values():
                assert validates(content["schema"], resolve(example)["value"])


def test_texts_are_clean():
    """Docstrings arrive without the indentation of the source."""
    assert not re.search(r"\\n {4}", json.dumps(DOCUMENT))


WALK = [
    ("GET", "/api/v1/time", None, None),
    ("GET", "/api/v1/status", None, None),
    ("GET", "/api/v1/limits", None, None),
    ("GET", "/api/v1/instruments", None, None),
    ("GET", "/api/v1/book", "?symbol=BTC-USDT", None),
    ("GET", "/api/v1/trades", "?symbol=BTC-USDT", None),
    ("GET", "/api/v1/candles", "?symbol=BTC-USDT", None),
    ("GET", "/api/v1/ticker", "", None),
    ("GET", "/api/v1/book", "?symbol=DOGE", None),
    ("GET", "/api/v1/book", "?depth=x", None),
    ("GET", "/api/v1/account", "", None),
    ("GET", "/api/v1/key", "", None),
    ("GET", "/api/v1/orders", "", None),
    (
        "POST",
        "/api/v1/orders/batch",
        "",
        {"orders": [{"symbol": "BTC-USDT", "side": "buy", "type": "limit", "size": "0.01"}]},
    ),
    ("GET", "/api/v1/fills", "", None),
    ("GET", "/api/v1/orders/{order_id}", "1", None),
    ("GET", "/api/v1/orders/{order_id}", "999", None),
    ("GET", "/api/v1/orders/by-client-id/{client_order_id}", "mine", None),
    ("PATCH", "/api/v1/orders/{order_id}", "1", {"price": "60000.00"}),
    ("PATCH", "/api/v1/orders/{order_id}", "1", {}),
    ("DELETE", "/api/v1/orders/{order_id}", "1", None),
    ("DELETE", "/api/v1/orders/{order_id}", "1", None),
    ("DELETE", "/api/v1/orders", "", None),
    (
        "POST",
        "/api/v1/orders",
        "",
        {"symbol": "BTC-USDT", "side": "buy", "type": "market", "size": "0.01"},
    ),
    (
        "POST",
        "/api/v1/orders",
        "",
        {
            "symbol": "BTC-USDT",
            "side": "buy",
            "type": "market",
            "size": "0.01",
            "client_order_id": "mine",
        },
    ),
    ("POST", "/api/v1/orders", "", {"symbol": "BTC-USDT"}),
    (
        "POST",
        "/api/v1/groups",
        "",
        {
            "kind": "basket",
            "orders": [
                {
                    "symbol": "BTC-USDT",
                    "side": "sell",
                    "type": "limit",
                    "size": "0.01",
                    "price": "70000",
                },
                {
                    "symbol": "BTC-USDT",
                    "side": "sell",
                    "type": "take_profit",
                    "size": "0.01",
                    "trigger_price": "90000",
                },
            ],
        },
    ),
    ("POST", "/api/v1/groups", "", {"kind": "oco", "orders": []}),
    (
        "POST",
        "/api/v1/withdrawals",
        "",
        {"asset": "USDT", "amount": "250", "address_id": 1},
    ),
    ("GET", "/api/v1/withdrawals", "?asset=USDT", None),
    ("DELETE", "/api/v1/withdrawals/{transfer_id}", "1", None),
    ("GET", "/api/v1/transfers", "?limit=1", None),
    ("GET", "/api/v1/statement", "?limit=3", None),
]


def test_real_answers_are_what_it_says():
    """A walk through every route: each status is documented, each body fits its schema."""
    venue = Venue(LIMITS)
    venue.place(size="0.5", price="61000", client_order_id="mine")
    venue.place(venue.other_key, side="sell", type="market", size="0.1")
    seen = set()
    for method, path, rest, body in WALK:
        filled = re.sub(r"\{.*\}", rest or "", path)
        target = filled if "{" in path else path + (rest or "")
        endpoint = next(e for e in DIALECT.endpoints if (e.method, e.path) == (method, path))
        if endpoint.auth is Auth.SIGNED:
            request = venue.signed(method, target, body)
        else:
            request = Request(method, target, {}, b"")
        response = venue.send(request)
        documented = OPERATIONS[method, path]["responses"][str(response.status)]
        schema = documented["content"]["application/json"]["schema"]
        assert validates(schema, json.loads(response.body)), (method, target, response.body)
        names = {name.lower() for name in documented["headers"]}
        assert {"x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset"} <= names
        assert names <= set(response.headers) | {"retry-after"}
        seen.add((method, path))
    assert seen == set(OPERATIONS) - {
        ("GET", "/openapi.json"),
        ("GET", "/asyncapi.json"),
        ("GET", "/docs"),
    }


def test_what_a_websocket_says_is_in_it():
    """Generators of clients find the pushes, too."""
    listed = {r["$ref"].rpartition("/")[2] for r in DOCUMENT["x-websocket"]["receive"]}
    assert {kind.__name__ for kind in stream._PUSHES.values()} <= listed
    said = {r["$ref"].rpartition("/")[2] for r in DOCUMENT["x-websocket"]["send"]}
    assert said == {kind.__name__ for kind in stream.OPS.values()}


def test_choices_keep_their_order():
    """Intervals go from short to long."""
    parameters = OPERATIONS["GET", "/api/v1/candles"]["parameters"]
    interval = next(p["schema"] for p in parameters if p["name"] == "interval")
    assert interval["enum"][:3] == ["1s", "1m", "3m"]
    assert (interval["type"], interval["default"]) == ("string", "1m")
