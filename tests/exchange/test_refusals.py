from dataclasses import dataclass

import pytest
from desk import BTC_USDT, Desk

from steelyard.domain.commands import Cancel, Place
from steelyard.domain.order import OrderType, RejectReason, Side, TimeInForce
from steelyard.exchange.refusals import explain


@dataclass
class Case:
    reason: RejectReason
    words: str


@pytest.mark.parametrize(
    "case",
    [
        Case(RejectReason.UNSUPPORTED, "a LIMIT order takes time in force GTC, IOC, FOK"),
        Case(RejectReason.UNKNOWN_ACCOUNT, "no such account"),
        Case(RejectReason.UNKNOWN_INSTRUMENT, "there are BTC-USDT"),
        Case(RejectReason.PRICE_OUT_OF_RANGE, "between 0.01 and 1000000.00"),
        Case(RejectReason.SIZE_TOO_SMALL, "the smallest size is 0.00001 BTC"),
        Case(RejectReason.SIZE_TOO_LARGE, "the largest size is 9000.00000 BTC"),
        Case(RejectReason.NOTIONAL_TOO_SMALL, "at least 5 USDT"),
        Case(RejectReason.AMOUNT_TOO_LARGE, "beyond what the books can hold"),
        Case(RejectReason.UNKNOWN_ORDER, "may have filled or been canceled"),
        Case(RejectReason.SIZE_BELOW_FILLED, "above what has filled already"),
    ],
    ids=lambda case: case.reason.name,
)
def test_each_reason_says_how_to_mend_it(desk: Desk, case: Case):
    place = Place(desk.alice, 0, Side.BUY, OrderType.LIMIT, TimeInForce.GTC, False, 5_000_000, 1000)
    assert case.words in explain(case.reason, place, desk.exchange.listings, desk.exchange.engine)


def test_every_reason_has_words_for_every_command(desk):
    for reason in RejectReason:
        for command in (
            Cancel(1, 1),
            Place(1, 99, Side.BUY, OrderType.MARKET, TimeInForce.IOC, False, None, 1),
        ):
            assert explain(reason, command, desk.exchange.listings, desk.exchange.engine)
    assert BTC_USDT.symbol == "BTC-USDT"
