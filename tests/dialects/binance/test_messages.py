import json
from importlib import resources

import msgspec
import pytest

from steelyard.dialects.binance import (
    account_messages,
    frames,
    list_messages,
    market_messages,
    messages,
    parameters,
    wallet_messages,
)

SAMPLES = sorted(
    (p for p in resources.files("steelyard.dialects.binance").joinpath("samples").iterdir()),
    key=lambda p: p.name,
)


MODULES = (messages, account_messages, list_messages, market_messages, wallet_messages, frames)


def kind_of(name: str):
    return next(kind for module in MODULES if (kind := getattr(module, name, None)) is not None)


def sample(path):
    return msgspec.json.decode(path.read_bytes())


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.name)
def test_a_sample_decodes_and_encodes_to_itself(path):
    """Field by field: nothing is dropped, renamed or reformatted."""
    found = sample(path)
    assert found.keys() == {"source", "read", "message", "payload"}
    kind, payload = kind_of(found["message"]), found["payload"]
    if found["message"].endswith("Request") and found["message"] != "ApiRequest":
        request = parameters.parse(payload, kind)
        assert parameters.pairs(parameters.write(request).encode()) == payload
        return
    decoded = msgspec.json.decode(json.dumps(payload), type=kind)
    encoded = msgspec.json.decode(msgspec.json.encode(decoded))
    if isinstance(payload, dict):
        # What a struct adds to a shorter message is a default that means nothing.
        encoded = {name: encoded[name] for name in payload}
    assert encoded == payload


def test_every_message_has_a_sample():
    """A message without one is a message that nobody has compared with the documentation."""
    sampled = {sample(path)["message"] for path in SAMPLES}
    parts = {
        "Nothing",
        "FairLimit",
        "FairUse",
        "Filter",
        "SymbolInfo",
        "OrderFill",
        "Rates",
        "MakerTaker",
        "Discount",
        "AccountBalance",
        "KlineBody",
        "EventBalance",
        "EventName",
        "UserEvent",
        "ApiFrame",
        "SubscriptionId",
        "ControlError",
        "SymbolRules",
        "Network",
        "ListRequest",
        "WorkingRequest",
        "ListedOrder",
        "ListStatusOrder",
        "AmendedOrder",
    }
    simple = {  # requests of one or two parameters that another sample has too
        "AnyRequest",
        "ExchangeInfoRequest",
        "DepthRequest",
        "TradesRequest",
        "HistoricalTradesRequest",
        "SymbolRequest",
        "SymbolsRequest",
        "AccountRequest",
        "TradeFeeRequest",
        "SymbolStatusRequest",
        "ListenKeyRequest",
        "QueryListRequest",
    }
    structs = {
        name
        for module in MODULES
        for name, value in vars(module).items()
        if isinstance(value, type)
        and issubclass(value, msgspec.Struct)
        and value is not msgspec.Struct
    }
    assert structs - parts - simple == sampled - {"Kline"}
