from collections.abc import Iterator

import pytest
import recordings

from tests.dialects.binance.venue import Venue


@pytest.fixture
def venue() -> Venue:
    return Venue()


@pytest.fixture
def market(venue) -> Venue:
    """A book around 50,000 and a last price there."""
    order = {"symbol": "BTCUSDT", "quantity": "1"}
    venue.place(venue.other_key, **order, side="SELL", price="50100")
    venue.place(venue.other_key, **order, side="BUY", price="49900")
    venue.trade("50000")
    return venue


@pytest.fixture
def captured(shared_data):
    """Yield (address, text) of each REST answer in a capture, and of each frame that was heard."""

    def read(name: str) -> Iterator[tuple[str, str]]:
        for it in recordings.captured(shared_data / "captures" / name):
            if it.kind in (recordings.Kind.ANSWER, recordings.Kind.HEARD):
                yield it.address, it.text

    return read
