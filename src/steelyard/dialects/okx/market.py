"""Instruments, clock, books and tickers of REST: both halves, side by side.

The invariant: what the server half prints, the client half reads back to the same whole numbers, as
far as the venue tells them at all. Trades and candles are in history.py.

Derivatives are asked for by type; there are none, and the answer says so by being empty.
"""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any

from msgspec import UNSET
from msgspec.structs import replace

from steelyard.dialects.okx import errors, messages
from steelyard.dialects.okx.messages import (
    Book,
    BookRequest,
    FullBook,
    InstrumentRequest,
    InstrumentsRequest,
    Level,
    Nothing,
    PriceLimit,
    StatusRequest,
    SystemStatus,
    Ticker,
    Time,
    TypeRequest,
)
from steelyard.dialects.okx.routes import (
    answered,
    instrument_of,
    is_spot,
    none,
    nothing,
    public,
)
from steelyard.dialects.okx.text import (
    MS_NS,
    SPOT,
    amount_text,
    code_of,
    ms,
    price_text,
    read_amount,
    read_ms,
    read_price,
    size_text,
    whole_lots,
)
from steelyard.domain import messages as domain
from steelyard.domain.errors import DecodeError, UnitError
from steelyard.domain.instrument import LIMIT_MAX, NOTIONAL_MAX_ATOMS, Instrument, Listings
from steelyard.domain.messages import (
    MINUTE_NS,
    BookQuery,
    BookSnapshot,
    Clock,
    ClockQuery,
    InstrumentList,
    InstrumentsQuery,
    Status,
    StatusQuery,
    TickerList,
    TickersQuery,
    WindowsQuery,
)
from steelyard.domain.order import MarketState
from steelyard.domain.units import ATOMS_PER_UNIT, EXACT, RATE_SCALE, parse_decimal
from steelyard.wire.dialect import Asker, Endpoint

BOOK_MAX, BOOK_DEFAULT = 400, 1
FULL_BOOK_MAX, FULL_BOOK_DEFAULT = 5_000, 1
DAY_NS = 24 * 60 * MINUTE_NS
EAST_NS = 8 * 60 * MINUTE_NS  # the venue's days begin in UTC+8
LISTED_MS = "1606468572000"  # when instruments were listed: nobody keeps it

STATES_TOLD = {
    MarketState.OPEN: "live",
    MarketState.POST_ONLY: "post_only",
    MarketState.CANCEL_ONLY: "suspend",
    MarketState.HALTED: "suspend",
    MarketState.MAINTENANCE: "suspend",
}
STATES = {
    "live": MarketState.OPEN,
    "post_only": MarketState.POST_ONLY,
    "suspend": MarketState.HALTED,
}


# -- what is listed -----------------------------------------------------------------------------


def instrument_to_wire(instrument: Instrument, state: MarketState) -> messages.Instrument:
    """Return an instrument."""
    most = size_text(instrument, instrument.size_max_lots)
    notional_max = instrument.notional_max_atoms
    most_money = amount_text(notional_max) if notional_max else UNSET
    return messages.Instrument(
        instId=instrument.symbol,
        baseCcy=instrument.base,
        quoteCcy=instrument.quote,
        groupId="1",
        tickSz=price_text(instrument, 1),
        lotSz=size_text(instrument, 1),
        minSz=size_text(instrument, instrument.size_min_lots),
        maxLmtSz=most,
        maxMktSz=most,
        maxLmtAmt=most_money,
        maxMktAmt=most_money,
        maxIcebergSz=most,
        maxTriggerSz=most,
        maxStopSz=most,
        state=STATES_TOLD[state],
        listTime=LISTED_MS,
        ruleType="normal",
        openType="",
        instIdCode=code_of(instrument),
        tradeQuoteCcyList=(instrument.quote,),
        upcChg=(),
        minNotional=amount_text(instrument.notional_min_atoms),
        maxPx=price_text(instrument, instrument.price_max_ticks),
    )


def instruments_from_wire(rows: Iterable[messages.Instrument]) -> InstrumentList:
    """Return every spot instrument in the answer's order, but for what our numbers cannot hold.

    Raises:
        DecodeError: A number is none.
    """
    asset_ids: dict[str, int] = {}
    found: list[Instrument] = []
    states: list[MarketState] = []
    for row in rows:
        if row.instType != SPOT or row.state not in STATES:
            continue
        names = row.baseCcy, row.quoteCcy
        base, quote = ((asset_ids.setdefault(n, len(asset_ids) + 1), n) for n in names)
        try:
            instrument = _instrument_from_wire(row, len(found), base, quote)
        except UnitError:
            continue
        if instrument.symbol != row.instId:
            continue
        found.append(instrument)
        states.append(STATES[row.state])
    return InstrumentList(tuple(found), tuple(states))


def _instrument_from_wire(
    row: messages.Instrument, instrument_id: int, base: tuple[int, str], quote: tuple[int, str]
) -> Instrument:
    tick, lot = parse_decimal(row.tickSz), parse_decimal(row.lotSz)
    if tick <= 0 or lot <= 0:
        raise DecodeError(f"{row.instId[:20]!r} has steps of {row.tickSz} and {row.lotSz}")
    # As much as a size and then a price may be here; the venue allows more than anybody has.
    lot_atoms = int(EXACT.multiply(lot, ATOMS_PER_UNIT))
    most_lots = min(LIMIT_MAX, NOTIONAL_MAX_ATOMS // max(lot_atoms, 1) // 2**20)
    if row.maxLmtSz:
        told = parse_decimal(row.maxLmtSz)
        most_lots = min(most_lots, int(EXACT.divide_int(told, lot)))
    tick_lot = int(EXACT.multiply(EXACT.multiply(tick, lot), ATOMS_PER_UNIT))
    most_ticks = min(LIMIT_MAX, NOTIONAL_MAX_ATOMS // max(tick_lot * most_lots, 1))
    if isinstance(row.maxPx, str):
        most_ticks = min(most_ticks, int(EXACT.divide_int(parse_decimal(row.maxPx), tick)))
    instrument = Instrument.spot(
        instrument_id,
        base,
        quote,
        tick_size=row.tickSz,
        lot_size=row.lotSz,
        price_max=str(EXACT.multiply(tick, Decimal(most_ticks))),
        size_max=str(EXACT.multiply(lot, Decimal(most_lots))),
        notional_min=row.minNotional if isinstance(row.minNotional, str) else "0",
    )
    smallest = whole_lots(instrument, row.minSz)
    return replace(instrument, size_min_lots=max(smallest, 1))


def instruments_told(
    answer: Any, request: InstrumentsRequest, asker: Asker
) -> tuple[messages.Instrument, ...]:
    """Return what is listed of a type."""
    listed = answered(answer, InstrumentList)
    if not is_spot(request.instType) or request.uly or request.instFamily:
        return ()
    if request.instId is not None:
        instrument_of(request.instId, asker.listings)
    return tuple(
        instrument_to_wire(instrument, state)
        for instrument, state in zip(listed.instruments, listed.states, strict=True)
        if request.instId in (None, instrument.symbol)
    )


# -- the clock and the status -------------------------------------------------------------------


def _time(answer: Any, _request: Nothing, _asker: Asker) -> tuple[Time, ...]:
    return (Time(ts=ms(answered(answer, Clock).time_ns)),)


def clock_from_wire(rows: Sequence[Time]) -> Clock:
    """Return the venue's time."""
    if not rows:
        raise DecodeError("the answer tells no time")
    return Clock(read_ms(rows[0].ts))


def _status(answer: Any, request: StatusRequest, _asker: Asker) -> tuple[SystemStatus, ...]:
    status = answered(answer, Status)
    if not status.maintenance or request.state not in (None, "ongoing"):
        return ()
    begin = ms(status.time_ns)
    end = ms(status.time_ns + status.retry_after_ns)
    return (SystemStatus(title="Maintenance", state="ongoing", begin=begin, end=end),)


def status_from_wire(rows: Sequence[SystemStatus], now_ns: int) -> Status:
    """Return whether the venue takes orders."""
    is_off = any(row.state == "ongoing" for row in rows)
    return Status(not is_off, "none", False, now_ns, is_off)  # noqa: FBT003


# -- tickers ------------------------------------------------------------------------------------


def _tickers_query(request: TypeRequest, asker: Asker) -> TickersQuery:
    if request.instId is not None:
        return TickersQuery((instrument_of(request.instId, asker.listings).instrument_id,))
    return TickersQuery(None if is_spot(request.instType) else ())


def _ticker_query(request: InstrumentRequest, asker: Asker) -> TickersQuery:
    return TickersQuery((instrument_of(request.instId, asker.listings).instrument_id,))


def _tickers(answer: Any, _request: Any, asker: Asker) -> tuple[Ticker, ...]:
    tickers = answered(answer, TickerList).tickers
    numbers = tuple(t.instrument_id for t in tickers)
    days = [
        {t.instrument_id: t.open_ticks for t in answered(asker.ask(query), TickerList).tickers}
        for query in (WindowsQuery(numbers, None), WindowsQuery(numbers, None, EAST_NS))
    ]
    return tuple(
        ticker_to_wire(
            t, asker.listings[t.instrument_id], *(day.get(t.instrument_id) for day in days)
        )
        for t in tickers
    )


def ticker_to_wire(
    ticker: domain.Ticker,
    instrument: Instrument,
    today_ticks: int | None = None,
    today_east_ticks: int | None = None,
) -> Ticker:
    """Return a day's statistics, and what the days so far have opened at."""

    def price(ticks: int | None) -> str:
        return "" if ticks is None else price_text(instrument, ticks)

    return Ticker(
        instId=instrument.symbol,
        last=price(ticker.last_ticks),
        lastSz=size_text(instrument, ticker.last_lots),
        askPx=price(ticker.ask_ticks),
        askSz=size_text(instrument, ticker.ask_lots),
        bidPx=price(ticker.bid_ticks),
        bidSz=size_text(instrument, ticker.bid_lots),
        open24h=price(ticker.open_ticks),
        high24h=price(ticker.high_ticks),
        low24h=price(ticker.low_ticks),
        volCcy24h=amount_text(ticker.quote_atoms),
        vol24h=size_text(instrument, ticker.volume_lots),
        sodUtc0=price(today_ticks),
        sodUtc8=price(today_east_ticks),
        ts=ms(ticker.time_ns),
    )


def ticker_from_wire(wire: Ticker, instrument: Instrument) -> domain.Ticker:
    """Return a day's statistics."""

    def price(text: str) -> int | None:
        return read_price(instrument, text) if text else None

    def lots(text: str) -> int:
        return whole_lots(instrument, text) if text else 0

    time_ns = read_ms(wire.ts)
    return domain.Ticker(
        instrument_id=instrument.instrument_id,
        time_ns=time_ns,
        open_ns=time_ns - DAY_NS,
        open_ticks=price(wire.open24h),
        high_ticks=price(wire.high24h),
        low_ticks=price(wire.low24h),
        last_ticks=price(wire.last),
        last_lots=lots(wire.lastSz),
        previous_close_ticks=None,
        volume_lots=lots(wire.vol24h),
        quote_atoms=read_amount(wire.volCcy24h),
        trade_count=0,
        first_trade_id=0,
        last_trade_id=0,
        bid_ticks=price(wire.bidPx),
        bid_lots=lots(wire.bidSz),
        ask_ticks=price(wire.askPx),
        ask_lots=lots(wire.askSz),
    )


# -- books --------------------------------------------------------------------------------------


def depth_of(text: str | None, default: int, most: int) -> int:
    """Return how many levels of a side are wanted.

    Raises:
        DecodeError: It is no such number.
    """
    if text is None:
        return default
    if not (text.isascii() and text.isdigit() and len(text) < 6 and 1 <= int(text) <= most):  # noqa: PLR2004
        raise errors.invalid("sz", f"it is 1 to {most}")
    return int(text)


def _book_query(request: BookRequest, asker: Asker) -> BookQuery:
    instrument = instrument_of(request.instId, asker.listings)
    return BookQuery(instrument.instrument_id, depth_of(request.sz, BOOK_DEFAULT, BOOK_MAX))


def _full_query(request: BookRequest, asker: Asker) -> BookQuery:
    instrument = instrument_of(request.instId, asker.listings)
    depth = depth_of(request.sz, FULL_BOOK_DEFAULT, FULL_BOOK_MAX)
    return BookQuery(instrument.instrument_id, depth)


def levels_to_wire(instrument: Instrument, levels: Iterable[tuple[int, int]]) -> tuple[Level, ...]:
    """Return levels of a book; how many orders make one is not told here."""
    return tuple(
        (price_text(instrument, ticks), size_text(instrument, lots), "0", "1" if lots else "0")
        for ticks, lots in levels
    )


def levels_from_wire(
    instrument: Instrument, levels: Iterable[Level]
) -> tuple[tuple[int, int], ...]:
    """Return levels of a book in ticks and lots."""
    return tuple(
        (read_price(instrument, price), whole_lots(instrument, size))
        for price, size, _, _ in levels
    )


def _book(answer: Any, request: BookRequest, asker: Asker) -> tuple[Book, ...]:
    book = answered(answer, BookSnapshot)
    instrument = instrument_of(request.instId, asker.listings)
    return (
        Book(
            asks=levels_to_wire(instrument, book.asks),
            bids=levels_to_wire(instrument, book.bids),
            ts=ms(book.time_ns),
            seqId=book.sequence,
        ),
    )


def _full_book(answer: Any, request: BookRequest, asker: Asker) -> tuple[FullBook, ...]:
    book = answered(answer, BookSnapshot)
    instrument = instrument_of(request.instId, asker.listings)
    asks, bids = (
        tuple((price, size, count) for price, size, _, count in levels_to_wire(instrument, side))
        for side in (book.asks, book.bids)
    )
    return (FullBook(asks=asks, bids=bids, ts=ms(book.time_ns)),)


def book_from_wire(rows: Sequence[Book], instrument: Instrument, depth: int) -> BookSnapshot:
    """Return a book; one without a number stands for itself.

    Raises:
        DecodeError: There is none.
    """
    if not rows:
        raise DecodeError("the answer has no book")
    (wire, *_) = rows
    bids, asks = (levels_from_wire(instrument, side) for side in (wire.bids, wire.asks))
    sequence = wire.seqId if isinstance(wire.seqId, int) else 0
    is_numbered = isinstance(wire.seqId, int)
    number = instrument.instrument_id
    book = BookSnapshot(number, sequence, bids, asks, read_ms(wire.ts), is_numbered=is_numbered)
    return book.cut_at(depth)


# -- prices that are allowed --------------------------------------------------------------------


def _price_limit(answer: Any, request: InstrumentRequest, asker: Asker) -> tuple[PriceLimit, ...]:
    (ticker,) = answered(answer, TickerList).tickers
    instrument = instrument_of(request.instId, asker.listings)
    last, rate_e8 = ticker.last_ticks, instrument.band_rate_e8
    is_on = bool(rate_e8) and last is not None
    lowest, highest = (
        (
            -(-last * (RATE_SCALE - rate_e8) // RATE_SCALE),
            last * (RATE_SCALE + rate_e8) // RATE_SCALE,
        )
        if is_on and last is not None
        else (0, 0)
    )
    return (
        PriceLimit(
            instId=instrument.symbol,
            buyLmt=price_text(instrument, highest) if is_on else "",
            sellLmt=price_text(instrument, lowest) if is_on else "",
            ts=str(asker.now_ns // MS_NS),
            enabled=is_on,
        ),
    )


def listings_known(rows: Iterable[Ticker], listings: Listings) -> list[tuple[Ticker, Instrument]]:
    """Return tickers of what is listed, each with its instrument."""
    found = ((row, listings.find(row.instId)) for row in rows)
    return [(row, instrument) for row, instrument in found if instrument is not None]


# -- routes -------------------------------------------------------------------------------------

TIME = public("public/time", Nothing, Time, lambda *_: ClockQuery(), _time, "The exchange's time")
STATUS = public(
    "system/status",
    StatusRequest,
    SystemStatus,
    lambda *_: StatusQuery(),
    _status,
    "Maintenances that are planned or under way",
)
INSTRUMENTS = public(
    "public/instruments",
    InstrumentsRequest,
    messages.Instrument,
    lambda *_: InstrumentsQuery(),
    instruments_told,
    "Instruments of a type, with steps and limits",
)
TICKERS = public(
    "market/tickers", TypeRequest, Ticker, _tickers_query, _tickers, "Statistics of 24 hours"
)
TICKER = public(
    "market/ticker", InstrumentRequest, Ticker, _ticker_query, _tickers, "The same of one"
)
BOOK = public("market/books", BookRequest, Book, _book_query, _book, "A book, up to 400 levels")

# What a spot venue has none of; clients ask all the same.
EMPTY = (
    ("public/mark-price", "Mark prices: derivatives have one"),
    ("public/open-interest", "Open interest: there is none"),
    ("public/funding-rate", "Funding rates: there are none"),
    ("public/position-tiers", "Tiers of positions: there are none"),
    ("public/underlying", "Underlyings: there are none"),
)

ENDPOINTS: tuple[Endpoint, ...] = (
    *(TIME, STATUS, INSTRUMENTS, TICKERS, TICKER, BOOK),
    public(
        "market/books-full", BookRequest, FullBook, _full_query, _full_book, "Up to 5,000 levels"
    ),
    public(
        "public/price-limit",
        InstrumentRequest,
        PriceLimit,
        _ticker_query,
        _price_limit,
        "How far from the last price an order may be",
    ),
    *(public(path, TypeRequest, dict[str, str], nothing, none, summary) for path, summary in EMPTY),
)
