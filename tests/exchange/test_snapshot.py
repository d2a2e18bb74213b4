import pytest

from steelyard.domain.errors import DecodeError
from steelyard.exchange.snapshot import read_founded, read_snapshot


@pytest.mark.parametrize("data", [b"", b"{}", b"[1]", b"\xff", b'{"format": "1"}'])
def test_what_is_no_snapshot_is_refused(data: bytes):
    """Whatever a damaged disk gives: one error of ours, that the start can tell."""
    with pytest.raises(DecodeError, match="the snapshot cannot be read"):
        read_snapshot(data)
    with pytest.raises(DecodeError, match="the snapshot cannot be read"):
        read_founded(data)
