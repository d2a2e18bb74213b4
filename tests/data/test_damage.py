"""What cannot be read is named with its cure, and what is only refused is not called damaged."""

from steelyard.data.damage import is_damaged, marked, refused, unreadable
from steelyard.data.importing import import_file
from steelyard.data.manifest import datasets
from steelyard.data.reading import Wanted


def dataset(tmp_path):
    path = tmp_path / "BTC-USDT-1m.csv"
    path.write_text("1704067200000,1,1,1,1,1\n")
    import_file(tmp_path / "c", path, Wanted("v"), now_ns=1)
    (manifest,) = datasets(tmp_path / "c")
    return manifest, manifest.key.folder(tmp_path / "c"), manifest.parts[0]


def test_a_file_that_is_gone_or_noise_is_damaged(tmp_path):
    manifest, folder, part = dataset(tmp_path)
    assert not is_damaged(folder, part)
    (folder / part.file).write_bytes(b"noise")
    assert is_damaged(folder, part)
    assert refused(folder, part) is None
    (folder / part.file).unlink()
    assert is_damaged(folder, part)
    assert refused(folder, part) is None
    error = str(unreadable(folder, manifest, part, OSError("gone")))
    assert error.endswith(
        "(gone); import what v/BTC-USDT/1m was made of anew: steelyard data "
        "import --replace BTC-USDT-1m.csv"
    )


def test_what_the_disk_refuses_may_be_whole(tmp_path):
    _, folder, part = dataset(tmp_path)
    (folder / part.file).unlink()
    (folder / part.file).mkdir()
    assert "cannot be read: Is a directory" in str(refused(folder, part))


def test_sources_that_lost_rows_are_marked(tmp_path):
    manifest, _, part = dataset(tmp_path)
    (source,) = marked(manifest.sources, [(part.first_ns - 9, part.first_ns - 1)])
    assert source.is_whole
    (source,) = marked(manifest.sources, [(part.first_ns - 9, part.first_ns)])
    assert not source.is_whole
