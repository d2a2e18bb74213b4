import pytest
from people_desk import PeopleDesk

from steelyard.domain.errors import UsageError
from steelyard.exchange.declined import Declined
from steelyard.exchange.lockout import FREE_TRIES
from steelyard.exchange.person_admin import (
    TEMPORARY_NS,
    ListPersons,
    ResetPassword,
    ResetTotp,
    UnlockPerson,
)


@pytest.fixture
def desk():
    return PeopleDesk()


def test_everybody_is_listed_without_anything_secret(desk):
    anna = desk.sign_up("anna")
    desk.enrol(anna)
    desk.personal.open_sub_account(anna, "bot", desk.caller())
    desk.sign_up("bert")
    first, second = desk.admin.carry_out(ListPersons(), desk.tick())["persons"]
    assert first == {
        "name": "anna",
        "email": "anna@example.com",
        "accounts": ["anna", "anna.bot"],
        "since": first["since"],
        "last_sign_in": None,
        "totp": True,
        "recovery_codes_left": 10,
        "must_change_password": False,
        "password_expires": None,
        "locked_ms": 0,
    }
    assert second["name"] == "bert"


def test_unlocking_forgets_wrong_tries(desk):
    anna = desk.sign_up("anna")
    caller = desk.caller()
    for _ in range(FREE_TRIES + 3):
        desk.people.lockout.tried("anna", caller.now_ns)
        desk.people.code_lockout.tried(str(anna.person_id), caller.now_ns)
    for _ in range(30):
        desk.people.ip_lockout.tried(caller.ip, caller.now_ns)
    with pytest.raises(Declined):
        desk.personal.begin_sign_in("anna", caller)
    assert desk.admin.carry_out(ListPersons(), caller.now_ns)["persons"][0]["locked_ms"] == 8_000
    desk.admin.carry_out(UnlockPerson("ANNA"), caller.now_ns)
    desk.personal.begin_sign_in("anna", caller)
    desk.personal.begin_password_check(anna, caller)


def test_a_lost_factor_is_taken_away_and_its_owner_told(desk):
    anna = desk.sign_up("anna")
    desk.enrol(anna)
    assert desk.admin.carry_out(ResetTotp("anna"), desk.tick())["totp"] is False
    desk.sign_in("anna")
    assert desk.people.outbox.mails(anna.person_id)[0].subject == "Second factor removed"
    with pytest.raises(UsageError, match="anna has no second factor"):
        desk.admin.carry_out(ResetTotp("anna"), desk.tick())


def test_a_reset_password_is_temporary_and_ends_the_sessions(desk):
    anna = desk.sign_up("anna")
    desk.admin.carry_out(ResetPassword("anna", "a new hash"), desk.tick())
    assert (anna.password_hash, anna.is_temporary, anna.generation) == ("a new hash", True, 1)
    desk.personal.set_password(anna, "my own", desk.caller(), compared=anna.password_hash)
    assert (anna.is_temporary, anna.generation) == (False, 2)
    assert anna.password_expires_ns is None


def test_a_temporary_password_lets_in_for_a_day(desk):
    """Neither a sign-in nor a change after it; and the person's own has no end."""
    anna = desk.sign_up("anna")
    shown = desk.admin.carry_out(ResetPassword("anna", "a hash"), now_ns := desk.tick())
    assert shown["password_expires"] == (now_ns + TEMPORARY_NS) // 1_000_000
    day_s = TEMPORARY_NS // 1_000_000_000
    desk.tick(day_s - 2)
    assert desk.sign_in("anna") is anna
    desk.tick()
    for act in (
        lambda: desk.sign_in("anna"),
        lambda: desk.personal.set_password(anna, "own", desk.caller(), compared="a hash"),
    ):
        with pytest.raises(Declined, match="temporary password has expired") as declined:
            act()
        assert "reset-password" in declined.value.hint
    assert desk.restored().people.get(anna.person_id).password_expires_ns is not None
    desk.admin.carry_out(ResetPassword("anna", "another hash"), desk.tick())
    desk.personal.set_password(anna, "own", desk.caller(), compared="another hash")
    desk.tick(2 * day_s)
    assert desk.sign_in("anna") is anna


def test_that_a_temporary_password_has_expired_is_told_to_nobody_else(desk):
    desk.sign_up("anna")
    desk.admin.carry_out(ResetPassword("anna", "a hash"), desk.tick())
    desk.tick(TEMPORARY_NS // 1_000_000_000)
    with pytest.raises(Declined, match="the name or the password is wrong"):
        desk.sign_in("anna", is_right=False)


@pytest.mark.parametrize("call", [UnlockPerson("x"), ResetTotp("x"), ResetPassword("x", "h")])
def test_an_unknown_name_is_told_who_there_is(desk, call):
    desk.sign_up("anna")
    with pytest.raises(UsageError, match="no person 'x'; there are: anna"):
        desk.admin.carry_out(call, desk.tick())
