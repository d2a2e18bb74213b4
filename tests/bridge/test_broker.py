"""No mark of a third party leaves."""

import pytest

from steelyard.bridge.broker import blank, check, cleaned
from steelyard.bridge.venues import client_order_id
from steelyard.domain.errors import Unsupported

MARK = "x-TKT5PX2F"


def test_options_that_hold_marks_are_emptied_and_remembered():
    """At any depth, and nothing else."""
    options = {
        "broker": {"spot": MARK, "swap": {"deep": "x-DEEP"}, "rebate": True},
        "partner": {"id": "ccxt", "key": "9e58cc35-5b5e"},
        "brokerId": "abc",
        "recvWindow": 5_000,
        "defaultType": "spot",
    }
    assert blank(options) == {MARK, "x-DEEP", "ccxt", "9e58cc35-5b5e"}
    assert options == {
        "broker": {"spot": "", "swap": {"deep": ""}, "rebate": True},
        "partner": {"id": "", "key": ""},
        "brokerId": "",
        "recvWindow": 5_000,
        "defaultType": "spot",
    }


def test_headers_that_name_a_broker_are_dropped():
    """By their names, and by what stands in them."""
    headers = {"Referer": "CCXT", "X-MBX-APIKEY": "k", "Other": f"by {MARK}", "KC-API-PARTNER": "p"}
    assert cleaned(headers, frozenset({MARK})) == {"X-MBX-APIKEY": "k"}
    assert cleaned(None, frozenset({MARK})) is None


@pytest.mark.parametrize(
    ("url", "body"), [(f"http://h/?id={MARK}1", None), ("http://h/", f"a={MARK}")]
)
def test_a_request_with_a_mark_does_not_leave(url, body):
    with pytest.raises(Unsupported, match="nothing was sent"):
        check(url, body, frozenset({MARK}))


def test_a_request_without_one_leaves():
    check("http://h/?id=a1", "b=2", frozenset({MARK}))


# -- by the bytes on the wire ---------------------------------------------------------------------

# Exchanges on which ccxt puts a mark of its own: in the order's id, in the body, in a header.
MARKING = "binance okx bybit kucoin gate bitget htx mexc whitebit coinbase".split()
# What the library would ask the venue first.
KNOWN = {
    "bybit": {"enableUnifiedMargin": False, "enableUnifiedAccount": True},
    "kucoin": {"uta": False},
    "gate": {"unifiedAccount": False},
}
ALSO = "kraken coinbaseexchange".split()
MARKET = {
    "id": "BTCUSDT",
    "symbol": "BTC/USDT",
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


@pytest.mark.slow
@pytest.mark.parametrize("exchange", [*MARKING, *ALSO])
def test_no_order_that_leaves_has_a_mark(exchange):
    """Placed with the real library at a server that keeps what comes; or it does not leave."""
    import asyncio

    heard = asyncio.run(_order_at_a_server(exchange))
    for mark in (b"ccxt", b"CCXT", *heard.marks):
        assert mark not in heard.content
    assert heard.left or heard.error == "Unsupported"
    if heard.left:
        assert client_order_id(exchange, 123).encode() in heard.content, "it is our order"


class _Heard:
    def __init__(self) -> None:
        self.content = b""
        self.marks: list[bytes] = []
        self.error = ""

    @property
    def left(self) -> bool:
        return bool(self.content)


async def _order_at_a_server(exchange: str) -> _Heard:
    import asyncio
    from contextlib import suppress

    from steelyard.bridge import library
    from steelyard.bridge.pipe import VERSION, Configure

    heard = _Heard()

    async def keep(reader, writer) -> None:
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            head = await reader.readuntil(b"\r\n\r\n")
            length = [x for x in head.lower().split(b"\r\n") if x.startswith(b"content-length:")]
            body = await reader.readexactly(int(length[0].split(b":")[1])) if length else b""
            heard.content += head + body
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}")
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(keep, "127.0.0.1", 0)
    here = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    kind = await library.load(exchange)
    settings = {
        "urls": {"api": _moved(kind().urls["api"], here)},
        "options": KNOWN.get(exchange, {}),
    }
    configure = Configure(VERSION, exchange, "BTC-USDT", settings, True, "key", "c2VjcmV0", "words")
    made = library.Library(configure, kind)
    heard.marks = [mark.encode() for mark in made.marks]
    await made.open()
    ccxt = made.exchange
    ccxt.set_markets([{**kind().safe_market_structure(), **MARKET}])
    ccxt.accounts = [{"id": "7", "type": "spot"}]
    ccxt.currencies = {"BTC": {"id": "BTC"}, "USDT": {"id": "USDT"}}
    params = {"clientOrderId": client_order_id(exchange, 123)}
    try:
        async with asyncio.timeout(20):
            await ccxt.create_order("BTC/USDT", "limit", "buy", "1", "100", params)
    except Exception as error:  # noqa: BLE001 what was answered is no answer to the library
        heard.error = type(error).__name__
    finally:
        await made.close()
        server.close()
        await server.wait_closed()
    return heard


def _moved(urls, here: str):
    if isinstance(urls, dict):
        return {name: _moved(url, here) for name, url in urls.items()}
    return here if isinstance(urls, str) else urls
