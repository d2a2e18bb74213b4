"""What a strategy sees at the desk of a backtest: what it has been told, and nothing newer."""

from decimal import Decimal
from typing import Any

import pytest

from steelyard.backtest.desk import place_of, price_of
from steelyard.backtest.settings import Delay
from steelyard.domain.errors import UsageError
from steelyard.domain.lifecycle import OrderState
from steelyard.domain.order import Liquidity, RejectReason, Side
from steelyard.trading.strategy import Position, Strategy
from tests.backtest.market import BEGIN_NS, BTC, MINUTE_NS, acting, bars_of, play, settings_of

FLAT = (100, 100, 100, 100)


def test_the_desk_before_the_first_price():
    """The time is the first bar's, and there is no price yet."""
    seen: list[Any] = []
    play(acting(on_start=lambda self: seen.append((self.now_ns, self.price))), bars_of([FLAT]))
    assert seen == [(BEGIN_NS, None)]


def test_position_and_average_price_follow_the_fills():
    """Two buys at two prices, and a sale that leaves the average as it is."""
    seen: list[Position] = []

    def on_bar(self: Strategy, bar: Any) -> None:
        seen.append(self.position)
        (self.sell if len(seen) == 3 else self.buy)("1")

    play(acting(on_bar=on_bar), bars_of([FLAT, FLAT, (110, 110, 110, 110), FLAT]))
    assert [(it.size, it.average_price) for it in seen] == [
        (0, None),
        (1, 100),
        (2, 105),
        (1, 105),
    ]


def test_what_has_not_been_told_is_not_seen():
    """With slow answers an order is on its way, and nothing is held, until the news has come."""
    seen: list[Any] = []

    def on_bar(self: Strategy, bar: Any) -> None:
        seen.append((self.position.lots, [order.state for order in self.open_orders]))
        if len(seen) == 1:
            self.buy("1")

    run = play(
        acting(on_bar=on_bar),
        bars_of([FLAT] * 4),
        settings_of(answer_delay=Delay.constant(90 * 10**9)),
    )
    assert seen == [(0, []), (0, [OrderState.PENDING]), (1_000, []), (1_000, [])]
    assert int(run.result().fills["time_ns"][0]) == BEGIN_NS + MINUTE_NS


def test_an_own_order_has_its_terms_and_what_became_of_it():
    """A limit that rests, one that fills in part, one that is refused."""
    seen: list[Any] = []
    told: list[Any] = []

    def on_bar(self: Strategy, bar: Any) -> None:
        if not seen:
            self.buy("2", "95")
            self.sell("1", "100", post_only=True)
        seen.append(self.open_orders)

    play(
        acting(on_bar=on_bar, on_order=lambda self, order: told.append(order)),
        bars_of([(*FLAT, 10), (*FLAT, 10), (100, 100, 90, 94, 10)]),
        settings_of(volume_share=Decimal("0.1")),
    )
    (order,) = seen[1]
    assert (order.client_order_id, order.state, order.filled_lots) == ("1", OrderState.WORKING, 0)
    assert (order.place.price_ticks, order.place.size_lots) == (190, 2_000)
    assert (order.place.side, order.place.post_only) == (Side.BUY, False)
    (order,) = seen[2]
    assert (order.state, order.filled_lots) == (OrderState.PARTIALLY_FILLED, 1_000)
    refused = told[1]
    assert refused.state is OrderState.REJECTED
    assert refused.reject_reason is RejectReason.POST_ONLY_WOULD_TAKE


def test_a_fill_is_told_whole():
    """As the trader's Fill: what, at what price, for what, by which order."""
    told: list[Any] = []
    play(
        acting(on_start=lambda self: self.buy("2"), on_fill=lambda self, fill: told.append(fill)),
        bars_of([FLAT]),
        settings_of(taker=Decimal("0.001")),
    )
    (fill,) = told
    assert (fill.order_id, fill.client_order_id, fill.side) == (1, "1", Side.BUY)
    assert (fill.price_ticks, fill.size_lots, fill.liquidity) == (200, 2_000, Liquidity.TAKER)
    assert fill.quote_atoms == 200 * 10**12
    assert (fill.fee_asset_id, fill.fee_atoms) == (BTC.quote_asset_id, 2 * 10**11)
    assert fill.time_ns == BEGIN_NS


def test_a_loop_of_wishes_is_stopped():
    """A hundred in one call, as at a trader's desk."""

    def on_bar(self: Strategy, bar: Any) -> None:
        for _ in range(101):
            self.buy("1")

    with pytest.raises(UsageError, match="a loop"):
        play(acting(on_bar=on_bar), bars_of([FLAT]))


def test_names_of_orders_are_their_numbers():
    """And what is no name is no order."""
    assert [place_of(name) for name in ("1", "12", "x", "", None, 3)] == [0, 11, -1, -1, -1, -1]
    assert price_of(401, BTC) == Decimal("100.25")
