import pytest

from steelyard.domain.errors import ConfigError
from steelyard.store.lines import LINES_MAX_BYTES, append_line, read_lines


def test_lines_come_back_in_their_order(tmp_path):
    """A file that is not there has none; its directory is made for its owner only."""
    file = tmp_path / "below" / "lines"
    assert read_lines(file) == []
    for line in (b"one", b"two"):
        append_line(file, line)
    assert read_lines(file) == [b"one", b"two"]
    assert file.stat().st_mode & 0o077 == 0
    assert file.parent.stat().st_mode & 0o077 == 0


def test_a_line_that_was_cut_short_is_written_over(tmp_path):
    """What a power cut has left of a line is no line, and the next one does not stick to it."""
    file = tmp_path / "lines"
    file.write_bytes(b"one\ntw")
    assert read_lines(file) == [b"one"]
    append_line(file, b"three")
    assert read_lines(file) == [b"one", b"three"]


def test_what_cannot_be_read_or_written_is_said(tmp_path):
    """A directory in its place, and a file that nobody wrote by hand."""
    with pytest.raises(ConfigError, match="cannot be read"):
        read_lines(tmp_path)
    with pytest.raises(ConfigError, match="cannot be written"):
        append_line(tmp_path, b"one")
    large = tmp_path / "large"
    large.write_bytes(b"x" * (LINES_MAX_BYTES + 1))
    with pytest.raises(ConfigError, match="move it away"):
        read_lines(large)
