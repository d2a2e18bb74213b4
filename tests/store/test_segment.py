from itertools import chain
from pathlib import Path

import pytest

from steelyard.domain.errors import ConfigError
from steelyard.store.segment import (
    FORMS,
    HEADER_LINE,
    RUN_MIN,
    Damaged,
    encode,
    end_of_last,
    is_of_older_format,
    runs,
)
from tests.store import old_form

FILE = Path("00000000000000000001.log")


def test_either_format_is_read_by_its_header():
    """The same records, whichever steelyard wrote them; only one format counts as older."""
    old, new = old_form.written([[b"one", b"two"]]), HEADER_LINE + encode([b"one", b"two"], 1)
    assert old != new
    for content in (old, new):
        (run,) = runs(content, FILE, 1)
        assert run == (1, [b"one", b"two"], len(content))
        assert end_of_last(content, FILE, 1) == (len(content), 2, 0)
    assert (is_of_older_format(old), is_of_older_format(new)) == (True, False)
    assert len({len(line) for line in FORMS}) == 1, "one may take the other's place"


@pytest.mark.parametrize("written", [old_form.written, None])
def test_many_records_are_handed_over_in_runs(written):
    """So that a long segment is not in memory twice; none is left out between two runs."""
    batches = [[b"%d" % n, b"x"] for n in range(RUN_MIN)]
    content = HEADER_LINE + b"".join(encode(batch, 1 + 2 * n) for n, batch in enumerate(batches))
    if written is not None:
        content = written(batches)
    found = [*runs(content, FILE, 1)]
    assert [run.first_sequence for run in found] == [1, 1 + RUN_MIN]
    assert [payload for run in found for payload in run.payloads] == [*chain(*batches)]


@pytest.mark.parametrize("line", FORMS)
def test_a_segment_that_was_being_made_is_empty(line):
    """A header that did not get to the disk held no records."""
    for content in (b"", line[:1], line[:-1], bytes(600)):
        end = end_of_last(content, FILE, 42)
        assert (end.offset, end.last_sequence) == (0, 41)


def test_a_changed_header_refuses():
    """Every bit of it, in front of records and in front of none."""
    for content in (HEADER_LINE, HEADER_LINE + encode([b"one"], 1)):
        for place in range(len(HEADER_LINE)):
            for bit in range(8):
                changed = bytearray(content)
                changed[place] ^= 1 << bit
                with pytest.raises(ConfigError, match=str(FILE)):
                    end_of_last(bytes(changed), FILE, 1)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"steelyard journal 3\n", "has journal format 3, this steelyard reads up to 2; use the"),
        (b"steelyard journal 17\nwhatever", "has journal format 17, this steelyard reads up to 2"),
        (b"steelyard journal x\n", "is not a steelyard journal; move it away"),
        (b"PK\x03\x04", "is not a steelyard journal; move it away"),
        (b"steelyard journal 1 and more of a line that never ends", "is not a steelyard journal"),
    ],
)
def test_another_file_or_format_refuses_in_one_sentence(content, sentence):
    """The message says what it is and what to do."""
    with pytest.raises(ConfigError, match=sentence):
        end_of_last(content, FILE, 1)


def test_what_a_finished_segment_lost_at_its_end_refuses():
    """Only in the newest one was something still being written."""
    content = HEADER_LINE + encode([b"one"], 1) + encode([b"two"], 2)[:-1]
    assert end_of_last(content, FILE, 1).torn_bytes > 0
    with pytest.raises(Damaged, match="journal record 2 is damaged"):
        [*runs(content, FILE, 1)]
