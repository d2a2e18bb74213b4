import asyncio

import pytest
from live_stage import LiveStage, source_of, staged

from steelyard.cli import live_source as live_source_module
from steelyard.cli.live_source import LivePlace, LiveSource, addressed, live_source, settle
from steelyard.domain.errors import ConfigError, ConnectFailed, UsageError
from steelyard.exchange.listings import LISTINGS

URL = "ws://127.0.0.1:9000"
REST = "http://127.0.0.1:9000"


@pytest.mark.parametrize(
    ("text", "places"),
    [
        ("binance", [("binance", ())]),
        ("coinbase-exchange", [("coinbase-exchange", ())]),
        ("binance:BTC-USDT", [("binance", ("BTC-USDT",))]),
        ("binance:btc/usdt, ETH-USDT", [("binance", ("BTC-USDT", "ETH-USDT"))]),
        (
            "binance:BTC-USDT,kraken,coinbase-exchange:BTC-USD",
            [("binance", ("BTC-USDT",)), ("kraken", ()), ("coinbase-exchange", ("BTC-USD",))],
        ),
    ],
)
def test_what_is_followed_is_dialects_and_symbols(text, places):
    found = live_source(text)
    assert [(place.dialect, place.symbols) for place in found.places] == places


@pytest.mark.parametrize(
    ("text", "urls", "words"),
    [
        ("lemon:BTC-USDT", (), "no dialect 'lemon'; there are"),
        ("BTC-USDT", (), "'BTC-USDT' is no dialect; write DIALECT or DIALECT:SYMBOL"),
        ("binance,BTC-USDT", (), "'BTC-USDT' is no dialect"),
        ("binance:BTCUSDT", (), "'BTCUSDT' is no symbol; write it as BTC-USDT"),
        ("binance:BTC-USDT,BTC-USDT", (), "a venue or a symbol twice"),
        ("binance:BTC-USDT,kraken:BTC-USDT", (), "a venue or a symbol twice"),
        ("binance,binance", (), "a venue or a symbol twice"),
        ("binance:" + ",".join(f"A{n}-B" for n in range(17)), (), "16 symbols at most"),
        ("binance", ("http://here:1",), r"should be ws://HOST:PORT"),
        ("binance", (f"kraken={URL}",), "'kraken' is not followed"),
        ("binance,kraken", (URL,), f"say whose, as in binance={URL}"),
    ],
)
def test_what_cannot_be_followed_is_said(text, urls, words):
    with pytest.raises(UsageError, match=words):
        live_source(text, urls)


def test_an_address_is_for_streams_and_what_is_asked():
    (one,) = live_source("binance", (URL,)).places
    assert (one.ws, one.rest) == (URL, REST)
    _, two = live_source("binance,kraken", ("kraken=wss://example.org/x",)).places
    assert (two.ws, two.rest) == ("wss://example.org/x", "https://example.org/x")


@pytest.mark.parametrize("dialect", ["binance", "kraken", "coinbase-exchange"])
def test_a_venue_of_which_no_address_is_given_is_the_venue_itself(dialect):
    place = addressed(LivePlace(dialect))
    assert place.ws.startswith("wss://")
    assert place.rest.startswith("https://")


def test_a_dialect_without_a_venue_needs_an_address():
    with pytest.raises(ConfigError, match="no public address; say where with --live-url"):
        addressed(LivePlace("native"))


FOUNDED = LiveSource((LivePlace("binance", ("BTC-USDT",), REST, URL),))


def test_a_directory_is_known_again_wherever_its_venue_is_now():
    assert live_source("binance").is_of(FOUNDED)
    assert live_source("binance:BTC-USDT", ("ws://127.0.0.1:1",)).is_of(FOUNDED)
    assert not live_source("kraken").is_of(FOUNDED)
    assert not live_source("binance:ETH-USDT").is_of(FOUNDED)
    assert not live_source("binance,kraken").is_of(FOUNDED)
    assert str(FOUNDED) == "live binance BTC-USDT"


def test_a_new_address_counts_and_without_one_the_old_does():
    moved = FOUNDED.at(live_source("binance", ("ws://127.0.0.1:1",)))
    assert moved.places[0].rest == "http://127.0.0.1:1"
    assert FOUNDED.at(live_source("binance")) == FOUNDED


def test_what_is_founded_has_the_venues_steps_and_our_numbers():
    """The venue's first asset is its own number one; here numbers are the exchange's."""

    async def run() -> LiveSource:
        async with staged(LiveStage(LISTINGS[1].instrument)) as stage:
            return await settle(live_source("binance:ETH-USDT", (stage.url,)))

    source = asyncio.run(run())
    (found,) = source.instruments
    assert found.instrument_id == 0
    eth = LISTINGS[1].instrument
    assert (found.base_asset_id, found.quote_asset_id) == (eth.base_asset_id, eth.quote_asset_id)
    assert (found.tick_size, found.lot_size) == (eth.tick_size, eth.lot_size)


def test_a_venue_that_does_not_answer_is_said_with_its_reason(monkeypatch):
    """A start waits some seconds for it, and no longer."""
    monkeypatch.setattr(live_source_module, "ASK_S", 0.5)

    async def run() -> None:
        async with staged() as stage:
            url = stage.url
        await settle(live_source("binance", (url,)))

    with pytest.raises(ConnectFailed, match=r"binance at http.*does not tell what it lists: "):
        asyncio.run(run())


def test_without_a_symbol_it_is_the_usual_one():
    async def run() -> LiveSource:
        async with staged() as stage:
            return await source_of(stage)

    assert asyncio.run(run()).places[0].symbols == ("BTC-USDT",)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("binance:DOGE-USDT", "does not list DOGE-USDT, but ETH-USDT"),
        ("binance", "lists none of BTC-USDT, BTC-USD; name a symbol"),
    ],
)
def test_what_the_venue_does_not_list_is_said_before_anything_is_founded(text, words):
    async def run() -> None:
        async with staged(LiveStage(LISTINGS[1].instrument)) as stage:
            await settle(live_source(text, (stage.url,)))

    with pytest.raises(ConfigError, match=words):
        asyncio.run(run())
