"""Which alerts are told, and when: the same trouble once, and no more than a person can read.

Pure: who tells says what time it is. The invariant: what is not told is counted, and the count is
told. The same trouble of a bot is told at once, then counted for a while and told with its
number; what comes one by one (orders, fills) is told one by one. Trouble and the rest have a
budget each, so that a bot which trades much cannot keep its own trouble from being heard. That
something is over is told whenever the trouble was.
"""

from collections import OrderedDict, deque
from enum import StrEnum

from msgspec import Struct
from msgspec.structs import replace

from steelyard.domain.messages import MINUTE_NS, SECOND_NS

HOUR_NS = 60 * MINUTE_NS
KINDS_MAX = 1_000  # that are counted at once; of more than these, the oldest are told again
TEXT_MAX = 2_000


class Grade(StrEnum):
    """How bad it is."""

    INFO = "info"
    OVER = "over"
    WARNING = "warning"
    ERROR = "error"


class Notice(Struct, frozen=True):
    """Something to be told. kind is a dotted name; one_by_one: each is news of its own.

    to are the labels of those who are told; empty: everybody.
    """

    bot: str
    kind: str
    text: str
    grade: Grade
    time_ns: int
    one_by_one: bool = False
    to: tuple[str, ...] = ()

    @property
    def is_trouble(self) -> bool:
        """Whether it has the budget of trouble."""
        return self.grade is not Grade.INFO


class _Held:
    """What was told, and how often it has come again since."""

    def __init__(self, until_ns: int) -> None:
        self.until_ns = until_ns
        self.count = 0
        self.last: Notice | None = None


class _Budget:
    """How many are told in any hour."""

    def __init__(self, per_hour: int) -> None:
        self.told: deque[int] = deque(maxlen=per_hour)
        self.cut = 0
        self.last: Notice | None = None

    def may(self, now_ns: int) -> bool:
        told = self.told
        return len(told) < (told.maxlen or 0) or now_ns - told[0] >= HOUR_NS


class Sieve:
    """Takes notices and lets through what is told."""

    def __init__(self, again_ns: int = 15 * MINUTE_NS, per_hour: int = 60) -> None:
        self._again_ns = again_ns
        self._held: OrderedDict[tuple[object, ...], _Held] = OrderedDict()
        self._budgets = {True: _Budget(per_hour), False: _Budget(per_hour)}

    def take(self, notice: Notice, now_ns: int) -> list[Notice]:
        """Return what is told of it now: the notice, or nothing."""
        notice = replace(notice, text=notice.text[:TEXT_MAX])
        key = (notice.bot, notice.kind, notice.to)
        if notice.grade is Grade.OVER:
            self._held.pop(key, None)
        elif not notice.one_by_one:
            held = self._held.get(key)
            if held is not None and now_ns < held.until_ns:
                held.count += 1
                held.last = notice
                return []
            self._hold(key, now_ns)
        return self._within(notice, now_ns)

    def wake(self, now_ns: int) -> list[Notice]:
        """Return the counts that are due."""
        told: list[Notice] = []
        for key, held in [*self._held.items()]:
            if held.until_ns > now_ns:
                continue
            del self._held[key]
            if held.last is not None:
                told += self._within(self._counted(held.last, held.count), now_ns)
                self._hold(key, now_ns)
        for budget in self._budgets.values():
            if budget.cut and budget.last is not None and budget.may(now_ns):
                text = (
                    f"{budget.cut} alerts were not told: more than {budget.told.maxlen} in an "
                    f"hour. The last: {budget.last.kind}: {budget.last.text}"
                )
                notice = replace(budget.last, kind="alerts.too_many", text=text[:TEXT_MAX])
                budget.cut = 0
                told += self._within(notice, now_ns)
        return told

    def flush(self, now_ns: int) -> list[Notice]:
        """Return all counts at the end."""
        for held in self._held.values():
            held.until_ns = now_ns
        for budget in self._budgets.values():
            budget.told.clear()
        return self.wake(now_ns)

    @property
    def deadline_ns(self) -> int | None:
        """When the next count is due; None: nothing is counted."""
        due = [held.until_ns for held in self._held.values()]
        due += [
            budget.told[0] + HOUR_NS
            for budget in self._budgets.values()
            if budget.cut and budget.told
        ]
        return min(due, default=None)

    def _within(self, notice: Notice, now_ns: int) -> list[Notice]:
        budget = self._budgets[notice.is_trouble]
        if not budget.may(now_ns):
            budget.cut += 1
            budget.last = notice
            return []
        budget.told.append(now_ns)
        return [notice]

    def _hold(self, key: tuple[object, ...], now_ns: int) -> None:
        self._held[key] = _Held(now_ns + self._again_ns)
        if len(self._held) > KINDS_MAX:
            self._held.popitem(last=False)

    def _counted(self, last: Notice, count: int) -> Notice:
        minutes = max(1, self._again_ns // MINUTE_NS)
        seconds = self._again_ns // SECOND_NS
        span = f"{minutes} min" if self._again_ns >= MINUTE_NS else f"{seconds} s"
        return replace(last, text=f"{count} more in {span}; the last: {last.text}"[:TEXT_MAX])
