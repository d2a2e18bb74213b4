"""The account's own fills, read from one place: the history of its trades.

Streams say when to look, never what has filled: one execution then has one time and one number,
and none is counted twice because two sources differ. What has been read is kept, so that a question
about the past asks the venue for what is new. Who asks while a reading waits for its turn shares
it: a history may be dear, and whoever asks wants the same.
"""

import asyncio
from bisect import bisect_left, insort
from collections.abc import Mapping
from typing import Any

from steelyard.bridge.numbers import number_of
from steelyard.bridge.orders import fill_of
from steelyard.bridge.session import Session
from steelyard.domain.errors import DecodeError
from steelyard.domain.lifecycle import Fill

KEPT_MAX = 20_000
OVERLAP_MS = 10_000  # read again: a venue may enter what happened a little late
PAGES_MAX = 200
NS_PER_MS = 1_000_000


class Fills:
    """The fills of one account and market, as far as they have been read."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._ids: set[str] = set()
        self._fills: list[Fill] = []  # by number
        self._from_ms: int | None = None  # everything from here on is known
        self._to_ms = 0  # up to here
        self._forgotten_ms = 0  # what is older is not kept
        self._next: asyncio.Task[list[Fill]] | None = None  # a reading that has not begun
        self._next_ms = 0  # from where it reads
        self._turn = asyncio.Lock()

    def since(self, trade_id: int) -> list[Fill]:
        """Return what is known from a number on."""
        return self._fills[bisect_left(self._fills, trade_id, key=_number) :]

    async def read(self, start_ms: int) -> list[Fill]:
        """Ask the venue for everything since a time; return what was not known before.

        Raises:
            DecodeError: There is more than can be asked for, or it cannot be read.
        """
        if self._next is None:
            self._next_ms = start_ms
            self._next = asyncio.ensure_future(self._read_next())
        else:
            self._next_ms = min(self._next_ms, start_ms)
        # Who gives up leaves the reading to the others.
        return await asyncio.shield(self._next)

    async def _read_next(self) -> list[Fill]:
        async with self._turn:
            self._next = None
            return await self._read(self._next_ms)

    async def _read(self, start_ms: int) -> list[Fill]:
        session = self._session
        begun_ms = session.now_ns() // NS_PER_MS
        from_ms = start_ms
        if self._from_ms is not None and start_ms >= self._from_ms:
            from_ms = max(start_ms, self._to_ms)
        row, since, offset = session.library.row, from_ms - OVERLAP_MS, 0
        found: list[Fill] = []
        for _ in range(PAGES_MAX):
            extra = {row.fills_offset: offset} if row.fills_offset else {}
            rows = await session.call(
                "fetch_my_trades", session.outside, max(0, since), None, extra
            )
            found += (fill for each in rows if (fill := self._take(each)) is not None)
            last_ms = max((_time_ms(each) for each in rows), default=since)
            if row.fills_offset:
                offset += len(rows)
                is_over = len(rows) < row.fills_page
            elif len(rows) >= row.fills_page:
                since, is_over = max(since + 1, last_ms), False
            elif row.fills_window_ms and since + row.fills_window_ms < begun_ms:
                since, is_over = since + row.fills_window_ms, False
            else:
                is_over = True
            if is_over:
                break
        else:
            raise DecodeError(f"more than {PAGES_MAX} pages of fills since {start_ms} ms")
        if self._from_ms is None or start_ms < self._from_ms:
            self._from_ms = max(start_ms, self._forgotten_ms)
        self._to_ms = max(self._to_ms, begun_ms - OVERLAP_MS)
        return found

    def _take(self, found: Mapping[str, Any]) -> Fill | None:
        text = str(found.get("id") or "")
        if text in self._ids or not self._session.is_ours(found):
            return None
        order = self._session.orders.get(number_of(str(found.get("order") or "")))
        name = "" if order is None else order.client_order_id
        fill = fill_of(found, self._session.instrument, name)
        self._ids.add(text)
        insort(self._fills, fill, key=_number)
        if len(self._fills) > KEPT_MAX:
            self._forgotten_ms = self._fills.pop(0).time_ns // NS_PER_MS + 1
        return fill


def _number(fill: Fill) -> int:
    return fill.trade_id


def _time_ms(found: Mapping[str, Any]) -> int:
    time_ms = found.get("timestamp")
    return time_ms if isinstance(time_ms, int) else 0
