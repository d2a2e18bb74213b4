"""What goes with which type, both ways; the words of refusals are in test_orders."""

import pytest

from steelyard.dialects.coinbase_exchange import placing
from steelyard.dialects.coinbase_exchange.messages import NewOrder
from steelyard.domain.commands import Place
from steelyard.domain.instrument import Listings
from steelyard.domain.order import OrderType, SelfTrade, Side, TimeInForce
from steelyard.wire.dialect import Asker
from steelyard.wire.limits import UNLIMITED
from tests.shared.desk import BTC_USDT

LISTINGS = Listings([BTC_USDT])
ASKER = Asker(7, "k", 0, LISTINGS, UNLIMITED, sandbox_ns=1_000)


def read(**fields):
    wanted = {"product_id": "BTC-USDT", "side": "buy", "price": "50000", "size": "0.01"}
    return placing.place_from_wire(NewOrder(**{**wanted, **fields}), ASKER)


@pytest.mark.parametrize(
    ("side", "stop", "order_type"),
    [
        ("sell", "loss", OrderType.STOP_LIMIT),
        ("buy", "entry", OrderType.STOP_LIMIT),
        ("sell", "entry", OrderType.TAKE_PROFIT_LIMIT),
        ("buy", "loss", OrderType.TAKE_PROFIT_LIMIT),
    ],
)
def test_a_stop_is_of_our_kind_by_its_side_and_way(side, stop, order_type):
    place = read(side=side, stop=stop, stop_price="49000")
    assert (place.order_type, place.trigger_ticks) == (order_type, 4_900_000)
    assert placing.place_to_wire(place, LISTINGS).stop == stop


@pytest.mark.parametrize(("stp", "mode"), placing.SELF_TRADES.items())
def test_self_trade_modes_have_their_letters(stp, mode):
    assert read(stp=stp).self_trade is mode
    assert read().self_trade is SelfTrade.DECREMENT


def test_a_gtt_order_expires_by_the_sandboxs_clock():
    place = read(time_in_force="GTT", cancel_after="hour")
    assert (place.time_in_force, place.expire_ns) == (TimeInForce.GTD, 1_000 + 3_600 * 10**9)


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"time_in_force": TimeInForce.IOC},
        {"post_only": True},
        {"display_lots": 500},
        {"order_type": OrderType.STOP_LIMIT, "trigger_ticks": 5_100_000},
        {"order_type": OrderType.MARKET, "price_ticks": None, "time_in_force": TimeInForce.IOC},
    ],
)
def test_what_we_write_is_what_we_read(fields):
    terms = {
        "order_type": OrderType.LIMIT, "time_in_force": TimeInForce.GTC, "post_only": False,
        "price_ticks": 5_000_000, "size_lots": 1_000, **fields,
    }  # fmt: skip
    place = Place(7, 0, Side.BUY, **terms)
    assert placing.place_from_wire(placing.place_to_wire(place, LISTINGS), ASKER) == place
