"""The bytes of every record, written down once: what is in a journal stays readable.

`golden/records.txt` has a line `name now_ns hex` for each sample; `rust/engine/src/golden.rs`
reads the same files. A new record adds the line that its failing test shows; no line changes.
"""

from itertools import islice
from pathlib import Path
from random import Random

import pytest

from steelyard.domain import layout
from steelyard.engine.choice import new_engine
from steelyard.engine.reference import ReferenceEngine
from tests.engine.samples import NOW_NS, SAMPLES
from tests.engine.workload import Workload, opening

GOLDEN = Path(__file__).parent / "golden"
RECORDS = {
    name: (int(now_ns), bytes.fromhex(record))
    for name, now_ns, record in map(str.split, (GOLDEN / "records.txt").read_text().splitlines())
}
SNAPSHOT = dict(map(str.split, (GOLDEN / "snapshot.txt").read_text().splitlines()))


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: type(sample).__name__)
def test_a_sample_is_its_bytes(sample):
    """Encoding gives the recorded bytes, decoding gives the sample back."""
    name = type(sample).__name__
    record = layout.encode(sample, NOW_NS)
    line = f"{name} {NOW_NS} {record.hex()}"
    assert RECORDS.get(name) == (NOW_NS, record), f"for a new record: {line}"
    assert layout.decode(record) == (sample, NOW_NS, len(record))


def test_every_record_has_a_sample():
    """No row of the layout is without bytes, no bytes without a row."""
    rows = {message.__name__ for message in layout.LAYOUT}
    assert rows == set(RECORDS) == {type(sample).__name__ for sample in SAMPLES}


def test_a_state_is_its_bytes_and_its_hash():
    """The same life leads to the recorded snapshot and hash, and both engines take it in."""
    workload = Workload(Random(2))
    engine = ReferenceEngine()
    for now_ns, command in enumerate([*opening(), *islice(iter(workload.command, None), 300)]):
        engine.apply(command, now_ns)
    lines = f"hash {engine.state_hash()}\nsnapshot {engine.snapshot().hex()}\n"
    assert lines == (GOLDEN / "snapshot.txt").read_text()
    restored = new_engine()
    restored.restore(bytes.fromhex(SNAPSHOT["snapshot"]))
    assert restored.state_hash() == int(SNAPSHOT["hash"])
