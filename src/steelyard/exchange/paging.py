"""The part of a numbered list that a query wants, and where the list goes on either way."""

from bisect import bisect_left, bisect_right
from typing import Protocol, TypeVar

from steelyard.domain.messages import Around

T = TypeVar("T")


class Wanted(Protocol):
    """What queries for a part of a list have in common."""

    @property
    def limit(self) -> int:
        """At most so many entries."""
        ...

    @property
    def start_ns(self) -> int | None:
        """The first time; with one the list goes forwards from there."""
        ...

    @property
    def after(self) -> int | None:
        """Only what has a greater number; with it the list goes forwards."""
        ...

    @property
    def before(self) -> int | None:
        """Only what has a lesser number."""
        ...


def page(
    found: list[tuple[int, T]], query: Wanted, from_id: int | None = None
) -> tuple[tuple[T, ...], Around]:
    """Return the part that is wanted of entries in the order of their numbers, and what is around.

    Without a from_id or start it is the newest part.
    """
    first = 0 if query.after is None else bisect_right(found, query.after, key=number_of)
    last = len(found) if query.before is None else bisect_left(found, query.before, key=number_of)
    has_start = any(start is not None for start in (from_id, query.start_ns, query.after))
    if query.before is None and has_start:
        last = min(last, first + query.limit)
    else:
        first = max(first, last - query.limit)
    part = found[first:last]
    around = Around(
        part[0][0] if part and first > 0 else None,
        part[-1][0] if part and last < len(found) else None,
    )
    return tuple(entry for _, entry in part), around


def is_within(time_ns: int, start_ns: int | None, end_ns: int | None) -> bool:
    """Return whether a time is in a span; None is open."""
    return (start_ns is None or time_ns >= start_ns) and (end_ns is None or time_ns <= end_ns)


def number_of(entry: tuple[int, T]) -> int:
    """Return an entry's number."""
    return entry[0]
