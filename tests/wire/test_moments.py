"""Times are read as people write them, and printed so that they are read again."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steelyard.domain.errors import DecodeError
from steelyard.wire import moments


@pytest.mark.parametrize(
    ("written", "time_ns"),
    [
        ("2024-03-11T20:48:46.622052Z", 1_710_190_126_622_052_000),
        ("2024-03-11T20:48:46Z", 1_710_190_126_000_000_000),
        ("2024-03-11 20:48:46", 1_710_190_126_000_000_000),
        ("2024-03-11T21:48:46+01:00", 1_710_190_126_000_000_000),
        ("2024-03-11", 1_710_115_200_000_000_000),
        ("1710190126.622052", 1_710_190_126_622_052_000),
        ("1710190126", 1_710_190_126_000_000_000),
    ],
)
def test_times_are_read_as_people_write_them(written, time_ns):
    assert moments.from_time(written) == time_ns


@pytest.mark.parametrize("written", ["", "now", "2024-13-01", "2024-03-11T25:00:00Z", "-5", "1e9"])
def test_what_is_no_time_says_how_to_write_one(written):
    with pytest.raises(DecodeError, match="2024-03-11T20:48:46"):
        moments.from_time(written)


@given(st.integers(0, 4 * 10**18))
def test_a_printed_time_is_read_to_the_microsecond(time_ns):
    assert moments.from_iso(moments.iso(time_ns)) == time_ns // 1_000 * 1_000
