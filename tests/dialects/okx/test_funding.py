from decimal import Decimal

import pytest

from tests.dialects.okx.venue import PAIR


@pytest.fixture
def traded(venue):
    """Bob has sold 0.01 of his BTC to alice at 50,000, who has as much on hold."""
    venue.place()
    venue.place(venue.bob, side="sell")
    venue.place(px="50000")
    return venue


def test_what_orders_hold_cannot_be_moved_out(traded):
    rows = {row["ccy"]: row for row in traded.rows("account/max-withdrawal")}
    (usdt,) = traded.rows("account/balance", ccy="USDT")[0]["details"]
    assert rows["USDT"]["maxWd"] == usdt["availBal"] != usdt["cashBal"]
    (other,) = traded.rows("account/max-withdrawal", ccy="ETH")
    assert (other["ccy"], other["maxWd"]) == ("ETH", "0")


def test_an_account_is_worth_what_it_has_once(traded):
    """In BTC unless something else is named; the funding account is the same, and not counted."""
    (balance,) = traded.rows("account/balance")
    (dollars,) = traded.rows("asset/asset-valuation", ccy="USDT")
    assert dollars["totalBal"] == balance["totalEq"]
    assert dollars["details"] == {
        "trading": balance["totalEq"],
        **dict.fromkeys(("funding", "classic", "earn"), "0"),
    }
    (coins,) = traded.rows("asset/asset-valuation")
    assert Decimal(coins["totalBal"]) * 50_000 == Decimal(balance["totalEq"])
    assert traded.get("asset/asset-valuation", traded.alice, ccy="XYZ")["code"] == "51000"


def test_there_is_no_risk_but_what_one_has(traded):
    (risk,) = traded.rows("account/account-position-risk")
    assert risk["posData"] == []
    assert {row["ccy"] for row in risk["balData"]} == {"BTC", "USDT"}


def test_deposits_are_movements_of_the_funding_account_and_trades_are_not(traded):
    traded.desk.admin.deposit("alice", {"USDT": Decimal(5)}, traded.desk.now_ns)
    rows = traded.rows("asset/bills", ccy="USDT")
    assert (rows[0]["type"], rows[0]["balChg"]) == ("1", "5")
    assert {row["type"] for row in rows} == {"1"}
    assert len(traded.rows("asset/bills", limit="1")) == 1
    assert traded.rows("asset/bills", type="2") == []
    told = traded.get("asset/transfer-state", traded.alice, transId="5")
    assert (told["code"], "there is one" in told["help"]) == ("50062", True)


def test_a_filter_looks_further_than_a_page(traded):
    """What is asked for is found, however much else has moved since."""
    rows = traded.rows("account/bills", type="1", limit="1")
    assert [row["type"] for row in rows] == ["1"]
    assert traded.rows("account/bills", limit="1")[0]["instId"] == PAIR
