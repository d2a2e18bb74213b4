"""ccxt's own parsers judge our bytes by recorded ones: the same unified document, kind by kind.

What the numbers are is their own business: which fields a document has, which are None, of what
type the others are has to be the same. Most of what was recorded is of contracts: without the
fields by which ccxt tells those, it is what a symbol of spot would have.
"""

import json

import ccxt
import pytest
from ccxt_judge import shape

from tests.dialects.bybit.venue import Venue

pytestmark = pytest.mark.slow

OF_CONTRACTS = ("tpslMode", "createType", "lastPriceOnCreated")


@pytest.fixture
def client():
    made = ccxt.bybit()
    entry = {"symbol": "BTC/USDT", "id": "BTCUSDT", "base": "BTC", "quote": "USDT"}
    kinds = {"type": "spot", "spot": True, "contract": False, "active": True}
    precision = {"precision": {"price": 0.01, "amount": 0.00001}, "limits": {}}
    other = {**entry, "symbol": "ETH/USDT", "id": "ETHUSDT", "base": "ETH"}
    made.set_markets([{**each, **kinds, **precision} for each in (entry, other)])
    return made


@pytest.fixture
def recorded(shared_data):
    def read(name, *path):
        found = json.loads((shared_data / f"payloads/bybit/{name}.json").read_text())
        for step in path:
            found = found[step]
        if isinstance(found, dict):
            return {k: v for k, v in found.items() if k not in OF_CONTRACTS}
        return found

    return read


@pytest.fixture
def venue():
    made = Venue()
    made.place()
    made.place(made.other_key, side="Sell", qty="0.004")
    made.place(price="40000", orderLinkId="mine")
    return made


def test_an_open_order(client, recorded, venue):
    theirs = recorded("http_get_orders_realtime", "result", "list", 0)
    ours = venue.get("/v5/order/realtime", category="spot")["list"][0]
    market = client.market("BTC/USDT")
    parse = client.parse_order
    for told in (parse(theirs, market), parse(ours, market)):
        assert told["status"] == "open"
        assert told["symbol"] in ("BTC/USDT", "ETH/USDT")
    assert shape(parse(ours, market)) == shape(parse(theirs, market))


def test_an_order_that_was_canceled(client, recorded, venue):
    venue.post("/v5/order/cancel", symbol="BTCUSDT", orderLinkId="mine")
    theirs = recorded("http_get_orders_history", "result", "list", 0)
    ours = venue.get("/v5/order/history", category="spot", orderStatus="Cancelled")["list"][0]
    market = client.market("BTC/USDT")
    both = [client.parse_order(each, market) for each in (ours, theirs)]
    assert [told["status"] for told in both] == ["canceled", "canceled"]


def test_an_execution(client, recorded, venue):
    theirs = recorded("http_get_executions", "result", "list", 0)
    ours = venue.get("/v5/execution/list", category="spot")["list"][0]
    market = client.market("BTC/USDT")
    one, other = (client.parse_trade(each, market) for each in (ours, theirs))
    assert shape(one) == shape(other)
    assert (one["fee"]["currency"], one["takerOrMaker"]) == ("BTC", "maker")


def test_a_public_trade(client, recorded, venue):
    theirs = recorded("http_get_trades_recent", "result", "list", 0)
    pairs = {"category": "spot", "symbol": "BTCUSDT"}
    ours = venue.public("/v5/market/recent-trade", **pairs)["result"]["list"][0]
    market = client.market("BTC/USDT")
    one, other = (client.parse_trade(each, market) for each in (ours, theirs))
    apart = {"info", "side"}
    assert [shape(value) for name, value in sorted(one.items()) if name not in apart] == [
        shape(value) for name, value in sorted(other.items()) if name not in apart
    ]
    assert (one["side"], other["side"]) == ("sell", "buy")


def test_a_wallet(client, recorded, venue):
    theirs = recorded("http_get_wallet_balance")
    result = venue.get("/v5/account/wallet-balance", accountType="UNIFIED")
    ours = {"retCode": 0, "result": result, "time": theirs["time"]}
    one, other = (client.parse_balance(each) for each in (ours, theirs))
    assert shape(one["USDT"]) == shape(other["USDT"])
    assert one["USDT"]["used"] == 400 + 300


def test_fees(client, recorded, venue):
    theirs = recorded("http_get_fee_rate", "result", "list", 0)
    ours = venue.get("/v5/account/fee-rate", category="spot", symbol="BTCUSDT")["list"][0]
    market = client.market("BTC/USDT")
    one, other = (client.parse_trading_fee(each, market) for each in (ours, theirs))
    assert shape(one) == shape(other)


def test_an_executions_frame(client, recorded, venue):
    number = venue.log_in()
    venue.subscribe(number, "execution")
    venue.place(venue.other_key, side="Sell", qty="0.001")
    ours = venue.heard(number)[0]["data"][0]
    theirs = recorded("ws_account_execution", "data", 0)
    assert theirs.keys() <= ours.keys()
    told = client.parse_trade(ours, client.market("BTC/USDT"))
    assert (told["symbol"], told["type"], told["amount"]) == ("BTC/USDT", "limit", 0.001)
