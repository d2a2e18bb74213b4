"""Broken messages made of right ones: better garbage than what is garbage from the start.

The invariant: the same seed and right messages give the same garbage.
"""

import json
from collections.abc import Iterator, Sequence
from random import Random
from typing import Any

DEEP = 20_000  # beyond any parser's patience
CHANGES_MAX = 3

# What stands nowhere in a right message.
TOKENS: tuple[bytes, ...] = (
    *(b"null", b"true", b"false", b"{}", b"[]", b"[[]]", b'""', b'"0"', b"0", b"-0", b"-1", b"1.5"),
    *(b"NaN", b"Infinity", b"-Infinity", b'"NaN"', b'"Infinity"', b'"-1"', b'"+1"', b'"1e5"'),
    *(b"1e400", b"1E5", b"01", b"0x10", b"9223372036854775808", b"18446744073709551616"),
    *(
        b"9" * 30,
        b"9" * 5_000,
        b'"' + b"9" * 40 + b'"',
        b"-" + b"9" * 30,
        b'"1.' + b"0" * 40 + b'"',
    ),
    *(b'"\\ud800"', b'"\\udc00\\ud800"', b'"\\u0000"', b'"\xff\xfe"', b'"\xc3"', b'"\xed\xa0\x80"'),
    *('"\uff11"'.encode(), '"\u0661"'.encode(), b'"%00"', b'"' + b"x" * 3_000 + b'"'),
    *(b"[" * DEEP, b'{"a":' * DEEP, b"[" * 500 + b"]" * 500),
)
PIECES: tuple[bytes, ...] = (
    *TOKENS,
    *(
        b'"',
        b"\\",
        b"\\u",
        b"\\ud800",
        b"{",
        b"}",
        b"[",
        b"]",
        b",",
        b":",
        b"&",
        b"=",
        b"%",
        b"%zz",
    ),
    *(b"\x00", b"\xff", b"\n", b"\r\n\r\n", b" ", b";", b"..", b"/", b"?", b"#", b"+", b"@", b"e9"),
)


class _Raw(bytes):
    """A value as it stands, right or not."""


class _Object(list[list[Any]]):
    """An object as its [name, value] pairs, so that a name may be told twice."""


def mutated(right: bytes, others: Sequence[bytes], random: Random) -> bytes:
    """Return a message with one change or some; others are right ones of which it takes parts."""
    garbage = right
    for _ in range(random.randint(1, CHANGES_MAX)):
        garbage = random.choice(_CHANGES)(garbage, others, random)
    return garbage


# -- bytes --------------------------------------------------------------------------------------


def _flipped(message: bytes, _others: Sequence[bytes], random: Random) -> bytes:
    """Flip a bit."""
    if not message:
        return b"\x80"
    place = random.randrange(len(message))
    changed = message[place] ^ (1 << random.randrange(8))
    return message[:place] + bytes([changed]) + message[place + 1 :]


def _cut(message: bytes, _others: Sequence[bytes], random: Random) -> bytes:
    """Leave off the end."""
    return message[: random.randint(0, len(message))]


def _replaced(message: bytes, _others: Sequence[bytes], random: Random) -> bytes:
    """Put a piece in the place of some bytes."""
    start = random.randint(0, len(message))
    end = min(len(message), start + random.randint(0, 12))
    return message[:start] + random.choice(PIECES) + message[end:]


def _spliced(message: bytes, others: Sequence[bytes], random: Random) -> bytes:
    """Begin like this one and end like another."""
    other = random.choice(others)
    return message[: random.randint(0, len(message))] + other[random.randint(0, len(other)) :]


# -- documents ----------------------------------------------------------------------------------


def _restructured(message: bytes, _others: Sequence[bytes], random: Random) -> bytes:
    """Change a value of a JSON document; what is none is changed byte by byte."""
    try:
        document = json.loads(message, object_pairs_hook=_object)
        places = [(holder, n) for holder in _holders(document) for n in range(len(holder))]
        if not places:
            return random.choice(TOKENS)
        random.choice((_retype, _retype, _drop, _move, _repeat))(*random.choice(places), random)
        return _written(document)
    except (ValueError, RecursionError):
        return _replaced(message, (), random)


def _retype(holder: list[Any], place: int, random: Random) -> None:
    """Put another value in the place of one."""
    _set(holder, place, _Raw(random.choice(TOKENS)))


def _drop(holder: list[Any], place: int, _random: Random) -> None:
    """Leave a value out."""
    del holder[place]


def _move(holder: list[Any], place: int, random: Random) -> None:
    """Put one value of an object or array in the place of another."""
    other = random.choice(holder)
    _set(holder, place, other[1] if isinstance(holder, _Object) else other)


def _repeat(holder: list[Any], place: int, random: Random) -> None:
    """Tell a value twice, of an object with its name, the same or another."""
    again = holder[place]
    if isinstance(holder, _Object) and random.random() < 0.5:
        again = [again[0], _Raw(random.choice(TOKENS))]
    holder.insert(random.randint(0, len(holder)), again)


_CHANGES = (_flipped, _cut, _replaced, _spliced, *[_restructured] * 5)


def _set(holder: list[Any], place: int, value: Any) -> None:
    holder[place] = [holder[place][0], value] if isinstance(holder, _Object) else value


def _object(pairs: list[tuple[str, Any]]) -> _Object:
    return _Object([name, value] for name, value in pairs)


def _holders(document: Any) -> Iterator[list[Any]]:
    """Yield every object and array."""
    waiting = [document]
    while waiting:
        value = waiting.pop()
        if isinstance(value, list):
            yield value
            inner = (it[1] for it in value) if isinstance(value, _Object) else value
            waiting.extend(inner)


def _written(value: Any) -> bytes:
    """Return a document as JSON, with tokens and second tellings as they are."""
    match value:
        case _Raw():
            return value
        case _Object():
            pairs = (json.dumps(name).encode() + b":" + _written(it) for name, it in value)
            return b"{" + b",".join(pairs) + b"}"
        case list():
            return b"[" + b",".join(map(_written, value)) + b"]"
        case _:
            return json.dumps(value).encode()
