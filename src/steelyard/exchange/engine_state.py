"""Reading an engine's snapshot by kind of record, for those who want only some of it.

A snapshot is what the native and the reference engine both say of themselves, so whoever reads
it needs no further question to either. It is walked by the sizes in the records' heads: what is
not asked for is not decoded.
"""

from collections.abc import Iterator
from typing import Any

from steelyard.domain.layout import HEAD, decode, tags_of


def records_of(snapshot: bytes, *kinds: type) -> Iterator[Any]:
    """Yield the records of these kinds, in the snapshot's order.

    Raises:
        DecodeError: A record of these kinds cannot be read.
    """
    tags = frozenset[int]().union(*map(tags_of, kinds))
    offset = 0
    while offset < len(snapshot):
        tag, size, _ = HEAD.unpack_from(snapshot, offset)
        if tag in tags:
            yield decode(snapshot, offset)[0]
        offset += size
