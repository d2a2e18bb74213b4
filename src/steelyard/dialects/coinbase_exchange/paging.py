"""Cursors: where a list goes on, in the headers CB-BEFORE and CB-AFTER.

Lists are newest first. `after` asks for what is older than a cursor, `before` for what is newer;
CB-BEFORE is the cursor of a page's first entry and CB-AFTER that of its last, which is left out
where nothing older is. A cursor is an entry's own number, which no other entry moves.
"""

from collections.abc import Sequence
from typing import Any

import msgspec

from steelyard.dialects.coinbase_exchange import errors
from steelyard.domain.messages import Around
from steelyard.wire.http import Response, json_response

BEFORE, AFTER = "cb-before", "cb-after"
DIGITS_MAX = 18
LIMIT_MAX = 1_000


def limit_of(limit: int | None, default: int = LIMIT_MAX) -> int:
    """Return how many entries are wanted.

    Raises:
        DecodeError: None, or less.
    """
    if limit is None:
        return default
    if limit < 1:
        raise errors.said("Invalid limit", f"from 1 to {LIMIT_MAX}", "limit")
    return min(limit, LIMIT_MAX)


def cursor_of(text: str | None, name: str) -> int | None:
    """Return the number in a cursor.

    Raises:
        DecodeError: It is not one.
    """
    if text is None:
        return None
    if len(text) > DIGITS_MAX or not (text.isascii() and text.isdigit()):
        raise errors.said(
            f"Invalid {name}", "send what CB-BEFORE or CB-AFTER of another page said", name
        )
    return int(text)


def places_of(before: str | None, after: str | None) -> dict[str, int | None]:
    """Return our places of the venue's cursors: its `after` is what came before, in time."""
    return {"after": cursor_of(before, "before"), "before": cursor_of(after, "after")}


def page(rows: Sequence[Any], numbers: Sequence[int], around: Around) -> Any:
    """Return a page of rows, newest first, with the cursors of its ends.

    around is that of the same list, oldest first.
    """
    if not rows:
        return ()
    headers = {BEFORE: str(numbers[0])}
    if around.before is not None:
        headers[AFTER] = str(numbers[-1])
    return with_headers(rows, headers)


def with_headers(rows: Any, headers: dict[str, str]) -> Response:
    """Return an answer with headers of its own."""
    return json_response(200, msgspec.json.encode(rows), headers)
