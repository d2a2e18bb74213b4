"""Double entry: what one gets another gives, and nothing is spent twice."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steelyard.domain.commands import HOUSE, WORLD
from steelyard.domain.ledger import Balance, Ledger

USER, OTHER = 100, 101
BTC, USDT = 1, 2


def funded() -> Ledger:
    ledger = Ledger()
    ledger.move(BTC, WORLD, USER, 10)
    return ledger


def test_a_movement_has_two_ends():
    """What comes in is missing outside."""
    ledger = funded()
    ledger.move(BTC, USER, OTHER, 4)
    assert ledger.balance(USER, BTC) == Balance(6, 0)
    assert ledger.balance(OTHER, BTC) == Balance(4, 0)
    assert ledger.balance(WORLD, BTC) == Balance(-10, 0)
    assert ledger.totals() == {BTC: 0}


def test_a_hold_stays_in_its_account():
    """Atoms go from the free pocket to the held one and back."""
    ledger = funded()
    ledger.hold(USER, BTC, 7)
    assert ledger.balance(USER, BTC) == Balance(3, 7)
    assert ledger.free_atoms(USER, BTC) == 3
    ledger.release(USER, BTC, 2)
    assert ledger.balance(USER, BTC) == Balance(5, 5)
    assert ledger.totals() == {BTC: 0}


def test_nothing_is_not_booked():
    """A balance of zero is absent, so two ledgers of equal balances are equal."""
    ledger = funded()
    ledger.move(BTC, USER, WORLD, 10)
    assert list(ledger) == []
    assert ledger.of(USER) == {}
    assert ledger.totals() == {}
    assert ledger.balance(USER, BTC) == Balance(0, 0)


def test_balances_come_in_order():
    """By account, then by asset: a snapshot is canonical."""
    ledger = Ledger()
    ledger.move(USDT, WORLD, OTHER, 1)
    ledger.move(BTC, WORLD, OTHER, 2)
    ledger.move(BTC, WORLD, USER, 3)
    assert [(account, asset) for account, asset, _ in ledger] == [
        (WORLD, BTC),
        (WORLD, USDT),
        (USER, BTC),
        (OTHER, BTC),
        (OTHER, USDT),
    ]
    assert ledger.of(OTHER) == {USDT: Balance(1, 0), BTC: Balance(2, 0)}


@pytest.mark.parametrize(
    ("act", "message"),
    [
        (lambda ledger: ledger.move(BTC, USER, OTHER, 11), "overdrawn"),
        (lambda ledger: ledger.move(BTC, USER, OTHER, -1), "a movement has a direction"),
        (lambda ledger: ledger.hold(USER, BTC, 11), "overdrawn"),
        (lambda ledger: ledger.hold(USER, BTC, -1), "a hold is not negative"),
        (lambda ledger: ledger.release(USER, BTC, 1), "more released than was held"),
        (lambda ledger: ledger.release(USER, BTC, -1), "a release is not negative"),
    ],
)
def test_what_was_not_allowed_is_our_own_mistake(act, message: str):
    """The ledger asserts; refusing is the engine's business."""
    with pytest.raises(AssertionError, match=message):
        act(funded())


def test_the_world_and_the_house_may_owe():
    """Everybody else may not."""
    ledger = Ledger()
    ledger.move(BTC, HOUSE, USER, 3)
    assert ledger.balance(HOUSE, BTC) == Balance(-3, 0)


AMOUNTS = st.integers(0, 2**100)
ACTS = st.lists(st.tuples(st.sampled_from("mhr"), st.integers(0, 2), st.integers(0, 2), AMOUNTS))


@given(ACTS)
def test_whatever_happens_sums_to_zero(acts: list[tuple[str, int, int, int]]):
    """Any movements that are possible leave every asset's sum at zero."""
    ledger = Ledger()
    for kind, payer, payee, amount in acts:
        free, held = ledger.balance(USER + payer, BTC)
        if kind == "m":
            ledger.move(BTC, WORLD if not free else USER + payer, USER + payee, min(amount, free))
            ledger.move(BTC, WORLD, USER + payee, amount)
        elif kind == "h":
            ledger.hold(USER + payer, BTC, min(amount, free))
        else:
            ledger.release(USER + payer, BTC, min(amount, held))
        assert not any(ledger.totals().values())
        assert all(free >= 0 <= held for account, _, (free, held) in ledger if account >= USER)
