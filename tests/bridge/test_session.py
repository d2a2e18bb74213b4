"""What the parts of a child share."""

import asyncio

import pytest
from fake_ccxt import Stand

from steelyard.bridge import session
from steelyard.bridge.library import Busy
from steelyard.domain.commands import Place
from steelyard.domain.errors import DecodeError, Unsupported
from steelyard.domain.order import OrderType, Side, TimeInForce

PLACE = Place(
    0, 0, Side.BUY, OrderType.LIMIT, TimeInForce.GTC, False, 10_000, 100_000, client_order_id="a1"
)
ORDER = {"id": "7", "side": "buy", "type": "limit", "amount": "1", "price": "100", "filled": "0"}


def test_the_market_is_asked_for_once():
    async def act() -> None:
        stand = Stand()
        assert not stand.session.is_loaded
        await stand.session.load()
        await stand.session.load()
        assert stand.session.is_loaded
        assert stand.exchange.calls["load_markets"] == 1
        assert stand.session.instrument.symbol == "BTC-USDT"

    asyncio.run(act())


def test_a_market_that_is_not_there_is_asked_for_again():
    """A venue may list it later; meanwhile each question says why it has no answer."""

    async def act() -> None:
        stand = Stand()
        markets, stand.exchange.markets = stand.exchange.markets, {}
        for _ in range(2):
            with pytest.raises(Unsupported, match="has no market"):
                await stand.session.load()
        stand.exchange.markets = markets
        await stand.session.load()

    asyncio.run(act())


def test_an_order_keeps_the_name_that_it_was_told_under_once():
    """Lists of some venues leave it out."""

    async def act() -> None:
        stand = Stand()
        await stand.session.load()
        assert stand.session.see({**ORDER, "clientOrderId": "a1"}).client_order_id == "a1"
        assert stand.session.see(ORDER).client_order_id == "a1"
        assert stand.session.number("a1") == 7
        assert stand.session.number("b1") is None

    asyncio.run(act())


def test_an_order_is_known_by_the_venues_own_words():
    """Where the library reads another id of the venue's as the client's."""

    async def act() -> None:
        stand = Stand()
        await stand.session.load()
        stand.session.placing(PLACE)
        told = {**ORDER, "clientOrderId": "0", "info": {"userref": 0, "cl_ord_id": "a1"}}
        assert stand.session.see(told).client_order_id == "a1"
        assert stand.session.see({**told, "info": {}}).client_order_id == "a1"
        other = {**told, "id": "8", "info": {"cl_ord_id": "somebody's"}}
        assert stand.session.see(other).client_order_id == "0"

    asyncio.run(act())


def test_what_is_remembered_has_a_bound(monkeypatch):
    monkeypatch.setattr(session, "KNOWN_MAX", 3)

    async def act() -> None:
        stand = Stand()
        await stand.session.load()
        for number in range(1, 6):
            stand.session.see({**ORDER, "id": str(number), "clientOrderId": f"a{number}"})
        assert list(stand.session.orders) == [3, 4, 5]
        assert stand.session.number("a2") is None

    asyncio.run(act())


def test_an_order_without_a_number_is_refused():
    async def act() -> None:
        stand = Stand()
        await stand.session.load()
        with pytest.raises(DecodeError):
            stand.session.see({**ORDER, "id": None})

    asyncio.run(act())


def test_a_request_beyond_the_budget_is_not_made(monkeypatch):
    async def act() -> None:
        stand = Stand()

        async def full(_cost: float, *, is_command: bool) -> bool:
            return is_command

        monkeypatch.setattr(stand.library.pace, "take", full)
        with pytest.raises(Busy):
            await stand.session.call("fetch2", "time")
        assert not stand.exchange.sent
        await stand.session.call("fetch2", "order", is_command=True)
        assert stand.exchange.sent

    asyncio.run(act())


def test_the_venues_clock_is_ours_less_what_we_are_ahead():
    stand = Stand()
    stand.exchange.options["timeDifference"] = 5_000
    ahead_ns = stand.session.now_ns() - stand.session.venue_now_ns()
    assert abs(ahead_ns - 5 * 10**9) < 10**9
