"""Balances, page by page: all of them are read."""

import pytest
from msgspec.structs import replace

from steelyard.dialects.coinbase_advanced import account, parts
from steelyard.dialects.coinbase_advanced.account_messages import Account, Accounts, Amount
from steelyard.dialects.coinbase_advanced.parts import CURSORS_MAX, PAGES_MAX, Cursors
from steelyard.domain.errors import Unsupported
from steelyard.domain.instrument import Listings
from steelyard.domain.messages import AccountAnswer, AccountQuery, AssetBalance, Refused
from steelyard.domain.order import RejectReason
from tests.shared.desk import BTC_USDT

LISTINGS = Listings([BTC_USDT])
QUERY = AccountQuery(0)
TIME = "2026-11-22T00:00:00Z"


def page(currency: str, value: str, cursor: str) -> Accounts:
    wallet = Account(
        uuid="u",
        name=currency,
        currency=currency,
        available_balance=Amount(value, currency),
        created_at=TIME,
        updated_at=TIME,
        type="ACCOUNT_TYPE_CRYPTO",
        hold=None,
        retail_portfolio_id="p",
    )
    return Accounts(accounts=(wallet,), has_next=bool(cursor), cursor=cursor, size=1)


def read(query, cursors, told) -> AccountAnswer:
    return parts.account_call(query, cursors).read(told, LISTINGS, 0)


def test_all_pages_are_asked_for_and_add_up():
    """The cursor goes out as it came, whatever it is."""
    cursors = Cursors()
    first = read(QUERY, cursors, page("BTC", "2", "opaque=="))
    second = parts.further(QUERY, [first])
    assert parts.account_call(second, cursors).parameters.cursor == "opaque=="
    assert parts.account_call(second, cursors).parameters.limit == account.ACCOUNTS_MAX
    last = read(second, cursors, page("USDT", "3", ""))
    assert parts.further(QUERY, [first, last]) is None
    told = parts.joined(QUERY, [first, last])
    base, quote = BTC_USDT.base_asset_id, BTC_USDT.quote_asset_id
    assert set(told.balances) == {
        AssetBalance(base, 2 * 10**12, 0),
        AssetBalance(quote, 3 * 10**12, 0),
    }
    assert told.around.before is None


def test_it_ends_though_the_venue_always_has_one_more():
    cursors = Cursors()
    answer = read(QUERY, cursors, page("BTC", "2", "again"))
    assert parts.further(QUERY, [answer] * (PAGES_MAX - 1)) is not None
    assert parts.further(QUERY, [answer] * PAGES_MAX) is None


def test_a_refusal_on_the_way_is_the_answer():
    cursors = Cursors()
    first = read(QUERY, cursors, page("BTC", "2", "x"))
    refused = Refused(RejectReason.UNKNOWN_ACCOUNT, "no")
    assert parts.further(QUERY, [first, refused]) is None
    assert parts.joined(QUERY, [first, refused]) == refused


def test_old_cursors_are_forgotten_and_said_to_be():
    cursors = Cursors()
    number = cursors.number("a")
    assert cursors.text(number) == "a"
    for _ in range(CURSORS_MAX):
        cursors.number("b")
    with pytest.raises(Unsupported, match="ask from the start"):
        parts.account_call(replace(QUERY, before=number), cursors)
