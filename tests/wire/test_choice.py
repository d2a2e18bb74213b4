"""Which reader of market streams one gets."""

import subprocess
import sys
from importlib.util import find_spec

import pytest

from steelyard.dialects.binance.tables import MARKET
from steelyard.wire import choice
from steelyard.wire.tables import Steps

BTC = [Steps("BTCUSDT", 1_000_000, 1_000)]


@pytest.mark.skipif(find_spec("steelyard._native") is None, reason="no native module was built")
def test_the_native_one_is_taken_where_it_was_built():
    from steelyard.wire.reader import MarketReader

    assert isinstance(choice.new_reader(MARKET, BTC), MarketReader)


def test_without_a_native_module_there_is_none(monkeypatch: pytest.MonkeyPatch):
    """Python code decodes then."""
    monkeypatch.setattr(choice, "find_spec", lambda name: None)
    assert choice.new_reader(MARKET, BTC) is None


def test_a_dialect_needs_no_native_module():
    """To import it and to ask which reader there is imports no native code."""
    code = (
        "import sys; import steelyard.dialects.binance, steelyard.wire.choice; "
        "sys.exit('steelyard._native' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
