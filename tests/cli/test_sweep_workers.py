"""Who runs trials: the same rows from one process, from all cores, and from a cluster."""

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from dask_cluster import DaskCluster
from sweep_standin import WHOLE, Broken, Hill, space

from steelyard.backtest.sweep.trials import Job, Key, Part
from steelyard.cli import sweep_workers
from steelyard.cli.sweep_cell import Payload, Unfit
from steelyard.cli.sweep_workers import (
    Alone,
    Cluster,
    Cores,
    Task,
    Workers,
    check_installed,
    workers_of,
)
from steelyard.domain.errors import ConfigError, ConnectFailed

SHARED = str(Path(__file__).parents[1] / "shared")


@pytest.fixture(autouse=True)
def _found(monkeypatch):
    """The children find the stand-ins."""
    monkeypatch.setenv("PYTHONPATH", SHARED)


def tasks(count: int) -> list[Task]:
    found = space()
    places = [found.at(number) for number in range(count)]
    return [
        Task(Job(Key(0, Part.TRAIN, number), at, WHOLE), found.params(at))
        for number, at in enumerate(places)
    ]


def results(workers: Workers, count: int = 12) -> dict[int, object]:
    found = {}
    for job, ended in workers.run(tasks(count)):
        assert job.key.number not in found, "each ends once"
        found[job.key.number] = ended.result
    return found


def test_one_process_and_two_give_the_same():
    """Also of trials that fail or crash; and the work enters each child once."""
    work = Hill(0.0, {2: "raise"})
    alone, cores = Alone(Payload.of(work), 30), Cores(Payload.of(work), 30, 2)
    try:
        first, second = results(alone), results(cores)
        assert len(results(cores, 3)) == 3  # they can be used again
    finally:
        alone.close()
        cores.close()
    assert len(first) == 12
    assert {n: f for n, f in first.items() if isinstance(f, dict)} == {
        n: f for n, f in second.items() if isinstance(f, dict)
    }
    failed = {n: f.splitlines()[-1] for n, f in second.items() if isinstance(f, str)}
    assert failed == dict.fromkeys(range(6, 12), "ValueError: fast is 2")


def test_work_enters_each_child_once(tmp_path):
    opened = tmp_path / "opened"
    cores = Cores(Payload.of(Hill(0.02, {}, str(opened))), 30, 2)
    try:
        assert len(results(cores, 24)) == 24
    finally:
        cores.close()
    assert len(opened.read_text().splitlines()) == 2


def test_work_that_no_child_can_open_ends_it():
    for workers in (Alone(Payload.of(Broken("config")), 30), Cores(Payload.of(Broken("x")), 30, 2)):
        try:
            with pytest.raises(Unfit):
                results(workers)
        finally:
            workers.close()


def test_how_many_there_are():
    """One needs no joblib; 0 is one for each core."""
    payload = Payload.of(Hill())
    assert isinstance(workers_of(payload, 1, 1, None), Alone)
    assert workers_of(payload, 1, 3, None).about == "3 processes"
    cores = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count()
    expected = "one process" if cores == 1 else f"{cores} processes"
    assert workers_of(payload, 1, 0, None).about == expected


def test_a_scheduler_that_is_not_there_is_said(monkeypatch):
    """As trouble of the network, with what starts one."""
    monkeypatch.setattr(sweep_workers, "CONNECT_S", 1)
    with pytest.raises(ConnectFailed, match=r"no Dask scheduler answers at tcp://127.0.0.1:1"):
        workers_of(Payload.of(Hill()), 1, 0, "tcp://127.0.0.1:1")


def test_the_command_imports_neither_joblib_nor_dask_nor_optuna():
    """They take seconds; `steelyard sweep --help` does not need them."""
    code = (
        "import sys, steelyard.cli.sweep; "
        "print([m for m in ('joblib', 'dask', 'distributed', 'optuna') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout == "[]\n"


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    """A scheduler and two workers."""
    with DaskCluster(tmp_path_factory.mktemp("dask"), 2, SHARED) as found:
        yield found


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_a_cluster_gives_the_same_and_goes_on_without_a_worker(cluster, tmp_path):
    """What the killed one ran is run elsewhere; the work had gone to each worker once.

    A trial that crashes takes no worker along.
    """
    opened = tmp_path / "opened"
    work = Hill(0.2, {3: "crash"}, str(opened))
    alone = Alone(Payload.of(work._replace(seconds=0.0, opened="")), 60)
    there = Cluster(Payload.of(work), 60, cluster.address)
    there._client.wait_for_workers(2, timeout=60)
    assert there._look() == "2 Dask workers with 2 threads"
    workers: set[str] = set()
    found = {}
    try:
        expected = results(alone, 14)
        for job, ended in there.run(tasks(14)):
            found[job.key.number] = ended.result
            workers.add(ended.worker)
            if len(workers) == 2:
                cluster.workers[0].kill()
    finally:
        alone.close()
        there.close()
    assert cluster.workers[1].poll() is None
    figures = {n: f for n, f in found.items() if isinstance(f, dict)}
    assert figures == {n: f for n, f in expected.items() if isinstance(f, dict)}
    last = {n: f.splitlines()[-1] for n, f in found.items() if isinstance(f, str)}
    assert last == dict.fromkeys((12, 13), "its process died of SIGSEGV")
    # Once a worker, and a new child after a crash at most.
    assert len(opened.read_text().splitlines()) <= 4


@pytest.mark.slow
@pytest.mark.timeout(240)
@pytest.mark.skipif(sys.platform != "linux", reason="it looks into /proc")
@pytest.mark.night
def test_a_cluster_whose_workers_all_die_again_and_again_is_gone_on_with(cluster):
    """Dask gives a task up after its fourth worker; that is no end either."""
    for worker in cluster.workers:
        worker.kill()
    cluster.workers.append(cluster.add_worker())
    there = Cluster(Payload.of(Hill(3.0)), 30, cluster.address)

    def kill() -> None:
        for _ in range(4):
            current = cluster.workers[-1]
            children = Path(f"/proc/{current.pid}/task")
            while not any(each.read_text() for each in children.glob("*/children")):
                assert current.poll() is None
                threading.Event().wait(0.05)  # once it has a child, it runs a trial
            current.kill()
            cluster.workers.append(cluster.add_worker())

    killer = threading.Thread(target=kill, daemon=True)
    try:
        killer.start()
        assert len(list(there.run(tasks(2)))) == 2
        killer.join(60)
    finally:
        there.close()
    assert len(cluster.workers) >= 7


def test_without_joblib_one_process_does_it_unless_more_are_asked_for(monkeypatch):
    """It says what all cores take; asked for two it refuses, with what works in a clone."""
    monkeypatch.setitem(sys.modules, "joblib", None)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1, 2}, raising=False)
    check_installed(0, None)
    alone = workers_of(Payload.of(Hill(0.0, {})), 30, 0, None)
    alone.close()
    assert alone.about == "one process of 3 cores; for all of them: pip install joblib"
    with pytest.raises(ConfigError, match="pip install joblib, or --workers 1"):
        check_installed(2, None)
    with pytest.raises(ConfigError, match="pip install joblib dask distributed"):
        check_installed(0, "tcp://127.0.0.1:1")
