"""WEEX as one noun: its manifest, and a sample of every message through our structs."""

import json
from importlib import resources

import msgspec
import pytest

from steelyard.dialects.weex import (
    DIALECT,
    account_messages,
    contract,
    frames,
    messages,
    order_messages,
    parameters,
)

SAMPLES = sorted(
    resources.files("steelyard.dialects.weex").joinpath("samples").iterdir(),
    key=lambda path: path.name,
)
MODULES = (messages, order_messages, account_messages, frames, contract)
# What a sample of another one holds, or what has no fields of its own.
PARTS = {"Nothing", "CommissionRates", "Balance", "TickerData", "TradeData", "KlineData", "Told"}


def kind_of(name):
    found = (getattr(module, name, None) for module in MODULES)
    return next(kind for kind in found if kind is not None)


def sample(path):
    return msgspec.json.decode(path.read_bytes())


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.name)
def test_a_sample_decodes_and_encodes_to_itself(path):
    """Field by field: nothing is dropped, renamed or reformatted."""
    found = sample(path)
    assert found.keys() == {"source", "read", "message", "payload"}
    payload, kind = found["payload"], kind_of(found["message"])
    decoded = msgspec.json.decode(json.dumps(payload), type=kind)
    encoded = msgspec.json.decode(msgspec.json.encode(decoded))
    if found["message"].endswith(("Request", "NewOrder")):
        encoded = {name: value for name, value in encoded.items() if value is not None}
    assert encoded == payload


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.name)
def test_a_request_is_read_from_texts_alone(path):
    """As a query has it: the same struct as from JSON."""
    found = sample(path)
    kind, payload = kind_of(found["message"]), found["payload"]
    if not found["message"].endswith(("Request", "NewOrder")):
        return
    texts = {
        name: value if isinstance(value, list) else json.dumps(value).strip('"')
        for name, value in payload.items()
    }
    assert parameters.parse(texts, kind) == msgspec.convert(payload, kind)


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.__name__.rpartition(".")[2])
def test_every_message_has_a_sample(module):
    sampled = {sample(path)["message"] for path in SAMPLES} | PARTS
    missing = [
        name
        for name, kind in vars(module).items()
        if isinstance(kind, type)
        and issubclass(kind, msgspec.Struct)
        and kind.__module__ == module.__name__
        and name not in sampled
    ]
    assert missing == []


def test_the_manifest_says_what_there_is():
    assert (DIALECT.name, DIALECT.port_offset) == ("weex", 7)
    assert not DIALECT.answers_in_full
    for stream in ("/v3/ws/public", "/v3/ws/private"):
        assert DIALECT.has_stream(stream)
        assert DIALECT.has_stream(f"/contract{stream}?x=1")
    assert not DIALECT.has_stream("/api/v3/time")
    assert any("no demo of spot" in note for note in DIALECT.notes)
