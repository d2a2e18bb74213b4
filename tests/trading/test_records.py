from typing import get_args

import msgspec
import pytest

from steelyard.domain.commands import Place
from steelyard.domain.errors import DecodeError
from steelyard.domain.lifecycle import Fill, Order, OrderState
from steelyard.domain.order import Liquidity, OrderType, RejectReason, Side, TimeInForce
from steelyard.trading.records import (
    Adjusted,
    CancelAsked,
    FillsChecked,
    FillSeen,
    InstrumentSeen,
    Killed,
    OrderAbsent,
    OrderNotSent,
    OrderPending,
    OrderRefused,
    OrderSeen,
    OrderSent,
    OrderUnknown,
    Resumed,
    RunStarted,
    RunStopped,
    StrategyFailed,
    TimerFired,
    TraderRecord,
    codec,
)
from tests.trading.venue import BTC_USDT

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
    StrategyFailed("traceback"),
    RunStopped("why"),
]


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
