"""The words of dialogues, both ways."""

from decimal import Decimal

import pytest
from msgspec.structs import replace

from steelyard.domain.commands import Amend, Cancel, CancelAll, Place, PlaceGroup
from steelyard.domain.errors import UsageError
from steelyard.domain.instrument import Listings
from steelyard.domain.lifecycle import Order, OrderState
from steelyard.domain.messages import AssetBalance, Execution, OrderEvent, Refused
from steelyard.domain.order import (
    CancelCause,
    FeeAsset,
    GroupKind,
    OrderType,
    RejectReason,
    SelfTrade,
    Side,
    TimeInForce,
    TriggerBy,
)
from steelyard.domain.units import to_atoms
from steelyard.sim.stand import BTC_USDT
from steelyard.sim.words import NOBODYS, Words, duration_ns, rate_e8
from steelyard.wire.outcome import Answered, NotSent, Unknown

NOW_NS = 1_000_000_000
LIMIT = Place(
    0, 0, Side.BUY, OrderType.LIMIT, TimeInForce.GTC, False, 5_000_000, 1_000, client_order_id="a"
)
MARKET = replace(
    LIMIT, order_type=OrderType.MARKET, time_in_force=TimeInForce.IOC, price_ticks=None
)
STOP = replace(MARKET, order_type=OrderType.STOP, time_in_force=TimeInForce.GTC)
ORDER = Order(
    order_id=7,
    client_order_id="a",
    account_id=100,
    instrument_id=0,
    side=Side.BUY,
    order_type=OrderType.LIMIT,
    time_in_force=TimeInForce.GTC,
    post_only=False,
    price_ticks=5_000_000,
    size_lots=1_000,
)


@pytest.fixture
def words() -> Words:
    return Words(BTC_USDT, Listings([BTC_USDT]))


@pytest.mark.parametrize(
    ("text", "changes"),
    [
        ("buy 0.01 @ 50000 as a", {}),
        ("buy 0.01 BTC-USDT @ 50000 gtc as a", {}),
        ("sell 0.01 @ 50000 as a", {"side": Side.SELL}),
        ("buy 0.01 @ 50000 ioc as a", {"time_in_force": TimeInForce.IOC}),
        (
            "buy 0.01 @ 50000 until +30s as a",
            {"time_in_force": TimeInForce.GTD, "expire_ns": NOW_NS + 30 * 10**9},
        ),
        ("buy 0.01 @ 50000 post-only slide as a", {"post_only": True, "slide": True}),
        ("buy 0.01 @ 50000 show 0.001 as a", {"display_lots": 100}),
        ("buy 0.01 @ 50000 hidden as a", {"display_lots": 0}),
        ("buy 0.01 @ 50000 fee token as a", {"fee_asset": FeeAsset.TOKEN}),
        ("buy 0.01 @ 50000 self-trade both as a", {"self_trade": SelfTrade.CANCEL_BOTH}),
        (
            "buy 0.01 stop 49000 by mark @ 50000 as a",
            {
                "order_type": OrderType.STOP_LIMIT,
                "trigger_ticks": 4_900_000,
                "trigger_by": TriggerBy.MARK,
            },
        ),
    ],
)
def test_a_limit_order_says_what_its_words_say(words, text, changes):
    assert words.message(["place", *text.split()], NOW_NS) == replace(LIMIT, **changes)


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("buy 0.01 market as a", MARKET),
        (
            "buy for 12.5 USDT market as a",
            replace(MARKET, size_lots=0, quote_atoms=to_atoms(Decimal("12.5"))),
        ),
        ("buy 0.01 stop 49000 as a", replace(STOP, trigger_ticks=4_900_000)),
        (
            "buy 0.01 take 49000 as a",
            replace(STOP, order_type=OrderType.TAKE_PROFIT, trigger_ticks=4_900_000),
        ),
        (
            "buy 0.01 trail 1% from 49000 as a",
            replace(
                STOP,
                order_type=OrderType.TRAILING_STOP,
                trail_rate_e8=1_000_000,
                activation_ticks=4_900_000,
            ),
        ),
        (
            "buy 0.01 trail 100 as a",
            replace(STOP, order_type=OrderType.TRAILING_STOP, trail_ticks=10_000),
        ),
    ],
)
def test_other_orders_too(words, text, place):
    assert words.message(["place", *text.split()], NOW_NS) == place


def test_a_group_is_orders_with_semicolons_between(words):
    text = "place oco buy 0.01 @ 50000 as a ; sell 0.01 @ 50000 as b"
    group = words.message(text.split(), NOW_NS)
    other = replace(LIMIT, side=Side.SELL, client_order_id="b")
    assert group == PlaceGroup(GroupKind.OCO, (LIMIT, other))


def test_orders_are_changed_by_their_numbers(words):
    """Its owner's, where two accounts use one name; nobody's, where none does."""
    words.learn(ORDER, "alice")
    words.learn(replace(ORDER, order_id=8), "bob")
    assert words.message(["cancel", "a"], 0, "alice") == Cancel(0, 7, 0, "a")
    assert words.message(["cancel", "a"], 0, "bob") == Cancel(0, 8, 0, "a")
    assert words.message(["cancel", "a"], 0, "carol") == Cancel(0, 7, 0, "a")
    assert words.message(["cancel", "b"], 0, "alice") == Cancel(0, NOBODYS, 0, "b")
    assert words.message(["cancel", "all"], 0) == CancelAll(0, 0)
    amend = words.message("amend a to 0.02 @ 50001".split(), 0, "alice")
    assert amend == Amend(0, 7, 5_000_100, 2_000, None, 0, "a")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("dance", "'dance' is nothing that a participant says"),
        ("place buy", "'buy' is no order; write buy or sell and how much"),
        ("place buy 0.01 @ 50000", "has no name: end it with `as mine-1`"),
        ("place buy 0.01 as a", "an order has a price, as in `@ 50000`, or the word market"),
        ("place buy 0.01 @ 5 market as a", "and not both"),
        ("place buy 0.01 @ 5 quickly as a", "'quickly' says nothing about an order; these words"),
        ("place buy lots @ 5 as a", "'lots' is no number"),
        ("place buy 1 @ 5 fee gold as a", "fee 'gold' is none; there are quote, received, token"),
        ("place buy 1 @ 5 until +soon as a", "'soon' is no duration: write 500ms, 30s, 5m or 1h"),
        ("amend a by 5", "'by 5' is no amendment: write to SIZE"),
        ("amend a", "'' is no amendment"),
    ],
)
def test_a_slip_of_the_pen_is_told_with_what_was_wanted(words, text, told):
    with pytest.raises(UsageError) as error:
        words.message(text.split(), 0)
    assert told in str(error.value)


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({}, "a open 0.01 @ 50000"),
        ({"filled_lots": 400}, "a open, filled 0.004 of 0.01 @ 50000"),
        ({"filled_lots": 1_000, "state": OrderState.FILLED}, "a filled 0.01"),
        ({"filled_lots": 400, "state": OrderState.CANCELED}, "a canceled, filled 0.004 of 0.01"),
        ({"state": OrderState.EXPIRED}, "a expired, filled 0 of 0.01"),
        ({"price_ticks": None}, "a open 0.01"),
        (
            {"size_lots": 0, "spend_atoms": to_atoms(Decimal(5)), "price_ticks": None},
            "a open for 5 USDT",
        ),
    ],
)
def test_an_order_in_words(words, changes, text):
    assert words.order(replace(ORDER, **changes)) == text


@pytest.mark.parametrize(
    ("execution", "changes", "text"),
    [
        (Execution.NEW, {}, "order a active"),
        (Execution.TRIGGERED, {}, "order a active"),
        (Execution.RELEASED, {}, "order a active"),
        (Execution.AMENDED, {"size_lots": 500}, "order a amended to 0.005 @ 50000"),
        (
            Execution.CANCELED,
            {"state": OrderState.CANCELED, "cancel_cause": CancelCause.USER},
            "order a canceled left 0.01",
        ),
        (
            Execution.EXPIRED,
            {"state": OrderState.EXPIRED, "cancel_cause": CancelCause.IOC_REMAINDER},
            "order a expired left 0.01 IOC_REMAINDER",
        ),
        (
            Execution.EXPIRED,
            {"state": OrderState.FILLED, "filled_lots": 1_000},
            "order a done, filled 0.01",
        ),
        (Execution.REJECTED, {"state": OrderState.REJECTED}, "order a rejected"),
    ],
)
def test_what_happened_to_an_order_in_words(words, execution, changes, text):
    event = OrderEvent(execution, replace(ORDER, **changes), None, 0)
    assert words.event(event, is_new=False) == text


def test_a_new_order_is_told_as_it_is(words):
    event = OrderEvent(Execution.NEW, ORDER, None, 0)
    assert words.event(event, is_new=True) == "order a open 0.01 @ 50000"


def test_what_came_back_in_words(words):
    def told(outcome):
        return words.outcome(outcome, LIMIT)

    assert told(Answered(Refused(RejectReason.UNKNOWN_ORDER, "x"))) == "refused UNKNOWN_ORDER"
    assert told(NotSent("x")) == "not taken"
    assert told(NotSent("x", 1)) == "not taken, ask again later"
    assert told(NotSent("x", 1, is_denied=True)) == "not taken, denied"
    assert told(Unknown("who knows")) == "unknown: who knows"


def test_money_and_books_in_words(words):
    balances = [AssetBalance(2, to_atoms(Decimal("0.5")), 0), AssetBalance(1, 0, 0)]
    assert words.balances(balances) == "USDT 0.5 free 0 held"
    assert words.book([(5_000_000, 1_000), (4_999_999, 1)], []) == (
        "50000:0.01 49999.99:0.00001 | -"
    )
    assert words.level(Side.SELL, 5_000_000, 0) == "book ask 50000 gone"
    assert words.level(Side.BUY, 5_000_000, 1) == "book bid 50000 0.00001"


def test_numbers_in_words():
    assert rate_e8("0.1%") == 100_000
    assert [duration_ns(text) for text in ("500ms", "30s", "5m", "1h")] == [
        500_000_000,
        30_000_000_000,
        300_000_000_000,
        3_600_000_000_000,
    ]
    with pytest.raises(UsageError, match="the unit 'sm' is none; there are ms, s, m, h"):
        duration_ns("5sm")


def test_trades_after_each_other_at_one_price_are_one_where_they_are_told_so():
    """Of one side; others stay apart, and so does what comes between."""
    words = Words(BTC_USDT, Listings([BTC_USDT]))
    told = ["trade buy 0.01 @ 50000", "trade buy 0.02 @ 50000", "trade sell 0.02 @ 50000"]
    assert words.joined_trades([*told, "book ask 50000 gone", told[2], "trade sell 1 @ 4"]) == [
        *("trade buy 0.03 @ 50000", told[2], "book ask 50000 gone", told[2], "trade sell 1 @ 4"),
    ]
