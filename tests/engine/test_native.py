"""The border to the native engine; what it does is in the tables and with its twin."""

import re
import struct
import threading
from itertools import islice
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from steelyard.domain import layout
from steelyard.domain.commands import Deposit, OpenAccount, Place, Rejected
from steelyard.domain.errors import DecodeError
from steelyard.domain.ledger import Balance
from steelyard.domain.order import OrderType, Side, TimeInForce
from steelyard.engine.book import QueueModel
from steelyard.engine.reference import ReferenceEngine
from tests.domain.test_layout import messages
from tests.engine.samples import NOW_NS, SAMPLES
from tests.engine.workload import Workload, opening

native = pytest.importorskip("steelyard.engine.native", reason="no native module was built")
_native = pytest.importorskip("steelyard._native")


def encoded(*, commands: bool) -> list[bytes]:
    tags = range(1, 100) if commands else range(100, 300)
    return [layout.encode(it, NOW_NS) for it in SAMPLES if layout.LAYOUT[type(it)].tag in tags]


COMMANDS, OTHERS = encoded(commands=True), encoded(commands=False)


def funded():
    engine = native.NativeEngine()
    for command in opening():
        engine.apply(command, 0)
    return engine


def test_amounts_of_any_size_cross_the_border():
    """128 bits go in and come out, negative ones too."""
    engine = native.NativeEngine()
    engine.apply(OpenAccount(100, 0, 0), 0)
    engine.apply(Deposit(100, 4_000_000_000, 10**34), 0)
    assert engine.balances(100) == {4_000_000_000: Balance(10**34, 0)}
    assert engine.balances(1) == {4_000_000_000: Balance(-(10**34), 0)}
    assert engine.totals() == {4_000_000_000: 0}
    assert type(engine.balances(100)[4_000_000_000]) is Balance


def outcome(decode, record):
    """Return what a decoder makes of bytes: the message, or what it says of them."""
    try:
        return decode(record, 0)
    except DecodeError as error:
        return str(error)


def test_every_record_is_decoded_as_in_python():
    """The native decoder is the layout's, with types and all; lists and groups included."""
    records = [layout.encode(sample, NOW_NS) for sample in SAMPLES]
    for sample, record in zip(SAMPLES, records, strict=True):
        found = native.DECODER.decode(record)
        assert found == layout.decode(record)
        assert found[0] == sample
        told = [type(getattr(found[0], name)) for name in sample.__struct_fields__]
        assert told == [type(getattr(sample, name)) for name in sample.__struct_fields__]
    assert native.DECODER.decode_all(b"".join(records)) == [*SAMPLES]
    assert native.DECODER.decode(records[0] + records[1], len(records[0]))[0] == SAMPLES[1]


@given(st.sampled_from(SAMPLES), st.data())
def test_what_is_no_record_is_refused_as_in_python(sample, data):
    """Wherever bytes are changed or missing, both decoders say the same."""
    record = bytearray(layout.encode(sample, NOW_NS))
    for _ in range(data.draw(st.integers(1, 3))):
        record[data.draw(st.integers(0, len(record) - 1))] = data.draw(st.integers(0, 255))
    cut = bytes(record[: data.draw(st.integers(0, len(record)))])
    for changed in (bytes(record), cut):
        assert outcome(native.DECODER.decode, changed) == outcome(layout.decode, changed)


@pytest.mark.parametrize("record", COMMANDS, ids=range(len(COMMANDS)))
def test_a_record_does_what_its_command_does(record):
    """A journal's bytes need not be encoded again, in either engine."""
    command, now_ns, _ = layout.decode(record)
    by_record, by_command, reference = (*(funded() for _ in range(2)), ReferenceEngine())
    for each in opening():
        reference.apply(each, 0)
    effects = by_command.apply(command, now_ns)
    assert by_record.apply_record(record) == reference.apply_record(record) == effects
    assert by_record.state_hash() == by_command.state_hash() == reference.state_hash()


WITH_FIELDS = [command for command in COMMANDS if len(command) > 16]  # AdvanceTime has none


def test_no_command_is_no_effect():
    """An empty batch is a batch."""
    assert native.NativeEngine().apply_records(b"") == b""


@pytest.mark.parametrize("model", [0, 4, 255])
def test_a_queue_model_is_one_of_three(model: int):
    """The rest is refused when the engine is made."""
    with pytest.raises(ValueError, match=f"^queue model {model} is not 1, 2 or 3$"):
        _native.Engine(model)


@pytest.mark.parametrize("record", OTHERS)
def test_only_commands_are_commands(record: bytes):
    """Effects and states have tags of their own, and those are not carried out."""
    with pytest.raises(DecodeError, match=r"^record at 0 has unknown tag \d+ of size \d+$"):
        native.NativeEngine().apply_records(record)


def test_a_bad_batch_changes_nothing():
    """The offset of the bad record is told, and the good ones before it were not carried out."""
    engine = funded()
    before = engine.state_hash()
    good = layout.encode(Deposit(100, 1, 5), 0)
    with pytest.raises(DecodeError, match=r"^record at 80 is cut short$"):
        engine.apply_records(good * 2 + good[:-1])
    assert engine.state_hash() == before
    assert engine.apply(Deposit(100, 1, 5), 0) != []


@given(st.binary(max_size=200))
def test_garbage_is_a_value_error(garbage: bytes):
    """Any bytes are commands or a ValueError, and the engine goes on."""
    engine = _native.Engine(2)
    for method in (engine.apply, engine.restore):
        try:
            method(garbage)
        except ValueError:
            assert engine.totals() == []


@given(st.sampled_from(COMMANDS), st.integers(0, 200), st.integers(0, 255))
def test_both_sides_read_alike(command: bytes, at: int, byte: int):
    """What Python can decode Rust can, and what one refuses the other does, in the same words."""
    damaged = bytearray(command)
    damaged[at % len(damaged)] = byte
    assert answer_of(decode_command, bytes(damaged)) == answer_of(
        native.NativeEngine().apply_records, bytes(damaged)
    )


def decode_command(record: bytes) -> None:
    """Decode a record as the engine does: effects and states are no commands."""
    tag, size = struct.unpack_from("<HH", record)
    if tag > 100:
        raise DecodeError(f"record at 0 has unknown tag {tag} of size {size}")
    layout.decode(record)


def answer_of(read, record: bytes) -> str | None:
    """Return why a record is refused, or None."""
    try:
        read(record)
    except DecodeError as error:
        return str(error)
    return None


@given(st.randoms(use_true_random=False), st.integers(0, 200))
def test_numbers_of_any_size_are_refused_and_not_fallen_over(random: Random, count: int):
    """Commands with random numbers in every field leave the books balanced."""
    engine = funded()
    for _ in range(count % 20):
        command = bytearray(random.choice(WITH_FIELDS))
        for _ in range(random.randrange(1, 12)):
            command[16 + random.randrange(len(command) - 16)] = random.choice([0, 1, 100, 255])
        try:
            effects = engine.apply_records(bytes(command))
        except DecodeError:
            continue
        list(layout.decode_all(effects))
    assert not any(engine.totals().values())


def test_only_bytes_are_records():
    """A memory that may change under the engine's hands is not taken."""
    with pytest.raises(TypeError):
        _native.Engine(2).apply(bytearray(COMMANDS[0]))


def test_a_failed_restore_leaves_the_engine_as_it_was():
    """A snapshot is taken in whole or not at all."""
    engine = funded()
    before = engine.snapshot()
    with pytest.raises(
        DecodeError, match=r"^snapshot at \d+: it is not what an engine would write$"
    ):
        engine.restore(before[:-32])
    assert engine.snapshot() == before


def test_a_restore_replaces_what_was_there():
    """Also an engine that has lived takes a snapshot."""
    engine = funded()
    engine.restore(native.NativeEngine().snapshot())
    assert engine.state_hash() == native.NativeEngine().state_hash()
    assert engine.balances(100) == {}


def test_a_long_batch_lets_others_run():
    """While one thread replays, another one gets on; asking the busy engine is an error."""
    workload = Workload(Random(6))
    life = [*opening(), *islice(iter(workload.command, None), 3_000)]
    batch = b"".join(layout.encode(command, 0) for command in life)
    engine = native.NativeEngine()
    done = threading.Event()
    outcomes = set()

    def ask():
        while not done.is_set():
            try:
                engine.state_hash()
                outcomes.add("answered")
            except RuntimeError:
                outcomes.add("busy")

    asking = threading.Thread(target=ask)
    asking.start()
    answer = b""
    for _ in range(20):
        try:
            answer = engine.apply_records(batch)
        except RuntimeError:
            outcomes.add("busy")
    done.set()
    asking.join(timeout=60)
    assert not asking.is_alive()
    assert outcomes <= {"answered", "busy"}
    assert answer


def test_an_engine_that_fell_over_says_so_until_it_is_restored():
    """Overflow stops it in the middle of a command: an exception now, and no answers later."""
    engine = funded()
    before = engine.snapshot()
    counters = layout.encode(layout.CounterState(2**64 - 1, 1, 1), 0)
    engine.restore(before[: -len(counters)] + counters)
    place = next(sample for sample in SAMPLES if isinstance(sample, Place))
    with pytest.raises(BaseException, match="attempt to add with overflow") as error:
        engine.apply(place, 0)
    assert type(error.value).__name__ == "PanicException"
    for ask in (engine.state_hash, engine.snapshot, engine.totals):
        with pytest.raises(RuntimeError, match="restore it from a snapshot"):
            ask()
    with pytest.raises(RuntimeError, match="the engine stopped in the middle of a command"):
        engine.apply(Deposit(100, 1, 1), 0)
    engine.restore(before)
    assert engine.snapshot() == before
    assert engine.apply(Deposit(100, 1, 1), 0)


def test_the_queue_model_outlives_a_restore():
    """It is the engine's, not the state's."""
    engine = native.NativeEngine(QueueModel.OPTIMISTIC)
    engine.restore(funded().snapshot())
    assert engine.queue_model is QueueModel.OPTIMISTIC


def test_a_refusal_is_an_effect_and_not_an_error():
    """The caller gets a value."""
    effects = native.NativeEngine().apply(Deposit(100, 1, 1), 0)
    assert [type(effect) for effect in effects] == [Rejected]


@given(st.sampled_from(list(layout.LAYOUT)).flatmap(messages), st.integers(-(2**63), 2**63 - 1))
def test_every_message_is_encoded_as_in_python(message, now_ns):
    """The native encoder is the layout's, whatever the numbers are; lists and groups included."""
    assert native.ENCODER.encode(message, now_ns) == layout.encode(message, now_ns)


@pytest.mark.parametrize(
    "changes",
    [
        {"price_ticks": -1},
        {"price_ticks": 2**63},
        {"size_lots": -(2**63) - 1},
        {"account_id": -1},
        {"account_id": 2**32},
        {"side": 300},
        {"size_lots": None},
        {"client_order_id": "x" * 41},
        {"client_order_id": "\u00e9"},
        {"display_lots": -1},
    ],
)
def test_what_cannot_be_written_is_refused_as_in_python(changes):
    """A value that does not fit its field raises what the layout raises."""
    plain = Place(
        100, 0, Side.BUY, OrderType.LIMIT, TimeInForce.GTC, post_only=False,
        price_ticks=1, size_lots=1,
    )  # fmt: skip
    wrong = replace(plain, **changes)
    with pytest.raises(Exception) as expected:  # noqa: PT011 whatever it is
        layout.encode(wrong, NOW_NS)
    with pytest.raises(expected.type, match=re.escape(str(expected.value))):
        native.ENCODER.encode(wrong, NOW_NS)


@pytest.mark.parametrize("engine", [ReferenceEngine, native.NativeEngine])
def test_an_engine_says_what_a_commands_record_is(engine):
    """The record that an engine takes is the journal's."""
    for record in COMMANDS:
        command, now_ns, _ = layout.decode(record)
        assert engine().record(command, now_ns) == record
