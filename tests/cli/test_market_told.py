"""What an exchange tells of its market comes back as it was; what is not ours tells nothing."""

import asyncio
import json
from random import Random
from urllib.request import urlopen

import msgspec
import pytest

from steelyard.cli.dialect_venue import DialectVenue
from steelyard.cli.live_source import LivePlace, LiveSource
from steelyard.cli.market_source import CrowdSource, market_response
from steelyard.cli.market_told import MARKET_PATH, market_in
from steelyard.trading.actions import MarketTold
from steelyard.trading.config import VenueTable
from steelyard.wire.dialect import ApiKey
from steelyard.wire.http import Response

LIVE = LiveSource(
    (
        LivePlace("binance", ("BTC-USDT",), "https://a.example", "wss://a.example/x?y=1"),
        LivePlace("kraken", ("ETH-USD",), "", "ws://127.0.0.1:8601"),
    )
)


@pytest.mark.parametrize(
    ("source", "symbol", "told"),
    [
        (CrowdSource(), "BTC-USDT", MarketTold("crowd")),
        (LIVE, "BTC-USDT", MarketTold("live", "binance wss://a.example")),
        (LIVE, "ETH-USD", MarketTold("live", "kraken ws://127.0.0.1:8601")),
        (LIVE, "SOL-USD", MarketTold("live")),
    ],
)
def test_a_market_comes_back_by_its_symbol(source, symbol, told):
    """Of an address only what names the host is told."""
    assert market_in(market_response(source), symbol) == told


@pytest.mark.parametrize(
    "response",
    [
        Response(404, {}, b"{}"),
        Response(200, {}, b""),
        Response(200, {}, b"[]"),
        Response(200, {}, b'{"steelyard": 1}'),
        Response(404, {}, b'{"steelyard": "live"}'),
        Response(200, {}, msgspec.json.encode({"steelyard": "x" * 201})),
    ],
)
def test_what_is_no_such_answer_tells_nothing(response):
    assert market_in(response, "BTC-USDT") == MarketTold()


def test_a_bot_asks_on_the_port_that_it_trades_on(exchange):
    """Each port tells, also a venue's; a port where nobody is tells nothing."""
    stepped = []

    class Owner:
        note = now_ns = venue_now_ns = lambda *_: 1

        def step(self, event):
            stepped.append(event)

    async def asked(rest):
        table = VenueTable(dialect="binance", key="env:X", rest=rest, ws="ws://127.0.0.1:1")
        venue = DialectVenue(Owner(), table, ApiKey("k", b"s"), Random(1), practice="BTC-USDT")
        await venue._learn_market()
        await venue.close()

    asyncio.run(asked(exchange.url("binance")))
    asyncio.run(asked("http://127.0.0.1:1"))
    assert stepped == [MarketTold("crowd"), MarketTold()]
    with urlopen(exchange.url("native") + MARKET_PATH, timeout=5) as answer:
        assert json.load(answer) == {"steelyard": "crowd", "follows": {}}


def test_a_connection_that_a_restart_has_ended_is_no_answer():
    """The next one asks whoever is there now; a run would have no market until the next break."""
    stepped, served = [], []

    class Owner:
        note = now_ns = venue_now_ns = lambda *_: 1

        def step(self, event):
            stepped.append(event)

    async def serve(reader, writer):
        served.append(writer)
        body = json.dumps({"steelyard": "crowd" if len(served) == 1 else "tape"}).encode()
        while await reader.readuntil(b"\r\n\r\n"):
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
            if len(served) == 1:  # the next request finds nobody
                await reader.readuntil(b"\r\n\r\n")
                break
        writer.close()

    async def asked():
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        rest = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        table = VenueTable(dialect="binance", key="env:X", rest=rest, ws="ws://127.0.0.1:1")
        venue = DialectVenue(Owner(), table, ApiKey("k", b"s"), Random(1), practice="BTC-USDT")
        await venue._learn_market()
        await venue._learn_market()
        await venue.close()
        for writer in served:
            writer.close()
        server.close()

    asyncio.run(asked())
    assert stepped == [MarketTold("crowd"), MarketTold("tape")]
