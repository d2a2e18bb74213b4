"""Unmodified python-binance trades with nothing but what `steelyard env` prints."""

import asyncio
import itertools
import time
import warnings
from queue import Queue

import pytest
from key_pairs import OFFERED_BY_ALL, pair
from native_client import CLOCK

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # it asks websockets for an old name
    import binance

pytestmark = pytest.mark.slow

SYMBOL = "BTCUSDT"
WAIT_S = 20
READ_S = 2
names = (f"python-binance-{number}" for number in itertools.count())


@pytest.fixture(scope="module", autouse=True)
def _pointed_here(exchange):
    """Set the attributes that are printed, as the examples for this client do."""
    with pytest.MonkeyPatch.context() as patch:
        for name, attributes in exchange.env("binance", client="python-binance").items():
            for attribute, value in attributes.items():
                patch.setattr(getattr(binance, name), attribute, value)
        # To close a socket it waits until a read of this length ends.
        patch.setattr(binance.ReconnectingWebsocket, "TIMEOUT", READ_S)
        yield


@pytest.fixture(autouse=True)
def loop():
    """The current loop, of which it makes one if there is none, and does not close that."""
    made = asyncio.new_event_loop()
    asyncio.set_event_loop(made)
    yield made
    asyncio.set_event_loop(None)
    made.close()


@pytest.fixture
def key(exchange):
    return exchange.trader(next(names), {"USDT": "100000", "BTC": "2"}, dialect="binance")


@pytest.fixture
def client(key, loop):
    made = binance.Client(key["key"], key["secret"])
    yield made
    made.close_connection()


@pytest.fixture
def run(key, loop):
    """Run a scenario with an asynchronous client and its sockets, and close it."""

    async def main(scenario, credentials):
        client = await binance.AsyncClient.create(**credentials)
        try:
            sockets = binance.BinanceSocketManager(client)
            return await asyncio.wait_for(scenario(client, sockets), WAIT_S)
        finally:
            await client.close_connection()

    def run(scenario, **credentials):
        credentials = credentials or {"api_key": key["key"], "api_secret": key["secret"]}
        return loop.run_until_complete(main(scenario, credentials))

    return run


def test_exchange_info_has_the_filters_that_programs_round_by(client):
    info = client.get_symbol_info(SYMBOL)
    filters = {found["filterType"]: found for found in info["filters"]}
    assert float(filters["PRICE_FILTER"]["tickSize"]) == 0.01
    assert float(filters["LOT_SIZE"]["stepSize"]) == 0.00001
    assert info["status"] == "TRADING"
    assert client.get_exchange_info()["rateLimits"]


def test_the_market_is_told(client):
    book = client.get_order_book(symbol=SYMBOL)
    bids, asks = ([float(price) for price, _ in book[side]] for side in ("bids", "asks"))
    assert bids == sorted(bids, reverse=True)
    assert asks == sorted(asks)
    assert bids[0] < asks[0]
    assert float(client.get_symbol_ticker(symbol=SYMBOL)["price"]) > 0
    assert client.get_recent_trades(symbol=SYMBOL)
    assert abs(client.get_server_time()["serverTime"] - CLOCK.now_ns() // 10**6) < 2_000


def test_historical_candles_are_paged_without_a_gap(client):
    """Its generator asks again from where the last answer ended."""
    found = client.get_historical_klines(SYMBOL, "1m", "20 hours ago UTC")
    opens = [candle[0] for candle in found]
    assert len(opens) > 1_000  # more than one answer
    assert opens == list(range(opens[0], opens[-1] + 1, 60_000))


def test_a_limit_order_rests_is_found_and_canceled(client):
    placed = client.order_limit_buy(symbol=SYMBOL, quantity=0.01, price="20000.00")
    assert placed["status"] == "NEW"
    assert float(client.get_asset_balance(asset="USDT")["locked"]) == pytest.approx(200)
    found = client.get_order(symbol=SYMBOL, orderId=placed["orderId"])
    assert found["clientOrderId"] == placed["clientOrderId"]
    assert client.get_order(symbol=SYMBOL, origClientOrderId=found["clientOrderId"]) == found
    assert [order["orderId"] for order in client.get_open_orders()] == [placed["orderId"]]
    canceled = client.cancel_order(symbol=SYMBOL, orderId=placed["orderId"])
    assert canceled["status"] == "CANCELED"
    assert client.get_open_orders(symbol=SYMBOL) == []
    assert client.get_all_orders(symbol=SYMBOL)[0]["status"] == "CANCELED"


def test_a_market_order_moves_the_balances_by_just_its_fills(client):
    placed = client.order_market_buy(symbol=SYMBOL, quantity=0.1)
    assert placed["status"] == "FILLED"
    fills = client.get_my_trades(symbol=SYMBOL)
    assert {fill["orderId"] for fill in fills} == {placed["orderId"]}
    assert sum(float(fill["qty"]) for fill in fills) == pytest.approx(0.1)
    fee = sum(float(fill["commission"]) for fill in fills)
    balances = {b["asset"]: float(b["free"]) for b in client.get_account()["balances"]}
    assert balances["BTC"] == pytest.approx(2.1 - fee)
    assert balances["USDT"] == pytest.approx(100_000 - float(placed["cummulativeQuoteQty"]))


def test_a_test_order_is_checked_and_leaves_nothing(client):
    order = {"symbol": SYMBOL, "side": "BUY", "type": "LIMIT", "timeInForce": "GTC"}
    assert client.create_test_order(**order, quantity=0.01, price="20000.00") == {}
    with pytest.raises(binance.BinanceAPIException, match="PRICE_FILTER"):
        client.create_test_order(**order, quantity=0.01, price="20000.001")
    assert client.get_all_orders(symbol=SYMBOL) == []


@pytest.mark.parametrize(
    ("order", "code"),
    [
        ({"quantity": 100, "price": "60000.00"}, -2010),  # insufficient balance
        ({"quantity": 0.0001, "price": "20000.00"}, -1013),  # NOTIONAL
        ({"quantity": "0.000001", "price": "20000.00"}, -1013),  # LOT_SIZE
    ],
)
def test_a_refusal_has_the_venues_code(client, order, code):
    with pytest.raises(binance.BinanceAPIException) as refused:
        client.order_limit_buy(symbol=SYMBOL, **order)
    assert refused.value.code == code
    with pytest.raises(binance.BinanceAPIException) as refused:
        client.cancel_order(symbol=SYMBOL, orderId=999_999_999)
    assert refused.value.code == -2011


@pytest.mark.parametrize("kind", OFFERED_BY_ALL)
def test_it_signs_by_a_private_key(exchange, run, kind, tmp_path):
    """On REST and on the WebSocket API."""
    private, public = pair(kind)
    (tmp_path / "public.pem").write_text(public)
    (tmp_path / "private.pem").write_text(private)
    options = {"kind": kind, "public-key": str(tmp_path / "public.pem")}
    key = exchange.trader(next(names), {"USDT": "100000"}, dialect="binance", **options)

    async def scenario(client, _):
        placed = await client.order_limit_buy(symbol=SYMBOL, quantity=0.01, price="20000.00")
        return await client.ws_cancel_order(symbol=SYMBOL, orderId=placed["orderId"])

    canceled = run(scenario, api_key=key["key"], private_key=tmp_path / "private.pem")
    assert canceled["status"] == "CANCELED"


def test_orders_over_the_websocket_api(run):
    async def scenario(client, _):
        placed = await client.ws_order_limit_buy(symbol=SYMBOL, quantity=0.01, price="20000.00")
        open_orders = await client.ws_get_open_orders(symbol=SYMBOL)
        await client.ws_cancel_order(symbol=SYMBOL, orderId=placed["orderId"])
        bought = await client.ws_order_market_buy(symbol=SYMBOL, quantity=0.01)
        return placed, open_orders, bought, await client.ws_get_open_orders(symbol=SYMBOL)

    placed, open_orders, bought, left = run(scenario)
    assert [order["orderId"] for order in open_orders] == [placed["orderId"]]
    assert bought["status"] == "FILLED"
    assert left == []


def test_the_user_socket_tells_orders_fills_and_balances(run):
    """It subscribes by signature over the WebSocket API, leaves, and subscribes once more."""

    async def scenario(client, sockets):
        seen = []
        async with sockets.user_socket() as own:
            placed = await client.order_market_buy(symbol=SYMBOL, quantity=0.02)
            while not seen or seen[-1]["e"] != "outboundAccountPosition":
                seen.append(await own.recv())
        async with sockets.user_socket() as own:
            resting = await client.order_limit_buy(symbol=SYMBOL, quantity=0.01, price="20000.00")
            again = await own.recv()
        return placed, seen, resting, again

    placed, seen, resting, again = run(scenario)
    reports = [event for event in seen if event["e"] == "executionReport"]
    assert {report["i"] for report in reports} == {placed["orderId"]}
    assert [reports[0]["X"], reports[-1]["X"]] == ["NEW", "FILLED"]
    balances = {balance["a"]: float(balance["f"]) for balance in seen[-1]["B"]}
    assert balances["BTC"] > 2
    assert balances["USDT"] < 100_000
    assert (again["i"], again["x"]) == (resting["orderId"], "NEW")


def test_updates_of_a_book_have_no_gap(run):
    async def scenario(_, sockets):
        async with sockets.depth_socket(SYMBOL, interval=100) as depth:
            return [await depth.recv() for _ in range(10)]

    for before, after in itertools.pairwise(run(scenario)):
        assert after["U"] == before["u"] + 1


def test_streams_in_one_socket(run):
    wanted = {"btcusdt@bookTicker", "ethusdt@depth@100ms", "btcusdt@miniTicker"}

    async def scenario(_, sockets):
        seen = set()
        async with sockets.multiplex_socket(sorted(wanted)) as combined:
            while seen != wanted:
                seen.add((await combined.recv())["stream"])
        return seen

    assert run(scenario) == wanted


def test_a_depth_cache_follows_the_book(run):
    """An order of our own, at a price where nobody else is, comes into it and leaves it."""
    price, size = 20_000.01, 0.01234

    async def scenario(client, sockets):
        cache = binance.DepthCacheManager(client, SYMBOL, bm=sockets, limit=5_000, ws_interval=100)
        async with cache:

            async def until(wanted):
                while True:
                    book = await cache.recv()
                    bids, asks = book.get_bids(), book.get_asks()
                    assert bids[0][0] < asks[0][0]
                    if dict(map(tuple, bids)).get(price) == wanted:
                        return

            await until(None)
            placed = await client.order_limit_buy(symbol=SYMBOL, quantity=size, price=price)
            await until(size)
            await client.cancel_order(symbol=SYMBOL, orderId=placed["orderId"])
            await until(None)
        return True

    assert run(scenario)


def test_threaded_sockets(key, client, loop):
    """Its thread makes a client of its own, from the same attributes."""
    events, books = Queue(), Queue()
    manager = binance.ThreadedWebsocketManager(key["key"], key["secret"])
    manager.start()
    own = manager.start_user_socket(callback=events.put)
    depth = manager.start_depth_socket(callback=books.put, symbol=SYMBOL)
    try:
        assert books.get(timeout=WAIT_S)["e"] == "depthUpdate"
        placed = client.order_market_buy(symbol=SYMBOL, quantity=0.01)
        event = events.get(timeout=WAIT_S)
        assert (event["e"], event["i"]) == ("executionReport", placed["orderId"])
    finally:
        for socket in (own, depth):
            manager.stop_socket(socket)
        last = time.monotonic() + WAIT_S
        while manager._socket_running and time.monotonic() < last:
            time.sleep(0.05)  # they still unsubscribe over what `stop` closes
        manager._running = False
        manager.join(WAIT_S)
        loop.run_until_complete(manager.stop_client())  # `stop` asks a loop that no longer runs
    assert not manager.is_alive()


def test_lists_replacements_and_orders_by_amount(client):
    """What its users do besides single orders, by its own methods."""
    price = float(client.get_symbol_ticker(symbol=SYMBOL)["price"])
    high, low, lower = (f"{price * factor:.2f}" for factor in (1.5, 0.6, 0.5))
    bought = client.order_market_buy(symbol=SYMBOL, quoteOrderQty="500")
    assert bought["status"] == "FILLED"
    assert 490 < float(bought["cummulativeQuoteQty"]) <= 500
    told = client.create_oco_order(
        symbol=SYMBOL,
        side="SELL",
        quantity="0.01",
        aboveType="LIMIT_MAKER",
        abovePrice=high,
        belowType="STOP_LOSS_LIMIT",
        belowStopPrice=low,
        belowPrice=lower,
        belowTimeInForce="GTC",
    )
    assert (told["contingencyType"], len(client.get_open_orders(symbol=SYMBOL))) == ("OCO", 2)
    first = told["orders"][0]["orderId"]
    client.cancel_order(symbol=SYMBOL, orderId=first)
    assert client.get_open_orders(symbol=SYMBOL) == []
    order = client.order_limit_buy(symbol=SYMBOL, quantity="0.01", price=low)
    replaced = client.cancel_replace_order(
        symbol=SYMBOL,
        side="BUY",
        type="LIMIT",
        timeInForce="GTC",
        quantity="0.02",
        price=lower,
        cancelReplaceMode="STOP_ON_FAILURE",
        cancelOrderId=order["orderId"],
    )
    number = replaced["newOrderResponse"]["orderId"]
    assert [o["orderId"] for o in client.get_open_orders(symbol=SYMBOL)] == [number]
    stop = client.create_order(
        symbol=SYMBOL, side="SELL", type="STOP_LOSS", quantity="0.01", stopPrice=low
    )
    assert client.get_order(symbol=SYMBOL, orderId=stop["orderId"])["isWorking"] is False
