"""What fills move, and what remains to be explained."""

import pytest

from steelyard.domain.lifecycle import Fill
from steelyard.domain.order import Liquidity, Side
from steelyard.trading.balances import KNOWN_MAX, ROUNDING_ATOMS, AccountBooks
from tests.trading.venue import ATOM, BTC_USDT

BASE, QUOTE, TOKEN = 7, 8, 9


def fill(trade_id: int, side: Side = Side.BUY, fee_asset: int = QUOTE) -> Fill:
    """Return a fill of 0.01 BTC at 60,000, for a fee of 0.6 of something."""
    return Fill(
        trade_id=trade_id,
        order_id=1,
        client_order_id="a",
        account_id=0,
        instrument_id=3,
        side=side,
        price_ticks=6_000_000,
        size_lots=1_000,
        quote_atoms=600 * ATOM,
        liquidity=Liquidity.TAKER,
        fee_asset_id=fee_asset,
        fee_atoms=6 * ATOM // 10,
        time_ns=1,
    )


@pytest.mark.parametrize("side", [*Side])
@pytest.mark.parametrize("fee_asset", [BASE, QUOTE, TOKEN])
def test_a_fill_explains_what_it_moves(side: Side, fee_asset: int):
    """Both assets and the fee, in whichever asset it is taken: a third one too."""
    books = AccountBooks()
    before = {BASE: 100 * ATOM, QUOTE: 1_000 * ATOM, TOKEN: 5 * ATOM}
    books.seen(before)
    books.add(fill(1, side, fee_asset), BTC_USDT)
    after = dict(before)
    after[BASE] += int(side) * ATOM // 100
    after[QUOTE] -= int(side) * 600 * ATOM
    after[fee_asset] -= 6 * ATOM // 10
    assert books.differences(after) == {}
    after[TOKEN] += ATOM
    assert books.differences(after) == {TOKEN: ATOM}


def test_a_fill_counts_once():
    """Whoever tells of it, and however often; both sides of a trade with oneself are two."""
    books = AccountBooks()
    books.seen({})
    for side in (Side.BUY, Side.BUY, Side.SELL):
        books.add(fill(1, side), BTC_USDT)
    assert books.fills_ever == 2
    assert books.moved_atoms == {BASE: 0, QUOTE: -12 * ATOM // 10}


def test_what_a_venue_rounds_is_no_difference():
    """So much per fill and no more; without a fill, nothing."""
    books = AccountBooks()
    assert books.differences({BASE: 5}) == {}, "nothing has been seen yet"
    books.seen({BASE: ATOM})
    assert books.differences({BASE: ATOM - 1}) == {BASE: -1}
    books.add(fill(1, fee_asset=BASE), BTC_USDT)
    told = {BASE: ATOM + ATOM // 100 - 6 * ATOM // 10, QUOTE: -600 * ATOM}
    assert books.differences({**told, BASE: told[BASE] + ROUNDING_ATOMS}) == {}
    assert books.differences({**told, BASE: told[BASE] + ROUNDING_ATOMS + 1}) != {}


def test_what_is_remembered_is_bounded():
    """The oldest fills are forgotten."""
    books = AccountBooks()
    for trade_id in range(KNOWN_MAX + 5):
        books.add(fill(trade_id), BTC_USDT)
    assert len(books._known) == KNOWN_MAX
    assert not books.knows(fill(0))
