"""Algo orders, as tables: the request, and what the exchange made of it."""

import pytest

from steelyard.domain.messages import OrderQuery
from steelyard.domain.order import OrderType, TriggerBy
from tests.dialects.okx.venue import PAIR

SL = {"ordType": "conditional", "slTriggerPx": "48000", "slOrdPx": "-1"}
TP = {"ordType": "conditional", "tpTriggerPx": "52000", "tpOrdPx": "-1"}
OCO = {**TP, **SL, "ordType": "oco"}
TRIGGER = {"ordType": "trigger", "triggerPx": "48000", "orderPx": "-1"}
TRAIL = {"ordType": "move_order_stop", "callbackRatio": "0.01"}
ICEBERG = {"ordType": "iceberg", "szLimit": "0.002", "pxLimit": "52000", "pxVar": "0.01"}


def made(venue, number):
    query = OrderQuery(venue.desk.alice, order_id=int(number))
    order = venue.desk.exchange.history.order(query)
    assert order is not None
    return order


@pytest.mark.parametrize(
    ("params", "terms"),
    [
        (SL, {"order_type": OrderType.STOP, "trigger_ticks": 4_800_000}),
        (
            {**SL, "slOrdPx": "47900"},
            {"order_type": OrderType.STOP_LIMIT, "price_ticks": 4_790_000},
        ),
        ({**SL, "slTriggerPxType": "mark"}, {"trigger_by": TriggerBy.MARK}),
        (TP, {"order_type": OrderType.TAKE_PROFIT, "trigger_ticks": 5_200_000}),
        ({**TP, "tpOrdPx": "52100"}, {"order_type": OrderType.TAKE_PROFIT_LIMIT}),
        ({**TP, **SL}, {"order_type": OrderType.STOP}),  # of two only the stop counts
        (TRIGGER, {"order_type": OrderType.STOP}),
        ({**TRIGGER, "triggerPx": "52000"}, {"order_type": OrderType.TAKE_PROFIT}),
        (
            {**TRIGGER, "side": "buy", "triggerPx": "52000", "orderPx": "52100"},
            {"order_type": OrderType.STOP_LIMIT, "price_ticks": 5_210_000},
        ),
        ({**TRIGGER, "side": "buy", "tgtCcy": "base_ccy"}, {"order_type": OrderType.TAKE_PROFIT}),
        (TRAIL, {"order_type": OrderType.TRAILING_STOP, "trail_rate_e8": 1_000_000}),
        (
            {"ordType": "move_order_stop", "callbackSpread": "100", "activePx": "52000"},
            {"trail_ticks": 10_000, "activation_ticks": 5_200_000},
        ),
        (ICEBERG, {"order_type": OrderType.LIMIT, "display_lots": 200}),
        ({**SL, "algoClOrdId": "mine"}, {"client_order_id": "mine"}),
        ({**SL, "clOrdId": "mine", "tdMode": "cross"}, {"client_order_id": "mine"}),  # as ccxt does
    ],
)
def test_an_algo_order_is_what_it_says(market, params, terms):
    row = market.algo(**params)
    assert row["sCode"] == "0", row
    order = made(market, row["algoId"])
    assert {name: getattr(order, name) for name in terms} == terms


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({"ordType": "twap"}, "51000"),
        ({"ordType": "chase"}, "51000"),
        ({"ordType": "conditional"}, "50014"),
        ({**SL, "slOrdPx": None}, "50014"),
        ({**OCO, "slTriggerPx": None, "slOrdPx": None}, "50014"),
        ({**SL, "sz": None}, "50014"),
        ({**SL, "closeFraction": "1"}, "51000"),
        ({**SL, "tdMode": "x"}, "51000"),
        ({**SL, "slTriggerPx": "51000"}, "51280"),
        ({**TP, "tpTriggerPx": "49000"}, "51279"),
        ({**SL, "side": "buy"}, "51000"),  # how much, is not known
        ({**SL, "side": "buy", "tgtCcy": "base_ccy"}, "51278"),
        ({**TP, "side": "buy", "tgtCcy": "base_ccy"}, "51277"),
        ({"ordType": "trigger", "triggerPx": "48000"}, "50014"),
        ({**TRIGGER, "attachAlgoOrds": [{"slTriggerPx": "1", "slOrdPx": "-1"}]}, "51000"),
        ({"ordType": "move_order_stop"}, "51000"),
        ({**TRAIL, "callbackSpread": "1"}, "51000"),
        ({**TRAIL, "callbackRatio": "0"}, "51257"),
        ({**TRAIL, "callbackRatio": "1.01"}, "51257"),
        ({**TRAIL, "callbackRatio": "1e400"}, "51257"),
        ({**TRAIL, "callbackRatio": "x"}, "51000"),
        ({**ICEBERG, "szLimit": None}, "50014"),
        ({**ICEBERG, "szLimit": "0.02"}, "51254"),
    ],
)
def test_an_algo_order_that_is_none_is_told_so(market, params, code):
    given = {name: value for name, value in params.items() if value is not None}
    if params.get("sz", "") is None:
        told = market.post(
            "trade/order-algo", {"instId": PAIR, "tdMode": "cash", "side": "sell", **given}
        )["data"][0]
    else:
        told = market.algo(**given)
    assert told["sCode"] == code, told
    assert told["help"]


def test_nobody_knows_which_way_a_price_has_to_come_before_it_has_traded(venue):
    assert venue.algo(**TRIGGER)["sCode"] == "51250"


def test_a_stop_goes_to_market_under_its_number(market):
    number = market.algo(**SL, algoClOrdId="mine")["algoId"]
    assert market.get("trade/order", market.alice, instId=PAIR, ordId=number)["code"] == "51603"
    market.place(market.bob, px="47000", sz="1")
    market.place(px="48000")
    market.place(market.bob, side="sell", px="48000")
    row = market.one(number)
    assert row == {**row, "state": "filled", "ordType": "market", "algoId": number}
    (algo,) = market.rows("trade/order-algo", algoClOrdId="mine")
    assert algo == {
        **algo,
        "state": "effective",
        "ordId": number,
        "ordIdList": [number],
        "actualSide": "sl",
    }
    assert algo["triggerTime"]


def test_of_a_pair_one_cancels_the_other(market):
    number = market.algo(**OCO)["algoId"]
    (row,) = market.rows("trade/orders-algo-pending", ordType="oco")
    assert row == {**row, "algoId": number, "tpTriggerPx": "52000", "slTriggerPx": "48000"}
    change = {"instId": PAIR, "algoId": number, "newSz": "0.02"}
    assert market.post("trade/amend-algos", change)["data"][0]["sCode"] == "51506"
    told = market.post("trade/cancel-algos", [{"instId": PAIR, "algoId": number}])
    assert (told["code"], told["data"][0]["sCode"]) == ("0", "0")
    assert market.rows("trade/orders-algo-pending", ordType="oco") == []
    (row,) = market.rows("trade/orders-algo-history", ordType="oco", state="canceled")
    assert row["algoId"] == number
    told = market.post("trade/cancel-algos", [{"instId": PAIR, "algoId": number}])
    assert told["data"][0]["sCode"] == "51400"


def test_a_trigger_and_a_stop_are_changed(market):
    for params, change, told in (
        (SL, {"newSlTriggerPx": "47000", "newSz": "0.02"}, {"slTriggerPx": "47000", "sz": "0.02"}),
        (TRIGGER, {"newTriggerPx": "47000"}, {"triggerPx": "47000"}),
    ):
        number = market.algo(**params, algoClOrdId="mine")["algoId"]
        given = {"instId": PAIR, "algoClOrdId": "mine", "reqId": "r", **change}
        (row,) = market.post("trade/amend-algos", given)["data"]
        assert (row["sCode"], row["reqId"], row["algoId"]) == ("0", "r", number)
        (found,) = market.rows("trade/order-algo", algoId=number)
        assert found == {**found, **told}
        market.post("trade/cancel-algos", [{"instId": PAIR, "algoId": number}])
    number = market.algo(**SL)["algoId"]
    for change, code in (
        ({}, "51500"),
        ({"newSlOrdPx": "1"}, "51506"),
        ({"cxlOnFail": True, "newSz": "1"}, "51000"),
    ):
        given = {"instId": PAIR, "algoId": number, **change}
        assert market.post("trade/amend-algos", given)["data"][0]["sCode"] == code
    assert market.post("trade/cancel-algos", [{"instId": PAIR}])["data"][0]["sCode"] == "51003"
    many = [{"instId": PAIR, "algoId": "1"}] * 11
    assert market.post("trade/cancel-algos", many)["code"] == "50025"


def test_an_order_at_market_is_no_algo_order(market):
    number = market.place()
    told = market.post("trade/cancel-algos", [{"instId": PAIR, "algoId": number}])
    assert told["data"][0]["sCode"] == "51400"
    stop = market.algo(**SL)["algoId"]
    told = market.post("trade/cancel-order", {"instId": PAIR, "ordId": stop})
    assert told["data"][0]["sCode"] == "51400"
    assert "cancel-algos" in told["data"][0]["help"]
