"""Checksums against the venue's own example, and at both ends."""

import random

from hypothesis import given
from hypothesis import strategies as st

from steelyard.dialects.kraken.book import DepthBook, checksum, checksum_of
from steelyard.dialects.kraken.stream import MarketFollower
from steelyard.domain.messages import BookDelta, BookSnapshot
from steelyard.domain.order import Side
from steelyard.exchange.feed import changes_within
from steelyard.trading.books import BookView
from steelyard.wire.dialect import ChannelKind
from tests.shared.desk import BTC_USDT

# https://docs.kraken.com/api/docs/guides/spot-ws-book-v2
ASKS = [
    ("45285.2", "0.00100000"),
    ("45286.4", "1.54571953"),
    ("45286.6", "1.54571109"),
    ("45289.6", "1.54560911"),
    ("45290.2", "0.15890660"),
    ("45291.8", "1.54553491"),
    ("45294.7", "0.04454749"),
    ("45296.1", "0.35380000"),
    ("45297.5", "0.09945542"),
    ("45299.5", "0.18772827"),
]
BIDS = [
    ("45283.5", "0.10000000"),
    ("45283.4", "1.54582015"),
    ("45282.1", "0.10000000"),
    ("45281.0", "0.10000000"),
    ("45280.3", "1.54592586"),
    ("45279.0", "0.07990000"),
    ("45277.6", "0.03310103"),
    ("45277.5", "0.30000000"),
    ("45277.3", "1.54602737"),
    ("45276.6", "0.15445238"),
]


def test_the_published_checksum_comes_out():
    assert checksum(ASKS, BIDS) == 3310070434


def test_the_checksum_after_a_change_is_that_of_the_new_best_levels():
    """One bid gone, another behind; made with zlib of the documented text."""
    assert checksum(ASKS, [*BIDS[1:], ("45276.5", "0.50000000")]) == 860420995


def test_zeros_at_the_beginning_do_not_count():
    assert checksum([("0.05005", "0.00000500")], [("0.05000", "0.00000500")]) == 3851508195


def test_every_digit_counts():
    whole = checksum(ASKS, BIDS)
    for side in (ASKS, BIDS):
        for place, (price, qty) in enumerate(side):
            changed = [*side]
            changed[place] = (price, qty[:-1] + ("1" if qty[-1] != "1" else "2"))
            sides = (changed, BIDS) if side is ASKS else (ASKS, changed)
            assert checksum(*sides) != whole


def test_levels_in_ticks_and_lots_are_spelled_as_they_are_sent():
    asks, bids = [(5_000_100, 7)], [(5_000_000, 123_456)]
    texts = [("50001.00", "0.00007000")], [("50000.00", "1.23456000")]
    assert checksum_of(BTC_USDT, bids, asks) == checksum(*texts)


@given(st.integers(0, 2**32), st.integers(1, 12))
def test_a_book_cut_off_at_its_depth_is_the_exchanges(seed, depth):
    """The feed tells changes of the best levels; who cuts off what is beyond has the same ones."""
    rng = random.Random(seed)
    book = DepthBook(depth)
    whole: dict[int, int] = {}
    before: list[tuple[int, int]] = []
    for _ in range(30):
        ticks = rng.randrange(1, 25)
        whole[ticks] = rng.choice([0, 0, 1, 2, 3])
        now = sorted(((t, q) for t, q in whole.items() if q), reverse=True)[:depth]
        for changed, lots in changes_within(Side.BUY, before, now, depth):
            book.bids.change(changed, str(changed), str(lots), is_gone=not lots)
        book.bids.cut(depth)
        assert sorted(book.bids.levels, reverse=True) == [t for t, _ in now]
        before = now


def test_a_traders_book_follows(venue):
    """Ours over the exchange's socket, level by level."""
    listings = venue.desk.exchange.listings
    follower = MarketFollower([BTC_USDT], listings, frozenset({ChannelKind.BOOK}))
    socket = venue.open(follower.target)
    view = BookView(BTC_USDT)
    follower.opened(0)
    rng = random.Random(7)

    def carry() -> None:
        venue.deliver()
        for frame in [*follower.drain()[0]]:
            socket.line.receive(frame)
        for told in socket.hear_text():
            follower.receive(told, venue.desk.now_ns)
        for event in follower.drain()[1]:
            match event:
                case BookSnapshot():
                    view.snapshot(event, 1)
                case BookDelta():
                    assert view.delta(event, 1)

    carry()
    assert follower.ready
    placed: list[str] = []
    for _ in range(60):
        if placed and rng.random() < 0.3:
            venue.result("CancelOrder", txid=placed.pop(rng.randrange(len(placed))))
        else:
            price = f"{rng.randrange(49_000, 49_400)}.{rng.randrange(100):02d}"
            placed.append(venue.add(price=price, volume=f"0.0{rng.randrange(1, 99):02d}"))
        venue.pass_time(1)
        carry()
        bids = venue.desk.exchange.levels(0, 100).bids
        assert view.bids.first(1_000) == bids
