"""Unmodified ccxt trades on the coinbase-exchange dialect with what `steelyard env` prints."""

import itertools
import uuid

import ccxt
import pytest

pytestmark = pytest.mark.slow

names = (f"cb-{number}" for number in itertools.count())
PAIR = "BTC/USDT"


@pytest.fixture(scope="module")
def public(exchange):
    client = ccxt.coinbaseexchange(settings(exchange))
    client.load_markets()
    return client


def settings(exchange):
    return {**exchange.env("coinbase-exchange", client="ccxt"), "enableRateLimit": True}


def trader(exchange, scopes="read,trade", **deposits):
    deposits = deposits or {"USDT": "100000", "BTC": "2"}
    key = exchange.trader(next(names), deposits, dialect="coinbase-exchange", scopes=scopes)
    client = ccxt.coinbaseexchange(
        {
            **settings(exchange),
            "apiKey": key["key"],
            "secret": key["secret"],
            "password": key["passphrase"],
        }
    )
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
    assert {"ETH/USDT", "SOL/USDT", "ETH/BTC", "BTC/USD", "ETH/USD"} <= set(public.symbols)
    assert {"BTC", "USDT"} <= set(public.currencies)


def test_public_data_is_in_order(public):
    """Time, ticker, tickers, book, trades and candles."""
    assert abs(public.fetch_time() - public.milliseconds()) < 2_000
    ticker = public.fetch_ticker(PAIR)
    assert ticker["bid"] < ticker["ask"]
    assert ticker["last"] > 0
    assert PAIR in public.fetch_tickers(
        [PAIR]
    )  # ccxt looks for a price where spark lines have none
    book = public.fetch_order_book(PAIR, 50)
    bids, asks = ([price for price, *_ in book[side]] for side in ("bids", "asks"))
    assert bids == sorted(bids, reverse=True)
    assert asks == sorted(asks)
    assert bids[0] < asks[0]
    trades = public.fetch_trades(PAIR, limit=20)
    assert {trade["side"] for trade in trades} <= {"buy", "sell"}
    assert len({trade["id"] for trade in trades}) == len(trades) > 0
    candles = public.fetch_ohlcv(PAIR, "1m", limit=20)
    for _, opened, high, low, closed, volume in candles:
        assert low <= min(opened, closed) <= max(opened, closed) <= high
        assert volume > 0


def test_a_market_order_fills_and_moves_the_balance_by_just_that(client):
    """A9, D8: it is taken up, then done; executed value, fee and balances fit together."""
    before = client.fetch_balance()
    placed = client.create_order(PAIR, "market", "buy", 0.1)
    assert placed["status"] == "open"  # the venue says pending
    order = client.fetch_order(placed["id"])
    assert order["status"] == "closed"
    assert order["filled"] == 0.1
    fills = client.fetch_my_trades(PAIR)
    assert sum(fill["amount"] for fill in fills) == pytest.approx(0.1)
    assert {fill["takerOrMaker"] for fill in fills} == {"taker"}
    fee = sum(fill["fee"]["cost"] for fill in fills)
    assert fee == pytest.approx(order["fee"]["cost"])
    assert client.fetch_order_trades(placed["id"]) != []
    after = client.fetch_balance()
    assert after["BTC"]["total"] - before["BTC"]["total"] == pytest.approx(0.1)
    assert before["USDT"]["total"] - after["USDT"]["total"] == pytest.approx(order["cost"] + fee)


def test_all_of_a_balance_can_be_spent(exchange):
    """`funds` has the fee in it; ccxt sends it for a cost."""
    client = trader(exchange, USDT="1000")
    client.create_order(PAIR, "market", "buy", 1000, None, {"cost": 1000})
    assert client.fetch_balance()["USDT"]["total"] < 1


def test_a_limit_order_rests_is_found_and_canceled(client):
    order = client.create_order(PAIR, "limit", "buy", 0.01, 20_000)
    assert client.fetch_balance()["USDT"]["used"] == pytest.approx(200.2)
    assert client.fetch_order(order["id"])["status"] == "open"
    assert [o["id"] for o in client.fetch_open_orders(PAIR)] == [order["id"]]
    client.cancel_order(order["id"], PAIR)  # with a body, and the symbol with a slash in it
    assert client.fetch_order(order["id"])["status"] == "canceled"
    assert client.fetch_open_orders(PAIR) == []
    assert order["id"] in [o["id"] for o in client.fetch_closed_orders(PAIR)]
    assert client.fetch_balance()["USDT"]["used"] == 0


def test_an_order_is_found_and_canceled_by_the_clients_own_id(client):
    own = str(uuid.uuid4())
    client.create_order(PAIR, "limit", "buy", 0.01, 20_000, {"clientOrderId": own})
    found = client.fetch_order("", PAIR, {"clientOrderId": own})
    assert found["clientOrderId"] == own
    client.cancel_order("", PAIR, {"clientOrderId": own})
    assert client.fetch_open_orders(PAIR) == []


def test_all_open_orders_are_canceled_at_once(client):
    for price in (20_000, 20_001, 20_002):
        client.create_order(PAIR, "limit", "buy", 0.01, price)
    client.cancel_all_orders(PAIR)
    assert client.fetch_open_orders(PAIR) == []
    client.cancel_all_orders(PAIR)


def test_post_only_rests_or_is_rejected(client):
    resting = client.create_order(PAIR, "limit", "buy", 0.01, 20_000, {"postOnly": True})
    assert client.fetch_order(resting["id"])["postOnly"]
    taking = client.create_order(PAIR, "limit", "buy", 0.01, 90_000, {"postOnly": True})
    assert taking["status"] == "rejected"


def test_ioc_takes_what_it_can_and_is_canceled(client):
    order = client.create_order(PAIR, "limit", "buy", 0.01, 20_000, {"timeInForce": "IOC"})
    assert client.fetch_order(order["id"])["status"] == "canceled"


def test_a_stop_waits_for_its_price(client):
    order = client.create_order(PAIR, "limit", "sell", 0.01, 20_000, {"stopPrice": 21_000})
    found = client.fetch_order(order["id"])
    assert (found["status"], found["stopPrice"]) == ("open", 21_000)
    client.cancel_order(order["id"])


def test_an_order_is_edited_by_cancel_and_new(client):
    order = client.create_order(PAIR, "limit", "buy", 0.01, 20_000)
    edited = client.edit_order(order["id"], PAIR, "limit", "buy", 0.02, 20_001)
    assert edited["id"] != order["id"]
    assert [o["amount"] for o in client.fetch_open_orders(PAIR)] == [0.02]


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ((PAIR, "limit", "buy", 100, 60_000), ccxt.InsufficientFunds),
        ((PAIR, "limit", "buy", 0.0001, 20_000), ccxt.ExchangeError),  # below 5 USDT
    ],
)
def test_refusals_become_the_errors_that_a_ccxt_program_catches(client, arguments, error):
    with pytest.raises(error):
        client.create_order(*arguments)
    assert client.fetch_open_orders(PAIR) == []


def test_an_unknown_order_is_not_found(client):
    stranger = str(uuid.uuid4())
    with pytest.raises(ccxt.OrderNotFound):
        client.fetch_order(stranger)
    with pytest.raises(ccxt.OrderNotFound):
        client.cancel_order(stranger)
    with pytest.raises(ccxt.InvalidOrder):
        client.fetch_order("12345")
    order = client.create_order(PAIR, "limit", "buy", 0.01, 20_000)
    client.cancel_order(order["id"])
    with pytest.raises(ccxt.OrderNotFound, match="already done"):
        client.cancel_order(order["id"])


def test_a_wrong_secret_a_wrong_passphrase_and_a_wrong_clock_are_told_apart(exchange):
    client = trader(exchange)
    client.password = "wrong"
    with pytest.raises(ccxt.AuthenticationError, match="Invalid Passphrase"):
        client.fetch_balance()
    client.secret = "d3Jvbmc="
    with pytest.raises(ccxt.AuthenticationError, match="invalid signature"):
        client.fetch_balance()
    client = trader(exchange)
    client.nonce = lambda: client.seconds() - 120
    with pytest.raises(ccxt.AuthenticationError, match="timestamp expired"):
        client.fetch_balance()


def test_a_read_only_key_reads_and_nothing_else(exchange):
    client = trader(exchange, scopes="read")
    assert client.fetch_balance()["USDT"]["free"] == 100_000
    with pytest.raises(ccxt.ExchangeNotAvailable, match="Forbidden"):  # ccxt's word for any 403
        client.create_order(PAIR, "market", "buy", 0.01)


def test_fees_ledger_and_transfers_are_told(client):
    fees = client.fetch_trading_fees()
    assert (fees[PAIR]["maker"], fees[PAIR]["taker"]) == (0.001, 0.001)
    client.create_order(PAIR, "market", "buy", 0.01)
    ledger = client.fetch_ledger("USDT")
    assert {"trade", "fee"} <= {entry["type"] for entry in ledger}
    assert client.fetch_deposits() == []
