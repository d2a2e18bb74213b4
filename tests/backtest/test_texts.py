"""What somebody else wrote becomes what a document can hold."""

import math
from decimal import Decimal

import msgspec
from backtests import result_of

from steelyard.backtest import report
from steelyard.backtest.texts import TEXT_MAX


def test_settings_become_what_json_can_hold():
    """Also numbers that are none, objects, and texts with half a character."""

    class Odd(msgspec.Struct):
        rate: Decimal

    params = {
        "nan": math.nan, "half": "\ud800", "long": "x" * 10_000, "struct": Odd(Decimal("0.1")),
        "set": {1}, 5: [Decimal(1), (None, True)],
    }  # fmt: skip
    made = report.document(result_of(params=params, name="\udfff"))
    assert made.params["nan"] is None
    assert made.params["half"] == "?"
    assert len(made.params["long"]) == TEXT_MAX
    assert made.params["struct"] == {"rate": "0.1"}
    assert made.params["set"] == "{1}"
    assert made.params["5"] == ["1", [None, True]]
    assert made.head.name == "?"
    assert report.read(report.encode(made)) == made


def test_settings_without_an_end_are_cut():
    endless: dict = {}
    endless["again"] = endless
    assert b"..." in report.encode(report.document(result_of(settings=endless)))
