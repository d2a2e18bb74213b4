import gzip
import hashlib
import tracemalloc
from itertools import accumulate
from pathlib import Path

import pytest

from steelyard.domain.errors import ConfigError
from steelyard.store import recordings
from steelyard.store.recordings import lines, sha256

LINES = b'1723161600001658384 {"a":1}\n1723161600001658385 \n7 {"text": "two words"}\n'


def recording(tmp_path: Path, content: bytes) -> Path:
    file = tmp_path / "r.jsonl.gz"
    file.write_bytes(gzip.compress(content))
    return file


def offsets(file: Path) -> list[int]:
    return [0, *accumulate(map(len, lines(file)))]


def test_lines_come_as_they_are(tmp_path: Path):
    """Raw bytes with their ends; from where a line begins, reading can go on."""
    file = recording(tmp_path, LINES)
    found = list(lines(file))
    assert found == LINES.splitlines(keepends=True)
    for place, offset in enumerate(offsets(file)):
        assert list(lines(file, offset=offset)) == found[place:]


def test_a_recording_is_known_by_its_hash(tmp_path: Path):
    """The hash is of the file as it lies there, so anybody can check it."""
    file = recording(tmp_path, LINES)
    assert sha256(file) == hashlib.sha256(file.read_bytes()).hexdigest()


def test_an_endless_line_is_named(tmp_path: Path):
    """The message says where it begins."""
    found = lines(recording(tmp_path, b"1 {}\n2 " + b"x" * recordings.LINE_MAX_BYTES))
    assert next(found) == b"1 {}\n"
    with pytest.raises(ConfigError, match="byte 5: a line is longer than any frame"):
        next(found)


def test_a_file_that_is_no_recording_is_named(tmp_path: Path):
    """Missing, not gzip, damaged, cut short, a directory: one sentence each."""
    file = recording(tmp_path, LINES * 500)
    whole = file.read_bytes()
    damaged = bytearray(whole)
    damaged[-8] ^= 1  # of the checksum
    cases = {
        "is not a gzip file": LINES,
        "is not a gzip file, or damaged": bytes(damaged),
        "is cut short; fetch it again": whole[:-20],
    }
    for sentence, content in cases.items():
        file.write_bytes(content)
        with pytest.raises(ConfigError, match=sentence):
            list(lines(file))
    for path, sentence in ((tmp_path / "no.gz", "no recording at"), (tmp_path, "cannot be read")):
        with pytest.raises(ConfigError, match=sentence):
            list(lines(path))
        with pytest.raises(ConfigError, match=sentence):
            sha256(path)


def test_every_cut_is_noticed(tmp_path: Path):
    """A download that stopped anywhere is never taken for a short recording."""
    file = recording(tmp_path, LINES)
    whole = file.read_bytes()
    for cut in range(1, len(whole)):
        file.write_bytes(whole[:cut])
        with pytest.raises(ConfigError):
            list(lines(file))


def test_an_unpacked_flood_does_not_fill_memory(tmp_path: Path):
    """A small file that unpacks into an endless line is refused within the bound."""
    file = recording(tmp_path, b"1 {}\n" + bytes(64 << 20))
    tracemalloc.start()
    try:
        with pytest.raises(ConfigError, match="longer than any frame"):
            list(lines(file))
        assert tracemalloc.get_traced_memory()[1] < 6 * recordings.LINE_MAX_BYTES
    finally:
        tracemalloc.stop()
