"""A directory whose seal key is another one: what does not open is found, and forgotten whole."""

import hmac

import pytest
from people_desk import PeopleDesk

from steelyard.domain.errors import ConfigError
from steelyard.domain.messages import Scope
from steelyard.exchange.access import Access
from steelyard.exchange.declined import Decline, Declined
from steelyard.exchange.issuing import KeyHistory
from steelyard.exchange.sealed import forget, unopened
from steelyard.wire.dialect import AccessReason, Auth, Credentials, SessionRefused
from tests.dialects.native.venue import DIALECT

HOUR_NS = 3_600 * 10**9


class OtherSeal:
    """The seal of another machine: nothing opens."""

    def seal(self, plain, context):
        return plain

    def open(self, sealed, context):
        raise ConfigError("a sealed secret does not open; see /place/seal.key")

    def digest(self, plain, context):
        return hmac.digest(b"other", context + plain, "sha256")


@pytest.fixture
def desk():
    desk = PeopleDesk()
    desk.enrol(desk.sign_up("anna"))
    desk.sign_up("bert")
    return desk


def new_key(desk, **options):
    return desk.admin.create_key(
        "anna", dialect="native", scopes=[Scope.READ], now_ns=desk.tick(), **options
    ).key


def moved(desk):
    """Let it be another machine's from here on."""
    desk.exchange.keys._seal = desk.personal._seal = OtherSeal()
    desk.exchange.keys._secrets.clear()


def test_nothing_is_missed_where_the_seal_fits(desk):
    new_key(desk)
    assert not unopened(desk.exchange, desk.personal._seal, desk.now_ns)


def test_what_still_would_work_is_found_and_what_has_ended_is_not(desk):
    key = new_key(desk)
    desk.admin.revoke_key(new_key(desk), desk.now_ns)
    new_key(desk, expires_ns=desk.now_ns + HOUR_NS)
    moved(desk)
    found = unopened(desk.exchange, OtherSeal(), desk.now_ns + 2 * HOUR_NS)
    assert [kept.created.key for kept in found.keys] == [key]
    assert [person.name for person in found.persons] == ["anna"]
    assert str(found) == "1 API key and 1 second factor"


def test_all_of_it_is_forgotten_and_told(desk):
    """Nothing is left that does not open; whoever lost a factor enrols a new one."""
    key, person = new_key(desk), desk.people.find("anna")
    moved(desk)
    forget(desk.exchange, unopened(desk.exchange, OtherSeal(), desk.now_ns), desk.now_ns)
    assert not unopened(desk.exchange, OtherSeal(), desk.now_ns)
    assert desk.exchange.keys.find(key) is None
    history = desk.admin.carry_out(KeyHistory(key), desk.now_ns)["events"]
    assert (history[-1]["what"], history[-1]["by"]) == (
        "revoked",
        "administrator (--forget-sealed)",
    )
    assert (person.has_totp, person.recovery_hashes) == (False, [])
    assert desk.people.outbox.mails(person.person_id)[0].subject == "Second factor removed"
    assert desk.sign_in("anna") is person


def test_a_key_that_does_not_open_is_refused_and_says_no_path(desk):
    """No client hears of our files, and nothing fails."""
    key = new_key(desk)
    moved(desk)
    credentials = Credentials(key, "0" * 64, (b"payload",), desk.now_ns, 5 * 10**9, 10**9)
    access = Access(desk.exchange, DIALECT, 0)
    with pytest.raises(SessionRefused) as refused:
        access.authenticate(credentials, Auth.SIGNED, "127.0.0.1", desk.now_ns)
    assert refused.value.refusal.reason is AccessReason.UNKNOWN_KEY
    assert "create another one" in refused.value.refusal.message
    assert "/place" not in refused.value.refusal.message


def test_a_factor_that_does_not_open_is_refused_and_says_no_path(desk):
    person = desk.people.find("anna")
    moved(desk)
    for act in (
        lambda: desk.sign_in("anna", code="123456"),
        lambda: desk.personal.step_up(person, "123456", desk.caller(), lambda: None),
    ):
        with pytest.raises(Declined) as declined:
            act()
        assert declined.value.code is Decline.CONFLICT
        assert "/place" not in str(declined.value)
        assert "reset-totp" in declined.value.hint
