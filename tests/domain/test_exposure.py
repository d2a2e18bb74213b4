"""Parts of what all bots may hold together."""

import pytest

from steelyard.domain.exposure import Claim, Part, decided

UNIT = 10**12
OTHERS = [Part("dip", 3 * UNIT), Part("idle", 0), Part("momo", 5 * UNIT)]


@pytest.mark.parametrize(
    ("atoms", "most", "fits"), [(2, 10, True), (3, 10, False), (3, None, True), (0, 7, False)]
)
def test_a_part_fits_beside_the_others(atoms: int, most: int | None, fits: bool):
    """Up to the limit and not beyond; what is a fact is told whatever the others have."""
    claim = decided(OTHERS, atoms * UNIT, None if most is None else most * UNIT)
    assert claim == Claim(fits, 8 * UNIT, "momo has 5 and dip has 3")


def test_the_largest_are_named():
    """Those that have nothing are not, and of many the rest is added up."""
    assert decided([], 5, 4) == Claim(is_granted=False)
    assert decided([Part("idle", 0)], 4, 4).others == "no other bot has any"
    many = [Part(name, n * UNIT) for n, name in enumerate("abcdef")]
    assert decided(many, 0, 0).others == "f has 5, e has 4, d has 3 and 2 more have 3"
