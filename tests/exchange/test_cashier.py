"""Withdrawals by API key, through the gate: a key alone moves nothing out."""

import json

import pytest
from desk import PlainSeal
from hypothesis import given, settings
from hypothesis import strategies as st
from people_desk import HOME, PeopleDesk

from steelyard.dialects.native import DIALECT, auth
from steelyard.domain.messages import Scope
from steelyard.domain.transfers import AddressBookQuery
from steelyard.engine.reference import ReferenceEngine
from steelyard.exchange.audit import audit
from steelyard.exchange.cashier import Cashier
from steelyard.exchange.exchange import Exchange
from steelyard.exchange.funds import (
    ADDRESS_COOLING_NS,
    MAIL_EXPIRES_NS,
    PENDING_MAX,
    WITHDRAWAL_LEAVES_NS,
)
from steelyard.exchange.gate import Gate
from steelyard.exchange.records import codec
from steelyard.wire.dialect import ApiKey
from steelyard.wire.http import Request
from steelyard.wire.limits import UNLIMITED

TRON = "T" * 34
SECOND_NS = 1_000_000_000
ALL = (Scope.READ, Scope.WITHDRAW)
WITHDRAWALS = "/api/v1/withdrawals"


class Program:
    """Anna has 500 USDT, a sub-account with 50, and an address and a key that have cooled."""

    def __init__(self) -> None:
        self.desk = PeopleDesk()
        self.anna = self.desk.sign_up("anna")
        self.desk.enrol(self.anna)
        self.desk.personal.open_sub_account(self.anna, "bot", self.desk.caller())
        for account, amount in (("anna", "500"), ("anna.bot", "50")):
            funds, caller = self.desk.funds, self.desk.caller()
            number = funds.announce(self.anna, account, "USDT", amount, caller)
            funds.confirm_deposit(self.anna, number, self.desk.caller())
        self.address_id = self.new_address()
        self.exchange = self.desk.exchange
        cashier = Cashier(self.exchange, self.desk.personal)
        self.gate = Gate(self.exchange, DIALECT, UNLIMITED, 0, cashier)
        self.key = self.new_key("anna", *ALL)
        self.desk.tick(ADDRESS_COOLING_NS // SECOND_NS)

    def new_key(self, account: str, *scopes: Scope) -> ApiKey:
        made = self.desk.admin.create_key(
            account, dialect="native", scopes=scopes, now_ns=self.desk.now_ns, ip=[HOME]
        )
        return ApiKey(made.key, made.secret.encode())

    def new_address(self) -> int:
        caller = self.desk.caller()
        added = self.desk.funds.add_address(self.anna, "USDT", "tron", TRON, "cold", caller)
        return added.address_id

    def ask(self, method, target, body=None, key=None):
        """Return the status and the answer, or the refusal's code."""
        raw = b"" if body is None else json.dumps(body).encode()
        now_ns = self.desk.tick()
        headers = auth.signed_headers(key or self.key, method, target, raw, now_ns)
        response = self.gate.http(Request(method, target, headers, raw), HOME, now_ns)
        answer = json.loads(response.body)
        if "error" in answer:
            self.error = answer["error"]
            return response.status, self.error["code"]
        return response.status, answer

    def withdraw(self, key=None, **changes):
        body = {"asset": "USDT", "amount": "100", "address_id": self.address_id, **changes}
        sent = {name: value for name, value in body.items() if value is not None}
        return self.ask("POST", WITHDRAWALS, sent, key)

    def balances(self):
        return {b["asset"]: b for b in self.ask("GET", "/api/v1/account")[1]["balances"]}

    def usdt(self):
        balance = self.balances()["USDT"]
        return balance["free"], balance["held"]

    def mail(self):
        return self.desk.people.outbox.mails(self.anna.person_id)[0].text

    def confirm(self):
        token = self.mail().partition("code: ")[2].split()[0]
        return self.desk.funds.confirm_withdrawal(self.anna, token, self.desk.caller())

    def wait(self, time_ns):
        self.desk.tick(time_ns // SECOND_NS)
        self.exchange.step(self.desk.now_ns)

    def audit(self):
        assert audit(self.exchange, self.exchange.engine.snapshot()).differences == []


@pytest.fixture
def program():
    return Program()


def test_a_withdrawal_waits_for_its_owner_and_then_leaves(program):
    """Held at once, named in the mail, gone only after the mail's code came back."""
    status, asked = program.withdraw(client_withdrawal_id="payout-1")
    assert status == 200
    assert (asked["state"], asked["fee"], asked["address"]) == ("awaiting_mail", "1", TRON)
    assert (asked["kind"], asked["amount"], asked["due"]) == ("withdrawal", "100", None)
    assert program.usdt() == ("400", "100")
    program.audit()
    assert f"Your API key {program.key.key} asked to withdraw 100 USDT" in program.mail()
    assert program.desk.people.activity(program.anna.person_id)[0].about.endswith(program.key.key)
    assert program.confirm() == asked["transfer_id"]
    (shown,) = program.ask("GET", WITHDRAWALS)[1]["withdrawals"]
    assert (shown["state"], shown["client_withdrawal_id"]) == ("pending", "payout-1")
    program.audit()
    program.wait(WITHDRAWAL_LEAVES_NS)
    assert program.ask("GET", WITHDRAWALS)[1]["withdrawals"][0]["state"] == "done"
    assert program.usdt() == ("400", "0")
    program.audit()


def test_without_the_mail_nothing_leaves(program):
    """However long one waits: the amount comes back."""
    program.withdraw()
    program.wait(MAIL_EXPIRES_NS)
    assert program.ask("GET", WITHDRAWALS)[1]["withdrawals"][0]["state"] == "canceled"
    assert program.usdt() == ("500", "0")
    program.audit()


def test_a_key_needs_the_scope_and_has_to_cool(program):
    """B10: a reader or trader gets 403; so does a withdrawer on its first day."""
    for method, target in (("POST", WITHDRAWALS), ("DELETE", f"{WITHDRAWALS}/1")):
        body = {} if method == "POST" else None
        for scopes in ((Scope.READ,), (Scope.TRADE,), (Scope.READ, Scope.TRADE)):
            key = program.new_key("anna", *scopes)
            assert program.ask(method, target, body, key) == (403, "MISSING_SCOPE")
        young = program.new_key("anna", *ALL)
        assert program.ask(method, target, body, young) == (403, "WITHDRAW_COOLING")
    assert program.ask("GET", WITHDRAWALS, key=program.new_key("anna", Scope.WITHDRAW)) == (
        403,
        "MISSING_SCOPE",
    )
    assert program.usdt() == ("500", "0")


def test_an_account_without_a_person_is_told_to_sign_up(program):
    """An administrator's account has nobody who could confirm."""
    key = program.new_key("alice", *ALL)
    program.desk.tick(ADDRESS_COOLING_NS // SECOND_NS)
    assert program.withdraw(key) == (403, "PERSON_REQUIRED")
    assert "Sign up on the page" in program.error["message"]
    assert program.ask("DELETE", f"{WITHDRAWALS}/1", key=key) == (403, "PERSON_REQUIRED")
    assert program.ask("GET", WITHDRAWALS, key=key)[1]["withdrawals"] == []
    program.audit()


def test_a_person_without_a_second_factor_is_told_to_enrol(program):
    """As on the page: one password more is not enough."""
    program.desk.personal.remove_totp(program.anna, program.desk.caller())
    assert program.withdraw() == (403, "PERSON_REQUIRED")
    assert "second factor" in program.error["message"]


@pytest.mark.parametrize(
    ("changes", "status", "code", "field"),
    [
        ({"amount": "500.01"}, 400, "INSUFFICIENT_BALANCE", "amount"),
        ({"amount": "1"}, 400, "MALFORMED", "amount"),  # the fee is as much
        ({"amount": "0"}, 400, "MALFORMED", "amount"),
        ({"amount": "-5"}, 400, "MALFORMED", "amount"),
        ({"amount": "1e-30"}, 400, "MALFORMED", "amount"),
        ({"amount": "1e99"}, 400, "MALFORMED", "amount"),
        ({"amount": 5}, 400, "MALFORMED", "amount"),
        ({"asset": "BTC"}, 400, "MALFORMED", "address_id"),
        ({"asset": "DOGE"}, 400, "MALFORMED", "asset"),
        ({"asset": "usdt"}, 400, "MALFORMED", "asset"),
        ({"address_id": 99}, 404, "UNKNOWN_ADDRESS", "address_id"),
        ({"address_id": None}, 400, "MALFORMED", "address_id"),
        ({"client_withdrawal_id": "a b"}, 400, "MALFORMED", "client_withdrawal_id"),
        ({"address": TRON}, 400, "MALFORMED", "address"),
    ],
)
def test_a_bad_wish_is_refused_by_name_and_moves_nothing(program, changes, status, code, field):
    assert program.withdraw(**changes) == (status, code)
    assert program.error["field"] == field
    assert program.usdt() == ("500", "0")
    program.audit()


def test_a_new_address_has_to_cool(program):
    """B11: also for a key that has cooled long ago."""
    program.desk.funds.remove_address(program.anna, program.address_id, program.desk.caller())
    program.address_id = program.new_address()
    assert program.withdraw() == (403, "ADDRESS_COOLING")
    program.desk.tick(ADDRESS_COOLING_NS // SECOND_NS)
    assert program.withdraw()[0] == 200


def test_sent_twice_it_withdraws_once(program):
    """The same name and wish gets the first answer, another wish 409; so after a restart."""
    _, first = program.withdraw(client_withdrawal_id="one")
    _, again = program.withdraw(client_withdrawal_id="one")
    assert again == first
    assert program.withdraw(client_withdrawal_id="one", amount="7") == (
        409,
        "DUPLICATE_CLIENT_WITHDRAWAL_ID",
    )
    assert program.usdt() == ("400", "100")
    program.ask("DELETE", f"{WITHDRAWALS}/{first['transfer_id']}")
    assert program.withdraw(client_withdrawal_id="one")[1]["state"] == "canceled"
    restored = program.desk.restored()
    fundings = restored.people.get(program.anna.person_id).fundings
    assert fundings[first["transfer_id"]].client_withdrawal_id == "one"


def test_its_records_replay_to_the_same_state(program):
    """What the key asked is in the journal like what a person asks, and the mail's code is not."""
    program.withdraw(client_withdrawal_id="one")
    journal = codec()
    copy = Exchange(ReferenceEngine(), None, PlainSeal())
    for sequence, (time_ns, message) in enumerate(program.exchange.drain().records, 1):
        copy.replay(journal.decode(sequence, journal.encode(message, time_ns)))
    assert copy.engine.state_hash() == program.exchange.engine.state_hash()
    assert copy.people.snapshot() == program.exchange.people.snapshot()


def test_a_withdrawal_can_be_canceled_until_it_has_left(program):
    _, asked = program.withdraw()
    target = f"{WITHDRAWALS}/{asked['transfer_id']}"
    status, ended = program.ask("DELETE", target)
    assert (status, ended["state"]) == (200, "canceled")
    assert program.usdt() == ("500", "0")
    assert program.ask("DELETE", target) == (404, "UNKNOWN_TRANSFER")
    assert program.ask("DELETE", f"{WITHDRAWALS}/999") == (404, "UNKNOWN_TRANSFER")
    assert program.ask("DELETE", f"{WITHDRAWALS}/1") == (404, "UNKNOWN_TRANSFER")  # a deposit
    program.audit()


def test_a_key_reaches_its_own_account_only(program):
    """A sub-account's key neither sees nor cancels what another account withdraws."""
    _, asked = program.withdraw(client_withdrawal_id="one")
    bot = program.new_key("anna.bot", *ALL)
    program.desk.tick(ADDRESS_COOLING_NS // SECOND_NS)
    assert program.ask("GET", WITHDRAWALS, key=bot)[1]["withdrawals"] == []
    target = f"{WITHDRAWALS}/{asked['transfer_id']}"
    assert program.ask("DELETE", target, key=bot) == (404, "UNKNOWN_TRANSFER")
    assert program.withdraw(bot, client_withdrawal_id="one", amount="50")[0] == 200
    assert program.withdraw(bot, amount="50") == (400, "INSUFFICIENT_BALANCE")
    program.audit()


def test_only_so_many_are_under_way_at_once(program):
    for _ in range(PENDING_MAX):
        assert program.withdraw(amount="2")[0] == 200
    assert program.withdraw(amount="2") == (400, "TOO_MANY_TRANSFERS")
    program.audit()


def test_an_exchange_that_writes_to_nobody_withdraws_nothing(program):
    """Other ways of building a gate fail closed."""
    program.gate = Gate(program.exchange, DIALECT, UNLIMITED)
    assert program.withdraw() == (400, "UNSUPPORTED")


steps = st.lists(
    st.sampled_from(["ask", "ask named", "confirm", "cancel", "wait", "expire"]), max_size=12
)


@settings(max_examples=15, deadline=None)
@given(steps=steps)
def test_whatever_happens_the_books_balance(steps):
    """And what has left was confirmed: no more is gone than mails were answered."""
    program = Program()
    confirmed = 0
    open_ids: list[int] = []
    for step in steps:
        if step.startswith("ask"):
            name = f"n{len(open_ids)}" if step == "ask named" else None
            status, asked = program.withdraw(amount="30", client_withdrawal_id=name)
            open_ids += [asked["transfer_id"]] if status == 200 else []
        elif step == "confirm" and open_ids:
            waiting = program.anna.fundings[open_ids[-1]]
            if waiting.token_hash and not waiting.is_ended:
                confirmed += program.confirm() in program.anna.fundings
        elif step == "cancel" and open_ids:
            program.ask("DELETE", f"{WITHDRAWALS}/{open_ids.pop()}")
        elif step == "wait":
            program.wait(WITHDRAWAL_LEAVES_NS)
        elif step == "expire":
            program.wait(MAIL_EXPIRES_NS)
        program.audit()
        balance = program.balances()["USDT"]
        assert 500 - float(balance["free"]) - float(balance["held"]) <= 30 * confirmed


def test_a_transfer_is_listed_with_what_its_owner_said(program):
    """Deposits and withdrawals of the key's own account, by asset, span and page."""
    _, asked = program.withdraw(client_withdrawal_id="payout-1")
    target = "/api/v1/transfers"
    deposit, withdrawal = program.ask("GET", target)[1]["transfers"]
    assert (deposit["kind"], deposit["amount"], deposit["state"]) == ("deposit", "500", "done")
    assert withdrawal == asked
    assert program.ask("GET", f"{target}?asset=BTC")[1]["transfers"] == []
    assert program.ask("GET", f"{target}?asset=DOGE") == (400, "MALFORMED")
    assert "there are: BTC, USDT" in program.error["message"]
    late = program.ask("GET", f"{target}?start={deposit['opened'] + 1}")[1]["transfers"]
    assert late == [withdrawal]
    first = program.ask("GET", f"{target}?limit=1&start=0")[1]
    assert first["transfers"] == [deposit]
    assert first["previous"] is None
    assert program.ask("GET", f"{target}?cursor={first['next']}")[1]["transfers"] == [withdrawal]
    # A cursor is good for its own list only.
    wrong = program.ask("GET", f"{WITHDRAWALS}?cursor={first['next']}")
    assert wrong == (400, "MALFORMED")


def test_a_statement_ends_in_what_is_there(program):
    """The last balance of each asset is free and held together, whatever moved before it."""
    program.withdraw()
    program.confirm()
    program.wait(WITHDRAWAL_LEAVES_NS)
    program.withdraw(amount="20")
    program.desk.funds.move(program.anna, "anna", "anna.bot", "USDT", "5", program.desk.caller())
    entries = program.ask("GET", "/api/v1/statement")[1]["entries"]
    told = [(e["kind"], e["amount"], e["balance"]) for e in entries]
    assert told == [
        ("deposit", "500", "500"),
        ("withdrawal", "-100", "400"),
        ("move", "-5", "395"),
    ]
    assert program.usdt() == ("375", "20")
    assert [e["entry_id"] for e in entries] == [1, 2, 3]
    listed = [t["transfer_id"] for t in program.ask("GET", "/api/v1/transfers")[1]["transfers"]]
    assert [e["transfer_id"] for e in entries[:2]] == listed[:2]
    assert entries[2]["transfer_id"] is None


def test_an_owners_address_book_is_told_with_when_an_address_is_good(program):
    cashier = Cashier(program.exchange, program.desk.personal)
    account_id = program.exchange.keys.find(program.key.key).created.account_id
    book = cashier.carry_out(AddressBookQuery(account_id), "", program.desk.caller())
    (kept,) = book.addresses
    assert (kept.address, kept.network) == (TRON, "tron")
    assert kept.usable_ns <= program.desk.now_ns
    assert cashier.carry_out(AddressBookQuery(9_999), "", program.desk.caller()).addresses == ()
