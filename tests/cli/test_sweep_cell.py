"""A child in which trials run: what hangs or dies in it harms nobody else."""

import os
import time
from pathlib import Path
from threading import Thread

import pytest
from sweep_standin import WHOLE, Broken, Hill

from steelyard.cli import sweep_cell
from steelyard.cli.sweep_cell import Cell, Cells, Ended, Payload, Unfit


@pytest.fixture(autouse=True)
def _found(monkeypatch):
    """The children find the stand-ins."""
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[1] / "shared"))


@pytest.fixture
def cell():
    found = Cell()
    yield found
    found.close()


def run(cell: Cell | Cells, work: Hill, fast: int = 5, timeout_s: float = 30.0) -> Ended:
    return cell.run(Payload.of(work), {"fast": fast, "slow": 20}, WHOLE, timeout_s)


def pid(cell: Cell) -> int:
    return cell._child.pid


def test_a_trial_runs_in_a_child_and_the_next_one_in_the_same(cell):
    """Figures come back as floats; work enters the child once."""
    first = run(cell, Hill())
    child = pid(cell)
    assert first.result["sharpe"] == 3.0
    assert first.result["drawdown"] == 0.1
    assert run(cell, Hill(), 6).result["sharpe"] < 3.0
    assert pid(cell) == child != os.getpid()


def test_other_work_is_opened_in_a_new_child(cell):
    run(cell, Hill())
    before = pid(cell)
    run(cell, Hill(0.001))
    assert pid(cell) != before


@pytest.mark.parametrize(
    ("what", "said"),
    [
        ("raise", "ValueError: fast is 5"),
        ("leave", "SystemExit: 3"),
        ("odd", "TypeError: the figure sharpe is 'high', which is no number"),
        ("crash", "its process died of SIGSEGV"),
        ("exit", "its process ended by itself with exit code 7"),
    ],
)
def test_a_trial_that_fails_says_why_and_the_next_one_runs(cell, what, said):
    """With its traceback, also where native code ended the process."""
    failed = run(cell, Hill(0.0, {5: what}))
    assert failed.result.splitlines()[-1].strip() == said
    assert "sweep_standin.py" in failed.result or what in {"exit", "odd"}
    assert run(cell, Hill(0.0, {5: what}), 6).result["sharpe"] == 2.9


@pytest.mark.parametrize("what", ["hang", "spin"])
def test_a_trial_that_hangs_is_ended_and_says_where_it_stood(cell, what):
    """Also in native code that holds the interpreter."""
    before = time.monotonic()
    late = run(cell, Hill(0.0, {5: what}), timeout_s=0.5)
    assert time.monotonic() - before < 10
    assert late.result.splitlines()[-1].startswith("TimeoutError: it had not ended after 0.5 s")
    assert "sweep_standin.py" in late.result
    assert run(cell, Hill(0.0, {5: what}), 6).result["sharpe"] == 2.9


def test_a_child_that_does_not_even_end_itself_is_killed(cell, monkeypatch):
    """One that was stopped by a signal has no thread that could."""
    monkeypatch.setattr(sweep_cell, "GRACE_S", 0.5)
    run(cell, Hill())
    os.kill(pid(cell), 19)
    late = run(cell, Hill(), timeout_s=0.3)
    assert "was killed" in late.result
    assert run(cell, Hill()).result["sharpe"] == 3.0


def test_what_a_strategy_prints_or_reads_does_not_disturb(cell):
    assert run(cell, Hill(0.0, {5: "loud"})).result["sharpe"] == 3.0


def test_what_is_no_number_is_absent(cell):
    assert run(cell, Hill(0.0, {5: "absent"})).result == {"sharpe": None, "trades": 0.0}


@pytest.mark.parametrize(("says", "said"), [("config", "no data at that place"), ("x", "no")])
def test_work_that_cannot_be_opened_is_no_trials_fault(cell, says, said):
    """Rather than one failed trial after the other, the sweep ends and says so."""
    with pytest.raises(Unfit, match=said):
        run(cell, Broken(says))


def test_a_child_that_has_nothing_to_do_goes_and_another_comes(cell, monkeypatch):
    """As long as nobody asks."""
    monkeypatch.setenv("PYTHONPATH", os.environ["PYTHONPATH"])
    run(cell, Hill())
    cell._child.stdin.close()  # what it sees when its parent is gone
    assert cell._child.wait(10) == 0
    before = pid(cell)
    assert run(cell, Hill()).result["sharpe"] == 3.0
    assert pid(cell) != before


def test_nothing_is_left_behind(cell):
    """Neither a process nor its folder."""
    run(cell, Hill())
    folder, child = Path(cell._folder.name), pid(cell)
    assert folder.is_dir()
    cell.close()
    assert not folder.exists()
    with pytest.raises(ProcessLookupError):
        os.kill(child, 0)


def test_cells_are_as_many_as_ask_at_a_time():
    cells = Cells()
    try:
        threads = [Thread(target=run, args=(cells, Hill(0.3))) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        run(cells, Hill(0.3))
        assert len(cells._idle) == 2
    finally:
        cells.close()


def test_closed_cells_end_what_runs_and_take_nothing_more():
    """A trial that was ended so is no failed trial."""
    cells, seen = Cells(), []

    def wait() -> None:
        try:
            run(cells, Hill(60.0))
        except InterruptedError as error:
            seen.append(error)

    thread = Thread(target=wait)
    thread.start()
    while not cells._busy or next(iter(cells._busy))._key == "":
        assert thread.is_alive()
        time.sleep(0.01)
    cells.close()
    thread.join(10)
    assert len(seen) == 1
    with pytest.raises(InterruptedError):
        run(cells, Hill())
