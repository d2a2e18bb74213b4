import json
from copy import deepcopy
from pathlib import Path

import jsonschema_rs
import pytest

from steelyard.dialects.native import DIALECT, asyncapi, stream
from steelyard.dialects.native.openapi import PUSHED, SAID
from tests.dialects.native.test_stream import Talk

ROOT = Path(__file__).parents[3]
# From npm: the schema that the AsyncAPI Initiative publishes.
OFFICIAL = ROOT / "web" / "node_modules" / "@asyncapi" / "specs" / "schemas" / "3.0.0.json"
DOCUMENT = json.loads(json.dumps(asyncapi.document(DIALECT)))


def validates(name: str, value: object) -> bool:
    schema = {"$ref": f"#/components/schemas/{name}", "components": DOCUMENT["components"]}
    return jsonschema_rs.Draft202012Validator(schema).is_valid(value)


def resolved(reference: str) -> object:
    found = DOCUMENT
    for part in reference.removeprefix("#/").split("/"):
        found = found[part]
    return found


def test_it_is_an_asyncapi_document():
    """The official schema of AsyncAPI 3.0 has nothing against it, and would have."""
    official = jsonschema_rs.Draft7Validator(json.loads(OFFICIAL.read_text(encoding="utf-8")))
    official.validate(DOCUMENT)
    for path, wrong in (("channels", 7), ("operations", {"a": {"action": "shout"}})):
        broken = deepcopy(DOCUMENT)
        broken[path] = wrong
        assert not official.is_valid(broken)


def test_every_reference_leads_somewhere():
    """Within the document, each one."""
    text = json.dumps(DOCUMENT)
    references = {part.split('"')[0] for part in text.split('"$ref": "')[1:]}
    assert references
    for reference in references:
        assert isinstance(resolved(reference), dict)


def test_everything_that_is_said_and_pushed_is_in_it():
    """With an example that fits its schema."""
    messages = DOCUMENT["components"]["messages"]
    assert set(messages) == {kind.__name__ for kind in (*SAID, *PUSHED)}
    assert set(stream.OPS.values()) == set(SAID)
    assert set(stream._PUSHES.values()) <= set(PUSHED)
    for name, message in messages.items():
        for example in message["examples"]:
            assert validates(name, example["payload"])


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("Ack", {"op": "subscribe", "id": 1, "channels": [{"channel": "status"}]}),
        ("Ack", {"op": "place", "id": "a", "params": {}}),
        ("Pong", {"op": "ping", "id": 3}),
    ],
)
def test_real_answers_are_what_it_says(venue, name, said):
    """Also a refusal."""
    answer, *pushes = Talk(venue).say(said)
    assert validates(name, answer)
    assert not validates(name, {**answer, "op": 7})
    for push in pushes:
        assert validates(f"{push['channel'].capitalize()}Push", push)


def test_it_is_served(venue):
    """At /asyncapi.json, as it is."""
    assert venue.get("/asyncapi.json") == (200, DOCUMENT)
