"""Unmodified pybit, Bybit's own SDK, trades on the bybit dialect: REST, streams, trade socket."""

import itertools
import queue
import threading
import time

import pybit._websocket_trading
import pybit.unified_trading
import pytest
from pybit._helpers import generate_timestamp
from pybit.exceptions import InvalidRequestError
from pybit.unified_trading import HTTP, WebSocket, WebSocketTrading

pytestmark = pytest.mark.slow

WAIT_S = 20
SPOT = {"category": "spot", "symbol": "BTCUSDT"}
names = (f"pybit-{number}" for number in itertools.count())


def key_of(exchange, scopes="read,trade"):
    deposits = {"USDT": "100000", "BTC": "2"}
    return exchange.trader(next(names), deposits, dialect="bybit", scopes=scopes)


def session_of(exchange, key=None):
    credentials = {} if key is None else {"api_key": key["key"], "api_secret": key["secret"]}
    session = HTTP(testnet=False, **credentials)
    for name, value in exchange.env("bybit", client="pybit")["HTTP"].items():
        setattr(session, name, value)
    return session


@pytest.fixture
def session(exchange):
    return session_of(exchange, key_of(exchange))


class Noted(dict):
    """What the SDK has subscribed to, by the numbers of its questions.

    It notes a number after it has asked, and its reader looks the number up when the answer comes:
    where that is at once it finds none, and gives its connection up for good. Here it waits.
    """

    def __missing__(self, number: str) -> str:
        last = time.monotonic() + WAIT_S
        while number not in self and time.monotonic() < last:
            time.sleep(0.001)
        return self.get(number, "[]")


@pytest.fixture
def sockets(exchange, monkeypatch):
    """Have the SDK's sockets come here; it has no other way to say so."""
    modules = {
        "pybit.unified_trading": pybit.unified_trading,
        "pybit._websocket_trading": pybit._websocket_trading,
    }
    settings = exchange.env("bybit", client="pybit")
    for name, module in modules.items():
        for constant, value in settings[name].items():
            monkeypatch.setattr(module, constant, value)
    made = []

    def make(kind, **options):
        made.append(kind(testnet=False, **options))
        made[-1].subscriptions = Noted()
        return made[-1]

    yield make
    for each in made:
        each.exit()


def place(session, **fields):
    order = {**SPOT, "side": "Buy", "orderType": "Limit", "qty": "0.01", "price": "20000"}
    return session.place_order(**{**order, **fields})["result"]["orderId"]


def listed(answer):
    assert answer["retCode"] == 0
    return answer["result"]["list"]


def test_the_market_is_read(exchange):
    session = session_of(exchange)
    assert abs(session.get_server_time()["time"] - generate_timestamp()) < 2_000
    assert {"BTCUSDT", "ETHUSDT"} <= {
        row["symbol"] for row in listed(session.get_instruments_info(category="spot"))
    }
    book = session.get_orderbook(**SPOT, limit=5)["result"]
    assert float(book["b"][0][0]) < float(book["a"][0][0])
    assert float(listed(session.get_tickers(**SPOT))[0]["lastPrice"]) > 0
    assert listed(session.get_public_trade_history(**SPOT))
    assert len(listed(session.get_kline(**SPOT, interval=1, limit=5))) == 5
    limits = session.get_price_limit(**SPOT)["result"]
    assert float(limits["sellLmt"]) < float(book["b"][0][0]) < float(limits["buyLmt"])
    assert listed(session.get_system_status()) == []


def test_a_day_of_orders(session):
    number = place(session, orderLinkId="pybit-1")
    assert [o["orderId"] for o in listed(session.get_open_orders(**SPOT))] == [number]
    session.amend_order(**SPOT, orderId=number, qty="0.02")
    assert listed(session.get_open_orders(**SPOT, orderLinkId="pybit-1"))[0]["qty"] == "0.02"
    session.cancel_order(**SPOT, orderId=number)
    assert (
        listed(session.get_order_history(**SPOT, orderId=number))[0]["orderStatus"] == "Cancelled"
    )
    bought = place(session, orderType="Market", price=None, qty=0.01, marketUnit="baseCoin")
    assert listed(session.get_order_history(**SPOT, orderId=bought))[0]["orderStatus"] == "Filled"
    assert {fill["orderId"] for fill in listed(session.get_executions(**SPOT))} == {bought}
    stop = place(session, side="Sell", price="19000", triggerPrice="19500", orderFilter="StopOrder")
    assert listed(session.get_open_orders(**SPOT))[0]["orderStatus"] == "Untriggered"
    canceled = listed(session.cancel_all_orders(**SPOT, orderFilter="StopOrder"))
    assert [order["orderId"] for order in canceled] == [stop]


def test_batches_have_a_code_for_each_order(session):
    order = {"symbol": "BTCUSDT", "side": "Buy", "orderType": "Limit", "price": "20000"}
    answer = session.place_batch_order(
        category="spot", request=[{**order, "qty": "0.01"}, {**order, "qty": "1000"}]
    )
    assert [each["code"] for each in answer["retExtInfo"]["list"]] == [0, 170131]
    ids = [{"symbol": "BTCUSDT", "orderId": listed(answer)[0]["orderId"]}]
    session.amend_batch_order(category="spot", request=[{**ids[0], "qty": "0.02"}])
    session.cancel_batch_order(category="spot", request=ids)
    assert listed(session.get_open_orders(**SPOT)) == []


def test_the_account_is_read(session):
    (wallet,) = listed(session.get_wallet_balance(accountType="UNIFIED", coin="BTC,USDT"))
    assert {coin["coin"]: coin["walletBalance"] for coin in wallet["coin"]} == {
        "BTC": "2",
        "USDT": "100000",
    }
    assert session.get_account_info()["result"]["unifiedMarginStatus"] == 5
    assert listed(session.get_fee_rates(category="spot", symbol="BTCUSDT"))
    assert session.get_api_key_information()["result"]["readOnly"] == 0
    assert session.get_positions(category="linear", settleCoin="USDT")["result"]["list"] == []
    assert session.get_coin_info(coin="BTC")["result"]["rows"]
    assert listed(session.get_account_instruments_info(category="spot"))
    assert session.get_transferable_amount(coinName="BTC")["result"]["availableWithdrawal"] == "2"
    (row,) = session.get_coins_balance(accountType="FUND", coin="BTC")["result"]["balance"]
    assert row["walletBalance"] == "0"


def test_contracts_are_a_door(exchange, session):
    """What is asked of them has answers; what would trade them is refused as of unknown symbols."""
    linear = {"category": "linear", "symbol": "BTCUSDT"}
    assert listed(session.get_instruments_info(category="linear")) == []
    for change in (
        lambda: session.set_leverage(**linear, buyLeverage="2", sellLeverage="2"),
        lambda: place(session, category="linear"),
        lambda: session.get_orderbook(**linear),
    ):
        with pytest.raises(InvalidRequestError) as caught:
            change()
        assert caught.value.status_code == 10001


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"qty": "1000", "price": "60000"}, 170131),
        ({"price": "20000.001"}, 170134),
        ({"symbol": "XRPUSDT"}, 170121),
        ({"timeInForce": "PostOnly", "price": "90000"}, 170218),
    ],
)
def test_refusals_are_the_sdks_own_error(session, fields, code):
    with pytest.raises(InvalidRequestError) as caught:
        place(session, **fields)
    assert caught.value.status_code == code


def test_a_wrong_secret_is_told(exchange):
    key = key_of(exchange)
    with pytest.raises(InvalidRequestError) as caught:
        session_of(exchange, {**key, "secret": "wrong"}).get_account_info()
    assert caught.value.status_code == 10004


def test_a_local_book_is_kept(sockets):
    """The SDK's own book fails on a level that it does not have."""
    told, enough = [], threading.Event()

    def heard(message):
        told.append(message)
        if len(told) >= 30:
            enough.set()

    stream = sockets(WebSocket, channel_type="spot")
    stream.orderbook_stream(50, "BTCUSDT", heard)
    assert enough.wait(WAIT_S)
    for message in told:
        bids, asks = ([float(p) for p, _ in message["data"][side]] for side in "ba")
        assert 0 < len(bids) <= 50
        assert max(bids) < min(asks)


def test_trades_and_candles_are_streamed(sockets):
    heard = queue.Queue()
    stream = sockets(WebSocket, channel_type="spot")
    stream.trade_stream("BTCUSDT", heard.put)
    stream.kline_stream(1, "BTCUSDT", heard.put)
    topics = set()
    while topics != {"publicTrade.BTCUSDT", "kline.1.BTCUSDT"}:
        topics.add(heard.get(timeout=WAIT_S)["topic"])


def test_own_orders_are_streamed_and_entered_by_socket(exchange, sockets):
    key = key_of(exchange)
    credentials = {"api_key": key["key"], "api_secret": key["secret"]}
    heard, answers = queue.Queue(), queue.Queue()
    private = sockets(WebSocket, channel_type="private", **credentials)
    private.order_stream(heard.put)
    private.execution_stream(heard.put)
    private.wallet_stream(heard.put)
    trading = sockets(WebSocketTrading, **credentials)
    order = {**SPOT, "side": "Buy", "orderType": "Market", "qty": "0.01", "marketUnit": "baseCoin"}
    topics: set[str] = set()
    while topics != {"order", "execution", "wallet"}:
        trading.place_order(answers.put, **order)
        assert answers.get(timeout=WAIT_S)["retCode"] == 0
        topics.add(heard.get(timeout=WAIT_S)["topic"])
    trading.place_order(answers.put, **{**order, "orderType": "Limit", "price": "20000"})
    number = answers.get(timeout=WAIT_S)["data"]["orderId"]
    trading.amend_order(answers.put, **SPOT, orderId=number, qty="0.02")
    trading.cancel_order(answers.put, **SPOT, orderId=number)
    for _ in range(2):
        assert answers.get(timeout=WAIT_S)["data"]["orderId"] == number
    assert listed(session_of(exchange, key).get_open_orders(**SPOT)) == []
