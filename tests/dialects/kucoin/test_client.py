"""The client half: what is sent, what an answer means, part by part."""

import msgspec
import pytest

from steelyard.dialects.kucoin import DIALECT
from steelyard.dialects.kucoin.text import FOREIGN, WAITS, order_id, order_number, waiting_id
from steelyard.domain.commands import Amend, Cancel, CancelAll, Place
from steelyard.domain.dead_man import ArmDeadMan
from steelyard.domain.errors import DecodeError, Unsupported, UsageError
from steelyard.domain.lifecycle import OrderState
from steelyard.domain.messages import (
    MINUTE_NS,
    AccountQuery,
    Acknowledged,
    BookQuery,
    CandlesQuery,
    FillsQuery,
    InstrumentsQuery,
    OrderAnswer,
    OrderList,
    OrderQuery,
    OrdersQuery,
    Refused,
    TickersQuery,
    TradesQuery,
)
from steelyard.domain.order import (
    OrderType,
    RejectReason,
    SelfTrade,
    Side,
    TimeInForce,
    TriggerBy,
)
from steelyard.wire.dialect import ApiKey
from steelyard.wire.http import Response
from steelyard.wire.outcome import Answered, Unknown
from tests.dialects.kucoin.venue import BTC, HF, Venue

CLIENT = DIALECT.client
KEY = ApiKey("k" * 24, b"secret", "p")
T0 = 1_700_000_000 * 10**9
LIMIT = (Side.BUY, OrderType.LIMIT, TimeInForce.GTC, False)


@pytest.fixture(scope="module")
def listings():
    return Venue().listings


def sent(message, listings, key=KEY):
    request = CLIENT.request(message, listings, key, T0)
    return request.method, request.target, msgspec.json.decode(request.body or b"null")


def ask(venue, query, key=None):
    """Ask as a trader does, all parts of an answer that comes in parts."""
    parts, asked = [], query
    while asked is not None:
        venue.desk.now_ns += 50_000_000
        key = key or venue.alice
        request = CLIENT.request(asked, venue.listings, key, venue.desk.now_ns)
        response = venue.gate.http(request, "127.0.0.1", venue.desk.now_ns)
        outcome = CLIENT.outcome(asked, response, venue.listings, venue.desk.now_ns)
        assert isinstance(outcome, Answered), outcome
        parts.append(outcome.answer)
        asked = CLIENT.further(query, parts)
    return CLIENT.joined(query, parts), len(parts)


def stop(kind: OrderType, side: Side, price_ticks: int | None = None) -> Place:
    terms = kind, TimeInForce.GTC, False, price_ticks, 1_000
    return Place(0, 0, side, *terms, client_order_id="mine", trigger_ticks=4_900_000)


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (
            Place(0, 0, *LIMIT, 5_000_000, 1_000, client_order_id="mine"),
            (
                *("POST", f"{HF}/sync"),
                {
                    "symbol": BTC,
                    "side": "buy",
                    "clientOid": "mine",
                    "price": "50000",
                    "size": "0.01",
                    "stp": "CO",
                },
            ),
        ),
        (Cancel(0, 7, 0), ("DELETE", f"{HF}/{order_id(7)}?symbol={BTC}", None)),
        (
            Cancel(0, 7, 0, "mine"),
            ("DELETE", f"{HF}/client-order/mine?symbol={BTC}", None),
        ),
        (Cancel(0, WAITS | 7, 0, "mine"), ("DELETE", f"/api/v1/stop-order/{waiting_id(7)}", None)),
        (
            Cancel(0, FOREIGN | WAITS | 7, 0, "mine"),
            ("DELETE", "/api/v1/stop-order/cancelOrderByClientOid?clientOid=mine", None),
        ),
        (
            Amend(0, FOREIGN, 5_000_100, None, instrument_id=0, client_order_id="mine"),
            ("POST", f"{HF}/alter", {"symbol": BTC, "clientOid": "mine", "newPrice": "50001"}),
        ),
        (
            Amend(0, 7, None, 2_000, instrument_id=0),
            ("POST", f"{HF}/alter", {"symbol": BTC, "orderId": order_id(7), "newSize": "0.02"}),
        ),
        (
            stop(OrderType.STOP, Side.SELL),
            (
                *("POST", "/api/v1/stop-order"),
                {
                    "symbol": BTC,
                    "side": "sell",
                    "type": "market",
                    "clientOid": "mine",
                    "size": "0.01",
                    "stp": "CO",
                    "stop": "loss",
                    "stopPrice": "49000",
                },
            ),
        ),
        (
            stop(OrderType.TAKE_PROFIT_LIMIT, Side.SELL, 5_000_000),
            (
                *("POST", "/api/v1/stop-order"),
                {
                    "symbol": BTC,
                    "side": "sell",
                    "clientOid": "mine",
                    "price": "50000",
                    "size": "0.01",
                    "stp": "CO",
                    "stop": "entry",
                    "stopPrice": "49000",
                },
            ),
        ),
        (
            OrderQuery(0, 0, FOREIGN | WAITS | 7, "mine", has_ended=True),
            (
                *("GET", "/api/v1/stop-order/queryOrderByClientOid?clientOid=mine"),
                None,
            ),
        ),
        (CancelAll(0, 0), ("DELETE", f"{HF}?symbol={BTC}", None)),
        (CancelAll(0, None), ("DELETE", f"{HF}/cancelAll", None)),
        (OrderQuery(0, 0, 7), ("GET", f"{HF}/{order_id(7)}?symbol={BTC}", None)),
        (OrderQuery(0, None, 7), ("GET", f"/api/v1/orders/{order_id(7)}", None)),
        (ArmDeadMan(0, MINUTE_NS), ("POST", f"{HF}/dead-cancel-all", {"timeout": 60})),
        (BookQuery(0, 20), ("GET", f"/api/v1/market/orderbook/level2_20?symbol={BTC}", None)),
        (BookQuery(0, 101), ("GET", f"/api/v3/market/orderbook/level2?symbol={BTC}", None)),
        (
            CandlesQuery(0, MINUTE_NS, 10, start_ns=T0),
            (
                *("GET", f"/api/v1/market/candles?symbol={BTC}&type=1min&startAt=1700000000"),
                None,
            ),
        ),
    ],
)
def test_a_message_is_a_request_of_the_venue(listings, message, expected):
    method, target, body = sent(message, listings)
    if isinstance(message, CandlesQuery):
        target = target.partition("&endAt=")[0]
    assert (method, target, body) == expected


def test_without_a_key_a_book_is_asked_for_of_the_public(listings):
    """A live market has none."""
    for key in (None, ApiKey("", b"")):
        request = CLIENT.request(BookQuery(0, 1_000), listings, key, T0)
        assert request.target == f"/api/v1/market/orderbook/level2_100?symbol={BTC}"
    with pytest.raises(UsageError, match="steelyard key create"):
        CLIENT.request(AccountQuery(0), listings, None, T0)


@pytest.mark.parametrize(
    "message",
    [
        Amend(0, 7, None, None, 50, instrument_id=0),
        Amend(0, WAITS | 7, 50, None, instrument_id=0),
        Amend(0, FOREIGN, 50, None, instrument_id=0),
        Cancel(0, 1 << 63, 0),
        Cancel(0, 7),
        OrderQuery(0, 0, 1 << 63),
        FillsQuery(0, 10),
        TradesQuery(0, 10, start_ns=T0),
        TradesQuery(0, 10, from_trade_id=1),
        CandlesQuery(0, 7 * MINUTE_NS, 10),
        CandlesQuery(0, MINUTE_NS, 10, offset_ns=1),
        ArmDeadMan(0, 10**9),
        Place(
            *(0, 0, Side.SELL, OrderType.STOP, TimeInForce.GTC, False, None, 1_000),
            trigger_ticks=1,
            trigger_by=TriggerBy.MARK,
        ),
        Place(
            *(0, 0, Side.SELL, OrderType.TRAILING_STOP, TimeInForce.GTC, False, None, 1_000),
            trail_ticks=1,
        ),
        Place(0, 0, *LIMIT, 1, 1, client_order_id="no spaces"),
        Place(0, 0, *LIMIT, 1, 100, display_lots=1),
        Place(0, 0, *LIMIT, 1, 1, slide=True),
        Place(0, 0, Side.BUY, OrderType.LIMIT, TimeInForce.GTD, False, 1, 1, expire_ns=T0),
        Place(0, 0, Side.BUY, OrderType.MARKET, TimeInForce.FOK, False, None, 1),
        Place(0, 0, Side.BUY, OrderType.MARKET, TimeInForce.IOC, False, None, 0, quote_atoms=1),
        Place(
            *(0, 0, Side.BUY, OrderType.MARKET, TimeInForce.IOC, False, None, 1),
            self_trade=SelfTrade.DECREMENT,
        ),
    ],
)
def test_what_the_venue_has_no_word_for_is_told_before_it_is_sent(listings, message):
    with pytest.raises(Unsupported):
        CLIENT.request(message, listings, KEY, T0)


def outcome(message, listings, body, status=200):
    return CLIENT.outcome(message, Response(status, {}, body), listings, T0)


def test_a_new_order_is_told_as_it_was_asked_for(listings):
    place = Place(0, 0, *LIMIT, 5_000_000, 1_000, client_order_id="mine")
    told = b'{"code":"200000","data":{"orderId":"%s","status":"done","dealSize":"0.01"}}'
    answered = outcome(place, listings, told % order_id(7).encode())
    assert isinstance(answered.answer, OrderAnswer)
    order = answered.answer.order
    assert (order.order_id, order.client_order_id, order.state) == (7, "mine", OrderState.WORKING)


def test_a_post_only_order_that_never_was_one_is_refused(listings):
    place = Place(0, 0, Side.BUY, OrderType.LIMIT, TimeInForce.GTC, True, 5_000_000, 1_000)
    told = b'{"code":"200000","data":{"orderId":"%s","status":"done","dealSize":"0.000"}}'
    answered = outcome(place, listings, told % order_id(7).encode())
    assert isinstance(answered.answer, Refused)
    assert answered.answer.reason is RejectReason.POST_ONLY_WOULD_TAKE
    assert answered.answer.order_id == 7


@pytest.mark.parametrize("body", [b"", b"[]", b'{"code":"200000"}', b'{"code":"200000","data":1}'])
def test_of_a_command_garbage_is_unknown_and_of_a_query_an_error(listings, body):
    place = Place(0, 0, *LIMIT, 5_000_000, 1_000)
    assert isinstance(outcome(place, listings, body), Unknown)
    with pytest.raises(DecodeError):
        outcome(AccountQuery(0), listings, body)


def test_a_refusal_with_200_is_no_answer(listings):
    refusal = b'{"code":"400100","msg":"order_not_exist_or_not_allow_to_cancel"}'
    told = outcome(Cancel(0, 7, 0), listings, refusal).answer
    assert (type(told), told.reason) == (Refused, RejectReason.UNKNOWN_ORDER)
    assert outcome(CancelAll(0, 0), listings, refusal) == Answered(Acknowledged(0))


def test_open_orders_are_those_in_the_book_and_those_that_wait(venue):
    """A stranger's stop counts too; what it is canceled by says that it waits."""
    venue.place(price="50000", size="0.001")
    venue.place(venue.bob, side="sell", size="0.001")
    venue.place(clientOid="a")
    stops = {"side": "sell", "price": "39000", "stopPrice": "40000"}
    ids = {venue.place(path="/api/v1/stop-order", **stops)["orderId"] for _ in range(60)}
    for number in (0, None):
        told, parts = ask(venue, OrdersQuery(0, 1_000, number, open_only=True))
        assert isinstance(told, OrderList)
        assert (len(told.orders), parts) == (61, 3)
        waiting = [o for o in told.orders if o.order_type is OrderType.STOP_LIMIT]
        assert {o.order_id for o in waiting} == {order_number(text) for text in ids}
        assert all(o.order_id & WAITS for o in waiting)
    one = waiting[0]
    canceled, _ = ask(venue, Cancel(0, one.order_id, 0))
    assert canceled == Acknowledged()
    told, _ = ask(venue, OrderQuery(0, 0, waiting[1].order_id))
    assert told.order == waiting[1]


def test_lists_of_what_is_over_and_of_fills_are_read_to_their_end(venue):
    for number in range(130):
        venue.place(price="50000", size="0.001", clientOid=f"n{number}")
        venue.place(venue.bob, side="sell", size="0.001")
    orders, parts = ask(venue, OrdersQuery(0, 1_000, 0))
    assert (len(orders.orders), parts) == (130, 2)
    assert [o.client_order_id for o in orders.orders] == [f"n{n}" for n in range(130)]
    fills, parts = ask(venue, FillsQuery(0, 1_000, 0, from_trade_id=1))
    assert ([f.trade_id for f in fills.fills], parts) == ([*range(1, 131)], 2)
    newest, parts = ask(venue, FillsQuery(0, 5, 0))
    assert ([f.trade_id for f in newest.fills], parts) == ([126, 127, 128, 129, 130], 1)
    later, _ = ask(venue, FillsQuery(0, 1_000, 0, from_trade_id=100))
    assert [f.trade_id for f in later.fills] == [*range(100, 131)]
    since, _ = ask(venue, FillsQuery(0, 1_000, 0, start_ns=fills.fills[64].time_ns))
    assert len(since.fills) == 66


def test_public_answers_are_read(venue):
    venue.place(price="50000", size="0.001")
    venue.place(venue.bob, side="sell", size="0.001")
    listed, _ = ask(venue, InstrumentsQuery())
    assert [i.symbol for i in listed.instruments] == [BTC, "ETH-USDT"]
    every, _ = ask(venue, TickersQuery())
    assert [t.last_ticks for t in every.tickers] == [5_000_000, None]
    trades, _ = ask(venue, TradesQuery(0, 1))
    assert len(trades.trades) == 1


def test_who_is_asked_costs_what_the_gate_counts(listings):
    place = Place(0, 0, *LIMIT, 5_000_000, 1_000)
    cost = CLIENT.cost(place, listings)
    assert (cost.path, cost.weight, cost.orders) == (f"{HF}/sync", 1, 1)
    assert CLIENT.cost(AccountQuery(0), listings).weight == 5
    assert CLIENT.expiry_ns(place) == 5 * 10**9
    assert CLIENT.expiry_ns(InstrumentsQuery()) is None
    assert CLIENT.limits_request() is None
    with pytest.raises(DecodeError):
        CLIENT.limits_of(Response(200, {}, b""))
