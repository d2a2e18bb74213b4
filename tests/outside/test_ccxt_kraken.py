"""Unmodified ccxt and ccxt.pro trade on the kraken dialect with what `steelyard env` prints.

Who trades does so without the library's own limiter, which lets a second pass between two requests.
"""

import asyncio
import itertools

import ccxt
import ccxt.pro
import pytest
from ccxt_orders import orders_until

pytestmark = pytest.mark.slow

WAIT_S = 20
AT_ONCE = {"enableRateLimit": False}
names = (f"kraken-{number}" for number in itertools.count())


@pytest.fixture(scope="module")
def public(exchange):
    client = ccxt.kraken(exchange.env("kraken", client="ccxt"))
    client.load_markets()
    return client


def settings_of(exchange, scopes="read,trade", **deposits):
    deposits = deposits or {"USDT": "100000", "BTC": "2"}
    key = exchange.trader(next(names), deposits, dialect="kraken", scopes=scopes)
    settings = {**exchange.env("kraken", client="ccxt"), **AT_ONCE}
    return {**settings, "apiKey": key["key"], "secret": key["secret"]}


def trader(exchange, **options):
    client = ccxt.kraken(settings_of(exchange, **options))
    client.load_markets()
    return client


@pytest.fixture
def client(exchange):
    return trader(exchange)


def test_markets_have_the_steps_and_limits_of_the_listing(public):
    market = public.market("BTC/USDT")
    assert market["active"]
    assert market["precision"] == {**market["precision"], "price": 0.01, "amount": 0.00001}
    assert market["limits"]["cost"]["min"] == 5
    assert {"ETH/USDT", "SOL/USDT", "ETH/BTC", "BTC/USD", "ETH/USD"} <= set(public.symbols)


def test_market_data_is_possible(public):
    ticker = public.fetch_ticker("BTC/USDT")
    assert ticker["low"] <= ticker["last"] <= ticker["high"]
    assert ticker["bid"] < ticker["ask"]
    assert {"BTC/USDT", "ETH/USDT"} <= set(public.fetch_tickers())
    book = public.fetch_order_book("BTC/USDT", 50)
    bids, asks = ([level[0] for level in book[side]] for side in ("bids", "asks"))
    assert bids == sorted(bids, reverse=True)
    assert asks == sorted(asks)
    assert bids[0] < asks[0]
    trades = public.fetch_trades("BTC/USDT", limit=20)
    times = [trade["timestamp"] for trade in trades]
    assert times == sorted(times)
    candles = public.fetch_ohlcv("BTC/USDT", "1m", limit=20)
    assert {b[0] - a[0] for a, b in itertools.pairwise(candles)} == {60_000}
    for _, opened, high, low, closed, volume in candles:
        assert low <= min(opened, closed) <= max(opened, closed) <= high
        assert volume >= 0
    assert public.fetch_status()["status"] == "ok"
    assert abs(public.fetch_time() - public.milliseconds()) < 5_000


def test_an_order_rests_is_edited_and_canceled(client):
    placed = client.create_order(
        "BTC/USDT", "limit", "buy", 0.01, 20_000, {"clientOrderId": "mine-1", "postOnly": True}
    )
    assert (placed["side"], placed["price"], placed["amount"]) == ("buy", 20_000, 0.01)
    (order,) = client.fetch_open_orders("BTC/USDT")
    assert order == {**order, "id": placed["id"], "clientOrderId": "mine-1", "status": "open"}
    assert client.fetch_balance()["USDT"]["used"] == pytest.approx(200.2)
    client.edit_order(placed["id"], "BTC/USDT", "limit", "buy", 0.02, 19_000)
    order = client.fetch_order(placed["id"], "BTC/USDT")
    assert (order["price"], order["amount"]) == (19_000, 0.02)
    client.cancel_order(placed["id"], "BTC/USDT")
    (closed,) = client.fetch_closed_orders("BTC/USDT")
    assert (closed["id"], closed["status"]) == (placed["id"], "canceled")
    with pytest.raises(ccxt.OrderNotFound):
        client.cancel_order(placed["id"], "BTC/USDT")


def test_a_market_order_fills_and_its_trades_add_up(client):
    before = client.fetch_balance()
    placed = client.create_order("BTC/USDT", "market", "buy", 0.05)
    order = client.fetch_order(placed["id"], "BTC/USDT")
    assert (order["status"], order["filled"]) == ("closed", 0.05)
    trades = client.fetch_my_trades("BTC/USDT")
    assert sum(trade["amount"] for trade in trades) == pytest.approx(0.05)
    assert {trade["order"] for trade in trades} == {placed["id"]}
    after = client.fetch_balance()
    paid = sum(trade["cost"] + trade["fee"]["cost"] for trade in trades)
    assert before["USDT"]["total"] - after["USDT"]["total"] == pytest.approx(paid)
    assert after["BTC"]["total"] - before["BTC"]["total"] == pytest.approx(0.05)
    ledger = client.fetch_ledger("USDT")
    assert {entry["type"] for entry in ledger} >= {"trade"}
    assert client.fetch_trading_fee("BTC/USDT")["taker"] == 0.001


def test_a_market_order_may_say_what_to_spend(client):
    placed = client.create_market_buy_order_with_cost("BTC/USDT", 1_000)
    order = client.fetch_order(placed["id"], "BTC/USDT")
    assert 990 < order["cost"] <= 1_000


@pytest.mark.parametrize(
    ("kind", "price", "params", "name"),
    [
        ("limit", 20_000, {"timeInForce": "IOC"}, None),
        ("market", None, {"stopLossPrice": 20_000}, "stop-loss"),
        ("limit", 19_000, {"stopLossPrice": 20_000}, "stop-loss-limit"),
        ("market", None, {"takeProfitPrice": 200_000}, "take-profit"),
        ("limit", 199_000, {"takeProfitPrice": 200_000}, "take-profit-limit"),
        ("market", None, {"trailingPercent": "5"}, "trailing-stop"),
        ("market", None, {"trailingAmount": "500"}, "trailing-stop"),
    ],
)
def test_orders_of_every_type_are_taken(client, kind, price, params, name):
    placed = client.create_order("BTC/USDT", kind, "sell", 0.01, price, params)
    if name is None:
        client.cancel_all_orders()
        return
    (order,) = client.fetch_open_orders("BTC/USDT")
    assert (order["id"], order["info"]["descr"]["ordertype"]) == (placed["id"], name)
    client.cancel_order(placed["id"])
    assert client.fetch_open_orders("BTC/USDT") == []


def test_orders_come_and_go_in_batches(client):
    wanted = {"symbol": "BTC/USDT", "type": "limit", "side": "buy", "amount": 0.01}
    placed = client.create_orders([{**wanted, "price": 20_000}, {**wanted, "price": 21_000}])
    ids = {order["id"] for order in placed}
    assert {order["id"] for order in client.fetch_open_orders()} == ids
    client.cancel_orders([*ids])
    assert client.fetch_open_orders() == []


def test_refusals_are_the_venues_own(exchange, client):
    with pytest.raises(ccxt.InsufficientFunds):
        client.create_order("BTC/USDT", "limit", "buy", 100, 30_000)
    with pytest.raises(ccxt.InvalidOrder):
        client.create_order("BTC/USDT", "limit", "buy", 0.00001, 20_000, {"volume": "0"})
    with pytest.raises(ccxt.OrderNotFound):
        client.cancel_order("OAAAAA-AAAAA-AAAAAA")
    reader = trader(exchange, scopes="read")
    with pytest.raises(ccxt.PermissionDenied):
        reader.create_order("BTC/USDT", "limit", "buy", 0.01, 20_000)
    wrong = ccxt.kraken({**settings_of(exchange), "apiKey": "nobody"})
    with pytest.raises(ccxt.AuthenticationError):
        wrong.fetch_balance()


# -- ccxt.pro -----------------------------------------------------------------------------------


def run(exchange, scenario, **deposits):
    """Run a scenario with a trading client, and close it."""

    async def main():
        client = ccxt.pro.kraken(settings_of(exchange, **deposits))
        try:
            await client.load_markets()
            return await asyncio.wait_for(scenario(client), WAIT_S)
        finally:
            await client.close()

    return asyncio.run(main())


def test_books_trades_tickers_and_candles_are_watched(exchange):
    async def scenario(client):
        for _ in range(20):
            book = await client.watch_order_book("BTC/USDT")
            assert book["bids"][0][0] < book["asks"][0][0]
        trades = await client.watch_trades("BTC/USDT")
        ticker = await client.watch_ticker("BTC/USDT")
        candles = await client.watch_ohlcv("BTC/USDT", "1m")
        return trades, ticker, candles

    trades, ticker, candles = run(exchange, scenario)
    assert trades[0]["amount"] > 0
    assert ticker["last"] > 0
    assert candles[-1][4] > 0


def test_own_orders_are_told_from_new_to_the_last_fill(exchange):
    async def scenario(client):
        watching = asyncio.create_task(client.watch_orders("BTC/USDT"))
        await asyncio.sleep(1)  # the subscription is on its way
        placed = await client.create_order("BTC/USDT", "market", "buy", 0.02)
        opened = await watching
        assert {order["id"] for order in opened} == {placed["id"]}
        return placed, await orders_until(
            client, "BTC/USDT", lambda order: order["status"] == "closed"
        )

    placed, seen = run(exchange, scenario)
    assert {order["id"] for order in seen} == {placed["id"]}
    assert seen[-1]["filled"] == 0.02


def test_own_trades_and_balances_are_watched(exchange):
    async def scenario(client):
        watching = asyncio.create_task(client.watch_my_trades("BTC/USDT"))
        balances = await client.watch_balance()
        changed = asyncio.create_task(client.watch_balance())  # it tells of what comes from here on
        await asyncio.sleep(1)
        placed = await client.create_order("BTC/USDT", "market", "sell", 0.02)
        return placed, await watching, balances, await changed

    placed, trades, before, after = run(exchange, scenario)
    assert {trade["order"] for trade in trades} == {placed["id"]}
    assert trades[0]["fee"]["currency"] == "USDT"
    assert before["BTC"]["total"] == 2
    assert after["BTC"]["total"] < 2 or after["USDT"]["total"] > 100_000


def test_orders_are_placed_amended_and_canceled_over_the_websocket(exchange):
    async def scenario(client):
        placed = await client.create_order_ws("BTC/USDT", "limit", "buy", 0.01, 20_000)
        await client.edit_order_ws(placed["id"], "BTC/USDT", "limit", "buy", 0.02, 19_000)
        order = await client.fetch_order(placed["id"])
        await client.cancel_order_ws(placed["id"])
        with pytest.raises(ccxt.ExchangeError, match="EOrder:Insufficient funds"):
            await client.create_order_ws("BTC/USDT", "limit", "buy", 1_000, 20_000)
        return order, await client.fetch_open_orders()

    order, left = run(exchange, scenario)
    assert (order["price"], order["amount"], left) == (19_000, 0.02, [])
