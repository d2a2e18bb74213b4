"""What a new order may say, as tables: the request, and what the exchange made of it."""

import pytest

from steelyard.dialects.kraken.text import order_number
from steelyard.domain.messages import OrderQuery
from steelyard.domain.order import OrderType, SelfTrade, TimeInForce, TriggerBy

LIMIT, MARKET, STOP = OrderType.LIMIT, OrderType.MARKET, OrderType.STOP
TAKE = OrderType.TAKE_PROFIT


@pytest.fixture
def market(venue):
    """A last price of 50,000, and a book around it."""
    venue.add(venue.bob, type="sell")
    venue.add()
    venue.add(venue.bob, type="sell", price="51000", volume="1")
    venue.add(venue.bob, price="49000", volume="1")
    return venue


def made(venue, **params):
    """Return the order that came of a request, as the exchange has it."""
    txid = venue.add(**params)
    query = OrderQuery(venue.desk.alice, order_id=order_number(txid))
    order = venue.desk.exchange.history.order(query)
    assert order is not None
    return order


@pytest.mark.parametrize(
    ("params", "terms"),
    [
        ({}, {"order_type": LIMIT, "price_ticks": 5_000_000, "size_lots": 1_000}),
        ({"oflags": "post"}, {"post_only": True}),
        ({"oflags": "post,fciq,nompp"}, {"post_only": True}),
        ({"timeinforce": "ioc"}, {"time_in_force": TimeInForce.IOC}),
        ({"timeinforce": "FOK"}, {"time_in_force": TimeInForce.FOK}),
        ({"timeinforce": "GTD", "expiretm": "+60"}, {"time_in_force": TimeInForce.GTD}),
        ({"expiretm": "1700000060"}, {"expire_ns": 1_700_000_060 * 10**9}),
        ({"ordertype": "iceberg", "displayvol": "0.002"}, {"display_lots": 200}),
        ({"stptype": "cancel-both"}, {"self_trade": SelfTrade.CANCEL_BOTH}),
        ({"stp_type": "cancel-oldest"}, {"self_trade": SelfTrade.CANCEL_OLDEST}),
        ({}, {"self_trade": SelfTrade.CANCEL_NEWEST}),
        ({"ordertype": "market", "price": None}, {"order_type": MARKET}),
        (
            {"ordertype": "market", "price": None, "oflags": "viqc", "volume": "510"},
            {"spend_atoms": 510 * 10**12, "filled_lots": 1_000},
        ),
        ({"ordertype": "stop-loss", "price": "52000"}, {"order_type": STOP}),
        (
            {"ordertype": "stop-loss-limit", "price": "52000", "price2": "52100"},
            {"trigger_ticks": 5_200_000, "price_ticks": 5_210_000},
        ),
        ({"ordertype": "take-profit", "price": "48000"}, {"order_type": TAKE}),
        (
            {"ordertype": "take-profit-limit", "price": "48000", "price2": "48100"},
            {"trigger_ticks": 4_800_000, "price_ticks": 4_810_000},
        ),
        (
            {"ordertype": "stop-loss", "price": "52000", "trigger": "index"},
            {"trigger_by": TriggerBy.INDEX},
        ),
        ({"ordertype": "trailing-stop", "price": "+100"}, {"trail_ticks": 10_000}),
        ({"ordertype": "trailing-stop", "price": "+1.5%"}, {"trail_rate_e8": 1_500_000}),
        (
            {"ordertype": "trailing-stop-limit", "price": "+100", "price2": "52000"},
            {"trail_ticks": 10_000, "price_ticks": 5_200_000},
        ),
        # Relative prices: the last trade was at 50,000.
        ({"price": "-10"}, {"price_ticks": 4_999_000}),
        ({"price": "+10"}, {"price_ticks": 5_001_000}),
        ({"price": "#10"}, {"price_ticks": 4_999_000}),
        ({"price": "-1%"}, {"price_ticks": 4_950_000}),
        ({"price": "-0.00333%"}, {"price_ticks": 4_999_833}),
        ({"type": "sell", "price": "#1%"}, {"price_ticks": 5_050_000}),
        ({"type": "sell", "price": "+0.00333%"}, {"price_ticks": 5_000_167}),
        ({"ordertype": "stop-loss", "price": "#5%"}, {"trigger_ticks": 5_250_000}),
        ({"ordertype": "take-profit", "price": "#5%"}, {"trigger_ticks": 4_750_000}),
        ({"cl_ord_id": "mine"}, {"client_order_id": "mine"}),
        ({"leverage": "none", "starttm": "0", "reduce_only": "False"}, {"order_type": LIMIT}),
    ],
)
def test_an_order_is_what_it_says(market, params, terms):
    order = made(market, **params)
    assert {name: getattr(order, name) for name in terms} == terms


@pytest.mark.parametrize(
    ("params", "error"),
    [
        ({"type": "hold"}, "EGeneral:Invalid arguments:type"),
        ({"ordertype": "settle-position"}, "EGeneral:Invalid arguments:ordertype"),
        ({"price": None}, "EGeneral:Invalid arguments:price"),
        ({"price": "0"}, "EGeneral:Invalid arguments:price"),
        ({"price": "x"}, "EGeneral:Invalid arguments:price"),
        ({"price": "50000", "price2": "1"}, "EGeneral:Invalid arguments:price2"),
        (
            {"price": "50000.001"},
            "EOrder:Invalid price:XBTUSDT price can only be specified up to 2 decimals.",
        ),
        ({"volume": "0.000001"}, "EGeneral:Invalid arguments:volume"),
        ({"volume": "0"}, "EOrder:Order minimum not met"),
        ({"volume": "0.00001"}, "EOrder:Cost minimum not met"),
        ({"volume": "100"}, "EOrder:Insufficient funds"),
        ({"price": "51000", "oflags": "post"}, "EOrder:Post only order"),
        ({"oflags": "posted"}, "EGeneral:Invalid arguments:oflags"),
        ({"oflags": "fciq,fcib"}, "EGeneral:Invalid arguments:oflags"),
        ({"oflags": "viqc"}, "EGeneral:Invalid arguments:oflags"),
        ({"timeinforce": "DAY"}, "EGeneral:Invalid arguments:timeinforce"),
        ({"timeinforce": "GTD"}, "EGeneral:Invalid arguments:expiretm"),
        ({"expiretm": "1600000000"}, "EGeneral:Invalid arguments:expiretm"),
        ({"expiretm": "+4"}, "EGeneral:Invalid arguments:expiretm"),
        ({"starttm": "+60"}, "EGeneral:Invalid arguments:starttm"),
        ({"leverage": "2:1"}, "EGeneral:Invalid arguments:leverage"),
        ({"reduce_only": "true"}, "EOrder:Reduce only:No position exists"),
        ({"stptype": "none"}, "EGeneral:Invalid arguments:stptype"),
        ({"ordertype": "iceberg"}, "EGeneral:Invalid arguments:displayvol"),
        ({"ordertype": "iceberg", "displayvol": "0.0001"}, "EGeneral:Invalid arguments:displayvol"),
        ({"displayvol": "0.01"}, "EGeneral:Invalid arguments:displayvol"),
        ({"ordertype": "trailing-stop", "price": "100"}, "EGeneral:Invalid arguments:price"),
        (
            {"ordertype": "stop-loss", "price": "49000"},
            "EOrder:Invalid price:the trigger price is there already",
        ),
        ({"userref": "5", "cl_ord_id": "a"}, "EGeneral:Invalid arguments:userref"),
        ({"cl_ord_id": "far too long for an id"}, "EGeneral:Invalid arguments:cl_ord_id"),
        ({"deadline": "2023-11-14T22:13:19Z"}, "EService:Deadline elapsed"),
        ({"deadline": "2023-11-14T23:13:19Z"}, "EGeneral:Invalid arguments:deadline"),
        ({"deadline": "soon"}, "EGeneral:Invalid arguments:deadline"),
        ({"pair": "NONE"}, "EQuery:Unknown asset pair"),
    ],
)
def test_an_order_that_is_none_is_told_so(market, params, error):
    given = {
        "pair": "XBTUSDT",
        "type": "buy",
        "ordertype": "limit",
        "volume": "0.01",
        "price": "50000",
        **params,
    }
    given = {name: value for name, value in given.items() if value is not None}
    assert market.error("AddOrder", given) == error


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({}, "buy 0.01000000 XBTUSDT @ limit 50000.00"),
        ({"ordertype": "market", "price": None}, "buy 0.01000000 XBTUSDT @ market"),
        (
            {"ordertype": "stop-loss", "price": "52000"},
            "buy 0.01000000 XBTUSDT @ stop loss 52000.00",
        ),
        (
            {"ordertype": "stop-loss-limit", "price": "52000", "price2": "52100"},
            "buy 0.01000000 XBTUSDT @ stop loss 52000.00 -> limit 52100.00",
        ),
        (
            {"ordertype": "trailing-stop", "price": "+1%"},
            "buy 0.01000000 XBTUSDT @ trailing stop +1.0000%",
        ),
    ],
)
def test_an_order_is_told_in_the_words_that_clients_take_apart(market, params, words):
    given = {"pair": "XBTUSDT", "type": "buy", "ordertype": "limit", "volume": "0.01"}
    given |= {"price": "50000", **params, "validate": "True"}
    given = {name: value for name, value in given.items() if value is not None}
    told = market.result("AddOrder", given)
    assert told == {"descr": {"order": words}}
    assert market.result("OpenOrders")["open"] == {}


def test_two_orders_may_have_one_userref_and_no_more_than_one_a_client_id(venue):
    first, second = venue.add(userref="7"), venue.add(userref="7")
    assert {venue.order(txid)["userref"] for txid in (first, second)} == {7}
    venue.add(cl_ord_id="mine")
    wanted = {"pair": "XBTUSDT", "type": "buy", "ordertype": "limit", "volume": "1", "price": "1"}
    error = venue.error("AddOrder", {**wanted, "price": "100", "cl_ord_id": "mine"})
    assert error == "EOrder:cl_ord_id already in use"


def test_a_conditional_close_is_placed_for_each_fill_with_its_size(venue):
    """Of the other side; it names what it closes, and goes on when that is canceled."""
    given = {"close[ordertype]": "stop-loss-limit", "close[price]": "48000"}
    txid = venue.add(**given, **{"close[price2]": "47900"})
    words = "stop loss 48000.00 -> limit 47900.00"
    assert venue.order(txid)["descr"]["close"] == f"close position @ {words}"
    assert [*venue.result("OpenOrders")["open"]] == [txid]
    for volume in ("0.002", "0.003"):
        venue.add(venue.bob, type="sell", volume=volume)
    assert venue.result("CancelOrder", txid=txid) == {"count": 1}
    closing = [*venue.result("OpenOrders")["open"].values()]
    assert [o["vol"] for o in closing] == ["0.00200000", "0.00300000"]
    assert {o["refid"] for o in closing} == {txid}
    assert {o["descr"]["order"].partition(" @ ")[2] for o in closing} == {words}
    assert {o["descr"]["type"] for o in closing} == {"sell"}
    assert venue.order(txid)["descr"]["close"] == f"close position @ {words}"


def test_an_order_with_a_conditional_close_is_neither_amended_nor_edited(venue):
    txid = venue.add(**{"close[ordertype]": "limit", "close[price]": "60000"})
    assert venue.error("AmendOrder", txid=txid, order_qty="0.02") == "EOrder:Invalid order"
    told = venue.error("EditOrder", txid=txid, pair="XBTUSDT", volume="0.02")
    assert told == "EOrder:Invalid order"


def test_a_batch_has_conditional_closes_too(venue):
    order = {"type": "buy", "ordertype": "limit", "volume": "0.01", "price": "50000"}
    closed = {**order, "close": {"ordertype": "limit", "price": "60000"}}
    told = venue.post_json("AddOrderBatch", {"pair": "XBTUSDT", "orders": [order, closed]})
    first, second = told["result"]["orders"]
    assert "close" not in first["descr"]
    assert second["descr"]["close"] == "close position @ limit 60000.00"
    venue.add(venue.bob, type="sell", volume="0.02")
    (close,) = venue.result("OpenOrders")["open"].values()
    assert (close["refid"], close["vol"]) == (second["txid"], "0.01000000")
