"""How much of each limit is used, as it is shown; the page that tells of limits and breakers."""

import re
from pathlib import Path

from steelyard.trading.breakers import KINDS, Breaker, rule_of
from steelyard.trading.config import RiskTable
from steelyard.trading.limituse import LIMITS, uses
from tests.trading.world import CONFIG, hand_world

PAGE = Path(__file__).parents[2] / "docs" / "concepts" / "risk.md"


def test_every_limit_is_shown_with_its_use():
    """The numbers that the check looks at: open orders filled, the loss after fees."""
    config = CONFIG + 'max_daily_loss = "100"\nmax_leverage = 2\nmax_drawdown = 300\n'
    world = hand_world(
        lambda hand: hand.buy("0.01"), lambda hand: hand.buy("0.02", "59000"), config=config
    )
    world.run(2)
    found = {use.name: use for use in uses(world.trader)}
    assert [*found] == [*LIMITS]
    position = found["max_position"]
    assert (position.limit, position.used, position.unit) == ("1", "0.02999", "BTC")
    assert found["max_open_orders"][2:4] == ("10", "1")
    assert found["max_orders_per_minute"][2:4] == (None, "2")
    assert found["price_collar"][2:] == ("5", None, "%")
    assert found["max_daily_loss"].limit == "100"
    assert 0 < float(found["max_daily_loss"].used) < 1
    assert 0 < float(found["max_drawdown"].used) < 1
    assert found["max_gross_exposure"].used.startswith("1799.")
    assert float(found["max_leverage"].used) > 0


def test_before_the_start_is_over_nothing_is_made_up():
    world = hand_world()
    world.boot()
    assert [use.used for use in uses(world.trader)].count("0") == 2  # orders, and those of a minute


def test_limits_are_those_of_the_configuration():
    """One that is added there is shown here."""
    named = {key for key in RiskTable.__struct_fields__ if key.startswith("max_")}
    others = {"max_order_age", "max_order_distance"}  # of orders that rest: they are canceled
    assert named - others | {"price_collar"} == set(LIMITS)


def test_the_page_has_every_limit_and_breaker_as_the_program_does():
    """One row each, in order: name and sentence; of breakers also threshold, window and resume."""
    page = PAGE.read_text()
    rows = re.findall(r"(?m)^\| `(\w+)` \| (.*) \|$", page)
    wanted = [(name, text) for name, text in LIMITS.items()]
    for breaker in Breaker:
        kind, rule = KINDS[breaker], rule_of(breaker, {})
        cells = (kind.threshold, kind.window, kind.resume, rule.text)
        wanted.append((breaker.value, " | ".join(cells)))
    assert rows == wanted
