"""An exchange on which nobody trades who is not asked to: a tape that stands still."""

import gzip
import json
from pathlib import Path

from exchange_here import ExchangeHere

SYMBOL = "BTCUSDT"
BID, LAST, ASK = 49_999.0, 50_000.0, 50_001.0
FAR_BELOW, BELOW, ABOVE = 30_000.0, 40_000.0, 60_000.0
DEPTH = 1_000.0  # at the bid and at the ask: more than tests take
PLENTY = {"USDT": "10000000", "BTC": "200"}

_START_MS = 1_723_161_600_000
_WARM_S = 70  # a tape needs more than a minute


def quiet_exchange(folder: Path) -> ExchangeHere:
    """Return an exchange, to be started, on a tape that is made in a folder and soon over."""
    tape = folder / "quiet.jsonl.gz"
    tape.write_bytes(gzip.compress(b"".join(map(_frames, range(_WARM_S)))))
    return ExchangeHere(folder / "data", "--tape", f"{tape}@1000")


def _frames(second: int) -> bytes:
    """Return what was recorded in a second: the book as it is, and a trade between its sides."""
    time_ms = _START_MS + 1_000 * second
    book = {
        "E": time_ms,
        "U": second,
        "u": second,
        "b": [[str(BID), str(DEPTH)]],
        "a": [[str(ASK), str(DEPTH)]],
    }
    trade = {"T": time_ms, "t": second, "p": str(LAST), "q": "0.5", "m": bool(second % 2)}
    frames = (
        json.dumps({"stream": f"btcusdt@{name}", "data": data}, separators=(",", ":")).encode()
        for name, data in (("depth", book), ("trade", trade))
    )
    return b"".join(b"%d %s\n" % (time_ms * 10**6, frame) for frame in frames)
