"""What a client hears on WebSocket v2, message by message."""

import pytest

BOOK = {"channel": "book", "symbol": ["BTC/USDT"]}


def kinds(frames) -> list[str]:
    return [f.get("channel") or f["method"] for f in frames]


def test_a_connection_begins_with_the_status(venue):
    (told,) = venue.open("/v2").hear()
    assert (told["channel"], told["data"][0]["system"]) == ("status", "online")
    assert isinstance(told["data"][0]["connection_id"], int)


@pytest.mark.parametrize("target", ["/ws/v1", "/ws", "/v2/x", "/"])
def test_other_paths_are_no_streams(venue, target):
    assert venue.gate.line(target, "127.0.0.1", 9, lambda: 0) is None


def test_a_ping_is_answered_with_its_number(venue):
    socket = venue.open("/ws/v2")
    socket.hear()
    (pong,) = socket.say(method="ping", req_id=5)
    assert (pong["method"], pong["req_id"]) == ("pong", 5)
    assert pong["time_in"] == "2023-11-14T22:13:20.000000Z"


def test_each_symbol_has_an_answer_of_its_own(venue):
    socket = venue.open("/ws/v2")
    socket.hear()
    params = {**BOOK, "symbol": ["BTC/USDT", "XBT/USDT"], "depth": 25}
    good, book, bad = socket.say(method="subscribe", params=params, req_id=1)
    assert good["result"] == {**BOOK, "symbol": "BTC/USDT", "depth": 25, "snapshot": True}
    assert (good["req_id"], good["success"]) == (1, True)
    assert (book["channel"], book["type"]) == ("book", "snapshot")
    assert (bad["success"], bad["symbol"]) == (False, "XBT/USDT")
    assert bad["error"] == "Currency pair not supported XBT/USDT"


@pytest.mark.parametrize(
    ("params", "error"),
    [
        ({**BOOK, "depth": 11}, "Subscription depth not supported"),
        ({**BOOK, "symbol": []}, "Symbol(s) not found"),
        ({"channel": "gossip", "symbol": ["BTC/USDT"]}, "Subscription name invalid: 'gossip'"),
        (
            {"channel": "ohlc", "symbol": ["BTC/USDT"], "interval": 7},
            "Subscription ohlc interval not supported",
        ),
        ({}, "Malformed request"),
    ],
)
def test_what_cannot_be_subscribed_is_told_so(venue, params, error):
    socket = venue.open("/ws/v2")
    socket.hear()
    (told,) = socket.say(method="subscribe", params=params, req_id=3)
    assert (told["success"], told["error"], told["req_id"]) == (False, error, 3)
    assert told["help"]


def test_nothing_is_subscribed_twice_or_left_unheard(venue):
    socket = venue.open("/ws/v2")
    socket.say(method="subscribe", params=BOOK)
    (again,) = socket.say(method="subscribe", params=BOOK)
    assert again["error"] == "Already subscribed"
    (left,) = socket.say(method="unsubscribe", params=BOOK)
    assert (left["method"], left["success"]) == ("unsubscribe", True)
    (gone,) = socket.say(method="unsubscribe", params=BOOK)
    assert gone["error"] == "Subscription Not Found"
    venue.add()
    venue.pass_time(1)
    assert socket.hear() == []


def test_who_hears_something_hears_a_heartbeat(venue):
    socket = venue.open("/ws/v2")
    socket.hear()
    socket.line.session.wake(venue.desk.now_ns)
    assert socket.hear() == []
    socket.say(method="subscribe", params=BOOK)
    for _ in range(4):
        venue.desk.now_ns += 500_000_000
        socket.line.session.wake(venue.desk.now_ns)
    assert kinds(socket.hear()) == ["heartbeat", "heartbeat"]


def test_trades_tickers_and_candles_are_told(venue):
    socket = venue.open("/ws/v2")
    socket.hear()
    for channel in ("trade", "ticker", "ohlc"):
        socket.say(method="subscribe", params={"channel": channel, "symbol": ["BTC/USDT"]})
    venue.add(venue.bob, type="sell")
    venue.add()
    venue.pass_time(2)
    told = {f["channel"]: f for f in socket.hear()}
    (trade,) = told["trade"]["data"]
    assert trade == {
        "symbol": "BTC/USDT",
        "side": "buy",
        "price": 50000.0,
        "qty": 0.01,
        "ord_type": "limit",
        "trade_id": 1,
        "timestamp": "2023-11-14T22:13:20.000000Z",
    }
    assert (told["ticker"]["data"][0]["last"], told["ohlc"]["data"][0]["close"]) == (50000, 50000)
    _, snapshot = venue.open("/v2").say(
        method="subscribe", params={"channel": "trade", "symbol": ["BTC/USDT"], "snapshot": True}
    )[1:]
    assert (snapshot["type"], snapshot["data"]) == ("snapshot", [trade])


def test_instruments_are_told_whole(venue):
    socket = venue.open("/ws/v2")
    socket.hear()
    _, told = socket.say(method="subscribe", params={"channel": "instrument"})
    (pair,) = told["data"]["pairs"]
    wanted = {"symbol": "BTC/USDT", "price_increment": 0.01, "qty_increment": 1e-5, "cost_min": 5}
    assert {**pair, **wanted} == pair
    assert {a["id"] for a in told["data"]["assets"]} == {"BTC", "USDT"}


def test_numbers_have_all_their_digits(venue):
    """The checksum is made of them."""
    venue.add()
    socket = venue.open("/ws/v2")
    socket.say(method="subscribe", params=BOOK)
    socket.line.receive(
        '{"method":"unsubscribe","params":{"channel":"book","symbol":["BTC/USDT"]}}'
    )
    socket.hear()
    socket.line.receive('{"method":"subscribe","params":{"channel":"book","symbol":["BTC/USDT"]}}')
    assert '"bids":[{"price":50000.00,"qty":0.01000000}]' in socket.hear_text()[1]


def test_a_public_connection_takes_no_orders_and_tells_of_no_account(venue):
    socket = venue.open("/ws/v2")
    socket.hear()
    token = venue.token()
    params = {"channel": "executions", "token": token}
    (told,) = socket.say(method="subscribe", params=params)
    assert told["error"].startswith("Private data and trading are unavailable on this endpoint")
    (told,) = socket.say(method="cancel_all", params={"token": token})
    assert told["error"].startswith("Private data and trading are unavailable on this endpoint")


@pytest.mark.parametrize("text", ["", "{", "[]", '{"method":7}', '{"params":{}}'])
def test_what_is_no_call_is_told_so(venue, text):
    socket = venue.open("/ws/v2")
    socket.hear()
    socket.line.receive(text)
    (told,) = socket.hear()
    assert (told["success"], told["error"]) == (False, "Malformed request")
