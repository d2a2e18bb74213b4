import gzip
from collections.abc import Iterator

import pytest

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
    """Yield (address, body) of each REST answer in a capture, or (time, frame) of each frame."""

    def read(name: str) -> Iterator[tuple[str, str]]:
        with gzip.open(shared_data / "captures" / name, "rt") as lines:
            for line in lines:
                head, mark, rest = line.rstrip("\n").partition(" -> ")
                if mark and rest:
                    yield head, rest.partition(": ")[2]
                elif line[:1].isdigit():
                    head, _, rest = line.rstrip("\n").partition(": ")
                    yield head, rest

    return read
