from itertools import pairwise
from statistics import fmean, median, pstdev

import pytest

from steelyard.exchange.chance import Chance
from steelyard.exchange.fair import (
    BASIS_MAX_E9,
    E9,
    HOUR_NS,
    OPENING_E9,
    STEP_NS,
    STEPS_PER_SECOND,
    FairPrices,
    Weather,
    pace_e2,
    quoted,
    reverted,
    times,
)

START_NS = 1_732_026_600 * E9


def stepped(seed: int, steps: int) -> list[tuple[int, int, int]]:
    """Return the worths of BTC, ETH and SOL after each second."""
    fair, worths = FairPrices(Chance(seed), OPENING_E9), []
    for step in range(steps):
        fair.step(START_NS + step * STEP_NS)
        if step % STEPS_PER_SECOND == 0:
            worths.append((fair.btc_e9, fair.eth_e9, fair.sol_e9))
    return worths


def test_the_hours_join():
    """The pace of the day has no jumps, averages 100 and peaks in the American morning."""
    minutes = [pace_e2(minute * 60 * E9) for minute in range(24 * 60)]
    assert max(abs(a - b) for a, b in zip(minutes, minutes[1:] + minutes[:1], strict=True)) <= 1
    assert 97 <= fmean(minutes) <= 103
    assert 13 * 60 <= minutes.index(max(minutes)) <= 15 * 60
    assert pace_e2(5 * HOUR_NS) == pace_e2(29 * HOUR_NS)


def test_a_state_goes_on_identically():
    """Numbers and chance are the whole state."""
    fair = FairPrices(Chance(5), OPENING_E9)
    for step in range(500):
        fair.step(START_NS + step * STEP_NS)
    other = FairPrices(Chance(0), OPENING_E9)
    other.restore(fair.numbers())
    other.chance.state = fair.chance.state
    for step in range(500, 700):
        assert fair.step(START_NS + step * STEP_NS) == other.step(START_NS + step * STEP_NS)
    assert fair.numbers() == other.numbers()


@pytest.mark.slow
def test_bitcoin_moves_as_it_does_on_a_quiet_day():
    """A second's move is a fraction of a basis point, and the three move together."""
    worths = stepped(3, 20 * 1_800)
    moves = [[(b[at] - a[at]) / a[at] * 1e4 for a, b in pairwise(worths)] for at in range(3)]
    assert 0.12 < pstdev(moves[0]) < 0.8
    assert pstdev(moves[2]) > pstdev(moves[0])
    together = fmean(a * b for a, b in zip(moves[0], moves[1], strict=True))
    assert 0.5 < together / (pstdev(moves[0]) * pstdev(moves[1])) < 0.99


@pytest.mark.slow
def test_volatility_clusters():
    """The size of moves persists: absolute returns of neighbor ten seconds are correlated."""
    worths = [w[0] for w in stepped(11, 20 * 3_600)][::10]
    sizes = [abs(b - a) for a, b in pairwise(worths)]
    sizes = [min(size, 5 * median(sizes)) for size in sizes]  # a jump is not a cluster
    mean = fmean(sizes)
    pairs = fmean((a - mean) * (b - mean) for a, b in pairwise(sizes))
    assert pairs / pstdev(sizes) ** 2 > 0.08


def test_reversion_keeps_its_deviation():
    """A reverted value strays by its sigma, however coarse the steps."""
    for steps in (1, 7, 100):
        chance, value, seen = Chance(steps), 0, []
        for _ in range(20_000):
            value = reverted(value, 50, 10_000, chance, steps)
            seen.append(value)
        assert pstdev(seen) == pytest.approx(10_000, rel=0.15)
        assert abs(fmean(seen)) < 1_500


def test_quotients_close_the_triangle():
    """ETH-BTC times BTC is ETH, and the dollar pairs differ by the basis alone."""
    btc, eth, _, eth_btc, btc_usd, eth_usd = quoted(*OPENING_E9, 150_000)
    assert eth_btc * btc // E9 == pytest.approx(eth, rel=1e-6)
    assert btc_usd - btc == btc * 150_000 // E9
    assert eth_usd - eth == eth * 150_000 // E9


def test_worths_stay_in_their_range():
    """No push, however often, moves a price out of a sixteenth to sixteen times its opening."""
    fair = FairPrices(Chance(1), OPENING_E9)
    for _ in range(400):
        fair.nudge(0, 30_000_000)
        fair.nudge(1, -30_000_000)
    assert fair.btc_e9 == 16 * OPENING_E9[0]
    assert fair.eth_e9 == OPENING_E9[1] // 16
    assert fair.sol_e9 == OPENING_E9[2]


def test_the_dollar_stays_tied():
    """However long it goes on, USDT is worth a dollar within the bound."""
    fair = FairPrices(Chance(4), OPENING_E9)
    fair.basis_e9 = 5 * BASIS_MAX_E9
    fair.step(START_NS)
    assert abs(fair.basis_e9) <= BASIS_MAX_E9


@pytest.mark.slow
def test_jumps_happen_and_stir_the_weather():
    """About every second minute, and volatility flares after it."""
    chance, weather, jumps = Chance(8), Weather(), 0
    for _ in range(20 * 3_600):
        weather.step(chance)
        before = weather.flare_e16
        if weather.moves(chance, 100, 223_607).is_jump:
            jumps += 1
            assert weather.flare_e16 > before or before == weather.flare_e16 > 100_000
    assert 12 < jumps < 50


def test_times_is_relative():
    """Ten basis points on 61,000 are 61."""
    assert times(61_000 * E9, 1_000_000) == 61_061 * E9
