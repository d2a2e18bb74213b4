"""One bot's part of what all hold together: asked for before, told after, not all the time."""

from decimal import Decimal

from steelyard.domain.exposure import Claim, Part, decided
from steelyard.trading.exposure import TELL_NS, Alone, Exposed
from tests.trading.world import CONFIG, hand_world


class Sums:
    """The parts of a few bots, in memory; it notes what it is told."""

    def __init__(self, **others: int) -> None:
        self.others = [Part(name, atoms) for name, atoms in others.items()]
        self.told: list[tuple[int, int | None]] = []

    def claim(self, _quote: str, atoms: int, most_atoms: int | None, _now_ns: int) -> Claim:
        claim = decided(self.others, atoms, most_atoms)
        if claim.is_granted:
            self.told.append((atoms, most_atoms))
        return claim


def test_what_was_taken_and_is_not_needed_is_given_back():
    """At most once in a while, and a price that trembles is not told."""
    sums = Sums()
    exposed = Exposed(sums)
    assert exposed.claim("USDT", 1_000, 5_000, 0).is_granted
    exposed.work("USDT", 995, 0)
    assert sums.told == [(1_000, 5_000)]
    exposed.work("USDT", 500, 0)
    exposed.work("USDT", 0, TELL_NS - 1)
    assert sums.told[1:] == [(500, None)]
    exposed.work("USDT", 0, TELL_NS)
    exposed.work("USDT", 0, 9 * TELL_NS)
    assert sums.told[2:] == [(0, None)]


def test_what_cannot_be_told_is_told_later():
    """The sums were not to be had: it is not believed to be written down."""
    sums = Sums()
    exposed = Exposed(sums)
    real = sums.claim
    sums.claim = lambda *_: Claim(is_granted=False, trouble="x")
    exposed.work("USDT", 500, 0)
    sums.claim = real
    exposed.work("USDT", 500, TELL_NS)
    assert sums.told == [(500, None)]


def test_alone_it_is_its_own_limit():
    assert Alone().claim("USDT", 5, 5, 0).is_granted
    assert not Alone().claim("USDT", 6, 5, 0).is_granted


def world_with(sums: Sums, limit: str):
    config = CONFIG + f'max_gross_exposure = "{limit}"\n'
    return hand_world(
        lambda hand: hand.buy("0.01"),
        lambda hand: hand.buy("0.01"),
        lambda hand: hand.sell("0.005"),
        config=config,
        exposure=sums,
    )


def test_a_bot_asks_before_an_order_and_tells_what_became_of_it():
    """Twice 0.01 at 60,000 is 1,200; another bot has 600 of 1,500."""
    sums = Sums(momo=600 * 10**12)
    world = world_with(sums, "1500")
    world.run(3)
    first, second, third = world.hand.done
    assert third.refusal is None
    assert first.refusal is None
    assert str(second.refusal).startswith("max_gross_exposure is 1500 USDT, with this order and")
    assert "and momo has 600; make it smaller, reduce another bot" in str(second.refusal)
    asked = [most for _, most in sums.told if most is not None]
    assert asked == [1_500 * 10**12]
    atoms, _ = sums.told[-1]
    assert Decimal(atoms).scaleb(-12).quantize(Decimal(1)) == 299, "less the fee in base"
