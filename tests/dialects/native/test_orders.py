import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from steelyard.dialects.native import messages, orders, requests
from steelyard.domain.commands import CancelAll, Place, PlaceGroup
from steelyard.domain.errors import DecodeError, UnitError, Unsupported
from steelyard.domain.instrument import Listings
from steelyard.domain.lifecycle import Fill, Order, OrderState
from steelyard.domain.messages import Execution, OrderAnswer, OrderEvent
from steelyard.domain.order import (
    FIELDS,
    CancelCause,
    Direction,
    GroupKind,
    Liquidity,
    Need,
    OrderType,
    RejectReason,
    SelfTrade,
    Side,
    TimeInForce,
    TriggerBy,
)
from steelyard.wire.dialect import Asker
from steelyard.wire.limits import UNLIMITED
from tests.dialects.native.venue import Venue, code
from tests.shared.desk import BTC_USDT, USDT

MS = 1_000_000
ORDER = Order(
    order_id=1024,
    client_order_id="bot1-42",
    account_id=100,
    instrument_id=0,
    side=Side.BUY,
    order_type=OrderType.LIMIT,
    time_in_force=TimeInForce.GTC,
    post_only=True,
    price_ticks=6_100_010,
    size_lots=50_000,
    state=OrderState.PARTIALLY_FILLED,
    filled_lots=20_000,
    quote_atoms=12_200_020_000_000_000,
    created_ns=MS,
    updated_ns=2 * MS,
)
FILL = Fill(
    trade_id=77,
    order_id=1024,
    client_order_id="bot1-42",
    account_id=100,
    instrument_id=0,
    side=Side.BUY,
    price_ticks=6_100_010,
    size_lots=20_000,
    quote_atoms=12_200_020_000_000_000,
    liquidity=Liquidity.MAKER,
    fee_asset_id=USDT,
    fee_atoms=12_200_020_000_000,
    time_ns=2 * MS,
)
LISTINGS = Listings([BTC_USDT])
ASKER = Asker(100, "k", 0, LISTINGS, UNLIMITED)


def asker(venue: Venue) -> Asker:
    find = venue.exchange.history.order
    return Asker(venue.desk.alice, "k", venue.desk.now_ns, venue.listings, UNLIMITED, find)


# -- round trips -------------------------------------------------------------------------------


lots = st.integers(1, 10**6)
ticks = st.integers(1, 10**7)


@st.composite
def places(draw) -> Place:
    """Any order that the table of fields allows."""
    order_type = draw(st.sampled_from(OrderType))
    fields = FIELDS[order_type]
    time_in_force = draw(st.sampled_from(sorted(fields.time_in_force)))
    rests = time_in_force in {TimeInForce.GTC, TimeInForce.GTD}

    def maybe(name, values, *, goes=True):
        need = getattr(fields, name)
        if need is Need.NEVER or not goes:
            return None
        return draw(values if need is Need.MUST else st.none() | values)

    trails = maybe("trail", st.booleans())
    activation_ticks = maybe("activation_ticks", ticks)
    directions = st.sampled_from(Direction)
    quote_atoms = maybe("quote_atoms", st.integers(1, 10**20))
    post_only = bool(maybe("post_only", st.booleans(), goes=rests))
    return Place(
        account_id=100,
        instrument_id=0,
        side=draw(st.sampled_from(Side)),
        order_type=order_type,
        time_in_force=time_in_force,
        post_only=post_only,
        price_ticks=maybe("price_ticks", ticks),
        size_lots=0 if quote_atoms else draw(lots),
        self_trade=draw(st.sampled_from(SelfTrade)),
        client_order_id=draw(st.sampled_from(["", "a-1"])),
        slide=post_only and draw(st.booleans()),
        quote_atoms=quote_atoms,
        display_lots=maybe("display_lots", st.integers(0, 10**6), goes=rests),
        trigger_by=draw(st.sampled_from(TriggerBy)) if order_type.waits else TriggerBy.LAST,
        trigger_ticks=maybe("trigger_ticks", ticks),
        trail_ticks=draw(ticks) if trails is True else None,
        trail_rate_e8=draw(st.integers(1, 10**8 - 1)) if trails is False else None,
        activation_ticks=activation_ticks,
        expire_ns=draw(lots) * MS if time_in_force is TimeInForce.GTD else None,
        activation_direction=maybe("activation_direction", directions, goes=bool(activation_ticks)),
    )


def body_of(place: Place, listings: Listings) -> requests.PlaceRequest:
    return msgspec.convert(orders.place_to_wire(place, listings), requests.PlaceRequest)


@given(places())
def test_an_order_arrives_as_it_was_meant(place):
    """Client to wire to exchange, for all that can be placed."""
    assert orders.place_from_wire(body_of(place, LISTINGS), ASKER) == place


@given(st.lists(places(), min_size=2, max_size=5), st.sampled_from(GroupKind))
def test_a_group_arrives_as_it_was_meant(members, kind):
    """In its order; names are all there, or none is."""
    named = tuple(replace(p, client_order_id=f"a-{i}") for i, p in enumerate(members))
    group = PlaceGroup(kind, named)
    body = orders.group_to_wire(group, LISTINGS)
    request = msgspec.convert(body, requests.PlaceGroupRequest)
    assert orders.group_from_wire(request, ASKER) == group
    assert orders.group_weight(request) == len(members)


@pytest.mark.parametrize(
    ("order_type", "time_in_force", "terms", "word"),
    [
        (OrderType.MARKET, TimeInForce.IOC, {"reduce_only": True}, "reduce_only"),
        (
            OrderType.TRAILING_STOP,
            TimeInForce.GTC,
            {"trail_ticks": 5, "activation_direction": Direction.FALL},
            "activation_direction",
        ),
    ],
)
def test_what_this_api_has_no_word_for_is_not_sent(order_type, time_in_force, terms, word):
    """No positions to reduce on spot, and no direction to nowhere."""
    place = Place(100, 0, Side.BUY, order_type, time_in_force, False, None, 1, **terms)
    with pytest.raises(Unsupported, match=word):
        orders.place_to_wire(place, LISTINGS)


@given(places(), st.data())
def test_any_order_comes_back_as_it_went(place, data):
    """Exchange to wire to client, with all its terms, waiting, triggered, alone or in a group."""
    terms = {n: getattr(place, n) for n in ORDER.__struct_fields__ if hasattr(place, n)}
    del terms["quote_atoms"]
    in_group = data.draw(st.booleans())
    order = Order(
        **terms | {"client_order_id": "a"},
        order_id=7,
        state=data.draw(st.sampled_from([OrderState.WORKING, OrderState.EXPIRED])),
        spend_atoms=place.quote_atoms,
        triggered_ns=data.draw(st.sampled_from([0, 9 * MS])) if place.order_type.waits else 0,
        group_id=5 if in_group else 0,
        group_kind=data.draw(st.sampled_from(GroupKind)) if in_group else None,
        cancel_cause=data.draw(st.none() | st.sampled_from(CancelCause)),
    )
    wire = msgspec.json.decode(
        msgspec.json.encode(orders.order_to_wire(order, LISTINGS)), type=messages.Order
    )
    assert orders.order_from_wire(wire, LISTINGS, 100) == order


def test_what_an_order_has_not_is_null(venue):
    """Each term by its name; a reader needs no rule for what is left out."""
    wire = orders.order_to_wire(ORDER, venue.listings)
    absent = {name for name in wire.__struct_fields__ if getattr(wire, name) is None}
    assert absent == {
        "quote_amount",
        "display_size",
        "trigger_price",
        "trigger_by",
        "trail",
        "trail_rate",
        "activation_price",
        "activation_direction",
        "expires",
        "triggered",
        "group",
        "group_id",
        "cancel_cause",
        "reject_reason",
    }


@pytest.mark.parametrize(
    "order",
    [
        ORDER,
        replace(ORDER, side=Side.SELL, self_trade=SelfTrade.NONE),
        replace(
            ORDER,
            order_type=OrderType.MARKET,
            price_ticks=None,
            time_in_force=TimeInForce.IOC,
            post_only=False,
            state=OrderState.EXPIRED,
            cancel_cause=CancelCause.NO_LIQUIDITY,
        ),
        replace(
            ORDER,
            state=OrderState.REJECTED,
            reject_reason=RejectReason.POST_ONLY_WOULD_TAKE,
            filled_lots=0,
            quote_atoms=0,
        ),
    ],
    ids=lambda o: o.state.name + o.side.name,
)
def test_an_order_comes_back_as_it_went(venue, order):
    """Exchange to wire to client; the account is the client's own knowledge."""
    wire = orders.order_to_wire(order, venue.listings)
    assert orders.order_from_wire(wire, venue.listings, 100) == order
    event = OrderEvent(Execution.FILL, order, FILL, 3 * MS)
    push = orders.order_push(event, venue.listings)
    assert orders.order_event(push, venue.listings, 100) == event
    answer = OrderAnswer(order, (FILL,))
    placed = orders.placed_to_wire(answer, None, asker(venue))
    assert orders.placed_from_wire(placed, venue.listings, 100) == answer


def test_an_order_reads_as_people_write_it(venue):
    """Remaining, average and worth are worked out for the reader."""
    wire = orders.order_to_wire(ORDER, venue.listings)
    assert (wire.size, wire.filled, wire.remaining) == ("0.5", "0.2", "0.3")
    assert (wire.price, wire.average_price, wire.quote_volume) == (
        "61000.10",
        "61000.1",
        "12200.02",
    )
    assert orders.fill_to_wire(FILL, venue.listings).fee == "12.20002"


def test_a_fee_in_an_asset_that_no_instrument_uses_is_told_by_its_name(venue):
    """What is no name cannot be booked, so it cannot be taken for anything."""
    wire = replace(orders.fill_to_wire(FILL, venue.listings), fee_asset="DOGE")
    fill = orders.fill_from_wire(wire, venue.listings, 100)
    assert venue.listings.asset(fill.fee_asset_id) == "DOGE"
    with pytest.raises(DecodeError, match="a fee in 'no body'"):
        orders.fill_from_wire(replace(wire, fee_asset="no body"), venue.listings, 100)


# -- what is refused ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "expected", "field", "message"),
    [
        ({"price": "61000.105"}, "PRICE_OFF_TICK", "price", "nearest: 61000.10, 61000.11"),
        ({"size": "0.000001"}, "SIZE_OFF_LOT", "size", "not a multiple of lot_size 0.00001"),
        ({"price": "1000000.01"}, "PRICE_OUT_OF_RANGE", "price", "above the maximum 1000000"),
        ({"price": "-1"}, "PRICE_OUT_OF_RANGE", "price", "must be positive"),
        ({"price": "0"}, "PRICE_OUT_OF_RANGE", "price", "must be positive"),
        ({"size": "-0.01"}, "SIZE_TOO_SMALL", "size", "must be positive"),
        ({"size": "0"}, "SIZE_TOO_SMALL", "size", "must be positive"),
        ({"size": "1e30"}, "SIZE_TOO_LARGE", "size", "above the maximum 9000"),
        ({"size": "9000.00001"}, "SIZE_TOO_LARGE", "size", "above the maximum 9000"),
        ({"size": "1e-999"}, "SIZE_OFF_LOT", "size", "lot_size"),
        ({"size": "0.00001"}, "NOTIONAL_TOO_SMALL", "size", "at least 5 USDT"),
        ({"symbol": "DOGE-USDT"}, "UNKNOWN_INSTRUMENT", "symbol", "known: BTC-USDT"),
        ({"size": "8000"}, "INSUFFICIENT_BALANCE", "size", "1000000 USDT is free"),
        ({"post_only": True, "time_in_force": "ioc"}, "UNSUPPORTED", "post_only", "has to rest"),
        ({"price": None}, "MALFORMED", "price", "a limit order must have size, price"),
        ({"trigger_price": "1"}, "UNSUPPORTED", "trigger_price", "with a limit order, which must"),
        (
            {"type": "market", "price": None, "time_in_force": "gtc"},
            "UNSUPPORTED",
            "time_in_force",
            "it takes ioc or fok",
        ),
    ],
)
def test_a_wrong_order_is_refused_by_name(venue, changes, expected, field, message):
    """Code, field and mend; nothing was placed, and nothing is held."""
    body = {"symbol": "BTC-USDT", "side": "buy", "type": "limit", "size": "0.01", "price": "61000"}
    status, answer = venue.call("POST", "/api/v1/orders", {**body, **changes})
    assert (status, code(answer)) == (400, expected)
    assert answer["error"]["field"] == field
    assert message in answer["error"]["message"]
    _, account = venue.call("GET", "/api/v1/account")
    assert {b["held"] for b in account["balances"]} == {"0"}


def test_the_first_reason_of_several_is_told(venue):
    """Where price and size are both wrong, the precedence of RejectReason decides."""
    request = requests.PlaceRequest(
        symbol="BTC-USDT", side="buy", type="limit", price="9000000", size="0.000001"
    )
    with pytest.raises(UnitError) as caught:
        orders.place_from_wire(request, asker(venue))
    assert caught.value.reason is RejectReason.SIZE_OFF_LOT


def test_a_post_only_order_does_not_take(venue):
    """It is refused, with the price in its way."""
    venue.place(side="sell", price="61000.11", key=venue.other_key)
    body = {
        "symbol": "BTC-USDT",
        "side": "buy",
        "type": "limit",
        "size": "0.01",
        "price": "61001",
        "post_only": True,
    }
    status, answer = venue.call("POST", "/api/v1/orders", body)
    assert (status, code(answer)) == (400, "POST_ONLY_WOULD_TAKE")


# -- a life of an order ------------------------------------------------------------------------


def test_place_amend_fill_cancel(venue):
    """Each answer shows the order as it then is, and what filled at once."""
    placed = venue.place(size="0.5", price="61000.10", client_order_id="a-1")
    assert (placed["state"], placed["fills"], placed["average_price"]) == ("working", [], None)
    path = f"/api/v1/orders/{placed['order_id']}"
    status, amended = venue.call("PATCH", path, {"size": "0.4"})
    assert (status, amended["size"], amended["price"]) == (200, "0.4", "61000.10")
    sold = venue.place(key=venue.other_key, side="sell", type="market", size="0.1")
    assert (sold["state"], sold["time_in_force"], sold["price"]) == ("filled", "ioc", None)
    assert [f["price"] for f in sold["fills"]] == ["61000.10"]
    assert sold["fills"][0]["fee_asset"] == "USDT"
    _, now = venue.call("GET", path)
    assert (now["state"], now["filled"], now["remaining"]) == ("partially_filled", "0.1", "0.3")
    assert now == venue.call("GET", "/api/v1/orders/by-client-id/a-1")[1]
    _, listed = venue.call("GET", "/api/v1/orders?open=true&symbol=BTC-USDT")
    assert listed == {"orders": [now], "next": None, "previous": None}
    _, fills = venue.call("GET", f"/api/v1/fills?order_id={placed['order_id']}")
    assert [f["liquidity"] for f in fills["fills"]] == ["maker"]
    _, ended = venue.call("DELETE", path)
    assert (ended["state"], ended["cancel_cause"]) == ("canceled", "user")
    status, answer = venue.call("DELETE", path)
    assert (status, code(answer)) == (404, "UNKNOWN_ORDER")


def test_cancel_all_lists_what_it_canceled(venue):
    """Of one instrument or of all; nobody else's order goes."""
    venue.place(price="60000")
    venue.place(symbol="ETH-BTC", side="sell", price="0.05", size="1")
    others = venue.place(key=venue.other_key, price="60000")
    _, answer = venue.call("DELETE", "/api/v1/orders?symbol=ETH-BTC")
    assert [o["symbol"] for o in answer["orders"]] == ["ETH-BTC"]
    _, answer = venue.call("DELETE", "/api/v1/orders")
    assert [o["symbol"] for o in answer["orders"]] == ["BTC-USDT"]
    _, left = venue.call("GET", f"/api/v1/orders/{others['order_id']}", key=venue.other_key)
    assert left["state"] == "working"


def test_somebody_elses_order_does_not_exist(venue):
    """Neither to look at, nor to amend, nor to cancel."""
    path = f"/api/v1/orders/{venue.place()['order_id']}"
    for method, body in (("GET", None), ("PATCH", {"size": "0.02"}), ("DELETE", None)):
        status, answer = venue.call(method, path, body, venue.other_key)
        assert (status, code(answer)) == (404, "UNKNOWN_ORDER")


def test_an_amend_is_measured_by_the_orders_own_instrument(venue):
    """The path names the order; its tick and lot decide."""
    placed = venue.place(symbol="ETH-BTC", side="sell", price="0.05", size="1")
    path = f"/api/v1/orders/{placed['order_id']}"
    status, answer = venue.call("PATCH", path, {"price": "0.05001"})
    assert (status, code(answer)) == (400, "PRICE_OFF_TICK")
    assert "tick_size 0.00005 (ETH-BTC)" in answer["error"]["message"]
    assert venue.call("PATCH", path, {"price": "0.05005"})[1]["price"] == "0.05005"


def test_cancel_all_of_every_instrument_says_none(venue):
    """No symbol is no instrument, which means all."""
    request = requests.CancelAllRequest()
    assert orders.cancel_all_from_wire(request, asker(venue)) == CancelAll(venue.desk.alice, None)


# -- client order ids --------------------------------------------------------------------------

BODY = {
    "symbol": "BTC-USDT",
    "side": "buy",
    "type": "limit",
    "size": "0.01",
    "price": "60000",
    "client_order_id": "once",
}


def test_the_same_order_again_is_answered_with_the_first(venue):
    """However the body is written; it is placed and held once."""
    first = venue.call("POST", "/api/v1/orders", BODY)
    again = venue.call("POST", "/api/v1/orders", {**BODY, "price": "60000.00", "post_only": False})
    assert first == again
    assert len(venue.call("GET", "/api/v1/orders?open=true")[1]["orders"]) == 1


def test_the_same_order_again_is_known_after_an_amend(venue):
    """It is measured by what was first asked for, and shows how it stands."""
    _, first = venue.call("POST", "/api/v1/orders", BODY)
    venue.call("PATCH", f"/api/v1/orders/{first['order_id']}", {"price": "60500", "size": "0.02"})
    status, again = venue.call("POST", "/api/v1/orders", BODY)
    assert (status, again["order_id"], again["price"]) == (200, first["order_id"], "60500.00")
    status, _ = venue.call("POST", "/api/v1/orders", {**BODY, "price": "60500", "size": "0.02"})
    assert status == 409


def test_a_refusal_again_is_the_same_refusal(venue):
    """The first answer was no, so a late copy of the request cannot trade."""
    body = {**BODY, "size": "8000"}
    first, again = (venue.call("POST", "/api/v1/orders", body) for _ in range(2))
    assert (first[0], code(first[1])) == (400, "INSUFFICIENT_BALANCE")
    assert (again[0], code(again[1])) == (400, "INSUFFICIENT_BALANCE")
    assert "use a fresh client order id" in again[1]["error"]["message"]


@pytest.mark.parametrize(
    "change",
    [
        {"price": "60001"},
        {"side": "sell"},
        {"size": "0.02"},
        {"self_trade": "none"},
        {"time_in_force": "ioc"},
    ],
)
def test_another_order_under_the_same_name_is_refused(venue, change):
    """For ever: also after the first one has ended."""
    _, first = venue.call("POST", "/api/v1/orders", BODY)
    for _ in range(2):
        status, answer = venue.call("POST", "/api/v1/orders", {**BODY, **change})
        assert (status, code(answer)) == (409, "DUPLICATE_CLIENT_ORDER_ID")
        assert answer["error"]["field"] == "client_order_id"
        why = f"an earlier order that is not the same (id {first['order_id']}); use a fresh one"
        assert why in answer["error"]["message"]
        venue.call("DELETE", f"/api/v1/orders/{first['order_id']}")


def test_names_outlive_their_orders(venue, monkeypatch):
    """Also of an order that is no longer kept; and also over a restart."""
    monkeypatch.setattr("steelyard.exchange.history.ENDED_MAX", 0)
    venue.call("POST", "/api/v1/orders", BODY)
    venue.call("DELETE", "/api/v1/orders")
    kept = venue.exchange.history.snapshot()
    for _ in range(2):
        status, answer = venue.call("POST", "/api/v1/orders", BODY)
        assert (status, code(answer)) == (409, "DUPLICATE_CLIENT_ORDER_ID")
        assert "no longer kept" in answer["error"]["message"]
        venue.exchange.history._accounts.clear()
        venue.exchange.history.restore(kept)


def test_names_are_each_accounts_own(venue):
    """Two accounts may use the same one."""
    mine, theirs = (
        venue.place(client_order_id="x"),
        venue.place(venue.other_key, client_order_id="x"),
    )
    assert mine["order_id"] != theirs["order_id"]


def test_without_a_name_the_exchange_gives_one(venue):
    """Two orders without names are two orders."""
    first, second = venue.place(), venue.place()
    assert first["client_order_id"] == f"sy-{first['order_id']}"
    assert first["order_id"] != second["order_id"]
    _, found = venue.call("GET", f"/api/v1/orders/by-client-id/{first['client_order_id']}")
    assert found["order_id"] == first["order_id"]
