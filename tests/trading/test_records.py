from pathlib import Path
from typing import get_args

import msgspec
import pytest

from steelyard.domain.commands import Place
from steelyard.domain.errors import ConfigError, DecodeError
from steelyard.domain.lifecycle import Fill, Order, OrderState
from steelyard.domain.order import Liquidity, OrderType, RejectReason, Side, TimeInForce
from steelyard.store.journal import Journal
from steelyard.trading.records import (
    Adjusted,
    AmendFailed,
    AmendPending,
    AmendSent,
    AmendUnknown,
    BalancesSeen,
    BreakerResumed,
    BreakerTripped,
    CancelAsked,
    ClockMeasured,
    ClosingNoted,
    CountDisputed,
    DayBegan,
    DeadManChanged,
    FillMarked,
    FillsChecked,
    FillSeen,
    ForeignFillSeen,
    ForeignOrderSeen,
    GateChanged,
    InstrumentSeen,
    IntentRefused,
    KeyAudited,
    Killed,
    LeaseTaken,
    LimitsSet,
    MarketNamed,
    Measured,
    OrderAbsent,
    OrderAdopted,
    OrderAmended,
    OrderNotSent,
    OrderPending,
    OrderRefused,
    OrderResolved,
    OrderSeen,
    OrderSent,
    OrderTriggered,
    OrderUnknown,
    PeakSeen,
    PositionAdopted,
    ProtectionSeen,
    ProtectionSet,
    Resumed,
    RunStarted,
    RunStopped,
    StrategyFailed,
    StrategyNoted,
    StreamChanged,
    TimerFired,
    TraderRecord,
    codec,
)
from steelyard.trading.state import TraderState
from tests.trading.venue import BTC_USDT
from tests.trading.world import hand_world

PLACE = Place(
    0,
    3,
    Side.SELL,
    OrderType.LIMIT,
    TimeInForce.GTC,
    True,
    6_000_000,
    2**53,
    client_order_id="ü" * 12,
)
ORDER = Order(
    order_id=2**63,
    client_order_id="a",
    account_id=0,
    instrument_id=3,
    side=Side.BUY,
    order_type=OrderType.MARKET,
    time_in_force=TimeInForce.IOC,
    post_only=False,
    price_ticks=None,
    size_lots=1,
    quote_atoms=10**33 + 1,
)
FILL = Fill(
    trade_id=2**62,
    order_id=1,
    client_order_id="",
    account_id=0,
    instrument_id=3,
    side=Side.BUY,
    price_ticks=1,
    size_lots=1,
    quote_atoms=10**33 + 7,
    liquidity=Liquidity.MAKER,
    fee_asset_id=1,
    fee_atoms=10**31 + 3,
    time_ns=1,
)

SAMPLES = [
    RunStarted(1, 2, "b", "sandbox", "m:C", "BTC-USDT", {"below": "40000"}),
    InstrumentSeen(BTC_USDT),
    OrderPending(PLACE),
    OrderSent("a", 1, 10**19),
    OrderNotSent("a", 1, "429"),
    OrderUnknown("a", "reset", None),
    OrderRefused("a", RejectReason.INSUFFICIENT_BALANCE, "no"),
    OrderAbsent("a", "proof"),
    OrderSeen(ORDER, "stream"),
    FillSeen(FILL, "a", "query"),
    FillsChecked(7),
    CancelAsked("a", "why"),
    Adjusted("a", OrderState.WORKING, OrderState.CANCELED, "why"),
    TimerFired(60, 7),
    Killed("why", has_file=True),
    Resumed("why"),
    ClosingNoted(("a", "b")),
    DeadManChanged("armed", "why"),
    StrategyFailed("traceback"),
    OrderAdopted(PLACE, ORDER, "why", is_nameless=True),
    OrderResolved("a", "absent", "anna", "why"),
    AmendPending("a", 2**62, None, 1, replaces=True),
    AmendSent("a", None),
    AmendUnknown("a", "reset", 10**19),
    AmendFailed("a", "why"),
    OrderAmended("a", 2**63, None, 2**53, 1, OrderState.WORKING, "query"),
    OrderTriggered("a", 2**63, OrderState.FILLED, "stream"),
    CountDisputed("a", None),
    ForeignOrderSeen(ORDER, "leave"),
    ForeignFillSeen(FILL),
    BalancesSeen({7: 10**31}, {8: -(10**30)}),
    PositionAdopted(10**12, 10**30, "why"),
    ProtectionSet(1, None, Side.SELL, "why"),
    ProtectionSeen("missing"),
    LimitsSet({"risk.max_position": "1"}),
    KeyAudited("k", None, ("it may trade from anywhere",)),
    ClockMeasured(-(10**18), 5),
    StreamChanged("private", None),
    GateChanged("gated", "why", 3),
    IntentRefused("gate", "why", "buy 1", 2),
    StrategyNoted("ü", 1),
    RunStopped("why"),
    LeaseTaken("dip.live", 3, "b (process 2)", 2, "a (process 1)", True, 10**18, 7, "gone"),
    DayBegan(20_000, -(10**30)),
    PeakSeen(10**30),
    BreakerTripped("rejects", "why", "15m", 10**19),
    BreakerResumed("rejects", "anna", "why"),
    FillMarked(2**62, Side.SELL, (12_000_001, None, 3, 4)),
    Measured({"slippage": -(10**30)}),
    MarketNamed("live", "binance wss://venue.example"),
]

GOLDEN = Path(__file__).parent / "golden"


@pytest.mark.parametrize("message", SAMPLES, ids=lambda m: type(m).__name__)
def test_a_record_comes_back_as_it_was(message):
    """Exact at any length, in any alphabet."""
    record = codec().decode(5, codec().encode(message, 123))
    assert record[:3] == (5, 123, message)
    assert type(record.message) is type(message)


def test_every_kind_has_a_sample_and_a_tag_of_its_own():
    """A new record joins this list."""
    kinds = get_args(TraderRecord)
    assert {type(sample) for sample in SAMPLES} == set(kinds)
    assert len({kind.__struct_config__.tag for kind in kinds}) == len(kinds)


def test_garbage_is_named_by_its_number():
    """Nothing unreadable is skipped."""
    with pytest.raises(DecodeError, match="record 9"):
        codec().decode(9, b'J[1,{"type":"Nonsense"}]')
    with pytest.raises(DecodeError, match="record 9"):
        codec().decode(9, msgspec.json.encode({}))


def golden(name: str) -> list[bytes]:
    return (GOLDEN / name).read_bytes().splitlines()


def test_a_journal_of_format_1_is_read_as_it_is(tmp_path: Path):
    """From a directory as an older trader left it: the same orders, position and money."""
    journal = Journal(tmp_path / "journal")
    journal.append_all(golden("format1.journal"))
    journal.commit()
    journal.close()
    journal, state = Journal(tmp_path / "journal"), TraderState()
    for sequence, payload in journal.records(0):
        state.replay(codec().decode(sequence, payload))
    journal.close()
    assert state.portfolio is not None
    assert state.portfolio.position_atoms == -10_024_000_000
    assert state.portfolio.cash_atoms == 600_425_747_026_000
    assert (state.run, state.killed_why, state.fills_checked) == (1_700_000_004, None, 5)
    assert state.timer_slots == {1_000_000_000: 1_700_000_034}
    found = [(o.client_order_id[-2:], o.state.name, o.filled_lots) for o in state.orders]
    assert found == [
        ("01", "FILLED", 400),
        ("02", "FILLED", 1_002),
        ("03", "CANCELED", 400),
        ("04", "ABSENT", 0),
        ("ff", "REJECTED", 0),
    ]


def test_a_bot_of_format_1_goes_on():
    """Its next run writes the newer format behind the older records."""
    world = hand_world()
    world.payloads = golden("format1.journal")
    begun = len(world.payloads)
    world.after(60, lambda: None)
    world.run(60)
    assert world.trader.status.word == "running"
    assert world.messages(RunStarted)[-1].format == 2
    assert len(world.payloads) > begun


def test_a_newer_journal_is_refused_with_a_way_out():
    """What it would mean is not known here."""
    with pytest.raises(ConfigError, match=r"format 3, this program reads 1 and 2; use the version"):
        TraderState().apply(RunStarted(3, 1, "b", "sandbox", "m:C", "BTC-USDT", {}), 0)
