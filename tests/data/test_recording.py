import gzip

import pytest

from steelyard.data import recording
from steelyard.data.captures import CaptureReading, lines_of
from steelyard.data.reading import Wanted
from steelyard.data.recording import TapeWriter, whole_bytes
from steelyard.domain.errors import ConfigError, StorageError

FRAME = '{"stream":"btcusdt@trade","data":{"T":1,"t":%d,"p":"1","q":"1","m":true}}'


def test_frames_stand_as_they_came(tmp_path):
    path = tmp_path / "x.jsonl.gz"
    with TapeWriter(path) as writer:
        writer.take(FRAME % 1, 10**18)
        writer.take((FRAME % 2).encode() + b"\n", 10**18 + 1)
    lines = gzip.decompress(path.read_bytes()).splitlines()
    assert [line.split() for line in lines] == [
        [b"%d" % (10**18 + n), (FRAME % (n + 1)).encode()] for n in (0, 1)
    ]
    assert writer.frames == 2
    assert writer.size_bytes == path.stat().st_size


def test_a_break_is_marked_between_the_frames_around_it(tmp_path):
    path = tmp_path / "x.jsonl.gz"
    with TapeWriter(path) as writer:
        writer.broken("nothing was there yet")
        writer.take(FRAME % 1, 10**18)
        writer.broken("the cable")
        writer.broken("again")
        writer.take(FRAME % 2, 10**18 + 50)
    reading = CaptureReading(path, Wanted())
    list(reading.rows())
    (missing,) = reading.missing
    assert (missing.from_ns, missing.to_ns, missing.why) == (10**18 + 1, 10**18 + 50, "the cable")
    assert writer.gaps == 1


def test_a_file_that_is_there_is_gone_on_with_and_says_so(tmp_path):
    """What a crash has left of a write goes first."""
    path = tmp_path / "x.jsonl.gz"
    with TapeWriter(path) as writer:
        writer.take(FRAME % 1, 10**18)
    whole = path.stat().st_size
    with path.open("ab") as file:
        file.write(gzip.compress(b"lost")[:12])
    assert whole_bytes(path) == whole
    with TapeWriter(path) as writer:
        writer.take(FRAME % 2, 10**18 + 50)
    assert [number for number, *_ in lines_of(path)] == [1, 2, 3]
    reading = CaptureReading(path, Wanted())
    assert sum(len(rows.frame) for _, rows in reading.rows()) == 2
    assert len(reading.missing) == 1


def test_another_file_is_not_written_over(tmp_path):
    path = tmp_path / "notes.txt"
    path.write_text("mine")
    with pytest.raises(ConfigError, match="is there, and no recording"):
        TapeWriter(path)
    assert path.read_text() == "mine"
    with pytest.raises(ConfigError, match="cannot be written"):
        TapeWriter(tmp_path / "no" / "folder")


def test_time_never_goes_back_and_size_has_an_end(tmp_path):
    with TapeWriter(tmp_path / "x", limit_bytes=50) as writer:
        writer.take(FRAME % 1, 10**18)
        writer.take(FRAME % 2, 10**18 - 5)
        assert not writer.is_full
        writer.flush()
        assert writer.is_full
    assert [time_ns for _, time_ns, _ in lines_of(tmp_path / "x")] == [10**18, 10**18]


def test_a_disk_that_does_not_keep_up_ends_the_recording(tmp_path, monkeypatch):
    monkeypatch.setattr(recording, "WAITING_MAX_BYTES", 100)
    with TapeWriter(tmp_path / "x") as writer:
        writer.take(FRAME % 1, 1)
        with pytest.raises(StorageError, match="does not keep up"):
            writer.take(FRAME % 2, 2)
