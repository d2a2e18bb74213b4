"""The record of trials: what is whole is read, what was cut short is not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steelyard.backtest.sweep.splits import Span
from steelyard.backtest.sweep.trials import (
    FAILURE_MAX,
    Header,
    Job,
    Key,
    Part,
    changed,
    failures,
    last_line,
    line,
    read,
    row_of,
)
from steelyard.domain.errors import ConfigError

HEADER = Header(program="1", identity={"sweep.seed": "1", "data": "a" * 64})


def row(number: int, result: dict | str, part: Part = Part.TRAIN):
    job = Job(Key(0, part, number), (number, 0), Span(0, 60))
    return row_of(job, {"fast": number, "size": "0.1"}, result, 0.5, "here/1")


def test_a_record_is_read_as_it_was_written():
    rows = [row(0, {"sharpe": 1.5, "calmar": None}), row(1, "Traceback\nValueError: no")]
    content = line(HEADER) + b"".join(map(line, rows))
    found = read(content)
    assert found.header == HEADER
    assert list(found.rows.values()) == rows
    assert found.good_bytes == len(content)


@given(st.integers(0, 400))
def test_a_record_cut_anywhere_loses_its_last_line_at_most(cut):
    """And says where the next line goes."""
    lines = [line(HEADER), *(line(row(number, {"sharpe": 1.0})) for number in range(3))]
    content = b"".join(lines)[:cut]
    found = read(content)
    whole = content.count(b"\n")
    if whole == 0:
        assert found is None
    else:
        assert len(found.rows) == whole - 1
        assert found.good_bytes == sum(map(len, lines[:whole]))


def test_of_two_rows_of_a_trial_the_first_counts():
    """A trial that was run twice, because its worker was thought lost, is one trial."""
    again = line(row(0, {"sharpe": 2.0}))
    assert len(read(line(HEADER) + line(row(0, {"sharpe": 1.0})) + again).rows) == 1
    trained, tested = row(0, {"sharpe": 1.0}), row(0, {"sharpe": 2.0}, Part.TEST)
    assert len(read(line(HEADER) + line(trained) + line(tested)).rows) == 2


def test_what_is_no_record_is_refused():
    with pytest.raises(ConfigError, match="line 2 is no record of a trial"):
        read(line(HEADER) + b"{}\n")
    with pytest.raises(ConfigError, match="line 1 is no record"):
        read(b"hello\n")
    with pytest.raises(ConfigError, match="trials of version 9"):
        read(b'{"sweep": 9, "program": "", "identity": {}}\n')


def test_what_has_changed_is_named():
    """Short values are shown, hashes are not."""
    now = Header(program="2", identity={"sweep.seed": "2", "data": "b" * 64, "new": "1"})
    assert changed(HEADER, now) == ["data", "new", "sweep.seed (1 before, 2 now)"]
    assert changed(HEADER, HEADER) == []


def test_failures_are_told_by_what_they_said():
    rows = [row(0, "a\nValueError: x\n"), row(1, "b\nKeyError: y"), row(2, "c\n\nKeyError: y\n\n")]
    rows.append(row(3, {"sharpe": 1.0}))
    found = failures(rows)
    assert [(said, len(those)) for said, those in found.items()] == [
        ("KeyError: y", 2),
        ("ValueError: x", 1),
    ]
    assert last_line("\n \n") == "it said nothing"


def test_of_a_long_traceback_the_end_is_kept():
    kept = row(0, "x" * FAILURE_MAX + "ValueError: the end").failure
    assert len(kept) == FAILURE_MAX
    assert kept.endswith("ValueError: the end")
