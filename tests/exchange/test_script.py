from pathlib import Path

import pytest
from desk import START_NS, PlainSeal
from pit import OPEN_NS, Pit

from steelyard.domain.commands import Accepted, Deposit, OpenAccount, Place
from steelyard.domain.errors import ConfigError
from steelyard.domain.instrument import Listings
from steelyard.domain.journal import Record
from steelyard.domain.messages import MINUTE_NS, SECOND_NS, StatusQuery
from steelyard.domain.order import MarketState, OrderType, Side, TimeInForce
from steelyard.engine.book import QueueModel
from steelyard.engine.choice import new_engine
from steelyard.exchange.crowd import Crowd
from steelyard.exchange.exchange import Exchange
from steelyard.exchange.listings import LISTINGS
from steelyard.exchange.records import FORMAT, Founded
from steelyard.exchange.script import Script
from steelyard.exchange.script_text import parse_script
from steelyard.exchange.tape import AtEnd
from tests.house.source import ROOT

EXAMPLES = sorted((ROOT / "docs" / "examples" / "scripts").glob("*.txt"))
KNOWN = Listings(listing.instrument for listing in LISTINGS)
BUY, SELL = Side.BUY, Side.SELL
BOOK = "at +0s: book bid 49999 2, bid 49998 3, ask 50001 2, ask 50002 3"
BID, ASK = 4_999_900, 5_000_100
TWO, THREE = 200_000, 300_000
STEP_NS = 50_000_000


def script(*lines: str, head: tuple[str, ...] = ("market BTC-USDT", BOOK), **options) -> Script:
    text = parse_script("s.txt", "\n".join([*head, *lines]), KNOWN)
    return Script(text, "s.txt-abc", **options)


def opened(*lines: str, **options) -> Pit:
    pit = Pit(script(*lines, **options))
    pit.turn()
    return pit


def book(pit: Pit) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
    levels = pit.engine.book(0, 50)
    return levels.bids, levels.asks


def printed(pit: Pit) -> list[tuple[Side, int, int]]:
    return [(t.taker_side, t.price_ticks, t.size_lots) for _, t in pit.trades]


# -- alone ----------------------------------------------------------------------------------------


def test_the_book_is_what_the_lines_say():
    pit = opened("at +1s: book bid 49998 gone, ask 50001 0.5", "at +2s: book gone")
    assert book(pit) == ([(BID, TWO), (BID - 100, THREE)], [(ASK, TWO), (ASK + 100, THREE)])
    pit.run(SECOND_NS)
    assert book(pit) == ([(BID, TWO)], [(ASK, 50_000), (ASK + 100, THREE)])
    pit.run(SECOND_NS)
    assert book(pit) == ([], [])


def test_a_trade_prints_once_at_its_price():
    """Whether what stands there is enough, too little, or nothing."""
    pit = opened(
        "at +1s: trade buy 0.5 @ 50001",
        "at +2s: trade buy 9 @ 50001",
        "at +3s: trade sell 0.1 @ 49000",
    )
    pit.run(3 * SECOND_NS)
    assert printed(pit) == [*((BUY, ASK, 50_000), (BUY, ASK, 900_000), (SELL, 4_900_000, 10_000))]
    assert book(pit)[1] == [(ASK + 100, THREE)]


def test_a_trade_without_a_price_takes_the_best_levels_in_turn():
    pit = opened("at +1s: trade sell 4", "at +2s: trade sell 9")
    pit.run(SECOND_NS)
    assert printed(pit) == [(SELL, BID, TWO), (SELL, BID - 100, TWO)]
    assert book(pit)[0] == [(BID - 100, 100_000)]
    pit.run(SECOND_NS)
    assert printed(pit)[2:] == [(SELL, BID - 100, 100_000)]


def test_a_gap_moves_the_book_and_trades_nothing():
    pit = opened("at +1s: gap 47000")
    pit.run(SECOND_NS)
    down = 300_000
    assert book(pit) == (
        [(BID - down, TWO), (BID - down - 100, THREE)],
        [(ASK - down, TWO), (ASK - down + 100, THREE)],
    )
    assert printed(pit) == []


@pytest.mark.parametrize(("price", "side"), [(50100, BUY), (49000, SELL)])
def test_a_price_walks_and_trades_on_its_way(price, side):
    """Half of the best level trades at each step, and the book gets there in equal parts."""
    pit = opened(f"at +1s: price {price} over 1s")
    pit.run(SECOND_NS)
    way = (price - 50_000) * 100
    assert pit.touch(0) == (BID + way // 10, ASK + way // 10)
    pit.run(SECOND_NS)
    assert pit.touch(0) == (BID + way, ASK + way)
    assert book(pit)[0] == [(BID + way, TWO), (BID + way - 100, THREE)]
    trades = printed(pit)
    assert len(trades) == 10
    assert {(taker, lots) for taker, _, lots in trades} == {(side, TWO // 2)}
    prices = [price for _, price, _ in trades]
    assert prices == sorted(prices, reverse=side is SELL)


def test_speed_divides_time_and_a_pause_is_a_pause():
    pit = opened("at +10s: gap 47000", speed_e4=20_000)
    assert pit.market.note == "s.txt-abc @2x"
    pit.run(4 * SECOND_NS)
    pit.turn(pit.now_ns + 3_600 * SECOND_NS)
    assert pit.touch(0) == (BID, ASK)
    pit.run(SECOND_NS)
    assert pit.touch(0) == (BID - 300_000, ASK - 300_000)


def test_it_is_over_after_its_end_and_not_before():
    pit = opened("at +1s: gap 47000", "at +3s: end")
    pit.run(2 * SECOND_NS)
    assert not pit.market.ended
    pit.run(SECOND_NS)
    assert pit.market.ended
    before = book(pit)
    pit.run(SECOND_NS)
    assert book(pit) == before


@pytest.mark.parametrize("lines", [("at +2s: loop",), ("at +2s: end",)])
def test_a_loop_begins_anew_from_the_first_book(lines):
    """The text's own word, or the option's."""
    at_end = None if lines[0].endswith("loop") else AtEnd.LOOP
    pit = opened("at +1s: gap 47000", *lines, at_end=at_end)
    first = book(pit)
    for _ in range(3):
        pit.run(SECOND_NS)
        assert book(pit) != first
        pit.run(SECOND_NS)
        assert book(pit) == first
    assert not pit.market.ended
    assert pit.market.cursor().lap == 3


def test_the_options_word_is_above_the_texts():
    pit = opened("at +1s: gap 47000", "at +2s: loop", at_end=AtEnd.HOLD)
    pit.run(3 * SECOND_NS)
    assert pit.market.ended
    assert pit.touch(0) == (BID - 300_000, ASK - 300_000)


def test_the_past_is_flat_and_ends_now():
    """Minutes of the whole length and seconds of its last two hours, without a trade in them."""
    market = script(head=("market BTC-USDT", "history 3h at 50000", BOOK))
    candles = list(market.backfill(0, OPEN_NS + 7 * SECOND_NS))
    minutes = [c for c in candles if c.interval_ns == MINUTE_NS]
    seconds = [c for c in candles if c.interval_ns == SECOND_NS]
    assert candles == minutes + seconds
    assert (len(minutes), len(seconds)) == (181, 7_200)
    assert [c.is_closed for c in minutes] == [True] * 180 + [False]
    assert seconds[-1].open_ns == OPEN_NS + 6 * SECOND_NS
    assert {(c.low_ticks, c.high_ticks, c.volume_lots, c.trade_count) for c in candles} == {
        (5_000_000, 5_000_000, 0, 0)
    }


# -- users ------------------------------------------------------------------------------------


def test_a_user_is_filled_through_the_queue():
    pit = opened(*(f"at +{n}s: trade sell 0.9 @ 49999" for n in range(1, 5)))
    order = pit.place(0, BUY, 100_000, BID)
    filled = []
    for _ in range(4):
        pit.run(SECOND_NS)
        filled.append(pit.filled_lots(order))
    assert filled == [0, 0, 70_000, 100_000]


def test_what_a_user_takes_is_back_when_a_line_speaks_of_the_level():
    pit = opened("at +1s: book bid 49999 1", "at +2s: book ask 50001 2")
    pit.place(0, BUY, TWO)
    pit.run(SECOND_NS)
    assert pit.touch(0)[1] == ASK + 100
    pit.run(SECOND_NS)
    assert pit.touch(0)[1] == ASK


def test_a_sweep_meets_users_too():
    """Their better price comes first; the house's levels after it."""
    pit = opened("at +1s: trade sell 2.5")
    order = pit.place(0, BUY, 100_000, BID + 50)
    pit.run(SECOND_NS)
    assert pit.filled_lots(order) == 100_000
    assert printed(pit) == [(SELL, BID + 50, 100_000), (SELL, BID, 150_000)]


@pytest.mark.parametrize("word", ["gap", "price"])
def test_a_book_that_moves_through_an_order_fills_it_at_its_own_price(word):
    pit = opened(f"at +1s: {word} 47000")
    order = pit.place(0, BUY, 100_000, BID - 5_000)
    pit.run(SECOND_NS)
    assert {fill.price_ticks for _, fill in pit.fills} == {BID - 5_000}
    assert pit.filled_lots(order) == 100_000
    assert pit.house(0, SELL)[ASK - 300_000] == TWO - 100_000


@pytest.mark.parametrize("line", ["gap 47000", "book gone", "book bid 49999 gone"])
def test_nothing_stays_where_a_trade_met_a_better_order_first(line):
    """The engine has some of the house left where the house believed to have traded it all."""
    pit = opened("at +1s: trade sell 2 @ 49999", f"at +2s: {line}")
    pit.place(0, BUY, 50_000, BID + 50)
    pit.run(SECOND_NS)
    assert pit.house(0, BUY)[BID] == 50_000
    pit.run(SECOND_NS)
    assert BID not in pit.house(0, BUY)


def test_a_walk_goes_on_where_users_have_taken_a_whole_side():
    pit = opened("at +1s: price 49000 over 200ms")
    pit.place(0, SELL, 500_000)
    assert book(pit)[0] == []
    pit.run(2 * SECOND_NS)
    assert book(pit)[1][0] == (4_900_000, TWO)


# -- the cursor -----------------------------------------------------------------------------------


@pytest.mark.parametrize("after_ns", [0, 700_000_000, 1_500_000_000, 4_200_000_000])
def test_a_cursor_goes_on_identically(after_ns):
    lines = ("at +1s: price 47000 over 1s", "at +2s: trade buy 1", "at +3s: loop")
    one = opened(*lines)
    one.run(after_ns)
    other = Pit(script(*lines))
    other.market.restore(one.market.cursor())
    books = lambda instrument_id: one.engine.book(instrument_id, 50)  # noqa: E731
    for _ in range(100):
        one.now_ns += STEP_NS
        wanted = one.market.commands(one.now_ns, books)
        assert other.market.commands(one.now_ns, books) == wanted
    assert other.market.cursor() == one.market.cursor()


@pytest.mark.parametrize("other", [script(speed_e4=20_000), Crowd(1)])
def test_a_cursor_of_another_market_is_refused(other):
    with pytest.raises(ConfigError, match="founded on"):
        script().restore(other.cursor())


# -- lines that cannot be done --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        (
            ("at +1s: book bid 50001 1",),
            "line 3: `bid 50001.00` would cross the house's own ask of 50001.*`ask 50001.00 gone",
        ),
        (("at +1s: book ask 49998 1",), "line 3: `ask 49998.00` would cross .* bid of 49999"),
        (("at +1s: book gone", "at +2s: gap 5"), "line 4: a price needs a book with both sides"),
        (("at +1s: trade sell 5", "at +2s: trade sell 1"), "line 4: nothing stands there"),
        (("at +1s: gap 0.01",), "line 3: there the book would reach below the lowest price"),
        (("at +1s: halt", "at +9s: loop"), "loops and leaves BTC-USDT closed"),
    ],
)
def test_a_line_that_cannot_be_done_is_named_before_anything_runs(lines, words):
    with pytest.raises(ConfigError, match=words):
        script(*lines)


def test_levels_of_one_line_make_room_for_each_other():
    script("at +1s: book ask 50001 gone, ask 50002 gone, bid 50001 1, ask 50003 1")


def test_a_script_that_is_over_at_once_does_not_loop():
    with pytest.raises(ConfigError, match="over at once"):
        script(at_end=AtEnd.LOOP)


# -- in an exchange -------------------------------------------------------------------------------


class Running:
    """An exchange on a script, with one user."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.exchange = self._new()
        self.exchange.found(Founded(FORMAT, "script", ""), START_NS)
        self.now_ns = START_NS
        self.exchange.step(self.now_ns)
        for command in (OpenAccount(100, 0, 0), Deposit(100, 1, 10**15), Deposit(100, 4, 10**19)):
            self.exchange.record(command, self.now_ns)
        self.effects = []

    def _new(self) -> Exchange:
        market = Script(parse_script("s.txt", self.text, KNOWN), "s.txt")
        return Exchange(new_engine(QueueModel.PROPORTIONAL), market, PlainSeal())

    def run(self, seconds: float) -> None:
        until_ns = self.now_ns + round(seconds * SECOND_NS)
        while self.now_ns < until_ns:
            self.now_ns += STEP_NS
            self.exchange.step(self.now_ns)

    def place(self, side: Side, lots: int, ticks: int) -> int:
        place = Place(
            100, 0, side, OrderType.LIMIT, TimeInForce.GTC, False, ticks, lots
        )  # fmt: skip
        effects = self.exchange.record(place, self.now_ns)
        return next(e.order_id for e in effects if isinstance(e, Accepted))

    def filled(self, order_id: int) -> int:
        return self.exchange.history.numbered(100, order_id).filled_lots

    def touch(self, instrument_id: int = 0) -> tuple[int, int]:
        levels = self.exchange.engine.book(instrument_id, 1)
        return levels.bids[0][0], levels.asks[0][0]

    def replayed(self) -> Exchange:
        again = self._new()
        for sequence, (time_ns, message) in enumerate(self.exchange.drain().records, 1):
            again.replay(Record(sequence, time_ns, message))
        return again


def test_a_halt_halts_and_the_opening_states_the_book_of_that_moment():
    """What the lines said meanwhile counts then; what came after `open` in the file comes after."""
    running = Running(
        f"market BTC-USDT\n{BOOK}\nat +1s: halt\nat +2s: gap 47000\nat +3s: open\n"
        "at +3s: trade buy 0.5 @ 47001\nat +9s: end"
    )
    order = running.place(BUY, 100_000, BID - 10_000)
    running.run(2.5)
    assert running.exchange.state_of(0) is MarketState.HALTED
    assert running.touch() == (BID, ASK)
    assert not running.exchange.ask(StatusQuery(), running.now_ns).trading
    running.run(1)
    assert running.exchange.state_of(0) is MarketState.OPEN
    assert running.filled(order) == 100_000
    levels = running.exchange.engine.book(0, 9)
    assert levels.bids == [(BID - 300_000, TWO), (BID - 300_100, THREE)]
    assert levels.asks == [(ASK - 300_000, TWO - 150_000), (ASK - 299_900, THREE)]


def test_a_replay_comes_to_the_same_state():
    """With halts, users' orders in the way, and loops."""
    running = Running(
        f"market BTC-USDT\n{BOOK}\nat +1s: price 49000 over 2s\nat +4s: halt\nat +5s: open\n"
        "at +6s: trade sell 3\nat +7s: loop"
    )
    running.place(BUY, 250_000, BID - 20_000)
    running.run(10)
    running.place(SELL, 250_000, ASK)
    running.run(10)
    assert running.exchange.history.numbered(100, 1).filled_lots > 0
    again = running.replayed()
    assert again.engine.state_hash() == running.exchange.engine.state_hash()
    assert again.market.cursor() == running.exchange.market.cursor()


def test_a_snapshot_in_a_halt_goes_on_identically():
    running = Running(
        f"market BTC-USDT\n{BOOK}\nat +1s: halt\nat +2s: gap 47000\nat +3s: open\nat +9s: loop"
    )
    running.run(2.5)
    again = running._new()
    again.restore(running.exchange.snapshot())
    running.run(10)
    at_ns = START_NS + 2_500_000_000
    while at_ns < running.now_ns:
        at_ns += STEP_NS
        again.step(at_ns)
    assert again.engine.state_hash() == running.exchange.engine.state_hash()


# -- the examples ---------------------------------------------------------------------------------


def example(name: str) -> Running:
    return Running((ROOT / "docs" / "examples" / "scripts" / name).read_text())


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_every_example_runs_to_its_end_and_comes_to_the_same(path: Path):
    running = Running(path.read_text())
    running.run(running.exchange.market._text.length_ns / SECOND_NS + 1)
    assert running.replayed().engine.state_hash() == running.exchange.engine.state_hash()
    market = running.exchange.market
    assert market.ended or market.cursor().lap == 1


def test_the_flash_crash_crashes_halts_and_recovers():
    running = example("flash_crash.txt")
    order = running.place(BUY, 1_000, 4_750_000)
    running.run(29)
    assert running.filled(order) == 0
    running.run(2.5)
    assert running.filled(order) == 1_000
    assert running.touch()[0] < 4_300_000
    running.run(1.5)
    assert running.exchange.state_of(0) is MarketState.HALTED
    running.run(50)
    assert running.exchange.state_of(0) is MarketState.OPEN
    assert sum(running.touch()) // 2 in range(4_999_900, 5_000_100)


def test_the_lesson_on_partial_fills_fills_in_parts():
    """As its words say: after half a bitcoin of others 0.1, 0.25 and 0.4, then the rest."""
    running = example("partial_fills.txt")
    order = running.place(BUY, 100_000, 4_999_900)
    filled = []
    for seconds in (46, 15, 30, 30, 30):
        running.run(seconds)
        filled.append(running.filled(order))
    assert filled == [0, 10_000, 35_000, 75_000, 100_000]
    other = example("partial_fills.txt")
    first = other.place(BUY, 100_000, 5_000_000)
    other.run(121)
    assert other.filled(first) == 100_000


def test_the_thin_book_gaps():
    running = example("thin_book.txt")
    running.run(15)
    assert running.touch(1) == (225, 235)
    assert running.touch(0)[1] - running.touch(0)[0] >= 100
