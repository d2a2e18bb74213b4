import pytest
from msgspec.structs import fields

from steelyard.dialects.native import requests
from steelyard.dialects.native.endpoints import ENDPOINTS
from steelyard.domain.errors import DecodeError


def test_an_amend_changes_something():
    """An empty one is refused instead of carried out without effect."""
    with pytest.raises(DecodeError, match="nothing to change"):
        requests.AmendRequest(order_id=1)
    assert requests.AmendRequest(order_id=1, trigger_price="61000.10").price is None


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda e: f"{e.method} {e.path}")
def test_requests_forbid_what_they_do_not_know(endpoint):
    """The schema says additionalProperties: false, because that is what happens."""
    assert endpoint.request.__struct_config__.forbid_unknown_fields
    assert endpoint.request.__doc__


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
