import pytest

from steelyard.domain.errors import ConfigError
from steelyard.domain.messages import MINUTE_NS, SECOND_NS, BookDelta, FillsQuery, TradesQuery
from steelyard.domain.order import Side
from steelyard.trading.actions import Role, Told
from steelyard.trading.channels import Budgets, Channel, Channels
from steelyard.trading.config import parse_config
from steelyard.trading.report import state_document
from steelyard.wire.outcome import Unknown
from tests.trading.world import BEGIN_NS, CONFIG, Fate, Hand, World, hand_world

T0 = 1_700_000_000 * SECOND_NS
SHORT = CONFIG.replace(
    "key =", 'stale_book = "4s"\nstale_trades = "6s"\nstale_private = "40s"\nkey ='
)


def test_a_channel_is_stale_beyond_its_budget():
    """From its last word on; before the first it is not known, and the start waits for it."""
    channels = Channels(Budgets(trades_ns=5 * SECOND_NS))
    assert channels.age_ns(Channel.TRADES, T0) is None
    assert channels.trouble(Channel.TRADES, T0) is None
    channels.hear(Channel.TRADES, T0)
    assert channels.trouble(Channel.TRADES, T0 + 5 * SECOND_NS) is None
    assert channels.trouble(Channel.TRADES, T0 + 7 * SECOND_NS) == (
        "the trades are stale: nothing confirmed it for 7 s"
    )


def test_budgets_are_configured_and_have_defaults():
    assert parse_config(CONFIG).main.budgets == Budgets(10 * SECOND_NS, MINUTE_NS, 2 * MINUTE_NS)
    assert parse_config(SHORT).main.budgets == Budgets(4 * SECOND_NS, 6 * SECOND_NS, 40 * SECOND_NS)
    with pytest.raises(ConfigError, match=r"\[venue.main\] stale_book: 'soon' is not a duration"):
        parse_config(SHORT.replace('"4s"', '"soon"'))


def quiet_world(**options) -> World:
    world = World(Hand, config=SHORT, **options)
    world.venue.quote(6_000_000)
    world.after(0, world.boot)
    world.after(1, lambda: world.venue.house_trade(Side.BUY, 6_000_050, 10))
    return world


def test_a_market_in_which_nothing_trades_is_compared_and_stays_good():
    """Every half of the budget, not more often."""
    asked = []

    def fate(message, _number) -> Fate:
        if isinstance(message, TradesQuery):
            asked.append(message)
        return Fate()

    world = quiet_world(fate=fate)
    world.run(30)
    assert world.trader.status.word == "running"
    assert 5 <= len(asked) <= 11
    assert world.said("stream.reset") == []
    ages = state_document(world.trader)["channels"]
    assert ages["trades"]["budget_ms"] == 6_000
    assert all(0 <= channel["age_ms"] <= channel["budget_ms"] for channel in ages.values())


def test_trades_that_cannot_be_compared_close_the_gate():
    """The venue does not answer: beyond the budget nothing new is ordered, and it says why."""

    def fate(message, _number) -> Fate:
        is_asked = isinstance(message, TradesQuery) and world.now_ns > BEGIN_NS + 5 * SECOND_NS
        return Fate(outcome=Unknown("no answer")) if is_asked else Fate()

    world = quiet_world(fate=fate)
    world.run(25)
    assert world.trader.status.word == "gated"
    assert world.trader.status.reason.startswith("the trades are stale: nothing confirmed it for")


def test_a_stream_that_tells_no_trades_any_more_is_opened_anew():
    """The book goes on, the venue's list does too: what was missed comes afterwards."""
    world = quiet_world()

    def trade_silently() -> None:
        world.venue.house_trade(Side.BUY, 6_000_050, 10)
        world.venue.public[:] = [e for e in world.venue.public if type(e).__name__ != "Trade"]

    world.after(5, trade_silently)
    world.run(15)
    assert world.said("stream.up").count("market") == 2
    (gap,) = world.hand.heard_of("gap")
    assert len(gap.trades) == 1
    assert gap.is_filled


def test_an_account_that_nothing_confirms_closes_the_gate():
    """Its stream is silent, and the comparison gets no answer."""

    def fate(message, _number) -> Fate:
        is_late = world.now_ns > BEGIN_NS + 5 * SECOND_NS
        return Fate(outcome=Unknown("no answer")) if is_late and _is_round(message) else Fate()

    world = quiet_world(fate=fate)
    world.run(30)
    assert world.trader.status.word == "running"
    world.run(50)
    assert world.trader.status.word == "gated"
    assert "what the account has done is stale" in world.trader.status.reason


def _is_round(message) -> bool:
    return isinstance(message, FillsQuery)


def test_a_crossed_book_blocks_orders():
    """Whatever the stream says: bid above ask is no market, and a wish is refused with both."""
    world = hand_world(*[lambda hand: hand.buy("0.01", "59000")] * 100)
    world.run(2.2)
    assert world.commands
    book = world.trader.desk.book
    level = (book.asks.best_ticks + 100, 5)
    delta = _delta(world, bids=(level,))
    before = len(world.commands)
    world.step(Told(delta))
    assert world.trader.status.word == "gated"
    assert world.trader.status.reason.startswith("the book is crossed: bid ")
    world.hand.acts[:] = []
    intent = world.hand.buy("0.01", "59000")
    assert world.trader.work.place(intent).text.startswith("the book is crossed")
    assert len(world.commands) == before


def test_a_stale_book_blocks_orders():
    """Nobody confirms it: beyond its budget a wish is refused."""
    world = hand_world(config=SHORT, fate=lambda message, _: _lost_books(world, message))
    world.run(3)
    world.mute(Role.MARKET)
    world.run(8)
    assert world.trader.status.word == "gated"
    assert world.trader.status.reason.startswith("the book is stale")
    intent = world.hand.buy("0.01", "59000")
    assert world.trader.work.place(intent).text.startswith("the book is stale")


def _lost_books(world: World, message) -> Fate:
    is_late = world.now_ns > BEGIN_NS + 2 * SECOND_NS
    is_book = type(message).__name__ == "BookQuery"
    return Fate(outcome=Unknown("no answer")) if is_late and is_book else Fate()


def _delta(world: World, **sides):
    sequence = world.trader.desk.book.sequence + 1
    return BookDelta(3, sequence, sequence, sides.get("bids", ()), sides.get("asks", ()), T0)
