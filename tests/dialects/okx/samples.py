"""The samples of the dialect, and which message each of them is of."""

from importlib import resources
from types import ModuleType

import msgspec

from steelyard.dialects.okx import (
    account_messages,
    algo_messages,
    frames,
    messages,
    order_messages,
    trading,
    wallet_messages,
)

SAMPLES = sorted(
    resources.files("steelyard.dialects.okx").joinpath("samples").iterdir(),
    key=lambda path: path.name,
)
MODULES = (messages, order_messages, algo_messages, account_messages, wallet_messages)
OTHERS = {"frames": frames, "trading": trading}
# What a sample of another one holds, or what only a client says.
PARTS = {
    *("Nothing", "Envelope", "Items", "Call", "Wanted", "AttachedAlgo", "AttachedInfo", "Linked"),
    *("NewOrder", "NewOrders", "CancelOrder", "CancelOrders", "AmendOrder", "AmendOrders"),
    *("NewAlgo", "NewAlgos", "CancelAlgo", "CancelAlgos", "AmendAlgo", "AmendAlgos"),
    *("BalanceDetail", "FeeGroup", "BalanceData", "Divided", "BalanceAtRisk"),
}


class Sample(msgspec.Struct):
    source: str
    read: str
    message: str
    payload: msgspec.Raw


def sample(path) -> Sample:
    return msgspec.json.decode(path.read_bytes(), type=Sample)


def kind_of(name: str) -> type:
    module, _, own = name.rpartition(".")
    if module:
        return getattr(OTHERS[module], own)
    found = (getattr(each, name, None) for each in MODULES)
    return next(kind for kind in found if kind is not None)


def unsampled(module: ModuleType) -> list[str]:
    """Return the messages of the exchange in a module that no sample shows."""
    sampled = {sample(path).message.rpartition(".")[2] for path in SAMPLES} | PARTS
    return [
        name
        for name, kind in vars(module).items()
        if isinstance(kind, type)
        and issubclass(kind, msgspec.Struct)
        and kind.__module__ == module.__name__
        and not name.endswith("Request")
        and name not in sampled
    ]
