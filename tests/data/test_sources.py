from steelyard.data.captures import CaptureReading
from steelyard.data.reading import Reading, Wanted
from steelyard.data.sources import open_source


def test_a_file_is_known_by_what_is_in_it(tmp_path):
    """A recording and a table under the same name."""
    path = tmp_path / "BTC-USDT-1m.csv"
    path.write_text("1704067200000,1,1,1,1,1\n")
    assert isinstance(open_source(path, Wanted()), Reading)
    frame = '{"stream":"btcusdt@trade","data":{"T":1,"t":1,"p":"1","q":"1","m":true}}'
    path.write_text(f"1704067200000000000 {frame}\n")
    source = open_source(path, Wanted())
    assert isinstance(source, CaptureReading)
    assert source.clock == "recorder"
