import sys

import pytest

from steelyard.cli.trader_strategy import guarded, load_strategy
from steelyard.domain.errors import ConfigError
from steelyard.strategies import DipBuyer
from steelyard.trading.config import StrategyTable

MINE = """
from steelyard.trading.strategy import Strategy

class Mine(Strategy):
    class Params(Strategy.Params):
        size: int = 1

class Broken(Strategy):
    def __init__(self, **parameters):
        raise RuntimeError("no luck")
"""


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A directory that one stands in, with modules that are forgotten afterwards."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    before = {*sys.modules}
    yield tmp_path
    for name in {*sys.modules} - before:
        del sys.modules[name]


def load(class_name: str, **params):
    return load_strategy(StrategyTable(class_name=class_name, symbol="BTC-USDT", params=params))


def test_a_strategy_that_comes_with_us_is_found():
    assert isinstance(load("steelyard.strategies:DipBuyer", size="0.5"), DipBuyer)


def test_a_module_beside_the_configuration_is_found(here):
    """One's own strategy needs no packaging: a file in the directory that one stands in."""
    (here / "mine_found.py").write_text(MINE)
    assert load("mine_found:Mine", size=3).params.size == 3


@pytest.mark.parametrize(
    ("class_name", "params", "said"),
    [
        ("nowhere_at_all:Mine", {}, "there is no module 'nowhere_at_all'; write it beside"),
        ("mine_wrong:Mien", {}, "has no strategy Mien; did you mean Mine?"),
        ("mine_wrong:Strategy", {}, "Strategy|could not be made"),
        ("mine_wrong:Broken", {}, "Broken could not be made: RuntimeError.'no luck'"),
        ("mine_wrong:Mine", {"siez": 1}, "siez.*size"),
        ("mine_wrong:Mine", {"size": "much"}, "size"),
        ("json:loads", {}, "json has no strategy loads; it holds no strategy at all"),
        ("mine_syntax:Mine", {}, "importing mine_syntax failed: SyntaxError"),
        ("mine_imports:Mine", {}, "there is no module 'not_installed'"),
    ],
)
def test_what_cannot_be_loaded_is_said_in_a_sentence(here, class_name, params, said):
    """No traceback for a typing error in a configuration; the sentence names the place."""
    (here / "mine_wrong.py").write_text(MINE)
    (here / "mine_syntax.py").write_text("class Mine(:\n")
    (here / "mine_imports.py").write_text("import not_installed\n")
    with pytest.raises(ConfigError, match=said) as caught:
        load(class_name, **params)
    assert "strategy" in str(caught.value)


def test_an_error_of_a_strategy_comes_back_as_its_traceback():
    """So that the log shows the line in the user's own file."""

    def raises() -> None:
        raise ZeroDivisionError("mine")

    trouble = guarded(raises)
    assert trouble is not None
    assert trouble.endswith("ZeroDivisionError: mine")
    assert "in raises" in trouble
    assert guarded(lambda: None) is None


def test_a_strategy_cannot_keep_the_process_from_being_stopped():
    """Ctrl-C within a callback is not the strategy's error."""

    def interrupted() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        guarded(interrupted)
