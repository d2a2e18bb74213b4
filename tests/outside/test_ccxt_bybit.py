"""Unmodified ccxt trades on the bybit dialect with what `steelyard env` prints."""

import itertools

import ccxt
import pytest

pytestmark = pytest.mark.slow

names = (f"by-{number}" for number in itertools.count())
PAIR = "BTC/USDT"
KNOWN = {"acknowledged": True}  # ccxt's leave to ask for one order of a unified account


@pytest.fixture(scope="module")
def public(exchange):
    client = ccxt.bybit(settings(exchange))
    client.load_markets()
    return client


def settings(exchange):
    return {**exchange.env("bybit", client="ccxt"), "enableRateLimit": False}


def trader(exchange, scopes="read,trade", **deposits):
    deposits = deposits or {"USDT": "100000", "BTC": "2"}
    key = exchange.trader(next(names), deposits, dialect="bybit", scopes=scopes)
    client = ccxt.bybit({**settings(exchange), "apiKey": key["key"], "secret": key["secret"]})
    client.load_markets()
    return client


@pytest.fixture
def client(exchange):
    return trader(exchange)


def test_markets_have_the_steps_and_limits_of_the_listing(public):
    market = public.market(PAIR)
    assert market["spot"]
    assert market["active"]
    assert market["precision"] == {**market["precision"], "price": 0.01, "amount": 0.00001}
    assert market["limits"]["cost"]["min"] == 5
    assert {"ETH/USDT", "SOL/USDT", "ETH/BTC"} <= set(public.symbols)


def test_public_data_is_in_order(public):
    """Time, ticker, tickers, book, trades and candles."""
    assert abs(public.fetch_time() - public.milliseconds()) < 2_000
    ticker = public.fetch_ticker(PAIR)
    assert ticker["bid"] < ticker["ask"]
    assert ticker["last"] > 0
    assert PAIR in public.fetch_tickers([PAIR])
    book = public.fetch_order_book(PAIR, 50)
    bids, asks = ([price for price, *_ in book[side]] for side in ("bids", "asks"))
    assert bids == sorted(bids, reverse=True)
    assert asks == sorted(asks)
    assert bids[0] < asks[0]
    trades = public.fetch_trades(PAIR, limit=20)
    assert {trade["side"] for trade in trades} <= {"buy", "sell"}
    assert len({trade["id"] for trade in trades}) == len(trades) > 0
    candles = public.fetch_ohlcv(PAIR, "1m", limit=20)
    assert [row[0] for row in candles] == sorted(row[0] for row in candles)
    for _, opened, high, low, closed, _volume in candles:
        assert low <= min(opened, closed) <= max(opened, closed) <= high


def test_a_market_order_fills_and_moves_the_balance_by_just_that(client):
    """It is acknowledged, then filled; executed value, fee and balances fit together."""
    before = client.fetch_balance()
    placed = client.create_order(PAIR, "market", "buy", 0.1)
    order = client.fetch_order(placed["id"], PAIR, KNOWN)
    assert (order["status"], order["filled"]) == ("closed", 0.1)
    fills = client.fetch_my_trades(PAIR)
    assert sum(fill["amount"] for fill in fills) == pytest.approx(0.1)
    assert {fill["takerOrMaker"] for fill in fills} == {"taker"}
    fee = sum(fill["fee"]["cost"] for fill in fills)
    assert {fill["fee"]["currency"] for fill in fills} == {"BTC"}
    assert fee == pytest.approx(order["fee"]["cost"])
    assert client.fetch_order_trades(placed["id"], PAIR) != []
    after = client.fetch_balance()
    assert after["BTC"]["total"] - before["BTC"]["total"] == pytest.approx(0.1 - fee)
    assert before["USDT"]["total"] - after["USDT"]["total"] == pytest.approx(order["cost"])


def test_money_can_be_spent_by_its_amount(exchange):
    """Without marketUnit a buy's quantity is money."""
    client = trader(exchange, USDT="1000")
    client.create_order(PAIR, "market", "buy", 1000, None, {"cost": 1000})
    assert client.fetch_balance()["USDT"]["total"] < 1


def test_a_limit_order_rests_is_found_and_canceled(client):
    order = client.create_order(PAIR, "limit", "buy", 0.01, 20_000)
    assert client.fetch_balance()["USDT"]["used"] == pytest.approx(200)
    assert client.fetch_open_order(order["id"], PAIR, KNOWN)["status"] == "open"
    assert [o["id"] for o in client.fetch_open_orders(PAIR)] == [order["id"]]
    client.cancel_order(order["id"], PAIR)
    assert client.fetch_order(order["id"], PAIR, KNOWN)["status"] == "canceled"
    assert client.fetch_open_orders(PAIR) == []
    assert order["id"] in [o["id"] for o in client.fetch_canceled_orders(PAIR)]
    assert order["id"] in [o["id"] for o in client.fetch_canceled_and_closed_orders(PAIR)]
    assert client.fetch_balance()["USDT"]["used"] == 0


def test_an_order_is_found_and_canceled_by_the_clients_own_id(client):
    placed = client.create_order(PAIR, "limit", "buy", 0.01, 20_000, {"clientOrderId": "mine-1"})
    found = client.fetch_order(placed["id"], PAIR, KNOWN)
    assert found["clientOrderId"] == "mine-1"
    with pytest.raises(ccxt.InvalidOrder):
        client.create_order(PAIR, "limit", "buy", 0.01, 20_000, {"clientOrderId": "mine-1"})
    client.cancel_order(None, PAIR, {"orderLinkId": "mine-1"})
    assert client.fetch_open_orders(PAIR) == []


def test_all_open_orders_are_canceled_at_once(client):
    for price in (20_000, 20_001, 20_002):
        client.create_order(PAIR, "limit", "buy", 0.01, price)
    client.cancel_all_orders(PAIR)
    assert client.fetch_open_orders(PAIR) == []
    client.cancel_all_orders(PAIR)


def test_several_orders_are_placed_and_canceled_in_one_request(client):
    one = {"symbol": PAIR, "type": "limit", "side": "buy", "amount": 0.01}
    placed = client.create_orders([{**one, "price": 20_000}, {**one, "price": 20_001}])
    ids = [order["id"] for order in placed]
    assert len({*ids} - {None, ""}) == 2
    client.cancel_orders(ids, PAIR)
    assert client.fetch_open_orders(PAIR) == []


def test_an_order_is_amended_and_keeps_its_id(client):
    order = client.create_order(PAIR, "limit", "buy", 0.01, 20_000)
    edited = client.edit_order(order["id"], PAIR, "limit", "buy", 0.02, 20_001)
    assert edited["id"] == order["id"]
    (found,) = client.fetch_open_orders(PAIR)
    assert (found["amount"], found["price"]) == (0.02, 20_001)


def test_post_only_rests_or_is_refused(client):
    resting = client.create_order(PAIR, "limit", "buy", 0.01, 20_000, {"postOnly": True})
    assert client.fetch_order(resting["id"], PAIR, KNOWN)["postOnly"]
    with pytest.raises(ccxt.InvalidOrder, match="170218"):
        client.create_order(PAIR, "limit", "buy", 0.01, 90_000, {"postOnly": True})


def test_ioc_and_fok_take_what_they_can_or_nothing(client):
    for lifetime in ("IOC", "FOK"):
        order = client.create_order(PAIR, "limit", "buy", 0.01, 20_000, {"timeInForce": lifetime})
        assert client.fetch_order(order["id"], PAIR, KNOWN)["status"] == "canceled"


def test_a_stop_and_a_take_profit_wait_for_their_price(client):
    for params in ({"triggerPrice": 21_000}, {"stopLossPrice": 21_000}):
        order = client.create_order(PAIR, "limit", "sell", 0.01, 20_000, params)
        found = client.fetch_order(order["id"], PAIR, KNOWN)
        assert (found["status"], found["triggerPrice"]) == ("open", 21_000)
        client.cancel_order(order["id"], PAIR)
    order = client.create_order(PAIR, "limit", "sell", 0.01, 95_000, {"takeProfitPrice": 94_000})
    assert client.fetch_order(order["id"], PAIR, KNOWN)["triggerPrice"] == 94_000
    client.cancel_order(order["id"], PAIR)


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ((PAIR, "limit", "buy", 100, 60_000), ccxt.InsufficientFunds),
        ((PAIR, "limit", "buy", 0.0001, 20_000), ccxt.InvalidOrder),  # below 5 USDT
    ],
)
def test_refusals_become_the_errors_that_a_ccxt_program_catches(client, arguments, error):
    with pytest.raises(error):
        client.create_order(*arguments)
    assert client.fetch_open_orders(PAIR) == []


def test_an_unknown_order_is_not_found_and_one_that_has_ended_is_told_apart(client):
    with pytest.raises(ccxt.OrderNotFound):
        client.fetch_order("1234567", PAIR, KNOWN)
    with pytest.raises(ccxt.OrderNotFound):
        client.cancel_order("1234567", PAIR)
    order = client.create_order(PAIR, "limit", "buy", 0.01, 20_000)
    client.cancel_order(order["id"], PAIR)
    with pytest.raises(ccxt.InvalidOrder, match="170142"):
        client.cancel_order(order["id"], PAIR)


def test_a_wrong_secret_a_wrong_key_and_a_wrong_clock_are_told_apart(exchange):
    client = trader(exchange)
    client.nonce = lambda: client.milliseconds() - 120_000
    with pytest.raises(ccxt.InvalidNonce):
        client.private_get_v5_account_info()
    client = trader(exchange)
    client.secret = "wrong"
    with pytest.raises(ccxt.AuthenticationError, match="10004"):
        client.fetch_balance()
    client.apiKey = "unknown"
    with pytest.raises(ccxt.AuthenticationError, match="10003"):
        client.private_get_v5_account_info()


def test_a_read_only_key_reads_and_nothing_else(exchange):
    client = trader(exchange, scopes="read")
    assert client.fetch_balance()["USDT"]["free"] == 100_000
    with pytest.raises(ccxt.PermissionDenied):
        client.create_order(PAIR, "market", "buy", 0.01)


def test_fees_ledger_and_transfers_are_told(client):
    fee = client.fetch_trading_fee(PAIR)
    assert (fee["maker"], fee["taker"]) == (0.001, 0.001)
    client.create_order(PAIR, "market", "buy", 0.01)
    ledger = client.fetch_ledger("USDT")
    assert "trade" in {entry["type"] for entry in ledger}
    assert client.fetch_deposits() == []
    assert client.fetch_withdrawals() == []
    assert client.fetch_deposit_address("BTC", {"network": "BTC"})["address"]
