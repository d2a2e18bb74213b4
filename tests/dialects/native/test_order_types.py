"""Every type, flag and group over the wire, against the whole exchange."""

import msgspec
import pytest
from msgspec.structs import replace

from steelyard.dialects.native import DIALECT, auth
from steelyard.domain.commands import Place, PlaceGroup, SetMarketState, SetPrice
from steelyard.domain.lifecycle import OrderState
from steelyard.domain.messages import OrderList
from steelyard.domain.order import (
    GroupKind,
    MarketState,
    OrderType,
    Side,
    TimeInForce,
    TriggerBy,
)
from steelyard.wire.outcome import Answered
from tests.dialects.native.venue import Venue, code

GROUPS = "/api/v1/groups"


@pytest.fixture
def traded(venue) -> Venue:
    """A venue whose last price is 61000, with 1 BTC to take on either side far away."""
    venue.place(venue.other_key, side="sell", price="61000.00")
    venue.place(side="buy", price="61000.00")
    venue.place(venue.other_key, side="buy", price="50000.00", size="1")
    venue.place(venue.other_key, side="sell", price="70000.00", size="1")
    return venue


def trade_at(venue: Venue, price: str) -> None:
    """Have somebody else's trade at a price."""
    size = "0.001"
    venue.place(venue.other_key, side="sell", price=price, size=size, self_trade="none")
    venue.place(venue.other_key, side="buy", price=price, size=size, self_trade="none")


def now(venue: Venue, order: dict) -> dict:
    return venue.call("GET", f"/api/v1/orders/{order['order_id']}")[1]


def wait(**fields) -> dict:
    """A sell order without a limit that waits."""
    return {"side": "sell", "type": "stop", "trigger_price": "60000", **fields}


@pytest.mark.parametrize(
    ("fields", "prices"),
    [
        (wait(), ["60000"]),
        (wait(type="take_profit", trigger_price="62000"), ["62000"]),
        (wait(type="trailing_stop", trigger_price=None, trail="500"), ["63000", "62500"]),
        (wait(type="trailing_stop", trigger_price=None, trail_rate="0.01"), ["63000", "62370"]),
        (
            wait(type="trailing_stop", trigger_price=None, trail="500", activation_price="62000"),
            ["60000", "62000", "61500"],
        ),
        (
            wait(
                type="trailing_stop",
                trigger_price=None,
                trail="500",
                activation_price="60000",
                activation_direction="fall",
            ),
            ["63000", "62000", "60000", "61000", "60500"],
        ),
    ],
)
def test_a_waiting_order_goes_to_market_when_it_has_heard_its_price(traded, fields, prices):
    """It is told as placed, triggered and filled; until the last price nothing happens."""
    order = traded.place(**fields)
    assert (order["state"], order["triggered"], order["trigger_by"]) == ("working", None, "last")
    for price in prices[:-1]:
        trade_at(traded, price)
        assert now(traded, order)["triggered"] is None
    trade_at(traded, prices[-1])
    after = now(traded, order)
    assert (after["state"], after["average_price"]) == ("filled", "50000")
    assert after["triggered"] == after["updated"] > order["created"]


def test_a_trailing_stop_limit_rests_at_its_price(traded):
    """What it holds stays held; once triggered the book shows it."""
    terms = {"trigger_price": None, "trail": "500", "price": "62400.00", "size": "0.01"}
    order = traded.place(**wait(type="trailing_stop_limit", **terms))
    assert (order["type"], order["price"]) == ("trailing_stop_limit", "62400.00")
    for price in ("63000", "62500"):
        assert now(traded, order)["triggered"] is None
        trade_at(traded, price)
    after = now(traded, order)
    assert (after["state"], after["remaining"]) == ("working", "0.01")
    assert after["triggered"] == after["updated"]
    assert traded.get("/api/v1/book?symbol=BTC-USDT")[1]["asks"][0] == ["62400.00", "0.01"]


def test_a_trigger_is_told_on_the_stream(traded):
    """Between the order and its fill, with the order as it then is."""
    line = traded.line()
    login = auth.login_to_wire(traded.key, traded.desk.now_ns)
    line.receive(msgspec.json.encode(login).decode())
    line.receive('{"op":"subscribe","channels":[{"channel":"orders"}]}')
    assert all(b'"ok":true' in payload for payload in line.session.drain())
    traded.place(**wait())
    trade_at(traded, "60000")
    pushes = [p for p in traded.pushes() if p["channel"] == "orders"]
    told = [(p["execution"], p["order"]["state"], bool(p["order"]["triggered"])) for p in pushes]
    assert told == [
        ("new", "working", False),
        ("triggered", "working", True),
        ("fill", "filled", True),
    ]


def test_a_waiting_limit_order_rests_once_it_has_heard_its_price(traded):
    """At its own limit, which nobody takes."""
    order = traded.place(**wait(type="stop_limit", price="59000"))
    assert traded.get("/api/v1/book?symbol=BTC-USDT")[1]["asks"] == [["70000.00", "1"]]
    trade_at(traded, "60000")
    after = now(traded, order)
    assert (after["state"], after["price"], after["filled"]) == ("working", "59000.00", "0")
    assert traded.get("/api/v1/book?symbol=BTC-USDT")[1]["asks"][0] == ["59000.00", "0.01"]


def test_a_trigger_that_is_there_already_is_refused(traded):
    """With the field and the way out."""
    body = {"symbol": "BTC-USDT", "size": "0.01", **wait(trigger_price="61000")}
    status, answer = traded.call("POST", "/api/v1/orders", body)
    assert (status, code(answer), answer["error"]["field"]) == (
        400,
        "WOULD_TRIGGER",
        "trigger_price",
    )


def test_a_mark_price_triggers_those_that_listen_to_it(traded):
    """And no others."""
    traded.place(traded.other_key, price="60500")  # what the one sells is no news to the other
    last, mark = traded.place(**wait()), traded.place(**wait(trigger_by="mark"))
    assert mark["trigger_by"] == "mark"
    traded.exchange.record(SetPrice(0, TriggerBy.MARK, 5_900_000), traded.desk.now_ns)
    assert now(traded, last)["triggered"] is None
    assert now(traded, mark)["state"] == "filled"


def test_a_trigger_may_be_amended(traded):
    """While it waits; the price of a trailing stop is its own."""
    order = traded.place(**wait())
    path = f"/api/v1/orders/{order['order_id']}"
    status, amended = traded.call("PATCH", path, {"trigger_price": "59000"})
    assert (status, amended["trigger_price"]) == (200, "59000.00")
    trade_at(traded, "60000")
    assert now(traded, order)["triggered"] is None
    status, answer = traded.call("PATCH", path, {"trigger_price": "59000.001"})
    assert (status, code(answer), answer["error"]["field"]) == (
        400,
        "PRICE_OFF_TICK",
        "trigger_price",
    )


def test_the_book_shows_what_an_order_wants_shown(venue):
    """A slice of an iceberg, nothing of a hidden one; both trade whole."""
    venue.place(side="sell", size="0.5", display_size="0.1", price="61000")
    hidden = venue.place(side="sell", size="0.3", display_size="0", price="61000")
    assert hidden["display_size"] == "0"
    assert venue.get("/api/v1/book?symbol=BTC-USDT")[1]["asks"] == [["61000.00", "0.1"]]
    bought = venue.place(venue.other_key, type="market", size="0.8")
    assert (bought["state"], bought["filled"]) == ("filled", "0.8")


def test_an_amount_buys_whole_lots(venue):
    """It is over when the next lot does not fit, and then nothing remains."""
    venue.place(venue.other_key, side="sell", price="61000", size="1")
    order = venue.place(type="market", size=None, quote_amount="100")
    assert (order["state"], order["size"], order["remaining"]) == ("filled", "0", "0")
    assert (order["quote_amount"], order["filled"]) == ("100", "0.00163")
    assert order["quote_volume"] == "99.43"


def test_an_order_ends_at_its_time(venue):
    """Told as expired, for that cause."""
    ends = venue.desk.now_ns // 10**6 + 60_000
    order = venue.place(time_in_force="gtd", expires=ends)
    assert (order["time_in_force"], order["expires"], order["state"]) == ("gtd", ends, "working")
    venue.exchange.step(venue.desk.tick(59))
    assert now(venue, order)["state"] == "working"
    venue.exchange.step(venue.desk.tick(2))
    after = now(venue, order)
    assert (after["state"], after["cancel_cause"]) == ("expired", "expired")
    body = {**venue_body(), "time_in_force": "gtd", "expires": ends}
    status, answer = venue.call("POST", "/api/v1/orders", body)
    assert (status, code(answer), answer["error"]["field"]) == (400, "EXPIRY_NOT_AHEAD", "expires")


def venue_body(**fields) -> dict:
    body = {"symbol": "BTC-USDT", "side": "buy", "type": "limit", "size": "0.01"}
    return {**body, **({} if fields.get("type") == "stop" else {"price": "60000"}), **fields}


def test_a_sliding_order_moves_to_the_best_price_that_does_not_take(venue):
    """And says so."""
    venue.place(venue.other_key, side="sell", price="61000")
    order = venue.place(price="62000", post_only=True, slide=True)
    assert (order["state"], order["price"], order["slide"]) == ("working", "60999.99", True)


def test_meeting_oneself_may_decrement(venue):
    """The smaller size comes off both."""
    resting = venue.place(size="0.5", price="61000")
    met = venue.place(side="sell", size="0.2", price="61000", self_trade="decrement")
    assert (met["state"], met["cancel_cause"], met["filled"]) == ("expired", "self_trade", "0")
    assert (now(venue, resting)["size"], now(venue, resting)["filled"]) == ("0.3", "0")


@pytest.mark.parametrize(
    ("state", "name", "cancels"),
    [
        (MarketState.POST_ONLY, "MARKET_POST_ONLY", True),
        (MarketState.CANCEL_ONLY, "MARKET_CANCEL_ONLY", True),
        (MarketState.HALTED, "MARKET_HALTED", True),
        (MarketState.MAINTENANCE, "MARKET_MAINTENANCE", False),
    ],
)
def test_a_restricted_market_says_how_it_stands(venue, state, name, cancels):
    """In its instrument, and in the refusal of what does not pass."""
    order = venue.place()
    venue.exchange.record(SetMarketState(0, state), venue.desk.now_ns)
    instruments = venue.get("/api/v1/instruments")[1]["instruments"]
    assert instruments[0]["state"] == state.name.lower()
    status, answer = venue.call("POST", "/api/v1/orders", venue_body())
    assert (status, code(answer)) == (400, name)
    status, _ = venue.call("DELETE", f"/api/v1/orders/{order['order_id']}")
    assert (status == 200) == cancels


# -- groups ------------------------------------------------------------------------------------


def exits(**fields) -> list[dict]:
    """A target and a stop for 0.01 BTC."""
    target = {"symbol": "BTC-USDT", "side": "sell", "type": "limit", "size": "0.01"}
    stop = {**target, "type": "stop", "trigger_price": "58000"}
    return [{**target, "price": "64000", **fields}, {**stop, **fields}]


def named(orders: list[dict], prefix: str = "g") -> list[dict]:
    return [{**o, "client_order_id": f"{prefix}-{i}"} for i, o in enumerate(orders)]


def test_of_an_oco_one_order_remains(traded):
    """The other is canceled when the first one trades."""
    status, answer = traded.call("POST", GROUPS, {"kind": "oco", "orders": exits()})
    assert status == 200
    target, stop = answer["orders"]
    assert {o["group"] for o in answer["orders"]} == {"oco"}
    assert {o["group_id"] for o in answer["orders"]} == {target["order_id"]}
    traded.place(traded.other_key, price="64000", size="0.004")
    assert now(traded, target)["state"] == "partially_filled"
    after = now(traded, stop)
    assert (after["state"], after["cancel_cause"]) == ("canceled", "sibling")


def test_the_exits_of_a_bracket_wait_for_its_entry(traded):
    """They act when it has filled; of a canceled one they are canceled."""
    entry = {**exits()[0], "side": "buy", "price": "60500"}
    body = {"kind": "bracket", "orders": [entry, *exits()]}
    _, answer = traded.call("POST", GROUPS, body)
    assert [o["state"] for o in answer["orders"]] == ["working"] * 3
    assert traded.get("/api/v1/book?symbol=BTC-USDT")[1]["asks"] == [["70000.00", "1"]]
    traded.place(traded.other_key, side="sell", price="60500")
    assert traded.get("/api/v1/book?symbol=BTC-USDT")[1]["asks"][0] == ["64000.00", "0.01"]
    _, answer = traded.call("POST", GROUPS, body)
    entry, target, stop = answer["orders"]
    traded.call("DELETE", f"/api/v1/orders/{entry['order_id']}")
    assert [now(traded, o)["cancel_cause"] for o in (entry, target, stop)] == [
        "user",
        "user",
        "user",
    ]


def test_an_order_may_wait_for_another(traded):
    """An OTO's second is on the book when the first has filled."""
    entry = {**exits()[0], "side": "buy", "type": "market"}
    del entry["price"]
    _, answer = traded.call("POST", GROUPS, {"kind": "oto", "orders": [entry, exits()[0]]})
    assert [o["state"] for o in answer["orders"]] == ["filled", "working"]
    assert traded.get("/api/v1/book?symbol=BTC-USDT")[1]["asks"][0] == ["64000.00", "0.01"]


def test_a_basket_is_refused_as_one(traded):
    """For the reason of the one that is at fault, which is named; the others say so too."""
    orders = named([exits()[0], {**exits()[0], "size": "500"}])
    status, answer = traded.call("POST", GROUPS, {"kind": "basket", "orders": orders})
    assert (status, code(answer)) == (400, "INSUFFICIENT_BALANCE")
    assert "of 2: " in answer["error"]["message"]
    _, listed = traded.call("GET", "/api/v1/orders")
    reasons = {o["client_order_id"]: o["reject_reason"] for o in listed["orders"]}
    assert {reasons["g-0"], reasons["g-1"]} == {"GROUP_REFUSED", "INSUFFICIENT_BALANCE"}
    again = traded.call("POST", GROUPS, {"kind": "basket", "orders": orders})[1]
    assert code(again) == "INSUFFICIENT_BALANCE"
    assert "fresh client order ids" in again["error"]["message"]


@pytest.mark.parametrize(
    ("kind", "orders", "said"),
    [
        ("oco", exits()[:1] * 3, "a group of kind OCO takes two orders of one instrument"),
        ("oco", exits(side="buy")[:1] + exits()[:1], "a group of kind OCO takes two orders"),
        ("oto", [exits()[1], exits()[0]], "a group of kind OTO takes an entry"),
        ("bracket", exits(), "a group of kind BRACKET takes an entry"),
    ],
)
def test_orders_that_do_not_hang_together_are_refused(traded, kind, orders, said):
    """With what the kind of group takes."""
    status, answer = traded.call("POST", GROUPS, {"kind": kind, "orders": orders})
    assert (status, code(answer)) == (400, "UNSUPPORTED")
    assert said in answer["error"]["message"]


@pytest.mark.parametrize(
    ("change", "expected", "field"),
    [
        ({"price": "64000.001"}, "PRICE_OFF_TICK", "orders[0].price"),
        ({"symbol": "DOGE-USDT"}, "UNKNOWN_INSTRUMENT", "orders[0].symbol"),
        ({"price": None}, "MALFORMED", "orders[0].price"),
        ({"trail": "1"}, "UNSUPPORTED", "orders[0].trail"),
        ({"client_order_id": None}, "MALFORMED", "orders[0].client_order_id"),
    ],
)
def test_what_is_wrong_with_an_order_of_a_group_has_its_place(traded, change, expected, field):
    """In the message and as the field."""
    first, second = named(exits())
    body = {"kind": "oco", "orders": [{**first, **change}, second]}
    status, answer = traded.call("POST", GROUPS, body)
    assert (status, code(answer), answer["error"]["field"]) == (400, expected, field)
    assert "orders[0]" in answer["error"]["message"]


def test_the_same_group_again_is_answered_with_the_first(traded):
    """However often; another one under its names is refused, alone or in a group."""
    body = {"kind": "oco", "orders": named(exits())}
    first = traded.call("POST", GROUPS, body)
    assert first[0] == 200
    assert traded.call("POST", GROUPS, body) == first
    assert len(traded.call("GET", "/api/v1/orders?open=true")[1]["orders"]) == 2
    for target, other in (
        (GROUPS, {**body, "kind": "basket"}),
        (GROUPS, {**body, "orders": named(exits(size="0.02"))}),
        ("/api/v1/orders", body["orders"][0]),
    ):
        status, answer = traded.call("POST", target, other)
        assert (status, code(answer)) == (409, "DUPLICATE_CLIENT_ORDER_ID")


def test_an_order_of_a_group_cannot_be_amended(traded):
    """Its sibling would no longer fit."""
    _, answer = traded.call("POST", GROUPS, {"kind": "oco", "orders": exits()})
    path = f"/api/v1/orders/{answer['orders'][0]['order_id']}"
    status, answer = traded.call("PATCH", path, {"price": "65000"})
    assert (status, code(answer)) == (400, "UNSUPPORTED")
    assert "an order of a group cannot be amended" in answer["error"]["message"]


def test_a_trader_places_a_group(traded):
    """Command to wire to exchange and back, to orders in ticks and lots."""
    target = Place(
        traded.desk.alice,
        0,
        Side.SELL,
        OrderType.LIMIT,
        TimeInForce.GTC,
        False,
        6_400_000,
        1_000,
    )
    stop = replace(target, order_type=OrderType.STOP, price_ticks=None, trigger_ticks=5_800_000)
    group = PlaceGroup(GroupKind.OCO, (target, stop))
    now_ns = traded.desk.now_ns + 50_000_000
    request = DIALECT.client.request(group, traded.listings, traded.key, now_ns)
    outcome = DIALECT.client.outcome(group, traded.send(request), traded.listings, now_ns)
    assert isinstance(outcome, Answered)
    assert isinstance(outcome.answer, OrderList)
    assert [o.group_kind for o in outcome.answer.orders] == [GroupKind.OCO] * 2
    assert [o.trigger_ticks for o in outcome.answer.orders] == [None, 5_800_000]
    assert {o.state for o in outcome.answer.orders} == {OrderState.WORKING}
