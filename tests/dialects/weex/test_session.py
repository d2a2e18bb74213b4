"""The streams, the exchange's end: who is let in, subscriptions, pings, what is told."""

import pytest

from tests.dialects.weex.venue import PRIVATE


def test_a_public_stream_greets_and_answers_in_order(venue):
    """With the id as it was sent, a number or a text."""
    number = venue.connect()
    (greeting,) = venue.heard(number)
    assert greeting["event"] == "connected"
    assert greeting["time"].isdigit()
    for told in (1, "1"):
        venue.say(number, {"method": "PING", "id": told})
        assert venue.heard(number) == [{"result": True, "id": told}]
    venue.say(number, {"method": "UNSUBSCRIBE", "params": ["BTCUSDT@ticker"], "id": 3})
    assert venue.heard(number) == [{"result": True, "id": 3}]


WRONG = [
    (["NOPEUSDT@ticker"], "INVALID_ARGUMENT: invalid symbol : NOPEUSDT"),
    (["BTCUSDT@depth50"], "INVALID_ARGUMENT: invalid depth level : 50"),
    (["BTCUSDT@nope"], "INVALID_ARGUMENT: invalid event : nope"),
    (["BTCUSDT@kline_3m_LAST_PRICE"], "INVALID_ARGUMENT: invalid event : kline_3m_LAST_PRICE"),
    (["BTCUSDT@kline_1m_MARK_PRICE"], "INVALID_ARGUMENT: invalid event : kline_1m_MARK_PRICE"),
    ([], "INVALID_ARGUMENT: invalid params : 1 to 100 channels, as BTCUSDT@ticker"),
]


@pytest.mark.parametrize(("params", "text"), WRONG)
def test_where_one_channel_is_wrong_none_is_followed(venue, params, text):
    number = venue.connect()
    venue.heard(number)
    given = ["BTCUSDT@trade", *params] if params else []
    venue.say(number, {"method": "SUBSCRIBE", "params": given, "id": 101})
    assert venue.heard(number) == [{"result": False, "id": 101, "msg": text}]
    venue.place(venue.other_key, side="SELL")
    venue.place()
    assert venue.heard(number) == []


def test_a_book_begins_whole_and_each_change_goes_on_from_the_one_before(venue):
    """U is the u before, whatever has happened beyond; a size of 0 takes a level away."""
    venue.place(price="49000")
    number = venue.connect()
    (whole,) = venue.subscribe(number, "BTCUSDT@depth15")
    assert (whole["e"], whole["d"], whole["l"]) == ("depthSnapshot", "SNAPSHOT", 15)
    assert (whole["b"], whole["a"]) == ([["49000.00", "0.01"]], [])
    last = whole["u"]
    orders = []
    for price in ("49001", "49002"):
        orders.append(venue.place(price=price))
        venue.pass_time()
        (change,) = venue.heard(number)
        assert (change["e"], change["d"], change["U"]) == ("depth", "CHANGED", last)
        assert change["b"] == [[f"{price}.00", "0.01"]]
        assert change["u"] > last
        last = change["u"]
    venue.call("DELETE", "/api/v3/order", orderId=orders[0])
    venue.pass_time()
    (change,) = venue.heard(number)
    assert change["b"] == [["49001.00", "0"]]
    assert venue.public("/api/v3/market/depth", symbol="BTCUSDT")["lastUpdateId"] == change["u"]
    late = venue.connect()
    (whole,) = venue.subscribe(late, "BTCUSDT@depth15")
    venue.place(price="49003")
    venue.pass_time()
    assert [venue.heard(each)[0]["U"] for each in (number, late)] == [change["u"], whole["u"]]


def test_the_other_public_channels(venue):
    """What there is comes first, but for the touch; then what happens."""
    venue.place(venue.other_key, side="SELL")
    venue.place()
    number = venue.connect()
    params = ("trade", "ticker", "kline_1m_LAST_PRICE", "bookTicker")
    first = venue.subscribe(number, *(f"BTCUSDT@{param}" for param in params))
    assert [each["e"] for each in first] == ["tradeSnapshot", "ticker", "klineSnapshot"]
    (old,) = first[0]["d"]
    assert (old["p"], old["q"], old["v"], old["m"]) == ("50000.00", "0.01", "500", False)
    assert first[1]["d"][0]["c"] == "50000.00"
    assert (first[2]["p"], first[2]["d"][0]["i"]) == ("LAST_PRICE", "1m")
    venue.place(price="49990")
    venue.place(venue.other_key, side="SELL", price="49990", quantity="0.004")
    venue.pass_time()
    told = {each["e"]: each for each in venue.heard(number)}
    assert told["trade"]["d"][0]["m"] is True, "the buyer was the maker"
    assert told["ticker"]["d"][0]["P"] == "-0.0002"
    assert told["kline"]["d"][0]["c"] == "49990.00"
    assert (told["bookTicker"]["b"], told["bookTicker"]["B"]) == ("49990.00", "0.006")


def test_a_private_stream_tells_orders_fills_and_balances(venue):
    """Without a login message; both spellings of orders are one, and all are told as `orders`."""
    number = venue.log_in()
    assert venue.subscribe(number, "orders", "order", "fill", "account", "positions") == []
    mine = venue.place(newClientOrderId="mine", quantity="0.01")
    venue.place(venue.other_key, side="SELL", quantity="0.004")
    venue.call("DELETE", "/api/v3/order", orderId=mine)
    heard = venue.heard(number)
    states = [each["d"][0] for each in heard if each["e"] == "orders"]
    assert [(o["status"], o["cumFillSize"]) for o in states] == [
        ("NEW", "0"),
        ("NEW", "0.004"),
        ("CANCELED", "0.004"),
    ]
    assert {(o["id"], o["clientOrderId"]) for o in states} == {(str(mine), "mine")}
    assert [o["cancelReason"] for o in states][1:] == [
        "UNKNOWN_ORDER_CANCEL_REASON",
        "USER_CANCELED",
    ]
    assert [states[1][name] for name in ("latestFillPrice", "cumFillFee", "cumFillValue")] == [
        "50000.00",
        "0.000004",
        "200",
    ]
    (fill,) = (each["d"][0] for each in heard if each["e"] == "fill")
    assert (fill["fillSize"], fill["fillValue"], fill["direction"]) == ("0.004", "200", "MAKER")
    balances = [each["d"] for each in heard if each["e"] == "account"]
    assert {row["coin"] for rows in balances for row in rows} == {"BTC", "USDT"}
    assert [each["v"] for each in heard] == sorted(each["v"] for each in heard)


def test_what_came_before_a_connection_is_in_an_orders_sums(venue):
    """Fees and prices of fills that nobody was told of here."""
    mine = venue.place(quantity="0.01")
    venue.place(venue.other_key, side="SELL", quantity="0.004")
    number = venue.log_in()
    venue.subscribe(number, "orders")
    venue.place(venue.other_key, side="SELL", quantity="0.002")
    (told,) = (each["d"][0] for each in venue.heard(number))
    assert (told["id"], told["cumFillFee"]) == (str(mine), "0.000006")


def test_nobody_else_hears_of_it(venue):
    number = venue.log_in(venue.other_key)
    venue.subscribe(number, "orders", "fill", "account")
    venue.place()
    assert venue.heard(number) == []


def test_who_proves_nothing_is_told_so_and_ends(venue):
    """Whatever it says after that is not heard."""
    number = venue.connect(PRIVATE, {})
    (said,) = venue.heard(number)
    assert (said["result"], said["code"]) == (False, -1040)
    venue.say(number, {"method": "SUBSCRIBE", "params": ["orders"], "id": 1})
    assert venue.heard(number) == [], "it has ended"


def test_contracts_have_streams_on_which_nothing_is_listed(venue):
    number = venue.connect("/contract/v3/ws/public")
    venue.heard(number)
    venue.say(number, {"method": "SUBSCRIBE", "params": ["BTCUSDT@ticker"], "id": 1})
    assert venue.heard(number)[0]["msg"] == "INVALID_ARGUMENT: invalid symbol : BTCUSDT"


def test_who_follows_nothing_or_answers_no_ping_is_sent_away(venue):
    idle, silent, awake = venue.connect(), venue.connect(), venue.connect()
    for number in (silent, awake):
        venue.subscribe(number, "BTCUSDT@ticker")
    for _ in range(62):
        venue.pass_time()
    assert venue.closing(idle)[0] == 1000
    assert venue.heard(silent)[-1]["event"] == "ping"
    for _ in range(11):
        venue.pass_time(61)
        venue.say(awake, {"method": "PONG", "id": "2"})
    assert venue.closing(silent)[0] == 1008
    assert venue.closing(awake) is None


@pytest.mark.parametrize(
    "garbage",
    [
        "",
        "[" * 5_000,
        '{"method":"PING","id":"\\ud800"}',
        '{"method":"PING","id":[1]}',
        '{"method":"SUBSCRIBE","params":["nope"]}',
        '{"method":"SUBSCRIBE"}',
        "null",
    ],
)
def test_garbage_on_a_private_stream_is_answered_and_changes_nothing(venue, garbage):
    number = venue.log_in()
    venue.subscribe(number, "orders")
    venue.say(number, garbage)
    (answer,) = venue.heard(number)
    assert answer["result"] is False
    assert answer["msg"].startswith("INVALID_ARGUMENT")
    venue.place()
    assert [each["e"] for each in venue.heard(number)] == ["orders"]


def test_garbage_is_answered_and_too_many_subscriptions_are_refused(venue):
    number = venue.connect()
    venue.heard(number)
    for garbage in ("{", "[]", '{"method":"NOPE"}', '{"params":[1]}'):
        venue.say(number, garbage)
        assert venue.heard(number)[0]["result"] is False
    for count in range(240):
        venue.say(number, {"method": "SUBSCRIBE", "params": ["BTCUSDT@ticker"], "id": count})
    assert venue.heard(number)[-1] == {"result": True, "id": 239}
    venue.say(number, {"method": "SUBSCRIBE", "params": ["BTCUSDT@trade"], "id": 240})
    assert venue.heard(number)[0]["result"] is False
    venue.lines[number][0].receive(b"\x00")
    assert venue.closing(number)[0] == 1003
