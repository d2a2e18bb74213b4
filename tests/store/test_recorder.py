"""The recorder: whole lines, whole files, bounded space, and a disk that may refuse."""

import gzip
import time
from itertools import count
from pathlib import Path

import pytest

from steelyard.cli.market_source import make_market, tape_source
from steelyard.dialects.binance.recording import tape_events
from steelyard.domain.messages import MINUTE_NS, SECOND_NS, Trade
from steelyard.exchange.listings import LISTINGS
from steelyard.store import recorder
from steelyard.store.recorder import MarketRecorder
from steelyard.store.recordings import lines

BEGIN_NS = 1_700_000_000 * SECOND_NS
BTC_USDT = next(
    listing.instrument for listing in LISTINGS if listing.instrument.symbol == "BTC-USDT"
)


def frames(seconds: int):
    """Yield (time, frame) of a market with a trade a second, as a venue streams it."""
    for second in range(seconds):
        time_ns = BEGIN_NS + second * SECOND_NS
        ms = time_ns // 1_000_000
        price = 60_000 + second % 7
        yield (
            time_ns,
            (
                '{"stream":"btcusdt@depth@100ms","data":{"e":"depthUpdate",'
                f'"E":{ms},"U":{second + 1},"u":{second + 1},'
                f'"b":[["{price - 1}.00","1"],["{price - 2}.00","0"]],'
                f'"a":[["{price + 1}.00","1"],["{price + 2}.00","1"]]}}}}'
            ),
        )
        yield (
            time_ns + 1_000_000,
            (
                '{"stream":"btcusdt@trade","data":{"e":"trade",'
                f'"T":{ms},"t":{second + 1},"p":"{price}.00","q":"0.5","m":false}}}}'
            ).encode(),
        )


def record(directory: Path, *, seconds: int = 100, **options) -> list[str]:
    """Record a market; return what the recorder said."""
    said: list[str] = []
    running = MarketRecorder(
        directory, options.pop("max_bytes", 10**9), said.append, flush_s=0.01, **options
    )
    for time_ns, frame in frames(seconds):
        running.take(frame, time_ns)
    running.close()
    return said


def files(directory: Path) -> list[Path]:
    return sorted(directory.glob("market-*.jsonl.gz"))


def test_what_was_recorded_is_a_tape(tmp_path: Path):
    """`steelyard exchange --tape` plays it, with every trade that was received."""
    assert record(tmp_path / "tape") == []
    (file,) = files(tmp_path / "tape")
    assert file.stat().st_mode & 0o077 == 0
    given = [*frames(100)]
    found = [*lines(file)]
    assert [int(line.partition(b" ")[0]) for line in found] == [time_ns for time_ns, _ in given]
    trades = [e for e in tape_events(lines(file), BTC_USDT) if isinstance(e, Trade)]
    assert [trade.trade_id for trade in trades] == [*range(1, 101)]
    market = make_market(tape_source(str(file), "hold"))
    assert market.kind == "tape"
    assert [i.symbol for i in market.instruments()] == ["BTC-USDT"]
    assert (given[-1][0] - BEGIN_NS) > MINUTE_NS


def test_a_file_can_be_read_while_it_grows(tmp_path: Path):
    """Each batch is whole by itself: also after a crash right behind it."""
    said: list[str] = []
    running = MarketRecorder(tmp_path, 10**9, said.append, flush_s=0.01)
    for number in range(3):
        running.take(f'{{"stream":"btcusdt@x","data":{number}}}', number)
        for _ in range(500):
            if files(tmp_path) and len([*lines(files(tmp_path)[0])]) == number + 1:
                break
            time.sleep(0.01)
        assert len([*lines(files(tmp_path)[0])]) == number + 1
    running.close()


def test_files_are_begun_anew_and_the_oldest_go(tmp_path: Path):
    """All of them together stay within what they may be; what is left is the newest."""
    running = MarketRecorder(tmp_path, 6_000, [].append, file_max_bytes=1_000, flush_s=0.001)
    for number in count():
        running.take(
            f'{{"stream":"btcusdt@x","data":"{hash(number):x}{number * 7**40:x}"}}', number
        )
        if number % 20 == 0:
            time.sleep(0.003)
        if number > 2_000:
            break
    running.close()
    kept = files(tmp_path)
    assert len(kept) > 1
    assert sum(file.stat().st_size for file in kept) <= 6_000 + 1_000
    numbers = [int(line.partition(b" ")[0]) for file in kept for line in lines(file)]
    assert numbers == [*range(numbers[0], 2_002)]


def test_a_disk_that_refuses_costs_frames_and_is_told(tmp_path: Path, monkeypatch):
    """Once when it begins, once when it is over; the tape says how many are missing."""
    said: list[str] = []
    is_full = True
    compress = gzip.compress

    def refuse(data: bytes, level: int) -> bytes:
        if is_full:
            raise OSError(28, "No space left on device")
        return compress(data, level)

    monkeypatch.setattr(recorder.gzip, "compress", refuse)
    running = MarketRecorder(tmp_path, 10**9, said.append, flush_s=0.001, again_s=0.01)
    for number in range(10):
        running.take('{"stream":"btcusdt@x","data":1}', number)
    for _ in range(500):
        if said:
            break
        time.sleep(0.01)
    why = f"{tmp_path}: No space left on device"
    assert said == [f"frames of the market are not recorded: {why}; trading goes on"]
    is_full = False
    time.sleep(0.05)
    running.take('{"stream":"btcusdt@x","data":2}', 11)
    running.close()
    assert said[1] == "the market is recorded again; 10 frames are missing"
    kept = b"".join(line for file in files(tmp_path) for line in lines(file))
    assert b'{"stream":"steelyard@lost","data":{"frames":10}}' in kept


def test_what_waits_is_bounded(tmp_path: Path, monkeypatch):
    """A disk that does not keep up costs frames, not memory."""
    monkeypatch.setattr(recorder, "WAITING_MAX_BYTES", 1_000)
    said: list[str] = []
    running = MarketRecorder(tmp_path, 10**9, said.append, flush_s=3600)
    for number in range(100):
        running.take("x" * 90, number)
    assert running._waiting_bytes <= 1_000
    running.close()
    assert "the disk does not keep up" in said[0]


@pytest.mark.parametrize("frame", ["one\ntwo", b"one\ntwo"])
def test_a_frame_is_one_line(tmp_path: Path, frame):
    """Whatever a venue puts into it."""
    running = MarketRecorder(tmp_path, 10**9, [].append, flush_s=0.01)
    running.take(frame, 5)
    running.close()
    assert [*lines(files(tmp_path)[0])] == [b"5 one two\n"]
