from itertools import permutations

import msgspec
import pytest
from desk import START_NS, PlainSeal
from pit import Pit

from steelyard.domain.commands import (
    Accepted,
    Deposit,
    HouseLevel,
    OpenAccount,
    Place,
    SetMarketState,
)
from steelyard.domain.errors import ConfigError
from steelyard.domain.journal import Record
from steelyard.domain.messages import MINUTE_NS, SECOND_NS, CandleList, CandlesQuery, StatusQuery
from steelyard.domain.order import MarketState, OrderType, Side, TimeInForce
from steelyard.engine.book import QueueModel
from steelyard.engine.choice import new_engine
from steelyard.exchange.crowd import Crowd
from steelyard.exchange.exchange import Exchange
from steelyard.exchange.house import HouseCursor
from steelyard.exchange.listings import LISTINGS
from steelyard.exchange.live import NOT_OPEN, SETTLE_NS, LiveTape
from steelyard.exchange.records import (
    FORMAT,
    Founded,
    HouseHeld,
    MarketHeard,
    MarketPast,
    MarketStep,
    codec,
)

BTC, ETH = (listing.instrument for listing in LISTINGS[:2])
BUY, SELL = Side.BUY, Side.SELL
BID, ASK = 5_000_000, 5_000_100
BIDS = ((BID, 1_000), (BID - 100, 2_000))
ASKS = ((ASK, 1_000), (ASK + 100, 2_000))
WHOLE = MarketHeard(0, is_whole=True, bids=BIDS, asks=ASKS)
LOST = MarketHeard(0, lost="the book has a gap")


def live() -> LiveTape:
    return LiveTape((BTC, ETH), "binance BTC-USDT ETH-USDT")


def pit(*heard: MarketHeard) -> Pit:
    made = Pit(live())
    hear(made, *(heard or (WHOLE,)))
    return made


def hear(made: Pit, *heard: MarketHeard) -> None:
    for fact in heard:
        made.market.hear(fact)
    made.turn(made.now_ns + 50_000_000)


def book(made: Pit) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
    levels = made.engine.book(0, 100)
    return levels.bids, levels.asks


def printed(made: Pit) -> list[tuple[Side, int, int]]:
    return [(t.taker_side, t.price_ticks, t.size_lots) for _, t in made.trades]


def traded(side: Side, ticks: int, lots: int, *, is_settled: bool = False, **levels) -> MarketHeard:
    return MarketHeard(
        0, trades=((int(side), ticks, lots),), is_settled=is_settled, **levels
    )  # fmt: skip


# -- alone ----------------------------------------------------------------------------------------


def test_before_anything_is_told_the_house_stands_nowhere():
    made = Pit(live())
    made.turn()
    assert book(made) == ([], [])
    assert made.market.notice == f"BTC-USDT: {NOT_OPEN}; ETH-USDT: {NOT_OPEN}"
    assert made.market.instruments() == (BTC, ETH)
    assert list(made.market.backfill(0, made.now_ns)) == []


def test_the_house_stands_as_a_whole_book_says_and_as_its_changes_say():
    made = pit()
    assert book(made) == ([*BIDS], [*ASKS])
    assert made.market.notice == f"ETH-USDT: {NOT_OPEN}"
    hear(made, MarketHeard(0, bids=((BID, 0), (BID - 50, 7)), asks=((ASK, 900),)))
    assert book(made) == ([(BID - 50, 7), (BID - 100, 2_000)], [(ASK, 900), (ASK + 100, 2_000)])
    assert printed(made) == []


@pytest.mark.parametrize("by", [-1_000, -150, -50, 50, 150, 1_000])
@pytest.mark.parametrize("is_whole", [True, False])
def test_a_book_that_moves_through_itself_arrives_and_trades_nothing(by: int, is_whole: bool):
    """The new bids cross the old asks, or the other way; nothing was traded, nothing prints."""
    made = pit()
    bids, asks = (tuple((price + by, lots) for price, lots in side) for side in (BIDS, ASKS))
    wanted = [*bids], [*asks]
    if not is_whole:
        bids += tuple((p, 0) for p, _ in BIDS if p not in dict(bids))
        asks += tuple((p, 0) for p, _ in ASKS if p not in dict(asks))
    hear(made, MarketHeard(0, is_whole=is_whole, bids=bids, asks=asks))
    assert book(made) == wanted
    assert printed(made) == []


def test_a_trade_prints_once_however_little_stands_there():
    made = pit()
    for ticks, lots in ((BID, 300), (BID, 5_000), (BID - 900, 4)):
        hear(made, traded(SELL, ticks, lots))
    assert printed(made) == [(SELL, BID, 300), (SELL, BID, 5_000), (SELL, BID - 900, 4)]


TRADE = traded(SELL, BID, 300)
CHANGE = MarketHeard(0, bids=((BID, 700),))


@pytest.mark.parametrize("order", [*permutations((TRADE, CHANGE))])
def test_a_trade_and_its_change_come_in_either_order(order):
    """The level is what the venue says in the end, and the trade has printed once."""
    made = pit()
    for fact in order:
        hear(made, fact)
    made.run(SETTLE_NS + 50_000_000)
    assert book(made)[0] == [(BID, 700), BIDS[1]]
    assert printed(made) == [(SELL, BID, 300)]


def test_a_trade_that_the_book_has_in_it_leaves_the_book_as_it_was_told():
    """At once, where the book is known to be no older than the trade."""
    made = pit()
    hear(made, CHANGE)
    hear(made, traded(SELL, BID, 300, is_settled=True))
    assert book(made)[0] == [(BID, 700), BIDS[1]]


def test_a_level_that_nobody_spoke_of_after_a_trade_is_told_again_a_second_later():
    """A venue that is right need not repeat itself; until then the trade has its effect."""
    made = pit()
    hear(made, TRADE)
    made.run(SETTLE_NS - 50_000_000)
    assert book(made)[0][0] == (BID, 700)
    made.run(50_000_000)
    assert book(made)[0][0] == (BID, 1_000)


@pytest.mark.parametrize("facts", [(LOST,), (TRADE, LOST)])
def test_what_is_lost_is_traded_no_more(facts):
    """The house stands nowhere and says why; only a whole book brings it back."""
    made = pit()
    for fact in facts:
        hear(made, fact)
    assert book(made) == ([], [])
    assert made.market.notice.startswith("BTC-USDT: the book has a gap; ETH-USDT")
    made.run(2 * SETTLE_NS)
    assert book(made) == ([], [])
    hear(made, WHOLE)
    assert book(made) == ([*BIDS], [*ASKS])
    assert made.market.lost(0) == ""


def test_markets_are_apart():
    made = pit(WHOLE, MarketHeard(1, is_whole=True, bids=((250_000, 5),), asks=((250_001, 5),)))
    hear(made, LOST)
    assert made.engine.book(1, 5).bids == [(250_000, 5)]
    assert made.market.notice == "BTC-USDT: the book has a gap"


# -- users ------------------------------------------------------------------------------------


def test_a_user_is_filled_through_the_queue_by_real_trades():
    made = pit()
    order = made.place(0, BUY, 500, BID)
    filled = []
    for left in (600, 200, 0):
        hear(made, traded(SELL, BID, 400, is_settled=True, bids=((BID, left),)))
        filled.append(made.filled_lots(order))
    assert filled == [0, 0, 200]
    assert book(made)[0][0] == (BID, 300)


def test_what_a_user_takes_is_back_with_the_next_change_of_the_level():
    made = pit()
    made.place(0, BUY, 1_000)
    hear(made, MarketHeard(0, bids=((BID, 900),)))
    made.run(2 * SETTLE_NS)
    assert made.touch(0)[1] == ASK + 100
    hear(made, MarketHeard(0, asks=((ASK, 1_001),)))
    assert book(made)[1][0] == (ASK, 1_001)


def test_a_market_that_went_through_an_order_fills_it_at_its_own_price():
    """Also where nobody saw it: when the stream is followed again the new book tells."""
    made = pit()
    order = made.place(0, BUY, 300, BID - 5_000)
    down = 20_000
    bids, asks = (tuple((p - down, lots) for p, lots in side) for side in (BIDS, ASKS))
    hear(made, LOST)
    hear(made, MarketHeard(0, is_whole=True, bids=bids, asks=asks))
    assert made.filled_lots(order) == 300
    assert {fill.price_ticks for _, fill in made.fills} == {BID - 5_000}


def test_a_user_alone_in_a_lost_market_keeps_the_order():
    made = pit()
    order = made.place(0, BUY, 300, BID - 50)
    hear(made, LOST)
    assert book(made) == ([(BID - 50, 300)], [])
    hear(made, WHOLE)
    assert made.filled_lots(order) == 0
    assert book(made)[0] == [BIDS[0], (BID - 50, 300), BIDS[1]]


# -- the cursor -----------------------------------------------------------------------------------


@pytest.mark.parametrize("facts", [(), (WHOLE,), (WHOLE, TRADE), (WHOLE, TRADE, LOST)])
def test_a_cursor_goes_on_identically(facts):
    one, other = Pit(live()), live()
    for fact in facts:
        hear(one, fact)
    text = msgspec.json.encode(one.market.cursor())
    other.restore(msgspec.json.decode(text, type=HouseCursor))
    books = lambda instrument_id: one.engine.book(instrument_id, 50)  # noqa: E731
    now_ns = one.now_ns
    for fact in (None, CHANGE, TRADE, None, LOST, WHOLE):
        now_ns += SETTLE_NS // 2
        for market in (one.market, other):
            if fact is not None:
                market.hear(fact)
        assert other.commands(now_ns, books) == one.market.commands(now_ns, books)
    assert other.cursor() == one.market.cursor()


@pytest.mark.parametrize("other", [LiveTape((BTC, ETH), "kraken BTC-USDT ETH-USDT"), Crowd(1)])
def test_a_cursor_of_another_market_is_refused(other):
    with pytest.raises(ConfigError, match="founded on"):
        live().restore(other.cursor())


# -- in an exchange -------------------------------------------------------------------------------


class Running:
    """An exchange on a live tape, and what it is told."""

    def __init__(self) -> None:
        self.exchange = self.new()
        self.now_ns = START_NS
        self.exchange.found(Founded(FORMAT, "live", ""), self.now_ns)
        for command in (OpenAccount(100, 0, 0), Deposit(100, 1, 10**15), Deposit(100, 4, 10**19)):
            self.exchange.record(command, self.now_ns)
        self.records = self.exchange.drain().records

    @staticmethod
    def new() -> Exchange:
        return Exchange(new_engine(QueueModel.PROPORTIONAL), live(), PlainSeal())

    def tell(self, *messages) -> None:
        for message in messages:
            self.now_ns += 30_000_000
            self.exchange.record(message, self.now_ns)
            self.exchange.step(self.now_ns)

    def place(self, side: Side, lots: int, ticks: int) -> int:
        place = Place(100, 0, side, OrderType.LIMIT, TimeInForce.GTC, False, ticks, lots)
        effects = self.exchange.record(place, self.now_ns)
        return next(e.order_id for e in effects if isinstance(e, Accepted))

    def touch(self) -> tuple[int, int]:
        levels = self.exchange.engine.book(0, 1)
        return levels.bids[0][0], levels.asks[0][0]

    def replayed(self) -> Exchange:
        """Return an exchange made of the records as the journal has them."""
        again, journal = self.new(), codec()
        records = self.records + self.exchange.drain().records
        for sequence, (time_ns, message) in enumerate(records, 1):
            payload = journal.encode(message, time_ns)
            again.replay(journal.decode(sequence, payload))
        return again


def test_what_was_told_is_in_the_journal_and_what_the_house_did_is_not():
    running = Running()
    running.tell(WHOLE, TRADE)
    kinds = [type(message) for _, message in running.exchange.drain().records]
    assert kinds.count(MarketHeard) == 2
    assert {*kinds} <= {MarketHeard, MarketStep}
    assert HouseLevel not in kinds


def test_a_replay_comes_to_the_same_state():
    """With gaps, users in the way, a halt, and a level that settles by time alone."""
    running = Running()
    running.tell(WHOLE, TRADE)
    order = running.place(BUY, 250, BID - 50)
    running.tell(
        traded(SELL, BID - 50, 100),
        LOST,
        MarketHeard(1, is_whole=True, bids=((250_000, 5),)),
        WHOLE,
        SetMarketState(0, MarketState.HALTED),
        MarketHeard(0, bids=((BID, 400),)),
        traded(BUY, ASK, 10),
        SetMarketState(0, MarketState.OPEN),
    )
    assert running.exchange.history.numbered(100, order).filled_lots == 100
    assert running.exchange.engine.book(0, 1).bids == [(BID, 400)]
    for _ in range(50):
        running.now_ns += 50_000_000
        running.exchange.step(running.now_ns)
    again = running.replayed()
    assert again.engine.state_hash() == running.exchange.engine.state_hash()
    assert again.market.cursor() == running.exchange.market.cursor()


def test_a_snapshot_goes_on_identically():
    running = Running()
    running.tell(WHOLE, TRADE)
    again = running.new()
    again.restore(running.exchange.snapshot())
    for fact in (CHANGE, LOST, WHOLE):
        running.tell(fact)
        again.record(fact, running.now_ns)
        again.step(running.now_ns)
    assert again.engine.state_hash() == running.exchange.engine.state_hash()


def test_an_instrument_that_is_held_still_follows_again_afterwards():
    running = Running()
    running.tell(WHOLE, HouseHeld(0, is_held=True), MarketHeard(0, bids=((BID, 1),)))
    assert running.exchange.engine.book(0, 1).bids == [BIDS[0]]
    running.tell(HouseHeld(0, is_held=False))
    assert running.exchange.engine.book(0, 1).bids == [(BID, 1)]


def test_the_status_says_why_a_market_stands_still_and_when_it_goes_on():
    running = Running()

    def notice() -> str:
        return running.exchange.ask(StatusQuery(), running.now_ns).notice

    running.tell(WHOLE, MarketHeard(1, is_whole=True))
    assert notice() == ""
    running.tell(LOST)
    assert notice() == "BTC-USDT: the book has a gap"
    running.tell(WHOLE)
    assert notice() == ""


def test_the_venues_past_is_the_markets_past():
    """Closed minutes that are new are entered, those that are known are passed over."""
    running = Running()
    first_ns = running.now_ns // MINUTE_NS * MINUTE_NS - 3 * MINUTE_NS

    def candle(at: int, ticks: int) -> tuple[int, int, int, int, int, int, int, int]:
        return (first_ns + at * MINUTE_NS, ticks, ticks + 2, ticks - 2, ticks + 1, 9, 90, 3)

    running.tell(MarketPast(0, (candle(0, 100), candle(1, 200))))
    running.tell(MarketPast(0, (candle(0, 999), candle(1, 999), candle(2, 300), candle(3, 400))))
    query = CandlesQuery(0, MINUTE_NS, 10)
    answer = running.exchange.ask(query, running.now_ns)
    assert isinstance(answer, CandleList)
    closed = [c for c in answer.candles if c.is_closed]
    assert [c.open_ticks for c in closed] == [100, 200, 300]
    assert [(c.high_ticks, c.low_ticks, c.close_ticks, c.volume_lots) for c in closed] == [
        *((102, 98, 101, 9), (202, 198, 201, 9), (302, 298, 301, 9))
    ]
    assert running.replayed().ask(query, running.now_ns) == answer


def test_a_long_pause_ends_with_what_is_told_then():
    running = Running()
    running.tell(WHOLE)
    running.now_ns += 600 * SECOND_NS
    running.tell(LOST, WHOLE)
    assert running.touch() == (BID, ASK)
    record = Record(1, running.now_ns, WHOLE)
    running.exchange.replay(record)
    assert running.touch() == (BID, ASK)
