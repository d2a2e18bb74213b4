"""KuCoin as one noun: its manifest, and a sample of every message through our structs."""

import json
from importlib import resources

import msgspec
import pytest

from steelyard.dialects.kucoin import (
    DIALECT,
    account_messages,
    classic_messages,
    frames,
    messages,
    order_messages,
    parameters,
)

SAMPLES = sorted(
    resources.files("steelyard.dialects.kucoin").joinpath("samples").iterdir(),
    key=lambda path: path.name,
)
MODULES = (messages, order_messages, account_messages, classic_messages, frames)
NAMED = {
    "orders.FillsRequest": order_messages.FillsRequest,
    "classic.FillsRequest": classic_messages.FillsRequest,
}
# What a sample of another one holds, or one or two texts, which the tests of their routes send.
PARTS = {
    *("Nothing", "Envelope", "Chain", "InstanceServer", "ListedOrder", "ListedRow", "Context"),
    *("SnapshotInner", "Changes", "RelationContext", "Told", "SymbolsRequest", "SymbolRequest"),
    *("CurrencyRequest", "AnyOrderRequest", "AnyClientOrderRequest", "SymbolOrdersRequest"),
    *("ActivePageRequest", "MaybeSymbolRequest", "AccountRequest", "BaseFeeRequest"),
    *("MarginSymbols", "FillsRequest"),
}
DATA = {
    "trade.ticker": frames.TickerData,
    "trade.snapshot": frames.SnapshotData,
    "level1": frames.Level1Data,
    "level2": frames.DepthData,
    "trade.l2update": frames.Level2Data,
    "trade.l3match": frames.MatchData,
    "trade.candles.update": frames.CandlesData,
    "orderChange": frames.OrderChange,
    "stopOrder": frames.StopChange,
    "account.balance": frames.BalanceChange,
}


def kind_of(name):
    found = (getattr(module, name, None) for module in MODULES)
    return NAMED.get(name) or next(kind for kind in found if kind is not None)


def sample(path):
    return msgspec.json.decode(path.read_bytes())


def again(payload, kind):
    """Return a message through our struct."""
    decoded = msgspec.json.decode(json.dumps(payload), type=kind)
    return msgspec.json.decode(msgspec.json.encode(decoded))


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.name)
def test_a_sample_decodes_and_encodes_to_itself(path):
    """Field by field: nothing is dropped, renamed or reformatted."""
    found = sample(path)
    assert found.keys() == {"source", "read", "message", "payload"}
    payload, encoded = found["payload"], again(found["payload"], kind_of(found["message"]))
    # What a struct adds to a shorter message is a default that means nothing.
    assert {name: encoded.get(name) for name in payload} == payload or "orderList" in payload
    if found["message"] == "Message":
        assert again(payload["data"], DATA[payload["subject"]]) == payload["data"]


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.name)
def test_a_request_is_read_from_texts_alone(path):
    """As a query has it: the same struct as from JSON."""
    found = sample(path)
    kind, payload = kind_of(found["message"]), found["payload"]
    if not found["message"].endswith(("Request", "NewOrder")):
        return
    texts = {name: json.dumps(value).strip('"') for name, value in payload.items()}
    assert parameters.parse(texts, kind) == msgspec.convert(payload, kind)


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.__name__.rpartition(".")[2])
def test_every_message_has_a_sample(module):
    sampled = {sample(path)["message"] for path in SAMPLES} | PARTS
    data = {kind.__name__ for kind in DATA.values()}
    missing = [
        name
        for name, kind in vars(module).items()
        if isinstance(kind, type)
        and issubclass(kind, msgspec.Struct)
        and kind.__module__ == module.__name__
        and name not in sampled | data
    ]
    assert missing == []


def test_the_manifest_says_what_there_is():
    assert (DIALECT.name, DIALECT.port_offset) == ("kucoin", 6)
    assert not DIALECT.answers_in_full
    assert DIALECT.has_stream("/?token=x")
    assert DIALECT.has_stream("/endpoint")
    assert not DIALECT.has_stream("/api/v1/timestamp")
    assert len({(e.method, e.path) for e in DIALECT.endpoints}) == len(DIALECT.endpoints)
    assert all(endpoint.summary for endpoint in DIALECT.endpoints)
