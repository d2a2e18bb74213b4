"""What a trader sends over REST, and what an answer means."""

import msgspec
import pytest
from msgspec.structs import replace

from steelyard.dialects.weex import DIALECT, auth, lists, orders
from steelyard.domain.commands import Amend, Cancel, CancelAll, Place
from steelyard.domain.errors import AuthError, DecodeError, Unsupported
from steelyard.domain.instrument import Listings
from steelyard.domain.messages import (
    SECOND_NS,
    AccountQuery,
    Acknowledged,
    BookQuery,
    CandlesQuery,
    FillsQuery,
    KeyQuery,
    OrderQuery,
    OrdersQuery,
    Refused,
    Scope,
    StatusQuery,
    TickersQuery,
    TradesQuery,
)
from steelyard.domain.order import OrderType, RejectReason, SelfTrade, Side, TimeInForce
from steelyard.wire.http import Response
from steelyard.wire.outcome import Answered, NotSent, Unknown
from tests.shared.desk import BTC_USDT

CLIENT = DIALECT.client
LISTED = Listings((BTC_USDT,))
PLACE = Place(
    0, 0, Side.BUY, OrderType.LIMIT, TimeInForce.GTC, False, 5_000_000, 1_000,
    client_order_id="mine",
)  # fmt: skip


def send(venue, message):
    """Send a message of alice's and return what became of it."""
    now_ns = venue.desk.now_ns + 50_000_000
    request = CLIENT.request(message, venue.listings, venue.key, now_ns)
    response = venue.send(request)
    return CLIENT.outcome(message, response, venue.listings, now_ns)


def ask(venue, message):
    outcome = send(venue, message)
    assert isinstance(outcome, Answered), outcome
    return outcome.answer


def outcome_of(status, body, message=PLACE, headers=None):
    raw = body if isinstance(body, bytes) else msgspec.json.encode(body)
    return CLIENT.outcome(message, Response(status, headers or {}, raw), LISTED, 0)


def test_a_cancel_of_several_is_not_sent_but_one_of_a_symbol(venue):
    """The symbol has to be named; none at all is Unsupported."""
    ask(venue, PLACE)
    assert ask(venue, CancelAll(0, 0)) == Acknowledged(1)
    with pytest.raises(Unsupported, match="name one"):
        CLIENT.request(CancelAll(0, None), venue.listings, venue.key, 0)


def test_a_cancel_goes_by_the_client_id_where_there_is_one(venue):
    target = CLIENT.request(Cancel(0, 7, 0, "mine"), venue.listings, venue.key, 0).target
    assert target == "/api/v3/order?origClientOrderId=mine"
    target = CLIENT.request(Cancel(0, 7), venue.listings, venue.key, 0).target
    assert target == "/api/v3/order?orderId=700000000000000007"


@pytest.mark.parametrize(
    "fields",
    [
        {"post_only": True},
        {"time_in_force": TimeInForce.GTD, "expire_ns": 1},
        {"order_type": OrderType.STOP, "trigger_ticks": 1},
        {"self_trade": SelfTrade.NONE},
        {"display_lots": 1},
        {"client_order_id": "a b"},
        {"order_type": OrderType.MARKET, "time_in_force": TimeInForce.FOK, "price_ticks": None},
        {
            "order_type": OrderType.MARKET,
            "time_in_force": TimeInForce.IOC,
            "price_ticks": None,
            "size_lots": 0,
            "quote_atoms": 10**12,
        },
    ],
)
def test_what_the_venue_has_no_word_for_is_not_sent(venue, fields):
    with pytest.raises(Unsupported, match="WEEX has no"):
        CLIENT.request(replace(PLACE, **fields), venue.listings, venue.key, 0)
    with pytest.raises(Unsupported, match="Amend"):
        CLIENT.request(Amend(0, 1, 1, None), venue.listings, venue.key, 0)


def test_nothing_private_is_asked_without_a_key(venue):
    with pytest.raises(AuthError, match="--dialect weex"):
        CLIENT.request(AccountQuery(0), venue.listings, None, 0)
    assert auth.SIGN not in CLIENT.request(BookQuery(0, 5), venue.listings, None, 0).headers


MEANINGS = [
    (401, {"code": -1047, "msg": "API authentication failed."}, NotSent, "is_denied"),
    (401, {"code": -1046, "msg": "Request timestamp expired."}, NotSent, "blames_clock"),
    (429, {"help": "wait"}, NotSent, "halt"),
    (429, b"", NotSent, "halt"),
    (400, {"code": -1054, "msg": "System error, please retry later."}, Unknown, None),
    (500, {"code": -1000, "msg": "?"}, Unknown, None),
    (400, b"<html>", Unknown, None),
]


@pytest.mark.parametrize(("status", "body", "kind", "flag"), MEANINGS)
def test_a_no_is_told_by_its_code(status, body, kind, flag):
    outcome = outcome_of(status, body)
    assert isinstance(outcome, kind), outcome
    assert flag is None or getattr(outcome, flag)


REASONS = [
    ({"code": -1054, "msg": "x available amount not enough. y"}, RejectReason.INSUFFICIENT_BALANCE),
    ({"code": -2200, "msg": "Order does not exist."}, RejectReason.UNKNOWN_ORDER),
    ({"code": "-1121", "msg": "Invalid symbol."}, RejectReason.UNKNOWN_INSTRUMENT),
    ({"code": -1058, "msg": "No permission"}, RejectReason.MARKET_HALTED),
    ({"code": -1140, "msg": "Parameter"}, RejectReason.UNSUPPORTED),
    (
        {"code": -1140, "msg": "Parameter", "reason": "SIZE_TOO_SMALL"},
        RejectReason.SIZE_TOO_SMALL,
    ),
]


@pytest.mark.parametrize(("body", "reason"), REASONS)
def test_a_refusal_has_our_word_for_it(body, reason):
    """Also where it comes with HTTP 200, as those of contracts are documented to."""
    for status in (400, 200):
        outcome = outcome_of(status, body)
        assert isinstance(outcome, Answered)
        assert isinstance(outcome.answer, Refused)
        assert outcome.answer.reason is reason


def test_a_wait_is_read_where_it_is_told():
    outcome = outcome_of(429, b"{}", headers={"retry-after": "7"})
    assert outcome.retry_after_ns == 7 * SECOND_NS


def test_an_answer_that_cannot_be_read_may_be_a_yes():
    """Of a query it is garbage."""
    assert isinstance(outcome_of(200, {"orderId": "x"}), Unknown)
    with pytest.raises(DecodeError):
        outcome_of(200, {"x": 1}, AccountQuery(0))


def test_what_a_key_may_do_is_read(venue):
    assert ask(venue, KeyQuery(venue.key.key)).scopes == {Scope.READ, Scope.TRADE}
    venue.key = venue.new_key("alice", Scope.READ)
    assert ask(venue, KeyQuery("k")).scopes == {Scope.READ}


def test_public_queries_are_answered(venue):
    venue.place(venue.other_key, side="SELL")
    ask(venue, PLACE)
    assert ask(venue, StatusQuery()).trading
    (ticker, _) = ask(venue, TickersQuery(None)).tickers
    assert ticker.last_ticks == 5_000_000
    book = ask(venue, BookQuery(0, 20))
    assert not book.is_numbered
    for message in (
        TradesQuery(0, 5, start_ns=1),
        CandlesQuery(0, 60 * SECOND_NS, 5, start_ns=1),
        CandlesQuery(0, 7 * SECOND_NS, 5),
        TickersQuery((0, 1)),
    ):
        with pytest.raises(Unsupported):
            CLIENT.request(message, venue.listings, None, 0)


# -- lists ----------------------------------------------------------------------------------------


def whole(venue, query):
    """Ask as often as the list has parts."""
    answers, wanted = [], query
    while wanted is not None:
        answers.append(ask(venue, wanted))
        wanted = CLIENT.further(query, answers)
    return CLIENT.joined(query, answers), len(answers)


@pytest.fixture
def short_pages(monkeypatch):
    """Pages of two."""
    monkeypatch.setattr(lists, "PAGE", 2)
    monkeypatch.setattr(orders, "LIST_MAX", 2)


def test_a_list_of_orders_is_read_page_by_page(venue, short_pages):
    """Oldest first, each once; and only the newest where so many are enough."""
    placed = [ask(venue, replace(PLACE, client_order_id=f"o{n}")).order.order_id for n in range(5)]
    found, parts = whole(venue, OrdersQuery(0, 10, 0))
    assert ([order.order_id for order in found.orders], parts) == (placed, 3)
    found, parts = whole(venue, OrdersQuery(0, 2, 0))
    assert ([order.order_id for order in found.orders], parts) == (placed[-2:], 1)
    with pytest.raises(Unsupported, match="by symbol"):
        CLIENT.request(OrdersQuery(0, 10), venue.listings, venue.key, 0)
    every = ask(venue, OrdersQuery(0, 10, open_only=True)).orders
    assert [order.order_id for order in every] == placed


def test_a_list_of_fills_is_read_part_by_part(venue, short_pages):
    """Backwards by time; from a trade on it stops where that is reached."""
    for _ in range(5):
        venue.place(quantity="0.002")
        venue.place(venue.other_key, side="SELL", quantity="0.002")
    found, parts = whole(venue, FillsQuery(0, 100, 0))
    numbers = [fill.trade_id for fill in found.fills]
    assert numbers == sorted(set(numbers))
    assert (len(numbers), parts) == (5, 5), "each part begins with the last entry before"
    later, _ = whole(venue, FillsQuery(0, 100, 0, from_trade_id=numbers[-2]))
    assert [fill.trade_id for fill in later.fills] == numbers[-2:]


def test_fills_that_are_told_oldest_first_are_read_on(venue, short_pages):
    """The venue does not say how it sorts."""
    for _ in range(2):
        venue.place(quantity="0.002")
        venue.place(venue.other_key, side="SELL", quantity="0.002")
        venue.pass_time()
    query = FillsQuery(0, 100, 0)
    request = CLIENT.request(query, venue.listings, venue.key, venue.desk.now_ns + 50_000_000)
    rows = msgspec.json.decode(venue.send(request).body)
    raw = msgspec.json.encode(rows[::-1])
    outcome = CLIENT.outcome(query, Response(200, {}, raw), venue.listings, 0)
    further = CLIENT.further(query, [outcome.answer])
    assert further.start_ns == outcome.answer.fills[-1].time_ns
    assert CLIENT.further(further, [outcome.answer]) is None, "it does not go on for ever"


def test_an_order_is_found_by_either_name(venue):
    placed = ask(venue, PLACE).order
    by_name = ask(venue, OrderQuery(0, 0, client_order_id="mine")).order
    assert by_name == ask(venue, OrderQuery(0, 0, order_id=placed.order_id)).order
    assert by_name.order_id == placed.order_id
