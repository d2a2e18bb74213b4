from decimal import Decimal

import pytest

from steelyard.cli.options import (
    Common,
    parse_amounts,
    parse_duration_ns,
    parse_rate_e8,
    parse_since_ns,
    parse_skew_ns,
    percent,
    shown_time,
)
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


@pytest.mark.parametrize(
    ("text", "rate_e8"),
    [("0.1%", 100_000), ("-0.005%", -5_000), ("0%", 0), ("100%", 10**8), ("0.000001%", 1)],
)
def test_rates_are_exact(text, rate_e8):
    assert parse_rate_e8(text) == rate_e8


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("0.1", "write a percentage"),
        ("101%", "write a percentage"),
        ("%", "not a decimal number"),
        ("0.0000001%", "finer than"),
    ],
)
def test_a_rate_of_another_form_is_shown_the_right_one(text, words):
    with pytest.raises(UsageError, match=words):
        parse_rate_e8(text)


@pytest.mark.parametrize(
    ("rate", "text"), [("0.001", "0.1%"), ("-0.00005", "-0.005%"), ("0", "0%")]
)
def test_a_rate_is_shown_in_percent(rate, text):
    assert percent(rate) == text


NOON_MS = 1_795_262_400_000  # 2026-11-21T12:00:00Z


@pytest.mark.parametrize(
    ("text", "ms"),
    [
        ("2026-11-21", NOON_MS - 12 * 3_600_000),
        ("2026-11-21T12:00:00Z", NOON_MS),
        ("2026-11-21T13:00:00+01:00", NOON_MS),
        ("2026-11-21T12:00:00.123", NOON_MS + 123),
        ("30m", NOON_MS - 1_800_000),
        ("99999d", 0),
        ("1960-01-01", 0),
    ],
)
def test_a_moment_is_a_time_or_a_while_ago(text, ms):
    assert parse_since_ns(text, NOON_MS * 1_000_000) == ms * 1_000_000


@pytest.mark.parametrize("text", ["yesterday", "12:00", "2026-13-01", ""])
def test_a_moment_of_another_form_is_shown_the_right_one(text):
    with pytest.raises(UsageError, match="2026-11-21"):
        parse_since_ns(text, NOON_MS)


def test_a_time_is_shown_in_utc():
    assert shown_time(NOON_MS + 7) == "2026-11-21T12:00:00.007Z"


def test_json_is_one_line_for_programs(capsys):
    Common(json=True).show({"a": Decimal("1.10")}, "for people")
    assert capsys.readouterr().out == '{"a":"1.10"}\n'


@pytest.mark.parametrize(("text", "ns"), [("3s", 3 * 10**9), ("-500ms", -(10**9) // 2), ("0s", 0)])
def test_a_skew_may_be_negative(text, ns):
    assert parse_skew_ns(text) == ns


@pytest.mark.parametrize("text", ["2d", "-25h", "--3s", "3"])
def test_a_skew_of_days_or_of_another_form_is_refused(text):
    with pytest.raises(UsageError, match=r"more than a day|is not a duration"):
        parse_skew_ns(text)
