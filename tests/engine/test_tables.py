"""Every table comes out on every engine."""

import pytest

from steelyard.engine.choice import Kind, kinds
from tests.engine.tables import FOLDER, Case, cases, run

TOPICS = {
    "amend",
    "basket",
    "bracket",
    "decrement",
    "fee_token",
    "fees",
    "gtd",
    "holds",
    "house_levels",
    "house_trades",
    "iceberg",
    "ioc_fok",
    "limit",
    "limits",
    "market",
    "market_by_amount",
    "oco",
    "oto",
    "pending",
    "post_only",
    "rebates",
    "refusals",
    "self_trade",
    "slide",
    "states",
    "stop",
    "tiers",
    "trailing",
    "trailing_limit",
    "transfers",
    "venues",
}


@pytest.mark.parametrize("kind", kinds())
@pytest.mark.parametrize("case", list(cases()), ids=str)
def test_table(case: Case, kind: Kind):
    """What the case says happens, and nothing else."""
    run(case, kind)


def test_there_is_a_table_for_each_topic():
    """A topic is a file, and a file has cases."""
    assert {path.stem for path in FOLDER.glob("*.txt")} == TOPICS == {case.file for case in cases()}


def test_a_wrong_line_is_seen():
    """A table that says otherwise fails, and says where."""
    case = next(case for case in cases() if case.file == "limit")
    wrong = Case(case.file, case.title, [*case.lines])
    at = next(i for i, line in enumerate(wrong.lines) if line.text.startswith("< "))
    wrong.lines[at] = wrong.lines[at]._replace(text="< accepted nobody")
    with pytest.raises(AssertionError, match=r"limit\.txt:\d+"):
        run(wrong, "reference")
