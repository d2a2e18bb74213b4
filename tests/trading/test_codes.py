"""Two lines of code are told apart by the names of their files."""

import pytest

from steelyard.trading.codes import difference, line_of

FILES = {"bots/dip.py": "aa", "bots/lines.py": "bb"}
LINE = line_of(FILES, "0.1.0")


@pytest.mark.parametrize(
    ("now", "said"),
    [
        (LINE, None),
        (line_of(FILES, "0.1.7"), None),
        (line_of(FILES, "0.2.0"), "steelyard was 0.1 and is 0.2"),
        (line_of({**FILES, "bots/lines.py": "cc"}, "0.1.0"), "bots/lines.py has been changed"),
        (line_of({**FILES, "more.py": "cc"}, "0.1.0"), "more.py is new"),
        (line_of({"bots/dip.py": "aa"}, "0.1.0"), "bots/lines.py is gone"),
        ("", "its files cannot be told"),
        ("aa", None),  # of before: the class's file alone
        ("ab", "bots/dip.py has been changed"),
    ],
)
def test_a_difference_names_the_file(now, said):
    """In both directions the same lines differ."""
    assert difference(LINE, now) == said
    assert (difference(now, LINE) is None) is (said is None)


def test_digests_of_before_are_compared_as_they_are():
    assert difference("aa", "aa") is None
    assert difference("aa", "ab") == "the file of its class has been changed"


def test_of_many_files_some_are_named():
    now = line_of({f"m{at}.py": "aa" for at in range(9)}, "0.1.0")
    before = line_of({f"m{at}.py": "bb" for at in range(9)}, "0.1.0")
    said = difference(before, now)
    assert said.startswith("m0.py has been changed, m1.py")
    assert said.endswith("and 6 more")
