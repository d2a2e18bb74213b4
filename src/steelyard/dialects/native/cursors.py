"""Where a list goes on, as a word that only we read: `next` and `previous` of a page.

A cursor names an entry's own number, not a count from an end, so entries that come while somebody
turns pages neither repeat nor hide one. It says nothing of the other parameters: they are sent
again. It is not signed; a made-up one shows nothing that its sender may not see.
"""

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from contextlib import suppress
from typing import NamedTuple

from steelyard.domain.errors import DecodeError
from steelyard.domain.messages import Around

AFTER, BEFORE = ">", "<"

_FORM = re.compile(r"([a-z]+)([<>])([0-9]{1,19})")


class Places(NamedTuple):
    """What a cursor asks for: entries after a number, or before one, or any."""

    after: int | None = None
    before: int | None = None


def places_of(cursor: str | None, of: str) -> Places:
    """Return what a cursor of this list asks for.

    Raises:
        DecodeError: It is not a cursor, or one of another list.
    """
    if cursor is None:
        return Places()
    found = None
    with suppress(ValueError):  # neither base64 nor text
        found = _FORM.fullmatch(urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode())
    if found is None or found[1] != of:
        raise DecodeError(
            f"the cursor is not one of this list; send `next` or `previous` of an answer with "
            f"{of}, or none to begin",
            "cursor",
        )
    number = int(found[3])
    return Places(after=number) if found[2] == AFTER else Places(before=number)


def cursors_of(around: Around, of: str) -> tuple[str | None, str | None]:
    """Return the cursors to the next and the previous page of a list; None where it ends."""
    return _cursor(of, AFTER, around.after), _cursor(of, BEFORE, around.before)


def _cursor(of: str, direction: str, number: int | None) -> str | None:
    if number is None:
        return None
    return urlsafe_b64encode(f"{of}{direction}{number}".encode()).decode().rstrip("=")
