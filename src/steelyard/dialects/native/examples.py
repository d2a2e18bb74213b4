"""One example of each message, from one story: an order to buy 0.5 BTC, 0.2 of which filled.

They stand in the OpenAPI document and in the manual, and `samples/` holds the same as files, so
that other programs' tests can read them.
"""

from typing import Any
from zlib import crc32

from msgspec import Raw, Struct, structs

from steelyard.dialects.native import messages as m
from steelyard.dialects.native import requests as r
from steelyard.dialects.native import stream_messages as s
from steelyard.dialects.native.forms import SUBSCRIPTIONS_MAX

TIME = 1_795_000_000_000

INSTRUMENT = m.Instrument(
    symbol="BTC-USDT",
    base="BTC",
    quote="USDT",
    tick_size="0.01",
    lot_size="0.00001",
    price_max="1000000.00",
    size_min="0.00001",
    size_max="9000",
    notional_min="5",
    notional_max="5000000",
    price_band="0.05",
    orders_max=200,
    triggers_max=None,
    state="open",
)
BIDS = (("61000.10", "0.5"), ("61000.00", "1.25"))
ASKS = (("61000.11", "0.03"), ("61002.50", "0.7"))
TRADE: dict[str, Any] = {
    "symbol": "BTC-USDT",
    "trade_id": 77,
    "price": "61000.10",
    "size": "0.2",
    "taker_side": "sell",
    "time": TIME,
}
CANDLE: dict[str, Any] = {
    "symbol": "BTC-USDT",
    "interval": "1m",
    "open_time": 1_794_999_960_000,
    "open": "60988.00",
    "high": "61004.20",
    "low": "60987.50",
    "close": "61000.10",
    "volume": "1.83",
    "quote_volume": "111617.6443",
    "trades": 21,
    "closed": False,
}
TICKER: dict[str, Any] = {
    "symbol": "BTC-USDT",
    "last": "61000.10",
    "open": "60250.00",
    "high": "61420.00",
    "low": "59880.35",
    "volume": "2201.4817",
    "quote_volume": "133901522.90571",
    "trades": 90211,
    "bid": "61000.10",
    "bid_size": "0.5",
    "ask": "61000.11",
    "ask_size": "0.03",
    "change_percent": "1.24",
    "time": TIME,
}
FILL = m.Fill(
    trade_id=77,
    order_id=1024,
    client_order_id="bot1-42",
    symbol="BTC-USDT",
    side="buy",
    price="61000.10",
    size="0.2",
    liquidity="maker",
    fee="12.20002",
    fee_asset="USDT",
    time=TIME,
)
_ORDER: dict[str, Any] = {
    "order_id": 1024,
    "client_order_id": "bot1-42",
    "symbol": "BTC-USDT",
    "side": "buy",
    "type": "limit",
    "time_in_force": "gtc",
    "post_only": True,
    "self_trade": "cancel_oldest",
    "fee_asset": "quote",
    "price": "61000.10",
    "size": "0.5",
    "quote_amount": None,
    "slide": False,
    "display_size": None,
    "trigger_price": None,
    "trigger_by": None,
    "trail": None,
    "trail_rate": None,
    "activation_price": None,
    "activation_direction": None,
    "expires": None,
    "triggered": None,
    "group": None,
    "group_id": None,
    "created": TIME - 5_000,
}
_NOTHING_FILLED: dict[str, Any] = {
    "filled": "0",
    "remaining": "0.5",
    "average_price": None,
    "quote_volume": "0",
    "state": "working",
    "cancel_cause": None,
    "updated": TIME - 5_000,
}
_PARTLY_FILLED: dict[str, Any] = {
    "filled": "0.2",
    "remaining": "0.3",
    "average_price": "61000.1",
    "quote_volume": "12200.02",
    "state": "partially_filled",
    "cancel_cause": None,
    "updated": TIME,
}
ORDER = m.Order(**_ORDER, **_PARTLY_FILLED)
BALANCES = (
    m.Balance(asset="BTC", free="1.2", held="0"),
    m.Balance(asset="USDT", free="50768.74978", held="18318.33003"),
)
WITHDRAWAL = m.Transfer(
    transfer_id=12,
    client_withdrawal_id="payout-7",
    kind="withdrawal",
    asset="USDT",
    amount="250",
    fee="1",
    state="awaiting_mail",
    network="tron",
    address="TExampleExampleExampleExample00001",
    label="cold",
    opened=TIME,
    updated=TIME,
    expires=TIME + 1_800_000,
    due=None,
)
ENTRY = m.StatementEntry(
    entry_id=31,
    kind="fee",
    asset="USDT",
    amount="-12.20002",
    balance="69087.07981",
    symbol="BTC-USDT",
    order_id=1024,
    trade_id=77,
    transfer_id=None,
    time=TIME,
)
REFUSAL = m.ErrorDetail(
    code="SIZE_OFF_LOT",
    message="size 0.000001 is not a multiple of lot_size 0.00001 (BTC-USDT); "
    "nearest: 0.00000, 0.00001",
    field="size",
    hint="Use one of the nearest sizes that the message names.",
    docs="/docs#SIZE_OFF_LOT",
)
SIGNATURE = "79aa1d1f6b1bf7b0d4f9c3b5cfa2b57bd6ed0bb1b2dd6a3c07de0e8f8a1a9a3e"

EXAMPLES: dict[type[Struct], Struct] = {
    type(example): example
    for example in (
        # asked
        r.PlaceRequest(
            symbol="BTC-USDT",
            side="buy",
            type="limit",
            size="0.5",
            price="61000.10",
            post_only=True,
            client_order_id="bot1-42",
        ),
        r.PlaceGroupRequest(
            kind="oco",
            orders=(
                r.PlaceRequest(
                    symbol="BTC-USDT",
                    side="sell",
                    type="limit",
                    size="0.2",
                    price="64000.00",
                    client_order_id="bot1-43",
                ),
                r.PlaceRequest(
                    symbol="BTC-USDT",
                    side="sell",
                    type="stop",
                    size="0.2",
                    trigger_price="58000.00",
                    client_order_id="bot1-44",
                ),
            ),
        ),
        r.PlaceBatchRequest(
            orders=(
                r.PlaceRequest(
                    symbol="BTC-USDT",
                    side="buy",
                    type="limit",
                    size="0.5",
                    price="61000.10",
                    post_only=True,
                    client_order_id="bot1-42",
                ),
                r.PlaceRequest(symbol="BTC-USDT", side="sell", type="market", size="0.000001"),
            ),
        ),
        r.AmendRequest(order_id=1024, price="60999.00", size="0.4"),
        r.WithdrawRequest(
            asset="USDT", amount="250", address_id=1, client_withdrawal_id="payout-7"
        ),
        # answered
        m.ServerTime(time=TIME, time_ns=TIME * 1_000_000),
        m.ServerStatus(
            trading=True,
            market="crowd",
            ended=False,
            time=TIME,
            maintenance=False,
            retry_after=None,
            notice="",
        ),
        m.Limits(
            rate_limits=(
                m.RateLimit("key_weight_1m", "key", "weight", 1_200, 60_000, "aligned", ()),
            ),
            weights=(m.RouteWeight("GET", "/api/v1/book", 2, 10, is_order=False),),
            ban_after=100,
            ban_ms=120_000,
            revoke_after=0,
            revoke_within_ms=3_600_000,
            timestamp_behind_ms_max=5_000,
            timestamp_ahead_ms_max=1_000,
            connections_max=1_000,
            connects_max=1_200,
            connects_window_ms=60_000,
            subscriptions_max=SUBSCRIPTIONS_MAX,
            messages_per_second_max=50,
        ),
        m.InstrumentList((INSTRUMENT,)),
        m.Book(symbol="BTC-USDT", sequence=9_000, bids=BIDS, asks=ASKS, time=TIME),
        m.TradeList((m.Trade(**TRADE),), None, None),
        m.CandleList((m.Candle(**CANDLE),)),
        m.TickerList((m.Ticker(**TICKER),)),
        m.Account(
            account_id=100, balances=BALANCES, maker_rate="0.001", taker_rate="0.001", time=TIME
        ),
        m.KeyInfo(
            key="sk-4f6d1c",
            account_id=100,
            scopes=("read", "trade"),
            ip=("10.0.0.0/8",),
            created=TIME - 86_400_000,
            expires=None,
            kind="hmac",
            label="bot-1",
            products=("BTC-USDT",),
            overlap_ends=None,
            withdraw_from=None,
            blast_radius=("It cannot withdraw: nothing leaves the account by it.",),
        ),
        m.PlacedOrder(**_ORDER, **_NOTHING_FILLED),
        m.OrderResults(
            (
                m.OrderResult(m.PlacedOrder(**_ORDER, **_NOTHING_FILLED), None),
                m.OrderResult(None, REFUSAL),
            )
        ),
        ORDER,
        m.OrderList((ORDER,), None, None),
        m.FillList((FILL,), None, None),
        WITHDRAWAL,
        m.WithdrawalList((WITHDRAWAL,), None, None),
        m.TransferList((WITHDRAWAL,), None, None),
        m.Statement((ENTRY,), None, None),
        m.Error(REFUSAL),
        # said over a WebSocket
        s.Subscribe(
            op="subscribe",
            id=1,
            channels=(
                s.Wanted(channel="book", symbol="BTC-USDT"),
                s.Wanted(channel="candles", symbol="BTC-USDT", interval="1m"),
            ),
        ),
        s.Login(id=2, key="sk-4f6d1c", timestamp=TIME, nonce="n-1", signature=SIGNATURE),
        s.Call(
            op="place",
            id=3,
            params={
                "symbol": "BTC-USDT",
                "side": "buy",
                "type": "limit",
                "size": "0.5",
                "price": "61000.10",
            },
        ),
        s.Ping(id=3),
        s.Ack(op="subscribe", id=Raw(b"1"), ok=True),
        s.Pong(op="pong", id=3),
        # pushed over a WebSocket
        s.BookSnapshotPush(
            channel="book",
            type="snapshot",
            symbol="BTC-USDT",
            sequence=9_000,
            bids=BIDS,
            asks=ASKS,
            time=TIME,
            checksum=crc32(b"61000.10:0.5:61000.11:0.03:61000.00:1.25:61002.50:0.7"),
        ),
        s.BookDeltaPush(
            channel="book",
            type="delta",
            symbol="BTC-USDT",
            first_sequence=9_001,
            last_sequence=9_002,
            bids=(("61000.10", "0.3"),),
            asks=(("61000.11", "0"),),
            time=TIME + 100,
            checksum=crc32(b"61000.10:0.3:61002.50:0.7:61000.00:1.25"),
        ),
        s.FullSnapshotPush(
            channel="full",
            type="snapshot",
            symbol="BTC-USDT",
            sequence=9_000,
            orders=(
                s.FullOrder(order_id=1024, side="buy", price="61000.10", size="0.5"),
                s.FullOrder(order_id=None, side="sell", price="61000.11", size="0.03"),
            ),
            time=TIME,
        ),
        s.FullChangesPush(
            channel="full",
            type="changes",
            symbol="BTC-USDT",
            first_sequence=9_001,
            last_sequence=9_001,
            changes=(
                s.FullChange(
                    change="received",
                    order_id=1025,
                    side="sell",
                    price=None,
                    size="0.2",
                    trade_id=None,
                    taker_order_id=None,
                ),
                s.FullChange(
                    change="match",
                    order_id=1024,
                    side="sell",
                    price="61000.10",
                    size="0.2",
                    trade_id=77,
                    taker_order_id=1025,
                ),
                s.FullChange(
                    change="done",
                    order_id=1025,
                    side="sell",
                    price=None,
                    size="0",
                    trade_id=None,
                    taker_order_id=None,
                ),
            ),
            time=TIME,
        ),
        s.TradesPush(**TRADE),
        s.TickerPush(**TICKER),
        s.CandlesPush(**CANDLE),
        s.TouchPush(
            channel="touch",
            symbol="BTC-USDT",
            sequence=9_002,
            bid="61000.10",
            bid_size="0.3",
            ask="61002.50",
            ask_size="0.7",
            time=TIME + 100,
        ),
        s.StatusPush(
            trading=False,
            market="crowd",
            ended=False,
            time=TIME,
            maintenance=True,
            retry_after=60,
            notice="",
        ),
        s.OrdersPush(channel="orders", execution="fill", order=ORDER, fill=FILL, time=TIME),
        s.FillsPush(**structs.asdict(FILL)),
        s.BalancesPush(channel="balances", balances=BALANCES, time=TIME),
    )
}
