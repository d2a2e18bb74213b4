import pytest

from steelyard.domain.commands import Deposit, OpenAccount, OpenTransfer, Withdraw
from steelyard.exchange import people_records as told
from steelyard.exchange.people_records import commands_of
from steelyard.exchange.records import codec

RECORDS = [
    (told.PersonSignedUp(1, "alice", "a@example.com", 100, 5, "$argon2id$"), [OpenAccount]),
    (told.PasswordSet(1, "$argon2id$", is_temporary=True), []),
    (told.TotpEnrolled(1, b"\x00\xff", (b"\x01", b"\x02"), 7), []),
    (told.TotpRemoved(1), []),
    (told.TotpStepUsed(1, 2**40), []),
    (told.RecoveryCodesMade(1, (b"\xff",)), []),
    (told.RecoveryCodeUsed(1, b"\xff"), []),
    (told.SubAccountOpened(1, 101, "alice.bot", 5), [OpenAccount]),
    (told.Moved(1, 100, 101, 2, 2**100), [Withdraw, Deposit]),
    (told.AddressAdded(1, 1, 2, "tron", "T" * 34, "cold"), []),
    (told.AddressRemoved(1, 1), []),
    (told.DepositAnnounced(1, 100, 2, 2**100, 9), [OpenTransfer]),
    (told.WithdrawalAsked(1, 100, 2, 9, 1, "tron", "T", "", b"\xff", 9), [OpenTransfer]),
    (told.WithdrawalConfirmed(1, 3, 9), []),
    (told.PersonActed(1, told.Deed.MOVED, "about", "::1"), []),
]


@pytest.mark.parametrize(("record", "kinds"), RECORDS, ids=lambda value: type(value).__name__)
def test_what_is_journaled_comes_back_and_stands_for_its_commands(record, kinds):
    assert codec().decode(7, codec().encode(record, 1234))[:3] == (7, 1234, record)
    assert [type(command) for command in commands_of(record)] == kinds


def test_every_record_is_in_the_table():
    assert {type(record) for record, _ in RECORDS} == set(told.AnyPersonRecord.__args__)


def test_a_withdrawal_goes_the_other_way():
    (announced,) = commands_of(RECORDS[11][0])
    (asked,) = commands_of(RECORDS[12][0])
    assert (announced.amount_atoms, asked.amount_atoms) == (2**100, -9)
