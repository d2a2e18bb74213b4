"""A journal in time: every moment exact, however few folds are kept."""

from random import Random

import pytest

from steelyard.cli.replay import words_of
from steelyard.dashboard import chronicle
from steelyard.dashboard.chronicle import LANES, Chronicle, Counts
from steelyard.domain.journal import Record
from steelyard.trading.actions import Role
from steelyard.trading.past import past_at
from steelyard.trading.reasons import reasons_at
from tests.trading.session import new_world

MS_NS = 10**6


@pytest.fixture(scope="module")
def records() -> list[Record]:
    """Return a minute of a bot that trades, loses a stream, is killed and let go."""
    world = new_world(31)
    world.after(3.3, lambda: world.break_stream(Role.PRIVATE, back_s=1))
    world.after(20, world.kill)
    world.after(25, world.resume)
    world.run(60)
    return list(world.records())


def opened(records: list[Record], every: int = 20, until: int | None = None) -> Chronicle:
    found = Chronicle(lambda after: iter(records[after:until]), every)
    assert found.catch_up()
    return found


def test_every_moment_is_what_the_command_line_says_of_it(records, monkeypatch):
    """By time and by record, in any order, with folds that were forgotten."""
    monkeypatch.setattr(chronicle, "KEPT_MAX", 5)
    found, rng = opened(records), Random(1)
    assert found.kept[0] <= 5
    first, last = records[0].time_ns, records[-1].time_ns
    for _ in range(150):
        time_ns = rng.randrange(first - 10**9, last + 10**9)
        past = past_at(records, time_ns=time_ns, sequence=None)
        shown = found.past(time_ns, None)
        assert shown["document"] == past.document()
        assert shown["words"] == words_of(past, past.document())
        assert shown["why"] == reasons_at(records, time_ns=time_ns).document()
        sequence = rng.randrange(len(records) + 2)
        past = past_at(records, time_ns=None, sequence=sequence)
        assert found.past(None, sequence)["document"] == past.document()


def test_a_clock_that_was_set_back_changes_no_moment(records):
    """What counts is the order of records, as for the command line."""
    half = len(records) // 2
    back = [r._replace(time_ns=r.time_ns - 10**10) if r.sequence > half else r for r in records]
    found = opened(back)
    for time_ns in range(back[0].time_ns, back[-1].time_ns + 10**10, 7 * 10**8):
        past = past_at(back, time_ns=time_ns, sequence=None)
        assert found.past(time_ns, None)["document"] == past.document()


def test_events_lead_from_one_to_the_next_and_back(records):
    found = opened(records)
    forward, sequence = [], 0
    while (sequence := found.past(None, sequence)["next"]) is not None:
        forward.append(sequence)
    told = [line.sequence for line in reasons_at(records, lines=10_000).lines]
    assert forward == told
    assert found.past(None, forward[5])["previous"] == forward[4]


def test_counts_are_of_all_events_whatever_part_is_asked_for(records):
    found = opened(records)
    whole = found.timeline(None, None)
    told = len(reasons_at(records, lines=10_000).lines)
    assert sum(map(sum, whole["lanes"].values())) == told
    assert whole["lanes"].keys() == set(LANES)
    begin, end = whole["first"] + 5_000, whole["first"] + 30_000
    part = found.timeline(begin, end)
    inside = [
        line for line in reasons_at(records, lines=10_000).lines
        if begin <= line.time_ns // MS_NS <= end
    ]  # fmt: skip
    assert sum(map(sum, part["lanes"].values())) == len(inside)
    assert part["width"] < whole["width"]
    assert part["begin"] == begin


def test_a_journal_that_grows_is_followed_and_read_in_parts(records):
    half = len(records) // 2
    growing = records[:half]
    found = Chronicle(lambda after: iter(growing[after:]), 20)
    while not found.catch_up(lambda: True):
        assert found.sequence <= half
    assert found.sequence == half
    growing.extend(records[half:])
    while not found.catch_up(lambda: True):
        pass
    assert found.why() == reasons_at(records).document()


def test_counts_keep_their_size_and_lose_none():
    counts, rng = Counts(8), Random(2)
    for added in range(1, 500):
        counts.add(rng.randrange(1_000_000), "orders")
        assert len(counts.rows["orders"]) == 8
        assert sum(counts.rows["orders"]) == added


def test_an_empty_journal_has_no_time():
    found = opened([])
    assert found.timeline(None, None)["first"] is None
    assert found.past(None, None)["words"] == [[("", "nothing was written by then")]]


def test_memory_is_bounded_by_bytes_too(records, monkeypatch):
    monkeypatch.setattr(chronicle, "KEPT_MAX_BYTES", 20_000)
    found = opened(records)
    assert found.kept[1] <= 20_000
    time_ns = records[len(records) // 3].time_ns
    past = past_at(records, time_ns=time_ns, sequence=None)
    assert found.past(time_ns, None)["document"] == past.document()


def test_a_fold_that_is_large_is_kept_at_longer_intervals(records, monkeypatch):
    """What keeping costs is a share of what reading costs; moments are exact all the same."""
    monkeypatch.setattr(chronicle, "PLAIN_PER_RECORD", 1 << 20)
    kept = opened(records, 5).kept[0]
    monkeypatch.setattr(chronicle, "PLAIN_PER_RECORD", 1_000)
    found = opened(records, 5)
    assert 0 < found.kept[0] < kept / 3
    middle = records[len(records) // 2]
    past = past_at(records, time_ns=middle.time_ns, sequence=None)
    assert found.past(middle.time_ns, None)["document"] == past.document()
