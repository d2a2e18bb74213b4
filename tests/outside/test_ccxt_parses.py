"""ccxt's own parsers judge our bytes by recorded ones: the same unified document, kind by kind.

Our exchange, in memory behind its gate, is brought to where it sends the same kind of message.
What its numbers are is its own business here; which fields a document has, which of them are
None, of what type the others are and what the enumerations say has to be what the venue's own
message gives. Where a message can be read and written again, its numbers are compared as well.
"""

import json
from collections.abc import Callable
from decimal import Decimal
from importlib import resources
from typing import Any, NamedTuple

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
    shape,
    without,
)

from steelyard.domain.commands import CloseTransfer, OpenTransfer
from steelyard.exchange.funds import WITHDRAWAL_LEAVES_NS
from tests.dialects.binance.test_account import wallet
from tests.dialects.binance.test_wallet import Program
from tests.dialects.binance.test_ws_api import Talk
from tests.dialects.binance.venue import Venue

pytestmark = pytest.mark.slow

MARKET = "BTC/USDT"


@pytest.fixture(scope="module")
def infos(shared_data):
    """The venue's markets of 2021 that the records are about, ours among them."""
    return [info for info in exchange_info(shared_data)["symbols"] if info["symbol"] in SYMBOLS]


@pytest.fixture(scope="module")
def judge(infos):
    return client_of(infos)


@pytest.fixture
def market():
    """A book around 50,000, a last price there, and an account that has what it needs."""
    venue = Venue()
    order = {"symbol": "BTCUSDT", "quantity": "1"}
    venue.place(venue.other_key, **order, side="SELL", price="50100")
    venue.place(venue.other_key, **order, side="BUY", price="49900")
    venue.trade("50000")
    return venue


# -- REST ------------------------------------------------------------------------------------------


def _first(found):
    return found[0] if isinstance(found, list) else found


class Answer(NamedTuple):
    """How ccxt reads a recorded answer, and how ours comes to be."""

    parse: Callable[[Any, Any], Any]
    ours: Callable[[Venue], Any]


def _resting(venue):
    venue.place(price="40000")
    return venue.call("GET", "allOrders", symbol="BTCUSDT")[1]


def _bought(venue):
    venue.place(type="MARKET")
    return venue.call("GET", "myTrades", symbol="BTCUSDT")[1]


def _symbol(venue):
    return venue.get("exchangeInfo", symbol="ETHBTC")[1]


def _order(judge, found):
    return judge.parse_order(_first(found))


def _trade(judge, found):
    return judge.parse_trade(_first(found), judge.safe_market("BTCUSDT", None, None, "spot"))


def _ticker(judge, found):
    return judge.parse_ticker(found)


ANSWERS = {
    "account_trades": Answer(_trade, _bought),
    "all_orders": Answer(_order, _resting),
    "avg_price": Answer(
        lambda judge, found: found, lambda venue: venue.get("avgPrice", symbol="BTCUSDT")[1]
    ),
    "book_ticker": Answer(
        _ticker, lambda venue: venue.get("ticker/bookTicker", symbol="BTCUSDT")[1]
    ),
    "klines": Answer(
        lambda judge, found: judge.parse_ohlcv(_first(found)),
        lambda venue: venue.get("klines", symbol="BTCUSDT", interval="1m")[1],
    ),
    "new_order_full": Answer(_order, lambda venue: venue.place(type="MARKET", side="SELL")),
    "server_time": Answer(
        lambda judge, found: judge.safe_integer(found, "serverTime"),
        lambda venue: venue.get("time")[1],
    ),
    "ticker_24hr": Answer(_ticker, lambda venue: venue.get("ticker/24hr", symbol="BTCUSDT")[1]),
    "trades": Answer(_trade, lambda venue: venue.get("trades", symbol="BTCUSDT")[1]),
}


@pytest.mark.parametrize("name", ANSWERS)
def test_our_answer_is_read_like_the_venues(shared_data, judge, market, name):
    parse, ours = ANSWERS[name]
    recorded = payload(shared_data, f"http_json__{name}_response")
    assert shape(parse(judge, ours(market))) == shape(parse(judge, recorded))


def test_every_recorded_answer_is_judged(shared_data):
    files = (shared_data / "payloads" / "binance").glob("spot__http_json__*_response.json")
    names = {file.name.split("__")[2].removesuffix("_response.json") for file in files}
    assert names == {*ANSWERS, "exchange_info"}  # which has a test of its own


# -- what an account hears -------------------------------------------------------------------------


def _own(venue, act):
    """Return the events that alice hears of what is done."""
    venue.admin.deposit("bob", {"ETH": Decimal(1_000)}, venue.desk.now_ns)
    talk = Talk(venue)
    assert talk.ask_signed("userDataStream.subscribe.signature")["status"] == 200
    act(venue)
    venue.deliver()
    return [message for message in venue.heard(talk.line) if "event" in message]


def _place(**order):
    return lambda venue: venue.place(
        symbol="ETHUSDT", **{"quantity": "1", "price": "2500", **order}
    )


def _cancel(venue):
    placed = _place()(venue)
    status, _ = venue.call("DELETE", "order", symbol="ETHUSDT", orderId=placed["orderId"])
    assert status == 200


def _meet(venue):
    """Alice's bid rests and is hit."""
    _place()(venue)
    venue.place(venue.other_key, symbol="ETHUSDT", side="SELL", quantity="1", price="2500")


def _stop(venue):
    trade = {
        "symbol": "ETHUSDT",
        "quantity": "1",
        "price": "2600",
        "selfTradePreventionMode": "NONE",
    }
    for side in ("BUY", "SELL"):
        venue.place(venue.other_key, **trade, side=side)
    _place(side="SELL", type="STOP_LOSS_LIMIT", price="2400", stopPrice="2450", timeInForce="GTC")(
        venue
    )


def _deposit(venue):
    venue.exchange.record(OpenTransfer(venue.desk.alice, 1, 10**12), venue.desk.tick())
    (number,) = venue.exchange.statements.pending_ids(venue.desk.alice)
    venue.exchange.record(CloseTransfer(number, done=True), venue.desk.tick())


# Which event of ours is meant, of those that follow an act.
OWN = {
    "account_position_wrapped": (_meet, "outboundAccountPosition", {}),
    "balance_update_wrapped": (_deposit, "balanceUpdate", {}),
    "execution_report_canceled": (_cancel, "executionReport", {"x": "CANCELED"}),
    "execution_report_expired": (_place(timeInForce="IOC"), "executionReport", {"x": "EXPIRED"}),
    "execution_report_new": (_place(), "executionReport", {"x": "NEW"}),
    "execution_report_stop_loss": (_stop, "executionReport", {"x": "NEW"}),
    "execution_report_trade": (_meet, "executionReport", {"x": "TRADE"}),
    "execution_report_wrapped": (_place(), "executionReport", {"x": "NEW"}),
}


@pytest.mark.parametrize("name", OWN)
def test_our_event_is_heard_like_the_venues(shared_data, judge, name):
    act, kind, fields = OWN[name]
    recorded = payload(shared_data, f"user_data_json__{name}")
    events = [message["event"] for message in _own(Venue(), act)]
    (ours,) = [e for e in events if e["e"] == kind and fields.items() <= e.items()][-1:]
    found, expected = (
        shape(heard(judge, {"subscriptionId": 0, "event": event}))
        for event in (ours, recorded.get("event", recorded))
    )
    assert found == expected != {}


def test_every_recorded_event_is_judged(shared_data):
    files = (shared_data / "payloads" / "binance").glob("spot__user_data_json__*.json")
    names = {file.stem.split("__")[2] for file in files}
    assert names == {*OWN, "list_status_wrapped"}  # of which ccxt makes nothing


# -- what markets tell -----------------------------------------------------------------------------

# A capture's streams, and what ours need so that they say something.
TOLD = {
    "depth@100ms": lambda venue: venue.place(price="40000"),
    "bookTicker": lambda venue: venue.place(price="49990"),
    "aggTrade": lambda venue: venue.place(type="MARKET"),
    "kline_1m": lambda venue: venue.place(type="MARKET"),
}


@pytest.mark.parametrize("stream", TOLD)
def test_our_stream_is_heard_like_the_venues(shared_data, judge, market, stream):
    line = market.open(f"/stream?streams=btcusdt@{stream}")
    TOLD[stream](market)
    for _ in range(3):
        market.wait()
    ours = _sides(shape(heard(judge, market.heard(line)[0])))
    assert ours
    frames = [frame for _, frame in captured(shared_data, STREAMS)]
    for frame in frames:
        if frame["stream"].endswith(f"@{stream}"):
            assert _sides(shape(heard(judge, frame))) == ours


def _sides(found):
    """Return a shape without a book's levels, of which an update may leave none."""
    return without(found, "bids", "asks")


def test_every_captured_stream_is_judged(shared_data):
    frames = [frame for _, frame in captured(shared_data, STREAMS)]
    assert {frame["stream"].partition("@")[2] for frame in frames} == {*TOLD}


def test_our_market_is_read_like_the_venues(infos, judge, market):
    ours = market.get("exchangeInfo", symbol="BTCUSDT")[1]["symbols"][0]
    recorded = next(info for info in infos if info["symbol"] == "BTCUSDT")
    found, expected = (shape(judge.parse_market(info)) for info in (ours, recorded))
    expected["margin"] = False  # nobody lends here
    expected["limits"]["cost"]["max"] = "number"  # NOTIONAL has it since 2023
    assert found == expected


def test_our_book_is_read_like_the_venues(shared_data, judge, market):
    ours = market.get("depth", symbol="BTCUSDT")[1]
    for _, recorded in captured(shared_data, SNAPSHOTS):
        books = (judge.parse_order_book(found, MARKET) for found in (ours, recorded))
        assert shape(next(books)) == shape(next(books))


# -- what nobody has recorded, by samples of the documented shape ----------------------------------


def _canceled():
    venue = Venue()
    placed = venue.place()
    venue.place(venue.other_key, side="SELL", quantity="0.004")
    return venue.call("DELETE", "order", symbol="BTCUSDT", orderId=placed["orderId"])[1]


def _expired():
    return Venue().place(price="40000", timeInForce="FOK")


def _account():
    return Venue().call("GET", "account")[1]


def _aggregate():
    venue = Venue()
    venue.place(side="SELL")
    venue.place(venue.other_key)
    return venue.get("aggTrades", symbol="BTCUSDT")[1]


def _deposited():
    return Program().ask("deposit/hisrec")[1][0]


def _withdrawn():
    program = Program()
    program.withdraw(withdrawOrderId="payout-1")
    program.confirm()
    program.wait(WITHDRAWAL_LEAVES_NS)
    return program.history()[0]


def _address():
    return Program().ask("deposit/address", coin="BTC")[1]


def _fee():
    return wallet(Venue(), "asset/tradeFee", "symbol=BTCUSDT")[0]


def _transaction(judge, found):
    return judge.parse_transaction(found, judge.safe_currency(found["coin"]))


NOWHERE = ("network", "address", "addressTo")  # a pretended deposit is announced by its coin alone
# How ccxt reads it, and where ours is from.
SAMPLED = {
    "account": (lambda judge, found: judge.parse_balance_custom(found, "spot"), _account),
    "agg_trade": (_trade, _aggregate),
    "order_canceled": (_order, _canceled),
    "order_expired": (_order, _expired),
    "trade_fee": (lambda judge, found: judge.parse_trading_fee(found), _fee),
    "coin": (lambda judge, found: judge.parse_currency(found), lambda: Program().coin("BTC")),
    "deposit_address": (
        lambda judge, found: judge.parse_deposit_address(found, judge.safe_currency("BTC")),
        _address,
    ),
    "deposit_record": (_transaction, _deposited),
    "withdrawal_record": (_transaction, _withdrawn),
}


@pytest.mark.parametrize("name", SAMPLED)
def test_our_answer_is_read_like_the_sample(name):
    parse, ours = SAMPLED[name]
    judge = client_of([])
    judge.currencies = {"BTC": judge.safe_currency("BTC")}
    but_for = NOWHERE if name == "deposit_record" else ()
    sample = resources.files("steelyard.dialects.binance") / "samples" / f"{name}.json"
    documented = json.loads(sample.read_bytes())["payload"]
    found, expected = (shape(parse(judge, raw)) for raw in (ours(), documented))
    assert without(found, *but_for) == without(expected, *but_for)
