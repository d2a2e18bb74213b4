"""A trader that crashes anywhere neither doubles an order nor loses one: in memory, exhaustively.

Its twin with real processes, disks and sockets is tests/outside/test_kill9_trader.py.
"""

import pytest

from steelyard.domain.commands import Cancel, Place
from steelyard.domain.messages import SECOND_NS
from steelyard.wire.outcome import NotSent
from tests.trading.session import QUIET_S, run_session
from tests.trading.world import Fate

TRADING_S = 9
START_S = 10
TIMEOUT_NS = 2 * SECOND_NS

FATES = {
    "fair": lambda _message, _number: Fate(),
    "late": lambda message, _: Fate(there=4 * SECOND_NS if is_command(message) else 10**6),
    "lost": lambda message, number: Fate(there=None if is_command(message) and number % 2 else 1),
    "unanswered": lambda message, number: Fate(
        back=None if is_command(message) and number % 2 else 1
    ),
    "refused": lambda message, number: Fate(
        outcome=NotSent("too many requests", SECOND_NS)
        if is_command(message) and number % 2
        else None
    ),
}


def is_command(message) -> bool:
    return isinstance(message, Place | Cancel)


@pytest.mark.parametrize("fate", FATES)
def test_a_session_without_a_crash_ends_well(fate: str):
    """Late, lost, unanswered and refused requests double nothing and lose nothing."""
    world = run_session(12, fate=FATES[fate], timeout_ns=TIMEOUT_NS)
    assert world.trader.status.word == "running"
    assert world.venue.orders_of_bot


@pytest.mark.slow
@pytest.mark.parametrize("fate", FATES)
def test_a_crash_at_any_point_is_survived(fate: str):
    """After any record, before or after any command leaves: no double order, right position."""
    points = run_session(TRADING_S, fate=FATES[fate], timeout_ns=TIMEOUT_NS).points
    assert points > 30
    crashes = 0
    for point in range(1, points + 1):
        world = run_session(TRADING_S, fate=FATES[fate], crash_at={point}, timeout_ns=TIMEOUT_NS)
        world.run(TRADING_S + QUIET_S + START_S)  # marks of fills are written late
        assert world.trader.status.word == "running", f"crash at point {point}"
        crashes += world.crashes
    assert crashes == points, "every run was interrupted"


@pytest.mark.slow
def test_a_crash_while_recovering_is_survived():
    """Restarting is no safer than running: a second crash right after the first ends well."""
    for first in range(20, 44, 3):
        for second in (first + 1, first + 2, first + 4):
            world = run_session(TRADING_S, crash_at={first, second})
            assert world.crashes == 2
