"""The table of plain orders is no wider than what the API takes; see also test_plain_orders."""

import re
import string

import msgspec
import pytest

from steelyard.dialects.native import forms
from steelyard.dialects.native.auth import _NONCE
from steelyard.dialects.native.tables import PLAIN_ORDERS

CLIENT_ID = msgspec.inspect.type_info(forms.AskedClientOrderId).type.pattern


@pytest.mark.parametrize("mark", [*string.punctuation, " ", "\u00e4", "A", "9"])
def test_client_order_ids_have_the_same_characters(mark):
    is_taken = mark.isascii() and (mark.isalnum() or mark in PLAIN_ORDERS.id_marks)
    assert is_taken == bool(re.search(CLIENT_ID, f"a{mark}"))


def test_client_order_ids_and_nonces_are_no_longer():
    longest = "a" * PLAIN_ORDERS.id_bytes_max
    assert re.search(CLIENT_ID, longest)
    assert not re.search(CLIENT_ID, f"{longest}a")
    assert not re.search(CLIENT_ID, PLAIN_ORDERS.id_begins_not + "1")
    assert _NONCE.fullmatch("a" * PLAIN_ORDERS.nonce_bytes_max)
    assert not _NONCE.fullmatch("a" * (PLAIN_ORDERS.nonce_bytes_max + 1))
