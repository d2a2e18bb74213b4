"""A whole sweep: the same whoever runs it and however often it is broken off."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from dask_cluster import DaskCluster
from sweep_standin import FOLDS, Hill, sweep_of

from steelyard.backtest.sweep.report import SweepReport
from steelyard.backtest.sweep.trials import read
from steelyard.cli.sweep_files import RECORD
from steelyard.cli.sweep_run import JSON, PAGE, Done, Screen, Sweep, run_sweep
from steelyard.domain.errors import ConfigError

SHARED = Path(__file__).parents[1] / "shared"


@pytest.fixture(autouse=True)
def _found(monkeypatch):
    """The children find the stand-ins."""
    monkeypatch.setenv("PYTHONPATH", str(SHARED))


def run(sweep: Sweep, directory: Path, workers: int = 1, **more: object) -> Done:
    return run_sweep(sweep, directory, Screen(), workers=workers, **more)


def rows(directory: Path) -> dict:
    """Return the record without what is about the run and not its result."""
    found = read((directory / RECORD).read_bytes()).rows
    return {
        key: msgspec.structs.replace(row, seconds=0.0, worker="")
        for key, row in sorted(found.items())
    }


@pytest.mark.parametrize("method", ["grid", "random", "optuna"])
def test_one_worker_and_two_run_the_same_trials(tmp_path, method):
    """With every search, walking forward; and each of them finds the top of the hill, or nearly."""
    sweeps = [sweep_of(method=method, folds=FOLDS, trials=16) for _ in range(2)]
    first = run(sweeps[0], tmp_path / "1", 1)
    second = run(sweeps[1], tmp_path / "2", 2)
    assert rows(tmp_path / "1") == rows(tmp_path / "2")
    assert first.report.best == second.report.best
    assert first.report.best.objective > 2.5
    assert len(rows(tmp_path / "1")) == first.report.ended == (98 if method == "grid" else 34)


def test_a_sweep_that_has_ended_is_only_reported_again(tmp_path):
    """No child is started for it."""
    opened = tmp_path / "opened"
    sweep = sweep_of(Hill(opened=str(opened)))
    first = run(sweep, tmp_path / "s")
    assert len(opened.read_text().splitlines()) == 1
    second = run(sweep, tmp_path / "s")
    assert len(opened.read_text().splitlines()) == 1
    assert second.report == first.report


def test_a_bad_trial_does_not_end_a_sweep(tmp_path):
    """One that raises, hangs, or crashes is a row that says so; the best is one of the others."""
    work = Hill(0.0, {1: "raise", 2: "crash", 8: "absent"})
    done = run(sweep_of(work), tmp_path, 2)
    assert (done.report.ended, done.report.failed) == (48, 12)
    assert {failure.trials for failure in done.report.failures} == {6}
    assert {failure.said for failure in done.report.failures} == {
        "ValueError: fast is 1",
        "its process died of SIGSEGV",
    }
    assert done.report.best.params == {"fast": 5, "slow": 20}
    again = run(sweep_of(work), tmp_path, 2)
    assert again.report.failed == 12, "they are not run again"


def test_reports_are_written_for_programs_and_for_people(tmp_path):
    done = run(sweep_of(), tmp_path)
    assert msgspec.json.decode((tmp_path / JSON).read_bytes(), type=SweepReport) == done.report
    assert "best: sharpe" in (tmp_path / PAGE).read_text()


def test_another_configuration_is_not_gone_on_with(tmp_path):
    run(sweep_of(method="random", seed=1), tmp_path)
    with pytest.raises(ConfigError, match=r"seed \(1 before, 2 now\)"):
        run(sweep_of(method="random", seed=2), tmp_path)
    run(sweep_of(method="random", seed=2), tmp_path, is_anew=True)


def start(directory: Path, seconds: float, method: str, where: str) -> subprocess.Popen:
    code = "import sweep_standin; sweep_standin.main()"
    return subprocess.Popen(
        [sys.executable, "-c", code, str(directory), str(seconds), method, where],
        stdout=subprocess.PIPE,
        text=True,
    )


def wait_for_rows(directory: Path, count: int, process: subprocess.Popen) -> None:
    """Return when so many trials have ended."""
    while True:
        found = directory / RECORD
        if found.exists() and found.read_bytes().count(b"\n") > count:
            return
        assert process.poll() is None, "it ended before"


@pytest.mark.parametrize("method", ["random", "optuna"])
def test_a_sweep_that_was_killed_goes_on(tmp_path, method):
    """With SIGKILL, twice: no trial that had ended is run again, and the rest are the same ones."""
    expected = run(sweep_of(method=method, folds=FOLDS), tmp_path / "whole", 2)
    for count in (3, 20):
        process = start(tmp_path / "killed", 0.1, method, "2")
        wait_for_rows(tmp_path / "killed", count, process)
        process.kill()
        process.communicate()
    before = (tmp_path / "killed" / RECORD).read_bytes()
    process = start(tmp_path / "killed", 0.0, method, "2")
    assert process.communicate(timeout=100)[0].split() == ["42", "False"]
    after = (tmp_path / "killed" / RECORD).read_bytes()
    assert after.startswith(before[: before.rfind(b"\n") + 1])
    assert after.count(b"\n") == 1 + 42
    assert rows(tmp_path / "killed") == rows(tmp_path / "whole")
    assert expected.report.ended == 42


def test_ctrl_c_ends_in_order_and_reports_what_there_is(tmp_path):
    """No child is left, and the same command goes on."""
    process = start(tmp_path, 0.3, "grid", "2")
    wait_for_rows(tmp_path, 3, process)
    process.send_signal(signal.SIGINT)
    ended, is_interrupted = process.communicate(timeout=30)[0].split()
    assert process.returncode == 0
    assert (is_interrupted, int(ended) < 98) == ("True", True)
    document = json.loads((tmp_path / JSON).read_bytes())
    assert document["is_partial"]
    assert "The same command goes on" in document["warnings"][0]
    assert process.pid not in {parent_of(each) for each in Path("/proc").glob("[0-9]*")}


def parent_of(process: Path) -> int | None:
    try:
        return int((process / "stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return None


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_a_sweep_on_a_cluster_survives_a_worker_and_itself(tmp_path):
    """Two workers on loopback: one is killed in the middle, then the sweep itself.

    Begun again, it ends with the trials of one that ran in one process.
    """
    (tmp_path / "dask").mkdir()
    with DaskCluster(tmp_path / "dask", 2, str(SHARED)) as cluster:
        process = start(tmp_path / "there", 0.2, "optuna", cluster.address)
        wait_for_rows(tmp_path / "there", 6, process)
        cluster.workers[0].kill()
        wait_for_rows(tmp_path / "there", 16, process)
        process.kill()
        process.communicate()
        process = start(tmp_path / "there", 0.05, "optuna", cluster.address)
        assert process.communicate(timeout=150)[0].split() == ["42", "False"]
    run(sweep_of(method="optuna", folds=FOLDS), tmp_path / "here")
    assert rows(tmp_path / "there") == rows(tmp_path / "here")
    workers = {row.worker for row in read((tmp_path / "there" / RECORD).read_bytes()).rows.values()}
    assert len(workers) == 2


def test_what_is_not_installed_leaves_nothing_behind(tmp_path: Path, monkeypatch):
    """Neither a folder nor a record."""
    monkeypatch.setitem(sys.modules, "joblib", None)
    with pytest.raises(ConfigError, match="needs joblib"):
        run(sweep_of(Hill(0.0, {})), tmp_path / "sweep", 2)
    assert not (tmp_path / "sweep").exists()
