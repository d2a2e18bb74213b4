"""A stream whose book is kept natively, against the one that tells every change in Python.

Both are followed by the trader's own market data; after each frame all that can be seen is equal.
"""

import gzip
from random import Random

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from steelyard.dialects.binance import DIALECT
from steelyard.domain.errors import DecodeError
from steelyard.domain.instrument import Listings
from steelyard.domain.messages import SECOND_NS, BookSnapshot, OddLevel
from steelyard.trading.actions import Ask, BookMoved, Log, ResetStream, Returned, Role
from steelyard.trading.connector import MARKET_KINDS, Connector
from steelyard.trading.feed import MarketFeed
from steelyard.trading.marketdata import MarketData
from steelyard.trading.questions import Questions
from steelyard.trading.records import InstrumentSeen
from steelyard.trading.strategy import Desk
from steelyard.trading.turn import Turn
from steelyard.wire.book import Told
from steelyard.wire.choice import new_reader
from steelyard.wire.dialect import ApiKey
from steelyard.wire.limits import UNLIMITED
from steelyard.wire.outcome import Answered
from tests.shared.desk import BTC_USDT

pytest.importorskip("steelyard.wire.reader", reason="no native module was built")

CLIENT = DIALECT.client
LISTINGS = Listings([BTC_USDT])
SPOT = "binance/spot_btcusdt_20240809.jsonl.gz"
T0 = 1_723_161_600 * SECOND_NS


class Follower:
    """A trader's market data on one market stream."""

    def __init__(self, *, is_native: bool) -> None:
        self.turn = Turn(CLIENT, Random(1))
        self.turn.now_ns = T0
        self.turn.record(InstrumentSeen(BTC_USDT))
        self.turn.drain()
        self.questions = Questions(self.turn)
        self.desk = Desk(BTC_USDT)
        self.market = MarketData(self.turn, self.questions, self.desk)
        self.session = self.opened(is_native)
        self.seen: list[object] = []

    def opened(self, is_native: bool) -> object:
        """Return a new conversation, and begin to follow it."""
        session = CLIENT.market_session([BTC_USDT], LISTINGS, MARKET_KINDS)
        books = {}
        if is_native:
            reader = new_reader(*CLIENT.market_table([BTC_USDT]))
            session = MarketFeed(session, [BTC_USDT], reader)
            books = session.books
        session.opened(T0)
        assert session.ready
        self.market.up(books.get(BTC_USDT.instrument_id))
        return session

    def receive(self, frame: str | bytes) -> None:
        """Take a frame, as the process does."""
        try:
            self.session.receive(frame, self.turn.now_ns)
        except DecodeError as error:
            self.seen.append(str(error))
        for event in self.session.drain()[1]:
            is_calm = type(event) is BookMoved and self.market.changed(event) is not None
            if is_calm:
                assert self.desk.book.calm(self.turn.now_ns) is not None
                self.market.catch_up()
            self.seen.append(is_calm or self.market.see(event))

    def work(self, answer: BookSnapshot | None) -> None:
        """Do what is due, and answer what is asked."""
        self.market.work()
        self.questions.work()
        for action in self.turn.drain():
            if isinstance(action, Ask):
                self.seen.append(action.query)
                if answer is not None:
                    now_ns = self.turn.now_ns
                    returned = Returned(action.request_id, Answered(answer), now_ns, now_ns)
                    self.turn.returned(returned)
            elif isinstance(action, Log | ResetStream):
                self.seen.append(action)

    def told(self, walks: tuple[int, ...]) -> tuple:
        """Return all that can be seen of the market, walked for so many lots."""
        book, now_ns = self.desk.book, self.turn.now_ns
        sides = (book.bids, book.asks)
        return (
            *(book.state(now_ns), book.trouble(now_ns), book.is_quiet(now_ns), book.quiet_at_ns()),
            *(book.needs_snapshot, book.needs_depth, book.sequence, book.gaps, book.time_ns),
            *(book.best_bid, book.best_ask, book.mid, book.odd_levels, book.snapshots),
            *((it.best_ticks, it.known_ticks, len(it), [*it.first(30)]) for it in sides),
            *(it.walk(lots) for it in sides for lots in walks),
            *(self.desk.last_ticks, self.turn.market_offset_ns, self.turn.deadline_ns),
            self.seen,
        )


class Twins:
    """Both, told the same."""

    def __init__(self, *walks: int) -> None:
        self.walks = walks
        self.both = Follower(is_native=True), Follower(is_native=False)

    def receive(self, frame: str | bytes) -> None:
        for follower in self.both:
            follower.receive(frame)
        self.compare()

    def work(self, answer: BookSnapshot | None = None, after_ns: int = 0) -> None:
        for follower in self.both:
            follower.turn.now_ns += after_ns
            follower.turn.deadline_ns = None
            follower.work(answer)
        self.compare()

    def compare(self) -> None:
        native, python = (follower.told(self.walks) for follower in self.both)
        assert native == python
        for follower in self.both:
            follower.seen.clear()


def framed(first: int, last: int, bids=(), asks=()) -> bytes:
    data = {"e": "depthUpdate", "E": T0 // 10**6, "s": "BTCUSDT", "U": first, "u": last}
    return msgspec.json.encode(
        {"stream": "btcusdt@depth@100ms", "data": {**data, "b": bids, "a": asks}}
    )


def traded(price: str, is_sold: bool) -> bytes:
    data = {"e": "trade", "E": T0 // 10**6, "s": "BTCUSDT", "t": 5, "p": price, "q": "0.5"}
    data |= {"T": T0 // 10**6, "m": is_sold, "M": True}
    return msgspec.json.encode({"stream": "btcusdt@trade", "data": data})


PRICES = st.sampled_from([f"{price / 200:.3f}" for price in range(190, 212)])
SIDES = st.lists(st.tuples(PRICES, st.sampled_from(["0", "0.1", "2"])), max_size=5)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(["next"] * 5 + ["gap", "old"]), SIDES, SIDES),
        st.tuples(st.just("trade"), PRICES, st.booleans()),
        st.tuples(st.just("work"), st.integers(-3, 3), st.integers(0, 12 * SECOND_NS)),
        st.tuples(st.just("garbage"), st.integers(0, 200), st.binary(max_size=4)),
        st.tuples(st.just("again"), st.none(), st.none()),
        st.tuples(st.just("escaped"), SIDES, SIDES),
    ),
    max_size=40,
)


@given(STEPS)
def test_both_are_in_the_same_state_after_every_frame(steps):
    """Changes, gaps, repeats, trades, silences, snapshots too old, garbage, new connections."""
    twins, last = Twins(1, 100_000, 10**9), 100
    for what, one, other in steps:
        match what:
            case "trade":
                twins.receive(traded(one, other))
            case "work":
                odd = (OddLevel(97_500_000, 97, 3),)
                bids = tuple((price, 7) for price in range(100, 90, -1))
                asks = ((101, 5), (104, 5))
                snapshot = BookSnapshot(BTC_USDT.instrument_id, last + one, bids, asks, T0, odd)
                twins.work(snapshot.cut_at(10), other)
            case "garbage":
                frame = framed(last + 1, last + 1, [("1.00", "1")])
                twins.receive(frame[:one] + other + frame[one + 1 :])
                last += twins.both[0].desk.book.sequence == last + 1
            case "again":
                for follower, is_native in zip(twins.both, (True, False), strict=True):
                    follower.market.down("a test")
                    follower.session = follower.opened(is_native)
                twins.compare()
            case _:
                first = last + {"gap": 3, "old": -2}.get(what, 1)
                last = max(last, first + 1)
                frame = framed(first, first + 1, one, other)
                if what == "escaped":  # which tables refuse and the Python code takes
                    frame = frame.replace(b'"BTCUSDT"', b'"BTC\\u0055SDT"')
                twins.receive(frame)


@pytest.mark.slow
def test_a_recorded_session_is_followed_alike(shared_data):
    """Five minutes of a real market, with a lost frame, a silence and a new snapshot in between."""
    twins, count, last = Twins(1, 100_000), 0, 0
    with gzip.open(shared_data / SPOT) as lines:
        for line in lines:
            frame = line.rstrip().partition(b" ")[2]
            count += 1
            if count == 5_000:
                continue  # lost
            twins.receive(frame)
            book = twins.both[0].desk.book
            if b"depthUpdate" in frame[:80]:
                last = msgspec.json.decode(frame)["data"]["u"]
            if count % 100 == 0 and last:
                bids = tuple((price, 1_000) for price in range(6_160_000, 6_155_000, -1))
                asks = tuple((price, 1_000) for price in range(6_200_000, 6_205_000))
                whole = BookSnapshot(BTC_USDT.instrument_id, last, bids, asks, T0).cut_at(5_000)
                twins.work(whole, SECOND_NS)
    assert book.snapshots >= 1
    assert book.sequence == last


def test_the_trader_gets_one_where_the_dialect_has_tables(monkeypatch: pytest.MonkeyPatch):
    """Elsewhere, and without a native module, it gets the dialect's session."""
    connector = Connector(CLIENT, ApiKey("k", b"s"), UNLIMITED)
    connector.listings = LISTINGS
    assert isinstance(connector.session(Role.MARKET, BTC_USDT, T0), MarketFeed)
    assert not isinstance(connector.session(Role.PRIVATE, BTC_USDT, T0), MarketFeed)
    monkeypatch.setattr("steelyard.wire.choice.find_spec", lambda _: None)
    assert not isinstance(connector.session(Role.MARKET, BTC_USDT, T0), MarketFeed)


def test_what_the_reader_refuses_enters_the_same_book():
    """The session reads an escaped symbol; the change is in the book that is followed."""
    follower = Follower(is_native=True)
    book = follower.desk.book
    book.snapshot(BookSnapshot(BTC_USDT.instrument_id, 10, (), (), T0), T0)
    follower.receive(framed(11, 11, [("1.00", "1")]).replace(b'"BTCUSDT"', b'"BTC\\u0055SDT"'))
    follower.receive(framed(12, 12, [("1.01", "1")]))
    assert follower.seen == [True, True]
    assert [ticks for ticks, _ in book.bids.first(5)] == [101, 100]
    assert follower.session.books[BTC_USDT.instrument_id] is book.book
    assert Told.CHANGED == 1
