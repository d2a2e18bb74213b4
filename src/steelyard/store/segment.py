r"""One journal file, whatever its format, and the judgment of a damaged one.

    steelyard journal 2\n
    batches or records, in the form of that format             `batches`, `single_records`
    zeros                                           room made beforehand, or nothing

Format 2 is written; format 1, of older steelyards, is read for ever. An unreadable record was being
written when the power went, and nobody was told of it, or it is damage to what was acknowledged:
the formats say which. A journal is cut off at the first, and refuses at the second.

Pure functions over bytes; files are the journal's.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from steelyard.domain.errors import ConfigError
from steelyard.store import batches, single_records
from steelyard.store.batches import PAYLOAD_MAX_BYTES, Gathering, encode, first_sequence
from steelyard.store.sectors import is_zero

__all__ = ["PAYLOAD_MAX_BYTES", "Gathering", "encode", "first_sequence"]

FORMAT = 2
MAGIC = b"steelyard journal "
HEADER_LINE = MAGIC + b"%d\n" % FORMAT
HEADER_LINE_MAX_BYTES = len(MAGIC) + 12
RUN_MIN = 4_096  # records that are handed over at once, unless there are fewer


class Form(NamedTuple):
    """What a format brings.

    Attributes:
        read: Of content, place, sequence and count: payloads, and where they end.
        is_torn: Of content, place and sequence: whether what is unreadable there was being written.
        suspects: Of the same: the first and the last record that may be damaged.
    """

    read: Callable[[bytes, int, int, int], tuple[list[bytes], int]]
    is_torn: Callable[[bytes, int, int], bool]
    suspects: Callable[[bytes, int, int], tuple[int, int]]


FORMS = {
    MAGIC + b"1\n": Form(single_records.read, single_records.is_torn, single_records.suspects),
    HEADER_LINE: Form(batches.read, batches.is_torn, batches.suspects),
}


class Damaged(ConfigError):
    """A record that must be there cannot be read."""

    def __init__(self, file: Path, offset: int, sequence: int, last_sequence: int) -> None:
        what = f"journal record {sequence}"
        if last_sequence > sequence:
            what = f"one of the journal records {sequence} to {last_sequence}"
        super().__init__(
            f"{what} is damaged: {file}, byte {offset}; nothing after it can "
            "be trusted. Restore the directory from a copy, or choose another --data"
        )
        self.offset = offset
        self.sequence = sequence
        self.last_sequence = last_sequence


class Run(NamedTuple):
    """Whole records that follow each other, and where they end."""

    first_sequence: int
    payloads: list[bytes]
    end: int

    @property
    def last_sequence(self) -> int:
        """The sequence of the last one."""
        return self.first_sequence + len(self.payloads) - 1


class End(NamedTuple):
    """Where a segment's records end, and how many bytes behind that were a torn write."""

    offset: int
    last_sequence: int
    torn_bytes: int


def runs(content: bytes, file: Path, first: int) -> Iterator[Run]:
    """Yield a finished segment's records, many at a time.

    Raises:
        ConfigError: Not a segment of a format that is read here.
        Damaged: One cannot be read; the message names it.
    """
    form = _form_of(content, file)
    at, expected = len(HEADER_LINE), first
    while True:
        payloads, at = form.read(content, at, expected, RUN_MIN)
        if not payloads:
            break
        yield Run(expected, payloads, at)
        expected += len(payloads)
    if not is_zero(content, at):
        raise Damaged(file, at, *form.suspects(content, at, expected))


def end_of_last(content: bytes, file: Path, first: int) -> End:
    """Return where the newest segment's records end.

    Raises:
        ConfigError: Not a segment of a format that is read here.
        Damaged: A record that has been acknowledged cannot be read.
    """
    written = content.rstrip(b"\0")
    if not content.startswith((*FORMS,)) and any(line.startswith(written) for line in FORMS):
        return End(0, first - 1, len(written))  # it was just being made
    end, last = len(HEADER_LINE), first - 1
    form = _form_of(content, file)
    try:
        for run in runs(content, file, first):
            end, last = run.end, run.last_sequence
    except Damaged:
        if not form.is_torn(content, end, last + 1):
            raise
    else:
        return End(end, last, 0)
    return End(end, last, len(written) - end)


def is_of_older_format(content: bytes) -> bool:
    """Whether a segment that can be read is not of the format that is written."""
    return not content.startswith(HEADER_LINE)


def _form_of(content: bytes, file: Path) -> Form:
    for line, form in FORMS.items():
        if content.startswith(line):
            return form
    line, newline, _ = content[:HEADER_LINE_MAX_BYTES].partition(b"\n")
    version = line.removeprefix(MAGIC)
    if not newline or not line.startswith(MAGIC) or not version.isdigit():
        raise ConfigError(
            f"{file} is not a steelyard journal; move it away, or choose another --data"
        )
    raise ConfigError(
        f"{file} has journal format {int(version)}, this steelyard reads up to {FORMAT}; "
        "use the steelyard that wrote it, or choose another --data"
    )
