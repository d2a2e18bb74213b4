import pytest

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
