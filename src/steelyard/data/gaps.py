"""What is missing between rows, named as [from_ns, to_ns); nothing is ever filled in.

Bars: those of an interval that has none. Rows with consecutive numbers: where a number is missing
(trades), or where a message does not go on from the one before (depth). Where numbers say nothing
(a touch, trades without ids), a silence of `SILENCE_NS` counts as a gap, because a stream that was
down looks like that; a market where nothing happened for so long does too.
"""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import polars as pl

from steelyard.data.exact import Ints
from steelyard.data.kinds import NUMBER, TIME, Kind
from steelyard.data.manifest import Gap, Missing, Part

TRADES = (Kind.TRADES, Kind.AGGREGATES)
SILENCE_NS = 60_000_000_000


class Edge(NamedTuple):
    """The end of one stretch of rows, or the beginning of another."""

    time_ns: int
    number: int  # 0: none


def gaps_in(kind: Kind, rows: pl.DataFrame, interval_ns: int = 0) -> tuple[Gap, ...]:
    """Return the gaps between rows, which are in order."""
    if len(rows) < 2:  # noqa: PLR2004 there is nothing between one row
        return ()
    time_ns = rows[TIME[kind]].to_numpy()
    broken = _broken(kind, rows, time_ns, interval_ns)
    after = interval_ns if kind is Kind.BARS else 0
    return tuple((int(time_ns[at]) + after, int(time_ns[at + 1])) for at in broken)


def gap_between(kind: Kind, last: Edge, first: Edge, interval_ns: int = 0) -> Gap | None:
    """Return the gap between two stretches of rows, if there is one."""
    if kind is Kind.BARS:
        is_broken = first.time_ns - last.time_ns > interval_ns
        return (last.time_ns + interval_ns, first.time_ns) if is_broken else None
    if kind is not Kind.TOUCH and last.number and first.number:
        is_broken = first.number > last.number + 1
    else:
        is_broken = first.time_ns - last.time_ns > SILENCE_NS
    return (last.time_ns, first.time_ns) if is_broken else None


def edges(kind: Kind, rows: pl.DataFrame) -> tuple[Edge, Edge]:
    """Return where a stretch of rows begins and ends, as `gap_between` asks."""
    time_ns = rows[TIME[kind]]
    if kind is Kind.BARS:
        return Edge(int(time_ns[0]), 0), Edge(int(time_ns[-1]), 0)
    first = last = rows[NUMBER[kind]].to_numpy()
    if kind in TRADES:  # trades of one moment may stand in another order
        return Edge(int(time_ns[0]), int(first.min())), Edge(int(time_ns[-1]), int(last.max()))
    if kind is Kind.DEPTH:
        first = rows["first_id"].to_numpy()
        if rows["side"][0] == 0:  # a snapshot needs nothing before it
            return Edge(int(time_ns[0]), 1), Edge(int(time_ns[-1]), int(last[-1]))
    return Edge(int(time_ns[0]), int(first[0])), Edge(int(time_ns[-1]), int(last[-1]))


def all_gaps(
    kind: Kind, parts: Iterable[Part], missing: Iterable[Missing], interval_ns: int = 0
) -> tuple[Gap, ...]:
    """Return the gaps of a dataset: in its parts, between them, and those that sources named."""
    found: list[Gap] = [(each.from_ns, each.to_ns) for each in missing]
    before: Part | None = None
    for part in parts:
        if before is not None:
            last = Edge(before.last_ns, before.last_id)
            between = gap_between(kind, last, Edge(part.first_ns, part.first_id), interval_ns)
            found += [between] if between else []
        found += part.gaps
        before = part
    return joined(found)


def joined(gaps: Iterable[Gap]) -> tuple[Gap, ...]:
    """Return gaps in order, those that touch as one."""
    out: list[Gap] = []
    for begin, end in sorted(gaps):
        if out and begin <= out[-1][1]:
            out[-1] = (out[-1][0], max(end, out[-1][1]))
        else:
            out.append((begin, end))
    return tuple(out)


def within(gaps: Iterable[Gap], start_ns: int | None, end_ns: int | None) -> tuple[Gap, ...]:
    """Return the part of gaps that lies in a span of time."""
    cut = (
        (
            begin if start_ns is None else max(begin, start_ns),
            end if end_ns is None else min(end, end_ns),
        )
        for begin, end in gaps
    )
    return tuple((begin, end) for begin, end in cut if begin < end)


def breaks(rows: pl.DataFrame) -> Ints:
    """Return the places of depth rows that begin a message which does not go on from the last.

    A snapshot begins anew and is none.
    """
    first, last = rows["first_id"].to_numpy(), rows["last_id"].to_numpy()
    side = rows["side"].to_numpy()
    is_new = (first[1:] != first[:-1]) | (last[1:] != last[:-1])
    is_numbered = (first[1:] > 0) & (last[:-1] > 0) & (side[1:] != 0)
    return np.flatnonzero(is_new & is_numbered & (first[1:] > last[:-1] + 1)) + 1


def _broken(kind: Kind, rows: pl.DataFrame, time_ns: Ints, interval_ns: int) -> Ints:
    step = np.diff(time_ns)
    if kind is Kind.BARS:
        return np.flatnonzero(step > interval_ns)
    if kind is Kind.DEPTH and rows["first_id"].to_numpy().any():
        return breaks(rows) - 1
    if kind in TRADES and (ids := rows["trade_id"].to_numpy()).any():
        ordered = np.sort(ids)  # trades of one moment may stand in another order
        if not (np.diff(ordered) > 1).any():
            return np.empty(0, dtype=np.int64)
        top = np.maximum.accumulate(ids)
        return np.flatnonzero(ids[1:] > top[:-1] + 1)
    return np.flatnonzero(step > SILENCE_NS)
