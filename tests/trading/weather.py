"""Bad weather from a seed: lost, late and refused requests, broken streams, crashes, kills."""

from random import Random
from typing import Any

from steelyard.domain.commands import Amend, Cancel, Place
from steelyard.domain.messages import SECOND_NS
from steelyard.domain.order import FeeAsset, Side
from steelyard.trading.actions import Role, Start
from steelyard.wire.outcome import NotSent
from tests.trading.capabilities import offering
from tests.trading.session import QUIET_S, Churn, Restless, check_end, new_world
from tests.trading.venue import Venue
from tests.trading.world import BEGIN_NS, CONFIG, Fate, World

TRADING_S = 18
CALM_NS = BEGIN_NS + (TRADING_S + 4) * SECOND_NS
MS_NS = 1_000_000
CRASHES_WITHIN = 200  # counted points of a session


def run_in_weather(seed: int) -> World:
    """Run a session in the weather of a seed, let it calm down, and check its end."""
    world = world_in_weather(seed)
    world.run(TRADING_S + QUIET_S + 30)
    check_end(world)
    return world


def world_in_weather(seed: int) -> World:
    """Return a world with a troubled time ahead."""
    rng = Random(seed)
    query_rate = rng.choice([0, 0.02, 0.1])
    order_rate = rng.choice([0, 0.2, 0.5])

    def fate(message: Any, _number: int) -> Fate:
        rate = order_rate if isinstance(message, Place | Cancel | Amend) else query_rate
        if world.now_ns < CALM_NS and rng.random() < rate:
            return trouble(rng)
        return Fate(rng.randrange(1, 50) * MS_NS, rng.randrange(1, 50) * MS_NS)

    venue = Venue(offset_ns=rng.choice([0, -2, 3]) * SECOND_NS)
    venue.fee_asset = rng.choice([*FeeAsset])
    crashes = rng.sample(range(CRASHES_WITHIN), rng.choice([0, 1, 2, 5]))
    venue.replaces = rng.random() < 0.3
    policy = rng.choice(["leave", "leave", "cancel", "adopt"])
    world = new_world(
        TRADING_S,
        strategy=rng.choice([Churn, Restless]),
        fate=fate,
        venue=venue,
        crash_at=crashes,
        config=CONFIG.replace("[venue.main]", f'foreign_orders = "{policy}"\n[venue.main]'),
    )
    world.start = Start(offering(amend_replaces=venue.replaces))
    world.timeout_ns = rng.choice([1, 2, 10]) * SECOND_NS
    for _ in range(rng.choice([0, 0, 1, 3])):
        role, back_s = rng.choice([*Role]), rng.choice([0.1, 1, 4])
        at = rng.uniform(1, TRADING_S)
        world.after(at, lambda role=role, back=back_s: world.break_stream(role, back_s=back))
    for _ in range(rng.choice([0, 0, 3])):
        side = rng.choice([*Side])
        world.after(rng.uniform(0, TRADING_S), lambda side=side: venue.trade_by_hand(side))
    if rng.random() < 0.15:
        at = rng.uniform(1, TRADING_S - 4)
        world.after(at, world.kill)
        world.after(at + rng.uniform(0.1, 3), world.resume)
    return world


def trouble(rng: Random) -> Fate:
    """Return what goes wrong with one request."""
    match rng.randrange(5):
        case 0:
            return Fate(there=None)
        case 1:
            return Fate(back=None)
        case 2:
            return Fate(there=rng.randrange(7 * SECOND_NS))
        case 3:
            return Fate(back=rng.randrange(7 * SECOND_NS))
        case _:
            return Fate(outcome=NotSent("too many requests", rng.choice([0, 1, 3]) * SECOND_NS))
