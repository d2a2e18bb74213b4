"""The samples of the dialect, and which message each of them is of."""

from importlib import resources
from types import ModuleType

import msgspec

from steelyard.dialects.kraken import (
    account_messages,
    frames,
    funding_messages,
    messages,
    order_messages,
)

SAMPLES = sorted(
    resources.files("steelyard.dialects.kraken").joinpath("samples").iterdir(),
    key=lambda path: path.name,
)
MODULES = (messages, order_messages, account_messages, funding_messages)
# What a sample of another one holds, or what only a client says.
PARTS = {
    *("Nothing", "Envelope", "OrderDescription", "BatchedResult", "OrderTerms", "FeeTier"),
    *("TradesHistory", "Ledgers", "Amend", "BatchedOrder"),
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
    found = (getattr(module, name, None) for module in (*MODULES, frames))
    return next(kind for kind in found if kind is not None)


def unsampled(module: ModuleType) -> list[str]:
    """Return the messages of the exchange in a module that no sample shows."""
    sampled = {sample(path).message for path in SAMPLES} | PARTS
    return [
        name
        for name, kind in vars(module).items()
        if isinstance(kind, type)
        and issubclass(kind, msgspec.Struct)
        and kind.__module__ == module.__name__
        and not name.endswith("Request")
        and name not in sampled
    ]
