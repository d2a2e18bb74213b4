"""The order and the words of the checks are in test_gate.py; here is what each asks by itself."""

import pytest
from desk import START_NS

from steelyard.domain.messages import SECOND_NS, Scope
from steelyard.exchange.access import check_scope, revoked_for
from steelyard.exchange.keys import KeptKey
from steelyard.exchange.records import KeyCreated
from steelyard.wire.dialect import AccessReason, SessionRefused


def kept(*scopes: Scope, withdraw_from_ns: int | None = None) -> KeptKey:
    record = KeyCreated(
        "k", 100, "native", frozenset(scopes), (), None, "", b"s", withdraw_from_ns=withdraw_from_ns
    )
    return KeptKey(record, START_NS)


@pytest.mark.parametrize("scope", Scope)
def test_a_key_may_what_it_says_and_nothing_else(scope):
    check_scope(scope, kept(scope), START_NS)
    check_scope(None, kept(), START_NS)
    for other in set(Scope) - {scope}:
        with pytest.raises(SessionRefused) as error:
            check_scope(other, kept(scope), START_NS)
        assert error.value.refusal.reason is AccessReason.MISSING_SCOPE


def test_withdrawing_waits_until_its_hour_to_the_nanosecond():
    key = kept(Scope.WITHDRAW, withdraw_from_ns=START_NS + SECOND_NS)
    check_scope(Scope.WITHDRAW, key, START_NS + SECOND_NS)
    with pytest.raises(SessionRefused) as error:
        check_scope(Scope.WITHDRAW, key, START_NS + SECOND_NS - 1)
    assert error.value.refusal.reason is AccessReason.WITHDRAW_COOLING


def test_an_end_says_why_and_what_to_do():
    assert "revoked for sending too much. That is final" in revoked_for("sending too much")
