import pytest
from msgspec.structs import replace

from steelyard.data import manifest as manifests
from steelyard.data.exact import Step
from steelyard.data.instruments import derived
from steelyard.data.kinds import Kind
from steelyard.data.manifest import Key, Manifest, Part, datasets, read, sweep, write
from steelyard.domain.errors import ConfigError

INSTRUMENT = derived("BTC-USDT", Step(1, 2), Step(1, 5))


def sample(**changes):
    made = Manifest(
        1, Kind.BARS, "x", "BTC-USDT", "1m", "venue", "derived", "0.01", "0.00001", INSTRUMENT
    )
    return replace(made, **changes)


def test_a_manifest_survives_the_disk(tmp_path):
    folder = Key(Kind.BARS, "x", "BTC-USDT", "1m").folder(tmp_path)
    folder.mkdir(parents=True)
    write(folder, sample())
    assert read(folder) == sample()
    assert [each.key.name for each in datasets(tmp_path)] == ["x/BTC-USDT/1m"]
    assert (sample().tick, sample().lot) == (Step(1, 2), Step(1, 5))
    assert Key(Kind.TRADES, "x", "BTC-USDT").name == "x/BTC-USDT/trades"
    assert read(tmp_path) is None


def test_files_that_no_manifest_names_go(tmp_path):
    """They are the rest of an import that was cut short."""
    (tmp_path / "date=2024-01").mkdir()
    for name in ("kept", "left", "half"):
        ending = ".parquet.part" if name == "half" else ".parquet"
        (tmp_path / "date=2024-01" / (name + ending)).touch()
    (tmp_path / ".manifest.json.0.part").touch()
    write(tmp_path, sample(parts=(Part("date=2024-01/kept.parquet", 1, 0, 0),)))
    names = sorted(path.name for path in tmp_path.rglob("*") if path.is_file())
    assert names == ["kept.parquet", "manifest.json"]
    sweep(tmp_path, None)
    assert not list(tmp_path.rglob("*.parquet"))


def test_what_is_no_manifest_of_ours_is_said(tmp_path):
    (tmp_path / "manifest.json").write_text("{}")
    with pytest.raises(ConfigError, match="is no manifest of this steelyard"):
        read(tmp_path)
    write(tmp_path, sample(format=2))
    with pytest.raises(ConfigError, match="is of format 2, this steelyard writes 1"):
        read(tmp_path)
    with pytest.raises(ConfigError, match="cannot be written"):
        write(tmp_path / "none", sample())
    assert manifests.NAME == "manifest.json"
