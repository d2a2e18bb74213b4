import asyncio
import sys
from pathlib import Path

import pytest

from steelyard.cli.trader_strategy import code_of, guarded, load_strategy, try_strategy
from steelyard.domain.errors import ConfigError
from steelyard.strategies import DipBuyer
from steelyard.trading.config import StrategyTable

OWN = """
from steelyard.trading.strategy import Strategy

class Mine(Strategy):
    class Params(Strategy.Params, frozen=True, kw_only=True):
        count: int = 1

class Odd(Strategy):
    def __init__(self, **parameters):
        raise RuntimeError("out of order")
"""


def table(name: str, **params: object) -> StrategyTable:
    return StrategyTable(class_name=name, symbol="BTC-USDT", params=params)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory to stand in, with a module of one's own."""
    (tmp_path / "my_ideas.py").write_text(OWN)
    (tmp_path / "broken_ideas.py").write_text("1 // 0\n")
    (tmp_path / "needy_ideas.py").write_text("import no_such_library\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    return tmp_path


def test_ready_made_strategies_are_found_with_their_parameters():
    """As a configuration names them."""
    found = load_strategy(table("steelyard.strategies:DipBuyer", below="30000"))
    assert isinstance(found, DipBuyer)
    assert found.params.below == 30_000


def test_ones_own_class_is_found_beside_the_configuration(here: Path):
    """By module and class, in the directory that one stands in."""
    assert load_strategy(table("my_ideas:Mine", count=3)).params.count == 3


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("no_ideas:Mine", "there is no module 'no_ideas'"),
        ("needy_ideas:Mine", "there is no module 'no_such_library'"),
        ("broken_ideas:Mine", "importing broken_ideas failed: ZeroDivisionError"),
        ("my_ideas:Mien", "has no strategy Mien; did you mean Mine?"),
        ("steelyard.strategies:DipBuyr", "did you mean DipBuyer?"),
        ("json:loads", "it holds no strategy at all"),
        ("my_ideas:Strategy", "has no strategy Strategy; did you mean"),
        ("my_ideas:Odd", "could not be made: RuntimeError('out of order')"),
    ],
)
def test_what_is_not_there_is_said_in_a_sentence(here: Path, name: str, said: str):
    """No traceback for a name that was mistyped."""
    with pytest.raises(ConfigError) as caught:
        load_strategy(table(name))
    assert said in str(caught.value)


def test_code_is_told_by_the_file_of_the_class(here: Path, monkeypatch: pytest.MonkeyPatch):
    """Another line in it is another strategy; where there is no file there is nothing to tell."""
    monkeypatch.delitem(sys.modules, "my_ideas", raising=False)
    before = code_of(table("my_ideas:Mine"))
    assert before.startswith("my_ideas.py=")
    assert code_of(table("my_ideas:Odd")) == before
    (here / "my_ideas.py").write_text(f"{OWN}# other\n")
    assert code_of(table("my_ideas:Mine")) not in (before, "")
    assert code_of(table("steelyard.strategies:DipBuyer")) not in (before, "")
    assert code_of(table("no_ideas:Mine")) == ""


def test_a_wrong_parameter_keeps_its_sentence():
    """The strategy's own words come through, with the place in the configuration."""
    with pytest.raises(ConfigError, match=r"\[strategy\] params: .*fast must be smaller"):
        load_strategy(table("steelyard.strategies:SmaCross", fast=9, slow=3))


@pytest.mark.parametrize("raised", [asyncio.CancelledError, GeneratorExit, SystemExit])
def test_whatever_a_strategy_raises_stays_its_own(raised: type[BaseException]):
    """A library that it uses may raise what is no Exception; the bot's orders are looked after."""

    def call() -> None:
        raise raised

    assert raised.__name__ in (guarded(call) or "")


def test_a_traceback_is_text_that_a_journal_takes():
    def call() -> None:
        raise ValueError("half a letter: \ud800")

    assert (guarded(call) or "").endswith(r"half a letter: \ud800")


def test_a_guarded_call_tells_what_it_raised():
    """And nothing where nothing was; what is not an error of the strategy goes on."""
    assert guarded(lambda: None) is None
    trouble = guarded(lambda: [].pop(1))
    assert trouble is not None
    assert trouble.endswith("IndexError: pop from empty list")
    assert "test_trader_strategy.py" in trouble

    def interrupted() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        guarded(interrupted)


def test_what_is_tried_is_loaded_anew_when_it_begins(here: Path):
    """A standby that has waited for a week begins with the code of the day."""
    file = here / "fresh_ideas.py"
    file.write_text(OWN)
    try_strategy(table("fresh_ideas:Mine"))
    file.write_text(OWN.replace("count: int = 1", "count: int = 12345"))
    assert load_strategy(table("fresh_ideas:Mine")).params.count == 12345
    with pytest.raises(ConfigError):
        try_strategy(table("broken_ideas:Mine"))
