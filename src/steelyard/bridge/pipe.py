"""What parent and child say to each other: whole messages, each behind its length.

A frame is four bytes of length, big end first, and a JSON document of a tagged struct: whole
numbers are exact at any length, as in the journal. The child speaks first (`Hello`), and nobody
goes on with another version. Whatever does not decode is one DecodeError: the pipe is then worth
nothing, and the parent ends the child.
"""

from typing import Any

import msgspec
from msgspec import Struct

from steelyard.domain.commands import UserCommand
from steelyard.domain.errors import DecodeError
from steelyard.domain.messages import Answer, Event, Query
from steelyard.wire.capabilities import Capabilities
from steelyard.wire.outcome import Answered, NotSent, Outcome, Unknown

VERSION = 1
LENGTH_BYTES = 4
FRAME_MAX_BYTES = 16 << 20


# -- to the child ---------------------------------------------------------------------------------


class Configure(Struct, frozen=True, tag=True):
    """The first word to a child: which exchange, how, and with what key.

    settings are the constructor's, as `steelyard env` prints them. loopback_only refuses every
    host that is not this machine.
    """

    version: int
    exchange: str
    symbol: str
    settings: dict[str, Any]
    loopback_only: bool
    key: str
    secret: str
    passphrase: str = ""

    def __repr__(self) -> str:
        return f"Configure({self.exchange!r}, {self.symbol!r}, ***)"


class Ask(Struct, frozen=True, tag=True):
    """A command or a query; one Reply comes back, unless the child ends before."""

    request_id: int
    message: UserCommand | Query


class Follow(Struct, frozen=True, tag=True):
    """Follow the market and the account from here on."""


class Reset(Struct, frozen=True, tag=True):
    """Let go of a stream, and begin anew: "market" or "private"."""

    role: str


ToChild = Configure | Ask | Follow | Reset


# -- to the parent --------------------------------------------------------------------------------


class Hello(Struct, frozen=True, tag=True):
    """The child is there."""

    version: int


class Ready(Struct, frozen=True, tag=True):
    """The exchange is made: requests may come."""

    capabilities: Capabilities


class Failed(Struct, frozen=True, tag=True):
    """It cannot be done like this, and the child ends."""

    why: str


class Reply(Struct, frozen=True, tag=True):
    """What became of an Ask; answer is there for Answered, is_sent tells Unknown from NotSent."""

    request_id: int
    answer: Answer | None = None
    why: str = ""
    is_sent: bool = False
    retry_after_ns: int = 0
    is_denied: bool = False

    @classmethod
    def of(cls, request_id: int, outcome: Outcome) -> "Reply":
        """Return an outcome as it travels."""
        match outcome:
            case Answered(answer):
                return cls(request_id, answer, is_sent=True)
            case NotSent(why, retry_after_ns, is_denied):
                return cls(request_id, None, why, False, retry_after_ns, is_denied)  # noqa: FBT003
            case Unknown(why):
                return cls(request_id, None, why, is_sent=True)

    @property
    def outcome(self) -> Outcome:
        """What it tells."""
        if self.answer is not None:
            return Answered(self.answer)
        if self.is_sent:
            return Unknown(self.why)
        return NotSent(self.why, self.retry_after_ns, self.is_denied)


class Told(Struct, frozen=True, tag=True):
    """A stream told of something."""

    event: Event


class Up(Struct, frozen=True, tag=True):
    """A stream is followed: what happens from here on is told."""

    role: str


class Down(Struct, frozen=True, tag=True):
    """A stream is not followed for now; what happens from here on is missed."""

    role: str
    why: str


class Note(Struct, frozen=True, tag=True):
    """Something for the log."""

    text: str


class Beat(Struct, frozen=True, tag=True):
    """The child is alive."""


ToParent = Hello | Ready | Failed | Reply | Told | Up | Down | Note | Beat


_encoder = msgspec.json.Encoder()


class Decoder:
    """Reads one side's messages from bytes as they come, in pieces of any size."""

    def __init__(self, messages: Any) -> None:
        self._decoder: msgspec.json.Decoder[Any] = msgspec.json.Decoder(messages)
        self._bytes = bytearray()

    def receive(self, piece: bytes) -> list[Any]:
        """Take bytes, and return the messages that are whole.

        Raises:
            DecodeError: Not a message, or longer than `FRAME_MAX_BYTES`. It says nothing of what
                stood there, which may be a key.
        """
        self._bytes += piece
        found = []
        while len(self._bytes) >= LENGTH_BYTES:
            length = int.from_bytes(self._bytes[:LENGTH_BYTES], "big")
            if length > FRAME_MAX_BYTES:
                raise DecodeError(f"a message of {length} bytes; {FRAME_MAX_BYTES} is the most")
            end = LENGTH_BYTES + length
            if len(self._bytes) < end:
                break
            frame = bytes(self._bytes[LENGTH_BYTES:end])
            del self._bytes[:end]
            try:
                found.append(self._decoder.decode(frame))
            except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
                kind = type(error).__name__
                raise DecodeError(f"{length} bytes are no message of the bridge: {kind}") from None
        return found


def encode(message: ToChild | ToParent) -> bytes:
    """Return a message as a frame.

    Raises:
        DecodeError: It is longer than `FRAME_MAX_BYTES`.
    """
    body = _encoder.encode(message)
    if len(body) > FRAME_MAX_BYTES:
        raise DecodeError(f"a message of {len(body)} bytes; {FRAME_MAX_BYTES} is the most")
    return len(body).to_bytes(LENGTH_BYTES, "big") + body
