"""Checksums: worked examples, and what the venue itself sent when it told them."""

import gzip
import json

import pytest

from steelyard.dialects.okx.book import RETIRED_NS, checksum, checksum_of
from steelyard.sim.stand import BTC_USDT

BIDS = [("30000", "2"), ("29999.9", "1")]
ASKS = [("30000.1", "1"), ("30000.2", "2")]


@pytest.mark.parametrize(
    ("bids", "asks", "told"),
    [
        (BIDS, ASKS, -1575859024),
        ([("3366.1", "7"), ("3366", "6")], [("3366.8", "9"), ("3368", "8")], -1881014294),
        ([("3366.1", "7")], [("3366.8", "9"), ("3368", "8"), ("3372", "8")], 831078360),
    ],
)
def test_worked_examples(bids, asks, told):
    assert checksum(bids, asks) == told
    assert checksum(bids[:-1], asks) != told


def test_only_25_levels_count():
    many = [(str(30_000 - n), "1") for n in range(30)]
    assert checksum(many, []) == checksum(many[:25], [])
    assert checksum(many, []) != checksum(many[:24], [])


def test_a_checksum_is_told_until_it_is_retired():
    bids, asks = [(3_000_000, 200_000)], [(3_000_010, 100_000)]
    told = checksum([("30000", "2")], [("30000.1", "1")])
    assert checksum_of(BTC_USDT, bids, asks, RETIRED_NS - 1) == told
    assert checksum_of(BTC_USDT, bids, asks, RETIRED_NS) == 0


class Side:
    """A side of a book as it was transmitted."""

    def __init__(self, sign):
        self.sign, self.levels = sign, {}

    def take(self, rows):
        for price, size, *_ in rows:
            if float(size):
                self.levels[price] = size
            else:
                self.levels.pop(price, None)

    def best(self):
        ordered = sorted(self.levels, key=lambda price: self.sign * float(price))
        return [(price, self.levels[price]) for price in ordered[:25]]


def test_what_the_venue_sent_has_its_checksums(shared_data):
    """Every book of a recording of 2022, through every change."""
    books, checked = {}, 0
    with gzip.open(shared_data / "captures" / "OKX.ws.1.0.gz", "rt") as lines:
        for line in lines:
            text = line.partition(": ")[2]
            if '"checksum"' not in text or not text.startswith("{"):
                continue
            message = json.loads(text)
            name = message["arg"]["instId"]
            if message["action"] == "snapshot":
                books[name] = Side(-1), Side(1)
            bids, asks = books[name]
            for row in message["data"]:
                bids.take(row["bids"])
                asks.take(row["asks"])
                assert checksum(bids.best(), asks.best()) == row["checksum"]
                checked += 1
    assert checked == 290
