"""Numbers as Prometheus reads them: text format 0.0.4, for the exchange's port and a bot's.

The invariant: every family of a page is declared in a table before it is told, with its kind, what
it means and its labels, and label sets are bounded: values come from enums, dialects and record
types, never from a request. It measures nothing itself, besides sorting times into a histogram.
"""

from bisect import bisect_left
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from steelyard.wire.http import Response

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
BUCKETS_S = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0)

Value = int | float | str
Sample = tuple[tuple[str, ...], Value]  # values of the labels, in their order


class Family(NamedTuple):
    """What a name stands for."""

    name: str
    kind: str  # counter, gauge or histogram
    help: str
    labels: tuple[str, ...] = ()


class Histogram:
    """How long something took, in buckets."""

    def __init__(self) -> None:
        self.counts = [0] * (len(BUCKETS_S) + 1)
        self.sum_s = 0.0

    def add(self, time_s: float) -> None:
        """Enter one time."""
        self.counts[bisect_left(BUCKETS_S, time_s)] += 1
        self.sum_s += time_s


class Buckets(NamedTuple):
    """A histogram with a label's values: counts up to each bound and beyond, and the sum."""

    labels: tuple[str, ...]
    bounds_s: tuple[float, ...]
    counts: tuple[int, ...]
    sum_s: float


def exposition(told: Mapping[Family, Iterable[Sample | Buckets] | Histogram]) -> str:
    """Return families with their samples as text."""
    return "".join(line for family, samples in told.items() for line in _lines(family, samples))


def metrics_response(text: str) -> Response:
    """Return the answer to a scrape."""
    return Response(200, {"content-type": CONTENT_TYPE}, text.encode())


def one(value: Value) -> list[Sample]:
    """Return the only sample of a family without labels."""
    return [((), value)]


def _lines(family: Family, samples: Iterable[Sample | Buckets] | Histogram) -> Iterable[str]:
    yield f"# HELP {family.name} {family.help}\n# TYPE {family.name} {family.kind}\n"
    if isinstance(samples, Histogram):
        total = 0
        for bound, count in zip((*BUCKETS_S, "+Inf"), samples.counts, strict=True):
            total += count
            yield f'{family.name}_bucket{{le="{bound}"}} {total}\n'
        yield f"{family.name}_sum {samples.sum_s:.9f}\n{family.name}_count {total}\n"
        return
    for sample in samples:
        if isinstance(sample, Buckets):
            yield from _buckets(family, sample)
            continue
        values, value = sample
        pairs = zip(family.labels, values, strict=True)
        labels = ",".join(f'{label}="{_escaped(text)}"' for label, text in pairs)
        yield f"{family.name}{f'{{{labels}}}' if labels else ''} {value}\n"


def _buckets(family: Family, told: Buckets) -> Iterable[str]:
    pairs = zip(family.labels, told.labels, strict=True)
    labels = ",".join(f'{label}="{_escaped(text)}"' for label, text in pairs)
    total = 0
    for bound, count in zip((*told.bounds_s, "+Inf"), told.counts, strict=True):
        total += count
        yield f'{family.name}_bucket{{{labels},le="{bound}"}} {total}\n'
    yield f"{family.name}_sum{{{labels}}} {told.sum_s:.9f}\n"
    yield f"{family.name}_count{{{labels}}} {total}\n"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
