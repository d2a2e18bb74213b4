import pytest

from steelyard.dashboard.account_site import _STATUS
from steelyard.domain.errors import UsageError
from steelyard.exchange.declined import Decline, Declined, not_found


@pytest.mark.parametrize("code", Decline)
def test_every_code_has_a_status(code):
    assert 400 <= _STATUS[code] < 500 or (code, _STATUS[code]) == (Decline.MAINTENANCE, 503)


def test_what_is_somebody_elses_is_not_there():
    declined = not_found("key")
    assert isinstance(declined, UsageError)
    assert isinstance(declined, Declined)
    assert (declined.code, str(declined)) == (
        Decline.NOT_FOUND,
        "there is no such key of yours",
    )
