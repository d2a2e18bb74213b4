from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from steelyard.dialects.native.cursors import Places, cursors_of, places_of
from steelyard.domain.commands import OpenTransfer
from steelyard.domain.errors import DecodeError
from steelyard.domain.messages import Around
from tests.dialects.native.venue import Venue, code
from tests.shared.desk import USDT

LISTS = {
    "orders": "order_id",
    "fills": "trade_id",
    "trades": "trade_id",
    "transfers": "transfer_id",
    "statement": "entry_id",
}
OF_MONEY = frozenset({"transfers", "statement"})


def page(venue: Venue, of: str, **given_: Any) -> tuple[list[int], str | None, str | None]:
    """Return the ids on one page of a list, and its two cursors."""
    asked = {name: value for name, value in given_.items() if value is not None}
    about = {"asset": "USDT"} if of in OF_MONEY else {"symbol": "BTC-USDT"}
    target = f"/api/v1/{of}?{urlencode({**about, **asked})}"
    status, answer = venue.get(target) if of == "trades" else venue.call("GET", target)
    assert status == 200, answer
    entries = answer["entries" if of == "statement" else of]
    return [entry[LISTS[of]] for entry in entries], answer["next"], answer["previous"]


def trade(venue: Venue) -> None:
    """Make an order, a fill and a trade, a deposit, and what a statement has of them."""
    venue.place(venue.other_key, side="sell")
    venue.place()
    venue.exchange.perform(OpenTransfer(venue.desk.alice, USDT, 1), venue.desk.now_ns)


@pytest.mark.slow
@pytest.mark.parametrize("of", LISTS)
@settings(max_examples=15, deadline=None)
@given(before=st.integers(0, 6), limit=st.integers(1, 4), meanwhile=st.integers(0, 2))
def test_turning_pages_misses_and_repeats_nothing(of, before, limit, meanwhile):
    """Forwards and back, while new entries come: each that was there is seen once, in order."""
    venue = Venue()
    for _ in range(before):
        trade(venue)
    there, _, _ = page(venue, of, limit=1000)
    for way, start in (("next", {"start": 0}), ("previous", {})):
        seen: list[int] = []
        cursor: str | None = None
        more = True
        while more:
            ids, after, earlier = page(venue, of, limit=limit, cursor=cursor, **start)
            seen = [*seen, *ids] if way == "next" else [*ids, *seen]
            cursor = after if way == "next" else earlier
            more = cursor is not None
            for _ in range(meanwhile if len(seen) < 20 else 0):
                trade(venue)
        assert seen[: len(there)] == there
        assert seen == sorted(set(seen))
        there, _, _ = page(venue, of, limit=1000)


@given(number=st.integers(0, 2**53), of=st.sampled_from(sorted(LISTS)))
def test_a_cursor_comes_back_as_it_went(number, of):
    """Both ways; what it holds is nobody's business, but it fits the documented form."""
    after, before = cursors_of(Around(before=number, after=number), of)
    assert after is not None
    assert before is not None
    assert places_of(after, of) == Places(after=number)
    assert places_of(before, of) == Places(before=number)
    assert 4 <= len(after) <= 64
    assert after.replace("-", "").replace("_", "").isalnum()


def test_an_empty_or_whole_list_has_no_cursors():
    """Null says that nothing more is there."""
    assert cursors_of(Around(), "orders") == (None, None)
    venue = Venue()
    assert page(venue, "orders") == ([], None, None)


@given(cursor=st.from_regex("[a-z0-9_-]{4,64}", fullmatch=True))
def test_anything_else_is_no_cursor(cursor):
    """It is refused with a word on what to send, and never with another error."""
    with pytest.raises(DecodeError, match="`next`") as refused:
        places_of(cursor, "orders")
    assert refused.value.field == "cursor"


def test_a_cursor_of_another_list_is_refused(venue):
    """Numbers of fills are not numbers of orders."""
    for _ in range(2):
        trade(venue)
    _, _, earlier = page(venue, "fills", limit=1)
    status, answer = venue.call("GET", f"/api/v1/orders?cursor={earlier}")
    assert (status, code(answer), answer["error"]["field"]) == (400, "MALFORMED", "cursor")
