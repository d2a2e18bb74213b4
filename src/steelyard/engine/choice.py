"""Which engine: the native one where it was built, else the reference, which does the same."""

from importlib import import_module
from importlib.util import find_spec
from typing import Literal, cast

from steelyard.domain import layout
from steelyard.engine import Engine
from steelyard.engine.book import QueueModel
from steelyard.engine.reference import ReferenceEngine

Kind = Literal["native", "reference"]


def kinds() -> tuple[Kind, ...]:
    """Return the kinds of engine that there are here, fastest first."""
    is_built = find_spec("steelyard._native") is not None
    return ("native", "reference") if is_built else ("reference",)


def record_decoder() -> layout.Decode:
    """Return what decodes records fastest here; all of them do the same."""
    if "native" not in kinds():
        return layout.decode
    native = import_module("steelyard.engine.native")
    return cast("layout.Decode", native.DECODER.decode)


def new_engine(queue_model: QueueModel = QueueModel.PROPORTIONAL, kind: Kind = "native") -> Engine:
    """Return an engine in which nothing has happened; "native" where there is one."""
    if kind not in kinds():
        kind = "reference"
    if kind == "reference":
        return ReferenceEngine(queue_model)
    native = import_module("steelyard.engine.native")
    return cast("Engine", native.NativeEngine(queue_model))
