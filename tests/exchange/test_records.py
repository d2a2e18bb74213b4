import pytest
from desk import BTC_USDT

from steelyard.domain.commands import Deposit, ListInstrument
from steelyard.domain.errors import DecodeError
from steelyard.domain.messages import KeyKind, Scope
from steelyard.exchange.records import (
    AccountNamed,
    Founded,
    KeyChanged,
    KeyCreated,
    KeyRevoked,
    MarketStep,
    NonceUsed,
    codec,
)


@pytest.mark.parametrize(
    "message",
    [
        Founded(1, "crowd", '{"seed":7}'),
        AccountNamed(100, "älice"),
        KeyCreated("k", 100, "native", frozenset(Scope), ("::1/128",), 5, "l", b"\x00\xff"),
        KeyCreated("k", 100, "native", frozenset(), (), None, "", b"s", KeyKind.ED25519),
        KeyCreated(
            "k2",
            100,
            "native",
            frozenset(),
            (),
            9,
            "",
            b"s",
            KeyKind.ES256,
            ("BTC-USDT",),
            7,
            "k",
            8,
            "alice",
        ),
        KeyChanged("k", frozenset(Scope), ("BTC-USDT",), ("::1/128",), 5, "l", 7, "alice"),
        KeyRevoked("k"),
        KeyRevoked("k", "going on", "alice"),
        NonceUsed("k", "n", 2**62),
        MarketStep(),
        Deposit(100, 1, 2**100),
        ListInstrument(BTC_USDT),
    ],
    ids=lambda message: type(message).__name__,
)
def test_what_is_journaled_comes_back(message):
    record = codec().decode(7, codec().encode(message, 1234))
    assert record[:3] == (7, 1234, message)


def test_an_unknown_record_is_named():
    with pytest.raises(DecodeError, match="journal record 9 cannot be read"):
        codec().decode(9, b'J[1,{"type":"FromTheFuture"}]')


def test_a_revocation_from_before_causes_was_the_administrators():
    payload = b'J[1,{"type":"KeyRevoked","key":"k"}]'
    assert codec().decode(1, payload).message == KeyRevoked("k", "", "administrator")


def test_a_key_from_before_key_pairs_is_an_hmac_key():
    """As a journal of then has it, to the byte."""
    payload = (
        b'J[1,{"type":"KeyCreated","key":"k","account_id":100,"dialect":"native",'
        b'"scopes":["read"],"ip":[],"expires_ns":null,"label":"","sealed":"AP8="}]'
    )
    made = KeyCreated("k", 100, "native", frozenset({Scope.READ}), (), None, "", b"\x00\xff")
    assert codec().decode(1, payload).message == made
    assert made.kind is KeyKind.HMAC
