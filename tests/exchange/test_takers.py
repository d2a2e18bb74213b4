from statistics import fmean, pvariance

import pytest

from steelyard.domain.order import Side
from steelyard.exchange.chance import ONE_E16, Chance
from steelyard.exchange.takers import EXCITED_E2, STAYS_E2, Appetite, Takers

APPETITE = Appetite(rate_e3=1_000, median_lots=1_000, impact_e9=10_000)


def made(seed: int = 1) -> Takers:
    return Takers(APPETITE, Chance(seed))


def arrivals(takers: Takers, seconds: int) -> list[int]:
    """Return how many takers come in each second."""
    counts = []
    for _ in range(seconds):
        count = 0
        for _ in range(20):
            takers.fade()
            coming = takers.coming(ONE_E16)
            for _ in range(coming):
                takers.excite()
            count += coming
        counts.append(count)
    return counts


def test_takers_come_in_bursts():
    """The counts per second vary far more than those of a Poisson process of their mean."""
    counts = arrivals(made(), 3_000)
    assert pvariance(counts) > 2 * fmean(counts)


def test_the_rate_is_what_the_feedback_makes_of_it():
    """Those that come by themselves bring the others: within a third of the stated multiple."""
    mean = fmean(arrivals(made(2), 6_000))
    assert mean == pytest.approx(EXCITED_E2 / 100 * APPETITE.rate_e3 / 1_000, rel=0.33)


def test_excitement_is_bounded():
    """However much news there is, a step has at most four takers, and it ebbs."""
    takers = made()
    for _ in range(1_000):
        takers.excite(is_news=True)
    assert max(takers.coming(100 * ONE_E16) for _ in range(200)) <= 4
    for _ in range(800):
        takers.fade()
    assert takers.excited_e8 >> 8 < 2


def test_both_sides_are_wanted_equally():
    """Without a trend, as many takers buy as sell; sizes have the stated median."""
    takers = made(3)
    takers.watch(6_000_000)
    wishes = [takers.wish(6_000_000 + (-1) ** n) for n in range(4_000)]
    assert 0.45 < fmean(side is Side.BUY for side, _ in wishes) < 0.55
    sizes = sorted(size for _, size in wishes)
    assert sizes[2_000] == pytest.approx(APPETITE.median_lots, rel=0.1)
    assert sizes[0] >= 1
    assert sizes[-1] > 40 * APPETITE.median_lots


@pytest.mark.parametrize(("quick", "slow", "buys"), [(-1_000, 0, True), (0, -1_000, False)])
def test_some_follow_and_some_resist(quick: int, slow: int, buys: bool):
    """Above the quick average momentum buys; above the slow one reversion sells."""
    takers, wanted = made(5), []
    for _ in range(4_000):
        takers.quick = 6_000_000 + quick if quick else 0
        takers.slow = 6_000_000 + slow if slow else 0
        wanted.append(takers.wish(6_000_000)[0] is Side.BUY)
    assert (fmean(wanted) > 0.55) is buys
    assert (fmean(wanted) < 0.45) is not buys


def test_impact_fades_and_a_part_stays():
    """A buy raises the makers at once, and leaves the stated share for good."""
    takers = made()
    stays = takers.press(Side.BUY, 10_000)
    assert stays == 100_000 * STAYS_E2 // 100
    pushes = [takers.push_e9()]
    for _ in range(2_000):
        takers.fade()
        pushes.append(takers.push_e9())
    assert pushes[0] == 85_000
    assert pushes == sorted(pushes, reverse=True)
    assert pushes[40] < pushes[0] // 2
    assert pushes[-1] < pushes[0] // 20


def test_impact_is_symmetric_and_concave():
    """A sell mirrors a buy; a hundredfold order has far less than a hundredfold impact."""
    up, down, whale = made(), made(), made()
    up.press(Side.BUY, 60_000)
    down.press(Side.SELL, 60_000)
    whale.press(Side.BUY, 6_000_000)
    assert up.push_e9() == -down.push_e9()
    assert whale.push_e9() == pytest.approx(10 * up.push_e9(), rel=0.01)


def test_a_push_is_bounded():
    """No flow shifts the makers by more than three percent."""
    takers = made()
    for _ in range(1_000):
        takers.press(Side.SELL, 10**9)
    assert takers.push_e9() == -30_000_000


def test_a_state_goes_on_identically():
    """The numbers are the whole state."""
    takers = made(9)
    takers.press(Side.BUY, 5_000)
    takers.watch(123_456)
    arrivals(takers, 20)
    other = made(0)
    other.restore(takers.numbers())
    other.chance.state = takers.chance.state
    assert arrivals(takers, 20) == arrivals(other, 20)
    assert takers.wish(123_000) == other.wish(123_000)
    assert takers.numbers() == other.numbers()
