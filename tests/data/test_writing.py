import polars as pl
import pytest

from steelyard.data import partitions, writing
from steelyard.data.catalog import open_catalog, rows_of
from steelyard.data.importing import import_file
from steelyard.data.kinds import Kind
from steelyard.data.manifest import Key, Missing
from steelyard.data.reading import Wanted
from steelyard.data.writing import locked, name_missing
from steelyard.domain.errors import ConfigError

T0 = 1_704_067_200_000
DAY_MS = 86_400_000


def trades(path, rows):
    lines = [f"{number},{price},1,0,{time_ms},True,True" for number, time_ms, price in rows]
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.mark.parametrize(("part_rows", "parts"), [(100, 3), (4, 6)])
def test_parts_are_of_one_day_and_of_bounded_size(tmp_path, monkeypatch, part_rows, parts):
    """Small neighbors of a day are put together, those of half the size stay as they are."""
    monkeypatch.setattr(partitions, "PART_ROWS", part_rows)
    monkeypatch.setattr(writing, "STAGE_ROWS", 3)
    rows = [(n, T0 + n * DAY_MS // 5, 100 + n) for n in range(1, 12)]
    for at in range(0, len(rows), 2):
        path = trades(tmp_path / f"BTCUSDT-trades-2024-01-{at + 1:02}.csv", rows[at : at + 2])
        import_file(tmp_path / "c", path, Wanted(), now_ns=1)
    (manifest,) = open_catalog(tmp_path / "c").datasets()
    folder = manifest.key.folder(tmp_path / "c")
    dates = [part.file.split("/")[0] for part in manifest.parts]
    assert sorted(set(dates)) == ["date=2024-01-01", "date=2024-01-02", "date=2024-01-03"]
    assert len(dates) == parts
    assert max(part.rows for part in manifest.parts) <= part_rows
    frames = list(rows_of(manifest, folder))
    assert pl.concat(frames)["trade_id"].to_list() == list(range(1, 12))
    assert len(list(folder.rglob("*.parquet"))) == len(manifest.parts)


def test_one_process_writes_at_a_time(tmp_path):
    second = locked(tmp_path)
    with locked(tmp_path), pytest.raises(ConfigError, match="another process writes"):
        second.__enter__()
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match="cannot be written"), locked(tmp_path / "file" / "x"):
        pass


def test_what_is_missing_is_forgotten_when_rows_come_into_it(tmp_path):
    root = tmp_path / "c"
    key = Key(Kind.TRADES, "binance", "BTC-USDT")
    day = Missing((T0 + DAY_MS) * 10**6, (T0 + 2 * DAY_MS) * 10**6, "not there")
    assert name_missing(root, key, [day]) is None
    first = trades(tmp_path / "BTCUSDT-trades-2024-01-01.csv", [(1, T0, 100)])
    import_file(root, first, Wanted(), now_ns=1)
    assert name_missing(root, key, [day]).gaps == ((day.from_ns, day.to_ns),)
    assert name_missing(root, key, [day]).missing == (day,)
    second = trades(tmp_path / "BTCUSDT-trades-2024-01-02.csv", [(2, T0 + DAY_MS + 5, 100)])
    (done,) = import_file(root, second, Wanted(), now_ns=1).done
    assert done.manifest.missing == ()
    assert done.manifest.gaps == ()


def test_an_import_that_was_killed_leaves_nothing_that_matters(tmp_path):
    """Its staged rows and its unnamed files go with the next import."""
    root = tmp_path / "c"
    path = trades(tmp_path / "BTCUSDT-trades-2024-01-01.csv", [(1, T0, 100)])
    import_file(root, path, Wanted(), now_ns=1)
    folder = Key(Kind.TRADES, "binance", "BTC-USDT").folder(root)
    (folder / "date=2024-01-01" / "1-1-dead.parquet").touch()
    (root / ".stage-1").mkdir()
    other = trades(tmp_path / "BTCUSDT-trades-2024-01-03.csv", [(2, T0 + 5, 100)])
    import_file(root, other, Wanted(), now_ns=1)
    assert len(list(folder.rglob("*.parquet"))) == 1
    assert not list(root.glob(".stage*"))
