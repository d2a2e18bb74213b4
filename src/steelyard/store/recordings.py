"""Recordings of a venue's streams: gzip files of lines, read one at a time.

A line is local nanoseconds, a space, and the frame as it was received. What a frame means is a
dialect's business; here a file is opened, bounded and refused.
"""

import gzip
import zlib
from collections.abc import Iterator
from pathlib import Path

from steelyard.domain.errors import ConfigError

LINE_MAX_BYTES = 4 << 20


def lines(file: Path) -> Iterator[bytes]:
    """Yield a recording's lines in order.

    Raises:
        ConfigError: The file is missing, not gzip, cut short, or holds an endless line.
    """
    try:
        with gzip.open(file, "rb") as recorded:
            number = 0
            while line := recorded.readline(LINE_MAX_BYTES):
                number += 1
                if len(line) == LINE_MAX_BYTES:
                    raise ConfigError(f"{file}, line {number} is longer than any frame")
                yield line
    except FileNotFoundError as error:
        raise ConfigError(f"no recording at {file}") from error
    except (gzip.BadGzipFile, zlib.error) as error:
        raise ConfigError(f"{file} is not a gzip file: {error}") from error
    except EOFError as error:
        raise ConfigError(f"{file} is cut short; fetch it again") from error
