"""Orders that wait, as two channels tell of them, in whatever order these are heard."""

import json

import pytest

from steelyard.dialects.okx.algo_messages import AlgoInfo
from steelyard.dialects.okx.algo_news import KNOWN_MAX, AlgoNews
from steelyard.dialects.okx.order_messages import OrderInfo
from steelyard.dialects.okx.stream import encode
from steelyard.domain.errors import DecodeError
from steelyard.domain.instrument import Listings
from steelyard.domain.lifecycle import OrderState
from steelyard.domain.messages import Execution
from steelyard.domain.order import CancelCause, OrderType
from steelyard.sim.stand import BTC_USDT

LISTINGS = Listings([BTC_USDT])
STOP = {
    "instId": "BTC-USDT",
    "algoId": "7",
    "algoClOrdId": "mine",
    "ordType": "conditional",
    "state": "live",
    "side": "sell",
    "sz": "0.02",
    "slTriggerPx": "49500",
    "slOrdPx": "-1",
    "cTime": "1700000000000",
    "uTime": "1700000000000",
}
ICEBERG = STOP | {"ordType": "smart_iceberg", "szLimit": "0.01", "pxLimit": "50000"}
ICEBERG |= {"slTriggerPx": "", "slOrdPx": ""}
ORDER = {
    "instId": "BTC-USDT",
    "ordId": "9",
    "sz": "0.02",
    "ordType": "market",
    "side": "sell",
    "state": "live",
    "algoId": "7",
    "algoClOrdId": "mine",
    "source": "7",
    "cTime": "1700000001000",
    "uTime": "1700000001000",
}
FILL = {
    "state": "filled",
    "accFillSz": "0.02",
    "avgPx": "50000",
    "fillPx": "50000",
    "fillSz": "0.02",
    "fillTime": "1700000001000",
    "tradeId": "3",
    "fillFee": "-1",
    "fillFeeCcy": "USDT",
    "execType": "T",
}
SLICE = ORDER | FILL | {"ordType": "limit", "px": "50000", "source": "13", "sz": "0.01"}
SLICE |= {"accFillSz": "0.01", "fillSz": "0.01"}


def waiting(news: AlgoNews, **changes):
    return news.algos(encode([AlgoInfo(**STOP | changes)]), LISTINGS)


def at_market(news: AlgoNews, row=ORDER, **changes):
    return news.orders(encode([OrderInfo(**row | changes)]), LISTINGS)


def kinds(events):
    return [event.execution for event in events]


def test_one_that_waits_is_told_once_until_it_changes():
    """A trailing stop's trigger moves by itself, which is no change."""
    news = AlgoNews()
    (told,) = waiting(news)
    assert told.execution is Execution.NEW
    assert (told.order.order_id, told.order.client_order_id) == (7, "mine")
    assert told.order.order_type is OrderType.STOP
    assert waiting(news, moveTriggerPx="49600") == []
    (told,) = waiting(news, slTriggerPx="49000", uTime="1700000000500")
    assert told.execution is Execution.AMENDED
    assert told.order.trigger_ticks == 4_900_000


def test_its_end_is_told_by_the_channel_that_knows_of_it():
    (told,) = waiting(AlgoNews(), state="canceled")
    assert (told.execution, told.order.state) == (Execution.CANCELED, OrderState.CANCELED)
    (told,) = waiting(AlgoNews(), state="order_failed", failCode="51008")
    assert (told.execution, told.order.state) == (Execution.EXPIRED, OrderState.EXPIRED)
    assert told.order.cancel_cause is CancelCause.INSUFFICIENT_BALANCE
    (told,) = waiting(AlgoNews(), state="order_failed", failCode="5")
    assert told.order.cancel_cause is CancelCause.ADMIN
    assert waiting(AlgoNews(), state="effective", ordId="9") == []


def test_one_that_went_to_market_does_not_wait_again_whichever_is_heard_first():
    """Two connections race each other."""
    news = AlgoNews()
    assert kinds(at_market(news)) == [Execution.TRIGGERED]
    assert waiting(news) == []
    (filled,) = at_market(news, ORDER | FILL)
    assert (filled.execution, filled.order.order_id) == (Execution.FILL, 9)


def test_an_icebergs_slices_tell_its_fills_and_nothing_else():
    """They come and go while it goes on; its beginning and its end are its own."""
    news = AlgoNews()
    assert kinds(waiting(news, **ICEBERG)) == [Execution.NEW]
    assert at_market(news, SLICE, state="live", tradeId="") == []
    assert at_market(news, SLICE, state="canceled", tradeId="", cancelSource="1") == []
    (first,) = at_market(news, SLICE)
    assert (first.order.order_id, first.order.state) == (7, OrderState.PARTIALLY_FILLED)
    assert (first.order.filled_lots, first.order.size_lots) == (1_000, 2_000)
    (last,) = at_market(news, SLICE, ordId="10", tradeId="4")
    assert (last.order.state, last.order.filled_lots) == (OrderState.FILLED, 2_000)
    (gone,) = waiting(news, **ICEBERG | {"state": "canceled"})
    assert gone.order.filled_lots == 2_000


def test_an_iceberg_that_was_there_before_is_never_taken_for_whole():
    """How large it is has not been told."""
    (first,) = at_market(AlgoNews(), SLICE)
    assert first.order.state is OrderState.PARTIALLY_FILLED


def test_other_instruments_are_passed_over():
    assert waiting(AlgoNews(), instId="X-Y") == []
    assert waiting(AlgoNews(), instType="SWAP") == []


def test_what_is_remembered_has_a_bound():
    news = AlgoNews()
    for number in range(KNOWN_MAX + 2):
        news._keep(str(number))
    assert len(news._known) == KNOWN_MAX


@pytest.mark.parametrize("data", [b"x", b"[5]", json.dumps([STOP | {"side": "up"}]).encode()])
def test_garbage_is_one_error(data):
    with pytest.raises(DecodeError):
        AlgoNews().algos(data, LISTINGS)
    with pytest.raises(DecodeError):
        AlgoNews().orders(b"[5]", LISTINGS)
