import pytest

from steelyard.dialects.kraken import DIALECT
from steelyard.dialects.kraken.text import id_text
from steelyard.exchange.cashier import Cashier
from steelyard.exchange.funds import ADDRESS_COOLING_NS
from steelyard.exchange.gate import Gate
from steelyard.wire.limits import UNLIMITED
from tests.dialects.kraken.venue import Venue
from tests.shared.people_desk import PeopleDesk


def test_ways_in_and_out_have_their_fees(venue):
    (way,) = venue.result("DepositMethods", asset="XBT")
    assert (way["method"], way["gen-address"]) == ("Bitcoin", True)
    (out,) = venue.result("WithdrawMethods", asset="XXBT")
    assert (out["asset"], out["method"]) == ("XXBT", "Bitcoin")
    info = venue.result("WithdrawInfo", {"asset": "XBT", "key": "mine", "amount": "1"})
    assert float(info["amount"]) + float(info["fee"]) == pytest.approx(1)
    assert info["limit"] == "100.0000000000"


def test_an_address_is_told_for_deposits(venue):
    (address,) = venue.result("DepositAddresses", asset="XBT", method="Bitcoin")
    assert address["address"].startswith("sandbox-bitcoin-")
    assert venue.error("DepositAddresses", asset="NONE", method="x") == "EFunding:Unknown asset"


@pytest.mark.parametrize(
    ("route", "params", "error"),
    [
        ("DepositMethods", {}, "EGeneral:Invalid arguments:asset"),
        ("DepositMethods", {"asset": "NONE"}, "EFunding:Unknown asset"),
        ("WithdrawInfo", {"asset": "XBT", "key": "a", "amount": "0"}, "EFunding:Amount too small"),
        ("DepositStatus", {"limit": 0}, "EGeneral:Invalid arguments:limit"),
        ("Withdraw", {"asset": "XBT", "key": "a", "amount": "1"}, "EGeneral:Permission denied"),
    ],
)
def test_what_cannot_be_is_told_so(venue, route, params, error):
    assert venue.error(route, params) == error


def test_nobody_withdraws_who_has_not_signed_up(venue):
    """Nor cancels what is not there, nor moves what is in one wallet."""
    key = venue.key("alice", scopes=("read", "withdraw"), ip=("127.0.0.1",))
    venue.desk.now_ns += 49 * 3_600 * 10**9
    asked = {"asset": "XBT", "key": "mine", "amount": "1"}
    assert venue.error("Withdraw", asked, key) == "EGeneral:Invalid arguments"
    gone = {"asset": "XBT", "refid": "what"}
    assert venue.error("WithdrawCancel", gone, key) == "EFunding:Unknown reference id"
    gone = {"asset": "XBT", "refid": id_text("F", 9)}
    assert venue.error("WithdrawCancel", gone, key) == "EGeneral:Invalid arguments"
    moved = {"asset": "XBT", "amount": "1", "from": "Spot Wallet", "to": "Futures Wallet"}
    assert venue.error("WalletTransfer", moved, key) == "EFunding:Failed"
    assert venue.result("WithdrawStatus") == []


def test_deposits_are_listed(venue):
    assert venue.result("DepositStatus", asset="XBT") == []


class Signed(Venue):
    """Anna has signed up, with an address that has cooled and one that has not."""

    def __init__(self) -> None:
        super().__init__()
        self.desk = PeopleDesk()
        anna = self.desk.sign_up("anna")
        self.desk.enrol(anna)
        for number, label in enumerate(("cold", "new")):
            address = str(number) * 34
            self.desk.funds.add_address(anna, "USDT", "tron", address, label, self.desk.caller())
            self.desk.now_ns += ADDRESS_COOLING_NS * (1 - number)
        cashier = Cashier(self.desk.exchange, self.desk.personal)
        self.gate = Gate(self.desk.exchange, DIALECT, UNLIMITED, 0, cashier)
        self.alice = self.key("anna")


def test_addresses_are_told_by_their_names(venue):
    assert venue.result("WithdrawAddresses") == []
    signed = Signed()
    told = signed.result("WithdrawAddresses", asset="USDT")
    assert [(a["key"], a["verified"]) for a in told] == [("cold", True), ("new", False)]
    assert told[0] == {
        "address": "0" * 34,
        "asset": "USDT",
        "method": "Tron",
        "key": "cold",
        "verified": True,
    }
    assert signed.result("WithdrawAddresses", asset="XBT") == []
    for params in ({"verified": "true"}, {"key": "cold"}):
        assert signed.result("WithdrawAddresses", params) == told[:1]
