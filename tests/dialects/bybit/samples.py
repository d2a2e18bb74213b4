"""The samples of the dialect, and which message each of them is of."""

from importlib import resources
from types import ModuleType

import msgspec

from steelyard.dialects.bybit import account_messages, frames, messages, order_messages

SAMPLES = sorted(
    resources.files("steelyard.dialects.bybit").joinpath("samples").iterdir(),
    key=lambda path: path.name,
)
MODULES = (messages, order_messages, account_messages)
# What a sample of another one holds, or what is made of one or two texts.
PARTS = {
    *("Help", "Envelope", "Head", "Nothing", "LotSizeFilter", "PriceFilter", "RiskParameters"),
    *("InstrumentInfo", "Ticker", "PublicTrade", "Orders", "Executions", "BatchedIds", "BatchCode"),
    *("FastExecution", "CoinBalance", "Wallet", "FeeRate", "Rights", "Either", "Candle", "Trade"),
    *("Book", "CoinChain", "Coin", "DepositChain", "LogEntry", "Deposit", "Withdrawal", "DcpInfo"),
    *("SystemEvent", "PositionChange", "PocketBalance", "Takeable"),
}


class Sample(msgspec.Struct):
    source: str
    read: str
    message: str
    payload: msgspec.Raw


def sample(path) -> Sample:
    return msgspec.json.decode(path.read_bytes(), type=Sample)


def kind_of(name: str) -> type:
    if name.startswith("frames."):
        return getattr(frames, name.removeprefix("frames."))
    return next(kind for module in MODULES if (kind := getattr(module, name, None)) is not None)


def of_module(module: ModuleType) -> list[tuple[str, type, bytes]]:
    """Return name, kind and payload of each sample of a module's messages."""
    found = [(path.name, sample(path)) for path in SAMPLES]
    kinds = [(name, kind_of(each.message), bytes(each.payload)) for name, each in found]
    return [each for each in kinds if each[1].__module__ == module.__name__]


def unsampled(module: ModuleType) -> list[str]:
    """Return the messages of the exchange in a module that no sample shows."""
    sampled = {sample(path).message.removeprefix("frames.") for path in SAMPLES} | PARTS
    return [
        name
        for name, kind in vars(module).items()
        if isinstance(kind, type)
        and issubclass(kind, msgspec.Struct)
        and kind.__module__ == module.__name__
        and not name.endswith("Request")
        and name not in sampled
    ]


def again(payload: bytes, kind: type) -> tuple[object, object]:
    """Return a document, and what it is once it was decoded and encoded."""
    decoded = msgspec.json.decode(payload, type=kind)
    return msgspec.json.decode(payload), msgspec.json.decode(msgspec.json.encode(decoded))
