"""A trader's end of the WebSocket: books in order, sums into steps, and what is lost is noticed."""

import json

import pytest

from steelyard.dialects.coinbase_advanced import DIALECT
from steelyard.dialects.coinbase_advanced.follower import AccountFollower, MarketFollower
from steelyard.domain.errors import AuthError, DecodeError, Unsupported
from steelyard.domain.instrument import Listings
from steelyard.domain.lifecycle import OrderState
from steelyard.domain.messages import BookDelta, BookSnapshot, Execution, Trade
from steelyard.domain.order import OrderType, Side
from steelyard.wire.dialect import ApiKey, ChannelKind
from steelyard.wire.uuids import order_number
from tests.shared.desk import BTC_USDT

LISTINGS = Listings([BTC_USDT])
TIME = "2024-03-11T20:48:46.722052Z"
ORDER = "a9625b04-fc66-4999-a876-543c3684d702"


def envelope(channel, number, **event):
    told = {"channel": channel, "client_id": "", "timestamp": TIME, "sequence_num": number}
    return json.dumps({**told, "events": [event]})


def level(side, price, size):
    return {"side": side, "event_time": TIME, "price_level": price, "new_quantity": size}


def book(number, kind, *levels):
    return envelope("l2_data", number, type=kind, product_id="BTC-USDT", updates=levels)


@pytest.fixture
def market():
    kinds = frozenset({ChannelKind.BOOK, ChannelKind.TRADES})
    found = MarketFollower([BTC_USDT], LISTINGS, kinds)
    found.opened(0)
    return found


@pytest.fixture
def account():
    return AccountFollower(ApiKey("k", b"s"), LISTINGS, order_number)


def told(session, *messages):
    for message in messages:
        session.receive(message, 0)
    return session.drain()[1]


# -- markets --------------------------------------------------------------------------------------


def test_each_channel_is_asked_for_by_a_message_of_its_own(market):
    asked = [json.loads(each) for each in market.drain()[0]]
    assert [each["channel"] for each in asked] == ["heartbeats", "level2", "market_trades"]
    assert all(each["type"] == "subscribe" and "jwt" not in each for each in asked)


def test_it_is_ready_once_every_channel_is_confirmed(market):
    told(market, envelope("subscriptions", 0, subscriptions={"level2": ["BTC-USDT"]}))
    assert not market.ready
    both = {"level2": ["BTC-USDT"], "market_trades": ["BTC-USDT"]}
    told(market, envelope("subscriptions", 1, subscriptions=both))
    assert market.ready


def test_a_book_is_read_best_first_and_changes_are_counted(market):
    whole, change = told(
        market,
        book(0, "snapshot", level("bid", "1.00", "1"), level("bid", "2.00", "1"),
             level("offer", "4.00", "1"), level("offer", "3.00", "1")),
        book(1, "update", level("offer", "3.00", "0"), level("bid", "2.50", "0.00002")),
    )  # fmt: skip
    assert isinstance(whole, BookSnapshot)
    assert [ticks for ticks, _ in whole.bids] == [200, 100]
    assert [ticks for ticks, _ in whole.asks] == [300, 400]
    assert isinstance(change, BookDelta)
    assert (change.bids, change.asks) == (((250, 2),), ((300, 0),))
    assert change.first_sequence == whole.sequence + 1


def test_a_message_that_is_missing_is_noticed_and_nothing_after_it_is_believed(market):
    told(market, book(0, "snapshot", level("bid", "1.00", "1")))
    for number in (2, 0, 7):
        with pytest.raises(DecodeError, match="opened anew"):
            market.receive(book(number, "update", level("bid", "1.00", "2")), 0)
    assert market.drain()[1] == []
    assert len(told(market, book(1, "update", level("bid", "1.00", "2")))) == 1


def test_heartbeats_count_and_so_does_what_nobody_follows(market):
    beat = envelope("heartbeats", 0, current_time="now", heartbeat_counter=1)
    assert told(market, beat, envelope("new_channel", 1, any=1)) == []
    assert told(market, book(2, "update")) != []


def test_the_side_of_a_trade_is_the_takers_and_older_ones_are_passed_over(market):
    trade = {"trade_id": "7", "product_id": "BTC-USDT", "price": "2.00", "size": "0.001",
             "side": "BUY", "time": TIME}  # fmt: skip
    before = envelope("market_trades", 0, type="snapshot", trades=[trade])
    newer = {**trade, "trade_id": "8"}
    both = envelope("market_trades", 1, type="update", trades=[newer, trade])
    found = told(market, before, both)
    assert [(each.trade_id, each.taker_side) for each in found] == [(7, Side.SELL), (8, Side.SELL)]
    assert all(isinstance(each, Trade) for each in found)


@pytest.mark.parametrize(
    "message",
    [
        book(0, "update", level("left", "1.00", "1")),
        book(0, "update", level("bid", "1.001", "1")),
        book(0, "update", level("bid", "1.00", "x")),
        book(0, "update").replace("BTC-USDT", "XXX-USDT"),
        book(0, "update").replace('"sequence_num": 0, ', ""),
        '{"type": "error", "message": "no such channel"}',
        "[]",
    ],
)
def test_what_is_wrong_is_one_error_and_leaves_nothing_behind(market, message):
    with pytest.raises(DecodeError):
        market.receive(message, 0)
    (whole,) = told(market, book(0, "snapshot"))
    assert whole.sequence == 1


def test_the_venue_has_no_other_public_channels():
    with pytest.raises(Unsupported, match="TOUCH"):
        MarketFollower([BTC_USDT], LISTINGS, frozenset({ChannelKind.TOUCH}))


# -- an account -----------------------------------------------------------------------------------


def user(number, kind="update", **fields):
    order = {
        "order_id": ORDER, "client_order_id": "own", "product_id": "BTC-USDT",
        "order_side": "BUY", "order_type": "Limit", "limit_price": "100.00", "status": "OPEN",
        "time_in_force": "GOOD_UNTIL_CANCELLED", "creation_time": TIME, "leaves_quantity": "1",
        **fields,
    }  # fmt: skip
    return envelope("user", number, type=kind, orders=[order])


HALF = {"cumulative_quantity": "0.5", "leaves_quantity": "0.5", "filled_value": "50"}
WHOLE = {"cumulative_quantity": "1", "leaves_quantity": "0", "filled_value": "100"}


def steps(events):
    return [(event.execution, event.order.filled_lots, event.order.state) for event in events]


def test_sums_become_steps_without_fills(account):
    found = told(account, user(0), user(1, **HALF), user(2, **HALF, status="CANCELLED"))
    assert steps(found) == [
        (Execution.NEW, 0, OrderState.WORKING),
        (Execution.FILL, 50_000, OrderState.PARTIALLY_FILLED),
        (Execution.CANCELED, 50_000, OrderState.CANCELED),
    ]
    assert {event.fill for event in found} == {None}
    assert found[1].order.quote_atoms == 50 * 10**12


def test_one_message_may_tell_of_all_of_an_orders_life(account):
    found = told(account, user(0, **WHOLE, status="FILLED"))
    assert steps(found) == [
        (Execution.NEW, 0, OrderState.WORKING),
        (Execution.FILL, 100_000, OrderState.FILLED),
    ]


def test_open_orders_that_come_first_are_where_counting_begins(account):
    assert told(account, user(0, "snapshot", **HALF)) == []
    assert steps(told(account, user(1, **HALF))) == [], "nothing has changed"
    (fill,) = told(account, user(2, **WHOLE, status="FILLED"))
    assert fill.execution is Execution.FILL


def test_changes_triggers_and_ends_by_ones_own_terms(account):
    stop = {"order_type": "Stop Limit", "stop_price": "90.00", "trigger_status": "STOP_PENDING"}
    placed, changed, triggered = told(
        account, user(0, **stop), user(1, **stop, leaves_quantity="2"),
        user(2, **{**stop, "trigger_status": "STOP_TRIGGERED"}, leaves_quantity="2"),
    )  # fmt: skip
    assert placed.order.order_type is OrderType.STOP_LIMIT
    assert placed.order.waits
    assert changed.execution is Execution.AMENDED
    assert triggered.execution is Execution.TRIGGERED
    (over,) = told(account, user(3, **stop, leaves_quantity="2", status="EXPIRED"))
    assert (over.execution, over.order.state) == (Execution.EXPIRED, OrderState.EXPIRED)
    ioc = {"order_id": ORDER.replace("a", "b"), "time_in_force": "IMMEDIATE_OR_CANCEL"}
    *_, ended = told(account, user(4, **ioc, status="CANCELLED"))
    assert ended.order.state is OrderState.EXPIRED


def test_an_order_that_the_venue_refused_later_is_rejected(account):
    (found,) = told(account, user(0, status="FAILED"))
    assert (found.execution, found.order.state) == (Execution.REJECTED, OrderState.REJECTED)


def test_a_key_that_is_not_accepted_is_an_error_of_its_own(account):
    with pytest.raises(AuthError):
        account.receive('{"type":"error","message":"authentication failure"}', 0)


def test_a_session_proves_itself_by_a_token_of_its_own(account):
    account.opened(0)
    user_message, beat = (json.loads(each) for each in account.drain()[0])
    assert (user_message["channel"], beat["channel"]) == ("user", "heartbeats")
    assert user_message["api_key"] == "k"
    pair = ApiKey("k", b"", "", lambda _: b"x" * 64)
    session = DIALECT.client.private_session(pair, LISTINGS, 0)
    session.opened(0)
    assert json.loads(session.drain()[0][0])["jwt"].count(".") == 2
