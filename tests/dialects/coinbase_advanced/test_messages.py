"""Samples of every message, in the documented shape, through our structs."""

import json
from importlib import resources

import msgspec
import pytest

from steelyard.dialects.coinbase_advanced import (
    account_messages,
    frames,
    messages,
    order_messages,
    wallet_messages,
)

SAMPLES = sorted(
    resources.files("steelyard.dialects.coinbase_advanced").joinpath("samples").iterdir(),
    key=lambda path: path.name,
)
MODULES = (messages, order_messages, account_messages, wallet_messages, frames)


def kind_of(name):
    return next(kind for module in MODULES if (kind := getattr(module, name, None)) is not None)


def through(payload, kind):
    """Return what comes out again of a document that was read as a kind."""
    decoded = msgspec.json.decode(json.dumps(payload), type=kind)
    return msgspec.json.decode(msgspec.json.encode(decoded))


def holds(encoded, payload):
    """Return whether all of a document is in another, which may have defaults besides."""
    match payload:
        case dict():
            return all(name in encoded and holds(encoded[name], payload[name]) for name in payload)
        case list():
            return len(encoded) == len(payload) and all(map(holds, encoded, payload))
        case _:
            return encoded == payload


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.name)
def test_a_sample_decodes_and_encodes_to_itself(path):
    """Field by field: nothing is dropped, renamed or reformatted."""
    found = msgspec.json.decode(path.read_bytes())
    assert found.keys() == {"source", "read", "message", "payload"}
    payload = found["payload"]
    kind = kind_of(found["message"])
    if found["message"] == "Envelope":
        event = frames.EVENTS[payload["channel"]]
        assert all(holds(through(each, event), each) for each in payload["events"])
    if found["message"] == "Error":
        payload = {**payload, "type": "error"}
    if found["message"] == "SendRequest":
        assert holds(through(payload, kind), payload)
    assert holds(through(payload, kind), payload)


@pytest.mark.parametrize(
    ("file", "kind"),
    [
        ("http_accounts", account_messages.Accounts),
        ("http_candles", messages.Candles),
        ("http_orders_list", order_messages.Orders),
        ("http_product", messages.Product),
        ("http_products", messages.Products),
        ("http_products_future", messages.Products),
        ("http_product_book", messages.Book),
        ("ws_candles", frames.Envelope),
        ("ws_heartbeats", frames.Envelope),
        ("ws_l2_data_update", frames.Envelope),
        ("ws_market_trades", frames.Envelope),
        ("ws_subscriptions", frames.Envelope),
        ("ws_user", frames.Envelope),
    ],
)
def test_what_the_venue_has_sent_is_read(shared_data, file, kind):
    """And is there again in what we send, but for what we do not have."""
    body = (shared_data / "payloads" / "coinbase" / f"{file}.json").read_bytes()
    found = msgspec.json.decode(body, type=kind)
    if isinstance(found, frames.Envelope):
        event = frames.EVENTS[found.channel]
        for each in found.events:
            decoded = msgspec.json.decode(bytes(each), type=event)
            payload = msgspec.json.decode(bytes(each))
            assert common(msgspec.json.decode(msgspec.json.encode(decoded)), payload)
    assert common(msgspec.json.decode(msgspec.json.encode(found)), msgspec.json.decode(body))


def common(ours, theirs):
    """Return whether two documents agree in whatever both of them have."""
    match theirs:
        case dict():
            return all(common(ours[name], theirs[name]) for name in theirs if name in ours)
        case list():
            return len(ours) == len(theirs) and all(map(common, ours, theirs))
        case _:
            return ours == theirs
