import gzip

import pytest

from steelyard.data.captures import CaptureReading, captures, is_capture, lines_of, symbol_of
from steelyard.data.kinds import Kind
from steelyard.data.loading import load
from steelyard.data.manifest import Key, Missing
from steelyard.data.reading import Wanted
from steelyard.domain.errors import UsageError

T0 = 1_723_161_600_000_000_000
TRADE = '{"stream":"btcusdt@trade","data":{"T":%d,"t":%d,"p":"100.10","q":"0.5","m":true}}'
TOUCH = '{"stream":"ethusdt@bookTicker","data":{"u":7,"b":"1.1","B":"1","a":"1.2","A":"2"}}'


def recording(path, lines):
    path.write_bytes(gzip.compress("\n".join(lines).encode()))
    return path


def trade(number, at_ns):
    return f"{at_ns} {TRADE % (at_ns // 10**6, number)}"


def test_both_forms_of_lines_are_read(tmp_path):
    path = recording(
        tmp_path / "x.gz",
        [
            "wss://stream.example.com/stream <-> 1633998512.0",
            'wss://stream.example.com/stream <- 1633998512.1: {"op":"subscribe"}',
            f"1633998512.0633569: {TOUCH}",
            f"{T0} {TOUCH}",
        ],
    )
    assert [(number, time_ns) for number, time_ns, _ in lines_of(path)] == [
        (3, 1_633_998_512_063_356_900),
        (4, T0),
    ]
    with gzip.open(path) as file:
        assert is_capture(file.read(100))
    assert not is_capture(b"time,open,high\n1,2,3\n")
    recording(path, ["what is this"])
    with pytest.raises(UsageError, match=r"line 1: .* is no line of a recording"):
        list(lines_of(path))


def test_markets_are_told_apart(tmp_path):
    path = recording(tmp_path / "x", [trade(1, T0), f"{T0 + 5} {TOUCH}"])
    reading = CaptureReading(path, Wanted())
    assert reading.symbols == {"BTC-USDT", "ETH-USDT"}
    assert {key for key, _ in reading.rows()} == {
        Key(Kind.TRADES, "binance", "BTC-USDT"),
        Key(Kind.TOUCH, "binance", "ETH-USDT"),
    }
    (key,) = {key for key, _ in CaptureReading(path, Wanted(symbol="ETH-USDT")).rows()}
    assert key.kind is Kind.TOUCH
    with pytest.raises(UsageError, match="of several markets"):
        load(path)
    with pytest.raises(UsageError, match="has nothing of ADA-USDT"):
        CaptureReading(path, Wanted(symbol="ADA-USDT"))
    assert load(path, Wanted(symbol="BTC-USDT")).data.instrument.symbol == "BTC-USDT"


def test_a_recording_of_futures_is_of_a_venue_of_its_own(tmp_path):
    """Its frames say so; after a gap, too, no frame of another market is taken."""
    future = TOUCH.replace("}}", ',"T":5}}')
    mark = f'{T0 + 1} {{"stream":"steelyard@gap","data":{{}}}}'
    spot = f"{T0 + 2} {TRADE % (5, 1)}".replace("}}", ',"M":true}}')
    path = recording(tmp_path / "x", [f"{T0} {future}", mark])
    reading = CaptureReading(path, Wanted())
    assert (reading.venue, reading.form) == ("binance-um", "recording of binance-um")
    assert CaptureReading(path, Wanted("mine")).venue == "mine"
    many = [f"{T0} {future}"] * 2_000
    recording(path, [*many, mark, spot])
    with pytest.raises(UsageError, match=r"line 2002: .* of binance, before .* of binance-um"):
        list(CaptureReading(path, Wanted()).rows())


def test_what_the_recorder_lacks_is_missing(tmp_path):
    """Frames that it lost, and a connection that broke."""
    second = 10**9
    span = f'"from_ns":{T0 + 3 * second},"to_ns":{T0 + 9 * second}'
    mark = f'{T0 + 9 * second} {{"stream":"steelyard@gap","data":{{{span},"why":"cable"}}}}'
    path = recording(
        tmp_path / "x",
        [
            trade(1, T0),
            f'{T0 + 2 * second} {{"stream":"steelyard@lost","data":{{"frames":9}}}}',
            trade(2, T0 + 2 * second),
            mark,
            trade(3, T0 + 9 * second),
        ],
    )
    reading = CaptureReading(path, Wanted())
    ((_, rows),) = reading.rows()
    assert len(rows.frame) == 3
    assert reading.missing == [
        Missing(T0 + 1, T0 + 2 * second, "frames were lost"),
        Missing(T0 + 3 * second + 1, T0 + 9 * second, "cable"),
    ]
    assert load(path).source.gaps == tuple((each.from_ns, each.to_ns) for each in reading.missing)


def test_a_frame_of_another_form_is_named(tmp_path):
    path = recording(
        tmp_path / "x", [trade(1, T0), f'{T0} {{"stream":"btcusdt@trade","data":{{}}}}']
    )
    with pytest.raises(UsageError, match=r"line 2: .*missing required field"):
        CaptureReading(path, Wanted())


def test_frames_that_no_dialect_reads_are_refused(tmp_path):
    path = recording(tmp_path / "x", [f'{T0} {{"table":"orderbook.1"}}'])
    venues = [capture.venue for capture in captures()]
    assert venues == [
        *("binance", "bybit", "coinbase-advanced", "coinbase-exchange", "kraken", "kucoin", "okx"),
        "weex",
    ]
    with pytest.raises(UsageError, match=f"of {', '.join(venues)} are"):
        CaptureReading(path, Wanted())


def test_symbols_become_ours():
    assert symbol_of("BTCUSDT") == symbol_of("BTC/USDT") == symbol_of("BTC-USDT") == "BTC-USDT"
    with pytest.raises(UsageError, match="no quote that is known"):
        symbol_of("WHATEVER")


def test_real_captures_of_several_markets_are_read(shared_data):
    """Two venues, all their markets, each row in steps of its own."""
    found = {}
    for name in ("BINANCE.ws.1.0.gz", "BINANCE_FUTURES.ws.1.0.gz", "COINBASE.ws.28.0.gz"):
        reading = CaptureReading(shared_data / "captures" / name, Wanted())
        for key, rows in reading.rows():
            found[name, key.kind] = found.get((name, key.kind), 0) + len(rows.frame)
    counts = {(name.split(".")[0], str(kind)): count for (name, kind), count in found.items()}
    assert counts["BINANCE", "touch"] == 84
    assert counts["BINANCE_FUTURES", "aggtrades"] == 91
    assert counts["COINBASE", "trades"] == 97
    assert counts["COINBASE", "depth"] > 18_000
