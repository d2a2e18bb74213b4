from collections import Counter
from decimal import Decimal, localcontext
from statistics import fmean, pstdev

import pytest

from steelyard.exchange.chance import NORMAL_SIGMA, ONE_E16, Chance, exp2_e16, log2_e16, mixed


def test_the_generator_is_splitmix64():
    """The published first outputs for seed 0, so nobody changes the numbers by accident."""
    chance = Chance(0)
    assert [chance.word() for _ in range(3)] == [
        0xE220A8397B1DCDAF,
        0x6E789E6AA1B965F4,
        0x06C45D188009454F,
    ]


def test_the_state_is_all_there_is():
    """A stream goes on from its state."""
    chance = Chance(7)
    [chance.word() for _ in range(10)]
    other = Chance(chance.state)
    assert [chance.normal() for _ in range(20)] == [other.normal() for _ in range(20)]


def test_normal_is_nearly_normal():
    """Mean, deviation and the usual share within one and two deviations."""
    chance = Chance(1)
    drawn = [chance.normal() for _ in range(20_000)]
    assert abs(fmean(drawn)) < 0.03 * NORMAL_SIGMA
    assert pstdev(drawn) == pytest.approx(NORMAL_SIGMA, rel=0.02)
    within = [fmean(abs(x) < n * NORMAL_SIGMA for x in drawn) for n in (1, 2)]
    assert within == pytest.approx([0.683, 0.954], abs=0.02)


def test_below_is_even():
    """Every number below the limit comes about equally often, the limit never."""
    chance = Chance(2)
    counts = Counter(chance.below(10) for _ in range(20_000))
    assert sorted(counts) == list(range(10))
    assert all(1_800 < count < 2_200 for count in counts.values())


def test_lognormal_has_its_median():
    """Half are below the median; a deviation of 1024 doubles or halves."""
    chance = Chance(3)
    drawn = sorted(chance.lognormal(1_000_000, 1_024) for _ in range(20_000))
    assert drawn[10_000] == pytest.approx(1_000_000, rel=0.05)
    assert drawn[16_830] == pytest.approx(2_000_000, rel=0.1)
    assert drawn[3_170] == pytest.approx(500_000, rel=0.1)


@pytest.mark.parametrize("number", [1, 2, 3, 7, 1_000, 61_000, 10**12 + 7])
def test_powers_and_logarithms_agree_with_exact_ones(number: int):
    """To a hundredth of a doubling, both ways."""
    with localcontext() as context:
        context.prec = 30
        exact = Decimal(number).ln() / Decimal(2).ln() * ONE_E16
    assert log2_e16(number) == pytest.approx(int(exact), abs=0.01 * ONE_E16)
    assert exp2_e16(int(exact)) == pytest.approx(number * ONE_E16, rel=0.003)


def test_powers_of_negative_numbers_are_small():
    """Two to the minus one is a half."""
    assert exp2_e16(-ONE_E16) == ONE_E16 // 2


def test_mixing_minds_every_number_and_their_order():
    """Seeds of neighbors, and of the same numbers in another order, are unrelated."""
    seeds = {mixed(a, b) for a in range(20) for b in range(20)}
    assert len(seeds) == 400
    assert mixed(1, 2) != mixed(2, 1)
