from steelyard.data.kinds import Kind
from steelyard.dialects.binance.archive import ARCHIVE


def test_the_archive_has_the_documented_places_and_tables():
    """Paths and columns as https://github.com/binance/binance-public-data shows them."""
    klines = ARCHIVE.series["klines"]
    assert (
        klines.monthly.format(
            market=ARCHIVE.markets["spot"], symbol="ADABKRW", interval="1h", date="2020-08"
        )
        == "data/spot/monthly/klines/ADABKRW/1h/ADABKRW-1h-2020-08.zip"
    )
    assert len(klines.columns[0]) == 12
    assert [len(names) for names in ARCHIVE.series["aggTrades"].columns] == [8, 7]
    assert [len(names) for names in ARCHIVE.series["trades"].columns] == [7, 6]
    assert ARCHIVE.markets["um"] == "futures/um"
    assert {series.kind for series in ARCHIVE.series.values()} == set(Kind)


def test_other_names_are_no_files_of_it():
    for name in ("BTCUSDT-1m.csv", "btcusdt-1m-2024-01.csv", "BTCUSDT-1x-2024-01.csv"):
        assert not any(series.pattern.fullmatch(name) for series in ARCHIVE.series.values())
