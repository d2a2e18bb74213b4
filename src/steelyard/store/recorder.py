"""A recorder of what a market stream told: the tape beside a bot's journal.

    DIR/market-20261121T205454Z-0001.jsonl.gz    lines of `<local nanoseconds> <frame>`

Frames are written as they were received, in the form that `steelyard exchange --tape` plays where
they are of a dialect that it knows. A batch of them is one whole gzip member, so a file can be read
while it grows and after a crash. Files are begun anew at `FILE_MAX_BYTES`, and the oldest go when
all of them would be more than they may.

A recorder never holds up whoever trades: a thread of its own writes, what waits for it is bounded,
and a disk that refuses costs frames and nothing else. What is lost is counted and told, and marked
in the tape by a line of the stream `steelyard@lost`, which no player takes for a market's.
"""

import gzip
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from threading import Condition, Thread
from time import monotonic

from steelyard.store.disk import make_private_directory, make_private_file

FILE_MAX_BYTES = 64 << 20
WAITING_MAX_BYTES = 16 << 20  # unpacked; beyond it frames are lost
FLUSH_S = 1.0
AGAIN_S = 30.0  # after the disk has refused
PACK_LEVEL = 6
NS_PER_S = 1_000_000_000
PATTERN = "market-*.jsonl.gz"


class MarketRecorder:
    """One running recording."""

    def __init__(
        self,
        directory: Path,
        max_bytes: int,
        tell: Callable[[str], None],
        *,
        file_max_bytes: int = FILE_MAX_BYTES,
        flush_s: float = FLUSH_S,
        again_s: float = AGAIN_S,
    ) -> None:
        """Begin a thread that writes into a directory.

        Args:
            directory: Made if it is not there.
            max_bytes: What all files of it may be together.
            tell: Told, on the recorder's thread, when frames are lost and when they no longer are.
            file_max_bytes: How large one file grows.
            flush_s: How often what waits is written.
            again_s: How long a disk that refused is left alone.
        """
        self._directory = directory
        self._max_bytes = max_bytes
        self._file_max_bytes = min(file_max_bytes, max(1, max_bytes // 2))
        self._tell = tell
        self._flush_s = flush_s
        self._again_s = again_s
        self._waiting: list[bytes] = []
        self._waiting_bytes = 0
        self._lost = 0  # frames, since the last that was written
        self._lost_told = 0
        self._is_lossy = False
        self._first_ns = 0  # of what waits
        self._file: Path | None = None
        self._file_bytes = 0
        self._number = 0
        self._retry_at = 0.0
        self._is_over = False
        self._wakes = Condition()
        self._thread = Thread(target=self._run, name="market recorder", daemon=True)
        self._thread.start()

    def take(self, frame: str | bytes, now_ns: int) -> None:
        """Take a frame that was received then; never waits."""
        raw = frame.encode() if isinstance(frame, str) else frame
        line = b"%d %b\n" % (now_ns, raw.replace(b"\n", b" "))
        with self._wakes:
            if self._waiting_bytes + len(line) > WAITING_MAX_BYTES:
                self._lost += 1
                return
            if not self._waiting:
                self._first_ns = now_ns
            self._waiting.append(line)
            self._waiting_bytes += len(line)

    def close(self) -> None:
        """Write what waits, and end."""
        with self._wakes:
            self._is_over = True
            self._wakes.notify()
        self._thread.join()

    # -- on the thread ------------------------------------------------------------------------

    def _run(self) -> None:
        is_over = False
        while not is_over:
            with self._wakes:
                self._wakes.wait_for(lambda: self._is_over, self._flush_s)
                is_over = self._is_over
                lines, self._waiting, self._waiting_bytes = self._waiting, [], 0
                lost, self._lost = self._lost, 0
            if lost:
                self._lose(lost, "the disk does not keep up")
            if not lines:
                continue
            if monotonic() < self._retry_at and not is_over:
                self._lose(len(lines), "")
                continue
            try:
                self._write(lines)
            except OSError as error:
                self._file = None
                self._retry_at = monotonic() + self._again_s
                self._lose(len(lines), f"{self._directory}: {error.strerror or error}")

    def _lose(self, frames: int, why: str) -> None:
        """Count what is lost; say so once until something is written again."""
        self._lost_told += frames
        if not self._is_lossy:
            self._is_lossy = True
            self._tell(f"frames of the market are not recorded: {why}; trading goes on")

    def _write(self, lines: list[bytes]) -> None:
        """Append a batch as one member of the file that is open, or of a new one."""
        if self._file is None or self._file_bytes >= self._file_max_bytes:
            self._begin()
        assert self._file is not None, "a file has been begun"
        if self._is_lossy:
            time_ns = lines[0].partition(b" ")[0]
            mark = b'%b {"stream":"steelyard@lost","data":{"frames":%d}}\n'
            lines = [lines[0], mark % (time_ns, self._lost_told), *lines[1:]]
        packed = gzip.compress(b"".join(lines), PACK_LEVEL)
        before = self._file_bytes
        with self._file.open("r+b") as file:
            file.seek(before)
            file.truncate()  # what a write that failed has left would end the tape there
            file.write(packed)
        self._file_bytes = before + len(packed)
        if self._is_lossy:
            self._is_lossy = False
            self._tell(f"the market is recorded again; {self._lost_told} frames are missing")
            self._lost_told = 0
        self._prune()

    def _begin(self) -> None:
        make_private_directory(self._directory)
        moment = datetime.fromtimestamp(self._first_ns // NS_PER_S, UTC).strftime("%Y%m%dT%H%M%SZ")
        while True:
            self._number += 1
            path = self._directory / f"market-{moment}-{self._number:04d}.jsonl.gz"
            if not path.exists():
                break
        make_private_file(path)
        self._file, self._file_bytes = path, 0

    def _prune(self) -> None:
        """Remove the oldest files while all of them are too much."""
        files = sorted(self._directory.glob(PATTERN), key=lambda path: path.stat().st_mtime_ns)
        total = sum(path.stat().st_size for path in files)
        for path in files:
            if total <= self._max_bytes or path == self._file:
                return
            total -= path.stat().st_size
            path.unlink()
