import gzip
import hashlib
import tracemalloc
from itertools import islice, pairwise
from pathlib import Path

import pytest

from steelyard.domain.errors import ConfigError
from steelyard.store import recordings
from steelyard.store.recordings import Recorded, frames, lines, sha256

LINES = b'1723161600001658384 {"a":1}\n1723161600001658385 \n7 {"text": "two words"}\n'


def recording(tmp_path: Path, content: bytes) -> Path:
    file = tmp_path / "r.jsonl.gz"
    file.write_bytes(gzip.compress(content))
    return file


def test_frames_come_as_they_were_received(tmp_path: Path):
    """Time, raw bytes, and where the line begins, from which reading can go on."""
    file = recording(tmp_path, LINES)
    found = list(frames(file))
    assert found == [
        Recorded(1723161600001658384, b'{"a":1}', 0),
        Recorded(1723161600001658385, b"", 28),
        Recorded(7, b'{"text": "two words"}', 49),
    ]
    for place, recorded in enumerate(found):
        assert list(frames(file, offset=recorded.offset)) == found[place:]
    assert list(frames(file, offset=len(LINES))) == []
    assert list(lines(file)) == LINES.splitlines(keepends=True)


def test_a_recording_is_known_by_its_hash(tmp_path: Path):
    """The hash is of the file as it lies there, so anybody can check it."""
    file = recording(tmp_path, LINES)
    assert sha256(file) == hashlib.sha256(file.read_bytes()).hexdigest()


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (
            b"1 {}\nnonsense\n",
            "byte 5: expected local nanoseconds, a space and a frame, found b'no",
        ),
        (b"1 {}\n-5 {}\n", "byte 5: expected local nanoseconds"),
        (b"1 {}\n\n", "byte 5: expected local nanoseconds"),
        (b"1 {}\n12345678901234567890 {}\n", "byte 5: expected local nanoseconds"),
        (b"1 {}\n2 {", "byte 5: the last line is cut short"),
        (b"1 {}\n2 " + b"x" * recordings.LINE_MAX_BYTES, "byte 5: a line is longer than any frame"),
    ],
)
def test_a_line_of_another_form_is_named(tmp_path: Path, content, sentence):
    """The message says where, what was expected and what was found."""
    found = frames(recording(tmp_path, content))
    assert next(found) == (1, b"{}", 0)
    with pytest.raises(ConfigError, match=sentence):
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
            list(frames(file))
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
            list(frames(file))


def test_an_unpacked_flood_does_not_fill_memory(tmp_path: Path):
    """A small file that unpacks into an endless line is refused within the bound."""
    file = recording(tmp_path, b"1 {}\n" + bytes(64 << 20))
    tracemalloc.start()
    try:
        with pytest.raises(ConfigError, match="longer than any frame"):
            list(frames(file))
        assert tracemalloc.get_traced_memory()[1] < 6 * recordings.LINE_MAX_BYTES
    finally:
        tracemalloc.stop()


def test_a_real_recording_is_read(shared_data: Path):
    """Five minutes of Binance spot: times go forward, frames are JSON objects."""
    file = shared_data / "binance" / "spot_btcusdt_20240809.jsonl.gz"
    found = list(islice(frames(file), 2_000))
    assert all(a.local_ns <= b.local_ns for a, b in pairwise(found))
    assert {recorded.frame[:1] + recorded.frame[-1:] for recorded in found} == {b"{}"}
    assert list(islice(frames(file, offset=found[1_500].offset), 500)) == found[1_500:]
