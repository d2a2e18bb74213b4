import pytest

from steelyard.domain.commands import Amend
from steelyard.domain.messages import OrderAnswer
from steelyard.wire.outcome import Answered
from tests.dialects.native.venue import Venue, code

GOOD = {"symbol": "BTC-USDT", "side": "buy", "type": "limit", "size": "0.01", "price": "60000.00"}


def batch(venue: Venue, *orders: dict[str, str]) -> list[dict[str, dict[str, str]]]:
    """Place a batch and return its results."""
    status, answer = venue.call("POST", "/api/v1/orders/batch", {"orders": orders})
    assert status == 200, answer
    return answer["results"]


def test_each_order_of_a_batch_has_its_own_answer(venue):
    """One off its lot, one without a price, one of no balance and one of no symbol; two go."""
    results = batch(
        venue,
        GOOD,
        {**GOOD, "size": "0.000001"},
        {key: value for key, value in GOOD.items() if key != "price"},
        {**GOOD, "size": "900"},
        {**GOOD, "symbol": "NO-SUCH"},
        {**GOOD, "price": "59000.00"},
    )
    codes = [result["error"] and result["error"]["code"] for result in results]
    assert codes == [
        None,
        "SIZE_OFF_LOT",
        "MALFORMED",
        "INSUFFICIENT_BALANCE",
        "UNKNOWN_INSTRUMENT",
        None,
    ]
    assert [result["order"] is not None for result in results] == [c is None for c in codes]
    _, answer = venue.call("GET", "/api/v1/orders?open=true")
    assert [order["price"] for order in answer["orders"]] == ["60000.00", "59000.00"]


def test_a_batch_sent_twice_trades_once(venue):
    """Each client order id is good for one order, in a batch as alone."""
    named = [{**GOOD, "client_order_id": f"b-{n}"} for n in range(3)]
    first = batch(venue, *named)
    assert batch(venue, *named) == first
    changed = batch(venue, {**named[0], "price": "59999.00"}, named[1])
    assert changed[0]["error"]["code"] == "DUPLICATE_CLIENT_ORDER_ID"
    assert changed[1] == first[1]


@pytest.mark.parametrize("orders", [[], [GOOD] * 21, [{**GOOD, "sise": "1"}]])
def test_a_batch_of_another_form_places_nothing(venue, orders):
    """None, too many, or a name that there is not: the whole request is malformed."""
    status, answer = venue.call("POST", "/api/v1/orders/batch", {"orders": orders})
    assert (status, code(answer)) == (400, "MALFORMED")
    assert venue.call("GET", "/api/v1/orders")[1]["orders"] == []


def test_orders_are_read_by_their_ids(venue):
    """In one request; what is another's or nowhere is left out."""
    mine = [venue.place()["order_id"] for _ in range(3)]
    other = venue.place(venue.other_key)["order_id"]
    wanted = ",".join(map(str, (mine[2], mine[0], other, 10**15)))
    _, answer = venue.call("GET", f"/api/v1/orders?ids={wanted}")
    assert [order["order_id"] for order in answer["orders"]] == [mine[0], mine[2]]
    for wrong in ("", "a", "1,", "1;2", ",".join(["1"] * 51)):
        status, answer = venue.call("GET", f"/api/v1/orders?ids={wrong}")
        assert (status, answer["error"]["field"]) == (400, "ids")


@pytest.mark.parametrize(
    ("fee_asset", "side", "taken_in"),
    [
        (None, "buy", "USDT"),
        ("quote", "buy", "USDT"),
        ("received", "buy", "BTC"),
        ("received", "sell", "USDT"),
    ],
)
def test_an_order_chooses_in_what_its_fee_is_taken(venue, fee_asset, side, taken_in):
    """In quote, or in what it receives; the order and its fill say so."""
    venue.place(venue.other_key, side="sell" if side == "buy" else "buy")
    choice = {} if fee_asset is None else {"fee_asset": fee_asset}
    placed = venue.place(side=side, **choice)
    assert placed["fee_asset"] == (fee_asset or "quote")
    assert [fill["fee_asset"] for fill in placed["fills"]] == [taken_in]


def test_a_fee_may_be_taken_in_the_exchanges_token(venue):
    """At its price and discount, while enough of it is free."""
    from decimal import Decimal

    from steelyard.exchange.operation import SetToken

    call = SetToken("ETH", "USDT", Decimal(2000), 25_000_000)
    venue.admin.carry_out(call, venue.desk.tick())
    venue.place(venue.other_key, side="sell")
    placed = venue.place(fee_asset="token")
    (fill,) = placed["fills"]
    # 610 USDT, a tenth of a percent of it, a quarter off, at 2000 USDT
    assert (fill["fee_asset"], fill["fee"]) == ("ETH", "0.00022875")


def test_an_amendment_goes_both_ways(venue):
    """What the client end sends is what the engine does; the answer reads as the order."""
    from steelyard.dialects.native import DIALECT

    order_id = venue.place()["order_id"]
    message = Amend(venue.desk.alice, order_id, 6_000_001, 500, instrument_id=0)
    request = DIALECT.client.request(
        message, venue.listings, venue.key, venue.desk.now_ns + 50_000_000
    )
    assert (request.method, request.target) == ("PATCH", f"/api/v1/orders/{order_id}")
    response = venue.send(request)
    outcome = DIALECT.client.outcome(message, response, venue.listings, venue.desk.now_ns)
    assert isinstance(outcome, Answered)
    assert isinstance(outcome.answer, OrderAnswer)
    order = outcome.answer.order
    assert (order.price_ticks, order.size_lots) == (6_000_001, 500)


def test_a_key_for_some_products_places_no_batch_of_others(venue):
    """One order of another instrument, and nothing of the batch is placed."""
    key = venue.new_key("alice", products=("BTC-USDT",))
    other = {**GOOD, "symbol": "ETH-BTC", "price": "0.05", "size": "1"}
    for orders, status in (([GOOD], 200), ([GOOD, other], 403)):
        body = {"orders": orders}
        assert venue.call("POST", "/api/v1/orders/batch", body, key)[0] == status
    assert len(venue.call("GET", "/api/v1/orders")[1]["orders"]) == 1
