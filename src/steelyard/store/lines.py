"""A file of lines that only grows: each is on disk before its writer goes on.

What was cut short by a power cut (a last line without its end) is not a line, and is written over.
"""

import os
from pathlib import Path

from steelyard.domain.errors import ConfigError
from steelyard.store.disk import make_private_directory, sync, sync_directory

LINES_MAX_BYTES = 4 << 20


def read_lines(file: Path) -> list[bytes]:
    """Return the whole lines of a file, none if it is not there.

    Raises:
        ConfigError: It cannot be read, or is larger than anybody would write by hand.
    """
    try:
        if file.stat().st_size > LINES_MAX_BYTES:
            raise ConfigError(f"{file} has more than {LINES_MAX_BYTES} bytes: move it away")
        content = file.read_bytes()
    except FileNotFoundError:
        return []
    except OSError as error:
        raise ConfigError(f"{file} cannot be read: {error.strerror}") from error
    return content[: content.rfind(b"\n") + 1].splitlines()


def append_line(file: Path, line: bytes) -> None:
    """Add a line, readable by its owner only, and return when it is on disk.

    Raises:
        ConfigError: The disk refuses; then the line is not there.
    """
    assert b"\n" not in line, "one line is asked for"
    try:
        make_private_directory(file.parent)
        descriptor = os.open(file, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            size = os.fstat(descriptor).st_size
            content = os.pread(descriptor, min(size, LINES_MAX_BYTES), 0)
            end = content.rfind(b"\n") + 1
            os.ftruncate(descriptor, end)
            if os.pwrite(descriptor, line + b"\n", end) != len(line) + 1:
                os.ftruncate(descriptor, end)
                raise ConfigError(f"{file} cannot be written: the disk is full")
            sync(descriptor)
        finally:
            os.close(descriptor)
        sync_directory(file.parent)
    except OSError as error:
        raise ConfigError(f"{file} cannot be written: {error.strerror}") from error
