"""Balances, fees, rights and what has moved, as a foreign client reads them."""

from steelyard.dialects.weex import account, account_messages
from steelyard.domain.messages import Scope


def test_an_account_tells_balances_fees_and_rights(venue):
    venue.place()
    told = venue.get("/api/v3/account/")
    usdt = next(each for each in told["balances"] if each["asset"] == "USDT")
    assert usdt["locked"] == "500"
    assert (told["makerCommission"], told["commissionRates"]["taker"]) == (10, "0.001")
    assert (told["canTrade"], told["permissions"]) == (True, ["SPOT_TRADING"])
    reader = venue.new_key("alice", Scope.READ)
    told = venue.get("/api/v3/account/", key=reader)
    assert (told["canTrade"], told["permissions"]) == (False, [])
    assert venue.call("GET", "/api/v3/account")[0] == 404, "the path ends with a slash"


def test_what_a_key_may_do_goes_by_permissions_alone():
    """`canWithdraw` is the account's; words that we do not know are told as they are."""
    told = account_messages.Account(
        makerCommission=10,
        takerCommission=10,
        commissionRates=account_messages.CommissionRates("0.001", "0.001"),
        canTrade=True,
        canWithdraw=True,
        canDeposit=True,
        permissions=("SPOT_TRADING", "FUTURES_TRADING"),
        balances=(),
        uid=1,
    )
    key = account.key_from_wire(told, "k")
    assert (key.scopes, key.others) == ({Scope.READ, Scope.TRADE}, ("FUTURES_TRADING",))


def test_bills_tell_what_has_moved_newest_first(venue):
    venue.place(venue.other_key, side="SELL")
    venue.place()
    bills = venue.call("POST", "/api/v3/account/bills", {})[1]
    assert [int(bill["billId"]) for bill in bills] == sorted(
        (int(bill["billId"]) for bill in bills), reverse=True
    )
    traded = [(b["coinName"], b["bizType"], b["deltaAmount"]) for b in bills if b["fees"] == "0"]
    assert ("USDT", "trade_out", "-500") in traded
    assert ("BTC", "trade_in", "0.01") in traded
    (fee,) = (bill for bill in bills if bill["fees"] != "0")
    assert (fee["coinName"], fee["deltaAmount"]) == ("BTC", "-0.00001")
    coin = fee["coinId"]
    own = venue.call("POST", "/api/v3/account/bills", {"coinId": coin, "limit": 1})[1]
    assert own == bills[:1] or own[0]["coinName"] == "BTC"
    status, told = venue.call("POST", "/api/v3/account/bills", {"coinId": 999})
    assert (status, told["code"]) == (400, -1140)
    for method, path in (("POST", "fundingBills"), ("GET", "transferRecords")):
        body = {} if method == "POST" else None
        assert venue.call(method, f"/api/v3/account/{path}", body)[1] == []


def test_a_reader_cannot_trade(venue):
    reader = venue.new_key("alice", Scope.READ)
    status, told = venue.try_to_place(reader)
    assert (status, told["code"]) == (403, -1052)
