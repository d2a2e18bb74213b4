"""What leaves at each exchange that has a row, with the real library: what the rows say is true.

No socket: the library's `fetch` is the last of it, and keeps what it is given.
"""

import asyncio
from functools import cache
from typing import Any

import pytest

from steelyard.bridge import library
from steelyard.bridge.pipe import VERSION, Configure
from steelyard.bridge.session import Session
from steelyard.bridge.venues import ROWS, client_order_id
from steelyard.wire.capabilities import Lookup

pytestmark = pytest.mark.slow

SYMBOL, PRICE, SIZE = "BTC/USDT", "100.1", "0.001"
# The venues' words for a client's id: of a new order, and of one that is asked for or canceled.
ID_FIELDS = {
    "binance": ("newClientOrderId=", "origClientOrderId="),
    "coinbaseexchange": ('"client_oid":"', "/orders/client:"),
    "kraken": ("cl_ord_id=", "cl_ord_id="),
    "bybit": ('"orderLinkId":"', ""),
    "okx": ('"clOrdId":"', "clOrdId="),
    "kucoin": ('"clientOid":"', "/client-order/"),
}
NUMBERS = {  # the same of the venue's own
    "binance": "orderId=",
    "coinbaseexchange": "/orders/",
    "kraken": "txid=",
    "bybit": "orderId=",
    "okx": "ordId=",
    "kucoin": "/orders/",
}
# Where a request says until when it may be taken up; {} stands for milliseconds.
WINDOWS = {"binance": "recvWindow={}", "bybit": "'X-BAPI-RECV-WINDOW': '{}'"}
SINCE_MS = 1_700_000_000_000
SINCE = {
    "binance": f"startTime={SINCE_MS}",
    "coinbaseexchange": "start_date=2023-11-14T22%3A13%3A20.000Z",
    "kraken": f"start={SINCE_MS // 1_000}",
    "bybit": f"startTime={SINCE_MS}",
    "okx": f"begin={SINCE_MS}",
    "kucoin": f"startAt={SINCE_MS}",
}
# What the library would ask the venue first.
KNOWN = {
    "bybit": {"enableUnifiedMargin": False, "enableUnifiedAccount": True},
    "kucoin": {"uta": False},
}
MARKET = {
    "id": "BTCUSDT",
    "symbol": SYMBOL,
    "base": "BTC",
    "quote": "USDT",
    "baseId": "BTC",
    "quoteId": "USDT",
    "type": "spot",
    "spot": True,
    "active": True,
    "precision": {"price": "0.01", "amount": "0.00001"},
    "limits": {"amount": {}, "price": {}, "cost": {}},
    "info": {"orderTypes": ["LIMIT", "MARKET"]},
}


class Outlet:
    def tell(self, _message: Any) -> bool:
        return True


@cache
def kind_of(exchange: str) -> Any:
    return asyncio.run(library.load(exchange))


def sent(exchange: str, act) -> str:
    """Return what leaves when something is done, as one text; answers are empty."""
    kept: list[str] = []

    class Kept(kind_of(exchange)):
        async def fetch(self, url, method="GET", headers=None, body=None):
            kept.append(f"{method} {url} {body} {headers}")
            return {}

    async def main() -> None:
        settings = {"urls": {"api": "http://127.0.0.1:1"}, "options": KNOWN.get(exchange, {})}
        configure = Configure(VERSION, exchange, "BTC-USDT", settings, True, "k", "c2VjcmV0", "w")
        configure.settings["urls"]["api"] = _moved(kind_of(exchange)().urls["api"])
        made = library.Library(configure, Kept)
        made.exchange.set_markets([{**made.exchange.safe_market_structure(), **MARKET}])
        made.exchange.accounts = [{"id": "7", "type": "spot"}]
        session = Session(made, f"ccxt:{exchange}", "BTC-USDT", Outlet())
        try:
            await act(session)
        except Exception as error:  # noqa: BLE001 an empty answer is none to the library
            kept.append(f"# {type(error).__name__}")
        finally:
            await made.close()

    asyncio.run(main())
    return "\n".join(kept)


def _moved(urls: Any) -> Any:
    if isinstance(urls, dict):
        return {name: _moved(url) for name, url in urls.items()}
    return "http://127.0.0.1:1" if isinstance(urls, str) else urls


def place(exchange: str, price: str | None = PRICE, **params: Any) -> str:
    name = client_order_id(exchange, 123)
    kind = "market" if price is None else "limit"
    order = (SYMBOL, kind, "buy", SIZE, price, {"clientOrderId": name, **params})
    return sent(exchange, lambda session: session.call("create_order", *order, is_command=True))


@pytest.mark.parametrize("exchange", sorted(ROWS))
def test_a_new_order_has_our_id_and_texts_for_numbers(exchange):
    text = place(exchange)
    assert f"{ID_FIELDS[exchange][0]}{client_order_id(exchange, 123)}" in text
    for number in (PRICE, SIZE):
        assert f'":"{number}"' in text or f"={number}" in text
        assert f'":{number}' not in text, "a number would be rounded by whoever reads it"
    if exchange in WINDOWS:
        window = WINDOWS[exchange].format(ROWS[exchange].expiry_ns // 10**6)
        assert window in text
    assert sum(line.startswith("POST") for line in text.splitlines()) == 1


@pytest.mark.parametrize("exchange", sorted(ROWS))
def test_each_kind_of_order_that_is_offered_leaves_as_one(exchange):
    """Whatever the library has of its own for some kinds: one request, and of that kind."""
    for params in ({"timeInForce": "IOC"}, {"timeInForce": "FOK"}, {"postOnly": True}):
        text = place(exchange, **params)
        assert sum(line.startswith("POST") for line in text.splitlines()) == 1, text
        (word,) = map(str, (next(iter(params.values())),))
        spelled = {"True": ("post", "Post", "POST", "LIMIT_MAKER")}.get(word, (word, word.lower()))
        assert any(each in text for each in spelled), text
    assert PRICE not in place(exchange, None)


@pytest.mark.parametrize("exchange", sorted(ROWS))
def test_an_order_is_asked_for_as_its_row_says(exchange):
    """By our id where the venue takes it, and by its own number everywhere."""
    name = client_order_id(exchange, 123)
    text = sent(exchange, lambda session: session.fetch_order("77"))
    assert f"{NUMBERS[exchange]}77" in text
    assert "ArgumentsRequired" not in text
    if ROWS[exchange].lookup is Lookup.CLIENT_ID:
        text = sent(exchange, lambda session: session.fetch_order("", name))
        assert f"{ID_FIELDS[exchange][1]}{name}" in text
        params = {"clientOrderId": name}
        text = sent(exchange, lambda s: s.call("cancel_order", "", SYMBOL, params, is_command=True))
        assert name in text


@pytest.mark.parametrize("exchange", sorted(ROWS))
def test_fills_are_asked_for_from_a_time_on(exchange):
    row = ROWS[exchange]
    extra = {row.fills_offset: 50} if row.fills_offset else {}
    text = sent(
        exchange, lambda session: session.call("fetch_my_trades", SYMBOL, SINCE_MS, None, extra)
    )
    assert SINCE[exchange] in text
    for parameter in extra:
        assert f"{parameter}=50" in text
