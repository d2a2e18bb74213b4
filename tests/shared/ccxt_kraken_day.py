"""A day on Kraken in the unified words of ccxt, and what it cannot show, with the reason."""

import asyncio
from typing import Any

import pytest

MARKET, OTHER = "BTC/USDT", "ETH/USDT"
FUNDS = {"USDT": "100000", "BTC": "2"}
LOW, HIGH = 20_000, 200_000  # nobody trades there

NOT_SHOWN: dict[str, str] = {
    "a key alone moves nothing out, and there is one wallet": "withdraw transfer",
    "ccxt sends their trigger under a name that Kraken has not": """
        createStopLimitOrder createStopMarketOrder createStopOrder""",
}
NOT_SHOWN_ON_SOCKETS: dict[str, str] = {"ccxt has the name alone": "fetchCurrenciesWs"}


async def looks_around(day: Any) -> None:
    """Read everything that is public."""
    markets = await day.fetch_markets()
    assert MARKET in {market["symbol"] for market in markets}
    assert {"BTC", "USDT"} <= set(await day.fetch_currencies())
    assert (await day.fetch_status())["status"] == "ok"
    assert await day.fetch_time() > 10**12
    ticker = await day.fetch_ticker(MARKET)
    assert ticker["bid"] < ticker["ask"]
    assert {MARKET, OTHER} <= set(await day.fetch_tickers())
    for book in (await day.fetch_order_book(MARKET, 10), await day.fetch_l2_order_book(MARKET)):
        assert book["bids"][0][0] < book["asks"][0][0]
    trades: list[Any] = []
    for _ in range(100):  # on a new exchange the crowd has hardly begun
        if len(trades := await day.fetch_trades(MARKET, limit=5)) == 5:
            break
        await asyncio.sleep(0.2)
    assert len(trades) == 5
    assert len(await day.fetch_ohlcv(MARKET, "1m", limit=5)) == 5


async def rests_and_leaves(day: Any) -> None:
    """Every way to place an order that waits, and to change or cancel it."""
    placed = await day.create_limit_order(MARKET, "buy", 0.01, LOW)
    await day.edit_order(placed["id"], MARKET, "limit", "buy", 0.02, LOW - 1)
    assert (await day.fetch_order(placed["id"], MARKET))["price"] == LOW - 1
    await day.cancel_order(placed["id"], MARKET)
    assert (await day.fetch_closed_orders(MARKET))[-1]["status"] == "canceled"
    waiting = [
        await day.create_order(MARKET, "limit", "sell", 0.01, LOW - 1, {"stopLossPrice": LOW}),
        await day.create_order(MARKET, "market", "sell", 0.01, None, {"stopLossPrice": LOW}),
        await day.create_order(MARKET, "market", "sell", 0.01, None, {"takeProfitPrice": HIGH}),
        await day.create_trailing_amount_order(MARKET, "market", "sell", 0.01, None, 5_000, None),
        await day.create_trailing_percent_order(MARKET, "market", "sell", 0.01, None, 5, None),
    ]
    kinds = {o["id"]: o["info"]["descr"]["ordertype"] for o in await day.fetch_open_orders(MARKET)}
    assert [kinds[order["id"]] for order in waiting] == [
        "stop-loss-limit",
        "stop-loss",
        "take-profit",
        "trailing-stop",
        "trailing-stop",
    ]
    await day.cancel_orders([order["id"] for order in waiting[:2]])
    await day.cancel_all_orders()
    assert await day.fetch_open_orders(MARKET) == []
    wanted = {"symbol": MARKET, "type": "limit", "side": "buy", "amount": 0.01}
    many = await day.create_orders([{**wanted, "price": LOW}, {**wanted, "price": LOW + 1}])
    assert {o["id"] for o in await day.fetch_open_orders(MARKET)} == {o["id"] for o in many}
    assert "triggerTime" in str(await day.cancel_all_orders_after(60_000))
    await day.cancel_all_orders_after(0)
    await day.cancel_all_orders()


async def buys_and_reads_what_it_did(day: Any) -> None:
    """What filled is in orders, trades, balances and the ledger, each the same."""
    bought = await day.create_market_order(MARKET, "buy", 0.02)
    spent = [
        await day.create_market_buy_order_with_cost(MARKET, 500),
        await day.create_market_order_with_cost(MARKET, "buy", 500),
    ]
    order = await day.fetch_order(bought["id"], MARKET)
    assert (order["status"], order["filled"]) == ("closed", 0.02)
    named = {"trades": order["info"]["trades"]}
    of_order = await day.fetch_order_trades(bought["id"], MARKET, params=named)
    assert sum(trade["amount"] for trade in of_order) == pytest.approx(0.02)
    trades = await day.fetch_my_trades(MARKET)
    assert {t["order"] for t in trades} == {bought["id"], *(order["id"] for order in spent)}
    total = (await day.fetch_balance())["BTC"]["total"]
    assert total - 2 == pytest.approx(sum(trade["amount"] for trade in trades))
    entries = await day.fetch_ledger("BTC")
    assert sum(e["amount"] for e in entries if e["type"] == "trade") == pytest.approx(total - 2)
    one = await day.fetch_ledger_entry(entries[-1]["id"])
    assert one["amount"] == entries[-1]["amount"]
    assert (await day.fetch_trading_fee(MARKET))["taker"] == 0.001
    sold = await day.create_order(MARKET, "market", "sell", 0.02)
    assert (await day.fetch_order(sold["id"], MARKET))["side"] == "sell"
    assert await day.fetch_positions() == []


async def looks_at_the_way_in(day: Any) -> None:
    """Addresses and what came."""
    made = await day.create_deposit_address("BTC")
    assert (await day.fetch_deposit_address("BTC"))["address"] == made["address"]
    assert await day.fetch_deposits("BTC") == []
    assert await day.fetch_withdrawals("BTC") == []


CHAPTERS = (looks_around, rests_and_leaves, buys_and_reads_what_it_did, looks_at_the_way_in)
