"""Walk-forward: spans of time to search on, each followed by one that nothing was chosen by.

    |<------ train ------>|<- purge + embargo ->|<-- test -->|
              |<------ train ------>|<- purge + embargo ->|<-- test -->|        (rolling)
    |<----------- train ----------->|<- purge + embargo ->|<-- test -->|        (anchored)

Spans are [start, end) in UTC nanoseconds and begin and end on whole bars. Between a training's end
and its test lies the purge: at least as long as the strategy looks back to warm up, so that no bar
that a test looks at, its warm-up included, was trained on; and at least as long as what training
measured may still be open, so that no bar of a test decided what was chosen. The embargo is added
to it, for markets that remember longer. Tests do not overlap: joined, they are one run of which no
part was chosen by hindsight. What is left over at the end is said, not used.
"""

from datetime import UTC, datetime
from typing import NamedTuple

from steelyard.domain.errors import ConfigError
from steelyard.domain.messages import MINUTE_NS

DAY_NS = 24 * 60 * MINUTE_NS
FOLDS_MAX = 1_000


class Span(NamedTuple):
    """[start, end) in UTC nanoseconds."""

    start_ns: int
    end_ns: int

    @property
    def length_ns(self) -> int:
        """How long."""
        return self.end_ns - self.start_ns


class Fold(NamedTuple):
    """One step of walking forward."""

    train: Span
    test: Span


class WalkForward(NamedTuple):
    """How to split: durations in nanoseconds. step is how far each fold is behind the last."""

    train_ns: int
    test_ns: int
    step_ns: int
    purge_ns: int
    embargo_ns: int = 0
    is_anchored: bool = False


def split(whole: Span, walk: WalkForward, interval_ns: int, reach_ns: int) -> tuple[Fold, ...]:
    """Return the folds that fit into a span, the first as early as possible.

    interval_ns is the length of a bar, on which everything begins and ends. reach_ns is how far the
    strategy looks back, or how long what it measured may stay open: the longer of the two.

    Raises:
        ConfigError: A duration is no whole number of bars, the purge is shorter than the reach,
            tests would overlap, or nothing fits; the message says how long what would be.
    """
    for name, duration_ns in walk._asdict().items():
        if name.endswith("_ns") and duration_ns % interval_ns:
            raise ConfigError(
                f"[sweep.walk_forward] {name.removesuffix('_ns')} is {_text(duration_ns)}, which "
                f"is no whole number of bars of {_text(interval_ns)}"
            )
    if walk.purge_ns < reach_ns:
        raise ConfigError(
            f"[sweep.walk_forward] purge is {_text(walk.purge_ns)}, but the strategy reaches over "
            f"{_text(reach_ns)}: its tests would look at what it was trained on. Write purge = "
            f'"{_text(reach_ns)}" or more, or leave it out'
        )
    if walk.step_ns < walk.test_ns:
        raise ConfigError(
            f"[sweep.walk_forward] step is {_text(walk.step_ns)} and test {_text(walk.test_ns)}: "
            "tests would overlap. Write a step of at least the test, or leave it out"
        )
    start_ns = -(-whole.start_ns // interval_ns) * interval_ns
    gap_ns = walk.purge_ns + walk.embargo_ns
    folds: list[Fold] = []
    while True:
        began_ns = start_ns + len(folds) * walk.step_ns
        ended_ns = began_ns + walk.train_ns
        test = Span(ended_ns + gap_ns, ended_ns + gap_ns + walk.test_ns)
        if test.end_ns > whole.end_ns:
            break
        if len(folds) == FOLDS_MAX:
            raise ConfigError(f"[sweep.walk_forward] makes over {FOLDS_MAX} folds; widen the step")
        folds.append(Fold(Span(start_ns if walk.is_anchored else began_ns, ended_ns), test))
    if not folds:
        needed_ns = walk.train_ns + gap_ns + walk.test_ns
        raise ConfigError(
            f"[sweep.walk_forward] needs {_text(needed_ns)} for one fold, and the data has "
            f"{_text(max(0, whole.length_ns))}; shorten train or test, or take more data"
        )
    return tuple(folds)


def unused_ns(whole: Span, folds: tuple[Fold, ...]) -> int:
    """Return how much at the end of the data no fold looks at."""
    return whole.end_ns - folds[-1].test.end_ns


def day(time_ns: int) -> str:
    """Return the day of a moment, in UTC, and the time where it is not midnight."""
    moment = datetime.fromtimestamp(time_ns // 10**9, UTC)
    return f"{moment:%Y-%m-%d}" if time_ns % DAY_NS == 0 else f"{moment:%Y-%m-%d %H:%M}"


def _text(duration_ns: int) -> str:
    for unit, name in ((DAY_NS, "d"), (DAY_NS // 24, "h"), (MINUTE_NS, "m")):
        if duration_ns >= unit and duration_ns % unit == 0:
            return f"{duration_ns // unit}{name}"
    return f"{duration_ns / 1e9:g}s"
