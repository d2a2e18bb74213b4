import pytest
from hypothesis import given
from hypothesis import strategies as st

from steelyard.dialects.native import DIALECT, auth, errors
from steelyard.domain.commands import Amend, Cancel, CancelAll, Deposit, Place, PlaceGroup
from steelyard.domain.errors import Unsupported, UsageError
from steelyard.domain.lifecycle import OrderState
from steelyard.domain.messages import (
    MINUTE_NS,
    AccountQuery,
    BookQuery,
    CandlesQuery,
    ClockQuery,
    FillsQuery,
    InstrumentsQuery,
    KeyQuery,
    OrderQuery,
    OrdersQuery,
    Refused,
    StatusQuery,
    TickersQuery,
    TradesQuery,
)
from steelyard.domain.order import GroupKind, OrderType, RejectReason, Side, TimeInForce
from steelyard.wire.dialect import AccessReason, ChannelKind, Refusal
from steelyard.wire.http import Response
from steelyard.wire.outcome import Answered, NotSent, Unknown
from tests.dialects.native.venue import Venue

CLIENT = DIALECT.client
MS = 1_000_000


def buy(venue: Venue, *, price: int | None = 6_100_000, lots: int = 1_000, name: str = "") -> Place:
    order_type = OrderType.MARKET if price is None else OrderType.LIMIT
    time_in_force = TimeInForce.IOC if price is None else TimeInForce.GTC
    return Place(
        venue.desk.alice,
        0,
        Side.BUY,
        order_type,
        time_in_force,
        False,
        price,
        lots,
        client_order_id=name,
    )


def ask(venue: Venue, message, key=None):
    """Client to bytes to gate to bytes to client."""
    now_ns = venue.desk.now_ns + 50 * MS
    request = CLIENT.request(message, venue.listings, key or venue.key, now_ns)
    return CLIENT.outcome(message, venue.send(request), venue.listings, now_ns)


def answer(venue: Venue, message):
    outcome = ask(venue, message)
    assert isinstance(outcome, Answered), outcome
    return outcome.answer


def test_a_trader_sees_what_the_exchange_knows(venue):
    """Orders and fills come back in ticks, lots and atoms, on the millisecond."""
    venue.place(venue.other_key, side="sell", size="0.004", price="61000.00")
    placed = answer(venue, buy(venue, name="a-1"))
    kept = venue.exchange.history.by_client_id(venue.desk.alice, "a-1")
    assert (placed.order.state, placed.order.filled_lots) == (OrderState.PARTIALLY_FILLED, 400)
    for name in kept.__struct_fields__:
        ours, theirs = getattr(kept, name), getattr(placed.order, name)
        assert theirs == (ours // MS * MS if ours and name.endswith("_ns") else ours), name
    assert [fill.fee_atoms for fill in placed.fills] == [
        fill.fee_atoms for fill in venue.exchange.history.fills_of(kept)
    ]


def test_every_query_is_answered(venue):
    """With the answer that belongs to it, and what was asked for in it."""
    venue.place(venue.other_key, side="sell", size="0.004", price="61000.00")
    account_id = venue.desk.alice
    order_id = answer(venue, buy(venue, name="a-1")).order.order_id
    assert answer(venue, ClockQuery()).time_ns == venue.desk.now_ns
    assert answer(venue, StatusQuery()).market == "none"
    assert [i.symbol for i in answer(venue, InstrumentsQuery()).instruments] == [
        "BTC-USDT",
        "ETH-BTC",
    ]
    book = answer(venue, BookQuery(0, 5_000))
    assert (book.bids, book.asks) == (((6_100_000, 600),), ())
    assert answer(venue, TradesQuery(0, 10)).trades[0].size_lots == 400
    assert answer(venue, CandlesQuery(0, MINUTE_NS, 10)).candles[-1].volume_lots == 400
    assert len(answer(venue, TickersQuery()).tickers) == 2
    assert [t.instrument_id for t in answer(venue, TickersQuery((1,))).tickers] == [1]
    assert [t.instrument_id for t in answer(venue, TickersQuery((0, 1))).tickers] == [0, 1]
    account = answer(venue, AccountQuery(account_id))
    assert (account.account_id, account.taker_rate_e8) == (account_id, 100_000)
    assert answer(venue, KeyQuery("")).key == venue.key.key
    by_id = answer(venue, OrderQuery(account_id, order_id=order_id)).order
    assert by_id == answer(venue, OrderQuery(account_id, client_order_id="a-1")).order
    assert answer(venue, OrdersQuery(account_id, 10, 0, open_only=True)).orders == (by_id,)
    assert answer(venue, OrdersQuery(account_id, 10, from_order_id=order_id + 1)).orders == ()
    fills = answer(venue, FillsQuery(account_id, 10, order_id=order_id)).fills
    assert (fills[0].order_id, fills[0].account_id) == (order_id, account_id)
    assert (
        answer(venue, FillsQuery(account_id, 10, from_trade_id=fills[0].trade_id + 1)).fills == ()
    )
    assert answer(venue, Cancel(account_id, order_id)).order.state is OrderState.CANCELED
    assert answer(venue, CancelAll(account_id, None)).orders == ()


def test_times_of_a_query_widen_to_milliseconds(venue):
    """What happened within the nanoseconds that were asked for is never left out."""
    venue.place(venue.other_key, side="sell", size="0.01", price="61000.00")
    answer(venue, buy(venue))
    fill = venue.exchange.history.fills(FillsQuery(venue.desk.alice, 1))[0]
    span = {"start_ns": fill.time_ns, "end_ns": fill.time_ns}
    assert len(answer(venue, FillsQuery(venue.desk.alice, 10, **span)).fills) == 1
    later = FillsQuery(venue.desk.alice, 10, start_ns=fill.time_ns + MS)
    assert answer(venue, later).fills == ()
    request = CLIENT.request(
        TradesQuery(0, 5_000, start_ns=1_999_999, end_ns=1_000_001), venue.listings, None, 0
    )
    assert request.target == "/api/v1/trades?symbol=BTC-USDT&start=1&end=2&limit=1000"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"lots": 9_000_000_000}, RejectReason.SIZE_TOO_LARGE),
        ({"lots": 1}, RejectReason.NOTIONAL_TOO_SMALL),
        ({"lots": 800_000_000}, RejectReason.INSUFFICIENT_BALANCE),
        ({"price": 99_999_999_999}, RejectReason.PRICE_OUT_OF_RANGE),
    ],
)
def test_a_refusal_is_an_answer_with_its_reason(venue, changes, reason):
    """The trader learns why, by code."""
    outcome = ask(venue, buy(venue, **changes))
    assert isinstance(outcome, Answered)
    assert isinstance(outcome.answer, Refused)
    assert outcome.answer.reason is reason


def test_sent_again_is_answered_with_the_same_order(venue):
    """An unknown outcome is resolved by asking once more."""
    place = buy(venue, name="once")
    first, second = answer(venue, place), answer(venue, place)
    assert first.order == second.order


def test_a_key_that_is_not_accepted_sends_nothing(venue):
    """Nothing was taken up, and the reason is told."""
    stranger = venue.key._replace(secret=b"wrong")
    outcome = ask(venue, buy(venue), stranger)
    assert isinstance(outcome, NotSent)
    assert outcome.why.startswith("BAD_SIGNATURE: ")


def test_signed_requests_need_a_key(venue):
    """Public ones do not."""
    with pytest.raises(UsageError, match="is signed: give a key"):
        CLIENT.request(AccountQuery(1), venue.listings, None, 0)
    assert auth.KEY not in CLIENT.request(ClockQuery(), venue.listings, None, 0).headers


@pytest.mark.parametrize("message", [Amend(100, 1, 5, None), Deposit(100, 1, 1)])
def test_what_cannot_be_said_is_unsupported(venue, message):
    """A deposit, and an Amend that does not name its instrument, so that its ticks are no price."""
    with pytest.raises(Unsupported, match=r"cannot be sent|needs instrument_id"):
        CLIENT.request(message, venue.listings, venue.key, 0)


def test_names_are_within_the_charset():
    """128 bits are 32 digits, and fit the pattern of a client_order_id."""
    assert CLIENT.client_order_id(2**128 - 1) == "f" * 32
    assert CLIENT.client_order_id(0) == "0" * 32


def test_a_request_is_dead_after_its_window(venue):
    """What was signed 5 s ago is not taken up any more."""
    request = CLIENT.request(buy(venue), venue.listings, venue.key, venue.desk.now_ns)
    venue.desk.now_ns += CLIENT.expiry_ns(buy(venue)) + MS
    outcome = CLIENT.outcome(buy(venue), venue.send(request), venue.listings, 0)
    assert isinstance(outcome, NotSent)
    assert "STALE_TIMESTAMP" in outcome.why


def test_sessions_are_those_of_the_stream(venue):
    """Market data needs no key; one connection has bounded channels."""
    listed = tuple(venue.listings)
    session = CLIENT.market_session(listed, venue.listings, frozenset({ChannelKind.BOOK}))
    assert (session.role, session.target) == ("market", "/ws/v1")
    private = CLIENT.private_session(venue.key, venue.listings, 0)
    assert (private.role, private.ready) == ("private", False)
    with pytest.raises(Unsupported, match="201 channels on one connection"):
        CLIENT.market_session(listed[:1] * 201, venue.listings, frozenset({ChannelKind.BOOK}))


MESSAGES = [
    Place(100, 0, Side.BUY, OrderType.MARKET, TimeInForce.IOC, False, None, 1),
    PlaceGroup(
        GroupKind.BASKET,
        (Place(100, 0, Side.SELL, OrderType.MARKET, TimeInForce.IOC, False, None, 1),) * 2,
    ),
    Cancel(100, 1),
    CancelAll(100, None),
    ClockQuery(),
    StatusQuery(),
    InstrumentsQuery(),
    AccountQuery(100),
    KeyQuery(""),
    BookQuery(0, 1),
    TradesQuery(0, 1),
    CandlesQuery(0, MINUTE_NS, 1),
    TickersQuery(),
    OrderQuery(100, order_id=1),
    OrdersQuery(100, 1),
    FillsQuery(100, 1),
]
LISTINGS = Venue().listings


@given(
    st.sampled_from(MESSAGES), st.sampled_from([200, 201, 302, 400, 500]), st.binary(max_size=60)
)
def test_garbage_proves_nothing(message, status, body):
    """Whatever a broken proxy answers, the outcome is Unknown and nothing is raised."""
    outcome = CLIENT.outcome(message, Response(status, {}, body), LISTINGS, 0)
    assert isinstance(outcome, Unknown)


@given(st.sampled_from(MESSAGES), st.data())
def test_a_damaged_answer_proves_nothing_or_is_still_one(message, data):
    """A real answer with a byte changed is either read or Unknown."""
    venue = Venue()
    venue.place(client_order_id="a")
    request = CLIENT.request(message, venue.listings, venue.key, venue.desk.now_ns + 50 * MS)
    response = venue.send(request)
    position = data.draw(st.integers(0, len(response.body) - 1))
    byte = data.draw(st.binary(max_size=2))
    damaged = response.body[:position] + byte + response.body[position + 1 :]
    outcome = CLIENT.outcome(message, response._replace(body=damaged), venue.listings, 0)
    assert isinstance(outcome, Answered | Unknown | NotSent)


def test_deep_nesting_is_not_read():
    """It would need a deep stack, so it is taken for garbage."""
    response = Response(200, {}, b'{"x":' * 50_000)
    assert isinstance(CLIENT.outcome(ClockQuery(), response, LISTINGS, 0), Unknown)


def test_a_refusal_of_a_query_may_be_asked_again():
    """A question changes nothing, so nothing is unknown about it."""
    response = errors.refuse(Refusal(AccessReason.UNAVAILABLE, "stopping"), 0)
    assert isinstance(CLIENT.outcome(ClockQuery(), response, LISTINGS, 0), NotSent)
