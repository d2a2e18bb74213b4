"""A program of one's own on a live exchange, in either dialect."""

import asyncio
from decimal import Decimal

import pytest

from steelyard.connection import Connection
from steelyard.domain.commands import Cancel, Place
from steelyard.domain.errors import ConfigError, ConnectFailed, PeerError, VenueRejected
from steelyard.domain.messages import OrderEvent
from steelyard.domain.order import OrderType, RejectReason, Side, TimeInForce
from steelyard.testing import LocalExchange
from steelyard.wire.dialect import ApiKey

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def exchange(tmp_path_factory):
    with LocalExchange(tmp_path_factory.mktemp("connection") / "data", "--crowd", "1") as started:
        yield started


def connection(exchange: LocalExchange, dialect: str, name: str) -> Connection:
    key = exchange.trader(f"{name}-{dialect}", {"USDT": "10000"}, dialect=dialect)
    places = (exchange.url(dialect), exchange.url(dialect, "ws"))
    return Connection(dialect, *places, ApiKey(key["key"], key["secret"].encode()))


@pytest.mark.parametrize("dialect", ["binance", "native"])
def test_a_program_follows_a_market_and_trades(exchange, dialect):
    """Its book moves and has no trouble; what it places is told to it; a no is an error."""

    async def main() -> list[str]:
        async with asyncio.timeout(40), connection(exchange, dialect, "trades") as venue:
            book = await venue.follow("BTC-USDT")
            assert venue.trouble() is None
            sequence = book.sequence
            while book.sequence == sequence:  # noqa: ASYNC110 what is waited for knows no event
                await asyncio.sleep(0.02)
            market = book.instrument
            assert book.best_bid < book.best_ask
            terms = (Side.BUY, OrderType.LIMIT, TimeInForce.GTC)
            price, size = market.price_ticks(Decimal(20_000)), market.size_lots(Decimal("0.002"))
            name = venue.new_id()
            place = Place(
                *(0, market.instrument_id, *terms),
                post_only=False, price_ticks=price, size_lots=size, client_order_id=name,
            )  # fmt: skip
            order = (await venue.ask(place)).order
            with pytest.raises(VenueRejected) as caught:
                await venue.ask(Place(
                    *(0, market.instrument_id, *terms),
                    post_only=False, price_ticks=price, size_lots=10**6 * size,
                    client_order_id=venue.new_id(),
                ))  # fmt: skip
            assert caught.value.reason in {
                RejectReason.INSUFFICIENT_BALANCE,
                RejectReason.SIZE_TOO_LARGE,
                RejectReason.SIZE_OFF_LOT,
            }
            await venue.ask(Cancel(0, order.order_id, market.instrument_id, name))
            told = []
            while len(told) < 2:
                event = await venue.events.get()
                if isinstance(event, OrderEvent) and event.order.client_order_id == name:
                    told.append(event.order.state.name)
            with pytest.raises(PeerError, match="is followed"):
                await venue.follow("ETH-USDT")
            return told

    assert asyncio.run(main()) == ["WORKING", "CANCELED"]


def test_a_book_that_breaks_is_mended(exchange):
    """A gap: the book says so, and a snapshot comes by itself."""

    async def main() -> None:
        async with asyncio.timeout(40), connection(exchange, "binance", "mends") as venue:
            book = await venue.follow("BTC-USDT")
            book.reset("a test")
            assert venue.trouble() == "a test; waiting for a new snapshot"
            while venue.trouble():  # noqa: ASYNC110 what is waited for knows no event
                await asyncio.sleep(0.02)
            assert book.snapshots >= 2

    asyncio.run(main())


def test_nobody_there_and_places_elsewhere():
    """An error that says so; other machines are refused before anything is sent."""

    async def main() -> None:
        async with Connection(
            "binance", "http://127.0.0.1:1", "ws://127.0.0.1:1", ApiKey("k", b"s")
        ):
            pass

    with pytest.raises(ConnectFailed):
        asyncio.run(main())
    with pytest.raises(ConfigError, match="not on this machine"):
        Connection("binance", "http://192.0.2.1:80", "ws://127.0.0.1:1", ApiKey("k", b"s"))
