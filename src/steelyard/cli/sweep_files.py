"""A sweep's directory: the record of its trials, which grows by a line when a trial ends.

    OUT/NAME/trials.jsonl    what it is, and a line a trial
    OUT/NAME/sweep.json      the report, for programs
    OUT/NAME/sweep.html      the report, for people

A line is written at once, so a program that dies loses none; the disk is told to keep them about
once a second, so a power cut loses those of a second at most, which are run again. One process has
the directory at a time. Nothing is deleted: a sweep that is begun anew puts the old record aside.
"""

import os
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from steelyard.backtest.sweep.trials import Header, Key, Row, changed, line, read
from steelyard.domain.errors import ConfigError, StorageError
from steelyard.store.datadir import Directory
from steelyard.store.disk import sync

SYNC_S = 1.0
RECORD = "trials.jsonl"


class TrialFile:
    """The record of a sweep, open for more."""

    def __init__(self, path: Path, header: Header, *, is_anew: bool = False) -> None:
        """Open what is there, or begin.

        Raises:
            ConfigError: It is of another configuration, or the directory cannot be used.
        """
        try:
            self._directory = Directory(path)
        except ConfigError as error:
            raise ConfigError(str(error).replace("--data", "--out")) from error
        self._file = path / RECORD
        self._synced_s = 0.0
        self._descriptor = -1
        try:
            if is_anew:
                self._put_aside()
            self.rows: dict[Key, Row] = self._begin(header)
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def append(self, row: Row) -> None:
        """Add a trial.

        Raises:
            StorageError: The disk refuses.
        """
        self._write(line(row))
        self.rows[row.key] = row
        now_s = time.monotonic()
        if now_s - self._synced_s > SYNC_S:
            self._sync()
            self._synced_s = now_s

    def close(self) -> None:
        """Have the disk keep it all, and let go of the directory; safe to call twice."""
        if self._descriptor >= 0:
            try:
                self._sync()
            finally:
                os.close(self._descriptor)
                self._descriptor = -1
        self._directory.close()

    def _begin(self, header: Header) -> dict[Key, Row]:
        try:
            content = self._file.read_bytes() if self._file.exists() else b""
        except OSError as error:
            raise ConfigError(f"{self._file} cannot be read: {error.strerror}") from error
        try:
            record = read(content)
        except ConfigError as error:
            raise ConfigError(f"{self._file}: {error}") from error
        if record is not None and (parts := changed(record.header, header)):
            raise ConfigError(
                f"{self._file} has {len(record.rows)} trials of another configuration; changed: "
                f"{', '.join(parts)}. Begin anew with --anew (the old record is put aside), or "
                "keep both with another [bot] name"
            )
        try:
            self._descriptor = os.open(
                self._file, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600
            )
            os.ftruncate(self._descriptor, 0 if record is None else record.good_bytes)
        except OSError as error:
            raise ConfigError(f"{self._file} cannot be written: {error.strerror}") from error
        if record is None:
            self._write(line(header))
            self._sync()
            return {}
        return record.rows

    def _put_aside(self) -> None:
        if not self._file.exists():
            return
        number = 1
        while (aside := self._file.with_name(f"trials.{number}.jsonl")).exists():
            number += 1
        self._file.rename(aside)

    def _write(self, data: bytes) -> None:
        try:
            while data:
                data = data[os.write(self._descriptor, data) :]
        except OSError as error:
            raise StorageError(
                f"{self._file} cannot be written: {error.strerror}; what has ended is kept, and "
                "the same command goes on"
            ) from error

    def _sync(self) -> None:
        try:
            sync(self._descriptor)
        except OSError as error:
            raise StorageError(f"{self._file} cannot be kept: {error.strerror}") from error
