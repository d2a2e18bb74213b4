"""The bytes of every record, written down once: what is in a journal stays readable.

`golden/records.txt` has a line `name now_ns hex` for each sample (the short form of a Place is
called PlainPlace, a form with an activation_direction Directed...); `rust/engine/src/golden.rs`
reads the same files. A new record adds the line that its failing test shows; no line changes.
`golden/life.txt` is a life of an engine: its commands, then its snapshot and hash behind them.
"""

from pathlib import Path
from typing import get_args

import pytest

from steelyard.domain import layout
from steelyard.domain.commands import Command
from steelyard.engine.choice import Kind, kinds, new_engine
from tests.engine.samples import NOW_NS, SAMPLES, name_of

GOLDEN = Path(__file__).parent / "golden"
RECORDS = {
    name: (int(now_ns), bytes.fromhex(record))
    for name, now_ns, record in map(str.split, (GOLDEN / "records.txt").read_text().splitlines())
}
LIFE = [line.split() for line in (GOLDEN / "life.txt").read_text().splitlines()]
SNAPSHOT = dict(map(str.split, (GOLDEN / "snapshot.txt").read_text().splitlines()))


@pytest.mark.parametrize("sample", SAMPLES, ids=name_of)
def test_a_sample_is_its_bytes(sample):
    """Encoding gives the recorded bytes, decoding gives the sample back."""
    name = name_of(sample)
    record = layout.encode(sample, NOW_NS)
    line = f"{name} {NOW_NS} {record.hex()}"
    assert RECORDS.get(name) == (NOW_NS, record), f"for a new record: {line}"
    now_ns = NOW_NS if type(sample) in get_args(Command) else 0
    assert layout.decode(record) == (sample, now_ns, len(record))


def test_every_record_has_a_sample():
    """No row of the layout is without bytes, no bytes without a row."""
    others = {"PlainPlace", "DirectedPlace", "DirectedWaitingState"}
    rows = {message.__name__ for message in layout.LAYOUT} | others
    assert rows == set(RECORDS) == {name_of(sample) for sample in SAMPLES}


@pytest.mark.parametrize("kind", kinds())
def test_a_state_is_its_bytes_and_its_hash(kind: Kind):
    """The recorded snapshot has every kind of record; both engines take it in and tell it."""
    snapshot = bytes.fromhex(SNAPSHOT["snapshot"])
    written = {type(record) for record in layout.decode_all(snapshot)}
    assert written >= {row for row, layout_ in layout.LAYOUT.items() if layout_.tag > 200}
    engine = new_engine(kind=kind)
    engine.restore(snapshot)
    assert engine.snapshot() == snapshot
    assert engine.state_hash() == int(SNAPSHOT["hash"])


@pytest.mark.parametrize("kind", kinds())
def test_a_recorded_life_ends_as_it_did(kind: Kind):
    """Commands written before there was an activation_direction lead where they led then."""
    commands = [bytes.fromhex(value) for name, value in LIFE if name == "command"]
    recorded = {name: value for name, value in LIFE if name != "command"}
    engine = new_engine(kind=kind)
    for record in commands:
        command, now_ns, _ = layout.decode(record)
        assert layout.encode(command, now_ns) == record
        engine.apply(command, now_ns)
    assert engine.snapshot().hex() == recorded["snapshot"]
    assert engine.state_hash() == int(recorded["hash"])
    again = new_engine(kind=kind)
    again.restore(bytes.fromhex(recorded["snapshot"]))
    assert again.state_hash() == engine.state_hash()


def test_the_recorded_life_has_trailing_stops_on_either_side_of_their_activation():
    """Of sells and buys: some have begun to follow, some wait to."""
    snapshot = next(value for name, value in LIFE if name == "snapshot")
    found = {
        (record.side, record.best_ticks != 0)
        for record in layout.decode_all(bytes.fromhex(snapshot))
        if isinstance(record, layout.WaitingState) and record.activation_ticks is not None
    }
    assert len(found) == 4
