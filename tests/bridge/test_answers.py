"""One message to the venue, and what became of it."""

import asyncio

import fake_ccxt
import pytest
from fake_ccxt import FakeExchange, Stand, trade

from steelyard.bridge import answers
from steelyard.domain.commands import Amend, Cancel, CancelAll, Place
from steelyard.domain.lifecycle import OrderState
from steelyard.domain.messages import (
    AccountQuery,
    BookQuery,
    CandlesQuery,
    ClockQuery,
    FillsQuery,
    InstrumentsQuery,
    KeyAnswer,
    KeyQuery,
    OrderQuery,
    OrdersQuery,
    Refused,
    Scope,
)
from steelyard.domain.order import OrderType, RejectReason, Side, TimeInForce
from steelyard.wire.outcome import Answered, NotSent, Unknown

PLACE = Place(
    0, 0, Side.BUY, OrderType.LIMIT, TimeInForce.GTC, False, 10_000, 100_000, client_order_id="a1"
)
QUERIES = [
    InstrumentsQuery(),
    ClockQuery(),
    AccountQuery(0),
    BookQuery(0, 5),
    CandlesQuery(0, 60 * 10**9, 10),
    OrdersQuery(0, 10, 0, open_only=True),
    FillsQuery(0, 10, 0, start_ns=1),
]


def run(act, exchange: str = "binance", kind: type = FakeExchange) -> None:
    async def all_of_it() -> None:
        stand = Stand(exchange, kind)
        await stand.session.load()
        stand.perform = stand.answers.perform
        await act(stand)

    asyncio.run(all_of_it())


async def never() -> None:
    await asyncio.Event().wait()


# -- placing ------------------------------------------------------------------------------------


def test_an_order_is_placed_with_our_id():
    async def act(stand: Stand) -> None:
        outcome = await stand.perform(PLACE)
        order = outcome.answer.order
        assert (order.order_id, order.client_order_id) == (1, "a1")
        assert order.state is OrderState.WORKING
        assert stand.exchange.arguments["create_order"] == (
            "BTC/USDT",
            "limit",
            "buy",
            "1",
            "100",
            {"clientOrderId": "a1"},
        )
        assert stand.exchange.calls["fetch_order"] == 0, "the answer said it all"

    run(act)


class NoStreams(FakeExchange):
    """One that tells what becomes of orders only to who asks."""

    offers = tuple(name for name in FakeExchange.offers if name != "watchOrders")


@pytest.mark.parametrize(("kind", "asked"), [(NoStreams, 1), (FakeExchange, 0)])
def test_an_answer_with_no_more_than_a_number_is_asked_about(kind, asked):
    """Where no stream tells it; and where that fails, it has been placed all the same."""

    async def act(stand: Stand) -> None:
        async def brief() -> None:
            stand.exchange.orders["1"].update(status=None, filled=None)

        stand.exchange.acts["created"] = brief
        stand.exchange.acts["fetch_order"] = fake_ccxt.NetworkError("gone")
        outcome = await stand.perform(PLACE)
        assert stand.exchange.calls["fetch_order"] == asked
        assert outcome.answer.order.state is OrderState.WORKING
        assert outcome.answer.order.size_lots == PLACE.size_lots

    run(act, kind=kind)


@pytest.mark.parametrize(
    ("name", "error", "kind"),
    [
        ("create_order", fake_ccxt.InsufficientFunds("no"), Answered),
        ("create_order", fake_ccxt.RequestTimeout("late"), Unknown),
        ("create_order", KeyError("id"), Unknown),
        ("fetch", fake_ccxt.InvalidOrder("no"), Answered),
        ("fetch", fake_ccxt.NetworkError("reset"), Unknown),
        ("created", fake_ccxt.InvalidOrder("a second request said no"), Unknown),
        ("created", fake_ccxt.OrderNotFound("not there yet"), Unknown),
        ("created", ZeroDivisionError(), Unknown),
    ],
)
def test_an_error_after_something_was_done_is_not_a_no(name, error, kind):
    """Some exchanges are two requests to the library: the first may have placed the order."""

    async def act(stand: Stand) -> None:
        stand.exchange.acts[name] = error
        assert type(await stand.perform(PLACE)) is kind

    run(act)


@pytest.mark.parametrize(("stalls", "kind"), [("create_order", NotSent), ("fetch", Unknown)])
def test_what_takes_too_long_is_known_only_if_it_was_not_begun(monkeypatch, stalls, kind):
    """A request that waits for its turn has not left; one that waits for its answer may have."""
    monkeypatch.setattr(answers, "COMMAND_NS", 50_000_000)

    async def act(stand: Stand) -> None:
        stand.exchange.acts[stalls] = never
        assert type(await stand.perform(PLACE)) is kind

    run(act)


def test_an_order_before_the_market_is_known_is_not_sent():
    async def act() -> None:
        stand = Stand()
        outcome = await stand.answers.perform(PLACE)
        assert isinstance(outcome, NotSent)
        assert not stand.exchange.calls

    asyncio.run(act())


def test_an_order_beyond_the_budget_is_not_sent(monkeypatch):
    async def act(stand: Stand) -> None:
        async def full(_cost: float, *, is_command: bool) -> bool:
            return False

        monkeypatch.setattr(stand.library.pace, "take", full)
        stand.exchange.acts["create_order"] = lambda: stand.exchange.fetch2("order")
        assert isinstance(await stand.perform(PLACE), NotSent)
        assert not stand.exchange.sent

    run(act)


@pytest.mark.parametrize(
    "command",
    [
        Amend(0, 1, 0, 5, None),
        Place(0, 0, Side.BUY, OrderType.STOP, TimeInForce.GTC, False, None, 1, trigger_ticks=5),
    ],
)
def test_what_the_bridge_does_not_do_is_refused(command):
    async def act(stand: Stand) -> None:
        outcome = await stand.perform(command)
        assert outcome.answer.reason is RejectReason.UNSUPPORTED
        assert not stand.exchange.sent

    run(act)


# -- canceling ------------------------------------------------------------------------------------


def test_an_order_is_canceled_and_asked_about():
    async def act(stand: Stand) -> None:
        await stand.perform(PLACE)
        outcome = await stand.perform(Cancel(0, 1, 0, "a1"))
        assert outcome.answer.order.state is OrderState.CANCELED
        assert stand.exchange.arguments["cancel_order"] == ("1", "BTC/USDT", {})

    run(act)


def test_a_cancel_of_what_is_not_there_is_a_no():
    async def act(stand: Stand) -> None:
        outcome = await stand.perform(Cancel(0, 5, 0, "a1"))
        assert outcome.answer.reason is RejectReason.UNKNOWN_ORDER

    run(act)


@pytest.mark.parametrize(
    ("exchange", "asked"),
    [("binance", ("", {"clientOrderId": "a1"})), ("kraken", ("1", {}))],
)
def test_an_order_whose_number_was_never_told_is_canceled_by_our_id(exchange, asked):
    """By the id where the venue takes it, else by the number that its lists tell."""

    async def act(stand: Stand) -> None:
        await stand.exchange.create_order(
            "BTC/USDT", "limit", "buy", "1", "100", {"clientOrderId": "a1"}
        )
        outcome = await stand.perform(Cancel(0, 0, 0, "a1"))
        number, _, params = stand.exchange.arguments["cancel_order"]
        assert (number, params) == asked
        assert outcome.answer.order.state is OrderState.CANCELED

    run(act, exchange)


def test_all_orders_are_canceled_at_once():
    async def act(stand: Stand) -> None:
        assert isinstance(await stand.perform(CancelAll(0, 0)), Answered)
        assert stand.exchange.arguments["cancel_all_orders"] == ("BTC/USDT",)

    run(act)


# -- asking -------------------------------------------------------------------------------------


@pytest.mark.parametrize("exchange", ["binance", "kraken"])
@pytest.mark.parametrize("status", ["open", "closed", "canceled"])
def test_an_order_is_found_by_our_id(exchange, status):
    """Whether or not the venue can be asked for it, and whatever has become of it."""

    async def act(stand: Stand) -> None:
        found = await stand.exchange.create_order(
            "BTC/USDT", "limit", "buy", "1", "100", {"clientOrderId": "a1"}
        )
        found.update(status=status, filled="1" if status == "closed" else "0")
        outcome = await stand.perform(OrderQuery(0, 0, client_order_id="a1"))
        assert outcome.answer.order.order_id == 1
        assert outcome.answer.order.state.is_open is (status == "open")

    run(act, exchange)


@pytest.mark.parametrize("exchange", ["binance", "kraken"])
def test_an_order_that_is_not_there_is_said_not_to_be(exchange):
    """This is the evidence that ends an unknown order."""

    async def act(stand: Stand) -> None:
        outcome = await stand.perform(OrderQuery(0, 0, client_order_id="gone"))
        assert outcome.answer.reason is RejectReason.UNKNOWN_ORDER

    run(act, exchange)


@pytest.mark.parametrize("status", ["open", "closed"])
def test_a_venue_that_forgets_our_id_is_asked_for_its_lists(status):
    """Some know ids of open orders only: that alone is no evidence that one never arrived."""

    async def act(stand: Stand) -> None:
        found = await stand.exchange.create_order(
            "BTC/USDT", "limit", "buy", "1", "100", {"clientOrderId": "a1"}
        )
        found.update(status=status, filled="1" if status == "closed" else "0")
        stand.exchange.acts["fetch_order"] = fake_ccxt.OrderNotFound("forgotten")
        outcome = await stand.perform(OrderQuery(0, 0, client_order_id="a1"))
        assert outcome.answer.order.order_id == 1
        stand.exchange.acts["fetch_order"] = fake_ccxt.RequestTimeout("late")
        stand.session.orders.clear()
        stand.session._names.clear()
        outcome = await stand.perform(OrderQuery(0, 0, client_order_id="a1"))
        assert isinstance(outcome, Unknown), "a lost answer is no evidence"

    run(act)


@pytest.mark.parametrize("list_that_fails", ["fetch_open_orders", "fetch_closed_orders"])
def test_a_list_that_was_not_read_is_no_evidence(list_that_fails):
    async def act(stand: Stand) -> None:
        stand.exchange.acts[list_that_fails] = fake_ccxt.RequestTimeout("late")
        outcome = await stand.perform(OrderQuery(0, 0, client_order_id="gone"))
        assert isinstance(outcome, Unknown)

    run(act, "kraken")


@pytest.mark.parametrize("query", QUERIES, ids=lambda query: type(query).__name__)
def test_every_question_of_a_trader_has_an_answer(query):
    async def act(stand: Stand) -> None:
        outcome = await stand.perform(query)
        assert isinstance(outcome, Answered)
        assert type(outcome.answer).__name__ != "Refused"

    run(act)


@pytest.mark.parametrize("query", QUERIES, ids=lambda query: type(query).__name__)
def test_a_question_that_fails_is_no_answer(query):
    """Of whatever kind: it is asked again."""

    async def act() -> None:
        stand = Stand()
        for name in (
            "load_markets fetch_time fetch_balance fetch_order_book fetch_ohlcv fetch_open_orders"
            " fetch_my_trades"
        ).split():
            stand.exchange.acts[name] = fake_ccxt.NetworkError("gone hush")
        outcome = await stand.answers.perform(query)
        assert isinstance(outcome, Unknown)
        assert outcome.why == "NetworkError: gone ***"

    asyncio.run(act())


def test_a_question_that_hangs_ends(monkeypatch):
    monkeypatch.setattr(answers, "QUERY_S", 0.05)

    async def act(stand: Stand) -> None:
        stand.exchange.acts["fetch_balance"] = never
        assert isinstance(await stand.perform(AccountQuery(0)), Unknown)

    run(act)


def test_what_the_library_cannot_be_asked_is_refused():
    async def act(stand: Stand) -> None:
        for query in (KeyQuery("k"), OrdersQuery(0, 10, 0)):
            outcome = await stand.perform(query)
            assert outcome.answer.reason is RejectReason.UNSUPPORTED

    run(act, "coinbaseexchange")


ALL_RIGHTS = {
    "ipRestrict": False,
    "createTime": 1_700_000_000_000,
    "enableReading": True,
    "enableSpotAndMarginTrading": True,
    "enableWithdrawals": True,
}


@pytest.mark.parametrize(
    ("tells", "kind"),
    [
        (ALL_RIGHTS, KeyAnswer),
        (fake_ccxt.PermissionDenied("not you"), Refused),
        (fake_ccxt.ExchangeError("no such thing"), Refused),
        ({"createTime": "soon"}, Refused),
        (fake_ccxt.NetworkError("gone"), None),
    ],
)
def test_what_a_key_may_do_is_told_or_known_not_to_be(tells, kind):
    """Only who could be answered later is to ask again."""

    async def act(stand: Stand) -> None:
        async def rights() -> dict:
            if isinstance(tells, Exception):
                raise tells
            return tells

        stand.exchange.sapi_get_account_apirestrictions = rights
        outcome = await stand.perform(KeyQuery("k"))
        if kind is None:
            assert isinstance(outcome, Unknown)
            return
        assert isinstance(outcome.answer, kind)
        if kind is KeyAnswer:
            assert outcome.answer.scopes == frozenset(Scope)

    run(act)


def test_the_library_signs_by_the_venues_clock():
    """And not by every millisecond that was measured: some nonces must rise."""

    async def act(stand: Stand) -> None:
        outcome = await stand.perform(ClockQuery())
        ahead_ms = stand.exchange.options["timeDifference"]
        assert abs(ahead_ms - 5_000) < 400
        assert abs(outcome.answer.time_ns - stand.session.venue_now_ns()) < 10**9
        stand.exchange.options["timeDifference"] = ahead_ms + 100
        await stand.perform(ClockQuery())
        assert stand.exchange.options["timeDifference"] == ahead_ms + 100

    run(act)


def test_a_venue_without_a_clock_has_ours():
    class NoClock(FakeExchange):
        offers = tuple(name for name in FakeExchange.offers if name != "fetchTime")

    async def act(stand: Stand) -> None:
        outcome = await stand.perform(ClockQuery())
        assert abs(outcome.answer.time_ns - stand.session.now_ns()) < 10**9
        assert stand.exchange.calls["fetch_time"] == 0

    run(act, kind=NoClock)


def test_bars_of_a_length_that_is_not_there_are_none():
    async def act(stand: Stand) -> None:
        outcome = await stand.perform(CandlesQuery(0, 7 * 10**9, 10))
        assert outcome.answer.candles == ()
        outcome = await stand.perform(CandlesQuery(0, 60 * 10**9, 10))
        assert [candle.is_closed for candle in outcome.answer.candles] in (
            [True, False],
            [False] * 2,
        )

    run(act)


def test_fills_are_told_from_a_number_on_and_late_ones_too():
    """What the venue has entered late stands before the place that was asked for."""

    async def act(stand: Stand) -> None:
        now_ms = stand.exchange.milliseconds()
        stand.exchange.trades = [trade(1, now_ms - 5_000), trade(2, now_ms - 4_000, order="2")]
        outcome = await stand.perform(FillsQuery(0, 10, 0, start_ns=(now_ms - 10_000) * 10**6))
        first, second = outcome.answer.fills
        assert (first.order_id, second.order_id) == (1, 2)
        stand.exchange.trades.append(trade(3, now_ms - 6_000))
        outcome = await stand.perform(FillsQuery(0, 10, 0, from_trade_id=second.trade_id))
        assert [fill.time_ns // 10**6 - now_ms for fill in outcome.answer.fills] == [-6_000, -4_000]
        outcome = await stand.perform(FillsQuery(0, 10, 0, from_trade_id=second.trade_id + 1))
        assert outcome.answer.fills == ()
        outcome = await stand.perform(FillsQuery(0, 10, 0, order_id=2))
        assert [fill.order_id for fill in outcome.answer.fills] == [2]
        outcome = await stand.perform(FillsQuery(0, 1, 0, start_ns=(now_ms - 10_000) * 10**6))
        assert len(outcome.answer.fills) == 1

    run(act)
