from typing import get_args

import pytest

from steelyard.domain.messages import Clock
from steelyard.trading.actions import (
    Closing,
    Decision,
    Finish,
    Input,
    Kill,
    LeaseTold,
    MarketTold,
    Reconcile,
    Resolve,
    Resume,
    ResumeBreaker,
    Returned,
    Role,
    Sent,
    Start,
    Stop,
    StreamDown,
    StreamUp,
    Told,
    VenueHalt,
    Woken,
)
from steelyard.wire.outcome import Answered
from tests.trading.world import hand_world

SAMPLES = [
    Start(),
    Told(Clock(1)),
    StreamUp(Role.MARKET),
    StreamUp(Role.PRIVATE),
    StreamDown(Role.MARKET, "x"),
    StreamDown(Role.PRIVATE, "x"),
    Sent(10**6),
    Returned(10**6, Answered(Clock(1)), 1, 2),
    Woken(),
    Kill("x"),
    Resume("x"),
    Closing(("x",)),
    Stop("x"),
    VenueHalt(0, is_ban=False),
    LeaseTold(None),
    MarketTold("crowd"),
    Reconcile(1, "x"),
    Resolve(1, "x", Decision.ABSENT, "x", "x"),
    ResumeBreaker(1, "x", "x", "x"),
]


@pytest.mark.slow
@pytest.mark.parametrize("event", SAMPLES[1:], ids=lambda e: type(e).__name__)
def test_every_input_is_taken_at_any_time(event):
    """While starting, while running and after the end, none of them breaks the machine."""
    assert {type(sample) for sample in SAMPLES} == set(get_args(Input))
    for seconds in (0.0001, 0.003, 0.2, 2):
        world = hand_world(lambda hand: hand.buy("0.01", "59990"))
        world.run(seconds)
        world.step(event)
        world.run(seconds + 20)
        if isinstance(event, Stop):
            assert isinstance(world.finished, Finish)
            assert world.trader.step(event, world.now_ns) == []
        elif isinstance(event, Kill):
            assert world.trader.status.word == "killed"
        else:
            assert world.trader.status.word in {"running", "gated", "starting"}
