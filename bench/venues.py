"""The client's two hot paths on Coinbase Exchange and Kraken, on what they have really sent.

Of OKX and Bybit there are the orders alone: no books of today's form were recorded.

One market each: a whole book, which is not timed, and what followed it, several times over.
Kraken's is of WebSocket v1, told here as v2 tells it with the venue's own checksums; peers get the
same changes as their own protocol tells them (cryptofeed: Kraken's v1, Coinbase's Advanced Trade).
"""

# ruff: noqa: SLF001
# A peer is fed where its connection would, which it does not offer.

import asyncio
import gzip
import json
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple
from zlib import crc32

from msgspec.structs import replace

from bench.floors import built, floor_job
from bench.measure import Bench
from bench.turns import CCXT, CRYPTOFEED, Job, in_turns, peer, times
from steelyard.dialects.bybit import tables as bybit
from steelyard.dialects.coinbase_exchange import tables as coinbase
from steelyard.dialects.kraken import tables as kraken
from steelyard.dialects.okx import tables as okx
from steelyard.domain.commands import Place
from steelyard.domain.instrument import Instrument, Listings
from steelyard.domain.order import OrderType, Side, TimeInForce
from steelyard.wire.dialect import ApiKey
from steelyard.wire.tables import OrderForm, Steps, StreamTable
from steelyard.wire.uuids import client_uuid

HERE = Path(__file__).parent
REPEATS = 5
ORDERS = 20_000
SLOW_ORDERS = 1_000
NOW_NS = 1_723_161_600_000_000_000
CHECKED = 10
SECRET = b"YW4gZXhhbXBsZSBzZWNyZXQsIG5vdCBhIHJlYWwgb25l"  # an example


class Signed(NamedTuple):
    """How an order is signed for a venue, and how ccxt does it; answer is what it is told then."""

    name: str
    form: Callable[[Place, ApiKey], OrderForm]
    ccxt: str
    symbol: str
    own_id: str
    answer: dict[str, Any]
    options: dict[str, Any] = {}  # noqa: RUF012 nobody changes it


class Recorded(NamedTuple):
    """One market of a capture: as the reader gets it, and as cryptofeed does; the book first."""

    venue: str
    symbol: str
    stream: StreamTable
    steps: Steps
    decimals: int  # of its prices
    frames: list[bytes]
    cryptofeed: list[bytes]
    floor: str


def run_venues(bench: Bench) -> Iterator[None]:
    """Measure both paths of each venue; there are rows after each step."""
    for name, record in (("Coinbase Exchange", recorded_coinbase), ("Kraken", recorded_kraken)):
        told = os.environ.get("STEELYARD_DATA")
        folder = (Path(told) if told else HERE.parent.parent / "shared" / "data") / "captures"
        recorded = record(folder)
        if recorded is None:
            bench.skip(f"{name} reader", "needs the captures in the folder STEELYARD_DATA names")
        else:
            run_market(bench, recorded)
        yield
        run_orders(bench, SIGNED[name])
        yield
    for name in ("OKX", "Bybit"):
        run_orders(bench, SIGNED[name])
        yield


# -- market data --------------------------------------------------------------------------------


def run_market(bench: Bench, it: Recorded) -> None:
    """Measure bytes of changes into a book."""
    reader, floor = f"{it.venue} reader: bytes to book", f"{it.venue} floor (Rust)"
    cryptofeed, ccxt_pro = f"{it.venue} {CRYPTOFEED}", f"{it.venue} ccxt.pro"
    count = (len(it.frames) - 1) * REPEATS
    best = best_of(it)
    jobs: dict[str, tuple[int, Job]] = {reader: (count, reader_job(it, best))}
    with tempfile.TemporaryDirectory() as folder:
        if (library := built(bench, floor, Path(folder))) is not None:
            first, *frames = it.frames
            job = floor_job(library, it.floor, (it.decimals,), frames, best, first, REPEATS)
            jobs[floor] = (count, job)
        if peer(bench, CRYPTOFEED, cryptofeed):
            jobs[cryptofeed] = (count, cryptofeed_job(it, best))
        if peer(bench, CCXT, ccxt_pro):
            jobs[ccxt_pro] = (count, ccxt_pro_job(it, best))
        in_turns(bench, jobs, "messages/s")
    bench.ratio(reader, cryptofeed, 20)
    bench.ratio(reader, ccxt_pro, 35)
    bench.ratio(reader, floor, 0.5)


def new_reader(it: Recorded) -> Any:
    """Return a reader of the market that has its first book."""
    reader = import_module("steelyard.wire.reader").MarketReader(it.stream, [it.steps])
    reader.receive(it.frames[0])
    return reader


def best_of(it: Recorded) -> tuple[int, int]:
    """Return the best prices in the end, in ticks."""
    reader = new_reader(it)
    for frame in it.frames[1:]:
        reader.receive(frame)
    book = reader.book(0)
    assert (book.is_whole, book.gaps) == (True, 0)
    return book.bid_ticks, book.ask_ticks


def reader_job(it: Recorded, best: tuple[int, int]) -> Job:
    """Return ours: one call a message, counted, and where there are checksums compared."""

    def job() -> float:
        seconds = 0.0
        for _ in range(REPEATS):
            reader = new_reader(it)
            receive, frames = reader.receive, it.frames[1:]
            start = time.process_time()
            for frame in frames:
                receive(frame)
            seconds += time.process_time() - start
            book = reader.book(0)
            assert (book.bid_ticks, book.ask_ticks, book.gaps) == (*best, 0)
        return seconds

    return job


def cryptofeed_job(it: Recorded, best: tuple[int, int]) -> Job:
    """Return cryptofeed's handler, fed as its connection feeds it."""
    defines = import_module("cryptofeed.defines")
    symbols = import_module("cryptofeed.symbols").Symbols
    is_kraken = it.floor == "floor_objects"
    exchange = getattr(import_module("cryptofeed.exchanges"), "Kraken" if is_kraken else "Coinbase")
    pair = it.symbol.replace("/", "-")
    details = {"tick_size": {pair: "0.01"}, "instrument_type": {pair: "spot"}}
    symbols.set(exchange.id, {pair: it.symbol}, details)
    first, *texts = [frame.decode() for frame in it.cryptofeed]

    async def told(*_: object) -> None:
        pass

    async def feed() -> float:
        callbacks = {defines.L2_BOOK: told, defines.TRADES: told}
        channels = [defines.L2_BOOK, defines.TRADES]
        config = {"symbols": [pair], "channels": channels, "callbacks": callbacks}
        # Checksums are compared as ours are, where there are any.
        handler = exchange(**config, checksum_validation=is_kraken)
        await handler.message_handler(first, None, 0.0)
        start = time.process_time()
        for text in texts:
            await handler.message_handler(text, None, 0.0)
        seconds = time.process_time() - start
        book = handler._l2_book[pair].book
        found = (book.bids.index(0)[0], book.asks.index(0)[0])
        assert tuple(int(price.scaleb(it.decimals)) for price in found) == best
        return seconds

    return lambda: sum(asyncio.run(feed()) for _ in range(REPEATS))


def ccxt_pro_job(it: Recorded, best: tuple[int, int]) -> Job:
    """Return ccxt.pro's handler, fed as its client feeds it."""
    is_kraken = it.floor == "floor_objects"
    pro = import_module("ccxt.pro")
    exchange = (pro.kraken if is_kraken else pro.coinbaseexchange)({"newUpdates": True})
    exchange.set_markets([ccxt_market(exchange, it.symbol)])
    loads = import_module("ccxt.async_support.base.ws.client").json_parser.loads
    first, *texts = [frame.decode() for frame in it.frames]
    symbol = it.symbol.replace("-", "/")

    class Client:
        """What its handlers ask of a connection."""

        url = "wss://example"
        subscriptions: dict[str, Any] = {}  # noqa: RUF012 it is the peer's
        last_message_at = 0

        def resolve(self, *_: object) -> None:
            """Take a result."""

        def reject(self, error: Exception, *_: object) -> None:
            """Take an error."""
            raise error

    def once() -> float:
        exchange.orderbooks, exchange.trades, client = {}, {}, Client()
        limit = {"limit": 1_000}
        client.subscriptions = {f"orderbook:{symbol}": limit, f"level2:{it.symbol}": limit}
        exchange.handle_message(client, loads(first))
        start = time.process_time()
        for text in texts:
            exchange.handle_message(client, loads(text))
        seconds = time.process_time() - start
        book = exchange.orderbooks[symbol]
        found = (book["bids"][0][0], book["asks"][0][0])
        assert tuple(round(price * 10**it.decimals) for price in found) == best
        return seconds

    return lambda: sum(once() for _ in range(REPEATS))


def ccxt_market(exchange: Any, symbol: str) -> Any:
    """Return a market that a ccxt exchange takes for known."""
    base, _, quote = symbol.replace("-", "/").partition("/")
    if not quote:
        base, quote = symbol[:-3], symbol[-3:]
    precision = {"amount": 1e-8, "price": 1e-2}
    info = {
        "id": symbol,
        "symbol": f"{base}/{quote}",
        "base": base,
        "quote": quote,
        "baseId": base,
        "quoteId": quote,
        "type": "spot",
        "spot": True,
        "active": True,
        "precision": precision,
        "limits": {"amount": {"min": 1e-8}, "price": {}, "cost": {}, "leverage": {}},
        "info": {"wsname": symbol, "altname": symbol},
        "wsId": symbol,
        "altname": symbol,
    }
    return exchange.safe_market_structure(info) | {"wsId": symbol}


# -- what was recorded --------------------------------------------------------------------------


def lines_of(path: Path) -> list[str] | None:
    """Return the frames that were heard in a capture, None where there is none."""
    if not path.is_file():
        return None
    with gzip.open(path, "rt") as lines:
        heard = (line.rstrip("\n").partition(": ") for line in lines)
        return [frame for clock, _, frame in heard if clock.replace(".", "").isdigit()]


def recorded_coinbase(folder: Path) -> Recorded | None:
    """Return the busiest market of a capture of 2021."""
    lines, symbol = lines_of(folder / "COINBASE.ws.28.0.gz"), "SKL-USD"
    if lines is None:
        return None
    wanted = ('{"type":"snapshot"', '{"type":"l2update"', '{"type":"match"')
    frames = [it for it in lines if it.startswith(wanted) and f'"{symbol}"' in it]
    steps = Steps(symbol, 10 ** (coinbase.DECIMALS - 4), 10 ** (coinbase.DECIMALS - 1))
    advanced = [json.dumps(as_advanced(json.loads(it)), separators=(",", ":")) for it in frames]
    return Recorded(
        *("Coinbase Exchange", symbol, coinbase.MARKET, steps, 4),
        [it.encode() for it in frames],
        [it.encode() for it in advanced],
        "floor_sided",
    )


def as_advanced(message: dict[str, Any]) -> dict[str, Any]:
    """Return a message as Advanced Trade tells it, which is what cryptofeed speaks."""
    stamp = message.get("time", "2021-04-17T16:43:37.000000Z")
    if message["type"] == "match":
        trade = {name: message[name] for name in ("product_id", "price", "size", "time")}
        trade |= {"trade_id": str(message["trade_id"]), "side": message["side"].upper()}
        return {"channel": "market_trades", "events": [{"type": "update", "trades": [trade]}]}
    sides = {"buy": "bid", "sell": "offer"}
    rows = message.get("changes") or [
        (side, *row) for side, name in (("buy", "bids"), ("sell", "asks")) for row in message[name]
    ]
    kind = "snapshot" if message["type"] == "snapshot" else "update"
    if kind == "snapshot":
        sides["sell"] = "ask"
    updates = [
        {"side": sides[side], "event_time": stamp, "price_level": price, "new_quantity": size}
        for side, price, size in rows
    ]
    event = {"type": kind, "product_id": message["product_id"], "updates": updates}
    return {"channel": "l2_data", "timestamp": stamp, "events": [event]}


def recorded_kraken(folder: Path) -> Recorded | None:
    """Return the busiest market of a capture of 2021, as v2 tells it."""
    lines, symbol = lines_of(folder / "KRAKEN.ws.50.0.gz"), "XMR/USD"
    if lines is None:
        return None
    old = [it for it in lines if it.startswith("[") and it.endswith(f'"book-1000","{symbol}"]')]
    lot = 1
    steps = Steps(symbol, 10 ** (kraken.PRICE_DECIMALS_MAX - 2), lot)
    stream = kraken.MARKET._replace(depth=1_000)
    frames = [as_new(json.loads(it)) for it in old]
    cryptofeed = [it.encode() for it in old]
    return Recorded("Kraken", symbol, stream, steps, 2, frames, cryptofeed, "floor_objects")


def as_new(message: list[Any]) -> bytes:
    """Return the frame of v2 that says what a message of v1 does."""
    parts, symbol = message[1:-2], message[-1]
    names = ("as", "bs") if "as" in parts[0] else ("a", "b")
    asks, bids = ([row for part in parts for row in part.get(name, ())] for name in names)
    told = next((part["c"] for part in parts if "c" in part), None)
    if told is None:
        rows = (*asks[:CHECKED], *bids[:CHECKED])
        digits = (number.replace(".", "").lstrip("0") for row in rows for number in row[:2])
        told = crc32("".join(digits).encode())

    def levels(rows: list[Any]) -> str:
        return ",".join(f'{{"price":{price},"qty":{size}}}' for price, size, *_ in rows)

    kind = "snapshot" if names[0] == "as" else "update"
    entry = f'{{"symbol":"{symbol}","bids":[{levels(bids)}],"asks":[{levels(asks)}],'
    entry += f'"checksum":{told},"timestamp":"2021-04-17T16:48:52.825306Z"}}'
    return f'{{"channel":"book","type":"{kind}","data":[{entry}]}}'.encode()


# -- orders -------------------------------------------------------------------------------------

MARKET = Instrument.spot(
    0,
    (1, "BTC"),
    (2, "USD"),
    tick_size="0.01",
    lot_size="0.00001",
    price_max="1000000",
    size_max="9000",
    notional_min="5",
)
LISTINGS = Listings([MARKET])
PLACE = Place(
    *(0, 0, Side.BUY, OrderType.LIMIT, TimeInForce.GTC),
    post_only=False,
    price_ticks=6_000_000,
    size_lots=1_000,
    client_order_id=client_uuid(1),
)


def run_orders(bench: Bench, venue: Signed) -> None:
    """Measure an order into bytes that are signed and ready to send."""
    key = ApiKey("k" * 56, SECRET, "an example")
    own = venue.own_id
    form = venue.form(replace(PLACE, client_order_id=own), key)
    signer = import_module("steelyard.wire.orders").OrderSigner(form, key)
    sized, side = signer.sized, int(PLACE.side)
    row, theirs = f"{venue.name} signer: text to bytes", f"{venue.name} ccxt create_order"
    jobs = {row: times(ORDERS, lambda: sized(side, "60000.00", "0.01000", own, NOW_NS))}
    if peer(bench, CCXT, theirs):
        jobs[theirs] = times(SLOW_ORDERS, ccxt_order(venue, key))
    in_turns(bench, jobs, "requests/s")
    bench.ratio(row, theirs, 60)


def ccxt_order(venue: Signed, key: ApiKey) -> Callable[[], object]:
    """Return create_order of ccxt, with an exchange that sends nothing."""
    ccxt = import_module("ccxt")
    config = {"apiKey": key.key, "secret": key.secret.decode(), "password": key.passphrase}
    config |= {"enableRateLimit": False, "options": venue.options}
    exchange = getattr(ccxt, venue.ccxt)(config)
    exchange.set_markets([ccxt_market(exchange, venue.symbol)])
    exchange.fetch = lambda *_, **__: dict(venue.answer)
    terms = {"clientOrderId": venue.own_id}
    return lambda: exchange.create_order("BTC/USD", "limit", "buy", 0.01, 60000.0, terms)


SIGNED = {
    venue.name: venue
    for venue in (
        Signed(
            "Coinbase Exchange",
            lambda place, key: coinbase.order_form(
                place, LISTINGS, key, "api.exchange.coinbase.com"
            ),
            *("coinbaseexchange", "BTC-USD", client_uuid(1)),
            {
                "id": client_uuid(2),
                "product_id": "BTC-USD",
                "side": "buy",
                "type": "limit",
                "price": "60000.00",
                "size": "0.01",
                "status": "pending",
            },
        ),
        Signed(
            "Kraken",
            lambda place, key: kraken.order_form(place, LISTINGS, key.key, "api.kraken.com"),
            *("kraken", "BTC/USD", client_uuid(1)),
            {
                "error": [],
                "result": {
                    "txid": ["OAAAAA-AAAAA-AAAAAA"],
                    "descr": {"order": "buy 0.01000000 XBTUSD @ limit 60000.0"},
                },
            },
        ),
        Signed(
            "OKX",
            lambda place, key: okx.order_form(place, LISTINGS, key, "openapi.okx.com"),
            *("okx", "BTC-USD", f"{1:032x}"),
            {"code": "0", "msg": "", "data": [{"ordId": "1", "clOrdId": "", "sCode": "0"}]},
        ),
        Signed(
            "Bybit",
            lambda place, key: bybit.order_form(place, LISTINGS, key, "api.bybit.com"),
            *("bybit", "BTCUSD", f"{1:032x}"),
            {"retCode": 0, "retMsg": "OK", "result": {"orderId": "1", "orderLinkId": ""}},
            {"enableUnifiedMargin": True, "enableUnifiedAccount": True, "unifiedMarginStatus": 5},
        ),
    )
}
