from hypothesis import given
from hypothesis import strategies as st
from pit import Pit

from steelyard.domain.commands import HouseLevel
from steelyard.domain.instrument import Instrument
from steelyard.domain.order import Side
from steelyard.engine import BookLevels
from steelyard.exchange.listings import LISTINGS
from steelyard.exchange.mirror import Mirror

BUY, SELL = Side.BUY, Side.SELL


class Puppet:
    """A market that does what the test tells it."""

    kind, note, ended = "crowd", "puppet", False

    def __init__(self) -> None:
        self.mirror = Mirror(0)

    def instruments(self) -> tuple[Instrument, ...]:
        return (LISTINGS[0].instrument,)

    def commands(self, now_ns, books):
        return self.mirror.out

    def observe(self, traded):
        if traded.taker_order_id:
            self.mirror.eaten(traded.taker_side, traded.price_ticks, traded.size_lots)
        else:
            self.mirror.stood_aside(traded.taker_side, traded.price_ticks, traded.size_lots)


def agree(pit: Pit) -> None:
    mirror = pit.market.mirror
    assert dict(mirror.bids.levels()) == pit.house(0, BUY)
    assert dict(mirror.asks.levels()) == pit.house(0, SELL)


def begun() -> tuple[Pit, Mirror]:
    """Return a book of five bids and five asks from 10,000.00, ten thousand lots each."""
    pit = Pit(Puppet())
    mirror = pit.market.mirror
    for away in range(5):
        mirror.put(mirror.bids, 1_000_000 - away, 10_000)
        mirror.put(mirror.asks, -1_000_001 - away, 10_000)
    pit.turn()
    mirror.begin([])
    return pit, mirror


price = st.integers(1_000, 1_012)
lots = st.integers(0, 9)
level = st.tuples(st.just("level"), st.sampled_from(Side), price, lots)
trade = st.tuples(st.just("trade"), st.sampled_from(Side), price, st.integers(1, 9))


@given(st.lists(st.one_of(level, trade), max_size=40))
def test_without_users_the_mirror_is_exact(commands):
    """Whatever a market does, crossing levels and trades included, the engine has the same."""
    pit = Pit(Puppet())
    mirror = pit.market.mirror
    for kind, side, ticks, size in commands:
        mirror.begin([])
        if kind == "level":
            mirror.put(mirror.of(side), side * ticks, size)
        else:
            mirror.trade(side, ticks, size)
        pit.turn()
        agree(pit)


def test_what_users_take_is_missing():
    """A user's sweep takes whole levels and a part of one."""
    pit, mirror = begun()
    pit.place(0, BUY, 25_000)
    agree(pit)
    assert mirror.asks.levels()[0] == (1_000_003, 5_000)


def test_a_user_in_the_queue_spares_the_house():
    """A house trade that fills a user's order did not reduce the house as much."""
    pit, mirror = begun()
    pit.place(0, SELL, 3_000, 1_000_001)
    mirror.trade(BUY, 1_000_001, 12_000)  # 10,000 of the house, then 2,000 of the user
    pit.turn()
    agree(pit)


def test_a_level_that_moves_through_a_user_stands_with_the_rest():
    """What filled a user's order does not stand any more."""
    pit, mirror = begun()
    pit.place(0, SELL, 4_000, 1_000_001)
    mirror.put(mirror.bids, 1_000_002, 10_000)
    pit.turn()
    agree(pit)
    assert mirror.bids.levels()[0] == (1_000_002, 6_000)


def test_looking_tells_users_from_the_house():
    """Sizes beyond the house's own are users', where no command of the turn explains them."""
    pit, mirror = begun()
    pit.place(0, BUY, 700, 999_999)
    pit.place(0, BUY, 500, 999_990)
    mirror.put(mirror.bids, 999_998, 30_000)  # before looking: not yet in the book that is seen
    mirror.see(pit.engine.book(0, 50))
    assert mirror.bids.users == {999_999: 700, 999_990: 500}
    assert mirror.bids.lots[999_998] == 30_000
    assert mirror.asks.users == {}


def test_looking_mends_the_mirror():
    """A level that the book does not have, or has less of, is not the house's."""
    _, mirror = begun()
    mirror.see(BookLevels([(1_000_000, 400), (999_998, 10_000)], [(1_000_001, 10_000)]))
    assert mirror.bids.levels() == (
        (1_000_000, 400),
        (999_998, 10_000),
        (999_997, 10_000),
        (999_996, 10_000),
    )
    assert len(mirror.asks.levels()) == 5


def test_the_best_counts_users():
    """A user who improves the touch is the best."""
    pit, mirror = begun()
    mirror.put(mirror.asks, -1_000_001, 0)
    pit.turn()
    pit.place(0, BUY, 700, 1_000_001)
    mirror.begin([])
    mirror.see(pit.engine.book(0, 50))
    assert mirror.bids.best_of_all() == 1_000_001
    assert mirror.asks.best_of_all() == -1_000_002


@given(st.lists(st.one_of(level, trade), max_size=40), st.lists(level, max_size=20))
def test_a_restated_book_is_the_mirrors_whatever_stood_there(commands, elsewhere):
    """As after a halt: the mirror went on, and the engine's book is another."""
    pit, mirror = begun()
    for _, side, price_ticks, size in commands:
        own = mirror.of(side)
        mirror.put(own, own.side * price_ticks, size)
    for _, side, price_ticks, size in elsewhere:
        pit.engine.apply(HouseLevel(0, side, price_ticks, size), 0)
    book = pit.engine.book(0, 10**6)
    for command in mirror.restate(book):
        pit.engine.apply(command, 0)
    book = pit.engine.book(0, 10**6)
    assert (tuple(book.bids), tuple(book.asks)) == (mirror.bids.levels(), mirror.asks.levels())
