"""How orders, fills and positions are shown; their documents as a whole: test_report.py."""

from steelyard.domain.lifecycle import Fill
from steelyard.domain.order import Liquidity, Side
from steelyard.trading.shown import fill_shown, order_shown, position_shown
from tests.trading.world import hand_world


def test_nothing_is_a_flat_position():
    assert position_shown(None) == {"size": "0", "average_price": None, "side": "flat"}


def test_an_order_without_a_number_or_a_price_has_none():
    world = hand_world(lambda hand: hand.buy("0.01"))
    world.run(3)
    (order,) = world.trader.turn.state.orders
    shown = order_shown(order, world.trader.turn.instrument)
    assert (shown["price"], shown["type"], shown["state"]) == (None, "market", "filled")


def test_a_fee_is_told_in_the_asset_that_it_was_taken_in():
    """By the names that are known, or by the number where nobody knows one."""
    world = hand_world()
    world.run(1)
    instrument = world.trader.turn.instrument

    def shown(asset: int, names: dict[int, str]) -> str:
        fill = Fill(
            trade_id=1,
            order_id=2,
            client_order_id="a",
            account_id=0,
            instrument_id=instrument.instrument_id,
            side=Side.BUY,
            price_ticks=6_000_000,
            size_lots=1,
            quote_atoms=1,
            liquidity=Liquidity.TAKER,
            fee_asset_id=asset,
            fee_atoms=1,
            time_ns=0,
        )
        return fill_shown(fill, instrument, names)["fee_asset"]

    assert shown(instrument.base_asset_id, {}) == instrument.base
    assert shown(77, {77: "BNB"}) == "BNB"
    assert shown(77, {}) == "77"
