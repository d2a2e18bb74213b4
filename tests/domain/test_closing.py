import msgspec

from steelyard.domain.closing import PlaceClosing
from steelyard.domain.commands import Place
from steelyard.domain.order import OrderType, Side, TimeInForce

LIMIT = (OrderType.LIMIT, TimeInForce.GTC, False)


def test_it_belongs_to_the_account_of_its_order_and_comes_back_from_its_bytes():
    asked = PlaceClosing(
        Place(7, 0, Side.BUY, *LIMIT, 100, 5), Place(7, 0, Side.SELL, *LIMIT, 110, 0)
    )
    assert asked.account_id == 7
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(asked), type=PlaceClosing) == asked
