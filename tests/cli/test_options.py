from decimal import Decimal

import pytest

from steelyard.cli.options import Common, parse_amounts, parse_duration_ns
from steelyard.domain.errors import UsageError


def test_amounts_are_read_by_asset():
    assert parse_amounts(["usdt=100", "BTC=0.5"]) == {"USDT": Decimal(100), "BTC": Decimal("0.5")}


@pytest.mark.parametrize("pair", ["USDT", "=5", "USDT 5"])
def test_a_pair_of_another_form_is_shown_the_right_one(pair):
    with pytest.raises(UsageError, match="should be ASSET=AMOUNT"):
        parse_amounts([pair])


def test_an_asset_given_twice_is_refused():
    with pytest.raises(UsageError, match="each asset once"):
        parse_amounts(["USDT=1", "usdt=2"])


@pytest.mark.parametrize("amount", ["x", "nan", "1_000", "inf", "1" * 60])
def test_an_amount_that_is_no_number_is_refused(amount):
    with pytest.raises(UsageError, match="decimal number"):
        parse_amounts([f"BTC={amount}"])


@pytest.mark.parametrize(
    ("text", "ns"), [("90d", 90 * 86_400 * 10**9), ("30s", 30 * 10**9), ("5ms", 5_000_000)]
)
def test_durations(text, ns):
    assert parse_duration_ns(text) == ns


@pytest.mark.parametrize("text", ["90", "d", "-5s", "1.5h", "9999999999d"])
def test_a_duration_of_another_form_is_shown_the_right_one(text):
    with pytest.raises(UsageError, match="90d"):
        parse_duration_ns(text)


def test_json_is_one_line_for_programs(capsys):
    Common(json=True).show({"a": Decimal("1.10")}, "for people")
    assert capsys.readouterr().out == '{"a":"1.10"}\n'
