"""The stand that dialogues and the conformance kit stand on, over every dialect found."""

import pytest
from msgspec.structs import replace

from steelyard import dialects
from steelyard.domain.commands import Place
from steelyard.domain.errors import Unsupported
from steelyard.domain.messages import BalanceEvent, OrderEvent, Scope, Trade
from steelyard.domain.order import OrderType, Side, TimeInForce
from steelyard.sim.stand import BTC_USDT, POLICY, PlainSeal, Stand
from steelyard.wire.dialect import ChannelKind
from steelyard.wire.limits import Counts, Limit, LimitProfile, Per
from steelyard.wire.outcome import Answered, NotSent

PUBLIC = frozenset({ChannelKind.BOOK, ChannelKind.TRADES})
SECOND_NS = 1_000_000_000


@pytest.fixture(params=dialects.names())
def stand(request) -> Stand:
    return Stand(dialects.find(request.param))


def limit_order(side: Side = Side.BUY, size_lots: int = 1_000) -> Place:
    kind = (OrderType.LIMIT, TimeInForce.GTC, False)
    return Place(0, 0, side, *kind, price_ticks=5_000_000, size_lots=size_lots)


def private(stand: Stand, account: str):
    key = stand.key_of(account)
    return stand.follow(stand.dialect.client.private_session(key, stand.listings, stand.now_ns))


def test_what_one_does_both_hear_before_the_answer_is_returned(stand):
    """Nothing is under way when a message has been answered."""
    alice, bob = private(stand, "alice"), private(stand, "bob")
    public = stand.follow(stand.dialect.client.market_session([BTC_USDT], stand.listings, PUBLIC))
    assert alice.ready
    assert public.ready
    stand.ask(limit_order(Side.SELL), stand.key_of("bob"))
    assert not alice.events
    stand.ask(limit_order(), stand.key_of("alice"))
    assert len(alice.of(OrderEvent)) == len(bob.of(OrderEvent)) == 2
    # Who is told sums alone asks for the rest.
    assert alice.of(BalanceEvent) or not stand.dialect.tells_fills
    assert [trade.size_lots for trade in public.of(Trade)] == [1_000]


def test_a_dropped_session_hears_nothing_and_the_others_go_on(stand):
    first, second = private(stand, "alice"), private(stand, "alice")
    stand.drop(first)
    stand.ask(limit_order(), stand.key_of("alice"))
    assert not first.events
    assert second.events


def test_a_revoked_key_closes_its_sessions_alone(stand):
    key = stand.key("alice")
    session = stand.dialect.client.private_session(key, stand.listings, stand.now_ns)
    lost, kept = stand.follow(session), private(stand, "alice")
    stand.admin.revoke_key(key.key, stand.now_ns)
    stand.deliver()
    assert lost.closed == (POLICY, "the key has been revoked")
    assert kept.closed is None


def test_a_key_whose_time_is_over_closes_its_session(stand):
    key = stand.key("alice", Scope.READ, expires_ns=stand.now_ns + SECOND_NS)
    session = stand.dialect.client.private_session(key, stand.listings, stand.now_ns)
    heard = stand.follow(session)
    stand.pass_time()
    assert heard.closed is not None
    assert heard.closed[0] == POLICY


@pytest.mark.parametrize("name", dialects.names())
def test_limits_are_the_gates(name):
    once = LimitProfile((Limit("once", Per.ACCOUNT, Counts.ORDERS, 1, 60 * SECOND_NS),))
    stand = Stand(dialects.find(name), limits=once)
    stand.ask(limit_order(), stand.key_of("alice"))
    assert isinstance(stand.send(limit_order(), stand.key_of("alice")), NotSent)


def test_a_plain_seal_opens_in_its_context_only():
    seal = PlainSeal()
    assert seal.open(seal.seal(b"secret", b"here"), b"here") == b"secret"
    assert seal.digest(b"a", b"here") != seal.digest(b"a", b"there")
    with pytest.raises(AssertionError):
        seal.open(seal.seal(b"secret", b"here"), b"there")


def test_commands_go_over_a_websocket_too_which_is_opened_anew_where_it_was_closed(stand):
    """A key that has been revoked since is turned away as over REST."""
    if stand.dialect.entry is None:
        pytest.skip(f"{stand.dialect.name} takes orders over REST alone")
    key = stand.key("alice")
    assert isinstance(stand.enter(limit_order(), key), Answered)
    assert isinstance(stand.enter(limit_order(), key), Answered)
    stand.admin.revoke_key(key.key, stand.now_ns)
    stand.deliver()
    outcome = stand.enter(limit_order(), key)
    assert isinstance(outcome, NotSent)
    assert outcome.is_denied


def test_a_dialect_without_order_entry_says_so(stand):
    stand.dialect = stand.dialect._replace(entry=None)
    with pytest.raises(Unsupported, match="takes orders over REST alone"):
        stand.enter(limit_order(), stand.key_of("alice"))


def test_both_connections_of_a_pair_are_followed_and_dropped_together():
    """What waits is told on the other one, by the first one's listener."""
    stand = Stand(dialects.find("okx"))
    listener = private(stand, "alice")
    assert listener.ready
    stop = replace(limit_order(), order_type=OrderType.STOP, price_ticks=None)
    stand.ask(replace(stop, trigger_ticks=6_000_000), stand.key_of("alice"))
    assert [event.order.order_type for event in listener.of(OrderEvent)] == [OrderType.STOP]
    assert len(stand._lines) == 2
    stand.drop(listener)
    assert not stand._lines
