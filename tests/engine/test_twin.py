"""Two engines, one behaviour: the same effects and the same state after every command."""

from itertools import chain, islice
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from steelyard.domain import layout
from steelyard.domain.commands import Command, Place
from steelyard.domain.order import OrderType, RejectReason, Side, TimeInForce
from steelyard.engine import Engine
from steelyard.engine.book import QueueModel
from steelyard.engine.reference import ReferenceEngine
from tests.engine.workload import ASSETS, MARKETS, WIDE, Workload, opening

native = pytest.importorskip("steelyard.engine.native", reason="no native module was built")

MODELS = list(QueueModel)


def commands(random: Random):
    """Return the endless life of a small exchange."""
    workload = Workload(random)
    return chain(opening(), iter(workload.command, None))


class Twins:
    """Both engines, compared after every command."""

    def __init__(self, model: QueueModel):
        self.reference: Engine = ReferenceEngine(model)
        self.native = native.NativeEngine(model)
        self.now_ns = 0

    def apply(self, command: Command):
        self.now_ns += 1
        effects = self.reference.apply(command, self.now_ns)
        expected = b"".join(layout.encode(effect, self.now_ns) for effect in effects)
        answer = self.native.apply_records(layout.encode(command, self.now_ns))
        assert answer == expected, (command, effects, list(layout.decode_all(answer)))
        assert self.native.state_hash() == self.reference.state_hash(), command
        self.check_invariants()
        return effects

    def check_invariants(self):
        assert not any(self.native.totals().values()), "an asset does not sum to zero"
        for market in MARKETS:
            if market.instrument_id in self.listed:
                bids, asks = self.native.book(market.instrument_id, 1)
                assert not bids or not asks or bids[0][0] < asks[0][0], "the book is crossed"

    @property
    def listed(self):
        return self.reference.books

    def check_questions(self):
        """Compare what is asked seldom: books, balances, totals, snapshots."""
        for instrument_id in self.listed:
            for depth in (0, 1, 3, 1_000):
                ours = self.native.book(instrument_id, depth)
                assert ours == self.reference.book(instrument_id, depth)
        for account_id in (1, 2, 3, 99, *self.reference.rates):
            assert self.native.balances(account_id) == self.reference.balances(account_id)
        assert self.native.totals() == self.reference.totals()
        assert self.native.snapshot() == self.reference.snapshot()


def live(model: QueueModel, seed: int, count: int) -> Twins:
    """Run a seeded life of `count` commands."""
    twins = Twins(model)
    for number, command in enumerate(islice(commands(Random(seed)), count)):
        twins.apply(command)
        if number % 500 == 0:
            twins.check_questions()
    twins.check_questions()
    return twins


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("model", MODELS)
def test_seeded_lives_are_the_same(model: QueueModel, seed: int):
    """50,000 random commands give equal effects, equal hashes and balanced books."""
    live(model, 10 * seed + model, 8_400)


@pytest.mark.parametrize("model", MODELS)
def test_short_lives_are_the_same(model: QueueModel):
    """As above, for the quick checks."""
    live(model, 1_000 + model, 1_500)


@pytest.mark.night
@pytest.mark.parametrize("seed", range(7))
@pytest.mark.parametrize("model", MODELS)
def test_long_lives_are_the_same(model: QueueModel, seed: int):
    """1,000,000 random commands."""
    live(model, 100 * seed + model, 48_000)


@settings(max_examples=60)
@given(st.randoms(use_true_random=False), st.sampled_from(MODELS), st.integers(1, 60))
def test_any_short_life_is_the_same(random: Random, model: QueueModel, count: int):
    """Hypothesis looks for the shortest life in which the engines differ."""
    opened = list(opening())
    twins = Twins(model)
    for command in islice(commands(random), len(opened) + count):
        twins.apply(command)
    twins.check_questions()


def test_the_workload_reaches_everything():
    """A life meets every effect and every refusal that an engine gives."""
    engine = ReferenceEngine()
    seen = set()
    for now_ns, command in enumerate(islice(commands(Random(3)), 6_000)):
        for effect in engine.apply(command, now_ns):
            seen.add(type(effect).__name__)
            seen.add(getattr(effect, "reason", None))
            seen.add(getattr(effect, "cause", None))
    above = {
        RejectReason.PRICE_OFF_TICK,
        RejectReason.SIZE_OFF_LOT,
        RejectReason.DUPLICATE_CLIENT_ORDER_ID,
    }
    effects = {message.__name__ for message, row in layout.LAYOUT.items() if 100 < row.tag < 200}
    assert (set(RejectReason) - above | effects) <= seen


@pytest.mark.parametrize("model", MODELS)
def test_a_batch_is_its_commands(model: QueueModel):
    """One call with all records answers the bytes of one call per record."""
    batch = [
        layout.encode(command, now_ns)
        for now_ns, command in enumerate(islice(commands(Random(model)), 2_000))
    ]
    one_by_one, at_once = native.NativeEngine(model), native.NativeEngine(model)
    answers = [one_by_one.apply_records(record) for record in batch]
    assert at_once.apply_records(b"".join(batch)) == b"".join(answers)
    assert at_once.state_hash() == one_by_one.state_hash()


@pytest.mark.parametrize("model", MODELS)
def test_a_snapshot_changes_hands(model: QueueModel):
    """Each engine goes on from the other's snapshot as if it had lived that life itself."""
    life = commands(Random(50 + model))
    twins = Twins(model)
    for command in islice(life, 400):
        twins.apply(command)
    for _ in range(8):
        native_next, reference_next = native.NativeEngine(model), ReferenceEngine(model)
        native_next.restore(twins.reference.snapshot())
        reference_next.restore(twins.native.snapshot())
        assert native_next.state_hash() == twins.native.state_hash()
        twins.native, twins.reference = native_next, reference_next
        for command in islice(life, 100):
            twins.apply(command)
        twins.check_questions()


@pytest.mark.parametrize("pages", [10, 2_000])
def test_a_wide_book_is_the_same(pages: int):
    """Hundreds of levels spread over every magnitude of price, taken from the best on."""
    twins = Twins(QueueModel.PROPORTIONAL)
    for command in opening():
        twins.apply(command)
    random = Random(pages)
    for number in range(400):
        bits = random.randrange(1, 53)
        price = min(2**53, 2**bits + random.randrange(min(64 * pages, 2**bits)))
        twins.apply(wide_order(100, Side.SELL, TimeInForce.GTC, price, 1 + number % 3))
    twins.check_questions()
    for _ in range(100):
        best = twins.reference.book(WIDE, 1).asks[0][0]
        twins.apply(wide_order(101, Side.BUY, TimeInForce.IOC, best, 5))
    twins.check_questions()


def wide_order(account_id, side, time_in_force, price_ticks, size_lots):
    kind = OrderType.LIMIT, time_in_force
    return Place(
        account_id, WIDE, side, *kind, post_only=False, price_ticks=price_ticks, size_lots=size_lots
    )


def test_assets_are_all_in_use():
    """The workload's assets are those of its markets."""
    assert set(ASSETS) == {a for m in MARKETS for a in (m.base_asset_id, m.quote_asset_id)}
