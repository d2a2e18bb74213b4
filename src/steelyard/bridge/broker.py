"""No order carries the mark of a third party.

The library puts a broker's id on orders where it can: as the beginning of a client order id that
it makes up, as a tag in the body, as a header. Ours are always given, and the options that hold
such ids are emptied. Some exchanges put a default in the place of an empty one; so each request
is looked at before it leaves: a header with a mark is dropped, for no signature covers one, and a
request whose address or body has one does not leave.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from steelyard.domain.errors import Unsupported

OPTIONS = frozenset(
    {"broker", "brokerId", "keyBrokerId", "partner", "partnerId", "affiliateId", "referralCode"}
)
HEADERS = frozenset(
    {
        "referer",
        "x-referer",
        "x-channel-api-code",
        "x-gate-channel-id",
        "x-bb-api-platform",
        "x-bm-broker-id",
        "x-source-key",
        "partner-id",
        "kc-api-partner",
        "kc-api-partner-sign",
        "kc-api-partner-verify",
        "kc-broker-name",
        "accountsyn",
    }
)
MARK_MIN = 4  # shorter ones stand in ordinary words
DEPTH_MAX = 5


def blank(options: dict[str, Any]) -> frozenset[str]:
    """Empty the options that hold a broker's ids, in place; return the ids that stood there."""
    marks: set[str] = set()
    for name in OPTIONS & options.keys():
        marks.update(_texts(options[name], DEPTH_MAX))
        options[name] = _emptied(options[name], DEPTH_MAX)
    return frozenset(mark for mark in marks if len(mark) >= MARK_MIN)


def cleaned(headers: Mapping[str, Any] | None, marks: frozenset[str]) -> dict[str, Any] | None:
    """Return headers without those that name a broker."""
    if headers is None:
        return None
    return {
        name: value
        for name, value in headers.items()
        if name.lower() not in HEADERS and not any(mark in str(value) for mark in marks)
    }


def check(url: str, body: Any, marks: frozenset[str]) -> None:
    """Look at a request that is about to leave.

    Raises:
        Unsupported: It has a broker's id.
    """
    text = f"{url} {body}"
    if any(mark in text for mark in marks):
        raise Unsupported(
            "nothing was sent: the library puts a broker's id on this request, and has no option "
            "to leave it out"
        )


def _texts(value: Any, depth: int) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping) and depth:
        for each in value.values():
            yield from _texts(each, depth - 1)


def _emptied(value: Any, depth: int) -> Any:
    if isinstance(value, Mapping) and depth:
        return {name: _emptied(each, depth - 1) for name, each in value.items()}
    return "" if isinstance(value, str) else value
