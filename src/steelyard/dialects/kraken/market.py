"""Instruments, books, trades, candles and tickers, both ways.

The invariant: what AssetPairs says of steps and minimums is what the instrument says. The venue
tells no largest price and size: our exchange adds them (`price_max`, `order_max`), and where they
are not told, an instrument takes as much as its numbers hold.
"""

from collections.abc import Iterable
from email.utils import formatdate
from typing import Any

from msgspec.structs import replace

from steelyard.dialects.kraken import errors
from steelyard.dialects.kraken.messages import (
    Asset,
    AssetPair,
    AssetPairsRequest,
    AssetsRequest,
    Candle,
    Depth,
    DepthLevel,
    DepthRequest,
    Nothing,
    OhlcRequest,
    PublicTrade,
    ServerTime,
    SpreadRequest,
    SpreadRow,
    SystemStatus,
    Ticker,
    TickerRequest,
    TradesRequest,
)
from steelyard.dialects.kraken.routes import instrument_of, instruments_of, public
from steelyard.dialects.kraken.text import (
    BALANCE_DECIMALS,
    COST_DECIMALS,
    MONEY,
    amount_text,
    asset_alt,
    asset_id,
    asset_name,
    average_text,
    fixed,
    lot_decimals,
    number,
    pair_alt,
    pair_id,
    pair_ws,
    price_decimals,
    price_text,
    read_amount,
    read_price,
    read_rfc3339,
    read_seconds,
    rfc3339_seconds,
    seconds,
    size_text,
    text_of,
    whole_lots,
)
from steelyard.domain import messages as domain
from steelyard.domain.errors import DecodeError, UnitError
from steelyard.domain.instrument import LIMIT_MAX, NOTIONAL_MAX_ATOMS, Instrument
from steelyard.domain.messages import (
    MINUTE_NS,
    SECOND_NS,
    BookQuery,
    BookSnapshot,
    CandlesQuery,
    Clock,
    ClockQuery,
    InstrumentList,
    InstrumentsQuery,
    Status,
    StatusQuery,
    TickerList,
    TickersQuery,
    Trade,
    TradeList,
    TradesQuery,
    WindowsQuery,
)
from steelyard.domain.order import MarketState, Side
from steelyard.domain.units import ATOMS_PER_UNIT, EXACT, parse_decimal
from steelyard.wire.dialect import Asker, Endpoint

DEPTH_MAX = 500
ROWS_MAX = 720
TRADES_MAX = 1_000
INTERVALS = (1, 5, 15, 30, 60, 240, 1_440, 10_080, 21_600)
DAY_MINUTES = 1_440
LONGEST = INTERVALS[-1]  # 15 days, which nobody else has
NS_DIGITS = 16  # of a time in ns; one in s has fewer
FEE_PERCENT = "0.1"  # of an account that was made without rates of its own

INFO = {
    "leverage": ("leverage_buy", "leverage_sell"),
    "fees": ("fees", "fees_maker", "fee_volume_currency"),
    "margin": ("margin_call", "margin_stop"),
}

# -- what is listed -----------------------------------------------------------------------------

STATUSES = {
    MarketState.OPEN: "online",
    MarketState.POST_ONLY: "post_only",
    MarketState.CANCEL_ONLY: "cancel_only",
    MarketState.HALTED: "cancel_only",
    MarketState.MAINTENANCE: "maintenance",
}
STATES = {
    "online": MarketState.OPEN,
    "post_only": MarketState.POST_ONLY,
    "limit_only": MarketState.OPEN,
    "cancel_only": MarketState.CANCEL_ONLY,
    "maintenance": MarketState.MAINTENANCE,
}


def asset_to_wire(name: str) -> Asset:
    """Return an asset."""
    is_money = name in MONEY
    return Asset(
        altname=asset_alt(name),
        decimals=4 if is_money else BALANCE_DECIMALS,
        display_decimals=2 if is_money else COST_DECIMALS,
    )


def _assets(_answer: Any, request: AssetsRequest, asker: Asker) -> dict[str, Asset]:
    names = sorted(asker.listings.assets().values())
    if request.asset is not None:
        wanted = [asset_name(text) for text in request.asset.split(",")]
        unknown = next((text for text in wanted if text not in names), None)
        if unknown is not None:
            known = ", ".join(asset_id(name) for name in names)
            raise errors.said(
                errors.UNKNOWN_ASSET, f"{errors.shown(unknown)} is not used; there are {known}"
            )
        names = wanted
    return {asset_id(name): asset_to_wire(name) for name in names}


def instrument_to_wire(instrument: Instrument, state: MarketState) -> AssetPair:
    """Return a pair."""
    fee = ((number("0"), number(FEE_PERCENT)),)
    return AssetPair(
        altname=pair_alt(instrument),
        wsname=pair_ws(instrument),
        base=asset_id(instrument.base),
        quote=asset_id(instrument.quote),
        pair_decimals=price_decimals(instrument),
        lot_decimals=lot_decimals(instrument),
        fees=fee,
        fees_maker=fee,
        ordermin=size_text(instrument, instrument.size_min_lots),
        costmin=amount_text(instrument.notional_min_atoms),
        tick_size=price_text(instrument, 1),
        status=STATUSES[state],
        price_max=price_text(instrument, instrument.price_max_ticks),
        order_max=size_text(instrument, instrument.size_max_lots),
    )


def instruments_from_wire(pairs: dict[str, AssetPair]) -> InstrumentList:
    """Return every pair in the answer's order, without what our whole numbers cannot hold.

    Raises:
        DecodeError: A number is none.
    """
    asset_ids: dict[str, int] = {}
    found: list[Instrument] = []
    states: list[MarketState] = []
    for pair in pairs.values():
        if pair.status not in STATES or pair.altname.endswith(".d"):
            continue
        names = asset_name(pair.base), asset_name(pair.quote)
        base, quote = ((asset_ids.setdefault(n, len(asset_ids) + 1), n) for n in names)
        try:
            found.append(_instrument_from_wire(pair, len(found), base, quote))
        except UnitError:
            continue
        states.append(STATES[pair.status])
    return InstrumentList(tuple(found), tuple(states))


def _instrument_from_wire(
    pair: AssetPair, instrument_id: int, base: tuple[int, str], quote: tuple[int, str]
) -> Instrument:
    tick_text = pair.tick_size or fixed(1, pair.pair_decimals)
    tick, lot = parse_decimal(tick_text), parse_decimal(fixed(1, pair.lot_decimals))
    # As much as a price, a size and an order may be here.
    lot_atoms = int(EXACT.multiply(lot, ATOMS_PER_UNIT))
    tick_lot = EXACT.multiply(EXACT.multiply(tick, lot), ATOMS_PER_UNIT)
    most_lots = min(LIMIT_MAX, NOTIONAL_MAX_ATOMS // max(lot_atoms, 1)) // 2**20
    most_ticks = min(LIMIT_MAX, NOTIONAL_MAX_ATOMS // max(int(tick_lot) * most_lots, 1))
    instrument = Instrument.spot(
        instrument_id,
        base,
        quote,
        tick_size=tick_text,
        lot_size=fixed(1, pair.lot_decimals),
        price_max=pair.price_max or str(EXACT.multiply(tick, most_ticks)),
        size_max=pair.order_max or str(EXACT.multiply(lot, most_lots)),
        notional_min=pair.costmin or "0",
    )
    smallest = whole_lots(instrument, pair.ordermin) if pair.ordermin else 1
    return replace(instrument, size_min_lots=max(smallest, 1))


def _asset_pairs(answer: Any, request: AssetPairsRequest, asker: Asker) -> dict[str, Any]:
    assert isinstance(answer, InstrumentList), "an InstrumentsQuery is answered by instruments"
    states = dict(zip(answer.instruments, answer.states, strict=True))
    info = request.info or "info"
    if info != "info" and info not in INFO:
        raise errors.invalid("info", f"it is info, {', '.join(INFO)}")
    pairs = {
        pair_id(instrument): instrument_to_wire(instrument, states[instrument])
        for instrument in instruments_of(request.pair, asker.listings)
    }
    if info == "info":
        return pairs
    return {id_: {name: getattr(p, name) for name in INFO[info]} for id_, p in pairs.items()}


# -- the clock and the status -------------------------------------------------------------------


def _time(answer: Any, _request: Nothing, _asker: Asker) -> ServerTime:
    assert isinstance(answer, Clock), "a ClockQuery is answered by a clock"
    whole_s = answer.time_ns // SECOND_NS
    return ServerTime(
        unixtime=whole_s, rfc1123=formatdate(whole_s, usegmt=True).replace("GMT", "+0000")
    )


def clock_from_wire(wire: ServerTime) -> Clock:
    """Return the venue's time, to the second."""
    return Clock(wire.unixtime * SECOND_NS)


def system_status(status: Status, states: Iterable[MarketState]) -> str:
    """Return one word for everything."""
    if status.maintenance:
        return "maintenance"
    words = {STATUSES[state] for state in states}
    if status.trading and (not words or words & {"online", "post_only"}):
        return "post_only" if words == {"post_only"} else "online"
    return "cancel_only"


def _status(answer: Any, _request: Nothing, asker: Asker) -> SystemStatus:
    assert isinstance(answer, Status), "a StatusQuery is answered by a status"
    states = (asker.state_of(i.instrument_id) for i in asker.listings)
    return SystemStatus(
        status=system_status(answer, states), timestamp=rfc3339_seconds(asker.now_ns)
    )


def status_from_wire(wire: SystemStatus) -> Status:
    """Return whether the venue takes orders."""
    is_on = wire.status in ("online", "post_only")
    is_off = wire.status == "maintenance"
    return Status(is_on, "none", False, read_rfc3339(wire.timestamp), is_off)  # noqa: FBT003


# -- tickers ------------------------------------------------------------------------------------


def _tickers(answer: Any, request: TickerRequest, asker: Asker) -> dict[str, Ticker]:
    assert isinstance(answer, TickerList), "a TickersQuery is answered by tickers"
    wanted = [i.instrument_id for i in instruments_of(request.pair, asker.listings)]
    today = asker.ask(WindowsQuery(tuple(wanted), None))
    assert isinstance(today, TickerList), "a WindowsQuery is answered by tickers"
    of_today = {t.instrument_id: t for t in today.tickers}
    return {
        pair_id(asker.listings[t.instrument_id]): ticker_to_wire(
            t, of_today[t.instrument_id], asker.listings[t.instrument_id]
        )
        for t in answer.tickers
    }


def ticker_to_wire(day: domain.Ticker, today: domain.Ticker, instrument: Instrument) -> Ticker:
    """Return the statistics of 24 hours and of the day so far."""

    def touch(ticks: int | None, lots: int) -> tuple[str, str, str]:
        size = size_text(instrument, lots)
        return price_text(instrument, ticks or 0), size.partition(".")[0], size

    def price(ticks: int | None) -> str:
        return price_text(instrument, ticks or 0)

    both = today, day
    volumes = [size_text(instrument, t.volume_lots) for t in both]
    averages = [average_text(instrument, t.quote_atoms, t.volume_lots) for t in both]
    return Ticker(
        a=touch(day.ask_ticks, day.ask_lots),
        b=touch(day.bid_ticks, day.bid_lots),
        c=(price(day.last_ticks), size_text(instrument, day.last_lots)),
        v=(volumes[0], volumes[1]),
        p=(averages[0], averages[1]),
        t=(today.trade_count, day.trade_count),
        l=(price(today.low_ticks), price(day.low_ticks)),
        h=(price(today.high_ticks), price(day.high_ticks)),
        o=price(today.open_ticks),
    )


def ticker_from_wire(wire: Ticker, instrument: Instrument, now_ns: int) -> domain.Ticker:
    """Return the statistics of 24 hours; the day's opening price is today's."""

    def price(text: str) -> int | None:
        return read_price(instrument, text) or None

    volume_lots = whole_lots(instrument, wire.v[1])
    average_atoms = read_amount(wire.p[1])
    return domain.Ticker(
        instrument_id=instrument.instrument_id,
        time_ns=now_ns,
        open_ns=now_ns - DAY_MINUTES * MINUTE_NS,
        open_ticks=price(wire.o),
        high_ticks=price(wire.h[1]),
        low_ticks=price(wire.l[1]),
        last_ticks=price(wire.c[0]),
        last_lots=whole_lots(instrument, wire.c[1]),
        previous_close_ticks=None,
        volume_lots=volume_lots,
        quote_atoms=average_atoms * volume_lots * instrument.lot_atoms // ATOMS_PER_UNIT,
        trade_count=wire.t[1],
        first_trade_id=0,
        last_trade_id=0,
        bid_ticks=price(wire.b[0]),
        bid_lots=whole_lots(instrument, wire.b[2]),
        ask_ticks=price(wire.a[0]),
        ask_lots=whole_lots(instrument, wire.a[2]),
    )


# -- books --------------------------------------------------------------------------------------


def _depth(answer: Any, request: DepthRequest, asker: Asker) -> dict[str, Depth]:
    assert isinstance(answer, BookSnapshot), "a BookQuery is answered by a book"
    instrument = instrument_of(request.pair, asker.listings)
    return {pair_id(instrument): depth_to_wire(answer, instrument)}


def depth_to_wire(book: BookSnapshot, instrument: Instrument) -> Depth:
    """Return a book; the time of each level is the book's."""
    time = number(str(book.time_ns // SECOND_NS))

    def levels(side: Iterable[tuple[int, int]]) -> tuple[DepthLevel, ...]:
        return tuple(
            (price_text(instrument, ticks), size_text(instrument, lots), time)
            for ticks, lots in side
        )

    return Depth(asks=levels(book.asks), bids=levels(book.bids))


def book_from_wire(wire: Depth, instrument: Instrument, now_ns: int) -> BookSnapshot:
    """Return a book, which has no number here."""

    def levels(side: tuple[DepthLevel, ...]) -> tuple[tuple[int, int], ...]:
        return tuple(
            (read_price(instrument, price), whole_lots(instrument, size)) for price, size, _ in side
        )

    bids, asks = levels(wire.bids), levels(wire.asks)
    return BookSnapshot(instrument.instrument_id, 0, bids, asks, now_ns, is_numbered=False)


def _book_query(request: DepthRequest, asker: Asker) -> BookQuery:
    if not 1 <= request.count <= DEPTH_MAX:
        raise errors.invalid("count", f"it is 1 to {DEPTH_MAX}")
    instrument = instrument_of(request.pair, asker.listings)
    return BookQuery(instrument.instrument_id, request.count)


# -- trades -------------------------------------------------------------------------------------


def _trades_query(request: TradesRequest, asker: Asker) -> TradesQuery:
    if not 1 <= request.count <= TRADES_MAX:
        raise errors.invalid("count", f"it is 1 to {TRADES_MAX}")
    instrument = instrument_of(request.pair, asker.listings)
    start_ns = None if request.since is None else since_ns(request.since) + 1
    return TradesQuery(instrument.instrument_id, request.count, start_ns=start_ns)


def since_ns(text: str) -> int:
    """Return a time in ns that came in ns or in seconds.

    Raises:
        DecodeError: It is none.
    """
    if text.isascii() and text.isdigit() and NS_DIGITS <= len(text) <= NS_DIGITS + 4:
        return int(text)
    try:
        return read_seconds(text)
    except DecodeError as error:
        raise errors.invalid("since", f"{error}, or in ns") from error


def _trades(answer: Any, request: TradesRequest, asker: Asker) -> dict[str, Any]:
    assert isinstance(answer, TradeList), "a TradesQuery is answered by trades"
    instrument = instrument_of(request.pair, asker.listings)
    last_ns = answer.trades[-1].time_ns if answer.trades else since_ns(request.since or "0")
    rows = tuple(trade_to_wire(trade, instrument) for trade in answer.trades)
    return {pair_id(instrument): rows, "last": str(last_ns)}


def trade_to_wire(trade: Trade, instrument: Instrument) -> PublicTrade:
    """Return a public trade; that its taker came with a limit order is a guess."""
    return (
        price_text(instrument, trade.price_ticks),
        size_text(instrument, trade.size_lots),
        seconds(trade.time_ns),
        "b" if trade.taker_side is Side.BUY else "s",
        "l",
        "",
        trade.trade_id,
    )


def trade_from_wire(wire: PublicTrade, instrument: Instrument) -> Trade:
    """Return a public trade."""
    price, size, time, side, _, _, trade_id = wire
    return Trade(
        instrument.instrument_id,
        trade_id,
        read_price(instrument, price),
        whole_lots(instrument, size),
        Side.BUY if side == "b" else Side.SELL,
        read_seconds(text_of(time)),
    )


# -- candles ------------------------------------------------------------------------------------


def _candles_query(request: OhlcRequest, asker: Asker) -> CandlesQuery:
    if request.interval not in INTERVALS:
        raise errors.invalid("interval", f"it is one of {', '.join(map(str, INTERVALS))} minutes")
    instrument = instrument_of(request.pair, asker.listings)
    minutes = (
        min(request.interval, DAY_MINUTES) if request.interval == LONGEST else request.interval
    )
    per_row = request.interval // minutes
    start_ns = None if request.since is None else request.since * SECOND_NS + 1
    return CandlesQuery(
        instrument.instrument_id, minutes * MINUTE_NS, ROWS_MAX * per_row, start_ns=start_ns
    )


def _candles(answer: Any, request: OhlcRequest, asker: Asker) -> dict[str, Any]:
    assert isinstance(answer, domain.CandleList), "a CandlesQuery is answered by candles"
    instrument = instrument_of(request.pair, asker.listings)
    candles = answer.candles
    if request.interval == LONGEST:
        candles = _folded(candles, LONGEST * MINUTE_NS)
    rows = tuple(candle_to_wire(candle, instrument) for candle in candles)
    # The last one is still open: who asks on from here gets it again, whole.
    last = rows[-2][0] if len(rows) > 1 else request.since or 0
    return {pair_id(instrument): rows, "last": last}


def _folded(days: Iterable[domain.Candle], length_ns: int) -> tuple[domain.Candle, ...]:
    """Return candles of a length that is so many days."""
    found: list[domain.Candle] = []
    for day in days:
        open_ns = day.open_ns // length_ns * length_ns
        if not found or found[-1].open_ns != open_ns:
            found.append(replace(day, open_ns=open_ns, interval_ns=length_ns))
            continue
        one = found[-1]
        found[-1] = replace(
            one,
            high_ticks=max(one.high_ticks, day.high_ticks),
            low_ticks=min(one.low_ticks, day.low_ticks),
            close_ticks=day.close_ticks,
            volume_lots=one.volume_lots + day.volume_lots,
            quote_atoms=one.quote_atoms + day.quote_atoms,
            trade_count=one.trade_count + day.trade_count,
            is_closed=day.is_closed,
        )
    return tuple(found)


def candle_to_wire(candle: domain.Candle, instrument: Instrument) -> Candle:
    """Return a candle."""
    prices = (candle.open_ticks, candle.high_ticks, candle.low_ticks, candle.close_ticks)
    opening, high, low, close = (price_text(instrument, ticks) for ticks in prices)
    return (
        candle.open_ns // SECOND_NS,
        opening,
        high,
        low,
        close,
        average_text(instrument, candle.quote_atoms, candle.volume_lots),
        size_text(instrument, candle.volume_lots),
        candle.trade_count,
    )


def candle_from_wire(
    wire: Candle, instrument: Instrument, interval_ns: int, now_ns: int
) -> domain.Candle:
    """Return a candle; its turnover is its average price times its volume."""
    opened, *prices, average, volume, count = wire
    opening, high, low, close = (read_price(instrument, text) for text in prices)
    lots = whole_lots(instrument, volume)
    return domain.Candle(
        instrument_id=instrument.instrument_id,
        interval_ns=interval_ns,
        open_ns=opened * SECOND_NS,
        open_ticks=opening,
        high_ticks=high,
        low_ticks=low,
        close_ticks=close,
        volume_lots=lots,
        quote_atoms=read_amount(average) * lots * instrument.lot_atoms // ATOMS_PER_UNIT,
        trade_count=count,
        taker_buy_lots=0,
        taker_buy_quote_atoms=0,
        first_trade_id=0,
        last_trade_id=0,
        is_closed=opened * SECOND_NS + interval_ns <= now_ns,
    )


# -- spreads ------------------------------------------------------------------------------------


def _spread(answer: Any, request: SpreadRequest, asker: Asker) -> dict[str, Any]:
    assert isinstance(answer, BookSnapshot), "a BookQuery is answered by a book"
    instrument = instrument_of(request.pair, asker.listings)
    now_s = answer.time_ns // SECOND_NS
    rows: tuple[SpreadRow, ...] = ()
    if answer.bids and answer.asks:
        bid, ask = (price_text(instrument, side[0][0]) for side in (answer.bids, answer.asks))
        rows = ((now_s, bid, ask),)
    return {pair_id(instrument): rows, "last": now_s}


# -- routes -------------------------------------------------------------------------------------

TIME = public("Time", Nothing, ServerTime, lambda *_: ClockQuery(), _time, "The exchange's time")
STATUS = public(
    "SystemStatus", Nothing, SystemStatus, lambda *_: StatusQuery(), _status, "Whether it trades"
)
ASSETS = public("Assets", AssetsRequest, dict[str, Asset], lambda *_: None, _assets, "All assets")
PAIRS = public(
    "AssetPairs",
    AssetPairsRequest,
    dict[str, AssetPair],
    lambda *_: InstrumentsQuery(),
    _asset_pairs,
    "Pairs, with steps and minimums",
)
TICKER = public(
    "Ticker",
    TickerRequest,
    dict[str, Ticker],
    lambda request, asker: TickersQuery(
        tuple(i.instrument_id for i in instruments_of(request.pair, asker.listings))
    ),
    _tickers,
    "Statistics of 24 hours and of today",
)
DEPTH = public("Depth", DepthRequest, dict[str, Depth], _book_query, _depth, "A book")
TRADES = public("Trades", TradesRequest, dict[str, Any], _trades_query, _trades, "Public trades")
OHLC = public("OHLC", OhlcRequest, dict[str, Any], _candles_query, _candles, "Candles")
SPREAD = public(
    "Spread",
    SpreadRequest,
    dict[str, Any],
    lambda request, asker: BookQuery(instrument_of(request.pair, asker.listings).instrument_id, 1),
    _spread,
    "The best bid and ask",
)

ENDPOINTS: tuple[Endpoint, ...] = (
    *(TIME, STATUS, ASSETS, PAIRS, TICKER, DEPTH, TRADES, OHLC, SPREAD),
)
