from datetime import date

from steelyard.dialects.binance.archive import ARCHIVE


def test_a_series_path_and_its_files_name_agree():
    """What is downloaded from a path is known by the name that it has there."""
    for series in ARCHIVE.series.values():
        for template, day in ((series.daily, "2024-01-05"), (series.monthly, "2024-01")):
            if not template:
                continue
            path = template.format(market="spot", symbol="BTCUSDT", interval="1m", date=day)
            name = path.rpartition("/")[2].removesuffix(".zip")
            match = series.pattern.fullmatch(name)
            assert match is not None, name
            assert (match["symbol"], match["date"]) == ("BTCUSDT", day)
            assert date.fromisoformat(f"{match['date']}-01"[:10])
