"""Unmodified ccxt, synchronous and not, lives a full trading day on the binance dialect."""

import asyncio
import inspect
import itertools

import ccxt
import ccxt.async_support
import pytest
from ccxt_capabilities import NOT_SPOT, gaps
from ccxt_day import CHAPTERS, FUNDS, MARKET, RULES, Trader
from exchange_here import ExchangeHere
from quiet_market import quiet_market
from requests.adapters import HTTPAdapter

pytestmark = pytest.mark.slow

names = (f"day-{number}" for number in itertools.count())
KINDS = {"sync": ccxt.binance, "async": ccxt.async_support.binance}
ELSEWHERE = "127.0.0.77"  # an address of its own to be turned away from
ORDERS_MAX = 100  # of an account in ten seconds
_UNKNOWN_KEY = ccxt.ExchangeError, "-2008"  # ccxt tells it apart on the venue's own hosts only
DEEP = 5_000  # a book of this depth weighs 250 of the 6,000 a minute


@pytest.fixture(scope="module")
def venue(tmp_path_factory):
    folder = tmp_path_factory.mktemp("ccxt-day")
    with ExchangeHere(folder / "data", *quiet_market(folder)) as running:
        running.steelyard("exchange", "market", "BTC-USDT", *RULES)
        yield running


@pytest.fixture(params=KINDS)
def run(request, venue):
    """Run a scenario with traders of one kind, and close them."""

    async def main(scenario, count, asked, settings):
        clients = [KINDS[request.param](trading(venue, **settings)) for _ in range(count)]
        try:
            return await scenario(*(Trader(client, asked) for client in clients))
        finally:
            for client in clients:
                closing = client.close()
                if inspect.isawaitable(closing):
                    await closing

    def run(scenario, count=1, asked=None, **settings):
        return asyncio.run(main(scenario, count, set() if asked is None else asked, settings))

    return run


def trading(venue, scopes="read,trade", **settings):
    """Return the settings of a new trader; the pace is the exchange's business here."""
    key = venue.trader(next(names), FUNDS, dialect="binance", scopes=scopes)
    shown = {"apiKey": key["key"], "secret": key["secret"], "enableRateLimit": False}
    return {**venue.env("binance", client="ccxt"), **shown, **settings}


def test_a_full_trading_day(run):
    """Every capability that ccxt has for spot is used in it, or is excused by name."""
    asked = set()

    async def day(anna, ben):
        for trader in (anna, ben):
            await trader.load_markets()
        for chapter in CHAPTERS:
            await chapter(anna, ben)
        has = {name: has for name, has in anna.has.items() if not name.endswith("Ws")}
        return "\n".join(gaps(has, asked, NOT_SPOT))

    assert run(day, count=2, asked=asked) == ""


def test_a_wrong_secret_a_wrong_key_and_a_wrong_clock_are_told_apart(run):
    async def scenario(anna):
        secret, key, nonce = anna.secret, anna.apiKey, anna.client.nonce
        anna.client.secret = "wrong"
        with pytest.raises(ccxt.AuthenticationError, match="-1022"):
            await anna.fetch_balance()
        anna.client.secret = secret
        wrong_keys = ("not a key", ccxt.AuthenticationError, "-2014"), ("k" * 64, *_UNKNOWN_KEY)
        for wrong, error, code in wrong_keys:
            anna.client.apiKey = wrong
            with pytest.raises(error, match=code):
                await anna.fetch_balance()
        anna.client.apiKey = key
        for ahead_ms in (-120_000, 5_000):
            anna.client.nonce = lambda ahead_ms=ahead_ms: anna.milliseconds() + ahead_ms
            with pytest.raises(ccxt.InvalidNonce, match="-1021"):
                await anna.fetch_balance()
        anna.client.nonce = nonce
        assert (await anna.fetch_balance())["USDT"]["free"] == 100_000

    run(scenario)


def test_a_key_that_may_only_read_reads(run):
    """B8."""

    async def scenario(anna):
        await anna.load_markets()
        with pytest.raises(ccxt.AuthenticationError, match="-2015"):
            await anna.create_market_order(MARKET, "buy", 0.01)
        assert (await anna.fetch_balance())["USDT"]["free"] == 100_000

    run(scenario, scopes="read")


def test_a_key_that_may_only_trade_is_refused_to_read(run):
    async def scenario(anna):
        with pytest.raises(ccxt.AuthenticationError, match="-2015"):
            await anna.fetch_balance()

    run(scenario, scopes="trade")


def test_one_order_too_many_in_ten_seconds(run):
    """The venue's own limit; what was taken up is there."""

    async def scenario(anna):
        placed = 0
        with pytest.raises(ccxt.DDoSProtection, match="-1015"):
            for _ in range(3 * ORDERS_MAX):
                await anna.limit("buy", 0.001, 40_000)
                placed += 1
        open_orders = await anna.fetch_open_orders(MARKET)
        assert len(open_orders) == placed >= ORDERS_MAX
        assert len(await anna.cancel_all_orders(MARKET)) == placed

    run(scenario)


def test_too_much_weight_in_a_minute(venue):
    """From another address, so that nobody else is turned away."""
    client = ccxt.binance(trading(venue))
    client.session.mount("http://", _From(ELSEWHERE))
    with pytest.raises(ccxt.DDoSProtection, match="-1003"):
        for _ in range(60):
            client.fetch_order_book(MARKET, DEEP)
    assert int(client.last_response_headers["Retry-After"]) <= 60


class _From(HTTPAdapter):
    """Connects from an address of its own."""

    def __init__(self, address):
        self.address = address
        super().__init__()

    def init_poolmanager(self, *arguments, **options):
        super().init_poolmanager(*arguments, source_address=(self.address, 0), **options)


def test_a_halted_market_takes_no_orders_and_lets_them_go(run, venue):
    async def scenario(anna):
        order = await anna.limit("buy", 0.01, 40_000)
        venue.steelyard("exchange", "market", "BTC-USDT", "--state", "halted")
        try:
            with pytest.raises(ccxt.MarketClosed):
                await anna.limit("buy", 0.01, 40_000)
            assert not (await anna.load_markets(True))[MARKET]["active"]
            assert (await anna.cancel_order(order["id"], MARKET))["status"] == "canceled"
        finally:
            venue.steelyard("exchange", "market", "BTC-USDT", "--state", "open")

    run(scenario)


def test_maintenance_is_an_exchange_that_is_not_available(run, venue):
    async def scenario(anna):
        await anna.load_markets()
        venue.steelyard("exchange", "maintenance", "on")
        try:
            for call in (anna.fetch_balance(), anna.fetch_ticker(MARKET)):
                with pytest.raises(ccxt.ExchangeNotAvailable):
                    await call
            assert (await anna.fetch_status())["status"] == "maintenance"
        finally:
            venue.steelyard("exchange", "maintenance", "off")
        assert (await anna.fetch_status())["status"] == "ok"

    run(scenario)
