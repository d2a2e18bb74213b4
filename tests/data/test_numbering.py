"""One market counts upwards: rows that do not are of another one."""

import pytest

from steelyard.data.kinds import Kind
from steelyard.data.manifest import Key, Part
from steelyard.data.numbering import Stretch, check_numbers
from steelyard.domain.errors import UsageError

KEY = Key(Kind.TRADES, "v", "BTC-USDT")


def part(first_ns, last_ns, first_id, last_id):
    return Part("x", 1, first_ns, last_ns, first_id, last_id)


@pytest.mark.parametrize(
    "new",
    [
        Stretch(50, 60, 1, 9),  # later, and below
        Stretch(1, 5, 300, 310),  # earlier, and above
        Stretch(12, 18, 300, 310),  # in between, and above
        Stretch(5, 30, 1, 9),  # around, and below
    ],
)
def test_numbers_that_go_the_other_way_are_refused(new):
    with pytest.raises(UsageError, match=r"do not fit .* 100 to 200 .*--venue v-other"):
        check_numbers(KEY, [part(10, 20, 100, 200)], [new])


@pytest.mark.parametrize(
    "new",
    [
        Stretch(50, 60, 201, 300),
        Stretch(1, 5, 1, 99),
        Stretch(19, 30, 201, 300),  # another recorder's clock
        Stretch(12, 18, 150, 250),
        Stretch(50, 60, 150, 160),  # some of it again
        Stretch(50, 60, 0, 0),  # no numbers
    ],
)
def test_numbers_that_may_be_of_one_market_are_taken(new):
    check_numbers(KEY, [part(10, 20, 100, 200)], [new])


def test_where_numbers_say_nothing_nothing_is_refused():
    """Bars have none; a depth may begin with a snapshot; rows may be without numbers."""
    new = [Stretch(50, 60, 1, 9)]
    check_numbers(Key(Kind.BARS, "v", "BTC-USDT", "1m"), [part(10, 20, 100, 200)], new)
    check_numbers(Key(Kind.DEPTH, "v", "BTC-USDT"), [part(10, 20, 1, 200)], new)
    check_numbers(KEY, [part(10, 20, 0, 0)], new)
    check_numbers(KEY, [], new)
