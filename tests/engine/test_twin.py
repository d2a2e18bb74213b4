"""Two engines, one behaviour: the same effects and the same state after every command.

The reference engine has two twins: the native one, where it was built, and itself, restored
again and again from its own snapshot.
"""

from itertools import islice
from random import Random

import pytest
from examples import examples
from hypothesis import given
from hypothesis import strategies as st
from nights import at_night

from steelyard.domain import layout
from steelyard.domain.commands import (
    Accepted,
    Amend,
    Command,
    Effect,
    LevelChanged,
    Place,
    PlaceGroup,
)
from steelyard.domain.errors import UnitError
from steelyard.domain.order import (
    CancelCause,
    GroupKind,
    MarketState,
    OrderType,
    RejectReason,
    Side,
    TimeInForce,
    TransferState,
)
from steelyard.engine import Engine
from steelyard.engine.book import QueueModel
from steelyard.engine.choice import Kind, kinds, new_engine
from steelyard.engine.reference import ReferenceEngine
from tests.engine.workload import (
    ACCOUNTS,
    ASSETS,
    DAY_NS,
    MARKETS,
    START_NS,
    WIDE,
    full_level,
    life,
    opening,
)

MODELS = list(QueueModel)
is_built = pytest.mark.skipif("native" not in kinds(), reason="no native module was built")
ALL = pytest.mark.parametrize("kind", ["reference", pytest.param("native", marks=is_built)])


@ALL
@pytest.mark.parametrize("in_full", [False, True], ids=["short", "in full"])
def test_a_place_by_one_call_is_a_record_and_its_effects(kind, in_full):
    """With its number alone where it did no more than rest, unless it is wanted in full."""
    at_once, by_steps = (new_engine(QueueModel.OPTIMISTIC, kind) for _ in range(2))
    numbers = 0
    for command, now_ns in islice(life(Random(7)), 3_000):
        if not isinstance(command, Place):
            assert at_once.apply(command, now_ns) == by_steps.apply(command, now_ns)
            continue
        record = by_steps.record(command, now_ns)
        expected = by_steps.apply_record(record)
        payload, order_id, effects = at_once.place(b"L", command, now_ns, in_full)
        assert payload == b"L" + record
        if effects is None:
            numbers += 1
            assert [type(effect) for effect in expected] == [Accepted, LevelChanged]
            assert order_id == expected[0].order_id
        else:
            assert (order_id, effects) == (0, expected)
    assert at_once.state_hash() == by_steps.state_hash()
    assert (numbers == 0) is in_full


@ALL
@pytest.mark.parametrize("wide", [2**63, -(2**63) - 1, 10**40])
def test_a_number_that_has_no_place_in_a_record_is_the_callers_fault(kind, wide):
    """Told before anything is carried out, as a refusal that any venue has a word for."""
    engine = new_engine(QueueModel.OPTIMISTIC, kind)
    before = engine.state_hash()
    with pytest.raises(UnitError, match="out of range") as error:
        engine.record(Amend(1, 2, price_ticks=wide, size_lots=None), START_NS)
    assert error.value.reason is RejectReason.AMOUNT_TOO_LARGE
    assert engine.state_hash() == before


class Twins:
    """Both engines, compared after every command."""

    def __init__(self, model: QueueModel, kind: Kind) -> None:
        self.model = model
        self.kind = kind
        self.reference: Engine = ReferenceEngine(model)
        self.twin = new_engine(model, kind)
        self.now_ns = START_NS

    def apply(self, command: Command, now_ns: int | None = None) -> list[Effect]:
        self.now_ns = self.now_ns + 1 if now_ns is None else now_ns
        effects = self.reference.apply(command, self.now_ns)
        answer = self.twin.apply(command, self.now_ns)
        assert answer == effects, command
        assert self.twin.state_hash() == self.reference.state_hash(), command
        assert not any(self.twin.totals().values()), "an asset does not sum to zero"
        return effects

    def check_questions(self) -> None:
        """Compare what is asked seldom: books, balances, rates, snapshots."""
        for instrument_id in self.reference.state.markets:
            for depth in (0, 1, 3, 1_000):
                ours = self.twin.book(instrument_id, depth)
                assert ours == self.reference.book(instrument_id, depth)
        for account_id in (1, 2, 3, 99, *self.reference.state.accounts):
            assert self.twin.balances(account_id) == self.reference.balances(account_id)
        for account_id in self.reference.state.accounts:
            for now_ns in (0, self.now_ns, self.now_ns + 20 * DAY_NS):
                ours = self.twin.rates(account_id, now_ns)
                assert ours == self.reference.rates(account_id, now_ns)
        assert self.twin.totals() == self.reference.totals()
        assert self.twin.snapshot() == self.reference.snapshot()

    def change_hands(self) -> None:
        """Let each engine go on from the other's snapshot."""
        twin, reference = new_engine(self.model, self.kind), ReferenceEngine(self.model)
        twin.restore(self.reference.snapshot())
        reference.restore(self.twin.snapshot())
        assert twin.state_hash() == self.twin.state_hash() == reference.state_hash()
        self.twin = twin
        # The straight run stays straight where the twin is the one that is restored.
        self.reference = reference if self.kind == "native" else self.reference


def live(model: QueueModel, seed: int, count: int, kind: Kind) -> Twins:
    """Run a seeded life of `count` commands."""
    twins = Twins(model, kind)
    every = 100 if kind == "reference" else 1_000
    for number, (command, now_ns) in enumerate(islice(life(Random(seed)), count)):
        twins.apply(command, now_ns)
        if number % every == 0:
            twins.check_questions()
            twins.change_hands()
    twins.check_questions()
    return twins


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, *at_night(1)])
@pytest.mark.parametrize("model", MODELS)
@is_built
def test_seeded_lives_are_the_same(model: QueueModel, seed: int):
    """50,000 random commands give equal effects, equal hashes and balanced books."""
    live(model, 10 * seed + model, 8_400, "native")


@pytest.mark.slow
@pytest.mark.parametrize("model", MODELS)
@ALL
def test_short_lives_are_the_same(model: QueueModel, kind: Kind):
    """As above, for the quick checks; and restore, then replay, is the straight run."""
    live(model, 1_000 + model, 1_200, kind)


@pytest.mark.night
@pytest.mark.timeout(1_800)
@pytest.mark.parametrize("seed", range(7))
@pytest.mark.parametrize("model", MODELS)
@is_built
def test_long_lives_are_the_same(model: QueueModel, seed: int):
    """1,000,000 random commands."""
    live(model, 100 * seed + model, 48_000, "native")


@pytest.mark.slow
@examples(60)
@given(st.randoms(use_true_random=False), st.sampled_from(MODELS), st.integers(1, 60))
@ALL
def test_any_short_life_is_the_same(kind: Kind, random: Random, model: QueueModel, count: int):
    """Hypothesis looks for the shortest life in which the engines differ."""
    twins = Twins(model, kind)
    for command, now_ns in islice(life(random), len(list(opening())) + count):
        twins.apply(command, now_ns)
    twins.change_hands()
    twins.check_questions()


@pytest.mark.slow
@ALL
def test_a_full_level_is_the_same(kind: Kind):
    """What cannot rest because a price takes no more is canceled, wherever it comes from."""
    twins = Twins(QueueModel.PROPORTIONAL, kind)
    causes = [
        getattr(effect, "cause", None)
        for command in full_level()
        for effect in twins.apply(command)
    ]
    assert causes.count(CancelCause.LEVEL_FULL) == 2
    twins.change_hands()
    twins.check_questions()


@pytest.mark.slow
def test_the_workload_reaches_everything():
    """Within 50,000 commands a life meets all that an engine can say."""
    engine = ReferenceEngine()
    told: set[object] = set()
    for command, now_ns in islice(life(Random(3)), 50_000):
        effects = engine.apply(command, now_ns)
        told |= {type(effect) for effect in effects}
        members = [
            member
            for effect in effects
            for name in ("reason", "cause", "state")
            if (member := getattr(effect, name, None)) is not None
        ]
        told |= {f"{type(member).__name__}.{member.name}" for member in members}
        if isinstance(command, PlaceGroup) and RejectReason.GROUP_REFUSED not in members:
            told.add(f"GroupKind.{command.kind.name}")
    # These are found above the engine, and LEVEL_FULL has a life of its own.
    elsewhere = {
        "RejectReason.PRICE_OFF_TICK",
        "RejectReason.SIZE_OFF_LOT",
        "RejectReason.DUPLICATE_CLIENT_ORDER_ID",
        "CancelCause.LEVEL_FULL",
    }
    enums = (RejectReason, CancelCause, MarketState, TransferState, GroupKind)
    expected = {f"{enum.__name__}.{member.name}" for enum in enums for member in enum}
    assert expected - told == elsewhere
    assert {message for message, row in layout.LAYOUT.items() if 100 < row.tag < 200} <= told


@pytest.mark.parametrize("model", MODELS)
@is_built
def test_a_batch_is_its_commands(model: QueueModel):
    """One call with all records answers the bytes of one call per record."""
    batch = [
        layout.encode(command, now_ns) for command, now_ns in islice(life(Random(model)), 2_000)
    ]
    one_by_one, at_once = new_engine(model), new_engine(model)
    answers = [one_by_one.apply_records(record) for record in batch]
    assert at_once.apply_records(b"".join(batch)) == b"".join(answers)
    assert at_once.state_hash() == one_by_one.state_hash()


@pytest.mark.slow
@pytest.mark.parametrize("pages", [10, 2_000])
@ALL
def test_a_wide_book_is_the_same(pages: int, kind: Kind):
    """Hundreds of levels spread over every magnitude of price, taken from the best on."""
    twins = Twins(QueueModel.PROPORTIONAL, kind)
    for command in opening():
        twins.apply(command)
    random = Random(pages)
    for number in range(400):
        bits = random.randrange(1, 53)
        price = min(2**53, 2**bits + random.randrange(min(64 * pages, 2**bits)))
        account_id = ACCOUNTS[number % 2]
        twins.apply(wide_order(account_id, Side.SELL, TimeInForce.GTC, price, 1 + number % 3))
    twins.check_questions()
    for _ in range(100):
        if asks := twins.reference.book(WIDE, 1).asks:
            twins.apply(wide_order(102, Side.BUY, TimeInForce.IOC, asks[0][0], 5))
    twins.check_questions()


def wide_order(account_id, side, time_in_force, price_ticks, size_lots):
    kind = OrderType.LIMIT, time_in_force
    return Place(
        account_id, WIDE, side, *kind, post_only=False, price_ticks=price_ticks, size_lots=size_lots
    )


def test_assets_are_all_in_use():
    """The workload's assets are those of its markets."""
    assert set(ASSETS) == {a for m in MARKETS for a in (m.base_asset_id, m.quote_asset_id)}
