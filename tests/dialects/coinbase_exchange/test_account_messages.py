"""What is left out of a message where it does not apply; samples are in test_messages."""

import msgspec

from steelyard.dialects.coinbase_exchange.account_messages import LedgerDetails, TransferDetails


def test_details_that_do_not_apply_are_left_out():
    assert msgspec.json.encode(LedgerDetails(order_id="x")) == b'{"order_id":"x"}'
    assert msgspec.json.encode(TransferDetails()) == b"{}"
