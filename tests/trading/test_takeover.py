"""What one holder of a lease leaves to the next: a bot goes on where another one's journal ends."""

import pytest

from steelyard.domain.errors import ConfigError
from steelyard.domain.lease import Lease
from steelyard.domain.lifecycle import OrderState
from steelyard.domain.messages import SECOND_NS
from steelyard.domain.order import OrderType, Side, TimeInForce
from steelyard.trading.actions import Finish, LeaseTold, Start
from steelyard.trading.orders import ClientIds
from steelyard.trading.records import (
    BreakerTripped,
    Killed,
    LeaseTaken,
    OrderAdopted,
    OrderPending,
    PositionAdopted,
    ProtectionSet,
    TimerFired,
)
from steelyard.trading.state import TraderState
from steelyard.trading.takeover import (
    Left,
    Takeover,
    changed,
    changed_since,
    encode,
    left,
    takeover,
    unlike,
)
from tests.trading.test_strangers import strange
from tests.trading.venue import BOT
from tests.trading.world import BEGIN_NS, Hand, hand_world

MINUTE_NS = 60 * SECOND_NS
RUN = BEGIN_NS // SECOND_NS - 100


def lease(**changes) -> Lease:
    found = Lease("dip", 2, "a (process 1)", 9, 15 * SECOND_NS, 0, True, False, 0, "x", "")
    return found._replace(**changes)


def after_another(*records, **changes) -> Start:
    """Return the start of a bot that another one has traded before."""
    told = Takeover("dip", 3, "b", 2, "a", RUN, BEGIN_NS - MINUTE_NS, records)
    return Start(None, told._replace(**changes))


def begun(start: Start, *acts, **options):
    world = hand_world(*acts, **options)
    world.start = start
    return world


def name_of(world, run: int = RUN) -> str:
    return world.rules.client_order_id(ClientIds("test", run).next())


def test_what_a_state_leaves_is_what_no_venue_knows():
    """It comes back as it was left, but for slots in which the lease still ran: they are used."""
    state = TraderState()
    state.apply(Killed("why"), 1)
    state.apply(BreakerTripped("venue", "closed", "person"), 2)
    state.apply(TimerFired(MINUTE_NS, 10), 3)
    state.apply(ProtectionSet(5, None, Side.BUY, "x"), 4)
    assert left(TraderState()) == Left(0, None)
    waits = PositionAdopted(5, 0, "x")
    assert left(TraderState(), (waits,)).records == (waits,), "until the instrument is known"
    carried = encode({"": left(state)})
    found = takeover(lease(term=3), lease(carried=carried, until_ns=12 * MINUTE_NS + 1), "")
    kinds = [type(record) for record in found.left]
    assert kinds == [Killed, BreakerTripped, TimerFired, ProtectionSet]
    assert found.left[2] == TimerFired(MINUTE_NS, 12)
    early = takeover(lease(), lease(carried=carried, until_ns=MINUTE_NS), "")
    assert early.left[2] == TimerFired(MINUTE_NS, 10)
    assert takeover(lease(), lease(carried=carried), "btc").left == (), "that of another leg"
    assert takeover(lease(), None, "").before == 0


def test_what_cannot_be_read_is_not_guessed_at():
    with pytest.raises(ConfigError, match="left with the lease dip cannot be read"):
        takeover(lease(), lease(carried='{"": {"run": "x"}}'), "")


def test_orders_fills_and_position_are_found_at_the_venue():
    """Also those of an order that has ended long before; its own journal has not a word of them."""
    world = begun(after_another())
    filled = world.rules.client_order_id(ClientIds("test", RUN).next())
    resting = world.rules.client_order_id(ClientIds("test", RUN + 1).next())
    world.venue.place_for(BOT, strange(filled, 6_000_050))
    world.venue.place_for(BOT, strange(resting))
    world.run(4)
    state = world.trader.turn.state
    assert world.trader.status.word == "running"
    assert state.portfolio.position_lots == 1_000
    assert {order.client_order_id: order.state for order in state.orders} == {
        filled: OrderState.FILLED,
        resting: OrderState.WORKING,
    }
    assert world.said("journal.lost") == []
    (taken,) = world.messages(LeaseTaken)
    assert (taken.term, taken.before, taken.is_elsewhere) == (3, 2, True)
    assert taken.begun_ns == BEGIN_NS - MINUTE_NS


def test_a_journal_that_had_the_lease_before_finds_nothing_new():
    """The same directory took it again: what it does not know is a lost journal, as ever."""
    world = begun(after_another(before=0))
    world.venue.place_for(BOT, strange(name_of(world)))
    world.run(4)
    assert len(world.said("journal.lost")) == 1
    assert world.messages(OrderAdopted) == []


def test_a_takeover_that_is_cut_short_goes_on_with_the_next_start():
    """The lease is this journal's by then; what another one did is still its own."""
    world = begun(after_another())
    name = name_of(world)
    world.run(0.01)
    world.die()
    world.start = after_another(before=3, term=4, left=())
    world.venue.place_for(BOT, strange(name))
    world.boot()
    world.run(6)
    assert [m.place.client_order_id for m in world.messages(OrderAdopted)] == [name]


def test_ids_go_on_above_those_of_the_other_host():
    """Also where the clock of this one is behind."""
    world = begun(after_another(run=BEGIN_NS // SECOND_NS + 500), lambda hand: hand.buy("0.01"))
    world.run(2)
    assert world.trader.turn.state.run == BEGIN_NS // SECOND_NS + 501


def test_a_killed_bot_stays_killed_on_the_other_host():
    world = begun(after_another(Killed("a person")), lambda hand: hand.buy("0.01"))
    world.run(3)
    assert world.trader.status.word == "killed"
    assert world.messages(OrderPending) == []


def test_a_used_slot_is_not_used_again():
    """The next one is."""
    slot = BEGIN_NS // (2 * SECOND_NS)
    used = TimerFired(2 * SECOND_NS, slot + 1)
    world = begun(after_another(used), strategy=lambda: Hand(lambda hand: hand.every("2s")))
    world.run(9)
    fired = [m for m in world.messages(TimerFired) if m.interval_ns == 2 * SECOND_NS]
    slots = [m.slot for m in fired]
    assert slots[0] == slot + 1, "as it was left"
    assert slots[1] == slot + 2
    assert len(slots) == len(set(slots))


def test_an_adopted_holding_is_taken_over_once():
    holding = PositionAdopted(10**10, 10**15, "x")
    world = begun(after_another(holding))
    world.run(3)
    state = world.trader.turn.state
    assert (state.adopted_atoms, state.adopted_value_atoms) == (10**10, 10**15)
    assert len(world.messages(PositionAdopted)) == 1


def test_the_stop_of_the_other_holder_is_the_stop_behind_the_position():
    """It is kept, and no second one is placed."""
    stop = ProtectionSet(5_500_000, None, Side.BUY, "the strategy wants it")
    world = begun(after_another(stop))
    world.venue.place_for(BOT, strange(name_of(world), 6_000_050))
    standing = strange(name_of(world, RUN + 1))
    standing = type(standing)(
        account_id=standing.account_id,
        instrument_id=standing.instrument_id,
        side=Side.SELL,
        order_type=OrderType.STOP,
        time_in_force=TimeInForce.GTC,
        post_only=False,
        price_ticks=None,
        size_lots=1_000,
        client_order_id=standing.client_order_id,
        trigger_ticks=5_500_000,
    )
    world.venue.place_for(BOT, standing)
    world.run(8)
    (adopted,) = [m for m in world.messages(OrderAdopted) if m.place.trigger_ticks]
    assert adopted.protects
    assert world.messages(OrderPending) == []
    assert world.trader.protection.trouble is None


def test_a_venue_that_does_not_tell_whose_an_order_is_ends_the_start(monkeypatch):
    world = begun(after_another())
    monkeypatch.setattr(ClientIds, "are_told_apart", lambda *_: False)
    with pytest.raises(ConfigError, match="copy the directory"):
        world.run(1)


def test_a_lease_in_doubt_gates_and_a_lost_one_ends_with_nothing_touched():
    """Its orders are the next holder's by then: none is canceled, whatever on_stop says."""
    world = hand_world(lambda hand: hand.buy("0.01", "59900"))
    world.run(2)
    world.step(LeaseTold("about to run out"))
    assert world.trader.status == ("gated", "about to run out")
    world.step(LeaseTold(None))
    assert world.trader.status.word == "running"
    commands = len(world.commands)
    world.step(LeaseTold("its lease is lost: b has it", is_lost=True))
    world.run(2)
    assert world.finished == Finish(1, "its lease is lost: b has it")
    assert len(world.commands) == commands


def test_a_configuration_of_another_market_or_leg_takes_nothing_over():
    """It would leave orders and position there to nobody."""
    trades = "BTC-USDT on venue"
    held = lease(carried=encode({"": left(TraderState(), place=trades)}))
    assert unlike(held, {"": trades}) is None
    said = unlike(held, {"": "ETH-USDT on venue"})
    assert "trades BTC-USDT on venue, and this configuration ETH-USDT on venue" in said
    assert "this configuration nothing" in unlike(held, {"btc": trades})
    assert unlike(lease(), {"": "x"}) is None, "nobody has left anything"


def test_other_terms_are_named():
    """By what each side has; where one side tells none (it is older) nothing can be said."""
    there = {"params.fast": "5", "risk.max_position": "1"}
    assert changed(there, there) == ""
    assert changed({}, there) == changed(there, {}) == ""
    assert changed(there, {"params.fast": "7", "risk.max_position": "1"}) == (
        "params.fast is 5 there, 7 here"
    )
    assert changed(there, {"risk.max_position": "1"}) == "params.fast is 5 there, not set here"
    many = {f"params.p{at}": "1" for at in range(9)}
    assert changed(many, dict.fromkeys(many, "2")).endswith(" and 4 more")
    held = lease(carried=encode({"a": Left(0, None, terms=there), "b": Left(0, None)}))
    assert changed_since(held, {"a": {**there, "params.fast": "7"}, "b": there}) == (
        "a: params.fast is 5 there, 7 here"
    )
    assert changed_since(held, {"a": there, "c": there}) == "c: not traded there"


def test_a_takeover_with_other_terms_is_told_once_it_has_begun():
    """A warning of the log, which is an alert too; one with the same terms says nothing."""
    before = lease(carried=encode({"": Left(0, None, terms={"params.fast": "5"})}))
    told = takeover(lease(term=3), before, "", terms={"params.fast": "7"})
    assert told.changed == "params.fast is 5 there, 7 here"
    assert takeover(lease(term=3), before, "", terms={"params.fast": "5"}).changed == ""
    for words, count in ((told.changed, 1), ("", 0)):
        world = begun(after_another(changed=words))
        world.run(1)
        assert len([it for it in world.logs if it.name == "lease.changed"]) == count
