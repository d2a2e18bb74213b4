from statistics import fmean

from steelyard.domain.order import Side
from steelyard.engine import BookLevels
from steelyard.exchange.chance import ONE_E16, Chance
from steelyard.exchange.listings import LISTINGS
from steelyard.exchange.quotes import MILLI, Ladder

BTC = LISTINGS[0].makers
WORTH_MILLI = 6_100_000 * MILLI + 500


def opened(seed: int = 1) -> Ladder:
    """Return a ladder at its opening, its commands done."""
    ladder = Ladder(0, BTC, Chance(seed))
    ladder.open(WORTH_MILLI)
    ladder.begin([])
    return ladder


def spread(ladder: Ladder) -> int:
    return -ladder.asks.keys[-1] - ladder.bids.keys[-1]


def step(ladder: Ladder, worth_milli: int = WORTH_MILLI, calm_e16: int = ONE_E16) -> None:
    ladder.begin([])
    ladder.step(worth_milli, calm_e16)


def test_an_opening_is_a_whole_book():
    """One tick of spread around the worth, and all levels within reach on both sides."""
    ladder = opened()
    assert spread(ladder) == 1
    assert ladder.bids.keys[-1] == 6_100_000
    for side in (ladder.bids, ladder.asks):
        assert len(side.keys) == BTC.levels
        assert side.keys[-1] - side.keys[0] <= BTC.reach_ticks


def test_levels_crowd_at_the_touch():
    """Most are within ten basis points, some beyond half a percent; sizes grow outward."""
    near, far, inner, outer = [], [], [], []
    for seed in range(10):
        ladder = opened(seed)
        away = {ladder.bids.keys[-1] - key: lots for key, lots in ladder.bids.lots.items()}
        near.append(sum(distance < 6_100 for distance in away))
        far.append(sum(distance > 30_500 for distance in away))
        inner += [lots for distance, lots in away.items() if 0 < distance < 1_000]
        outer += [lots for distance, lots in away.items() if distance > 20_000]
    assert min(near) >= 25
    assert min(far) >= 1
    assert fmean(outer) > 2 * fmean(inner)


def test_makers_tolerate_a_little():
    """While the worth stays near the touch, the touch stays where it is."""
    ladder = opened()
    for n in range(200):
        step(ladder, WORTH_MILLI + (-1) ** n * (BTC.tolerance_milli - 2_000))
        assert ladder.bids.keys[-1] == 6_100_000


def test_makers_follow_the_worth_through_the_old_touch():
    """A worth beyond the tolerance is the new touch at once, and what was in the way is gone."""
    ladder = opened()
    step(ladder, WORTH_MILLI + 900 * MILLI)
    bid, ask = ladder.bids.keys[-1], -ladder.asks.keys[-1]
    assert 6_100_700 < bid < ask <= 6_101_000
    step(ladder, WORTH_MILLI - 900 * MILLI)
    bid, ask = ladder.bids.keys[-1], -ladder.asks.keys[-1]
    assert 6_099_000 < bid < ask < 6_099_300


def test_wild_times_are_wide():
    """Where makers are not calm, their spread is wider on average and closes more slowly."""
    widths = {}
    for calm_e16 in (ONE_E16, ONE_E16 // 4):
        ladder, seen = opened(3), []
        for n in range(600):
            step(ladder, WORTH_MILLI + (n // 4 % 2) * 600 * MILLI, calm_e16)
            seen.append(spread(ladder))
        widths[calm_e16] = fmean(seen)
    assert widths[ONE_E16] < 8
    assert widths[ONE_E16 // 4] > 3 * widths[ONE_E16]


def test_after_a_sweep_makers_come_back_over_a_second_or_two():
    """Not within three steps, but within two and a half seconds: the spread is small again."""
    for seed in range(5):
        ladder = opened(seed)
        for price, lots in ladder.asks.levels()[:20]:
            ladder.eaten(Side.BUY, price, lots)
            ladder.shy(Side.BUY, price)
        swept = spread(ladder)
        assert swept > 50
        widths = []
        for _ in range(50):
            step(ladder)
            widths.append(spread(ladder))
        assert widths[2] > swept // 4
        assert widths[-1] <= 5


def test_a_side_that_was_taken_whole_is_mended_far_out():
    """There is a book again at once, but not at the old price."""
    ladder = opened()
    for price, lots in ladder.asks.levels():
        ladder.eaten(Side.BUY, price, lots)
    assert not ladder.asks.keys
    ladder.guards[Side.SELL] = 5_000
    ladder.mend(WORTH_MILLI)
    assert len(ladder.asks.keys) >= 30
    assert spread(ladder) > 5_000


def test_makers_never_narrow_through_a_user():
    """A user's order inside a wide spread is left alone while the worth is not beyond it."""
    ladder = opened()
    for price, _ in ladder.asks.levels()[:15]:
        ladder.asks.set(-price, 0)
    user = 6_100_030
    asks = ladder.asks.levels()
    for _ in range(60):
        ladder.begin([])
        bids, asks = ladder.bids.levels(), ladder.asks.levels()
        ladder.see(BookLevels([(user, 500), *bids], list(asks)))
        ladder.step(WORTH_MILLI, ONE_E16)
        assert -ladder.asks.keys[-1] > user
    assert -ladder.asks.keys[-1] == user + 1


def test_a_cheap_user_is_bought():
    """An offer clearly below the worth is moved through, though makers stand elsewhere."""
    ladder = opened()
    user = 6_100_001 - 3 * BTC.tolerance_milli // MILLI
    ladder.put(ladder.bids, ladder.bids.keys[-1], 0)
    for key in [k for k in ladder.bids.keys if k >= user]:
        ladder.put(ladder.bids, key, 0)
    ladder.begin([])
    ladder.see(BookLevels(list(ladder.bids.levels()), [(user, 700), *ladder.asks.levels()]))
    ladder.step(WORTH_MILLI, ONE_E16)
    assert ladder.bids.keys[-1] >= user


def test_takers_take_the_best_whoever_stands_there():
    """First the user who improved the touch, then the house, in price order, one trade a price."""
    ladder = opened()
    bid, lots = ladder.bids.levels()[0]
    second = ladder.bids.levels()[1]
    ladder.put(ladder.asks, ladder.asks.keys[-1], 0)
    ladder.begin([])
    user = bid + 1
    ladder.see(BookLevels([(user, 300), *ladder.bids.levels()], list(ladder.asks.levels())))
    assert ladder.take(Side.SELL, 300 + lots + 1, 10**6, 6) == 300 + lots + 1
    assert [(c.price_ticks, c.size_lots) for c in ladder.out] == [
        (user, 300),
        (bid, lots),
        (second[0], 1),
    ]
    assert ladder.bids.levels()[0] == (second[0], second[1] - 1)


def test_takers_do_not_dig_for_ever():
    """A taker stops at the stated depth and number of levels."""
    ladder = opened()
    assert ladder.take(Side.BUY, 10**9, 10**9, 3) < 10**9
    assert len(ladder.out) == 3
    ladder = opened()
    ladder.take(Side.BUY, 10**9, 0, 9)
    assert len(ladder.out) == 1


def test_a_thousand_wild_steps_leave_a_sound_book():
    """Prices rise inside a side, sides do not cross, counts and distances stay bounded."""
    ladder, chance = opened(5), Chance(6)
    worth = WORTH_MILLI
    for _ in range(1_000):
        worth += chance.normal() // 60
        ladder.begin([])
        ladder.take(Side.BUY if chance.word() & 1 else Side.SELL, chance.below(200_000), 4_000, 6)
        ladder.step(worth, ONE_E16 // 2)
        assert spread(ladder) >= 1
        assert len(ladder.out) < 200
        for side in (ladder.bids, ladder.asks):
            assert 30 <= len(side.keys) <= BTC.levels + 4
            assert side.keys == sorted(side.lots)
            assert min(side.lots.values()) >= 1
