"""What it costs to read a market when nothing is checked: `floor_md.rs`, built here."""

import ctypes
import shutil
import subprocess
from array import array
from pathlib import Path
from typing import Any

from bench.measure import Bench
from bench.turns import Job, timed

HERE = Path(__file__).parent


def built(bench: Bench, row_name: str, folder: Path) -> Any | None:
    """Return the library, built in a folder; None where no compiler is here."""
    rustc = shutil.which("rustc")
    if rustc is None:
        bench.skip(row_name, "needs rustc")
        return None
    library, source = folder / "floor_md.so", str(HERE / "floor_md.rs")
    command = [rustc, "--edition", "2024", "--crate-type", "cdylib", "-C", "opt-level=3", "-o"]
    subprocess.run([*command, str(library), source], check=True)
    floor = ctypes.CDLL(str(library))
    floor.floor_book.restype = ctypes.c_void_p
    return floor


def floor_job(
    floor: Any,
    function: str,
    options: tuple[int, ...],
    frames: list[bytes],
    best: tuple[int, int],
    first: bytes = b"",
    repeats: int = 1,
) -> Job:
    """Return the scan and the book and nothing else, so many times.

    first is a frame that comes before the others, and is not timed. best is what the book shows in
    the end, in ticks.
    """
    read = getattr(floor, function)
    numbers = tuple(map(ctypes.c_size_t, options))

    def call(book: Any, frames: list[bytes], found: Any) -> float:
        data = b"".join(frames)
        ends, end = array("Q"), 0
        for frame in frames:
            end += len(frame)
            ends.append(end)
        at = (ctypes.c_size_t * len(ends)).from_buffer(ends)
        return timed(lambda: read(book, data, at, ctypes.c_size_t(len(ends)), found, *numbers))

    def job() -> float:
        seconds = 0.0
        for _ in range(repeats):
            found = (ctypes.c_int64 * 3)()
            book = ctypes.c_void_p(floor.floor_book())
            if first:
                call(book, [first], found)
            seconds += call(book, frames, found)
            floor.floor_end(book)
            assert tuple(found)[:2] == best, tuple(found)
        return seconds

    return job
