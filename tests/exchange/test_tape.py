import gzip
from bisect import bisect_right
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from pit import OPEN_NS, SECOND_NS, TICK_NS, USERS, Pit

from steelyard.dialects.binance.recording import tape_events
from steelyard.domain.commands import HouseLevel
from steelyard.domain.errors import ConfigError
from steelyard.domain.messages import MINUTE_NS, BookDelta, Touch, Trade
from steelyard.domain.order import Side
from steelyard.engine.book import QueueModel
from steelyard.exchange.crowd import Crowd
from steelyard.exchange.house import HouseCursor
from steelyard.exchange.listings import LISTINGS
from steelyard.exchange.tape import WARM_NS, AtEnd, Tape, TapeEvent

BTC_USDT = LISTINGS[0].instrument
BUY, SELL = Side.BUY, Side.SELL
ZERO_NS = 1_700_000_000_123_456_789
BID, ASK = 6_000_000, 6_000_001


def delta(after_s: float, sequence: int, bids=(), asks=()) -> BookDelta:
    return BookDelta(0, sequence, sequence, tuple(bids), tuple(asks), at(after_s))


def trade(after_s: float, side: Side, ticks: int, lots: int, number: int = 1) -> Trade:
    return Trade(0, number, ticks, lots, side, at(after_s))


def touch(after_s: float, sequence: int, bid: int, bid_lots: int, ask: int, ask_lots: int) -> Touch:
    return Touch(0, sequence, bid, bid_lots, ask, ask_lots, at(after_s))


def at(after_s: float) -> int:
    return ZERO_NS + round(after_s * SECOND_NS)


WARM = [
    delta(0, 1, [(BID - n, 1_000) for n in range(5)], [(ASK + n, 1_000) for n in range(5)]),
    trade(10, BUY, ASK, 300),
    trade(20.5, SELL, BID, 200),
    delta(59, 2, [(BID - 4, 0)], [(ASK, 900)]),
]


def tape(*live: TapeEvent, **options) -> Tape:
    return Tape(BTC_USDT, lambda: iter([*WARM, *live]), "sample", **options)


def opened(*live: TapeEvent, model: QueueModel = QueueModel.PROPORTIONAL, **options) -> Pit:
    pit = Pit(tape(*live, **options), model)
    pit.turn()
    return pit


def printed(pit: Pit) -> list[tuple[Side, int, int]]:
    return [(t.taker_side, t.price_ticks, t.size_lots) for _, t in pit.trades]


# -- the recorded market --------------------------------------------------------------------------


def test_the_warm_book_opens_the_market():
    """The first minute is there at once, as a book, and prints no trades."""
    pit = opened(delta(70, 3))
    book = pit.engine.book(0, 50)
    assert book.bids == [(BID - n, 1_000) for n in range(4)]
    assert book.asks == [(ASK, 900), *((ASK + n, 1_000) for n in range(1, 5))]
    assert pit.trades == []
    assert pit.market.instruments() == (BTC_USDT,)


def test_the_first_minute_is_the_history():
    """Its trades are candles that end at the opening, gap-free from the first trade on."""
    candles = list(tape(delta(70, 3)).backfill(OPEN_NS - 3_600 * SECOND_NS, OPEN_NS))
    minutes = [c for c in candles if c.interval_ns == MINUTE_NS]
    seconds = [c for c in candles if c.interval_ns == SECOND_NS]
    assert candles == minutes + seconds
    assert len(seconds) == 50
    assert seconds[0].open_ns == OPEN_NS - 50 * SECOND_NS
    assert [c.trade_count for c in seconds].count(1) == 2
    assert (seconds[5].open_ticks, seconds[5].volume_lots) == (ASK, 0)
    assert seconds[-1].close_ticks == BID
    (minute,) = minutes
    assert (minute.open_ticks, minute.high_ticks, minute.low_ticks) == (ASK, ASK, BID)
    assert (minute.volume_lots, minute.taker_buy_lots, minute.trade_count) == (500, 300, 2)
    assert minute.quote_atoms == (300 * ASK + 200 * BID) * BTC_USDT.tick_lot_atoms
    assert minute.is_closed


def test_events_come_when_they_are_due():
    """Recorded time from the end of the first minute on is our time from the opening on."""
    pit = opened(delta(61, 3, [(BID, 500)]), trade(62.5, SELL, BID, 100), delta(63, 4))
    pit.run(900_000_000)
    assert pit.engine.book(0, 1).bids == [(BID, 1_000)]
    pit.run(100_000_000)
    assert pit.engine.book(0, 1).bids == [(BID, 500)]
    pit.run(1_450_000_000)
    assert pit.trades == []
    pit.run(50_000_000)
    assert printed(pit) == [(SELL, BID, 100)]
    assert pit.engine.book(0, 1).bids == [(BID, 400)]


@pytest.mark.parametrize(
    ("speed_e4", "note", "due_ns"),
    [
        (20_000, "sample @2x", 5 * SECOND_NS),
        (5_000, "sample @0.5x", 20 * SECOND_NS),
        (12_500, "sample @1.25x", 8 * SECOND_NS),
    ],
)
def test_speed_divides_time(speed_e4: int, note: str, due_ns: int):
    """Ten recorded seconds take five at twice the pace; the history shrinks alike."""
    pit = opened(trade(70, BUY, ASK, 100), delta(99, 3), speed_e4=speed_e4)
    assert pit.market.note == note
    pit.run(due_ns - TICK_NS)
    assert pit.trades == []
    pit.turn(OPEN_NS + due_ns)
    assert len(pit.trades) == 1
    seconds = list(tape(delta(70, 3), speed_e4=speed_e4).backfill(0, OPEN_NS))[-1]
    assert seconds.open_ns == OPEN_NS - SECOND_NS


def test_the_touch_is_followed():
    """What is better than the recorded touch is stale; older touches than the depth are passed."""
    pit = opened(
        delta(61, 10, [(BID, 700)]),
        touch(62, 9, BID - 3, 5, ASK, 5),  # older than the depth
        touch(63, 12, BID - 2, 800, ASK + 1, 50),
        delta(64, 11, [(BID, 650)], [(ASK, 1)]),  # older than the touch
        delta(65, 13, [(BID, 600)]),
    )
    pit.run(2 * SECOND_NS)
    assert pit.touch(0) == (BID, ASK)
    pit.run(SECOND_NS)
    book = pit.engine.book(0, 1)
    assert (book.bids, book.asks) == ([(BID - 2, 800)], [(ASK + 1, 50)])
    pit.run(SECOND_NS)
    assert pit.touch(0) == (BID - 2, ASK + 1)
    pit.run(SECOND_NS)
    assert pit.touch(0) == (BID, ASK + 1)


def test_a_trade_prints_once():
    """Whether its level has enough, too little, nothing, or a better one stands in front."""
    pit = opened(
        trade(61, BUY, ASK, 100),
        trade(62, BUY, ASK, 5_000),
        trade(63, BUY, ASK + 2, 1_700),
        trade(64, SELL, BID - 200, 40),
        delta(90, 3),
    )
    pit.run(5 * SECOND_NS)
    assert printed(pit) == [
        *((BUY, ASK, 100), (BUY, ASK, 5_000), (BUY, ASK + 2, 1_700), (SELL, BID - 200, 40))
    ]
    asks = pit.engine.book(0, 9).asks
    assert asks == [(ASK + 1, 1_000), (ASK + 3, 1_000), (ASK + 4, 1_000)]


# -- users ------------------------------------------------------------------------------------


def test_a_user_is_filled_through_the_queue():
    """Recorded trades eat what stood before the order, then the order, at its price."""
    pit = opened(*(trade(61 + n, SELL, BID, 400) for n in range(4)), delta(90, 3))
    order = pit.place(0, BUY, 500, BID)
    filled = []
    for _ in range(4):
        pit.run(SECOND_NS)
        filled.append(pit.filled_lots(order))
    assert filled == [0, 0, 200, 500]
    assert sum(lots for _, _, lots in printed(pit)) == 1_600


def test_a_user_with_a_better_price_is_first():
    """A recorded trade at a worse price fills the user, and its rest prints as recorded."""
    pit = opened(delta(60.5, 3, asks=[(ASK, 0)]), trade(61, SELL, BID, 400), delta(90, 4))
    pit.run(600_000_000)
    order = pit.place(0, BUY, 300, ASK)
    pit.run(SECOND_NS)
    assert pit.filled_lots(order) == 300
    assert printed(pit) == [(SELL, ASK, 300), (SELL, BID, 100)]


@pytest.mark.parametrize("left", [0, 100])
def test_nothing_stays_where_a_trade_met_a_better_order_first(left: int):
    """The recording's next word on the level counts, whatever the house believed to have left."""
    lots = 1_000 - left
    pit = opened(trade(61, SELL, BID, lots), delta(62, 3, [(BID, left)]), delta(90, 4))
    pit.place(0, BUY, 300, BID, account=USERS[1])
    pit.engine.apply(HouseLevel(0, SELL, ASK, 0), pit.now_ns)
    pit.place(0, BUY, 300, ASK)
    pit.run(SECOND_NS)
    assert pit.house(0, BUY)[BID] == left + 300
    pit.run(SECOND_NS)
    assert pit.house(0, BUY).get(BID, 0) == left


def test_what_a_user_takes_is_back_with_the_next_change_of_the_level():
    """Impact lasts until the recording says something of that level, not longer, not shorter."""
    pit = opened(delta(61, 3, [(BID, 990)]), delta(62, 4, asks=[(ASK, 900)]), delta(90, 5))
    pit.place(0, BUY, 900)
    assert pit.touch(0)[1] == ASK + 1
    pit.run(SECOND_NS)
    assert pit.touch(0)[1] == ASK + 1
    pit.run(SECOND_NS)
    assert pit.engine.book(0, 1).asks == [(ASK, 900)]


def test_a_moving_market_fills_who_stands_in_its_way():
    """A recorded level that crosses an order fills it at its price, up to the level's size."""
    pit = opened(delta(61, 3, [(BID + 5, 120)], [(ASK, 0)]), delta(90, 4))
    order = pit.place(0, SELL, 500, ASK)
    pit.run(SECOND_NS)
    assert pit.filled_lots(order) == 120
    assert pit.fills[0][1].price_ticks == ASK


def test_queue_models_differ_in_the_right_direction():
    """The more of a shrink is believed to be ahead, the sooner an order fills."""
    filled = {}
    for model in QueueModel:
        pit = opened(
            delta(61, 3, [(BID, 1_500)]),
            delta(62, 4, [(BID, 600)]),
            trade(63, SELL, BID, 700),
            delta(90, 5),
            model=model,
        )
        order = pit.place(0, BUY, 600, BID)
        pit.run(4 * SECOND_NS)
        filled[model] = pit.filled_lots(order)
    assert (
        filled[QueueModel.PESSIMISTIC]
        < filled[QueueModel.PROPORTIONAL]
        < filled[QueueModel.OPTIMISTIC]
    )


# -- ends, pauses, cursors ----------------------------------------------------------------------


LIVE = [
    delta(61, 3, [(BID, 800), (BID - 9, 70)], [(ASK + 9, 70)]),
    trade(62, SELL, BID, 100),
    touch(63, 5, BID - 1, 10, ASK + 1, 20),
    delta(64, 6, [(BID + 2, 500)]),
]


def test_a_tape_holds_its_last_book():
    """At the end nothing changes any more, and that is said."""
    for at_end in (AtEnd.HOLD, AtEnd.EXIT):
        pit = opened(*LIVE, at_end=at_end)
        assert not pit.market.ended
        pit.run(4 * SECOND_NS)
        assert pit.market.ended
        book = pit.engine.book(0, 50)
        pit.run(60 * SECOND_NS)
        assert pit.commands == []
        assert pit.engine.book(0, 50) == book


def test_a_loop_goes_on_level_by_level():
    """After the end comes the warm book, without an empty one between, then the same again."""
    pit = opened(*LIVE, at_end=AtEnd.LOOP)
    warm = pit.engine.book(0, 50)
    order = pit.place(0, BUY, 700, BID - 2_000)
    pit.run(4 * SECOND_NS)
    assert not pit.market.ended
    assert pit.market.cursor().lap == 1
    assert pit.engine.book(0, 4) == pit.engine.book(0, 4)._replace(
        bids=warm.bids[:4], asks=warm.asks[:4]
    )
    # Only differences are said: the levels that both books have stay as they are.
    said = {(command.side, command.price_ticks) for command in pit.commands}
    assert (BUY, BID - 3) not in said
    assert (SELL, ASK + 4) not in said
    pit.run(4 * SECOND_NS)
    assert printed(pit) == [(SELL, BID, 100)] * 2
    assert pit.market.cursor().lap == 2
    assert pit.filled_lots(order) == 0


def test_a_pause_of_the_process_is_a_pause_of_the_tape():
    """After hours away it goes on where it was, with nothing to catch up."""
    pit = opened(*LIVE, delta(99, 7))
    pit.run(1_500_000_000)
    assert list(pit.market.backfill(pit.now_ns, pit.now_ns + 10**13)) == []
    back_ns = pit.now_ns + 3 * 3_600 * SECOND_NS
    pit.turn(back_ns)
    assert pit.trades == []
    pit.turn(back_ns + 500_000_000)
    assert printed(pit) == [(SELL, BID, 100)]


@pytest.mark.parametrize("cut", [0, 1, 13, 25, 41, 70])
def test_a_cursor_goes_on_identically(cut: int):
    """Cut at any tick, around the end of a lap too, the tape does what it would have done."""
    pit = opened(*LIVE, at_end=AtEnd.LOOP)
    for tick in range(cut):
        pit.run(TICK_NS)
        if tick % 5 == 0:
            pit.place(0, BUY, 123 + tick)
    other = tape(*LIVE, at_end=AtEnd.LOOP)
    text = msgspec.json.encode(pit.market.cursor())
    other.restore(msgspec.json.decode(text, type=HouseCursor))
    for _ in range(120):
        now_ns = pit.now_ns + TICK_NS
        expected = other.commands(now_ns, lambda i: pit.engine.book(i, 50))
        pit.turn(now_ns)
        assert pit.commands == expected
        assert pit.market.cursor() == other.cursor()


def test_another_market_is_refused():
    """A cursor of another speed, recording or kind says what to do."""
    for cursor in (tape(delta(70, 3), speed_e4=20_000).cursor(), Crowd(1).cursor()):
        with pytest.raises(ConfigError, match="this is the tape sample @1x"):
            tape(delta(70, 3)).restore(cursor)


@pytest.mark.parametrize("events", [[], WARM])
def test_a_recording_must_outlast_its_warm_minute(events: list[TapeEvent]):
    """One that does not could only show a book that never moves."""
    with pytest.raises(ConfigError, match="sample is not longer than 60 s"):
        Tape(BTC_USDT, lambda: iter(events), "sample")


# -- the real thing -------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def recorded(shared_data: Path) -> list[TapeEvent]:
    path = shared_data / "binance" / "spot_btcusdt_20240809.jsonl.gz"
    with gzip.open(path, "rb") as lines:
        return list(tape_events(lines, BTC_USDT))


def after_warm(events: list[TapeEvent]) -> Iterator[tuple[TapeEvent, int]]:
    """Yield events after the first minute, each with its time in a pit."""
    begin_ns = events[0].time_ns + WARM_NS
    for event in events:
        if event.time_ns >= begin_ns:
            yield event, OPEN_NS + event.time_ns - begin_ns


@pytest.mark.slow
@pytest.mark.parametrize(("streams", "least"), [("all", 0.99), ("depth and trades", 0.95)])
def test_our_touch_is_the_recorded_one(recorded: list[TapeEvent], streams: str, least: float):
    """After each depth our best bid and ask are those of the last ticker that it contains."""
    played = [e for e in recorded if streams == "all" or not isinstance(e, Touch)]
    pit = Pit(Tape(BTC_USDT, lambda: iter(played), "spot"))
    pit.turn()
    touches = [event for event in recorded if isinstance(event, Touch)]
    sequences = [event.sequence for event in touches]
    right = total = 0
    for event, due_ns in after_warm(played):
        if isinstance(event, BookDelta):
            pit.turn(due_ns)
            known = touches[bisect_right(sequences, event.last_sequence) - 1]
            right += pit.touch(0) == (known.bid_ticks, known.ask_ticks)
            total += 1
    assert total > 2_000
    assert right / total >= least


@pytest.mark.slow
def test_our_trades_are_the_recorded_ones(recorded: list[TapeEvent]):
    """Each recorded trade prints once: same order, price, size and side; the books agree."""
    pit = Pit(Tape(BTC_USDT, lambda: iter(recorded), "spot"))
    pit.turn()
    pit.run(250 * SECOND_NS, tick_ns=200_000_000)
    assert pit.market.ended
    expected = [
        (event.taker_side, event.price_ticks, event.size_lots)
        for event, _ in after_warm(recorded)
        if isinstance(event, Trade)
    ]
    assert printed(pit) == expected
    cursor = pit.market.cursor()
    assert dict(cursor.bids) == pit.house(0, BUY)
    assert dict(cursor.asks) == pit.house(0, SELL)


@pytest.mark.slow
def test_real_trades_fill_users_by_queue_model(recorded: list[TapeEvent]):
    """Small orders at the recorded touch fill sooner the more optimistic the queue model is."""
    waited = {}
    for model in QueueModel:
        pit = Pit(Tape(BTC_USDT, lambda: iter(recorded), "spot"), model)
        pit.turn()
        waited[model] = 0
        for turn in range(12):
            side = (BUY, SELL)[turn % 2]
            order = pit.place(0, side, 1_000, pit.touch(0)[turn % 2])
            placed_ns = pit.now_ns
            while pit.filled_lots(order) < 1_000 and pit.now_ns < placed_ns + 8 * SECOND_NS:
                pit.run(TICK_NS)
            waited[model] += pit.now_ns - placed_ns
            pit.cancel_all()
            # All models meet the same market.
            pit.run(OPEN_NS + (turn + 1) * 8 * SECOND_NS - pit.now_ns)
        assert len(pit.fills) > 3
    assert (
        waited[QueueModel.PESSIMISTIC]
        > waited[QueueModel.PROPORTIONAL]
        > waited[QueueModel.OPTIMISTIC]
    )
