import pytest
from people_desk import HOME, PeopleDesk

from steelyard.exchange.declined import Decline, Declined
from steelyard.exchange.lockout import FREE_TRIES, FREE_TRIES_PER_IP
from steelyard.exchange.people_records import Deed, RecoveryCodesMade
from steelyard.exchange.personal import (
    CODE_MAIL_PAUSE_NS,
    SUB_ACCOUNTS_MAX,
    check_password,
    token_hash,
)

GOOD = "correct horse battery"


@pytest.fixture
def desk():
    return PeopleDesk()


def declined(act, *arguments, **named):
    with pytest.raises(Declined) as error:
        act(*arguments, **named)
    return error.value


@pytest.mark.parametrize(
    ("name", "password", "problem"),
    [
        ("anna", "x" * 9 + "y", None),
        ("anna", "short", "10 to 200"),
        ("anna", "x" * 201, "10 to 200"),
        ("anna", "yx" * 100, None),
        ("anna", "my name is ANNA", "contain your name"),
        ("a", "a name of one letter may be in it", None),
        ("anna", "password123", "first passwords"),
        ("anna", "PassWord123", "first passwords"),
        ("anna", "\uff50assword123", "first passwords"),  # a wide p
        ("anna", "aaaaaaaaaaaa", "first passwords"),
        ("anna", "Qwertyuiop", "first passwords"),
        ("anna", "Dragon2023", "first passwords"),
        ("anna", "iloveyou4ever", "first passwords"),
        ("anna", "1qaz2wsx3edc", "first passwords"),
        ("anna", "Correct Horse Battery Staple", "first passwords"),
        ("anna", "no digits nor capitals needed", None),
        ("anna", "пароль на русском", None),
    ],
)
def test_passwords_are_judged_by_length_name_and_a_list(name, password, problem):
    if problem is None:
        check_password(name, password)
    else:
        error = declined(check_password, name, password)
        assert (error.code, error.field) == (Decline.INVALID, "password")
        assert problem in str(error)


@pytest.mark.parametrize(
    ("name", "email", "field"),
    [
        ("", "a@b.c", "name"),
        ("x" * 31, "a@b.c", "name"),
        ("an na", "a@b.c", "name"),
        ("änna", "a@b.c", "name"),
        ("anna.bot", "a@b.c", "name"),
        ("alice", "a@b.c", "name"),  # an account of nobody
        ("ALICE", "a@b.c", "name"),
        ("bert", "a@b.c", "name"),
        ("anna", "", "email"),
        ("anna", "a@b@c", "email"),
        ("anna", "a b@c", "email"),
        ("anna", "a\r\nBcc: x@y.z", "email"),
        ("anna", "a@" + "b" * 254, "email"),
        ("anna", "a\x9b31m@b.c", "email"),
        ("anna", "a\u202e@b.c", "email"),
    ],
)
def test_who_cannot_sign_up_is_told_the_field(desk, name, email, field):
    desk.sign_up("Bert")
    records = len(desk.exchange.drain().records)
    assert records
    assert declined(desk.personal.check_new, name, email, GOOD).field == field
    assert not desk.exchange.drain().records


def test_signing_up_opens_an_empty_account_of_the_name(desk):
    person = desk.sign_up("anna")
    assert desk.exchange.keys.account_id("anna") == person.account_id
    assert desk.exchange.engine.balances(person.account_id) == {}
    (mail,) = desk.people.outbox.mails(person.person_id)
    assert (mail.to, mail.subject) == ("anna@example.com", "Welcome to steelyard")


def test_a_wrong_name_and_a_wrong_password_read_alike(desk):
    desk.sign_up("anna")
    wrong = [declined(desk.sign_in, name, is_right=False) for name in ("anna", "nobody")]
    assert {(e.code, str(e), e.field, e.hint) for e in wrong} == {
        (Decline.CREDENTIALS, "the name or the password is wrong", None, None)
    }


@pytest.mark.parametrize("name", ["anna", "nobody"])
def test_a_name_is_locked_whether_it_is_somebodys_or_not(desk, name):
    desk.sign_up("anna")
    for number in range(FREE_TRIES):
        ip = f"198.51.100.{number}"
        assert declined(desk.sign_in, name, is_right=False, ip=ip).code is Decline.CREDENTIALS
    caller = desk.caller()._replace(now_ns=desk.now_ns - 1_000_000_000)
    locked = declined(desk.personal.begin_sign_in, name, caller)
    assert locked.code is Decline.LOCKED
    assert 0 < locked.retry_after_ns <= 1_000_000_000


def test_who_is_right_after_the_wait_is_let_in_and_counts_anew(desk):
    desk.sign_up("anna")
    for _ in range(FREE_TRIES):
        declined(desk.sign_in, "anna", is_right=False)
    desk.tick(10)
    desk.sign_in("anna")
    for _ in range(FREE_TRIES):
        assert declined(desk.sign_in, "anna", is_right=False).code is Decline.CREDENTIALS


def test_a_sign_in_of_ones_own_does_not_free_an_address_for_guessing(desk):
    desk.sign_up("anna")
    for number in range(FREE_TRIES_PER_IP):
        declined(desk.sign_in, f"name{number}", is_right=False)
        if number < FREE_TRIES_PER_IP - 1:
            desk.sign_in("anna")
    caller = desk.caller()._replace(now_ns=desk.now_ns - 1_000_000_000)
    assert declined(desk.personal.begin_sign_in, "more", caller).code is Decline.LOCKED
    desk.personal.begin_sign_in("more", caller._replace(ip="198.51.100.1"))


def test_tries_at_once_are_as_many_as_one_after_the_other(desk):
    desk.sign_up("anna")
    caller = desk.caller()
    for _ in range(FREE_TRIES):
        desk.personal.begin_sign_in("anna", caller)
    assert declined(desk.personal.begin_sign_in, "anna", caller).code is Decline.LOCKED


def test_asking_for_the_second_factor_costs_no_try(desk):
    desk.enrol(desk.sign_up("anna"))
    for _ in range(FREE_TRIES * 2):
        assert declined(desk.sign_in, "anna").code is Decline.SECOND_FACTOR


def test_a_code_signs_in_once_and_after_a_restart_not_again(desk):
    person = desk.sign_up("anna")
    desk.enrol(person)
    code = desk.code(person)
    desk.sign_in("anna", code=code)
    assert declined(desk.sign_in, "anna", code=code).code is Decline.SECOND_FACTOR
    again = PeopleDesk()
    again.exchange = desk.restored()
    again.now_ns = desk.now_ns
    again.personal._exchange = again.exchange
    assert declined(again.sign_in, "anna", code=code).code is Decline.SECOND_FACTOR


def test_recovery_codes_are_good_once_however_they_are_typed(desk):
    person = desk.sign_up("anna")
    codes = desk.enrol(person)
    assert len({*codes}) == 10
    desk.sign_in("anna", code=codes[3].upper().replace("-", " "))
    assert len(person.recovery_hashes) == 9
    assert declined(desk.sign_in, "anna", code=codes[3]).code is Decline.SECOND_FACTOR
    new = desk.personal.make_recovery_codes(person, desk.caller())
    assert declined(desk.sign_in, "anna", code=codes[4]).code is Decline.SECOND_FACTOR
    desk.sign_in("anna", code=new[0])


def test_recovery_codes_are_kept_under_a_key_that_is_not_in_the_directory(desk):
    """What is journaled is no plain hash, which could be guessed at; and is bound to its owner."""
    anna, bert = desk.sign_up("anna"), desk.sign_up("bert")
    codes = desk.enrol(anna)
    desk.enrol(bert)
    plain = {token_hash(code.replace("-", "")) for code in codes}
    assert len(anna.recovery_hashes) == 10
    assert not plain & {*anna.recovery_hashes}
    bert.recovery_hashes = [*anna.recovery_hashes]
    assert declined(desk.sign_in, "bert", code=codes[0]).code is Decline.SECOND_FACTOR
    desk.sign_in("anna", code=codes[0])


def test_recovery_codes_of_an_older_journal_are_still_good_once(desk):
    anna = desk.sign_up("anna")
    desk.enrol(anna)
    record = RecoveryCodesMade(anna.person_id, (token_hash("abcdefgh"), token_hash("ijklmnop")))
    desk.personal.record(record, desk.caller())
    desk.sign_in("anna", code="abcd-efgh")
    assert declined(desk.sign_in, "anna", code="abcd-efgh").code is Decline.SECOND_FACTOR
    assert len(anna.recovery_hashes) == 1


def test_a_right_password_with_a_wrong_code_is_told_by_mail_once_an_hour(desk):
    """Somebody has the password: its owner hears of it, and is not flooded."""
    anna = desk.sign_up("anna")
    desk.enrol(anna)
    subject = "Right password, wrong code"

    def told():
        mails = desk.people.outbox.mails(anna.person_id)
        return [mail.text for mail in mails if mail.subject == subject]

    declined(desk.sign_in, "anna", code="000000", is_right=False)
    declined(desk.sign_in, "anna", code=None)
    assert told() == []
    for number in range(FREE_TRIES - 1):
        declined(desk.sign_in, "anna", code="000000", ip=f"198.51.100.{number}")
    (text,) = told()
    assert "198.51.100.0" in text
    desk.tick(CODE_MAIL_PAUSE_NS // 1_000_000_000)
    declined(desk.sign_in, "anna", code="000000", ip="198.51.100.77")
    assert len(told()) == 2
    assert "198.51.100.77" in told()[0]


def test_a_step_up_spends_its_code_only_if_it_was_of_use(desk):
    person = desk.sign_up("anna")
    caller = desk.caller()
    assert (
        declined(desk.personal.step_up, person, "123456", caller, list).code
        is Decline.TOTP_REQUIRED
    )
    desk.enrol(person)
    code = desk.code(person)

    def fails():
        raise Declined(Decline.INVALID, "no")

    assert declined(desk.personal.step_up, person, code, desk.caller(), fails).code is (
        Decline.INVALID
    )
    assert desk.personal.step_up(person, code, desk.caller(), lambda: 7) == 7
    again = declined(desk.personal.step_up, person, code, desk.caller(), lambda: 8)
    assert again.code is Decline.SECOND_FACTOR


def test_guessing_codes_is_locked(desk):
    person = desk.sign_up("anna")
    desk.enrol(person)
    caller = desk.caller()
    for _ in range(FREE_TRIES):
        error = declined(desk.personal.step_up, person, "000000", caller, list)
        assert error.code is Decline.SECOND_FACTOR
    assert declined(desk.personal.step_up, person, "000000", caller, list).code is Decline.LOCKED


def test_a_sign_in_from_elsewhere_sends_a_mail_once(desk):
    person = desk.sign_up("anna")
    desk.sign_in("anna", ip=HOME)
    assert len(desk.people.outbox.mails(person.person_id)) == 1
    for _ in range(2):
        desk.sign_in("anna", ip="198.51.100.9")
    first, _ = desk.people.outbox.mails(person.person_id)
    assert first.subject == "New sign-in"
    assert "198.51.100.9" in first.text


def test_sub_accounts_are_named_after_the_person_and_bounded(desk):
    person = desk.sign_up("anna")
    assert desk.personal.open_sub_account(person, "bot", desk.caller()) == "anna.bot"
    open_one = desk.personal.open_sub_account
    assert declined(open_one, person, "bot", desk.caller()).code is Decline.NAME_TAKEN
    assert declined(open_one, person, "a.b", desk.caller()).field == "name"
    assert declined(open_one, person, "x" * 36, desk.caller()).field == "name"
    for number in range(SUB_ACCOUNTS_MAX - 1):
        open_one(person, f"bot{number}", desk.caller())
    assert declined(open_one, person, "more", desk.caller()).code is Decline.TOO_MANY


def test_removing_the_factor_removes_the_recovery_codes(desk):
    person = desk.sign_up("anna")
    desk.enrol(person)
    desk.personal.remove_totp(person, desk.caller())
    assert not person.has_totp
    assert not person.recovery_hashes
    desk.sign_in("anna")
    deeds = [line.what for line in desk.people.activity(person.person_id)]
    assert deeds[:2] == [Deed.SIGNED_IN, Deed.TOTP_REMOVED]


def test_a_right_password_makes_no_codes_free(desk):
    """Who has the password must not be able to try one code after the other."""
    person = desk.sign_up("anna")
    desk.enrol(person)
    caller, codes = desk.caller(), []
    for _ in range(FREE_TRIES + 1):
        compared = desk.personal.begin_password_check(person, caller)
        desk.personal.finish_password_check(person, compared=compared, is_right=True, field="p")
        codes.append(declined(desk.personal.step_up, person, "000000", caller, list).code)
    assert codes == [Decline.SECOND_FACTOR] * FREE_TRIES + [Decline.LOCKED]


def test_a_password_that_was_changed_while_it_was_compared_is_wrong(desk):
    """Whoever knows only the old one comes in nowhere, however well timed."""
    person = desk.sign_up("anna")
    old = desk.personal.begin_sign_in("anna", desk.caller())
    desk.personal.set_password(person, "a new hash", desk.caller(), compared=old)
    personal, caller = desk.personal, desk.caller()
    was_right = {"compared": old, "is_right": True}
    for error in (
        declined(personal.finish_sign_in, "anna", None, caller, **was_right),
        declined(personal.finish_password_check, person, field="password", **was_right),
        declined(personal.set_password, person, "a thief's", caller, compared=old),
    ):
        assert error.code is Decline.CREDENTIALS
    assert person.password_hash == "a new hash"


def test_names_of_sub_accounts_differ_by_more_than_case(desk):
    person = desk.sign_up("anna")
    desk.personal.open_sub_account(person, "bot", desk.caller())
    error = declined(desk.personal.open_sub_account, person, "BOT", desk.caller())
    assert error.code is Decline.NAME_TAKEN
