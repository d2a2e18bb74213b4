"""Deposits and withdrawals are pushed as the lists of REST have them."""

import pytest

from steelyard.dialects.okx import DIALECT
from steelyard.exchange.cashier import Cashier
from steelyard.exchange.funds import ADDRESS_COOLING_NS, WITHDRAWAL_LEAVES_NS
from steelyard.exchange.gate import Gate
from steelyard.wire.limits import UNLIMITED
from tests.dialects.okx.venue import HERE, Venue
from tests.shared.people_desk import PeopleDesk

TRON = "T" * 34
SECOND_NS = 1_000_000_000


class Bank(Venue):
    """Anna has an address and a key that have cooled."""

    def __init__(self) -> None:
        self.desk = desk = PeopleDesk()
        self.lines = []
        self.anna = desk.sign_up("anna")
        desk.enrol(self.anna)
        self.deposit("500")
        desk.funds.add_address(self.anna, "USDT", "tron", TRON, "cold", desk.caller())
        cashier = Cashier(desk.exchange, desk.personal)
        self.gate = Gate(desk.exchange, DIALECT, UNLIMITED, 0, cashier)
        self.mighty = self.key("anna", scopes=("read", "withdraw"), ip=[HERE])
        self.wait(ADDRESS_COOLING_NS)

    def deposit(self, amount: str) -> None:
        desk = self.desk
        number = desk.funds.announce(self.anna, "anna", "USDT", amount, desk.caller())
        desk.funds.confirm_deposit(self.anna, number, desk.caller())

    def wait(self, time_ns: int) -> None:
        self.desk.tick(time_ns // SECOND_NS)
        self.desk.exchange.step(self.desk.now_ns)

    def confirm(self) -> None:
        text = self.desk.people.outbox.mails(self.anna.person_id)[0].text
        token = text.partition("code: ")[2].split()[0]
        self.desk.funds.confirm_withdrawal(self.anna, token, self.desk.caller())

    def listen(self, channel: str, **arg: str):
        socket = self.open("business", self.mighty)
        assert socket.subscribe(channel, **arg) == []
        return socket


@pytest.fixture
def bank() -> Bank:
    return Bank()


def test_a_deposit_is_told_when_it_comes_and_not_those_from_before(bank):
    all_of_them, bitcoin = bank.listen("deposit-info"), bank.listen("deposit-info", ccy="BTC")
    bank.deposit("20")
    assert all_of_them.heard("deposit-info") == []
    bank.pass_time(1)
    (row,) = all_of_them.heard("deposit-info")
    assert (row["ccy"], row["amt"], row["state"]) == ("USDT", "20", "2")
    assert row["pTime"] > row["ts"]
    bank.pass_time(1)
    assert all_of_them.heard("deposit-info") == []
    newest, *_ = bank.rows("asset/deposit-history", bank.mighty)
    assert newest.items() <= row.items()
    assert bitcoin.heard("deposit-info") == []


def test_a_withdrawal_is_told_when_it_is_held_and_when_it_has_left(bank):
    socket = bank.listen("withdrawal-info")
    wanted = {"ccy": "USDT", "amt": "100", "dest": "4", "toAddr": TRON, "chain": "USDT-TRC20"}
    told = bank.post("asset/withdrawal", wanted, bank.mighty)
    assert told["code"] == "0", told
    bank.confirm()
    bank.pass_time(1)
    number = told["data"][0]["wdId"]
    assert [(r["wdId"], r["amt"]) for r in socket.heard("withdrawal-info")][-1] == (number, "100")
    bank.wait(WITHDRAWAL_LEAVES_NS)
    bank.pass_time(1)
    (row,) = socket.heard("withdrawal-info")
    assert (row["wdId"], row["state"]) == (number, "2")


def test_a_key_that_is_gone_hears_nothing(bank):
    """Nor does its look-up bring the exchange down."""
    socket = bank.listen("deposit-info")
    bank.desk.admin.revoke_key(bank.mighty.key, bank.desk.now_ns)
    bank.deposit("20")
    bank.pass_time(1)
    assert socket.heard("deposit-info") == []
