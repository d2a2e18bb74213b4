"""The library's object, made so that nothing of it surprises us."""

import asyncio

import pytest
from fake_ccxt import REST, FakeExchange, Stand

from steelyard.bridge.library import TIMEOUT_MS, Library, load
from steelyard.bridge.loopback import LoopbackConnector
from steelyard.bridge.pipe import VERSION, Configure
from steelyard.domain.errors import ConfigError, Unsupported
from steelyard.wire.capabilities import Lookup, Source


def configure(**changes) -> Configure:
    settings = {"urls": {"api": {"rest": REST}}, **changes}
    return Configure(VERSION, "binance", "BTC-USDT", settings, True, "the-key", "hush", "words")


def test_it_is_made_with_the_key_with_texts_for_numbers_and_without_second_tries():
    """A setting of the user's does not change that."""
    options = {"maxRetriesOnFailure": 5, "recvWindow": 60_000, "defaultType": "spot"}
    library = Library(
        configure(timeout=60_000, options=options, enableRateLimit=False), FakeExchange
    )
    exchange = library.exchange
    config = exchange.config
    assert (config["apiKey"], config["secret"], config["password"]) == ("the-key", "hush", "words")
    assert exchange.number is str
    assert exchange.headers == {"X-Other": "a"}, "what goes with every request has no mark either"
    assert exchange.timeout == TIMEOUT_MS
    assert config["enableRateLimit"] is True
    assert exchange.options["maxRetriesOnFailure"] == 0
    assert exchange.options["recvWindow"] == 5_000, "the row says for how long an order is good"
    assert exchange.options["defaultType"] == "spot"


def test_it_is_not_made_where_it_could_leave_this_machine():
    with pytest.raises(ConfigError, match="no address of this machine"):
        Library(configure(urls={}), FakeExchange)
    with pytest.raises(ConfigError, match="not this machine"):
        Library(configure(urls={"api": {"x": "https://example.com"}}), FakeExchange)


def test_streams_of_a_market_have_numbers_that_can_be_sorted():
    """By an object of their own, which is made and confined as the other one is."""
    library = Library(configure(), FakeExchange)
    assert library.market is not library.exchange
    assert library.market.number is float
    assert library.market.config == library.exchange.config
    library.exchange.markets = {"A/B": {}}
    library.share_markets()
    assert library.market.markets == {"A/B": {}}


def test_its_connections_are_confined():
    async def act() -> None:
        library = Library(configure(), FakeExchange)
        await library.open()
        assert isinstance(library.exchange.session.connector, LoopbackConnector)
        assert library.exchange.own_session is False
        await library.close()
        assert library.exchange.is_closed
        assert library.market.is_closed
        assert library.market.session is library.exchange.session
        assert library.exchange.session.closed

    asyncio.run(act())


def test_what_it_sends_is_looked_at_and_noted():
    """A mark is not let through; whether something was done at the venue is known."""

    async def act() -> None:
        library = Library(configure(), FakeExchange)
        sent = library.watch()
        fetch = library.exchange.fetch
        await fetch("http://h/", "GET", {"Referer": "x", "A": "b"})
        assert (sent.began, sent.did) == (False, False)
        with pytest.raises(Unsupported, match="broker's id"):
            await fetch("http://h/", "POST", None, "id=x-MARKED77")
        assert (sent.began, sent.did) == (False, False)
        library.exchange.acts["fetch"] = ZeroDivisionError()
        with pytest.raises(ZeroDivisionError):
            await fetch("http://h/", "POST", None, "id=1")
        assert (sent.began, sent.did) == (True, False)
        library.exchange.acts.clear()
        await fetch("http://h/", "DELETE")
        assert (sent.began, sent.did) == (True, True)
        assert library.exchange.sent[0] == ("http://h/", "GET", {"A": "b"}, None)

    asyncio.run(act())


@pytest.mark.parametrize(
    ("exchange", "nonces"), [("kraken", [7, 8, 9, 10]), ("binance", [7, 7, 7, 7])]
)
def test_nonces_arrive_in_their_order_where_they_have_to(exchange, nonces):
    """Whoever asks at the same time: one is signed when the one before has been answered."""

    async def act() -> None:
        stand = Stand(exchange)
        gate = asyncio.Event()
        stand.exchange.acts["fetch"] = gate.wait
        asking = [asyncio.ensure_future(stand.exchange.fetch2(f"{n}")) for n in range(4)]
        await asyncio.sleep(0.01)
        assert len(stand.exchange.sent) == (1 if exchange == "kraken" else 4)
        gate.set()
        assert await asyncio.gather(*asking) == nonces
        assert [body for *_, body in stand.exchange.sent] == [str(nonce) for nonce in nonces]

    asyncio.run(act())


def test_an_order_stands_neither_behind_the_budget_nor_behind_who_waits_for_it():
    """Where requests go one by one, none holds its turn while it waits for the budget."""

    async def act() -> None:
        stand = Stand("kraken")
        library = stand.library
        await library.pace.take(100_000, is_command=False)  # the next one waits for long
        waiting = asyncio.ensure_future(stand.session.call("fetch2", "history"))
        await asyncio.sleep(0.01)
        with library.urgent(is_urgent=True):
            config = {"cost": 0}
            order = stand.exchange.fetch2("order", "private", "POST", {}, config)
            await asyncio.wait_for(order, 1)
        assert [url.rpartition("/")[2] for url, *_ in stand.exchange.sent] == ["order"]
        assert not waiting.done()
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)

    asyncio.run(act())


def test_both_objects_of_a_venue_have_one_budget():
    library = Library(configure(), FakeExchange)
    taken = []

    async def take(cost: float, *, is_command: bool) -> bool:
        taken.append((cost, is_command))
        return True

    async def act() -> None:
        library.pace.take = take
        await library.exchange.fetch2("a")
        with library.urgent(is_urgent=True):
            await library.market.fetch2("b", "public", "GET", {}, {"cost": 7})

    asyncio.run(act())
    assert taken == [(1, False), (7, True)]


@pytest.mark.parametrize(
    ("lacks", "changed"),
    [
        ((), {}),
        (("fetchOrder",), {"lookup": Lookup.NONE}),
        (("watchOrderBook",), {"market": Source.POLLED}),
        (("watchOrderBook", "fetchOrderBook"), {"market": Source.NONE}),
        (("watchOrders",), {"account": Source.POLLED}),
        (("watchOrders", "fetchOpenOrders"), {"account": Source.NONE, "has_open_orders": False}),
        (("fetchMyTrades",), {"has_fills": False}),
        (("fetchBalance",), {"has_balances": False}),
        (("cancelOrder",), {"has_cancel": False}),
        (("fetchTime",), {"has_clock": False}),
        (("fetchOHLCV",), {"has_candles": False}),
    ],
)
def test_what_it_lacks_is_told(lacks, changed):
    """By what the library says that it has."""

    class Lacking(FakeExchange):
        offers = tuple(name for name in FakeExchange.offers if name not in lacks)

    whole = Stand().library.capabilities("ccxt:binance")
    found = Stand(kind=Lacking).library.capabilities("ccxt:binance")
    differ = {
        name: getattr(found, name)
        for name in found.__struct_fields__
        if getattr(found, name) != getattr(whole, name)
    }
    assert differ == changed


def test_a_venue_without_lookup_by_our_id_needs_lists_that_tell_it():
    class NoLists(FakeExchange):
        offers = tuple(name for name in FakeExchange.offers if name != "fetchClosedOrders")

    assert Stand("kraken").library.capabilities("x").lookup is Lookup.LISTS
    assert Stand("kraken", NoLists).library.capabilities("x").lookup is Lookup.NONE


def test_order_types_are_those_that_the_library_lists():
    found = Stand().library.capabilities("x").order_types
    assert found == ("LIMIT GTC", "LIMIT IOC", "LIMIT post-only", "MARKET IOC")


@pytest.mark.slow
def test_an_exchange_that_the_library_does_not_have_is_named():
    with pytest.raises(ConfigError, match="ccxt has no exchange 'nowhere'"):
        asyncio.run(load("nowhere"))


def test_a_library_that_is_not_there_is_asked_for(monkeypatch):
    from steelyard.bridge import library

    def no_import(name: str) -> None:
        raise ModuleNotFoundError(name)

    monkeypatch.setattr(library, "import_module", no_import)
    with pytest.raises(ConfigError, match=r"pip install 'steelyard\[venues\]'"):
        asyncio.run(load("binance"))
