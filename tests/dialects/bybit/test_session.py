import pytest

from steelyard.dialects.bybit import auth, session
from steelyard.domain.messages import MINUTE_NS, SECOND_NS, Scope
from steelyard.wire.dialect import ApiKey
from tests.dialects.bybit.venue import PRIVATE, PUBLIC

BOOK = "orderbook.50.BTCUSDT"


@pytest.mark.parametrize("sent", [7, "a", None])
def test_an_answer_has_the_id_that_was_sent_in_its_own_type(venue, sent):
    number = venue.connect()
    venue.say(number, {"op": "ping", "req_id": sent})
    (pong,) = venue.heard(number)
    assert (pong["op"], pong["success"], pong["ret_msg"]) == ("ping", True, "pong")
    assert pong["req_id"] == sent
    private = venue.log_in()
    venue.say(private, {"op": "ping", "req_id": sent})
    (pong,) = venue.heard(private)
    assert (pong["op"], len(pong["args"]), pong["req_id"]) == ("pong", 1, sent)


@pytest.mark.parametrize("category", ["linear", "inverse", "option"])
def test_a_stream_of_contracts_opens_and_has_none(venue, category):
    """As their lists over REST: a client that opens all streams goes on."""
    number = venue.connect(f"/v5/public/{category}")
    venue.say(number, {"op": "subscribe", "req_id": "1", "args": [BOOK]})
    (told,) = venue.heard(number)
    assert (told["success"], told["req_id"]) == (False, "1")
    assert told["ret_msg"] == f"error:handler not found,topic:{BOOK}"


def test_a_book_begins_whole_and_every_message_has_the_next_number(venue):
    number = venue.connect()
    venue.place(price="49000")
    (whole,) = venue.subscribe(number, BOOK)
    assert (whole["type"], whole["data"]["b"]) == ("snapshot", [["49000.00", "0.01"]])
    for price in ("49001", "49002"):
        venue.place(price=price)
        venue.pass_time()
    told = venue.heard(number)
    assert [message["type"] for message in told] == ["delta", "delta"]
    first = whole["data"]["u"]
    assert [message["data"]["u"] for message in told] == [first + 1, first + 2]


def test_no_level_is_taken_away_that_the_client_has_not_and_none_beyond_the_depth_stays(venue):
    """A client's book is the exchange's best 50 levels after each message."""
    number = venue.connect()
    (whole,) = venue.subscribe(number, BOOK)
    book = dict(whole["data"]["b"])
    placed = []
    for turn in range(70):
        placed.append(venue.place(price=str(20_000 + 7 * turn % 97), qty="0.001"))
        if turn % 3 == 0:
            venue.post("/v5/order/cancel", symbol="BTCUSDT", orderId=placed.pop(turn % len(placed)))
        venue.pass_time()
        for message in venue.heard(number):
            for price, size in message["data"]["b"]:
                if size == "0":
                    del book[price]
                else:
                    book[price] = size
        best = venue.public("/v5/market/orderbook", category="spot", symbol="BTCUSDT", limit=50)[
            "result"
        ]["b"]
        assert sorted(book.items(), key=lambda row: -float(row[0])) == [tuple(row) for row in best]


def test_the_touch_is_told_whole_and_again_where_it_stands_still(venue):
    number = venue.connect()
    venue.subscribe(number, "orderbook.1.BTCUSDT")
    venue.place(price="49000")
    (first,) = venue.heard(number)
    assert first["type"] == "snapshot"
    venue.pass_time()
    venue.pass_time(3)
    (again,) = venue.heard(number)
    assert again == first


def test_other_topics_begin_with_what_is(venue):
    venue.place()
    venue.place(venue.other_key, side="Sell", qty="0.004")
    number = venue.connect()
    first = venue.subscribe(number, "tickers.BTCUSDT", "publicTrade.BTCUSDT", "kline.1.BTCUSDT")
    assert [message["topic"] for message in first] == ["tickers.BTCUSDT", "kline.1.BTCUSDT"]
    venue.place(venue.other_key, side="Sell", qty="0.006")
    venue.pass_time(2)
    topics = {message["topic"] for message in venue.heard(number)}
    assert topics == {"tickers.BTCUSDT", "publicTrade.BTCUSDT", "kline.1.BTCUSDT"}


@pytest.mark.parametrize(
    ("args", "text"),
    [
        (["nothing.BTCUSDT"], "error:handler not found,topic:nothing.BTCUSDT"),
        (["orderbook.50.XRPUSDT"], "handler not found"),
        ([], "name topics"),
        ([7], "name topics"),
        ([f"kline.{n}.BTCUSDT" for n in range(11)], "args size >10"),
        ([BOOK, BOOK + "x"], "handler not found"),
    ],
)
def test_of_a_wrong_subscription_nothing_is_followed(venue, args, text):
    number = venue.connect()
    venue.say(number, {"op": "subscribe", "args": args, "req_id": "1"})
    (ack,) = venue.heard(number)
    assert not ack["success"]
    assert text in ack["ret_msg"]
    venue.place()
    venue.pass_time()
    assert venue.heard(number) == []


def test_a_topic_is_followed_once_and_can_be_left(venue):
    number = venue.connect()
    venue.subscribe(number, BOOK)
    venue.say(number, {"op": "subscribe", "args": [BOOK]})
    assert "already subscribed" in venue.heard(number)[0]["ret_msg"]
    venue.say(number, {"op": "unsubscribe", "args": [BOOK]})
    assert venue.heard(number)[0]["success"]
    venue.place()
    venue.pass_time()
    assert venue.heard(number) == []
    venue.subscribe(number, BOOK)


def test_private_topics_need_auth_and_a_key_that_may_read(venue):
    number = venue.connect(PRIVATE)
    venue.say(number, {"op": "subscribe", "args": ["order"]})
    assert "send auth first" in venue.heard(number)[0]["ret_msg"]
    wrong = ApiKey(venue.key.key, b"wrong")
    for key, text in ((wrong, "Error sign"), (venue.new_key("alice", Scope.TRADE), "Permission")):
        venue.say(number, {"op": "auth", "args": auth.login_of(key, venue.desk.now_ns)})
        (ack,) = venue.heard(number)
        assert not ack["success"]
        assert text in ack["ret_msg"]
    for args in ([], ["k"], ["k", True, "s"], [1, 2, 3]):
        venue.say(number, {"op": "auth", "args": args})
        assert not venue.heard(number)[0]["success"]


def test_an_expiry_may_be_a_text_and_has_to_lie_ahead(venue):
    key, expires, signature = auth.login_of(venue.key, venue.desk.now_ns)
    number = venue.connect(PRIVATE)
    venue.say(number, {"op": "auth", "args": [key, str(expires), signature], "req_id": 3})
    (ack,) = venue.heard(number)
    assert (ack["op"], ack["success"], ack["ret_msg"], ack["req_id"]) == ("auth", True, "", 3)
    late = venue.connect(PRIVATE)
    venue.desk.now_ns += 11 * SECOND_NS
    venue.say(late, {"op": "auth", "args": [key, expires, signature]})
    assert "expired" in venue.heard(late)[0]["ret_msg"]


def test_silent_topics_are_taken_and_say_nothing(venue):
    number = venue.log_in()
    assert venue.subscribe(number, "position", "order.linear", "greeks") == []
    venue.place()
    assert venue.heard(number) == []


def test_who_is_idle_is_sent_away_as_the_address_says(venue):
    assert session.idle_of(PUBLIC) == 10 * MINUTE_NS
    assert session.idle_of(f"{PRIVATE}?max_active_time=30s") == 30 * SECOND_NS
    assert session.idle_of(f"{PRIVATE}?max_active_time=5m") == 5 * MINUTE_NS
    assert session.idle_of(f"{PRIVATE}?max_active_time=9h") == 10 * MINUTE_NS
    number = venue.connect(f"{PUBLIC}?max_active_time=1m")
    venue.pass_time(30)
    venue.say(number, {"op": "ping"})
    venue.pass_time(59)
    line, _ = venue.lines[number]
    assert line.session.closing is None
    venue.pass_time(1)
    assert line.session.closing[0] == 1000


def test_what_is_no_message_is_answered_and_bytes_end_the_connection(venue):
    number = venue.connect()
    for text in ("x", "[]", '{"op":"dance"}', '{"args":[[]]}'):
        venue.say(number, text)
        assert not venue.heard(number)[0]["success"]
    line, _ = venue.lines[number]
    line.receive(b"\x00")
    assert line.session.closing[0] == 1003
