"""The wallet over the real gate: a key alone moves nothing out here either."""

from urllib.parse import urlencode

import msgspec
import pytest

from steelyard.dialects.binance import DIALECT, LIMITS, auth, wallet
from steelyard.domain.messages import Scope
from steelyard.exchange.audit import audit
from steelyard.exchange.cashier import Cashier
from steelyard.exchange.funds import ADDRESS_COOLING_NS, MAIL_EXPIRES_NS, WITHDRAWAL_LEAVES_NS
from steelyard.exchange.gate import Gate
from steelyard.wire.dialect import ApiKey
from steelyard.wire.http import Request
from steelyard.wire.limits import UNLIMITED
from tests.shared.people_desk import HOME, PeopleDesk

TRON = "T" * 34
SECOND_NS = 1_000_000_000
APPLY, HISTORY = "withdraw/apply", "withdraw/history"


class Program:
    """Anna has 500 USDT, an address and a key that have cooled; no deposit is under way."""

    def __init__(self, limits=UNLIMITED) -> None:
        self.desk = PeopleDesk()
        self.anna = self.desk.sign_up("anna")
        self.desk.enrol(self.anna)
        funds = self.desk.funds
        number = funds.announce(self.anna, "anna", "USDT", "500", self.desk.caller())
        funds.confirm_deposit(self.anna, number, self.desk.caller())
        funds.add_address(self.anna, "USDT", "tron", TRON, "cold", self.desk.caller())
        self.exchange = self.desk.exchange
        cashier = Cashier(self.exchange, self.desk.personal)
        self.gate = Gate(self.exchange, DIALECT, limits, 0, cashier)
        self.key = self.new_key("anna", Scope.READ, Scope.WITHDRAW)
        self.wait(ADDRESS_COOLING_NS)

    def new_key(self, account: str, *scopes: Scope) -> ApiKey:
        made = self.desk.admin.create_key(
            account, dialect="binance", scopes=scopes, now_ns=self.desk.now_ns, ip=[HOME]
        )
        return ApiKey(made.key, made.secret.encode())

    def ask(self, path: str, *, method: str = "GET", key: ApiKey | None = None, **params):
        """Return status and answer; a POST has its parameters in a form."""
        key, now_ns = key or self.key, self.desk.tick()
        form = auth.signed_form(urlencode(params), key, now_ns)
        headers, path = {auth.KEY_HEADER: key.key}, f"/sapi/v1/capital/{path}"
        request = Request(method, f"{path}?{form}", headers, b"")
        if method == "POST":
            request = Request(method, path, headers, form.encode())
        response = self.gate.http(request, HOME, now_ns)
        return response.status, msgspec.json.decode(response.body)

    def withdraw(self, key: ApiKey | None = None, **changes):
        asked = {"coin": "USDT", "address": TRON, "amount": "100", "network": "TRX", **changes}
        sent = {name: text for name, text in asked.items() if text is not None}
        return self.ask(APPLY, method="POST", key=key, **sent)

    def history(self, **params):
        status, found = self.ask(HISTORY, **params)
        assert status == 200, found
        return found

    def coin(self, name: str):
        return next(c for c in self.ask("config/getall")[1] if c["coin"] == name)

    def confirm(self):
        text = self.desk.people.outbox.mails(self.anna.person_id)[0].text
        token = text.partition("code: ")[2].split()[0]
        self.desk.funds.confirm_withdrawal(self.anna, token, self.desk.caller())

    def wait(self, time_ns: int) -> None:
        self.desk.tick(time_ns // SECOND_NS)
        self.exchange.step(self.desk.now_ns)


@pytest.fixture
def program():
    return Program()


def test_a_withdrawal_goes_from_the_mail_to_its_end(program):
    """Statuses 0, 4 and 6; the amount is what arrives, the fee apart."""
    status, asked = program.withdraw(withdrawOrderId="payout-1")
    assert status == 200
    (record,) = program.history()
    assert record == {
        "id": asked["id"],
        "amount": "99.00000000",
        "transactionFee": "1.00000000",
        "coin": "USDT",
        "status": 0,
        "address": TRON,
        "addressTag": "",
        "txId": "",
        "applyTime": record["applyTime"],
        "network": "TRX",
        "transferType": 0,
        "withdrawOrderId": "payout-1",
        "info": "",
        "confirmNo": 0,
        "walletType": 0,
        "txKey": "",
    }
    held = program.coin("USDT")
    assert (held["free"], held["locked"], held["withdrawing"]) == (
        *("400.00000000", "0.00000000", "100.00000000"),
    )
    program.confirm()
    assert program.history()[0]["status"] == 4
    program.wait(WITHDRAWAL_LEAVES_NS)
    (record,) = program.history()
    assert (record["status"], record["txId"], record["confirmNo"]) == (6, asked["id"], 1)
    assert record["completeTime"] > record["applyTime"]
    gone = program.coin("USDT")
    assert (gone["free"], gone["withdrawing"]) == ("400.00000000", "0.00000000")
    assert audit(program.exchange, program.exchange.engine.snapshot()).differences == []


def test_without_the_mail_a_withdrawal_is_rejected(program):
    program.withdraw()
    program.wait(MAIL_EXPIRES_NS)
    assert program.history()[0]["status"] == 3
    assert program.coin("USDT")["free"] == "500.00000000"


def test_what_an_operator_opens_awaits_the_operator(program):
    from decimal import Decimal

    from steelyard.exchange.bookkeeping import OpenTransfers

    call = OpenTransfers("anna", {"USDT": Decimal(-5)})
    program.desk.admin.carry_out(call, program.desk.tick())
    (record,) = program.history()
    assert (record["status"], record["amount"], record["address"]) == (2, "5.00000000", "")


def test_the_same_withdrawal_again_is_the_first(program):
    first = program.withdraw(withdrawOrderId="once")
    assert program.withdraw(withdrawOrderId="once") == first
    status, refused = program.withdraw(withdrawOrderId="once", amount="101")
    assert (status, refused["code"]) == (400, -1130)
    assert len(program.history()) == 1


def test_without_a_network_it_is_the_one_of_the_address(program):
    assert program.withdraw(network=None)[0] == 200
    assert program.history()[0]["network"] == "TRX"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"address": "T" * 33}, -4035),
        ({"network": "ETH"}, -4035),
        ({"network": "NOPE"}, -4035),
        ({"coin": "BTC"}, -4035),
        ({"coin": "NOPE"}, -1130),
        ({"amount": "501"}, -2010),
        ({"amount": "1"}, -1130),
        ({"amount": "0"}, -1130),
        ({"amount": "0.000000001"}, -1111),
        ({"addressTag": "1"}, -4008),
        ({"address": None}, -1102),
    ],
)
def test_a_withdrawal_that_cannot_be_is_refused_and_holds_nothing(program, changes, code):
    status, refused = program.withdraw(**changes)
    assert (status, refused["code"]) == (400, code), refused
    assert program.history() == []
    assert program.coin("USDT")["free"] == "500.00000000"


def test_a_new_address_has_to_wait(program):
    fresh = "T" * 35
    program.desk.funds.add_address(
        program.anna, "USDT", "tron", fresh, "new", program.desk.caller()
    )
    status, refused = program.withdraw(address=fresh)
    assert (status, refused["code"]) == (400, -4036)


def test_a_withdrawal_wants_a_key_that_may_and_an_account_of_a_person(program):
    reader = program.new_key("anna", Scope.READ, Scope.TRADE)
    assert program.withdraw(reader)[1]["code"] == -2015
    cooling = program.new_key("anna", Scope.READ, Scope.WITHDRAW)
    assert program.withdraw(cooling)[1]["code"] == -2015
    nobodys = program.new_key("alice", Scope.READ, Scope.WITHDRAW)
    program.wait(ADDRESS_COOLING_NS)
    status, refused = program.withdraw(nobodys)
    assert (status, refused["code"]) == (400, -4015)
    assert "Sign up on the page" in refused["msg"]


def test_lists_are_newest_first_and_in_parts(program):
    ids = [program.withdraw(amount=str(10 + n), withdrawOrderId=f"w{n}")[1]["id"] for n in range(4)]
    newest = ids[::-1]

    def listed(**params):
        return [record["id"] for record in program.history(**params)]

    assert listed() == newest
    assert listed(limit=2) == newest[:2]
    assert listed(limit=2, offset=1) == newest[1:3]
    assert listed(withdrawOrderId="w1") == [ids[1]]
    assert listed(idList=f"{ids[0]},{ids[2]}") == [ids[2], ids[0]]
    assert listed(status=6) == []
    assert listed(coin="BTC") == []
    program.confirm()
    assert listed(status=4) == newest[:1]


def test_deposits_are_told_until_they_are_there(program):
    """Withdrawals are not among them, nor what came without being announced."""
    funds, desk = program.desk.funds, program.desk
    second = funds.announce(program.anna, "anna", "BTC", "0.5", desk.caller())
    third = funds.announce(program.anna, "anna", "BTC", "0.7", desk.caller())
    funds.cancel(program.anna, third, desk.caller(), is_deposit=True)
    program.withdraw()
    _, found = program.ask("deposit/hisrec")
    assert [(r["coin"], r["amount"], r["status"]) for r in found] == [
        ("BTC", "0.70000000", 2),
        ("BTC", "0.50000000", 0),
        ("USDT", "500.00000000", 1),
    ]
    assert (found[1]["confirmTimes"], found[2]["confirmTimes"]) == ("0/1", "1/1")
    assert "completeTime" not in found[1]
    assert program.ask("deposit/hisrec", coin="BTC", status=0)[1] == found[1:2]
    assert program.ask("deposit/hisrec", txId=str(second))[1] == found[1:2]
    later = program.ask("deposit/hisrec", startTime=found[1]["insertTime"])[1]
    assert later == found[:2]


def test_coins_have_the_exchanges_networks_fees_and_limits(program):
    """In the venue's spelling; a withdrawal of the least amount is taken, of less it is not."""
    usdt = program.coin("USDT")
    assert usdt["depositAllEnable"]
    assert usdt["withdrawAllEnable"]
    networks = {n["network"]: n for n in usdt["networkList"]}
    assert [(name, n["withdrawFee"]) for name, n in networks.items()] == [
        ("ETH", "4.00000000"),
        ("SOL", "1.00000000"),
        ("TRX", "1.00000000"),
    ]
    assert [n["isDefault"] for n in networks.values()] == [True, False, False]
    least = networks["TRX"]["withdrawMin"]
    assert least == "1.00000001"
    assert program.withdraw(amount=least)[0] == 200
    assert program.withdraw(amount="1.00000000")[0] == 400


@pytest.mark.parametrize(("ours", "theirs"), [("tron", "TRX"), ("wire", "WIRE"), ("x1", "X1")])
def test_a_network_has_one_name_at_the_venue(ours, theirs):
    assert (wallet.network_text(ours), wallet.network_of(theirs)) == (theirs, ours)


def test_an_address_for_deposits_says_that_it_is_a_pretence(program):
    status, told = program.ask("deposit/address", coin="USDT", network="TRX")
    assert status == 200
    assert told["address"].startswith("sandbox-tron-")
    assert (told["coin"], told["tag"], told["url"]) == ("USDT", "", "")
    assert program.ask("deposit/address", coin="USDT")[1]["address"].startswith("sandbox-ethereum")
    for wrong in ({"coin": "NOPE"}, {"coin": "USDT", "network": "BTC"}):
        assert program.ask("deposit/address", **wrong)[1]["code"] == -1130


def test_lists_of_withdrawals_are_limited_by_the_second():
    """10 a second: what the venue's weights come to."""
    program = Program(LIMITS)
    statuses = []
    for _ in range(11):
        program.desk.now_ns -= SECOND_NS
        statuses.append(program.ask(HISTORY)[0])
    assert statuses == [200] * 10 + [429]
