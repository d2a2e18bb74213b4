import pytest

from steelyard.domain.errors import ConfigError
from steelyard.trading.duration import Duration


@pytest.mark.parametrize(
    ("text", "ns"),
    [
        ("250ms", 250 * 10**6),
        ("1s", 10**9),
        ("60s", 60 * 10**9),
        ("1m", 60 * 10**9),
        ("4h", 4 * 3600 * 10**9),
        ("1d", 86_400 * 10**9),
    ],
)
def test_a_duration_is_a_number_and_a_unit(text: str, ns: int):
    """Every unit counts exactly, and equal spans are equal however they are written."""
    assert Duration(text).ns == ns
    assert str(Duration(text)) == text
    assert Duration("60s") == Duration("1m")
    assert len({Duration("60s"), Duration("1m")}) == 1


@pytest.mark.parametrize(
    "text", ["", "60", "s", "0s", "-1s", "1.5s", "1 s", "1w", "1S", "9" * 10 + "s"]
)
def test_another_form_is_refused_with_the_right_one(text: str):
    """Nothing is guessed; the message shows an example."""
    with pytest.raises(ConfigError, match="as in 60s"):
        Duration(text)
