"""Recorded messages, read by us and written again, are the same to ccxt, number by number.

What is read goes through the domain's ticks, lots and atoms, and comes out as the exchange would
tell it; ccxt reads both and has to find the same values. Symbols have steps as fine as the
records' numbers.
"""

import gzip
import json
from itertools import islice

import msgspec
import pytest
from ccxt_judge import (
    SNAPSHOTS,
    STREAMS,
    SYMBOLS,
    captured,
    client_of,
    exchange_info,
    heard,
    payload,
    without,
)

from steelyard.dialects.binance import account, candles, executions, market, stream, trades
from steelyard.dialects.binance.account_messages import MyTrade
from steelyard.dialects.binance.frames import AccountPosition, ExecutionReport
from steelyard.dialects.binance.messages import (
    Depth,
    ExchangeInfo,
    OrderFill,
    OrderInfo,
    OrderResult,
    PublicTrade,
    Ticker24h,
)
from steelyard.domain.instrument import Instrument, Listings
from steelyard.domain.order import MarketState

pytestmark = pytest.mark.slow

NOW_NS = 1_700_000_000_000_000_000
FRAMES = 2_000  # of the five minutes of 2024
ASSETS = ("BTC", "ETH", "BNB", "LTC", "NKN", "BLZ", "LRC", "RUNE", "EUR", "USDT")


def _asset(name):
    return ASSETS.index(name) + 1, name


def _fine(number, symbol):
    tick_size, lot_size = ("0.01", "0.00001") if symbol == "BTCUSDT" else ("0.00000001", "0.0001")
    quote = next(q for q in ("USDT", "BTC", "ETH", "EUR") if symbol.endswith(q))
    return Instrument.spot(
        number,
        _asset(symbol.removesuffix(quote)),
        _asset(quote),
        tick_size=tick_size,
        lot_size=lot_size,
        price_max="1000000",
        size_max="1000000",
        notional_min="0",
    )


MARKETS = [_fine(number, symbol) for number, symbol in enumerate(SYMBOLS)]
HERE = Listings(MARKETS)


def _of(symbol):
    return MARKETS[SYMBOLS.index(symbol)]


@pytest.fixture(scope="module")
def infos(shared_data):
    return [info for info in exchange_info(shared_data)["symbols"] if info["symbol"] in SYMBOLS]


@pytest.fixture(scope="module")
def judge(infos):
    return client_of(infos)


# -- REST ------------------------------------------------------------------------------------------


def _read(raw, kind):
    return msgspec.convert(raw, kind)


def _my_trade(raw):
    wire = _read(raw, MyTrade)
    return account.fill_to_wire(account.fill_from_wire(wire, _of(wire.symbol), HERE), HERE)


def _info(raw):
    return executions.info_to_wire(executions.info_from_wire(_read(raw, OrderInfo), HERE), HERE)


def _result(raw):
    wire = _read(raw, OrderResult)
    order = executions.result_from_wire(wire, HERE)
    fills = tuple(
        executions.fill_to_wire(executions.fill_from_wire(fill, order, HERE), HERE)
        for fill in _read(raw["fills"], tuple[OrderFill, ...])
    )
    return msgspec.structs.replace(executions.result_to_wire(order, HERE), fills=fills)


def _trade(raw):
    market_of = _of("BNBBTC")
    return trades.trade_to_wire(trades.trade_from_wire(_read(raw, PublicTrade), market_of), HERE)


def _ticker(raw):
    wire = _read(raw, Ticker24h)
    return candles.ticker_to_wire(candles.ticker_from_wire(wire, _of(wire.symbol)), HERE)


def _parse_trade(judge, raw):
    return judge.parse_trade(raw, judge.market("BNB/BTC"))


# How it is written again, how ccxt reads it, and what cannot be the same.
ANSWERS = {
    "account_trades": (_my_trade, _parse_trade, ()),
    "all_orders": (_info, lambda judge, raw: judge.parse_order(raw), ()),
    "new_order_full": (_result, lambda judge, raw: judge.parse_order(raw), ()),
    "trades": (_trade, _parse_trade, ()),
    # Its average price is not what its volumes make it, which is what ours is.
    "ticker_24hr": (_ticker, lambda judge, raw: judge.parse_ticker(raw), ("vwap",)),
}


@pytest.mark.parametrize("name", ANSWERS)
def test_an_answer_keeps_its_values(shared_data, judge, name):
    written, parse, but_for = ANSWERS[name]
    recorded = payload(shared_data, f"http_json__{name}_response")
    recorded = recorded[0] if isinstance(recorded, list) else recorded
    ours = json.loads(msgspec.json.encode(written(recorded)))
    found, expected = (parse(judge, raw) for raw in (ours, recorded))
    assert without(found, "info", *but_for) == without(expected, "info", *but_for)


def test_books_keep_their_levels(shared_data, judge):
    for url, recorded in captured(shared_data, SNAPSHOTS):
        symbol = url.partition("symbol=")[2].partition("&")[0]
        book = market.book_from_wire(_read(recorded, Depth), _of(symbol), 5_000, NOW_NS)
        ours = json.loads(msgspec.json.encode(market.depth_to_wire(book, HERE)))
        assert judge.parse_order_book(ours, symbol) == judge.parse_order_book(recorded, symbol)


def test_markets_keep_their_steps_and_limits(shared_data, judge):
    """All that trade, as ccxt rounds and checks orders by them."""
    raw = exchange_info(shared_data)
    recorded = {info["symbol"]: info for info in raw["symbols"]}
    listed = market.instruments_from_wire(_read(raw, ExchangeInfo)).instruments
    assert len(listed) > 1_000
    for instrument in listed:
        ours = json.loads(
            msgspec.json.encode(market.instrument_to_wire(instrument, MarketState.OPEN))
        )
        found, expected = (judge.parse_market(info) for info in (ours, recorded[ours["symbol"]]))
        for name in ("id", "symbol", "base", "quote", "type", "spot"):
            assert found[name] == expected[name], ours["symbol"]
        for name in ("price", "amount"):  # amounts of money have eight decimals here, also fiat's
            assert found["precision"][name] == expected["precision"][name], ours["symbol"]
        assert found["limits"]["amount"] == expected["limits"]["amount"], ours["symbol"]
        # There is no smallest price here but the tick, and a largest one is a whole one.
        beyond = expected["limits"]["price"]["max"] - found["limits"]["price"]["max"]
        assert 0 <= beyond < found["precision"]["price"], ours["symbol"]
        assert found["limits"]["cost"]["min"] == expected["limits"]["cost"]["min"], ours["symbol"]


# -- streams ---------------------------------------------------------------------------------------


def _told_again(frame, listings):
    """Return a combined frame as we would send what it tells, or None where we read nothing."""
    event = stream.event_of(json.dumps(frame), listings, NOW_NS)
    if event is None:
        return None
    told = json.loads(msgspec.json.encode(stream.payload_of(frame["stream"], event, listings)))
    return {"stream": frame["stream"], "data": told}


def test_captured_streams_keep_their_values(shared_data, judge):
    kinds = set()
    for _, frame in captured(shared_data, STREAMS):
        if (ours := _told_again(frame, HERE)) is None:
            continue
        found, expected = (heard(judge, told) for told in (ours, frame))
        assert without(found, "info") == without(expected, "info") != {}
        kinds.add(frame["stream"].partition("@")[2])
    assert kinds == {"depth@100ms", "bookTicker", "kline_1m"}


def test_recorded_minutes_keep_their_values(shared_data, judge):
    """Trades, updates and quotes of BTCUSDT in 2024."""
    with gzip.open(shared_data / "binance" / "spot_btcusdt_20240809.jsonl.gz", "rt") as lines:
        for line in islice(lines, FRAMES):
            frame = json.loads(line.partition(" ")[2])
            ours = _told_again(frame, HERE)
            found, expected = (heard(judge, told) for told in (ours, frame))
            assert without(found, "info") == without(expected, "info") != {}


# -- what an account hears -------------------------------------------------------------------------

REPORTS = ("canceled", "expired", "new", "stop_loss", "trade", "wrapped")


@pytest.mark.parametrize("name", REPORTS)
def test_a_report_keeps_its_values(shared_data, judge, name):
    recorded = payload(shared_data, f"user_data_json__execution_report_{name}")
    recorded = recorded.get("event", recorded)
    event = executions.report_from_wire(_read(recorded, ExecutionReport), HERE)
    ours = json.loads(msgspec.json.encode(executions.report_to_wire(event, HERE)))
    _sounds_alike(judge, ours, recorded)


def test_a_position_keeps_its_values(shared_data, judge):
    recorded = payload(shared_data, "user_data_json__account_position_wrapped")["event"]
    event = account.position_from_wire(_read(recorded, AccountPosition), HERE)
    ours = json.loads(msgspec.json.encode(account.position_to_wire(event, HERE)))
    # ccxt takes the time of sending, which is that of the change here.
    _sounds_alike(judge, ours, recorded, "timestamp", "datetime")


def _sounds_alike(judge, ours, recorded, *but_for):
    found, expected = (
        heard(judge, {"subscriptionId": 0, "event": event}) for event in (ours, recorded)
    )
    assert without(found, "info", *but_for) == without(expected, "info", *but_for) != {}
