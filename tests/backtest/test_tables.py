"""Every table of orders on bars comes out."""

import pytest

from tests.backtest.tables import FOLDER, Case, Line, cases, run

TOPICS = {"market", "limit", "stop", "volume", "delay", "closures", "fees", "protect", "limits"}


@pytest.mark.parametrize("case", list(cases()), ids=str)
def test_table(case: Case):
    """What the case says happens, and nothing else."""
    run(case)


def test_there_is_a_table_for_each_topic():
    """A topic is a file, and a file has cases."""
    assert {path.stem for path in FOLDER.glob("*.txt")} == TOPICS == {case.file for case in cases()}


def test_a_wrong_line_is_seen():
    """A table that says otherwise fails, and says where."""
    case = next(case for case in cases() if case.file == "market")
    wrong = Case(case.file, case.title, [*case.lines, Line(99, "= 9:00 a buy 1 @ 1")])
    with pytest.raises(AssertionError, match="fills are"):
        run(wrong)
    wrong.lines[-1] = Line(99, "= a CANCELED USER")
    with pytest.raises(AssertionError, match=r"market\.txt:99: it is 'a FILLED'"):
        run(wrong)
