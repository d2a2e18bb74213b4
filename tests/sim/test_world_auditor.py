"""The auditor of worlds: each rule, broken by hand."""

import pytest
from msgspec.structs import replace

from steelyard.domain.commands import Place
from steelyard.domain.lifecycle import OrderState
from steelyard.domain.order import OrderType, Side, TimeInForce
from steelyard.sim.plan import calm
from steelyard.sim.world import START_NS, Broken, World
from steelyard.sim.world_auditor import PACE_MAX, Violation
from steelyard.store import segment
from steelyard.trading.actions import Ask, Journal, Kill, Role, Start, StreamDown
from steelyard.trading.records import OrderAbsent, OrderPending
from steelyard.wire.http import Request, Response

PLACE = Place(
    *(0, 0, Side.BUY, OrderType.LIMIT, TimeInForce.GTC),
    post_only=False,
    price_ticks=5_900_000,
    size_lots=777,
    client_order_id="x-1",
)
DECIDED = [Journal(OrderPending(PLACE), START_NS)]
ASKED = Request("GET", "/api/v3/time", {}, b"")


@pytest.fixture
def world() -> World:
    """A world that has lived for some seconds without trouble."""
    world = World(calm(1), segment)
    timeline = world.timeline
    timeline.after(0, "exchange", world.exchange.boot)
    timeline.after(1, "bot", world.bots[0].boot)
    while timeline.elapsed_s < 3 and timeline.advance():
        world.auditor.look()
    return world


def broken(rule: str):
    return pytest.raises(Violation, match=f"^{rule}:")


def test_an_order_is_decided_on_only_where_it_may_be(world):
    """Not without the private stream, not under the kill switch, not twice under one id."""
    auditor, bot = world.auditor, world.bots[0]
    auditor.took(bot, StreamDown(Role.MARKET, "x"), DECIDED)
    with broken("intent"):
        auditor.took(bot, StreamDown(Role.MARKET, "x"), DECIDED)
    with broken("gated"):
        auditor.took(bot, StreamDown(Role.PRIVATE, "x"), DECIDED)
    with broken("killed"):
        auditor.took(bot, Kill("x"), DECIDED)


def test_what_is_compared_has_to_be_compared_anew(world):
    """Answers to what was asked before the stream came up do not count."""
    from steelyard.trading.actions import StreamUp

    with broken("compared"):
        world.auditor.took(world.bots[0], StreamUp(Role.PRIVATE), DECIDED)


def test_a_book_that_never_was_is_seen(world):
    """Who decides on it has lost something."""
    world.auditor._touches.clear()
    world.auditor._touches["BTC-USDT"].append((world.timeline.now_ns, (1, 2)))
    with broken("book"):
        world.auditor.took(world.bots[0], StreamDown(Role.MARKET, "x"), DECIDED)


def test_nothing_leaves_too_early(world):
    """Not before it is on the disk, and not while the venue wants to be left alone."""
    auditor, bot = world.auditor, world.bots[0]
    with broken("durable"):
        auditor.leaves(bot, PLACE, ASKED)
    auditor.came_back(bot, Response(429, {"retry-after": "2"}, b""))
    with broken("wait"):
        auditor.leaves(bot, None, ASKED)


def test_a_storm_is_one_whether_it_leaves_or_not(world):
    """So many wishes in a second are a loop."""
    with broken("storm"):
        world.auditor.took(
            world.bots[0], StreamDown(Role.MARKET, "x"), [Ask(1, None)] * (PACE_MAX + 1)
        )


def test_what_arrives_has_an_intent_and_is_one_order(world):
    """By the exchange's own records."""
    exchange, auditor, bot = world.exchange.exchange, world.auditor, world.bots[0]
    account_id = exchange.keys.account_id(bot.account)

    def arrive(name: str, size_lots: int) -> None:
        place = Place(
            *(account_id, 0, Side.BUY, OrderType.LIMIT, TimeInForce.IOC),
            post_only=False,
            price_ticks=5_000_000,
            size_lots=size_lots,
            client_order_id=name,
        )
        exchange.perform(place, exchange.now_ns)
        auditor._recorded(exchange.now_ns, place)

    with broken("intent"):
        arrive("nobody's", 500)
    arrive("hand-1", 500)  # a person's
    auditor.took(bot, StreamDown(Role.MARKET, "x"), DECIDED)
    arrive("x-1", 777)
    with broken("double"):
        arrive("x-1", 777)


def test_what_is_written_off_is_not_there_and_does_not_come(world):
    """Neither before that is put down nor afterwards, nor after a restart; refused is not there."""
    exchange, auditor, bot = world.exchange.exchange, world.auditor, world.bots[0]
    account_id = exchange.keys.account_id(bot.account)
    happened = StreamDown(Role.MARKET, "x")

    def arrive(size_lots: int) -> None:
        place = replace(PLACE, account_id=account_id, size_lots=size_lots)
        exchange.perform(place, exchange.now_ns)
        auditor._recorded(exchange.now_ns, place)

    gone = [Journal(OrderAbsent("x-1", "nobody has it"), START_NS)]
    auditor.took(bot, happened, DECIDED)
    arrive(PLACE.size_lots * 1_000_000)  # more than there is money for
    auditor.took(bot, happened, gone)
    with broken("written off"):
        arrive(PLACE.size_lots)
    with broken("written off"):
        auditor.took(bot, happened, gone)
    auditor.took(bot, Start(), [])
    assert auditor._bots[bot.name].written_off == {
        o.client_order_id for o in bot.trader.turn.state.orders if o.state is OrderState.REJECTED
    }


def test_limits_are_held_against_what_is_open_at_the_venue(world):
    """Whatever the trader believes."""
    exchange, auditor, bot = world.exchange.exchange, world.auditor, world.bots[0]
    account_id = exchange.keys.account_id(bot.account)
    with broken("max_position"):
        for number in range(3):
            place = Place(
                *(account_id, 0, Side.BUY, OrderType.LIMIT, TimeInForce.GTC),
                post_only=False,
                price_ticks=5_000_000,
                size_lots=900 + number,
                client_order_id=f"y-{number}",
            )
            decided = [Journal(OrderPending(place), START_NS)]
            auditor.took(bot, StreamDown(Role.MARKET, "x"), decided)
            exchange.perform(place, exchange.now_ns)
            auditor._recorded(exchange.now_ns, place)


def test_a_broken_world_tells_how_to_see_it_again(monkeypatch):
    """Seed, event, time, what happened last, and the command."""
    monkeypatch.setattr(
        "steelyard.trading.portfolio.Portfolio.position_atoms", property(lambda _: 1)
    )
    world = World(calm(4), segment)
    monkeypatch.setattr("steelyard.sim.world.SETTLE_S", 1)
    with pytest.raises(Broken) as caught:
        world.run()
    text = str(caught.value)
    assert caught.value.rule == "settled"
    for part in ("seed 4, event ", "it counts position and cash (1, ", "tests.sim.seed 4 binance"):
        assert part in text
    assert len(text.splitlines()) > 40
