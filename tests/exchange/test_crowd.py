from collections import defaultdict
from itertools import pairwise
from random import Random
from statistics import fmean, median, pvariance
from time import process_time

import msgspec
import pytest
from pit import OPEN_NS, SECOND_NS, TICK_NS, USERS, Pit

from steelyard.domain.commands import Traded
from steelyard.domain.errors import ConfigError
from steelyard.domain.messages import MINUTE_NS
from steelyard.domain.order import Side
from steelyard.engine import BookLevels
from steelyard.exchange.crowd import Crowd
from steelyard.exchange.house import HouseCursor, TapeCursor
from steelyard.exchange.listings import LISTINGS

BTC_USDT, ETH_USDT, SOL_USDT, ETH_BTC, BTC_USD, ETH_USD = range(6)
RUN_S = 300


class Watched(Pit):
    """A pit that keeps both touches and depths after each turn."""

    def __init__(self, seed: int) -> None:
        super().__init__(Crowd(seed))
        self.touches: dict[int, list[tuple[int, int]]] = defaultdict(list)
        self.depths: list[tuple[int, int]] = []

    def turn(self, now_ns: int | None = None) -> None:
        super().turn(now_ns)
        for i in range(6):
            self.touches[i].append(self.touch(i))
        book = self.engine.book(BTC_USDT, 10**6)
        self.depths.append((len(book.bids), len(book.asks)))


@pytest.fixture(scope="module")
def watched() -> Watched:
    """Five minutes of a crowd without users."""
    pit = Watched(7)
    pit.turn()
    pit.run(RUN_S * SECOND_NS)
    return pit


def per_second(pit: Pit, instrument_id: int) -> list[int]:
    counts = [0] * (RUN_S + 1)
    for time_ns, trade in pit.trades:
        if trade.instrument_id == instrument_id:
            counts[(time_ns - OPEN_NS) // SECOND_NS] += 1
    return counts[:RUN_S]


# -- the same again ---------------------------------------------------------------------------


def test_a_seed_is_a_market():
    """The same seed and ticks give the same commands; another seed does not."""
    pits = [Pit(Crowd(seed)) for seed in (1, 1, 2)]
    told = []
    for pit in pits:
        commands = []
        for tick in range(200):
            pit.turn(OPEN_NS + tick * TICK_NS)
            commands.append(pit.commands)
        told.append(commands)
    assert told[0] == told[1]
    assert told[0] != told[2]


@pytest.mark.slow
def test_the_pace_of_calls_does_not_matter():
    """Irregular ticks lead to the same books as even ones, when nobody disturbs."""
    even, uneven, rng = Pit(Crowd(4)), Pit(Crowd(4)), Random(1)
    even.turn()
    even.run(20 * SECOND_NS)
    uneven.turn()
    now_ns = OPEN_NS
    while now_ns < OPEN_NS + 20 * SECOND_NS:
        now_ns = min(now_ns + rng.choice((1, 13, 50, 180, 700)) * 10**6, OPEN_NS + 20 * SECOND_NS)
        uneven.turn(now_ns)
    assert even.engine.state_hash() == uneven.engine.state_hash()
    assert [trade for _, trade in even.trades] == [trade for _, trade in uneven.trades]


@pytest.mark.slow
@pytest.mark.parametrize("cut", [0, 1, 57, 200])
def test_a_cursor_goes_on_identically(cut: int):
    """Cut at any tick, written down and read again, the crowd does what it would have done."""
    rng, pit = Random(cut), Pit(Crowd(6))
    pit.turn()
    for _ in range(cut):
        pit.run(TICK_NS)
        disturb(pit, rng)
    text = msgspec.json.encode(pit.market.cursor())
    other = Crowd(6)
    other.restore(msgspec.json.decode(text, type=HouseCursor))
    for _ in range(100):
        now_ns = pit.now_ns + TICK_NS
        expected = other.commands(now_ns, lambda i: pit.engine.book(i, 50))
        before = len(pit.trades)
        pit.turn(now_ns)
        assert pit.commands == expected
        for _, trade in pit.trades[before:]:
            if trade.taker_order_id or trade.maker_order_id:
                other.observe(trade)


def test_another_market_is_refused():
    """A cursor of another seed or of a tape says what to do."""
    for cursor in (Crowd(2).cursor(), TapeCursor("t @1x", 1, 1, 0, 1, (), ())):
        with pytest.raises(ConfigError, match="crowd of seed 1, and cannot go on from"):
            Crowd(1).restore(cursor)


def test_a_market_of_users_alone_is_none_of_the_crowds():
    """One that is listed besides its own: it sees no trades there and states nothing."""
    crowd, other = Crowd(1), len(LISTINGS)
    before = crowd.cursor()
    crowd.observe(Traded(other, 1, 100, 1, Side.BUY, 1, 2))
    assert crowd.restate(other, BookLevels([], [])) == []
    assert crowd.cursor() == before


# -- alive ------------------------------------------------------------------------------------


def test_spreads_are_tight_and_sometimes_wide(watched: Watched):
    """On BTC mostly one to five ticks, now and then dozens; never crossed."""
    spreads = [ask - bid for bid, ask in watched.touches[BTC_USDT]]
    assert min(spreads) >= 1
    assert 0.7 < fmean(spread <= 5 for spread in spreads) < 1
    assert max(spreads) > 20
    for i in range(6):
        assert all(ask > bid for bid, ask in watched.touches[i])


def test_books_are_deep(watched: Watched):
    """At least 30 levels a side at every moment, to about two percent, bigger further out."""
    assert min(min(depth) for depth in watched.depths) >= 30
    book = watched.engine.book(BTC_USDT, 100)
    for side in (book.bids, book.asks):
        best = side[0][0]
        away = [(abs(price - best) / best, lots) for price, lots in side]
        assert 0.008 < max(distance for distance, _ in away) < 0.03
        assert sum(distance < 0.001 for distance, _ in away) >= 20
        near = [lots for distance, lots in away if 0 < distance < 0.0005]
        far = [lots for distance, lots in away if distance > 0.003]
        assert fmean(far) > fmean(near)


def test_trades_come_in_bursts(watched: Watched):
    """Several a second on BTC, fewer elsewhere, and far more clustered than by pure chance."""
    counts = {i: per_second(watched, i) for i in range(6)}
    assert 2 < fmean(counts[BTC_USDT]) < 12
    assert pvariance(counts[BTC_USDT]) > 1.5 * fmean(counts[BTC_USDT])
    for i in range(1, 6):
        assert 0.1 < fmean(counts[i]) < fmean(counts[BTC_USDT])


def test_prices_wander_without_a_pattern(watched: Watched):
    """Minutes span some basis points; seconds are hardly correlated with those before."""
    middles = [(bid + ask) / 2 for bid, ask in watched.touches[BTC_USDT]]
    seconds = middles[::20]
    spans = [
        (max(part) - min(part)) / part[0] * 1e4
        for part in (middles[at : at + 1_200] for at in range(0, len(middles) - 1_199, 1_200))
    ]
    assert 2 < median(spans) < 25
    moves = [b / a - 1 for a, b in pairwise(seconds)]
    mean = fmean(moves)
    variance = fmean((move - mean) ** 2 for move in moves)
    for lag in (1, 2, 5):
        pairs = zip(moves, moves[lag:], strict=False)
        assert abs(fmean((a - mean) * (b - mean) for a, b in pairs)) < 0.35 * variance
    assert fmean(a != b for a, b in pairwise(middles)) < 0.5  # the touch rests now and then


def test_prices_stay_where_prices_are(watched: Watched):
    """No trade and no level is far from the market, or off the instrument's limits."""
    for i, listing in enumerate(LISTINGS):
        bid, ask = watched.touches[i][-1]
        book = watched.engine.book(i, 200)
        for price, lots in (*book.bids, *book.asks):
            assert 0.95 * bid < price < 1.05 * ask
            assert 1 <= price <= listing.instrument.price_max_ticks
            assert 1 <= lots <= listing.instrument.size_max_lots
    for _, trade in watched.trades:
        prices = [price for touch in watched.touches[trade.instrument_id][:1] for price in touch]
        assert abs(trade.price_ticks / prices[0] - 1) < 0.05


def test_the_triangle_closes(watched: Watched):
    """What ETH-BTC is worth through USDT is within its touch, give or take a tick."""
    bars = zip(*(watched.touches[i] for i in (BTC_USDT, ETH_USDT, ETH_BTC)), strict=True)
    outside = 0
    for (btc_bid, btc_ask), (eth_bid, eth_ask), (bid, ask) in bars:
        implied = (eth_bid + eth_ask) / (btc_bid + btc_ask) * 1e5
        outside += not bid - 1 <= implied <= ask + 1
    assert outside < 0.02 * len(watched.touches[ETH_BTC])


def test_the_dollar_is_tied(watched: Watched):
    """BTC and ETH cost the same in USD and USDT to some basis points, and to each other's basis."""
    bars = zip(*(watched.touches[i] for i in (BTC_USDT, BTC_USD, ETH_USDT, ETH_USD)), strict=True)
    for usdt, usd, eth_usdt, eth_usd in bars:
        btc_basis = sum(usd) / sum(usdt) - 1
        eth_basis = sum(eth_usd) / sum(eth_usdt) - 1
        assert abs(btc_basis) < 12e-4
        assert abs(eth_basis) < 12e-4
    assert abs(btc_basis - eth_basis) < 3e-4


def test_the_mirror_is_exact_without_users(watched: Watched):
    """After five minutes the crowd knows each of its levels to the lot."""
    cursor = watched.market.cursor()
    for i, ladder in enumerate(cursor.ladders):
        assert dict(ladder.bids) == watched.house(i, Side.BUY)
        assert dict(ladder.asks) == watched.house(i, Side.SELL)


@pytest.mark.slow
def test_averages_cross_soon_after_the_opening():
    """The opening is staged: a 10/30 average of seconds turns up within ten seconds of it."""
    crossed = []
    for seed in range(12):
        pit = Pit(Crowd(seed))
        past = [
            candle.close_ticks
            for candle in pit.market.backfill(OPEN_NS - MINUTE_NS, OPEN_NS)
            if candle.instrument_id == BTC_USDT and candle.interval_ns == SECOND_NS
        ]
        pit.turn()
        pit.run(10 * SECOND_NS)
        closes = {}
        for time_ns, trade in pit.trades:
            if trade.instrument_id == BTC_USDT:
                closes[(time_ns - OPEN_NS) // SECOND_NS] = trade.price_ticks
        for second in range(10):
            past.append(closes.get(second, past[-1]))
        apart = [fmean(past[: at + 1][-10:]) - fmean(past[: at + 1][-30:]) for at in range(59, 70)]
        assert apart[0] < 0
        crossed.append(max(apart) > 0)
    assert sum(crossed) >= 10


# -- with users -------------------------------------------------------------------------------


def disturb(pit: Pit, rng: Random) -> None:
    """Let users do something random: take, rest near the touch, cancel everything."""
    for _ in range(rng.randrange(3)):
        i = rng.randrange(6)
        side = rng.choice(tuple(Side))
        lots = max(1, LISTINGS[i].makers.touch_lots * rng.choice((1, 30, 100, 1_000)) // 100)
        book = pit.engine.book(i, 1)
        if not book.bids or not book.asks:
            continue  # a user has just taken it all
        middle = (book.bids[0][0] + book.asks[0][0]) // 2
        match rng.randrange(8):
            case 0 | 1:
                pit.place(i, side, lots * 2)
            case 2:
                pit.cancel_all(USERS[1])
            case _:
                reach = middle // 2_000 + 2
                pit.place(i, side, lots * 2, middle + rng.randrange(-reach, reach), USERS[1])


def minutes_of_users(seed: int, seconds: int) -> Pit:
    """Run a crowd with random users at random ticks, checking the books after each turn."""
    pit, rng = Pit(Crowd(seed)), Random(seed)
    pit.turn()
    end_ns = OPEN_NS + seconds * SECOND_NS
    while pit.now_ns < end_ns:
        pit.turn(pit.now_ns + rng.choice((20, 50, 50, 50, 80, 200)) * 10**6)
        for i in range(6):
            book = pit.engine.book(i, 1)
            assert book.bids, "a side is empty"
            assert book.asks, "a side is empty"
            assert book.bids[0][0] < book.asks[0][0], "crossed"
        disturb(pit, rng)
        if rng.random() < 0.002:
            pit.place(rng.randrange(6), rng.choice(tuple(Side)), 50_000_000)  # everything there is
    assert not any(pit.engine.totals().values())
    return pit


@pytest.mark.slow
def test_users_cannot_break_it():
    """A minute of mad users: never crossed, never empty, money sums to zero."""
    pit = minutes_of_users(1, 60)
    assert len(pit.fills) > 300


@pytest.mark.slow
def test_users_cannot_break_it_in_ten_minutes():
    """The same for ten minutes; what the crowd believes of its levels is nearly right."""
    pit = minutes_of_users(2, 600)
    wrong = total = 0
    for i, ladder in enumerate(pit.market.cursor().ladders):
        for side, levels in ((Side.BUY, ladder.bids), (Side.SELL, ladder.asks)):
            house = pit.house(i, side)
            total += len(house)
            wrong += sum(house.get(price) != lots for price, lots in levels)
    assert wrong < 0.05 * total


@pytest.mark.slow
@pytest.mark.slow
def test_orders_at_the_touch_fill_in_realistic_time():
    """Small orders that join the best bid fill: not all at once, most within half a minute."""
    waits = []
    for seed in range(6):
        pit = Pit(Crowd(seed))
        pit.turn()
        pit.run(15 * SECOND_NS)
        order = pit.place(BTC_USDT, Side.BUY, 1_000, pit.touch(BTC_USDT)[0])
        placed_ns = pit.now_ns
        while pit.now_ns < placed_ns + 120 * SECOND_NS and pit.filled_lots(order) < 1_000:
            pit.run(TICK_NS)
        waits.append((pit.now_ns - placed_ns) / SECOND_NS)
    assert max(waits) > 0.5
    assert median(waits) < 30


@pytest.mark.slow
def test_takers_fill_an_order_in_parts():
    """Orders larger than a taker fill piece by piece, at their own price."""
    parts = []
    for seed in range(3):
        pit = Pit(Crowd(seed))
        pit.turn()
        pit.run(12 * SECOND_NS)
        price = pit.touch(SOL_USDT)[1]
        pit.place(SOL_USDT, Side.SELL, 2_000_000, price)
        pit.run(30 * SECOND_NS)
        parts.append(len(pit.fills))
        assert {fill.price_ticks for _, fill in pit.fills} <= {price}
    assert max(parts) > 3


def test_makers_return_over_a_second_or_two_after_a_sweep():
    """A user who takes two dozen levels finds a wide spread, which closes, but not at once."""
    pit = Pit(Crowd(5))
    pit.turn()
    pit.run(20 * SECOND_NS)
    asks = pit.engine.book(BTC_USDT, 25).asks
    before = pit.touch(BTC_USDT)[1]
    pit.place(BTC_USDT, Side.BUY, sum(lots for _, lots in asks))
    widths = []
    for _ in range(80):
        pit.run(TICK_NS)
        bid, ask = pit.touch(BTC_USDT)
        widths.append(ask - bid)
    assert widths[1] > 100
    assert min(widths[:4]) > 20
    assert min(widths[20:60]) <= 20
    assert pit.touch(BTC_USDT)[1] > before  # a part of the impact stays for a while


def test_impact_reaches_the_other_markets():
    """A large BTC-USDT buy lifts BTC-USD and lowers ETH-BTC, within seconds."""
    quiet, pushed = Pit(Crowd(8)), Pit(Crowd(8))
    for pit in (quiet, pushed):
        pit.turn()
        pit.run(5 * SECOND_NS)
    for _ in range(5):
        pushed.place(BTC_USDT, Side.BUY, 2_000_000)
        for pit in (quiet, pushed):
            pit.run(SECOND_NS)
    assert sum(pushed.touch(BTC_USD)) > sum(quiet.touch(BTC_USD))
    assert sum(pushed.touch(ETH_BTC)) < sum(quiet.touch(ETH_BTC))


# -- pauses and cost --------------------------------------------------------------------------


def test_a_pause_is_bridged_in_one_leap():
    """After hours away: a bounded turn, new books, and candles that join both ends."""
    pit = Pit(Crowd(9))
    pit.turn()
    pit.run(10 * SECOND_NS)
    user = pit.place(BTC_USDT, Side.BUY, 1_000, pit.touch(BTC_USDT)[0] - 500_000)
    stopped_ns, last = pit.now_ns, pit.touch(BTC_USDT)
    now_ns = stopped_ns + 5 * 3_600 * SECOND_NS
    candles = [
        candle
        for candle in pit.market.backfill(stopped_ns, now_ns)
        if candle.instrument_id == BTC_USDT and candle.interval_ns == MINUTE_NS
    ]
    pit.turn(now_ns)
    assert len(pit.commands) < 2_000
    assert abs(candles[0].open_ticks / last[0] - 1) < 2e-4
    bid, ask = pit.touch(BTC_USDT)
    assert bid - 1 <= candles[-1].close_ticks <= ask + 1
    assert abs(bid / last[0] - 1) < 0.06
    assert len(candles) == 301
    pit.run(SECOND_NS)
    assert pit.filled_lots(user) in (0, 1_000)
    assert pit.market.cursor().time_ns == now_ns + SECOND_NS


@pytest.mark.slow
@pytest.mark.slow
def test_a_pause_of_years_is_bounded():
    """Of a long pause only the last week is made up, and the price leaps as over a week."""
    pit = Pit(Crowd(9))
    pit.turn()
    now_ns = OPEN_NS + 3 * 365 * 24 * 3_600 * SECOND_NS
    minutes = sum(
        candle.interval_ns == MINUTE_NS and candle.instrument_id == BTC_USDT
        for candle in pit.market.backfill(OPEN_NS, now_ns)
    )
    assert minutes == 7 * 24 * 60
    before = pit.touch(BTC_USDT)[0]
    pit.turn(now_ns)
    assert 0.8 < pit.touch(BTC_USDT)[0] / before < 1.25


def test_the_past_is_asked_without_effect():
    """Backfill changes nothing: with and without it the market goes on alike."""
    asked, plain = Pit(Crowd(2)), Pit(Crowd(2))
    list(asked.market.backfill(OPEN_NS - MINUTE_NS, OPEN_NS))
    for pit in (asked, plain):
        pit.turn()
        pit.run(2 * SECOND_NS)
    list(asked.market.backfill(OPEN_NS, asked.now_ns + 10**13))
    for pit in (asked, plain):
        pit.run(2 * SECOND_NS)
    assert asked.engine.state_hash() == plain.engine.state_hash()


@pytest.mark.serial
def test_a_tick_costs_little():
    """Crowd and reference engine need well under two milliseconds per tick of six markets."""
    pit = Pit(Crowd(1), kind="reference")
    pit.turn()
    best_s = 9.0
    for _ in range(8):
        begin_s = process_time()
        pit.run(100 * TICK_NS)
        best_s = min(best_s, (process_time() - begin_s) / 100)
    assert best_s < 0.002
