import msgspec
import pytest

from steelyard.dashboard import account_requests

STRUCTS = [
    value
    for value in vars(account_requests).values()
    if isinstance(value, type) and issubclass(value, msgspec.Struct) and value is not msgspec.Struct
]


@pytest.mark.parametrize("struct", STRUCTS, ids=lambda struct: struct.__name__)
def test_every_body_refuses_what_it_does_not_know_and_bounds_its_texts(struct):
    with pytest.raises(msgspec.ValidationError, match="unknown field"):
        msgspec.json.decode(b'{"surprise": 1}', type=struct)
    schema = msgspec.json.schema(struct)
    (properties,) = (d["properties"] for d in schema["$defs"].values())
    for field in properties.values():
        for kind in field.get("anyOf", [field]):
            assert kind["type"] != "string" or "maxLength" in kind
            assert kind["type"] != "array" or "maxItems" in kind


def test_a_move_is_said_in_the_words_of_the_wire():
    move = msgspec.json.decode(
        b'{"from": "a", "to": "b", "asset": "BTC", "amount": "1"}', type=account_requests.Move
    )
    assert (move.source, move.target) == ("a", "b")
