"""What the venue sent to a recorder in 2021: instruments, books and streams, and what they mean.

Futures have captures of their own, and another API.
"""

from decimal import Decimal

import msgspec
import pytest
from payloads import SAME, again, unnamed
from recordings import answers, heard

from steelyard.dialects.binance import DIALECT, messages, stream, tables
from steelyard.domain.instrument import Listings
from steelyard.domain.messages import (
    MINUTE_NS,
    BookDelta,
    BookQuery,
    Candle,
    InstrumentsQuery,
    Touch,
)
from steelyard.domain.order import MarketState
from steelyard.domain.units import ATOMS_PER_UNIT
from steelyard.wire.choice import new_reader
from steelyard.wire.http import Response
from steelyard.wire.outcome import Answered
from tests.dialects.binance.test_payloads import MS, NOW_NS, answered, spot

INSTRUMENTS, BOOKS, STREAMS = "BINANCE.0.gz", "BINANCE.http.0.0.gz", "BINANCE.ws.1.0.gz"

# Of filters: their rules are the venue's to check, and ours has none of them.
FILTERS_NOT_KEPT = {
    "symbols[].filters[].multiplierUp": "PERCENT_PRICE: ours is told by side",
    "symbols[].filters[].multiplierDown": "likewise",
    "symbols[].filters[].applyToMarket": "MIN_NOTIONAL: NOTIONAL has taken its place",
    "symbols[].filters[].maxPosition": "MAX_POSITION: nobody has one here",
}
NEWER_THAN_2021 = (
    *("allowTrailingStop", "cancelReplaceAllowed", "amendAllowed", "otoAllowed", "opoAllowed"),
    *("pegInstructionsAllowed", "permissionSets"),
    *("defaultSelfTradePreventionMode", "allowedSelfTradePreventionModes"),
)


@pytest.fixture(scope="module")
def instruments(shared_data) -> tuple[str, object]:
    """The captured list of all instruments, and what the trader makes of it."""
    ((_, body),) = answers(shared_data / "captures" / INSTRUMENTS)
    return body, answered(InstrumentsQuery())(body)


def test_captured_instruments_come_out_as_they_came_in(instruments):
    body, _ = instruments
    found = again(body, messages.ExchangeInfo)
    assert found.lost == set(FILTERS_NOT_KEPT)
    assert found.added == {f"symbols[].{name}" for name in NEWER_THAN_2021}
    assert found.changed == set()


def test_captured_instruments_have_the_steps_and_limits_that_their_filters_say(instruments):
    """Each spot market that traded, read once more by hand."""
    body, listed = instruments
    states = dict(zip((it.symbol for it in listed.instruments), listed.states, strict=True))
    by_symbol = {it.base + it.quote: it for it in listed.instruments}
    for symbol in msgspec.json.decode(body)["symbols"]:
        found = by_symbol.pop(symbol["symbol"], None)
        if symbol["status"] == "BREAK" or not symbol["isSpotTradingAllowed"]:
            assert found is None, symbol["symbol"]
            continue
        rules = {rule["filterType"]: rule for rule in symbol["filters"]}
        price, lot = rules["PRICE_FILTER"], rules["LOT_SIZE"]
        assert found is not None, symbol["symbol"]
        assert (found.base, found.quote) == (symbol["baseAsset"], symbol["quoteAsset"])
        assert found.tick_size == Decimal(price["tickSize"])
        assert found.price(found.price_max_ticks) <= Decimal(price["maxPrice"])
        assert found.price(found.price_max_ticks + 1) > Decimal(price["maxPrice"])
        assert found.lot_size == Decimal(lot["stepSize"])
        assert found.size(found.size_min_lots) == Decimal(lot["minQty"])
        assert found.size(found.size_max_lots) <= Decimal(lot["maxQty"])
        assert found.size(found.size_max_lots + 1) > Decimal(lot["maxQty"])
        least = Decimal(found.notional_min_atoms) / ATOMS_PER_UNIT
        assert least == Decimal(rules["MIN_NOTIONAL"]["minNotional"])
        assert states[found.symbol] is MarketState.OPEN
    assert by_symbol == {}
    assert len(listed.instruments) == 1_222


def test_captured_books_come_out_as_they_came_in_and_have_every_level(shared_data):
    """Prices and sizes as decimals, level by level, in steps as fine as those of older orders."""
    seen = {}
    fine = spot(0, "ANY-OTHER", "0.00000001", "0.0001")
    for address, body in answers(shared_data / "captures" / BOOKS):
        assert again(body, messages.Depth) == SAME
        outcome = DIALECT.client.outcome(
            BookQuery(0, 1_000), Response(200, {}, body.encode()), Listings([fine]), NOW_NS
        )
        assert isinstance(outcome, Answered)
        book, told = outcome.answer, msgspec.json.decode(body)
        assert book.sequence == told["lastUpdateId"]
        for levels, side in ((book.bids, told["bids"]), (book.asks, told["asks"])):
            as_decimals = [(fine.price(p), fine.size(s)) for p, s in levels]
            assert as_decimals == [(Decimal(p), Decimal(s)) for p, s in side]
        symbol = address.partition("symbol=")[2].partition("&")[0]
        seen[symbol] = (len(book.bids), len(book.asks))
    assert seen == {
        "NKNUSDT": (609, 1000),
        "BLZETH": (174, 1000),
        "LRCBTC": (176, 1000),
        "RUNEEUR": (221, 468),
    }


def test_captured_streams_mean_what_they_say(shared_data, instruments):
    """Frames of four markets through the client end, with the native reader and without it."""
    _, listed = instruments
    symbols = ("NKNUSDT", "BLZETH", "LRCBTC", "RUNEEUR")
    found = {it.base + it.quote: it for it in listed.instruments}
    markets = Listings(
        [msgspec.structs.replace(found[s], instrument_id=n) for n, s in enumerate(symbols)]
    )
    session = DIALECT.client.market_session([*markets], markets, frozenset(stream.SUBSCRIBED))
    scanner = new_reader(tables.MARKET, [tables.steps(it) for it in markets])
    counts = dict.fromkeys(("depth", "bookTicker", "aggTrade", "kline_1m", "natively"), 0)
    for text in heard(shared_data / "captures" / STREAMS):
        frame = text.encode()
        session.receive(text, NOW_NS)
        _, events = session.drain()
        name = msgspec.json.decode(frame)["stream"].split("@")[1]
        counts[name] += 1
        data = msgspec.json.decode(frame)["data"]
        assert [said(event, markets) for event in events] == meant(name, data)
        assert events == [it for it in [stream.event_of(frame, markets, NOW_NS)] if it is not None]
        told = scanner.scan(frame) if scanner is not None else None
        assert told is None or [tables.event_of(told, told[1], NOW_NS)] == events
        counts["natively"] += told is not None
    natively = 177 + 84 if scanner is not None else 0
    events_of = {"depth": 177, "bookTicker": 84, "aggTrade": 2, "kline_1m": 2}
    assert counts == {**events_of, "natively": natively}


def said(event, listings: Listings):
    """Return an event in plain decimals, with the venue's name of its market."""
    it = listings[event.instrument_id]
    name = it.base + it.quote
    match event:
        case BookDelta():
            sides = [
                [(it.price(p), it.size(s)) for p, s in side] for side in (event.bids, event.asks)
            ]
            return name, event.first_sequence, event.last_sequence, *sides, event.time_ns // MS
        case Touch():
            bid = (it.price(event.bid_ticks), it.size(event.bid_lots))
            ask = (it.price(event.ask_ticks), it.size(event.ask_lots))
            return name, event.sequence, bid, ask, event.time_ns
        case Candle():
            prices = (event.open_ticks, event.high_ticks, event.low_ticks, event.close_ticks)
            return (
                *(name, event.open_ns // MS, event.interval_ns, *map(it.price, prices)),
                *(it.size(event.volume_lots), Decimal(event.quote_atoms) / ATOMS_PER_UNIT),
                *(event.trade_count, event.first_trade_id, event.last_trade_id, event.is_closed),
            )


def meant(name: str, data: dict) -> list:
    """Return what `said` has to tell of a payload; of aggregate trades a trader hears nothing."""
    match name:
        case "depth":
            sides = [[(Decimal(p), Decimal(s)) for p, s in data[side]] for side in "ba"]
            return [(data["s"], data["U"], data["u"], *sides, data["E"])]
        case "bookTicker":
            bid, ask = ((Decimal(data[p]), Decimal(data[s])) for p, s in ("bB", "aA"))
            return [(data["s"], data["u"], bid, ask, NOW_NS)]
        case "kline_1m":
            k = data["k"]
            prices = (Decimal(k[key]) for key in "ohlc")
            volumes = (Decimal(k["v"]), Decimal(k["q"]))
            return [
                (data["s"], k["t"], MINUTE_NS, *prices, *volumes, k["n"], k["f"], k["L"], k["x"])
            ]
        case _:
            return []


def test_no_capture_is_forgotten(shared_data):
    names = [path.name for path in (shared_data / "captures").glob("BINANCE*")]
    assert unnamed(names, (INSTRUMENTS, BOOKS, STREAMS), {"BINANCE_FUTURES": "another API"}) == []
