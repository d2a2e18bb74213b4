"""Orders and fills through the venue's form and back, of every kind that there is."""

import msgspec
import pytest

from steelyard.dialects.kraken.account_messages import TradeInfo
from steelyard.dialects.kraken.executions import order_from_wire, trade_from_wire
from steelyard.dialects.kraken.order_messages import OrderInfo
from steelyard.dialects.kraken.text import order_number
from steelyard.domain.errors import DecodeError
from steelyard.domain.messages import FillsQuery, OrderQuery

ORDERS = [
    {},
    {"oflags": "post", "price": "49000"},
    {"timeinforce": "IOC"},
    {"expiretm": "+60"},
    {"ordertype": "iceberg", "displayvol": "0.002"},
    {"ordertype": "stop-loss", "price": "52000"},
    {"ordertype": "stop-loss-limit", "price": "52000", "price2": "52100"},
    {"ordertype": "take-profit-limit", "price": "48000", "price2": "48100"},
    {"ordertype": "trailing-stop", "price": "+100"},
]


@pytest.mark.parametrize("params", ORDERS)
def test_an_order_has_a_way_back(venue, params):
    venue.add(venue.bob, type="sell", volume="0.004")
    txid = venue.add(**params, cl_ord_id="mine")
    told = venue.order(txid)
    info = msgspec.json.decode(msgspec.json.encode(told), type=OrderInfo)
    order = order_from_wire(txid, info, venue.desk.exchange.listings)
    query = OrderQuery(venue.desk.alice, order_id=order_number(txid))
    ours = venue.desk.exchange.history.order(query)
    for name in (
        *("order_id", "client_order_id", "instrument_id", "side", "order_type", "time_in_force"),
        *("post_only", "price_ticks", "size_lots", "state", "filled_lots", "quote_atoms"),
        *("cancel_cause", "display_lots", "trigger_ticks", "trail_ticks"),
    ):
        assert getattr(order, name) == getattr(ours, name), name


def test_a_fill_has_a_way_back(venue):
    venue.add(venue.bob, type="sell")
    venue.add()
    (told,) = venue.result("TradesHistory")["trades"].values()
    wire = msgspec.json.decode(msgspec.json.encode(told), type=TradeInfo)
    fill = trade_from_wire(wire, venue.desk.exchange.listings)
    (ours,) = venue.desk.exchange.history.fills(FillsQuery(venue.desk.alice, 1))
    for name in (
        *("trade_id", "order_id", "instrument_id", "side", "price_ticks", "size_lots"),
        *("quote_atoms", "liquidity", "fee_asset_id", "fee_atoms", "time_ns"),
    ):
        assert getattr(fill, name) == getattr(ours, name), name


def test_an_order_of_an_unknown_form_is_none(venue):
    told = venue.order(venue.add())
    for place, wrong in (("status", "sleeping"), ("vol", "x")):
        info = msgspec.json.decode(msgspec.json.encode({**told, place: wrong}), type=OrderInfo)
        with pytest.raises(DecodeError):
            order_from_wire("OAAAAA-AAAAA-AAAAAA", info, venue.desk.exchange.listings)
