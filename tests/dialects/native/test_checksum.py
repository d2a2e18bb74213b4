from zlib import crc32

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from steelyard.dialects.native import stream
from steelyard.dialects.native.checksum import checksum
from steelyard.domain.errors import DecodeError
from steelyard.wire.dialect import ChannelKind
from tests.dialects.native.test_stream import BOOK, MS, Talk
from tests.dialects.native.venue import Venue


@pytest.mark.parametrize(
    ("bids", "asks", "text"),
    [
        ([], [], ""),
        ([(6_100_010, 50_000)], [], "61000.10:0.5"),
        ([], [(6_100_011, 3_000)], "61000.11:0.03"),
        (
            [(6_100_010, 50_000), (6_100_000, 125_000)],
            [(6_100_011, 3_000)],
            "61000.10:0.5:61000.11:0.03:61000.00:1.25",
        ),
    ],
)
def test_the_documented_text_is_what_is_summed(venue, bids, asks, text):
    """Alternating, best first, as spelled in the messages."""
    assert checksum(venue.listings[0], bids, asks) == crc32(text.encode())


def test_no_more_than_ten_levels_count(venue):
    """What is deeper may differ."""
    asks = [(100 + n, 1) for n in range(11)]
    assert checksum(venue.listings[0], [], asks) == checksum(venue.listings[0], [], asks[:10])


@settings(max_examples=25, deadline=None)
@given(
    st.lists(
        st.tuples(st.booleans(), st.integers(60_990, 61_010), st.integers(1, 9)),
        min_size=1,
        max_size=25,
    )
)
def test_a_clients_book_has_the_exchanges_checksum(orders):
    """After whatever was placed and traded; and no longer once a level of it is wrong."""
    venue = Venue()
    talk = Talk(venue)
    client = stream.market_stream(
        [venue.listings[0]], venue.listings, frozenset({ChannelKind.BOOK})
    )
    pushes = [push for push in talk.subscribe(BOOK) if "channel" in push]
    for is_sale, price, size in orders:
        key, side = (venue.other_key, "sell") if is_sale else (venue.key, "buy")
        venue.place(key, side=side, price=f"{price}.00", size=f"0.0{size}")
        venue.exchange.step(venue.desk.now_ns + 100 * MS)
        pushes += [push for push in venue.pushes() if push["channel"] == "book"]
    for push in pushes:
        client.receive(msgspec.json.encode(push).decode(), 0)
    assert all(push["checksum"] is not None for push in pushes)
    assert len(client.drain()[1]) == len(pushes)
    last = pushes[-1]
    if last["type"] == "delta" and last["bids"]:
        wrong = {**last, "bids": [["99999.00", "5"]], "checksum": last["checksum"] ^ 1}
        with pytest.raises(DecodeError, match="subscribe anew"):
            client.receive(msgspec.json.encode(wrong).decode(), 0)
        # Nothing of it was taken in: it is right when it is told rightly.
        client.receive(msgspec.json.encode(last).decode(), 0)
