"""Trades, touches and depth as one tape: in order of time, with what is stale left out.

By the venue's clock rows are merged by time, and of one moment trades come first: a trade takes
from a level that its change of the book has not yet shrunk. By a recorder's clock a venue tells a
change of the book before the trade that made it, on another stream, by up to some dozen
milliseconds. So there a trade, whose own time is known, is moved to where the fastest message of
that moment stood, by at most `WINDOW_NS`; everything else stays where it was received.

A touch that is older than the depth before it is left out; one that is newer than the depth after
it is told again after that. A message of depth that does not go on from the one before is told
after a CLEAR: what stood is not known any more. Some hundred thousand rows of each kind are in
memory at a time.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from steelyard.backtest.columns import EVENT, EventKind
from steelyard.data.exact import Ints
from steelyard.data.instruments import PRICE_TICKS_MAX
from steelyard.data.kinds import Kind
from steelyard.domain.errors import UsageError

WINDOW_NS = 250_000_000  # a trade is moved by no more than this
NO_TIME = -1
LAG_MAX = 2**62

Streams = Mapping[Kind, Callable[[], Iterable[pl.DataFrame]]]
Events = NDArray[np.void]

TRADE, DEPTH, TOUCH = 0, 1, 2  # in this order in one moment
_RANKS = {Kind.TRADES: TRADE, Kind.AGGREGATES: TRADE, Kind.DEPTH: DEPTH, Kind.TOUCH: TOUCH}

# Whatever its kind, a row is one of these. first and last are numbers of its message.
ROW = np.dtype(
    [
        ("time_ns", "<i8"),  # when it is told
        ("local_ns", "<i8"),  # when it was received; the same where nobody recorded it
        ("venue_ns", "<i8"),
        ("rank", "<i8"),
        ("first", "<i8"),
        ("last", "<i8"),
        ("side", "<i8"),
        ("tick", "<i8"),
        ("lots", "<i8"),
        ("ask_tick", "<i8"),
        ("ask_lots", "<i8"),
    ]
)


class Block(NamedTuple):
    """Events, and when each was received."""

    events: Events
    local_ns: Ints


def tape_blocks(streams: Streams, clock: str) -> Iterator[Events]:
    """Yield the events of a tape, as `columns.Tape` asks for them."""
    for block in played(merged(streams), clock):
        yield block.events


def local_blocks(streams: Streams, clock: str) -> Iterator[Ints]:
    """Yield when the events of a tape were received, in the same blocks."""
    for block in played(merged(streams), clock):
        yield block.local_ns


def played(batches: Iterable[Events], clock: str) -> Iterator[Block]:
    """Yield the blocks that batches of rows, in the order in which they were told, make."""
    if clock == "recorder":
        batches = _moved(batches)
    resolution = _Resolution()
    last_ns = 0
    for rows in batches:
        if not len(rows):
            continue
        time_ns = rows["time_ns"]
        if time_ns[0] < last_ns or (np.diff(time_ns) < 0).any():
            raise UsageError(
                "the recording goes back in time by more than it can be mended while it is read; "
                "import it by `steelyard data import`, which sorts it"
            )
        last_ns = int(time_ns[-1])
        block = resolution.of(rows)
        if len(block.events):
            yield block


def rows_of(kind: Kind, frame: pl.DataFrame) -> Events:
    """Return rows of a kind in the form that they have in common."""
    rows = np.zeros(len(frame), dtype=ROW)
    rows["time_ns"] = rows["local_ns"] = frame["time_ns"].to_numpy()
    rows["venue_ns"] = frame["venue_ns"].fill_null(NO_TIME).to_numpy()
    rows["rank"] = _RANKS[kind]
    match kind:
        case Kind.TRADES | Kind.AGGREGATES:
            names = {"last": "trade_id", "side": "side", "tick": "price_ticks", "lots": "size_lots"}
        case Kind.TOUCH:
            names = {"last": "update_id", "tick": "bid_ticks", "lots": "bid_lots"}
            names |= {"ask_tick": "ask_ticks", "ask_lots": "ask_lots"}
        case _:
            assert kind is Kind.DEPTH, "bars are no events of a tape"
            names = {"first": "first_id", "last": "last_id", "side": "side"}
            names |= {"tick": "price_ticks", "lots": "size_lots"}
    for name, column in names.items():
        rows[name] = frame[column].to_numpy()
    if kind is Kind.DEPTH and len(rows) and rows["tick"].max() > PRICE_TICKS_MAX:
        rows = rows[rows["tick"] <= PRICE_TICKS_MAX]  # a level so far away that it cannot matter
    return rows


def ordered(batches: list[Events]) -> Events:
    """Return rows of several kinds in order; those of one kind keep theirs."""
    rows = np.concatenate(batches) if len(batches) > 1 else batches[0]
    if len(batches) == 1:
        return rows
    return rows[np.lexsort((rows["rank"], rows["time_ns"]))]


def merged(streams: Streams) -> Iterator[Events]:
    """Yield rows of all kinds in order of the time at which they were told."""
    if len(streams) == 1:
        ((kind, make),) = streams.items()
        yield from (rows_of(kind, frame) for frame in make() if len(frame))
        return
    iterators = {kind: iter(make()) for kind, make in streams.items()}
    waiting: dict[Kind, list[Events]] = {kind: [] for kind in iterators}
    while iterators or any(waiting.values()):
        for kind in list(iterators):
            while kind in iterators and not waiting[kind]:
                frame = next(iterators[kind], None)
                if frame is None:
                    del iterators[kind]
                elif len(frame):
                    waiting[kind].append(rows_of(kind, frame))
        # Of the moment at which a kind's rows end for now, more may follow.
        ends = [int(waiting[kind][-1]["time_ns"][-1]) for kind in iterators]
        horizon_ns = min(ends, default=None)
        ready = []
        for kind, batches in waiting.items():
            if not batches:
                continue
            rows = np.concatenate(batches) if len(batches) > 1 else batches[0]
            cut = len(rows)
            if horizon_ns is not None:
                cut = int(np.searchsorted(rows["time_ns"], horizon_ns))
            if cut:
                ready.append(rows[:cut])
            waiting[kind] = [rows[cut:]] if cut < len(rows) else []
        if ready:
            yield ordered(ready)
        elif horizon_ns is not None:
            _read_on(iterators, waiting, horizon_ns)


def _read_on(
    iterators: dict[Kind, Iterator[pl.DataFrame]], waiting: dict[Kind, list[Events]], time_ns: int
) -> None:
    """Read more of a kind of which all that waits is of one moment."""
    for kind in list(iterators):
        if waiting[kind] and int(waiting[kind][-1]["time_ns"][-1]) == time_ns:
            frame = next(iterators[kind], None)
            if frame is None:
                del iterators[kind]
            elif len(frame):
                waiting[kind].append(rows_of(kind, frame))


def _moved(batches: Iterable[Events]) -> Iterator[Events]:
    """Yield rows in the order of when they happened, trades where the fastest message stood."""
    lag_ns = LAG_MAX  # of the fastest: the recorder's time minus the venue's
    waiting = np.empty(0, dtype=ROW)
    for batch in batches:
        rows = batch.copy()
        knows = (rows["venue_ns"] != NO_TIME) & (rows["rank"] != TOUCH)
        lags = np.where(knows, rows["local_ns"] - rows["venue_ns"], LAG_MAX)
        lags = np.minimum(np.minimum.accumulate(lags), lag_ns)
        lag_ns = int(lags[-1])
        trades = knows & (rows["rank"] == TRADE)
        happened = np.maximum(rows["venue_ns"] + lags, rows["local_ns"] - WINDOW_NS)
        rows["time_ns"] = np.where(trades, happened, rows["local_ns"])
        until_ns = int(rows["local_ns"][-1]) - WINDOW_NS
        rows = np.concatenate((waiting, rows))
        rows = rows[np.argsort(rows["time_ns"], kind="stable")]
        cut = int(np.searchsorted(rows["time_ns"], until_ns, side="right"))
        waiting = rows[cut:]
        yield rows[:cut]
    yield waiting


class _Resolution:
    """Decides which touches are stale, and where the book is not known; remembers the last ones."""

    def __init__(self) -> None:
        self._depth_last = 0  # the number of the last message of depth
        self._touch = np.zeros(1, dtype=ROW)[:0]

    def of(self, rows: Events) -> Block:
        """Return the events that rows, which go on from those before, make."""
        rank, side = rows["rank"], rows["side"]
        is_depth, is_touch = rank == DEPTH, rank == TOUCH
        if not is_depth.any() and not is_touch.any():
            kinds = np.where(side == 1, EventKind.BUY_TRADE, EventKind.SELL_TRADE)
            return Block(_events(rows, kinds), rows["local_ns"].copy())
        place = np.arange(len(rows))
        # The last depth and the last touch at each row; -1: of the block before.
        depth_at = np.maximum.accumulate(np.where(is_depth, place, -1))
        last, first = rows["last"], rows["first"]
        depth_last = np.where(depth_at < 0, self._depth_last, last[depth_at])
        fresh = is_touch & ((last == 0) | (last > depth_last))

        before_last = np.concatenate(([self._depth_last], depth_last[:-1]))
        # A row within a message begins where the message before it ended, or earlier.
        is_cut = is_depth & (first > before_last + 1) & (before_last > 0) & (side != 0)
        again_at, again = self._again(rows, is_depth, is_touch, place)

        counts = np.where(is_touch, 0, 1 + is_cut)
        counts[fresh] += _sides(rows[fresh])
        after = np.zeros(len(rows), dtype=np.int64)
        after[again_at] = _sides(again)
        ends = np.cumsum(counts + after)
        starts = ends - counts - after
        out = np.zeros(int(ends[-1]), dtype=EVENT)
        local = np.repeat(rows["local_ns"], counts + after)
        out["time_ns"] = np.repeat(rows["time_ns"], counts + after)
        out["kind"][starts[is_cut]] = EventKind.CLEAR
        told = np.flatnonzero(~is_touch)
        kinds = np.where(
            is_depth[told],
            _DEPTH_KINDS[side[told] + 1],
            np.where(side[told] == 1, EventKind.BUY_TRADE, EventKind.SELL_TRADE),
        )
        where = starts[told] + is_cut[told]
        out["kind"][where], out["tick"][where] = kinds, rows["tick"][told]
        out["lots"][where] = rows["lots"][told]
        _put_bests(out, starts[fresh], rows[fresh])
        _put_bests(out, ends[again_at] - after[again_at], again)
        if is_depth.any():
            self._depth_last = int(last[depth_at[-1]])
        if is_touch.any():
            self._touch = rows[int(np.flatnonzero(is_touch)[-1])][None]
        return Block(out, local)

    def _again(
        self,
        rows: Events,
        is_depth: NDArray[np.bool_],
        is_touch: NDArray[np.bool_],
        place: Ints,
    ) -> tuple[Ints, Events]:
        """Return the touches that are told again, and after which rows.

        Those are the last rows of messages of depth that are older than the touch before them.
        """
        ends = is_depth.copy()
        ends[:-1] &= ~(
            is_depth[1:]
            & (rows["last"][1:] == rows["last"][:-1])
            & (rows["first"][1:] == rows["first"][:-1])
            & (rows["time_ns"][1:] == rows["time_ns"][:-1])
        )
        touch_at = np.maximum.accumulate(np.where(is_touch, place, -1))
        at = np.flatnonzero(ends)
        known = touch_at[at]
        if len(self._touch):
            touches = np.where(known < 0, self._touch, rows[np.maximum(known, 0)])
        else:
            at, known = at[known >= 0], known[known >= 0]
            touches = rows[known]
        newer = touches["last"] > rows["last"][at]
        return at[newer], touches[newer]


_DEPTH_KINDS = np.array([EventKind.ASK_LEVEL, EventKind.CLEAR, EventKind.BID_LEVEL])  # by side + 1


def _events(rows: Events, kinds: NDArray[np.int64]) -> Events:
    events = np.zeros(len(rows), dtype=EVENT)
    for name in ("time_ns", "tick", "lots"):
        events[name] = rows[name]
    events["kind"] = kinds
    return events


def _sides(touches: Events) -> Ints:
    """Return how many sides of touches are told: those with a size."""
    return (touches["lots"] > 0).astype(np.int64) + (touches["ask_lots"] > 0)


def _put_bests(out: Events, at: Ints, touches: Events) -> None:
    """Put both sides of touches in place, the bid first."""
    bid, ask = touches["lots"] > 0, touches["ask_lots"] > 0
    for where, which, kind, tick, lots in (
        (at[bid], bid, EventKind.BEST_BID, "tick", "lots"),
        ((at + bid)[ask], ask, EventKind.BEST_ASK, "ask_tick", "ask_lots"),
    ):
        out["kind"][where] = kind
        out["tick"][where] = touches[tick][which]
        out["lots"][where] = touches[lots][which]
