"""A market in which nothing happens but what the test does: a recording of one moment, held."""

import gzip
import json
from pathlib import Path

SYMBOL = "BTCUSDT"
BID, ASK, LAST = 49_900, 50_100, 50_000
SIZE = 5  # BTC at the bid and at the ask
START_MS = 1_700_000_000_000
PAUSE_MS = 30_500  # a recording has to be longer than a minute


def quiet_market(folder: Path) -> tuple[str, ...]:
    """Write the recording; return the options of an exchange that trades in it."""
    levels = {"b": [[f"{BID}.00", f"{SIZE}.0"]], "a": [[f"{ASK}.00", f"{SIZE}.0"]]}
    messages = [
        ("depth@100ms", {"e": "depthUpdate", "U": 1, "u": 2, **levels}),
        ("trade", {"e": "trade", "t": 1, "p": f"{LAST}.00", "q": "1.0", "m": False, "M": True}),
        ("depth@100ms", {"e": "depthUpdate", "U": 3, "u": 4, **levels}),
    ]
    file = folder / "quiet.jsonl.gz"
    with gzip.open(file, "wt") as lines:
        for number, (stream, data) in enumerate(messages):
            ms = START_MS + number * PAUSE_MS
            frame = {
                "stream": f"{SYMBOL.lower()}@{stream}",
                "data": {"E": ms, "s": SYMBOL, "T": ms, **data},
            }
            lines.write(f"{ms * 1_000_000} {json.dumps(frame, separators=(',', ':'))}\n")
    return ("--tape", str(file))
