import msgspec
import pytest
from pit import OPEN_NS, Pit

from steelyard.exchange.crowd import Crowd
from steelyard.exchange.house import HouseCursor, Market, TapeCursor
from steelyard.exchange.tape import Tape


@pytest.mark.parametrize("market", [Crowd, Tape])
def test_a_market_has_what_the_protocol_asks(market: type):
    """Both kinds offer every method; types are mypy's business."""
    asked = {name for name in vars(Market) if not name.startswith("_")}
    assert {"commands", "backfill", "observe", "cursor", "restore", "instruments"} <= asked
    assert asked <= set(dir(market))


def test_a_cursor_is_text_and_back():
    """Snapshots keep a cursor as tagged JSON, of moderate size."""
    pit = Pit(Crowd(3))
    pit.turn(OPEN_NS)
    pit.run(10**9)
    for cursor in (pit.market.cursor(), TapeCursor("a @1x", 1, 2, 0, 3, ((5, 1),), ((6, 2),))):
        text = msgspec.json.encode(cursor)
        assert msgspec.json.decode(text, type=HouseCursor) == cursor
        assert len(text) < 20_000
