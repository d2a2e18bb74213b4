"""The gapless record that both sides replay.

A record is (sequence, time, message). Engine commands stand in it in their fixed layout
(`domain/layout.py`); every other message, and all of a trader's, as tagged JSON, whose
integers are exact at any length. This module is the form of a record's payload and the check
that nothing is missing; lengths, checksums, files and fsync are `steelyard.store`'s.
"""

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import msgspec

from steelyard.domain import layout
from steelyard.domain.errors import DecodeError

LAYOUT_LEAD = b"L"  # before an engine command's record
_JSON = b"J"


class Record(NamedTuple):
    """One entry. sequence starts at 1 and has no gaps.

    encoded is what was read where the message is an engine command: an engine can take that.
    """

    sequence: int
    time_ns: int
    message: Any
    encoded: bytes = b""


class JournalCodec:
    """Payloads of one journal: engine commands, and the tagged structs of `messages`."""

    def __init__(self, messages: Any, decode: layout.Decode = layout.decode) -> None:
        """`messages` is a tagged union of structs, each with its own tag.

        `decode` is `layout.decode`, or one that does the same faster.
        """
        self._decode = decode
        self._encoder = msgspec.json.Encoder()
        self._decoder: msgspec.json.Decoder[Any] = msgspec.json.Decoder(tuple[int, messages])

    def encode(self, message: Any, time_ns: int) -> bytes:
        """Return the payload of a record."""
        if type(message) in layout.LAYOUT:
            return LAYOUT_LEAD + layout.encode(message, time_ns)
        return _JSON + self._encoder.encode((time_ns, message))

    @staticmethod
    def encoded(record: bytes) -> bytes:
        """Return the payload of an engine command that is a record of the layout already."""
        return LAYOUT_LEAD + record

    def decode(self, sequence: int, payload: bytes) -> Record:
        """Return the record of a payload.

        Raises:
            DecodeError: The payload is not of a known form; the message names the record.
        """
        try:
            time_ns, message, encoded = self._message(payload)
        except (msgspec.DecodeError, UnicodeError, RecursionError, DecodeError) as error:
            raise DecodeError(f"journal record {sequence} cannot be read: {error}") from error
        return Record(sequence, time_ns, message, encoded)

    def _message(self, payload: bytes) -> tuple[int, Any, bytes]:
        form = payload[:1]
        if form == _JSON:
            time_ns, message = self._decoder.decode(payload[1:])
            return time_ns, message, b""
        if form != LAYOUT_LEAD:
            raise DecodeError(f"it begins with {form!r}, which is no known form")
        message, time_ns, end = self._decode(payload, 1)
        if end != len(payload):
            raise DecodeError(f"{len(payload) - end} bytes follow its message")
        return time_ns, message, payload[1:]


def gapless(records: Iterable[Record], after: int) -> Iterator[Record]:
    """Yield records, checking that they follow `after` without a gap.

    Raises:
        DecodeError: A record is missing or repeated; the message names it.
    """
    expected = after + 1
    for record in records:
        if record.sequence != expected:
            raise DecodeError(f"journal record {expected} is missing: found {record.sequence}")
        expected += 1
        yield record
