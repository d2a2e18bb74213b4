import pytest
from msgspec.structs import replace

from steelyard.dialects.bybit import placing
from steelyard.domain.commands import Place
from steelyard.domain.errors import Unsupported
from steelyard.domain.order import FeeAsset, OrderType, SelfTrade, Side, TimeInForce
from steelyard.wire.dialect import Asker
from steelyard.wire.limits import UNLIMITED

LIMIT = (OrderType.LIMIT, TimeInForce.GTC, False)


def traded(venue, price="50000"):
    """Have a last price."""
    venue.place(price=price, qty="0.001")
    venue.place(venue.other_key, side="Sell", price=price, qty="0.001")


def place(kind=LIMIT, side=Side.BUY, **fields):
    wanted = {"price_ticks": 5_000_000, "size_lots": 1_000, "self_trade": SelfTrade.NONE, **fields}
    return Place(0, 0, side, *kind, **wanted)


WAITING = [
    (OrderType.STOP, TimeInForce.GTC, False),
    (OrderType.STOP_LIMIT, TimeInForce.GTC, False),
    (OrderType.STOP_LIMIT, TimeInForce.GTC, True),
    (OrderType.TAKE_PROFIT, TimeInForce.GTC, False),
    (OrderType.TAKE_PROFIT_LIMIT, TimeInForce.FOK, False),
]
PLAIN = [
    LIMIT,
    (OrderType.LIMIT, TimeInForce.GTC, True),
    (OrderType.LIMIT, TimeInForce.IOC, False),
    (OrderType.LIMIT, TimeInForce.FOK, False),
    (OrderType.MARKET, TimeInForce.IOC, False),
]


@pytest.mark.parametrize("side", Side)
@pytest.mark.parametrize("kind", [*PLAIN, *WAITING])
def test_an_order_comes_back_as_it_was_sent(venue, kind, side):
    """Whatever is in its type; the fee is taken of what is received."""
    sent = place(kind, side, client_order_id="a-1", trigger_ticks=5_100_000)
    if not kind[0].waits:
        sent = place(kind, side, client_order_id="a-1")
    if not kind[0].has_limit:
        sent = replace(sent, price_ticks=None)
    wire = placing.place_to_wire(sent, venue.listings)
    asker = asker_of(venue)
    found = placing.place_from_wire(wire, asker)
    assert found == replace(sent, account_id=asker.account_id, fee_asset=FeeAsset.RECEIVED)


def asker_of(venue):
    return Asker(
        venue.desk.alice,
        venue.key.key,
        venue.desk.now_ns,
        venue.listings,
        UNLIMITED,
        ask=lambda query: venue.exchange.ask(query, venue.desk.now_ns),
    )


@pytest.mark.parametrize(
    ("what", "fields"),
    [
        ("at a time", {"kind": (OrderType.LIMIT, TimeInForce.GTD, False), "expire_ns": 5}),
        ("icebergs", {"display_lots": 5}),
        ("slide", {"kind": (OrderType.LIMIT, TimeInForce.GTC, True), "slide": True}),
        ("decrement", {"self_trade": SelfTrade.DECREMENT}),
        ("token", {"fee_asset": FeeAsset.TOKEN}),
        ("client ids", {"client_order_id": "a b"}),
        ("TRAILING", {"kind": (OrderType.TRAILING_STOP, TimeInForce.GTC, False)}),
    ],
)
def test_what_the_venue_has_no_word_for_is_not_sent(venue, what, fields):
    with pytest.raises(Unsupported, match=what):
        placing.place_to_wire(place(**fields), venue.listings)


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        ("side", {"side": "Long"}),
        ("orderType", {"orderType": "Stop"}),
        ("price", {"price": None}),
        ("qty", {"qty": "NaN"}),
        ("qty", {"qty": "1_0"}),
        ("timeInForce", {"timeInForce": "RPI"}),
        ("orderFilter", {"orderFilter": "OcoOrder"}),
        ("orderFilter", {"triggerPrice": "51000"}),
        ("triggerPrice", {"orderFilter": "StopOrder"}),
        ("triggerBy", {"triggerBy": "MarkPrice"}),
        ("marketUnit", {"orderType": "Market", "marketUnit": "coins"}),
        ("smpType", {"smpType": "CancelAll"}),
        ("orderLinkId", {"orderLinkId": "a b"}),
        ("orderLinkId", {"orderLinkId": "a" * 37}),
        ("slippageToleranceType", {"slippageToleranceType": "Percent"}),
        ("takeProfit", {"orderType": "Market", "takeProfit": "60000"}),
        ("category", {"category": "margin"}),
    ],
)
def test_what_is_wrong_is_named(venue, name, fields):
    answer = venue.try_to_place(**fields)
    assert answer["retCode"] == 10001, answer
    assert name in answer["retMsg"]
    assert venue.get("/v5/order/realtime", category="spot")["list"] == []


@pytest.mark.parametrize(
    ("code", "fields"),
    [
        (170134, {"price": "50000.001"}),
        (170137, {"qty": "0.0000001"}),
        (170136, {"qty": "0"}),
        (170140, {"qty": "0.00001"}),
        (170381, {"qty": "100000"}),
        (170131, {"qty": "1000"}),
        (170121, {"symbol": "XRPUSDT"}),
        (170344, {"isLeverage": 1}),
        (10001, {"category": "linear"}),
    ],
)
def test_a_refusal_has_the_venues_code(venue, code, fields):
    assert venue.try_to_place(**fields)["retCode"] == code


def test_a_market_buy_says_how_much_money_unless_it_says_otherwise(venue):
    venue.place(venue.other_key, side="Sell", price="50000", qty="1")
    spent = venue.order(venue.place(orderType="Market", price=None, qty="100"))
    assert (spent["marketUnit"], spent["qty"], spent["cumExecQty"]) == ("quoteCoin", "100", "0.002")
    assert spent["orderStatus"] == "Filled"
    sized = venue.order(
        venue.place(orderType="Market", price="1", qty="0.003", marketUnit="baseCoin")
    )
    assert (sized["marketUnit"], sized["cumExecQty"]) == ("baseCoin", "0.003")
    venue.place(price="40000", qty="0.01")
    sold = venue.order(venue.place(orderType="Market", price=None, side="SELL", qty="0.01"))
    assert (sold["side"], sold["cumExecQty"]) == ("Sell", "0.01")


@pytest.mark.parametrize(
    ("side", "trigger", "direction", "kind"),
    [
        ("Buy", "51000", 1, "Stop"),
        ("Buy", "49000", 2, "tpslOrder"),
        ("Sell", "51000", 1, "tpslOrder"),
        ("Sell", "49000", 2, "Stop"),
    ],
)
def test_the_last_price_says_from_where_a_trigger_is_reached(venue, side, trigger, direction, kind):
    traded(venue)
    number = venue.place(
        side=side, orderType="Market", price=None, triggerPrice=trigger, orderFilter="tpslOrder"
    )
    order = venue.order(number)
    assert order["orderStatus"] == "Untriggered"
    assert (order["triggerDirection"], order["stopOrderType"]) == (direction, kind)


def test_a_trigger_on_the_wrong_side_of_the_market_is_refused(venue):
    traded(venue)
    for direction, trigger, code in ((1, "49000", 110092), (2, "51000", 110093)):
        answer = venue.try_to_place(
            orderFilter="StopOrder", triggerPrice=trigger, triggerDirection=direction
        )
        assert answer["retCode"] == code


def test_what_protects_a_buy_is_placed_when_it_has_filled(venue):
    """Take-profit and stop-loss; one alone is what is left of it after the fee."""
    traded(venue)
    number = venue.place(
        price="49000",
        takeProfit="55000",
        stopLoss="45000",
        tpOrderType="Limit",
        tpLimitPrice="55000",
    )
    listed = venue.get("/v5/order/realtime", category="spot")["list"]
    assert [order["orderId"] for order in listed] == [number]
    venue.place(venue.other_key, side="Sell", price="49000", qty="0.01")
    exits = venue.get("/v5/order/realtime", category="spot")["list"]
    assert {order["qty"] for order in exits} == {"0.01"}  # there is more than was bought
    assert {order["side"] for order in exits} == {"Sell"}
    assert {order["orderStatus"] for order in exits} == {"New", "Untriggered"}
    venue.place(venue.other_key, side="Buy", price="55000", qty="0.01")
    assert venue.get("/v5/order/realtime", category="spot")["list"] == []
    venue.place(price="48000", stopLoss="45000")
    venue.place(venue.other_key, side="Sell", price="48000", qty="0.01")
    (stop,) = venue.get("/v5/order/realtime", category="spot")["list"]
    assert (stop["qty"], stop["triggerPrice"]) == ("0.00999", "45000.00")


def test_post_only_that_would_take_is_refused(venue):
    venue.place(venue.other_key, side="Sell", price="50000")
    assert venue.try_to_place(timeInForce="PostOnly")["retCode"] == 170218
    number = venue.place(timeInForce="PostOnly", price="49000")
    assert venue.order(number)["timeInForce"] == "PostOnly"


def test_a_name_is_taken_while_its_order_is_open(venue):
    venue.place(orderLinkId="mine")
    assert venue.try_to_place(orderLinkId="mine")["retCode"] == 170141
