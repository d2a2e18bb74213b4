"""ccxt's own parsers judge our bytes by recorded ones: the same unified document, kind by kind.

What the numbers are is their own business: which fields a document has, which are None, of what
type the others are has to be the same. Most of what was recorded is of swaps: with the fields by
which those are told changed, it is what a symbol of spot would have.
"""

import json

import ccxt
import pytest
from ccxt_judge import shape

from tests.dialects.okx.venue import PAIR, Venue

pytestmark = pytest.mark.slow

SPOT = {"instType": "SPOT", "posSide": "net", "tdMode": "cash", "lever": "", "reduceOnly": "false"}


@pytest.fixture
def client():
    made = ccxt.okx()
    kinds = {"type": "spot", "spot": True, "contract": False, "swap": False, "active": True}
    steps = {"precision": {"price": 0.01, "amount": 0.00001}, "limits": {}}
    entries = [("BTC", "USDT"), ("BTC", "USD"), ("ETH", "USDT")]
    made.set_markets(
        [
            {"symbol": f"{b}/{q}", "id": f"{b}-{q}", "base": b, "quote": q, **kinds, **steps}
            for b, q in entries
        ]
    )
    return made


@pytest.fixture
def recorded(shared_data):
    """Rows of a recorded message, as of spot."""

    def read(name):
        found = json.loads((shared_data / f"payloads/okx/{name}.json").read_text())
        rows = found.get("data", [found])
        return [spot(row) if isinstance(row, dict) else row for row in rows]

    def spot(row):
        changed = {name: value for name, value in SPOT.items() if name in row}
        if "instId" in row:
            changed["instId"] = row["instId"].removesuffix("-SWAP")
        return row | changed

    return read


@pytest.fixture
def venue():
    made = Venue()
    made.place()
    made.place(made.bob, side="sell", sz="0.004")
    made.place(px="40000", clOrdId="mine")
    return made


@pytest.fixture
def market(client):
    return client.market("BTC/USDT")


def apart(ours, theirs):
    """Return the fields in which two documents have another form."""
    one, other = shape(ours), shape(theirs)
    return {name for name in one.keys() | other.keys() if one.get(name) != other.get(name)}


def test_an_open_order(client, market, recorded, venue):
    (theirs,) = recorded("http_get_orders_pending")
    (ours,) = venue.rows("trade/orders-pending", instId=PAIR, ordType="limit")[:1]
    told = [client.parse_order(each, market) for each in (ours, theirs)]
    assert [order["status"] for order in told] == ["open", "open"]
    assert apart(*told) == {"lastTradeTimestamp"}, "theirs says 0 where nothing has traded"


def test_an_order_that_has_filled(client, market, recorded, venue):
    """As the channel of orders tells it, fills and fees and all."""
    socket = venue.open("private", venue.alice)
    socket.subscribe("orders", instType="SPOT")
    venue.place(venue.bob, side="sell", sz="0.001", px="60000")
    wanted = {"ordType": "market", "px": None, "tgtCcy": "base_ccy", "clOrdId": "mine2"}
    venue.place(sz="0.001", **wanted)
    (theirs,) = recorded("ws_orders")
    ours = socket.heard("orders")[-1]
    told = [client.parse_order(each, market) for each in (ours, theirs)]
    assert [order["status"] for order in told] == ["closed", "closed"]
    assert apart(*told) == set()


def test_an_order_that_waits(client, market, recorded, venue):
    (theirs,) = recorded("http_get_orders_algo_pending_attached_oco")
    venue.algo(
        ordType="oco",
        algoClOrdId="own",
        slTriggerPx="39000",
        slOrdPx="-1",
        tpTriggerPx="51000",
        tpOrdPx="-1",
    )
    (ours,) = venue.rows("trade/orders-algo-pending", ordType="oco")
    told = [client.parse_order(each, market) for each in (ours, theirs)]
    assert apart(*told) == set()
    assert told[0]["stopLossPrice"] == 39_000


def test_an_execution(client, market, recorded, venue):
    (theirs,) = recorded("http_transaction_detail")
    ours = venue.rows("trade/fills", instId=PAIR)[0]
    one, other = (client.parse_trade(each, market) for each in (ours, theirs))
    assert apart(one, other) == {"takerOrMaker"}
    assert (one["fee"]["currency"], one["takerOrMaker"]) == ("BTC", "maker")


def test_public_trades(client, market, recorded, venue):
    theirs = recorded("http_get_trades")[0]
    ours = venue.rows("market/trades", instId=PAIR)[0]
    one, other = (client.parse_trade(each, market) for each in (ours, theirs))
    assert apart(one, other) == set()


def test_candles(client, market, recorded, venue):
    theirs = recorded("http_get_candlesticks")[0]
    ours = venue.rows("market/candles", instId=PAIR, bar="1m")[0]
    assert len(ours) == len(theirs)
    one, other = (client.parse_ohlcv(each, market) for each in (ours, theirs))
    assert list(map(type, one)) == list(map(type, other))


def test_an_answer_to_a_new_order(client, market, recorded, venue):
    (theirs,) = recorded("http_place_order_response")
    (ours,) = venue.post("trade/order", venue.order(clOrdId="fresh"))["data"]
    one, other = (client.parse_order(each, market) for each in (ours, theirs))
    assert apart(one, other) == set()
    assert one["clientOrderId"] == "fresh"


def test_balances(client, recorded, venue):
    details = recorded("http_balance_detail_new_fields")
    theirs = {"data": [{"details": details, "uTime": "1234567890"}]}
    ours = venue.get("account/balance", venue.alice, ccy="USDT")
    one, other = (client.parse_trading_balance(each) for each in (ours, theirs))
    assert shape(one["USDT"]) == shape(other["USDT"])
    assert one["USDT"]["used"] == 400 + 300


def test_fees(client, market, recorded, venue):
    (theirs,) = recorded("http_get_trade_fee_response")
    (ours,) = venue.rows("account/trade-fee", instType="SPOT", instId=PAIR)
    one, other = (client.parse_trading_fee(each, market) for each in (ours, theirs))
    assert apart(one, other) == set()


def test_markets(client, recorded, venue):
    theirs = recorded("http_get_instruments_spot")[0]
    (ours,) = venue.rows("public/instruments", instType="SPOT", instId=PAIR)
    one, other = (client.parse_market(each) for each in (ours, theirs))
    assert apart(one, other) == {"instIdCode"}, "a field younger than what was recorded"
