"""The append-only journal: a directory of segments, durable by the batch.

    DIR/00000000000000000001.log     named for its first sequence; `segment.py` has the form

Invariants: sequences have no gap; what `write` or `commit` has returned for is on the medium. A
write that the power cut short is cut off and counted in `torn_bytes`; anything else that cannot
be read refuses, naming file, byte and record. After the disk has refused once the journal takes
nothing more, because nobody can know what of it is there. It does not know what records mean.

Zeros are written ahead of the records, a chunk at a time: overwriting them changes neither the
file's size nor its extents, which makes a sync about twice as fast as after an append
(posix_fallocate does not help, its extents are converted at the first write).
"""

import re
from collections.abc import Iterator
from contextlib import suppress
from itertools import pairwise
from pathlib import Path

from steelyard.domain.errors import ConfigError, StorageError
from steelyard.store import segment
from steelyard.store.disk import (
    Batch,
    DiskFile,
    FileType,
    Writer,
    make_private_directory,
    sync_directory,
)

SEGMENT_BYTES = 16 << 20  # then the next is begun: this much is read at start
ROOM_BYTES = 1 << 20  # zeros ahead
BUFFER_MAX_BYTES = 64 << 20  # records that wait for the disk; beyond, it does not keep up: fail

JournalFile: FileType = DiskFile
with suppress(ImportError):  # where no native module was built
    from steelyard.store.direct import DirectFile as JournalFile

_NAME = re.compile(r"[0-9]{20}\.log")


class Journal:
    """One directory of segments, open for appending by one process."""

    def __init__(
        self,
        directory: Path,
        *,
        after: int = 0,
        segment_bytes: int = SEGMENT_BYTES,
        room_bytes: int = ROOM_BYTES,
        file_type: FileType = JournalFile,
    ) -> None:
        """Open a journal, or begin one. The newest segment is checked here, all in `records`.

        Args:
            directory: Made if it is not there.
            after: A record that it must reach: what the snapshot beside it includes.
            segment_bytes: How long a segment grows.
            room_bytes: How far ahead of the records zeros are written; 0: not.
            file_type: Opens files; tests have some that fail.

        Raises:
            ConfigError: A record is damaged or missing, a file or format is not ours.
            StorageError: The disk refuses.
        """
        self._directory = directory
        self._segment_bytes = segment_bytes
        self._room_bytes = room_bytes
        self._file_type = file_type
        self._gathering = segment.Gathering()
        self._gathered = 0
        self.waiting_bytes = 0  # of records that have not been taken to be written
        self._is_older = False  # the newest segment: what comes next begins another
        self._failure: str | None = None
        self.last_sequence = 0
        self.torn_bytes = 0
        self._opened_at = 0
        self._handed_end = 0  # where the batch ends that was handed over last
        try:
            self._open(after)
        except OSError as error:
            raise StorageError(
                f"the journal {directory} cannot be opened: {_why(error)}"
            ) from error

    def _open(self, after: int) -> None:
        make_private_directory(self._directory)
        segments = self._segments()
        if not segments and not after:
            self._begin_segment(1)
            return
        if segments:
            self._continue(segments[-1])
        if self.last_sequence < after:
            raise ConfigError(
                f"{self._directory} ends with record {self.last_sequence}, but the snapshot beside "
                f"it includes record {after}: what was acknowledged since is missing. Restore the "
                "directory from a copy, or choose another --data"
            )

    def _continue(self, newest: Path) -> None:
        content = newest.read_bytes()
        end = segment.end_of_last(content, newest, _first(newest))
        self.last_sequence, self.torn_bytes = end.last_sequence, end.torn_bytes
        self._file = self._file_type(newest)
        self._end, self._room_end = end.offset, len(content)
        self._is_older = segment.is_of_older_format(content)
        if self._is_older and end.offset == len(segment.HEADER_LINE):
            end = end._replace(offset=0)  # it has no records: begun anew, in the format of today
        if end.torn_bytes or not end.offset:
            # Leftovers of the torn write must not line up with what comes next.
            self._file.cut(end.offset)
            self._room_end = end.offset
        if not end.offset:
            self._file.write(0, segment.HEADER_LINE)
            self._end = self._room_end = len(segment.HEADER_LINE)
            self._is_older = False
        self._opened_at = end.last_sequence
        # What a killed process had written but not synced is read now, so it counts from now.
        self._file.sync()

    @property
    def repair(self) -> str:
        """One sentence on what was cut off at opening, or nothing."""
        if not self.torn_bytes:
            return ""
        return (
            f"the last write to {self._directory} had been cut short: {self.torn_bytes} bytes of "
            f"it behind record {self._opened_at} were removed; nothing in them was acknowledged"
        )

    # -- reading ------------------------------------------------------------------------------

    def records(self, after: int) -> Iterator[tuple[int, bytes]]:
        """Yield (sequence, payload) of every durable record after a sequence.

        One segment is in memory at a time.

        Raises:
            ConfigError: A record is damaged or missing; the message names it.
            StorageError: The disk refuses.
        """
        segments = self._segments()
        expected = _first(segments[0])
        if expected > after + 1:
            raise ConfigError(self._missing(after + 1, expected))
        for path, following in zip(segments, [*segments[1:], None], strict=True):
            if following is not None and _first(following) <= after + 1:
                expected = _first(following)
                continue
            if _first(path) != expected:
                raise ConfigError(self._missing(expected, _first(path)))
            try:
                content = path.read_bytes()
            except OSError as error:
                raise StorageError(f"{path} cannot be read: {_why(error)}") from error
            for run in segment.runs(content, path, expected):
                expected = run.last_sequence + 1
                for sequence, payload in enumerate(run.payloads, run.first_sequence):
                    if sequence > after:
                        yield sequence, payload

    # -- writing ------------------------------------------------------------------------------

    def append(self, payload: bytes) -> int:
        """Take a record for the next batch; return its sequence.

        Raises:
            StorageError: The disk has refused, or does not keep up, or the record is too long;
                the journal takes nothing more.
        """
        return self.append_all([payload])

    def append_all(self, payloads: list[bytes]) -> int:
        """Take records for the next batch, all or none; return the last sequence.

        Raises:
            StorageError: As `append`.
        """
        if self._failure is not None:
            raise StorageError(self._failure)
        if not payloads:
            return self.last_sequence  # as after every turn that changes nothing
        if self.waiting_bytes > BUFFER_MAX_BYTES:
            raise self._fail(f"the disk does not keep up: {self.waiting_bytes} bytes wait for it")
        try:
            self.waiting_bytes = self._gathering.extend(payloads)
        except ValueError as error:
            raise self._fail(str(error)) from error
        self._gathered += len(payloads)
        self.last_sequence += len(payloads)
        return self.last_sequence

    def take(self) -> tuple[int, Batch]:
        """Hand over what has been appended as one batch, with its last sequence."""
        count, self._gathered = self._gathered, 0
        self.waiting_bytes = 0
        if not count:
            return self.last_sequence, b""
        return self.last_sequence, self._gathering.take(self.last_sequence - count + 1, self._end)

    def write(self, batch: Batch) -> None:
        """Make what `take` gave durable. May run in another thread than `append`, one at a time.

        Raises:
            StorageError: The disk refuses; nothing of the batch counts, and nothing more is taken.
        """
        if self._failure is not None:
            raise StorageError(self._failure)
        try:
            end = self._end + len(batch)
            if end > self._segment_bytes or self._is_older:
                self._rotate(batch)
                end = self._end + len(batch)
            self._file.put(self._end, batch, self._room_behind(end))
            self._end = end
        except OSError as error:
            raise self._fail(f"the journal cannot be written: {_why(error)}") from error

    def hand_over(self, batch: Batch, writer: Writer) -> bool:
        """Have a writer make what `take` gave durable, where nothing but a batch is to be written.

        `handed` is to be called when the writer has done it, before anything else is written.
        False, and nothing has happened: it is for `write`.
        """
        end = self._end + len(batch)
        if self._failure is not None or self._is_older or end > self._segment_bytes:
            return False
        room_end = self._room_end
        if not self._file.hand_over(writer, self._end, batch, self._room_behind(end)):
            self._room_end = room_end
            return False
        self._handed_end = end
        return True

    def handed(self, writer: Writer) -> int:
        """Take in what became of the batch that was handed over; return the ns the disk took.

        Raises:
            StorageError: As `write`.
        """
        try:
            time_ns = writer.take()
        except OSError as error:
            raise self._fail(f"the journal cannot be written: {_why(error)}") from error
        self._end = self._handed_end
        return time_ns

    def commit(self) -> int:
        """Make everything appended durable, here and now; return the last sequence of it.

        Raises:
            StorageError: As `write`.
        """
        if self._gathered:
            self.write(self.take()[1])
        return self.last_sequence

    def retire(self, before: int) -> None:
        """Delete segments that hold only records before a sequence.

        Raises:
            StorageError: The disk refuses; what is left is a whole journal.
        """
        try:
            for path, following in pairwise(self._segments()):
                if _first(following) <= before:
                    path.unlink()
        except OSError as error:
            raise StorageError(
                f"an old segment of {self._directory} cannot be deleted: {_why(error)}"
            ) from error

    def close(self) -> None:
        """Let go of the file; what was not committed is not kept. Safe to call twice."""
        if self._failure is None:
            try:
                self._finish_segment()
            except OSError as error:
                self._fail(f"the journal cannot be closed: {_why(error)}")
        self._failure = self._failure or f"the journal {self._directory} is closed"
        self._file.close()

    def _room_behind(self, end: int) -> int:
        """Return how many zeros are to be written behind a batch that ends there."""
        if end <= self._room_end or not self._room_bytes:
            return 0
        room_bytes = -end % self._room_bytes
        self._room_end = end + room_bytes
        return room_bytes

    def _rotate(self, batch: Batch) -> None:
        """Begin a new segment for a batch that this one is too long for, if it has any."""
        if self._is_older or self._end != len(segment.HEADER_LINE):
            self._finish_segment()
            self._begin_segment(segment.first_sequence(batch))

    def _finish_segment(self) -> None:
        if self._room_end > self._end:
            self._file.cut(self._end)
        self._file.close()

    def _begin_segment(self, first: int) -> None:
        self._file = self._file_type(self._directory / f"{first:020d}.log", create=True)
        self._file.write(0, segment.HEADER_LINE)
        self._file.sync()
        sync_directory(self._directory)
        self._end = self._room_end = len(segment.HEADER_LINE)
        self._is_older = False

    def _segments(self) -> list[Path]:
        found = [path for path in self._directory.iterdir() if not path.name.startswith(".")]
        for path in found:
            if not _NAME.fullmatch(path.name):
                raise ConfigError(f"{path} does not belong into a journal; move it away")
        return sorted(found)

    def _missing(self, first: int, following: int) -> str:
        return (
            f"records {first} to {following - 1} are missing from {self._directory}; "
            "restore the directory from a copy, or choose another --data"
        )

    def _fail(self, message: str) -> StorageError:
        self._failure = (
            f"{message} ({self._directory}). Nothing more is acknowledged; what was acknowledged "
            "before is safe. Mend the disk and start again"
        )
        return StorageError(self._failure)


def _first(path: Path) -> int:
    return int(path.stem)


def read_records(directory: Path, after: int = 0) -> Iterator[tuple[int, bytes]]:
    """Yield (sequence, payload) of what a journal has, without opening it: its owner may run.

    What is being written at its end is left out; after is a sequence that is not needed any more.

    Raises:
        ConfigError: There is none, or a record is damaged or missing; the message names it.
    """
    segments = sorted(path for path in directory.glob("*.log") if _NAME.fullmatch(path.name))
    if not segments:
        raise ConfigError(f"{directory} has no journal")
    while len(segments) > 1 and _first(segments[1]) <= after + 1:
        del segments[0]
    expected = _first(segments[0])
    for path in segments:
        if _first(path) != expected:
            raise ConfigError(f"{directory}: records {expected} to {_first(path) - 1} are missing")
        content = path.read_bytes()
        if path == segments[-1]:
            content = content[: segment.end_of_last(content, path, expected).offset]
        for run in segment.runs(content, path, expected):
            expected = run.last_sequence + 1
            if run.last_sequence > after:
                numbered = enumerate(run.payloads, run.first_sequence)
                yield from (record for record in numbered if record[0] > after)


def _why(error: OSError) -> str:
    return error.strerror or str(error)
