"""The order and the words of the checks are in test_gate.py; here is what each asks by itself."""

import pytest
from desk import START_NS, Desk, PlainSeal

from steelyard import dialects
from steelyard.domain.messages import SECOND_NS, Scope
from steelyard.exchange.access import check_scope, revoked_for
from steelyard.exchange.gate import Gate
from steelyard.exchange.keys import KeptKey, passphrase_context
from steelyard.exchange.records import KeyCreated
from steelyard.wire.dialect import AccessReason, Credentials, SessionRefused
from steelyard.wire.limits import UNLIMITED

NATIVE = dialects.find("native")


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


class Venue:
    """A gate whose keys have passphrases and nonces that rise, as some venues' do."""

    def __init__(self) -> None:
        self.desk = Desk()
        context = passphrase_context("k9")
        record = KeyCreated(
            "k9",
            self.desk.alice,
            "native",
            frozenset(Scope),
            (),
            None,
            "",
            PlainSeal().seal(b"secret", b"k9"),
            sealed_passphrase=PlainSeal().seal(b"open sesame", context),
        )
        self.desk.exchange.record(record, self.desk.now_ns)
        self.endpoint = next(e for e in NATIVE.endpoints if e.path == "/api/v1/account")

    def told(
        self, nonce: str, passphrase: str = "open sesame", *, is_right: bool = True, tell=None
    ) -> str:
        """Ask with a nonce and return the reason of the refusal, or nothing."""
        dialect = NATIVE._replace(verify=lambda *_: is_right)
        claimed = Credentials(
            "k9", "", (), None, 0, 0, nonce, None, True, passphrase, tell_passphrase=tell
        )
        gate = Gate(self.desk.exchange, dialect, UNLIMITED, self.desk.now_ns)
        try:
            gate.request(
                self.endpoint, self.endpoint.request, lambda: claimed, "::1", self.desk.tick(), []
            )
        except SessionRefused as refused:
            return refused.refusal.reason.name
        return ""


def test_a_nonce_that_rises_is_above_every_one_before():
    """Kraken's: any unit, no clock; a repeat is refused and uses up nothing."""
    venue = Venue()
    assert venue.told("1700000000000") == ""
    assert venue.told("1700000000000") == "REPEATED_NONCE"
    assert venue.told("16") == "REPEATED_NONCE"
    assert venue.told("1700000000001") == ""
    assert venue.told("99999999999999999", is_right=False) == "BAD_SIGNATURE"
    assert venue.told("1700000000002") == ""


def test_a_passphrase_is_asked_for_once_the_signature_is_right():
    """So that nobody learns of it who could not have signed; a wrong one uses up no nonce."""
    venue = Venue()
    assert venue.told("1", "open barley", is_right=False) == "BAD_SIGNATURE"
    assert venue.told("1", "open barley") == "BAD_PASSPHRASE"
    assert venue.told("1", "") == "BAD_PASSPHRASE"
    assert venue.told("1") == ""


def test_a_passphrase_may_have_to_be_told_as_a_dialect_makes_it():
    """KuCoin's newer keys sign it: then what was told as it is, is wrong."""

    def signed(secret: bytes, passphrase: bytes) -> bytes:
        return secret + b" of " + passphrase

    venue = Venue()
    assert venue.told("1", "open sesame", tell=signed) == "BAD_PASSPHRASE"
    assert venue.told("1", "secret of open sesame", tell=signed) == ""
