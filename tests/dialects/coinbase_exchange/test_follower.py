"""A trader's end of the feed, on what the venue has really sent, and on what it documents."""

import gzip
from collections import Counter

import msgspec
import pytest

from steelyard.dialects.coinbase_exchange import follower, market
from steelyard.dialects.coinbase_exchange.messages import Product
from steelyard.domain.errors import AuthError, DecodeError, Unsupported
from steelyard.domain.instrument import Listings
from steelyard.domain.lifecycle import OrderState
from steelyard.domain.messages import (
    BookDelta,
    BookSnapshot,
    Execution,
    Ticker,
    Trade,
)
from steelyard.domain.order import Side
from steelyard.wire.dialect import ApiKey, ChannelKind
from tests.shared.desk import BTC_USDT

KINDS = frozenset({ChannelKind.BOOK, ChannelKind.TRADES, ChannelKind.TICKER})
OID = "a9625b04-fc66-4999-a876-543c3684d702"
# One increment of size costs less than an atom at one increment of price.
TOO_FINE = {"ZRX-BTC", "ETH-BTC", "BCH-BTC", "LTC-BTC", "ETC-BTC"}
TIME = "2024-03-11T20:48:46.622052Z"
COMMON = {"time": TIME, "product_id": "BTC-USDT", "order_id": OID, "side": "buy"}


def account():
    key = ApiKey("k" * 32, b"AAAA", "p")
    return follower.AccountFollower(key, Listings([BTC_USDT]))


def tell(session, **message):
    session.receive(msgspec.json.encode(message), 0)
    return session.drain()[1]


def test_a_captured_day_goes_through(shared_data):
    """Every frame of 2021; books that begin with a snapshot, and no level off its increment."""
    with gzip.open(shared_data / "captures" / "COINBASE.0.gz", "rt") as lines:
        rest = next(line for line in lines if line.startswith("http"))
    products = msgspec.json.decode(rest.partition(": ")[2], type=tuple[Product, ...])
    listings = Listings(market.instruments_from_wire(products).instruments)
    assert {p.id for p in products if listings.find(p.id) is None} == TOO_FINE
    session = follower.MarketFollower([*listings], listings, KINDS)
    told: Counter[type] = Counter()
    trade_ids: dict[int, list[int]] = {}
    sequences: dict[int, int] = {}
    with gzip.open(shared_data / "captures" / "COINBASE.ws.28.0.gz", "rt") as lines:
        for line in lines:
            if not line[0].isdigit():
                continue
            session.receive(line.rstrip("\n").partition(": ")[2], 0)
            for event in session.drain()[1]:
                told[type(event)] += 1
                match event:
                    case Trade():
                        trade_ids.setdefault(event.instrument_id, []).append(event.trade_id)
                    case BookSnapshot():
                        sequences[event.instrument_id] = event.sequence
                    case BookDelta():
                        assert event.first_sequence == sequences[event.instrument_id] + 1
                        sequences[event.instrument_id] = event.last_sequence
                    case _:
                        pass
    assert told == {BookSnapshot: 10, BookDelta: 9_719, Trade: 97, Ticker: 107}
    for ids in trade_ids.values():
        assert ids == [*range(ids[0], ids[0] + len(ids))]


def test_the_makers_side_becomes_the_takers():
    """Captured: trade 881613 has ticker buy and match sell."""
    session = follower.MarketFollower([BTC_USDT], Listings([BTC_USDT]), KINDS)
    common = {"product_id": "BTC-USDT", "time": TIME, "sequence": 1, "trade_id": 881613}
    (trade,) = tell(
        session, type="match", maker_order_id=OID, taker_order_id=OID, side="sell",
        size="0.04", price="14.77", **common,
    )  # fmt: skip
    assert trade.taker_side is Side.BUY
    assert tell(session, type="mystery") == []


def test_what_it_asks_for_needs_no_key():
    session = follower.MarketFollower([BTC_USDT], Listings([BTC_USDT]), KINDS)
    session.opened(0)
    (frame,), _ = session.drain()
    wanted = msgspec.json.decode(frame)
    assert set(wanted["channels"]) == {"level2_batch", "matches", "ticker"}
    assert "key" not in wanted
    with pytest.raises(Unsupported):
        follower.MarketFollower([BTC_USDT], Listings([BTC_USDT]), frozenset({ChannelKind.CANDLES}))


def test_an_order_is_followed_through_its_life():
    session = account()
    (new,) = tell(
        session, type="received", sequence=1, size="0.03", price="50000", order_type="limit",
        client_oid="1985ca2d-61ef-49f1-bfce-6c39d8462914", **COMMON,
    )  # fmt: skip
    assert (new.execution, new.order.size_lots) == (Execution.NEW, 3_000)
    opened = {"type": "open", "sequence": 2, "price": "50000", "remaining_size": "0.03"}
    assert tell(session, **opened, **COMMON) == []
    (fill,) = tell(
        session, type="match", trade_id=7, sequence=3, maker_order_id=OID, taker_order_id="x",
        size="0.01", price="50000", time=TIME, product_id="BTC-USDT", side="buy",
        maker_user_id="u", maker_fee_rate="0.004",
    )  # fmt: skip
    assert (fill.order.filled_lots, fill.order.state) == (1_000, OrderState.PARTIALLY_FILLED)
    assert fill.fill.fee_atoms == 2 * 10**12  # 500 at 0.4 %
    (smaller,) = tell(session, type="change", reason="STP", sequence=4, old_size="0.02",
                      new_size="0.01", price="50000", **COMMON)  # fmt: skip
    assert smaller.order.size_lots == 2_000
    (end,) = tell(session, type="done", sequence=5, reason="canceled", price="50000",
                  remaining_size="0.01", **COMMON)  # fmt: skip
    assert (end.execution, end.order.state) == (Execution.CANCELED, OrderState.CANCELED)


def test_an_order_from_before_is_known_by_its_number_alone():
    session = account()
    (end,) = tell(session, type="done", sequence=5, reason="canceled", **COMMON)
    assert (end.order.client_order_id, end.order.size_lots) == ("", 0)
    assert tell(session, type="done", sequence=6, reason="filled", **COMMON) == []


def test_errors_are_told_apart():
    session = account()
    error = {"type": "error", "message": "Authentication Failed", "reason": "x"}
    with pytest.raises(AuthError):
        tell(session, **error)
    with pytest.raises(DecodeError, match="subscription"):
        tell(session, type="error", message="Failed to subscribe", reason="nonsense")
    session.opened(0)
    assert len(session.drain()[0]) == 2
    tell(session, type="subscriptions", channels=[{"name": "user", "product_ids": []}])
    assert session.ready
    tell(session, type="error", message="Failed to subscribe", reason="no account_ids")
    with pytest.raises(DecodeError):
        tell(session, type="done", reason="filled")
