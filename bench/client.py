"""The client's two hot paths: a venue's bytes into a local book, and an order into signed bytes.

All read the same five minutes of Binance BTCUSDT (depth and trades) and end on the same best
prices; all sign the same limit order, and nothing is sent. Everything runs in one process and in
turns, and processor time counts, because a shared machine gives each run another share of it.
Peers are measured where they are installed.
"""

# ruff: noqa: SLF001
# A peer is fed where its connection would, which it does not offer.

import asyncio
import gzip
import hashlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

from bench.floors import built, floor_job
from bench.measure import Bench, row
from bench.trader import trader_job
from bench.turns import CCXT, CRYPTOFEED, PYTHON_BINANCE, Job, in_turns, peer, timed, times
from bench.venues import run_venues
from steelyard import dialects
from steelyard.dialects.binance import stream, tables
from steelyard.domain.commands import Place
from steelyard.domain.instrument import Instrument, Listings
from steelyard.domain.messages import BookDelta, BookSnapshot
from steelyard.domain.order import OrderType, Side, TimeInForce
from steelyard.trading.books import BookView
from steelyard.wire.dialect import ApiKey

HERE = Path(__file__).parent
RECORDING = "binance/spot_btcusdt_20240809.jsonl.gz"
IMPORTS = 5
ORDERS = 20_000
SLOW_ORDERS = 1_000
BEST = (6_160_201, 6_160_202)  # of the recording, in ticks

READER = "reader: bytes to book"
EVENTS = "reader: bytes to events"
REFERENCE = "Python code of the dialect and the book"
TRADER = "trader: bytes to strategy, the stream keeps the book"
TRADER_EVENTS = "trader: bytes to strategy, scanned natively, the book in Python"
DECODE = "msgspec: typed decoding alone"
FLOOR = "floor: scan and book, nothing checked (Rust)"
CCXT_PRO = "ccxt.pro"

SIZED = "signer: text to bytes"
STEPS = "signer: ticks and lots to bytes"
PADS = "floor: HMAC from prepared pads (hashlib)"
CCXT_ORDER = "ccxt create_order"
BINANCE_ORDER = "python-binance create_order"

KEY = ApiKey("k" * 64, b"s" * 64)  # an example
MARKET = Instrument.spot(
    0,
    (1, "BTC"),
    (2, "USDT"),
    tick_size="0.01",
    lot_size="0.00001",
    price_max="1000000",
    size_max="9000",
    notional_min="5",
)
LISTINGS = Listings([MARKET])
PLACE = Place(
    0,
    0,
    Side.BUY,
    OrderType.LIMIT,
    TimeInForce.GTC,
    post_only=False,
    price_ticks=6_000_000,
    size_lots=1_000,
    client_order_id="x-1234567890",
)
NOW_NS = 1_723_161_600_000_000_000
ACK = {
    "symbol": "BTCUSDT",
    "orderId": 28,
    "orderListId": -1,
    "clientOrderId": "x-1234567890",
    "transactTime": 1723161600000,
    "price": "60000.00",
    "origQty": "0.01000",
    "executedQty": "0.00000",
    "cummulativeQuoteQty": "0.00",
    "status": "NEW",
    "timeInForce": "GTC",
    "type": "LIMIT",
    "side": "BUY",
    "fills": [],
}


def run() -> Iterator[dict[str, Any]]:
    """Measure both paths and what it costs to import who does them."""
    bench = Bench()
    try:
        import_module("steelyard._native")
    except ImportError:
        bench.skip(READER, "no native module was built")
        yield from bench.rows()
        return
    run_market(bench)
    yield from bench.rows()
    run_orders(bench)
    yield from bench.rows()
    for _ in run_venues(bench):
        yield from bench.rows()
    yield from run_imports()


# -- market data --------------------------------------------------------------------------------


def run_market(bench: Bench) -> None:
    """Measure bytes of depth and trades into a book."""
    told = os.environ.get("STEELYARD_DATA")
    path = (Path(told) if told else HERE.parent.parent / "shared" / "data") / RECORDING
    if not path.is_file():
        bench.skip(READER, f"needs the recording {RECORDING} in the folder STEELYARD_DATA names")
        return
    with gzip.open(path) as lines:
        frames = [line.rstrip().partition(b" ")[2] for line in lines]
    frames = [frame for frame in frames if b"@bookTicker" not in frame[:40]]
    count = len(frames)
    jobs = {
        READER: (count, reader_job(frames)),
        EVENTS: (count, events_job(frames)),
        DECODE: (count, decode_job(frames)),
    }
    with tempfile.TemporaryDirectory() as folder:
        if (floor := built(bench, FLOOR, Path(folder))) is not None:
            jobs[FLOOR] = (count, floor_job(floor, "floor_md", (), frames, BEST))
        if peer(bench, CRYPTOFEED, CRYPTOFEED):
            jobs[CRYPTOFEED] = (count, cryptofeed_job(frames))
        if peer(bench, CCXT, CCXT_PRO):
            jobs[CCXT_PRO] = (count, ccxt_pro_job(frames))
        jobs[REFERENCE] = (count, reference_job(frames))
        before = first_update(frames) - 1
        for name, is_native in ((TRADER, True), (TRADER_EVENTS, False)):
            jobs[name] = (count, trader_job(frames, MARKET, before, is_native=is_native))
        in_turns(bench, jobs, "messages/s")
    bench.ratio(READER, CRYPTOFEED, 20)
    bench.ratio(READER, CCXT_PRO, 35)
    bench.ratio(READER, DECODE, 1.6)
    bench.ratio(READER, FLOOR, 0.5)
    bench.ratio(READER, REFERENCE)
    bench.ratio(EVENTS, REFERENCE)
    bench.ratio(TRADER, TRADER_EVENTS)


def first_update(frames: list[bytes]) -> int:
    """Return the first update that the recording tells."""
    return next(json.loads(frame)["data"]["U"] for frame in frames if b"depthUpdate" in frame[:60])


def reader_job(frames: list[bytes]) -> Job:
    """Return ours: one call a message, sequences checked, the touch read after each."""
    reader_class = import_module("steelyard.wire.reader").MarketReader
    first = first_update(frames)

    def job() -> float:
        reader = reader_class(tables.MARKET, [tables.steps(MARKET)])
        book = reader.book(0)
        book.snapshot(first - 1, [], [], 0)
        receive = reader.receive
        start = time.process_time()
        for frame in frames:
            receive(frame)
        seconds = time.process_time() - start
        assert (book.bid_ticks, book.ask_ticks, book.gaps) == (*BEST, 0)
        return seconds

    return job


def events_job(frames: list[bytes]) -> Job:
    """Return what a session does: every message an event of Python."""

    def job() -> float:
        scanner = import_module("steelyard.wire.reader").MarketReader(
            tables.MARKET, [tables.steps(MARKET)]
        )

        def work() -> None:
            for frame in frames:
                tables.event_of(scanner.scan(frame), 0, NOW_NS)

        return timed(work)

    return job


def reference_job(frames: list[bytes]) -> Job:
    """Return the specification."""
    first = first_update(frames)

    def job() -> float:
        book = BookView(MARKET)
        book.snapshot(BookSnapshot(0, first - 1, (), (), 0), 0)

        def work() -> None:
            for frame in frames:
                event = stream.event_of(frame, LISTINGS, 0)
                if isinstance(event, BookDelta):
                    book.delta(event, 0)

        seconds = timed(work)
        assert (book.bids.best_ticks, book.asks.best_ticks) == BEST
        return seconds

    return job


def decode_job(frames: list[bytes]) -> Job:
    """Return decoding into typed structs, and nothing done with them."""
    msgspec = import_module("msgspec")
    levels = (list[tuple[str, str]], ())
    fields = [
        *((name, str) for name in "es"),
        ("E", int),
        *((name, int, 0) for name in "UuTt"),
        *((name, *levels) for name in "ba"),
        *((name, str, "") for name in "pq"),
        ("m", bool, False),
    ]
    data = msgspec.defstruct("Data", fields)
    decode = msgspec.json.Decoder(msgspec.defstruct("Frame", [("stream", str), ("data", data)]))

    def work() -> None:
        for frame in frames:
            decode.decode(frame)

    return lambda: timed(work)


def cryptofeed_job(frames: list[bytes]) -> Job:
    """Return cryptofeed's handler, fed as its connection feeds it."""
    defines, types = import_module("cryptofeed.defines"), import_module("cryptofeed.types")
    binance = import_module("cryptofeed.exchanges").Binance
    details = {"tick_size": {"BTC-USDT": "0.01"}, "instrument_type": {"BTC-USDT": "spot"}}
    symbols = import_module("cryptofeed.symbols").Symbols
    symbols.set(binance.id, {"BTC-USDT": "BTCUSDT"}, details)
    # It subscribes to aggTrade, in which the trade's number has another name.
    texts = [
        frame.decode()
        .replace('@trade"', '@aggTrade"')
        .replace('"e":"trade"', '"e":"aggTrade"')
        .replace('"t":', '"a":')
        for frame in frames
    ]

    async def told(*_: object) -> None:
        pass

    async def feed() -> float:
        callbacks = {defines.L2_BOOK: told, defines.TRADES: told}
        channels = [defines.L2_BOOK, defines.TRADES]
        handler = binance(symbols=["BTC-USDT"], channels=channels, callbacks=callbacks)
        handler._l2_book["BTC-USDT"] = types.OrderBook(handler.id, "BTC-USDT", max_depth=0)

        def joins(pair: str, message: dict[str, Any]) -> bool:
            handler.last_update_id[pair] = message["u"]
            return False

        handler._check_update_id = joins
        start = time.process_time()
        for text in texts:
            await handler.message_handler(text, None, 0.0)
        seconds = time.process_time() - start
        book = handler._l2_book["BTC-USDT"].book
        best = (book.bids.index(0)[0], book.asks.index(0)[0])
        assert tuple(int(price * 100) for price in best) == BEST
        return seconds

    return lambda: asyncio.run(feed())


def ccxt_market(exchange: Any) -> Any:
    """Return a ccxt exchange that knows one market and asks nothing."""
    exchange.options.update(crossMarginPairsData=[], isolatedMarginPairsData=[])
    price = {"minPrice": "0.01", "maxPrice": "1000000", "tickSize": "0.01"}
    size = {"minQty": "0.00001", "maxQty": "9000", "stepSize": "0.00001"}
    market = {
        "symbol": "BTCUSDT",
        "status": "TRADING",
        "baseAsset": "BTC",
        "quoteAsset": "USDT",
        "baseAssetPrecision": 8,
        "quotePrecision": 8,
        "quoteAssetPrecision": 8,
        "isSpotTradingAllowed": True,
        "permissions": ["SPOT"],
        "orderTypes": ["LIMIT", "MARKET"],
        "filters": [
            {"filterType": "PRICE_FILTER", **price},
            {"filterType": "LOT_SIZE", **size},
        ],
    }
    exchange.set_markets([exchange.parse_market(market)])
    return exchange


class CcxtClient:
    """What ccxt.pro's handlers ask of a connection."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.subscriptions: dict[str, Any] = {}
        self.last_message_at = 0

    def resolve(self, *_: object) -> None:
        """Take a result."""

    def reject(self, error: Exception, *_: object) -> None:
        """Take an error."""
        raise error


def ccxt_pro_job(frames: list[bytes]) -> Job:
    """Return ccxt.pro's handler, fed as its client feeds it."""
    exchange = ccxt_market(import_module("ccxt.pro").binance({"newUpdates": True}))
    loads = import_module("ccxt.async_support.base.ws.client").json_parser.loads
    first = first_update(frames)
    texts = [frame.decode() for frame in frames]

    def job() -> float:
        book = exchange.order_book({})
        book["symbol"], book["nonce"] = "BTC/USDT", first - 1
        exchange.orderbooks, exchange.trades = {"BTC/USDT": book}, {}
        client = CcxtClient(exchange.urls["api"]["ws"]["spot"])

        def work() -> None:
            for text in texts:
                exchange.handle_message(client, loads(text)["data"])

        seconds = timed(work)
        best = (book["bids"][0][0], book["asks"][0][0])
        assert tuple(round(price * 100) for price in best) == BEST
        return seconds

    return job


# -- orders -------------------------------------------------------------------------------------


def run_orders(bench: Bench) -> None:
    """Measure an order into bytes that are signed and ready to send."""
    signer_class = import_module("steelyard.wire.orders").OrderSigner
    form = tables.order_form(PLACE, LISTINGS, KEY.key, "api.binance.com")
    signer = signer_class(form, KEY)
    side, price_ticks, size_lots = int(PLACE.side), PLACE.price_ticks, PLACE.size_lots
    client_order_id = PLACE.client_order_id
    request, sized = signer.request, signer.sized
    expected = request(side, price_ticks, size_lots, client_order_id, NOW_NS)
    assert sized(side, "60000.004", "0.010009", client_order_id, NOW_NS) == expected
    pads = [hashlib.sha256(bytes(byte ^ pad for byte in KEY.secret)) for pad in (0x36, 0x5C)]
    payload = expected.partition(b"\r\n\r\n")[2].rpartition(b"&signature=")[0]

    def from_pads() -> str:
        inner, outer = (pad.copy() for pad in pads)
        inner.update(payload)
        outer.update(inner.digest())
        return outer.hexdigest()

    jobs = {
        SIZED: times(ORDERS, lambda: sized(side, "60000.00", "0.01000", client_order_id, NOW_NS)),
        STEPS: times(
            ORDERS, lambda: request(side, price_ticks, size_lots, client_order_id, NOW_NS)
        ),
        PADS: times(ORDERS, from_pads),
    }
    if peer(bench, PYTHON_BINANCE, BINANCE_ORDER):
        jobs[BINANCE_ORDER] = times(SLOW_ORDERS, python_binance_order())
    if peer(bench, CCXT, CCXT_ORDER):
        jobs[CCXT_ORDER] = times(SLOW_ORDERS, ccxt_order())
    in_turns(bench, jobs, "requests/s")
    bench.ratio(SIZED, BINANCE_ORDER, 8)
    bench.ratio(SIZED, CCXT_ORDER, 60)
    bench.ratio(SIZED, PADS, 0.35)


def python_binance_order() -> Callable[[], object]:
    """Return create_order of python-binance, with a session that sends nothing."""
    client = import_module("binance.client").Client(KEY.key, KEY.secret.decode(), ping=False)

    class Answer:
        """What came back."""

        status_code = 200
        text = ""
        headers: dict[str, str] = {}  # noqa: RUF012 it is the peer's

        def json(self) -> dict[str, Any]:
            """Return the acknowledgement."""
            return dict(ACK)

    client.session.post = client.session.request = lambda *_, **__: Answer()
    return lambda: client.create_order(
        symbol="BTCUSDT",
        side="BUY",
        type="LIMIT",
        timeInForce="GTC",
        quantity="0.01000",
        price="60000.00",
    )


def ccxt_order() -> Callable[[], object]:
    """Return create_order of ccxt, with an exchange that sends nothing."""
    config = {"apiKey": KEY.key, "secret": KEY.secret.decode(), "enableRateLimit": False}
    exchange = ccxt_market(import_module("ccxt").binance(config))
    exchange.fetch = lambda *_, **__: dict(ACK)
    return lambda: exchange.create_order("BTC/USDT", "limit", "buy", 0.01, 60000.0)


# -- imports ------------------------------------------------------------------------------------

CLIENT = "import of reader, signer and {}"
THEIRS = "import of ccxt.pro"
FOLDERS = Path(dialects.__file__).parent.glob("*/tables.py")  # of dialects that are read natively
DIALECTS = sorted(table.parent.name for table in FOLDERS)
MODULES = "steelyard.wire.reader, steelyard.wire.orders, steelyard.dialects.{}.tables"
IMPORTED = {CLIENT.format(it): MODULES.format(it) for it in DIALECTS} | {THEIRS: "ccxt.pro"}


def run_imports() -> Iterator[dict[str, Any]]:
    """Measure what importing costs once the bytecode is there, each time in a new process."""
    code = "import time; t = time.process_time(); import {}; print(time.process_time() - t)"
    figures: dict[str, list[float]] = {name: [] for name in IMPORTED}
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "PYTHONPYCACHEPREFIX": folder}
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        for turn in range(IMPORTS + 1):
            for name, modules in IMPORTED.items():
                done = subprocess.run(
                    [sys.executable, "-c", code.format(modules)],
                    env=environment,
                    capture_output=True,
                    text=True,
                    check=False,
                )
                if turn and not done.returncode:
                    figures[name].append(float(done.stdout) * 1_000)
    for name, found in figures.items():
        if found:
            yield row(name, "ms", found)
        else:
            yield {"name": name, "skipped": "it is not installed"}
    theirs = figures.pop(THEIRS)
    for name, found in figures.items():
        if found and theirs:
            ratio = round(statistics.median(found) / statistics.median(theirs), 3)
            yield {"name": name, "against": THEIRS, "ratio": ratio, "goal": 0.1}
