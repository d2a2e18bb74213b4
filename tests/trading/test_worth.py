"""What a bot is worth is reckoned by the middle of its book, and not known without a price."""

from steelyard.trading.worth import Worth
from tests.trading.world import hand_world

UNIT = 10**12


def test_figures_follow_the_position_and_its_orders():
    """A position of 0.01 at about 60,000, and an order that could make it 0.03."""
    world = hand_world(lambda hand: hand.buy("0.01"), lambda hand: hand.buy("0.02", "59000"))
    world.run(2)
    worth = world.trader.worth
    assert abs(worth.mark_half_ticks - 12_000_000) < 100_000
    assert 1_790 * UNIT < worth.exposure_atoms < 1_810 * UNIT
    assert 0 < worth.loss_atoms < UNIT
    assert worth.loss_so_far == worth.loss_atoms
    assert worth.drawdown_atoms is None  # nobody has asked for it
    assert worth.equity_atoms > 0


def test_before_the_start_nothing_is_made_up():
    world = hand_world()
    world.boot()
    worth = world.trader.worth
    figures = [name for name in vars(Worth) if not name.startswith("_")]
    assert {getattr(worth, name) for name in figures} == {None}
