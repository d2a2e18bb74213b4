"""A killed bot's position is closed: its own, within the collar, and each order proven."""

from decimal import Decimal

import pytest

from steelyard import dialects
from steelyard.domain.commands import Place
from steelyard.domain.messages import (
    SECOND_NS,
    AccountQuery,
    FillList,
    FillsQuery,
    InstrumentsQuery,
    OrderAnswer,
)
from steelyard.domain.order import OrderType, Side, TimeInForce
from steelyard.sim.stand import BTC_USDT, Stand
from steelyard.trading.closing import Closing
from steelyard.trading.orders import ClientIds
from steelyard.trading.records import InstrumentSeen, OrderPending, OrderSeen, RunStarted
from steelyard.trading.state import TraderState
from steelyard.wire.outcome import Answered, Unknown
from tests.shared.kill_plans import Hand

LIMIT = (OrderType.LIMIT, TimeInForce.GTC, False)
SIZE = 1_000  # lots: 0.01 BTC


@pytest.fixture(params=dialects.names())
def stand(request) -> Stand:
    found = Stand(dialects.find(request.param))
    found.ask(InstrumentsQuery(), None)
    return found


class Bot:
    """A bot that bought something; its journal may know of the order and not of the fill."""

    def __init__(self, stand: Stand, *, lots: int = SIZE) -> None:
        self.stand, self.client = stand, stand.dialect.client
        self.state = TraderState()
        self.ids = ClientIds("bot", 1_700_000_000)
        begun_ns = stand.now_ns
        self.listed = stand.listings.symbol("BTC-USDT")
        for message in (
            RunStarted(2, 1_700_000_000, "bot", "sandbox", "x:Y", "BTC-USDT", {}),
            InstrumentSeen(self.listed),
        ):
            self.state.apply(message, begun_ns)
        if lots:
            bob = Place(0, 0, Side.SELL, *LIMIT, price_ticks=5_000_000, size_lots=lots)
            stand.ask(bob, stand.key_of("bob"))
            name = self.new_id()
            place = Place(
                0,
                self.listed.instrument_id,
                Side.BUY,
                *LIMIT,
                price_ticks=5_000_000,
                size_lots=lots,
                client_order_id=name,
            )
            self.state.apply(OrderPending(place), begun_ns)
            answer = stand.ask(place, stand.key_of("alice"))
            if isinstance(answer, OrderAnswer):
                self.state.apply(OrderSeen(answer.order, "answer"), begun_ns)

    def new_id(self) -> str:
        return self.client.client_order_id(self.ids.next())

    def close(self, hand: Hand, *, is_drill: bool = False, **options):
        plan = hand.plan(is_drill=is_drill, patience_ns=60 * SECOND_NS)
        hand.carry_out(plan.steps(), is_drill=is_drill)
        closing = Closing(plan, self.state, self.new_id, **options)
        hand.carry_out(closing.steps(), is_drill=is_drill)
        return closing.closed


def bid(stand: Stand, price_ticks: int, size_lots: int = SIZE) -> None:
    place = Place(0, 0, Side.BUY, *LIMIT, price_ticks=price_ticks, size_lots=size_lots)
    stand.ask(place, stand.key_of("bob"))


def held(stand: Stand) -> Decimal:
    answer = stand.ask(AccountQuery(0), stand.key_of("alice"))
    base = stand.listings.symbol("BTC-USDT").base_asset_id
    return Decimal(sum(b.free_atoms for b in answer.balances if b.asset_id == base)) / 10**12


def test_what_the_bot_bought_is_sold_and_no_more(stand):
    """The account holds a hundred besides, which are somebody's."""
    bot, hand = Bot(stand), Hand(stand, stand.key_of("alice"))
    before = held(stand)
    bid(stand, 4_990_000)
    closed = bot.close(hand)
    assert closed.is_flat, closed
    assert Decimal(closed.left) == 0
    assert before - held(stand) <= Decimal("0.01")
    assert before - held(stand) >= Decimal("0.0099")  # a fee may have been taken in the base
    (name,) = hand.written
    (place,) = [message for message in hand.sent if isinstance(message, Place)]
    assert (place.client_order_id, place.time_in_force) == (name, TimeInForce.IOC)
    assert place.price_ticks == 4_890_200  # 2 % below the best bid


def test_it_goes_on_until_it_is_flat(stand):
    """As the other side comes, in parts, each order named before it leaves."""
    bot = Bot(stand)
    rounds = [300, 300, 400]

    def fate(message, _now_ns):
        if isinstance(message, Place):
            assert message.client_order_id in hand.written
        elif type(message).__name__ == "BookQuery" and rounds:
            bid(stand, 4_990_000, rounds.pop())

    hand = Hand(stand, stand.key_of("alice"), fate)
    assert bot.close(hand).is_flat
    assert len(hand.written) == len(set(hand.written)) >= 3


@pytest.mark.parametrize("after", [0, 1])
def test_a_fill_that_is_listed_late_is_waited_for(stand, after):
    """Before anything is sent, and before more is: what is sold twice is not the bot's."""
    bot, late = Bot(stand), iter(range(4))
    before = held(stand)
    bid(stand, 4_990_000)
    bid(stand, 4_990_000)

    def fate(message, _now_ns):
        is_due = len(hand.written) >= after and isinstance(message, FillsQuery)
        return Answered(FillList(())) if is_due and next(late, None) is not None else None

    hand = Hand(stand, stand.key_of("alice"), fate)
    closed = bot.close(hand)
    assert next(late, None) is None
    assert (closed.is_flat, Decimal(closed.left)) == (True, 0)
    assert before - held(stand) <= Decimal("0.01")
    assert len(hand.written) == 1


def test_a_fill_that_is_never_listed_is_said(stand):
    """The position is not known, so nothing more is sent."""
    bot = Bot(stand)
    bid(stand, 4_990_000)

    def fate(message, _now_ns):
        is_due = hand.written and isinstance(message, FillsQuery)
        return Answered(FillList(())) if is_due else None

    hand = Hand(stand, stand.key_of("alice"), fate)
    closed = bot.close(hand)
    assert (closed.is_flat, closed.is_able, len(hand.written)) == (False, False, 1)
    assert "does not list all fills of order" in closed.text


def test_an_empty_book_is_waited_for_and_then_said(stand):
    """Nothing is sent at any price."""
    bot, hand = Bot(stand), Hand(stand, stand.key_of("alice"))
    closed = bot.close(hand)
    assert not closed.is_flat
    assert "not closed: not done in the time that there was" in closed.text
    assert not hand.written


def test_an_order_without_an_answer_is_looked_for_and_not_sent_again(stand):
    """It had arrived, and sold all: one order."""
    bot, lost = Bot(stand), []

    def fate(message, _now_ns):
        if isinstance(message, Place) and not lost:
            lost.append(message)
            stand.send(message, stand.key_of("alice"))
            return Unknown("no answer in time")
        return None

    hand = Hand(stand, stand.key_of("alice"), fate)
    bid(stand, 4_990_000)
    assert bot.close(hand).is_flat
    assert len(lost) == len(hand.written) == 1
    assert not any(isinstance(message, Place) for message in hand.sent)


def test_an_order_that_never_arrived_is_sent_anew_once_that_is_proven(stand):
    """Where requests expire; where they do not, it is not guessed, and said."""
    bot, lost = Bot(stand), []

    def fate(message, now_ns):
        if isinstance(message, Place) and not lost:
            lost.append(now_ns)
            return Unknown("no answer in time")
        if isinstance(message, Place):
            lost.append(now_ns)
        return None

    hand = Hand(stand, stand.key_of("alice"), fate)
    bid(stand, 4_990_000)
    closed = bot.close(hand)
    expiry_ns = stand.dialect.client.expiry_ns(Place(0, 0, Side.SELL, *LIMIT, 1, 1))
    if expiry_ns is None:
        assert not closed.is_flat
        assert len(lost) == 1
    else:
        assert closed.is_flat
        assert lost[1] - lost[0] > expiry_ns


def test_a_bot_that_holds_nothing_is_flat_as_it_is(stand):
    """No order is sent; nor for one that has never traded."""
    hand = Hand(stand, stand.key_of("alice"))
    assert Bot(stand, lots=0).close(hand).is_flat
    fresh = Bot(stand, lots=0)
    fresh.state = TraderState()
    assert fresh.close(hand).is_flat
    assert not hand.written


def test_dust_is_left_and_said(stand):
    """Less than the venue takes as an order is no order."""
    lots = BTC_USDT.notional_min_atoms // (5_000_000 * BTC_USDT.tick_lot_atoms)
    bot, hand = Bot(stand, lots=lots + 1), Hand(stand, stand.key_of("alice"))
    bid(stand, 3_000_000)
    closed = bot.close(hand)
    assert closed.is_flat
    assert "are left: worth less than the venue takes" in closed.text
    assert not hand.written


def test_a_drill_says_what_it_would_send(stand):
    bot, hand = Bot(stand), Hand(stand, stand.key_of("alice"))
    bid(stand, 4_990_000)
    closed = bot.close(hand, is_drill=True)
    assert closed.text.endswith("BTC would be closed")
    assert not hand.written


@pytest.mark.parametrize("is_able", [True, False])
def test_a_drill_says_whether_the_position_could_be_closed(stand, is_able):
    """Where nobody stands on the other side, it could not."""
    bot = Bot(stand)
    if is_able:
        bid(stand, 4_990_000)
    assert bot.close(Hand(stand, stand.key_of("alice")), is_drill=True).is_able is is_able
