import pytest

from steelyard.dialects.okx import algo_terms
from steelyard.dialects.okx.algo_messages import AlgoInfo
from steelyard.domain.errors import DecodeError, Unsupported
from steelyard.domain.instrument import Listings
from steelyard.domain.lifecycle import OrderState
from steelyard.domain.order import Direction, OrderType, Side, TimeInForce, TriggerBy
from steelyard.sim.conformance import place
from steelyard.sim.stand import BTC_USDT

LISTINGS = Listings([BTC_USDT])
SELL = {"side": Side.SELL, "price_ticks": None, "trigger_ticks": 4_000_000}


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        (
            {**SELL, "order_type": OrderType.STOP, "trigger_by": TriggerBy.MARK},
            {"ordType": "conditional", "slTriggerPx": "40000", "slOrdPx": "-1"}
            | {"slTriggerPxType": "mark", "tgtCcy": None},
        ),
        (
            {**SELL, "order_type": OrderType.TAKE_PROFIT_LIMIT, "price_ticks": 4_100_000},
            {"ordType": "conditional", "tpTriggerPx": "40000", "tpOrdPx": "41000"},
        ),
        (
            {"order_type": OrderType.STOP, "trigger_ticks": 6_000_000, "price_ticks": None},
            {"side": "buy", "tgtCcy": "base_ccy"},
        ),
        (
            {
                "order_type": OrderType.TRAILING_STOP,
                "trail_rate_e8": 1_500_000,
                "price_ticks": None,
            },
            {"ordType": "move_order_stop", "callbackRatio": "0.015"},
        ),
        (
            {"order_type": OrderType.TRAILING_STOP, "trail_ticks": 1_000, "price_ticks": None}
            | {"activation_ticks": 6_000_000},
            {"callbackSpread": "10", "activePx": "60000"},
        ),
        ({"display_lots": 100}, {"ordType": "smart_iceberg", "szLimit": "0.001"}),
    ],
)
def test_an_order_that_waits_is_said_in_the_venues_words(fields, said):
    wire = algo_terms.place_to_wire(place(client_order_id="mine", **fields), LISTINGS)
    assert {name: getattr(wire, name) for name in said} == said
    assert wire.algoClOrdId == "mine"


@pytest.mark.parametrize(
    "fields",
    [
        {**SELL, "order_type": OrderType.STOP_LIMIT, "time_in_force": TimeInForce.IOC},
        {**SELL, "order_type": OrderType.STOP_LIMIT, "post_only": True},
        {**SELL, "order_type": OrderType.STOP_LIMIT, "display_lots": 5},
        {"order_type": OrderType.TRAILING_STOP_LIMIT, "trail_ticks": 5},
        {"order_type": OrderType.TRAILING_STOP, "trail_ticks": 5, "price_ticks": None}
        | {"activation_ticks": 1, "activation_direction": Direction.RISE},
    ],
)
def test_what_the_venue_has_no_word_for_is_said_so(fields):
    with pytest.raises(Unsupported, match="OKX"):
        algo_terms.place_to_wire(place(**fields), LISTINGS)


def info(**fields):
    told = {"instId": "BTC-USDT", "algoId": "7", "ordType": "trigger", "state": "live"}
    told |= {"side": "sell", "sz": "0.01", "triggerPx": "40000", "ordPx": "-1", "cTime": "1"}
    return AlgoInfo(**told | fields)


@pytest.mark.parametrize(
    ("fields", "terms"),
    [
        ({}, {"order_id": 7, "order_type": OrderType.STOP, "waits": True}),
        ({"ordPx": "39000"}, {"order_type": OrderType.STOP_LIMIT, "price_ticks": 3_900_000}),
        ({"state": "effective", "ordId": "9"}, {"order_id": 9, "waits": False}),
        ({"state": "canceled"}, {"state": OrderState.CANCELED}),
        ({"ordType": "move_order_stop", "callbackRatio": "0.01"}, {"trail_rate_e8": 1_000_000}),
        (
            {"ordType": "oco", "tpTriggerPx": "60000", "slTriggerPx": "40000", "slOrdPx": "-1"},
            {"order_type": OrderType.STOP, "trigger_ticks": 4_000_000},
        ),
        (
            {"ordType": "conditional", "tpTriggerPx": "60000", "tpOrdPx": "60000"},
            {"order_type": OrderType.TAKE_PROFIT_LIMIT},
        ),
    ],
)
def test_an_algo_order_is_read(fields, terms):
    order = algo_terms.order_from_wire(info(**fields), LISTINGS)
    assert {name: getattr(order, name) for name in terms} == terms


@pytest.mark.parametrize("fields", [{"side": "x"}, {"ordType": "grid"}, {"sz": "x"}])
def test_what_cannot_be_read_is_one_error(fields):
    with pytest.raises(DecodeError):
        algo_terms.order_from_wire(info(**fields), LISTINGS)
    with pytest.raises(DecodeError):
        algo_terms.number_in_ack(())
