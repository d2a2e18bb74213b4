"""What real venues have sent, through a dialect's structs and back, and what a trader makes of it.

A dialect's test has a table of `Payload`, one for each file of its folder. What a message loses,
gains or spells otherwise on its way comes out as paths, in which `[]` is any element of an array
(`symbols[].filters[].maxPosition`), and each has to be in the table with its reason.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import msgspec


class Number(str):
    """A bare number of a document, as it was spelled: 1, 1.0 and "1" are three things."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Number) and str.__eq__(self, other)

    __hash__ = str.__hash__


class Differences(NamedTuple):
    """The paths at which two documents are not the same."""

    lost: frozenset[str] = frozenset()
    added: frozenset[str] = frozenset()
    changed: frozenset[str] = frozenset()


SAME = Differences()


class Payload(NamedTuple):
    """One file: the message in it, and what it means.

    kind is the struct that reads it, part the name under which the message stands where that is not
    all of the document. read takes the text of the file and gives what a trader makes of it, which
    has to be `meaning`. lost and added are paths with the reason of each.
    """

    kind: Any
    read: Callable[[str], Any]
    meaning: Any
    part: str = ""
    lost: Mapping[str, str] = {}
    added: Mapping[str, str] = {}


def check(payload: Payload, path: Path) -> None:
    """Compare a file with what the table says of it."""
    text = path.read_text(encoding="utf-8")
    message = text
    if payload.part:
        message = msgspec.json.encode(msgspec.json.decode(text)[payload.part]).decode()
    assert again(message, payload.kind) == Differences(
        frozenset(payload.lost), frozenset(payload.added)
    )
    assert payload.read(text) == payload.meaning


def unnamed(names: Iterable[str], table: Iterable[str], left_out: Mapping[str, str]) -> list[str]:
    """Return which files are in no table, nor begin as those do that are left out for a reason."""
    known = set(table)
    return [
        name
        for name in sorted(names)
        if name not in known and not any(name.startswith(prefix) for prefix in left_out)
    ]


def document(text: str | bytes) -> Any:
    """Return a JSON document with its numbers as they are spelled."""
    return json.loads(text, parse_int=Number, parse_float=Number, parse_constant=_refuse)


def again(text: str | bytes, kind: Any) -> Differences:
    """Decode a document into a message, strictly, and tell how it differs when encoded again."""
    encoded = msgspec.json.encode(msgspec.json.decode(text, type=kind))
    return differences(document(text), document(encoded))


def differences(before: Any, after: Any) -> Differences:
    """Return where two documents differ."""
    lost: set[str] = set()
    added: set[str] = set()
    changed: set[str] = set()

    def compare(before: Any, after: Any, path: str) -> None:
        match before, after:
            case dict(), dict():
                for name in before.keys() | after.keys():
                    deeper = f"{path}.{name}" if path else name
                    if name not in after:
                        lost.add(deeper)
                    elif name not in before:
                        added.add(deeper)
                    else:
                        compare(before[name], after[name], deeper)
            case list(), list() if len(before) == len(after):
                for one, other in zip(before, after, strict=True):
                    compare(one, other, f"{path}[]")
            case _:
                if type(before) is not type(after) or before != after:
                    changed.add(path)

    compare(before, after, "")
    return Differences(frozenset(lost), frozenset(added), frozenset(changed))


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is not JSON")
