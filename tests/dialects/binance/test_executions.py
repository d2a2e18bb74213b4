import itertools
from importlib import resources

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from steelyard.dialects.binance import executions
from steelyard.dialects.binance.frames import ExecutionReport
from steelyard.dialects.binance.messages import OrderInfo, OrderResult
from steelyard.domain.errors import DecodeError
from steelyard.domain.lifecycle import Fill, Order, OrderState
from steelyard.domain.messages import Execution, OrderEvent
from steelyard.domain.order import (
    FIELDS,
    CancelCause,
    Direction,
    FeeAsset,
    GroupKind,
    Liquidity,
    OrderType,
    SelfTrade,
    Side,
    TimeInForce,
)
from tests.dialects.binance.test_text import LISTINGS

T_NS = 1_700_000_000_000_000_000
MS = 1_000_000
EXPIRED = {
    c: c not in {CancelCause.USER, CancelCause.ADMIN, CancelCause.SIBLING} for c in CancelCause
}


def state_of(cause: CancelCause) -> OrderState:
    return OrderState.EXPIRED if EXPIRED[cause] else OrderState.CANCELED


# The venue's other names of STOP_LOSS and the like, with a trailingDelta.
TRAILING = [
    (OrderType.TRAILING_STOP, TimeInForce.GTC, False),
    *((OrderType.TRAILING_STOP_LIMIT, f, False) for f in TimeInForce if f is not TimeInForce.GTD),
]
ENDS = [
    (OrderState.WORKING, None),
    (OrderState.PARTIALLY_FILLED, None),
    (OrderState.FILLED, None),
    *((state_of(cause), cause) for cause in executions.CAUSES.values()),
    *((state_of(cause), cause) for cause in (CancelCause.USER, CancelCause.SELF_TRADE)),
]
steps = st.integers(1, 10**9)


@st.composite
def orders(draw) -> Order:
    """Any order that a client may see: account 0, whole milliseconds."""
    kinds = [*executions.TYPES, *TRAILING]
    order_type, time_in_force, post_only = draw(st.sampled_from(kinds))
    instrument = draw(st.sampled_from([*LISTINGS]))
    state, cause = draw(st.sampled_from(ENDS))
    size_lots = draw(steps)
    is_trailing = order_type.trails
    stop_ticks = draw(steps) if order_type.waits else None
    spend_atoms = draw(st.none() | steps) if order_type is OrderType.MARKET else None
    is_pending = state is OrderState.WORKING and draw(st.booleans())
    created_ns = T_NS + draw(st.integers(0, 10**6)) * MS
    return Order(
        order_id=draw(st.integers(1, 2**53)),
        client_order_id=draw(st.text("abcXYZ019-_", min_size=1, max_size=36)),
        account_id=0,
        instrument_id=instrument.instrument_id,
        side=draw(st.sampled_from(Side)),
        order_type=order_type,
        time_in_force=time_in_force,
        post_only=post_only,
        price_ticks=draw(steps) if order_type.has_limit else None,
        size_lots=0 if spend_atoms else size_lots,
        self_trade=draw(st.sampled_from(SelfTrade)),
        fee_asset=FeeAsset.RECEIVED,
        state=state,
        filled_lots=draw(st.integers(0, size_lots)),
        quote_atoms=draw(st.integers(0, 10**20)),
        created_ns=created_ns,
        updated_ns=created_ns + draw(st.integers(0, 10**6)) * MS,
        cancel_cause=cause,
        spend_atoms=spend_atoms,
        display_lots=draw(st.none() | steps) if order_type.has_limit else None,
        trigger_ticks=None if is_trailing else stop_ticks,
        trail_rate_e8=draw(st.integers(1, 9_999)) * executions.BIP_E8 if is_trailing else None,
        activation_ticks=draw(st.none() | st.just(stop_ticks)) if is_trailing else None,
        activation_direction=draw(st.sampled_from(Direction)) if is_trailing else None,
        group_id=draw(st.integers(1, 2**53)) if is_pending else 0,
        group_kind=GroupKind.OTO if is_pending else None,
        is_pending=is_pending,
    )


def as_told(order: Order) -> Order:
    """Return what is left of an order: the venue tells a list's number, and not its kind here."""
    return msgspec.structs.replace(order, group_kind=None)


@st.composite
def fills(draw, order: Order) -> Fill:
    instrument = LISTINGS[order.instrument_id]
    price_ticks, size_lots = draw(steps), draw(steps)
    return Fill(
        trade_id=draw(st.integers(1, 2**53)),
        order_id=order.order_id,
        client_order_id=order.client_order_id,
        account_id=0,
        instrument_id=order.instrument_id,
        side=order.side,
        price_ticks=price_ticks,
        size_lots=size_lots,
        quote_atoms=instrument.notional_atoms(price_ticks, size_lots),
        liquidity=draw(st.sampled_from(Liquidity)),
        fee_asset_id=draw(st.sampled_from([instrument.base_asset_id, instrument.quote_asset_id])),
        fee_atoms=draw(st.integers(0, 10**20)),
        time_ns=order.updated_ns,
    )


def over_the_wire(message, kind):
    return msgspec.json.decode(msgspec.json.encode(message), type=kind)


@given(orders())
def test_an_order_survives_both_answers(order):
    """Of a query, and of placing or canceling: every field comes back."""
    info = over_the_wire(executions.info_to_wire(order, LISTINGS), OrderInfo)
    assert executions.info_from_wire(info, LISTINGS) == as_told(order)
    result = over_the_wire(executions.result_to_wire(order, LISTINGS), OrderResult)
    told = as_told(order)
    if order.waits or order.is_pending:
        told.created_ns = order.updated_ns  # an answer tells since when it works, or nothing
    assert executions.result_from_wire(result, LISTINGS) == told


def execution_of(order: Order) -> Execution:
    if order.cancel_cause is None:
        return Execution.NEW
    return Execution.EXPIRED if EXPIRED[order.cancel_cause] else Execution.CANCELED


@given(st.data())
def test_an_order_event_survives_an_execution_report(data):
    """New, filled, canceled, expired, amended: order, fill and time come back."""
    order = data.draw(orders())
    is_fill = order.cancel_cause is None and data.draw(st.booleans())
    fill = data.draw(fills(order)) if is_fill else None
    execution = Execution.FILL if is_fill else execution_of(order)
    request_id = "a-cancel" if order.cancel_cause is CancelCause.USER else ""
    event = OrderEvent(execution, order, fill, order.updated_ns, request_id)
    report = over_the_wire(executions.report_to_wire(event, LISTINGS), ExecutionReport)
    told = executions.report_from_wire(report, LISTINGS)
    assert told == msgspec.structs.replace(event, order=as_told(order))


@given(st.data())
def test_a_fill_survives_the_answer_to_a_new_order(data):
    order = data.draw(orders())
    fill = msgspec.structs.replace(data.draw(fills(order)), liquidity=Liquidity.TAKER)
    wire = executions.fill_to_wire(fill, LISTINGS)
    assert executions.fill_from_wire(wire, order, LISTINGS) == fill


@pytest.mark.parametrize(
    ("cause", "status", "reason", "execution"),
    [
        (CancelCause.USER, "CANCELED", None, "CANCELED"),
        (CancelCause.IOC_REMAINDER, "EXPIRED", "UNFILLED_IOC_QUANTITY_EXPIRED", "EXPIRED"),
        (CancelCause.FOK_UNFILLABLE, "EXPIRED", "UNFILLED_FOK_ORDER_EXPIRED", "EXPIRED"),
        (CancelCause.NO_LIQUIDITY, "EXPIRED", "INSUFFICIENT_LIQUIDITY", "EXPIRED"),
        (CancelCause.SELF_TRADE, "EXPIRED_IN_MATCH", None, "TRADE_PREVENTION"),
        (CancelCause.ADMIN, "EXPIRED", "EXCHANGE_CANCELED", "EXPIRED"),
        (CancelCause.SIBLING, "EXPIRED", "OCO_TRIGGER", "EXPIRED"),
        (CancelCause.PARENT, "EXPIRED", "OTO_PHASE_ONE_EXPIRED", "EXPIRED"),
        (CancelCause.PRICE_BAND, "EXPIRED", "EXECUTION_RULE_PRICE_RANGE_EXCEEDED", "EXPIRED"),
    ],
)
def test_how_an_order_ended_is_said_as_the_venue_says_it(cause, status, reason, execution):
    assert executions.ENDS[cause] == (status, reason, execution)


def test_every_end_execution_and_type_has_words():
    """A new member of the domain cannot be forgotten here, and no order is without a spelling."""
    assert set(executions.ENDS) == set(CancelCause)
    assert set(executions.SHOWN_TYPES) == {each for each in OrderType if not each.trails}
    assert set(executions.SELF_TRADE_NAMES) == set(SelfTrade)
    told = {*executions.EXECUTION_NAMES, *executions.EXECUTIONS.values()}
    assert told == set(Execution)
    for reason, cause in executions.CAUSES.items():
        assert executions.ENDS[cause][1] == reason


STOP = Order(
    order_id=29,
    client_order_id="stop",
    account_id=0,
    instrument_id=0,
    side=Side.SELL,
    order_type=OrderType.STOP_LIMIT,
    time_in_force=TimeInForce.GTD,
    post_only=False,
    price_ticks=4_900_000,
    size_lots=1_000,
    fee_asset=FeeAsset.RECEIVED,
    created_ns=T_NS,
    updated_ns=T_NS,
    trigger_ticks=4_950_000,
    display_lots=100,
    expire_ns=T_NS + 1,
)


def test_an_order_from_another_dialect_is_shown_in_the_nearest_words():
    """A stop waits (workingTime -1, w false); spot has no GTD, so it reads as GTC."""
    info = executions.info_to_wire(STOP, LISTINGS)
    assert (info.type, info.timeInForce, info.isWorking, info.workingTime) == (
        "STOP_LOSS_LIMIT",
        "GTC",
        False,
        -1,
    )
    assert (info.stopPrice, info.icebergQty) == ("49500.00000000", "0.00100000")
    read = executions.info_from_wire(info, LISTINGS)
    same = {"order_type", "price_ticks", "trigger_ticks", "size_lots", "state", "created_ns"}
    assert {n: getattr(read, n) for n in same} == {n: getattr(STOP, n) for n in same}
    report = executions.report_to_wire(OrderEvent(Execution.NEW, STOP, None, T_NS), LISTINGS)
    assert (report.x, report.X, report.w, report.P, report.W) == (
        "NEW",
        "NEW",
        False,
        "49500.00000000",
        msgspec.UNSET,
    )
    assert executions.report_from_wire(report, LISTINGS).order == read


def test_a_triggered_stop_stays_new_and_now_works():
    """The venue has no execution type of its own for it."""
    triggered = msgspec.structs.replace(STOP, triggered_ns=T_NS + 5 * MS, updated_ns=T_NS + 5 * MS)
    event = OrderEvent(Execution.TRIGGERED, triggered, None, T_NS + 5 * MS)
    report = executions.report_to_wire(event, LISTINGS)
    assert (report.x, report.X, report.w) == ("NEW", "NEW", True)
    assert report.W == (T_NS + 5 * MS) // MS


@pytest.mark.parametrize(
    ("order_type", "time_in_force", "post_only"),
    [
        (order_type, time_in_force, post_only)
        for order_type, fields in FIELDS.items()
        for time_in_force in sorted(fields.time_in_force)
        for post_only in ((False, True) if fields.post_only else (False,))
    ],
)
def test_every_order_of_another_dialect_is_readable(order_type, time_in_force, post_only):
    """A list with one in it does not break a reader."""
    order = msgspec.structs.replace(
        STOP,
        order_type=order_type,
        time_in_force=time_in_force,
        post_only=post_only,
        price_ticks=5 if order_type.has_limit else None,
    )
    read = executions.info_from_wire(executions.info_to_wire(order, LISTINGS), LISTINGS)
    followed = {
        OrderType.TRAILING_STOP: OrderType.STOP,
        OrderType.TRAILING_STOP_LIMIT: OrderType.STOP_LIMIT,
    }
    kind = followed.get(order_type, order_type)
    assert (read.order_type, read.price_ticks) == (kind, order.price_ticks)


def test_a_market_order_that_has_spent_its_amount_ends_filled():
    """Its last event is no trade; the status tells that it is done."""
    done = msgspec.structs.replace(
        ORDER,
        order_type=OrderType.MARKET,
        time_in_force=TimeInForce.IOC,
        price_ticks=None,
        size_lots=0,
        spend_atoms=10**12,
        filled_lots=7,
        state=OrderState.FILLED,
    )
    report = executions.report_to_wire(OrderEvent(Execution.CANCELED, done, None, T_NS), LISTINGS)
    assert (report.x, report.X, report.q, report.Q) == (
        "EXPIRED",
        "FILLED",
        "0.00007000",
        "1.00000000",
    )


ORDER = Order(
    order_id=28,
    client_order_id="mine",
    account_id=0,
    instrument_id=0,
    side=Side.BUY,
    order_type=OrderType.LIMIT,
    time_in_force=TimeInForce.GTC,
    post_only=False,
    price_ticks=5_000_000,
    size_lots=1_000,
    created_ns=T_NS,
    updated_ns=T_NS,
)


def test_a_cancel_is_told_under_an_id_of_its_own():
    """C is the order's client id and c the cancel's: ccxt and hummingbot rely on it."""
    canceled = msgspec.structs.replace(
        ORDER, state=OrderState.CANCELED, cancel_cause=CancelCause.USER
    )
    report = executions.report_to_wire(
        OrderEvent(Execution.CANCELED, canceled, None, T_NS), LISTINGS
    )
    assert (report.C, report.x, report.X, report.w) == ("mine", "CANCELED", "CANCELED", False)
    assert report.c not in {"", "mine"}
    assert executions.report_from_wire(report, LISTINGS).order.client_order_id == "mine"


def test_what_is_no_trade_has_zeros_and_no_asset():
    report = executions.report_to_wire(OrderEvent(Execution.NEW, ORDER, None, T_NS), LISTINGS)
    assert (report.l, report.L, report.Y) == ("0.00000000",) * 3
    assert (report.n, report.N, report.t, report.C) == ("0", None, -1, "")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("s", "NOPEUSDT"),
        ("S", "HOLD"),
        ("o", "TRAILING_STOP_MARKET"),
        ("f", "GTX"),
        ("X", "LOST"),
        ("x", "VANISHED"),
        ("p", "5.001"),
        ("q", "x"),
        ("Z", "1e5"),
    ],
)
def test_a_report_of_something_unknown_is_an_error(field, value):
    """Nothing is guessed: the trader hears that it does not understand."""
    report = executions.report_to_wire(OrderEvent(Execution.NEW, ORDER, None, T_NS), LISTINGS)
    odd = msgspec.structs.replace(report, **{field: value})
    with pytest.raises(DecodeError):
        executions.report_from_wire(odd, LISTINGS)


def test_every_combination_has_one_spelling():
    """What FIELDS allows and Binance has is in TYPES, and nothing else."""
    missing = {
        combination
        for combination in itertools.product(OrderType, TimeInForce, (False, True))
        if combination not in executions.TYPES
    }
    assert {(t.name, f.name) for t, f, post_only in missing if not post_only} == {
        ("LIMIT", "GTD"),  # not on spot
        ("MARKET", "GTC"),  # no such thing
        ("MARKET", "GTD"),
        ("MARKET", "FOK"),  # not on Binance
        *((t.name, "GTD") for t in OrderType if t.waits),
        *((t, f) for t in ("STOP", "TAKE_PROFIT") for f in ("IOC", "FOK")),
        *((t.name, f) for t in OrderType if t.trails for f in ("GTC", "IOC", "FOK")),
    }
    assert len(executions.FROM_TYPES) == len(executions.TYPES)


@pytest.mark.parametrize(
    ("told", "names"), [({"c": "mine", "C": ""}, ("mine", "")), ({"C": "mine"}, ("mine", "its"))]
)
def test_a_cancel_may_have_no_name_of_its_own(told, names):
    """Then `c` is the order's name, and `C` is empty."""
    report = sample_report("canceled")
    report = msgspec.structs.replace(report, **{"c": "its", **told})
    event = executions.report_from_wire(report, LISTINGS)
    assert (event.order.client_order_id, event.request_id) == names


def sample_report(name: str) -> ExecutionReport:
    """Return the sample of a report."""
    folder = resources.files("steelyard.dialects.binance").joinpath("samples")
    path = folder.joinpath(f"execution_report_{name}.json")
    payload = msgspec.json.decode(path.read_bytes())["payload"]
    return msgspec.convert(payload, ExecutionReport)
