"""A file alone gives what an import of it gives."""

import numpy as np
import pytest

from steelyard.backtest.columns import BarColumns, Tape
from steelyard.data import loading
from steelyard.data.catalog import open_catalog
from steelyard.data.importing import import_file
from steelyard.data.loading import load
from steelyard.data.reading import Wanted
from steelyard.domain.errors import UsageError

T0 = 1_704_067_200_000


def test_bars_of_a_file_are_those_of_a_catalog(tmp_path):
    path = tmp_path / "BTC-USDT-1m.csv"
    order = (0, 5, 1, 1, 2)
    path.write_text("\n".join(f"{T0 + n * 60_000},{n + 1},{n + 2}.5,0.25,1,{n}" for n in order))
    loaded = load(path, Wanted("x"))
    import_file(tmp_path / "c", path, Wanted("x"), now_ns=1)
    bars, source = open_catalog(tmp_path / "c").bars("x", "BTC-USDT", "1m")
    assert isinstance(loaded.data, BarColumns)
    for one, other in zip(loaded.data[2:], bars[2:], strict=True):
        assert np.array_equal(one, other)
    assert loaded.data.instrument == bars.instrument
    assert (loaded.source.sha256, loaded.source.gaps) == (source.sha256, source.gaps)


def test_a_tape_of_a_file_is_that_of_a_catalog(tmp_path):
    path = tmp_path / "BTCUSDT-trades-2024-01-01.csv"
    path.write_text(
        "\n".join(f"{n},{100 + n % 3}.5,{n},0,{T0 + n},{n % 2 == 0},True" for n in (1, 2, 5))
    )
    loaded = load(path)
    import_file(tmp_path / "c", path, Wanted(), now_ns=1)
    tape, source = open_catalog(tmp_path / "c").tape("binance", "BTC-USDT")
    assert isinstance(loaded.data, Tape)
    for _ in range(2):
        blocks = np.concatenate(list(loaded.data.blocks()))
        assert np.array_equal(blocks, np.concatenate(list(tape.blocks())))
    assert loaded.source.gaps == source.gaps == (((T0 + 2) * 10**6, (T0 + 5) * 10**6),)


def test_bars_that_contradict_each_other_are_refused(tmp_path):
    path = tmp_path / "BTC-USDT-1m.csv"
    path.write_text(f"{T0},1,1,1,1,1\n{T0},2,2,2,2,2\n")
    with pytest.raises(UsageError, match="is not later than the one before"):
        load(path)
    path.write_text(f"{T0},1,1,2,1,1\n")
    with pytest.raises(UsageError, match="outside its low and high"):
        load(path)


def test_a_file_has_bounded_bars_and_some_rows(tmp_path, monkeypatch):
    path = tmp_path / "BTC-USDT-1m.csv"
    path.write_text("time,open,high,low,close,volume\n")
    with pytest.raises(UsageError, match="has no rows"):
        load(path)
    path.write_text(f"{T0},1,1,1,1,1\n{T0 + 60_000},2,2,2,2,2\n")
    monkeypatch.setattr(loading, "BARS_MAX", 1)
    with pytest.raises(UsageError, match="import it into a catalog"):
        load(path)
