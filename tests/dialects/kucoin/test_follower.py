"""A trader's end of the WebSocket: on what the venue has really sent, and on what it documents."""

from collections import Counter
from collections.abc import Iterator

import msgspec
import pytest

from steelyard.dialects.kucoin import account_follower, follower, frames, market
from steelyard.domain.errors import AuthError, DecodeError, Unsupported
from steelyard.domain.instrument import Listings
from steelyard.domain.lifecycle import OrderState
from steelyard.domain.messages import BalanceEvent, BookDelta, Execution, Ticker, Trade
from steelyard.domain.order import CancelCause, Liquidity, OrderType, Side
from steelyard.wire.book import LocalBook, Told
from steelyard.wire.dialect import ApiKey, ChannelKind, Errand, HandedOut, Waking
from steelyard.wire.http import Response
from tests.dialects.kucoin import recorded
from tests.shared.desk import BTC_USDT, ETH_USDT

KINDS = frozenset({ChannelKind.BOOK, ChannelKind.TRADES, ChannelKind.TICKER})
KEY = ApiKey("k" * 24, b"secret", "p")
T0 = 1_700_000_000 * 10**9
OID = "6720ecd9ec71f4000747731a"
RATES = (
    b'{"code":"200000","data":[{"symbol":"BTC-USDT","takerFeeRate":"0.002","makerFeeRate":"0"}]}'
)


def account():
    """A follower that is up, with rates."""
    session = account_follower.AccountFollower(KEY, Listings([BTC_USDT]))
    session.opened(T0)
    tell(session, id="me", type="welcome")
    session.returned(Response(200, {}, RATES), T0)
    for number in ("1", "2", "3"):
        tell(session, id=number, type="ack")
    assert session.ready
    return session


def tell(session, **message):
    session.receive(msgspec.json.encode(message), T0)
    return session.drain()


def change(session, **data):
    """Tell of a step of an order's life, and return the one event of it."""
    common = {
        "symbol": "BTC-USDT",
        "orderType": "limit",
        "side": "buy",
        "orderId": OID,
        "clientOid": "mine",
        "status": "x",
        "orderTime": T0 // 10**6,
        "ts": T0,
        "price": "50000",
        "size": "0.02",
        "originSize": "0.02",
    }
    topic = "/spotMarket/tradeOrdersV2"
    return tell(session, type="message", topic=topic, subject="orderChange", data=common | data)[1]


# -- address, welcome, pings --------------------------------------------------------------------


def test_nothing_is_said_before_the_welcome():
    session = follower.MarketFollower([BTC_USDT, ETH_USDT], Listings([BTC_USDT]), KINDS)
    assert isinstance(session, HandedOut)
    assert isinstance(session, Waking)
    request = session.address_request(T0)
    assert (request.method, request.target) == ("POST", "/api/v1/bullet-public")
    session.opened(T0)
    assert session.drain() == ([], [])
    said, _ = tell(session, id="me", type="welcome")
    topics = [msgspec.json.decode(text)["topic"] for text in said]
    assert topics == [
        "/market/level2:BTC-USDT,ETH-USDT",
        "/market/match:BTC-USDT,ETH-USDT",
        "/market/snapshot:BTC-USDT,ETH-USDT",
    ]
    for number in ("1", "2", "3"):
        assert not session.ready
        tell(session, id=number, type="ack")
    assert session.ready


def test_a_ping_is_due_in_good_time():
    session = follower.MarketFollower([BTC_USDT], Listings([BTC_USDT]), KINDS)
    session.wake(T0)
    assert session.drain() == ([], [])
    session.opened(T0)
    session.wake(T0 + 8 * 10**9)
    assert session.drain() == ([], [])
    session.wake(T0 + 9 * 10**9)
    (said,), _ = session.drain()
    assert msgspec.json.decode(said)["type"] == "ping"
    assert tell(session, id="1", type="pong") == ([], [])


def test_what_is_not_followed_is_not_offered():
    for kind in (ChannelKind.TOUCH, ChannelKind.CANDLES, ChannelKind.FULL):
        with pytest.raises(Unsupported, match=kind.name):
            follower.MarketFollower([BTC_USDT], Listings([BTC_USDT]), frozenset({kind}))


def test_errors_end_the_session():
    session = account()
    with pytest.raises(AuthError, match="token is expired"):
        tell(session, type="error", code=401, data="token is expired")
    with pytest.raises(DecodeError, match="404"):
        tell(session, type="error", code=404, data="topic is not found")
    for garbage in (b"", b"[]", b"{}", b"\xff", b'{"type":"message","topic":"/account/balance"}'):
        with pytest.raises(DecodeError):
            session.receive(garbage, T0)


# -- rates of fees --------------------------------------------------------------------------------


def test_rates_are_asked_for_by_symbol_where_there_are_few():
    session = account_follower.AccountFollower(KEY, Listings([BTC_USDT, ETH_USDT]))
    assert isinstance(session, Errand)
    assert session.errand(T0).target == "/api/v1/trade-fees?symbols=BTC-USDT,ETH-USDT"
    many = account_follower.AccountFollower(KEY, Listings())
    assert many.errand(T0).target == "/api/v1/base-fee"
    base = b'{"code":"200000","data":{"takerFeeRate":"0.001","makerFeeRate":"0.0005"}}'
    many.returned(Response(200, {}, base), T0)
    assert (many._rate("X-Y", is_maker=True), many._rate("X-Y", is_maker=False)) == (
        50_000,
        100_000,
    )


def test_rates_that_are_not_told_end_the_session():
    session = account_follower.AccountFollower(KEY, Listings([BTC_USDT]))
    with pytest.raises(AuthError):
        session.returned(Response(401, {}, b'{"code":"400005","msg":"Invalid KC-API-SIGN"}'), T0)
    with pytest.raises(DecodeError):
        session.returned(Response(200, {}, b"<html>"), T0)
    assert not session.ready


# -- orders -------------------------------------------------------------------------------------


def test_an_orders_life_adds_up():
    session = account()
    (new,) = change(session, type="received")
    assert (new.execution, new.order.size_lots, new.order.client_order_id) == (
        Execution.NEW,
        2_000,
        "mine",
    )
    assert change(session, type="open") == []
    match = {"type": "match", "matchPrice": "50000", "liquidity": "taker"}
    (first,) = change(
        session, **match, matchSize="0.004", tradeId="7", filledSize="0.004", remainSize="0.016"
    )
    assert (first.order.filled_lots, first.order.state) == (400, OrderState.PARTIALLY_FILLED)
    assert (first.fill.trade_id, first.fill.liquidity) == (7, Liquidity.TAKER)
    assert first.fill.fee_atoms == 200 * 10**12 * 2 // 1_000, "by the rate that was told"
    (smaller,) = change(session, type="update", size="0.01", oldSize="0.02", filledSize="0.004")
    assert (smaller.execution, smaller.order.size_lots) == (Execution.AMENDED, 1_000)
    (last,) = change(session, **match, matchSize="0.006", tradeId="8", fee="0.1")
    assert (last.order.state, last.fill.fee_atoms) == (OrderState.FILLED, 10**11)
    assert change(session, type="filled", status="done") == []


def test_what_was_canceled_without_having_rested_has_expired():
    session = account()
    change(session, type="received")
    (expired,) = change(session, type="canceled", canceledSize="0.02")
    assert (expired.execution, expired.order.state) == (Execution.EXPIRED, OrderState.EXPIRED)
    change(session, type="received")
    change(session, type="open")
    (canceled,) = change(session, type="canceled", canceledSize="0.02")
    assert (canceled.execution, canceled.order.cancel_cause) == (
        Execution.CANCELED,
        CancelCause.USER,
    )
    change(session, type="received")
    change(session, type="open")
    (told,) = change(session, type="canceled", cancelReason="self_trade")
    assert (told.execution, told.order.cancel_cause) == (Execution.EXPIRED, CancelCause.SELF_TRADE)


def test_an_order_that_was_placed_before_is_known_by_what_is_told_of_it():
    session = account()
    match = {"type": "match", "matchPrice": "50000", "matchSize": "0.01", "tradeId": "9"}
    (event,) = change(session, **match, filledSize="0.015", liquidity="maker")
    assert (event.order.filled_lots, event.order.size_lots) == (1_500, 2_000)
    assert event.fill.fee_atoms == 0


def test_an_amount_that_was_spent_ends_with_its_last_fill_or_with_filled():
    session = account()
    spends = {"orderType": "market", "originFunds": "500", "size": "0", "originSize": "0"}
    (new,) = change(session, type="received", **spends)
    assert (new.order.order_type, new.order.spend_atoms) == (OrderType.MARKET, 500 * 10**12)
    match = {"type": "match", "matchPrice": "50000", "matchSize": "0.005", "liquidity": "taker"}
    (part,) = change(session, **spends, **match, tradeId="1", remainFunds="250")
    assert part.order.state is OrderState.PARTIALLY_FILLED
    (rest,) = change(session, type="filled", **spends)
    assert (rest.order.state, rest.fill) == (OrderState.FILLED, None)
    change(session, type="received", **spends)
    (whole,) = change(session, **spends, **match, tradeId="2", remainFunds="0")
    assert whole.order.state is OrderState.FILLED


def test_balances_of_other_wallets_and_coins_are_passed_over():
    session = account()
    data = {
        "accountId": "1",
        "currency": "USDT",
        "total": "3",
        "available": "2",
        "hold": "1",
        "availableChange": "0",
        "holdChange": "0",
        "relationEvent": "trade_hf.hold",
        "relationEventId": "1",
        "time": str(T0 // 10**6),
    }

    def told(**more):
        topic = "/account/balance"
        return tell(session, type="message", topic=topic, subject="x", data=data | more)[1]

    (event,) = told()
    assert isinstance(event, BalanceEvent)
    (balance,) = event.balances
    assert (balance.free_atoms, balance.held_atoms) == (2 * 10**12, 10**12)
    assert told(relationEvent="main.deposit") == []
    assert told(currency="KCS") == []


# -- what the venue really sent -------------------------------------------------------------------


def events_of(session, received) -> Iterator[object]:
    for frame in received:
        session.receive(frame, T0)
        yield from session.drain()[1]


def again_as_it_was(frame: bytes) -> None:
    """Check that our structs lose nothing of a frame that we know the topic of."""
    kinds = {
        "/market/level2": frames.Level2Data,
        "/market/match": frames.MatchData,
        "/market/candles": frames.CandlesData,
    }
    was = msgspec.json.decode(frame)
    kind = kinds.get(was.get("topic", "").partition(":")[0])
    if kind is not None:
        now = msgspec.json.decode(msgspec.json.encode(msgspec.convert(was["data"], kind)))
        assert {name: now[name] for name in was["data"]} == was["data"]


def test_a_captured_day_joins_its_books_without_a_gap(shared_data):
    """Every frame of 2021, by the venue's own rule of sequence ranges; no book ever crosses."""
    listings, snapshots = recorded.listings_of(shared_data), recorded.books_of(shared_data)
    received = recorded.frames_of(shared_data, listings)
    instruments = [listings.symbol(symbol) for symbol in snapshots if listings.find(symbol)]
    session = follower.MarketFollower(instruments, listings, KINDS)
    books = {instrument.instrument_id: LocalBook() for instrument in instruments}
    counts: Counter[str] = Counter()
    for frame in received:
        again_as_it_was(frame)
    for event in events_of(session, received):
        if isinstance(event, Trade):
            counts["trade"] += 1
            assert event.trade_id > 0
        elif isinstance(event, BookDelta) and event.instrument_id in books:
            book = books[event.instrument_id]
            if not book.is_whole and book.gaps == 0:
                symbol = listings[event.instrument_id].symbol
                whole = market.book_from_wire(snapshots[symbol], listings[event.instrument_id])
                if event.first_sequence <= whole.sequence + 1:
                    book.snapshot(whole.sequence, whole.bids, whole.asks, whole.time_ns)
            told = book.delta(
                event.first_sequence, event.last_sequence, event.bids, event.asks, event.time_ns
            )
            counts[Told(told).name] += 1
            if book.is_whole:
                (bid, _), (ask, _) = book.bids(1)[0], book.asks(1)[0]
                assert bid < ask
    assert counts["GAP"] == 0, counts
    assert counts["CHANGED"] > 2_000, counts
    assert all(book.is_whole for book in books.values())


def test_a_price_of_zero_only_takes_up_a_number():
    data = frames.Level2Data(
        changes=frames.Changes(asks=(("0", "0", "8"),), bids=(("1", "0.5", "9"), ("1", "0", "7"))),
        sequenceStart=7,
        sequenceEnd=9,
        symbol="BTC-USDT",
        time=1,
    )
    delta = follower.delta_from_wire(data, Listings([BTC_USDT]), T0)
    assert (delta.bids, delta.asks) == (((100, 50_000),), ()), "of one price the newest"
    assert (delta.first_sequence, delta.last_sequence) == (7, 9)


def test_a_snapshot_is_read_from_bare_numbers():
    session = follower.MarketFollower([BTC_USDT], Listings([BTC_USDT]), KINDS)
    inner = {
        "symbol": "BTC-USDT",
        "datetime": 1,
        "vol": 1.5e-1,
        "volValue": 100000000.1,
        "buy": 67158.1,
        "sell": None,
        "lastTradedPrice": 67158.12,
        "open": 6.7e4,
    }
    (_, (ticker,)) = tell(
        session,
        type="message",
        topic="/market/snapshot:BTC-USDT",
        subject="trade.snapshot",
        data={"sequence": "1", "data": inner},
    )
    assert isinstance(ticker, Ticker)
    assert (ticker.last_ticks, ticker.bid_ticks, ticker.ask_ticks) == (6_715_812, 6_715_810, None)
    assert (ticker.open_ticks, ticker.volume_lots) == (6_700_000, 15_000)


def test_a_trades_side_is_its_takers():
    data = frames.MatchData(
        price="1", size="1", side="sell", sequence="5", symbol="BTC-USDT", tradeId="5", time="9"
    )
    assert follower.trade_from_wire(data, Listings([BTC_USDT])).taker_side is Side.SELL
    with pytest.raises(DecodeError, match="not among the symbols"):
        follower.trade_from_wire(data, Listings())
