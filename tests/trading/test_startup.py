"""The ladder of the start: nothing is traded before its last rung, and what cannot mend ends it."""

import pytest

from steelyard.domain.errors import ConfigError
from steelyard.domain.lifecycle import OrderState
from steelyard.domain.messages import (
    SECOND_NS,
    AccountQuery,
    CandlesQuery,
    InstrumentsQuery,
    KeyQuery,
    OrdersQuery,
    Refused,
    Scope,
)
from steelyard.domain.order import RejectReason
from steelyard.trading.actions import Finish, Role
from steelyard.trading.records import OrderPending, RunStarted
from steelyard.wire.outcome import Answered, NotSent, Unknown
from tests.trading.world import BEGIN_NS, CONFIG, Fate, Hand, hand_world


def failing(kind: type, outcome=None, until: int = 3):
    """Return a fate in which the first requests of a kind fail."""
    failed = []

    def fate(message, _number) -> Fate:
        if isinstance(message, kind) and len(failed) < until:
            failed.append(message)
            return Fate(outcome=outcome or Unknown("reset"))
        return Fate()

    return fate


def test_a_start_ends_in_trading():
    """The strategy begins after everything is compared, and knows its history."""
    world = hand_world(strategy=lambda: Hand(bar="1s"))
    world.run(1.5)
    assert world.trader.status == ("running", None)
    assert [kind for kind, _ in world.hand.heard[:2]] == ["start", "timer"]
    assert len(world.hand.history) == 3
    assert world.hand.heard_of("bar")[0].open_ns > world.hand.history[-1].open_ns


@pytest.mark.parametrize(
    "kind", [InstrumentsQuery, KeyQuery, AccountQuery, OrdersQuery, CandlesQuery]
)
def test_nothing_is_traded_before_every_question_is_answered(kind: type):
    """While one fails the gate is closed and says for what it waits; then it opens."""
    world = hand_world(
        strategy=lambda: Hand(lambda hand: hand.buy("0.01"), bar="1s"), fate=failing(kind)
    )
    world.run(0.4)
    assert world.trader.status.word == "starting"
    assert "reset" in world.trader.status.reason
    assert world.messages(OrderPending) == []
    world.run(12)
    assert world.trader.status.word == "running"
    assert len(world.venue.orders_of_bot) == 1


def test_a_key_that_may_withdraw_ends_the_start():
    """With a sentence, and without a stream or an order."""
    world = hand_world(lambda hand: hand.buy("0.01"))
    world.venue.scopes = frozenset(Scope)
    world.run(5)
    assert world.finished == Finish(
        2,
        "this key may withdraw; a bot must not hold such a key. Make one with the scopes read and "
        "trade",
    )
    assert world.commands == []


@pytest.mark.parametrize("scope", [Scope.READ, Scope.TRADE])
def test_a_key_that_lacks_a_scope_ends_the_start(scope: Scope):
    """It names the scope."""
    world = hand_world()
    world.venue.scopes = frozenset({Scope.READ, Scope.TRADE}) - {scope}
    world.run(5)
    assert world.finished.code == 2
    assert world.finished.text == f"this key lacks the scope {scope.value}"


def test_a_symbol_that_is_not_listed_ends_the_start():
    """It names those that are."""
    world = hand_world(config=CONFIG.replace("BTC-USDT", "BTC-EUR"))
    world.run(5)
    assert world.finished.code == 2
    assert "no instrument 'BTC-EUR' here; known: BTC-USDT" in world.finished.text


@pytest.mark.parametrize("kind", [InstrumentsQuery, AccountQuery])
def test_a_refusal_that_cannot_mend_itself_ends_the_start(kind: type):
    """Without instruments or an account there is nothing to trade."""
    no = Answered(Refused(RejectReason.UNSUPPORTED, "not for you"))
    world = hand_world(fate=failing(kind, no))
    world.run(5)
    assert world.finished.code == 2
    assert "not for you" in world.finished.text


def test_a_bot_keeps_its_symbol():
    """Its journal is of one instrument; another one needs another name."""
    world = hand_world()
    world.run(1)
    other = hand_world(config=CONFIG.replace("BTC-USDT", "ETH-USDT"))
    other.payloads = world.payloads
    with pytest.raises(ConfigError, match="has traded BTC-USDT so far"):
        other.run(1)


@pytest.mark.parametrize("kind", [KeyQuery, AccountQuery])
def test_a_key_that_is_not_accepted_ends_the_start(kind: type):
    """With the venue's words, at once: asking again would not help."""
    world = hand_world(fate=failing(kind, NotSent("401 unknown key", is_denied=True)))
    world.run(2)
    assert world.finished == Finish(2, "the venue does not accept this key: 401 unknown key")


def test_a_key_that_is_not_accepted_any_more_gates_trading():
    """An order is given up after one try, and few questions are asked."""
    asked = []

    def fate(message, _number) -> Fate:
        if world.now_ns < BEGIN_NS + 3 * SECOND_NS:
            return Fate()
        asked.append(message)
        return Fate(outcome=NotSent("401 revoked", is_denied=True))

    world = hand_world(fate=fate)
    world.after(4, lambda: world.hand.acts.append(lambda hand: hand.buy("0.01")))
    world.after(5, lambda: world.break_stream(Role.PRIVATE))
    world.run(60)
    assert world.only_order.state is OrderState.ABSENT
    assert world.trader.status.word == "gated"
    assert "401 revoked" in world.trader.status.reason
    assert len(asked) < 20


def test_every_run_has_a_greater_number():
    """Also when it starts within the same second: ids of two runs never meet."""
    world = hand_world()
    for _ in range(3):
        world.run(0.01)
        world.boot()
    runs = [message.run for message in world.messages(RunStarted)]
    assert runs == sorted(set(runs))
