"""The error tree, split first by blame.

    SteelyardError
      UsageError        the caller: ConfigError, UnitError, Unsupported
      PeerError         the other side: DecodeError, AuthError, RateLimited, VenueRejected
      TransportError    the wire: ConnectFailed (nothing left us), ConnectionLost (it may have)
      StorageError      the disk: full, failing, or damaged
      InvariantError    us: never caught below the roof

Expected refusals of an order are values (`Rejected`), not exceptions. A message says what
happened, what was expected and what to do; code tells errors apart by class and by `reason`,
never by text.
"""

from steelyard.domain.order import RejectReason


class SteelyardError(Exception):
    """Anything that steelyard raises on purpose."""


class UsageError(SteelyardError):
    """The caller asked for something that cannot be done as asked."""


class ConfigError(UsageError):
    """A file, option or data directory is not usable; the message names the key or path."""


class UnitError(UsageError):
    """An amount is not in whole steps; `reason` is the refusal that a venue would give.

    `field` is the input at fault, where the reader of a request knows it.
    """

    def __init__(self, message: str, reason: RejectReason, field: str | None = None) -> None:
        super().__init__(message)
        self.reason = reason
        self.field = field


class Unsupported(UsageError):
    """The venue, instrument or order type does not offer this."""


class PeerError(SteelyardError):
    """The other side of a connection broke the rules or said no."""


class DecodeError(PeerError):
    """Bytes from outside do not have the documented form; `field` is where, or None.

    `code` is the venue's own, where a dialect has said it all in the venue's words already.
    """

    def __init__(
        self, message: str, field: str | None = None, code: str | int | None = None
    ) -> None:
        super().__init__(message)
        self.field = field
        self.code = code


class AuthError(PeerError):
    """The venue does not accept key, signature or timestamp; `code` is the venue's own."""

    def __init__(self, message: str, code: str | int | None = None) -> None:
        super().__init__(message)
        self.code = code


class RateLimited(PeerError):
    """The venue asks for a pause of `retry_after_ns` nanoseconds."""

    def __init__(self, message: str, retry_after_ns: int) -> None:
        super().__init__(message)
        self.retry_after_ns = retry_after_ns


class VenueRejected(PeerError):
    """The venue understood the request and refused it; `code` is the venue's own."""

    def __init__(self, message: str, reason: RejectReason, code: str | int | None = None) -> None:
        super().__init__(message)
        self.reason = reason
        self.code = code


class TransportError(SteelyardError):
    """The wire failed."""


class ConnectFailed(TransportError):
    """No connection was made: nothing has left us."""


class ConnectionLost(TransportError):
    """The connection broke after bytes left us: the request may have arrived."""


class StorageError(SteelyardError):
    """The disk refused or lost something: full, failing, damaged. Nothing more is acknowledged."""


class InvariantError(SteelyardError):
    """Our own logic is wrong. Never caught below the roof."""
