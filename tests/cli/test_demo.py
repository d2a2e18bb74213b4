import signal
import sys
import time
from decimal import Decimal
from pathlib import Path

import pytest
from demo_process import Demo, is_alive

from steelyard.cli.demo import FUNDS, configure
from steelyard.domain.errors import UsageError


def test_each_market_has_a_directory_of_its_own(tmp_path):
    tape = tmp_path / "rec.jsonl.gz"
    tape.write_bytes(b"x")
    crowd = configure(None, None, 0, browser=False)
    first, second = (configure(None, f"{tape}@{s}", 0, browser=False) for s in (1, 2))
    assert len({crowd.data, first.data, second.data}) == 3
    assert configure(Path("here"), None, 0, browser=False).data == Path("here")


def test_a_recording_that_is_not_there_is_refused_before_anything_starts():
    with pytest.raises(UsageError, match="no recording at"):
        configure(None, "/nowhere.gz@2", 0, browser=False)


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_a_demo_trades_stops_in_order_and_goes_on_where_it_ended(tmp_path):
    """The contract: first fill, one Ctrl-C, and the next start has the same position."""
    with Demo(tmp_path / "data") as demo:
        pids = [demo.ready["pid"], demo.bot_pid()]
        state = demo.wait(lambda s: len(s["fills"]) >= 1)
        assert state["status"] == "running"
        assert state["bot"]["environment"] == "sandbox"
        assert demo.stop() == 0
    assert not any(is_alive(pid) for pid in pids)

    with Demo(tmp_path / "data") as demo:
        again = demo.wait(lambda s: s["status"] == "running")
        assert demo.stop() == 0
    fills = {fill["trade_id"] for fill in again["fills"]}
    assert {fill["trade_id"] for fill in state["fills"]} <= fills
    sizes = [Decimal(f["size"]) * (1 if f["side"] == "buy" else -1) for f in again["fills"]]
    fees = [Decimal(f["fee"]) for f in again["fills"] if f["fee_asset"] == "BTC"]
    assert Decimal(again["position"]["size"]) == sum(sizes) - sum(fees)
    held = {b["asset"]: Decimal(b["free"]) + Decimal(b["held"]) for b in again["balances"]}
    assert held["BTC"] == FUNDS["BTC"] + Decimal(again["position"]["size"])


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child that way")
def test_a_demo_that_is_killed_leaves_no_process_behind(tmp_path):
    with Demo(tmp_path / "data") as demo:
        pids = [demo.ready["pid"], demo.bot_pid()]
        demo.process.kill()
    last = time.monotonic() + 20
    while any(is_alive(pid) for pid in pids):
        assert time.monotonic() < last, "orphans"
        time.sleep(0.1)


@pytest.mark.slow
def test_a_demo_heeds_ctrl_c_where_its_shell_ignores_it(tmp_path):
    """What a shell starts in the background begins with SIGINT ignored, as in many a CI job."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        demo = Demo(tmp_path / "data")
    finally:
        signal.signal(signal.SIGINT, before)
    with demo:
        assert demo.stop() == 0
