"""Which engine one gets."""

import subprocess
import sys

import pytest

from steelyard.engine import choice
from steelyard.engine.book import QueueModel
from steelyard.engine.choice import kinds, new_engine
from steelyard.engine.reference import ReferenceEngine


def test_the_reference_is_always_there():
    """It serves where no wheel exists."""
    assert kinds()[-1] == "reference"
    engine = new_engine(QueueModel.OPTIMISTIC, "reference")
    assert isinstance(engine, ReferenceEngine)
    assert engine.queue_model is QueueModel.OPTIMISTIC


@pytest.mark.skipif("native" not in kinds(), reason="no native module was built")
def test_the_native_one_is_the_default():
    """It is the fast twin, so it is taken where it was built."""
    from steelyard.engine.native import NativeEngine

    engine = new_engine(QueueModel.PESSIMISTIC)
    assert isinstance(engine, NativeEngine)
    assert engine.queue_model is QueueModel.PESSIMISTIC
    assert new_engine().state_hash() == ReferenceEngine().state_hash()


def test_without_a_native_module_it_is_the_reference(monkeypatch: pytest.MonkeyPatch):
    """Asking for the native one is a wish, not a demand."""
    monkeypatch.setattr(choice, "find_spec", lambda name: None)
    assert kinds() == ("reference",)
    assert isinstance(new_engine(), ReferenceEngine)


def test_the_reference_needs_no_native_module():
    """Choosing does not import what may not be there."""
    code = (
        "import sys; from steelyard.engine.choice import new_engine;"
        "new_engine(kind='reference'); sys.exit('steelyard._native' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
