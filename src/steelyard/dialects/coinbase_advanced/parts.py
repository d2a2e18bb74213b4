"""A list that comes page by page, client end: an account's balances.

The invariant: all pages are read, so an asset that is not told of is one of which there is nothing.
The venue's cursors are texts that mean nothing here: they are remembered under numbers, which are
what a query can carry. Orders and fills are not read page by page.
"""

from collections.abc import Sequence

from msgspec.structs import replace

from steelyard.dialects.coinbase_advanced import account
from steelyard.dialects.coinbase_advanced.account_messages import Accounts, AccountsRequest
from steelyard.domain.errors import Unsupported
from steelyard.domain.instrument import Listings
from steelyard.domain.messages import WHOLE, AccountAnswer, AccountQuery, Answer, Around, Query
from steelyard.wire.call import Call

PAGES_MAX = 100  # of 250 accounts each
CURSORS_MAX = 1_000  # that are remembered; each is needed once, soon


class Cursors:
    """The venue's cursors, by numbers of ours."""

    def __init__(self) -> None:
        self._told: dict[int, str] = {}
        self._last = 0

    def number(self, cursor: str) -> int:
        """Return a number for a cursor."""
        self._last += 1
        self._told[self._last] = cursor
        if len(self._told) > CURSORS_MAX:
            self._told.pop(next(iter(self._told)))
        return self._last

    def text(self, number: int) -> str:
        """Return the cursor of a number.

        Raises:
            Unsupported: It has not been told, or long ago.
        """
        if number not in self._told:
            raise Unsupported("the place in the list of accounts is not known; ask from the start")
        return self._told[number]


def account_call(query: AccountQuery, cursors: Cursors) -> Call:
    """Return the request for a page of balances.

    Raises:
        Unsupported: Its place is not known.
    """
    cursor = None if query.before is None else cursors.text(query.before)

    def read(page: Accounts, listings: Listings) -> AccountAnswer:
        found = account.account_from_wire(page, listings)
        goes_on = page.has_next and page.cursor
        return replace(
            found, around=Around(before=cursors.number(page.cursor)) if goes_on else WHOLE
        )

    return Call(
        account.ACCOUNTS,
        AccountsRequest(limit=account.ACCOUNTS_MAX, cursor=cursor),
        Accounts,
        lambda body, known, _: read(body, known),
    )


def further(query: Query, answers: Sequence[Answer]) -> Query | None:
    """Return what to ask next; None where all is there, or too much."""
    last = answers[-1]
    if not isinstance(query, AccountQuery) or not isinstance(last, AccountAnswer):
        return None
    place = last.around.before
    return None if place is None or len(answers) >= PAGES_MAX else replace(query, before=place)


def joined(query: Query, answers: Sequence[Answer]) -> Answer:
    """Return the answer of all pages; of a refusal, that."""
    last = answers[-1]
    if not isinstance(query, AccountQuery) or not isinstance(last, AccountAnswer):
        return last
    pages = [page for page in answers if isinstance(page, AccountAnswer)]
    told = {balance.asset_id: balance for page in pages for balance in page.balances}
    return replace(last, balances=tuple(told[number] for number in sorted(told)), around=WHOLE)
