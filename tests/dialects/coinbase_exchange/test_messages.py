"""Samples of every message, in the documented shape, through our structs."""

import json
from importlib import resources

import msgspec
import pytest

from steelyard.dialects.coinbase_exchange import account_messages, frames, messages, parameters

SAMPLES = sorted(
    resources.files("steelyard.dialects.coinbase_exchange").joinpath("samples").iterdir(),
    key=lambda path: path.name,
)
MODULES = (messages, account_messages, frames)
PARTS = {
    *("Nothing", "CurrencyDetails", "CurrencyNetwork", "LedgerDetails", "TransferDetails"),
    *("Wanted", "Subscribed", "Other"),
    # One or two texts, which the tests of their routes send.
    *("ProductRequest", "CurrencyRequest", "AccountRequest", "AccountPartRequest"),
    *("ProfilesRequest", "ProfileRequest", "UserRequest", "TransferRequest", "TransfersRequest"),
    *("FeeEstimateRequest", "AddressRequest", "Address", "CoinbaseAccount"),
    *("ExchangeLimits", "Verified"),
}


def kind_of(name):
    return next(kind for module in MODULES if (kind := getattr(module, name, None)) is not None)


def sample(path):
    return msgspec.json.decode(path.read_bytes())


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.name)
def test_a_sample_decodes_and_encodes_to_itself(path):
    """Field by field: nothing is dropped, renamed or reformatted."""
    found = sample(path)
    assert found.keys() == {"source", "read", "message", "payload"}
    kind, payload = kind_of(found["message"]), found["payload"]
    decoded = msgspec.json.decode(json.dumps(payload), type=kind)
    encoded = msgspec.json.decode(msgspec.json.encode(decoded))
    # What a struct adds to a shorter message is a default that means nothing.
    assert {name: encoded.get(name) for name in payload} == payload


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.name)
def test_a_request_is_read_from_texts_alone(path):
    """As a query has it: the same struct as from JSON."""
    found = sample(path)
    kind, payload = kind_of(found["message"]), found["payload"]
    if not found["message"].endswith(("Request", "NewOrder")):
        return
    texts = {
        name: value if isinstance(value, list) else [json.dumps(value).strip('"')]
        for name, value in payload.items()
    }
    assert parameters.parse(texts, kind) == msgspec.convert(payload, kind)


def test_every_message_has_a_sample():
    """A message without one is a message that nobody has compared with the documentation."""
    sampled = {sample(path)["message"] for path in SAMPLES}
    structs = {
        name
        for module in MODULES
        for name, kind in vars(module).items()
        if isinstance(kind, type)
        and issubclass(kind, msgspec.Struct)
        and kind.__module__ == module.__name__
    }
    assert structs - sampled - PARTS == set()
    assert sampled <= structs
