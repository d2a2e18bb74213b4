import pytest

from steelyard.dialects.okx import executions
from steelyard.dialects.okx.order_messages import FillInfo, OrderInfo
from steelyard.domain.errors import DecodeError
from steelyard.domain.instrument import Listings
from steelyard.domain.lifecycle import OrderState
from steelyard.domain.order import CancelCause
from steelyard.sim.stand import BTC_USDT

LISTINGS = Listings([BTC_USDT])


def info(**fields):
    told = {"instId": "BTC-USDT", "ordId": "7", "sz": "0.01", "px": "50000", "ordType": "limit"}
    told |= {"side": "buy", "state": "live", "cTime": "1", "uTime": "2"}
    return OrderInfo(**told | fields)


@pytest.mark.parametrize(
    ("fields", "state", "cause"),
    [
        ({}, OrderState.WORKING, None),
        ({"accFillSz": "0.004"}, OrderState.PARTIALLY_FILLED, None),
        ({"state": "filled"}, OrderState.FILLED, None),
        ({"state": "canceled", "cancelSource": "1"}, OrderState.CANCELED, CancelCause.USER),
        ({"state": "canceled", "cancelSource": "20"}, OrderState.CANCELED, CancelCause.USER),
        (
            {"state": "canceled", "cancelSource": "31"},
            OrderState.EXPIRED,
            CancelCause.POST_ONLY_WOULD_TAKE,
        ),
        ({"state": "canceled", "cancelSource": "32"}, OrderState.EXPIRED, CancelCause.SELF_TRADE),
        ({"state": "mmp_canceled"}, OrderState.CANCELED, CancelCause.ADMIN),
    ],
)
def test_an_end_is_read(fields, state, cause):
    order = executions.order_from_wire(info(**fields), LISTINGS)
    assert (order.state, order.cancel_cause) == (state, cause)


@pytest.mark.parametrize(
    "fields",
    [
        {"state": "unheard"},
        {"side": "none"},
        {"ordType": "optimal_limit_ioc"},
        {"instId": "ETH-USDT"},
        {"ordId": "x"},
        {"sz": "x"},
    ],
)
def test_what_cannot_be_read_is_one_error(fields):
    with pytest.raises(DecodeError):
        executions.order_from_wire(info(**fields), LISTINGS)


def test_a_fee_in_a_coin_that_is_not_listed_is_kept_by_its_name():
    wire = FillInfo(
        instId="BTC-USDT",
        tradeId="1",
        ordId="2",
        side="sell",
        fillPx="50000",
        fillSz="0.01",
        execType="M",
        fee="-0.5",
        feeCcy="OKB",
        ts="5",
    )
    fill = executions.fill_from_wire(wire, LISTINGS)
    assert LISTINGS.asset(fill.fee_asset_id) == "OKB"
    assert fill.fee_atoms == 500_000_000_000
    with pytest.raises(DecodeError):
        executions.asset_id("no such name at all", LISTINGS)
