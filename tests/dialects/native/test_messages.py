from typing import get_args

import pytest
from msgspec.structs import fields

from steelyard.dialects.native import messages
from steelyard.dialects.native.endpoints import ENDPOINTS
from steelyard.dialects.native.openapi import form_of


def test_answers_hold_no_field_with_a_default_but_late_ones():
    """A client may rely on every field that the schema says is there."""
    optional = {
        (kind.__name__, info.name)
        for endpoint in ENDPOINTS
        for kind in (endpoint.response,)
        for info in fields(kind)
        if not info.required
    }
    assert optional <= {
        ("Order", "reject_reason"),
        ("PlacedOrder", "reject_reason"),
        ("PlacedOrder", "fills"),
    }


@pytest.mark.parametrize("kind", [messages.Instrument, messages.Order])
def test_what_may_be_absent_says_what_null_means(kind):
    """Of a field that is not always there a reader learns when it is not."""
    for info in fields(kind):
        if type(None) in get_args(info.type):
            assert form_of(info.type).get("description"), info.name
