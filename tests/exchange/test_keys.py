import pytest
from desk import SECOND_NS, START_NS, PlainSeal
from key_pairs import PUBLIC
from msgspec.structs import replace

from steelyard.domain.errors import UsageError
from steelyard.domain.messages import KeyKind, Scope
from steelyard.exchange.keys import (
    FOR_EVER,
    Keys,
    NewKey,
    checked_addresses,
    no_public_keys,
    passphrase_context,
    seal_context,
    too_wide,
)
from steelyard.exchange.records import KeyCreated
from steelyard.vault.key_pairs import read_public_key


def made(key="k1", ip=(), expires_ns=None):
    return KeyCreated(key, 100, "native", frozenset({Scope.READ}), ip, expires_ns, "", b"k1|terces")


@pytest.fixture
def keys():
    keys = Keys(PlainSeal())
    keys.named(100, "alice")
    keys.created(made(), START_NS)
    return keys


def test_a_revoked_key_is_not_found_and_its_secret_forgotten(keys):
    """B17."""
    assert keys.secret(keys.find("k1")) == b"secret"
    keys.revoked("k1", START_NS + 1)
    assert keys.find("k1") is None
    assert keys.of(100)[0].revoked_ns == START_NS + 1


def test_a_key_with_an_address_list_works_from_nowhere_else(keys):
    """B14, IPv4 and IPv6."""
    keys.created(made("k2", ("10.0.0.0/8", "::1/128")), START_NS)
    kept = keys.find("k2")
    assert kept.may_come_from("10.1.2.3")
    assert kept.may_come_from("::1")
    assert not kept.may_come_from("127.0.0.1")


def test_a_nonce_that_rises_uses_up_all_below_it(keys):
    """B20: for ever, whatever the clock says, and in whatever order a replay tells of them."""
    keys.nonce_used("k1", "100", FOR_EVER, START_NS)
    keys.nonce_used("k1", "99", FOR_EVER, START_NS)
    years_ns = START_NS * 5
    assert [keys.is_used("k1", nonce, years_ns) for nonce in ("9", "99", "100", "101")] == [
        True,
        True,
        True,
        False,
    ]
    assert not keys.is_used("k2", "1", START_NS)
    keys.revoked("k1", START_NS + 1)
    assert keys.people.last_nonces == {}


def test_a_passphrase_is_kept_sealed_and_only_where_there_is_one(keys):
    sealed = PlainSeal().seal(b"open sesame", passphrase_context("k2"))
    keys.created(replace(made("k2"), sealed_passphrase=sealed), START_NS)
    assert keys.passphrase(keys.find("k2")) == b"open sesame"
    assert keys.passphrase(keys.find("k1")) == b""


def test_a_nonce_is_good_once_and_forgotten_after_its_time(keys):
    """A20."""
    keys.nonce_used("k1", "n1", START_NS + 5 * SECOND_NS, START_NS)
    assert keys.is_used("k1", "n1", START_NS + SECOND_NS)
    assert not keys.is_used("k1", "n2", START_NS)
    keys.nonce_used("k1", "n2", START_NS + 20 * SECOND_NS, START_NS + 10 * SECOND_NS)
    assert keys.people.nonces["k1"].keys() == {"n2"}
    again = Keys(PlainSeal())
    again.restore(keys.people)
    again.nonce_used("k1", "n3", START_NS + 40 * SECOND_NS, START_NS + 30 * SECOND_NS)
    assert again.people.nonces["k1"].keys() == {"n3"}


def test_an_address_list_is_checked_word_by_word():
    assert checked_addresses(["127.0.0.1", "10.0.0.0/8"]) == ("127.0.0.1/32", "10.0.0.0/8")
    with pytest.raises(UsageError, match=r"'10\.0\.0\.300' is not an IP address"):
        checked_addresses(["10.0.0.300"])


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("127.0.0.1/8", "'127.0.0.1/8' is an address within 127.0.0.0/8"),
        ("::1/64", "is an address within ::/64"),
        ("::ffff:127.0.0.1", "write it as 127.0.0.1"),
        ("::ffff:10.0.0.0/104", "write it as 10.0.0.0"),
    ],
)
def test_an_address_that_would_never_match_or_means_two_things_is_refused(address, words):
    with pytest.raises(UsageError, match=words):
        checked_addresses([address])


@pytest.mark.parametrize(
    ("addresses", "wide"),
    [
        (("0.0.0.0/0",), "0.0.0.0/0"),
        (("10.0.0.1/32", "::/0"), "::/0"),
        (("10.0.0.0/23",), "10.0.0.0/23"),
        (("10.0.0.0/24", "2001:db8::/56"), None),
        ((), None),
    ],
)
def test_anywhere_is_no_address_list_for_a_key_that_may_withdraw(addresses, wide):
    assert too_wide(addresses) == wide


def test_an_unknown_account_is_answered_with_the_known_ones(keys):
    with pytest.raises(UsageError, match="no account 'bob'; there are: alice"):
        keys.account_id("bob")


def test_a_new_key_does_not_show_its_secret_by_accident():
    assert "hush" not in f"{NewKey('k', 'hush', 1)!r}"


def of_a_pair(context):
    sealed = PlainSeal().seal(PUBLIC.encode(), context)
    scopes = frozenset({Scope.READ})
    return KeyCreated("k2", 100, "native", scopes, (), None, "", sealed, KeyKind.ED25519)


def test_a_public_key_is_opened_once_and_forgotten_when_revoked():
    keys = Keys(PlainSeal(), read_public_key)
    keys.created(of_a_pair(b"k2 ed25519"), START_NS)
    found = keys.public_key(keys.find("k2"))
    assert found.pem.decode() == PUBLIC
    assert keys.public_key(keys.find("k2")) is found
    keys.revoked("k2", START_NS + 1)
    assert keys.find("k2") is None


def test_a_public_key_is_never_taken_for_a_secret():
    """Whoever changes a record's kind, and makes its public key a secret, opens nothing."""
    assert len({seal_context("k", kind) for kind in KeyKind}) == len(KeyKind)
    assert seal_context("k", KeyKind.HMAC) == b"k", "what was sealed before key pairs opens"
    keys = Keys(PlainSeal(), read_public_key)
    keys.created(of_a_pair(b"k2"), START_NS)
    with pytest.raises(AssertionError):
        keys.public_key(keys.find("k2"))
    with pytest.raises(AssertionError, match="a key pair has no secret here"):
        keys.secret(keys.find("k2"))


def test_an_exchange_without_a_reader_takes_no_public_keys():
    with pytest.raises(UsageError, match="reads no rsa keys; create an hmac key instead"):
        no_public_keys(KeyKind.RSA, b"")
