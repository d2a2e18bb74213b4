"""A tape that is larger than memory should be: how much of it a backtest holds at once.

It makes a catalog of depth, as an import would (staged, merged, by days, in Parquet), of so many GB
as decoded columns, and then plays it in a process of its own, with a strategy that trades each
minute. Both tell the most memory that they have held. The folder goes afterwards.

    BENCH_TAPE_GB    how large, in 10^9 bytes; 1 unless told
    BENCH_TAPE_DIR   where; the folder for temporary files unless told
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

from bench.measure import resident_peak_mib, row

HERE = Path(__file__).parent
BEGIN_NS = 1_704_067_200_000_000_000
STEP_NS = 10_000_000  # between two messages
LEVELS = 20  # of a message
BATCH = 50_000  # messages
WIDE = 200  # ticks on either side
MIDDLE = 6_000_000


def run() -> Iterator[dict[str, Any]]:
    """Yield how large the catalog is, and what making and playing it took."""
    size = float(os.environ.get("BENCH_TAPE_GB", "1"))
    with tempfile.TemporaryDirectory(dir=os.environ.get("BENCH_TAPE_DIR")) as folder:
        made, played = (_child(job, folder, size) for job in ("make", "play"))
    yield row("rows of depth", "rows", [made["rows"]])
    yield row("decoded columns", "GB", [made["bytes"] / 1e9])
    yield row("Parquet", "GB", [made["stored"] / 1e9])
    yield row("import: resident at most", "MiB", [made["peak_mib"]])
    yield row("import", "rows/s", [made["rows"] / made["seconds"]])
    yield row("backtest: events", "events", [played["events"]])
    yield row("backtest: fills", "fills", [played["fills"]])
    yield row("backtest: resident at most", "MiB", [played["peak_mib"]])
    yield row("backtest", "events/s", [played["events"] / played["seconds"]])


def _child(job: str, folder: str, size: float) -> dict[str, Any]:
    command = [sys.executable, "-m", "bench.large", job, folder, str(size)]
    told = subprocess.run(command, check=True, stdout=subprocess.PIPE, cwd=HERE.parent).stdout
    found: dict[str, Any] = json.loads(told.splitlines()[-1])
    return found


def _make(root: Path, size: float) -> dict[str, Any]:
    import numpy as np  # noqa: PLC0415 only the children need it
    import polars as pl  # noqa: PLC0415 as above

    from steelyard.data.kinds import COLUMNS, Kind  # noqa: PLC0415 as above
    from steelyard.data.manifest import Imported, Key  # noqa: PLC0415 as above
    from steelyard.data.shapes import Rows  # noqa: PLC0415 as above
    from steelyard.data.writing import Merge, Staging, locked  # noqa: PLC0415 as above
    from steelyard.domain.instrument import Instrument  # noqa: PLC0415 as above

    instrument = Instrument.spot(
        0,
        (0, "BTC"),
        (1, "USDT"),
        tick_size="0.01",
        lot_size="0.001",
        price_max="1000000",
        size_max="9000",
        notional_min="0",
    )
    key = Key(Kind.DEPTH, "bench", "BTC-USDT")
    random = np.random.default_rng(1)
    begun = time.perf_counter()
    rows = held = 0
    first = Imported(
        file="made", sha256="0" * 64, form="made", rows=0, first_ns=0, last_ns=0, time_unit="ns"
    )
    with locked(root), Staging(root, Merge(lambda _: (instrument, "given"), "venue")) as staging:
        while held < size * 1e9:
            number = rows // LEVELS + np.repeat(np.arange(BATCH, dtype=np.int64), LEVELS)
            side = np.tile(np.array([1, -1], np.int64), BATCH * LEVELS // 2)
            away = 1 + np.cumsum(random.integers(1, 2 * WIDE // LEVELS, (BATCH, LEVELS)), axis=1)
            lots = random.integers(0, 5_000, BATCH * LEVELS)
            columns = {
                "time_ns": BEGIN_NS + number * STEP_NS,
                "venue_ns": BEGIN_NS + number * STEP_NS,
                "first_id": number + 1,
                "last_id": number + 1,
                "nth": np.tile(np.arange(LEVELS), BATCH),
                "side": side,
                "price_ticks": MIDDLE - side * away.ravel(),
                "size_lots": lots,
            }
            frame = pl.DataFrame(columns).cast(dict(COLUMNS[Kind.DEPTH]))  # type: ignore[arg-type]
            staging.take(key, Rows(Kind.DEPTH, frame, 2, 3, rows + 1))
            rows += len(frame)
            held += int(frame.estimated_size())
        staging.commit(lambda _: first)
    stored = sum(path.stat().st_size for path in root.rglob("*.parquet"))
    seconds = time.perf_counter() - begun
    return {"rows": rows, "bytes": held, "stored": stored, "seconds": seconds}


def _play(root: Path, _size: float) -> dict[str, Any]:
    from steelyard.backtest.run import Run  # noqa: PLC0415 only the children need it
    from steelyard.backtest.settings import Settings  # noqa: PLC0415 as above
    from steelyard.data.catalog import open_catalog  # noqa: PLC0415 as above
    from steelyard.trading.strategy import Strategy, Timer  # noqa: PLC0415 as above

    class Minute(Strategy):
        """Buys and sells in turn, once a minute."""

        def on_start(self) -> None:
            self.every("60s")

        def on_timer(self, _timer: Timer) -> None:
            (self.buy if self.position.is_flat else self.sell)("0.01")

    tape, _ = open_catalog(root).tape("bench", "BTC-USDT")
    assumed = Settings(deposits={"USDT": Decimal(10**9), "BTC": Decimal(10)})
    run = Run(Minute(), tape, assumed)
    begun = time.perf_counter()
    run.go(time.perf_counter)
    seconds = time.perf_counter() - begun
    result = run.result()
    if result.about.failure:
        raise RuntimeError(result.about.failure)
    return {"events": result.totals.events, "fills": len(result.fills), "seconds": seconds}


if __name__ == "__main__":
    JOBS = {"make": _make, "play": _play}
    told = JOBS[sys.argv[1]](Path(sys.argv[2]) / "catalog", float(sys.argv[3]))
    print(json.dumps({**told, "peak_mib": resident_peak_mib()}))
