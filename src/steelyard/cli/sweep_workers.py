"""Who runs trials: this process's children, one for each core, or a Dask cluster's workers.

The schedulers are joblib's: its threads where the trials are of this machine (each waits for a
child of its own, see `sweep_cell`, so it is processes that work), its Dask backend where they are
of a cluster. Rows come as trials end; nothing is said of their order. joblib and Dask are imported
here and only when they are needed: one worker needs neither.

A worker of a cluster that is lost has its trials run again elsewhere: that is Dask's. The work goes
to each worker once, also to one that comes later.
"""

import asyncio
import contextlib
import os
import time
from collections.abc import Callable, Iterable, Iterator
from importlib.util import find_spec
from typing import Any, NamedTuple, Protocol

from steelyard import __version__
from steelyard.backtest.sweep.splits import Span
from steelyard.backtest.sweep.trials import Job
from steelyard.cli.sweep_cell import Cells, Ended, Payload, Unfit
from steelyard.domain.errors import ConfigError, ConnectFailed, ConnectionLost

CONNECT_S = 10
WORKERS_S = 60  # how long a cluster without workers is waited for
LOST_MAX = 10  # times in a row that everything outstanding is given out again
LOST_S = 1.0  # before it is
_JOBLIB = "pip install joblib"  # not our extra, which a clone cannot be installed from
_FEW = f"more than one worker needs joblib: {_JOBLIB}, or --workers 1"
_DASK = "pip install joblib dask distributed"

Params = Callable[[Job], dict[str, Any]]


class Task(NamedTuple):
    """A job as it travels, with what its parameters are."""

    job: Job
    params: dict[str, Any]


class Workers(Protocol):
    """Runs jobs."""

    about: str  # for people

    def run(self, tasks: list[Task]) -> Iterator[tuple[Job, Ended]]:
        """Yield each as it ends."""
        ...

    def close(self) -> None:
        """End whatever runs."""
        ...


class Alone:
    """One child, one trial at a time."""

    def __init__(self, payload: Payload, timeout_s: float, why: str = "") -> None:
        """Take one, and say why where that is no choice."""
        self.about = f"one process{why}"
        self._payload, self._timeout_s = payload, timeout_s
        self._cells = Cells()

    def run(self, tasks: list[Task]) -> Iterator[tuple[Job, Ended]]:
        """Yield each as it ends: in their order."""
        for job, params in tasks:
            yield job, self._cells.run(self._payload, params, job.span, self._timeout_s)

    def close(self) -> None:
        """End the child."""
        self._cells.close()


class Cores:
    """A child for each core, given trials by joblib."""

    def __init__(self, payload: Payload, timeout_s: float, count: int) -> None:
        """Take so many.

        Raises:
            ConfigError: joblib is not installed.
        """
        try:
            import joblib  # type: ignore[import-untyped]  # noqa: PLC0415 not everybody sweeps
        except ImportError as error:
            raise ConfigError(_FEW) from error
        self.about = f"{count} processes"
        self._delayed = joblib.delayed
        self._parallel = joblib.Parallel(
            n_jobs=count,
            backend="threading",
            return_as="generator_unordered",
            batch_size=1,
            pre_dispatch="2*n_jobs",
        )
        self._payload, self._timeout_s = payload, timeout_s
        self._cells = Cells()

    def run(self, tasks: list[Task]) -> Iterator[tuple[Job, Ended]]:
        """Yield each as it ends."""
        run = self._delayed(self._one)
        found: Iterable[tuple[Job, Ended]] = self._parallel(run(task) for task in tasks)
        yield from found

    def close(self) -> None:
        """End all children; the threads that wait for them end with them."""
        self._cells.close()

    def _one(self, task: Task) -> tuple[Job, Ended]:
        return task.job, self._cells.run(self._payload, task.params, task.job.span, self._timeout_s)


class Cluster:
    """The workers of a Dask scheduler, given trials by joblib."""

    def __init__(self, payload: Payload, timeout_s: float, scheduler: str) -> None:
        """Connect, and see that every worker is of our version.

        Raises:
            ConfigError: Dask is not installed, or a worker is of another version.
            ConnectFailed: No scheduler is there, or no worker comes.
        """
        try:
            import distributed  # noqa: PLC0415
            import joblib  # noqa: PLC0415 not everybody has a cluster
        except ImportError as error:
            raise ConfigError(f"--scheduler needs Dask: {_DASK}") from error
        client: Any = distributed.Client  # it has no types
        try:
            self._client = client(scheduler, timeout=CONNECT_S, set_as_default=False)
        except (OSError, TimeoutError, ValueError) as error:
            raise ConnectFailed(
                f"no Dask scheduler answers at {scheduler}: {error}. Start one with "
                "`dask scheduler` and workers with `dask worker ADDRESS`"
            ) from error
        try:
            self.about = self._look()
        except BaseException:
            self.close()
            raise
        self._joblib = joblib
        self._payload, self._timeout_s = payload, timeout_s
        self._scheduler = scheduler

    def run(self, tasks: list[Task]) -> Iterator[tuple[Job, Ended]]:
        """Yield each as it ends.

        Raises:
            ConnectionLost: The cluster lost the same trials again and again.
            Unfit: No trial can run there.
        """
        left = {task.job.key: task for task in tasks}
        lost = 0
        while left:
            try:
                for job, ended in self._round(list(left.values())):
                    left.pop(job.key, None)
                    lost = 0
                    yield job, ended
            except Unfit:
                raise
            except Exception as error:
                lost += 1
                if lost > LOST_MAX:
                    raise ConnectionLost(
                        f"the cluster at {self._scheduler} lost {len(left)} trials {lost} times: "
                        f"{error!r}; what has ended is kept, and the same command goes on"
                    ) from error
                time.sleep(LOST_S)

    def close(self) -> None:
        """Let go of the cluster; trials that run there run to their end and are forgotten."""
        with contextlib.suppress(Exception):
            self._client.close(timeout=CONNECT_S)

    def _round(self, tasks: list[Task]) -> Iterator[tuple[Job, Ended]]:
        joblib = self._joblib
        self._client.wait_for_workers(1, timeout=WORKERS_S)
        run = joblib.delayed(run_there)
        payload = self._payload
        backend = backend_type()(
            client=self._client,
            scatter=[payload],
            wait_for_workers_timeout=WORKERS_S,
            pure=False,
        )
        with joblib.parallel_config(backend=backend):
            # All at once: workers that come later get their share, too.
            parallel = joblib.Parallel(
                return_as="generator_unordered", batch_size=1, pre_dispatch="all"
            )
            yield from parallel(
                run(payload, task.job, task.params, self._timeout_s) for task in tasks
            )

    def _look(self) -> str:
        """Return what the cluster is, having seen that it can run our trials."""
        try:
            self._client.wait_for_workers(1, timeout=WORKERS_S)
        except TimeoutError as error:
            raise ConnectFailed(
                f"the scheduler has no worker after {WORKERS_S} s; start some with "
                "`dask worker ADDRESS`"
            ) from error
        found: dict[str, Any] = self._client.run(version_there, on_error="return")
        for worker, version in sorted(found.items()):
            # One that is on its way out answers with another error, and is no matter.
            if version != __version__ and isinstance(version, str | ImportError):
                raise Unfit(
                    f"the worker {worker} has steelyard {version}, and this is {__version__}; "
                    "install the same one there, and start the worker again"
                )
        threads = sum(self._client.ncores().values())
        return f"{len(found)} Dask workers with {threads} threads"


def backend_type() -> Any:
    """Return joblib's backend for Dask, with two things mended.

    It never tells joblib of a task that Dask has given up, which then waits for ever; and a cluster
    of one thread would not be used at all.
    """
    from joblib._dask import (  # type: ignore[import-untyped]  # noqa: PLC0415 as above
        DaskDistributedBackend,
    )

    class Backend(DaskDistributedBackend):  # type: ignore[misc]
        def effective_n_jobs(self, n_jobs: int) -> int:
            return max(2, int(super().effective_n_jobs(n_jobs)))

        async def _collect(self) -> None:
            while self._continue:
                async for future, result in self.waiting_futures:
                    outcome = result[1] if future.status == "error" else result
                    callback = self._callbacks.pop(future)
                    self._results.pop(future).set_result(outcome)
                    callback(outcome)
                await asyncio.sleep(0.01)

    return Backend


def check_installed(count: int, scheduler: str | None) -> None:
    """Refuse workers for which something is not installed; 0 takes what there is.

    Raises:
        ConfigError: The message says how to install it.
    """
    if scheduler is not None and not (_has("joblib") and _has("distributed")):
        raise ConfigError(f"--scheduler needs Dask: {_DASK}")
    if scheduler is None and count > 1 and not _has("joblib"):
        raise ConfigError(_FEW)


def _has(module: str) -> bool:
    return find_spec(module) is not None


def workers_of(payload: Payload, timeout_s: float, count: int, scheduler: str | None) -> Workers:
    """Return who runs the trials. count 0 is one for each core, if joblib is there to share them.

    Raises:
        ConfigError: What it takes is not installed.
        ConnectFailed: The cluster is not there.
    """
    if scheduler is not None:
        return Cluster(payload, timeout_s, scheduler)
    if count == 0:
        count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 0
        count = count or os.cpu_count() or 1
        if count > 1 and not _has("joblib"):
            return Alone(payload, timeout_s, f" of {count} cores; for all of them: {_JOBLIB}")
    return Alone(payload, timeout_s) if count == 1 else Cores(payload, timeout_s, count)


# --- on a worker of a cluster -------------------------------------------------------------------

_CELLS = Cells()


def run_there(
    payload: Payload, job: Job, params: dict[str, Any], timeout_s: float
) -> tuple[Job, Ended]:
    """Run a trial on this worker, in a child that the next one has, too."""
    return job, _CELLS.run(payload, params, Span(*job.span), timeout_s)


def version_there() -> str:
    """Return which steelyard this worker has."""
    return __version__
