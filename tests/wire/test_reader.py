"""The reader on streams of other forms than Binance spot's; `tests/dialects` compares it there."""

import gzip
import json

import pytest

from steelyard.domain.errors import ConfigError, DecodeError
from steelyard.wire.tables import (
    Column,
    Continuity,
    Field,
    LevelTable,
    MessageKind,
    MessageTable,
    Slot,
    Steps,
    StreamTable,
)

reader = pytest.importorskip("steelyard.wire.reader", reason="no native module was built")
Told = reader.Told

# No envelope, numbers without quotes, fields deep inside, levels of four: no venue in particular.
DEEP = (
    Field(Slot.SYMBOL, ("at", "symbol")),
    Field(Slot.PREVIOUS, ("at", "previous"), is_required=False),
    Field(Slot.LAST, ("at", "last")),
    Field(Slot.TIME, ("at", "time"), is_required=False),
    Field(Slot.BIDS, ("book", "bids")),
    Field(Slot.ASKS, ("book", "asks")),
)
PLAIN = StreamTable(
    kind_path=("at", "kind"),
    kind_after="",
    payload_path=(),
    messages=(
        MessageTable(MessageKind.SNAPSHOT, DEEP, names=("whole",)),
        MessageTable(MessageKind.DELTA, DEEP, names=("change",)),
        MessageTable(
            MessageKind.TRADE,
            (
                Field(Slot.SYMBOL, ("at", "symbol")),
                Field(Slot.PRICE, ("price",)),
                Field(Slot.SIZE, ("size",)),
                Field(Slot.TAKER_SIDE, ("side",)),
            ),
            names=("trade",),
        ),
    ),
    snapshot=MessageTable(MessageKind.SNAPSHOT, DEEP[2:]),
    decimals=4,
    sold='"sell"',
    bought='"buy"',
    time_unit_ns=1_000_000,
    has_quotes=False,
    levels=LevelTable((Column.PRICE, Column.SIZE, Column.OTHER, Column.OTHER)),
    continuity=Continuity.PREVIOUS,
)
QUOTED = (*DEEP[2:4], *(field._replace(is_quoted=True) for field in DEEP[4:]))
MARKETS = [Steps("AB", 100, 1), Steps("CD", 25, 10_000)]


def frame(kind, last, previous=0, bids=(), asks=(), symbol="AB"):
    return json.dumps(
        {
            "book": {
                "bids": [[*level, 0, "x"] for level in bids],
                "asks": [[*level, None, {}] for level in asks],
            },
            "at": {
                "last": last, "previous": previous, "time": 7, "symbol": symbol, "kind": kind
            },
        }
    )  # fmt: skip


def test_deltas_that_tell_what_was_before_them_are_chained():
    """The kind behind the payload, the symbol behind the levels: read all the same."""
    market = reader.MarketReader(PLAIN, MARKETS)
    book = market.book(0)
    assert market.receive(frame("whole", 10, bids=[(1.25, 2)], asks=[(1.5, 3)])) == Told.WHOLE
    assert market.receive(frame("change", 25, 10, bids=[(1.26, 1)])) == Told.CHANGED
    assert market.receive(frame("change", 20, 10, bids=[(1.26, 9)])) == Told.OLD
    assert (book.sequence, book.time_ns) == (25, 7_000_000)
    assert book.bids(9) == [(126, 10_000), (125, 20_000)]
    assert market.receive(frame("change", 40, 30)) == Told.GAP
    assert not book.is_whole
    assert market.receive(frame("change", 50, 40, asks=[(1.5, 0)])) == Told.WAITS
    assert book.snapshot(30, [], [(150, 30_000)], 0) == Told.CHANGED
    assert (book.sequence, book.gaps, book.is_whole) == (50, 1, True)
    assert (book.bid_ticks, book.bid_lots, book.ask_ticks, book.ask_lots) == (None, 0, None, 0)


def test_instruments_are_told_apart():
    """Each has its own steps and its own book."""
    market = reader.MarketReader(PLAIN, MARKETS)
    for symbol, place in (("CD", 1), ("AB", 0)):
        assert market.receive(frame("whole", 1, bids=[(5, 7.5)], symbol=symbol)) == Told.WHOLE
        assert market.place == place
    assert market.book(0).bids(1) == [(500, 75_000)]
    assert market.book(1).bids(1) == [(2_000, 7)]  # rounded down to whole lots
    assert market.book(0) is market.book(0)
    with pytest.raises(IndexError):
        market.book(2)


def test_a_trade_is_kept_until_the_next():
    market = reader.MarketReader(PLAIN, MARKETS)
    text = '{"at":{"kind":"trade","symbol":"AB"},"price":1.25,"size":0.5,"side":"%s"}'
    for side, is_sold in (("sell", True), ("buy", False)):
        assert market.receive(text % side) == Told.TRADE
        assert market.trade == (MessageKind.TRADE, 0, 0, 125, 5_000, is_sold, 0, 1)
    with pytest.raises(DecodeError, match="another type"):
        market.receive(text % "neither")


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        ("", "not JSON|another type"),
        ("[]", "another type"),
        ('{"at":{"kind":"change"', "not JSON"),
        (frame("change", 1)[:-1], "not JSON"),
        (frame("change", 1) + "x", "not JSON"),
        (frame("change", 1, symbol="EF"), "not one of those that are followed"),
        (frame("change", 1, bids=[(1.25555, 1)]), "too many decimals"),
        (frame("change", 1, bids=[(-1, 1)]), "below zero"),
        (frame("change", 1, bids=[("1", 1)]), "another type|not a decimal"),
        (frame("change", 1, bids=[(10**14, 1)]), "too large"),
        (frame("change", 2**63), "too large"),
        (frame("change", 1.5), "another type"),
        (frame("change", None), "another type"),
        ('{"at":{"kind":"change","symbol":"AB","last":1}}', "missing"),
        ('{"at":{"kind":"change","kind":"change"}}', "told twice"),
        ('{"at":{"kind":"ch\\u0061nge"}}', "escapes"),
        ('{"x":' + "[" * 100_000, "nested too deep"),
        ("{}", "missing"),
    ],
)
def test_bad_frames_are_one_error_and_change_nothing(bad, why):
    """Whatever is wrong, the text says what and where, and the book is as before."""
    market = reader.MarketReader(PLAIN, MARKETS)
    market.receive(frame("whole", 1, bids=[(1, 1)], asks=[(2, 2)]))
    with pytest.raises(DecodeError, match=why):
        market.receive(bad)
    book = market.book(0)
    assert (book.sequence, book.bids(9), book.asks(9)) == (1, [(100, 10_000)], [(200, 20_000)])
    assert market.receive(frame("change", 2, 1, bids=[(1, 0)])) == Told.CHANGED


def test_other_things_than_frames_are_the_callers_mistake():
    market = reader.MarketReader(PLAIN, MARKETS)
    for wrong in (None, 1, bytearray(b"{}")):
        with pytest.raises(TypeError, match="bytes or a str"):
            market.receive(wrong)
    for bids in ([(-1, 1)], [(1, -1)], [(2**53 + 1, 1)]):
        with pytest.raises(ValueError, match="a level is"):
            market.book(0).snapshot(1, bids, [], 0)


@pytest.mark.parametrize(
    ("wrong", "markets", "why"),
    [
        ({"kind_path": ()}, MARKETS, "names nothing"),
        ({"kind_path": ("a",) * 9}, MARKETS, "too many names"),
        ({"payload_path": ("at",)}, MARKETS, "twice|as well"),
        ({"decimals": 18}, MARKETS, "is no step"),
        ({"levels": LevelTable((Column.PRICE,))}, MARKETS, "at least a price and a size"),
        ({"levels": LevelTable((Column.PRICE, Column.SIZE, Column.SIDE))}, MARKETS, "their side"),
        ({"changes": LevelTable()}, MARKETS, "their side"),
        ({"levels": LevelTable(names=("price",))}, MARKETS, "every value has a name"),
        ({"levels": LevelTable((Column.OTHER,) * 9)}, MARKETS, "a level has at"),
        ({"checked_levels": 1}, MARKETS, "levels that the stream tells of"),
        ({"depth": 1}, MARKETS, "without numbers"),
        ({"beside": (Field(Slot.LAST, ("x",)),)}, MARKETS, "stand beside"),
        ({"snapshot": MessageTable(MessageKind.SNAPSHOT, QUOTED)}, MARKETS, "no whole number"),
        ({"time_unit_ns": 0}, MARKETS, "unit of time"),
        ({"time_unit_ns": 2**70}, MARKETS, "cannot be used"),
        ({"snapshot": MessageTable(MessageKind.SNAPSHOT, DEEP[:3])}, MARKETS, "needs a required"),
        ({"messages": (MessageTable(MessageKind.DELTA, DEEP[1:]),)}, MARKETS, "Symbol"),
        ({"messages": (MessageTable(MessageKind.DELTA, DEEP[:1] + DEEP[4:]),)}, MARKETS, "Last"),
        ({"messages": (MessageTable(MessageKind.DELTA, DEEP + DEEP),)}, MARKETS, "twice"),
        ({}, [Steps("AB", 0, 1)], "is no step"),
        ({}, [Steps("AB", 1, -1)], "is no step"),
        ({}, [Steps("AB", 1, 1)] * 2, "listed twice"),
    ],
)
def test_a_table_that_makes_no_sense_is_refused(wrong, markets, why):
    """Before the first frame, in words."""
    with pytest.raises(ConfigError, match=why):
        reader.MarketReader(PLAIN._replace(**wrong), markets)


# -- a venue whose updates are chained, as it has really sent them ---------------------------------

CHAINED = StreamTable(
    kind_path=("stream",),
    kind_after="@",
    payload_path=("data",),
    messages=(
        MessageTable(
            MessageKind.DELTA,
            (
                Field(Slot.TIME, ("T",)),
                Field(Slot.SYMBOL, ("s",)),
                Field(Slot.FIRST, ("U",)),
                Field(Slot.LAST, ("u",)),
                Field(Slot.PREVIOUS, ("pu",)),
                Field(Slot.BIDS, ("b",)),
                Field(Slot.ASKS, ("a",)),
            ),
            prefixes=("depth",),
        ),
    ),
    snapshot=MessageTable(
        MessageKind.SNAPSHOT,
        (
            Field(Slot.LAST, ("lastUpdateId",)),
            Field(Slot.BIDS, ("bids",)),
            Field(Slot.ASKS, ("asks",)),
        ),
    ),
    decimals=8,
    sold="true",
    bought="false",
    time_unit_ns=1_000_000,
    continuity=Continuity.PREVIOUS,
)


@pytest.mark.slow
def test_a_recording_of_futures_chains_without_a_gap(shared_data):
    """The numbers are not consecutive; the book is that of a plain dict, and a lost one is seen."""
    market = reader.MarketReader(CHAINED, [Steps("BTCUSDT", 10_000_000, 100_000)])
    book = market.book(0)
    sides: dict[str, dict[str, float]] = {"b": {}, "a": {}}
    count = 0
    with gzip.open(shared_data / "binance" / "usdm_btcusdt_20240808.jsonl.gz", "rt") as lines:
        for line in lines:
            frame = line.partition(" ")[2]
            if "@depth" not in frame[:40]:
                continue
            data = json.loads(frame)["data"]
            if count == 0:
                assert market.receive(frame) == Told.WAITS
                assert book.snapshot(data["U"], [], [], 0) == Told.CHANGED
            else:
                assert market.receive(frame) == Told.CHANGED
            count += 1
            for name, levels in sides.items():
                for price, size in data[name]:
                    levels[price] = float(size)
                    if not levels[price]:
                        del levels[price]
            best = max(map(float, sides["b"])), min(map(float, sides["a"]))
            if count % 500 == 0:
                assert (book.bid_ticks, book.ask_ticks) == tuple(round(it * 10) for it in best)
            if count == 3_000:
                break
    assert (book.gaps, book.counts) == (0, (len(sides["b"]), len(sides["a"])))
    later = frame.replace('"pu":', '"pu":1')
    assert market.receive(later.replace('"u":', '"u":9')) == Told.GAP
