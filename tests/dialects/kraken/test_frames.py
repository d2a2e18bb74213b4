"""The WebSocket structs; samples are in test_messages."""

import msgspec
import pytest

from steelyard.dialects.kraken import frames

ORDER = (
    '{"order_type":"limit","side":"buy","symbol":"BTC/USD","order_qty":0.10000000,'
    '"limit_price":30000.0,"time_in_force":"gtc","triggers":{"price":1.50}}'
)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ('{"method":"ping","req_id":5}', frames.Call),
        (
            '{"method":"subscribe","params":{"channel":"book","symbol":["BTC/USD"],"depth":10}}',
            frames.Subscribe,
        ),
        (
            ORDER,
            frames.AddOrder,
        ),
        ('{"order_id":["O1"],"order_userref":[5]}', frames.CancelOrder),
        ('{"orders":["O1",5]}', frames.BatchCancel),
    ],
)
def test_what_clients_send_is_understood(text, kind):
    assert isinstance(msgspec.json.decode(text, type=kind), kind)


def test_a_number_of_a_client_is_exact():
    order = msgspec.json.decode(
        '{"order_type":"limit","side":"buy","order_qty":0.1,"limit_price":29999.99}',
        type=frames.NewOrder,
    )
    assert (str(order.order_qty), str(order.limit_price)) == ("0.1", "29999.99")
