"""Why a person is not given what they ask for: a code for programs, a sentence for people."""

from enum import StrEnum

from steelyard.domain.errors import UsageError


class Decline(StrEnum):
    """The codes of the account site."""

    CREDENTIALS = "CREDENTIALS"  # name or password; which one is not said
    SECOND_FACTOR = "SECOND_FACTOR"  # the password is right; the code is missing or wrong
    LOCKED = "LOCKED"  # too many wrong tries
    RATE_LIMITED = "RATE_LIMITED"  # too many requests from this address
    TOTP_REQUIRED = "TOTP_REQUIRED"  # enrol first
    PASSWORD_CHANGE_REQUIRED = "PASSWORD_CHANGE_REQUIRED"  # noqa: S105 a word
    NAME_TAKEN = "NAME_TAKEN"
    NOT_FOUND = "NOT_FOUND"  # also what is somebody else's
    CONFLICT = "CONFLICT"  # not in this state
    INVALID = "INVALID"
    INSUFFICIENT_BALANCE = "INSUFFICIENT_BALANCE"
    TOO_MANY = "TOO_MANY"
    COOLING = "COOLING"  # not yet
    MAINTENANCE = "MAINTENANCE"  # nobody, for a while


class Declined(UsageError):
    """A person's wish that is not carried out; nothing has happened then."""

    def __init__(
        self,
        code: Decline,
        message: str,
        *,
        field: str | None = None,
        hint: str | None = None,
        retry_after_ns: int | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.field = field
        self.hint = hint
        self.retry_after_ns = retry_after_ns


def not_found(what: str) -> Declined:
    """Return the refusal of what is not there, or not theirs."""
    return Declined(Decline.NOT_FOUND, f"there is no such {what} of yours")
