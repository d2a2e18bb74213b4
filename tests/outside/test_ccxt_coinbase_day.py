"""Unmodified ccxt lives a day on coinbase-exchange: all that it says it has is used, or excused."""

import asyncio
import inspect
import itertools
import time

import ccxt
import ccxt.async_support
import ccxt.pro
import pytest
from ccxt_capabilities import gaps
from ccxt_day import Trader
from exchange_here import ExchangeHere
from person_client import Browser
from quiet_market import quiet_exchange

pytestmark = pytest.mark.slow

PAIR, BID, ASK, OWN, DEPTH = "BTC/USDT", 49_999, 50_001, 50_000, 1_000
FEE = 0.001
FUNDS = {"USDT": "100000", "BTC": "2"}
TRON = "TSandboxAddressOfNobody11111111111"
LINE_S = 30
KINDS = {"sync": ccxt.coinbaseexchange, "async": ccxt.async_support.coinbaseexchange}
names = (f"cb-day-{number}" for number in itertools.count())

NOT_HERE: dict[str, str] = {
    "of browsers, not a method": "CORS",
    "ccxt has the name alone": "fetchCurrenciesWs",
    "the venue has no stop that becomes a market order": "createStopMarketOrder",
    "in a test of its own, with a person who confirms": """
        withdraw createDepositAddress fetchWithdrawals fetchDepositsWithdrawals
        fetchTransactions""",
}
NOT_ON_THE_FEED: dict[str, str] = {
    "ccxt waits for a message by another name than the one that it makes of what comes": """
        watchMyTradesForSymbols watchOrdersForSymbols watchTradesForSymbols""",
}


@pytest.fixture(scope="module")
def venue(tmp_path_factory):
    with quiet_exchange(tmp_path_factory.mktemp("coinbase-day"), "--limits", "off") as running:
        yield running


def settings_of(venue, key):
    return {
        **venue.env("coinbase-exchange", client="ccxt"),
        "apiKey": key["key"],
        "secret": key["secret"],
        "password": key["passphrase"],
        "enableRateLimit": False,
    }


def run(venue, kind, scenario, asked):
    """Run a scenario with two traders, and close them."""

    async def main():
        clients = []
        for _ in range(2):
            key = venue.trader(next(names), FUNDS, dialect="coinbase-exchange")
            clients.append(kind(settings_of(venue, key)))
        try:
            return await scenario(*(Trader(client, asked) for client in clients))
        finally:
            for client in clients:
                if inspect.isawaitable(closing := client.close()):
                    await closing

    return asyncio.run(main())


@pytest.mark.parametrize("kind", KINDS)
def test_a_full_trading_day(venue, kind):
    asked = set()

    async def day(anna, ben):
        for trader in (anna, ben):
            await trader.load_markets()
        for chapter in (market_data, accounts, orders, trades, histories):
            await chapter(anna, ben)
        return "\n".join(gaps(anna.has, asked, NOT_HERE))

    assert run(venue, KINDS[kind], day, asked) == ""


async def market_data(anna, _ben):
    """What anybody may ask."""
    markets = {market["symbol"]: market for market in await anna.fetch_markets()}
    assert markets[PAIR]["precision"]["price"] == 0.01
    assert {"BTC", "USDT"} <= set(await anna.fetch_currencies())
    assert abs(await anna.fetch_time() - anna.milliseconds()) < 2_000
    ticker = await anna.fetch_ticker(PAIR)
    assert (ticker["bid"], ticker["ask"], ticker["last"]) == (BID, ASK, OWN)
    assert PAIR in await anna.fetch_tickers([PAIR])
    for book in (await anna.fetch_order_book(PAIR, 5), await anna.fetch_l2_order_book(PAIR, 5)):
        assert (book["bids"][0][:2], book["asks"][0][:2]) == ([BID, DEPTH], [ASK, DEPTH])
    (trade, *_) = await anna.fetch_trades(PAIR, limit=5)
    assert trade["price"] == OWN
    assert (await anna.fetch_ohlcv(PAIR, "1m", limit=10))[-1][4] == OWN


async def accounts(anna, _ben):
    held = await anna.fetch_balance()
    assert (held["USDT"]["free"], held["BTC"]["total"]) == (100_000, 2)
    assert {"BTC", "USDT"} <= {account["code"] for account in await anna.fetch_accounts()}
    fees = await anna.fetch_trading_fees()
    assert (fees[PAIR]["maker"], fees[PAIR]["taker"]) == (FEE, FEE)


async def orders(anna, _ben):
    """Rests, waits, is changed, is canceled; by itself and with all others."""
    resting = await anna.create_limit_order(PAIR, "buy", 0.01, 40_000)
    assert (await anna.found(resting))["status"] == "open"
    edited = await anna.edit_order(resting["id"], PAIR, "limit", "buy", 0.02, 40_001)
    assert [order["id"] for order in await anna.fetch_open_orders(PAIR)] == [edited["id"]]
    await anna.cancel_order(edited["id"], PAIR)
    stops = [
        await anna.create_stop_order(PAIR, "limit", "sell", 0.01, 39_000, 40_000),
        await anna.create_stop_limit_order(PAIR, "buy", 0.01, 61_000, 60_000),
    ]
    assert len(await anna.fetch_open_orders(PAIR)) == len(stops)
    await anna.cancel_all_orders(PAIR)
    assert await anna.fetch_open_orders(PAIR) == []
    with pytest.raises(ccxt.ExchangeError, match="stop_price"):
        await anna.create_order(PAIR, "market", "sell", 0.01, None, {"stopPrice": 40_000})


async def trades(anna, ben):
    """One makes and the other takes: price, fees and balances are what they have to be."""
    made = await anna.limit("sell", 0.1, OWN)
    took = await ben.create_market_order(PAIR, "buy", 0.1)
    for trader, order, word in ((anna, made, "maker"), (ben, took, "taker")):
        done = await trader.found(order)
        assert (done["status"], done["average"], done["filled"]) == ("closed", OWN, 0.1)
        (fill,) = await trader.fetch_my_trades(PAIR)
        assert (fill["takerOrMaker"], fill["price"], fill["order"]) == (word, OWN, order["id"])
        # The rate beside it is ccxt's own, of the venue's first tier.
        assert (fill["fee"]["cost"], fill["fee"]["currency"]) == (pytest.approx(5), "USDT")
        assert [each["id"] for each in await trader.fetch_order_trades(order["id"])] == [fill["id"]]
    assert await ben.totals() == {**await ben.totals(), "BTC": 2.1, "USDT": 100_000 - 5_005}
    assert await anna.totals() == {**await anna.totals(), "BTC": 1.9, "USDT": 100_000 + 4_995}


async def histories(anna, ben):
    assert {o["status"] for o in await anna.fetch_orders(PAIR)} == {"closed", "canceled"}
    assert len(await ben.fetch_closed_orders(PAIR)) == 1
    ledger = await ben.fetch_ledger("USDT")
    assert {"trade", "fee"} <= {entry["type"] for entry in ledger}
    assert await ben.fetch_deposits() == []


# -- the feed -------------------------------------------------------------------------------------


def test_a_day_on_the_feed(venue):
    """Each stream that ccxt.pro has, the public ones and one's own."""
    asked = set()

    async def day(anna, ben):
        for trader in (anna, ben):
            await trader.load_markets()
        book = await anna.watch_order_book(PAIR)
        assert (book["bids"][0][:2], book["asks"][0][:2]) == ([BID, DEPTH], [ASK, DEPTH])
        ticker = await ben.watch_ticker(PAIR)
        assert (ticker["bid"], ticker["ask"], ticker["last"]) == (BID, ASK, OWN)
        watching = [
            asyncio.ensure_future(each)
            for each in (
                anna.watch_order_book_for_symbols([PAIR]),
                anna.watch_orders(PAIR),
                anna.watch_my_trades(PAIR),
                ben.watch_trades(PAIR),
                ben.watch_tickers([PAIR]),
            )
        ]
        await asyncio.sleep(1)  # the subscriptions are on their way
        made = await anna.limit("sell", 0.1, OWN)
        await ben.create_market_order(PAIR, "buy", 0.1)
        told = await asyncio.wait_for(asyncio.gather(*watching), LINE_S)
        book, own, fills, public, tickers = told
        assert book["asks"][0][0] in {OWN, ASK}
        assert own[0]["id"] == made["id"]
        assert [(fill["price"], fill["amount"]) for fill in fills] == [(OWN, 0.1)]
        assert (public[-1]["price"], public[-1]["side"]) == (OWN, "buy")
        assert tickers[PAIR]["last"] == OWN
        plain = ccxt.coinbaseexchange().has
        streams = {name: has for name, has in anna.has.items() if has and not plain.get(name)}
        return "\n".join(
            gaps(streams, {each for each in asked if "watch" in each}, NOT_ON_THE_FEED)
        )

    assert run(venue, ccxt.pro.coinbaseexchange, day, asked) == ""


# -- money ----------------------------------------------------------------------------------------


def test_money_comes_and_leaves_by_ccxt_after_the_code_of_the_mail(tmp_path):
    with ExchangeHere(tmp_path / "data") as here:
        anna = Browser(here)
        anna.sign_up("anna")
        anna.enrol()
        deposit = anna.ask("POST", "deposits", asset="USDT", amount="500", account="anna")
        anna.ask("POST", f"deposits/{deposit['id']}/confirm")
        anna.ask("POST", "addresses", asset="USDT", network="tron", address=TRON, code=anna.code())
        key = here.steelyard(
            "key", "create", "anna", "--dialect", "coinbase-exchange", "--scopes", "read,withdraw",
            "--ip", "127.0.0.1/32",
        )  # fmt: skip
        here.steelyard("clock", "advance", "1d")
        client = ccxt.coinbaseexchange(settings_of(here, key))
        client.load_markets()
        assert client.create_deposit_address("USDT")["address"].startswith("sandbox-")
        with pytest.raises(ccxt.ExchangeError):
            client.withdraw("USDT", 100, TRON[::-1])
        asked = client.withdraw("USDT", 100, TRON)
        (found,) = client.fetch_withdrawals("USDT")
        assert (found["id"], found["status"]) == (asked["id"], "pending")
        assert (found["amount"], found["fee"]["cost"]) == (99, 1)
        anna.cookie = anna.csrf = ""  # her session has ended meanwhile
        anna.sign_in("anna", code=anna.code())
        mail = next(m for m in anna.ask("GET", "outbox")["mails"] if "code: " in m["text"])
        anna.ask("POST", "confirm", token=mail["text"].partition("code: ")[2].split()[0])
        here.steelyard("clock", "advance", "10m")
        deadline = time.monotonic() + LINE_S
        while client.fetch_withdrawals("USDT")[0]["status"] != "ok":  # from the next step on
            assert time.monotonic() < deadline
            time.sleep(0.2)
        assert client.fetch_balance()["USDT"]["total"] == 400
        both = client.fetch_deposits_withdrawals("USDT")
        assert sorted(each["type"] for each in both) == ["deposit", "withdrawal"]
        assert {each["id"] for each in client.fetch_transactions("USDT")} == {x["id"] for x in both}
