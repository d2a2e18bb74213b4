import pytest

from steelyard.cli.data_catalog import chosen_steps, finding_text, listed, parse_step
from steelyard.data.checks import Finding
from steelyard.data.exact import Step
from steelyard.data.importing import Steps
from steelyard.domain.errors import UsageError

T0 = 1_704_067_200_000


def test_small_things():
    assert parse_step("0.5") == Step(5, 1)
    assert parse_step("") is None
    assert "BTC-USDT" in listed()
    text = finding_text(Finding("gaps", 7, ((T0 * 10**6, "a [b]"),)))
    assert text == "7 gaps: 2024-01-01T00:00:00Z (a \\[b]), ..."
    assert chosen_steps(("listed", "0.5", "", True)) == Steps(
        "listed", Step(5, 1), None, rounds=True
    )
    with pytest.raises(UsageError, match="should be one of listed, derived"):
        chosen_steps(("mine", "", "", False))
