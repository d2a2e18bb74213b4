"""What is still to be run: the search of each fold, then the test of what it chose.

The plan is a function of the rows that it has taken: begun anew with the rows of a sweep that was
broken off, it goes on as that one would have. Folds walk in step, so that all of them together
keep the workers busy, and none sees another's results.
"""

from collections.abc import Iterable, Mapping

from steelyard.backtest.sweep.figures import Objective
from steelyard.backtest.sweep.search import Search, Tried
from steelyard.backtest.sweep.space import At, Space
from steelyard.backtest.sweep.splits import Fold, Span
from steelyard.backtest.sweep.trials import Job, Key, Part, Row
from steelyard.domain.errors import ConfigError


class Choice:
    """By what a trial is chosen: the objective, over trials with trades enough to tell."""

    def __init__(self, objective: Objective, trades_min: int = 0) -> None:
        self.objective = objective
        self.trades_min = trades_min

    def value(self, row: Row) -> float | None:
        """Return the objective of a row, more being better; None where it cannot be chosen."""
        if row.figures is None:
            return None
        if self.trades_min and (row.figures.get("trades") or 0) < self.trades_min:
            return None
        return self.objective.value(row.figures)

    def best(self, rows: Iterable[Row]) -> Row | None:
        """Return the best; of equals the first proposed."""
        found: tuple[float, int, Row] | None = None
        for row in rows:
            value = self.value(row)
            if value is not None and (found is None or (value, -row.number) > found[:2]):
                found = value, -row.number, row
        return None if found is None else found[2]


class Plan:
    """Says which jobs are next, and takes their rows."""

    def __init__(
        self,
        space: Space,
        whole: Span,
        folds: tuple[Fold, ...],
        searches: tuple[Search, ...],
        choice: Choice,
        trials: int,
        rows: Mapping[Key, Row],
    ) -> None:
        """Take what there is. Without folds there is one search, over the whole span.

        trials is how many a search proposes at most; rows are those of before.
        """
        assert len(searches) == max(1, len(folds)), "each fold has a search of its own"
        self._space = space
        self._spans = tuple(fold.train for fold in folds) or (whole,)
        self._tests = tuple(fold.test for fold in folds)
        self._searches = searches
        self.choice = choice
        self._proposed: list[list[At]] = [
            _whole_rounds(rows, fold, search.round_size) for fold, search in enumerate(searches)
        ]
        self._is_over = [False] * len(searches)
        self.rows = dict(rows)
        self.total = trials * len(searches) + len(folds)

    def take(self, row: Row) -> None:
        """Take the row of a job that has ended."""
        self.rows.setdefault(row.key, row)

    def next_jobs(self) -> list[Job]:
        """Return what can be run now, all that was given out before having been taken.

        Raises:
            ConfigError: The rows of before are not of the trials that are proposed now.
        """
        while True:
            jobs = [
                job
                for fold in range(len(self._searches))
                for job in self._train_jobs(fold)
                if not self._is_taken(job)
            ]
            if jobs:
                return jobs
            are_over = [self._ask(fold) for fold in range(len(self._searches))]
            if all(are_over):
                return [job for job in self._test_jobs() if not self._is_taken(job)]

    def train_rows(self, fold: int) -> list[Row]:
        """Return the rows of a fold's search that are there, in the order of their numbers."""
        keys = (Key(fold, Part.TRAIN, number) for number in range(len(self._proposed[fold])))
        return [self.rows[key] for key in keys if key in self.rows]

    def _ask(self, fold: int) -> bool:
        """Have a search whose trials have all ended propose more; whether it is over."""
        if not self._is_over[fold]:
            tried = [Tried(row.at, self.choice.value(row)) for row in self.train_rows(fold)]
            more = self._searches[fold].propose(tried)
            self._proposed[fold] += more
            self._is_over[fold] = not more
        return self._is_over[fold]

    def _train_jobs(self, fold: int) -> list[Job]:
        span = self._spans[fold]
        return [
            Job(Key(fold, Part.TRAIN, number), at, span)
            for number, at in enumerate(self._proposed[fold])
        ]

    def _test_jobs(self) -> list[Job]:
        jobs = []
        for fold, test in enumerate(self._tests):
            if best := self.choice.best(self.train_rows(fold)):
                jobs.append(Job(Key(fold, Part.TEST, best.number), best.at, test))
        return jobs

    def _is_taken(self, job: Job) -> bool:
        row = self.rows.get(job.key)
        if row is None:
            return False
        if row.at != job.at or (row.start_ns, row.end_ns) != job.span:
            raise ConfigError(
                f"trial {job.key.number} of the record is not the one that is proposed now "
                f"({row.params} then): another version of the search wrote it. "
                "Start anew with --anew"
            )
        return True


def _whole_rounds(rows: Mapping[Key, Row], fold: int, round_size: int) -> list[At]:
    """Return the places of the rounds that have ended, so that they need not be proposed again."""
    found: list[At] = []
    while (key := Key(fold, Part.TRAIN, len(found))) in rows:
        found.append(rows[key].at)
    return found[: len(found) // round_size * round_size]
