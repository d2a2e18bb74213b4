"""Recordings of a venue's streams: gzip files of lines, read one at a time.

What a line means is a dialect's business; here a file is opened, bounded and refused. One line is
in memory at a time.
"""

import gzip
import hashlib
import zlib
from collections.abc import Iterator
from pathlib import Path

from steelyard.domain.errors import ConfigError

LINE_MAX_BYTES = 4 << 20


def sha256(file: Path) -> str:
    """Return the hash of a recording's file as it lies there: which recording it is.

    Raises:
        ConfigError: The file is missing, or may not be read.
    """
    try:
        with file.open("rb") as packed:
            return hashlib.file_digest(packed, "sha256").hexdigest()
    except OSError as error:
        raise _unreadable(file, error) from error


def lines(file: Path, *, offset: int = 0) -> Iterator[bytes]:
    """Yield a recording's lines in order; `offset` is where a line begins in the unpacked file.

    Raises:
        ConfigError: The file is missing, not gzip, cut short, or holds an endless line.
    """
    try:
        with gzip.open(file, "rb") as recorded:
            recorded.seek(offset)
            at = offset
            while line := recorded.readline(LINE_MAX_BYTES):
                if len(line) == LINE_MAX_BYTES:
                    raise ConfigError(f"{file}, byte {at}: a line is longer than any frame")
                at += len(line)
                yield line
    except (gzip.BadGzipFile, zlib.error) as error:
        raise ConfigError(f"{file} is not a gzip file, or damaged: {error}") from error
    except EOFError as error:
        raise ConfigError(f"{file} is cut short; fetch it again") from error
    except OSError as error:
        raise _unreadable(file, error) from error


def _unreadable(file: Path, error: OSError) -> ConfigError:
    if isinstance(error, FileNotFoundError):
        return ConfigError(f"no recording at {file}")
    return ConfigError(f"{file} cannot be read: {error.strerror}")
