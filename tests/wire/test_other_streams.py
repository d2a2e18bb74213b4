"""What tables can say for venues that have no dialect yet, on messages as they document them.

OKX, Bybit, KuCoin and WEEX: their streams' forms, without a line of native code for any of them.
"""

import pytest

from steelyard.wire.dialect import ApiKey
from steelyard.wire.tables import (
    Clock,
    Column,
    Continuity,
    Encoding,
    Field,
    Hole,
    LevelTable,
    MessageKind,
    MessageTable,
    OrderForm,
    Slot,
    Steps,
    StreamTable,
)

reader = pytest.importorskip("steelyard.wire.reader", reason="no native module was built")
orders = pytest.importorskip("steelyard.wire.orders", reason="no native module was built")
Told = reader.Told

E8 = 10**8
ASKED = MessageTable(
    MessageKind.SNAPSHOT,
    (
        Field(Slot.LAST, ("data", "sequence"), is_quoted=True),
        Field(Slot.BIDS, ("data", "bids")),
        Field(Slot.ASKS, ("data", "asks")),
    ),
)
COMMON = {
    "kind_after": "",
    "snapshot": ASKED,
    "decimals": 8,
    "sold": '"sell"',
    "bought": '"buy"',
    "time_unit_ns": 1_000_000,
}


def book(kind, last, bids, asks, *more, **how):
    fields = (Field(Slot.BIDS, bids), Field(Slot.ASKS, asks), Field(Slot.LAST, last), *more)
    return MessageTable(kind, fields, **how)


def reader_of(stream, symbol, tick=E8 // 10):
    return reader.MarketReader(stream, [Steps(symbol, tick, 1)])


def test_symbols_beside_lists_with_numbers_in_quotes():
    """OKX: kind and symbol in `arg`, the variant in `action`, levels of four, chained numbers."""
    more = (
        Field(Slot.PREVIOUS, ("prevSeqId",)),
        Field(Slot.TIME, ("ts",), is_quoted=True),
        Field(Slot.INTEGER, ("checksum",)),
    )
    how = {"names": ("books",), "is_list": True}
    stream = StreamTable(
        kind_path=("arg", "channel"),
        variant_path=("action",),
        payload_path=("data",),
        beside=(Field(Slot.SYMBOL, ("arg", "instId")),),
        messages=(
            book(
                *(MessageKind.DELTA, ("seqId",), ("bids",), ("asks",), *more),
                **how,
                variants=("update",),
            ),
            book(
                *(MessageKind.SNAPSHOT, ("seqId",), ("bids",), ("asks",), *more),
                **how,
                variants=("snapshot",),
            ),
            MessageTable(
                MessageKind.TRADE,
                (
                    Field(Slot.TEXT, ("instId",)),
                    Field(Slot.TRADE_ID, ("tradeId",), is_quoted=True),
                    Field(Slot.PRICE, ("px",)),
                    Field(Slot.SIZE, ("sz",)),
                    Field(Slot.TAKER_SIDE, ("side",)),
                    Field(Slot.TIME, ("ts",), is_quoted=True),
                ),
                names=("trades",),
                is_list=True,
            ),
        ),
        levels=LevelTable((Column.PRICE, Column.SIZE, Column.OTHER, Column.OTHER)),
        continuity=Continuity.PREVIOUS,
        **COMMON,
    )
    market = reader_of(stream, "BTC-USDT")
    told = '{"arg":{"channel":"books","instId":"BTC-USDT"},"action":"%s","data":[%s]}'
    whole = (
        '{"asks":[["30000.1","1","0","1"],["30000.2","2","0","1"]],"bids":[["30000","2","0","3"]],'
        '"ts":"1700000000000","checksum":0,"prevSeqId":-1,"seqId":10}'
    )
    change = (
        '{"asks":[["30000.1","0","0","0"]],"bids":[],"ts":"1700000000100","checksum":0,'
        '"prevSeqId":%d,"seqId":%d}'
    )
    assert market.receive(told % ("snapshot", whole)) == Told.WHOLE
    assert market.receive(told % ("update", change % (10, 15))) == Told.CHANGED
    assert market.receive(told % ("update", change % (15, 3))) == Told.CHANGED  # numbers go back
    assert market.receive(told % ("update", change % (7, 9))) == Told.GAP
    assert market.receive(told % ("snapshot", whole)) == Told.WHOLE
    found = market.book(0)
    assert (found.bids(5), found.asks(5)) == (
        [(300_000, 2 * E8)],
        [(300_001, E8), (300_002, 2 * E8)],
    )
    assert (found.sequence, found.time_ns) == (10, 1_700_000_000_000_000_000)
    trade = '{"instId":"BTC-USDT","tradeId":"%d","px":"30000","sz":"0.5","side":"%s","ts":"5"}'
    trades = f"{trade % (1, 'buy')},{trade % (2, 'sell')}"
    frame = f'{{"arg":{{"channel":"trades","instId":"BTC-USDT"}},"data":[{trades}]}}'
    assert market.receive(frame) == Told.TRADE
    assert [it[2:6] for it in market.trades] == [
        (1, 300_000, E8 // 2, False),
        (2, 300_000, E8 // 2, True),
    ]


def test_kinds_that_begin_with_a_word_and_times_beside():
    """Bybit: depth and symbol in the topic; a whole book replaces one of higher numbers."""
    fields = (Field(Slot.SYMBOL, ("s",)),)
    stream = StreamTable(
        kind_path=("topic",),
        variant_path=("type",),
        payload_path=("data",),
        beside=(Field(Slot.TIME, ("ts",)),),
        messages=(
            book(
                *(MessageKind.DELTA, ("u",), ("b",), ("a",), *fields),
                prefixes=("orderbook.",),
                variants=("delta",),
            ),
            book(
                *(MessageKind.SNAPSHOT, ("u",), ("b",), ("a",), *fields),
                prefixes=("orderbook.",),
                variants=("snapshot",),
            ),
        ),
        **COMMON,
    )
    market = reader_of(stream, "BTCUSDT")
    frame = (
        '{"topic":"orderbook.50.BTCUSDT","type":"%s","ts":1672304485000,"data":{"s":"BTCUSDT",'
        '"b":[["50000.0","%s"]],"a":[],"u":%d,"seq":7961638730},"cts":1672304484999}'
    )
    assert market.receive(frame % ("snapshot", "0.006", 18)) == Told.WHOLE
    assert market.receive(frame % ("delta", "0", 19)) == Told.CHANGED
    assert market.receive(frame % ("delta", "1", 21)) == Told.GAP
    assert market.receive(frame % ("snapshot", "2", 1)) == Told.WHOLE
    assert market.receive(frame % ("delta", "3", 2)) == Told.CHANGED
    found = market.book(0)
    assert (found.bids(1), found.sequence) == ([(500_000, 3 * E8)], 2)
    assert found.time_ns == 1_672_304_485_000_000_000


def test_fillers_advance_the_numbers_and_nothing_else():
    """KuCoin: a level at price 0 is none; the book that is asked for has its number in quotes."""
    stream = StreamTable(
        kind_path=("subject",),
        payload_path=("data",),
        messages=(
            book(
                *(MessageKind.DELTA, ("sequenceEnd",)),
                *(("changes", "bids"), ("changes", "asks")),
                Field(Slot.FIRST, ("sequenceStart",)),
                Field(Slot.SYMBOL, ("symbol",)),
                Field(Slot.TIME, ("time",)),
                names=("trade.l2update",),
            ),
        ),
        levels=LevelTable((Column.PRICE, Column.SIZE, Column.OTHER)),
        has_fillers=True,
        **COMMON,
    )
    market = reader_of(stream, "BTC-USDT")
    frame = (
        '{"type":"message","topic":"/market/level2:BTC-USDT","subject":"trade.l2update","data":'
        '{"changes":{"asks":[["%s","%s","%d"]],"bids":[]},"sequenceStart":%d,"sequenceEnd":%d,'
        '"symbol":"BTC-USDT","time":1729816425625}}'
    )
    assert market.receive(frame % ("67993.3", "1", 5, 5, 5)) == Told.WAITS
    body = '{"code":"200000","data":{"time":1,"sequence":"4","bids":[],"asks":[["67993.4","2"]]}}'
    asked = stream._replace(levels=LevelTable())
    assert reader_of(asked, "BTC-USDT").receive_snapshot(0, body) == Told.CHANGED
    assert market.book(0).snapshot(4, [], [(679_934, 2 * E8)], 0) == Told.CHANGED
    assert market.receive(frame % ("0", "0", 6, 6, 6)) == Told.CHANGED
    assert market.book(0).asks(5) == [(679_933, E8), (679_934, 2 * E8)]
    assert (market.book(0).sequence, market.book(0).gaps) == (6, 0)


def test_lists_beside_their_symbol():
    """WEEX: numbers that share their boundary; trades in a list, whose ids are no numbers."""
    fields = (
        Field(Slot.PREVIOUS, ("U",)),
        Field(Slot.SYMBOL, ("s",)),
        Field(Slot.TIME, ("E",)),
    )
    books = StreamTable(
        kind_path=("e",),
        payload_path=(),
        messages=(
            book(MessageKind.DELTA, ("u",), ("b",), ("a",), *fields, names=("depth",)),
            book(MessageKind.SNAPSHOT, ("u",), ("b",), ("a",), *fields, names=("depthSnapshot",)),
        ),
        continuity=Continuity.PREVIOUS,
        **COMMON,
    )
    market = reader_of(books, "ETHUSDT", E8 // 100)
    frame = '{"e":"%s","E":1776098967972,"s":"ETHUSDT","U":%d,"u":%d,"l":200,"d":"x","b":%s,"a":[]}'
    assert market.receive(frame % ("depthSnapshot", 1, 90, '[["2227.21","3.1"]]')) == Told.WHOLE
    assert market.receive(frame % ("depth", 90, 102, '[["2227.21","0"]]')) == Told.CHANGED
    assert market.receive(frame % ("depth", 103, 110, "[]")) == Told.GAP
    trades = books._replace(
        payload_path=("d",),
        beside=(Field(Slot.SYMBOL, ("s",)), Field(Slot.TIME, ("E",))),
        messages=(
            MessageTable(
                MessageKind.TRADE,
                (
                    Field(Slot.TIME, ("T",)),
                    Field(Slot.TEXT, ("t",)),
                    Field(Slot.PRICE, ("p",)),
                    Field(Slot.SIZE, ("q",)),
                    Field(Slot.TAKER_SIDE, ("m",)),
                ),
                names=("trade",),
                is_list=True,
            ),
        ),
        sold="true",
        bought="false",
    )
    market = reader_of(trades, "ETHUSDT", E8 // 100)
    frame = (
        '{"e":"trade","E":1776104608300,"s":"ETHUSDT","d":[{"T":1776104608298,"t":"41099265-7985",'
        '"p":"2225.15","q":"0.02525","v":"56.18","m":false}]}'
    )
    assert market.receive(frame) == Told.TRADE
    assert market.trades == [
        (MessageKind.TRADE, 0, 0, 222_515, 2_525_000, False, 1_776_104_608_298_000_000, 1)
    ]


FORM = OrderForm(
    signed=(),
    head=(),
    body=(),
    buy="buy",
    sell="sell",
    time_unit_ns=1_000_000,
    decimals=2,
    tick=1,
    lot=1,
    price_max_ticks=2**40,
    size_min_lots=1,
    size_max_lots=2**40,
)


def test_other_venues_orders_get_their_signatures():
    """Made by an unmodified client library with its clock stopped; the keys are examples."""
    body = (
        *('{"instId":"BTC-USDT","tdMode":"cash","side":"', Hole.SIDE),
        *('","ordType":"limit","px":"', Hole.PRICE, '","sz":"', Hole.SIZE),
        *('","clOrdId":"', Hole.JSON_ID, '"}'),
    )
    iso = FORM._replace(
        signed=(Hole.TIME, "POST/api/v5/trade/order", Hole.BODY),
        head=(Hole.SIGNATURE, "|", Hole.TIME, "|"),
        body=body,
        encoding=Encoding.BASE64,
        clock=Clock.ISO,
    )
    key = ApiKey("k-okx-1", b"22582BD0CFF14C41EDBF1AB98506286D")
    made = orders.OrderSigner(iso, key).sized(1, "30000", "0.01", "b15", 1_700_000_000_000_000_000)
    signature, time, _ = made.split(b"|")
    assert signature == b"Aua2CP03CiramG998l0dk3pApiWxzjiPeXzMiv9UKI0="
    assert time == b"2023-11-14T22:13:20.000Z"
    counted = FORM._replace(
        signed=(Hole.TIME, "XXXXXXXXXX5000", Hole.BODY),
        head=(Hole.SIGNATURE, "|"),
        body=(
            *('{"category":"linear","symbol":"BTCUSDT","side":"', Hole.SIDE),
            *('","orderType":"Limit","qty":"', Hole.SIZE, '","price":"', Hole.PRICE),
            '","timeInForce":"GTC"}',
        ),
        buy="Buy",
    )
    signer = orders.OrderSigner(counted, ApiKey("XXXXXXXXXX", b"YYYYYYYYYY"))
    made = signer.sized(1, "30000", "0.01", "", 1_658_384_314_791_000_000)
    assert made.startswith(b"b07154c3a25969b2b99d7877846f1058134f49d9a86672b47cdb46d48a84c3b3|")
