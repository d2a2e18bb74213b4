from importlib import resources
from urllib.parse import parse_qsl

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from steelyard.dialects.binance import DIALECT, auth, executions
from steelyard.domain.commands import Amend, Cancel, CancelAll, Deposit, Place, PlaceGroup
from steelyard.domain.errors import AuthError, DecodeError, Unsupported
from steelyard.domain.lifecycle import OrderState
from steelyard.domain.messages import (
    AccountQuery,
    BookQuery,
    CandlesQuery,
    ClockQuery,
    FillsQuery,
    InstrumentsQuery,
    KeyQuery,
    OrderAnswer,
    OrderList,
    OrderQuery,
    OrdersQuery,
    Refused,
    StatusQuery,
    TickersQuery,
    TradesQuery,
)
from steelyard.domain.order import (
    CancelCause,
    Direction,
    FeeAsset,
    GroupKind,
    Liquidity,
    OrderType,
    RejectReason,
    Side,
    TimeInForce,
)
from steelyard.wire.dialect import ApiKey, Asker
from steelyard.wire.http import Request, Response
from steelyard.wire.limits import UNLIMITED
from steelyard.wire.outcome import Answered, NotSent, Unknown
from tests.dialects.binance.test_executions import TRAILING
from tests.dialects.binance.test_text import LISTINGS
from tests.shared.desk import BTC_USDT

CLIENT = DIALECT.client
KEY = ApiKey("KEY", b"secret")
NOW_NS = 1_700_000_000_000_000_000
PLACE = Place(
    0,
    0,
    Side.BUY,
    OrderType.LIMIT,
    TimeInForce.GTC,
    post_only=False,
    price_ticks=5_000_000,
    size_lots=1_000,
    client_order_id="mine",
)
MESSAGES = [
    PLACE,
    Cancel(0, 5, 0),
    Cancel(0, 0, 0, "mine"),
    CancelAll(0, 0),
    InstrumentsQuery(),
    ClockQuery(),
    StatusQuery(),
    BookQuery(0, 100),
    TradesQuery(0, 10),
    TradesQuery(0, 10, from_trade_id=3),
    CandlesQuery(0, 60_000_000_000, 10),
    TickersQuery((0, 1)),
    TickersQuery(),
    AccountQuery(0),
    OrderQuery(0, 0, order_id=5),
    OrderQuery(0, 0, client_order_id="mine"),
    OrdersQuery(0, 10, open_only=True),
    OrdersQuery(0, 10, 0),
    FillsQuery(0, 10, 0),
    KeyQuery("KEY"),
]
COMMANDS = [m for m in MESSAGES if isinstance(m, Place | Cancel | CancelAll)]


def endpoint_of(request: Request):
    found = [e for e in DIALECT.endpoints if (e.method, e.path) == (request.method, request.path)]
    assert len(found) == 1, request
    return found[0]


@st.composite
def places(draw) -> Place:
    """Every order that Binance has a spelling for."""
    kinds = [*executions.TYPES, *TRAILING]
    order_type, time_in_force, post_only = draw(st.sampled_from(kinds))
    instrument = draw(st.sampled_from([*LISTINGS]))
    prices = st.integers(1, instrument.price_max_ticks)
    is_trailing = order_type.trails
    stop_ticks = draw(prices) if order_type.waits else None
    spends = order_type is OrderType.MARKET and draw(st.booleans())
    rests = order_type.has_limit and time_in_force is TimeInForce.GTC
    sizes = st.integers(1, instrument.size_max_lots)
    return Place(
        7,
        instrument.instrument_id,
        draw(st.sampled_from(Side)),
        order_type,
        time_in_force,
        post_only,
        draw(prices) if order_type.has_limit else None,
        0 if spends else draw(sizes),
        draw(st.sampled_from([*executions.SELF_TRADES.values()])),
        FeeAsset.RECEIVED,
        draw(st.text("abcXYZ019-_", max_size=36)),
        quote_atoms=draw(st.integers(1, 10**18)) * 10**4 if spends else None,
        display_lots=draw(st.none() | sizes) if rests else None,
        trigger_ticks=None if is_trailing else stop_ticks,
        trail_rate_e8=draw(st.integers(1, 9_999)) * executions.BIP_E8 if is_trailing else None,
        activation_ticks=draw(st.none() | st.just(stop_ticks)) if is_trailing else None,
        activation_direction=draw(st.sampled_from(Direction)) if is_trailing else None,
    )


@given(places())
def test_a_place_survives_both_halves(place):
    """Built by the trader, read by the exchange: the same command, whatever its fields."""
    request = CLIENT.request(place, LISTINGS, KEY, NOW_NS)
    endpoint = endpoint_of(request)
    asker = Asker(7, "KEY", NOW_NS, LISTINGS, UNLIMITED)
    assert endpoint.decode(DIALECT.read(request, endpoint, {}), asker) == place


@st.composite
def groups(draw) -> PlaceGroup:
    """Every list that Binance has a request for, in the order in which it tells of it."""
    instrument = draw(st.sampled_from([*LISTINGS]))
    kind = draw(st.sampled_from([GroupKind.OCO, GroupKind.OTO, GroupKind.BRACKET]))
    side, size_lots = draw(st.sampled_from(Side)), draw(st.integers(1, instrument.size_max_lots))
    prices = st.integers(1, instrument.price_max_ticks)
    low, high = sorted(draw(st.sets(prices, min_size=2, max_size=2)))
    self_trade = draw(st.sampled_from([*executions.SELF_TRADES.values()]))

    def order(order_type, side, *, post_only=False, name="", **terms) -> Place:
        head = (7, instrument.instrument_id, side, order_type, TimeInForce.GTC, post_only)
        price = terms.pop("price_ticks", None)
        return Place(*head, price, size_lots, self_trade, FeeAsset.RECEIVED, name, **terms)

    def pair(side) -> tuple[Place, Place]:
        sells = side is Side.SELL
        stop_ticks, limit_ticks = (low, high) if sells else (high, low)
        stop = draw(
            st.sampled_from(
                [
                    order(OrderType.STOP, side, trigger_ticks=stop_ticks),
                    order(OrderType.STOP_LIMIT, side, trigger_ticks=stop_ticks, price_ticks=low),
                    order(
                        OrderType.TRAILING_STOP,
                        side,
                        trail_rate_e8=10**6,
                        activation_direction=Direction.FALL if sells else Direction.RISE,
                    ),
                ]
            )
        )
        profit = draw(
            st.sampled_from(
                [
                    order(OrderType.LIMIT, side, post_only=True, price_ticks=limit_ticks),
                    order(OrderType.TAKE_PROFIT, side, trigger_ticks=limit_ticks, name="up"),
                ]
            )
        )
        return (stop, profit) if sells else (profit, stop)

    entry = order(OrderType.LIMIT, side, price_ticks=low, name="in")
    match kind:
        case GroupKind.OCO:
            places = pair(side)
        case GroupKind.OTO:
            places = (entry, order(OrderType.STOP, draw(st.sampled_from(Side)), trigger_ticks=high))
        case _:
            places = (entry, *pair(side.opposite))
    return PlaceGroup(kind, places, draw(st.text("abcXYZ019-_", max_size=36)))


@given(groups())
def test_a_group_survives_both_halves(group):
    """Built by the trader, read by the exchange: the same orders, whatever they are."""
    request = CLIENT.request(group, LISTINGS, KEY, NOW_NS)
    endpoint = endpoint_of(request)
    asker = Asker(7, "KEY", NOW_NS, LISTINGS, UNLIMITED)
    assert endpoint.decode(DIALECT.read(request, endpoint, {}), asker) == group


def test_a_plain_limit_order_in_a_pair_is_not_sent(market):
    """The venue has LIMIT_MAKER alone there; what would be refused is told before."""
    head = (7, 0, Side.SELL, OrderType.LIMIT, TimeInForce.GTC, False)
    stop = Place(7, 0, Side.SELL, OrderType.STOP, *head[4:], None, 1_000, trigger_ticks=4_995_000)
    group = PlaceGroup(GroupKind.OCO, (stop, Place(*head, 5_008_000, 1_000)))
    with pytest.raises(Unsupported, match="say post_only"):
        CLIENT.request(group, market.listings, KEY, NOW_NS)


def test_a_list_and_an_amendment_are_answered_by_their_orders(market):
    """From our client end through the gate and back; the pair's order does not matter."""
    btc = market.listings.symbol("BTC-USDT")
    terms = (7, btc.instrument_id, Side.SELL)
    stop = Place(
        *terms, OrderType.STOP, TimeInForce.GTC, False, None, 1_000, trigger_ticks=4_995_000
    )
    limit = Place(*terms, OrderType.LIMIT, TimeInForce.GTC, True, 5_008_000, 1_000)
    outcome = market.ask(PlaceGroup(GroupKind.OCO, (limit, stop), "mine"))
    assert isinstance(outcome, Answered), outcome
    first, second = outcome.answer.orders
    assert (first.order_type, second.order_type) == (OrderType.STOP, OrderType.LIMIT)
    assert (first.trigger_ticks, second.price_ticks) == (4_995_000, 5_008_000)
    assert first.group_id == second.group_id == first.order_id
    outcome = market.ask(CancelAll(0, btc.instrument_id))
    assert {order.order_id for order in outcome.answer.orders} == {first.order_id, second.order_id}
    alone = market.place(newClientOrderId="old")
    amend = Amend(0, alone["orderId"], None, 500, None, btc.instrument_id, "new")
    answer = market.ask(amend).answer
    assert (answer.order.size_lots, answer.order.client_order_id) == (500, "new")
    assert answer.former_client_order_id == "old"


@pytest.mark.parametrize(
    "message",
    [
        PlaceGroup(GroupKind.BASKET, (PLACE, PLACE)),
        Amend(0, 5, 7, None, instrument_id=0),
        Amend(0, 5, 7, 8, instrument_id=0),
        Amend(0, 5, None, 8),
    ],
    ids=str,
)
def test_what_the_venue_does_not_offer_is_not_sent(message):
    with pytest.raises(Unsupported):
        CLIENT.request(message, LISTINGS, KEY, NOW_NS)


@pytest.mark.parametrize("message", MESSAGES, ids=lambda m: type(m).__name__)
def test_a_request_is_one_that_the_server_half_reads_and_verifies(message):
    request = CLIENT.request(message, LISTINGS, KEY, NOW_NS)
    endpoint = endpoint_of(request)
    DIALECT.read(request, endpoint, {})
    is_signed = auth.KEY_HEADER in request.headers
    assert is_signed == (endpoint.auth.name == "SIGNED")
    if is_signed:
        credentials = DIALECT.credentials(request, endpoint)
        assert DIALECT.verify(credentials, KEY.secret)
        with pytest.raises(AuthError):
            CLIENT.request(message, LISTINGS, None, NOW_NS)
    assert (CLIENT.expiry_ns(message) == 5_000_000_000) == is_signed


def test_a_new_order_is_a_form_with_the_signature_last():
    request = CLIENT.request(PLACE, LISTINGS, KEY, NOW_NS)
    assert (request.method, request.target) == ("POST", "/api/v3/order")
    assert request.headers["content-type"] == "application/x-www-form-urlencoded"
    pairs = parse_qsl(request.body.decode())
    assert pairs[:-1] == [
        ("symbol", "BTCUSDT"),
        ("side", "BUY"),
        ("type", "LIMIT"),
        ("timeInForce", "GTC"),
        ("quantity", "0.01"),
        ("price", "50000"),
        ("newClientOrderId", "mine"),
        ("newOrderRespType", "FULL"),
        ("selfTradePreventionMode", "EXPIRE_MAKER"),
        ("recvWindow", "5000"),
        ("timestamp", "1700000000000"),
    ]
    assert pairs[-1][0] == "signature"


@pytest.mark.parametrize(
    "message",
    [
        Amend(0, 5, None, 3),
        Deposit(0, 1, 1),
        Cancel(0, 5),
        CancelAll(0, None),
        OrderQuery(0, order_id=5),
        OrdersQuery(0, 10),
        FillsQuery(0, 10),
        TradesQuery(0, 10, start_ns=5),
        CandlesQuery(0, 7, 10),
        Place(0, 0, Side.BUY, OrderType.MARKET, TimeInForce.FOK, False, None, 1),
        Place(0, 0, Side.BUY, OrderType.LIMIT, TimeInForce.IOC, True, 1, 1),
    ],
    ids=repr,
)
def test_what_binance_does_not_have_is_unsupported_before_anything_is_sent(message):
    with pytest.raises(Unsupported, match="Binance"):
        CLIENT.request(message, LISTINGS, KEY, NOW_NS)


# -- both halves over a real exchange -----------------------------------------------------------


def answered(outcome):
    assert isinstance(outcome, Answered), outcome
    return outcome.answer


def test_an_order_lives_from_place_to_cancel(venue):
    """Placed, found by its client id, listed, canceled, and known as canceled afterwards."""
    placed = answered(venue.ask(PLACE))
    assert isinstance(placed, OrderAnswer)
    assert placed.order.state is OrderState.WORKING
    assert placed.fills == ()
    number = placed.order.order_id
    found = answered(venue.ask(OrderQuery(0, 0, client_order_id="mine")))
    assert found.order == placed.order
    listed = answered(venue.ask(OrdersQuery(0, 10, open_only=True)))
    assert listed == OrderList((placed.order,))
    canceled = answered(venue.ask(Cancel(0, number, 0)))
    assert canceled.order.client_order_id == "mine"
    assert canceled.order.cancel_cause is CancelCause.USER
    again = answered(venue.ask(Cancel(0, number, 0)))
    assert isinstance(again, Refused)
    assert again.reason is RejectReason.UNKNOWN_ORDER
    (ended,) = answered(venue.ask(OrdersQuery(0, 10, 0))).orders
    assert ended.state is OrderState.CANCELED


def test_an_order_whose_number_was_never_told_is_canceled_by_its_client_id(venue):
    venue.ask(PLACE)
    canceled = answered(venue.ask(Cancel(0, 0, 0, "mine")))
    assert canceled.order.state is OrderState.CANCELED


def test_what_an_order_fills_at_once_is_in_its_answer(venue):
    """The order as it is after them, and each fill with its fee in what was received."""
    for price in ("50000", "50000.01"):
        venue.place(venue.other_key, side="SELL", price=price, quantity="0.004")
    answer = answered(venue.ask(PLACE, venue.key))
    assert answer.order.state is OrderState.PARTIALLY_FILLED
    (fill,) = answer.fills
    assert (fill.price_ticks, fill.size_lots, fill.liquidity) == (5_000_000, 400, Liquidity.TAKER)
    assert fill.fee_asset_id == BTC_USDT.base_asset_id
    assert fill.fee_atoms == 400 * BTC_USDT.lot_atoms // 1_000
    theirs = venue.exchange.history.by_client_id(venue.desk.alice, "mine")
    assert (answer.order.filled_lots, answer.order.quote_atoms) == (
        theirs.filled_lots,
        theirs.quote_atoms,
    )


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"size_lots": 10**8}, RejectReason.INSUFFICIENT_BALANCE),
        ({"size_lots": 1}, RejectReason.NOTIONAL_TOO_SMALL),
        ({"post_only": True, "side": Side.SELL}, RejectReason.POST_ONLY_WOULD_TAKE),
    ],
)
def test_a_refusal_is_an_answer(venue, change, reason):
    """And says how to mend it."""
    from msgspec.structs import replace

    venue.place(venue.other_key, price="50000")
    refused = answered(venue.ask(replace(PLACE, **change)))
    assert isinstance(refused, Refused)
    assert refused.reason is reason


def test_canceling_everything_twice_is_fine(venue):
    venue.ask(PLACE)
    (canceled,) = answered(venue.ask(CancelAll(0, 0))).orders
    assert canceled.client_order_id == "mine"
    assert answered(venue.ask(CancelAll(0, 0))) == OrderList(())


def test_a_wrong_secret_is_not_sent_and_says_why(venue):
    outcome = venue.ask(PLACE, ApiKey(venue.key.key, b"wrong"))
    assert isinstance(outcome, NotSent)
    assert "-1022" in outcome.why


# -- what cannot be read ------------------------------------------------------------------------

GARBAGE = [b"", b"{", b"[]", b"5", b"null", b"\xff\xfe", b"{}", b"<html>", b"[" * 100_000]


@pytest.mark.parametrize("body", GARBAGE)
@pytest.mark.parametrize("message", COMMANDS, ids=lambda m: type(m).__name__)
def test_an_answer_to_a_command_that_cannot_be_read_is_unknown(message, body):
    """It may have happened: only evidence from the venue closes it."""
    outcome = CLIENT.outcome(message, Response(200, {}, body), LISTINGS, NOW_NS)
    is_empty_list = isinstance(message, CancelAll) and body == b"[]"
    assert isinstance(outcome, Answered if is_empty_list else Unknown)


SALE = replace(PLACE, side=Side.SELL, post_only=True)
STOP = {"order_type": OrderType.STOP, "post_only": False, "price_ticks": None}
SALES = (SALE, replace(SALE, **STOP, trigger_ticks=4_000_000))
BROKEN = [
    (CancelAll(0, 0), "order_canceled", "[%s]", '"orderId":', '"orderId":"x",".":'),
    (CancelAll(0, 0), "order_list_report", "[%s]", '"orderId":29', '"orderId":null'),
    (PlaceGroup(GroupKind.OCO, SALES), "order_list_report", "%s", '"price":', '"p":'),
    (PLACE, "order_full", "%s", '"commissionAsset":"USDT"', '"commissionAsset":"no body"'),
]


@pytest.mark.parametrize(("command", "sample", "form", "right", "wrong"), BROKEN)
def test_a_part_of_an_answer_that_cannot_be_read_makes_it_unknown(
    command, sample, form, right, wrong
):
    """One order of several, or the asset of a fee: never an error, as the whole may be true."""
    path = resources.files("steelyard.dialects.binance").joinpath("samples", f"{sample}.json")
    payload = msgspec.json.encode(msgspec.json.decode(path.read_bytes())["payload"]).decode()
    assert right in payload

    def outcome(text: str):
        body = (form % text).encode()
        return CLIENT.outcome(command, Response(200, {}, body), LISTINGS, NOW_NS)

    assert isinstance(outcome(payload), Answered)
    assert isinstance(outcome(payload.replace(right, wrong)), Unknown)


@pytest.mark.parametrize("status", [200, 201, 302, 400, 404, 500, 503])
@given(body=st.binary(max_size=60), message=st.sampled_from(MESSAGES))
def test_garbage_is_an_outcome_or_a_decode_error(status, body, message):
    """Of a command always an outcome, of a query a DecodeError at most."""
    try:
        outcome = CLIENT.outcome(message, Response(status, {}, body), LISTINGS, NOW_NS)
    except DecodeError:
        assert message not in COMMANDS
    else:
        assert isinstance(outcome, Answered | NotSent | Unknown)


# -- ids and settings ---------------------------------------------------------------------------


@given(st.integers(0, 2**128 - 1), st.integers(0, 2**128 - 1))
def test_client_ids_are_of_the_venues_form_and_as_many_as_the_numbers(one, other):
    printed = CLIENT.client_order_id(one)
    assert printed.startswith("sy")
    assert printed.isascii()
    assert printed.isalnum()
    assert len(printed) == 24
    assert (printed == CLIENT.client_order_id(other)) == (one == other)


@pytest.mark.parametrize(
    "changes",
    [
        {"slide": True},
        {"reduce_only": True},
        {"display_lots": 0},
        {"order_type": OrderType.STOP_LIMIT, "trigger_ticks": 5},  # and post_only
        {"order_type": OrderType.TRAILING_STOP, "post_only": False, "trail_ticks": 5},
        {"order_type": OrderType.TRAILING_STOP, "post_only": False, "trail_rate_e8": 5},
        {"time_in_force": TimeInForce.GTD, "expire_ns": 5},
    ],
    ids=str,
)
def test_a_term_without_a_word_is_not_left_out(changes):
    """An order that would mean something else at the venue is not sent at all."""
    place = Place(7, 0, Side.BUY, OrderType.LIMIT, TimeInForce.GTC, True, 5, 10**6)
    assert CLIENT.request(place, LISTINGS, KEY, NOW_NS)
    with pytest.raises(Unsupported):
        CLIENT.request(replace(place, **changes), LISTINGS, KEY, NOW_NS)
