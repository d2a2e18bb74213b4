"""Unmodified coinbasepro and cbpro trade on the coinbase-exchange dialect, in a quiet market.

The first is REST alone and knows every flag of an order; the second keeps a book order by order.
"""

import itertools
import threading
import time
from decimal import Decimal

import cbpro
import coinbasepro
import pytest
from quiet_market import ASK, BELOW, BID, FAR_BELOW, quiet_exchange

pytestmark = pytest.mark.slow

PRODUCT = "BTC-USDT"
FEE_RATE = Decimal("0.001")
WAIT_S = 30
UNPACED = {"public_rate_limit": 0, "auth_rate_limit": 0}
WRONG = {  # of a key, and what the venue says to it
    ("secret", "d3Jvbmc="): "invalid signature",
    ("key", "0" * 32): "Invalid API Key",
    ("passphrase", "another"): "Invalid Passphrase",
}
CANCEL_AFTER = {"min": "1m", "hour": "1h", "day": "24h"}
OWN = 50_000  # between bid and ask, where nobody but the test has orders
PAGE = 100  # trades of a page
MESSAGES = 300  # of the full channel, that are followed
names = (f"coinbase-client-{number}" for number in itertools.count())


@pytest.fixture(scope="module")
def quiet(tmp_path_factory):
    with quiet_exchange(tmp_path_factory.mktemp("quiet")) as running:
        yield running


def key_of(exchange, scopes="read,trade"):
    deposits = {"USDT": "1000000", "BTC": "20"}
    return exchange.trader(next(names), deposits, dialect="coinbase-exchange", scopes=scopes)


def client_of(exchange, key):
    settings = exchange.env("coinbase-exchange", client="coinbasepro")["AuthenticatedClient"]
    return coinbasepro.AuthenticatedClient(
        key["key"], key["secret"], key["passphrase"], **settings, **UNPACED
    )


@pytest.fixture
def client(quiet):
    return client_of(quiet, key_of(quiet))


def limit(client, side, price, size="0.1", **more):
    return client.place_limit_order(PRODUCT, side, float(price), float(size), **more)


# -- coinbasepro ----------------------------------------------------------------------------------


def test_the_market_is_read_by_its_public_client(quiet):
    maker, *takers = (client_of(quiet, key_of(quiet)) for _ in range(11))
    limit(maker, "sell", OWN)
    for taker in takers * (PAGE // len(takers)):
        taker.place_market_order(PRODUCT, "buy", size=0.001)
    settings = quiet.env("coinbase-exchange", client="coinbasepro")["PublicClient"]
    public = coinbasepro.PublicClient(**settings, rate_limit=0)
    product = next(each for each in public.get_products() if each["id"] == PRODUCT)
    assert product["quote_increment"] == Decimal("0.01")
    book = public.get_product_order_book(PRODUCT, level=2)
    assert (book["bids"][0][0], book["asks"][0][0]) == (f"{BID:.2f}", f"{ASK:.2f}")
    assert public.get_product_ticker(PRODUCT)["price"] == 50_000
    trades = list(itertools.islice(public.get_product_trades(PRODUCT), PAGE + 5))  # two pages
    assert len({trade["trade_id"] for trade in trades}) == len(trades) == PAGE + 5
    assert public.get_product_historic_rates(PRODUCT, granularity=60)
    assert public.get_product_24hr_stats(PRODUCT)["last"] == 50_000
    assert {"BTC", "USDT"} <= {each["id"] for each in public.get_currencies()}
    assert public.get_time()["epoch"] > 0


def test_an_order_fills_as_taker_or_maker_and_fills_say_which(quiet):
    """A fill's liquidity flag, its fee, and what became of the balances."""
    maker, taker = (client_of(quiet, key_of(quiet)) for _ in range(2))
    resting = limit(maker, "sell", OWN)
    taking = taker.place_market_order(PRODUCT, "buy", size=0.1)
    (made,) = maker.get_fills(order_id=resting["id"])
    (took,) = taker.get_fills(product_id=PRODUCT)
    assert (made["liquidity"], took["liquidity"]) == ("M", "T")
    assert (made["side"], took["side"]) == ("sell", "buy")
    assert made["trade_id"] == took["trade_id"]
    assert made["fee"] == took["fee"] == Decimal("0.1") * OWN * FEE_RATE
    done = taker.get_order(taking["id"])
    assert (done["status"], done["done_reason"]) == ("done", "filled")
    assert done["executed_value"] == Decimal("0.1") * OWN
    held = {each["currency"]: each["balance"] for each in taker.get_accounts()}
    assert held["BTC"] == Decimal("20.1")
    assert held["USDT"] == 1_000_000 - Decimal("0.1") * OWN * (1 + FEE_RATE)
    assert taker.get_fees()["taker_fee_rate"] == FEE_RATE


@pytest.mark.parametrize(
    ("mode", "resting", "taking"),
    [  # size that is left of each, None where it is canceled; 0.3 rests, 0.1 comes
        ("dc", "0.2", None),
        ("co", None, "0.1"),
        ("cn", "0.3", None),
        ("cb", None, None),
    ],
)
def test_an_order_does_not_trade_with_its_owner(client, mode, resting, taking):
    """What becomes of the two is the newer one's to say."""
    first = limit(client, "sell", OWN, "0.3", stp="cb")
    second = limit(client, "buy", OWN, "0.1", stp=mode)
    assert client.get_order(second["id"])["stp"] == mode
    still = {each["id"]: each["size"] for each in client.get_orders(PRODUCT)}
    left = {first["id"]: resting, second["id"]: taking}
    assert still == {name: Decimal(size) for name, size in left.items() if size is not None}
    assert list(client.get_fills(product_id=PRODUCT)) == []
    for name, size in left.items():
        if size is None:
            assert client.get_order(name)["status"] == "done"
    client.cancel_all(PRODUCT)


def test_decrementing_cancels_both_of_a_size(client):
    orders = [limit(client, side, OWN, "0.2", stp="dc") for side in ("sell", "buy")]
    assert {client.get_order(order["id"])["done_reason"] for order in orders} == {"canceled"}
    assert list(client.get_orders(PRODUCT)) == []


@pytest.mark.parametrize(
    ("after", "seconds"), [("min", 60), ("hour", 3_600), ("day", 86_400)], ids=CANCEL_AFTER
)
def test_an_order_ends_when_its_time_is_over(quiet, client, after, seconds):
    """By the sandbox's clock: a moment before it rests, a moment after it is gone."""
    order = limit(client, "buy", int(BELOW), time_in_force="GTT", cancel_after=after)
    found = client.get_order(order["id"])
    assert found["time_in_force"] == "GTT"
    quiet.steelyard("clock", "advance", f"{seconds - 20}s")
    assert [each["id"] for each in client.get_orders(PRODUCT)] == [order["id"]]
    quiet.steelyard("clock", "advance", "21s")
    assert list(client.get_orders(PRODUCT)) == []
    ended = client.get_order(order["id"])
    assert (ended["status"], ended["done_reason"]) == ("done", "canceled")


def test_orders_wait_are_listed_by_status_and_canceled(client):
    stop = limit(client, "buy", 61_000, stop="entry", stop_price=60_000.0)
    fixed = limit(client, "sell", 39_000, stop="loss", stop_price=40_000.0)
    resting = limit(client, "buy", int(BELOW), post_only=True)
    refused = limit(client, "buy", int(ASK), post_only=True)
    assert refused["status"] == "rejected"
    active = {each["id"] for each in client.get_orders(PRODUCT, status="active")}
    assert active == {stop["id"], fixed["id"]}
    assert {each["id"] for each in client.get_orders(PRODUCT)} == active | {resting["id"]}
    assert client.cancel_order(resting["id"]) == resting["id"]
    assert set(client.cancel_all(PRODUCT)) == active
    done = {each["id"] for each in client.get_orders(PRODUCT, status=["done"])}
    assert done >= active | {resting["id"]}


def test_money_is_told_by_ledger_holds_and_transfers(quiet, client):
    order = limit(client, "buy", int(BELOW), "1")
    account = next(each for each in client.get_accounts() if each["currency"] == "USDT")
    holds = list(client.get_account_holds(account["id"]))
    assert [hold["ref"] for hold in holds] == [order["id"]]
    assert client.get_account(account["id"])["hold"] == 40_000 * (1 + FEE_RATE)
    client.cancel_all()
    client.place_market_order(PRODUCT, "sell", size=0.01)
    kinds = {entry["type"] for entry in client.get_account_history(account["id"])}
    assert {"match", "fee"} <= kinds
    assert list(client.get_account_transfers(account["id"])) is not None


@pytest.mark.parametrize(
    ("act", "said"),
    [
        (lambda c: limit(c, "buy", 40_000, "1000"), "Insufficient funds"),
        (lambda c: limit(c, "buy", "40000.001"), "price too precise"),
        (lambda c: c.get_order("6e29f2cb-1cf3-4b5e-9e0c-2a3ff2d5f5ec"), "(?i)notfound|not found"),
        (lambda c: limit(c, "buy", 1, "0.00001"), "funds is too small"),
    ],
)
def test_what_is_refused_is_an_error_of_its_own(client, act, said):
    with pytest.raises(coinbasepro.exceptions.CoinbaseAPIError, match=said):
        act(client)


def test_a_wrong_key_is_no_key(quiet):
    key = key_of(quiet)
    for change, said in WRONG.items():
        with pytest.raises(coinbasepro.exceptions.InvalidAPIKey, match=said):
            client_of(quiet, {**key, **dict([change])}).get_accounts()


# -- cbpro ----------------------------------------------------------------------------------------


class Book(cbpro.OrderBook):
    """Its own book, which is asked now and then what it has come to."""

    def __init__(self, product: str, settings: dict, key: dict) -> None:
        super().__init__(product_id=product)
        self.url = settings["url"]
        self._client.url = settings["_client"]["url"]
        self.channels, self.auth = ["full"], True
        self.api_key, self.api_secret = key["key"], key["secret"]
        self.api_passphrase = key["passphrase"]
        self.types: list[str] = []
        self.gaps = 0
        self.crossed = 0
        self.is_done = threading.Event()

    def on_message(self, message) -> None:
        assert message["type"] != "error", message
        super().on_message(message)
        self.types.append(message["type"])
        if len(self.types) > 1:
            self.crossed += self.get_bid() >= self.get_ask()
        if len(self.types) >= MESSAGES:
            self.is_done.set()

    def on_sequence_gap(self, gap_start, gap_end) -> None:
        self.gaps += 1


def test_the_book_of_cbpro_is_the_venues_order_by_order(exchange):
    """It asserts of each match that the oldest order at its price was hit; and misses none."""
    key = key_of(exchange)
    book = Book(PRODUCT, exchange.env("coinbase-exchange", client="cbpro")["OrderBook"], key)
    book.start()
    try:
        placed = _order_of_cbpro(exchange, key)
        assert book.is_done.wait(WAIT_S)
    finally:
        book.close()
    assert book.error is None
    assert (book.gaps, book.crossed) == (0, 0)
    assert {"open", "done", "change"} <= set(book.types)
    found = book.get_current_book()
    assert placed["id"] in {order_id for _, _, order_id in found["bids"]}


def _order_of_cbpro(exchange, key) -> dict:
    settings = exchange.env("coinbase-exchange", client="cbpro")["AuthenticatedClient"]
    client = cbpro.AuthenticatedClient(key["key"], key["secret"], key["passphrase"], **settings)
    placed = client.place_limit_order(PRODUCT, "buy", str(int(FAR_BELOW)), "0.01")
    assert placed["status"] == "pending"
    assert client.get_order(placed["id"])["status"] == "open"
    return placed


def test_a_day_with_cbpro(quiet):
    """Accounts, an order of each kind, fills, and cancels."""
    key = key_of(quiet)
    settings = quiet.env("coinbase-exchange", client="cbpro")["AuthenticatedClient"]
    client = cbpro.AuthenticatedClient(key["key"], key["secret"], key["passphrase"], **settings)
    accounts = {each["currency"]: each for each in client.get_accounts()}
    assert Decimal(accounts["BTC"]["balance"]) == 20
    client.place_market_order(PRODUCT, "buy", funds="1000")
    client.place_market_order(PRODUCT, "sell", size="0.01")
    fills = list(client.get_fills(product_id=PRODUCT))
    assert {each["side"] for each in fills} == {"buy", "sell"}
    stopped = {"stop": "loss", "stop_price": "40000"}
    stop = client.place_order(PRODUCT, "sell", "limit", price="39000", size="0.01", **stopped)
    assert client.get_order(stop["id"])["stop"] == "loss"
    assert client.cancel_order(stop["id"]) == stop["id"]
    resting = client.place_limit_order(PRODUCT, "buy", "40000", "0.01", post_only=True)
    assert client.cancel_all(PRODUCT) == [resting["id"]]
    history = list(client.get_account_history(accounts["BTC"]["id"]))
    assert {entry["type"] for entry in history} >= {"match"}
    assert client.get_order("0" * 8)["message"] == "Invalid order id"


def test_a_feed_of_cbpro_tells_its_owner_of_an_order(quiet):
    """From received to done, with its own numbers."""
    key = key_of(quiet)
    settings = quiet.env("coinbase-exchange", client="cbpro")
    heard: list[dict] = []

    class Feed(cbpro.WebsocketClient):
        def on_message(self, message) -> None:
            heard.append(message)

    feed = Feed(
        **settings["WebsocketClient"],
        products=[PRODUCT],
        channels=["user", "heartbeat"],
        auth=True,
        api_key=key["key"],
        api_secret=key["secret"],
        api_passphrase=key["passphrase"],
        should_print=False,
    )
    feed.start()
    try:
        _until(lambda: heard)
        client = cbpro.AuthenticatedClient(
            key["key"], key["secret"], key["passphrase"], **settings["AuthenticatedClient"]
        )
        client.place_market_order(PRODUCT, "buy", size="0.01")
        _until(lambda: any(message["type"] == "done" for message in heard))
    finally:
        feed.close()
    own = [message["type"] for message in heard if message["type"] != "heartbeat"]
    assert own == ["subscriptions", "received", "match", "done"]
    match = next(message for message in heard if message["type"] == "match")
    assert match["user_id"] == match["taker_user_id"]
    assert Decimal(match["taker_fee_rate"]) == FEE_RATE


def _until(is_so) -> None:
    last = time.monotonic() + WAIT_S
    while not is_so():
        assert time.monotonic() < last
        time.sleep(0.05)
