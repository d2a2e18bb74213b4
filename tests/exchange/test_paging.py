from hypothesis import given
from hypothesis import strategies as st

from steelyard.domain.transfers import StatementQuery
from steelyard.exchange.paging import is_within, page

numbers = st.lists(st.integers(1, 50), unique=True, max_size=20).map(sorted)


@given(of=numbers, limit=st.integers(1, 7))
def test_pages_in_either_direction_are_the_whole_list(of, limit):
    """Each entry once, in order, and no page where nothing more is."""
    found = [(number, str(number)) for number in of]
    forwards: list[str] = []
    backwards: list[str] = []
    part, around = page(found, StatementQuery(1, limit, start_ns=0))
    forwards += part
    while around.after is not None:
        part, around = page(found, StatementQuery(1, limit, after=around.after))
        assert part
        forwards += part
    part, around = page(found, StatementQuery(1, limit))
    backwards = [*part]
    while around.before is not None:
        part, around = page(found, StatementQuery(1, limit, before=around.before))
        assert part
        backwards = [*part, *backwards]
    assert forwards == backwards == [str(number) for number in of]


def test_a_span_has_both_its_ends():
    assert is_within(5, 5, 5)
    assert is_within(5, None, None)
    assert not is_within(5, 6, None)
    assert not is_within(5, None, 4)
