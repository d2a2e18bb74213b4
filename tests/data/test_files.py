import gzip
import io
import os

import pytest
from archive_server import zipped

from steelyard.data.files import blocks, checksum_of, inner_name, sha256, unpacked, verified
from steelyard.domain.errors import ConfigError

TEXT = b"a,b\n1,2\n3,4\n"


@pytest.mark.parametrize("pack", [bytes, gzip.compress, lambda text: zipped("x.csv", text)])
def test_what_is_in_a_file_is_read_however_it_is_packed(tmp_path, pack):
    """By its first bytes: the name says nothing here."""
    path = tmp_path / "file"
    path.write_bytes(pack(TEXT))
    with unpacked(path) as stream:
        assert stream.read() == TEXT


@pytest.mark.parametrize("size", range(1, 15))
def test_blocks_end_where_lines_do(tmp_path, size):
    read = list(blocks(io.BytesIO(TEXT + b"5"), tmp_path, size=size))
    assert b"".join(read) == TEXT + b"5"
    assert all(block.endswith(b"\n") for block in read[:-1])


def test_damage_is_said(tmp_path):
    whole = gzip.compress(TEXT * 1000)
    for damaged, said in (
        (whole[:-20], "cut short"),
        (whole[:20] + b"\xff" * 20 + whole[40:], "damaged"),
        (zipped("a.csv", TEXT)[:40], "damaged"),
    ):
        path = tmp_path / "x"
        path.write_bytes(damaged)
        with pytest.raises(ConfigError, match=said), unpacked(path) as stream:
            stream.read()
    with pytest.raises(ConfigError, match="there is no file"), unpacked(tmp_path / "none"):
        pass


def test_a_zip_of_several_files_is_refused(tmp_path):
    import zipfile

    path = tmp_path / "x.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a", "1")
        archive.writestr("b", "2")
    with pytest.raises(ConfigError, match="holds 2 files"), unpacked(path):
        pass


def test_an_endless_line_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="is it text"):
        list(blocks(io.BytesIO(b"x" * (5 << 20)), tmp_path))


def test_a_checksum_beside_a_file_is_compared(tmp_path):
    path = tmp_path / "x.zip"
    path.write_bytes(b"abc")
    assert verified(path) == sha256(path)
    beside = tmp_path / "x.zip.CHECKSUM"
    beside.write_text(f"{sha256(path).upper()}  x.zip\n")
    assert verified(path) == sha256(path)
    beside.write_text("soon")
    with pytest.raises(ConfigError, match="is no checksum"):
        verified(path)
    assert checksum_of("") is None
    assert inner_name(tmp_path / "a-1m.csv.gz") == "a-1m.csv"


def test_a_pipe_is_refused_instead_of_waited_for(tmp_path):
    path = tmp_path / "pipe"
    os.mkfifo(path)
    for read in (sha256, lambda path: unpacked(path).__enter__()):
        with pytest.raises(ConfigError, match="is a pipe or a device; write it into a file"):
            read(path)
