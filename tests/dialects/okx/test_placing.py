"""What a new order may say, as tables: the request, and what the exchange made of it."""

import pytest

from steelyard.dialects.okx import placing
from steelyard.domain.commands import Place
from steelyard.domain.errors import Unsupported
from steelyard.domain.instrument import Listings
from steelyard.domain.lifecycle import OrderState
from steelyard.domain.messages import OrderQuery
from steelyard.domain.order import (
    FeeAsset,
    GroupKind,
    OrderType,
    SelfTrade,
    Side,
    TimeInForce,
)
from steelyard.sim.conformance import place
from steelyard.sim.stand import BTC_USDT

LISTINGS = Listings([BTC_USDT])
MARKET = {"ordType": "market", "px": None}


def made(venue, number):
    query = OrderQuery(venue.desk.alice, order_id=int(number))
    order = venue.desk.exchange.history.order(query)
    assert order is not None
    return order


@pytest.mark.parametrize(
    ("params", "terms"),
    [
        ({}, {"order_type": OrderType.LIMIT, "price_ticks": 5_000_000, "size_lots": 1_000}),
        ({}, {"fee_asset": FeeAsset.RECEIVED, "self_trade": SelfTrade.CANCEL_OLDEST}),
        ({"ordType": "post_only"}, {"post_only": True}),
        ({"ordType": "ioc"}, {"time_in_force": TimeInForce.IOC}),
        ({"ordType": "fok"}, {"time_in_force": TimeInForce.FOK}),
        ({"stpMode": "cancel_both"}, {"self_trade": SelfTrade.CANCEL_BOTH}),
        ({"stpMode": "cancel_taker"}, {"self_trade": SelfTrade.CANCEL_NEWEST}),
        ({**MARKET, "sz": "510"}, {"spend_atoms": 510 * 10**12, "filled_lots": 1_000}),
        ({**MARKET, "tgtCcy": "base_ccy"}, {"size_lots": 1_000, "filled_lots": 1_000}),
        ({**MARKET, "side": "sell"}, {"size_lots": 1_000, "filled_lots": 1_000}),
        (
            {**MARKET, "side": "sell", "tgtCcy": "quote_ccy", "sz": "490"},
            {"spend_atoms": 490 * 10**12, "filled_lots": 1_000},
        ),
        ({"tgtCcy": "base_ccy"}, {"size_lots": 1_000}),  # ccxt says it of limits too
        ({"clOrdId": "mine1"}, {"client_order_id": "mine1"}),
        ({"instId": None, "instIdCode": 1_000_000_000}, {"instrument_id": 0}),
        ({"reduceOnly": False, "posSide": "net", "banAmend": "true"}, {"size_lots": 1_000}),
    ],
)
def test_an_order_is_what_it_says(market, params, terms):
    order = made(market, market.place(**params))
    assert {name: getattr(order, name) for name in terms} == terms


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({"instId": "X-Y"}, "51001"),
        ({"instId": None}, "50014"),
        ({"instId": None, "instIdCode": 5}, "51001"),
        ({"side": "hold"}, "51000"),
        ({"ordType": "optimal_limit_ioc"}, "51000"),
        ({"tdMode": "cross"}, "51010"),
        ({"tdMode": None}, "51000"),
        ({"px": None}, "51000"),
        ({"px": "50000.001"}, "51000"),
        ({"px": "x"}, "51000"),
        ({"px": "0"}, "51116"),
        ({"ordType": "market"}, "51000"),
        ({"sz": "0.000001"}, "51121"),
        ({"sz": "0"}, "51020"),
        ({"sz": "0.00001"}, "51118"),
        ({"sz": "100"}, "51008"),
        ({**MARKET, "sz": "0"}, "51020"),
        ({**MARKET, "tgtCcy": "coins"}, "51000"),
        ({"clOrdId": "with-dash"}, "51000"),
        ({"clOrdId": "x" * 33}, "51000"),
        ({"tag": "x" * 17}, "51000"),
        ({"stpMode": "none"}, "51000"),
        ({"stpMode": "cancel_both", "ordType": "fok"}, "50016"),
        ({"reduceOnly": True}, "51205"),
        ({"posSide": "long"}, "51000"),
        ({"pxUsd": "1"}, "51000"),
        ({"pxAmendType": "1"}, "51000"),
        ({"attachAlgoOrds": [{}]}, "51000"),
        ({"attachAlgoOrds": [{"slTriggerPx": "1"}]}, "50014"),
        ({"attachAlgoOrds": [{"slOrdPx": "-1"}]}, "50014"),
        ({"attachAlgoOrds": [{"slTriggerPx": "1", "slOrdPx": "-1"}] * 2}, "50025"),
        ({"attachAlgoOrds": [{"slTriggerPx": "1", "slOrdPx": "-1", "sz": "1"}]}, "51000"),
        (
            {"attachAlgoOrds": [{"slTriggerPx": "1", "slOrdPx": "-1", "slTriggerPxType": "x"}]},
            "51000",
        ),
    ],
)
def test_an_order_that_is_none_is_told_so(market, params, code):
    told = market.post("trade/order", market.order(**params))
    assert told["code"] == "1"
    (row,) = told["data"]
    assert row["sCode"] == code
    assert row["help"]
    assert row["ordId"] == ""


def test_a_post_only_order_that_would_take_is_taken_up_and_canceled(market):
    row = market.one(market.place(ordType="post_only", px="51000"))
    assert (row["state"], row["cancelSource"], row["accFillSz"]) == ("canceled", "31", "0")


def test_a_name_is_free_again_when_its_order_has_ended(venue):
    venue.place(clOrdId="mine")
    told = venue.post("trade/order", venue.order(clOrdId="mine"))
    assert told["data"][0]["sCode"] == "51016"
    venue.post("trade/cancel-order", {"instId": "BTC-USDT", "clOrdId": "mine"})
    number = venue.place(clOrdId="mine")
    (found,) = venue.rows("trade/order", instId="BTC-USDT", clOrdId="mine")
    assert found["ordId"] == number


@pytest.mark.parametrize(
    ("algo", "kind", "types"),
    [
        ({"slTriggerPx": "48000", "slOrdPx": "-1"}, GroupKind.OTO, [OrderType.STOP]),
        (
            {"tpTriggerPx": "52000", "tpOrdPx": "52000"},
            GroupKind.OTO,
            [OrderType.TAKE_PROFIT_LIMIT],
        ),
        (
            {"tpTriggerPx": "52000", "tpOrdPx": "-1", "slTriggerPx": "48000", "slOrdPx": "47900"},
            GroupKind.BRACKET,
            [OrderType.TAKE_PROFIT, OrderType.STOP_LIMIT],
        ),
    ],
)
def test_what_closes_an_order_waits_until_it_has_filled(market, algo, kind, types):
    number = market.place(attachAlgoOrds=[{**algo, "attachAlgoClOrdId": "exit"}])
    entry = made(market, number)
    assert entry.group_kind is kind
    exits = [made(market, int(number) + 1 + n) for n in range(len(types))]
    assert [order.order_type for order in exits] == types
    assert {order.side for order in exits} == {Side.SELL}
    (attached,) = market.one(number)["attachAlgoOrds"]
    assert attached == {**attached, **algo, "attachAlgoClOrdId": "exit"}
    kinds = "conditional,oco"
    assert market.rows("trade/orders-algo-pending", ordType=kinds) == []
    market.place(market.bob, side="sell")
    (waiting,) = market.rows("trade/orders-algo-pending", ordType=kinds)
    assert waiting == {**waiting, **algo, "algoClOrdId": "exit", "state": "live", "side": "sell"}
    assert all(order.state is OrderState.WORKING for order in exits)


# -- to the wire --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({}, {"ordType": "limit", "px": "50000", "sz": "0.01", "tdMode": "cash", "tgtCcy": None}),
        ({"post_only": True}, {"ordType": "post_only"}),
        ({"time_in_force": TimeInForce.IOC}, {"ordType": "ioc"}),
        (
            {
                "order_type": OrderType.MARKET,
                "time_in_force": TimeInForce.IOC,
                "price_ticks": None,
            },
            {"ordType": "market", "tgtCcy": "base_ccy", "px": None},
        ),
        (
            {
                "order_type": OrderType.MARKET,
                "time_in_force": TimeInForce.IOC,
                "price_ticks": None,
                "size_lots": 0,
                "quote_atoms": 5 * 10**12,
            },
            {"ordType": "market", "tgtCcy": "quote_ccy", "sz": "5"},
        ),
    ],
)
def test_an_order_is_said_in_the_venues_words(fields, said):
    wire = placing.place_to_wire(place(**fields), LISTINGS)
    assert {name: getattr(wire, name) for name in said} == said


@pytest.mark.parametrize(
    "fields",
    [
        {"slide": True, "post_only": True},
        {"reduce_only": True},
        {"time_in_force": TimeInForce.GTD, "expire_ns": 1},
        {"display_lots": 0},
        {"display_lots": 5},
        {"self_trade": SelfTrade.NONE},
        {"client_order_id": "with-dash"},
        {"order_type": OrderType.STOP, "trigger_ticks": 1},
        {"order_type": OrderType.MARKET, "time_in_force": TimeInForce.FOK, "price_ticks": None},
    ],
)
def test_what_the_venue_has_no_word_for_is_said_so(fields):
    order = place(**fields)
    assert isinstance(order, Place)
    with pytest.raises(Unsupported, match="OKX"):
        placing.place_to_wire(order, LISTINGS)
