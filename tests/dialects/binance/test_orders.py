import pytest

from steelyard.domain.messages import Scope
from steelyard.wire.http import Request
from tests.dialects.binance.venue import LIMIT, Venue

BUY = {"symbol": "BTCUSDT", "side": "BUY", "quantity": "0.01"}
SELL = {**BUY, "side": "SELL"}


def code_of(answer) -> int:
    assert isinstance(answer, dict), answer
    return answer["code"]


def test_a_limit_order_rests_and_is_found_by_either_id(venue):
    placed = venue.place(newClientOrderId="mine")
    assert placed == {
        **placed,
        "symbol": "BTCUSDT",
        "orderListId": -1,
        "clientOrderId": "mine",
        "price": "50000.00000000",
        "origQty": "0.01000000",
        "executedQty": "0.00000000",
        "cummulativeQuoteQty": "0.00000000",
        "status": "NEW",
        "timeInForce": "GTC",
        "type": "LIMIT",
        "side": "BUY",
        "selfTradePreventionMode": "EXPIRE_MAKER",
        "fills": [],
    }
    number = placed["orderId"]
    for name in ({"orderId": number}, {"origClientOrderId": "mine"}):
        status, found = venue.call("GET", "order", symbol="BTCUSDT", **name)
        assert status == 200
        assert (found["orderId"], found["clientOrderId"]) == (number, "mine")
        assert found["time"] == placed["transactTime"]
        assert found["isWorking"] is True
    assert [o["orderId"] for o in venue.call("GET", "openOrders")[1]] == [number]
    assert venue.call("GET", "openOrders", symbol="ETHUSDT")[1] == []


def test_nothing_of_the_futures_api_is_in_a_spot_order(venue):
    """Ccxt would file it under another market."""
    assert not {"positionSide", "cumQuote"} & venue.place().keys()


def test_a_market_order_fills_and_pays_in_what_it_receives(venue):
    venue.place(venue.other_key, **SELL, price="50000")
    bought = venue.place(**BUY, type="MARKET")
    assert (bought["status"], bought["type"], bought["timeInForce"]) == ("FILLED", "MARKET", "GTC")
    assert bought["price"] == "0.00000000"
    (fill,) = bought["fills"]
    assert fill == {
        "price": "50000.00000000",
        "qty": "0.01000000",
        "commission": "0.00001000",
        "commissionAsset": "BTC",
        "tradeId": fill["tradeId"],
    }


@pytest.mark.parametrize(
    ("fields", "status", "reason"),
    [
        ({"type": "MARKET"}, "EXPIRED", "INSUFFICIENT_LIQUIDITY"),
        ({"type": "LIMIT", "timeInForce": "IOC", "price": "50000"}, "EXPIRED", "UNFILLED_IOC_"),
        ({"type": "LIMIT", "timeInForce": "FOK", "price": "50000"}, "EXPIRED", "UNFILLED_FOK_"),
    ],
)
def test_what_finds_nothing_expires_and_says_why(venue, fields, status, reason):
    placed = venue.place(**BUY, **fields)
    assert placed["status"] == status
    assert placed["expiryReason"].startswith(reason)
    assert placed["executedQty"] == "0.00000000"


def test_post_only_rests_or_is_refused(venue):
    resting = venue.place(**BUY, type="LIMIT_MAKER", price="49000")
    assert (resting["type"], resting["timeInForce"]) == ("LIMIT_MAKER", "GTC")
    status, refused = venue.call(
        "POST", "order", SELL, venue.other_key, type="LIMIT_MAKER", price="48000"
    )
    assert (status, code_of(refused)) == (400, -2010)
    assert refused["msg"] == "Order would immediately match and take."
    assert "49000" in refused["help"]


@pytest.mark.parametrize(
    ("mode", "taker", "maker"),
    [
        (None, "FILLED", "EXPIRED_IN_MATCH"),
        ("EXPIRE_MAKER", "FILLED", "EXPIRED_IN_MATCH"),
        ("EXPIRE_TAKER", "EXPIRED_IN_MATCH", "NEW"),
        ("EXPIRE_BOTH", "EXPIRED_IN_MATCH", "EXPIRED_IN_MATCH"),
        ("NONE", "FILLED", "FILLED"),
    ],
)
def test_self_trade_prevention_is_the_takers_choice(venue, mode, taker, maker):
    resting = venue.place(**SELL, price="50000")
    venue.place(venue.other_key, **SELL, price="50001")
    extra = {"selfTradePreventionMode": mode} if mode else {}
    taking = venue.place(**BUY, price="50001", **LIMIT, **extra)
    _, found = venue.call("GET", "order", symbol="BTCUSDT", orderId=resting["orderId"])
    assert (taking["status"], found["status"]) == (taker, maker)


@pytest.mark.parametrize("length", ["ACK", "RESULT", "FULL", None])
def test_an_answer_is_as_long_as_was_asked(venue, length):
    """FULL is the default of LIMIT and MARKET, ACK of the rest."""
    extra = {"newOrderRespType": length} if length else {}
    _, placed = venue.call("POST", "order", BUY, **LIMIT, price="50000", **extra)
    assert ("fills" in placed) == (length in {"FULL", None})
    assert ("status" in placed) == (length != "ACK")
    _, maker = venue.call("POST", "order", BUY, type="LIMIT_MAKER", price="50000")
    assert "status" not in maker


GTC = {"timeInForce": "GTC"}
REFUSED = [
    ({}, -1102, "Mandatory parameter 'type' was not sent"),
    ({"type": "LIMIT", "price": "5"}, -1102, "Mandatory parameter 'timeInForce'"),
    (LIMIT, -1102, "Mandatory parameter 'price'"),
    ({**LIMIT, "price": "0"}, -1013, "Invalid price."),
    ({**LIMIT, "price": "50000", "quantity": "0"}, -1013, "Invalid quantity."),
    ({**LIMIT, "price": "50000.001"}, -1013, "Filter failure: PRICE_FILTER"),
    ({**LIMIT, "price": "99999999"}, -1013, "Filter failure: PRICE_FILTER"),
    ({**LIMIT, "price": "50000", "quantity": "0.000001"}, -1013, "Filter failure: LOT_SIZE"),
    ({**LIMIT, "price": "50000", "quantity": "9001"}, -1013, "Filter failure: LOT_SIZE"),
    ({**LIMIT, "price": "50000", "quantity": "0.00001"}, -1013, "Filter failure: NOTIONAL"),
    ({**LIMIT, "price": "50000", "quantity": "-1"}, -1100, "Illegal characters found"),
    ({**LIMIT, "price": "50000", "quantity": "1e30"}, -1100, "Illegal characters found"),
    ({**LIMIT, "price": "50000", "quantity": "0.0000000001"}, -1111, "too much precision"),
    ({**LIMIT, "price": "50000", "symbol": "FOOBAR"}, -1121, "Invalid symbol."),
    ({**LIMIT, "price": "50000", "stopPrice": "5"}, -1106, "Parameter 'stopPrice' sent"),
    ({"type": "MARKET", "price": "50000"}, -1106, "Parameter 'price' sent when not required."),
    ({"type": "MARKET", "timeInForce": "IOC"}, -1106, "Parameter 'timeInForce' sent"),
    ({"type": "LIMIT_MAKER", "timeInForce": "GTC", "price": "5"}, -1106, "'timeInForce' sent"),
    ({"type": "FULL"}, -1116, "Invalid orderType."),
    ({"type": "MARKET", "quoteOrderQty": "50"}, -1128, "Combination of optional parameters"),
    ({"type": "STOP_LOSS"}, -1102, "Param 'stopPrice' or 'trailingDelta' must be sent"),
    ({"type": "STOP_LOSS", "stopPrice": "5", "price": "5"}, -1106, "Parameter 'price' sent"),
    ({"type": "STOP_LOSS_LIMIT", "stopPrice": "5"}, -1102, "Mandatory parameter 'timeInForce'"),
    ({"type": "TAKE_PROFIT", "stopPrice": "0"}, -1013, "Invalid stopPrice."),
    ({"type": "TAKE_PROFIT", "stopPrice": "5.001"}, -1013, "Filter failure: PRICE_FILTER"),
    (
        {"type": "TAKE_PROFIT_LIMIT", **GTC, "price": "5"},
        -1102,
        "Param 'stopPrice' or 'trailingDelta' must be sent",
    ),
    (
        {**LIMIT, "timeInForce": "IOC", "price": "50000", "icebergQty": "0.001"},
        -1160,
        "Parameter 'icebergQty' is not supported if 'timeInForce' is not GTC.",
    ),
    ({**LIMIT, "price": "50000", "icebergQty": "0.0010001"}, -1013, "Filter failure: LOT_SIZE"),
    ({**LIMIT, "price": "5", "trailingDelta": "9"}, -1106, "Parameter 'trailingDelta' sent"),
    ({"type": "STOP_LOSS", "trailingDelta": "0"}, -1013, "Filter failure: TRAILING_DELTA"),
    ({"type": "STOP_LOSS", "trailingDelta": "10000"}, -1013, "Filter failure: TRAILING_DELTA"),
    ({**LIMIT, "pegPriceType": "PRIMARY_PEG"}, -1013, "Pegged orders are not supported"),
    ({**LIMIT, "price": "50000", "strategyType": "9"}, -1134, "`strategyType` was less than"),
    (
        {**LIMIT, "price": "50000", "selfTradePreventionMode": "TRANSFER"},
        -1013,
        "does not allow the specified self-trade prevention mode",
    ),
]


@pytest.mark.parametrize("path", ["order", "order/test"])
@pytest.mark.parametrize(("fields", "code", "words"), REFUSED)
def test_an_order_that_cannot_be_is_refused_in_the_venues_words(venue, path, fields, code, words):
    """Nothing is placed, and the message says what would be right."""
    status, refused = venue.call("POST", path, {**BUY, **fields})
    assert (status, code_of(refused)) == (400, code)
    assert words in refused["msg"]
    assert refused["msg"].endswith(")")
    assert venue.call("GET", "openOrders")[1] == []


def test_what_the_books_refuse_is_said_verbatim(venue):
    """Too little money, and a client id that is taken."""
    status, refused = venue.call("POST", "order", BUY, **LIMIT, price="999999", quantity="100")
    assert (status, code_of(refused)) == (400, -2010)
    assert refused["msg"] == "Account has insufficient balance for requested action."
    venue.place(newClientOrderId="twice")
    _, refused = venue.call("POST", "order", BUY, **LIMIT, price="50000", newClientOrderId="twice")
    assert refused["msg"] == "Duplicate order sent."
    assert "twice" in refused["help"]


def test_a_client_id_may_be_used_again_once_its_order_has_ended(venue):
    first = venue.place(newClientOrderId="again")
    venue.call("DELETE", "order", symbol="BTCUSDT", orderId=first["orderId"])
    assert venue.place(newClientOrderId="again")["orderId"] != first["orderId"]


@pytest.mark.parametrize("name", ["orderId", "origClientOrderId"])
def test_a_cancel_names_the_order_and_has_an_id_of_its_own(venue, name):
    placed = venue.place(newClientOrderId="mine")
    told = {"orderId": placed["orderId"], "origClientOrderId": "mine"}
    status, canceled = venue.call(
        "DELETE", "order", {"symbol": "BTCUSDT", name: told[name], "newClientOrderId": "bye"}
    )
    assert status == 200
    assert canceled["status"] == "CANCELED"
    assert canceled["origClientOrderId"] == "mine"
    assert canceled["clientOrderId"] == "bye"
    assert canceled["orderId"] == placed["orderId"]
    assert "workingTime" not in canceled


def test_a_cancel_without_an_id_gets_one(venue):
    placed = venue.place()
    _, canceled = venue.call("DELETE", "order", symbol="BTCUSDT", orderId=placed["orderId"])
    assert canceled["clientOrderId"] not in {"", placed["clientOrderId"]}


def test_an_order_that_cannot_be_canceled_is_told_apart_from_one_that_is_not_found(venue):
    """-2011 of a cancel, -2013 of a query, with the texts that hummingbot reads."""
    placed = venue.place(newClientOrderId="mine")
    number = placed["orderId"]
    wrong = [
        {"symbol": "BTCUSDT", "orderId": 999},
        {"symbol": "ETHUSDT", "orderId": number},  # another symbol's order
        {"symbol": "BTCUSDT", "orderId": number, "origClientOrderId": "other"},
    ]
    for name in wrong:
        _, refused = venue.call("DELETE", "order", name)
        assert (code_of(refused), refused["msg"]) == (-2011, "Unknown order sent.")
        _, refused = venue.call("GET", "order", name)
        assert (code_of(refused), refused["msg"]) == (-2013, "Order does not exist.")
    foreign = {"symbol": "BTCUSDT", "orderId": number}
    assert code_of(venue.call("DELETE", "order", foreign, venue.other_key)[1]) == -2011
    venue.call("DELETE", "order", foreign)
    _, refused = venue.call("DELETE", "order", foreign)
    assert code_of(refused) == -2011
    assert "has ended" in refused["help"]


def test_an_order_has_to_be_named(venue):
    for method in ("GET", "DELETE"):
        _, refused = venue.call(method, "order", symbol="BTCUSDT")
        assert code_of(refused) == -1102
        assert "Param 'origClientOrderId' or 'orderId' must be sent" in refused["msg"]


def test_a_cancel_may_be_restricted_to_a_state(venue):
    placed = venue.place()
    name = {"symbol": "BTCUSDT", "orderId": placed["orderId"]}
    _, refused = venue.call("DELETE", "order", name, cancelRestrictions="ONLY_PARTIALLY_FILLED")
    assert code_of(refused) == -2011
    assert refused["msg"].startswith("Order was not canceled due to cancel restrictions.")
    assert venue.call("DELETE", "order", name, cancelRestrictions="ONLY_NEW")[0] == 200


def test_a_symbols_orders_are_canceled_at_once(venue):
    first, second = venue.place(), venue.place(price="49999")
    other = venue.place(symbol="ETHUSDT", price="2000")
    status, canceled = venue.call("DELETE", "openOrders", symbol="BTCUSDT")
    assert status == 200
    assert [o["orderId"] for o in canceled] == [first["orderId"], second["orderId"]]
    assert {o["status"] for o in canceled} == {"CANCELED"}
    assert [o["orderId"] for o in venue.call("GET", "openOrders")[1]] == [other["orderId"]]
    _, refused = venue.call("DELETE", "openOrders", symbol="BTCUSDT")
    assert (code_of(refused), refused["msg"]) == (-2011, "Unknown order sent.")


def test_all_orders_are_listed_from_an_id_or_a_time_on(venue):
    placed = [venue.place(price=price) for price in ("50000", "50001", "50002")]
    venue.call("POST", "order", BUY, **LIMIT, price="999999", quantity="100")  # refused: not listed
    numbers = [order["orderId"] for order in placed]

    def listed(**params):
        return [o["orderId"] for o in venue.call("GET", "allOrders", symbol="BTCUSDT", **params)[1]]

    assert listed() == numbers
    assert listed(limit=2) == numbers[1:]
    assert listed(orderId=numbers[1]) == numbers[1:]
    start = placed[1]["transactTime"]
    assert listed(startTime=start) == numbers[1:]
    assert listed(endTime=start) == numbers[:2]
    _, refused = venue.call(
        "GET", "allOrders", symbol="BTCUSDT", startTime=start, endTime=start + 86_400_001
    )
    assert code_of(refused) == -1127


def test_testing_an_order_places_none(venue):
    order = {**BUY, **LIMIT, "price": "50000"}
    assert venue.call("POST", "order/test", order) == (200, {})
    _, told = venue.call("POST", "order/test", order, computeCommissionRates="true")
    assert told["standardCommissionForOrder"] == {"maker": "0.00100000", "taker": "0.00100000"}
    assert venue.call("GET", "openOrders")[1] == []


@pytest.mark.parametrize(
    ("method", "path", "words"),
    [
        ("POST", "orderList/opo", "OPO orders are not supported for this symbol."),
        ("POST", "orderList/opoco", "OPO orders are not supported for this symbol."),
        ("POST", "sor/order", "This operation is not supported."),
    ],
)
def test_what_is_not_offered_says_so(venue, method, path, words):
    """Whatever its parameters are, the venue's words and what to do instead."""
    status, refused = venue.call(method, path, symbol="BTCUSDT", aboveType="LIMIT_MAKER")
    assert (status, code_of(refused)) == (400, -1013)
    assert refused["msg"].startswith(words)


def test_scopes_are_enforced(venue):
    """B8: a key that may only read places and cancels nothing; one that trades only reads not."""
    reader, trader = venue.new_key("alice", Scope.READ), venue.new_key("alice", Scope.TRADE)
    order = {**BUY, **LIMIT, "price": "50000"}
    for path in ("order", "order/test"):
        status, refused = venue.call("POST", path, order, reader)
        assert (status, code_of(refused)) == (401, -2015)
    status, placed = venue.call("POST", "order", order, trader)
    assert status == 200
    name = {"symbol": "BTCUSDT", "orderId": placed["orderId"]}
    assert code_of(venue.call("DELETE", "order", name, reader)[1]) == -2015
    assert code_of(venue.call("GET", "order", name, trader)[1]) == -2015
    assert venue.call("GET", "order", name, reader)[0] == 200
    assert venue.call("DELETE", "order", name, trader)[0] == 200


def test_an_expired_key_and_a_foreign_address_are_turned_away(venue):
    soon = venue.desk.now_ns + 1
    expired = venue.new_key("alice", expires_ns=soon)
    elsewhere = venue.new_key("alice", ip=["10.0.0.0/8"])
    for key in (expired, elsewhere):
        status, refused = venue.call("GET", "account", {}, key)
        assert (status, code_of(refused)) == (401, -2015)


@pytest.mark.parametrize(
    ("shift_ms", "code"), [(-6_000, -1021), (1_000, -1021), (-4_000, None), (999, None)]
)
def test_a_timestamp_is_taken_within_its_window(venue, shift_ms, code):
    venue.desk.now_ns -= venue.desk.now_ns % 1_000_000
    now_ms = venue.desk.now_ns // 1_000_000 + 50
    form = f"recvWindow=5000&timestamp={now_ms + shift_ms}"
    from steelyard.dialects.binance import auth

    signature = auth.sign(form.encode(), venue.key.secret)
    request = Request(
        "GET",
        f"/api/v3/account?{form}&signature={signature}",
        {auth.KEY_HEADER: venue.key.key},
        b"",
    )
    response = venue.send(request)
    assert response.status == (400 if code else 200)
    assert (b"-1021" in response.body) == bool(code)


def test_order_limits_are_counted_and_told():
    """100 orders in 10 seconds, per account, in the headers and by rateLimit/order."""
    from steelyard.dialects.binance import LIMITS

    venue = Venue(LIMITS)
    venue.desk.now_ns -= venue.desk.now_ns % 10_000_000_000
    order = {**BUY, **LIMIT, "price": "50000"}
    response = venue.send(venue.signed("POST", "order", order))
    assert response.headers["x-mbx-order-count-10s"] == "1"
    assert response.headers["x-mbx-order-count-1d"] == "1"
    assert response.headers["x-mbx-used-weight-1m"] == "0"
    _, counts = venue.call("GET", "rateLimit/order")
    assert [(c["interval"], c["intervalNum"], c["count"]) for c in counts] == [
        ("SECOND", 10, 1),
        ("DAY", 1, 1),
    ]
    for _ in range(99):
        assert venue.send(venue.signed("POST", "order", order)).status == 200
    refused = venue.send(venue.signed("POST", "order", order))
    assert refused.status == 429
    assert b"current limit is 100 orders per 10 SECOND" in refused.body
    assert int(refused.headers["retry-after"]) >= 1


def test_a_key_that_may_not_trade_is_told_so_before_what_its_order_lacks(venue):
    """Design decision 6."""
    reader = venue.new_key("alice", Scope.READ)
    status, refused = venue.call("POST", "order", {"symbol": "BTCUSDT"}, reader)
    assert (status, refused["code"]) == (401, -2015)
    status, refused = venue.call("POST", "order", {"symbol": "BTCUSDT"})
    assert (status, refused["code"]) == (400, -1102)
