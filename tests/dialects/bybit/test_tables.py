"""Orders by their form are those of the client end."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from steelyard.dialects.bybit import DIALECT, tables
from steelyard.domain.errors import AuthError, ConfigError, Unsupported
from steelyard.domain.instrument import Instrument, Listings
from steelyard.domain.order import OrderType, SelfTrade, Side, TimeInForce
from steelyard.sim.conformance import place
from steelyard.sim.stand import BTC_USDT
from steelyard.trading.signing import OrderSigners
from steelyard.wire.dialect import ApiKey

pytest.importorskip("steelyard._native")

HOST = "localhost:8605"
KEY = ApiKey("k" * 18, b"s" * 36)
KINDS = [
    (TimeInForce.GTC, False),
    (TimeInForce.IOC, False),
    (TimeInForce.FOK, False),
    (TimeInForce.GTC, True),
]
MODES = [SelfTrade.CANCEL_NEWEST, SelfTrade.CANCEL_OLDEST, SelfTrade.CANCEL_BOTH]
# Steps of one, of a power of ten below it, and of a multiple of one.
STOP = replace(place(), order_type=OrderType.STOP_LIMIT, trigger_ticks=5)
BOUNDS = {"price_max": "1000", "size_max": "9000", "notional_min": "5"}
MARKETS = Listings(
    [
        BTC_USDT,
        Instrument.spot(9, (3, "X"), (2, "USDT"), tick_size="0.00005", lot_size="1", **BOUNDS),
        Instrument.spot(5, (4, "Y"), (2, "USDT"), tick_size="5", lot_size="0.025", **BOUNDS),
    ]
)


@given(
    instrument=st.sampled_from([*MARKETS]),
    kind=st.sampled_from(KINDS),
    self_trade=st.sampled_from(MODES),
    side=st.sampled_from(Side),
    data=st.data(),
    number=st.integers(0, 2**128 - 1),
    now_ns=st.integers(0, 2**62),
)
def test_orders_are_signed_as_the_client_end_signs_them(
    instrument, kind, self_trade, side, data, number, now_ns
):
    """Every kind of order, price, size, id and time: the same request, byte for byte."""
    order = replace(
        place(),
        instrument_id=instrument.instrument_id,
        side=side,
        time_in_force=kind[0],
        post_only=kind[1],
        self_trade=self_trade,
        price_ticks=data.draw(st.integers(1, instrument.price_max_ticks)),
        size_lots=data.draw(st.integers(1, instrument.size_max_lots)),
        client_order_id=DIALECT.client.client_order_id(number),
    )
    made = OrderSigners(DIALECT.client, KEY).request(order, MARKETS, now_ns)
    assert made == DIALECT.client.request(order, MARKETS, KEY, now_ns)


@pytest.mark.parametrize("own", ["", "mine", "A" * 32])
def test_other_ids_than_our_own_are_left_to_the_client_end(own):
    """Also none at all: the form has a place for one."""
    signers = OrderSigners(DIALECT.client, KEY)
    assert signers.request(replace(place(), client_order_id="0" * 32), MARKETS, 1) is not None
    assert signers.request(replace(place(), client_order_id=own), MARKETS, 1) is None


@pytest.mark.parametrize(
    ("order", "key", "host", "error"),
    [
        (replace(place(), time_in_force=TimeInForce.GTD, expire_ns=5), KEY, HOST, Unsupported),
        (
            replace(place(), order_type=OrderType.STOP_LIMIT, trigger_ticks=5),
            KEY,
            HOST,
            Unsupported,
        ),
        (replace(place(), order_type=OrderType.MARKET, price_ticks=None), KEY, HOST, Unsupported),
        (place(), KEY._replace(key="a\r\nb"), HOST, AuthError),
        (place(), KEY, "a b", ConfigError),
    ],
)
def test_forms_that_cannot_be_made_say_why(order, key, host, error):
    with pytest.raises(error):
        tables.order_form(order, MARKETS, key, host)
