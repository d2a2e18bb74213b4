"""People's money: whatever they do, in whatever order, the books balance."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from people_desk import PeopleDesk

from steelyard.exchange.audit import audit
from steelyard.exchange.declined import Decline, Declined
from steelyard.exchange.funds import (
    ADDRESS_COOLING_NS,
    DEPOSIT_ARRIVES_NS,
    MAIL_EXPIRES_NS,
    NETWORKS,
    PENDING_MAX,
    WITHDRAWAL_LEAVES_NS,
    Asked,
)
from steelyard.exchange.people_records import AddressRemoved

TRON = "T" * 34
DAY_S = ADDRESS_COOLING_NS // 1_000_000_000


class Anna:
    """A person with 500 USDT, a sub-account, and an address that has cooled."""

    def __init__(self) -> None:
        self.desk = PeopleDesk()
        self.person = self.desk.sign_up("anna")
        self.desk.enrol(self.person)
        self.desk.personal.open_sub_account(self.person, "bot", self.caller)
        self.funds = self.desk.funds
        number = self.funds.announce(self.person, "anna", "USDT", "500", self.caller)
        self.funds.confirm_deposit(self.person, number, self.caller)
        added = self.funds.add_address(self.person, "USDT", "tron", TRON, "cold", self.caller)
        self.address_id = added.address_id
        self.desk.tick(DAY_S)

    @property
    def caller(self):
        return self.desk.caller()

    def withdraw(self, amount="100", account="anna", asset="USDT"):
        asked = Asked(account, asset, amount, self.address_id)
        return self.funds.withdraw(self.person, asked, self.caller)

    def token(self):
        """Return the code of the newest mail."""
        text = self.desk.people.outbox.mails(self.person.person_id)[0].text
        return text.partition("code: ")[2].split()[0]

    def balance(self, name="anna", asset="USDT"):
        shown = self.desk.admin._shown(self.desk.admin.balance(name, self.desk.now_ns), name)
        return shown["balances"].get(asset, {"free": "0", "held": "0"})

    def state(self, number):
        return self.funds.transfer(self.person, number)["state"]

    def wait(self, time_ns):
        self.desk.tick(time_ns // 1_000_000_000)
        self.desk.exchange.step(self.desk.now_ns)

    def audit(self):
        exchange = self.desk.exchange
        found = audit(exchange, exchange.engine.snapshot())
        assert found.differences == []


@pytest.fixture
def anna():
    return Anna()


def declined(act, *arguments, **named):
    with pytest.raises(Declined) as error:
        act(*arguments, **named)
    return error.value


def test_a_withdrawal_is_held_confirmed_by_mail_and_leaves(anna):
    number = anna.withdraw()
    assert anna.state(number) == "awaiting_mail"
    assert anna.balance() == {"free": "400", "held": "100"}
    anna.audit()
    assert anna.funds.confirm_withdrawal(anna.person, anna.token(), anna.caller) == number
    assert anna.state(number) == "pending"
    anna.audit()
    anna.wait(WITHDRAWAL_LEAVES_NS)
    shown = anna.funds.transfer(anna.person, number)
    assert (shown["state"], shown["fee"], shown["arrives"]) == ("done", "1", "99")
    assert anna.balance() == {"free": "400", "held": "0"}
    anna.audit()


def test_a_mail_nobody_answers_cancels_the_withdrawal(anna):
    number, token = anna.withdraw(), anna.token()
    anna.wait(MAIL_EXPIRES_NS)
    assert anna.state(number) == "canceled"
    assert anna.balance() == {"free": "500", "held": "0"}
    assert declined(anna.funds.confirm_withdrawal, anna.person, token, anna.caller).code is (
        Decline.NOT_FOUND
    )


def test_nothing_leaves_once_the_second_factor_is_gone(anna):
    """Whoever took it away, and however the withdrawal was asked for."""
    number, token = anna.withdraw(), anna.token()
    anna.desk.personal.remove_totp(anna.person, anna.caller)
    refused = declined(anna.funds.confirm_withdrawal, anna.person, token, anna.caller)
    assert refused.code is Decline.TOTP_REQUIRED
    assert anna.state(number) == "awaiting_mail"
    anna.desk.enrol(anna.person)
    assert anna.funds.confirm_withdrawal(anna.person, token, anna.caller) == number


def test_an_expired_code_is_refused_before_the_step_that_cancels(anna):
    anna.withdraw()
    token = anna.token()
    anna.desk.tick(MAIL_EXPIRES_NS // 1_000_000_000)
    assert declined(anna.funds.confirm_withdrawal, anna.person, token, anna.caller).field == "token"


def test_a_code_is_good_once_and_for_its_owner_only(anna):
    anna.withdraw()
    token = anna.token()
    bert = anna.desk.sign_up("bert")
    assert declined(anna.funds.confirm_withdrawal, bert, token, anna.caller).field == "token"
    anna.funds.confirm_withdrawal(anna.person, token.upper() + "\n", anna.caller)
    assert declined(anna.funds.confirm_withdrawal, anna.person, token, anna.caller).field == "token"
    assert declined(anna.funds.confirm_withdrawal, anna.person, "", anna.caller).field == "token"


@pytest.mark.parametrize("is_confirmed", [False, True])
def test_nothing_leaves_to_an_address_that_was_removed(anna, is_confirmed):
    """Whether the mail was answered or not; the amount is free, and the person told."""
    other = anna.funds.add_address(anna.person, "USDT", "tron", "U" * 34, "", anna.caller)
    anna.desk.tick(DAY_S)
    kept = anna.funds.withdraw(
        anna.person, Asked("anna", "USDT", "50", other.address_id), anna.caller
    )
    gone = anna.withdraw()
    token = anna.token()
    if is_confirmed:
        anna.funds.confirm_withdrawal(anna.person, token, anna.caller)
    assert anna.funds.remove_address(anna.person, anna.address_id, anna.caller) == [gone]
    assert (anna.state(gone), anna.state(kept)) == ("canceled", "awaiting_mail")
    assert anna.balance() == {"free": "450", "held": "50"}
    told = anna.desk.people.outbox.mails(anna.person.person_id)[0]
    assert told.subject == "Withdrawal canceled"
    assert f"100 USDT to {TRON} was canceled" in told.text
    assert declined(anna.funds.confirm_withdrawal, anna.person, token, anna.caller).field == "token"
    anna.wait(WITHDRAWAL_LEAVES_NS)
    assert anna.state(gone) == "canceled"
    anna.audit()


def test_a_code_for_an_address_that_is_gone_cancels(anna):
    """A journal of an older exchange may have removed it alone."""
    number = anna.withdraw()
    record = AddressRemoved(anna.person.person_id, anna.address_id)
    anna.desk.personal.record(record, anna.caller)
    refused = declined(anna.funds.confirm_withdrawal, anna.person, anna.token(), anna.caller)
    assert refused.code is Decline.CONFLICT
    assert "in your book no longer" in str(refused)
    assert anna.state(number) == "canceled"
    assert anna.balance() == {"free": "500", "held": "0"}
    anna.audit()


@pytest.mark.parametrize("is_confirmed", [False, True])
def test_a_withdrawal_can_be_canceled_until_it_has_left(anna, is_confirmed):
    number = anna.withdraw()
    if is_confirmed:
        anna.funds.confirm_withdrawal(anna.person, anna.token(), anna.caller)
    anna.funds.cancel(anna.person, number, anna.caller, is_deposit=False)
    assert anna.state(number) == "canceled"
    assert anna.balance()["free"] == "500"
    anna.wait(WITHDRAWAL_LEAVES_NS)
    assert anna.state(number) == "canceled"
    again = declined(anna.funds.cancel, anna.person, number, anna.caller, is_deposit=False)
    assert again.code is Decline.CONFLICT


@pytest.mark.parametrize(
    ("changes", "code", "field"),
    [
        ({"amount": "500.01"}, Decline.INSUFFICIENT_BALANCE, "amount"),
        ({"amount": "1"}, Decline.INVALID, "amount"),  # the fee is as much
        ({"amount": "0"}, Decline.INVALID, "amount"),
        ({"amount": "-5"}, Decline.INVALID, "amount"),
        ({"amount": "ten"}, Decline.INVALID, "amount"),
        ({"amount": "1e-13"}, Decline.INVALID, "amount"),
        ({"amount": "1e40"}, Decline.INVALID, "amount"),
        ({"account": "alice"}, Decline.NOT_FOUND, "account"),
        ({"account": "anna.bot"}, Decline.INSUFFICIENT_BALANCE, "amount"),
        ({"asset": "DOGE"}, Decline.INVALID, "asset"),
        ({"asset": "BTC"}, Decline.INVALID, "address_id"),
    ],
)
def test_a_withdrawal_that_cannot_be_is_told_the_field(anna, changes, code, field):
    anna.desk.exchange.drain()
    error = declined(anna.withdraw, **changes)
    assert (error.code, error.field) == (code, field)
    assert not anna.desk.exchange.drain().records


def test_a_new_address_has_to_cool(anna):
    added = anna.funds.add_address(anna.person, "USDT", "solana", "S" * 40, "", anna.caller)
    asked = Asked("anna", "USDT", "100", added.address_id)
    error = declined(anna.funds.withdraw, anna.person, asked, anna.caller)
    assert error.code is Decline.COOLING
    anna.desk.tick(-(-error.retry_after_ns // 1_000_000_000))
    assert anna.funds.withdraw(anna.person, asked, anna.caller)


@pytest.mark.parametrize(
    ("asset", "network", "address", "label", "field"),
    [
        ("DOGE", "tron", TRON, "", "asset"),
        ("USDT", "bitcoin", TRON, "", "network"),
        ("USDT", "tron", "short", "", "address"),
        ("USDT", "tron", "x" * 129, "", "address"),
        ("USDT", "tron", "with a space in it", "", "address"),
        ("USDT", "tron", TRON[:-1], "a\nb", "label"),
        ("USDT", "tron", TRON[:-1], "x" * 81, "label"),
        ("USDT", "tron", TRON, "", None),  # there already
    ],
)
def test_an_address_that_cannot_be_is_told_the_field(anna, asset, network, address, label, field):
    error = declined(
        anna.funds.add_address, anna.person, asset, network, address, label, anna.caller
    )
    assert error.field == field


def test_a_deposit_arrives_by_itself_or_is_canceled(anna):
    first, second = (
        anna.funds.announce(anna.person, "anna", "BTC", "1", anna.caller) for _ in range(2)
    )
    assert anna.balance(asset="BTC")["free"] == "0"
    anna.funds.cancel(anna.person, second, anna.caller, is_deposit=True)
    anna.wait(DEPOSIT_ARRIVES_NS)
    assert (anna.state(first), anna.state(second)) == ("done", "canceled")
    assert anna.balance(asset="BTC")["free"] == "1"
    anna.audit()


def test_a_deposit_beyond_the_books_is_canceled_when_it_is_due(anna):
    most = "5000000000000000000000"
    numbers = [anna.funds.announce(anna.person, "anna", "BTC", most, anna.caller) for _ in "12"]
    anna.wait(DEPOSIT_ARRIVES_NS)
    assert [anna.state(number) for number in numbers] == ["done", "canceled"]
    anna.audit()


def test_a_move_is_both_or_neither_and_is_called_so(anna):
    anna.funds.move(anna.person, "anna", "anna.bot", "USDT", "200", anna.caller)
    assert (anna.balance()["free"], anna.balance("anna.bot")["free"]) == ("300", "200")
    for account_id in anna.person.account_ids:
        page = anna.desk.exchange.statements.page(account_id, limit=10)
        assert page.lines[-1].entry.kind.value == "move"
    anna.audit()
    move = anna.funds.move
    error = declined(move, anna.person, "anna", "anna.bot", "USDT", "301", anna.caller)
    assert error.code is Decline.INSUFFICIENT_BALANCE
    assert declined(move, anna.person, "anna", "alice", "USDT", "1", anna.caller).field == "to"
    assert declined(move, anna.person, "alice", "anna", "USDT", "1", anna.caller).field == "from"
    assert declined(move, anna.person, "anna", "anna", "USDT", "1", anna.caller).field == "to"


def test_transfers_under_way_are_bounded(anna):
    for _ in range(PENDING_MAX):
        anna.funds.announce(anna.person, "anna", "BTC", "1", anna.caller)
    assert declined(anna.withdraw).code is Decline.TOO_MANY
    error = declined(anna.funds.announce, anna.person, "anna", "BTC", "1", anna.caller)
    assert error.code is Decline.TOO_MANY


def test_every_fee_is_exact():
    from steelyard.domain.units import to_atoms

    fees = [fee for networks in NETWORKS.values() for fee in networks.values()]
    assert all(to_atoms(fee) > 0 for fee in fees)


WISHES = st.lists(
    st.tuples(
        st.sampled_from(["deposit", "withdraw", "confirm", "cancel", "move", "wait"]),
        st.sampled_from(["anna", "anna.bot", "alice"]),
        st.sampled_from(["1", "7.5", "120", "499.999999999999", "501"]),
        st.integers(0, 6),
    ),
    max_size=25,
)


@settings(max_examples=60)
@given(WISHES)
def test_whatever_people_wish_the_books_balance_and_a_restart_changes_nothing(wishes):
    anna = Anna()
    person, funds = anna.person, anna.funds
    for what, account, amount, number in wishes:
        try:
            match what:
                case "deposit":
                    funds.announce(person, account, "USDT", amount, anna.caller)
                case "withdraw":
                    anna.withdraw(amount, account)
                case "confirm":
                    if number % 2:
                        funds.confirm_deposit(person, number, anna.caller)
                    else:
                        funds.confirm_withdrawal(person, anna.token() or "none", anna.caller)
                case "cancel":
                    funds.cancel(person, number, anna.caller, is_deposit=bool(number % 2))
                case "move":
                    to = "anna" if account == "anna.bot" else "anna.bot"
                    funds.move(person, account, to, "USDT", amount, anna.caller)
                case _:
                    anna.wait(number * 60_000_000_000)
        except (Declined, IndexError):  # no mail with a code yet
            pass
        anna.audit()
    assert anna.desk.restored().snapshot() == anna.desk.exchange.snapshot()
    assert "alice" not in {t["account"] for t in funds.transfers(person)}
