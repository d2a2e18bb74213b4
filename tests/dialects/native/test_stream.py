import json
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from steelyard.dialects.native import DIALECT, auth, stream
from steelyard.dialects.native.limits import LIMITS
from steelyard.domain.errors import AuthError, DecodeError, VenueRejected
from steelyard.domain.messages import (
    BalanceEvent,
    BookDelta,
    BookSnapshot,
    Candle,
    Event,
    Execution,
    OrderEvent,
    Ticker,
    Touch,
    Trade,
)
from steelyard.exchange.line import Line
from steelyard.wire.dialect import ApiKey, Channel, ChannelKind, Subscription
from steelyard.wire.limits import UNLIMITED
from tests.dialects.native.venue import Venue

MS = 1_000_000
BOOK = {"channel": "book", "symbol": "BTC-USDT"}


class Talk:
    """The raw end of a WebSocket: says JSON, hears JSON."""

    def __init__(self, venue: Venue) -> None:
        self.venue = venue
        self.line = venue.line()

    def say(self, message: Any) -> list[Any]:
        """Send a message and return what comes back at once, decoded."""
        self.line.receive(message if isinstance(message, str | bytes) else json.dumps(message))
        return [msgspec.json.decode(frame) for frame in self.line.session.drain()]

    def refusal(self, message: Any) -> dict[str, Any]:
        """Send a message that is refused and return the error."""
        (answer,) = self.say(message)
        assert answer["ok"] is False
        return answer["error"]

    def login(self, as_key: ApiKey | None = None, **changes: Any) -> list[Any]:
        """Log in and return what comes back."""
        login = auth.login_to_wire(as_key or self.venue.key, self.venue.desk.now_ns)
        self.venue.desk.tick()
        return self.say({**msgspec.to_builtins(login), **changes})

    def subscribe(self, *channels: Any, **more: Any) -> list[Any]:
        return self.say({"op": "subscribe", "channels": channels, **more})

    def later(self, milliseconds: int) -> list[Any]:
        """Let time go on and return what is pushed."""
        self.venue.desk.now_ns += milliseconds * MS
        self.venue.exchange.step(self.venue.desk.now_ns)
        return self.venue.pushes()


@pytest.fixture
def talk(venue) -> Talk:
    return Talk(venue)


# -- the exchange's end ------------------------------------------------------------------------


def test_there_is_one_stream(venue):
    """At its path and nowhere else."""
    assert DIALECT.session("/ws/v1", venue.line()) is not None
    for target in ("/", "/ws", "/ws/v1/", "/ws/v1?x=1", "/ws/v2"):
        assert DIALECT.session(target, venue.line()) is None


def test_a_ping_is_answered(talk):
    """With its id, where it has one."""
    assert talk.say({"op": "ping"}) == [{"op": "pong"}]
    assert talk.say({"op": "ping", "id": {"n": [1, 2]}}) == [{"op": "pong", "id": {"n": [1, 2]}}]


@pytest.mark.parametrize("sent_id", [1, "a", None, 1.5, {"a": [None]}, 2**200, "ä\u0000"])
def test_an_answer_carries_the_id_as_it_was_sent(talk, sent_id):
    """Whatever JSON it is, also numbers that no integer type holds."""
    talk.line.receive(json.dumps({"op": "subscribe", "id": sent_id, "channels": [BOOK]}))
    ack = json.loads(talk.line.session.drain()[0])
    assert ack == {"op": "subscribe", "id": sent_id, "ok": True}


def test_a_book_is_a_snapshot_and_then_a_chain(talk):
    """Each delta begins where the last one ended, and applying them gives the book (A14)."""
    venue = talk.venue
    venue.place(size="0.5", price="61000.10")
    ack, snapshot = talk.subscribe(BOOK)
    assert ack["ok"]
    assert (snapshot["type"], snapshot["bids"]) == ("snapshot", [["61000.10", "0.5"]])
    last, book = snapshot["sequence"], dict(snapshot["bids"])
    for price in ("61000.10", "61000.00", "60999.00"):
        venue.place(size="0.1", price=price)
        venue.place(venue.other_key, side="sell", type="market", size="0.2")
        for push in talk.later(100):
            assert push["first_sequence"] == last + 1
            last = push["last_sequence"]
            for level, size in push["bids"]:
                book.pop(level, None)
                if size != "0":
                    book[level] = size
    _, rest = venue.get("/api/v1/book?symbol=BTC-USDT")
    assert rest["sequence"] == last
    assert book == dict(rest["bids"])
    assert rest["bids"]


def test_a_late_subscriber_chains_just_as_well(talk):
    """Its snapshot holds what is still being gathered for the others."""
    venue = talk.venue
    talk.subscribe(BOOK)
    venue.place(size="0.5", price="61000.10")
    other = venue.line(2)
    other.receive(json.dumps({"op": "subscribe", "channels": [BOOK]}))
    snapshot = msgspec.json.decode(other.session.drain()[1])
    venue.place(size="0.5", price="61000.00")
    talk.venue.desk.now_ns += 200 * MS
    venue.exchange.step(venue.desk.now_ns)
    (push,) = [p for p in venue.pushes(2) if p["channel"] == "book"]
    assert push["first_sequence"] == snapshot["sequence"] + 1


def test_subscribing_again_starts_anew(talk):
    """How a client mends a gap: a fresh snapshot, and deltas that chain to it."""
    talk.subscribe(BOOK)
    talk.venue.place(size="0.5", price="61000.10")
    _, snapshot = talk.subscribe(BOOK)
    assert snapshot["bids"] == [["61000.10", "0.5"]]
    talk.venue.place(size="0.5", price="61000.00")
    deltas = [push for push in talk.later(100) if push.get("type") == "delta"]
    assert deltas[-1]["first_sequence"] == snapshot["sequence"] + 1


def test_public_channels_tell_how_it_stands_and_then_what_happens(talk):
    """Ticker, candles and touch begin at once; trades are told as they happen (A13)."""
    venue = talk.venue
    venue.place(venue.other_key, side="sell", size="0.01", price="61000.11")
    venue.place(size="0.01", price="61000.11")
    symbol = {"symbol": "BTC-USDT"}
    names = ("trades", "touch", "ticker", "candles")
    ack, *first = talk.subscribe(*({"channel": name, **symbol} for name in names))
    assert ack["ok"]
    assert [push["channel"] for push in first] == ["touch", "ticker", "candles"]
    assert first[2]["interval"] == "1m"
    venue.place(venue.other_key, side="sell", size="0.02", price="61000.20")
    venue.place(size="0.01", price="61000.20")
    heard = {push["channel"]: push for push in talk.later(1_000)}
    assert set(heard) == set(names)
    assert heard["trades"]["price"] == "61000.20"
    assert (heard["touch"]["bid"], heard["touch"]["ask"]) == (None, "61000.20")
    assert heard["ticker"]["last"] == "61000.20"
    assert heard["candles"]["close"] == "61000.20"


def test_a_market_where_nothing_happened_has_nothing_to_begin_with(talk):
    """No candle is made up."""
    ack, touch = talk.subscribe(
        {"channel": "candles", "symbol": "ETH-BTC", "interval": "1h"},
        {"channel": "touch", "symbol": "ETH/BTC"},
    )
    assert ack["ok"]
    assert (touch["symbol"], touch["bid"], touch["ask"]) == ("ETH-BTC", None, None)


def test_unsubscribing_ends_it(talk):
    """Also of what was never followed."""
    talk.subscribe(BOOK)
    answer = talk.say(
        {"op": "unsubscribe", "id": 3, "channels": [BOOK, {**BOOK, "channel": "touch"}]}
    )
    assert answer == [{"op": "unsubscribe", "id": 3, "ok": True}]
    talk.venue.place()
    assert talk.later(200) == []


def test_private_channels_follow_a_login(talk):
    """An order's life and the balances, as they happen (A15); nobody else's."""
    (ack,) = talk.login()
    assert ack == {"op": "login", "id": "login", "ok": True, "account_id": talk.venue.desk.alice}
    talk.subscribe({"channel": "orders"}, {"channel": "balances"})
    placed = talk.venue.place(size="0.5", price="61000.10")
    talk.venue.place(talk.venue.other_key, side="sell", type="market", size="0.2")
    talk.venue.call("PATCH", f"/api/v1/orders/{placed['order_id']}", {"size": "0.4"})
    talk.venue.call("DELETE", f"/api/v1/orders/{placed['order_id']}")
    heard = talk.later(0)
    orders = [push for push in heard if push["channel"] == "orders"]
    assert [push["execution"] for push in orders] == ["new", "fill", "amended", "canceled"]
    assert orders[1]["fill"]["size"] == "0.2"
    assert (orders[0]["fill"], orders[3]["order"]["state"]) == (None, "canceled")
    balances = {b["asset"]: b for p in heard if p["channel"] == "balances" for b in p["balances"]}
    assert balances["USDT"]["held"] == "0"
    assert balances["BTC"]["free"] == "100.2"


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"signature": "0" * 64}, "BAD_SIGNATURE"),
        ({"nonce": "other"}, "BAD_SIGNATURE"),
        ({"key": "nobody"}, "UNKNOWN_KEY"),
        ({"timestamp": 1}, "MALFORMED"),
        ({"timestamp": "1795000000000"}, "MALFORMED"),
        ({"signature": "x"}, "MALFORMED"),
        ({"secret": "x"}, "MALFORMED"),
    ],
)
def test_a_wrong_login_is_refused_and_changes_nothing(talk, changes, expected):
    """Private channels stay shut, and a right login still works."""
    (answer,) = talk.login(**changes)
    assert (answer["op"], answer["ok"], answer["error"]["code"]) == ("login", False, expected)
    assert talk.refusal({"op": "subscribe", "channels": [{"channel": "orders"}]})["code"] == (
        "MISSING_KEY"
    )
    assert talk.login()[0]["ok"]


def test_a_login_cannot_be_replayed(talk):
    """Its nonce is used up, on this connection and any other."""
    login = msgspec.to_builtins(auth.login_to_wire(talk.venue.key, talk.venue.desk.now_ns))
    assert talk.say(login)[0]["ok"]
    assert Talk(talk.venue).refusal(login)["code"] == "REPEATED_NONCE"


def test_fills_are_told_as_rest_lists_them(talk):
    """Each execution once, the maker's and the taker's, and nothing of other accounts."""
    venue = talk.venue
    assert talk.refusal({"op": "subscribe", "channels": [{"channel": "fills"}]})["code"] == (
        "MISSING_KEY"
    )
    talk.login()
    assert talk.subscribe({"channel": "fills"}) == [{"op": "subscribe", "id": None, "ok": True}]
    venue.place(size="0.5", price="61000.10")
    assert venue.pushes() == []
    venue.place(venue.other_key, side="sell", type="market", size="0.2")
    venue.place(venue.other_key, side="sell", size="1", price="61000.05")
    venue.place(size="0.1", price="61000.05")
    pushes = venue.pushes()
    assert [push.pop("channel") for push in pushes] == ["fills"] * 3
    assert pushes == venue.call("GET", "/api/v1/fills")[1]["fills"]
    assert [push["liquidity"] for push in pushes] == ["maker", "maker", "taker"]


def test_one_connection_has_one_account(talk):
    """A second login is refused."""
    assert talk.login()[0]["ok"]
    assert "open another one" in talk.login(talk.venue.other_key)[0]["error"]["message"]


@pytest.mark.parametrize(
    ("message", "field", "text"),
    [
        ("", "body", "the message is empty"),
        ("{", "body", "the message is not valid JSON"),
        ("[]", "body", "the message must be a JSON object"),
        ("\ud800", "body", "the message is not valid JSON"),
        ('{"op":"ping","op":"ping"}', "op", "op is given twice"),
        ({}, "op", 'op is missing; it must be "subscribe" or "unsubscribe" or "login" or "ping"'),
        ({"op": "subscibe"}, "op", 'did you mean "subscribe"?'),
        ({"op": 7}, "op", "op must be"),
        ({"op": ["ping"]}, "op", "op must be"),
        ({"op": "ping", "x": 1}, "x", 'the message "ping" takes op, id'),
        ({"op": "subscribe"}, "channels", "channels is missing; it must be a list"),
        ({"op": "subscribe", "channels": []}, "channels", "channels is empty"),
        ({"op": "subscribe", "channels": {}}, "channels", "must be a list; got an object"),
        ({"op": "subscribe", "channels": ["book"]}, "channels[0]", "must be an object"),
        (
            {"op": "subscribe", "channels": [BOOK, {"chanel": "book"}]},
            "channels[1].chanel",
            "did you mean channel?",
        ),
        (
            {"op": "subscribe", "channels": [{"channel": "boook", "symbol": "X"}]},
            "channels[0].channel",
            'did you mean "book"?',
        ),
        (
            {"op": "subscribe", "channels": [{"channel": "book"}]},
            "channels[0].symbol",
            "is missing",
        ),
        (
            {"op": "subscribe", "channels": [{**BOOK, "interval": "1m"}]},
            "channels[0].interval",
            "goes with candles only",
        ),
        (
            {"op": "subscribe", "channels": [{"channel": "orders", "symbol": "BTC-USDT"}]},
            "channels[0].symbol",
            "does not go with orders",
        ),
        (
            {"op": "subscribe", "channels": [{**BOOK, "channel": "candles", "interval": "7m"}]},
            "channels[0].interval",
            'must be "1s" or "1m" or "3m"',
        ),
        (
            {"op": "subscribe", "channels": [{**BOOK, "symbol": "DOGE"}]},
            "symbol",
            "known: BTC-USDT",
        ),
    ],
)
def test_a_wrong_message_is_explained_and_forgiven(talk, message, field, text):
    """The connection stays open, and the next message is answered."""
    error = talk.refusal(message)
    assert error["field"] == field
    assert text in error["message"]
    assert talk.line.session.closing is None
    assert talk.say({"op": "ping"}) == [{"op": "pong"}]


def test_a_wrong_message_subscribes_to_nothing(talk):
    """All of its channels or none."""
    assert talk.refusal({"op": "subscribe", "channels": [BOOK, {**BOOK, "symbol": "DOGE"}]})
    talk.venue.place()
    assert talk.later(200) == []


def test_a_refusal_names_the_op_and_id(talk):
    """So that a program knows which of its messages was wrong."""
    (answer,) = talk.say({"op": "subscribe", "id": 9, "channels": []})
    assert (answer["op"], answer["id"]) == ("subscribe", 9)
    (answer,) = talk.say({"op": "sub", "id": 10})
    assert (answer["op"], answer["id"]) == (None, 10)


def test_subscriptions_are_bounded(venue):
    """200 on one connection; one more is refused with how to go on."""
    door = Unbounded(venue)
    session = stream.Session(door)
    symbols = [f"A{n}-B" for n in range(201)]
    for start in range(0, 200, 50):
        channels = [{"channel": "trades", "symbol": s} for s in symbols[start : start + 50]]
        session.receive(json.dumps({"op": "subscribe", "channels": channels}), 0)
    assert all(json.loads(frame)["ok"] for frame in session.drain())
    one_more = {"op": "subscribe", "channels": [{"channel": "trades", "symbol": symbols[200]}]}
    session.receive(json.dumps(one_more), 0)
    error = json.loads(session.drain()[0])["error"]
    assert error["code"] == "KEY_LIMIT"
    assert "at most 200 channels, and 200 are followed; unsubscribe some" in error["message"]
    again = {"op": "subscribe", "channels": [{"channel": "trades", "symbol": symbols[0]}]}
    session.receive(json.dumps(again), 0)
    assert json.loads(session.drain()[0])["ok"]
    leave = {"op": "unsubscribe", "channels": [{"channel": "trades", "symbol": symbols[0]}]}
    session.receive(json.dumps(leave), 0)
    session.receive(json.dumps(one_more), 0)
    assert all(json.loads(frame)["ok"] for frame in session.drain())


class Unbounded:
    """A door to a market with any number of instruments."""

    def __init__(self, venue: Venue) -> None:
        self.listings = self
        self._instrument = next(iter(venue.listings))
        self._numbers: dict[str, int] = {}

    def symbol(self, symbol: str):
        number = self._numbers.setdefault(symbol, len(self._numbers))
        return msgspec.structs.replace(self._instrument, instrument_id=number)

    def subscribe(self, _):
        pass

    unsubscribe = subscribe
    limits = UNLIMITED


def test_binary_frames_end_it(talk):
    """With a reason that says what to send; nothing is answered any more."""
    assert talk.say(b'{"op":"ping"}') == []
    assert talk.line.session.closing == (1003, "send JSON in text frames, not binary ones")
    assert talk.say({"op": "ping"}) == []


def test_a_flood_ends_it():
    """50 messages in a second are answered; the next closes with a reason."""
    talk = Talk(Venue(LIMITS))
    for _ in range(50):
        assert talk.say({"op": "ping"}) == [{"op": "pong"}]
    assert talk.say({"op": "ping"}) == []
    assert talk.line.session.closing == (1008, "over 50 messages in one second")
    patient = Talk(talk.venue)
    for _ in range(120):
        assert patient.say({"op": "ping"}) == [{"op": "pong"}]
        talk.venue.desk.now_ns += 20 * MS


@given(st.text(max_size=60) | st.binary(max_size=60))
def test_garbage_is_refused_and_raises_nothing(frame):
    """Whatever comes over the wire, one refusal or a close goes back."""
    talk = Talk(Venue())
    answers = talk.say(frame)
    if isinstance(frame, bytes):
        assert talk.line.session.closing
    else:
        assert [answer["ok"] for answer in answers] == [False]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["channel", "symbol", "interval", "x"]), inner, max_size=3
        )
    ),
    max_leaves=8,
)


@given(
    st.dictionaries(st.sampled_from(["op", "id", "channels", "key", "nonce", "y"]), json_values),
    st.sampled_from([*stream.OPS, None]),
)
def test_any_json_is_answered_once(message, op):
    """An answer or a refusal, with no more than one for each message."""
    talk = Talk(Venue())
    if op is not None:
        message = {**message, "op": op}
    answers = talk.say(message)
    assert "ok" in answers[0] or answers[0]["op"] == "pong"
    assert sum("op" in answer for answer in answers) == 1


# -- both ends ---------------------------------------------------------------------------------


class Pair:
    """A client's session and the exchange's, wired back to back."""

    def __init__(self, venue: Venue, session: stream.ClientStream) -> None:
        self.venue, self.session = venue, session
        self.line: Line = venue.line()
        self.events: list[Event] = []
        session.opened(venue.desk.now_ns)
        self.carry()

    def carry(self, frames: list[bytes] | None = None) -> None:
        """Deliver frames to the client, then what each end has for the other, until all is said."""
        waiting = list(frames or [])
        while True:
            for frame in waiting:
                self.session.receive(frame.decode(), self.venue.desk.now_ns)
            said, told = self.session.drain()
            self.events += told
            for frame in said:
                self.line.receive(frame)
            waiting = self.line.session.drain()
            if not waiting:
                return

    def later(self, milliseconds: int = 1_000) -> Iterator[Event]:
        """Let time go on and yield what the client was told since the last time."""
        self.venue.desk.now_ns += milliseconds * MS
        self.venue.exchange.step(self.venue.desk.now_ns)
        self.carry([f.payload for f in self.venue.exchange.drain().frames if 1 in f.sessions])
        events, self.events = self.events, []
        return iter(events)


def test_a_client_follows_the_market(venue):
    """Snapshot, deltas, trades, touch, ticker and candles arrive in whole numbers."""
    kinds = frozenset(ChannelKind) - stream.PRIVATE
    session = DIALECT.client.market_session([venue.listings[0]], venue.listings, kinds)
    assert not session.ready
    pair = Pair(venue, session)
    assert session.ready
    venue.place(size="0.5", price="61000.10")
    venue.place(venue.other_key, side="sell", type="market", size="0.2")
    events = list(pair.later())
    snapshot, *deltas = [e for e in events if isinstance(e, BookSnapshot | BookDelta)]
    assert isinstance(snapshot, BookSnapshot)
    assert deltas[0].first_sequence == snapshot.sequence + 1
    assert deltas[-1].bids == ((6_100_010, 30_000),)
    assert [e.size_lots for e in events if isinstance(e, Trade)] == [20_000]
    assert [e for e in events if isinstance(e, Touch)][-1].bid_lots == 30_000
    assert [e for e in events if isinstance(e, Ticker)][-1].last_ticks == 6_100_010
    assert [e for e in events if isinstance(e, Candle)][-1].volume_lots == 20_000


def test_a_client_follows_its_account(venue):
    """Logged in when it opens, with its account's number in each event; also after a reconnect."""
    session = DIALECT.client.private_session(venue.key, venue.listings, venue.desk.now_ns)
    for _ in range(2):
        pair = Pair(venue, session)
        assert session.ready
        placed = venue.place(size="0.01")
        events = list(pair.later())
        (order,) = [e for e in events if isinstance(e, OrderEvent)]
        assert (order.execution, order.order.order_id) == (Execution.NEW, placed["order_id"])
        assert order.order.account_id == venue.desk.alice
        assert [e.account_id for e in events if isinstance(e, BalanceEvent)] == [venue.desk.alice]
        pair.line.close()
        venue.desk.tick()


def test_a_refused_login_is_an_auth_error(venue):
    """With the venue's code."""
    session = DIALECT.client.private_session(
        venue.key._replace(secret=b"x"), venue.listings, venue.desk.now_ns
    )
    with pytest.raises(AuthError, match="login was refused") as caught:
        Pair(venue, session)
    assert caught.value.code == "BAD_SIGNATURE"


def test_a_refused_subscription_is_told(venue):
    """By its reason."""
    other = msgspec.structs.replace(venue.listings[0], symbol="DOGE-USDT")
    session = DIALECT.client.market_session([other], venue.listings, frozenset({ChannelKind.BOOK}))
    with pytest.raises(VenueRejected, match="subscribe was refused: no instrument"):
        Pair(venue, session)


def trade(symbol: str = "BTC-USDT", price: str = "1.00") -> str:
    pushed = {"channel": "trades", "symbol": symbol, "trade_id": 1, "price": price, "size": "1"}
    return json.dumps({**pushed, "taker_side": "buy", "time": 1})


@pytest.mark.parametrize(
    "frame",
    [
        b'{"op":"pong"}',
        "",
        "{",
        "[]",
        "{}",
        '{"channel":"book"}',
        '{"channel":["book"]}',
        '{"channel":"book","type":"snapshot","symbol":"BTC-USDT"}',
        '{"op":"subscribe","ok":false}',
        '{"op":7,"ok":true}',
        '{"x":' * 20_000,
        trade(price="0.001"),
        trade(price="1e5"),
        trade(symbol="DOGE"),
    ],
)
def test_a_client_refuses_garbage_by_one_error(venue, frame):
    """DecodeError, whatever is wrong with it."""
    session = DIALECT.client.market_session([], venue.listings, frozenset())
    with pytest.raises(DecodeError):
        session.receive(frame, 0)


@given(st.text(max_size=60))
def test_a_client_raises_nothing_else(frame):
    """Any text is a message or a DecodeError."""
    session = DIALECT.client.market_session([], VENUE.listings, frozenset())
    with pytest.raises(DecodeError):
        session.receive(frame, 0)


VENUE = Venue()


@given(st.data())
def test_a_damaged_push_is_read_or_refused(data):
    """A real push with a byte changed raises DecodeError or nothing."""
    channel = Channel(ChannelKind.BOOK, 0)
    delta = BookDelta(0, 1, 2, ((6_100_010, 5),), (), MS)
    frame = stream.frame(Subscription("native", channel, ""), delta, VENUE.listings).decode()
    position = data.draw(st.integers(0, len(frame) - 1))
    damaged = frame[:position] + data.draw(st.text(max_size=2)) + frame[position + 1 :]
    session = DIALECT.client.market_session([], VENUE.listings, frozenset())
    try:
        session.receive(damaged, 0)
    except DecodeError:
        assert session.drain() == ([], [])


def test_answers_and_pongs_are_no_events(venue):
    """They are heard and not told."""
    session = DIALECT.client.market_session([], venue.listings, frozenset())
    session.receive('{"op":"pong"}', 0)
    session.receive('{"op":"unsubscribe","id":null,"ok":true}', 0)
    assert (session.drain(), session.ready) == (([], []), False)
    session.receive('{"op":"subscribe","id":"all","ok":true}', 0)
    assert session.ready
