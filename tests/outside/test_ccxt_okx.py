"""What is OKX's own, for unmodified ccxt and ccxt.pro: waiting orders, exits, the demo, depths.

What all venues have in common is in test_ccxt_every_day.
"""

import asyncio
import itertools

import ccxt
import ccxt.pro
import pytest
from ccxt_orders import orders_until

pytestmark = pytest.mark.slow

MARKET = "BTC/USDT"
WAIT_S = 20
FUNDS = {"USDT": "100000", "BTC": "2"}
names = (f"okx-{number}" for number in itertools.count())


def settings_of(exchange, scopes="read,trade"):
    key = exchange.trader(next(names), FUNDS, dialect="okx", scopes=scopes)
    shown = {"apiKey": key["key"], "secret": key["secret"], "password": key["passphrase"]}
    return {**exchange.env("okx", client="ccxt"), **shown, "enableRateLimit": False}


def trader(exchange, **options):
    client = ccxt.okx(settings_of(exchange, **options))
    client.load_markets()
    return client


@pytest.fixture(scope="module")
def client(exchange):
    return trader(exchange)


def test_the_account(client):
    assert client.fetch_balance()["BTC"]["total"] > 1
    assert client.fetch_balance({"type": "funding"})["BTC"]["total"] > 1
    assert client.fetch_accounts()[0]["id"]
    assert client.fetch_trading_fee(MARKET)["taker"] == 0.001
    assert client.fetch_ledger("USDT")
    assert client.fetch_deposits() == client.fetch_withdrawals() == []
    assert client.fetch_deposit_address("BTC")["address"]
    assert client.fetch_positions() == []


@pytest.mark.parametrize(
    ("kind", "price", "params", "name"),
    [
        ("market", None, {"triggerPrice": 20_000}, "trigger"),
        ("limit", 19_000, {"triggerPrice": 20_000}, "trigger"),
        ("market", None, {"stopLossPrice": 20_000}, "conditional"),
        ("limit", 19_000, {"stopLossPrice": 20_000}, "conditional"),
        ("market", None, {"takeProfitPrice": 200_000}, "conditional"),
        ("market", None, {"takeProfitPrice": 200_000, "stopLossPrice": 20_000}, "oco"),
        ("market", None, {"trailingPercent": "5"}, "move_order_stop"),
        ("market", None, {"trailingAmount": "500"}, "move_order_stop"),
    ],
)
def test_orders_that_wait_are_placed_listed_and_canceled(client, kind, price, params, name):
    placed = client.create_order(MARKET, kind, "sell", 0.01, price, params)
    listed = {"trigger": True, "ordType": name}
    (order,) = client.fetch_open_orders(MARKET, None, None, listed)
    assert (order["id"], order["type"]) == (placed["id"], name)
    client.cancel_order(placed["id"], MARKET, {"trigger": True})
    assert client.fetch_open_orders(MARKET, None, None, listed) == []


def test_batches_exits_and_the_dead_man(client):
    wanted = {"symbol": MARKET, "type": "limit", "side": "buy", "amount": 0.01}
    placed = client.create_orders([{**wanted, "price": 20_000}, {**wanted, "price": 21_000}])
    client.cancel_orders([order["id"] for order in placed], MARKET)
    exits = {"stopLoss": {"triggerPrice": 15_000}, "takeProfit": {"triggerPrice": 150_000}}
    entry = client.create_order(MARKET, "limit", "buy", 0.01, 20_000, exits)
    client.cancel_order(entry["id"], MARKET)
    assert client.cancel_all_orders_after(20_000)["code"] == "0"
    assert client.cancel_all_orders_after(0)["code"] == "0"
    assert client.fetch_open_orders() == []


def test_refusals_are_the_venues_own(exchange, client):
    with pytest.raises(ccxt.InsufficientFunds):
        client.create_order(MARKET, "limit", "buy", 100, 30_000)
    with pytest.raises(ccxt.OrderNotFound):
        client.fetch_order("999", MARKET)
    with pytest.raises(ccxt.BadSymbol):
        client.public_get_market_ticker({"instId": "X-Y"})
    crossing = client.fetch_ticker(MARKET)["ask"] * 1.01
    placed = client.create_order(MARKET, "limit", "buy", 0.01, crossing, {"postOnly": True})
    order = client.fetch_order(placed["id"], MARKET)
    assert (order["status"], order["info"]["cancelSource"]) == ("canceled", "31")
    wrong = ccxt.okx({**settings_of(exchange), "password": "wrong"})
    with pytest.raises(ccxt.AuthenticationError):
        wrong.fetch_balance()
    with pytest.raises(ccxt.ExchangeError, match="50120"):
        client.private_post_asset_withdrawal(
            {"ccy": "BTC", "amt": "0.1", "dest": "4", "toAddr": "bc1qexample0000"}
        )


def test_the_demo_is_as_good(exchange):
    """Ccxt's sandbox is another header, and other addresses, which are put back."""
    settings = settings_of(exchange)
    client = ccxt.okx(settings)
    client.set_sandbox_mode(True)
    client.urls["api"] = settings["urls"]["api"]
    assert client.fetch_balance()["BTC"]["total"] == 2


# -- ccxt.pro -----------------------------------------------------------------------------------


def test_a_day_on_websockets(exchange):
    async def watches(client):
        depths = {MARKET: None, "ETH/USDT": 5, "SOL/USDT": 1, "ETH/BTC": 50}
        for symbol, depth in depths.items():
            for _ in range(2):
                book = await client.watch_order_book(symbol, depth)
                assert book["bids"][0][0] < book["asks"][0][0]
        assert (await client.watch_trades(MARKET))[-1]["price"] > 0
        assert (await client.watch_ticker(MARKET))["last"] > 0
        assert MARKET in await client.watch_tickers([MARKET])
        assert MARKET in await client.watch_bids_asks([MARKET])
        assert (await client.watch_ohlcv(MARKET, "1m"))[-1][4] > 0
        assert (await client.watch_balance())["BTC"]["total"] == 2

    async def trades(client):
        orders = asyncio.create_task(client.watch_orders(MARKET))
        fills = asyncio.create_task(client.watch_my_trades(MARKET))
        await asyncio.sleep(0.3)  # the subscriptions are on their way
        bought = await client.create_order_ws(MARKET, "market", "buy", 0.02)
        await orders
        seen = await orders_until(client, MARKET, lambda order: order["status"] == "closed")
        assert {order["id"] for order in seen} == {bought["id"]}
        assert {trade["order"] for trade in await fills} == {bought["id"]}
        placed = await client.create_order_ws(MARKET, "limit", "buy", 0.01, 20_000)
        await client.edit_order_ws(placed["id"], MARKET, "limit", "buy", 0.02, 19_000)
        await client.cancel_order_ws(placed["id"], MARKET)
        with pytest.raises(ccxt.ExchangeError, match="51008"):
            await client.create_order_ws(MARKET, "limit", "buy", 1_000, 20_000)
        assert await client.fetch_open_orders() == []
        await client.un_watch_order_book(MARKET)

    async def main():
        client = ccxt.pro.okx(settings_of(exchange))
        try:
            await client.load_markets()
            for part in (watches, trades):
                await asyncio.wait_for(part(client), WAIT_S)
        finally:
            await client.close()

    asyncio.run(main())
