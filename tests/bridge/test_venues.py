"""What is known of single exchanges."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steelyard.bridge.venues import (
    COMMAND_NS,
    ROWS,
    client_order_id,
    expiry_ns,
    options_of,
    row_of,
)
from steelyard.wire.capabilities import Lookup

# What the venues' documentation says of a client order id.
FORMS = {
    "binance": r"[\.A-Z\:/a-z0-9_-]{1,36}",
    "coinbaseexchange": r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}",
    "kraken": r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}",
    "bybit": r"[A-Za-z0-9_-]{1,36}",
    "okx": r"[A-Za-z0-9]{1,32}",
    "kucoin": r"[A-Za-z0-9_-]{1,40}",
}


# The bot and its run, and a count of orders: no run has 2^58 of them.
NUMBERS = st.builds(
    lambda run, count: run << 64 | count, st.integers(0, 2**64 - 1), st.integers(0, 2**58 - 1)
)


@pytest.mark.parametrize("exchange", sorted(ROWS))
@given(number=NUMBERS, other=NUMBERS)
def test_an_id_of_ours_is_one_of_the_venues(exchange, number, other):
    """Of the documented form, and different numbers are different ids."""
    text = client_order_id(exchange, number)
    assert re.fullmatch(FORMS[exchange], text)
    assert (client_order_id(exchange, other) == text) is (other == number)


def test_an_exchange_that_nobody_has_compared_gets_the_most_careful_row():
    row = row_of("somewhere")
    assert not row.is_checked
    assert row.expiry_ns is None
    assert row.lookup is Lookup.LISTS
    assert options_of("somewhere") == {}


def test_what_may_still_be_taken_up_begins_when_it_could_last_be_signed():
    """An order may wait for its turn before it is signed, and the venue's window begins then."""
    assert expiry_ns("binance") == COMMAND_NS + 5_000_000_000
    assert expiry_ns("kraken") is None
    assert options_of("binance") == {"recvWindow": 5_000}


def test_the_rows_are_of_exchanges_that_the_library_has():
    """By its files: importing it takes seconds."""
    from importlib.util import find_spec

    home = Path(find_spec("ccxt").origin).parent / "async_support"
    assert [name for name in ROWS if not (home / f"{name}.py").is_file()] == []
