"""A strategy that takes one of `Strategy`'s own names is told which, and what it stands for."""

import pytest

from steelyard.domain.errors import UsageError
from steelyard.trading.own_names import OWN
from steelyard.trading.strategy import Leg, Strategy, overrides


@pytest.mark.parametrize("name", ["told", "legs", "position", "book", "buy", "stop", "wants"])
def test_a_class_that_hides_one_is_refused_where_it_is_written(name):
    with pytest.raises(UsageError, match=rf"Mine\.{name}: every strategy has a {name} already \("):
        type("Mine", (Strategy,), {name: 3})


def test_an_attribute_of_such_a_name_is_refused_where_it_is_set():
    class Mine(Strategy):
        def __init__(self, **parameters):
            super().__init__(**parameters)
            self.told = {}

    with pytest.raises(UsageError) as found:
        Mine()
    assert str(found.value) == (
        "Mine.told: every strategy has a told already (The leg that the call is about; where there "
        "is one instrument, the strategy itself); call yours something else, such as own_told"
    )


def test_what_is_there_to_be_overridden_may_be():
    """Callbacks, checks, bars and history, and names of one's own."""

    class Mine(Strategy):
        history_bars = 20
        bar_interval = None
        own_told = 3

        def on_bar(self, bar):
            self.last = bar

        def check(self, instrument):
            self.checked = instrument

    mine = Mine()
    mine.check(None)
    assert (mine.history_bars, mine.own_told, mine.checked, mine.told) == (20, 3, None, mine)


def test_everything_of_a_leg_is_kept():
    """What a leg gets one day has to be added, and what is gone taken away."""
    of_leg = {name for name in vars(Leg) if not name.startswith("_")}
    of_strategy = {"legs", "leg", "told", "every", "hear", "take_legs", "warm_up"}
    of_runner = {"wants", "bind", "failed_elsewhere"}
    assert of_leg | of_strategy | of_runner == OWN
    assert all(hasattr(Strategy, name) for name in OWN)


def test_what_the_runner_asks_is_not_hidden_by_an_attribute():
    """`self.wants = ...` in a method hides nothing: the host asks the class."""

    class Mine(Strategy):
        def __init__(self, **parameters):
            super().__init__(**parameters)
            self.wants = self.bind = False

        def on_bar(self, bar):
            pass

    assert (overrides(Mine(), "on_bar"), overrides(Mine(), "on_book")) == (True, False)
