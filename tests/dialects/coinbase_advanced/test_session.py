"""The exchange's end of the WebSocket: what is answered, in which order, and to whom."""

import pytest

from steelyard.dialects.coinbase_advanced import auth, session
from steelyard.domain.messages import Scope
from steelyard.wire.limits import LimitProfile, SocketLimits
from tests.dialects.coinbase_advanced.venue import BASE, Venue

BUY = {"base_size": "0.01", "limit_price": "50000"}


def channels(heard):
    return [each["channel"] for each in heard]


def check_numbers(heard, first=0):
    numbers = [each["sequence_num"] for each in heard]
    assert numbers == list(range(first, first + len(heard)))


def orders_of(heard):
    """Return the orders that updates of `user` told."""
    return [
        order
        for each in heard
        if each["channel"] == "user"
        for event in each["events"]
        if event["type"] == "update"
        for order in event["orders"]
    ]


def test_a_channel_begins_with_how_things_stand_and_then_all_subscriptions(venue):
    venue.placed_id()
    number = venue.subscribe("level2", "BTC-USDT")
    venue.subscribe("ticker", "BTC-USDT", number=number)
    venue.subscribe("heartbeats", number=number)
    heard = venue.heard(number)
    assert channels(heard) == ["l2_data", *["subscriptions"] * 3]
    check_numbers(heard)
    assert all(each["client_id"] == "" for each in heard), "one client wants the key"
    (book,) = heard[0]["events"]
    assert (book["type"], book["product_id"]) == ("snapshot", "BTC-USDT")
    (level,) = book["updates"]
    assert (level["side"], level["price_level"], level["new_quantity"]) == (
        ("bid", "50000.00", "0.01")
    )
    (told,) = heard[-1]["events"]
    assert told["subscriptions"] == {
        "level2": ["BTC-USDT"], "ticker": ["BTC-USDT"], "heartbeats": ["heartbeats"],
    }  # fmt: skip


def test_all_channels_of_a_connection_share_one_count(venue):
    """Whatever is told: answers, the feed and heartbeats."""
    number = venue.subscribe("heartbeats")
    for channel in ("level2", "market_trades", "ticker", "candles", "ticker_batch", "status"):
        venue.subscribe(channel, "BTC-USDT", number=number)
    venue.subscribe("user", key=venue.key, number=number)
    venue.placed_id()
    venue.placed_id({"base_size": "0.004"}, kind="market_market_ioc", side="SELL",
                    key=venue.other_key)  # fmt: skip
    for _ in range(6):
        venue.pass_time()
    venue.subscribe("futures_balance_summary", key=venue.key, number=number)
    heard = venue.heard(number)
    check_numbers(heard)
    told = set(channels(heard))
    assert {"l2_data", "market_trades", "ticker", "ticker_batch", "candles", "user"} <= told
    beats = [each for each in heard if each["channel"] == "heartbeats"]
    counters = [event["heartbeat_counter"] for each in beats for event in each["events"]]
    assert counters == list(range(len(counters)))
    assert len(counters) >= 5
    assert beats[0]["events"][0]["current_time"].endswith(" +0000 UTC")


def test_a_level_that_is_gone_has_a_quantity_of_0_and_a_trade_its_makers_side(venue):
    number = venue.subscribe("level2", "BTC-USDT")
    venue.subscribe("market_trades", "BTC-USDT", number=number)
    venue.heard(number)
    venue.placed_id()
    venue.placed_id(BUY, side="SELL", key=venue.other_key)
    heard = venue.heard(number)
    levels = [e["events"][0]["updates"][0] for e in heard if e["channel"] == "l2_data"]
    assert [level["new_quantity"] for level in levels] == ["0.01", "0"]
    (trade,) = (e["events"][0]["trades"][0] for e in heard if e["channel"] == "market_trades")
    assert (trade["side"], trade["size"], trade["price"]) == ("BUY", "0.01", "50000.00")
    late = venue.subscribe("market_trades", "BTC-USDT")
    first = venue.heard(late)[0]["events"][0]
    assert (first["type"], [each["trade_id"] for each in first["trades"]]) == ("snapshot", ["1"])


def test_user_tells_sums_and_what_has_been_paid_so_far(venue):
    number = venue.subscribe("user", key=venue.key)
    order_id = venue.placed_id()
    for size in ("0.002", "0.003"):
        venue.placed_id({**BUY, "base_size": size}, side="SELL", key=venue.other_key)
    told = orders_of(venue.heard(number))
    assert {each["order_id"] for each in told} == {order_id}
    assert [each["cumulative_quantity"] for each in told] == ["0", "0.002", "0.005"]
    assert [each["number_of_fills"] for each in told] == ["0", "1", "2"]
    assert [each["leaves_quantity"] for each in told] == ["0.01", "0.008", "0.005"]
    assert [each["total_fees"] for each in told] == ["0", "0.1", "0.25"]
    assert told[-1]["total_fees"] == venue.order(order_id)["total_fees"]
    assert told[-1]["total_value_after_fees"] == "250.25"


def test_who_comes_later_hears_of_open_orders_first_and_counts_on(venue):
    """What an order has paid before is not forgotten."""
    order_id = venue.placed_id()
    venue.placed_id({**BUY, "base_size": "0.002"}, side="SELL", key=venue.other_key)
    number = venue.subscribe("user", "BTC-USDT", key=venue.key)
    first, ack = venue.heard(number)
    (event,) = first["events"]
    (order,) = event["orders"]
    assert (event["type"], order["order_id"], order["total_fees"]) == ("snapshot", order_id, "0.1")
    assert event["positions"]["perpetual_futures_positions"] == []
    assert ack["events"][0]["subscriptions"] == {"user": ["BTC-USDT"]}
    venue.placed_id({**BUY, "base_size": "0.002"}, side="SELL", key=venue.other_key)
    (told,) = orders_of(venue.heard(number))
    assert (told["total_fees"], told["number_of_fills"]) == ("0.2", "2")


def test_many_open_orders_come_in_parts(venue):
    for place in range(session.ORDERS_EACH + 1):
        venue.placed_id({"base_size": "0.01", "limit_price": str(1_000 + place)})
    heard = venue.heard(venue.subscribe("user", key=venue.key))
    assert [len(each["events"][0]["orders"]) for each in heard[:-1]] == [session.ORDERS_EACH, 1]


def test_user_tells_of_the_products_that_were_asked_for(venue):
    number = venue.subscribe("user", "ETH-USDT", key=venue.key)
    venue.placed_id()
    mine = venue.placed_id(product_id="ETH-USDT")
    venue.placed_id(product_id="ETH-USDT", key=venue.other_key)
    assert {each["order_id"] for each in orders_of(venue.heard(number))} == {mine}
    check_numbers(venue.heard(number), first=4)


@pytest.mark.parametrize("how", ["none", "wrong", "of a route"])
def test_user_is_signed(venue, how):
    number = venue.connect()
    message = {"type": "subscribe", "channel": "user", "product_ids": []}
    if how == "wrong":
        wrong = venue.key._replace(secret=b"x")
        message |= auth.login_of(wrong, "user", (), venue.desk.now_ns)
    elif how == "of a route":
        message["jwt"] = "e30.e30.e30"
    venue.say(number, message)
    (heard,) = venue.heard(number)
    assert heard["type"] == "error"
    assert heard["message"].startswith("authentication failure")
    venue.placed_id()
    assert venue.heard(number) == []


def test_a_key_that_may_not_read_hears_nothing(venue):
    trader = venue.new_key("alice", Scope.TRADE)
    number = venue.subscribe("user", key=trader)
    assert venue.heard(number)[0]["type"] == "error"


def test_who_leaves_hears_no_more(venue):
    number = venue.subscribe("level2", "BTC-USDT", "ETH-USDT")
    venue.subscribe("user", key=venue.key, number=number)
    venue.say(number, {"type": "unsubscribe", "channel": "level2", "product_ids": ["BTC-USDT"]})
    told = venue.heard(number)[-1]["events"][0]["subscriptions"]
    assert told["level2"] == ["ETH-USDT"]
    venue.say(number, {"type": "unsubscribe", "channel": "level2"})
    venue.say(number, {"type": "unsubscribe", "channel": "user"})
    assert venue.heard(number)[-1]["events"][0]["subscriptions"] == {}
    venue.placed_id()
    assert venue.heard(number) == []
    venue.subscribe("user", key=venue.key, number=number)
    assert channels(venue.heard(number)) == ["user", "subscriptions"]


@pytest.mark.parametrize(
    ("message", "says"),
    [
        ("{", "send"),
        ({"type": "hello"}, "subscribe or unsubscribe"),
        ({"type": "subscribe", "channel": "full"}, "channel 'full' is none"),
        ({"type": "subscribe", "channel": "level2"}, "needs product_ids"),
        ({"type": "subscribe", "channel": "ticker", "product_ids": ["X"]}, "not a valid product"),
        ({"type": "subscribe", "channel": "ticker", "product_ids": "X"}, "send"),
    ],
)
def test_an_error_says_what_would_be_right_and_has_no_number(venue, message, says):
    number = venue.connect()
    venue.say(number, message)
    (heard,) = venue.heard(number)
    assert heard.keys() == {"type", "message"}
    assert says in heard["message"]
    venue.subscribe("status", number=number)
    check_numbers(venue.heard(number))


def test_who_asks_for_nothing_or_too_fast_is_sent_away():
    sockets = SocketLimits(connects=0, connects_ns=1, messages=3)
    venue = Venue(LimitProfile((), sockets=sockets))
    idle, fast = venue.connect(), venue.connect()
    for _ in range(4):
        venue.say(fast, {"type": "subscribe", "channel": "heartbeats"})
    assert "unsigned messages" in venue.lines[fast][0].session.closing[1]
    venue.pass_time(1)
    venue.pass_time(6)
    assert "within 5 seconds" in venue.lines[idle][0].session.closing[1]


def test_a_route_that_is_a_websocket_says_so(venue):
    status, _ = venue.call("GET", "/ws")
    assert status == 426
    assert venue.call("GET", f"{BASE}/nothing")[0] == 404


def test_a_filled_order_by_money_is_complete_on_the_stream_and_over_rest(venue):
    """Whatever is left of the money: it buys no further lot."""
    venue.placed_id({"base_size": "1", "limit_price": "50000"}, side="SELL", key=venue.other_key)
    number = venue.subscribe("user", key=venue.key)
    placed = venue.placed_id({"quote_size": "100.1"}, kind="market_market_ioc")
    told = orders_of(venue.heard(number))[-1]
    assert (told["status"], told["completion_percentage"]) == ("FILLED", "100")
    assert venue.order(placed)["completion_percentage"] == "100"
