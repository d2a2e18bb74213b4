"""The state of people: what the records make, what outlives a restart, what is bounded."""

import pytest
from desk import PlainSeal
from people_desk import PeopleDesk

from steelyard.engine.reference import ReferenceEngine
from steelyard.exchange.exchange import Exchange
from steelyard.exchange.people import ACTIVITY_MAX, FAILED_MAX
from steelyard.exchange.people_records import Deed
from steelyard.exchange.records import codec


@pytest.fixture
def desk():
    return PeopleDesk()


def live(desk):
    """Let people do one of everything; return alice."""
    alice, bob = desk.sign_up("anna"), desk.sign_up("bert")
    codes = desk.enrol(alice)
    desk.sign_in("anna", code=codes[0])
    desk.sign_in("bert", ip="198.51.100.9")
    desk.personal.open_sub_account(alice, "bot", desk.caller())
    desk.personal.set_password(bob, "another hash", desk.caller(), compared=bob.password_hash)
    number = desk.funds.announce(alice, "anna", "USDT", "500", desk.caller())
    desk.funds.confirm_deposit(alice, number, desk.caller())
    desk.funds.announce(alice, "anna.bot", "BTC", "1", desk.caller())
    desk.funds.move(alice, "anna", "anna.bot", "USDT", "200", desk.caller())
    added = desk.funds.add_address(alice, "USDT", "tron", "T" * 34, "cold", desk.caller())
    desk.tick(24 * 3600)
    from steelyard.exchange.funds import Asked

    asked = Asked("anna", "USDT", "100", added.address_id)
    desk.funds.withdraw(alice, asked, desk.caller())
    return alice


def test_replay_and_snapshot_give_the_same_people(desk):
    live(desk)
    again = Exchange(ReferenceEngine(), None, PlainSeal())
    coded = codec()
    for sequence, (time_ns, message) in enumerate(desk.exchange.drain().records, 1):
        again.replay(coded.decode(sequence, coded.encode(message, time_ns)))
    for copy in (again, desk.restored()):
        assert copy.people.snapshot() == desk.people.snapshot()
        assert copy.engine.state_hash() == desk.exchange.engine.state_hash()
        assert copy.snapshot() == desk.exchange.snapshot()


def test_what_is_due_comes_due_after_a_restart_too(desk):
    alice = live(desk)
    copy = desk.restored()
    desk.tick(24 * 3600)
    for exchange in (copy, desk.exchange):
        exchange.step(desk.now_ns)
    # The deposit has arrived, the withdrawal whose mail nobody answered is canceled.
    for exchange in (copy, desk.exchange):
        person = exchange.people.get(alice.person_id)
        assert all(funding.is_ended for funding in person.fundings.values())
        states = [t.state.name for t in exchange.statements.transfers(person.account_id)]
        assert states == ["DONE", "CANCELED"]
        (sub,) = person.sub_accounts
        assert [t.state.name for t in exchange.statements.transfers(sub)] == ["DONE"]


def test_who_is_found(desk):
    alice = desk.sign_up("Anna")
    assert desk.people.find("aNNA") is alice
    assert desk.people.find("nobody") is None
    sub = desk.personal.open_sub_account(alice, "bot", desk.caller())
    assert desk.people.owner_of(desk.exchange.keys.account_id(sub)) is alice
    assert desk.people.owner_of(desk.alice) is None  # an account of nobody
    assert len(desk.people) == 1
    assert [*desk.people] == [alice]


def test_activity_is_newest_first_and_bounded(desk):
    alice = desk.sign_up("anna")
    for number in range(ACTIVITY_MAX + 5):
        desk.personal.note(alice.person_id, Deed.MOVED, str(number), desk.caller())
    for number in range(FAILED_MAX + 5):
        desk.people.failed(alice.person_id, Deed.SIGN_IN_FAILED, str(number), "::1", desk.tick())
    lines = desk.people.activity(alice.person_id)
    assert len(lines) == ACTIVITY_MAX + FAILED_MAX
    assert [line.time_ns for line in lines] == sorted((x.time_ns for x in lines), reverse=True)
    assert lines[0].what is Deed.SIGN_IN_FAILED
    kept = desk.restored().people.activity(alice.person_id)
    assert len(kept) == ACTIVITY_MAX  # what failed is not kept


def test_an_administrator_may_decide_a_persons_transfer(desk):
    """The person's side follows the engine, whoever closed it."""
    from steelyard.domain.commands import CloseTransfer

    alice = desk.sign_up("anna")
    number = desk.funds.announce(alice, "anna", "BTC", "1", desk.caller())
    desk.exchange.record(CloseTransfer(number, done=True), desk.tick())
    assert desk.funds.transfer(alice, number)["state"] == "done"
    assert alice.fundings[number].is_ended
    desk.exchange.step(desk.tick(24 * 3600))  # nothing is due any more
    assert desk.funds.transfer(alice, number)["state"] == "done"
